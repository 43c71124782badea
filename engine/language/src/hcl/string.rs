//! Quoted templates and heredocs.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::template::{Element, HeredocTemplate, StringTemplate, Template};
use strata_model::Value;

use crate::expression::{ExprKind, TemplatePart};
use crate::template::{self, Style};

use super::expression::Lowering;

impl Lowering<'_> {
    /// Lowers `"…${x}…"`, which stands at the range with its quotes.
    pub(super) fn quoted_template(
        &mut self,
        template: &StringTemplate,
        range: Range<usize>,
    ) -> ExprKind {
        let directives = template
            .iter()
            .any(|element| matches!(element, Element::Directive(_)));
        if directives {
            // The parser takes what stands inside directives as it is, escapes and all.
            let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
            return self.scanned(inside, Style::Quoted);
        }
        ExprKind::Template(self.elements(template))
    }

    fn elements(&mut self, template: &Template) -> Vec<TemplatePart> {
        let mut parts: Vec<TemplatePart> = Vec::with_capacity(template.len());
        let mut strip_next = false;
        for element in template {
            match element {
                Element::Literal(literal) => {
                    self.refuse_newline(literal.span().unwrap_or_default());
                    let text = literal.as_str();
                    let text = if strip_next { text.trim_start() } else { text };
                    strip_next = false;
                    parts.push(TemplatePart::Text(Arc::from(text)));
                }
                Element::Interpolation(interpolation) => {
                    if interpolation.strip.strip_start() {
                        strip_last(&mut parts);
                    }
                    strip_next = interpolation.strip.strip_end();
                    let expression = self.expression(&interpolation.expr);
                    parts.push(TemplatePart::Interpolation(expression));
                }
                // A template with directives does not come here.
                Element::Directive(_) => {}
            }
        }
        parts
    }

    /// Lowers `<<EOT … EOT`, which stands at the range.
    pub(super) fn heredoc(&mut self, heredoc: &HeredocTemplate, range: Range<usize>) -> ExprKind {
        let source = &self.text[range.clone()];
        let body_start = source.find('\n').map_or(source.len(), |at| at + 1);
        let body_end = source.rfind('\n').map_or(body_start, |at| at + 1);
        let indented = source.starts_with("<<-");
        debug_assert!(source.ends_with(heredoc.delimiter.as_str()));
        let inside = range.start + body_start..range.start + body_end.max(body_start);
        self.scanned(inside, Style::Heredoc { dedent: indented })
    }

    fn scanned(&mut self, inside: Range<usize>, style: Style) -> ExprKind {
        let place = self.place.from(inside.start);
        match template::parts(&self.text[inside], place, style) {
            Ok(parts) => template::expression_kind(parts),
            Err(diagnostic) => {
                self.report(*diagnostic);
                ExprKind::Literal(Value::string(""))
            }
        }
    }
}

fn strip_last(parts: &mut [TemplatePart]) {
    if let Some(TemplatePart::Text(text)) = parts.last_mut() {
        *text = Arc::from(text.trim_end());
    }
}
