//! Which types convert to which, without a value at hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::Type;

use super::{ConvertError, unify};

/// Whether a value of type `ty` already is one of type `want`, which may leave parts open with `any`.
pub(crate) fn conforms(ty: &Type, want: &Type) -> bool {
    match (ty, want) {
        (_, Type::Any)
        | (Type::Bool, Type::Bool)
        | (Type::Number, Type::Number)
        | (Type::String, Type::String) => true,
        (Type::List(element), Type::List(want))
        | (Type::Set(element), Type::Set(want))
        | (Type::Map(element), Type::Map(want)) => conforms(element, want),
        (Type::Tuple(elements), Type::Tuple(wants)) => {
            elements.len() == wants.len()
                && elements
                    .iter()
                    .zip(wants.iter())
                    .all(|(element, want)| conforms(element, want))
        }
        (Type::Object(attributes), Type::Object(wants)) => {
            attributes.len() == wants.len()
                && attributes
                    .iter()
                    .zip(wants.iter())
                    .all(|((name, ty), (wanted, want))| name == wanted && conforms(ty, want))
        }
        _ => false,
    }
}

/// Whether some value of type `from` converts to `to`; with `lossy`, also where others do not.
pub(crate) fn convertible(from: &Type, to: &Type, lossy: bool) -> bool {
    match (from, to) {
        (_, Type::Any) | (Type::Bool | Type::Number, Type::String) => true,
        (Type::Any, _) | (Type::String, Type::Number | Type::Bool) => lossy,
        (Type::List(from) | Type::Set(from), Type::List(to)) | (Type::Set(from), Type::Set(to)) => {
            same_or_convertible(from, to, lossy)
        }
        (Type::List(from), Type::Set(to)) => lossy && same_or_convertible(from, to, lossy),
        (Type::Map(from), Type::Map(to)) => same_or_convertible(from, to, lossy),
        (Type::Tuple(elements), Type::List(to) | Type::Set(to)) => {
            all_convertible(elements, to, lossy)
        }
        (Type::Tuple(elements), Type::Tuple(wants)) => {
            elements.len() == wants.len()
                && elements
                    .iter()
                    .zip(wants.iter())
                    .all(|(element, want)| same_or_convertible(element, want, lossy))
        }
        (Type::Object(attributes), Type::Map(to)) => {
            let types: Vec<Type> = attributes.values().cloned().collect();
            all_convertible(&types, to, lossy)
        }
        (Type::Object(attributes), Type::Object(wants)) => wants.iter().all(|(name, want)| {
            attributes
                .get(name)
                .is_some_and(|ty| same_or_convertible(ty, want, lossy))
        }),
        (Type::Map(element), Type::Object(wants)) => {
            lossy
                && wants
                    .values()
                    .all(|want| same_or_convertible(element, want, lossy))
        }
        (from, to) => from == to,
    }
}

fn same_or_convertible(from: &Type, to: &Type, lossy: bool) -> bool {
    from == to || convertible(from, to, lossy)
}

fn all_convertible(types: &[Type], to: &Type, lossy: bool) -> bool {
    if *to != Type::Any {
        return types.iter().all(|ty| same_or_convertible(ty, to, lossy));
    }
    match unify::unify_by(types, lossy) {
        Some(Type::Any) => types.iter().all(|ty| *ty == Type::Any),
        Some(common) => types
            .iter()
            .all(|ty| same_or_convertible(ty, &common, lossy)),
        None => types.is_empty(),
    }
}

/// The wanted type with what it leaves open taken from the type that is there.
pub(crate) fn replaced(from: &Type, want: &Type) -> Type {
    let common = |types: &[Type]| unify(types).unwrap_or(Type::Any);
    match (from, want) {
        (Type::Any, want) => want.clone(),
        (from, Type::Any) => from.clone(),
        (Type::Map(from), Type::Map(want)) => Type::map(replaced(from, want)),
        (Type::Object(attributes), Type::Map(want)) => {
            let types: Vec<Type> = attributes.values().cloned().collect();
            Type::map(replaced(&common(&types), want))
        }
        (Type::List(from) | Type::Set(from), Type::List(want)) => Type::list(replaced(from, want)),
        (Type::List(from) | Type::Set(from), Type::Set(want)) => Type::set(replaced(from, want)),
        (Type::Tuple(elements), Type::List(want)) => Type::list(replaced(&common(elements), want)),
        (Type::Tuple(elements), Type::Set(want)) => Type::set(replaced(&common(elements), want)),
        (Type::Tuple(elements), Type::Tuple(wants)) => Type::tuple(
            elements
                .iter()
                .zip(wants.iter())
                .map(|(element, want)| replaced(element, want))
                .collect(),
        ),
        (Type::Object(attributes), Type::Object(wants)) => {
            Type::object(wants.iter().map(|(name, want)| {
                let ty = attributes
                    .get(name)
                    .map_or_else(|| want.clone(), |ty| replaced(ty, want));
                (name.clone(), ty)
            }))
        }
        (Type::Map(element), Type::Object(wants)) => Type::object(
            wants
                .iter()
                .map(|(name, want)| (name.clone(), replaced(element, want))),
        ),
        (_, want) => want.clone(),
    }
}

/// Says how a type falls short of another to which it does not convert.
pub(crate) fn mismatch(got: &Type, want: &Type) -> ConvertError {
    ConvertError::new(reason(got, want))
}

fn reason(got: &Type, want: &Type) -> String {
    match (got, want) {
        (Type::Object(attributes), Type::Object(wants)) => object_reason(attributes, wants),
        (Type::Tuple(_), Type::List(any)) if **any == Type::Any => {
            "all list elements must have the same type".to_owned()
        }
        (Type::Tuple(_), Type::Set(any)) if **any == Type::Any => {
            "all set elements must have the same type".to_owned()
        }
        (Type::Object(_), Type::Map(any)) if **any == Type::Any => {
            "all map elements must have the same type".to_owned()
        }
        (Type::Tuple(elements), Type::List(want) | Type::Set(want)) => elements
            .iter()
            .enumerate()
            .find(|(_, element)| !same_or_convertible(element, want, true))
            .map_or_else(
                || format!("all elements must be {}", friendly(want)),
                |(index, element)| format!("element {index}: {}", reason(element, want)),
            ),
        (Type::Object(attributes), Type::Map(want)) => attributes
            .iter()
            .find(|(_, ty)| !same_or_convertible(ty, want, true))
            .map_or_else(
                || format!("all elements must be {}", friendly(want)),
                |(name, ty)| format!("element \"{name}\": {}", reason(ty, want)),
            ),
        (Type::List(got) | Type::Set(got), Type::List(want) | Type::Set(want))
        | (Type::Map(got), Type::Map(want)) => {
            format!("incorrect element type: {}", reason(got, want))
        }
        (Type::Tuple(elements), Type::Tuple(wants)) if elements.len() != wants.len() => {
            format!("a tuple of {} elements is required", wants.len())
        }
        _ => required(want),
    }
}

fn object_reason(
    attributes: &BTreeMap<Arc<str>, Type>,
    wants: &BTreeMap<Arc<str>, Type>,
) -> String {
    let missing: Vec<String> = wants
        .keys()
        .filter(|name| !attributes.contains_key(*name))
        .map(|name| format!("\"{name}\""))
        .collect();
    match missing.as_slice() {
        [] => {}
        [one] => return format!("attribute {one} is required"),
        many => return format!("attributes {} are required", many.join(", ")),
    }
    attributes
        .iter()
        .filter_map(|(name, ty)| wants.get(name).map(|want| (name, ty, want)))
        .find(|(_, ty, want)| !same_or_convertible(ty, want, true))
        .map_or_else(
            || "incorrect object attributes".to_owned(),
            |(name, ty, want)| format!("attribute \"{name}\": {}", reason(ty, want)),
        )
}

/// `a number is required`, `list of string required`.
fn required(want: &Type) -> String {
    match want {
        Type::Bool => "a bool is required".to_owned(),
        Type::Number => "a number is required".to_owned(),
        Type::String => "a string is required".to_owned(),
        Type::Any
        | Type::List(_)
        | Type::Set(_)
        | Type::Map(_)
        | Type::Tuple(_)
        | Type::Object(_) => format!("{} required", friendly(want)),
    }
}

/// The type in words, as one of its kind: `a list of string`, `an object`.
pub(crate) fn one_of(ty: &Type) -> String {
    let name = friendly(ty);
    let article = if name.starts_with(['a', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// The type in words: `list of string`, `object`.
pub(crate) fn friendly(ty: &Type) -> String {
    match ty {
        Type::Any => "any single type".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Number => "number".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(element) => format!("list of {}", friendly(element)),
        Type::Set(element) => format!("set of {}", friendly(element)),
        Type::Map(element) => format!("map of {}", friendly(element)),
        Type::Tuple(_) => "tuple".to_owned(),
        Type::Object(_) => "object".to_owned(),
    }
}
