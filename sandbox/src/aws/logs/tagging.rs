//! The tags of log groups.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::tags::{self, TagArn, TagProblem, TagRules, TagsOfArn, UntagArn};
use crate::world::Tags;

use super::group::LogGroup;
use super::{INVALID, arn, find};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("TagResource", tag),
    JsonOperation::write("UntagResource", untag),
    JsonOperation::read("ListTagsForResource", list),
];

pub(super) fn check(tags: &Tags) -> Result<(), AwsError> {
    TagRules::USUAL
        .check(tags)
        .map_err(|problem| match problem {
            TagProblem::TooMany => AwsError::new(
                "TooManyTagsException",
                "The resource has too many tags: no more than 50 are possible.",
            ),
            TagProblem::Reserved(key) => invalid(&format!(
                "aws: prefixed tag key names are not allowed for external use, as in {key}"
            )),
            TagProblem::EmptyKey | TagProblem::KeyLength(_) => invalid("Invalid tag key length"),
            TagProblem::ValueLength(_) => invalid("Invalid tag value length"),
            TagProblem::Characters(key) => invalid(&format!("Invalid characters in the tag {key}")),
        })
}

fn invalid(text: &str) -> AwsError {
    AwsError::new(INVALID, text)
}

/// The name in an ARN, which must not end with `:*`.
fn name_of<'a>(cx: &Cx<'_>, given: &'a str) -> Result<&'a str, AwsError> {
    let name = given.strip_prefix(&arn(&cx.region, ""));
    name.filter(|name| !name.contains(':'))
        .ok_or_else(|| invalid(&format!("Invalid resource identifier: {given}")))
}

fn tag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagArn<Tags> = request.body()?;
    let name = name_of(cx, &wanted.resource_arn)?;
    let tags = tags::with(find(cx, name)?, wanted.tags, check)?;
    set(cx, name, tags);
    Ok(Value::Null)
}

fn untag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UntagArn = request.body()?;
    let name = name_of(cx, &wanted.resource_arn)?;
    let tags = tags::without(find(cx, name)?, &wanted.tag_keys);
    set(cx, name, tags);
    Ok(Value::Null)
}

/// Whoever changes the tags of a group that EKS made has taken it over.
fn set(cx: &mut Cx<'_>, name: &str, tags: Tags) {
    let region = cx.region.clone();
    cx.world.update::<LogGroup>(&region, name, |group| {
        group.tags = tags;
        group.body.is_eks_own = false;
    });
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagsOfArn = request.body()?;
    let group = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    Ok(json!({ "tags": group.tags }))
}
