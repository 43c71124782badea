//! Rows and their attributes: what is kept of an object, and whether a provider kept its word.

use strata_model::path::PathStep;
use strata_model::provider::Operation;
use strata_model::schema::{Presence, Schema};
use strata_model::wire::{Encoded, place_mut};
use strata_model::{AttributePath, Digest, Kind, SecretKey, Value};

/// The attributes as a row keeps them: secrets that the definition gives become fingerprints, those that a provider
/// makes stay, for the store to seal.
pub(crate) fn encode(value: &Value, schema: &Schema, key: &SecretKey) -> Encoded {
    let encoded = Encoded::of(value, schema.object_type());
    if encoded.secret.is_empty() {
        return encoded;
    }
    encoded.take_fingerprints(value, key, &|path| is_input(schema, path))
}

/// Whether only a definition gives a value its place. Where a provider may choose, the value may be one that exists
/// nowhere else, and is kept.
fn is_input(schema: &Schema, path: &AttributePath) -> bool {
    schema
        .at(path)
        .is_some_and(|attribute| match attribute.presence {
            Presence::Required | Presence::Optional => true,
            Presence::OptionalComputed | Presence::Computed => false,
        })
}

/// The digest of what a request asks for. It tells nothing about secrets, and covers them. `encoded` is the row's form
/// of `planned`.
pub(crate) fn request_digest(
    operation: Operation,
    (planned, encoded): (&Value, &Encoded),
    schema: &Schema,
    key: &SecretKey,
) -> Digest {
    let verb: &[u8] = match operation {
        Operation::Create => b"create",
        Operation::Update => b"update",
        Operation::Delete => b"delete",
    };
    let body = if encoded.secret.is_empty() {
        serde_json::to_vec(encoded)
    } else {
        let hidden = Encoded::of(planned, schema.object_type());
        serde_json::to_vec(&hidden.take_fingerprints(planned, key, &|_| true))
    };
    Digest::of_parts([verb, &body.unwrap_or_default()])
}

/// Takes over from `old` the secrets that `new` does not show: what reads an object rarely sees them again, and a plan
/// holds none. For what only the definition gives, a fingerprint in `new` is the newer word.
pub(crate) fn keep_secrets(old: &Encoded, mut new: Encoded, schema: &Schema) -> Encoded {
    if old.secret.is_empty() && old.fingerprints.is_empty() {
        return new;
    }
    let (mut source, mut target) = (old.json.value(), new.json.value());
    for path in &old.secret {
        if new.fingerprints.contains_key(path) && is_input(schema, path) {
            continue;
        }
        let Some(secret) = place_mut(&mut source, path).map(|place| place.clone()) else {
            continue;
        };
        if let Some(place) = place_mut(&mut target, path).filter(|place| place.is_null()) {
            *place = secret;
            new.unknown.retain(|unknown| unknown != path);
            new.fingerprints.remove(path);
            if !new.secret.contains(path) {
                new.secret.push(path.clone());
            }
        }
    }
    for (path, fingerprint) in &old.fingerprints {
        let hidden = place_mut(&mut target, path).is_some_and(|place| place.is_null());
        if hidden && !new.fingerprints.contains_key(path) && !new.secret.contains(path) {
            new.unknown.retain(|unknown| unknown != path);
            new.fingerprints.insert(path.clone(), fingerprint.clone());
        }
    }
    new.json = target.into();
    new
}

/// The value with every secret mark that the plan or the schema puts there.
pub(crate) fn with_marks(planned: &Value, value: Value, schema: &Schema) -> Value {
    let mut marked = schema.mark_sensitive(&value);
    for path in planned.secret_paths() {
        // Elements of a set have no lasting place, so there the whole set is secret.
        let path = outside_sets(planned, &path);
        if let Some(found) = marked.at(&path).filter(|found| !found.is_secret()) {
            let secret = found.clone().into_secret();
            marked = marked.with_at(&path, secret);
        }
    }
    marked
}

fn outside_sets(value: &Value, path: &AttributePath) -> AttributePath {
    let mut outside = AttributePath::root();
    for step in path.steps() {
        if matches!(value.at(&outside).map(Value::kind), Some(Kind::Set(..))) {
            break;
        }
        outside = outside.join(step.clone());
    }
    outside
}

/// The first path at which `actual` is not what `planned` said it would be; unknowns may become anything known.
pub(crate) fn broken_promise(planned: &Value, actual: &Value) -> Option<AttributePath> {
    compare(planned, actual, &AttributePath::root())
}

fn compare(planned: &Value, actual: &Value, path: &AttributePath) -> Option<AttributePath> {
    let broken = || Some(path.clone());
    match (planned.kind(), actual.kind()) {
        (_, Kind::Unknown(_)) => broken(),
        (Kind::Unknown(_), _) => actual.has_unknown().then(|| path.clone()),
        (Kind::Null(_), Kind::Null(_)) => None,
        (Kind::Set(..), Kind::Set(..)) if planned.has_unknown() => None,
        (Kind::List(_, left), Kind::List(_, right))
        | (Kind::Set(_, left), Kind::Set(_, right))
        | (Kind::Tuple(left), Kind::Tuple(right)) => {
            if left.len() != right.len() {
                return broken();
            }
            let mut pairs = left.iter().zip(right.iter()).enumerate();
            pairs.find_map(|(index, (left, right))| {
                compare(left, right, &path.join(PathStep::Index(index)))
            })
        }
        (Kind::Map(_, left), Kind::Map(_, right)) | (Kind::Object(left), Kind::Object(right)) => {
            if left.len() != right.len() {
                return broken();
            }
            left.iter().find_map(|(name, left)| match right.get(name) {
                Some(right) => compare(left, right, &path.join(PathStep::Attribute(name.clone()))),
                None => broken(),
            })
        }
        (left, right) => (left != right).then(|| path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strata_model::Type;
    use strata_model::schema::{Attribute, AttributeType};

    use super::*;

    fn schema() -> Schema {
        Schema::new([
            ("given", Attribute::optional(AttributeType::String, "")),
            (
                "made",
                Attribute::computed(AttributeType::String, "").sensitive(),
            ),
            ("tags", Attribute::optional(AttributeType::string_set(), "")),
        ])
    }

    fn value(given: Value, made: Value) -> Value {
        Value::object([
            ("given", given),
            ("made", made),
            ("tags", Value::null_of(Type::set(Type::String))),
        ])
    }

    fn key() -> SecretKey {
        SecretKey::from_bytes([9; 32])
    }

    fn secret(text: &str) -> Value {
        Value::from(text).into_secret()
    }

    #[test]
    fn given_secrets_are_fingerprints_and_made_ones_are_kept() {
        let encoded = encode(
            &value(secret("canary-in"), secret("canary-out")),
            &schema(),
            &key(),
        );
        let json = encoded.json.text();
        assert!(!json.contains("canary-in") && json.contains("canary-out"));
        assert_eq!(encoded.fingerprints.len(), 1);
        assert_eq!(encoded.secret, [AttributePath::attribute("made")]);
    }

    #[test]
    fn a_digest_covers_secrets() {
        let digest = |given: &str| {
            let planned = value(secret(given), Value::null());
            let encoded = encode(&planned, &schema(), &key());
            request_digest(Operation::Create, (&planned, &encoded), &schema(), &key())
        };
        assert_eq!(digest("a"), digest("a"));
        assert_ne!(digest("a"), digest("b"));
    }

    #[test]
    fn what_a_read_does_not_show_is_kept() {
        let old = encode(&value(secret("in"), secret("out")), &schema(), &key());
        let read = value(Value::null_of(Type::String), Value::null_of(Type::String));
        let kept = keep_secrets(&old, encode(&read, &schema(), &key()), &schema());
        assert_eq!(kept, old);
        let other = encode(
            &value(Value::from("seen"), secret("new")),
            &schema(),
            &key(),
        );
        assert_eq!(keep_secrets(&old, other.clone(), &schema()), other);
    }

    #[test]
    fn promises() {
        let check = |planned: Value, actual: Value, expected: Option<&str>| {
            let found = broken_promise(&planned, &actual).map(|path| path.to_string());
            assert_eq!(found.as_deref(), expected, "{planned:?} {actual:?}");
        };
        let unknown = || Value::unknown(Type::String);
        let object = |value: Value| Value::object([("a", value)]);
        check(object(unknown()), object("x".into()), None);
        check(object("x".into()), object("x".into()), None);
        check(object(secret("x")), object("x".into()), None);
        check(object("x".into()), object("y".into()), Some("a"));
        check(object(unknown()), object(unknown()), Some("a"));
        check(object(Value::null()), object("y".into()), Some("a"));
        check(
            object(Value::null()),
            object(Value::null_of(Type::Bool)),
            None,
        );
        let list = |elements: Vec<Value>| object(Value::list(Type::String, elements));
        check(list(vec![unknown()]), list(vec!["x".into()]), None);
        check(list(vec!["y".into()]), list(vec!["x".into()]), Some("a[0]"));
        check(list(vec![]), list(vec!["x".into()]), Some("a"));
    }

    #[test]
    fn marks_come_back() {
        let tags = |elements: Vec<Value>| Value::set(Type::String, elements);
        let planned = value(secret("in"), Value::unknown(Type::String))
            .with_at(&AttributePath::attribute("tags"), tags(vec![secret("t")]));
        let plain = value("in".into(), "out".into())
            .with_at(&AttributePath::attribute("tags"), tags(vec!["t".into()]));
        let marked = with_marks(&planned, plain, &schema());
        let names: Vec<Arc<str>> = marked
            .secret_paths()
            .iter()
            .map(|path| Arc::from(path.to_string()))
            .collect();
        assert_eq!(
            names,
            ["given".into(), "made".into(), "tags".into()] as [Arc<str>; 3]
        );
    }
}
