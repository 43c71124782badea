//! The calls of a JSON service: the operation is named in a header, and all its arguments are in the body.

use serde::de::DeserializeOwned;

use super::error::AwsError;
use super::rest::describe;

/// A call of a JSON service.
#[derive(Debug, Clone)]
pub(crate) struct JsonRequest {
    body: Vec<u8>,
    /// The code by which the service refuses arguments.
    invalid: &'static str,
}

impl JsonRequest {
    /// Takes a call in.
    pub(crate) fn new(body: &[u8], invalid: &'static str) -> Self {
        Self {
            body: body.to_vec(),
            invalid,
        }
    }

    /// Reads the body as `T`, which refuses unknown members.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        let text: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(text).map_err(|error| {
            let text = describe(&error);
            match missing(&text) {
                Some(name) => self.violated("null", name, "Member must not be null"),
                None if text.starts_with("unknown") => AwsError::new(self.invalid, text),
                None => AwsError::new("SerializationException", text),
            }
        })
    }

    /// The error for a value that its member cannot have.
    pub(crate) fn violated(&self, value: &str, member: &str, constraint: &str) -> AwsError {
        violated(self.invalid, (member, value), constraint)
    }
}

/// The error of one service for a value that its member cannot have.
pub(crate) fn violated(
    code: &'static str,
    (member, value): (&str, &str),
    constraint: &str,
) -> AwsError {
    let value = match value {
        "null" => value.to_owned(),
        given => format!("'{given}'"),
    };
    let text = format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
    );
    AwsError::new(code, text)
}

/// The member that a body lacks.
fn missing(text: &str) -> Option<&str> {
    text.strip_prefix("missing field `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Body {
        key_id: String,
    }

    fn check(body: &str, expected: Result<&str, (&str, &str)>) {
        let request = JsonRequest::new(body.as_bytes(), "ValidationException");
        let read = request.body::<Body>();
        match (read, expected) {
            (Ok(body), Ok(key)) => assert_eq!(body.key_id, key),
            (Err(error), Err((code, part))) => {
                assert_eq!(error.code, code);
                assert!(error.message.contains(part), "{}", error.message);
            }
            (read, _) => panic!("{body}: {read:?}"),
        }
    }

    #[test]
    fn bodies() {
        check(r#"{"KeyId": "a"}"#, Ok("a"));
        check("", Err(("ValidationException", "Value null at 'KeyId'")));
        check(
            r#"{"KeyId": "a", "X": 1}"#,
            Err(("ValidationException", "unknown field `X`")),
        );
        check(
            r#"{"KeyId": 1}"#,
            Err(("SerializationException", "invalid type")),
        );
    }
}
