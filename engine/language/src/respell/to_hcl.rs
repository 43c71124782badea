//! The neutral tree to HCL; the formatter lays it out afterwards.

use crate::block::{Attribute, Block, Body, Item};
use crate::expression::{Expr, ExprKind, ObjectItem, TemplatePart};
use crate::hcl::print;

use super::comments::{Comments, line, sign};

/// How many characters a list may have on one line.
const LONG: usize = 80;

/// Writes a file.
pub(super) fn write(body: &Body, comments: &mut Comments) -> String {
    let mut writer = Writer {
        text: String::new(),
        comments,
    };
    writer.body(body, true);
    writer.text
}

struct Writer<'a> {
    text: String,
    comments: &'a mut Comments,
}

impl Writer<'_> {
    fn body(&mut self, body: &Body, top: bool) {
        for (index, item) in body.items.iter().enumerate() {
            let is_block = matches!(item, Item::Block(_));
            if index > 0 && (is_block || (top && matches!(body.items[index - 1], Item::Block(_)))) {
                self.text.push('\n');
            }
            match item {
                Item::Attribute(attribute) => self.attribute(attribute),
                Item::Block(block) => self.block(block),
            }
        }
    }

    fn before(&mut self, start: u32) {
        for comment in self.comments.before(start) {
            self.text.push_str(&line(&comment));
        }
    }

    /// Ends the line, with a comment if one stands beside what began at an offset.
    fn end_line(&mut self, beside: Option<String>) {
        if let Some(comment) = beside {
            self.text.push(' ');
            self.text.push_str(&sign(&comment));
        }
        self.text.push('\n');
    }

    fn block(&mut self, block: &Block) {
        self.before(block.head.start);
        self.text.push_str(&block.keyword.value);
        for label in &block.labels {
            self.text.push_str(&format!(" \"{}\"", label.value));
        }
        let beside = self.comments.beside(block.head.start);
        if block.body.items.is_empty() && beside.is_none() {
            self.text.push_str(" {}\n");
            return;
        }
        self.text.push_str(" {");
        self.end_line(beside);
        self.body(&block.body, false);
        self.text.push_str("}\n");
    }

    fn attribute(&mut self, attribute: &Attribute) {
        self.before(attribute.name.span.start);
        self.text.push_str(&attribute.name.value);
        self.text.push_str(" = ");
        self.value(&attribute.value, attribute.name.span.start, "");
    }

    /// Writes a value with what follows it, and ends the line; `start` is where its key or itself begins.
    fn value(&mut self, value: &Expr, start: u32, then: &str) {
        let beside = self.comments.beside(start);
        if let ExprKind::Tuple(elements) = &value.kind
            && self.over_lines(value, elements)
        {
            self.text.push('[');
            self.end_line(beside);
            elements.iter().for_each(|element| self.element(element));
            self.text.push(']');
        } else if let ExprKind::Object(items) = &value.kind
            && !items.is_empty()
        {
            self.text.push('{');
            self.end_line(beside);
            items.iter().for_each(|item| self.item(item));
            self.text.push('}');
        } else if let Some(text) = heredoc(value) {
            // Nothing may follow the delimiter on its line.
            self.text.push_str(&text);
            if let Some(comment) = beside {
                self.text.push('\n');
                self.text.push_str(&sign(&comment));
            }
            if !then.is_empty() {
                self.text.push('\n');
            }
        } else {
            self.text.push_str(&print::expression(value));
            self.text.push_str(then);
            self.end_line(beside);
            return;
        }
        self.text.push_str(then);
        self.text.push('\n');
    }

    fn item(&mut self, item: &ObjectItem) {
        let start = item.key.span.start;
        self.before(start);
        self.text.push_str(&print::key(&item.key));
        self.text.push_str(" = ");
        self.value(&item.value, start, "");
    }

    fn element(&mut self, element: &Expr) {
        let start = element.span.start;
        self.before(start);
        self.value(element, start, ",");
    }

    /// Whether a list is written over lines: one with maps, comments or line breaks in it, or a long one.
    fn over_lines(&self, list: &Expr, elements: &[Expr]) -> bool {
        let nested = elements.iter().any(|element| {
            if let ExprKind::Tuple(inner) = &element.kind {
                return self.over_lines(element, inner);
            }
            let is_map = matches!(&element.kind, ExprKind::Object(items) if !items.is_empty());
            is_map || heredoc(element).is_some()
        });
        nested
            || print::expression(list).chars().count() > LONG
            || self.comments.any_within(list.span.start, list.span.end)
    }
}

/// Text of several lines as a heredoc; `None` where it must be quoted.
fn heredoc(expr: &Expr) -> Option<String> {
    let mut text = String::new();
    if let ExprKind::Template(parts) = &expr.kind {
        let whole = parts
            .iter()
            .all(|part| matches!(part, TemplatePart::Text(_) | TemplatePart::Interpolation(_)));
        whole.then(|| print::template(&mut text, parts, &mut |text, c| text.push(c)))?;
    } else {
        let string = expr.literal()?.as_str()?;
        let part = [TemplatePart::Text(string.into())];
        print::template(&mut text, &part, &mut |text, c| text.push(c));
    }
    let lines = text.strip_suffix('\n')?;
    let is_plain = lines.contains('\n')
        && !text.contains('\r')
        && lines
            .chars()
            .all(|c| c == '\n' || c == '\t' || !c.is_control());
    let mut delimiter = "EOT".to_owned();
    while lines.lines().any(|line| line.trim() == delimiter) {
        delimiter.push('_');
    }
    is_plain.then(|| format!("<<{delimiter}\n{text}{delimiter}"))
}
