//! The text of one object's change, in Terraform's layout.

use std::sync::Arc;

use super::difference::{Body, Node, attribute_name, quoted};
use super::style::{Paint, Style, Symbol, escape};

/// Unchanged attributes that are shown all the same, because they say which object it is.
const ALWAYS_SHOWN: &[&str] = &["id", "name"];

/// How many unchanged elements of a list are shown around a change.
const CONTEXT: usize = 1;

/// Writes trees of differences as lines.
#[derive(Debug)]
pub struct ChangeWriter {
    style: Style,
    lines: Vec<String>,
    /// Whether unchanged values are left out.
    concise: bool,
    /// Whether a removal goes without saying: in sequences, and inside of what is removed whole.
    bare: bool,
}

/// What stands before a value on its line.
#[derive(Clone, Copy)]
struct Head<'a> {
    level: usize,
    /// Name, padding and `= `; empty for elements of sequences.
    label: &'a str,
    /// What stands behind the value, such as the comma of an element.
    tail: &'a str,
}

impl ChangeWriter {
    /// A writer of a change: what stays the same is counted, not shown.
    pub fn new(style: Style) -> Self {
        ChangeWriter {
            style,
            lines: Vec::new(),
            concise: true,
            bare: false,
        }
    }

    /// A writer that leaves nothing out.
    pub fn complete(style: Style) -> Self {
        ChangeWriter {
            concise: false,
            ..Self::new(style)
        }
    }

    /// The lines so far.
    pub fn finish(self) -> Vec<String> {
        self.lines
    }

    /// Writes an object between `header {` and `}`: `resource "aws_vpc" "main"`.
    pub fn block(&mut self, symbol: Symbol, header: &str, node: &Node) {
        self.lines
            .push(format!("{} {header} {{", symbol.padded(self.style)));
        match &node.body {
            Body::Object(entries) => self.attributes(entries, 1),
            Body::Scalar { .. }
            | Body::Unknown(_)
            | Body::Sensitive
            | Body::Text(_)
            | Body::Json(_)
            | Body::Map(_)
            | Body::Sequence(_) => {
                self.node(
                    Head {
                        level: 1,
                        label: "",
                        tail: "",
                    },
                    node,
                );
            }
        }
        self.lines.push("    }".to_owned());
    }

    /// Writes `label = value` at the outermost level, as for outputs.
    pub fn entry(&mut self, label: &str, node: &Node) {
        self.node(
            Head {
                level: 0,
                label,
                tail: "",
            },
            node,
        );
    }

    fn attributes(&mut self, entries: &[(Arc<str>, Node)], level: usize) {
        let shown = |name: &str, node: &Node| {
            !self.concise
                || !node.is_unchanged()
                || (level == 1
                    && ALWAYS_SHOWN.contains(&name)
                    && matches!(node.body, Body::Scalar { .. }))
        };
        let visible: Vec<&(Arc<str>, Node)> = entries
            .iter()
            .filter(|(name, node)| shown(name, node))
            .collect();
        let names = visible
            .iter()
            .map(|(name, _)| attribute_name(name))
            .collect();
        self.named(&visible, names, level);
        self.hidden(entries.len() - visible.len(), "attribute", level);
    }

    fn members(&mut self, entries: &[(Arc<str>, Node)], level: usize) {
        let visible: Vec<_> = entries
            .iter()
            .filter(|(_, node)| !self.concise || !node.is_unchanged())
            .collect();
        let names = visible.iter().map(|(name, _)| quoted(name)).collect();
        self.named(&visible, names, level);
        self.hidden(entries.len() - visible.len(), "element", level);
    }

    fn named(&mut self, entries: &[&(Arc<str>, Node)], names: Vec<String>, level: usize) {
        let length = |name: &String| name.chars().count();
        let width = names.iter().map(length).max().unwrap_or(0);
        for ((_, node), name) in entries.iter().zip(names) {
            let label = format!("{name}{} = ", " ".repeat(width - length(&name)));
            self.node(
                Head {
                    level,
                    label: &label,
                    tail: "",
                },
                node,
            );
        }
    }

    fn sequence(&mut self, nodes: &[Node], level: usize) {
        let near_change = |index: usize| {
            let from = index.saturating_sub(CONTEXT);
            nodes[from..nodes.len().min(index + CONTEXT + 1)]
                .iter()
                .any(|node| !node.is_unchanged())
        };
        let mut hidden = 0;
        for (index, node) in nodes.iter().enumerate() {
            if self.concise && !near_change(index) {
                hidden += 1;
                continue;
            }
            self.hidden(std::mem::take(&mut hidden), "element", level);
            self.node(
                Head {
                    level,
                    label: "",
                    tail: ",",
                },
                node,
            );
        }
        self.hidden(hidden, "element", level);
    }

    fn hidden(&mut self, count: usize, what: &str, level: usize) {
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            let text = self
                .style
                .dim(&format!("# ({count} unchanged {what}{plural} hidden)"));
            self.lines
                .push(format!("{}    {text}", " ".repeat(4 * level)));
        }
    }

    fn node(&mut self, head: Head<'_>, node: &Node) {
        let forced = if node.forces_replacement {
            self.style.paint(Paint::Red, " # forces replacement")
        } else {
            String::new()
        };
        let tail = format!("{}{forced}", head.tail);
        match &node.body {
            Body::Scalar { before, after } => {
                let text = self.transition(node.symbol, before.as_deref(), after.as_deref());
                self.line(head, node.symbol, &format!("{text}{tail}"));
            }
            Body::Sensitive => {
                let text = self.transition(
                    node.symbol,
                    Some("(sensitive value)"),
                    Some("(sensitive value)"),
                );
                let text = if node.symbol == Symbol::Update {
                    "(sensitive value)".to_owned()
                } else {
                    text
                };
                self.line(head, node.symbol, &format!("{text}{tail}"));
            }
            Body::Unknown(before) => self.unknown(head, node, (before.as_deref(), &tail)),
            Body::Text(lines) => self.text(head, node, (lines, &tail)),
            Body::Json(inner) => self.json(head, node, (inner, &tail)),
            Body::Object(_) | Body::Map(_) | Body::Sequence(_) => {
                self.collection(
                    head,
                    node,
                    Around {
                        open: "",
                        close: "",
                        tail: &tail,
                    },
                );
            }
        }
    }

    fn unknown(&mut self, head: Head<'_>, node: &Node, (before, tail): (Option<&Node>, &str)) {
        const UNKNOWN: &str = "(known after apply)";
        match before {
            None => self.line(head, node.symbol, &format!("{UNKNOWN}{tail}")),
            Some(Node {
                body: Body::Scalar {
                    before: Some(text), ..
                },
                ..
            }) => {
                self.line(head, node.symbol, &format!("{text} -> {UNKNOWN}{tail}"));
            }
            Some(Node {
                body: Body::Text(_) | Body::Json(_) | Body::Sensitive,
                ..
            }) => self.line(head, node.symbol, &format!("{UNKNOWN}{tail}")),
            Some(before) => {
                let shown = Node {
                    symbol: node.symbol,
                    ..before.clone()
                };
                let close = format!(" -> {UNKNOWN}");
                self.collection(
                    head,
                    &shown,
                    Around {
                        open: "",
                        close: &close,
                        tail,
                    },
                );
            }
        }
    }

    fn json(&mut self, head: Head<'_>, node: &Node, (inner, tail): (&Node, &str)) {
        self.line(head, node.symbol, "jsonencode(");
        let level = head.level + 1;
        self.node(
            Head {
                level,
                label: "",
                tail: "",
            },
            inner,
        );
        let arrow = self.arrow(node.symbol);
        self.lines
            .push(format!("{}    ){arrow}{tail}", " ".repeat(4 * head.level)));
    }

    fn text(&mut self, head: Head<'_>, node: &Node, (lines, tail): (&[(Symbol, String)], &str)) {
        self.line(head, node.symbol, "<<-EOT");
        let whole = node.symbol != Symbol::Update;
        for (symbol, line) in lines {
            let symbol = if whole { Symbol::None } else { *symbol };
            let padded = symbol.padded(self.style);
            self.lines.push(format!(
                "{}{padded} {}",
                " ".repeat(4 * (head.level + 1)),
                escape(line)
            ));
        }
        let arrow = self.arrow(node.symbol);
        self.lines.push(format!(
            "{}    EOT{arrow}{tail}",
            " ".repeat(4 * head.level)
        ));
    }

    fn collection(&mut self, head: Head<'_>, node: &Node, around: Around<'_>) {
        let (open, close, count) = match &node.body {
            Body::Object(entries) | Body::Map(entries) => ("{", "}", entries.len()),
            Body::Sequence(nodes) => ("[", "]", nodes.len()),
            Body::Scalar { .. }
            | Body::Unknown(_)
            | Body::Sensitive
            | Body::Text(_)
            | Body::Json(_) => {
                return self.node(head, node);
            }
        };
        let arrow = if around.close.is_empty() {
            self.arrow(node.symbol)
        } else {
            around.close
        };
        if count == 0 {
            self.line(
                head,
                node.symbol,
                &format!("{}{open}{close}{arrow}{}", around.open, around.tail),
            );
            return;
        }
        self.line(head, node.symbol, &format!("{}{open}", around.open));
        let sequence = matches!(node.body, Body::Sequence(_));
        let outside = std::mem::replace(&mut self.bare, sequence || node.symbol == Symbol::Delete);
        match &node.body {
            Body::Object(entries) => self.attributes(entries, head.level + 1),
            Body::Map(entries) => self.members(entries, head.level + 1),
            Body::Sequence(nodes) => self.sequence(nodes, head.level + 1),
            Body::Scalar { .. }
            | Body::Unknown(_)
            | Body::Sensitive
            | Body::Text(_)
            | Body::Json(_) => {}
        }
        self.bare = outside;
        self.lines.push(format!(
            "{}    {close}{arrow}{}",
            " ".repeat(4 * head.level),
            around.tail
        ));
    }

    /// What says that a value goes away, where that needs to be said.
    fn arrow(&self, symbol: Symbol) -> &'static str {
        if symbol == Symbol::Delete && !self.bare {
            " -> null"
        } else {
            ""
        }
    }

    fn transition(&self, symbol: Symbol, before: Option<&str>, after: Option<&str>) -> String {
        let text = |side: Option<&str>| side.unwrap_or("null").to_owned();
        match symbol {
            Symbol::Delete => format!("{}{}", text(before), self.arrow(symbol)),
            Symbol::Update => format!("{} -> {}", text(before), text(after)),
            Symbol::Create | Symbol::Read => text(after),
            Symbol::None | Symbol::Forget | Symbol::DeleteThenCreate | Symbol::CreateThenDelete => {
                text(before.or(after))
            }
        }
    }

    fn line(&mut self, head: Head<'_>, symbol: Symbol, text: &str) {
        let padded = symbol.padded(self.style);
        self.lines.push(format!(
            "{}{padded} {}{text}",
            " ".repeat(4 * head.level),
            head.label
        ));
    }
}

/// What stands around a collection's brackets.
#[derive(Clone, Copy)]
struct Around<'a> {
    open: &'a str,
    close: &'a str,
    tail: &'a str,
}

#[cfg(test)]
mod tests {
    use strata_model::{AttributePath, Type, Value};

    use super::*;
    use crate::view::difference::compare;

    fn check(before: Option<Value>, after: Option<Value>, expected: &str) {
        check_replaced(before, after, "", expected);
    }

    fn check_replaced(before: Option<Value>, after: Option<Value>, replace: &str, expected: &str) {
        let replace: Vec<_> = AttributePath::parse(replace)
            .filter(|path| path.top().is_some())
            .into_iter()
            .collect();
        let node = compare(before.as_ref(), after.as_ref(), &replace);
        let mut writer = ChangeWriter::new(Style { colour: false });
        writer.block(node.symbol, "resource \"t\" \"n\"", &node);
        let text = writer.finish().join("\n");
        assert_eq!(text, expected.trim_matches('\n'), "\n{text}\n");
    }

    fn object(members: &[(&str, Value)]) -> Option<Value> {
        Some(Value::object(members.iter().cloned()))
    }

    fn tags(members: &[(&str, &str)]) -> Value {
        Value::map(
            Type::String,
            members
                .iter()
                .map(|(key, value)| ((*key).into(), Value::from(*value)))
                .collect(),
        )
    }

    fn list(elements: &[&str]) -> Value {
        Value::list(
            Type::String,
            elements.iter().map(|text| Value::from(*text)).collect(),
        )
    }

    #[test]
    fn a_create_shows_everything_but_null() {
        let after = object(&[
            ("arn", Value::unknown(Type::String)),
            ("cidr_block", "10.0.0.0/16".into()),
            ("nothing", Value::null()),
            ("password", Value::from("x").into_secret()),
            ("tags", tags(&[("Name", "a")])),
        ]);
        check(
            None,
            after,
            r#"
  + resource "t" "n" {
      + arn        = (known after apply)
      + cidr_block = "10.0.0.0/16"
      + password   = (sensitive value)
      + tags       = {
          + "Name" = "a"
        }
    }
"#,
        );
    }

    #[test]
    fn an_update_shows_what_changes() {
        let before = object(&[
            ("arn", "arn:1".into()),
            ("cidr_block", "10.0.0.0/16".into()),
            ("id", "vpc-1".into()),
            ("tags", tags(&[("a", "1"), ("b", "2"), ("c", "3")])),
            ("x", true.into()),
        ]);
        let after = object(&[
            ("arn", Value::unknown(Type::String)),
            ("cidr_block", "10.1.0.0/16".into()),
            ("id", "vpc-1".into()),
            ("tags", tags(&[("a", "1"), ("b", "two"), ("d", "4")])),
            ("x", true.into()),
        ]);
        check_replaced(
            before,
            after,
            "cidr_block",
            r#"
  ~ resource "t" "n" {
      ~ arn        = "arn:1" -> (known after apply)
      ~ cidr_block = "10.0.0.0/16" -> "10.1.0.0/16" # forces replacement
        id         = "vpc-1"
      ~ tags       = {
          ~ "b" = "2" -> "two"
          - "c" = "3" -> null
          + "d" = "4"
            # (1 unchanged element hidden)
        }
        # (1 unchanged attribute hidden)
    }
"#,
        );
    }

    #[test]
    fn lists_are_aligned() {
        let before = object(&[("l", list(&["a", "b", "c", "d", "e", "f"]))]);
        let after = object(&[("l", list(&["a", "b", "c", "x", "e", "f", "g"]))]);
        check(
            before,
            after,
            r#"
  ~ resource "t" "n" {
      ~ l = [
            # (2 unchanged elements hidden)
            "c",
          - "d",
          + "x",
            "e",
            "f",
          + "g",
        ]
    }
"#,
        );
    }

    #[test]
    fn objects_in_lists_are_compared_inside() {
        let rule =
            |port: i64| Value::object([("cidr", Value::from("0.0.0.0/0")), ("port", port.into())]);
        let rules =
            |ports: &[i64]| Value::list(Type::Any, ports.iter().map(|port| rule(*port)).collect());
        check(
            object(&[("r", rules(&[1, 2]))]),
            object(&[("r", rules(&[1, 3]))]),
            r#"
  ~ resource "t" "n" {
      ~ r = [
            {
                # (2 unchanged attributes hidden)
            },
          ~ {
              ~ port = 2 -> 3
                # (1 unchanged attribute hidden)
            },
        ]
    }
"#,
        );
    }

    #[test]
    fn json_is_compared_by_meaning() {
        let before = object(&[(
            "policy",
            r#"{"Statement":[{"Effect":"Allow"}],"Version":"1"}"#.into(),
        )]);
        let after = object(&[(
            "policy",
            r#"{ "Version": "1", "Statement": [{"Effect":"Deny"}] }"#.into(),
        )]);
        check(
            before,
            after,
            r#"
  ~ resource "t" "n" {
      ~ policy = jsonencode(
          ~ {
              ~ Statement = [
                  ~ {
                      ~ Effect = "Allow" -> "Deny"
                    },
                ]
                # (1 unchanged attribute hidden)
            }
        )
    }
"#,
        );
    }

    #[test]
    fn texts_are_compared_by_lines() {
        check(
            object(&[("t", "a\nb\nc".into())]),
            object(&[("t", "a\nx\nc".into())]),
            r#"
  ~ resource "t" "n" {
      ~ t = <<-EOT
            a
          - b
          + x
            c
        EOT
    }
"#,
        );
    }

    #[test]
    fn a_delete_goes_to_null() {
        let before = object(&[
            ("id", "a\x1b".into()),
            ("l", list(&[])),
            ("m", tags(&[("k", "v")])),
        ]);
        check(
            before,
            None,
            r#"
  - resource "t" "n" {
      - id = "a\u001b" -> null
      - l  = [] -> null
      - m  = {
          - "k" = "v"
        } -> null
    }
"#,
        );
    }
}
