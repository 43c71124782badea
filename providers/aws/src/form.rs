//! Between values and the typed objects of resource types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use strata_model::provider::ProviderError;
use strata_model::schema::ResourceSchema;
use strata_model::wire::Encoded;
use strata_model::{AttributePath, Type, Value};

use crate::change::Change;
use crate::config::Config;
use crate::settle::settle;

/// A typed object from a value. What is unknown or null has the default of its field, so that also a record of which
/// only fingerprints are kept can be read.
pub(crate) fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, ProviderError> {
    // The text of the cause may quote a value, so it is not shown.
    serde_json::from_value(without_nulls(value.to_json())).map_err(|_| {
        ProviderError::bug("the attributes of an object do not have the form of its schema")
    })
}

fn without_nulls(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::Object(members) => members
            .into_iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name, without_nulls(member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Json::Array(elements) => elements
            .into_iter()
            .filter(|element| !element.is_null())
            .map(without_nulls)
            .collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => json,
    }
}

/// A value of a typed object, in the form in which it is recorded or planned wherever that means the same.
pub(crate) fn encode<T: Serialize>(
    schema: &ResourceSchema,
    object: &T,
    recorded: Option<&Value>,
) -> Result<Value, ProviderError> {
    let wrong = || {
        ProviderError::bug(format!(
            "what was read of {} does not have the form of its schema",
            schema.name
        ))
    };
    let json = serde_json::to_value(object).map_err(|_| wrong())?;
    let encoded = Encoded {
        json: json.into(),
        ..Encoded::default()
    };
    let observed = encoded
        .decode(schema.schema.object_type())
        .map_err(|_| wrong())?;
    let observed = schema.schema.mark_sensitive(&observed);
    let Some(recorded) = recorded else {
        return Ok(observed);
    };
    let attributes = schema.schema.attributes().iter();
    Ok(Value::object(attributes.map(|(name, attribute)| {
        let seen = observed.get(name).cloned().unwrap_or_else(Value::null);
        let settled = match recorded.get(name) {
            Some(before) => settle(&attribute.ty, before, &seen),
            None => seen,
        };
        (Arc::clone(name), settled)
    })))
}

/// An object with its id.
pub(crate) fn with_id(object: &Value, id: &str) -> Value {
    object.with_at(&AttributePath::attribute("id"), id.into())
}

/// An object with nothing unknown in it.
pub(crate) fn without_unknowns(object: &Value) -> Value {
    object
        .unknown_paths()
        .iter()
        .fold(object.clone(), |object, path| {
            let Some(unknown) = object.at(path) else {
                return object;
            };
            let null = Value::null_of(unknown.ty()).marked_like(unknown);
            object.with_at(path, null)
        })
}

/// Plans `tags_all`, where the type has it: the defaults of the connection under the object's own tags.
pub(crate) fn plan_tags(change: &mut Change<'_>, provider: Option<&Config>) {
    let Some(tags) = change.planned().get("tags").cloned() else {
        return;
    };
    let Some(provider) = provider else {
        // Without the connection's configuration only an object whose tags stay can be told about.
        if change.prior.is_none() || change.changes("tags") {
            change.set("tags_all", Value::unknown(Type::map(Type::String)));
        }
        return;
    };
    if tags.is_unknown() {
        let unknown = Value::unknown(Type::map(Type::String)).marked_like(&tags);
        change.set("tags_all", unknown);
        return;
    }
    let mut all: BTreeMap<Arc<str>, Value> = provider
        .default_tags
        .iter()
        .map(|(key, value)| (key.as_str().into(), Value::from(value.as_str())))
        .collect();
    for (key, value) in tags.members().into_iter().flatten() {
        all.insert(Arc::clone(key), value.clone());
    }
    change.set(
        "tags_all",
        Value::map(Type::String, all.into()).marked_like(&tags),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_unknown() {
        let object = Value::object([
            ("a", Value::unknown(Type::String)),
            (
                "b",
                Value::list(Type::Bool, vec![Value::unknown(Type::Bool)]),
            ),
        ]);
        let filled = without_unknowns(&object);
        assert!(!filled.has_unknown());
        assert_eq!(filled.get("a"), Some(&Value::null_of(Type::String)));
    }
}
