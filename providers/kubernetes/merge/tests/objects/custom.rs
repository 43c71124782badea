//! A custom kind that has every kind of list and map, nested in each other.

use serde_json::{Value, json};

/// The versions of the kind. In the second some lists and maps are one piece that are not in the first, and the other
/// way round.
pub(crate) const VERSIONS: [&str; 2] = ["strata.example/v1", "strata.example/v2"];
pub(crate) const KIND: &str = "Widget";

/// Its definition.
pub(crate) fn definition() -> Value {
    let mut second = spec();
    let fields = &mut second["properties"];
    fields["free"]["x-kubernetes-map-type"] = json!("atomic");
    fields["parts"]["x-kubernetes-list-type"] = json!("atomic");
    fields["deep"]["x-kubernetes-map-type"] = json!("atomic");
    fields["wholeMap"]["x-kubernetes-map-type"] = json!("granular");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.strata.example"},
        "spec": {
            "group": "strata.example",
            "scope": "Namespaced",
            "names": {"kind": KIND, "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [version("v1", &spec()), version("v2", &second)],
        },
    })
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
            "items": {"type": "object", "properties": properties},
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
