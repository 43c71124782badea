//! Functions of sets.

use std::collections::BTreeSet;

use strata_model::{Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions};
use crate::convert::{convert, set_of, unify};

const fn set(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Set)
}

functions! {
    "setintersection", "The elements that all sets have.", [set("first_set")], ..set("other_sets")
        => common_set, Body::Deep(setintersection);
    "setproduct", "All combinations of elements.", [], ..Parameter::new("sets", ParameterKind::Any).marked()
        => product_type, Body::Shallow(setproduct);
    "setsubtract", "The elements of the first set that the second does not have.", [set("a"), set("b")]
        => common_set, Body::Deep(setsubtract);
    "setunion", "The elements that any set has.", [set("first_set")], ..set("other_sets")
        => common_set, Body::Deep(setunion);
}

/// The sets converted to the type they have in common.
fn common_sets(call: &Call<'_, '_>) -> Result<(Type, Vec<Value>), Fault> {
    let ty = common_set(call)?;
    let sets = call
        .arguments
        .iter()
        .enumerate()
        .map(|(index, set)| {
            convert(set, &ty).map_err(|error| Fault::Argument(index, error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let count: usize = sets
        .iter()
        .filter_map(Value::elements)
        .map(<[Value]>::len)
        .sum();
    call.room(count)?;
    match ty {
        Type::Set(element) => Ok((element.as_ref().clone(), sets)),
        _ => Ok((Type::Any, sets)),
    }
}

fn common_set(call: &Call<'_, '_>) -> Result<Type, Fault> {
    let mut types = Vec::new();
    for value in &call.arguments {
        if let Type::Set(element) = value.ty() {
            // An empty set of no type yet fits them all.
            if *element != Type::Any || value.elements().is_none_or(|elements| !elements.is_empty())
            {
                types.push(element.as_ref().clone());
            }
        }
    }
    if types.is_empty() {
        return Ok(Type::set(Type::Any));
    }
    unify(&types)
        .map(Type::set)
        .ok_or_else(|| Fault::Call("given sets must all have compatible element types".to_owned()))
}

fn setunion(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (ty, sets) = common_sets(call)?;
    let all = sets.iter().filter_map(Value::elements).flatten().cloned();
    Ok(set_of(ty, all.collect()))
}

/// The elements of the first set that are, or are not, in each of the others.
fn filtered(call: &Call<'_, '_>, within: bool) -> Result<Value, Fault> {
    let (ty, sets) = common_sets(call)?;
    let texts = |set: &Value| -> BTreeSet<String> {
        let elements = set.elements().unwrap_or_default();
        elements
            .iter()
            .map(|element| element.to_json().to_string())
            .collect()
    };
    let others: Vec<BTreeSet<String>> = sets.iter().skip(1).map(texts).collect();
    let kept = sets[0]
        .elements()
        .unwrap_or_default()
        .iter()
        .filter(|element| {
            let text = element.to_json().to_string();
            others.iter().all(|other| other.contains(&text) == within)
        })
        .cloned()
        .collect();
    Ok(set_of(ty, kept))
}

fn setintersection(call: &Call<'_, '_>) -> Result<Value, Fault> {
    filtered(call, true)
}

fn setsubtract(call: &Call<'_, '_>) -> Result<Value, Fault> {
    filtered(call, false)
}

/// The element types of a product, and whether it is a list.
fn factors(call: &Call<'_, '_>) -> Result<(Vec<Type>, bool), Fault> {
    if call.arguments.len() < 2 {
        return Err(Fault::Call(
            "at least two arguments are required".to_owned(),
        ));
    }
    let mut ordered = true;
    let mut types = Vec::new();
    for (index, value) in call.arguments.iter().enumerate() {
        types.push(match value.ty() {
            Type::Set(element) => {
                ordered = false;
                element.as_ref().clone()
            }
            Type::List(element) => element.as_ref().clone(),
            Type::Tuple(elements) if elements.is_empty() => Type::Any,
            Type::Tuple(elements) => match unify(&elements) {
                Some(common) => common,
                None => return argument(index, "all elements must be of the same type"),
            },
            Type::Any if value.is_unknown() => Type::Any,
            _ => return argument(index, "a set or a list is required"),
        });
    }
    Ok((types, ordered))
}

fn product_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    let (types, ordered) = factors(call)?;
    let element = Type::tuple(types);
    Ok(if ordered {
        Type::list(element)
    } else {
        Type::set(element)
    })
}

fn setproduct(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (types, ordered) = factors(call)?;
    let secret = call.arguments.iter().any(Value::is_secret);
    let total = call.arguments.iter().try_fold(1_usize, |total, set| {
        total.checked_mul(set.elements().map_or(0, <[Value]>::len))
    });
    let cells = total.and_then(|total| total.checked_mul(call.arguments.len() + 1));
    call.room(cells.unwrap_or(usize::MAX))?;
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for (index, (set, ty)) in call.arguments.iter().zip(&types).enumerate() {
        let converted = set
            .elements()
            .unwrap_or_default()
            .iter()
            .map(|element| {
                convert(element, ty).map_err(|error| Fault::Argument(index, error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        rows = rows
            .iter()
            .flat_map(|row| {
                converted.iter().map(move |element| {
                    let mut row = row.clone();
                    row.push(element.clone());
                    row
                })
            })
            .collect();
    }
    let rows: Vec<Value> = rows.into_iter().map(Value::tuple).collect();
    let ty = Type::tuple(types);
    let value = if ordered {
        Value::list(ty, rows)
    } else {
        set_of(ty, rows)
    };
    let secret = secret || value.is_secret();
    Ok(value.with_secret(secret))
}
