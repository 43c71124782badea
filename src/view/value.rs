//! A value alone, as outputs and the console show it, in the layout of Terraform's: two spaces for every level, keys in quotes.

use std::sync::Arc;

use strata_model::{Kind, Value};

use super::difference::quoted;
use super::style::escape;

/// The text of a value, without an end of line.
pub fn value_text(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, level: usize) {
    if value.is_secret() {
        text.push_str("(sensitive value)");
        return;
    }
    match value.kind() {
        Kind::Null(_) => text.push_str("null"),
        Kind::Unknown(_) => text.push_str("(known after apply)"),
        Kind::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Kind::Number(number) => text.push_str(&number.to_string()),
        Kind::String(string) if string.contains('\n') => lines(text, string, level),
        Kind::String(string) => text.push_str(&quoted(string)),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            sequence(text, elements, level);
        }
        Kind::Map(_, members) | Kind::Object(members) => {
            self::members(text, members.iter(), level);
        }
    }
}

fn indent(text: &mut String, level: usize) {
    text.push_str(&"  ".repeat(level));
}

fn sequence(text: &mut String, elements: &[Value], level: usize) {
    if elements.is_empty() {
        text.push_str("[]");
        return;
    }
    text.push_str("[\n");
    for element in elements {
        indent(text, level + 1);
        write(text, element, level + 1);
        text.push_str(",\n");
    }
    indent(text, level);
    text.push(']');
}

fn members<'a>(
    text: &mut String,
    members: impl ExactSizeIterator<Item = (&'a Arc<str>, &'a Value)>,
    level: usize,
) {
    if members.len() == 0 {
        text.push_str("{}");
        return;
    }
    text.push_str("{\n");
    for (name, member) in members {
        indent(text, level + 1);
        text.push_str(&quoted(name));
        text.push_str(" = ");
        write(text, member, level + 1);
        text.push('\n');
    }
    indent(text, level);
    text.push('}');
}

fn lines(text: &mut String, string: &str, level: usize) {
    text.push_str("<<-EOT\n");
    for line in string.split('\n') {
        indent(text, level);
        text.push_str(&escape(line));
        text.push('\n');
    }
    indent(text, level);
    text.push_str("EOT");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What Terraform 1.11 prints for the same value.
    #[test]
    fn the_layout_is_terraforms() {
        let value = Value::from_json(&json!({
            "9a": true, "a": { "x y": [1, { "z": null }] }, "empty": {}, "list": [[1, 2], []], "str": "multi\nline\n",
        }))
        .unwrap();
        let expected = "{\n  \"9a\" = true\n  \"a\" = {\n    \"x y\" = [\n      1,\n      {\n        \"z\" = null\n      },\n    ]\n  }\n  \
                        \"empty\" = {}\n  \"list\" = [\n    [\n      1,\n      2,\n    ],\n    [],\n  ]\n  \
                        \"str\" = <<-EOT\n  multi\n  line\n  \n  EOT\n}";
        assert_eq!(value_text(&value), expected);
        assert_eq!(
            value_text(&Value::from("a").into_secret()),
            "(sensitive value)"
        );
    }
}
