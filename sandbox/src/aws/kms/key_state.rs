//! Turning keys on and off, their rotation, and their end.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::time::seconds;
use crate::world::Object;

use super::key::{Key, OneKey, SYMMETRIC, State};
use super::{INVALID, find, find_lasting, invalid_state};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("EnableKey", enable),
    JsonOperation::write("DisableKey", disable),
    JsonOperation::write("EnableKeyRotation", enable_rotation),
    JsonOperation::write("DisableKeyRotation", disable_rotation),
    JsonOperation::read("GetKeyRotationStatus", rotation_status),
    JsonOperation::write("ScheduleKeyDeletion", schedule_deletion),
    JsonOperation::write("CancelKeyDeletion", cancel_deletion),
];

const DAY_SECONDS: u64 = 24 * 60 * 60;

fn enable(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    set_state(cx, request, State::Enabled)
}

fn disable(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    set_state(cx, request, State::Disabled)
}

fn set_state(cx: &mut Cx<'_>, request: &JsonRequest, state: State) -> Answer {
    let wanted: OneKey = request.body()?;
    let id = find_lasting(cx, &wanted.key_id)?.id.clone();
    change(cx, &id, |key| key.state = state);
    Ok(Value::Null)
}

fn change(cx: &mut Cx<'_>, id: &str, change: impl FnOnce(&mut Key)) -> Option<Object<Key>> {
    let region = cx.region.clone();
    cx.world
        .update::<Key>(&region, id, |key| change(&mut key.body))
}

/// Finds a key that can rotate now.
fn find_rotating<'a>(cx: &'a Cx<'_>, given: &str) -> Result<&'a Object<Key>, AwsError> {
    let key = find_lasting(cx, given)?;
    if key.body.spec != SYMMETRIC {
        return Err(AwsError::new(
            "UnsupportedOperationException",
            format!("{} does not support automatic key rotation.", key.body.arn),
        ));
    }
    if key.body.state == State::Disabled {
        let text = format!("{} is disabled.", key.body.arn);
        return Err(AwsError::new("DisabledException", text));
    }
    Ok(key)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EnableKeyRotation {
    key_id: String,
    rotation_period_in_days: Option<u32>,
}

fn enable_rotation(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: EnableKeyRotation = request.body()?;
    let days = wanted.rotation_period_in_days;
    if let Some(days) = days.filter(|days| !(90..=2560).contains(days)) {
        let constraint = "Member must have value between 90 and 2560";
        return Err(violated(
            INVALID,
            ("rotationPeriodInDays", &days.to_string()),
            constraint,
        ));
    }
    let key = find_rotating(cx, &wanted.key_id)?;
    // A period that is not named stays as it is.
    let days = days.or(key.body.rotation_days).unwrap_or(365);
    let id = key.id.clone();
    change(cx, &id, |key| key.rotation_days = Some(days));
    Ok(Value::Null)
}

fn disable_rotation(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneKey = request.body()?;
    let id = find_rotating(cx, &wanted.key_id)?.id.clone();
    change(cx, &id, |key| key.rotation_days = None);
    Ok(Value::Null)
}

fn rotation_status(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneKey = request.body()?;
    let key = find(cx, &wanted.key_id)?;
    let body = &key.body;
    let on = body.rotation_days.is_some() && body.state == State::Enabled;
    let mut answer = json!({
        "KeyId": body.arn,
        "KeyRotationEnabled": body.rotation_days.is_some() && body.state != State::PendingDeletion,
    });
    if let Some(days) = body.rotation_days {
        answer["RotationPeriodInDays"] = json!(days);
        if on {
            let next = key.created_ms + u64::from(days) * DAY_SECONDS * 1000;
            answer["NextRotationDate"] = seconds(next);
        }
    }
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleKeyDeletion {
    key_id: String,
    pending_window_in_days: Option<u32>,
}

/// For the account the key is gone from now on: what is left is the time to think again.
fn schedule_deletion(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: ScheduleKeyDeletion = request.body()?;
    let days = wanted.pending_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        let constraint = "Member must have value between 7 and 30";
        return Err(violated(
            INVALID,
            ("pendingWindowInDays", &days.to_string()),
            constraint,
        ));
    }
    let id = find_lasting(cx, &wanted.key_id)?.id.clone();
    let deletion = cx.world.after_seconds(u64::from(days) * DAY_SECONDS);
    let region = cx.region.clone();
    let key = change(cx, &id, |key| {
        key.state = State::PendingDeletion;
        key.deletion_ms = Some(deletion);
    });
    cx.world.bury::<Key>(&region, &id);
    Ok(json!({
        "KeyId": key.map(|key| key.body.arn),
        "DeletionDate": seconds(deletion),
        "KeyState": State::PendingDeletion,
        "PendingWindowInDays": days,
    }))
}

/// A key that was to go comes back disabled.
fn cancel_deletion(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: OneKey = request.body()?;
    let key = find(cx, &wanted.key_id)?;
    if key.body.state != State::PendingDeletion {
        return Err(invalid_state(format!(
            "{} is not pending deletion.",
            key.body.arn
        )));
    }
    let id = key.id.clone();
    let region = cx.region.clone();
    let key = cx.world.update::<Key>(&region, &id, |key| {
        key.body.state = State::Disabled;
        key.body.deletion_ms = None;
        key.deleted_seq = None;
    });
    Ok(json!({ "KeyId": key.map(|key| key.body.arn) }))
}
