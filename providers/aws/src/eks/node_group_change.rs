//! The updates of a node group: its version, or everything else.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::types::{
    AmiTypes, LaunchTemplateSpecification, Nodegroup as LiveGroup, NodegroupScalingConfig,
    NodegroupUpdateConfig, Taint as LiveTaint, TaintEffect, Update, UpdateLabelsPayload,
    UpdateTaintsPayload,
};

use crate::eks::node_group_schema::{NodeGroup, Taint, Template, UpdateLimits};
use crate::eks::tagging;
use crate::eks::updates::Subject;
use crate::error::Failure;
use crate::resource::Target;
use crate::step::Step;

/// One update.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeGroupChange {
    Version {
        version: Option<String>,
        release: Option<String>,
        template: Option<LaunchTemplateSpecification>,
        force: bool,
    },
    Config {
        labels: Option<UpdateLabelsPayload>,
        taints: Option<UpdateTaintsPayload>,
        scaling: Option<NodegroupScalingConfig>,
        limits: Option<NodegroupUpdateConfig>,
    },
}

/// The update of Kubernetes, machine image or launch template that is missing.
pub(crate) fn version(live: &LiveGroup, planned: &NodeGroup) -> Option<NodeGroupChange> {
    let differs = |wanted: &Option<String>, now: Option<&str>| {
        wanted.as_deref().is_some_and(|wanted| now != Some(wanted))
    };
    let version = differs(&planned.version, live.version());
    let release = differs(&planned.release_version, live.release_version());
    let template = template(live, planned);
    // An update that names no release takes the newest; where the template brings the image, there is none to name.
    let is_custom = live.ami_type() == Some(&AmiTypes::Custom);
    let keeps_release = template.is_some() && !version && !is_custom;
    (version || release || template.is_some()).then(|| NodeGroupChange::Version {
        version: planned.version.clone().filter(|_| version),
        release: planned
            .release_version
            .clone()
            .filter(|_| release || keeps_release),
        template,
        force: planned.force_update_version,
    })
}

/// The version of the launch template that the nodes do not have yet. `$Latest` and `$Default` had their meaning when
/// the node group was made.
fn template(live: &LiveGroup, planned: &NodeGroup) -> Option<LaunchTemplateSpecification> {
    let wanted = planned.launch_template.as_ref()?;
    let now = live.launch_template()?.version();
    let differs = !wanted.version.starts_with('$') && now != Some(wanted.version.as_str());
    differs.then(|| template_request(wanted))
}

/// A launch template in the SDK's form: EKS takes its id or its name, not both.
pub(crate) fn template_request(template: &Template) -> LaunchTemplateSpecification {
    let name = template.name.clone().filter(|_| template.id.is_none());
    LaunchTemplateSpecification::builder()
        .set_id(template.id.clone())
        .set_name(name)
        .version(&template.version)
        .build()
}

/// The update of everything else that is missing.
pub(crate) fn config(live: &LiveGroup, target: &Target<'_, NodeGroup>) -> Option<NodeGroupChange> {
    let planned = target.planned;
    let labels = labels(live, planned);
    let taints = taints(live, planned);
    let scaling = scaling(live, target);
    let limits = limits(live, planned);
    let any = labels.is_some() || taints.is_some() || scaling.is_some() || limits.is_some();
    any.then_some(NodeGroupChange::Config {
        labels,
        taints,
        scaling,
        limits,
    })
}

/// Whether labels, taints and bounds are as planned; the number of nodes is the autoscaler's.
pub(crate) fn same_config(live: &LiveGroup, planned: &NodeGroup) -> bool {
    let target = Target {
        id: "",
        planned,
        prior: Some(planned),
    };
    config(live, &target).is_none()
}

fn labels(live: &LiveGroup, planned: &NodeGroup) -> Option<UpdateLabelsPayload> {
    let now: BTreeMap<String, String> = tagging::ordered(live.labels());
    let none = BTreeMap::new();
    let wanted = planned.labels.as_ref().unwrap_or(&none);
    if now == *wanted {
        return None;
    }
    let set = wanted
        .iter()
        .filter(|(key, value)| now.get(*key) != Some(value));
    let set = set
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let remove = now.keys().filter(|key| !wanted.contains_key(*key)).cloned();
    let payload = UpdateLabelsPayload::builder()
        .set_add_or_update_labels(Some(set))
        .set_remove_labels(Some(remove.collect()));
    Some(payload.build())
}

fn taints(live: &LiveGroup, planned: &NodeGroup) -> Option<UpdateTaintsPayload> {
    let now: BTreeSet<Taint> = live.taints().iter().map(taint).collect();
    let none = BTreeSet::new();
    let wanted = planned.taint.as_ref().unwrap_or(&none);
    if now == *wanted {
        return None;
    }
    let identity = |taint: &Taint| (taint.key.clone(), taint.effect.clone());
    let kept: BTreeSet<_> = wanted.iter().map(identity).collect();
    let set = wanted.difference(&now).cloned().collect();
    let gone = now.iter().filter(|taint| !kept.contains(&identity(taint)));
    let gone = gone.cloned().collect();
    let payload = UpdateTaintsPayload::builder()
        .set_add_or_update_taints(Some(taints_request(&set)))
        .set_remove_taints(Some(taints_request(&gone)));
    Some(payload.build())
}

fn taint(live: &LiveTaint) -> Taint {
    let effect = live.effect().map(TaintEffect::as_str).unwrap_or_default();
    Taint {
        key: live.key.clone().unwrap_or_default(),
        value: live.value.clone().filter(|value| !value.is_empty()),
        effect: effect.to_owned(),
    }
}

/// Sent when the bounds change, when the definition's number of nodes does, or when the number is outside the bounds.
fn scaling(live: &LiveGroup, target: &Target<'_, NodeGroup>) -> Option<NodegroupScalingConfig> {
    let wanted = &target.planned.scaling_config;
    let now = live.scaling_config();
    let desired_now = now.and_then(NodegroupScalingConfig::desired_size);
    let declared = target
        .prior
        .is_some_and(|prior| prior.scaling_config.desired_size != wanted.desired_size);
    let desired = match desired_now {
        Some(number) if !declared => number.clamp(wanted.min_size, wanted.max_size),
        Some(_) | None => wanted.desired_size.unwrap_or(wanted.min_size),
    };
    let same = now.and_then(NodegroupScalingConfig::min_size) == Some(wanted.min_size)
        && now.and_then(NodegroupScalingConfig::max_size) == Some(wanted.max_size)
        && desired_now == Some(desired);
    (!same).then(|| {
        NodegroupScalingConfig::builder()
            .min_size(wanted.min_size)
            .max_size(wanted.max_size)
            .desired_size(desired)
            .build()
    })
}

fn limits(live: &LiveGroup, planned: &NodeGroup) -> Option<NodegroupUpdateConfig> {
    let wanted = limits_request(planned.update_config.as_ref()?);
    let now = live.update_config()?;
    let same = now.max_unavailable() == wanted.max_unavailable()
        && now.max_unavailable_percentage() == wanted.max_unavailable_percentage();
    (!same).then_some(wanted)
}

/// The limits in the SDK's form.
pub(crate) fn limits_request(limits: &UpdateLimits) -> NodegroupUpdateConfig {
    NodegroupUpdateConfig::builder()
        .set_max_unavailable(limits.max_unavailable)
        .set_max_unavailable_percentage(limits.max_unavailable_percentage)
        .build()
}

/// Taints in the SDK's form.
pub(crate) fn taints_request(taints: &BTreeSet<Taint>) -> Vec<LiveTaint> {
    let taints = taints.iter().map(|taint| {
        LiveTaint::builder()
            .key(&taint.key)
            .set_value(taint.value.clone())
            .effect(TaintEffect::from(taint.effect.as_str()))
            .build()
    });
    taints.collect()
}

impl NodeGroupChange {
    /// Starts the update. The same call has the same token, so that sending it again starts no second update.
    pub(crate) async fn send(
        self,
        step: &Step<'_>,
        subject: Subject<'_>,
        name: &str,
    ) -> Result<Option<Update>, Failure> {
        let eks = &step.clients().await?.eks;
        match self {
            NodeGroupChange::Version {
                version,
                release,
                template,
                force,
            } => {
                let call = eks
                    .update_nodegroup_version()
                    .cluster_name(subject.cluster)
                    .nodegroup_name(name)
                    .set_version(version)
                    .set_release_version(release)
                    .set_launch_template(template)
                    .force(force)
                    .client_request_token(format!("{}-version", step.op));
                let answer = step.change("UpdateNodegroupVersion", call.send()).await?;
                Ok(answer.update)
            }
            NodeGroupChange::Config {
                labels,
                taints,
                scaling,
                limits,
            } => {
                let call = eks
                    .update_nodegroup_config()
                    .cluster_name(subject.cluster)
                    .nodegroup_name(name)
                    .set_labels(labels)
                    .set_taints(taints)
                    .set_scaling_config(scaling)
                    .set_update_config(limits)
                    .client_request_token(format!("{}-config", step.op));
                let answer = step.change("UpdateNodegroupConfig", call.send()).await?;
                Ok(answer.update)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(desired: i32) -> LiveGroup {
        let scaling = NodegroupScalingConfig::builder()
            .min_size(1)
            .max_size(5)
            .desired_size(desired);
        LiveGroup::builder()
            .version("1.33")
            .scaling_config(scaling.build())
            .build()
    }

    fn group(min: i32, desired: i32) -> NodeGroup {
        serde_json::from_value(serde_json::json!({
            "version": "1.33", "scaling_config": {"min_size": min, "max_size": 5, "desired_size": desired},
        }))
        .unwrap()
    }

    fn sent(live: &LiveGroup, prior: &NodeGroup, planned: &NodeGroup) -> Option<i32> {
        let target = Target {
            id: "",
            planned,
            prior: Some(prior),
        };
        scaling(live, &target).and_then(|scaling| scaling.desired_size())
    }

    #[test]
    fn the_number_of_nodes_is_the_autoscalers() {
        // The autoscaler went from 2 to 4: nothing to send.
        assert_eq!(sent(&live(4), &group(1, 2), &group(1, 2)), None);
        // The definition asks for 3 from now on.
        assert_eq!(sent(&live(4), &group(1, 2), &group(1, 3)), Some(3));
        // New bounds keep the number where it can stay, and move it where it cannot.
        assert_eq!(sent(&live(4), &group(1, 3), &group(2, 3)), Some(4));
        assert_eq!(sent(&live(1), &group(1, 3), &group(2, 3)), Some(2));
    }

    #[test]
    fn a_version_is_updated_by_itself() {
        assert_eq!(version(&live(1), &group(1, 1)), None);
        let mut wanted = group(1, 1);
        wanted.version = Some("1.34".into());
        assert!(matches!(
            version(&live(1), &wanted),
            Some(NodeGroupChange::Version { version: Some(v), release: None, .. }) if v == "1.34"
        ));
    }

    #[test]
    fn a_new_version_of_a_template_keeps_the_release() {
        let live = |ami: AmiTypes| {
            let template = LaunchTemplateSpecification::builder()
                .id("lt-1")
                .version("1");
            LiveGroup::builder()
                .version("1.33")
                .release_version("1.33.9-20261001")
                .ami_type(ami)
                .launch_template(template.build())
                .build()
        };
        let wanted = |template: &str| {
            let mut group = group(1, 1);
            group.release_version = Some("1.33.9-20261001".into());
            group.launch_template = Some(Template {
                id: Some("lt-1".into()),
                name: Some("nodes".into()),
                version: template.into(),
            });
            group
        };
        let standard = live(AmiTypes::Al2023X8664Standard);
        let sent = |live: &LiveGroup, template: &str| match version(live, &wanted(template)) {
            Some(NodeGroupChange::Version {
                version: None,
                release,
                template: Some(template),
                ..
            }) => {
                assert_eq!((template.id(), template.name()), (Some("lt-1"), None));
                Some((release, template.version().map(str::to_owned)))
            }
            other => {
                assert_eq!(other, None);
                None
            }
        };
        assert_eq!(sent(&standard, "1"), None);
        assert_eq!(sent(&standard, "$Latest"), None);
        let release = Some("1.33.9-20261001".to_owned());
        assert_eq!(sent(&standard, "2"), Some((release, Some("2".to_owned()))));
        let custom = sent(&live(AmiTypes::Custom), "2");
        assert_eq!(custom, Some((None, Some("2".to_owned()))));
    }
}
