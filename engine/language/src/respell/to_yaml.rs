//! The neutral tree to YAML. Blocks of one kind come together, where the first of them stood.

use crate::block::{Attribute, Block, Body, Item};
use crate::decode::table::{BlockSpec, BodySpec, Form, YamlForm};
use crate::expression::{Expr, ExprKind, ObjectItem, TemplatePart};
use crate::hcl::print;

use super::comments::{Comments, sign};
use super::yaml_text;

/// How many characters a list may have on one line.
const LONG: usize = 80;

/// Writes a file that holds what the table says.
pub(super) fn write(body: &Body, spec: &'static BodySpec, comments: &mut Comments) -> String {
    let mut writer = Writer {
        text: String::new(),
        comments,
    };
    writer.body(body, spec, 0);
    writer.text
}

struct Writer<'a> {
    text: String,
    comments: &'a mut Comments,
}

/// What stands at one place of a map: an attribute, or all blocks of a keyword.
enum Entry<'b> {
    Attribute(&'b Attribute),
    Blocks(&'static BlockSpec, Vec<&'b Block>),
}

fn entries<'b>(body: &'b Body, spec: &'static BodySpec) -> Vec<Entry<'b>> {
    let mut found: Vec<Entry<'b>> = Vec::new();
    for item in &body.items {
        match item {
            Item::Attribute(attribute) => found.push(Entry::Attribute(attribute)),
            Item::Block(block) => {
                let same = found.iter_mut().find_map(|entry| match entry {
                    Entry::Blocks(spec, blocks) if *spec.keyword == *block.keyword.value => {
                        Some(blocks)
                    }
                    Entry::Blocks(..) | Entry::Attribute(_) => None,
                });
                match (same, spec.block(&block.keyword.value)) {
                    (Some(blocks), _) => blocks.push(block),
                    (None, Some(spec)) => found.push(Entry::Blocks(spec, vec![block])),
                    // Blocks that the table does not know are not converted: decoding refuses them.
                    (None, None) => {}
                }
            }
        }
    }
    found
}

impl Writer<'_> {
    fn body(&mut self, body: &Body, spec: &'static BodySpec, indent: usize) {
        for (index, entry) in entries(body, spec).into_iter().enumerate() {
            if indent == 0 && index > 0 && matches!(entry, Entry::Blocks(..)) {
                self.text.push('\n');
            }
            match entry {
                Entry::Attribute(attribute) => {
                    let form = spec
                        .attribute(&attribute.name.value)
                        .map_or(Form::Expression, |attribute| attribute.form);
                    let start = attribute.name.span.start;
                    self.before(start, indent);
                    self.key(&attribute.name.value, indent);
                    self.value(&attribute.value, form, (start, indent));
                }
                Entry::Blocks(spec, blocks) => self.blocks(spec, &blocks, indent),
            }
        }
    }

    fn pad(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn before(&mut self, start: u32, indent: usize) {
        for comment in self.comments.before(start) {
            self.pad(indent);
            self.text.push_str(&sign(&comment));
            self.text.push('\n');
        }
    }

    fn end_line(&mut self, beside: Option<String>) {
        if let Some(comment) = beside {
            self.text.push(' ');
            self.text.push_str(&sign(&comment));
        }
        self.text.push('\n');
    }

    fn key(&mut self, key: &str, indent: usize) {
        self.pad(indent);
        self.text.push_str(&yaml_text::inline(key, true));
        self.text.push(':');
    }

    fn blocks(&mut self, spec: &'static BlockSpec, blocks: &[&Block], indent: usize) {
        if spec.labels.is_empty() {
            return self.named(spec, spec.keyword, (blocks, indent));
        }
        self.key(spec.keyword, indent);
        self.text.push('\n');
        self.labelled(spec, 0, (blocks, indent + 2));
    }

    /// Writes blocks by the label at a depth, in the order in which labels first stand.
    fn labelled(
        &mut self,
        spec: &'static BlockSpec,
        depth: usize,
        (blocks, indent): (&[&Block], usize),
    ) {
        let label = |block: &Block| {
            block
                .labels
                .get(depth)
                .map(|label| label.value.clone())
                .unwrap_or_default()
        };
        let mut groups: Vec<(std::sync::Arc<str>, Vec<&Block>)> = Vec::new();
        for block in blocks {
            let name = label(block);
            match groups.iter_mut().find(|(other, _)| *other == name) {
                Some((_, group)) => group.push(block),
                None => groups.push((name, vec![block])),
            }
        }
        for (name, group) in groups {
            if depth + 1 < spec.labels.len() {
                self.key(&name, indent);
                self.text.push('\n');
                self.labelled(spec, depth + 1, (&group, indent + 2));
            } else {
                self.named(spec, &name, (&group, indent));
            }
        }
    }

    /// Writes the blocks of one name.
    fn named(
        &mut self,
        spec: &'static BlockSpec,
        name: &str,
        (blocks, indent): (&[&Block], usize),
    ) {
        let as_list = match spec.yaml {
            YamlForm::Map => false,
            YamlForm::List => true,
            YamlForm::MapOrList => blocks.len() > 1,
        };
        if as_list {
            self.key(name, indent);
            self.text.push('\n');
            for block in blocks {
                self.list_block(block, spec, indent + 2);
            }
            return;
        }
        // Several blocks of one name are one map only where all their names differ: `locals`.
        let is_empty = blocks.iter().all(|block| block.body.items.is_empty());
        for block in blocks {
            self.before(block.head.start, indent);
        }
        self.key(name, indent);
        let beside = blocks
            .iter()
            .find_map(|block| self.comments.beside(block.head.start));
        if is_empty {
            self.text.push_str(" {}");
        }
        self.end_line(beside);
        for block in blocks {
            self.body(&block.body, spec.body, indent + 2);
        }
    }

    fn list_block(&mut self, block: &Block, spec: &'static BlockSpec, indent: usize) {
        self.before(block.head.start, indent);
        let first = block.body.items.first().map(|item| match item {
            Item::Attribute(attribute) => attribute.name.span.start,
            Item::Block(block) => block.head.start,
        });
        if let Some(comment) = self.comments.beside(block.head.start) {
            self.pad(indent);
            self.text.push_str(&sign(&comment));
            self.text.push('\n');
        }
        let Some(first) = first else {
            self.pad(indent);
            self.text.push_str("- {}\n");
            return;
        };
        self.before(first, indent);
        let from = self.text.len();
        self.body(&block.body, spec.body, indent + 2);
        self.dash(from, indent);
    }

    /// Makes what was written from an offset on, two columns deeper, an element of a list.
    fn dash(&mut self, from: usize, indent: usize) {
        self.text
            .replace_range(from + indent..from + indent + 2, "- ");
    }

    /// Writes what follows a key; `start` is where the key begins.
    fn value(&mut self, value: &Expr, form: Form, (start, indent): (u32, usize)) {
        let beside = self.comments.beside(start);
        if let ExprKind::Object(items) = &value.kind
            && items.iter().all(|item| item.key.literal().is_some())
            && !items.is_empty()
        {
            self.end_line(beside);
            items
                .iter()
                .for_each(|item| self.item(item, form, indent + 2));
            return;
        }
        if let ExprKind::Tuple(elements) = &value.kind
            && self.over_lines(value, elements, form)
        {
            self.end_line(beside);
            elements
                .iter()
                .for_each(|element| self.element(element, form, indent + 2));
            return;
        }
        self.text.push(' ');
        self.scalar(value, form, (beside, indent));
    }

    fn item(&mut self, item: &ObjectItem, form: Form, indent: usize) {
        let start = item.key.span.start;
        self.before(start, indent);
        let key = item
            .key
            .literal()
            .and_then(|key| key.as_str())
            .unwrap_or_default();
        self.key(key, indent);
        self.value(&item.value, form, (start, indent));
    }

    fn element(&mut self, element: &Expr, form: Form, indent: usize) {
        let start = element.span.start;
        self.before(start, indent);
        let beside = self.comments.beside(start);
        let from = self.text.len();
        if let ExprKind::Object(items) = &element.kind
            && items.iter().all(|item| item.key.literal().is_some())
            && !items.is_empty()
        {
            if let Some(comment) = beside {
                self.pad(indent);
                self.text.push_str(&sign(&comment));
                self.text.push('\n');
            }
            self.before(items[0].key.span.start, indent);
            let from = self.text.len();
            items
                .iter()
                .for_each(|item| self.item(item, form, indent + 2));
            self.dash(from, indent);
            return;
        }
        if let ExprKind::Tuple(elements) = &element.kind
            && self.over_lines(element, elements, form)
        {
            elements
                .iter()
                .for_each(|inner| self.element(inner, form, indent + 2));
            self.dash(from, indent);
            return;
        }
        self.pad(indent);
        self.text.push_str("- ");
        self.scalar(element, form, (beside, indent));
    }

    fn scalar(&mut self, value: &Expr, form: Form, (beside, indent): (Option<String>, usize)) {
        let text = text(value, form);
        let block = text.as_deref().and_then(yaml_text::block);
        if let Some((head, lines)) = block {
            self.text.push_str(head);
            self.end_line(beside);
            for line in lines {
                if !line.is_empty() {
                    self.pad(indent + 2);
                    self.text.push_str(line);
                }
                self.text.push('\n');
            }
            return;
        }
        let written = inline(value, form, false);
        self.text.push_str(&written);
        let inner = self.comments.within(value.span.start, value.span.end);
        self.end_line(beside);
        for comment in inner {
            self.pad(indent);
            self.text.push_str(&sign(&comment));
            self.text.push('\n');
        }
    }

    /// Whether a list is written over lines: one with maps, comments or line breaks in it, or a long one.
    fn over_lines(&self, list: &Expr, elements: &[Expr], form: Form) -> bool {
        let nested = elements.iter().any(|element| {
            if let ExprKind::Tuple(inner) = &element.kind {
                return self.over_lines(element, inner, form);
            }
            let is_map = matches!(&element.kind, ExprKind::Object(items) if !items.is_empty());
            is_map || text(element, form).is_some_and(|text| text.contains('\n'))
        });
        nested
            || inline(list, form, false).chars().count() > LONG
            || self.comments.any_within(list.span.start, list.span.end)
    }
}

/// The text that a value is in YAML; `None` for what is no text there.
fn text(value: &Expr, form: Form) -> Option<String> {
    if form.is_reference() {
        return Some(print::expression(value));
    }
    let mut text = String::new();
    let mut escape = |text: &mut String, c: char| text.push(c);
    if let ExprKind::Template(parts) = &value.kind {
        print::template(&mut text, parts, &mut escape);
        return Some(text);
    }
    if let Some(string) = value.literal().and_then(|value| value.as_str()) {
        print::template(&mut text, &[TemplatePart::Text(string.into())], &mut escape);
        return Some(text);
    }
    let is_plain = value.literal().is_some() || matches!(&value.kind, ExprKind::WrittenNumber(_));
    (!is_plain).then(|| format!("${{{}}}", print::expression(value)))
}

/// A value on one line.
fn inline(value: &Expr, form: Form, in_brackets: bool) -> String {
    if let ExprKind::Tuple(elements) = &value.kind {
        let elements: Vec<String> = elements
            .iter()
            .map(|element| inline(element, form, true))
            .collect();
        return format!("[{}]", elements.join(", "));
    }
    if let ExprKind::Object(items) = &value.kind
        && items.is_empty()
    {
        return "{}".to_owned();
    }
    match text(value, form) {
        Some(text) => yaml_text::inline(&text, in_brackets),
        None => print::expression(value),
    }
}
