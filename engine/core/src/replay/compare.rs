//! Comparing what a plan says with what has become of it.

use strata_model::schema::{Presence, ResourceSchema};
use strata_model::wire::{Encoded, fingerprint};
use strata_model::{AttributePath, Kind, SecretKey, Value};

/// Whether a definition has to be evaluated to know what a step makes.
pub(super) fn needs_evaluation(planned: &Encoded, schema: &ResourceSchema) -> bool {
    if !planned.fingerprints.is_empty() {
        return true;
    }
    planned.unknown.iter().any(|path| {
        schema
            .schema
            .at(path)
            .is_none_or(|attribute| match attribute.presence {
                Presence::Required | Presence::Optional | Presence::OptionalComputed => true,
                Presence::Computed => false,
            })
    })
}

/// Puts secrets back where only fingerprints are kept, from an object that has the same ones.
pub(super) fn restore(value: &Value, kept: &Encoded, object: &Value, key: &SecretKey) -> Value {
    let mut restored = value.clone();
    for (path, kept) in &kept.fingerprints {
        if let Some(secret) = object
            .at(path)
            .filter(|secret| !secret.has_unknown() && fingerprint(secret, key) == *kept)
        {
            restored = restored.with_at(path, secret.clone().into_secret());
        }
    }
    restored
}

/// The first path at which what was known in the plan is something else now.
pub(super) fn differs(
    planned: &Value,
    actual: &Value,
    kept: &Encoded,
    key: &SecretKey,
) -> Option<AttributePath> {
    let mut found = None;
    planned.walk(&mut |path, value| {
        if found.is_some() {
            return;
        }
        if value.has_unknown() && !kept.fingerprints.contains_key(path) {
            let holds_secrets = kept.fingerprints.keys().any(|secret| path.contains(secret));
            if !holds_secrets && !keeps_known_elements(value, actual.at(path)) {
                found = Some(path.clone());
            }
            return;
        }
        let now = actual.at(path);
        let same = match kept.fingerprints.get(path) {
            Some(kept) => now.is_some_and(|now| fingerprint(now, key) == *kept),
            None if under_unknown_set(planned, path) => true,
            None => match (value.kind(), now) {
                (Kind::Null(_), None) => true,
                (Kind::Null(_), Some(now)) => now.is_null(),
                (_, now) => now.is_some_and(|now| plain(now) == plain(value)),
            },
        };
        if !same {
            found = Some(path.clone());
        }
    });
    found
}

/// Where the first value is that is not known.
pub(super) fn first_unknown(value: &Value) -> Option<AttributePath> {
    let mut found = None;
    value.walk(&mut |path, value| {
        if found.is_none() && value.is_unknown() {
            found = Some(path.clone());
        }
    });
    found
}

fn plain(value: &Value) -> serde_json::Value {
    value.to_json()
}

/// Whether the elements of a set that were known are in what the set has become. It says nothing of other values.
fn keeps_known_elements(planned: &Value, actual: Option<&Value>) -> bool {
    let (Kind::Set(_, planned), Some(Kind::Set(_, actual))) =
        (planned.kind(), actual.map(Value::kind))
    else {
        return true;
    };
    planned
        .iter()
        .filter(|element| !element.has_unknown())
        .all(|element| actual.iter().any(|now| plain(now) == plain(element)))
}

/// Elements of a set have no identity: one that holds an unknown may stand elsewhere once it is known.
fn under_unknown_set(planned: &Value, path: &AttributePath) -> bool {
    (0..path.steps().len()).any(|end| {
        let outer = AttributePath::from(path.steps()[..end].to_vec());
        planned
            .at(&outer)
            .is_some_and(|value| matches!(value.kind(), Kind::Set(..)) && value.has_unknown())
    })
}

#[cfg(test)]
mod tests {
    use strata_model::Type;

    use super::*;

    #[test]
    fn what_was_known_in_a_set_must_stay() {
        let set = |elements: Vec<Value>| Value::object([("s", Value::set(Type::String, elements))]);
        let key = SecretKey::from_bytes([3; 32]);
        let planned = set(vec![Value::string("a"), Value::unknown(Type::String)]);
        let kept = Encoded::of(&planned, &planned.ty());
        let check = |actual: &[&str]| {
            let actual = set(actual.iter().map(|text| Value::string(*text)).collect());
            differs(&planned, &actual, &kept, &key).map(|path| path.to_string())
        };
        assert_eq!(check(&["a", "b"]), None);
        assert_eq!(check(&["0", "a"]), None);
        assert_eq!(check(&["b", "c"]), Some("s".to_owned()));
    }
}
