//! Managed node groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::ec2::Subnet;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::{Seen, Use};
use crate::world::{Key, Kind, New, Object, World};

use super::cluster::{self, Cluster};
use super::cluster_check::check_name;
use super::cluster_request::{Switch, check_tags, one_of};
use super::{
    failure_of, find_cluster, find_nodegroup, in_use, invalid_parameter, invalid_request,
    names_page, role, take_page, versions,
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

const AMI_TYPES: [&str; 8] = [
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
    "AL2023_x86_64_NEURON",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
    "CUSTOM",
];

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

/// How many nodes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scaling {
    pub(super) min_size: Option<u32>,
    pub(super) max_size: Option<u32>,
    pub(super) desired_size: Option<u32>,
}

/// What keeps pods away from nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Taint {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

/// How many nodes may be away during an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_unavailable: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_unavailable_percentage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) update_strategy: Option<String>,
}

/// What a node group is made of; the id is `cluster/name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Nodegroup {
    pub(super) arn: String,
    pub(super) version: String,
    pub(super) release_version: String,
    pub(super) ami_type: String,
    pub(super) capacity_type: String,
    pub(super) disk_size: u32,
    pub(super) instance_types: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) node_role: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<Taint>,
    pub(super) scaling: (u32, u32, u32),
    pub(super) limits: UpdateLimits,
    pub(super) node_repair: Option<bool>,
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

/// The body of CreateNodegroup.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateNodegroup {
    nodegroup_name: String,
    scaling_config: Option<Scaling>,
    disk_size: Option<u32>,
    subnets: Vec<String>,
    instance_types: Option<Vec<String>>,
    ami_type: Option<String>,
    node_role: String,
    labels: Option<BTreeMap<String, String>>,
    taints: Option<Vec<Taint>>,
    tags: Option<BTreeMap<String, String>>,
    client_request_token: Option<String>,
    update_config: Option<UpdateLimits>,
    node_repair_config: Option<Switch>,
    capacity_type: Option<String>,
    version: Option<String>,
    release_version: Option<String>,
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
    check(cx, &cluster, &wanted)?;
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
    let group = build(cx, &cluster, &wanted)?;
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, group)
        .name(&wanted.nodegroup_name)
        .tags(wanted.tags.unwrap_or_default())
        .token(wanted.client_request_token.clone());
    let group = cx.world.insert(new);
    Ok(json!({ "nodegroup": view(&group) }))
}

fn check(cx: &Cx<'_>, cluster: &Object<Cluster>, wanted: &CreateNodegroup) -> Result<(), AwsError> {
    check_name(&wanted.nodegroup_name, 63)?;
    check_tags(&wanted.tags.clone().unwrap_or_default())?;
    if wanted.subnets.is_empty() {
        return Err(invalid_parameter("Subnets cannot be empty"));
    }
    for id in &wanted.subnets {
        let subnet = cx.world.get::<Subnet>(&cx.region, id);
        let subnet = subnet
            .ok_or_else(|| invalid_parameter(format!("The subnet ID '{id}' does not exist")))?;
        if subnet.body.vpc != cluster.body.vpc {
            let text = format!("Subnet {id} is not in the VPC of cluster {}", cluster.id);
            return Err(invalid_parameter(text));
        }
    }
    if let Some(ami_type) = &wanted.ami_type {
        one_of("amiType", ami_type, &AMI_TYPES)?;
    }
    if let Some(capacity) = &wanted.capacity_type {
        one_of(
            "capacityType",
            capacity,
            &["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"],
        )?;
    }
    if wanted
        .disk_size
        .is_some_and(|size| !(1..=16_384).contains(&size))
    {
        return Err(invalid_parameter("diskSize must be between 1 and 16384"));
    }
    check_version(cluster, wanted.version.as_deref())?;
    check_limits(wanted.update_config.as_ref())?;
    check_taints(wanted.taints.as_deref().unwrap_or_default())
}

/// Nodes are never newer than the control plane, nor more than three minors older.
fn check_version(cluster: &Object<Cluster>, version: Option<&str>) -> Result<(), AwsError> {
    let Some(version) = version else {
        return Ok(());
    };
    let (wanted, have) = (
        versions::minor_of(version),
        versions::minor_of(&cluster.body.version),
    );
    versions::offered(version).ok_or_else(|| versions::unsupported(version))?;
    if wanted <= have && wanted.map(|minor| minor + 3) >= have {
        return Ok(());
    }
    let text = format!(
        "Requested Nodegroup release version {version} is invalid. Allowed kubernetes version is - [{}]",
        cluster.body.version
    );
    Err(invalid_parameter(text))
}

/// Refuses limits that contradict each other.
pub(super) fn check_limits(limits: Option<&UpdateLimits>) -> Result<(), AwsError> {
    let Some(limits) = limits else {
        return Ok(());
    };
    if let Some(strategy) = &limits.update_strategy {
        one_of(
            "updateConfig.updateStrategy",
            strategy,
            &["DEFAULT", "MINIMAL"],
        )?;
    }
    match (limits.max_unavailable, limits.max_unavailable_percentage) {
        (Some(_), Some(_)) => Err(invalid_parameter(
            "maxUnavailable and maxUnavailablePercentage cannot both be set",
        )),
        (Some(n), None) if !(1..=100).contains(&n) => Err(invalid_parameter(
            "maxUnavailable must be between 1 and 100",
        )),
        (None, Some(n)) if !(1..=100).contains(&n) => Err(invalid_parameter(
            "maxUnavailablePercentage must be between 1 and 100",
        )),
        _ => Ok(()),
    }
}

/// Refuses taints that Kubernetes does not know.
pub(super) fn check_taints(taints: &[Taint]) -> Result<(), AwsError> {
    if taints.len() > 50 {
        return Err(invalid_parameter("No more than 50 taints can be specified"));
    }
    for taint in taints {
        one_of(
            "taints.effect",
            &taint.effect,
            &["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"],
        )?;
        if taint.key.is_empty() || taint.key.len() > 63 {
            return Err(invalid_parameter(
                "taints.key must have between 1 and 63 characters",
            ));
        }
    }
    Ok(())
}

/// Fills in the sizes that were not given, and checks that they fit each other.
pub(super) fn sizes(
    wanted: Option<Scaling>,
    before: (u32, u32, u32),
) -> Result<(u32, u32, u32), AwsError> {
    let (min, max, desired) = match wanted {
        None => before,
        Some(s) => (
            s.min_size.unwrap_or(before.0),
            s.max_size.unwrap_or(before.1),
            s.desired_size.unwrap_or(before.2),
        ),
    };
    if max == 0 {
        return Err(invalid_parameter("maxSize must be greater than 0"));
    }
    if min > max {
        let text = format!("Minimum capacity {min} can't be greater than maximum capacity {max}");
        return Err(invalid_parameter(text));
    }
    if desired < min {
        let text = format!("Minimum capacity {min} can't be greater than desired size {desired}");
        return Err(invalid_parameter(text));
    }
    if desired > max {
        let text = format!("desired capacity {desired} can't be greater than max size {max}");
        return Err(invalid_parameter(text));
    }
    Ok((min, max, desired))
}

/// The newest release of a version's node image.
pub(super) fn newest_release(version: &str) -> String {
    versions::offered(version).map_or_else(String::new, |v| format!("{}-20261101", v.patch_text()))
}

fn build(
    cx: &Cx<'_>,
    cluster: &Object<Cluster>,
    wanted: &CreateNodegroup,
) -> Result<Nodegroup, AwsError> {
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
        ami_type: wanted
            .ami_type
            .clone()
            .unwrap_or_else(|| AMI_TYPES[0].to_owned()),
        capacity_type: wanted
            .capacity_type
            .clone()
            .unwrap_or_else(|| "ON_DEMAND".to_owned()),
        disk_size: wanted.disk_size.unwrap_or(20),
        instance_types: wanted
            .instance_types
            .clone()
            .filter(|types| !types.is_empty())
            .unwrap_or_else(|| vec!["t3.medium".to_owned()]),
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
        "instanceTypes": body.instance_types,
        "subnets": body.subnets,
        "amiType": body.ami_type,
        "nodeRole": body.node_role,
        "labels": body.labels,
        "diskSize": body.disk_size,
        "health": { "issues": issues },
        "updateConfig": body.limits,
        "tags": group.tags,
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sizes(
        wanted: (Option<u32>, Option<u32>, Option<u32>),
        expected: Option<(u32, u32, u32)>,
    ) {
        let scaling = Scaling {
            min_size: wanted.0,
            max_size: wanted.1,
            desired_size: wanted.2,
        };
        assert_eq!(sizes(Some(scaling), (1, 2, 2)).ok(), expected, "{wanted:?}");
    }

    #[test]
    fn sizes_must_fit_each_other() {
        check_sizes((None, None, None), Some((1, 2, 2)));
        check_sizes((Some(0), Some(5), Some(0)), Some((0, 5, 0)));
        check_sizes((Some(3), Some(2), Some(2)), None);
        check_sizes((Some(3), Some(5), Some(2)), None);
        check_sizes((Some(0), Some(0), Some(0)), None);
        check_sizes((None, Some(1), None), None);
    }

    #[test]
    fn limits_exclude_each_other() {
        let limits = |n, percent| UpdateLimits {
            max_unavailable: n,
            max_unavailable_percentage: percent,
            update_strategy: None,
        };
        assert!(check_limits(Some(&limits(Some(1), None))).is_ok());
        assert!(check_limits(Some(&limits(Some(1), Some(1)))).is_err());
        assert!(check_limits(Some(&limits(None, Some(101)))).is_err());
    }
}
