//! Tags of EC2's objects.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::tags::{MAX_TAGS, TagProblem, TagRules};
use crate::world::{Key, Tags};

use super::describe::{not_found, take_page};
use super::filter::Filters;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateTags", create),
    QueryOperation::write("DeleteTags", delete),
    QueryOperation::read("DescribeTags", describe),
];

const RULES: TagRules = TagRules {
    key_chars: 127,
    value_chars: 255,
    plain: false,
};

/// The types of objects that can be tagged, by the prefixes of their ids.
const TYPES: [(&str, &str); 12] = [
    ("vpc-", "vpc"),
    ("subnet-", "subnet"),
    ("igw-", "internet-gateway"),
    ("eigw-", "egress-only-internet-gateway"),
    ("vpce-", "vpc-endpoint"),
    ("lt-", "launch-template"),
    ("rtb-", "route-table"),
    ("sg-", "security-group"),
    ("sgr-", "security-group-rule"),
    ("eipalloc-", "elastic-ip"),
    ("nat-", "natgateway"),
    ("eni-", "network-interface"),
];

/// Takes the tags that a create call gives to objects of `kind`.
pub(super) fn take_specification(p: &mut Params, kind: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for mut group in p.groups("TagSpecification") {
        let of = group.req("ResourceType")?;
        if of != kind {
            let text = format!("'{of}' is not a valid taggable resource type for this operation.");
            return Err(AwsError::new("InvalidParameterValue", text));
        }
        for (key, value) in take_tags(&mut group)? {
            if tags
                .insert(key.clone(), value.unwrap_or_default())
                .is_some()
            {
                let text = format!("Duplicate tag key '{key}' specified.");
                return Err(AwsError::new("InvalidParameterValue", text));
            }
        }
        group.finish()?;
    }
    check(&tags)?;
    Ok(tags)
}

fn take_tags(p: &mut Params) -> Result<Vec<(String, Option<String>)>, AwsError> {
    let mut tags = Vec::new();
    for mut tag in p.groups("Tag") {
        // An empty key is refused by the rules, with a text of its own.
        let key = tag.opt("Key").ok_or_else(|| tag.missing("Key"))?;
        let value = tag.opt("Value");
        tag.finish()?;
        tags.push((key, value));
    }
    Ok(tags)
}

fn check(tags: &Tags) -> Result<(), AwsError> {
    let invalid = |text: String| AwsError::new("InvalidParameterValue", text);
    RULES.check(tags).map_err(|problem| match problem {
        TagProblem::TooMany => {
            let text =
                format!("The maximum number of Tags for a resource has been reached ({MAX_TAGS}).");
            AwsError::new("TagLimitExceeded", text)
        }
        TagProblem::Reserved(_) => {
            invalid("Tag keys starting with 'aws:' are reserved for internal use".to_owned())
        }
        TagProblem::EmptyKey => invalid("Tag key cannot be empty.".to_owned()),
        TagProblem::KeyLength(key) => invalid(format!(
            "Tag key exceeds the maximum length of 127 characters: '{key}'"
        )),
        TagProblem::ValueLength(key) => invalid(format!(
            "Tag value exceeds the maximum length of 255 characters, for the key '{key}'"
        )),
        TagProblem::Characters(key) => invalid(format!(
            "Tag key '{key}' has characters that are not allowed"
        )),
    })
}

/// Writes the tags of an object.
pub(super) fn view(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

/// Takes the ids of a call, with the type of each, and refuses those that do not exist.
fn take_resources(cx: &Cx<'_>, p: &mut Params) -> Result<Vec<(&'static str, Key, Tags)>, AwsError> {
    let ids = p.list("ResourceId");
    if ids.is_empty() {
        return Err(p.missing("ResourceId"));
    }
    let resource = |id: String| {
        let kind = TYPES
            .iter()
            .find(|(prefix, _)| id.starts_with(prefix))
            .map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            return Err(AwsError::new(
                "InvalidID",
                format!("The ID '{id}' is not valid"),
            ));
        };
        let key = Key::new(&cx.region, &id);
        let tags = cx
            .world
            .tags_of("ec2", kind, &key)
            .ok_or_else(|| not_found(kind, &id))?;
        Ok((kind, key, tags))
    };
    ids.into_iter().map(resource).collect()
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let resources = take_resources(cx, p)?;
    let added = take_tags(p)?;
    if added.is_empty() {
        return Err(p.missing("Tag"));
    }
    p.finish()?;
    let mut changed = Vec::new();
    for (kind, key, mut tags) in resources {
        tags.extend(
            added
                .iter()
                .map(|(key, value)| (key.clone(), value.clone().unwrap_or_default())),
        );
        check(&tags)?;
        changed.push((kind, key, tags));
    }
    for (kind, key, tags) in changed {
        cx.world.set_tags_of("ec2", kind, &key, tags);
    }
    Ok(json!({ "return": true }))
}

/// A tag without a value goes whatever its value is; without tags, all go.
fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let resources = take_resources(cx, p)?;
    let removed = take_tags(p)?;
    p.finish()?;
    for (kind, key, mut tags) in resources {
        tags.retain(|known, has| {
            let goes = |(key, value): &(String, Option<String>)| {
                key == known && value.as_ref().is_none_or(|value| value == has)
            };
            !(removed.is_empty() || removed.iter().any(goes))
        });
        cx.world.set_tags_of("ec2", kind, &key, tags);
    }
    Ok(json!({ "return": true }))
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let filters = Filters::take(p, &["key", "value", "resource-id", "resource-type"])?;
    let (page, _sized) = take_page(cx, p, (5, 1000))?;
    p.finish()?;
    let mut found = Vec::new();
    for (kind, id, tags) in cx.world.tagged("ec2", &cx.region) {
        for (key, value) in &tags {
            let one = Tags::from([(key.clone(), value.clone())]);
            let values = |name: &str| match name {
                "key" => vec![key.clone()],
                "value" => vec![value.clone()],
                "resource-id" => vec![id.clone()],
                "resource-type" => vec![kind.to_owned()],
                _ => Vec::new(),
            };
            if filters.pass(&one, values) {
                found.push((id.clone(), kind, key.clone(), value.clone()));
            }
        }
    }
    found.sort();
    let (found, token) = page.cut(found, |(id, _, key, _)| format!("{id}\u{1}{key}"));
    let items: Vec<Value> = found
        .into_iter()
        .map(|(id, kind, key, value)| {
            json!({ "resourceId": id, "resourceType": kind, "key": key, "value": value })
        })
        .collect();
    Ok(json!({ "tagSet": items, "nextToken": token }))
}
