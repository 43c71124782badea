//! What is sent of an object: its manifest with the label of its owner.

use strata_model::{Lineage, Type, Value};

use crate::objects::{OWNER, owner};
use crate::{inventory, normal};

/// A manifest with the label of its owner, which is known as soon as the state's lineage is. In place of an inventory it
/// is the ConfigMap that holds it.
pub(crate) fn labelled(
    manifest: &Value,
    (attributes, lineage): (&Value, Option<Lineage>),
) -> Value {
    let owner = lineage.map(|lineage| owner(lineage, attributes));
    let label = match &owner {
        Some(owner) => Value::from(owner.as_str()),
        None => Value::unknown(Type::String),
    };
    let mut object = manifest.clone();
    if inventory::is_one(manifest) {
        let layer = attributes.get("layer").and_then(Value::as_str);
        let owner = owner.as_deref().unwrap_or_default();
        let stored = inventory::stored(manifest, layer.unwrap_or_default(), owner);
        object = Value::from_json(&stored).unwrap_or_else(Value::null);
        if lineage.is_none() {
            object = with_member(&object, &["metadata", "name"], Value::unknown(Type::String));
        }
    }
    with_member(&object, &["metadata", "labels", OWNER], label)
}

/// An object with a member deep in it, and objects on the way to it where there are none.
fn with_member(object: &Value, path: &[&str], value: Value) -> Value {
    let Some((name, rest)) = path.split_first() else {
        return value;
    };
    let mut members = object.members().cloned().unwrap_or_default();
    let inner = members.get(name).cloned().unwrap_or_else(Value::null);
    members.insert((*name).into(), with_member(&inner, rest, value));
    normal::rebuilt(object, members)
}
