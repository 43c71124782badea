//! The tags of log groups.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::JsonRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::tags::{TagProblem, TagRules};
use crate::world::Tags;

use super::group::LogGroup;
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

pub(super) fn check(tags: &Tags) -> Result<(), AwsError> {
    RULES.check(tags).map_err(|problem| match problem {
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: String,
    tags: Tags,
}

/// Whoever puts tags on a group that EKS made has taken it over.
fn tag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: TagResource = request.body()?;
    let group = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let mut tags = group.tags.clone();
    tags.extend(wanted.tags);
    check(&tags)?;
    let name = group.id.clone();
    set(cx, &name, tags);
    Ok(Value::Null)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: UntagResource = request.body()?;
    let group = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    let mut tags = group.tags.clone();
    tags.retain(|known, _| !wanted.tag_keys.contains(known));
    let name = group.id.clone();
    set(cx, &name, tags);
    Ok(Value::Null)
}

fn set(cx: &mut Cx<'_>, name: &str, tags: Tags) {
    let region = cx.region.clone();
    cx.world.update::<LogGroup>(&region, name, |group| {
        group.tags = tags;
        group.body.is_eks_own = false;
    });
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTagsForResource {
    resource_arn: String,
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ListTagsForResource = request.body()?;
    let group = find(cx, name_of(cx, &wanted.resource_arn)?)?;
    Ok(json!({ "tags": group.tags }))
}
