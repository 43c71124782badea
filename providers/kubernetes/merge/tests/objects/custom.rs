//! A custom kind that has every kind of list and map, nested in each other.

use serde_json::{Value, json};

/// The versions of the kind. In the second some lists and maps are one piece that are not in the first, and the other
/// way round.
pub(crate) const VERSIONS: [&str; 2] = ["strata.example/v1", "strata.example/v2"];
pub(crate) const KIND: &str = "Widget";

/// The OpenAPI document that an API server would publish for it.
pub(crate) fn document() -> Value {
    let mut second = spec();
    let fields = &mut second["properties"];
    fields["free"]["x-kubernetes-map-type"] = json!("atomic");
    fields["parts"]["x-kubernetes-list-type"] = json!("atomic");
    fields["deep"]["x-kubernetes-map-type"] = json!("atomic");
    fields["wholeMap"]["x-kubernetes-map-type"] = json!("granular");
    json!({"components": {"schemas": {
        "example.strata.v1.Widget": model("v1", &spec()),
        "example.strata.v2.Widget": model("v2", &second),
    }}})
}

fn model(version: &str, spec: &Value) -> Value {
    let text = json!({"type": "string"});
    let metadata = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    json!({
        "type": "object",
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {"allOf": [{"$ref": metadata}]},
            "spec": spec,
            "status": {"type": "object", "properties": {"text": text}},
        },
        "x-kubernetes-group-version-kind": [{"group": "strata.example", "version": version, "kind": KIND}],
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
