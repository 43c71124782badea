//! IAM: roles and the policies attached to them, instance profiles, and OIDC providers.

mod attachment;
mod customer_policy;
mod instance_profile;
mod managed;
mod oidc_provider;
mod role;
mod role_tags;
mod tagging;

pub(super) use attachment::has_policy;
pub(super) use customer_policy::Policy;
pub(super) use instance_profile::InstanceProfile;
pub(super) use oidc_provider::OidcProvider;
pub(super) use role::Role;

use serde_json::{Value, json};

use crate::world::{Object, Tags};

use super::error::AwsError;
use super::page::PageRequest;
use super::params::Params;
use super::service::{Api, Cx, Dialect, Service};
use super::tags::{MAX_TAGS, TagProblem, TagRules};

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "iam",
    global: true,
    api: Api::Query {
        dialect: Dialect::Iam,
        tables: &[
            role::OPERATIONS,
            role_tags::OPERATIONS,
            attachment::OPERATIONS,
            customer_policy::OPERATIONS,
            instance_profile::OPERATIONS,
            oidc_provider::OPERATIONS,
        ],
    },
    register: |world| {
        world.register::<Role>();
        world.register::<attachment::Attachment>();
        world.register::<Policy>();
        world.register::<InstanceProfile>();
        world.register::<OidcProvider>();
    },
};

/// Where IAM's objects are kept.
pub(super) const GLOBAL: &str = "global";

/// Finds a role as the call sees it.
fn find_role<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<Role>, AwsError> {
    cx.world
        .get::<Role>(GLOBAL, name)
        .ok_or_else(|| no_such_entity(&format!("The role with name {name} cannot be found.")))
}

fn no_such_entity(text: &str) -> AwsError {
    AwsError::with_status(404, "NoSuchEntity", text)
}

/// Reads the tags of a create or tag call.
fn take_tags(p: &mut Params, name: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for mut group in p.groups(name) {
        let key = group.req("Key")?;
        let Some(value) = group.opt("Value") else {
            return Err(group.missing("Value"));
        };
        group.finish()?;
        if tags.keys().any(|known| known.eq_ignore_ascii_case(&key)) {
            let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(AwsError::new("InvalidInput", text));
        }
        tags.insert(key, value);
    }
    Ok(tags)
}

fn check_tags(tags: &Tags) -> Result<(), AwsError> {
    TagRules::USUAL
        .check(tags)
        .map_err(|problem| match problem {
            TagProblem::TooMany => AwsError::with_status(
                409,
                "LimitExceeded",
                format!("The number of tags has reached the maximum limit of {MAX_TAGS}."),
            ),
            TagProblem::Reserved(key) => AwsError::new(
                "InvalidInput",
                format!("Tag key {key} is reserved: tag keys cannot start with aws:"),
            ),
            TagProblem::EmptyKey | TagProblem::KeyLength(_) => {
                tag_constraint("key", "length from 1 to 128")
            }
            TagProblem::ValueLength(_) => {
                tag_constraint("value", "length less than or equal to 256")
            }
            TagProblem::Characters(_) => tag_constraint(
                "key",
                "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
            ),
        })
}

/// Writes tags; absent if there are none.
fn tag_views(tags: &Tags) -> Option<Vec<Value>> {
    let views = tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    (!tags.is_empty()).then(|| views.collect())
}

fn tag_constraint(member: &str, constraint: &str) -> AwsError {
    let text = format!(
        "1 validation error detected: Value at 'tags.1.member.{member}' failed to satisfy constraint: Member must have {constraint}"
    );
    AwsError::new("ValidationError", text)
}

/// Reads the paging of a list call.
fn take_page(cx: &Cx<'_>, p: &mut Params) -> Result<PageRequest, AwsError> {
    let marker = p.opt("Marker");
    let limit = p.number::<usize>("MaxItems")?;
    if let Some(limit) = limit.filter(|n| !(1..=1000).contains(n)) {
        return Err(p.invalid(
            "MaxItems",
            &limit.to_string(),
            "Member must have value between 1 and 1000",
        ));
    }
    let page = PageRequest::new(marker.as_deref(), Some(limit.unwrap_or(100)));
    let page = page.map_err(|_bad| AwsError::new("ValidationError", "Invalid Marker."))?;
    Ok(page.at_most(cx.injected.page_limit))
}

/// Writes a page of a list call.
fn page_answer(list: &str, values: Vec<Value>, marker: Option<String>) -> Value {
    let mut answer = serde_json::Map::new();
    answer.insert(list.to_owned(), Value::Array(values));
    answer.insert("IsTruncated".to_owned(), Value::Bool(marker.is_some()));
    if let Some(marker) = marker {
        answer.insert("Marker".to_owned(), Value::String(marker));
    }
    Value::Object(answer)
}
