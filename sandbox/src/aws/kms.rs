//! KMS: keys with their policies and rotation, and the aliases of keys.

mod alias;
mod key;
mod key_policy;
mod key_state;
mod tagging;

use crate::world::{Object, World};

use super::ACCOUNT;
use super::arn::partition;
use super::error::AwsError;
use super::json::violated;
use super::page::PageRequest;
use super::policy;
use super::service::{Api, Cx, Service};
use alias::Alias;
use key::{Key, State};

/// By which arguments are refused.
const INVALID: &str = "ValidationException";

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "kms",
    global: false,
    api: Api::Json {
        target: "TrentService",
        invalid: INVALID,
        tables: &[
            key::OPERATIONS,
            key_policy::OPERATIONS,
            key_state::OPERATIONS,
            alias::OPERATIONS,
            tagging::OPERATIONS,
        ],
    },
    register: |world| {
        world.register::<Key>();
        world.register::<Alias>();
    },
};

fn arn(region: &str, resource: &str) -> String {
    format!(
        "arn:{}:kms:{region}:{ACCOUNT}:{resource}",
        partition(region)
    )
}

fn not_found(text: String) -> AwsError {
    AwsError::new("NotFoundException", text)
}

/// Finds a key by its id or ARN.
fn find<'a>(cx: &'a Cx<'_>, given: &str) -> Result<&'a Object<Key>, AwsError> {
    let id = given
        .strip_prefix(&arn(&cx.region, "key/"))
        .unwrap_or(given);
    if id.starts_with("arn:") || id.contains('/') {
        return Err(not_found(format!("Invalid keyId '{given}'")));
    }
    cx.world.get::<Key>(&cx.region, id).ok_or_else(|| {
        let arn = arn(&cx.region, &format!("key/{id}"));
        not_found(format!("Key '{arn}' does not exist"))
    })
}

/// Finds a key that is not about to go.
fn find_lasting<'a>(cx: &'a Cx<'_>, given: &str) -> Result<&'a Object<Key>, AwsError> {
    let key = find(cx, given)?;
    if key.body.state == State::PendingDeletion {
        return Err(invalid_state(format!(
            "{} is pending deletion.",
            key.body.arn
        )));
    }
    Ok(key)
}

fn invalid_state(text: String) -> AwsError {
    AwsError::new("KMSInvalidStateException", text)
}

/// Reads the paging of a list call.
fn take_page(
    cx: &Cx<'_>,
    (marker, limit): (Option<&String>, Option<usize>),
    most: usize,
) -> Result<PageRequest, AwsError> {
    if let Some(limit) = limit.filter(|limit| !(1..=most).contains(limit)) {
        let constraint = format!("Member must have value less than or equal to {most}");
        return Err(violated(
            INVALID,
            ("limit", &limit.to_string()),
            &constraint,
        ));
    }
    let page = PageRequest::new(
        marker.map(String::as_str),
        Some(limit.unwrap_or(most.min(100))),
    );
    let page = page.map_err(|_bad| AwsError::new("InvalidMarkerException", "Invalid marker."))?;
    Ok(page.at_most(cx.injected.page_limit))
}

/// Why a service cannot use a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// There is no such key in the region.
    Missing,
    /// It is disabled, or about to go.
    NotEnabled,
    /// It does not encrypt by one secret.
    Asymmetric,
    /// Its policy lets the service do nothing.
    NotAllowed,
}

/// Whether a key, by ARN or id, serves to encrypt what a service keeps. `service` is who has to be allowed by the key's
/// own policy; nobody where the caller's rights are used.
pub(super) fn check_usable(
    world: &World,
    (region, given): (&str, &str),
    service: Option<&str>,
) -> Result<(), Unusable> {
    let id = given.strip_prefix(&arn(region, "key/")).unwrap_or(given);
    let key = world.get::<Key>(region, id).ok_or(Unusable::Missing)?;
    if key.body.state != State::Enabled {
        return Err(Unusable::NotEnabled);
    }
    if key.body.spec != key::SYMMETRIC {
        return Err(Unusable::Asymmetric);
    }
    match service {
        Some(service) if !policy::allows_service(&key.body.policy, service) => {
            Err(Unusable::NotAllowed)
        }
        Some(_) | None => Ok(()),
    }
}
