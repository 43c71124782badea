//! Access entries: which principals of IAM may use a cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::{Arn, partition};
use crate::aws::error::{Answer, AwsError};
use crate::aws::iam::Role;
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::{Seen, Use};
use crate::world::{Kind, New, Object};

use super::access_policy::AccessPolicy;
use super::cluster_request::check_tags;
use super::{
    Named, find_cluster, in_use, invalid_parameter, invalid_request, names_page, not_found,
    take_page,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "CreateAccessEntry",
        ("POST", "/clusters/{name}/access-entries"),
        create,
    ),
    RestOperation::read(
        "ListAccessEntries",
        ("GET", "/clusters/{name}/access-entries"),
        list,
    ),
    RestOperation::read(
        "DescribeAccessEntry",
        ("GET", "/clusters/{name}/access-entries/{principalArn}"),
        describe,
    ),
    RestOperation::write(
        "UpdateAccessEntry",
        ("POST", "/clusters/{name}/access-entries/{principalArn}"),
        update,
    ),
    RestOperation::write(
        "DeleteAccessEntry",
        ("DELETE", "/clusters/{name}/access-entries/{principalArn}"),
        delete,
    ),
];

/// The types of entries. Only those of people and programs can be given groups and a name.
const TYPES: [&str; 7] = [
    "STANDARD",
    "EC2_LINUX",
    "EC2_WINDOWS",
    "FARGATE_LINUX",
    "EC2",
    "HYBRID_LINUX",
    "HYPERPOD_LINUX",
];

/// An entry; the id is `cluster/principal`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AccessEntry {
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) principal: String,
    pub(super) groups: Vec<String>,
    pub(super) username: String,
    pub(super) kind: String,
    pub(super) modified_ms: u64,
}

impl Kind for AccessEntry {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "access-entry";
}

impl Named for AccessEntry {
    fn arn(&self) -> &str {
        &self.arn
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    principal_arn: String,
    kubernetes_groups: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    client_request_token: Option<String>,
    username: Option<String>,
    r#type: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    kubernetes_groups: Option<Vec<String>>,
    #[expect(dead_code, reason = "the same update twice is the same update")]
    client_request_token: Option<String>,
    username: Option<String>,
}

/// Finds an entry.
pub(super) fn find<'a>(
    cx: &'a Cx<'_>,
    cluster: &str,
    principal: &str,
) -> Result<&'a Object<AccessEntry>, AwsError> {
    find_cluster(cx, cluster)?;
    cx.world
        .get::<AccessEntry>(&cx.region, &format!("{cluster}/{principal}"))
        .ok_or_else(|| {
            not_found(format!(
                "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'. principalArn: {principal}"
            ))
        })
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Create = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateAccessEntry",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    match used.seen(cx.world) {
        Seen::Same(id) => {
            if let Some(entry) = cx.world.get::<AccessEntry>(&region, &id) {
                return Ok(json!({ "accessEntry": view(entry) }));
            }
        }
        Seen::Other => {
            return Err(invalid_parameter(
                "The client request token was used with other parameters",
            ));
        }
        Seen::New => {}
    }
    let cluster = find_cluster(cx, request.path("name"))?;
    if cluster.body.auth_mode == "CONFIG_MAP" {
        return Err(invalid_request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        ));
    }
    let id = format!("{}/{}", cluster.id, wanted.principal_arn);
    let entry = build(cx, &cluster.id, &wanted)?;
    let tags = wanted.tags.unwrap_or_default();
    check_tags(&tags)?;
    if cx.world.raw::<AccessEntry>(&region, &id).is_some() {
        return Err(in_use(
            "The specified access entry resource is already in use on this cluster.",
        ));
    }
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, entry)
        .tags(tags)
        .token(wanted.client_request_token.clone());
    let entry = cx.world.insert(new);
    Ok(json!({ "accessEntry": view(&entry) }))
}

fn build(cx: &Cx<'_>, cluster: &str, wanted: &Create) -> Result<AccessEntry, AwsError> {
    let principal = &wanted.principal_arn;
    let kind = wanted.r#type.as_deref().unwrap_or("STANDARD");
    if !TYPES.contains(&kind) {
        return Err(invalid_parameter(format!(
            "The type must be one of [{}]",
            TYPES.join(", ")
        )));
    }
    let groups = wanted.kubernetes_groups.clone().unwrap_or_default();
    if kind != "STANDARD" && (!groups.is_empty() || wanted.username.is_some()) {
        return Err(invalid_parameter(format!(
            "You can't specify kubernetesGroups or username for an access entry of type {kind}"
        )));
    }
    check_names(&groups, wanted.username.as_deref())?;
    let path = check_principal(cx, principal)?;
    let region = &cx.region;
    Ok(AccessEntry {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:access-entry/{cluster}/{path}/{}",
            partition(region),
            cx.world.draw(11).uuid()
        ),
        cluster: cluster.to_owned(),
        principal: principal.clone(),
        groups,
        username: wanted
            .username
            .clone()
            .unwrap_or_else(|| default_name(principal, kind)),
        kind: kind.to_owned(),
        modified_ms: cx.world.now_ms(),
    })
}

/// Refuses a principal that IAM does not have, and returns its part of the entry's ARN.
fn check_principal(cx: &Cx<'_>, principal: &str) -> Result<String, AwsError> {
    let invalid = || {
        invalid_parameter(format!(
            "The specified principalArn is invalid: invalid principal. principalArn: {principal}"
        ))
    };
    let arn = Arn::parse(principal).filter(|arn| arn.service == "iam");
    let arn = arn.ok_or_else(invalid)?;
    let (kind, path) = arn.resource.split_once('/').ok_or_else(invalid)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    match kind {
        "role" => {
            let role = cx.world.get::<Role>("global", name);
            role.filter(|role| role.body.arn == principal)
                .ok_or_else(invalid)?;
        }
        // The sandbox keeps no users: any name is one.
        "user" => {}
        _ => return Err(invalid()),
    }
    Ok(format!("{kind}/{}/{name}", arn.account))
}

fn check_names(groups: &[String], username: Option<&str>) -> Result<(), AwsError> {
    if let Some(group) = groups.iter().find(|group| group.starts_with("system:")) {
        return Err(invalid_parameter(format!(
            "The kubernetes group name {group} is invalid, it cannot start with system:"
        )));
    }
    let reserved = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    match username.filter(|name| reserved.iter().any(|start| name.starts_with(start))) {
        Some(name) => Err(invalid_parameter(format!(
            "The username {name} is invalid, it cannot start with one of [{}]",
            reserved.join(", ")
        ))),
        None => Ok(()),
    }
}

/// The name that a principal has in Kubernetes where none is given.
fn default_name(principal: &str, kind: &str) -> String {
    let arn = Arn::parse(principal);
    let role = arn.and_then(|arn| arn.resource.strip_prefix("role/"));
    match (kind, arn, role) {
        ("STANDARD", Some(arn), Some(path)) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            format!(
                "arn:{}:sts::{}:assumed-role/{name}/{{{{SessionName}}}}",
                arn.partition, arn.account
            )
        }
        ("STANDARD", _, _) => principal.to_owned(),
        (_, _, _) => "system:node:{{EC2PrivateDNSName}}".to_owned(),
    }
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    let policy = request.query("associatedPolicyArn");
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let entries = cx.world.seen_under::<AccessEntry>(&cx.region, &prefix);
    let has_policy = |entry: &Object<AccessEntry>| {
        policy.as_ref().is_none_or(|policy| {
            let id = format!("{}/{policy}", entry.id);
            cx.world.get::<AccessPolicy>(&cx.region, &id).is_some()
        })
    };
    let names = entries
        .filter(|entry| has_policy(entry))
        .map(|entry| entry.body.principal.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    Ok(names_page("accessEntries", names, token))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let entry = find(cx, request.path("name"), request.path("principalArn"))?;
    Ok(json!({ "accessEntry": view(entry) }))
}

fn update(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: Update = request.body()?;
    request.finish()?;
    let entry = find(cx, request.path("name"), request.path("principalArn"))?;
    if entry.body.kind != "STANDARD" {
        return Err(invalid_request(format!(
            "An access entry of type {} can't be updated",
            entry.body.kind
        )));
    }
    let groups = wanted.kubernetes_groups.clone().unwrap_or_default();
    check_names(&groups, wanted.username.as_deref())?;
    let id = entry.id.clone();
    let now_ms = cx.world.now_ms();
    let updated = cx.world.update::<AccessEntry>(&cx.region, &id, |entry| {
        if let Some(groups) = wanted.kubernetes_groups {
            entry.body.groups = groups;
        }
        if let Some(username) = wanted.username {
            entry.body.username = username;
        }
        entry.body.modified_ms = now_ms;
    });
    Ok(json!({ "accessEntry": updated.as_ref().map(view) }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let entry = find(cx, request.path("name"), request.path("principalArn"))?;
    let id = entry.id.clone();
    let prefix = format!("{id}/");
    cx.world
        .remove_where::<AccessPolicy>(&cx.region.clone(), |policy| policy.id.starts_with(&prefix));
    cx.world.remove::<AccessEntry>(&cx.region, &id);
    Ok(json!({}))
}

fn view(entry: &Object<AccessEntry>) -> Value {
    let body = &entry.body;
    json!({
        "clusterName": body.cluster,
        "principalArn": body.principal,
        "kubernetesGroups": body.groups,
        "accessEntryArn": body.arn,
        "createdAt": seconds(entry.created_ms),
        "modifiedAt": seconds(body.modified_ms),
        "tags": entry.tags,
        "username": body.username,
        "type": body.kind,
    })
}
