//! The faults that strike a call: when they do, and what errors they look like in each service.

use serde_json::{Map, Value, json};

use crate::faults::Fault;

use super::error::AwsError;
use super::service::{Dialect, Injected, Wording};

/// The faults that strike a call, by the moment at which they do.
#[derive(Debug, Default)]
pub(super) struct Struck {
    /// What the ledger says.
    pub(super) name: Option<String>,
    pub(super) before: Option<Fault>,
    pub(super) after: Option<Fault>,
    pub(super) delay_ms: u64,
    pub(super) lag_ms: u64,
    /// Whether the answer gets members that nobody knows.
    pub(super) unknown_members: bool,
    /// Whether the answer's lists come in the other order.
    pub(super) reordered_lists: bool,
    pub(super) injected: Injected,
}

impl Struck {
    /// Sorts faults; of several of one moment the first counts.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "delays are positive and far below 2^52 ms"
    )]
    pub(super) fn sort(faults: Vec<Fault>, speed: f64) -> Self {
        let scaled = |ms: u64| (ms as f64 / speed) as u64;
        let mut struck = Self::default();
        let names: Vec<&str> = faults.iter().map(Fault::name).collect();
        struck.name = (!names.is_empty()).then(|| names.join("+"));
        for fault in faults {
            match fault {
                Fault::DropBefore
                | Fault::Throttle { .. }
                | Fault::ServerErrorBefore
                | Fault::Unavailable
                | Fault::AccessDenied
                | Fault::ExpiredToken
                | Fault::Error { .. } => struck.before = struck.before.or(Some(fault)),
                Fault::LostResponse | Fault::ServerErrorAfter => {
                    struck.after = struck.after.or(Some(fault));
                }
                Fault::Delay { ms } => struck.delay_ms += scaled(ms),
                Fault::ConsistencyLag { ms } => struck.lag_ms = struck.lag_ms.max(scaled(ms)),
                Fault::RoleNotAssumable { tries } => struck.injected.role_refusals = Some(tries),
                Fault::OperationFails { code } => {
                    struck.injected.failure = Some(code.unwrap_or_default());
                }
                Fault::OperationTakes { seconds } => struck.injected.seconds = Some(seconds),
                Fault::UnreachableEndpoint => struck.injected.unreachable = true,
                Fault::UnknownMembers => struck.unknown_members = true,
                Fault::ReorderedLists => struck.reordered_lists = true,
                Fault::SmallPages { items } => struck.injected.page_limit = Some(items.max(1)),
            }
        }
        if struck.before.is_some() {
            struck.after = None;
        }
        struck
    }

    /// Tells whether the connection is closed before the effect.
    pub(super) fn dropped_before(&self) -> bool {
        self.before == Some(Fault::DropBefore)
    }

    /// Tells whether the connection is closed without an answer.
    pub(super) fn silent(&self) -> bool {
        self.dropped_before() || self.after == Some(Fault::LostResponse)
    }
}

/// Gives an injected fault the form that this service gives to such an error.
pub(super) fn error_of(fault: &Fault, wording: Wording) -> AwsError {
    match fault {
        Fault::Throttle { retry_after } => AwsError {
            retry_after: *retry_after,
            ..throttled(wording)
        },
        Fault::ServerErrorBefore | Fault::ServerErrorAfter => internal(wording),
        Fault::Unavailable => unavailable(wording),
        Fault::AccessDenied => denied(wording),
        Fault::ExpiredToken => expired(wording),
        Fault::Error {
            code,
            message,
            status,
        } => AwsError::with_status(*status, code.clone(), message.clone()),
        Fault::DropBefore
        | Fault::LostResponse
        | Fault::Delay { .. }
        | Fault::ConsistencyLag { .. }
        | Fault::RoleNotAssumable { .. }
        | Fault::OperationFails { .. }
        | Fault::OperationTakes { .. }
        | Fault::UnreachableEndpoint
        | Fault::UnknownMembers
        | Fault::ReorderedLists
        | Fault::SmallPages { .. } => internal(wording),
    }
}

fn throttled(wording: Wording) -> AwsError {
    match wording {
        Wording::Query(Dialect::Ec2) => {
            AwsError::with_status(503, "RequestLimitExceeded", "Request limit exceeded.")
        }
        Wording::Query(Dialect::Iam | Dialect::Sts) => AwsError::new("Throttling", "Rate exceeded"),
        Wording::Rest => AwsError::with_status(429, "ThrottlingException", "Rate exceeded"),
        Wording::Json => AwsError::new("ThrottlingException", "Rate exceeded"),
    }
}

fn internal(wording: Wording) -> AwsError {
    let (code, text) = match wording {
        Wording::Query(Dialect::Ec2) => ("InternalError", "An internal error has occurred"),
        Wording::Query(Dialect::Iam) => ("ServiceFailure", "Service Failure"),
        Wording::Query(Dialect::Sts) => ("InternalFailure", "An internal failure has occurred"),
        Wording::Rest => ("ServerException", "Internal server error"),
        Wording::Json => ("InternalFailure", "An internal failure has occurred"),
    };
    AwsError::with_status(500, code, text)
}

fn unavailable(wording: Wording) -> AwsError {
    let (code, text) = match wording {
        Wording::Query(Dialect::Ec2) => (
            "Unavailable",
            "The service is unavailable. Please try again shortly.",
        ),
        Wording::Query(Dialect::Iam | Dialect::Sts) => {
            ("ServiceUnavailable", "Service unavailable")
        }
        Wording::Rest => ("ServiceUnavailableException", "The service is unavailable"),
        Wording::Json => ("ServiceUnavailable", "Service unavailable"),
    };
    AwsError::with_status(503, code, text)
}

fn denied(wording: Wording) -> AwsError {
    let text = "You are not authorized to perform this operation.";
    match wording {
        Wording::Query(Dialect::Ec2) => AwsError::with_status(403, "UnauthorizedOperation", text),
        Wording::Query(Dialect::Iam | Dialect::Sts) => {
            AwsError::with_status(403, "AccessDenied", text)
        }
        Wording::Rest => AwsError::with_status(403, "AccessDeniedException", text),
        Wording::Json => AwsError::new("AccessDeniedException", text),
    }
}

fn expired(wording: Wording) -> AwsError {
    let text = "The security token included in the request is expired";
    match wording {
        Wording::Query(Dialect::Ec2) => AwsError::new("RequestExpired", "Request has expired."),
        Wording::Query(Dialect::Iam | Dialect::Sts) => {
            AwsError::with_status(403, "ExpiredToken", text)
        }
        Wording::Rest => AwsError::with_status(403, "ExpiredTokenException", text),
        Wording::Json => AwsError::new("ExpiredTokenException", text),
    }
}

/// Adds a member that no client knows to an answer, to what it holds, and to the items of its lists.
pub(super) fn add_unknown_members(answer: &mut Value) {
    let Some(members) = answer.as_object_mut() else {
        return;
    };
    for (name, member) in members.iter_mut() {
        match member {
            Value::Object(inner) if name != "tags" => add_unknown(inner),
            Value::Array(items) => {
                items
                    .iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(add_unknown);
            }
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {}
        }
    }
    add_unknown(members);
}

/// Lists that are told in the order in which they were given, because the first item is preferred.
const ORDERED: [&str; 1] = ["instanceTypes"];

/// Turns the lists in an answer around, wherever their order says nothing.
pub(super) fn reorder_lists(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            for (_, member) in members
                .iter_mut()
                .filter(|(name, _)| !ORDERED.contains(&name.as_str()))
            {
                reorder_lists(member);
            }
        }
        Value::Array(items) => {
            items.reverse();
            items.iter_mut().for_each(reorder_lists);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_unknown(members: &mut Map<String, Value>) {
    members.insert("addedByANewerService".to_owned(), json!("unknown"));
}
