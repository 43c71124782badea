//! What a block says, sorted by the table.

use std::sync::Arc;

use strata_model::address::is_name;
use strata_model::{Diagnostic, Name, Span, Value};

use crate::block::{Attribute, Block, Body, Item};
use crate::codes;
use crate::definition::{Argument, Arguments};
use crate::expression::{Expr, ExprKind, Spanned};
use crate::suggest;

use super::table::{BlockSpec, BodySpec, Rest};

/// Diagnostics of one file, in the order found.
pub(super) type Out = Vec<Diagnostic>;

/// The attributes and blocks of a body, to be taken one after the other.
pub(super) struct Fields {
    /// What the body belongs to, as it is called in messages.
    what: Name,
    head: Span,
    attributes: Vec<Attribute>,
    blocks: Vec<(&'static BlockSpec, Block)>,
    rest: Vec<Argument>,
}

impl Fields {
    /// Sorts a body; reports what may not stand in it and what is missing from it.
    pub(super) fn sort(block: Block, spec: &'static BodySpec, out: &mut Out) -> Fields {
        let mut fields = Fields {
            what: block.keyword.value.clone(),
            head: block.head,
            attributes: Vec::new(),
            blocks: Vec::new(),
            rest: Vec::new(),
        };
        let broken = fields.fill(block.body, spec, out);
        for attribute in spec.attributes.iter().filter(|spec| spec.required) {
            let mut given = fields.attributes.iter().map(|given| &given.name.value);
            let is_there = given.any(|name| **name == *attribute.name);
            let is_broken = broken.iter().any(|name| **name == *attribute.name);
            if !is_there && !is_broken {
                let detail = format!("'{}' needs the argument '{}'.", fields.what, attribute.name);
                out.push(codes::MISSING_ARGUMENT.error(detail).at(fields.head));
            }
        }
        fields
    }

    /// Sorts the items; gives the names of attributes that could not be read.
    fn fill(&mut self, body: Body, spec: &'static BodySpec, out: &mut Out) -> Vec<Name> {
        for item in body.items {
            match item {
                Item::Attribute(attribute) => self.attribute(attribute, spec, out),
                Item::Block(block) => self.block(block, spec, out),
            }
        }
        body.broken
    }

    fn attribute(&mut self, attribute: Attribute, spec: &'static BodySpec, out: &mut Out) {
        let name = attribute.name.value.as_ref();
        if spec.attribute(name).is_some() {
            self.attributes.push(attribute);
        } else if let Some(block) = spec.block(name) {
            let detail = format!("'{name}' is a block, not an attribute.");
            let diagnostic = codes::BLOCK_FORM.error(detail).at(attribute.name.span);
            out.push(diagnostic.hint(format!("Write {} {{ … }} without =.", spelled(block))));
        } else if matches!(spec.rest, Rest::Arguments(_)) {
            self.rest.push(Argument {
                name: attribute.name,
                value: attribute.value,
            });
        } else {
            out.push(unknown(name, attribute.name.span, &self.what, spec));
        }
    }

    fn block(&mut self, block: Block, spec: &'static BodySpec, out: &mut Out) {
        let name = block.keyword.value.as_ref();
        if let Some(found) = spec.block(name) {
            let mut written = self.blocks.iter();
            let first = (!found.repeats).then(|| written.find(|(given, _)| given.keyword == name));
            match first.flatten() {
                Some((_, first)) => {
                    let detail = format!("'{name}' may stand only once in '{}'.", self.what);
                    let diagnostic = codes::DUPLICATE_KEY.error(detail).at(block.head);
                    out.push(diagnostic.label(first.head, "first written here"));
                }
                None => {
                    if check_labels(&block, found, out) {
                        self.blocks.push((found, block));
                    }
                }
            }
        } else if spec.attribute(name).is_some() || matches!(spec.rest, Rest::Arguments(_)) {
            let detail = format!("'{name}' is an attribute, not a block.");
            let diagnostic = codes::BLOCK_FORM.error(detail).at(block.head);
            out.push(diagnostic.hint(match inner_map(&block) {
                Some(inner) => format!(
                    "Write what stands in {inner} itself: {name} = {{ NAME = \"…\" }}, without {inner} around it."
                ),
                None => format!(
                    "Write {name} = {{ … }}; for several of them, a list: {name} = [{{ … }}, {{ … }}]."
                ),
            }));
        } else {
            out.push(unknown(name, block.keyword.span, &self.what, spec));
        }
    }

    /// The place of the block's head.
    pub(super) fn head(&self) -> Span {
        self.head
    }

    /// Takes an attribute.
    pub(super) fn take(&mut self, name: &str) -> Option<Attribute> {
        let at = self
            .attributes
            .iter()
            .position(|given| *given.name.value == *name)?;
        Some(self.attributes.swap_remove(at))
    }

    /// Takes an attribute's value.
    pub(super) fn expression(&mut self, name: &str) -> Option<Expr> {
        self.take(name).map(|attribute| attribute.value)
    }

    /// Takes an attribute that must be plain text.
    pub(super) fn text(&mut self, name: &str, out: &mut Out) -> Option<Spanned<Arc<str>>> {
        let value = self.expression(name)?;
        match plain_text(&value) {
            Some(text) => Some(Spanned {
                value: text,
                span: value.span,
            }),
            None => {
                let detail = format!("'{name}' takes plain text, not an expression.");
                out.push(codes::NOT_LITERAL.error(detail).at(value.span));
                None
            }
        }
    }

    /// Takes an attribute that must be a name.
    pub(super) fn name(&mut self, name: &str, out: &mut Out) -> Option<Spanned<Name>> {
        let text = self.text(name, out)?;
        check_name(&text.value, text.span, out).then_some(text)
    }

    /// Takes an attribute that must be `true` or `false`.
    pub(super) fn switch(&mut self, name: &str, out: &mut Out) -> Option<bool> {
        let value = self.expression(name)?;
        let plain = value.literal().and_then(Value::as_bool);
        if plain.is_none() {
            let detail = format!("'{name}' takes true or false, not an expression.");
            out.push(codes::NOT_LITERAL.error(detail).at(value.span));
        }
        plain
    }

    /// Takes the blocks of a keyword, in the order written.
    pub(super) fn blocks(&mut self, keyword: &str) -> Vec<Block> {
        if self.blocks.is_empty() {
            return Vec::new();
        }
        let (taken, kept) = std::mem::take(&mut self.blocks)
            .into_iter()
            .partition(|(spec, _)| spec.keyword == keyword);
        self.blocks = kept;
        let taken: Vec<(&BlockSpec, Block)> = taken;
        taken.into_iter().map(|(_, block)| block).collect()
    }

    /// What is left: the attributes that the table knows and nobody took, and those that it does not know.
    pub(super) fn arguments(self) -> Arguments {
        let known = self.attributes.into_iter().map(|attribute| Argument {
            name: attribute.name,
            value: attribute.value,
        });
        let mut all: Vec<Argument> = known.chain(self.rest).collect();
        all.sort_by_key(|argument| argument.name.span.start);
        Arguments(all)
    }
}

fn spelled(spec: &BlockSpec) -> String {
    let labels = spec
        .labels
        .iter()
        .map(|label| format!(" \"{}\"", label.to_uppercase()));
    std::iter::once(spec.keyword.to_owned())
        .chain(labels)
        .collect()
}

/// Says that a name has no meaning in a body.
pub(super) fn unknown(name: &str, span: Span, what: &str, spec: &BodySpec) -> Diagnostic {
    let detail = format!("'{what}' has no '{name}'.");
    let mut diagnostic = codes::UNKNOWN_NAME.error(detail).at(span);
    diagnostic.hints.extend(suggest::hint(name, spec.names()));
    diagnostic
}

/// Whether a block has the labels that it must have.
pub(super) fn check_labels(block: &Block, spec: &BlockSpec, out: &mut Out) -> bool {
    if block.labels.len() != spec.labels.len() {
        let wanted = match spec.labels {
            [] => "no labels".to_owned(),
            [one] => format!("one label, its {one}"),
            [first, rest @ ..] => format!(
                "{} labels, its {first} and {}",
                spec.labels.len(),
                rest.join(" and ")
            ),
        };
        let detail = format!("'{}' has {wanted}.", spec.keyword);
        let diagnostic = codes::LABELS.error(detail).at(block.head);
        out.push(diagnostic.hint(format!("Write {} {{ … }}.", spelled(spec))));
        return false;
    }
    block
        .labels
        .iter()
        .all(|label| check_name(&label.value, label.span, out))
}

/// Whether a text may be a name.
pub(super) fn check_name(text: &str, span: Span, out: &mut Out) -> bool {
    let valid = is_name(text);
    if !valid {
        let detail = format!(
            "'{}' is no name: names begin with a letter or _ and go on with letters, digits, _ and -.",
            text.escape_debug()
        );
        out.push(codes::INVALID_NAME.error(detail).at(span));
    }
    valid
}

/// The text of an expression that is plain text; a number is text here, as it is written.
pub(super) fn plain_text(expr: &Expr) -> Option<Arc<str>> {
    if let ExprKind::WrittenNumber(text) = &expr.kind {
        return Some(text.clone());
    }
    let value = expr.literal()?;
    let number = || value.as_number().map(|number| number.to_string().into());
    value.as_str().map(Arc::from).or_else(number)
}

/// The one map in a block that is written around it elsewhere: `default_tags { tags = { … } }` is a map of tags here.
fn inner_map(block: &Block) -> Option<&str> {
    match block.body.items.as_slice() {
        [Item::Attribute(inner)] if inner.name.value.as_ref() == "tags" => Some("tags"),
        _ => None,
    }
}
