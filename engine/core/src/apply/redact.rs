//! Keeps secrets out of messages, whatever a provider puts into them.

use strata_model::Value;
use strata_model::provider::ProviderError;

/// Shorter secrets are not looked for: they would turn every message into stars.
const SHORTEST: usize = 4;

/// The secret texts of one step.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<String>);

impl Redactor {
    /// Collects the secrets of some values.
    pub(crate) fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut texts = Vec::new();
        for value in values.into_iter().filter(|value| value.has_secret()) {
            for path in value.secret_paths() {
                if let Some(secret) = value.at(&path) {
                    collect(secret, &mut texts);
                }
            }
        }
        // A secret that contains another one goes first.
        texts.sort_by_key(|text: &String| std::cmp::Reverse(text.len()));
        texts.dedup();
        Redactor(texts)
    }

    /// The message with stars in place of secrets.
    pub(crate) fn text(&self, message: &str) -> String {
        self.0.iter().fold(message.to_owned(), |message, secret| {
            if message.contains(secret) {
                message.replace(secret, "***")
            } else {
                message
            }
        })
    }

    /// The error with stars in place of secrets.
    pub(crate) fn error(&self, error: ProviderError) -> ProviderError {
        ProviderError {
            message: self.text(&error.message),
            hint: error.hint.map(|hint| self.text(&hint)),
            ..error
        }
    }
}

fn collect(secret: &Value, texts: &mut Vec<String>) {
    secret.walk(&mut |_, value| {
        let text = match (value.as_str(), value.as_number()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(number)) => number.to_string(),
            (None, None) => return,
        };
        if text.len() < SHORTEST {
            return;
        }
        // Clouds quote requests back as JSON.
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let escaped = quoted.trim_matches('"').to_owned();
        if escaped != text {
            texts.push(escaped);
        }
        texts.push(text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_stars() {
        let value = Value::object([
            ("password", Value::from("can\"ary").into_secret()),
            ("plain", Value::from("plain")),
            ("short", Value::from("abc").into_secret()),
        ]);
        let redactor = Redactor::of([&value]);
        let check = |message: &str, expected: &str| assert_eq!(redactor.text(message), expected);
        check("got can\"ary, plain, abc", "got ***, plain, abc");
        check(r#"{"p":"can\"ary"}"#, r#"{"p":"***"}"#);
    }
}
