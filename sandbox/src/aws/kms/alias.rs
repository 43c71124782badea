//! Aliases: names of keys.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::time::seconds;
use crate::world::{Kind, New, Object};

use super::{INVALID, arn, find, find_lasting, not_found, take_page};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("CreateAlias", create),
    JsonOperation::write("UpdateAlias", update),
    JsonOperation::write("DeleteAlias", delete),
    JsonOperation::read("ListAliases", list),
];

/// What an alias is made of; its name is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alias {
    /// The id of the key.
    pub(super) target: String,
    updated_ms: u64,
}

impl Kind for Alias {
    const SERVICE: &'static str = "kms";
    const TYPE: &'static str = "alias";
}

/// An alias and the key that it is to name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    alias_name: String,
    target_key_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteAlias {
    alias_name: String,
}

fn create(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: Named = request.body()?;
    let name = wanted.alias_name;
    check_name(&name)?;
    if name.starts_with("alias/aws/") {
        return Err(AwsError::new(
            "InvalidAliasNameException",
            "Alias names that begin with alias/aws/ are reserved.",
        ));
    }
    let target = find_lasting(cx, &wanted.target_key_id)?.id.clone();
    let region = cx.region.clone();
    if cx.world.raw::<Alias>(&region, &name).is_some() {
        let text = format!(
            "An alias with the name {} already exists",
            arn(&region, &name)
        );
        return Err(AwsError::new("AlreadyExistsException", text));
    }
    let alias = Alias {
        target,
        updated_ms: cx.world.now_ms(),
    };
    cx.world
        .insert(New::plain(&region, name.clone(), alias).name(&name));
    Ok(Value::Null)
}

fn update(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: Named = request.body()?;
    check_name(&wanted.alias_name)?;
    let before = find_alias(cx, &wanted.alias_name)?.body.target.clone();
    let target = find_lasting(cx, &wanted.target_key_id)?;
    let kind = |spec: &str, usage: &str| (spec == super::key::SYMMETRIC, usage.to_owned());
    if let Ok(old) = find(cx, &before)
        && kind(&old.body.spec, &old.body.usage) != kind(&target.body.spec, &target.body.usage)
    {
        let text =
            "The current and new KMS keys must be the same type and have the same key usage.";
        return Err(AwsError::new(INVALID, text));
    }
    let target = target.id.clone();
    let (region, now_ms) = (cx.region.clone(), cx.world.now_ms());
    cx.world
        .update::<Alias>(&region, &wanted.alias_name, |alias| {
            alias.body.target = target;
            alias.body.updated_ms = now_ms;
        });
    Ok(Value::Null)
}

fn delete(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: DeleteAlias = request.body()?;
    check_name(&wanted.alias_name)?;
    let name = find_alias(cx, &wanted.alias_name)?.id.clone();
    let region = cx.region.clone();
    cx.world.remove::<Alias>(&region, &name);
    Ok(Value::Null)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListAliases {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

fn list(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ListAliases = request.body()?;
    let page = take_page(cx, (wanted.marker.as_ref(), wanted.limit), 100)?;
    let of = match &wanted.key_id {
        Some(key) => Some(find(cx, key)?.id.clone()),
        None => None,
    };
    let aliases = cx.world.seen::<Alias>(&cx.region);
    let chosen = aliases.filter(|alias| of.as_ref().is_none_or(|of| *of == alias.body.target));
    let (aliases, marker) = page.cut(chosen.collect(), |alias| alias.id.clone());
    let views: Vec<Value> = aliases.into_iter().map(view).collect();
    let mut answer = json!({ "Aliases": views, "Truncated": marker.is_some() });
    if let Some(marker) = marker {
        answer["NextMarker"] = Value::String(marker);
    }
    Ok(answer)
}

fn view(alias: &Object<Alias>) -> Value {
    json!({
        "AliasName": alias.id,
        "AliasArn": arn(&alias.region, &alias.id),
        "TargetKeyId": alias.body.target,
        "CreationDate": seconds(alias.created_ms),
        "LastUpdatedDate": seconds(alias.body.updated_ms),
    })
}

fn find_alias<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<Alias>, AwsError> {
    cx.world.get::<Alias>(&cx.region, name).ok_or_else(|| {
        let arn = arn(&cx.region, name);
        not_found(format!("Alias {arn} is not found."))
    })
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    if name.len() > 256 || !name.chars().all(allowed) {
        let constraint = "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$";
        return Err(violated(INVALID, ("aliasName", name), constraint));
    }
    if name.strip_prefix("alias/").is_none_or(str::is_empty) {
        let text = "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        return Err(AwsError::new(INVALID, text));
    }
    Ok(())
}
