//! YAML as Kubernetes reads it: version 1.1, in which `y` is true and `0644` is octal; and JSON, which is part of it.
//!
//! The rules are those of the Go packages behind `kubectl`: gopkg.in/yaml.v2 resolves plain scalars, and
//! sigs.k8s.io/yaml makes JSON of the result, keys that are no text included.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// How deep collections may be nested.
const DEPTH: usize = 64;

/// How many values a file may hold, those that aliases repeat included.
const MOST_VALUES: usize = 1_000_000;

/// What is wrong with a text, and in which line of it, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The line that it begins in, from 1.
    pub(crate) line: u32,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

impl Node {
    /// The member of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Content::Mapping(members) = &self.content else {
            return None;
        };
        let found = members.iter().find(|(name, _)| name == key);
        found.map(|(_, node)| node)
    }

    /// The text that it is.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(value) => value.as_str(),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Whether nothing stands there.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(Value::Null))
    }

    /// Without its place.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Content::Mapping(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, node)| (key.clone(), node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// The documents of a text, empty ones left out.
///
/// # Errors
///
/// At the first thing that is wrong: behind it nothing is certain.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut builder = Builder::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            line: line(error.marker().line()),
            message: format!("This is not valid YAML: {}.", error.info()),
        })?;
        let line = line(span.start.line());
        builder
            .event(event, line)
            .map_err(|message| YamlError { line, message })?;
    }
    Ok(builder.documents)
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

enum Open {
    Sequence(Vec<Node>),
    Mapping {
        members: Vec<(String, Node)>,
        /// What `<<` brings, beneath the members that are written.
        merged: Vec<(String, Node)>,
        key: Option<Key>,
    },
}

enum Key {
    Name(String),
    Merge,
}

/// A collection that is being read.
struct Frame {
    open: Open,
    line: u32,
    anchor: usize,
}

#[derive(Default)]
struct Builder {
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    values: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: u32) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?;
                self.scalar(value, (style, &text), (line, anchor))
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(node) => self.node(Node { line, ..node }, 0),
                None => Err("An anchor is referred to inside its own definition.".to_owned()),
            },
            Event::SequenceStart(_, anchor, _) => {
                self.start(Open::Sequence(Vec::new()), line, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let open = Open::Mapping {
                    members: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.start(open, line, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    fn start(&mut self, open: Open, line: u32, anchor: usize) -> Result<(), String> {
        if self.frames.len() >= DEPTH {
            return Err(format!(
                "Collections are nested more than {DEPTH} levels deep."
            ));
        }
        if self.awaits_key() {
            return Err("A key must be a scalar.".to_owned());
        }
        self.frames.push(Frame { open, line, anchor });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let content = match frame.open {
            Open::Sequence(items) => Content::Sequence(items),
            Open::Mapping {
                mut members,
                merged,
                ..
            } => {
                for (key, node) in merged {
                    if members.iter().all(|(name, _)| *name != key) {
                        members.push((key, node));
                    }
                }
                Content::Mapping(members)
            }
        };
        let node = Node {
            line: frame.line,
            content,
        };
        self.node(node, frame.anchor)
    }

    fn awaits_key(&self) -> bool {
        let open = self.frames.last().map(|frame| &frame.open);
        matches!(open, Some(Open::Mapping { key: None, .. }))
    }

    fn scalar(
        &mut self,
        value: Value,
        (style, text): (ScalarStyle, &str),
        (line, anchor): (u32, usize),
    ) -> Result<(), String> {
        if !self.awaits_key() {
            let content = Content::Scalar(value);
            return self.node(Node { line, content }, anchor);
        }
        let next = if style == ScalarStyle::Plain && text == "<<" {
            Key::Merge
        } else {
            Key::Name(key_text(value)?)
        };
        let Some(Frame {
            open: Open::Mapping { members, key, .. },
            ..
        }) = self.frames.last_mut()
        else {
            return Ok(());
        };
        if let Key::Name(name) = &next
            && members.iter().any(|(other, _)| other == name)
        {
            return Err(format!("The key '{name}' is written twice."));
        }
        *key = Some(next);
        Ok(())
    }

    /// Puts a value where it belongs.
    fn node(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.values += size(&node);
        if self.values > MOST_VALUES {
            return Err(format!("The file holds more than {MOST_VALUES} values."));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut().map(|frame| &mut frame.open) {
            None => {
                if !node.is_null() {
                    self.documents.push(node);
                }
            }
            Some(Open::Sequence(items)) => items.push(node),
            Some(Open::Mapping {
                members,
                merged,
                key,
            }) => match key.take() {
                Some(Key::Name(name)) => members.push((name, node)),
                Some(Key::Merge) => merged.extend(merge(node)?),
                None => {}
            },
        }
        Ok(())
    }
}

/// One for a scalar: the parts of a collection were counted when they came, and an alias repeats them.
fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 1,
        Content::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Mapping(members) => 1 + members.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn merge(node: Node) -> Result<Vec<(String, Node)>, String> {
    match node.content {
        Content::Mapping(members) => Ok(members),
        Content::Sequence(items) => {
            let parts: Result<Vec<_>, _> = items.into_iter().map(merge).collect();
            Ok(parts?.into_iter().flatten().collect())
        }
        Content::Scalar(_) => Err("A << merge needs a map or a list of maps.".to_owned()),
    }
}

fn key_text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err("A key must not be null.".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("A key must be a scalar.".to_owned()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let tag = tag.map(|tag| tag.original().to_string());
    match tag.as_deref() {
        None | Some("!!float" | "!!int" | "!!bool" | "!!null") => {}
        Some("!" | "!!str") => return Ok(text.into()),
        // The server decodes bytes from base64 itself.
        Some("!!binary") => return Ok(text.split_whitespace().collect::<String>().into()),
        Some(other) => return Err(format!("The tag {other} means nothing to Kubernetes.")),
    }
    if style != ScalarStyle::Plain && tag.is_none() {
        return Ok(text.into());
    }
    plain(text)
}

/// What a plain scalar is.
fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            true.into()
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            false.into()
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF"
        | ".nan" | ".NaN" | ".NAN" => {
            return Err(format!(
                "JSON has no number {text}. Quote it if it is text."
            ));
        }
        _ => number(text).map_or_else(|| text.into(), Value::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    let first = text
        .strip_prefix(['+', '-'])
        .unwrap_or(text)
        .chars()
        .next()?;
    if !first.is_ascii_digit() && first != '.' {
        return None;
    }
    let bare: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(number) = whole(&bare) {
        return Some(number);
    }
    is_float(&bare)
        .then(|| bare.parse().ok())
        .flatten()
        .and_then(|float: f64| {
            // A whole float is written without a point in JSON.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be whole and small"
            )]
            if float.fract() == 0.0 && float.abs() < 1e15 {
                return Some((float as i64).into());
            }
            Number::from_f64(float)
        })
}

fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return i64::try_from(-i128::from(magnitude)).ok().map(Number::from);
    }
    Some(magnitude.into())
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let some_digits = |text: &str| !text.is_empty() && digits(text);
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => some_digits(fraction),
        Some((before, fraction)) => some_digits(before) && digits(fraction),
        None => some_digits(mantissa),
    };
    let exponent = exponent
        .is_none_or(|exponent| some_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    mantissa && exponent
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Value {
        let mut documents = documents(text).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0).to_json()
    }

    #[test]
    fn scalars_are_those_of_version_1_1() {
        for (text, expected) in [
            ("y", json!(true)),
            ("No", json!(false)),
            ("\"y\"", json!("y")),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("089", json!(89)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            (
                "18446744073709551615",
                json!(18_446_744_073_709_551_615_u64),
            ),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1.2.3", json!("1.2.3")),
            ("2024-01-01", json!("2024-01-01")),
            ("12:30:45", json!("12:30:45")),
            ("~", json!(null)),
            ("100m", json!("100m")),
            ("!!str 12", json!("12")),
            ("|\n  a\n", json!("a\n")),
        ] {
            assert_eq!(one(&format!("a: {text}")), json!({"a": expected}), "{text}");
        }
    }

    #[test]
    fn keys_become_text() {
        assert_eq!(
            one("1: a\ntrue: b\n0x10: c\n"),
            json!({"1": "a", "true": "b", "16": "c"})
        );
    }

    #[test]
    fn documents_are_told_apart_and_empty_ones_left_out() {
        let all = documents("---\n---\na: 1\n---\n# nothing\n---\nb: {c: [1, 2]}\n...\n").unwrap();
        let json: Vec<Value> = all.iter().map(Node::to_json).collect();
        assert_eq!(json, [json!({"a": 1}), json!({"b": {"c": [1, 2]}})]);
        let lines: Vec<u32> = all.iter().map(|node| node.line).collect();
        assert_eq!(lines, [3, 7]);
        assert_eq!(
            one("{\"a\": [true, null, 1.0]}"),
            json!({"a": [true, null, 1]})
        );
    }

    #[test]
    fn merges_and_aliases_are_followed() {
        assert_eq!(
            one("base: &b {x: 1, y: {z: 2}}\nown: {<<: *b, x: 3}\n"),
            json!({"base": {"x": 1, "y": {"z": 2}}, "own": {"x": 3, "y": {"z": 2}}})
                .as_object()
                .map(|all| {
                    // `y` as a key is true as well.
                    let mut all = all.clone();
                    for member in all.values_mut() {
                        let member = member.as_object_mut().unwrap();
                        let value = member.remove("y").unwrap();
                        member.insert("true".to_owned(), value);
                    }
                    Value::Object(all)
                })
                .unwrap()
        );
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, part) in [
            ("a: 1\na: 2\n", 2, "written twice"),
            ("a:\n  - .nan\n", 2, "no number"),
            ("a: !thing 1\n", 1, "!thing"),
            ("a: [1\nb: 2\n", 2, "not valid YAML"),
            ("? [a]\n: 1\n", 1, "must be a scalar"),
        ] {
            let error = documents(text).unwrap_err();
            assert_eq!(
                (error.line, error.message.contains(part)),
                (line, true),
                "{error:?}"
            );
        }
        let bomb: String = std::iter::once("a: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned())
            .chain((1..9).map(|n| {
                let alias = format!("*a{},", n - 1).repeat(10);
                format!("b{n}: &a{n} [{alias}]\n")
            }))
            .collect();
        assert!(documents(&bomb).unwrap_err().message.contains("more than"));
    }
}
