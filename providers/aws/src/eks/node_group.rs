//! `aws_eks_node_group`: plan, read, find, apply.

use async_trait::async_trait;
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, Issue, Nodegroup as LiveGroup, NodegroupScalingConfig, NodegroupStatus,
};
use strata_model::Value;
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::ResourceSchema;

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::eks::node_group_change::{self, limits_request, taints_request, template_request};
use crate::eks::node_group_schema::{self, NodeGroup, Scaling, Taint, Template, UpdateLimits};
use crate::eks::updates::{self, Part, Subject};
use crate::eks::upgrade::{self, Versioned};
use crate::eks::{NODE_GROUP_INTERVAL, tagging};
use crate::error::hints;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};

const VERSIONED: Versioned = Versioned {
    version: "version",
    build: "release_version",
    keeps_build: false,
    downgrade: "Node groups have no downgrade: make a new one of the older version instead.",
};

/// `aws_eks_node_group`.
#[derive(Debug)]
pub(crate) struct NodeGroups;

#[async_trait]
impl ResourceType for NodeGroups {
    type Object = NodeGroup;
    const NAME: &'static str = node_group_schema::NAME;

    fn schema(&self) -> ResourceSchema {
        node_group_schema::schema()
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        node_group_schema::validate(checks);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let names = change
            .planned_text("cluster_name")
            .zip(change.planned_text("node_group_name"));
        if let Some((cluster, name)) = names {
            change.set("id", id_of(cluster, name).into());
        }
        change.forget_missing(&["arn"]);
        if change.prior.is_some() && change.prior_text("status") != Some("ACTIVE") {
            change.forget("status");
            change.forget_missing(&["version", "release_version"]);
        }
        if change.prior.is_none() && is_unnamed(change.config) {
            let message = "launch_template must have either id or name";
            return Err(ProviderError::new(ProviderErrorKind::Invalid, message));
        }
        plan_template(change);
        if change.replaces() {
            return Ok(());
        }
        upgrade::plan(change, &VERSIONED)
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<NodeGroup>],
    ) -> Vec<Result<Option<Seen<NodeGroup>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let (cluster, name) = parts(&wanted.id)?;
            let live = describe(cloud, cluster, name).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<NodeGroup>,
    ) -> Result<Vec<Found<NodeGroup>>, Failure> {
        let (cluster, name) = (&lost.planned.cluster_name, &lost.planned.node_group_name);
        let live = describe(cloud, cluster, name).await?;
        let found = live.map(|live| Found {
            id: id_of(cluster, name),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(&lost.planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &NodeGroup) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let taints = planned.taint.as_ref().filter(|taints| !taints.is_empty());
        let call = eks
            .create_nodegroup()
            .cluster_name(&planned.cluster_name)
            .nodegroup_name(&planned.node_group_name)
            .node_role(&planned.node_role_arn)
            .set_subnets(Some(planned.subnet_ids.iter().cloned().collect()))
            .scaling_config(scaling_request(&planned.scaling_config))
            .set_update_config(planned.update_config.as_ref().map(limits_request))
            .set_instance_types(planned.instance_types.clone())
            .set_ami_type(planned.ami_type.as_deref().map(AmiTypes::from))
            .set_capacity_type(planned.capacity_type.as_deref().map(CapacityTypes::from))
            .set_disk_size(planned.disk_size)
            .set_launch_template(planned.launch_template.as_ref().map(template_request))
            .set_labels(
                planned
                    .labels
                    .clone()
                    .map(|labels| labels.into_iter().collect()),
            )
            .set_taints(taints.map(taints_request))
            .set_version(planned.version.clone())
            .set_release_version(planned.release_version.clone())
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("CreateNodegroup", call.send()).await?;
        Ok(id_of(&planned.cluster_name, &planned.node_group_name))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, NodeGroup>,
    ) -> Result<NodeGroup, Failure> {
        let (cluster, name) = parts(target.id)?;
        let planned = target.planned;
        let subject = Subject {
            cluster,
            part: Part::NodeGroup(name),
        };
        let mut live = until_active(step, subject, name).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = live.nodegroup_arn().unwrap_or_default();
        let mut changed = tagging::converge(step, arn, (live.tags(), &wanted)).await?;
        // First the version: EKS does not take it together with the rest.
        if let Some(change) = node_group_change::version(&live, planned) {
            updates::finish(step, subject, change.send(step, subject, name).await).await?;
            live = until_active(step, subject, name).await?;
            changed = true;
        }
        if let Some(change) = node_group_change::config(&live, target) {
            updates::finish(step, subject, change.send(step, subject, name).await).await?;
            changed = true;
        }
        if changed {
            let is_settled = |live: &LiveGroup| {
                live.status() == Some(&NodegroupStatus::Active)
                    && node_group_change::version(live, planned).is_none()
                    && node_group_change::same_config(live, planned)
                    && tagging::are(live.tags(), &wanted)
            };
            let what = format!("node group {name} of {cluster}");
            let look = || describe(step.cloud, cluster, name);
            live = step.until(&what, look, is_settled).await?;
        }
        Ok(see(step.cloud, &live, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &NodeGroup) -> Result<(), Failure> {
        let (cluster, name) = parts(id)?;
        let Some(live) = describe(step.cloud, cluster, name).await? else {
            return Ok(());
        };
        if live.status() != Some(&NodegroupStatus::Deleting) {
            let eks = &step.clients().await?.eks;
            let call = eks
                .delete_nodegroup()
                .cluster_name(cluster)
                .nodegroup_name(name);
            found(step.change("DeleteNodegroup", call.send()).await)?;
        }
        let look = || async move {
            let Some(live) = describe(step.cloud, cluster, name).await? else {
                return Ok(Progress::Done(()));
            };
            match live.status() {
                Some(NodegroupStatus::DeleteFailed) => Err(failed(&live)),
                status => Ok(Progress::Pending(words(status))),
            }
        };
        let what = format!("node group {name} of {cluster}");
        step.wait(&what, NODE_GROUP_INTERVAL, look).await
    }
}

/// EKS keeps a node group with a template, or without: neither is given or taken away later.
fn plan_template(change: &mut Change<'_>) {
    let Some(before) = change.prior.and_then(|prior| prior.get("launch_template")) else {
        return;
    };
    let after = change.planned().get("launch_template");
    if after.is_some_and(|after| after.is_null() != before.is_null()) {
        change.replace("launch_template");
    }
    // The image that a template brings is the release.
    if change.changes("launch_template") && change.prior_text("ami_type") == Some("CUSTOM") {
        change.forget("release_version");
    }
}

fn id_of(cluster: &str, name: &str) -> String {
    format!("{cluster}:{name}")
}

/// Cluster and name of an id. Neither can hold a colon.
fn parts(id: &str) -> Result<(&str, &str), Failure> {
    id.split_once(':').ok_or_else(|| {
        let message = format!("'{id}' is not the id of a node group, which is CLUSTER:NAME");
        Failure::refused(ProviderErrorKind::Invalid, message)
    })
}

/// A node group as EKS tells it; `None` where there is none of that name.
pub(crate) async fn describe(
    cloud: &Cloud,
    cluster: &str,
    name: &str,
) -> Result<Option<LiveGroup>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_nodegroup()
        .cluster_name(cluster)
        .nodegroup_name(name);
    let answer = found(send("DescribeNodegroup", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.nodegroup))
}

/// Waits until the group is there and nothing is under way in it.
async fn until_active(
    step: &Step<'_>,
    subject: Subject<'_>,
    name: &str,
) -> Result<LiveGroup, Failure> {
    let cluster = subject.cluster;
    let what = format!("node group {name} of {cluster}");
    let look = || describe(step.cloud, cluster, name);
    let appeared = step.until(&what, look, |_| true).await?;
    match appeared.status() {
        Some(NodegroupStatus::Active) => return Ok(appeared),
        Some(NodegroupStatus::Updating) => updates::settle(step, subject).await?,
        _ => {}
    }
    let look = || async move {
        let Some(live) = describe(step.cloud, cluster, name).await? else {
            let message = format!("node group {name} of {cluster}: it does not exist any more");
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        match live.status() {
            Some(NodegroupStatus::Active) => Ok(Progress::Done(live)),
            Some(NodegroupStatus::CreateFailed) => {
                let failed = failed(&live);
                let mut lasting = Failure::for_good(failed.error.message);
                lasting.error.hint = failed.error.hint;
                Err(lasting)
            }
            Some(
                NodegroupStatus::Degraded
                | NodegroupStatus::Deleting
                | NodegroupStatus::DeleteFailed,
            ) => Err(failed(&live)),
            status => Ok(Progress::Pending(words(status))),
        }
    };
    step.wait(&what, NODE_GROUP_INTERVAL, look).await
}

/// Whether a definition has a launch template without saying which.
fn is_unnamed(config: &Value) -> bool {
    let template = config.get("launch_template");
    let template = template.filter(|template| !template.is_null() && !template.is_unknown());
    template.is_some_and(|template| {
        let is_absent = |name| template.get(name).is_none_or(Value::is_null);
        is_absent("id") && is_absent("name")
    })
}

fn words(status: Option<&NodegroupStatus>) -> String {
    status.map_or("UNKNOWN", NodegroupStatus::as_str).to_owned()
}

fn failed(live: &LiveGroup) -> Failure {
    let issues = live
        .health()
        .map(|health| health.issues())
        .unwrap_or_default();
    let code = |issue: &Issue| {
        issue
            .code()
            .map_or("Unknown", |code| code.as_str())
            .to_owned()
    };
    let hint = issues
        .iter()
        .find_map(|issue| hint(&code(issue), issue.message().unwrap_or_default()));
    let issues = issues
        .iter()
        .map(|issue| super::issue(&code(issue), issue.message(), issue.resource_ids()));
    let mut failure = Failure::refused(
        ProviderErrorKind::Failed,
        format!(
            "node group {} is {}: {}",
            live.nodegroup_name().unwrap_or_default(),
            words(live.status()),
            issues.collect::<Vec<_>>().join("; ")
        ),
    );
    failure.error.hint = hint;
    failure
}

/// What to do about an issue of a node group.
fn hint(code: &str, text: &str) -> Option<String> {
    let says = |word: &str| text.contains(word);
    let fixed = if says("InsufficientInstanceCapacity") {
        "AWS has no such machines free in these zones now: name further instance types, or try again later."
    } else if code == "InstanceLimitExceeded" || says("VcpuLimitExceeded") || says("vCPU") {
        return Some(hints::more_of(hints::MACHINES));
    } else if code == "InsufficientFreeAddresses" {
        "The subnets have no addresses left: give the node group larger ones, or further ones."
    } else if code == "NodeCreationFailure" {
        "The machines run and do not join the cluster: look whether they reach its API and the registries of images, by a NAT gateway or endpoints, and whether the add-on vpc-cni is there."
    } else {
        return None;
    };
    Some(fixed.to_owned())
}

/// What users see of a node group.
fn see(cloud: &Cloud, live: &LiveGroup, recorded: Option<&NodeGroup>) -> Seen<NodeGroup> {
    let own = recorded.map(|group| group.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let cluster = live.cluster_name().unwrap_or_default();
    let name = live.nodegroup_name().unwrap_or_default();
    let object = NodeGroup {
        id: Some(id_of(cluster, name)),
        arn: live.nodegroup_arn.clone(),
        cluster_name: cluster.to_owned(),
        node_group_name: name.to_owned(),
        node_role_arn: live.node_role.clone().unwrap_or_default(),
        subnet_ids: live.subnets().iter().cloned().collect(),
        scaling_config: see_scaling(live, recorded),
        update_config: see_limits(live)
            .or_else(|| recorded.and_then(|group| group.update_config.clone())),
        instance_types: live.instance_types.clone(),
        ami_type: live.ami_type().map(|ami| ami.as_str().to_owned()),
        capacity_type: live
            .capacity_type()
            .map(|capacity| capacity.as_str().to_owned()),
        disk_size: live.disk_size,
        launch_template: see_template(live, recorded),
        labels: Some(tagging::ordered(live.labels())),
        taint: Some(see_taints(live)),
        version: live.version.clone(),
        release_version: live.release_version.clone(),
        force_update_version: recorded.is_some_and(|group| group.force_update_version),
        status: live.status().map(|status| status.as_str().to_owned()),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    };
    let incomplete = matches!(
        live.status(),
        Some(NodegroupStatus::Creating | NodegroupStatus::CreateFailed)
    );
    Seen { object, incomplete }
}

/// The recorded number of nodes stays: after the creation it belongs to the autoscaler.
fn see_scaling(live: &LiveGroup, recorded: Option<&NodeGroup>) -> Scaling {
    let scaling = live.scaling_config();
    let recorded = recorded.and_then(|group| group.scaling_config.desired_size);
    let desired = scaling.and_then(|scaling| scaling.desired_size());
    Scaling {
        min_size: scaling
            .and_then(|scaling| scaling.min_size())
            .unwrap_or_default(),
        max_size: scaling
            .and_then(|scaling| scaling.max_size())
            .unwrap_or_default(),
        desired_size: recorded.or(desired),
    }
}

fn see_limits(live: &LiveGroup) -> Option<UpdateLimits> {
    live.update_config().map(|limits| UpdateLimits {
        max_unavailable: limits.max_unavailable(),
        max_unavailable_percentage: limits.max_unavailable_percentage(),
    })
}

/// The recorded `$Latest` or `$Default` stays: EKS tells the number that it stood for.
fn see_template(live: &LiveGroup, recorded: Option<&NodeGroup>) -> Option<Template> {
    let live = live.launch_template()?;
    let recorded = recorded.and_then(|group| group.launch_template.as_ref());
    let named = recorded.filter(|template| template.version.starts_with('$'));
    Some(Template {
        id: live.id.clone(),
        name: live.name.clone(),
        version: match named {
            Some(template) => template.version.clone(),
            None => live.version.clone().unwrap_or_default(),
        },
    })
}

fn see_taints(live: &LiveGroup) -> std::collections::BTreeSet<Taint> {
    let taints = live.taints().iter().map(|taint| Taint {
        key: taint.key.clone().unwrap_or_default(),
        value: taint.value.clone(),
        effect: taint
            .effect()
            .map_or_else(String::new, |effect| effect.as_str().to_owned()),
    });
    taints.collect()
}

fn scaling_request(scaling: &Scaling) -> NodegroupScalingConfig {
    NodegroupScalingConfig::builder()
        .min_size(scaling.min_size)
        .max_size(scaling.max_size)
        .set_desired_size(scaling.desired_size)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_is_not_named() {
        let of = |template: Value| Value::object([("launch_template", template)]);
        let named = |id: Value, name: Value| {
            of(Value::object([
                ("id", id),
                ("name", name),
                ("version", "1".into()),
            ]))
        };
        assert!(is_unnamed(&named(Value::null(), Value::null())));
        assert!(!is_unnamed(&named("lt-1".into(), Value::null())));
        assert!(!is_unnamed(&named(Value::null(), "a".into())));
        let unknown = Value::unknown(strata_model::Type::String);
        assert!(!is_unnamed(&named(unknown, Value::null())));
        assert!(!is_unnamed(&of(Value::null())));
    }

    #[test]
    fn what_to_do_about_nodes_that_do_not_come() {
        let check = |code: &str, text: &str, expected: &str| {
            let hint = hint(code, text).unwrap_or_default();
            assert!(hint.contains(expected), "{code}: {hint}");
        };
        check("InstanceLimitExceeded", "", "L-1216C47A");
        check(
            "AsgInstanceLaunchFailures",
            "VcpuLimitExceeded",
            "L-1216C47A",
        );
        check(
            "AsgInstanceLaunchFailures",
            "InsufficientInstanceCapacity",
            "further instance types",
        );
        check("InsufficientFreeAddresses", "", "no addresses left");
        check("NodeCreationFailure", "", "do not join");
        assert_eq!(hint("AccessDenied", ""), None);
    }
}
