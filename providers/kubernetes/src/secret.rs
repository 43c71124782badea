//! What is secret in objects: the content of every Secret, from wherever it comes.

use std::sync::Arc;

use strata_model::Value;

use crate::normal::rebuilt;

/// The members of a Secret that hold secrets.
const CONTENT: [&str; 2] = ["data", "stringData"];

/// The object with the secret mark on every leaf of a Secret's content; other objects as they are.
pub(crate) fn mark(object: &Value) -> Value {
    if !is_secret(object) {
        return object.clone();
    }
    with_members(object, |name, value| {
        if CONTENT.contains(&name) {
            leaves(value)
        } else {
            value.clone()
        }
    })
}

/// Whether an object is a Secret.
pub(crate) fn is_secret(object: &Value) -> bool {
    let is =
        |field: &str, expected: &str| object.get(field).and_then(Value::as_str) == Some(expected);
    is("apiVersion", "v1") && is("kind", "Secret")
}

fn leaves(value: &Value) -> Value {
    if value.members().is_some() {
        with_members(value, |_, member| leaves(member))
    } else if value.is_null() {
        value.clone()
    } else {
        value.clone().into_secret()
    }
}

fn with_members(value: &Value, change: impl Fn(&str, &Value) -> Value) -> Value {
    let changed = value.members().into_iter().flatten();
    let changed = changed
        .map(|(name, member)| (Arc::clone(name), change(name, member)))
        .collect();
    rebuilt(value, changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_of_secrets_is_secret_and_nothing_else() {
        let mark = |json: serde_json::Value| {
            let marked = mark(&Value::from_json(&json).unwrap());
            let paths = marked.secret_paths();
            assert_eq!(marked.to_json(), json);
            paths.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"a": "YQ==", "b": null}, "stringData": {"c": "d"},
        });
        assert_eq!(mark(secret.clone()), ["data.a", "stringData.c"]);
        let mut other = secret;
        other["kind"] = "ConfigMap".into();
        assert!(mark(other).is_empty());
    }
}
