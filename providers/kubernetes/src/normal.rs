//! Manifests as values: what is left of one when only what can be asked for stays.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strata_model::{Kind, Members, Type, Value};

use crate::secret;

/// What a server alone decides, in `metadata`.
const SERVERS_OWN: [&str; 8] = [
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The manifest without its status and what a server alone decides; of a Secret, `stringData` is folded into `data`, to
/// which a server only ever adds: a key that is left out would stay. What is secret is marked. Lists and maps of a type are
/// tuples and objects, as those of an object that is read.
pub(crate) fn normal(manifest: &Value) -> Value {
    let manifest = untyped(manifest).unwrap_or_else(|| manifest.clone());
    let Some(members) = manifest.members() else {
        return manifest;
    };
    let mut members = members.clone();
    members.remove("status");
    if let Some(metadata) = members.get_mut("metadata")
        && let Some(inner) = metadata.members()
    {
        let mut inner = inner.clone();
        for own in SERVERS_OWN {
            inner.remove(own);
        }
        for map in ["labels", "annotations"] {
            // Nothing is asked for, and the label of an object's owner is not given up.
            if inner.get(map).is_some_and(Value::is_null) {
                inner.remove(map);
            }
        }
        *metadata = rebuilt(metadata, inner);
    }
    let manifest = secret::mark(&rebuilt(&manifest, members));
    folded(&manifest).unwrap_or(manifest)
}

/// The value as JSON of it would be read; `None` where it is so already.
fn untyped(value: &Value) -> Option<Value> {
    let changed = match value.kind() {
        Kind::Null(Type::Any)
        | Kind::Unknown(_)
        | Kind::Bool(_)
        | Kind::Number(_)
        | Kind::String(_) => return None,
        Kind::Null(_) => Value::null(),
        Kind::Object(members) | Kind::Map(_, members) => {
            let mut changed = matches!(value.kind(), Kind::Map(..)).then(|| (**members).clone());
            for (name, member) in members.iter() {
                if let Some(member) = untyped(member) {
                    let changed = changed.get_or_insert_with(|| (**members).clone());
                    changed.insert(Arc::clone(name), member);
                }
            }
            Value::from(Kind::Object(Arc::new(changed?)))
        }
        Kind::Tuple(elements) | Kind::List(_, elements) | Kind::Set(_, elements) => {
            let is_tuple = matches!(value.kind(), Kind::Tuple(_));
            let mut changed = (!is_tuple).then(|| elements.to_vec());
            for (index, element) in elements.iter().enumerate() {
                if let Some(element) = untyped(element) {
                    changed.get_or_insert_with(|| elements.to_vec())[index] = element;
                }
            }
            Value::tuple(changed?)
        }
    };
    Some(changed.marked_like(value))
}

/// A value of the same kind and mark with other members.
pub(crate) fn rebuilt(like: &Value, members: Members) -> Value {
    let kind = match like.kind() {
        Kind::Map(element, _) => Kind::Map(element.clone(), Arc::new(members)),
        _ => Kind::Object(Arc::new(members)),
    };
    Value::from(kind).marked_like(like)
}

fn folded(manifest: &Value) -> Option<Value> {
    if !secret::is_secret(manifest) {
        return None;
    }
    let mut members = manifest.members()?.clone();
    let texts = members.remove("stringData")?;
    let given = members.get("data").and_then(Value::members);
    let mut data = given.cloned().unwrap_or_default();
    for (key, value) in texts.members().into_iter().flatten() {
        data.insert(Arc::clone(key), encoded(value));
    }
    if !data.is_empty() {
        members.insert("data".into(), Value::from(Kind::Object(Arc::new(data))));
    }
    Some(rebuilt(manifest, members))
}

fn encoded(value: &Value) -> Value {
    let encoded = match value.as_str() {
        Some(text) => Value::string(STANDARD.encode(text)),
        None if value.is_unknown() => Value::unknown(Type::String),
        // What is no text is refused by its schema, under the name that it has then.
        None => value.clone(),
    };
    encoded.marked_like(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_can_be_asked_for_stays() {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Secret", "status": {"x": 1},
            "metadata": {"name": "a", "uid": "1", "creationTimestamp": null, "labels": {"uid": "2"}, "annotations": null},
            "data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "other"},
        });
        let normal = normal(&Value::from_json(&manifest).unwrap());
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": {"uid": "2"}},
            "data": {"a": "YQ==", "b": "b3RoZXI="},
        });
        assert_eq!(normal.to_json(), expected);
        let secret: Vec<String> = normal
            .secret_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(secret, ["data.a", "data.b"]);
    }

    #[test]
    fn lists_and_maps_of_a_type_are_as_they_are_read() {
        let map = |name: &str, value: Value| {
            Value::map(Type::String, [(name.into(), value)].into_iter().collect())
        };
        let list = vec!["x".into(), Value::from("y").into_secret()];
        let manifest = Value::object([
            ("data", map("a", Value::from("b").into_secret())),
            ("list", Value::tuple(vec![Value::list(Type::String, list)])),
            ("null", Value::null_of(Type::String)),
            ("open", map("c", Value::unknown(Type::String)).into_secret()),
        ]);
        let normal = normal(&manifest);
        let expected = json!({"data": {"a": "b"}, "list": [["x", "y"]], "null": null});
        let mut members = normal.members().unwrap().clone();
        let open = members.remove("open").unwrap();
        let plain = Value::from(Kind::Object(Arc::new(members)));
        assert_eq!(plain.ty(), Value::from_json(&expected).unwrap().ty());
        let secret: Vec<String> = plain
            .secret_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(secret, ["data.a", "list[0][1]"]);
        assert!(open.is_secret() && open.get("c").unwrap().is_unknown());
        assert!(matches!(open.kind(), Kind::Object(_)));
    }
}
