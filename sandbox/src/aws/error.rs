//! Errors as AWS answers them.

use std::borrow::Cow;

/// An error answer: the service's protocol gives it its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) status: u16,
    /// The `Retry-After` header, in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl AwsError {
    /// Creates an error with a status of its own.
    pub(crate) fn with_status(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status,
            retry_after: None,
        }
    }

    /// Creates a client error, status 400.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }
}

/// What a handler answers: the members of the output, before the protocol gives them their form.
pub(crate) type Answer = Result<serde_json::Value, AwsError>;
