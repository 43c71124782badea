//! STS: who calls, and whom one can become.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::world::{Kind, New, World};

use super::ACCOUNT;
use super::arn::Arn;
use super::error::{Answer, AwsError};
use super::iam::Role;
use super::params::Params;
use super::service::{Api, Caller, Cx, Dialect, QueryOperation, Service};
use super::time::iso;

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "sts",
    global: true,
    api: Api::Query {
        dialect: Dialect::Sts,
        tables: &[OPERATIONS],
    },
    register: |world| world.register::<Session>(),
};

const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::read("GetCallerIdentity", get_caller_identity),
    // It changes nothing that a user owns, so that a plan may assume roles.
    QueryOperation::read("AssumeRole", assume_role),
];

/// Temporary credentials that were handed out.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    arn: String,
    user_id: String,
    account: String,
    expires_ms: u64,
}

impl Kind for Session {
    const SERVICE: &'static str = "sts";
    const TYPE: &'static str = "session";
    const LISTED: bool = false;
}

/// Finds out who calls: the session of an access key; nothing for the keys that everybody may use.
pub(super) fn caller(world: &World, access_key: &str) -> Result<Option<Caller>, AwsError> {
    let Some(session) = world.get::<Session>("global", access_key) else {
        return Ok(None);
    };
    if session.body.expires_ms <= world.now_ms() {
        let text = "The security token included in the request is expired";
        return Err(AwsError::with_status(403, "ExpiredToken", text));
    }
    let Session {
        arn,
        user_id,
        account,
        ..
    } = session.body.clone();
    Ok(Some(Caller {
        arn,
        user_id,
        account,
    }))
}

fn get_caller_identity(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    p.finish()?;
    Ok(json!({ "Arn": cx.caller.arn, "UserId": cx.caller.user_id, "Account": cx.caller.account }))
}

fn assume_role(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let role_arn = p.req("RoleArn")?;
    let session_name = p.req("RoleSessionName")?;
    let seconds = p.number::<u64>("DurationSeconds")?.unwrap_or(3600);
    // They do not change who the caller becomes.
    for name in [
        "ExternalId",
        "Policy",
        "SourceIdentity",
        "SerialNumber",
        "TokenCode",
    ] {
        drop(p.opt(name));
    }
    for name in ["Tags", "PolicyArns"] {
        drop(p.groups(name));
    }
    drop(p.list("TransitiveTagKeys"));
    p.finish()?;
    let session_ok = (2..=64).contains(&session_name.len())
        && session_name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_=,.@-".contains(c));
    if !session_ok {
        let why = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
        return Err(p.invalid("RoleSessionName", &session_name, why));
    }
    if !(900..=43_200).contains(&seconds) {
        let why = "Member must have value between 900 and 43200";
        return Err(p.invalid("DurationSeconds", &seconds.to_string(), why));
    }
    let (account, role_name, role_id) = assumable(cx, &role_arn)?;
    let mut draw = cx.world.draw(1);
    let key = format!("ASIA{}", draw.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16));
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}");
    let user_id = format!("{role_id}:{session_name}");
    // Lifetimes are not scaled: clients compare them with their own clock.
    let expires_ms = cx.world.now_ms() + seconds * 1000;
    let body = Session {
        arn: arn.clone(),
        user_id: user_id.clone(),
        account,
        expires_ms,
    };
    cx.world.insert(New::plain("global", key.clone(), body));
    let secret = draw.text(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        40,
    );
    Ok(json!({
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": secret,
            "SessionToken": format!("sandbox-session-{key}"),
            "Expiration": iso(expires_ms),
        },
        "AssumedRoleUser": { "AssumedRoleId": user_id, "Arn": arn },
        "PackedPolicySize": 0,
    }))
}

/// A role of the sandbox's account must exist. Of other accounts nothing is known, so that projects which assume a role of their
/// real account run unchanged.
fn assumable(cx: &Cx<'_>, role_arn: &str) -> Result<(String, String, String), AwsError> {
    let arn =
        Arn::parse(role_arn).filter(|a| a.service == "iam" && a.resource.starts_with("role/"));
    let Some(arn) = arn else {
        return Err(AwsError::new(
            "ValidationError",
            format!("{role_arn} is invalid"),
        ));
    };
    let name = arn.resource.rsplit('/').next().unwrap_or_default();
    if arn.account != ACCOUNT {
        return Ok((
            arn.account.to_owned(),
            name.to_owned(),
            "AROAFOREIGN0000000001".to_owned(),
        ));
    }
    let role = cx.world.get::<Role>("global", name);
    let Some(role) = role.filter(|role| role.body.arn == role_arn) else {
        let text = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            cx.caller.arn
        );
        return Err(AwsError::with_status(403, "AccessDenied", text));
    };
    Ok((
        ACCOUNT.to_owned(),
        role.id.clone(),
        role.body.unique_id.clone(),
    ))
}
