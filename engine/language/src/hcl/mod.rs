//! HCL: text to the neutral tree.
//!
//! The parser goes through the text once, builds our expressions directly and stops at the first syntax error. How
//! deep it recurses is counted, so that no input can exhaust the stack.

mod body;
mod cursor;
mod expression;
mod names;
mod object;
pub(crate) mod print;
mod string;

use strata_model::{Diagnostic, Number, Span, Value};

use crate::block::Body;
use crate::codes;
use crate::expression::{Expr, ExprKind};
use crate::place::Place;

pub(crate) use self::cursor::{Parsed, Parser};

/// How many levels of brackets, blocks, templates and conditions may nest.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many operators, attributes and indices may stand above each other in an expression.
pub(crate) const MAX_OPERATORS: usize = 128;

/// How many values a file may hold.
pub(crate) const MAX_NODES: usize = 1_000_000;

/// Reads a file. After a syntax error there is no body; all else that is wrong is found.
pub(crate) fn read(text: &str, place: Place<'_>) -> (Option<Body>, Vec<Diagnostic>) {
    let mut parser = Parser::new(text, place);
    let body = parser.file();
    let mut out = parser.into_diagnostics();
    match body {
        Ok(body) => (Some(body), out),
        Err(diagnostic) => {
            out.push(*diagnostic);
            (None, out)
        }
    }
}

/// Reads a text that is one expression, with white space and comments around it.
pub(crate) fn read_expression(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    let mut parser = Parser::new(text, place);
    let expression = parser.whole_expression()?;
    match parser.into_diagnostics().into_iter().next() {
        Some(diagnostic) => Err(Box::new(diagnostic)),
        None => Ok(expression),
    }
}

/// A number, or its text where that is not how the number is spelled.
pub(crate) fn written_number(text: &str) -> ExprKind {
    match Number::parse(text) {
        Some(number) if number.to_string() == text => ExprKind::Literal(Value::number(number)),
        Some(_) | None => ExprKind::WrittenNumber(text.into()),
    }
}

/// Says that a key is written twice.
pub(crate) fn duplicate_key(key: &str, first: Span, second: Span) -> Diagnostic {
    codes::DUPLICATE_KEY
        .error(format!("'{}' is set twice.", key.escape_debug()))
        .at(second)
        .label(first, "first set here")
}

#[cfg(test)]
mod oracle_tests;
