//! Roles.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::policy::{Malformed, check_trust};
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso;
use crate::world::{Kind, New, Object};

use super::attachment::{Attachment, check_arn};
use super::customer_policy::exists;
use super::instance_profile;
use super::{GLOBAL, check_tags, find_role, no_such_entity, page_answer, take_page, take_tags};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateRole", create),
    QueryOperation::read("GetRole", get),
    QueryOperation::read("ListRoles", list),
    QueryOperation::write("UpdateRole", update),
    QueryOperation::write("UpdateRoleDescription", update_description),
    QueryOperation::write("UpdateAssumeRolePolicy", update_trust),
    QueryOperation::write("PutRolePermissionsBoundary", put_boundary),
    QueryOperation::write("DeleteRolePermissionsBoundary", delete_boundary),
    QueryOperation::write("DeleteRole", delete),
];

/// What a role is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) arn: String,
    /// The id that policies remember; a role made again under the same name has another.
    pub(crate) unique_id: String,
    pub(crate) path: String,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: u32,
    pub(crate) trust: String,
    pub(crate) permissions_boundary: Option<String>,
}

impl Kind for Role {
    const SERVICE: &'static str = "iam";
    const TYPE: &'static str = "role";
}

/// What IAM leaves as it is in the documents that it returns.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let trust = p.req("AssumeRolePolicyDocument")?;
    let path = p.opt("Path").unwrap_or_else(|| "/".to_owned());
    let description = p.opt("Description").filter(|text| !text.is_empty());
    let max_session_seconds = p.number::<u32>("MaxSessionDuration")?.unwrap_or(3600);
    let permissions_boundary = p.opt("PermissionsBoundary");
    let tags = take_tags(p, "Tags")?;
    p.finish()?;
    check_name(p, &name)?;
    check_path(p, &path)?;
    check_description(p, description.as_deref())?;
    check_session(p, max_session_seconds)?;
    check_trust(&trust).map_err(malformed)?;
    check_tags(&tags)?;
    if cx
        .world
        .all::<Role>(GLOBAL)
        .any(|role| role.id.eq_ignore_ascii_case(&name))
    {
        let text = format!("Role with name {name} already exists.");
        return Err(AwsError::with_status(409, "EntityAlreadyExists", text));
    }
    let role = Role {
        arn: format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
        unique_id: unique_id(cx, "AROA"),
        path,
        description,
        max_session_seconds,
        trust,
        permissions_boundary,
    };
    let new = New::plain(GLOBAL, name.clone(), role)
        .name(&name)
        .tags(tags);
    let role = cx.world.insert(new);
    Ok(json!({ "Role": view(&role, true) }))
}

/// Makes an id as IAM gives to principals.
pub(super) fn unique_id(cx: &Cx<'_>, prefix: &str) -> String {
    let text = cx
        .world
        .draw(2)
        .text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17);
    format!("{prefix}{text}")
}

fn get(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    p.finish()?;
    Ok(json!({ "Role": view(find_role(cx, &name)?, true) }))
}

fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let prefix = p.opt("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = take_page(cx, p)?;
    p.finish()?;
    let roles = cx
        .world
        .seen::<Role>(GLOBAL)
        .filter(|role| role.body.path.starts_with(&prefix));
    let (roles, marker) = page.cut(roles.collect(), |role| role.id.clone());
    Ok(page_answer(
        "Roles",
        roles.into_iter().map(|role| view(role, false)).collect(),
        marker,
    ))
}

fn update(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let description = p.opt("Description");
    let max_session_seconds = p.number::<u32>("MaxSessionDuration")?;
    p.finish()?;
    check_description(p, description.as_deref())?;
    if let Some(seconds) = max_session_seconds {
        check_session(p, seconds)?;
    }
    let id = find_role(cx, &name)?.id.clone();
    cx.world.update::<Role>(GLOBAL, &id, |role| {
        if let Some(text) = description {
            role.body.description = (!text.is_empty()).then_some(text);
        }
        role.body.max_session_seconds =
            max_session_seconds.unwrap_or(role.body.max_session_seconds);
    });
    Ok(json!({}))
}

fn update_description(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let Some(description) = p.opt("Description") else {
        return Err(p.missing("Description"));
    };
    p.finish()?;
    check_description(p, Some(&description))?;
    let id = find_role(cx, &name)?.id.clone();
    let role = cx.world.update::<Role>(GLOBAL, &id, |role| {
        role.body.description = (!description.is_empty()).then_some(description);
    });
    Ok(json!({ "Role": role.map(|role| view(&role, true)) }))
}

fn update_trust(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let trust = p.req("PolicyDocument")?;
    p.finish()?;
    check_trust(&trust).map_err(malformed)?;
    let id = find_role(cx, &name)?.id.clone();
    cx.world
        .update::<Role>(GLOBAL, &id, |role| role.body.trust = trust);
    Ok(Value::Null)
}

fn put_boundary(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let boundary = p.req("PermissionsBoundary")?;
    p.finish()?;
    let id = find_role(cx, &name)?.id.clone();
    check_arn(&boundary)?;
    if !exists(cx.world, &boundary) {
        let text = format!("Scope ARN: {boundary} does not exist or is not attachable.");
        return Err(no_such_entity(&text));
    }
    cx.world.update::<Role>(GLOBAL, &id, |role| {
        role.body.permissions_boundary = Some(boundary);
    });
    Ok(Value::Null)
}

fn delete_boundary(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    p.finish()?;
    let role = find_role(cx, &name)?;
    if role.body.permissions_boundary.is_none() {
        let text = format!("Role {name} doesn't have a permissions boundary.");
        return Err(no_such_entity(&text));
    }
    let id = role.id.clone();
    cx.world.update::<Role>(GLOBAL, &id, |role| {
        role.body.permissions_boundary = None;
    });
    Ok(Value::Null)
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    p.finish()?;
    let id = find_role(cx, &name)?.id.clone();
    if cx
        .world
        .under::<Attachment>(GLOBAL, &format!("{id}/"))
        .next()
        .is_some()
    {
        let text = "Cannot delete entity, must detach all policies first.";
        return Err(AwsError::with_status(409, "DeleteConflict", text));
    }
    if instance_profile::holds(cx.world, &id) {
        let text = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(AwsError::with_status(409, "DeleteConflict", text));
    }
    cx.world.remove::<Role>(GLOBAL, &id);
    Ok(Value::Null)
}

/// Lists leave out what only a get of one role tells.
pub(super) fn view(role: &Object<Role>, whole: bool) -> Value {
    let tags: Vec<Value> = role
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    let boundary =
        role.body.permissions_boundary.as_ref().map(
            |arn| json!({ "PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn }),
        );
    json!({
        "Path": role.body.path,
        "RoleName": role.id,
        "RoleId": role.body.unique_id,
        "Arn": role.body.arn,
        "CreateDate": iso(role.created_ms),
        "AssumeRolePolicyDocument": utf8_percent_encode(&role.body.trust, UNRESERVED).to_string(),
        "Description": role.body.description,
        "MaxSessionDuration": role.body.max_session_seconds,
        "PermissionsBoundary": boundary.filter(|_| whole),
        "Tags": (whole && !tags.is_empty()).then_some(tags),
        "RoleLastUsed": whole.then(|| json!({})),
    })
}

pub(super) fn malformed(problem: Malformed) -> AwsError {
    AwsError::new("MalformedPolicyDocument", problem.0)
}

fn check_name(p: &Params, name: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.len() > 64 {
        return Err(p.invalid(
            "RoleName",
            name,
            "Member must have length less than or equal to 64",
        ));
    }
    if !name.chars().all(allowed) {
        let text = "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-";
        return Err(AwsError::new("ValidationError", text));
    }
    Ok(())
}

pub(super) fn check_path(p: &Params, path: &str) -> Result<(), AwsError> {
    let fits = path.len() <= 512
        && path.starts_with('/')
        && path.ends_with('/')
        && path.chars().all(|c| ('!'..='\u{7e}').contains(&c));
    if fits {
        return Ok(());
    }
    Err(p.invalid("Path", path, "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."))
}

pub(super) fn check_description(p: &Params, description: Option<&str>) -> Result<(), AwsError> {
    match description {
        Some(text) if text.chars().count() > 1000 => Err(p.invalid(
            "Description",
            text,
            "Member must have length less than or equal to 1000",
        )),
        Some(_) | None => Ok(()),
    }
}

fn check_session(p: &Params, seconds: u32) -> Result<(), AwsError> {
    if (3600..=43_200).contains(&seconds) {
        return Ok(());
    }
    let why = "Member must have value between 3600 and 43200";
    Err(p.invalid("MaxSessionDuration", &seconds.to_string(), why))
}
