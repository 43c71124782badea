//! Conversion between types, by Terraform's rules.
//!
//! A conversion is *safe* when it succeeds for every value of the source type; only unification asks for that. All
//! others may fail on the value: `"12"` converts to a number and `"x"` does not.

mod compatible;
mod conform;
mod marks;
mod primitive;
mod unify;
mod unused;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strata_model::{AttributePath, Kind, Members, PathStep, Type, Value};

pub use conform::conform;
pub use marks::{set_of, unmarked};
pub use primitive::{NumberFault, number_text, parse_number};
pub use unify::{unify, unify_values};
pub use unused::unused_attributes;

pub(crate) use compatible::{conforms, convertible, friendly, one_of, replaced};
pub(crate) use primitive::{normalized, normalized_arc};

use compatible::mismatch;

/// Why a value does not convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// Where in the value; empty for the value itself.
    pub path: AttributePath,
    /// What was wanted there, as a clause such as `a number is required`. It shows no value.
    pub reason: String,
}

impl ConvertError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        ConvertError {
            path: AttributePath::root(),
            reason: reason.into(),
        }
    }

    /// The same error seen from one level up.
    fn under(self, step: PathStep) -> Self {
        let mut steps = vec![step];
        steps.extend(self.path.steps().iter().cloned());
        ConvertError {
            path: AttributePath::from(steps),
            reason: self.reason,
        }
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.steps().is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.path, self.reason)
        }
    }
}

impl std::error::Error for ConvertError {}

/// Converts a value to a type. Marks stay where they are; `any` in the type takes what is there.
///
/// # Errors
///
/// Says what was wanted and where; no part of the value is quoted.
pub fn convert(value: &Value, want: &Type) -> Result<Value, ConvertError> {
    if has_type(value, want) {
        return Ok(value.clone());
    }
    let kind = match value.kind() {
        Kind::Unknown(from) => Kind::Unknown(typed(from, want)?),
        Kind::Null(from) => Kind::Null(typed(from, want)?),
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => primitive::convert(value, want)?,
        Kind::List(_, elements) | Kind::Set(_, elements) => match want {
            Type::List(element) | Type::Set(element) => {
                return sequence(value, (elements, element), want);
            }
            _ => return Err(mismatch(&value.ty(), want)),
        },
        Kind::Tuple(elements) => match want {
            Type::List(element) | Type::Set(element) => {
                return sequence(value, (elements, element), want);
            }
            Type::Tuple(types) => tuple(elements, types)?,
            _ => return Err(mismatch(&value.ty(), want)),
        },
        Kind::Map(_, members) | Kind::Object(members) => match want {
            Type::Map(element) => map(members, element, value)?,
            Type::Object(attributes) => object(members, attributes, value)?,
            _ => return Err(mismatch(&value.ty(), want)),
        },
    };
    Ok(Value::from(kind).marked_like(value))
}

/// Whether the value is of the type as it stands.
pub(crate) fn has_type(value: &Value, want: &Type) -> bool {
    match (value.kind(), want) {
        (_, Type::Any)
        | (Kind::Bool(_), Type::Bool)
        | (Kind::Number(_), Type::Number)
        | (Kind::String(_), Type::String) => true,
        (Kind::Null(ty) | Kind::Unknown(ty), want) => conforms(ty, want),
        (Kind::List(element, _), Type::List(want))
        | (Kind::Set(element, _), Type::Set(want))
        | (Kind::Map(element, _), Type::Map(want)) => conforms(element, want),
        (Kind::Tuple(elements), Type::Tuple(types)) => {
            elements.len() == types.len()
                && elements
                    .iter()
                    .zip(types.iter())
                    .all(|(element, ty)| has_type(element, ty))
        }
        (Kind::Object(members), Type::Object(attributes)) => {
            members.len() == attributes.len()
                && members
                    .iter()
                    .zip(attributes.iter())
                    .all(|((name, member), (wanted, ty))| name == wanted && has_type(member, ty))
        }
        _ => false,
    }
}

/// The type that an unknown or null of type `from` has as a `want`.
fn typed(from: &Type, want: &Type) -> Result<Type, ConvertError> {
    if convertible(from, want, true) {
        Ok(replaced(from, want))
    } else {
        Err(mismatch(from, want))
    }
}

/// Converts elements to those of a list or set.
fn sequence(
    value: &Value,
    (elements, element): (&[Value], &Type),
    want: &Type,
) -> Result<Value, ConvertError> {
    let keep = match value.kind() {
        Kind::List(ty, _) | Kind::Set(ty, _) if *element == Type::Any => Some(ty.clone()),
        _ => None,
    };
    let (ty, converted) = match keep {
        Some(ty) => (ty, elements.to_vec()),
        None => {
            let element =
                element_type(elements, element).ok_or_else(|| mismatch(&value.ty(), want))?;
            let converted = elements
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    convert(item, &element).map_err(|error| error.under(PathStep::Index(index)))
                })
                .collect::<Result<Vec<_>, _>>()?;
            settle(element, converted)?
        }
    };
    let result = if matches!(want, Type::Set(_)) {
        set_of(ty, converted)
    } else {
        Value::list(ty, converted)
    };
    Ok(result.marked_like(value))
}

/// The element type to convert to: the wanted one, or, for `any`, the one all elements have in common.
fn element_type<'a>(elements: impl IntoIterator<Item = &'a Value>, wanted: &Type) -> Option<Type> {
    if *wanted != Type::Any {
        return Some(wanted.clone());
    }
    let types: Vec<Type> = elements.into_iter().map(Value::ty).collect();
    if types.is_empty() {
        return Some(Type::Any);
    }
    let common = unify(&types)?;
    if common == Type::Any && types.iter().any(|ty| *ty != Type::Any) {
        return None;
    }
    Some(common)
}

/// Where the element type leaves something open, the elements decide it together.
fn settle(element: Type, elements: Vec<Value>) -> Result<(Type, Vec<Value>), ConvertError> {
    if elements.is_empty() || !element.has_any() {
        return Ok((element, elements));
    }
    let types: Vec<Type> = elements.iter().map(Value::ty).collect();
    let common =
        unify(&types).ok_or_else(|| ConvertError::new("all elements must have the same type"))?;
    let elements = elements
        .iter()
        .map(|item| convert(item, &common))
        .collect::<Result<_, _>>()?;
    Ok((common, elements))
}

fn tuple(elements: &[Value], types: &[Type]) -> Result<Kind, ConvertError> {
    if elements.len() != types.len() {
        return Err(ConvertError::new(format!(
            "a tuple of {} elements is required",
            types.len()
        )));
    }
    let converted = elements
        .iter()
        .zip(types)
        .enumerate()
        .map(|(index, (element, ty))| {
            convert(element, ty).map_err(|error| error.under(PathStep::Index(index)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Kind::Tuple(Arc::new(converted)))
}

fn map(members: &Members, element: &Type, value: &Value) -> Result<Kind, ConvertError> {
    let element = element_type(members.values(), element)
        .ok_or_else(|| mismatch(&value.ty(), &Type::map(Type::Any)))?;
    let converted = members
        .values()
        .zip(members.keys())
        .map(|(member, key)| {
            convert(member, &element).map_err(|error| error.under(PathStep::Key(key.clone())))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (ty, converted) = settle(element, converted)?;
    let members = members.keys().cloned().zip(converted).collect();
    Ok(Kind::Map(ty, Arc::new(members)))
}

fn object(
    members: &Members,
    attributes: &BTreeMap<Arc<str>, Type>,
    value: &Value,
) -> Result<Kind, ConvertError> {
    let lacking = || mismatch(&value.ty(), &Type::Object(Arc::new(attributes.clone())));
    if attributes.keys().any(|name| !members.contains_key(name)) {
        return Err(lacking());
    }
    let converted = attributes
        .iter()
        .map(|(name, ty)| {
            convert(members.get(name).ok_or_else(lacking)?, ty)
                .map(|member| (name.clone(), member))
                .map_err(|error| error.under(PathStep::Attribute(name.clone())))
        })
        .collect::<Result<_, _>>()?;
    Ok(Kind::Object(Arc::new(converted)))
}
