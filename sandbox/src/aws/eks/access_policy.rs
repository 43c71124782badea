//! EKS's own policies on access entries: what a principal may do in a cluster.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::world::{Kind, New, Object};

use super::access_entry::find;
use super::{invalid_parameter, invalid_request, not_found, take_page};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "AssociateAccessPolicy",
        (
            "POST",
            "/clusters/{name}/access-entries/{principalArn}/access-policies",
        ),
        associate,
    ),
    RestOperation::read(
        "ListAssociatedAccessPolicies",
        (
            "GET",
            "/clusters/{name}/access-entries/{principalArn}/access-policies",
        ),
        list_associated,
    ),
    RestOperation::write(
        "DisassociateAccessPolicy",
        (
            "DELETE",
            "/clusters/{name}/access-entries/{principalArn}/access-policies/{policyArn}",
        ),
        disassociate,
    ),
    RestOperation::read("ListAccessPolicies", ("GET", "/access-policies"), list),
];

/// The policies that there are.
const POLICIES: [&str; 8] = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
];

/// A policy on an entry; the id is `cluster/principal/policy`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AccessPolicy {
    policy: String,
    scope: Scope,
    modified_ms: u64,
}

impl Kind for AccessPolicy {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "access-policy-association";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scope {
    r#type: String,
    #[serde(default)]
    namespaces: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Associate {
    policy_arn: String,
    access_scope: Scope,
}

fn arn_of(region: &str, name: &str) -> String {
    let partition = partition(region);
    format!("arn:{partition}:eks::aws:cluster-access-policy/{name}")
}

/// A policy that is on the entry already gets the new scope.
fn associate(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: Associate = request.body()?;
    request.finish()?;
    let (cluster, principal) = (request.path("name"), request.path("principalArn"));
    let entry = find(cx, cluster, principal)?;
    if entry.body.kind != "STANDARD" && entry.body.kind != "EC2" {
        return Err(invalid_request(format!(
            "Access policies can't be associated with an access entry of type {}",
            entry.body.kind
        )));
    }
    check(&cx.region, &wanted)?;
    let id = format!("{}/{}", entry.id, wanted.policy_arn);
    let region = cx.region.clone();
    let now_ms = cx.world.now_ms();
    let scope = wanted.access_scope.clone();
    let updated = cx.world.update::<AccessPolicy>(&region, &id, |known| {
        known.body.scope = scope;
        known.body.modified_ms = now_ms;
    });
    let policy = match updated {
        Some(policy) => policy,
        None => cx.world.insert(New::plain(
            &region,
            id,
            AccessPolicy {
                policy: wanted.policy_arn,
                scope: wanted.access_scope,
                modified_ms: now_ms,
            },
        )),
    };
    Ok(json!({
        "clusterName": cluster,
        "principalArn": principal,
        "associatedAccessPolicy": view(&policy),
    }))
}

fn check(region: &str, wanted: &Associate) -> Result<(), AwsError> {
    if !POLICIES
        .iter()
        .any(|name| arn_of(region, name) == wanted.policy_arn)
    {
        return Err(invalid_parameter(format!(
            "The policyArn parameter format is not valid or the policy does not exist: {}",
            wanted.policy_arn
        )));
    }
    let scope = &wanted.access_scope;
    match (scope.r#type.as_str(), scope.namespaces.is_empty()) {
        ("cluster", true) | ("namespace", false) => Ok(()),
        ("cluster", false) => Err(invalid_parameter(
            "The accessScope of type cluster must not have namespaces",
        )),
        ("namespace", true) => Err(invalid_parameter(
            "The accessScope of type namespace must have at least one namespace",
        )),
        (_, _) => Err(invalid_parameter(
            "The type of the accessScope must be one of [cluster, namespace]",
        )),
    }
}

fn list_associated(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let entry = find(cx, request.path("name"), request.path("principalArn"))?;
    let prefix = format!("{}/", entry.id);
    let policies = cx.world.seen_under::<AccessPolicy>(&cx.region, &prefix);
    let (policies, token) = page.cut(policies.collect(), |policy| policy.id.clone());
    let views: Vec<Value> = policies.into_iter().map(view).collect();
    let mut answer = json!({
        "clusterName": entry.body.cluster,
        "principalArn": entry.body.principal,
        "associatedAccessPolicies": views,
    });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}

fn disassociate(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let entry = find(cx, request.path("name"), request.path("principalArn"))?;
    let policy = request.path("policyArn");
    let id = format!("{}/{policy}", entry.id);
    if cx.world.get::<AccessPolicy>(&cx.region, &id).is_none() {
        return Err(not_found(format!(
            "The specified policyArn is not associated with the access entry: {policy}"
        )));
    }
    cx.world.remove::<AccessPolicy>(&cx.region, &id);
    Ok(json!({}))
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let (names, token) = page.cut(POLICIES.to_vec(), |name| (*name).to_owned());
    let views: Vec<Value> = names
        .into_iter()
        .map(|name| json!({ "name": name, "arn": arn_of(&cx.region, name) }))
        .collect();
    let mut answer = json!({ "accessPolicies": views });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}

fn view(policy: &Object<AccessPolicy>) -> Value {
    json!({
        "policyArn": policy.body.policy,
        "accessScope": policy.body.scope,
        "associatedAt": seconds(policy.created_ms),
        "modifiedAt": seconds(policy.body.modified_ms),
    })
}
