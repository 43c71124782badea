//! JSON that is kept as text: most of it is carried from one place to another, and read by nobody.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON document as compact text. Copies share it; it is parsed where somebody asks for its parts.
///
/// Two are equal when their documents are, whatever the order of their members. A text that nobody could take apart
/// (nested too deeply, or with a number that no double holds) is refused when it is read, so that it is never taken for
/// `null` later.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The document `null`.
    pub fn null() -> Self {
        Json(RawValue::NULL.to_owned().into())
    }

    /// What `value` serializes to; `null` where it cannot be JSON, which has no other cause than a key that is no text.
    pub fn of(value: &impl Serialize) -> Self {
        to_raw_value(value).map_or_else(|_| Json::null(), |raw| Json(raw.into()))
    }

    /// The document's text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The document's parts. Every text that was taken in has them.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// Changes the document.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut serde_json::Value) -> R) -> R {
        let mut value = self.value();
        let result = change(&mut value);
        *self = Json::of(&value);
        result
    }
}

impl Default for Json {
    fn default() -> Self {
        Json::null()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() || self.value() == other.value()
    }
}

impl Eq for Json {}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Json::of(&value)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !is_plain(raw.get()) {
            let parsed = serde_json::from_str::<serde_json::Value>(raw.get());
            parsed.map_err(serde::de::Error::custom)?;
        }
        Ok(Json(raw.into()))
    }
}

/// Levels that every reader of JSON takes.
const PLAIN_DEPTH: usize = 100;
/// Characters of a number that is in range whatever they are.
const PLAIN_NUMBER: usize = 300;

/// Whether it is plain without parsing that a text of valid JSON can be taken apart: nearly every text is.
fn is_plain(text: &str) -> bool {
    let (mut depth, mut digits) = (0_usize, 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'e' | b'E' if digits > 0 => return false,
            _ => {}
        }
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        if depth > PLAIN_DEPTH || digits > PLAIN_NUMBER {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_equal_whatever_their_text() {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        assert_eq!(
            read(r#"{"a": 1, "b": [null]}"#),
            read(r#"{"b":[null],"a":1}"#)
        );
        assert_ne!(read(r#"{"a": 1}"#), read(r#"{"a": 2}"#));
        assert_eq!(Json::default(), read("null"));
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused() {
        let read = |text: &str| serde_json::from_str::<Json>(text);
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for good in [nested(100), nested(127), "[1e300,true,-2.5E-3]".to_owned()] {
            assert_ne!(read(&good).unwrap().value(), json!(null), "{good}");
        }
        let strings = r#"{"[[\"\\": "1e999", "{": "\\"}"#;
        assert_eq!(read(strings).unwrap().value()["{"], "\\");
        for bad in [nested(128), "1e999".to_owned(), "9".repeat(400)] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_document_is_changed_and_carried() {
        let mut document = Json::from(json!({"a": {"b": 1}}));
        let copy = document.clone();
        document.change(|value| value["a"]["b"] = json!("x"));
        assert_eq!(document.text(), r#"{"a":{"b":"x"}}"#);
        assert_eq!(copy.value(), json!({"a": {"b": 1}}));
        let around = serde_json::to_string(&json!([1])).unwrap();
        assert_eq!(
            serde_json::to_string(&(copy, 1)).unwrap(),
            format!(r#"[{{"a":{{"b":1}}}},{}]"#, &around[1..2])
        );
    }
}
