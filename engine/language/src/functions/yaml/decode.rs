//! Reading YAML.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use strata_model::{Kind, Number, Type, Value};

use super::super::{Call, Fault, argument, time};
use crate::convert::{convert, normalized, parse_number};

/// The value of the one document of a text.
pub(super) fn document(call: &Call<'_, '_>, text: &str) -> Result<Value, Fault> {
    call.steps(text.len() / 16)?;
    let mut builder = Builder {
        call,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let (line, column) = (error.marker().line(), error.marker().col() + 1);
            Fault::Argument(
                0,
                format!("is not valid YAML at line {line}, column {column}"),
            )
        })?;
        let line = span.start.line();
        builder.event(event).map_err(|fault| match fault {
            Fault::Argument(index, reason) => {
                Fault::Argument(index, format!("on line {line}: {reason}"))
            }
            Fault::Call(_) | Fault::File(..) | Fault::Leaves(..) | Fault::Budget(_) => fault,
        })?;
    }
    match builder.root {
        Some(value) => Ok(value),
        None => argument(0, "holds no document"),
    }
}

/// A collection that is being read.
enum Open {
    Sequence(Vec<Value>),
    Mapping {
        members: BTreeMap<Arc<str>, Value>,
        key: Option<Key>,
    },
}

enum Key {
    Name(Arc<str>),
    /// `<<`: the value's members become members here.
    Merge,
}

struct Builder<'b, 'c, 'r> {
    call: &'b Call<'c, 'r>,
    /// The collections around, with their anchors.
    open: Vec<(Open, usize)>,
    anchors: BTreeMap<usize, Value>,
    root: Option<Value>,
}

impl Builder<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.call.room(1)?;
                self.call.bytes(text.len())?;
                let scalar = resolve(&text, style, tag.as_deref())?;
                self.scalar(scalar, anchor)
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(value) => {
                    // An alias stands for all that its anchor holds; what it makes is counted as if it were written.
                    self.call.room(size(&value))?;
                    self.value(value, 0)
                }
                None => argument(0, "an anchor is referred to inside its own definition"),
            },
            Event::SequenceStart(_, anchor, tag) => {
                self.start(tag.as_deref(), "seq", "sequence")?;
                self.open.push((Open::Sequence(Vec::new()), anchor));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(tag.as_deref(), "map", "mapping")?;
                let members = BTreeMap::new();
                self.open
                    .push((Open::Mapping { members, key: None }, anchor));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Open::Sequence(elements), anchor)) => {
                    self.value(Value::tuple(elements), anchor)
                }
                Some((Open::Mapping { members, .. }, anchor)) => {
                    self.call.members(members.len())?;
                    self.value(Kind::Object(Arc::new(members.into())).into(), anchor)
                }
                None => Ok(()),
            },
            Event::DocumentStart(..) if self.root.is_some() => {
                argument(0, "only a single document is allowed")
            }
            _ => Ok(()),
        }
    }

    fn start(&self, tag: Option<&Tag>, wanted: &str, noun: &str) -> Result<(), Fault> {
        self.call.room(1)?;
        let awaits_key = matches!(self.open.last(), Some((Open::Mapping { key: None, .. }, _)));
        if awaits_key {
            return argument(0, "only strings are allowed as mapping keys");
        }
        match tag {
            Some(tag) if core(tag).as_deref() != Some(wanted) => {
                argument(0, format!("can't interpret {noun} as {}", tag.original()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn scalar(&mut self, scalar: Scalar, anchor: usize) -> Result<(), Fault> {
        let Some((Open::Mapping { key, .. }, _)) = self.open.last_mut() else {
            return self.value(scalar.value(), anchor);
        };
        if key.is_some() {
            return self.value(scalar.value(), anchor);
        }
        *key = Some(match scalar {
            Scalar::Merge => Key::Merge,
            Scalar::Value(value) if value.is_null() => {
                return argument(0, "mapping key cannot be null");
            }
            Scalar::Value(value) => match convert(&value, &Type::String).map(Value::into_kind) {
                Ok(Kind::String(text)) => Key::Name(text),
                _ => return argument(0, "only strings are allowed as mapping keys"),
            },
        });
        Ok(())
    }

    /// Puts a value where it belongs.
    fn value(&mut self, value: Value, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some((open, _)) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        match open {
            Open::Sequence(elements) => elements.push(value),
            Open::Mapping { members, key } => match key.take() {
                Some(Key::Name(name)) => {
                    members.insert(name, value);
                }
                Some(Key::Merge) => match value.members() {
                    Some(merged) => {
                        self.call.members(merged.len())?;
                        let merged = merged
                            .iter()
                            .map(|(name, value)| (name.clone(), value.clone()));
                        members.extend(merged);
                    }
                    None => return argument(0, "only a mapping can be merged into a mapping"),
                },
                None => return argument(0, "only strings are allowed as mapping keys"),
            },
        }
        Ok(())
    }
}

/// The number of values in a value.
fn size(value: &Value) -> usize {
    let inner: usize = match value.kind() {
        Kind::Tuple(elements) => elements.iter().map(size).sum(),
        Kind::Object(members) => members.values().map(size).sum(),
        _ => 0,
    };
    inner + 1
}

enum Scalar {
    Value(Value),
    Merge,
}

impl Scalar {
    fn value(self) -> Value {
        match self {
            Scalar::Value(value) => value,
            Scalar::Merge => "<<".into(),
        }
    }
}

/// The name of a tag of YAML's own.
fn core(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}

/// What a scalar means by its tag and its spelling.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, Fault> {
    let tag = match tag {
        None => None,
        Some(tag) => match core(tag) {
            Some(suffix) => Some(suffix.into_owned()),
            None => return argument(0, format!("unsupported tag {:?}", tag.original())),
        },
    };
    let as_text = || Value::string(normalized(text.to_string()));
    let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    let unfit = || {
        let tag = tag.as_deref().unwrap_or_default();
        Fault::Argument(0, format!("cannot parse a scalar as !!{tag}"))
    };
    let value = match tag.as_deref() {
        Some("str") => as_text(),
        Some("binary") => {
            use base64::Engine as _;
            let engine = base64::engine::general_purpose::STANDARD;
            engine.decode(text.as_bytes()).map_err(|_| unfit())?;
            as_text()
        }
        Some("bool") => truth(text).map(Value::from).ok_or_else(unfit)?,
        Some("int" | "float") => number(text)?.ok_or_else(unfit)?,
        Some("timestamp") => timestamp(text).ok_or_else(unfit)?,
        Some("null") => Value::null(),
        None if text == "<<" => return Ok(Scalar::Merge),
        None if quoted => as_text(),
        None => plain(text)?.unwrap_or_else(as_text),
        Some(other) => return argument(0, format!("unsupported tag \"!!{other}\"")),
    };
    Ok(Scalar::Value(value))
}

/// What an untagged scalar without quotes means; `None` for text.
fn plain(text: &str) -> Result<Option<Value>, Fault> {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Some(Value::null()));
    }
    if let Some(truth) = truth(text) {
        return Ok(Some(truth.into()));
    }
    match text.trim_start_matches(['+', '-']) {
        ".nan" | ".NaN" | ".NAN" => return argument(0, "floating point NaN is not supported"),
        ".inf" | ".Inf" | ".INF" => return argument(0, "infinity is not supported"),
        _ => {}
    }
    if let Some(moment) = timestamp(text) {
        return Ok(Some(moment));
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    if !numeric || text.contains('_') {
        return Ok(None);
    }
    number(text)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

fn timestamp(text: &str) -> Option<Value> {
    time::loose(text).map(|moment| Value::string(moment.to_string()))
}

/// A number; `None` for what is not spelled as one.
fn number(text: &str) -> Result<Option<Value>, Fault> {
    let plain = text.replace('_', "");
    let radix = |digits: &str, radix: u32| {
        i128::from_str_radix(digits, radix)
            .ok()
            .and_then(Number::from_i128)
    };
    let found = match plain.get(..2) {
        Some("0x") => radix(&plain[2..], 16),
        Some("0o") => radix(&plain[2..], 8),
        _ => match parse_number(&plain) {
            Ok(number) => Some(number),
            Err(crate::convert::NumberFault::Range) => {
                return argument(0, "holds a number that is out of range");
            }
            Err(crate::convert::NumberFault::Spelling) => None,
        },
    };
    Ok(found.map(Value::number))
}
