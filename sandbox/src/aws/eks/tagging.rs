//! The tags of what EKS keeps. They can change while an update runs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::aws::arn::Arn;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::world::{Key, Tags};

use super::access_entry::AccessEntry;
use super::addon::Addon;
use super::cluster::Cluster;
use super::cluster_request::check_tags;
use super::fargate::FargateProfile;
use super::identity_provider::IdentityProvider;
use super::nodegroup::Nodegroup;
use super::pod_identity::PodIdentity;
use super::{Named, invalid_parameter, not_found};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write("TagResource", ("POST", "/tags/{resourceArn}"), tag),
    RestOperation::write("UntagResource", ("DELETE", "/tags/{resourceArn}"), untag),
    RestOperation::read("ListTagsForResource", ("GET", "/tags/{resourceArn}"), list),
];

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    tags: BTreeMap<String, String>,
}

/// Finds what an ARN names: its type, its place, its tags.
fn find(cx: &Cx<'_>, arn_text: &str) -> Result<(&'static str, Key, Tags), AwsError> {
    let arn = Arn::parse(arn_text).filter(|arn| arn.service == "eks" && arn.region == cx.region);
    let Some(arn) = arn else {
        return Err(invalid_parameter(format!(
            "The specified resourceArn is malformed: {arn_text}"
        )));
    };
    let parts: Vec<&str> = arn.resource.split('/').collect();
    let named = match parts.as_slice() {
        ["cluster", name] => named::<Cluster>(cx, arn_text, name),
        ["nodegroup", cluster, ..] => named::<Nodegroup>(cx, arn_text, cluster),
        ["access-entry", cluster, ..] => named::<AccessEntry>(cx, arn_text, cluster),
        ["fargateprofile", cluster, ..] => named::<FargateProfile>(cx, arn_text, cluster),
        ["identityproviderconfig", cluster, ..] => named::<IdentityProvider>(cx, arn_text, cluster),
        ["addon", cluster, ..] => named::<Addon>(cx, arn_text, cluster),
        ["podidentityassociation", cluster, ..] => named::<PodIdentity>(cx, arn_text, cluster),
        _ => {
            return Err(invalid_parameter(format!(
                "Unsupported resource: {arn_text}"
            )));
        }
    };
    named.ok_or_else(|| not_found(format!("Resource not found: {arn_text}")))
}

/// The object of a type that has this ARN, among those whose ids begin with a text. What was made again has another ARN.
fn named<T: Named>(cx: &Cx<'_>, arn: &str, beginning: &str) -> Option<(&'static str, Key, Tags)> {
    let mut objects = cx.world.under::<T>(&cx.region, beginning);
    let object = objects.find(|object| object.body.arn() == arn)?;
    let key = object.key();
    let tags = cx.world.tags_of(T::SERVICE, T::TYPE, &key)?;
    Some((T::TYPE, key, tags))
}

fn tag(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: TagResource = request.body()?;
    request.finish()?;
    let (kind, key, mut tags) = find(cx, request.path("resourceArn"))?;
    tags.extend(wanted.tags);
    check_tags(&tags)?;
    cx.world.set_tags_of("eks", kind, &key, tags);
    Ok(json!({}))
}

fn untag(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let keys = request.query_list("tagKeys");
    request.finish()?;
    let (kind, key, mut tags) = find(cx, request.path("resourceArn"))?;
    if keys.is_empty() {
        return Err(invalid_parameter("tagKeys must not be empty"));
    }
    tags.retain(|known, _| !keys.contains(known));
    cx.world.set_tags_of("eks", kind, &key, tags);
    Ok(json!({}))
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let (_kind, _key, tags) = find(cx, request.path("resourceArn"))?;
    Ok(json!({ "tags": tags }))
}
