//! Clusters.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::ec2::{self, Interface};
use crate::aws::error::{Answer, AwsError};
use crate::aws::logs;
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::{Seen, Use};
use crate::world::{Key, Kind, New, Object, World};

use super::access_entry::AccessEntry;
use super::access_policy::AccessPolicy;
use super::addon::Addon;
use super::auto_mode::{self, AutoMode};
use super::certificate::new_authority;
use super::cluster_request::{CreateCluster, Encryption, LOG_TYPES};
use super::identity_provider::IdentityProvider;
use super::nodegroup::Nodegroup;
use super::pod_identity::PodIdentity;
use super::update::Update;
use super::{
    MOST_CLUSTERS, Named, cluster_check, failure_of, fargate, find_cluster, in_use,
    invalid_parameter, invalid_request, names_page, role, take_page, writes_logs,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write("CreateCluster", ("POST", "/clusters"), create),
    RestOperation::read("ListClusters", ("GET", "/clusters"), list),
    RestOperation::read("DescribeCluster", ("GET", "/clusters/{name}"), describe),
    RestOperation::write("DeleteCluster", ("DELETE", "/clusters/{name}"), delete),
];

/// How long it takes, in the cloud's seconds.
const CREATE_SECONDS: u64 = 600;
const DELETE_SECONDS: u64 = 300;

/// Where a cluster stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
    Failed,
}

/// What a cluster is made of; its name is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) arn: String,
    pub(super) version: String,
    pub(super) role_arn: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    /// The group that EKS made for the cluster.
    pub(super) cluster_group: String,
    pub(super) public_access: bool,
    pub(super) private_access: bool,
    pub(super) public_cidrs: Vec<String>,
    pub(super) service_cidr: String,
    pub(super) logging: BTreeSet<String>,
    pub(super) encryption: Vec<Encryption>,
    pub(super) auth_mode: String,
    pub(super) creator_is_admin: bool,
    pub(super) support_type: String,
    pub(super) zonal_shift: bool,
    #[serde(default)]
    pub(super) auto_mode: Option<AutoMode>,
    pub(super) deletion_protection: bool,
    pub(super) status: Status,
    /// When the status ends by itself.
    pub(super) until_ms: Option<u64>,
    /// Why it fails, as code and text.
    pub(super) failure: Option<(String, String)>,
    /// What the names of the endpoint and the issuer are made of.
    pub(super) unique: String,
    /// Whether nobody answers at its endpoint.
    #[serde(default)]
    pub(super) unreachable: bool,
    pub(super) authority_certificate: String,
    pub(super) authority_key: String,
    /// The update that runs.
    pub(super) update: Option<String>,
}

/// An address where nobody answers.
const DEAD_END: &str = "https://127.0.0.1:1";

impl Kind for Cluster {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "cluster";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        let Some(cluster) = world.raw::<Self>(&key.region, &key.id) else {
            return;
        };
        if cluster
            .body
            .until_ms
            .is_none_or(|until| until > world.now_ms())
        {
            return;
        }
        if cluster.body.status == Status::Deleting {
            return remove(world, key);
        }
        world.update::<Self>(&key.region, &key.id, |cluster| {
            let failed = cluster.body.failure.is_some();
            cluster.body.status = if failed {
                Status::Failed
            } else {
                Status::Active
            };
            cluster.body.until_ms = None;
        });
        // It writes as soon as it runs, whether or not somebody made a log group for it.
        if writes_logs(world, &key.region, &key.id) {
            logs::deliver(world, &key.region, &key.id);
        }
    }
}

impl Named for Cluster {
    fn arn(&self) -> &str {
        &self.arn
    }
}

/// Removes a cluster with what EKS made for it.
fn remove(world: &mut World, key: &Key) {
    let (region, name) = (key.region.as_str(), key.id.as_str());
    let group = world
        .raw::<Cluster>(region, name)
        .map(|cluster| cluster.body.cluster_group.clone());
    ec2::remove_interfaces(world, region, &format!("eks/{name}"));
    if let Some(group) = group {
        ec2::remove_group(world, region, &group);
    }
    let prefix = format!("{name}/");
    world.remove_where::<Update>(region, |update| update.id.starts_with(&prefix));
    world.remove_where::<Addon>(region, |addon| addon.id.starts_with(&prefix));
    world.remove_where::<IdentityProvider>(region, |config| config.id.starts_with(&prefix));
    world.remove_where::<PodIdentity>(region, |known| known.id.starts_with(&prefix));
    world.remove_where::<AccessPolicy>(region, |policy| policy.id.starts_with(&prefix));
    world.remove_where::<AccessEntry>(region, |entry| entry.id.starts_with(&prefix));
    world.remove::<Cluster>(region, name);
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: CreateCluster = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateCluster",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    match used.seen(cx.world) {
        Seen::Same(name) => {
            // Once the cluster is gone, its token is free again.
            if let Some(cluster) = cx.world.get::<Cluster>(&region, &name) {
                return Ok(json!({ "cluster": view(cluster) }));
            }
        }
        Seen::Other => {
            return Err(invalid_parameter(
                "The client request token was used with other parameters",
            ));
        }
        Seen::New => {}
    }
    let checked = cluster_check::check(cx, &wanted)?;
    if cx.world.raw::<Cluster>(&region, &wanted.name).is_some() {
        return Err(in_use(format!(
            "Cluster already exists with name: {}",
            wanted.name
        )));
    }
    if cx.world.all::<Cluster>(&region).count() >= MOST_CLUSTERS {
        return Err(AwsError::new(
            "ResourceLimitExceededException",
            "Cluster limit exceeded",
        ));
    }
    role::check_role(cx, &wanted.role_arn, role::CLUSTER)?;
    if let Some(mode) = &checked.auto_mode {
        auto_mode::check_roles(cx, &wanted.role_arn, mode)?;
    }
    let cluster = build(cx, &wanted, checked)?;
    used.remember(cx.world, &wanted.name);
    let new = New::plain(&region, wanted.name.clone(), cluster)
        .name(&wanted.name)
        .tags(wanted.tags.clone().unwrap_or_default())
        .token(wanted.client_request_token.clone());
    let cluster = cx.world.insert(new);
    Ok(json!({ "cluster": view(&cluster) }))
}

/// Makes the group of a new cluster, and puts the interfaces of its control plane into two subnets.
fn enter_network(cx: &mut Cx<'_>, wanted: &CreateCluster, vpc: &str) -> String {
    let region = cx.region.clone();
    let suffix = (cx.world.draw(10).next() % 1_000_000_000).to_string();
    let group = ec2::add_cluster_group(cx.world, (&region, vpc), &wanted.name, &suffix);
    let vpc_config = &wanted.resources_vpc_config;
    let subnets: Vec<String> = vpc_config.subnet_ids.iter().flatten().cloned().collect();
    let chosen = vpc_config.security_group_ids.iter().flatten();
    let groups: Vec<String> = chosen.chain([&group]).cloned().collect();
    place_interfaces(cx.world, (&region, &wanted.name), &subnets, &groups);
    group
}

/// Puts the interfaces of a control plane into the first two of its subnets.
fn place_interfaces(
    world: &mut World,
    (region, name): (&str, &str),
    subnets: &[String],
    groups: &[String],
) {
    for subnet in subnets.iter().take(2) {
        ec2::add_interface(
            world,
            Interface {
                region,
                subnet,
                description: &format!("Amazon EKS {name}"),
                holder: &format!("eks/{name}"),
                interface_type: "interface",
                groups,
            },
        );
    }
}

/// Puts the interfaces of a control plane where its cluster has them now; those that it had are gone.
pub(super) fn move_interfaces(world: &mut World, region: &str, name: &str) {
    let Some(cluster) = world.raw::<Cluster>(region, name).cloned() else {
        return;
    };
    let own = [cluster.body.cluster_group];
    let groups: Vec<String> = cluster
        .body
        .security_groups
        .into_iter()
        .chain(own)
        .collect();
    ec2::remove_interfaces(world, region, &format!("eks/{name}"));
    place_interfaces(world, (region, name), &cluster.body.subnets, &groups);
}

/// Makes a new cluster.
fn build(
    cx: &mut Cx<'_>,
    wanted: &CreateCluster,
    checked: cluster_check::Checked,
) -> Result<Cluster, AwsError> {
    let authority = new_authority().map_err(|error| {
        AwsError::with_status(
            500,
            "ServerException",
            format!("cannot make a certificate: {error}"),
        )
    })?;
    let region = cx.region.clone();
    let unique = cx.world.draw(7).text(b"0123456789ABCDEF", 32);
    let cluster_group = enter_network(cx, wanted, &checked.vpc);
    let vpc_config = &wanted.resources_vpc_config;
    let access = wanted.access_config.as_ref();
    Ok(Cluster {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:cluster/{}",
            partition(&region),
            wanted.name
        ),
        version: checked.version,
        role_arn: wanted.role_arn.clone(),
        vpc: checked.vpc,
        subnets: vpc_config.subnet_ids.clone().unwrap_or_default(),
        security_groups: vpc_config.security_group_ids.clone().unwrap_or_default(),
        cluster_group,
        public_access: vpc_config.endpoint_public_access.unwrap_or(true),
        private_access: vpc_config.endpoint_private_access.unwrap_or(false),
        public_cidrs: checked.public_cidrs,
        service_cidr: checked.service_cidr,
        logging: checked.logging,
        encryption: wanted.encryption_config.clone().unwrap_or_default(),
        auth_mode: access
            .and_then(|access| access.authentication_mode.clone())
            .unwrap_or_else(|| "CONFIG_MAP".to_owned()),
        creator_is_admin: access
            .and_then(|access| access.bootstrap_cluster_creator_admin_permissions)
            .unwrap_or(true),
        support_type: checked.support_type,
        zonal_shift: checked.zonal_shift,
        auto_mode: checked.auto_mode,
        deletion_protection: wanted.deletion_protection.unwrap_or_default(),
        status: Status::Creating,
        until_ms: Some(cx.world.after_seconds(CREATE_SECONDS)),
        failure: failure_of(cx, "InternalFailure"),
        unique,
        unreachable: cx.injected.unreachable,
        authority_certificate: authority.certificate,
        authority_key: authority.key,
        update: None,
    })
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    let _include = request.query_list("include");
    request.finish()?;
    let names = cx
        .world
        .seen::<Cluster>(&cx.region)
        .map(|cluster| cluster.id.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    Ok(names_page("clusters", names, token))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    Ok(json!({ "cluster": view(find_cluster(cx, request.path("name"))?) }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let name = request.path("name").to_owned();
    let cluster = find_cluster(cx, &name)?;
    match cluster.body.status {
        Status::Creating => {
            return Err(in_use(format!(
                "Cannot delete cluster {name} while it is being created"
            )));
        }
        Status::Deleting => {
            return Err(in_use(format!("Cluster {name} is already being deleted")));
        }
        Status::Updating => {
            let update = cluster.body.update.clone().unwrap_or_default();
            let text = format!(
                "Cannot DeleteCluster because cluster {name} currently has update {update} in progress"
            );
            return Err(in_use(text));
        }
        Status::Active | Status::Failed => {}
    }
    if cluster.body.deletion_protection {
        let text = format!("Cannot delete cluster {name} because deletion protection is enabled");
        return Err(invalid_request(text));
    }
    if cx
        .world
        .under::<Nodegroup>(&cx.region, &format!("{name}/"))
        .next()
        .is_some()
    {
        return Err(in_use("Cluster has nodegroups attached"));
    }
    if fargate::has_any(cx.world, &cx.region, &name) {
        return Err(in_use("Cluster has Fargate profiles attached"));
    }
    let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
    let deleted = cx.world.update::<Cluster>(&cx.region, &name, |cluster| {
        cluster.body.status = Status::Deleting;
        cluster.body.until_ms = until_ms;
    });
    Ok(json!({ "cluster": deleted.as_ref().map(view) }))
}

/// Writes a cluster. What EKS knows only once the control plane runs is absent before.
pub(super) fn view(cluster: &Object<Cluster>) -> Value {
    let body = &cluster.body;
    let ready = !matches!(body.status, Status::Creating | Status::Failed);
    let mut vpc_config = json!({
        "subnetIds": body.subnets,
        "securityGroupIds": body.security_groups,
        "vpcId": body.vpc,
        "endpointPublicAccess": body.public_access,
        "endpointPrivateAccess": body.private_access,
        "publicAccessCidrs": body.public_cidrs,
    });
    let issues: Vec<Value> = body
        .failure
        .iter()
        .filter(|_| body.status == Status::Failed)
        .map(|(code, text)| json!({ "code": code, "message": text, "resourceIds": [cluster.id] }))
        .collect();
    let [compute, balancing, storage] = auto_mode::views(body.auto_mode.as_ref());
    let mut view = json!({
        "name": cluster.id,
        "arn": body.arn,
        "createdAt": seconds(cluster.created_ms),
        "version": body.version,
        "roleArn": body.role_arn,
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": body.service_cidr,
            "ipFamily": "ipv4",
            "elasticLoadBalancing": balancing,
        },
        "computeConfig": compute,
        "storageConfig": storage,
        "logging": { "clusterLogging": logging_view(&body.logging) },
        "status": body.status,
        "platformVersion": "eks.1",
        "tags": cluster.tags,
        "health": { "issues": issues },
        "accessConfig": { "authenticationMode": body.auth_mode },
        "upgradePolicy": { "supportType": body.support_type },
        "zonalShiftConfig": { "enabled": body.zonal_shift },
        "deletionProtection": body.deletion_protection,
        "certificateAuthority": {},
    });
    if ready {
        let region = &cluster.region;
        vpc_config["clusterSecurityGroupId"] = json!(body.cluster_group);
        view["endpoint"] = json!(if body.unreachable {
            DEAD_END.to_owned()
        } else {
            format!("https://{}.gr7.{region}.eks.amazonaws.com", body.unique)
        });
        let issuer = format!("https://oidc.eks.{region}.amazonaws.com/id/{}", body.unique);
        view["identity"] = json!({ "oidc": { "issuer": issuer } });
        let data = STANDARD.encode(&body.authority_certificate);
        view["certificateAuthority"] = json!({ "data": data });
    }
    if !body.encryption.is_empty() {
        view["encryptionConfig"] = json!(body.encryption);
    }
    if let Some(token) = &cluster.client_token {
        view["clientRequestToken"] = json!(token);
    }
    view["resourcesVpcConfig"] = vpc_config;
    view
}

/// EKS answers with what is on and what is off, each only if there is any.
fn logging_view(on: &BTreeSet<String>) -> Vec<Value> {
    let mut split: BTreeMap<bool, Vec<&str>> = BTreeMap::new();
    for kind in LOG_TYPES {
        split.entry(!on.contains(kind)).or_default().push(kind);
    }
    split
        .into_iter()
        .map(|(off, types)| json!({ "types": types, "enabled": !off }))
        .collect()
}
