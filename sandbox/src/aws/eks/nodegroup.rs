//! Managed node groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::ec2;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::{Seen, Use};
use crate::world::{Key, Kind, New, Object, World};

use super::cluster::{self, Cluster};
use super::nodegroup_request::{
    AMI_TYPES, CreateNodegroup, Taint, UpdateLimits, check, newest_release, sizes,
};
use super::nodegroup_template::Template;
use super::{
    Named, failure_of, find_cluster, find_nodegroup, in_use, invalid_parameter, invalid_request,
    names_page, role, take_page,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "CreateNodegroup",
        ("POST", "/clusters/{name}/node-groups"),
        create,
    ),
    RestOperation::read(
        "ListNodegroups",
        ("GET", "/clusters/{name}/node-groups"),
        list,
    ),
    RestOperation::read(
        "DescribeNodegroup",
        ("GET", "/clusters/{name}/node-groups/{nodegroupName}"),
        describe,
    ),
    RestOperation::write(
        "DeleteNodegroup",
        ("DELETE", "/clusters/{name}/node-groups/{nodegroupName}"),
        delete,
    ),
];

/// How long it takes, in the cloud's seconds.
const CREATE_SECONDS: u64 = 180;
const DELETE_SECONDS: u64 = 240;

/// Where a node group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
    CreateFailed,
}

/// What a node group is made of; the id is `cluster/name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Nodegroup {
    pub(super) arn: String,
    pub(super) version: String,
    pub(super) release_version: String,
    pub(super) ami_type: String,
    pub(super) capacity_type: String,
    /// Nothing where the launch template says it.
    pub(super) disk_size: Option<u32>,
    pub(super) instance_types: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) node_role: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<Taint>,
    pub(super) scaling: (u32, u32, u32),
    pub(super) limits: UpdateLimits,
    pub(super) node_repair: Option<bool>,
    pub(super) launch_template: Option<Template>,
    pub(super) scaling_group: String,
    pub(super) status: Status,
    pub(super) until_ms: Option<u64>,
    pub(super) modified_ms: u64,
    pub(super) failure: Option<(String, String)>,
    pub(super) update: Option<String>,
}

impl Kind for Nodegroup {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "nodegroup";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        let Some(group) = world.raw::<Self>(&key.region, &key.id) else {
            return;
        };
        if group
            .body
            .until_ms
            .is_none_or(|until| until > world.now_ms())
        {
            return;
        }
        if group.body.status == Status::Deleting {
            world.remove::<Self>(&key.region, &key.id);
            return;
        }
        let now_ms = world.now_ms();
        world.update::<Self>(&key.region, &key.id, |group| {
            let failed = group.body.failure.is_some();
            group.body.status = if failed {
                Status::CreateFailed
            } else {
                Status::Active
            };
            group.body.until_ms = None;
            group.body.modified_ms = now_ms;
        });
    }
}

impl Named for Nodegroup {
    fn arn(&self) -> &str {
        &self.arn
    }
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: CreateNodegroup = request.body()?;
    request.finish()?;
    let cluster_name = request.path("name").to_owned();
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateNodegroup",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    match used.seen(cx.world) {
        Seen::Same(id) => {
            // Once the group is gone, its token is free again.
            if let Some(group) = cx.world.get::<Nodegroup>(&region, &id) {
                return Ok(json!({ "nodegroup": view(group) }));
            }
        }
        Seen::Other => {
            return Err(invalid_parameter(
                "The client request token was used with other parameters",
            ));
        }
        Seen::New => {}
    }
    let cluster = find_cluster(cx, &cluster_name)?.clone();
    let id = format!("{cluster_name}/{}", wanted.nodegroup_name);
    let template = check(cx, &cluster, &wanted)?;
    let unknown = ec2::unknown_types(wanted.instance_types.as_deref().unwrap_or_default());
    if !unknown.is_empty() {
        return Err(invalid_parameter(format!(
            "The following supplied instance types do not exist: [{}]",
            unknown.join(", ")
        )));
    }
    if cx.world.raw::<Nodegroup>(&region, &id).is_some() {
        let text = format!(
            "NodeGroup already exists with name {} and cluster name {cluster_name}",
            wanted.nodegroup_name
        );
        return Err(in_use(text));
    }
    if !matches!(
        cluster.body.status,
        cluster::Status::Active | cluster::Status::Updating
    ) {
        return Err(invalid_request(format!(
            "Cluster '{cluster_name}' is not in ACTIVE status"
        )));
    }
    role::check_role(cx, &wanted.node_role, role::NODE)?;
    let group = build(cx, (&cluster, template), &wanted)?;
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, group)
        .name(&wanted.nodegroup_name)
        .tags(wanted.tags.unwrap_or_default())
        .token(wanted.client_request_token.clone());
    let group = cx.world.insert(new);
    Ok(json!({ "nodegroup": view(&group) }))
}

fn build(
    cx: &Cx<'_>,
    (cluster, template): (&Object<Cluster>, Option<Template>),
    wanted: &CreateNodegroup,
) -> Result<Nodegroup, AwsError> {
    let image = template
        .as_ref()
        .and_then(|template| template.image.clone());
    let has_type = template.as_ref().is_some_and(|template| template.has_type);
    let region = &cx.region;
    let unique = cx.world.draw(9).uuid();
    let name = &wanted.nodegroup_name;
    let version = wanted
        .version
        .clone()
        .unwrap_or_else(|| cluster.body.version.clone());
    let release = wanted
        .release_version
        .clone()
        .or_else(|| image.clone())
        .unwrap_or_else(|| newest_release(&version));
    let limits = wanted.update_config.clone().unwrap_or(UpdateLimits {
        max_unavailable: Some(1),
        max_unavailable_percentage: None,
        update_strategy: None,
    });
    Ok(Nodegroup {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:nodegroup/{}/{name}/{unique}",
            partition(region),
            cluster.id
        ),
        release_version: release,
        version,
        ami_type: wanted.ami_type.clone().unwrap_or_else(|| match image {
            Some(_) => "CUSTOM".to_owned(),
            None => AMI_TYPES[0].to_owned(),
        }),
        capacity_type: wanted
            .capacity_type
            .clone()
            .unwrap_or_else(|| "ON_DEMAND".to_owned()),
        disk_size: template.is_none().then(|| wanted.disk_size.unwrap_or(20)),
        instance_types: wanted
            .instance_types
            .clone()
            .filter(|types| !types.is_empty())
            .unwrap_or_else(|| {
                let chosen = (!has_type).then(|| "t3.medium".to_owned());
                chosen.into_iter().collect()
            }),
        subnets: wanted.subnets.clone(),
        node_role: wanted.node_role.clone(),
        labels: wanted.labels.clone().unwrap_or_default(),
        taints: wanted.taints.clone().unwrap_or_default(),
        scaling: sizes(wanted.scaling_config, (1, 2, 2))?,
        limits,
        node_repair: wanted
            .node_repair_config
            .as_ref()
            .and_then(|switch| switch.enabled),
        launch_template: template,
        scaling_group: format!("eks-{name}-{unique}"),
        status: Status::Creating,
        until_ms: Some(cx.world.after_seconds(CREATE_SECONDS)),
        modified_ms: cx.world.now_ms(),
        failure: failure_of(cx, "NodeCreationFailure"),
        update: None,
    })
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let groups = cx.world.seen_under::<Nodegroup>(&cx.region, &prefix);
    let names = groups.filter_map(|group| group.name.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    Ok(names_page("nodegroups", names, token))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let cluster = find_cluster(cx, request.path("name"))?;
    let group = find_nodegroup(cx, &cluster.id, request.path("nodegroupName"))?;
    Ok(json!({ "nodegroup": view(group) }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let cluster = find_cluster(cx, request.path("name"))?.id.clone();
    let group = find_nodegroup(cx, &cluster, request.path("nodegroupName"))?;
    let id = group.id.clone();
    match group.body.status {
        Status::Updating => {
            let text = format!(
                "Cannot DeleteNodegroup because nodegroup {} currently has update {} in progress",
                request.path("nodegroupName"),
                group.body.update.clone().unwrap_or_default()
            );
            return Err(in_use(text));
        }
        // Deleting again answers as the first time did.
        Status::Deleting => return Ok(json!({ "nodegroup": view(group) })),
        Status::Creating | Status::Active | Status::CreateFailed => {}
    }
    let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
    let deleted = cx.world.update::<Nodegroup>(&cx.region, &id, |group| {
        group.body.status = Status::Deleting;
        group.body.until_ms = until_ms;
    });
    Ok(json!({ "nodegroup": deleted.as_ref().map(view) }))
}

/// Writes a node group.
fn view(group: &Object<Nodegroup>) -> Value {
    let body = &group.body;
    let (min, max, desired) = body.scaling;
    let issues: Vec<Value> = body
        .failure
        .iter()
        .filter(|_| body.status == Status::CreateFailed)
        .map(|(code, text)| json!({ "code": code, "message": text, "resourceIds": [body.scaling_group] }))
        .collect();
    let cluster = group.id.split('/').next().unwrap_or_default();
    let mut view = json!({
        "nodegroupName": group.name,
        "nodegroupArn": body.arn,
        "clusterName": cluster,
        "version": body.version,
        "releaseVersion": body.release_version,
        "createdAt": seconds(group.created_ms),
        "modifiedAt": seconds(body.modified_ms),
        "status": body.status,
        "capacityType": body.capacity_type,
        "scalingConfig": { "minSize": min, "maxSize": max, "desiredSize": desired },
        "subnets": body.subnets,
        "amiType": body.ami_type,
        "nodeRole": body.node_role,
        "labels": body.labels,
        "health": { "issues": issues },
        "updateConfig": body.limits,
        "tags": group.tags,
    });
    if !body.instance_types.is_empty() {
        view["instanceTypes"] = json!(body.instance_types);
    }
    if let Some(size) = body.disk_size {
        view["diskSize"] = json!(size);
    }
    if let Some(template) = &body.launch_template {
        view["launchTemplate"] = json!(template);
    }
    if !body.taints.is_empty() {
        view["taints"] = json!(body.taints);
    }
    if let Some(enabled) = body.node_repair {
        view["nodeRepairConfig"] = json!({ "enabled": enabled });
    }
    if body.status != Status::Creating {
        view["resources"] = json!({ "autoScalingGroups": [{ "name": body.scaling_group }] });
    }
    view
}
