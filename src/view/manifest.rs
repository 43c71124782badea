//! Objects of layers in YAML, as people read them.

use strata_core::plan::LayerObject;
use strata_model::{Kind, Value};

/// What stands for a secret.
const SECRET: &str = "(sensitive value)";
/// What stands for a value that only apply can know.
const UNKNOWN: &str = "(known after apply)";

/// The objects as documents, each with its address and where it is described. Secrets are masked.
pub fn objects(objects: &[LayerObject]) -> String {
    let mut text = String::new();
    for object in objects {
        let source = &object.source;
        text.push_str(&format!(
            "---\n# {}\n# {}:{}\n",
            object.address, source.file, source.line
        ));
        match object.attributes.get("manifest") {
            Some(manifest) => write(&mut text, manifest, 0),
            None => text.push_str(&format!("{UNKNOWN}\n")),
        }
    }
    text
}

/// Writes a value that begins a line, with the line's end.
fn write(text: &mut String, value: &Value, level: usize) {
    match shape(value) {
        Shape::Members(members) => {
            for (name, value) in members {
                indent(text, level);
                text.push_str(&scalar(name));
                text.push(':');
                follow(text, value, level + 1, level);
            }
        }
        Shape::Elements(elements) => {
            for value in elements {
                indent(text, level);
                text.push_str("- ");
                element(text, value, level + 1);
            }
        }
        Shape::Scalar(scalar) => {
            indent(text, level);
            text.push_str(&scalar);
            text.push('\n');
        }
        Shape::Lines(lines) => block(text, lines, level),
    }
}

/// Writes a value behind its name: on the same line, or below it. Lists stand as deep as the name.
fn follow(text: &mut String, value: &Value, level: usize, list: usize) {
    match shape(value) {
        Shape::Members(_) => {
            text.push('\n');
            write(text, value, level);
        }
        Shape::Elements(_) => {
            text.push('\n');
            write(text, value, list);
        }
        Shape::Scalar(scalar) => text.push_str(&format!(" {scalar}\n")),
        Shape::Lines(lines) => {
            text.push(' ');
            block(text, lines, level);
        }
    }
}

/// Writes an element of a list behind its dash.
fn element(text: &mut String, value: &Value, level: usize) {
    match shape(value) {
        Shape::Members(_) | Shape::Elements(_) => {
            let mut inner = String::new();
            write(&mut inner, value, level);
            // The first line stands beside the dash.
            text.push_str(inner.trim_start());
        }
        Shape::Scalar(scalar) => text.push_str(&format!("{scalar}\n")),
        Shape::Lines(lines) => block(text, lines, level),
    }
}

/// Writes text of several lines as it is.
fn block(text: &mut String, lines: &str, level: usize) {
    text.push_str(if lines.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in lines.lines() {
        if !line.is_empty() {
            indent(text, level.max(1));
            text.push_str(line);
        }
        text.push('\n');
    }
}

fn indent(text: &mut String, level: usize) {
    text.push_str(&"  ".repeat(level));
}

/// How a value is written.
enum Shape<'v> {
    Members(Vec<(&'v str, &'v Value)>),
    Elements(&'v [Value]),
    Lines(&'v str),
    Scalar(String),
}

fn shape(value: &Value) -> Shape<'_> {
    if value.is_secret() {
        return Shape::Scalar(SECRET.to_owned());
    }
    match value.kind() {
        Kind::Null(_) => Shape::Scalar("null".to_owned()),
        Kind::Unknown(_) => Shape::Scalar(UNKNOWN.to_owned()),
        Kind::Bool(flag) => Shape::Scalar(flag.to_string()),
        Kind::Number(number) => Shape::Scalar(number.to_string()),
        Kind::String(string) if is_block(string) => Shape::Lines(string),
        Kind::String(string) => Shape::Scalar(scalar(string)),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            match elements.is_empty() {
                true => Shape::Scalar("[]".to_owned()),
                false => Shape::Elements(elements),
            }
        }
        Kind::Map(_, members) | Kind::Object(members) if members.is_empty() => {
            Shape::Scalar("{}".to_owned())
        }
        Kind::Map(_, members) | Kind::Object(members) => Shape::Members(
            members
                .iter()
                .map(|(name, value)| (&**name, value))
                .collect(),
        ),
    }
}

/// Whether a text can stand as a block of lines and be read the same.
fn is_block(text: &str) -> bool {
    let lines = text.trim_end_matches('\n');
    let ends_once = text.len() - lines.len() <= 1;
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control() && c != '\u{feff}';
    ends_once
        && lines.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(plain)
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

/// A text on one line: in quotes wherever it could be read as something else, by YAML 1.1 or 1.2.
fn scalar(text: &str) -> String {
    let mut chars = text.chars();
    let begins = chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '/');
    let goes_on =
        chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '=' | '@'));
    let word = text.to_ascii_lowercase();
    let is_word = matches!(
        word.as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if begins && goes_on && !is_word {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use strata_model::{Address, Position, Type};

    use super::*;

    fn rendered(manifest: Value) -> String {
        objects(&[LayerObject {
            address: Address::parse("layer.a[\"/ConfigMap/x/y\"]").unwrap(),
            attributes: Value::object([("manifest", manifest)]),
            source: Position {
                file: "a/b.yaml".into(),
                line: 3,
                column: 1,
            },
            stage: 1,
            waits_for: Vec::new(),
        }])
    }

    #[test]
    fn objects_are_documents_without_secrets() {
        let manifest = Value::object([
            ("apiVersion", Value::string("v1")),
            (
                "data",
                Value::object([
                    ("a.conf", Value::string("one\n  two: 3\n")),
                    ("id", Value::unknown(Type::String)),
                    ("key", Value::string("hidden").into_secret()),
                    ("no", Value::string("yes")),
                    ("number", Value::string("10")),
                ]),
            ),
            ("empty", Value::object::<&str>([])),
            (
                "items",
                Value::tuple(vec![
                    Value::object([
                        ("name", Value::string("x")),
                        ("port", Value::number(80_i64)),
                    ]),
                    Value::string("a: b"),
                    Value::tuple(vec![true.into()]),
                ]),
            ),
            ("kind", Value::string("ConfigMap")),
        ]);
        let expected = "\
---
# layer.a[\"/ConfigMap/x/y\"]
# a/b.yaml:3
apiVersion: v1
data:
  a.conf: |
    one
      two: 3
  id: (known after apply)
  key: (sensitive value)
  \"no\": \"yes\"
  number: \"10\"
empty: {}
items:
- name: x
  port: 80
- \"a: b\"
- - true
kind: ConfigMap
";
        assert_eq!(rendered(manifest), expected);
    }
}
