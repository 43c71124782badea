//! The policies of keys, without which nobody can do anything with them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::{Arn, partition};
use crate::aws::error::{Answer, AwsError};
use crate::aws::iam::Role;
use crate::aws::json::JsonRequest;
use crate::aws::policy;
use crate::aws::service::{Cx, JsonOperation};

use super::key::Key;
use super::{INVALID, find, find_lasting};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::read("GetKeyPolicy", get),
    JsonOperation::write("PutKeyPolicy", put),
];

/// The only name that a key's policy can have.
const NAME: &str = "default";

/// The policy of a key that is made without one: the account decides by IAM.
pub(super) fn default_policy(region: &str) -> String {
    let root = format!("arn:{}:iam::{ACCOUNT}:root", partition(region));
    let document = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": root },
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// Refuses a policy that says nothing, names who does not exist, or shuts its author out.
pub(super) fn check_policy(cx: &Cx<'_>, text: &str, bypass: bool) -> Result<(), AwsError> {
    let malformed = |text: &str| AwsError::new("MalformedPolicyDocumentException", text);
    policy::check_resource(text).map_err(|problem| malformed(problem.0))?;
    for principal in policy::principals(text) {
        if !exists(cx, &principal) {
            return Err(malformed(
                "Policy contains a statement with one or more invalid principals.",
            ));
        }
    }
    let mut own = own_names(cx);
    own.push("*".to_owned());
    if bypass || policy::allows(text, &own, "kms:PutKeyPolicy") {
        return Ok(());
    }
    Err(malformed(
        "The new key policy will not allow you to update the key policy in the future.",
    ))
}

/// The names by which a policy can mean the caller.
fn own_names(cx: &Cx<'_>) -> Vec<String> {
    let partition = partition(&cx.region);
    let arn = &cx.caller.arn;
    let mut names = vec![
        ACCOUNT.to_owned(),
        format!("arn:{partition}:iam::{ACCOUNT}:root"),
        arn.clone(),
    ];
    let session = Arn::parse(arn).and_then(|arn| arn.resource.strip_prefix("assumed-role/"));
    let role = session.and_then(|session| session.split('/').next());
    let role = role.and_then(|name| cx.world.get::<Role>("global", name));
    names.extend(role.map(|role| role.body.arn.clone()));
    names
}

/// Whether there is such a principal of AWS. Those of other accounts are not known here.
fn exists(cx: &Cx<'_>, principal: &str) -> bool {
    if principal == "*" || principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let Some(arn) = Arn::parse(principal).filter(|arn| matches!(arn.service, "iam" | "sts")) else {
        return false;
    };
    let Some(path) = arn.resource.strip_prefix("role/") else {
        return arn.resource == "root"
            || ["user/", "assumed-role/"]
                .iter()
                .any(|kind| arn.resource.starts_with(kind));
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let role = cx.world.get::<Role>("global", name);
    arn.account != ACCOUNT || role.is_some_and(|role| role.body.arn == principal)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
}

fn get(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: GetKeyPolicy = request.body()?;
    check_name(wanted.policy_name.as_deref())?;
    let key = find(cx, &wanted.key_id)?;
    Ok(json!({ "Policy": key.body.policy, "PolicyName": NAME }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    bypass_policy_lockout_safety_check: Option<bool>,
}

fn put(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: PutKeyPolicy = request.body()?;
    check_name(wanted.policy_name.as_deref())?;
    let id = find_lasting(cx, &wanted.key_id)?.id.clone();
    let bypass = wanted
        .bypass_policy_lockout_safety_check
        .unwrap_or_default();
    check_policy(cx, &wanted.policy, bypass)?;
    let region = cx.region.clone();
    cx.world
        .update::<Key>(&region, &id, |key| key.body.policy = wanted.policy);
    Ok(Value::Null)
}

fn check_name(name: Option<&str>) -> Result<(), AwsError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(AwsError::new(INVALID, "PolicyName must be 'default'.")),
    }
}
