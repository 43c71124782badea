//! The stored form of values: plain JSON beside the paths of what JSON cannot say.

mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::members::Members;
use crate::path::{AttributePath, PathStep};
use crate::types::Type;
use crate::value::{Kind, Value};
use crate::{Fingerprint, Number, SecretKey};

pub use self::read::Decoder;

/// A value as it is stored in plans and rows.
///
/// `json` holds `null` where a value is unknown. Secret leaves stand in `json` in clear until they are taken out: the
/// state store moves those of `secret` into sealed cells, and [`Encoded::take_fingerprints`] replaces input secrets by
/// fingerprints. So an `Encoded` with anything in `secret` must never be written as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    /// The plain part.
    pub json: Json,
    /// Where a value is known only after apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<AttributePath>,
    /// Where a value is secret and stands in `json`, or in a sealed cell of the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<AttributePath>,
    /// Where a value is an input secret of which only the fingerprint is kept; `json` has `null` there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprints: BTreeMap<AttributePath, Fingerprint>,
}

/// A stored value that does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored value at '{path}' is not of type {expected}")]
pub struct DecodeError {
    /// Where.
    pub path: AttributePath,
    /// The type that the schema asks for.
    pub expected: Type,
}

impl Encoded {
    /// Encodes a value that conforms to `ty`. Where `ty` is `Any`, the JSON is `{"type":…,"value":…}`, so that
    /// decoding restores the exact type.
    pub fn of(value: &Value, ty: &Type) -> Encoded {
        Encoded {
            json: Json::of(&Plain(value, ty)),
            unknown: value.unknown_paths(),
            secret: value.secret_paths(),
            fingerprints: BTreeMap::new(),
        }
    }

    /// Replaces the secrets for which `is_input` says so by fingerprints. One of which a part only is known has none: it
    /// stays among the secrets.
    pub fn take_fingerprints(
        mut self,
        value: &Value,
        key: &SecretKey,
        is_input: &dyn Fn(&AttributePath) -> bool,
    ) -> Encoded {
        let (inputs, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.secret)
            .into_iter()
            .partition(is_input);
        self.secret = kept;
        let mut erased = Vec::new();
        for path in inputs {
            match value.at(&path) {
                Some(secret) if !secret.has_unknown() => {
                    self.fingerprints
                        .insert(path.clone(), fingerprint(secret, key));
                    erased.push(path);
                }
                Some(secret) if !secret.is_unknown() => self.secret.push(path),
                Some(_) | None => {}
            }
        }
        self.erase(&erased);
        self
    }

    /// Replaces what stands at paths by `null`; nothing happens where a path leads nowhere.
    pub fn erase(&mut self, paths: &[AttributePath]) {
        if paths.is_empty() {
            return;
        }
        self.json
            .change(|json| paths.iter().for_each(|path| erase(json, path)));
    }

    /// Decodes a value of type `ty`. What is only a fingerprint becomes a secret unknown of the type at its path.
    ///
    /// # Errors
    ///
    /// Names the first path whose JSON does not fit the type.
    pub fn decode(&self, ty: &Type) -> Result<Value, DecodeError> {
        Decoder::default().decode(self, ty)
    }
}

/// The fingerprint of a value: of its JSON text.
pub fn fingerprint(value: &Value, key: &SecretKey) -> Fingerprint {
    key.fingerprint(value.to_json().to_string().as_bytes())
}

fn mark(value: &Value, path: &AttributePath, change: impl Fn(Value) -> Value) -> Value {
    match value.at(path) {
        Some(old) => value.with_placed(path, change(old.clone())),
        None => value.clone(),
    }
}

/// Replaces what stands at a path by `null`; nothing happens where the path leads nowhere. A wrapped value of type
/// `Any` is looked through.
pub fn erase(json: &mut serde_json::Value, path: &AttributePath) {
    if let Some(place) = place_mut(json, path) {
        *place = serde_json::Value::Null;
    }
}

/// The place of a path in encoded JSON, wrapped values of type `Any` looked through.
pub fn place_mut<'a>(
    json: &'a mut serde_json::Value,
    path: &AttributePath,
) -> Option<&'a mut serde_json::Value> {
    let mut place = json;
    for step in path.steps() {
        if is_wrapped(place) {
            place = place.get_mut(WRAPPED_VALUE)?;
        }
        place = match step {
            PathStep::Attribute(name) | PathStep::Key(name) => place.get_mut(name.as_ref())?,
            PathStep::Index(index) => place.get_mut(*index)?,
        };
    }
    if is_wrapped(place) {
        place = place.get_mut(WRAPPED_VALUE)?;
    }
    Some(place)
}

const WRAPPED_TYPE: &str = "$type";
const WRAPPED_VALUE: &str = "$value";

fn is_wrapped(json: &serde_json::Value) -> bool {
    json.as_object().is_some_and(|members| {
        members.len() == 2
            && members.contains_key(WRAPPED_TYPE)
            && members.contains_key(WRAPPED_VALUE)
    })
}

/// A value as JSON of a type: what [`Encoded`] holds.
struct Plain<'a>(&'a Value, &'a Type);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Plain(value, ty) = *self;
        if *ty == Type::Any {
            let own = value.ty();
            if own == Type::Any {
                return serializer.serialize_unit();
            }
            // `Any` inside a value's own type is an untyped null or unknown, which is `null` whatever the wrapping.
            let mut wrapped = serializer.serialize_map(Some(2))?;
            wrapped.serialize_entry(WRAPPED_TYPE, &own.to_json())?;
            wrapped.serialize_entry(WRAPPED_VALUE, &value.to_json())?;
            return wrapped.end();
        }
        match (value.kind(), ty) {
            (
                Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements),
                Type::List(element) | Type::Set(element),
            ) => serializer.collect_seq(elements.iter().map(|value| Plain(value, element))),
            (Kind::List(_, elements) | Kind::Tuple(elements), Type::Tuple(types)) => {
                let mut tuple = serializer.serialize_seq(None)?;
                for (value, ty) in elements.iter().zip(types.iter()) {
                    tuple.serialize_element(&Plain(value, ty))?;
                }
                tuple.end()
            }
            (Kind::Map(_, members) | Kind::Object(members), Type::Map(element)) => {
                let members = members.iter();
                serializer.collect_map(members.map(|(key, value)| (&**key, Plain(value, element))))
            }
            (Kind::Map(_, members) | Kind::Object(members), Type::Object(types)) => {
                let members = members.iter();
                serializer.collect_map(members.filter_map(|(name, value)| {
                    types.get(name).map(|ty| (&**name, Plain(value, ty)))
                }))
            }
            _ => value.to_json().serialize(serializer),
        }
    }
}

fn decode(json: &serde_json::Value, ty: &Type, path: &AttributePath) -> Result<Value, DecodeError> {
    let mismatch = || DecodeError {
        path: path.clone(),
        expected: ty.clone(),
    };
    if *ty == Type::Any {
        if json.is_null() {
            return Ok(Value::null());
        }
        if is_wrapped(json) {
            let own = Type::from_json(&json[WRAPPED_TYPE]).ok_or_else(mismatch)?;
            return decode(&json[WRAPPED_VALUE], &own, path);
        }
        return Value::from_json(json).ok_or_else(mismatch);
    }
    if json.is_null() {
        return Ok(Value::null_of(ty.clone()));
    }
    match ty {
        Type::Any => unreachable_any(),
        Type::Bool => json.as_bool().map(Value::from).ok_or_else(mismatch),
        Type::Number => json
            .as_number()
            .and_then(Number::from_json)
            .map(|number| Kind::Number(number).into())
            .ok_or_else(mismatch),
        Type::String => json.as_str().map(Value::from).ok_or_else(mismatch),
        Type::List(element) => Ok(Value::list(
            (**element).clone(),
            decode_elements(json, element, path).ok_or_else(mismatch)??,
        )),
        // Paths of marks count the elements as they are stored: they are brought into order behind the marks.
        Type::Set(element) => Ok(Value::placed_set(
            (**element).clone(),
            decode_elements(json, element, path).ok_or_else(mismatch)??,
        )),
        Type::Map(element) => {
            let mut members = Members::new();
            for (key, json) in json.as_object().ok_or_else(mismatch)? {
                let key: Arc<str> = key.as_str().into();
                members.insert(
                    key.clone(),
                    decode(json, element, &path.join(PathStep::Key(key)))?,
                );
            }
            Ok(Value::map((**element).clone(), members))
        }
        Type::Tuple(types) => {
            let elements = json
                .as_array()
                .filter(|elements| elements.len() == types.len())
                .ok_or_else(mismatch)?;
            let decoded = elements.iter().zip(types.iter()).enumerate();
            decoded
                .map(|(index, (json, ty))| decode(json, ty, &path.join(PathStep::Index(index))))
                .collect::<Result<_, _>>()
                .map(Value::tuple)
        }
        Type::Object(types) => {
            let members = json.as_object().ok_or_else(mismatch)?;
            let mut attributes = Members::with_capacity(types.len());
            for (name, ty) in types.iter() {
                let json = members
                    .get(name.as_ref())
                    .unwrap_or(&serde_json::Value::Null);
                attributes.insert(
                    name.clone(),
                    decode(json, ty, &path.join(PathStep::Attribute(name.clone())))?,
                );
            }
            Ok(Kind::Object(Arc::new(attributes)).into())
        }
    }
}

fn unreachable_any() -> Result<Value, DecodeError> {
    Ok(Value::null())
}

type Decoded = Result<Vec<Value>, DecodeError>;

fn decode_elements(
    json: &serde_json::Value,
    element: &Type,
    path: &AttributePath,
) -> Option<Decoded> {
    let elements = json.as_array()?.iter().enumerate();
    Some(
        elements
            .map(|(index, json)| decode(json, element, &path.join(PathStep::Index(index))))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip() {
        let ty = Type::object([
            ("any", Type::Any),
            ("ids", Type::set(Type::String)),
            ("map", Type::map(Type::Number)),
            ("pw", Type::String),
            ("todo", Type::String),
        ]);
        let value = Value::object([
            (
                "any",
                Value::object([
                    ("l", Value::list(Type::Bool, vec![true.into()])),
                    ("s", Value::from("x").into_secret()),
                ]),
            ),
            (
                "ids",
                Value::set(Type::String, vec!["b".into(), "a".into()]),
            ),
            (
                "map",
                Value::map(Type::Number, [("k".into(), 3.into())].into()),
            ),
            ("pw", Value::from("hunter2").into_secret()),
            ("todo", Value::unknown(Type::String)),
        ]);
        let encoded = Encoded::of(&value, &ty);
        assert_eq!(encoded.decode(&ty), Ok(value.clone()));

        let key = SecretKey::from_bytes([7; 32]);
        let kept = encoded.take_fingerprints(&value, &key, &|_| true);
        assert!(!serde_json::to_string(&kept).unwrap().contains("hunter2"));
        assert_eq!(kept.fingerprints.len(), 2);
        let decoded = kept.decode(&ty).unwrap();
        let secret = decoded.get("pw").unwrap();
        assert!(secret.is_unknown() && secret.is_secret());
    }

    #[test]
    fn the_deepest_value_that_definitions_make_comes_back() {
        let wrap = |value: Value, level: usize| match level % 2 {
            0 => Value::tuple(vec![value]),
            _ => Value::object([("in", value)]),
        };
        let value = Value::object([("deep", (0..56).fold(Value::from(1), wrap))]);
        let ty = Type::object([("deep", Type::Any)]);
        let text = serde_json::to_string(&Encoded::of(&value, &ty)).unwrap();
        let stored: Encoded = serde_json::from_str(&text).unwrap();
        assert_eq!(stored.decode(&ty), Ok(value));
    }

    #[test]
    fn what_is_not_known_of_a_set_stays_as_much_as_it_is() {
        let rule = Type::object([("id", Type::String), ("port", Type::Number)]);
        let ty = Type::object([
            ("ids", Type::set(Type::String)),
            ("rules", Type::set(rule.clone())),
        ]);
        let unknown = || Value::unknown(Type::String);
        let one = |id: Value, port: i64| Value::object([("id", id), ("port", port.into())]);
        let value = Value::object([
            (
                "ids",
                Value::set(
                    Type::String,
                    vec![
                        unknown(),
                        "b".into(),
                        unknown(),
                        Value::from("a").into_secret(),
                        Value::null_of(Type::String),
                        unknown(),
                    ],
                ),
            ),
            (
                "rules",
                Value::set(
                    rule.clone(),
                    vec![
                        one(unknown(), 80),
                        one("x".into(), 443),
                        one(unknown(), 80),
                        one(Value::null_of(Type::String), 80),
                    ],
                ),
            ),
        ]);
        let encoded = Encoded::of(&value, &ty);
        let stored: Encoded =
            serde_json::from_str(&serde_json::to_string(&encoded).unwrap()).unwrap();
        assert_eq!(stored.decode(&ty), Ok(value.clone()));
        let any = Encoded::of(&value, &Type::Any);
        assert_eq!(any.decode(&Type::Any), Ok(value));

        // A set that another hand has written is in order all the same, and holds nothing twice.
        let written = Encoded {
            json: serde_json::json!({"ids": ["b", "a", "b", null], "rules": []}).into(),
            unknown: vec![AttributePath::parse("ids[3]").unwrap()],
            ..Encoded::default()
        };
        let ids = vec![unknown(), "b".into(), "a".into()];
        let read = Value::object([
            ("ids", Value::set(Type::String, ids)),
            ("rules", Value::set(rule, Vec::new())),
        ]);
        assert_eq!(written.decode(&ty), Ok(read));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let encoded = Encoded {
            json: serde_json::json!({"a": [1, "x"]}).into(),
            ..Encoded::default()
        };
        let error = encoded
            .decode(&Type::object([("a", Type::list(Type::Number))]))
            .unwrap_err();
        assert_eq!(error.path.to_string(), "a[1]");
    }
}
