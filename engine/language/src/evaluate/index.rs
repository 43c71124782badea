//! Attributes and indexes of values.

use strata_model::{Diagnostic, Kind, Members, Number, Span, Type, Value};

use super::failed;
use crate::codes;
use crate::convert::convert;

/// At most so many existing keys are named.
const SHOWN_KEYS: usize = 10;

/// `value.name`
pub(super) fn attribute(value: &Value, name: &str, span: Span) -> Result<Value, Box<Diagnostic>> {
    let found = match value.kind() {
        Kind::Object(members) | Kind::Map(_, members) => match members.get(name) {
            Some(member) => member.clone(),
            None => return Err(no_member(value, members, name, span)),
        },
        Kind::Unknown(Type::Any) => failed(),
        Kind::Unknown(Type::Object(attributes)) => match attributes.get(name) {
            Some(ty) => Value::unknown(ty.clone()),
            None => {
                let keys = attributes.keys().map(AsRef::as_ref);
                return Err(missing(name, keys, "attribute", span));
            }
        },
        Kind::Unknown(Type::Map(element)) => Value::unknown(element.as_ref().clone()),
        Kind::Null(_) => {
            let detail = format!("This value is null, so it has no attribute \"{name}\".");
            return Err(boxed(codes::NULL_VALUE.error(detail).at(span)));
        }
        Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => {
            let detail = format!(
                "This value is {}, which has elements and no attribute \"{name}\".",
                super::one_of(&value.ty())
            );
            let hint = format!(
                "Write [*].{name} for the attribute of all elements, or [0].{name} for that of the first."
            );
            return Err(boxed(
                codes::INVALID_INDEX.error(detail).at(span).hint(hint),
            ));
        }
        Kind::Unknown(ty) => return Err(no_attributes(ty, name, span)),
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            return Err(no_attributes(&value.ty(), name, span));
        }
    };
    Ok(found.marked_like(value))
}

fn no_attributes(ty: &Type, name: &str, span: Span) -> Box<Diagnostic> {
    let detail = format!(
        "This value is {}, which has no attribute \"{name}\".",
        super::one_of(ty)
    );
    boxed(codes::INVALID_INDEX.error(detail).at(span))
}

fn no_member(value: &Value, members: &Members, name: &str, span: Span) -> Box<Diagnostic> {
    let noun = if let Kind::Map(..) = value.kind() {
        "element"
    } else {
        "attribute"
    };
    let keys: Box<dyn Iterator<Item = &str>> = if value.is_secret() {
        Box::new(std::iter::empty())
    } else {
        Box::new(members.keys().map(AsRef::as_ref))
    };
    missing(name, keys, noun, span)
}

/// Names what exists, the nearest first.
fn missing<'a>(
    name: &str,
    keys: impl Iterator<Item = &'a str>,
    noun: &str,
    span: Span,
) -> Box<Diagnostic> {
    let keys: Vec<&str> = keys.collect();
    let mut detail = format!("There is no {noun} \"{name}\".");
    if !keys.is_empty() {
        let shown: Vec<String> = keys
            .iter()
            .take(SHOWN_KEYS)
            .map(|key| format!("\"{key}\""))
            .collect();
        let more = keys.len().saturating_sub(SHOWN_KEYS);
        detail.push_str(&format!(" Those that exist: {}", shown.join(", ")));
        if more > 0 {
            detail.push_str(&format!(" and {more} more"));
        }
        detail.push('.');
    }
    let diagnostic = codes::INVALID_INDEX.error(detail).at(span);
    boxed(match crate::suggest::nearest(name, keys) {
        Some(nearest) => diagnostic.hint(format!("Did you mean \"{nearest}\"?")),
        None => diagnostic,
    })
}

/// `value[key]`
pub(super) fn index(value: &Value, key: &Value, span: Span) -> Result<Value, Box<Diagnostic>> {
    if value.is_null() {
        let detail = "This value is null, so it has no elements.";
        return Err(boxed(codes::NULL_VALUE.error(detail).at(span)));
    }
    if key.is_null() {
        let detail = "The key is null.";
        return Err(boxed(codes::NULL_VALUE.error(detail).at(span)));
    }
    let secret = value.is_secret() || key.is_secret();
    let found = match value.kind() {
        Kind::Unknown(Type::Any) => failed(),
        Kind::List(..) | Kind::Tuple(_) | Kind::Unknown(Type::List(_) | Type::Tuple(_)) => {
            element(value, &converted(key, &Type::Number, span)?, span)?
        }
        Kind::Map(..) | Kind::Object(_) | Kind::Unknown(Type::Map(_) | Type::Object(_)) => {
            let text = converted(key, &Type::String, span)?;
            match text.as_str() {
                Some(name) => member(value, key, name, span)?,
                None => unknown_member(value),
            }
        }
        Kind::Set(..) | Kind::Unknown(Type::Set(_)) => {
            let detail = "This value is a set, whose elements have no order and no key.";
            let hint = "Convert it with tolist(), or go through it with for.";
            return Err(boxed(
                codes::INVALID_INDEX.error(detail).at(span).hint(hint),
            ));
        }
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            let detail = format!(
                "This value is {}, which has no elements.",
                super::one_of(&value.ty())
            );
            return Err(boxed(codes::INVALID_INDEX.error(detail).at(span)));
        }
    };
    let secret = secret || found.is_secret();
    Ok(found.with_secret(secret))
}

fn converted(key: &Value, ty: &Type, span: Span) -> Result<Value, Box<Diagnostic>> {
    convert(key, ty).map_err(|error| {
        let detail = format!("The key does not fit this value: {error}.");
        boxed(codes::INVALID_INDEX.error(detail).at(span))
    })
}

/// A member by a key that may stem from a number or a secret.
fn member(value: &Value, key: &Value, name: &str, span: Span) -> Result<Value, Box<Diagnostic>> {
    let result = match value.kind() {
        Kind::Map(_, members) | Kind::Object(members) => {
            members.get(name).cloned().ok_or_else(|| {
                if key.is_secret() {
                    let detail = "There is no element with this key, which is secret.";
                    boxed(codes::INVALID_INDEX.error(detail).at(span))
                } else {
                    no_member(value, members, name, span)
                }
            })
        }
        _ => attribute(value, name, span),
    };
    match result {
        Err(error) if key.as_number().is_some() => Err(boxed(
            error.hint("An object's attributes are looked up by name, not by number."),
        )),
        other => other,
    }
}

/// What an unknown key leads to.
fn unknown_member(value: &Value) -> Value {
    match value.kind() {
        Kind::Map(element, _) => Value::unknown(element.clone()),
        Kind::Unknown(Type::Map(element)) => Value::unknown(element.as_ref().clone()),
        _ => failed(),
    }
}

fn element(value: &Value, key: &Value, span: Span) -> Result<Value, Box<Diagnostic>> {
    let Some(number) = key.as_number() else {
        return Ok(match value.kind() {
            Kind::List(element, _) => Value::unknown(element.clone()),
            Kind::Unknown(Type::List(element)) => Value::unknown(element.as_ref().clone()),
            _ => failed(),
        });
    };
    let position = number
        .as_i128()
        .and_then(|index| usize::try_from(index).ok());
    let (count, found) = match value.kind() {
        Kind::List(_, elements) | Kind::Tuple(elements) => (
            elements.len(),
            position.and_then(|index| elements.get(index)).cloned(),
        ),
        Kind::Unknown(Type::List(element)) => {
            let found = position.map(|_| Value::unknown(element.as_ref().clone()));
            (usize::MAX, found)
        }
        Kind::Unknown(Type::Tuple(types)) => (
            types.len(),
            position
                .and_then(|index| types.get(index))
                .map(|ty| Value::unknown(ty.clone())),
        ),
        _ => (0, None),
    };
    found.ok_or_else(|| no_element(number, count, key.is_secret(), span))
}

fn no_element(number: Number, count: usize, secret: bool, span: Span) -> Box<Diagnostic> {
    let shown = if secret {
        "that is asked for".to_owned()
    } else {
        number.to_string()
    };
    let detail = if !number.is_integer() {
        "An index must be a whole number.".to_owned()
    } else if number < Number::Int(0) {
        "An index cannot be negative.".to_owned()
    } else {
        match count {
            0 => format!("There is no element {shown}: the collection is empty."),
            1 => format!("There is no element {shown}: the only element is 0."),
            _ => format!(
                "There is no element {shown}: those that exist are 0 to {}.",
                count - 1
            ),
        }
    };
    boxed(codes::INVALID_INDEX.error(detail).at(span))
}

fn boxed(diagnostic: Diagnostic) -> Box<Diagnostic> {
    Box::new(diagnostic)
}
