//! What the walks over typed values share: going down, and naming the items of lists.

use serde_json::{Map, Value};

use crate::path::{Literal, PathElement};
use crate::schema::{Atom, ListType, Relationship, Scalar, Schema, TypeRef, UnknownType};
use crate::typed::{TypeProblem, TypeProblemKind};

/// What went wrong, from the walk's own place down. [`Problems::within`] adds the way there.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<TypeProblem>);

impl Problems {
    pub(crate) fn push(&mut self, kind: TypeProblemKind) {
        self.0.push(TypeProblem {
            steps: Vec::new(),
            kind,
        });
    }

    pub(crate) fn within(&mut self, element: &PathElement, below: Problems) {
        for mut problem in below.0 {
            problem.steps.insert(0, element.clone());
            self.0.push(problem);
        }
    }
}

/// The alternatives of a type, or the problem that it is unknown.
pub(crate) fn resolve(
    schema: &Schema,
    type_ref: &TypeRef,
    problems: &mut Problems,
) -> Option<Atom> {
    match schema.resolve(type_ref) {
        Ok(atom) => Some(atom),
        Err(UnknownType { name }) => {
            problems.push(TypeProblemKind::UnknownType { name });
            None
        }
    }
}

/// The entries of a map; null and everything else count as none.
pub(crate) fn as_map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// The items of a list; null and everything else count as none.
pub(crate) fn as_list(value: Option<&Value>) -> Option<&[Value]> {
    value.and_then(Value::as_array).map(Vec::as_slice)
}

/// Whether a scalar is what its type says. Nothing and null always are.
pub(crate) fn check_scalar(scalar: Scalar, value: Option<&Value>) -> Result<(), TypeProblemKind> {
    let expected = match (scalar, value) {
        (_, None | Some(Value::Null))
        | (Scalar::Numeric | Scalar::Any, Some(Value::Number(_)))
        | (Scalar::Text | Scalar::Any, Some(Value::String(_)))
        | (Scalar::Boolean | Scalar::Any, Some(Value::Bool(_))) => return Ok(()),
        (Scalar::Numeric, Some(_)) => "a number",
        (Scalar::Text, Some(_)) => "a text",
        (Scalar::Boolean, Some(_)) => "true or false",
        (Scalar::Any, Some(_)) => "a scalar",
    };
    Err(TypeProblemKind::Mismatch { expected })
}

/// The name of a list's item: its keys, or itself in a set.
///
/// # Errors
///
/// When the item cannot have one.
pub(crate) fn item_element(
    schema: &Schema,
    list: &ListType,
    item: &Value,
) -> Result<PathElement, TypeProblemKind> {
    match (list.relationship, list.keys.is_empty()) {
        (Relationship::Associative, false) => keyed_element(schema, list, item),
        (Relationship::Associative, true) => match item {
            Value::Array(_) | Value::Object(_) | Value::Null => Err(TypeProblemKind::NotAKey),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Ok(PathElement::Value(Literal(item.clone())))
            }
        },
        (Relationship::Atomic | Relationship::Separable, _) => Err(TypeProblemKind::NotAKey),
    }
}

fn keyed_element(
    schema: &Schema,
    list: &ListType,
    item: &Value,
) -> Result<PathElement, TypeProblemKind> {
    let Value::Object(item) = item else {
        return Err(TypeProblemKind::NotAKey);
    };
    let mut keys = Vec::with_capacity(list.keys.len());
    for name in &list.keys {
        let value = match item.get(name) {
            Some(value) => Some(value.clone()),
            None => key_default(schema, list, name)?,
        };
        // A key that is left out and has no default is a key of its own: an item without it.
        if let Some(value) = value {
            keys.push((name.clone(), Literal(value)));
        }
    }
    if keys.is_empty() {
        return Err(TypeProblemKind::NoKeys {
            keys: list.keys.clone(),
        });
    }
    keys.sort();
    Ok(PathElement::Key(keys))
}

fn key_default(
    schema: &Schema,
    list: &ListType,
    name: &str,
) -> Result<Option<Value>, TypeProblemKind> {
    let atom = schema
        .resolve(&list.element)
        .map_err(|UnknownType { name }| TypeProblemKind::UnknownType { name })?;
    let map = atom.map.ok_or(TypeProblemKind::NotAKey)?;
    Ok(map.field(name).and_then(|field| field.default.clone()))
}
