//! What the errors of the SDK mean: what can be done, and whether the call may have had its effect.

pub(crate) mod hints;
mod rules;

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use strata_model::provider::{ProviderError, ProviderErrorKind};

use ProviderErrorKind::{
    AccessDenied, Bug, Credentials, Invalid, NotFound, Throttled, Unavailable,
};

/// Whether a call that failed may have had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It was refused, or never sent.
    None,
    /// No answer says.
    Maybe,
    /// The object exists, and reports that it failed for good.
    FailedForGood,
}

/// A call that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: ProviderError,
    pub(crate) effect: Effect,
}

impl Failure {
    /// A failure without effect.
    pub(crate) fn refused(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        ProviderError::new(kind, message).into()
    }

    /// An object that reports that it failed for good.
    pub(crate) fn for_good(message: impl Into<String>) -> Self {
        Failure {
            error: ProviderError::new(ProviderErrorKind::Failed, message),
            effect: Effect::FailedForGood,
        }
    }

    pub(crate) fn kind(&self) -> ProviderErrorKind {
        self.error.kind
    }

    /// Whether asking again a little later is likely to be answered.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.error.kind, Throttled | Unavailable)
    }

    /// Whether EKS refused an update because nothing would change. After a lost answer that is success.
    pub(crate) fn says_no_change(&self) -> bool {
        self.error.kind == Invalid
            && NO_CHANGE
                .iter()
                .any(|text| self.error.message.contains(text))
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Failure {
            error,
            effect: Effect::None,
        }
    }
}

/// A value where it says that something is there, and `None` where the failure says definitely that it is not.
pub(crate) fn found<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.kind() == NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// An answer that does not say what was made.
pub(crate) fn no_id(operation: &str) -> Failure {
    let mut failure = Failure::refused(
        Unavailable,
        format!("{operation}: the answer names no object"),
    );
    failure.effect = Effect::Maybe;
    failure
}

/// Success where the failure is of the kind that says that the work is done already.
pub(crate) fn done_if<T>(
    kind: ProviderErrorKind,
    result: Result<T, Failure>,
) -> Result<(), Failure> {
    match result {
        Err(failure) if failure.kind() != kind => Err(failure),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Sends a call and reads its error by the table.
pub(crate) async fn send<T, E>(
    operation: &'static str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Failure>
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    call.await.map_err(|error| failure(operation, &error))
}

fn failure<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => {
            Failure::refused(Bug, format!("{operation}: {}", chain(error)))
        }
        SdkError::TimeoutError(_) => maybe(Unavailable, format!("{operation}: no answer in time")),
        SdkError::DispatchFailure(dispatch) => not_dispatched(operation, dispatch),
        SdkError::ServiceError(service) => answered(&Answer {
            operation,
            code: service.err().code().unwrap_or_default(),
            text: service.err().message().unwrap_or_default(),
            status: service.raw().status().as_u16(),
            retry_after: retry_after(service.raw()),
        }),
        SdkError::ResponseError(response) => answered(&Answer {
            operation,
            code: "",
            text: "the answer is not one of this service",
            status: response.raw().status().as_u16(),
            retry_after: retry_after(response.raw()),
        }),
        _ => maybe(Unavailable, format!("{operation}: {}", chain(error))),
    }
}

fn maybe(kind: ProviderErrorKind, message: String) -> Failure {
    Failure {
        error: ProviderError::new(kind, message),
        effect: Effect::Maybe,
    }
}

/// A call without an answer: refused before it was sent only where that is certain.
fn not_dispatched(operation: &str, dispatch: &DispatchFailure) -> Failure {
    let Some(error) = dispatch.as_connector_error() else {
        return maybe(Unavailable, format!("{operation}: the connection failed"));
    };
    let message = format!("{operation}: {}", chain(error));
    if dispatch.is_user() {
        return Failure::refused(Bug, message);
    }
    let refused = find_cause::<io::Error>(error).filter(|error| never_arrived(error.kind()));
    let no_answer = |error: &io::Error| {
        let message = format!("AWS does not answer ({operation}): {error}");
        Failure::refused(Unavailable, message)
    };
    if let Some(cause) = find_cause::<CredentialsError>(error) {
        // Where there are credentials, what gives them could not be asked: they may be good.
        if let (CredentialsError::ProviderError(_), Some(refused)) = (cause, refused) {
            return no_answer(refused);
        }
        let message = format!("AWS cannot be asked ({operation}): {}", chain(cause));
        let error = ProviderError::new(Credentials, message)
            .hint("Log in, as with `aws sso login`, or name credentials by a profile or by the AWS_* variables.");
        return error.into();
    }
    match refused {
        Some(refused) => no_answer(refused),
        None => maybe(Unavailable, message),
    }
}

/// Whether an error of a connection says that nothing was sent.
fn never_arrived(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable
    )
}

fn find_cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The texts of an error and its causes, from the outermost in.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error as a service answered it.
struct Answer<'a> {
    operation: &'a str,
    code: &'a str,
    text: &'a str,
    status: u16,
    retry_after: Option<Duration>,
}

fn answered(answer: &Answer<'_>) -> Failure {
    let (kind, hint) = classify(answer);
    let message = match (answer.code, answer.text) {
        ("", text) => format!("{}: {text} (status {})", answer.operation, answer.status),
        (code, "") => format!("{}: {code}", answer.operation),
        (code, text) => format!("{}: {code}: {text}", answer.operation),
    };
    let mut error = ProviderError::new(kind, message);
    error.retry_after = answer.retry_after;
    error.hint = hints::hint(answer, kind).or_else(|| hint.map(str::to_owned));
    // A refusal by the request's content is definite; a failure inside the service is not.
    let definite = answer.status / 100 == 4 || answer.status == 501 || kind == Throttled;
    Failure {
        error,
        effect: if definite {
            Effect::None
        } else {
            Effect::Maybe
        },
    }
}

fn classify(answer: &Answer<'_>) -> (ProviderErrorKind, Option<&'static str>) {
    if let Some(rule) = rules::find(answer) {
        return (rule.kind, rule.hint);
    }
    let kind = match answer.status {
        401 => Credentials,
        403 => AccessDenied,
        408 => Unavailable,
        429 => Throttled,
        // No answer of another day will be different: the service, or who stands in for it, has no such operation.
        501 => Invalid,
        status if status / 100 == 4 => Invalid,
        _ => Unavailable,
    };
    (kind, None)
}

/// What EKS says when an update would change nothing.
const NO_CHANGE: &[&str] = &[
    "already at the desired configuration",
    "No changes needed",
    "No changes detected",
    "already at version",
];

#[cfg(test)]
mod tests {
    use ProviderErrorKind::{AlreadyExists, Busy, Dependency, Propagation, Quota};

    use super::rules::IP;
    use super::*;

    fn check(
        operation: &'static str,
        code: &str,
        text: &str,
        status: u16,
    ) -> (ProviderErrorKind, Effect) {
        let failure = answered(&Answer {
            operation,
            code,
            text,
            status,
            retry_after: None,
        });
        (failure.kind(), failure.effect)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table, a row for each code")]
    fn the_table_says_what_can_be_done() {
        let cases: &[(&'static str, &str, &str, u16, ProviderErrorKind)] = &[
            ("CreateVpc", "VpcLimitExceeded", "The maximum", 400, Quota),
            (
                "CreateSubnet",
                "InvalidVpcID.NotFound",
                "",
                400,
                Propagation,
            ),
            ("DeleteVpc", "InvalidVpcID.NotFound", "", 400, NotFound),
            (
                "DescribeVpcAttribute",
                "InvalidVpcID.NotFound",
                "",
                400,
                NotFound,
            ),
            ("DeleteVpc", "DependencyViolation", "", 400, Dependency),
            (
                "DetachInternetGateway",
                "Gateway.NotAttached",
                "",
                400,
                NotFound,
            ),
            (
                "ReleaseAddress",
                "InvalidIPAddress.InUse",
                "",
                400,
                Dependency,
            ),
            (
                "ReleaseAddress",
                "InvalidAllocationID.NotFound",
                "",
                400,
                NotFound,
            ),
            ("DeleteNatGateway", "NatGatewayNotFound", "", 400, NotFound),
            ("CreateRoute", "RouteAlreadyExists", "", 400, AlreadyExists),
            ("DeleteRoute", "InvalidRoute.NotFound", "", 400, NotFound),
            ("CreateVpc", "RequestLimitExceeded", "", 503, Throttled),
            ("CreateVpc", "UnauthorizedOperation", "", 403, AccessDenied),
            ("CreateVpc", "AuthFailure", "", 401, Credentials),
            ("CreateVpc", "InternalError", "", 500, Unavailable),
            ("CreateVpc", "NotImplemented", "", 501, Invalid),
            ("CreateRole", "EntityAlreadyExists", "", 409, AlreadyExists),
            ("AttachRolePolicy", "NoSuchEntity", "", 404, Propagation),
            ("GetRole", "NoSuchEntity", "", 404, NotFound),
            (
                "AddRoleToInstanceProfile",
                "NoSuchEntity",
                "",
                404,
                Propagation,
            ),
            ("AddRoleToInstanceProfile", "LimitExceeded", "", 409, Busy),
            ("DetachRolePolicy", "NoSuchEntity", "", 404, NotFound),
            ("DeleteRole", "DeleteConflict", "", 409, Dependency),
            (
                "CreateRole",
                "MalformedPolicyDocument",
                "Invalid principal in policy",
                400,
                Propagation,
            ),
            (
                "CreateRole",
                "MalformedPolicyDocument",
                "Syntax errors",
                400,
                Invalid,
            ),
            (
                "CreateCluster",
                IP,
                "Role could not be assumed because the trusted entity is not correct",
                400,
                Propagation,
            ),
            (
                "CreateCluster",
                IP,
                "The provided role doesn't have the Amazon EKS Managed Policies associated with it",
                400,
                Propagation,
            ),
            (
                "CreateCluster",
                IP,
                "IAM role's policy must include the `sts:AssumeRole` action",
                400,
                Propagation,
            ),
            (
                "CreateCluster",
                IP,
                "Error in role params",
                400,
                Propagation,
            ),
            (
                "CreateCluster",
                IP,
                "unsupported Kubernetes version",
                400,
                Invalid,
            ),
            (
                "CreateCluster",
                "ResourceInUseException",
                "Cluster already exists with name: a",
                409,
                AlreadyExists,
            ),
            (
                "DeleteCluster",
                "ResourceInUseException",
                "Cluster has nodegroups attached",
                409,
                Dependency,
            ),
            (
                "CreateAccessEntry",
                "ResourceInUseException",
                "The specified access entry resource is already in use on this cluster.",
                409,
                AlreadyExists,
            ),
            (
                "CreateAccessEntry",
                IP,
                "The specified principalArn is invalid: invalid principal.",
                400,
                Propagation,
            ),
            (
                "AssociateAccessPolicy",
                "ResourceNotFoundException",
                "",
                404,
                Propagation,
            ),
            (
                "CreateFargateProfile",
                IP,
                "Misconfigured PodExecutionRole Trust Policy; Please add",
                400,
                Propagation,
            ),
            (
                "CreateFargateProfile",
                "InvalidRequestException",
                "because cluster c currently has Fargate profile a in status CREATING",
                400,
                Busy,
            ),
            (
                "DeleteFargateProfile",
                "ResourceInUseException",
                "because cluster c currently has Fargate profile a in status DELETING",
                409,
                Busy,
            ),
            (
                "AssociateIdentityProviderConfig",
                "ResourceInUseException",
                "Identity provider config a is already associated with cluster c",
                409,
                AlreadyExists,
            ),
            (
                "DisassociateVpcCidrBlock",
                "InvalidCidrBlock.InUse",
                "",
                400,
                Dependency,
            ),
            (
                "CreateAddon",
                "ResourceInUseException",
                "Addon already exists.",
                409,
                AlreadyExists,
            ),
            (
                "UpdateAddon",
                "ResourceInUseException",
                "currently has update x in progress",
                409,
                Busy,
            ),
            (
                "CreatePodIdentityAssociation",
                IP,
                "Role provided in the request does not exist.",
                400,
                Propagation,
            ),
            (
                "DisassociateAccessPolicy",
                "ResourceNotFoundException",
                "",
                404,
                NotFound,
            ),
            (
                "UpdateClusterConfig",
                "ResourceInUseException",
                "currently has update x in progress",
                409,
                Busy,
            ),
            (
                "DescribeCluster",
                "ResourceNotFoundException",
                "No cluster found for name: a.",
                404,
                NotFound,
            ),
            (
                "DescribeCluster",
                "ClientException",
                "No cluster found for name: a.",
                400,
                NotFound,
            ),
            (
                "CreateCluster",
                "ResourceLimitExceededException",
                "",
                400,
                Quota,
            ),
            (
                "UpdateClusterVersion",
                "InvalidStateException",
                "",
                400,
                Invalid,
            ),
            (
                "CreateNodegroup",
                "ResourcePropagationDelayException",
                "",
                428,
                Propagation,
            ),
            ("DescribeCluster", "", "", 404, Invalid),
            ("DescribeCluster", "", "", 403, AccessDenied),
        ];
        for (operation, code, text, status, expected) in cases {
            let (kind, _) = check(operation, code, text, *status);
            assert_eq!(kind, *expected, "{operation} {code} {text}");
        }
    }

    #[test]
    fn who_names_a_version_that_does_not_fit_is_told_where_those_are_that_do() {
        let failure = answered(&Answer {
            operation: "UpdateAddon",
            code: IP,
            text: "Addon version specified is not supported",
            status: 400,
            retry_after: None,
        });
        assert_eq!(failure.kind(), Invalid);
        let hint = failure.error.hint.unwrap();
        assert!(hint.contains("describe-addon-versions"), "{hint}");
    }

    #[test]
    fn only_a_refusal_is_without_effect() {
        assert_eq!(
            check("CreateVpc", "InternalError", "", 500).1,
            Effect::Maybe
        );
        assert_eq!(check("CreateVpc", "", "", 200).1, Effect::Maybe);
        assert_eq!(check("CreateVpc", "Throttling", "", 503).1, Effect::None);
        assert_eq!(
            check("CreateVpc", "VpcLimitExceeded", "", 400).1,
            Effect::None
        );
    }

    #[test]
    fn an_update_without_change_is_known() {
        let failure = answered(&Answer {
            operation: "UpdateClusterConfig",
            code: IP,
            text: "No changes needed for the logging config provided",
            status: 400,
            retry_after: None,
        });
        assert!(failure.says_no_change());
    }

    #[test]
    fn what_was_never_sent_had_no_effect() {
        use aws_smithy_runtime_api::client::result::ConnectorError;
        type Error = SdkError<aws_sdk_ec2::operation::create_vpc::CreateVpcError, HttpResponse>;
        let io = |kind| Box::new(io::Error::from(kind));
        let cases = [
            (
                ConnectorError::io(io(io::ErrorKind::ConnectionRefused)),
                Effect::None,
            ),
            (
                ConnectorError::io(io(io::ErrorKind::ConnectionReset)),
                Effect::Maybe,
            ),
            (
                ConnectorError::timeout(io(io::ErrorKind::TimedOut)),
                Effect::Maybe,
            ),
        ];
        for (error, expected) in cases {
            let text = format!("{error:?}");
            let failure = failure("CreateVpc", &Error::dispatch_failure(error));
            assert_eq!(failure.effect, expected, "{text}");
            assert_eq!(failure.kind(), Unavailable);
        }
        let none = CredentialsError::not_loaded("no providers in chain");
        let error = ConnectorError::other(Box::new(none), None);
        let failure = failure("CreateVpc", &Error::dispatch_failure(error));
        assert_eq!(
            (failure.kind(), failure.effect),
            (Credentials, Effect::None)
        );
        let message = failure.error.message;
        assert!(message.starts_with("AWS cannot be asked"), "{message}");
        assert!(failure.error.hint.is_some());
    }
}
