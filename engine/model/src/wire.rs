//! The stored form of values: plain JSON beside the paths of what JSON cannot say.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::path::{AttributePath, PathStep};
use crate::types::Type;
use crate::value::{Kind, Value};
use crate::{Fingerprint, Number, SecretKey};

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

    /// Replaces the secrets for which `is_input` says so by fingerprints.
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
            if let Some(secret) = value.at(&path).filter(|secret| !secret.has_unknown()) {
                self.fingerprints
                    .insert(path.clone(), fingerprint(secret, key));
                erased.push(path);
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
        let mut value = match read(&self.json, ty) {
            Some(value) => value,
            None => decode(&self.json.value(), ty, &AttributePath::root())?,
        };
        for path in &self.unknown {
            value = mark(&value, path, |old| Value::unknown(old.ty()));
        }
        for path in self.fingerprints.keys() {
            value = mark(&value, path, |old| Value::unknown(old.ty()).into_secret());
        }
        for path in &self.secret {
            value = mark(&value, path, Value::into_secret);
        }
        Ok(value)
    }
}

/// The fingerprint of a value: of its JSON text.
pub fn fingerprint(value: &Value, key: &SecretKey) -> Fingerprint {
    key.fingerprint(value.to_json().to_string().as_bytes())
}

fn mark(value: &Value, path: &AttributePath, change: impl Fn(Value) -> Value) -> Value {
    match value.at(path) {
        Some(old) => value.with_at(path, change(old.clone())),
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

/// Reads a value of a type straight from its text. `None` where the text does not fit: [`decode`] says why.
fn read(json: &Json, ty: &Type) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_str(json.text());
    Typed(ty).deserialize(&mut reader).ok()
}

struct Typed<'t>(&'t Type);

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Says that a text does not fit; nobody reads it.
fn unfit<T, E: serde::de::Error>() -> Result<T, E> {
    Err(E::custom("the text does not fit its type"))
}

fn number<E: serde::de::Error>(ty: &Type, number: Option<Number>) -> Result<Value, E> {
    match (ty, number) {
        (Type::Number, Some(number)) => Ok(Kind::Number(number).into()),
        _ => unfit(),
    }
}

impl<'de> Visitor<'de> for Typed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of type {}", self.0)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(match self.0 {
            Type::Any => Value::null(),
            ty => Value::null_of(ty.clone()),
        })
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        match self.0 {
            Type::Bool => Ok(value.into()),
            _ => unfit(),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        number(self.0, Number::from_json(&value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        number(self.0, Number::from_json(&value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        number(self.0, Number::from_f64(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        match self.0 {
            Type::String => Ok(value.into()),
            _ => unfit(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        match self.0 {
            Type::List(element) | Type::Set(element) => {
                while let Some(value) = seq.next_element_seed(Typed(element))? {
                    elements.push(value);
                }
                let element = (**element).clone();
                Ok(match self.0 {
                    Type::Set(_) => Value::set(element, elements),
                    _ => Value::list(element, elements),
                })
            }
            Type::Tuple(types) => {
                for ty in types.iter() {
                    match seq.next_element_seed(Typed(ty))? {
                        Some(value) => elements.push(value),
                        None => return unfit(),
                    }
                }
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Value::tuple(elements)),
                    Some(_) => unfit(),
                }
            }
            _ => unfit(),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match self.0 {
            Type::Any => wrapped(map),
            Type::Map(element) => {
                let mut members = BTreeMap::new();
                while let Some(key) = map.next_key::<Arc<str>>()? {
                    members.insert(key, map.next_value_seed(Typed(element))?);
                }
                Ok(Value::map((**element).clone(), members))
            }
            Type::Object(types) => {
                let mut attributes = BTreeMap::new();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match types.get_key_value(&*name) {
                        Some((name, ty)) => {
                            let value = shared(&attributes, map.next_value_seed(Typed(ty))?);
                            attributes.insert(name.clone(), value);
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                for (name, ty) in types.iter() {
                    if !attributes.contains_key(name) {
                        attributes.insert(name.clone(), Typed(ty).visit_unit()?);
                    }
                }
                Ok(Kind::Object(Arc::new(attributes)).into())
            }
            _ => unfit(),
        }
    }
}

/// What is there already, where it is equal: objects often show again what they were given, and copies share their parts.
fn shared(attributes: &BTreeMap<Arc<str>, Value>, value: Value) -> Value {
    let has_parts = match value.kind() {
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            !elements.is_empty()
        }
        Kind::Map(_, members) | Kind::Object(members) => !members.is_empty(),
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            false
        }
    };
    let mut others = attributes.values().filter(|_| has_parts);
    others
        .find(|other| **other == value)
        .cloned()
        .unwrap_or(value)
}

/// A value with its type before it; anything else of type `Any` is left to [`decode`].
fn wrapped<'de, A: MapAccess<'de>>(mut map: A) -> Result<Value, A::Error> {
    if map.next_key::<std::borrow::Cow<'de, str>>()?.as_deref() != Some(WRAPPED_TYPE) {
        return unfit();
    }
    let Some(own) = Type::from_json(&map.next_value::<serde_json::Value>()?) else {
        return unfit();
    };
    if map.next_key::<std::borrow::Cow<'de, str>>()?.as_deref() != Some(WRAPPED_VALUE) {
        return unfit();
    }
    let value = map.next_value_seed(Typed(&own))?;
    match map.next_key::<IgnoredAny>()? {
        None => Ok(value),
        Some(_) => unfit(),
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
        Type::Set(element) => Ok(Value::set(
            (**element).clone(),
            decode_elements(json, element, path).ok_or_else(mismatch)??,
        )),
        Type::Map(element) => {
            let mut members = BTreeMap::new();
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
            let mut attributes = BTreeMap::new();
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
