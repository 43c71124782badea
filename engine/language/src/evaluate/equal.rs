//! Equality of values.

use strata_model::{Kind, Type, Value};

use crate::convert::conforms;

/// Whether two values are equal; `None` where that depends on something unknown. Values of different types are not
/// equal: nothing is converted. Marks play no part.
pub(crate) fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left.kind(), right.kind()) {
        (Kind::Unknown(left), _) => unlike(left, right),
        (_, Kind::Unknown(right)) => unlike(right, left),
        (Kind::Null(_), Kind::Null(_)) => Some(true),
        (Kind::Bool(left), Kind::Bool(right)) => Some(left == right),
        (Kind::Number(left), Kind::Number(right)) => Some(left == right),
        (Kind::String(left), Kind::String(right)) => Some(left == right),
        (Kind::List(left_type, left), Kind::List(right_type, right)) => {
            both(types(left_type, right_type), all(left, right))
        }
        (Kind::Set(left_type, left), Kind::Set(right_type, right)) => {
            both(types(left_type, right_type), sets(left, right))
        }
        (Kind::Tuple(left), Kind::Tuple(right)) => all(left, right),
        (Kind::Map(left_type, left), Kind::Map(right_type, right)) => {
            if !left.keys().eq(right.keys()) {
                return Some(false);
            }
            both(
                types(left_type, right_type),
                each(left.values().zip(right.values())),
            )
        }
        (Kind::Object(left), Kind::Object(right)) => {
            if !left.keys().eq(right.keys()) {
                return Some(false);
            }
            each(left.values().zip(right.values()))
        }
        _ => Some(false),
    }
}

/// An unknown is unequal only to what it can never be.
fn unlike(unknown: &Type, other: &Value) -> Option<bool> {
    if other.is_null() {
        return None;
    }
    let ty = other.ty();
    let possible =
        conforms(&ty, unknown) || conforms(unknown, &ty) || ty.has_any() || unknown.has_any();
    if possible { None } else { Some(false) }
}

fn types(left: &Type, right: &Type) -> Option<bool> {
    if left == right {
        Some(true)
    } else if left.has_any() || right.has_any() {
        None
    } else {
        Some(false)
    }
}

fn both(first: Option<bool>, second: Option<bool>) -> Option<bool> {
    match (first, second) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

fn all(left: &[Value], right: &[Value]) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    each(left.iter().zip(right))
}

fn each<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut result = Some(true);
    for (left, right) in pairs {
        match equal(left, right) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// Sets are in canonical order, so that equal ones are equal element by element; with unknowns nothing can be said.
fn sets(left: &[Value], right: &[Value]) -> Option<bool> {
    if left.iter().chain(right).any(Value::has_unknown) {
        return None;
    }
    all(left, right)
}
