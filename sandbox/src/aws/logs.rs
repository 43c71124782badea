//! CloudWatch Logs: log groups, those of users and those that EKS makes by itself.

mod delivery;
mod group;
mod tagging;

pub(super) use delivery::deliver;
pub(super) use group::LogGroup;

use crate::world::Object;

use super::ACCOUNT;
use super::arn::partition;
use super::error::AwsError;
use super::json::violated;
use super::kms::{self, Unusable};
use super::service::{Api, Cx, Service};

/// By which arguments are refused.
const INVALID: &str = "InvalidParameterException";

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "logs",
    global: false,
    api: Api::Json {
        target: "Logs_20140328",
        invalid: INVALID,
        tables: &[group::OPERATIONS, tagging::OPERATIONS],
    },
    register: |world| {
        world.register::<LogGroup>();
        world.register::<delivery::Delivery>();
    },
};

pub(super) fn arn(region: &str, name: &str) -> String {
    let partition = partition(region);
    format!("arn:{partition}:logs:{region}:{ACCOUNT}:log-group:{name}")
}

fn find<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<LogGroup>, AwsError> {
    check_name(name)?;
    let found = cx.world.get::<LogGroup>(&cx.region, name);
    found.ok_or_else(|| {
        AwsError::new(
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        )
    })
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if (1..=512).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let constraint = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+";
    Err(violated(INVALID, ("logGroupName", name), constraint))
}

/// Refuses a key that Logs cannot use: the key's own policy has to let it.
fn check_key(cx: &Cx<'_>, name: &str, key: &str) -> Result<(), AwsError> {
    let service = format!("logs.{}.amazonaws.com", cx.region);
    if !key.starts_with("arn:") {
        return Err(AwsError::new(
            INVALID,
            "The specified KMS key ID could not be associated: it must be the ARN of a key.",
        ));
    }
    match kms::check_usable(cx.world, (&cx.region, key), Some(&service)) {
        Ok(()) => Ok(()),
        Err(Unusable::Missing | Unusable::NotAllowed) => {
            let group = arn(&cx.region, name);
            let text = format!(
                "The specified KMS key does not exist or is not allowed to be used with Arn '{group}'"
            );
            Err(AwsError::new(INVALID, text))
        }
        Err(Unusable::NotEnabled) => Err(AwsError::new(
            INVALID,
            "The specified KMS key is not enabled.",
        )),
        Err(Unusable::Asymmetric) => Err(AwsError::new(
            INVALID,
            "The specified KMS key is not symmetric.",
        )),
    }
}
