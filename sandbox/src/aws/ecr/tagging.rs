//! The tags of repositories.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::tags::{TagProblem, TagRules};
use crate::world::Tags;

use super::repository::Repository;
use super::{INVALID, arn, find};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("TagResource", tag),
    JsonOperation::write("UntagResource", untag),
    JsonOperation::read("ListTagsForResource", list),
];

const RULES: TagRules = TagRules {
    key_chars: 128,
    value_chars: 256,
    plain: true,
};

/// A tag as callers send it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// Reads the tags of a create or tag call.
pub(super) fn read(list: &[Tag]) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in list {
        let before = tags.insert(tag.key.clone(), tag.value.clone());
        if before.is_some() {
            return Err(invalid("Invalid tag parameter: duplicate tag keys"));
        }
    }
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &Tags) -> Result<(), AwsError> {
    RULES.check(tags).map_err(|problem| match problem {
        TagProblem::TooMany => AwsError::new(
            "TooManyTagsException",
            "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is 50.",
        ),
        TagProblem::Reserved(_) => {
            invalid("Invalid tag parameter: tag keys cannot start with aws:")
        }
        TagProblem::EmptyKey | TagProblem::KeyLength(_) => {
            invalid("Invalid tag parameter: the length of a key is 1 to 128")
        }
        TagProblem::ValueLength(_) => {
            invalid("Invalid tag parameter: the length of a value is at most 256")
        }
        TagProblem::Characters(_) => invalid("Invalid tag parameter: invalid characters"),
    })
}

fn invalid(text: &str) -> AwsError {
    AwsError::new("InvalidTagParameterException", text)
}

/// The name in an ARN.
fn name_of<'a>(cx: &Cx<'_>, given: &'a str) -> Result<&'a str, AwsError> {
    given.strip_prefix(&arn(&cx.region, "")).ok_or_else(|| {
        let text = format!("Invalid parameter at 'resourceArn': {given}");
        AwsError::new(INVALID, text)
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

fn tag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagResource = request.body()?;
    let added = read(&wanted.tags)?;
    let repository = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let mut tags = repository.tags.clone();
    tags.extend(added);
    check(&tags)?;
    let name = repository.id.clone();
    set(cx, &name, tags);
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UntagResource = request.body()?;
    let repository = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let mut tags = repository.tags.clone();
    tags.retain(|known, _| !wanted.tag_keys.contains(known));
    let name = repository.id.clone();
    set(cx, &name, tags);
    Ok(json!({}))
}

fn set(cx: &mut Cx<'_>, name: &str, tags: Tags) {
    let region = cx.region.clone();
    cx.world
        .update::<Repository>(&region, name, |repository| repository.tags = tags);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTagsForResource {
    resource_arn: String,
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ListTagsForResource = request.body()?;
    let repository = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let views = repository
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "tags": views.collect::<Vec<Value>>() }))
}
