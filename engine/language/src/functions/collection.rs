//! Functions of maps and objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::{Kind, Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions};
use crate::convert::{convert, friendly};

const fn any(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Any)
}

functions! {
    "keys", "The keys of a map or object, in order.", [any("inputMap").unknowns().marked()]
        => key_types, Body::Shallow(keys);
    "lookup", "The element of a key, or a default.",
        [any("inputMap").marked(), Parameter::new("key", ParameterKind::String).marked()],
        ..any("default").nullable().unknowns().marked()
        => lookup_type, Body::Shallow(lookup);
    "merge", "All maps in one; of equal keys the last counts.", [], ..any("maps").nullable().marked()
        => merge_type, Body::Shallow(merge);
    "transpose", "A map of lists with keys and elements swapped.", [Parameter::new("values", ParameterKind::StringLists)]
        => string_lists, Body::Deep(transpose);
    "values", "The elements of a map or object, in the order of their keys.", [any("mapping").marked()]
        => value_types, Body::Shallow(values);
    "zipmap", "A map of keys and values that come as two lists.",
        [Parameter::new("keys", ParameterKind::Strings), any("values").marked()]
        => zip_type, Body::Shallow(zipmap);
}

fn string_lists(_: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(ParameterKind::StringLists.ty().clone())
}

fn key_types(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::Map(_) => Ok(Type::list(Type::String)),
        Type::Object(attributes) => Ok(Type::tuple(vec![Type::String; attributes.len()])),
        Type::Any => Ok(Type::Any),
        _ => argument(0, "must have map or object type"),
    }
}

fn keys(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let map = call.value(0);
    let texts = |names: &mut dyn Iterator<Item = &Arc<str>>| -> Vec<Value> {
        names.map(|name| Value::string(name.clone())).collect()
    };
    let value = match map.kind() {
        Kind::Map(_, members) => {
            call.room(members.len())?;
            Value::list(Type::String, texts(&mut members.keys()))
        }
        Kind::Object(members) => {
            call.room(members.len())?;
            Value::tuple(texts(&mut members.keys()))
        }
        Kind::Unknown(Type::Object(attributes)) => Value::tuple(texts(&mut attributes.keys())),
        _ => Value::unknown(key_types(call)?),
    };
    Ok(value.marked_like(map))
}

fn value_types(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::Map(element) => Ok(Type::List(element)),
        Type::Object(attributes) => Ok(Type::tuple(attributes.values().cloned().collect())),
        Type::Any => Ok(Type::Any),
        _ => argument(0, "must have map or object type"),
    }
}

fn values(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let map = call.value(0);
    let value = match map.kind() {
        Kind::Map(ty, members) => {
            call.room(members.len())?;
            Value::list(ty.clone(), members.values().cloned().collect())
        }
        Kind::Object(members) => {
            call.room(members.len())?;
            Value::tuple(members.values().cloned().collect())
        }
        _ => Value::unknown(value_types(call)?),
    };
    Ok(value.marked_like(map))
}

fn lookup_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).ty() {
        Type::Map(element) => Ok(element.as_ref().clone()),
        Type::Object(attributes) => match call.value(1).as_str() {
            Some(key) => match (attributes.get(key), call.arguments.get(2)) {
                (Some(ty), _) => Ok(ty.clone()),
                (None, Some(default)) => Ok(default.ty()),
                (None, None) => no_attribute(call, key),
            },
            None => Ok(Type::Any),
        },
        Type::Any => Ok(Type::Any),
        _ => argument(0, "lookup() requires a map as the first argument"),
    }
}

fn no_attribute<T>(call: &Call<'_, '_>, key: &str) -> Result<T, Fault> {
    let reason = if call.value(1).is_secret() {
        "the given object has no such attribute".to_owned()
    } else {
        format!("the given object has no attribute \"{key}\"")
    };
    argument(0, reason)
}

fn lookup(call: &Call<'_, '_>) -> Result<Value, Fault> {
    if call.arguments.len() > 3 {
        let reason = format!("takes two or three arguments, got {}", call.arguments.len());
        return Err(Fault::Call(reason));
    }
    let ty = lookup_type(call)?;
    let (map, key) = (call.value(0), call.value(1));
    let Some(name) = key.as_str() else {
        return Ok(Value::unknown(ty));
    };
    let secret = map.is_secret() || key.is_secret();
    let default = || {
        let default = call.arguments.get(2)?;
        Some(convert(default, &ty).map_err(|_| {
            let reason = "the default value must have the same type as the map elements";
            Fault::Argument(2, reason.to_owned())
        }))
    };
    let found = match (map.get(name), map.kind()) {
        // The attributes of an object have types of their own: the default's does not matter.
        (Some(found), Kind::Object(_)) => Some(found.clone()),
        (found, _) => {
            let default = default().transpose()?;
            found.cloned().or(default)
        }
    };
    match found {
        Some(value) => {
            let secret = secret || value.is_secret();
            Ok(value.with_secret(secret))
        }
        None if key.is_secret() => Err(Fault::Call("lookup failed to find the key".to_owned())),
        None => Err(Fault::Call(format!("lookup failed to find key \"{name}\""))),
    }
}

/// The type that all arguments have, where they have one.
fn matching(call: &Call<'_, '_>) -> Option<Type> {
    let (first, rest) = call.arguments.split_first()?;
    let ty = first.ty();
    rest.iter().all(|value| value.ty() == ty).then_some(ty)
}

fn merge_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    for (index, value) in call.arguments.iter().enumerate() {
        match value.ty() {
            Type::Map(_) | Type::Object(_) => {}
            Type::Any => return Ok(Type::Any),
            other => {
                let reason = format!(
                    "arguments must be maps or objects, got {}",
                    friendly(&other)
                );
                return argument(index, reason);
            }
        }
    }
    if call.arguments.is_empty() {
        return Ok(Type::object::<&str>([]));
    }
    if let Some(ty) = matching(call) {
        return Ok(ty);
    }
    let mut attributes = BTreeMap::new();
    for value in &call.arguments {
        match (value.kind(), value.ty()) {
            (Kind::Null(_), _) => {}
            (Kind::Unknown(_), Type::Object(types)) => {
                attributes.extend(types.iter().map(|(name, ty)| (name.clone(), ty.clone())));
            }
            (Kind::Unknown(_), _) => return Ok(Type::Any),
            (_, Type::Map(element)) => {
                let keys = value.members().into_iter().flatten();
                attributes.extend(keys.map(|(key, _)| (key.clone(), element.as_ref().clone())));
            }
            (_, Type::Object(types)) => {
                attributes.extend(types.iter().map(|(name, ty)| (name.clone(), ty.clone())));
            }
            _ => return Ok(Type::Any),
        }
    }
    Ok(Type::Object(Arc::new(attributes)))
}

fn merge(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let secret = call.arguments.iter().any(Value::is_secret);
    let mut all: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for (index, value) in call.arguments.iter().enumerate() {
        if value.is_null() && value.ty() == Type::Any {
            continue;
        }
        match value.kind() {
            Kind::Map(_, members) | Kind::Object(members) => {
                call.members(members.len())?;
                all.extend(
                    members
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            Kind::Null(Type::Map(_) | Type::Object(_)) => {}
            _ => {
                let reason = format!(
                    "arguments must be maps or objects, got {}",
                    friendly(&value.ty())
                );
                return argument(index, reason);
            }
        }
    }
    let maps = call
        .arguments
        .iter()
        .all(|value| matches!(value.ty(), Type::Map(_)));
    let value = match maps.then(|| matching(call)).flatten() {
        Some(Type::Map(element)) => Value::map(element.as_ref().clone(), all.into()),
        _ => Kind::Object(Arc::new(all.into())).into(),
    };
    Ok(value.with_secret(secret))
}

fn transpose(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut swapped: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, list) in call.value(0).members().into_iter().flatten() {
        let Some(elements) = list.elements() else {
            return argument(0, "must not contain a null list");
        };
        call.members(elements.len())?;
        for element in elements {
            let Kind::String(text) = element.kind() else {
                return argument(0, "a list must not contain a null string");
            };
            let keys = swapped.entry(text.clone()).or_default();
            keys.push(Value::string(key.clone()));
        }
    }
    let members = swapped
        .into_iter()
        .map(|(text, keys)| (text, Value::list(Type::String, keys)))
        .collect();
    Ok(Value::map(Type::list(Type::String), members))
}

fn zip_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(match call.value(1).ty() {
        Type::List(element) => Type::Map(element),
        _ => Type::Any,
    })
}

fn zipmap(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (keys, list) = (call.value(0), call.value(1));
    let (Kind::List(_, elements) | Kind::Tuple(elements)) = list.kind() else {
        return argument(1, "must be a list or tuple value");
    };
    if keys.has_unknown() {
        return Ok(Value::unknown(zip_type(call)?).marked_like(list));
    }
    let names = keys.elements().unwrap_or_default();
    if names.len() != elements.len() {
        let reason = format!(
            "number of keys ({}) does not match number of values ({})",
            names.len(),
            elements.len()
        );
        return Err(Fault::Call(reason));
    }
    call.members(names.len())?;
    let mut members = BTreeMap::new();
    for (index, (name, value)) in names.iter().zip(elements.iter()).enumerate() {
        let Kind::String(name) = name.kind() else {
            return argument(0, format!("has a null at index {index}"));
        };
        members.insert(name.clone(), value.clone());
    }
    let value: Value = match list.kind() {
        Kind::List(element, _) => Value::map(element.clone(), members.into()),
        _ => Kind::Object(Arc::new(members.into())).into(),
    };
    Ok(value.marked_like(list))
}
