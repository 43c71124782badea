//! The calls of a REST service: its path, its query and its JSON body.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::AwsError;
use super::service::RestOperation;

/// A call of a REST service. What is taken from it is removed; the rest is refused.
#[derive(Debug, Clone)]
pub(crate) struct RestRequest {
    path: BTreeMap<&'static str, String>,
    query: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

impl RestRequest {
    /// Finds the operation of a call, and takes the call apart.
    pub(crate) fn route(
        tables: &'static [&'static [RestOperation]],
        method: &str,
        uri: (&str, &str),
        body: &[u8],
    ) -> Option<(&'static RestOperation, Self)> {
        for operation in tables.iter().copied().flatten() {
            if operation.route.0 != method {
                continue;
            }
            if let Some(path) = match_path(operation.route.1, uri.0) {
                let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (name, value) in form_urlencoded::parse(uri.1.as_bytes()).into_owned() {
                    query.entry(name).or_default().push(value);
                }
                return Some((
                    operation,
                    Self {
                        path,
                        query,
                        body: body.to_vec(),
                    },
                ));
            }
        }
        None
    }

    /// Returns a part of the path.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// Takes an optional member of the query.
    pub(crate) fn query(&mut self, name: &str) -> Option<String> {
        self.query.remove(name)?.into_iter().next()
    }

    /// Takes a list in the query.
    pub(crate) fn query_list(&mut self, name: &str) -> Vec<String> {
        self.query.remove(name).unwrap_or_default()
    }

    /// Reads the body as `T`, which refuses unknown members.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        let text: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(text)
            .map_err(|error| AwsError::new("InvalidParameterException", describe(&error)))
    }

    /// Describes the call in one canonical text without its client token, by which two calls are compared.
    pub(crate) fn canonical(&self) -> String {
        let mut body: Map<String, Value> = serde_json::from_slice(&self.body).unwrap_or_default();
        body.remove("clientRequestToken");
        format!("{:?} {}", self.path, sorted(&body.into()))
    }

    /// Refuses members of the query that were not taken.
    pub(crate) fn finish(&self) -> Result<(), AwsError> {
        let Some(name) = self.query.keys().next() else {
            return Ok(());
        };
        let text = format!("unknown query parameter {name} (or the sandbox does not emulate it)");
        Err(AwsError::new("InvalidParameterException", text))
    }
}

/// A value with the members of its objects in order: clients send maps in any.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name, sorted(value)));
            let ordered: BTreeMap<&String, Value> = members.collect();
            let pairs = ordered.into_iter();
            Value::Object(pairs.map(|(name, value)| (name.clone(), value)).collect())
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The position in the body is of no use to someone who sees only the SDK's types.
pub(super) fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("unknown field") {
        return format!("{text} (the sandbox may not emulate it)");
    }
    text.to_owned()
}

fn match_path(pattern: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut found = BTreeMap::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(part), Some(text)) => {
                let decoded = percent_decode_str(text).decode_utf8().ok()?.into_owned();
                match part
                    .strip_prefix('{')
                    .and_then(|part| part.strip_suffix('}'))
                {
                    Some(name) if !decoded.is_empty() => {
                        found.insert(name, decoded);
                    }
                    None if part == decoded => {}
                    Some(_) | None => return None,
                }
            }
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_says_nothing() {
        let canonical = |body: &str| {
            let request = RestRequest {
                path: BTreeMap::new(),
                query: BTreeMap::new(),
                body: body.as_bytes().to_vec(),
            };
            request.canonical()
        };
        let one = r#"{"tags":{"a":"1","b":"2"},"clientRequestToken":"x","list":[{"c":1,"d":2}]}"#;
        let other = r#"{"list":[{"d":2,"c":1}],"tags":{"b":"2","a":"1"}}"#;
        assert_eq!(canonical(one), canonical(other));
        assert_ne!(canonical(one), canonical(r#"{"tags":{"a":"1"}}"#));
    }

    #[test]
    fn paths() {
        let found = match_path("/clusters/{name}/updates", "/clusters/a%2Fb/updates").unwrap();
        assert_eq!(found["name"], "a/b");
        assert_eq!(match_path("/clusters/{name}", "/clusters"), None);
        assert_eq!(match_path("/clusters/{name}", "/clusters/"), None);
        assert_eq!(match_path("/clusters", "/clusters/x"), None);
        assert!(match_path("/clusters", "/clusters").unwrap().is_empty());
    }
}
