//! Taking fields out of a value.

use serde_json::{Map, Value};

use crate::path::PathElement;
use crate::schema::{Chosen, ListType, MapType, Relationship, Schema, TypeRef};
use crate::set::FieldSet;
use crate::walk;

/// The value without these fields; null when nothing of it is left. A list or map that is one piece cannot lose a part
/// of itself: when something below it is named, all of it goes.
pub(crate) fn remove(
    schema: &Schema,
    type_ref: &TypeRef,
    value: &Value,
    fields: &FieldSet,
) -> Value {
    let Ok(atom) = schema.resolve(type_ref) else {
        return Value::Null;
    };
    match atom.of(Some(value)).chosen() {
        None => Value::Null,
        Some(Chosen::Scalar(_)) => value.clone(),
        Some(Chosen::Map(map)) => from_map(schema, map, value, fields),
        Some(Chosen::List(list)) => from_list(schema, list, value, fields),
    }
}

fn from_map(schema: &Schema, map: &MapType, value: &Value, fields: &FieldSet) -> Value {
    if map.relationship == Relationship::Atomic {
        return Value::Null;
    }
    let mut left = Map::new();
    for (key, value) in walk::as_map(Some(value)).into_iter().flatten() {
        match fields.node(&PathElement::field(key)) {
            Some(node) if node.member => {}
            Some(node) => {
                left.insert(
                    key.clone(),
                    remove(schema, &map.type_of(key), value, &node.children),
                );
            }
            None => {
                left.insert(key.clone(), value.clone());
            }
        }
    }
    if left.is_empty() {
        Value::Null
    } else {
        Value::Object(left)
    }
}

fn from_list(schema: &Schema, list: &ListType, value: &Value, fields: &FieldSet) -> Value {
    if list.relationship == Relationship::Atomic {
        return Value::Null;
    }
    let mut left = Vec::new();
    for item in walk::as_list(Some(value)).unwrap_or_default() {
        let node = walk::item_element(schema, list, item)
            .ok()
            .and_then(|element| fields.node(&element).cloned());
        match node {
            Some(node) if node.member => {}
            Some(node) => left.push(remove(schema, &list.element, item, &node.children)),
            None => left.push(item.clone()),
        }
    }
    if left.is_empty() {
        Value::Null
    } else {
        Value::Array(left)
    }
}
