//! Conversion to a type constraint: optional attributes are filled in first.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::{Kind, Members, Name, Type, Value};

use super::{ConvertError, convert, convertible};
use crate::definition::{ObjectAttribute, TypeConstraint};

/// Converts a value to a type constraint. An optional attribute that is left out or null takes its default.
///
/// # Errors
///
/// As for [`convert`].
pub fn conform(value: &Value, constraint: &TypeConstraint) -> Result<Value, ConvertError> {
    let ty = constraint.ty();
    if !has_optional(constraint) {
        return convert(value, &ty);
    }
    convert(&filled(value, constraint), &ty)
}

fn has_optional(constraint: &TypeConstraint) -> bool {
    match constraint {
        TypeConstraint::Any
        | TypeConstraint::Bool
        | TypeConstraint::Number
        | TypeConstraint::String => false,
        TypeConstraint::List(element)
        | TypeConstraint::Set(element)
        | TypeConstraint::Map(element) => has_optional(element),
        TypeConstraint::Tuple(elements) => elements.iter().any(has_optional),
        TypeConstraint::Object(attributes) => attributes
            .values()
            .any(|attribute| attribute.optional || has_optional(&attribute.ty)),
    }
}

/// The value with all optional attributes present. Collections come back as tuples and objects, since their elements
/// may have got new types; conversion makes them collections again.
fn filled(value: &Value, constraint: &TypeConstraint) -> Value {
    if let Kind::Unknown(ty) = value.kind() {
        return unknown(ty, constraint).marked_like(value);
    }
    let kind = match constraint {
        TypeConstraint::List(element) | TypeConstraint::Set(element) => {
            let Some(elements) = value.elements() else {
                return value.clone();
            };
            Kind::Tuple(Arc::new(
                elements.iter().map(|item| filled(item, element)).collect(),
            ))
        }
        TypeConstraint::Tuple(constraints) => {
            let Some(elements) = value.elements() else {
                return value.clone();
            };
            let pairs = elements.iter().zip(constraints);
            let mut items: Vec<Value> = pairs.map(|(item, want)| filled(item, want)).collect();
            items.extend(elements.iter().skip(constraints.len()).cloned());
            Kind::Tuple(Arc::new(items))
        }
        TypeConstraint::Map(element) => {
            let Some(members) = value.members() else {
                return value.clone();
            };
            let members = members
                .iter()
                .map(|(key, member)| (key.clone(), filled(member, element)));
            Kind::Object(Arc::new(members.collect()))
        }
        TypeConstraint::Object(attributes) => {
            let Some(members) = value.members() else {
                return value.clone();
            };
            object(members, attributes)
        }
        TypeConstraint::Any
        | TypeConstraint::Bool
        | TypeConstraint::Number
        | TypeConstraint::String => return value.clone(),
    };
    Value::from(kind).marked_like(value)
}

fn object(members: &Members, attributes: &BTreeMap<Name, ObjectAttribute>) -> Kind {
    let mut filled_members = members.clone();
    for (name, attribute) in attributes {
        let given = members.get(name).filter(|member| !member.is_null());
        let member = match (given, &attribute.default) {
            (Some(member), _) => filled(member, &attribute.ty),
            (None, Some(default)) if attribute.optional => filled(default, &attribute.ty),
            (None, _) if attribute.optional => Value::null_of(attribute.ty.ty()),
            (None, _) => continue,
        };
        filled_members.insert(name.clone(), member);
    }
    Kind::Object(Arc::new(filled_members))
}

/// An unknown object may lack optional attributes too; its type then is the constraint's.
fn unknown(ty: &Type, constraint: &TypeConstraint) -> Value {
    let want = constraint.ty();
    if !convertible(ty, &want, true) && fits(ty, constraint) {
        return Value::unknown(want);
    }
    Value::unknown(ty.clone())
}

fn fits(ty: &Type, constraint: &TypeConstraint) -> bool {
    match (ty, constraint) {
        (Type::Object(have), TypeConstraint::Object(wants)) => {
            wants.iter().all(|(name, want)| match have.get(name) {
                Some(ty) => fits(ty, &want.ty),
                None => want.optional,
            })
        }
        (Type::Map(element), TypeConstraint::Object(wants)) => {
            wants.values().all(|want| fits(element, &want.ty))
        }
        (
            Type::List(element) | Type::Set(element),
            TypeConstraint::List(want) | TypeConstraint::Set(want),
        )
        | (Type::Map(element), TypeConstraint::Map(want)) => fits(element, want),
        (Type::Tuple(elements), TypeConstraint::List(want) | TypeConstraint::Set(want)) => {
            elements.iter().all(|element| fits(element, want))
        }
        (Type::Object(attributes), TypeConstraint::Map(want)) => {
            attributes.values().all(|ty| fits(ty, want))
        }
        (Type::Tuple(elements), TypeConstraint::Tuple(wants)) => {
            elements.len() == wants.len()
                && elements.iter().zip(wants).all(|(ty, want)| fits(ty, want))
        }
        (ty, constraint) => convertible(ty, &constraint.ty(), true),
    }
}
