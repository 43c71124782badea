//! HCL: text to the neutral tree.

pub(crate) mod expression;
pub(crate) mod scan;
mod string;

use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::structure::{Attribute as HclAttribute, Block as HclBlock, BlockLabel, Structure};
use strata_model::Diagnostic;

use crate::block::{Attribute, Block, Body, Item};
use crate::codes;
use crate::expression::Spanned;
use crate::place::Place;

use self::expression::Lowering;
use self::scan::Fault;

/// Reads a file. After a syntax error there is no body; all else that is wrong is found.
pub(crate) fn read(text: &str, place: Place<'_>) -> (Option<Body>, Vec<Diagnostic>) {
    if let Err(fault) = scan::check(text) {
        return (None, vec![fault_diagnostic(fault, place)]);
    }
    let parsed = match hcl_edit::parser::parse_body(text) {
        Ok(parsed) => parsed,
        Err(error) => return (None, vec![syntax_diagnostic(&error, text, place)]),
    };
    let mut lowering = Lowering::new(text, place);
    let body = lower_body(&parsed, &mut lowering);
    (Some(body), lowering.into_diagnostics())
}

fn lower_body(body: &hcl_edit::structure::Body, lowering: &mut Lowering<'_>) -> Body {
    let mut items = Vec::with_capacity(body.len());
    for structure in body {
        items.push(match structure {
            Structure::Attribute(attribute) => {
                Item::Attribute(lower_attribute(attribute, lowering))
            }
            Structure::Block(block) => Item::Block(lower_block(block, lowering)),
        });
    }
    Body {
        items,
        broken: Vec::new(),
    }
}

fn lower_attribute(attribute: &HclAttribute, lowering: &mut Lowering<'_>) -> Attribute {
    Attribute {
        name: lowering.name(&attribute.key),
        value: lowering.expression(&attribute.value),
    }
}

fn lower_block(block: &HclBlock, lowering: &mut Lowering<'_>) -> Block {
    let keyword = lowering.name(&block.ident);
    let mut head = keyword.span;
    let mut labels = Vec::with_capacity(block.labels.len());
    for label in &block.labels {
        let span = match label {
            BlockLabel::Ident(ident) => lowering.span(ident.span()),
            BlockLabel::String(text) => lowering.span(text.span()),
        };
        head = head.to(span);
        labels.push(Spanned {
            value: Arc::from(label.as_str()),
            span,
        });
    }
    Block {
        keyword,
        labels,
        body: lower_body(&block.body, lowering),
        head,
    }
}

/// What a fault of the scan means to the user.
pub(crate) fn fault_diagnostic(fault: Fault, place: Place<'_>) -> Diagnostic {
    match fault {
        Fault::TooDeep(at) => codes::NESTING
            .error(format!(
                "Nesting deeper than {} levels of brackets, blocks and interpolations is not read.",
                scan::MAX_DEPTH
            ))
            .at(place.span(at..at + 1)),
        Fault::TooManyItems(at) => codes::SIZE
            .error(format!(
                "An object may hold at most {} items; this one has more.",
                scan::MAX_ITEMS
            ))
            .at(place.span(at..at + 1)),
    }
}

/// What the parser's error means to the user.
pub(crate) fn syntax_diagnostic(
    error: &hcl_edit::parser::Error,
    text: &str,
    place: Place<'_>,
) -> Diagnostic {
    let at = error.location().offset();
    let end = text[at.min(text.len())..]
        .chars()
        .next()
        .map_or(at, |c| at + c.len_utf8());
    let span = place.span(at..end);
    let message = error.message();
    if message.contains("nested levels") || message.contains("chained binary") {
        return codes::NESTING
            .error("At most 64 nested levels and 128 chained operators are read.")
            .at(span);
    }
    if message.contains("redefined") {
        return redefined(text, at, place);
    }
    codes::HCL_SYNTAX
        .error(sentence(message, text, at))
        .at(span)
}

fn redefined(text: &str, at: usize, place: Place<'_>) -> Diagnostic {
    let key = |at: usize| {
        let rest = &text[at..];
        let end = rest.find(['=', ':']).unwrap_or(rest.len());
        rest[..end].trim_end()
    };
    let diagnostic = codes::DUPLICATE_KEY
        .error(format!("'{}' is set twice.", key(at).trim_matches('"')))
        .at(place.span(at..at + key(at).len()));
    match scan::first_key(text, at) {
        Some(first) => diagnostic.label(
            place.span(first..first + key(first).len()),
            "first set here",
        ),
        None => diagnostic,
    }
}

/// Makes the parser's terse message a sentence that says what was found, too.
fn sentence(message: &str, text: &str, at: usize) -> String {
    let found = match text[at.min(text.len())..].chars().next() {
        None => "the end of the text".to_owned(),
        Some('\n' | '\r') => "the end of the line".to_owned(),
        Some(c) => format!("'{}'", c.escape_debug()),
    };
    let expected = message
        .rsplit("expected ")
        .next()
        .filter(|text| *text != message);
    match (message.strip_prefix("invalid "), expected) {
        (Some(what), Some(expected)) => {
            let what = what.split(';').next().unwrap_or(what);
            format!("Found {found} in {what}, where {expected} should stand.")
        }
        (None, Some(expected)) => format!("Found {found} where {expected} should stand."),
        (Some(_) | None, None) => format!("Found {found}, which may not stand here."),
    }
}
