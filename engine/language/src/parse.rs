//! Single expressions and templates, for the console, variables on the command line and template files.

use std::sync::Arc;

use strata_model::{Diagnostic, FileId};

use crate::codes;
use crate::expression::{Expr, ExprKind, Spanned};
use crate::hcl::expression::Lowering;
use crate::hcl::{fault_diagnostic, scan, syntax_diagnostic};
use crate::place::Place;
use crate::template::{self, Style};

/// Reads an expression that stands in a file at an offset.
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

pub(crate) fn template_at(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    Ok(Expr {
        kind: template::expression_kind(template::parts(text, place, Style::Bare)?),
        span: place.span(0..text.len()),
    })
}

pub(crate) fn expression_at(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    let trimmed = text.trim_start();
    let place = place.from(text.len() - trimmed.len());
    let trimmed = trimmed.trim_end();
    if let Some(expression) = plain_reference(trimmed, place) {
        return Ok(expression);
    }
    scan::check(trimmed).map_err(|fault| Box::new(fault_diagnostic(fault, place)))?;
    if trimmed.is_empty() {
        return Err(Box::new(
            codes::HCL_SYNTAX
                .error("An expression is missing here.")
                .at(place.span(0..0)),
        ));
    }
    if !trimmed.contains(['\n', '#', '/']) {
        return parse_line(trimmed, place);
    }
    // Within parentheses an expression may go on over lines, and comments may stand around it.
    parse_line(&format!("({trimmed}\n)"), place.before())
}

fn parse_line(text: &str, place: Place<'_>) -> Result<Expr, Box<Diagnostic>> {
    let parsed = hcl_edit::parser::parse_expr(text)
        .map_err(|error| Box::new(syntax_diagnostic(&error, text, place)))?;
    let mut lowering = Lowering::new(text, place);
    let expression = lowering.expression(&parsed);
    match lowering.into_diagnostics().into_iter().next() {
        Some(diagnostic) => Err(Box::new(diagnostic)),
        None => Ok(expression),
    }
}

/// Reads names with dots between them, which most expressions are, without the parser.
fn plain_reference(text: &str, place: Place<'_>) -> Option<Expr> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if !is_plain || matches!(text, "null" | "true" | "false") {
        return None;
    }
    let mut at = 0;
    let mut expression: Option<Expr> = None;
    for name in text.split('.') {
        if !strata_model::address::is_name(name) {
            return None;
        }
        let span = place.span(at..at + name.len());
        let whole = place.span(0..at + name.len());
        let value = Arc::from(name);
        let kind = match expression.take() {
            None if matches!(name, "null" | "true" | "false") => return None,
            None => ExprKind::Variable(value),
            Some(base) => ExprKind::Attribute(Box::new(base), Spanned { value, span }),
        };
        expression = Some(Expr { kind, span: whole });
        at += name.len() + 1;
    }
    // Longer chains are for the parser to judge.
    (text.len() < 256).then_some(expression).flatten()
}
