//! The tags of clusters, node groups and access entries. They can change while an update runs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::aws::arn::Arn;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::world::{Key, Kind, Tags};

use super::access_entry::AccessEntry;
use super::cluster::Cluster;
use super::cluster_request::check_tags;
use super::nodegroup::Nodegroup;
use super::{invalid_parameter, not_found};

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
    let (kind, id) = match parts.as_slice() {
        ["cluster", name] => (Cluster::TYPE, (*name).to_owned()),
        ["nodegroup", cluster, name, _unique] => (Nodegroup::TYPE, format!("{cluster}/{name}")),
        ["access-entry", cluster, ..] => {
            let prefix = format!("{cluster}/");
            let mut entries = cx.world.under::<AccessEntry>(&cx.region, &prefix);
            let entry = entries.find(|entry| entry.body.arn == arn_text);
            let entry =
                entry.ok_or_else(|| not_found(format!("Resource not found: {arn_text}")))?;
            (AccessEntry::TYPE, entry.id.clone())
        }
        _ => {
            return Err(invalid_parameter(format!(
                "Unsupported resource: {arn_text}"
            )));
        }
    };
    let key = Key::new(&cx.region, &id);
    let tags = cx
        .world
        .tags_of("eks", kind, &key)
        .filter(|_| is_same(cx, &key, arn_text));
    let tags = tags.ok_or_else(|| not_found(format!("Resource not found: {arn_text}")))?;
    Ok((kind, key, tags))
}

/// A node group that was made again has another ARN.
fn is_same(cx: &Cx<'_>, key: &Key, arn: &str) -> bool {
    let group = cx
        .world
        .raw::<Nodegroup>(&key.region, &key.id)
        .map(|group| group.body.arn.as_str());
    let cluster = cx
        .world
        .raw::<Cluster>(&key.region, &key.id)
        .map(|c| c.body.arn.as_str());
    let entry = cx
        .world
        .raw::<AccessEntry>(&key.region, &key.id)
        .map(|entry| entry.body.arn.as_str());
    [group, cluster, entry].contains(&Some(arn))
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
