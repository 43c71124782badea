//! The inventory of a layer: which objects it has, written down in the cluster, for when a state is lost.
//!
//! In a layer it is a member like the others, under the key [`INVENTORY`]. In the cluster it is a ConfigMap whose name comes from
//! the state's lineage and the layer's address, in a namespace of Strata's own.

use serde_json::{Value as Json, json};
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_model::Value;
use strata_model::layer::INVENTORY;

use crate::object_id::ObjectId;

/// The namespace that inventories are in. It is made where it is missing, and stays.
pub(crate) const NAMESPACE: &str = "strata-system";
/// What stands for a kind in the manifest of an inventory, which no server knows.
const KIND: &str = "Inventory";
const API_VERSION: &str = "strata/v1";

/// The manifest of the inventory of objects with these keys.
pub(crate) fn manifest<'a>(keys: impl Iterator<Item = &'a str>) -> Value {
    let objects = keys.map(Value::from).collect();
    Value::object([
        ("apiVersion", Value::from(API_VERSION)),
        ("kind", KIND.into()),
        (
            "metadata",
            Value::object([("name", Value::from(INVENTORY))]),
        ),
        ("objects", Value::tuple(objects)),
    ])
}

/// Whether a manifest is that of an inventory.
pub(crate) fn is_one(manifest: &Value) -> bool {
    let text = |name: &str| manifest.get(name).and_then(Value::as_str);
    text("apiVersion") == Some(API_VERSION) && text("kind") == Some(KIND)
}

/// The ConfigMap that the inventory of an owner is.
pub(crate) fn id(owner: &str) -> ObjectId {
    ObjectId {
        kind: GroupVersionKind::of("v1", "ConfigMap"),
        namespace: NAMESPACE.to_owned(),
        name: format!("strata-{owner}"),
    }
}

/// The ConfigMap of an inventory, as a server takes it.
pub(crate) fn stored(manifest: &Value, layer: &str, owner: &str) -> Json {
    let id = id(owner);
    let objects = manifest.get("objects").and_then(Value::elements);
    let mut lines: Vec<&str> = objects
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    lines.sort_unstable();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": id.name, "namespace": id.namespace},
        "data": {"layer": layer, "objects": lines.join("\n")},
    })
}

/// The manifest of an inventory as a ConfigMap has it. Where it has the objects that `like` has, in whatever order, it is
/// `like`.
pub(crate) fn read(live: &Json, like: Option<&Value>) -> Value {
    let objects = live["data"]["objects"].as_str().unwrap_or_default();
    let found = manifest(objects.lines());
    let sorted = |manifest: &Value| {
        let objects = manifest.get("objects").and_then(Value::elements);
        let mut objects: Vec<String> = objects
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect();
        objects.sort_unstable();
        objects
    };
    match like {
        Some(like) if sorted(like) == sorted(&found) => like.clone(),
        Some(_) | None => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let manifest = manifest(["/ConfigMap/a/b", "/ConfigMap/a/a"].into_iter());
        assert!(is_one(&manifest));
        let stored = stored(&manifest, "layer.app", "0123456789ab");
        assert_eq!(stored["metadata"]["name"], "strata-0123456789ab");
        assert_eq!(stored["data"]["objects"], "/ConfigMap/a/a\n/ConfigMap/a/b");
        assert_eq!(read(&stored, Some(&manifest)), manifest);
        let mut other = stored;
        other["data"]["objects"] = "/ConfigMap/a/a".into();
        assert_ne!(read(&other, Some(&manifest)), manifest);
        assert!(is_one(&read(&other, None)));
    }
}
