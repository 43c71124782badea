//! The tags of keys.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::tags::{self, TagProblem, TagRules};
use crate::world::Tags;

use super::key::Key;
use super::{find, find_lasting, take_page};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("TagResource", tag),
    JsonOperation::write("UntagResource", untag),
    JsonOperation::read("ListResourceTags", list),
];

/// A tag as callers send it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    tag_key: String,
    tag_value: String,
}

/// Reads the tags of a create or tag call.
pub(super) fn read(list: &[Tag]) -> Result<Tags, AwsError> {
    let pairs = list
        .iter()
        .map(|tag| (tag.tag_key.clone(), tag.tag_value.clone()));
    let tags = tags::of_list(pairs, || tag_error("Duplicate tag keys"))?;
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &Tags) -> Result<(), AwsError> {
    TagRules::USUAL
        .check(tags)
        .map_err(|problem| match problem {
            TagProblem::TooMany => {
                AwsError::new("LimitExceededException", "Too many tags on the KMS key")
            }
            TagProblem::Reserved(_) => {
                tag_error("aws: prefixed tag key names are not allowed for external use.")
            }
            TagProblem::EmptyKey | TagProblem::KeyLength(_) => tag_error("Invalid tag key length"),
            TagProblem::ValueLength(_) => tag_error("Invalid tag value length"),
            TagProblem::Characters(_) => tag_error("Invalid characters in a tag"),
        })
}

fn tag_error(text: &str) -> AwsError {
    AwsError::new("TagException", text)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagResource {
    key_id: String,
    tags: Vec<Tag>,
}

fn tag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagResource = request.body()?;
    let added = read(&wanted.tags)?;
    let key = find_lasting(cx, &wanted.key_id)?;
    let (id, tags) = (key.id.clone(), tags::with(key, added, check)?);
    tags::set::<Key>(cx, &id, tags);
    Ok(Value::Null)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UntagResource {
    key_id: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UntagResource = request.body()?;
    let key = find_lasting(cx, &wanted.key_id)?;
    let (id, tags) = (key.id.clone(), tags::without(key, &wanted.tag_keys));
    tags::set::<Key>(cx, &id, tags);
    Ok(Value::Null)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListResourceTags {
    key_id: String,
    limit: Option<usize>,
    marker: Option<String>,
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ListResourceTags = request.body()?;
    let page = take_page(cx, (wanted.marker.as_ref(), wanted.limit), 50)?;
    let tags = find(cx, &wanted.key_id)?.tags.iter().collect();
    let (tags, marker) = page.cut(tags, |(key, _): &(&String, &String)| (*key).clone());
    let views = tags
        .into_iter()
        .map(|(key, value)| json!({ "TagKey": key, "TagValue": value }));
    let mut answer = json!({ "Tags": views.collect::<Vec<_>>(), "Truncated": marker.is_some() });
    if let Some(marker) = marker {
        answer["NextMarker"] = Value::String(marker);
    }
    Ok(answer)
}
