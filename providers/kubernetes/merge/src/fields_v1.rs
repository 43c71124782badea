//! The form of a field set in `metadata.managedFields[].fieldsV1`.
//!
//! A JSON object whose keys are `f:NAME` (a field), `k:{…}` (an item by its keys), `v:…` (an item of a set), `i:N` (an
//! item by its place) and `.` (the parent itself is in the set, too). A key with an empty object is in the set.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::path::{Literal, PathElement};
use crate::set::{FieldSet, Node};
use crate::value;

/// Why a `fieldsV1` cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FieldsV1Error {
    /// Something in it is not an object.
    #[error("the fields below {key:?} are not an object")]
    NotAnObject {
        /// The key whose value is no object; empty at the top.
        key: String,
    },
    /// A key has no kind.
    #[error("the field {key:?} has no kind before a colon")]
    NoKind {
        /// The key.
        key: String,
    },
    /// The value in a `v:` or `k:` key is not JSON, or the number of an `i:` key is none.
    #[error("the field {key:?} names no value")]
    BadValue {
        /// The key.
        key: String,
        /// What the parser says, where JSON is at fault.
        #[source]
        source: Option<serde_json::Error>,
    },
}

/// Reads a set. Kinds of keys that are not known are skipped, as the API server does.
///
/// # Errors
///
/// When a key or value has no meaning.
pub fn decode(fields: &Value) -> Result<FieldSet, FieldsV1Error> {
    decode_children(fields, "").map(|node| node.children)
}

fn decode_children(fields: &Value, key: &str) -> Result<Node, FieldsV1Error> {
    let Value::Object(fields) = fields else {
        return Err(FieldsV1Error::NotAnObject {
            key: key.to_owned(),
        });
    };
    let mut node = Node::default();
    for (key, below) in fields {
        if key == "." {
            node.member = true;
        } else if let Some(element) = decode_element(key)? {
            node.children.put(element, decode_children(below, key)?);
        }
    }
    // Nothing below: then the key itself is meant.
    node.member |= node.children.is_empty();
    Ok(node)
}

fn decode_element(key: &str) -> Result<Option<PathElement>, FieldsV1Error> {
    let Some((kind, text)) = key.split_once(':') else {
        return Err(FieldsV1Error::NoKind {
            key: key.to_owned(),
        });
    };
    let bad = |source| FieldsV1Error::BadValue {
        key: key.to_owned(),
        source,
    };
    Ok(Some(match kind {
        "f" => PathElement::field(text),
        "v" => PathElement::Value(Literal(
            serde_json::from_str(text).map_err(|source| bad(Some(source)))?,
        )),
        "k" => {
            let keys: Map<String, Value> =
                serde_json::from_str(text).map_err(|source| bad(Some(source)))?;
            let mut keys: Vec<_> = keys
                .into_iter()
                .map(|(name, value)| (name, Literal(value)))
                .collect();
            keys.sort();
            PathElement::Key(keys)
        }
        "i" => PathElement::Index(text.parse().map_err(|_| bad(None))?),
        _ => return Ok(None),
    }))
}

/// Writes a set; the keys are in the order in which the API server writes them.
#[must_use]
pub fn encode(set: &FieldSet) -> Value {
    Value::Object(encode_nodes(set))
}

fn encode_nodes(set: &FieldSet) -> Map<String, Value> {
    let mut fields = Map::new();
    for (element, node) in set.nodes() {
        let mut below = Map::new();
        if node.member && !node.children.is_empty() {
            below.insert(".".to_owned(), Value::Object(Map::new()));
        }
        below.append(&mut encode_nodes(&node.children));
        fields.insert(encode_element(element), Value::Object(below));
    }
    fields
}

fn encode_element(element: &PathElement) -> String {
    match element {
        PathElement::Field(name) => format!("f:{name}"),
        PathElement::Key(keys) => {
            let entries: Vec<_> = keys
                .iter()
                .map(|(name, literal)| (name, &literal.0))
                .collect();
            let mut text = "k:".to_owned();
            value::write_entries(&entries, &mut text);
            text
        }
        PathElement::Value(literal) => {
            let mut text = "v:".to_owned();
            value::write_json(&literal.0, &mut text);
            text
        }
        PathElement::Index(index) => format!("i:{index}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:finalizers": {".": {}, "v:\"a/b\"": {}, "v:\"\\u003c\"": {}},
                "f:ports": {
                    "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
                },
                "f:by_place": {"i:2": {}},
            },
        });
        let set = decode(&fields).unwrap();
        assert_eq!(
            encode(&set).to_string(),
            encode(&decode(&encode(&set)).unwrap()).to_string()
        );
        assert_eq!(encode(&set), fields);
        assert_eq!(set.paths().len(), 8);
    }

    #[test]
    fn an_empty_object_is_the_empty_set() {
        assert!(decode(&json!({})).unwrap().is_empty());
        assert_eq!(encode(&FieldSet::new()), json!({}));
    }

    #[test]
    fn what_has_no_meaning_is_refused_and_what_is_new_is_skipped() {
        assert!(matches!(
            decode(&json!({"name": {}})),
            Err(FieldsV1Error::NoKind { .. })
        ));
        assert!(matches!(
            decode(&json!({"v:{": {}})),
            Err(FieldsV1Error::BadValue { .. })
        ));
        assert!(matches!(
            decode(&json!({"i:x": {}})),
            Err(FieldsV1Error::BadValue { .. })
        ));
        assert!(matches!(
            decode(&json!({"f:a": 1})),
            Err(FieldsV1Error::NotAnObject { .. })
        ));
        assert!(decode(&json!({"x:new": {}})).unwrap().is_empty());
    }
}
