//! Single expressions and templates, for the console, variables on the command line and template files.

use strata_model::{Diagnostic, FileId};

use crate::expression::Expr;
use crate::hcl;
use crate::place::Place;
use crate::template;

/// Reads an expression that stands in a file at an offset, with white space and comments around it.
///
/// # Errors
///
/// The first thing that is wrong with it, with its place in the file.
pub fn expression(text: &str, file: FileId, offset: usize) -> Result<Expr, Box<Diagnostic>> {
    expression_at(text, Place::At { file, offset })
}

/// Reads a template, the text of a template file or of a YAML string, that stands in a file at an offset. Text in
/// which nothing is to be filled in becomes a literal.
///
/// # Errors
///
/// The first thing that is wrong with it, with its place in the file.
pub fn template(text: &str, file: FileId, offset: usize) -> Result<Expr, Box<Diagnostic>> {
    template_at(text, Place::At { file, offset })
}

pub(crate) fn expression_at(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    hcl::read_expression(text, place)
}

pub(crate) fn template_at(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    Ok(Expr {
        kind: template::expression_kind(template::read(text, place)?),
        span: place.span(0..text.len()),
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
pub(crate) mod tests;
