//! Stored values read straight from their text.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{DecodeError, Encoded, WRAPPED_TYPE, WRAPPED_VALUE, decode, mark};
use crate::Number;
use crate::members::Members;
use crate::path::AttributePath;
use crate::types::Type;
use crate::value::{Kind, Value};

/// How many types a [`Decoder`] remembers.
const REMEMBERED_TYPES: usize = 16;

/// How many texts may stand in each other: each begins anew to count how deep it goes.
const DEPTH_LIMIT: u32 = 16;

/// Decodes many values: the types that stand in their texts, mostly the same few, are read once and shared.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Types by their texts, the last used ones.
    types: RefCell<VecDeque<(Box<str>, Type)>>,
    /// How many texts of values of type `Any` stand in each other where the reading is.
    depth: Cell<u32>,
    /// Whether the elements of sets stay where they are stored: the paths of marks lead to them.
    keeps_places: Cell<bool>,
}

impl Decoder {
    /// Decodes a value of type `ty`, as [`Encoded::decode`] does.
    ///
    /// # Errors
    ///
    /// Names the first path whose JSON does not fit the type.
    pub fn decode(&self, encoded: &Encoded, ty: &Type) -> Result<Value, DecodeError> {
        let has_marks = !(encoded.unknown.is_empty()
            && encoded.fingerprints.is_empty()
            && encoded.secret.is_empty());
        self.keeps_places.set(has_marks);
        let (mut value, in_order) = match self.read(encoded.json.text(), ty) {
            Some(value) => (value, !has_marks),
            None => {
                let json = encoded.json.value();
                (decode(&json, ty, &AttributePath::root())?, false)
            }
        };
        for path in &encoded.unknown {
            value = mark(&value, path, |old| Value::unknown(old.ty()));
        }
        for path in encoded.fingerprints.keys() {
            value = mark(&value, path, |old| Value::unknown(old.ty()).into_secret());
        }
        for path in &encoded.secret {
            value = mark(&value, path, Value::into_secret);
        }
        Ok(if in_order { value } else { value.in_order() })
    }

    /// Reads a value of a type straight from its text. `None` where the text does not fit: [`decode`] says why.
    fn read(&self, text: &str, ty: &Type) -> Option<Value> {
        let depth = self.depth.get();
        if depth >= DEPTH_LIMIT {
            return None;
        }
        self.depth.set(depth + 1);
        let mut reader = serde_json::Deserializer::from_str(text);
        let typed = Typed { ty, decoder: self };
        let value = typed.deserialize(&mut reader).ok();
        self.depth.set(depth);
        value
    }

    /// The type that a text says.
    fn own_type(&self, text: &str) -> Option<Type> {
        let mut types = self.types.borrow_mut();
        if let Some((_, ty)) = types.iter().find(|(known, _)| **known == *text) {
            return Some(ty.clone());
        }
        let ty = Type::from_json(&serde_json::from_str(text).ok()?)?;
        if types.len() >= REMEMBERED_TYPES {
            types.pop_front();
        }
        types.push_back((text.into(), ty.clone()));
        Some(ty)
    }
}

/// Reads a value of a type.
#[derive(Clone, Copy)]
struct Typed<'t> {
    ty: &'t Type,
    decoder: &'t Decoder,
}

impl<'t> Typed<'t> {
    /// The same for a part of the value.
    fn part(self, ty: &'t Type) -> Self {
        Typed { ty, ..self }
    }

    fn null(self) -> Value {
        match self.ty {
            Type::Any => Value::null(),
            ty => Value::null_of(ty.clone()),
        }
    }
}

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
        write!(f, "a value of type {}", self.ty)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(self.null())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        match self.ty {
            Type::Bool => Ok(value.into()),
            _ => unfit(),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        number(self.ty, Number::from_json(&value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        number(self.ty, Number::from_json(&value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        number(self.ty, Number::from_f64(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        match self.ty {
            Type::String => Ok(value.into()),
            _ => unfit(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        match self.ty {
            Type::List(element) | Type::Set(element) => {
                while let Some(value) = seq.next_element_seed(self.part(element))? {
                    elements.push(value);
                }
                let element = (**element).clone();
                Ok(match self.ty {
                    Type::Set(_) if self.decoder.keeps_places.get() => {
                        Value::placed_set(element, elements)
                    }
                    Type::Set(_) => Value::set(element, elements),
                    _ => Value::list(element, elements),
                })
            }
            Type::Tuple(types) => {
                for ty in types.iter() {
                    match seq.next_element_seed(self.part(ty))? {
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
        match self.ty {
            Type::Any => self.wrapped(map),
            Type::Map(element) => {
                let mut members = Members::new();
                while let Some(key) = map.next_key::<Arc<str>>()? {
                    members.insert(key, map.next_value_seed(self.part(element))?);
                }
                Ok(Value::map((**element).clone(), members))
            }
            Type::Object(types) => self.object(types, map),
            _ => unfit(),
        }
    }
}

impl Typed<'_> {
    fn object<'de, A: MapAccess<'de>>(
        self,
        types: &BTreeMap<Arc<str>, Type>,
        mut map: A,
    ) -> Result<Value, A::Error> {
        let mut attributes = Members::with_capacity(types.len());
        // Objects often show again what they were given: what has the same text is the same, and is shared.
        let mut texts: Vec<(&'de str, &Arc<str>)> = Vec::new();
        while let Some(found) = map.next_key_seed(Attribute(types))? {
            let value = match found {
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some((name, Type::Any)) => {
                    let text = map.next_value::<&'de RawValue>()?.get();
                    let same = texts.iter().find(|(other, _)| *other == text);
                    let value = match same.and_then(|(_, other)| attributes.get(other)) {
                        Some(value) => value.clone(),
                        None => self.any(text)?,
                    };
                    texts.retain(|(_, other)| *other != name);
                    texts.push((text, name));
                    (name, value)
                }
                Some((name, ty)) => (name, map.next_value_seed(self.part(ty))?),
            };
            attributes.insert(value.0.clone(), value.1);
        }
        if attributes.len() < types.len() {
            for (name, ty) in types {
                if !attributes.contains_key(name) {
                    attributes.insert(name.clone(), self.part(ty).null());
                }
            }
        }
        Ok(Kind::Object(Arc::new(attributes)).into())
    }

    /// Reads a value that says its type itself.
    fn any<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        match self.decoder.read(text, &Type::Any) {
            Some(value) => Ok(value),
            None => unfit(),
        }
    }

    /// A value with its type before it; anything else of type `Any` is left to [`decode`].
    fn wrapped<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if !map.next_key_seed(Word(WRAPPED_TYPE))?.unwrap_or(false) {
            return unfit();
        }
        let text = map.next_value::<&'de RawValue>()?.get();
        let Some(own) = self.decoder.own_type(text) else {
            return unfit();
        };
        if !map.next_key_seed(Word(WRAPPED_VALUE))?.unwrap_or(false) {
            return unfit();
        }
        let value = map.next_value_seed(Typed {
            ty: &own,
            decoder: self.decoder,
        })?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => unfit(),
        }
    }
}

/// Reads the name of an attribute; `None` where the type has none of that name.
struct Attribute<'t>(&'t BTreeMap<Arc<str>, Type>);

impl<'de, 't> DeserializeSeed<'de> for Attribute<'t> {
    type Value = Option<(&'t Arc<str>, &'t Type)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Attribute<'t> {
    type Value = Option<(&'t Arc<str>, &'t Type)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an attribute")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get_key_value(name))
    }
}

/// Reads a key: whether it is a certain one.
struct Word(&'static str);

impl<'de> DeserializeSeed<'de> for Word {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Word {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Json;

    fn decoded(text: &str, ty: &Type) -> Value {
        let encoded = Encoded {
            json: serde_json::from_str::<Json>(text).unwrap(),
            ..Encoded::default()
        };
        encoded.decode(ty).unwrap()
    }

    #[test]
    fn the_same_text_is_the_same_value_and_the_last_of_a_name_counts() {
        let ty = Type::object([("a", Type::Any), ("b", Type::Any), ("c", Type::String)]);
        let word = |word: &str| format!(r#"{{"$type":["list","string"],"$value":["{word}"]}}"#);
        let (x, y) = (word("x"), word("y"));
        let value = decoded(&format!(r#"{{"a":{x},"a":{y},"b":{x},"d":[1]}}"#), &ty);
        assert_eq!(
            format!("{value:?}"),
            r#"{"a": ["y"], "b": ["x"], "c": null}"#
        );
        let value = decoded(&format!(r#"{{"a":{x},"b":{x},"c":"z"}}"#), &ty);
        let part = |name: &str| value.get(name).and_then(Value::elements);
        assert!(part("a").is_some_and(|own| Some(own.as_ptr()) == part("b").map(<[_]>::as_ptr)));
    }

    #[test]
    fn values_in_values_are_read_however_deep() {
        let wrap = |inner: String| {
            format!(r#"{{"$type":["object",{{"a":"dynamic"}}],"$value":{{"a":{inner}}}}}"#)
        };
        let nested = |depth: usize| (0..depth).fold("null".to_owned(), |inner, _| wrap(inner));
        for depth in [3, 40] {
            let mut value = decoded(&nested(depth), &Type::Any);
            for _ in 0..depth {
                value = value.get("a").unwrap().clone();
            }
            assert!(value.is_null());
        }
        // Deeper than JSON is read at all: an error, and no stack that runs out.
        assert!(serde_json::from_str::<Json>(&nested(20_000)).is_err());
    }
}
