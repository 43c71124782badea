//! Instance profiles: the form in which an instance gets a role. One holds one role at most.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::page::PageRequest;
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso;
use crate::world::{Kind, New, Object, World};

use super::role::{self, Role, check_path, unique_id};
use super::{
    GLOBAL, check_tags, find_role, no_such_entity, page_answer, tag_views, tagging, take_page,
    take_tags,
};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateInstanceProfile", create),
    QueryOperation::read("GetInstanceProfile", get),
    QueryOperation::read("ListInstanceProfiles", list),
    QueryOperation::read("ListInstanceProfilesForRole", list_for_role),
    QueryOperation::write("AddRoleToInstanceProfile", add_role),
    QueryOperation::write("RemoveRoleFromInstanceProfile", remove_role),
    QueryOperation::write("DeleteInstanceProfile", delete),
    QueryOperation::write("TagInstanceProfile", tag),
    QueryOperation::write("UntagInstanceProfile", untag),
    QueryOperation::read("ListInstanceProfileTags", list_tags),
];

/// A profile; the id is its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InstanceProfile {
    pub(crate) arn: String,
    unique_id: String,
    path: String,
    role: Option<String>,
}

impl Kind for InstanceProfile {
    const SERVICE: &'static str = "iam";
    const TYPE: &'static str = "instance-profile";
}

/// Tells whether a role is in a profile.
pub(super) fn holds(world: &World, role: &str) -> bool {
    let mut all = world.all::<InstanceProfile>(GLOBAL);
    all.any(|profile| profile.body.role.as_deref() == Some(role))
}

fn find<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<InstanceProfile>, AwsError> {
    cx.world
        .get::<InstanceProfile>(GLOBAL, name)
        .ok_or_else(|| no_such_entity(&format!("Instance Profile {name} cannot be found.")))
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    let path = p.opt("Path").unwrap_or_else(|| "/".to_owned());
    let tags = take_tags(p, "Tags")?;
    p.finish()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.len() > 128 || !name.chars().all(allowed) {
        let text = "The specified value for instanceProfileName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-";
        return Err(AwsError::new("ValidationError", text));
    }
    check_path(p, &path)?;
    check_tags(&tags)?;
    let is_same = |profile: &Object<InstanceProfile>| profile.id.eq_ignore_ascii_case(&name);
    if cx.world.all::<InstanceProfile>(GLOBAL).any(is_same) {
        let text = format!("Instance Profile {name} already exists.");
        return Err(AwsError::with_status(409, "EntityAlreadyExists", text));
    }
    let profile = InstanceProfile {
        arn: format!("arn:aws:iam::{ACCOUNT}:instance-profile{path}{name}"),
        unique_id: unique_id(cx, "AIPA"),
        path,
        role: None,
    };
    let new = New::plain(GLOBAL, name.clone(), profile)
        .name(&name)
        .tags(tags);
    let profile = cx.world.insert(new);
    Ok(json!({ "InstanceProfile": view(cx.world, &profile) }))
}

fn get(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    p.finish()?;
    let profile = find(cx, &name)?;
    Ok(json!({ "InstanceProfile": view(cx.world, profile) }))
}

fn view(world: &World, profile: &Object<InstanceProfile>) -> Value {
    let body = &profile.body;
    let role = body.role.as_deref();
    let role = role.and_then(|name| world.raw::<Role>(GLOBAL, name));
    let roles: Vec<Value> = role
        .into_iter()
        .map(|role| role::view(role, false))
        .collect();
    json!({
        "Path": body.path,
        "InstanceProfileName": profile.id,
        "InstanceProfileId": body.unique_id,
        "Arn": body.arn,
        "CreateDate": iso(profile.created_ms),
        "Roles": roles,
        "Tags": tag_views(&profile.tags),
    })
}

fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let prefix = p.opt("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = take_page(cx, p)?;
    p.finish()?;
    let all = cx.world.seen::<InstanceProfile>(GLOBAL);
    let chosen = all.filter(|profile| profile.body.path.starts_with(&prefix));
    Ok(list_page(cx.world, &page, chosen.collect()))
}

fn list_for_role(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let page = take_page(cx, p)?;
    p.finish()?;
    let role = find_role(cx, &name)?.id.clone();
    let all = cx.world.seen::<InstanceProfile>(GLOBAL);
    let with_role = all.filter(|profile| profile.body.role.as_ref() == Some(&role));
    Ok(list_page(cx.world, &page, with_role.collect()))
}

/// Writes a page of profiles, which has no tags.
fn list_page(world: &World, page: &PageRequest, chosen: Vec<&Object<InstanceProfile>>) -> Value {
    let (profiles, marker) = page.cut(chosen, |profile| profile.id.clone());
    let views = profiles.into_iter().map(|profile| {
        let mut view = view(world, profile);
        view["Tags"] = Value::Null;
        view
    });
    page_answer("InstanceProfiles", views.collect(), marker)
}

fn add_role(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    let role = p.req("RoleName")?;
    p.finish()?;
    let has_one = find(cx, &name)?.body.role.is_some();
    let role = find_role(cx, &role)?.id.clone();
    if has_one {
        let text = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(AwsError::with_status(409, "LimitExceeded", text));
    }
    cx.world
        .update::<InstanceProfile>(GLOBAL, &name, |profile| {
            profile.body.role = Some(role);
        });
    Ok(Value::Null)
}

fn remove_role(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    let role = p.req("RoleName")?;
    p.finish()?;
    if find(cx, &name)?.body.role.as_ref() != Some(&role) {
        let text = format!("Role {role} is not in instance profile {name}.");
        return Err(no_such_entity(&text));
    }
    cx.world
        .update::<InstanceProfile>(GLOBAL, &name, |profile| {
            profile.body.role = None;
        });
    Ok(Value::Null)
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    p.finish()?;
    if find(cx, &name)?.body.role.is_some() {
        let text = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(AwsError::with_status(409, "DeleteConflict", text));
    }
    cx.world.remove::<InstanceProfile>(GLOBAL, &name);
    Ok(Value::Null)
}

fn tag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    tagging::tag(cx, p, |cx| Ok(find(cx, &name)?.clone()))
}

fn untag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    tagging::untag(cx, p, |cx| Ok(find(cx, &name)?.clone()))
}

fn list_tags(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("InstanceProfileName")?;
    tagging::list(cx, p, |cx| Ok(find(cx, &name)?.clone()))
}
