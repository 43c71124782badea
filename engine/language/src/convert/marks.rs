//! Secret marks of whole values.

use std::sync::Arc;

use strata_model::{Kind, Type, Value};

/// The value without any mark in it, and whether there was one.
pub fn unmarked(value: &Value) -> (Value, bool) {
    if value.has_secret() {
        (strip(value), true)
    } else {
        (value.clone(), false)
    }
}

fn strip(value: &Value) -> Value {
    let all = |elements: &[Value]| Arc::new(elements.iter().map(strip).collect::<Vec<_>>());
    let kind = match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            value.kind().clone()
        }
        Kind::List(ty, elements) => Kind::List(ty.clone(), all(elements)),
        Kind::Set(ty, elements) => Kind::Set(ty.clone(), all(elements)),
        Kind::Tuple(elements) => Kind::Tuple(all(elements)),
        Kind::Map(ty, members) => Kind::Map(
            ty.clone(),
            Arc::new(members.iter().map(|(k, v)| (k.clone(), strip(v))).collect()),
        ),
        Kind::Object(members) => Kind::Object(Arc::new(
            members.iter().map(|(k, v)| (k.clone(), strip(v))).collect(),
        )),
    };
    kind.into()
}

/// A set. An element cannot be secret by itself, for its place among the others would tell about it: the whole set
/// is secret then.
pub fn set_of(element: Type, elements: Vec<Value>) -> Value {
    if !elements.iter().any(Value::has_secret) {
        return Value::set(element, elements);
    }
    let stripped = elements.iter().map(strip).collect();
    Value::set(element, stripped).into_secret()
}
