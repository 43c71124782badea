//! The tags of repositories.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::tags::{self, TagArn, TagProblem, TagRules, TagsOfArn, UntagArn};
use crate::world::Tags;

use super::repository::Repository;
use super::{INVALID, arn, find};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("TagResource", tag),
    JsonOperation::write("UntagResource", untag),
    JsonOperation::read("ListTagsForResource", list),
];

/// A tag as callers send it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// Reads the tags of a create or tag call.
pub(super) fn read(list: &[Tag]) -> Result<Tags, AwsError> {
    let pairs = list.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    let duplicate = || invalid("Invalid tag parameter: duplicate tag keys");
    let tags = tags::of_list(pairs, duplicate)?;
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &Tags) -> Result<(), AwsError> {
    TagRules::USUAL.check(tags).map_err(|problem| match problem {
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

fn tag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagArn<Vec<Tag>> = request.body()?;
    let added = read(&wanted.tags)?;
    let name = name_of(cx, &wanted.resource_arn)?;
    let tags = tags::with(find(cx, name)?, added, check)?;
    tags::set::<Repository>(cx, name, tags);
    Ok(json!({}))
}

fn untag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UntagArn = request.body()?;
    let name = name_of(cx, &wanted.resource_arn)?;
    let tags = tags::without(find(cx, name)?, &wanted.tag_keys);
    tags::set::<Repository>(cx, name, tags);
    Ok(json!({}))
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagsOfArn = request.body()?;
    let repository = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let views = repository
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "tags": views.collect::<Vec<Value>>() }))
}
