//! Fargate profiles: which pods run without nodes. In a cluster one comes or goes at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::ec2::{self, Subnet};
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::Use;
use crate::world::{Key, Kind, New, Object, World};

use super::cluster::Cluster;
use super::cluster_request::check_tags;
use super::{
    Named, check_running, failure_of, find_cluster, in_use, invalid_parameter, invalid_request,
    made_before, names_page, not_found, role, take_page,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "CreateFargateProfile",
        ("POST", "/clusters/{name}/fargate-profiles"),
        create,
    ),
    RestOperation::read(
        "ListFargateProfiles",
        ("GET", "/clusters/{name}/fargate-profiles"),
        list,
    ),
    RestOperation::read(
        "DescribeFargateProfile",
        (
            "GET",
            "/clusters/{name}/fargate-profiles/{fargateProfileName}",
        ),
        describe,
    ),
    RestOperation::write(
        "DeleteFargateProfile",
        (
            "DELETE",
            "/clusters/{name}/fargate-profiles/{fargateProfileName}",
        ),
        delete,
    ),
];

/// How long it takes, in the cloud's seconds.
const CREATE_SECONDS: u64 = 90;
const DELETE_SECONDS: u64 = 90;
const MAX_SELECTORS: usize = 5;
const MAX_LABELS: usize = 5;

/// Where a profile stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Creating,
    Active,
    Deleting,
    CreateFailed,
}

/// Which pods a profile is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
}

/// A profile; the id is `cluster/name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FargateProfile {
    arn: String,
    role: String,
    subnets: Vec<String>,
    selectors: Vec<Selector>,
    pub(super) status: Status,
    until_ms: Option<u64>,
    failure: Option<(String, String)>,
}

impl Kind for FargateProfile {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "fargate-profile";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        let Some(profile) = world.raw::<Self>(&key.region, &key.id) else {
            return;
        };
        if profile
            .body
            .until_ms
            .is_none_or(|until| until > world.now_ms())
        {
            return;
        }
        if profile.body.status == Status::Deleting {
            world.remove::<Self>(&key.region, &key.id);
            return;
        }
        world.update::<Self>(&key.region, &key.id, |profile| {
            profile.body.status = match profile.body.failure {
                Some(_) => Status::CreateFailed,
                None => Status::Active,
            };
            profile.body.until_ms = None;
        });
    }
}

impl Named for FargateProfile {
    fn arn(&self) -> &str {
        &self.arn
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    fargate_profile_name: String,
    pod_execution_role_arn: String,
    subnets: Option<Vec<String>>,
    selectors: Option<Vec<Selector>>,
    client_request_token: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

fn find<'a>(
    cx: &'a Cx<'_>,
    cluster: &str,
    name: &str,
) -> Result<&'a Object<FargateProfile>, AwsError> {
    find_cluster(cx, cluster)?;
    cx.world
        .get::<FargateProfile>(&cx.region, &format!("{cluster}/{name}"))
        .ok_or_else(|| not_found(format!("No Fargate Profile found with name: {name}.")))
}

/// Tells whether a cluster has a profile.
pub(super) fn has_any(world: &World, region: &str, cluster: &str) -> bool {
    let prefix = format!("{cluster}/");
    world
        .under::<FargateProfile>(region, &prefix)
        .next()
        .is_some()
}

/// Tells whether pods of a namespace can run on Fargate.
pub(super) fn takes(world: &World, (region, cluster): (&str, &str), namespace: &str) -> bool {
    let prefix = format!("{cluster}/");
    let mut profiles = world.under::<FargateProfile>(region, &prefix);
    profiles.any(|profile| {
        let mut selectors = profile.body.selectors.iter();
        profile.body.status == Status::Active
            && selectors.any(|selector| selector.namespace.as_deref() == Some(namespace))
    })
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Create = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateFargateProfile",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    if let Some(profile) = made_before::<FargateProfile>(cx, &used)? {
        return Ok(json!({ "fargateProfile": view(&profile) }));
    }
    let cluster = find_cluster(cx, request.path("name"))?.clone();
    let name = wanted.fargate_profile_name.clone();
    let tags = wanted.tags.clone().unwrap_or_default();
    check_tags(&tags)?;
    let selectors = check_selectors(wanted.selectors.unwrap_or_default())?;
    let subnets = choose_subnets(cx, &cluster, wanted.subnets)?;
    let id = format!("{}/{name}", cluster.id);
    if cx.world.raw::<FargateProfile>(&region, &id).is_some() {
        return Err(in_use(format!(
            "Fargate Profile already exists with name {name} and cluster name {}",
            cluster.id
        )));
    }
    check_running(&cluster)?;
    if let Some((other, status)) = busy(cx, &cluster.id) {
        return Err(invalid_request(format!(
            "Cannot create Fargate Profile {name} because cluster {} currently has Fargate profile {other} in status {status}",
            cluster.id
        )));
    }
    role::check_role(cx, &wanted.pod_execution_role_arn, role::FARGATE)?;
    let profile = FargateProfile {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:fargateprofile/{id}/{}",
            partition(&region),
            cx.world.draw(15).uuid()
        ),
        role: wanted.pod_execution_role_arn,
        subnets,
        selectors,
        status: Status::Creating,
        until_ms: Some(cx.world.after_seconds(CREATE_SECONDS)),
        failure: failure_of(cx, "InternalFailure"),
    };
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, profile)
        .name(&name)
        .tags(tags)
        .token(wanted.client_request_token.clone());
    let profile = cx.world.insert(new);
    Ok(json!({ "fargateProfile": view(&profile) }))
}

/// The profile of a cluster that comes or goes.
fn busy(cx: &Cx<'_>, cluster: &str) -> Option<(String, &'static str)> {
    let prefix = format!("{cluster}/");
    let mut profiles = cx.world.under::<FargateProfile>(&cx.region, &prefix);
    profiles.find_map(|profile| {
        let status = match profile.body.status {
            Status::Creating => "CREATING",
            Status::Deleting => "DELETING",
            Status::Active | Status::CreateFailed => return None,
        };
        Some((profile.name.clone().unwrap_or_default(), status))
    })
}

fn check_selectors(selectors: Vec<Selector>) -> Result<Vec<Selector>, AwsError> {
    if selectors.is_empty() || selectors.len() > MAX_SELECTORS {
        return Err(invalid_parameter(format!(
            "Fargate Profile must have between 1 and {MAX_SELECTORS} selectors"
        )));
    }
    for selector in &selectors {
        if selector.namespace.as_deref().unwrap_or_default().is_empty() {
            return Err(invalid_parameter("Selector namespace must not be empty"));
        }
        let labels = selector.labels.as_ref().map_or(0, BTreeMap::len);
        if labels > MAX_LABELS {
            return Err(invalid_parameter(format!(
                "A selector can have at most {MAX_LABELS} labels"
            )));
        }
    }
    Ok(selectors)
}

/// The subnets of a profile: those that are asked for, or the private ones of the cluster.
fn choose_subnets(
    cx: &Cx<'_>,
    cluster: &Object<Cluster>,
    wanted: Option<Vec<String>>,
) -> Result<Vec<String>, AwsError> {
    let is_public = |id: &str| ec2::leads_out(cx.world, &cx.region, id);
    let Some(wanted) = wanted.filter(|subnets| !subnets.is_empty()) else {
        let own = cluster.body.subnets.iter();
        return Ok(own.filter(|id| !is_public(id)).cloned().collect());
    };
    for id in &wanted {
        let subnet = cx.world.get::<Subnet>(&cx.region, id);
        let Some(subnet) = subnet else {
            return Err(invalid_parameter(format!(
                "The subnet ID '{id}' does not exist"
            )));
        };
        if subnet.body.vpc != cluster.body.vpc {
            return Err(invalid_parameter(format!(
                "Subnet {id} does not belong to the VPC of the cluster"
            )));
        }
        if is_public(id) {
            return Err(invalid_parameter(format!(
                "Subnet {id} provided in Fargate Profile is not a private subnet"
            )));
        }
    }
    Ok(wanted)
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let profiles = cx.world.seen_under::<FargateProfile>(&cx.region, &prefix);
    let names = profiles.filter_map(|profile| profile.name.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    Ok(names_page("fargateProfileNames", names, token))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let profile = find(cx, request.path("name"), request.path("fargateProfileName"))?;
    Ok(json!({ "fargateProfile": view(profile) }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let cluster = request.path("name").to_owned();
    let profile = find(cx, &cluster, request.path("fargateProfileName"))?.clone();
    if profile.body.status == Status::Deleting {
        return Ok(json!({ "fargateProfile": view(&profile) }));
    }
    if let Some((other, status)) = busy(cx, &cluster) {
        return Err(in_use(format!(
            "Cannot delete Fargate Profile because cluster {cluster} currently has Fargate profile {other} in status {status}"
        )));
    }
    let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
    let region = cx.region.clone();
    let deleted = cx
        .world
        .update::<FargateProfile>(&region, &profile.id, |profile| {
            profile.body.status = Status::Deleting;
            profile.body.until_ms = until_ms;
        });
    Ok(json!({ "fargateProfile": deleted.as_ref().map(view) }))
}

fn view(profile: &Object<FargateProfile>) -> Value {
    let body = &profile.body;
    let (cluster, name) = profile.id.split_once('/').unwrap_or_default();
    let issues: Vec<Value> = body
        .failure
        .iter()
        .filter(|_| body.status == Status::CreateFailed)
        .map(|(code, text)| json!({ "code": code, "message": text, "resourceIds": [] }))
        .collect();
    json!({
        "fargateProfileName": name,
        "fargateProfileArn": body.arn,
        "clusterName": cluster,
        "createdAt": seconds(profile.created_ms),
        "podExecutionRoleArn": body.role,
        "subnets": body.subnets,
        "selectors": body.selectors,
        "status": body.status,
        "tags": profile.tags,
        "health": { "issues": issues },
    })
}
