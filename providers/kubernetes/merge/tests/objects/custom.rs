//! Custom kinds: one that has every kind of list and map, nested in each other, and one that takes anything.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The versions of the kind. In the second some lists and maps are one piece that are not in the first, and the other
/// way round.
pub(crate) const VERSIONS: [&str; 2] = ["strata.example/v1", "strata.example/v2"];
pub(crate) const KIND: &str = "Widget";

/// The kind whose schema says nothing; its only version is the first one.
pub(crate) const OPEN_KIND: &str = "Bag";

/// The definition of the kind that takes anything.
pub(crate) fn open_definition() -> Value {
    let version = json!({
        "name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        "subresources": {"status": {}},
    });
    definition_of(OPEN_KIND, &json!([version]))
}

/// The definition of a namespaced kind.
fn definition_of(kind: &str, versions: &Value) -> Value {
    let singular = kind.to_lowercase();
    let plural = format!("{singular}s");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.strata.example")},
        "spec": {
            "group": "strata.example",
            "scope": "Namespaced",
            "names": {
                "kind": kind, "plural": plural, "singular": singular, "listKind": format!("{kind}List"),
            },
            "versions": versions,
        },
    })
}

/// The definition of the kind that has everything.
pub(crate) fn definition() -> Value {
    let mut second = spec();
    let fields = &mut second["properties"];
    fields["free"]["x-kubernetes-map-type"] = json!("atomic");
    fields["parts"]["x-kubernetes-list-type"] = json!("atomic");
    let parts = fields["parts"].as_object_mut().unwrap();
    parts.shift_remove("x-kubernetes-list-map-keys");
    fields["deep"]["x-kubernetes-map-type"] = json!("atomic");
    fields["wholeMap"]["x-kubernetes-map-type"] = json!("granular");
    definition_of(
        KIND,
        &json!([version("v1", &spec()), version("v2", &second)]),
    )
}

/// Whether an object is of one of these kinds.
pub(crate) fn is_custom(object: &Value) -> bool {
    VERSIONS
        .iter()
        .any(|version| object["apiVersion"] == *version)
}

/// The fields of an object of a custom kind that are null and must not be. A map or list that loses all it has becomes
/// null when it is merged; a server takes that for nothing in kinds of its own and in metadata only.
pub(crate) fn forbidden_nulls(object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let definition = definition();
    let versions = definition["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| {
        object["apiVersion"] == format!("strata.example/{}", version["name"].as_str().unwrap())
    });
    if let (Some(version), true) = (version, object["kind"] == KIND) {
        let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
        find_nulls("spec", &object["spec"], spec, &mut found);
    }
    found
}

fn find_nulls(path: &str, value: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => drop(found.insert(path.to_owned())),
        Value::Object(fields) => {
            for (name, value) in fields {
                let declared = schema["properties"].get(name);
                if let Some(schema) = declared.or_else(|| schema.get("additionalProperties")) {
                    find_nulls(&format!("{path}.{name}"), value, schema, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_nulls(&format!("{path}[{index}]"), item, &schema["items"], found);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn version(name: &str, spec: &Value) -> Value {
    let status = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    json!({
        "name": name,
        "served": true,
        "storage": name == "v1",
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {"status": {}},
    })
}

fn spec() -> Value {
    let text = json!({"type": "string"});
    let keyed = |properties: Value| {
        json!({
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": properties},
        })
    };
    let set =
        |items: Value| json!({"type": "array", "x-kubernetes-list-type": "set", "items": items});
    json!({"type": "object", "properties": {
        "text": text,
        "size": {"type": "integer"},
        "ratio": {"type": "number"},
        "on": {"type": "boolean"},
        "either": {"x-kubernetes-int-or-string": true},
        "words": set(text.clone()),
        "numbers": set(json!({"type": "number"})),
        "switches": set(json!({"type": "boolean"})),
        "free": {"type": "object", "additionalProperties": text},
        "freeSets": {"type": "object", "additionalProperties": set(text.clone())},
        "freeParts": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "text": text, "words": set(text.clone()),
        }}},
        "wholeMap": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text},
        "wholePart": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": text, "b": text}},
        "wholeList": {"type": "array", "x-kubernetes-list-type": "atomic", "items": text},
        "plainList": {"type": "array", "items": {"type": "object", "properties": {"a": text}}},
        "ports": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
            "items": {"type": "object", "required": ["port"], "properties": {
                "port": {"type": "integer"},
                "protocol": {"type": "string", "default": "TCP"},
                "target": {"x-kubernetes-int-or-string": true},
                "words": set(text.clone()),
            }},
        },
        "parts": keyed(json!({
            "name": text,
            "text": text,
            "free": {"type": "object", "additionalProperties": text},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text},
            "parts": keyed(json!({"name": text, "text": text, "words": set(text.clone())})),
        })),
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "known": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"text": text, "part": {"type": "object", "properties": {"text": text}}},
        },
        "deep": {"type": "object", "properties": {"deep": {"type": "object", "properties": {
            "text": text, "words": set(text.clone()), "free": {"type": "object", "additionalProperties": text},
        }}}},
    }})
}
