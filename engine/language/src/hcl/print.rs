//! Expressions to HCL text, on one line. Reading what is written gives the same expression.

use std::fmt::Write as _;

use strata_model::address::is_name;

use crate::expression::{Expr, ExprKind, ForExpr, ObjectItem, TemplatePart, UnaryOperator};

use super::expression::precedence;

/// How tightly the parts of a conditional, of a unary operator and of a traversal bind.
const CONDITIONAL: u8 = 0;
const UNARY: u8 = 7;
const TRAVERSAL: u8 = 8;

/// Writes an expression.
pub(crate) fn expression(expr: &Expr) -> String {
    let mut text = String::new();
    write(&mut text, expr, CONDITIONAL);
    text
}

/// Writes an expression as a part of one that binds as tightly as `around`.
fn write(text: &mut String, expr: &Expr, around: u8) {
    let own = tightness(&expr.kind);
    if own < around {
        text.push('(');
    }
    match &expr.kind {
        ExprKind::Literal(value) => match value.as_str() {
            Some(string) => quoted(text, string),
            None => text.push_str(&literal(value)),
        },
        ExprKind::WrittenNumber(number) => written(text, number),
        ExprKind::Template(parts) => {
            text.push('"');
            template(text, parts, &mut escape_quoted);
            text.push('"');
        }
        ExprKind::Tuple(elements) => {
            text.push('[');
            list(text, elements);
            text.push(']');
        }
        ExprKind::Object(items) => object(text, items),
        ExprKind::Variable(name) => text.push_str(name),
        ExprKind::Attribute(base, name) => {
            write(text, base, TRAVERSAL);
            text.push('.');
            text.push_str(&name.value);
        }
        ExprKind::Index(base, index) => {
            write(text, base, TRAVERSAL);
            text.push('[');
            write(text, index, CONDITIONAL);
            text.push(']');
        }
        ExprKind::Splat { base, each } => {
            write(text, base, TRAVERSAL);
            text.push_str("[*]");
            // Its innermost part is the element, which has no text.
            write(text, each, CONDITIONAL);
        }
        ExprKind::SplatElement => {}
        ExprKind::Unary(operator, inner) => {
            text.push_str(match operator {
                UnaryOperator::Negate => "-",
                UnaryOperator::Not => "!",
            });
            write(text, inner, UNARY);
        }
        ExprKind::Binary(operator, left, right) => {
            write(text, left, own);
            text.push(' ');
            text.push_str(operator.sign());
            text.push(' ');
            write(text, right, own + 1);
        }
        ExprKind::Conditional {
            condition,
            then,
            otherwise,
        } => {
            write(text, condition, CONDITIONAL + 1);
            text.push_str(" ? ");
            write(text, then, CONDITIONAL);
            text.push_str(" : ");
            write(text, otherwise, CONDITIONAL);
        }
        ExprKind::Call {
            name,
            arguments,
            expand,
        } => {
            text.push_str(&name.value);
            text.push('(');
            list(text, arguments);
            text.push_str(if *expand { "...)" } else { ")" });
        }
        ExprKind::For(body) => for_expr(text, body),
    }
    if own < around {
        text.push(')');
    }
}

fn tightness(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Conditional { .. } => CONDITIONAL,
        ExprKind::Binary(operator, ..) => precedence(*operator),
        ExprKind::Unary(..) => UNARY,
        ExprKind::Literal(value)
            if value
                .as_number()
                .is_some_and(|number| number.as_f64() < 0.0) =>
        {
            UNARY
        }
        ExprKind::WrittenNumber(number) if number.starts_with('-') => UNARY,
        // What follows `[*]` belongs to the splat; for anything else to follow, it stands in parentheses.
        ExprKind::Splat { .. } => UNARY,
        ExprKind::Literal(_)
        | ExprKind::WrittenNumber(_)
        | ExprKind::Template(_)
        | ExprKind::Tuple(_)
        | ExprKind::Object(_)
        | ExprKind::Variable(_)
        | ExprKind::Attribute(..)
        | ExprKind::Index(..)
        | ExprKind::SplatElement
        | ExprKind::Call { .. }
        | ExprKind::For(_) => u8::MAX,
    }
}

fn literal(value: &strata_model::Value) -> String {
    match (value.as_bool(), value.as_number()) {
        (Some(bool), _) => bool.to_string(),
        (None, Some(number)) => number.to_string(),
        (None, None) => "null".to_owned(),
    }
}

/// A number as it was written; what only YAML takes for a number is text here.
fn written(text: &mut String, number: &str) {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let radix = digits.starts_with("0x") || digits.starts_with("0o");
    if starts
        && !radix
        && !digits.ends_with('.')
        && !digits.contains(".e")
        && !digits.contains(".E")
    {
        text.push_str(number);
    } else {
        quoted(text, number);
    }
}

fn list(text: &mut String, elements: &[Expr]) {
    for (index, element) in elements.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        write(text, element, CONDITIONAL);
    }
}

fn object(text: &mut String, items: &[ObjectItem]) {
    if items.is_empty() {
        text.push_str("{}");
        return;
    }
    text.push_str("{ ");
    for (index, item) in items.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(&key(&item.key));
        text.push_str(" = ");
        write(text, &item.value, CONDITIONAL);
    }
    text.push_str(" }");
}

/// The key of an item as it stands before the `=`.
pub(crate) fn key(key: &Expr) -> String {
    if let Some(name) = key.literal().and_then(|value| value.as_str()) {
        if is_name(name) && name != "for" {
            return name.to_owned();
        }
        let mut text = String::new();
        quoted(&mut text, name);
        return text;
    }
    let text = expression(key);
    if matches!(key.kind, ExprKind::Template(_)) {
        return text;
    }
    format!("({text})")
}

fn for_expr(text: &mut String, body: &ForExpr) {
    let (open, close) = if body.result_key.is_some() {
        ("{", "}")
    } else {
        ("[", "]")
    };
    text.push_str(open);
    text.push_str("for ");
    if let Some(key) = &body.key {
        text.push_str(key);
        text.push_str(", ");
    }
    text.push_str(&body.value);
    text.push_str(" in ");
    write(text, &body.collection, CONDITIONAL + 1);
    text.push_str(" : ");
    if let Some(key) = &body.result_key {
        write(text, key, CONDITIONAL);
        text.push_str(" => ");
    }
    write(text, &body.result, CONDITIONAL);
    text.push_str(if body.group { "..." } else { "" });
    if let Some(condition) = &body.condition {
        text.push_str(" if ");
        write(text, condition, CONDITIONAL);
    }
    text.push_str(close);
}

fn quoted(text: &mut String, string: &str) {
    text.push('"');
    plain(text, string, &mut escape_quoted);
    text.push('"');
}

fn escape_quoted(text: &mut String, c: char) {
    match c {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        c if c.is_control() => {
            // A String takes everything.
            let _written = write!(text, "\\u{:04x}", u32::from(c));
        }
        c => text.push(c),
    }
}

/// Writes literal text of a template: where it would begin a sequence, its sign is doubled.
fn plain(text: &mut String, string: &str, escape: &mut dyn FnMut(&mut String, char)) {
    let mut chars = string.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, '$' | '%') && chars.peek() == Some(&'{') {
            text.push(c);
        }
        escape(text, c);
    }
}

/// Writes the parts of a template, its literal text with the escapes of where it stands.
pub(crate) fn template(
    text: &mut String,
    parts: &[TemplatePart],
    escape: &mut dyn FnMut(&mut String, char),
) {
    for (index, part) in parts.iter().enumerate() {
        match part {
            TemplatePart::Text(string) => {
                let sign = ['$', '%'].into_iter().find(|sign| string.ends_with(*sign));
                match sign.filter(|_| parts.get(index + 1).is_some()) {
                    // The sign would double that of the sequence that follows.
                    Some(sign) => {
                        plain(text, &string[..string.len() - 1], escape);
                        // A String takes everything.
                        let _written = write!(text, "${{\"{sign}\"}}");
                    }
                    None => plain(text, string, escape),
                }
            }
            TemplatePart::Interpolation(expr) => {
                text.push_str("${");
                write(text, expr, CONDITIONAL);
                text.push('}');
            }
            TemplatePart::If {
                condition,
                then,
                otherwise,
            } => {
                text.push_str("%{ if ");
                write(text, condition, CONDITIONAL);
                text.push_str(" }");
                template(text, then, escape);
                if !otherwise.is_empty() {
                    text.push_str("%{ else }");
                    template(text, otherwise, escape);
                }
                text.push_str("%{ endif }");
            }
            TemplatePart::For {
                key,
                value,
                collection,
                body,
            } => {
                let key = key
                    .as_ref()
                    .map(|key| format!("{key}, "))
                    .unwrap_or_default();
                let _written = write!(text, "%{{ for {key}{value} in ");
                write(text, collection, CONDITIONAL);
                text.push_str(" }");
                template(text, body, escape);
                text.push_str("%{ endfor }");
            }
        }
    }
}
