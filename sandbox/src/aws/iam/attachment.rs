//! Policies attached to roles. An attachment has no id of its own: it is the pair.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::arn::Arn;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{Kind, New, World};

use super::customer_policy::exists;
use super::{GLOBAL, find_role, no_such_entity, page_answer, take_page};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("AttachRolePolicy", attach),
    QueryOperation::write("DetachRolePolicy", detach),
    QueryOperation::read("ListAttachedRolePolicies", list_attached),
    QueryOperation::read("ListRolePolicies", list_inline),
];

/// How many policies a role has at most.
const MAX_ATTACHED: usize = 10;

/// A policy on a role; the id is `role/policyArn`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attachment {
    policy_arn: String,
}

impl Kind for Attachment {
    const SERVICE: &'static str = "iam";
    const TYPE: &'static str = "role-policy-attachment";
}

/// Tells whether a role has a policy of this name.
pub(crate) fn has_policy(world: &World, role: &str, policy_name: &str) -> bool {
    let prefix = format!("{role}/");
    let mut attached = world.under::<Attachment>(GLOBAL, &prefix);
    attached.any(|a| a.body.policy_arn.rsplit('/').next() == Some(policy_name))
}

/// Counts the roles that a policy is on.
pub(super) fn count_attached(world: &World, policy_arn: &str) -> usize {
    let attached = world.all::<Attachment>(GLOBAL);
    attached.filter(|a| a.body.policy_arn == policy_arn).count()
}

fn attach(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let policy_arn = p.req("PolicyArn")?;
    p.finish()?;
    let role = find_role(cx, &name)?.id.clone();
    check_arn(&policy_arn)?;
    if !exists(cx.world, &policy_arn) {
        let text = format!("Policy {policy_arn} does not exist or is not attachable.");
        return Err(no_such_entity(&text));
    }
    let id = format!("{role}/{policy_arn}");
    if cx.world.raw::<Attachment>(GLOBAL, &id).is_some() {
        return Ok(Value::Null);
    }
    if cx
        .world
        .under::<Attachment>(GLOBAL, &format!("{role}/"))
        .count()
        >= MAX_ATTACHED
    {
        let text = format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}");
        return Err(AwsError::with_status(409, "LimitExceeded", text));
    }
    cx.world
        .insert(New::plain(GLOBAL, id, Attachment { policy_arn }));
    Ok(Value::Null)
}

fn detach(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let policy_arn = p.req("PolicyArn")?;
    p.finish()?;
    let role = find_role(cx, &name)?.id.clone();
    check_arn(&policy_arn)?;
    if cx
        .world
        .remove::<Attachment>(GLOBAL, &format!("{role}/{policy_arn}"))
        .is_none()
    {
        return Err(no_such_entity(&format!(
            "Policy {policy_arn} was not found."
        )));
    }
    Ok(Value::Null)
}

fn list_attached(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let prefix = p.opt("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = take_page(cx, p)?;
    p.finish()?;
    let role = format!("{}/", find_role(cx, &name)?.id);
    let attached = cx.world.seen_under::<Attachment>(GLOBAL, &role);
    let seen = attached.filter(|a| path_of(&a.body.policy_arn).starts_with(&prefix));
    let (attached, marker) = page.cut(seen.collect(), |a| a.id.clone());
    let values = attached.into_iter().map(|a| {
        let arn = &a.body.policy_arn;
        json!({ "PolicyName": arn.rsplit('/').next(), "PolicyArn": arn })
    });
    Ok(page_answer("AttachedPolicies", values.collect(), marker))
}

fn path_of(policy_arn: &str) -> &str {
    let resource = policy_arn
        .split_once(":policy")
        .map_or("", |(_, path)| path);
    resource.rfind('/').map_or("", |at| &resource[..=at])
}

/// The sandbox emulates no inline policies yet: a role has none.
fn list_inline(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    take_page(cx, p)?;
    p.finish()?;
    find_role(cx, &name)?;
    Ok(page_answer("PolicyNames", Vec::new(), None))
}

pub(super) fn check_arn(policy_arn: &str) -> Result<(), AwsError> {
    if Arn::parse(policy_arn).is_some_and(|arn| arn.resource.starts_with("policy/")) {
        return Ok(());
    }
    Err(AwsError::new(
        "InvalidInput",
        format!("ARN {policy_arn} is not valid."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_policies() {
        assert_eq!(path_of("arn:aws:iam::aws:policy/ReadOnlyAccess"), "/");
        assert_eq!(
            path_of("arn:aws:iam::aws:policy/service-role/X"),
            "/service-role/"
        );
    }
}
