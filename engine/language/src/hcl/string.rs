//! Quoted text and heredocs.

use std::sync::Arc;

use strata_model::Value;

use crate::expression::ExprKind;
use crate::template::{self, Style};

use super::cursor::{Parsed, Parser};

impl<'a> Parser<'a> {
    /// Reads `"…"`.
    pub(super) fn quoted(&mut self) -> Parsed<ExprKind> {
        if let Some(text) = self.quoted_without_escapes() {
            return Ok(ExprKind::Literal(Value::string(text)));
        }
        self.at += 1;
        let parts = template::parts(self, Style::Quoted)?;
        self.expect("\"", "a closing quote")?;
        Ok(template::expression_kind(parts))
    }

    /// Takes quoted text that means what it says, as most does.
    fn quoted_without_escapes(&mut self) -> Option<&'a str> {
        let inside = &self.text[self.at + 1..];
        let bytes = inside.as_bytes();
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'{'))?;
        if bytes[end] != b'"' {
            return None;
        }
        self.at += end + 2;
        Some(&inside[..end])
    }

    /// Reads quoted text in which nothing is filled in: the label of a block.
    pub(super) fn plain_string(&mut self) -> Parsed<Arc<str>> {
        let start = self.at;
        if let ExprKind::Literal(value) = self.quoted()? {
            return Ok(Arc::from(value.as_str().unwrap_or_default()));
        }
        Err(self.error("A label is plain text.", start..self.at))
    }

    /// Reads `<<EOT … EOT`.
    pub(super) fn heredoc(&mut self) -> Parsed<ExprKind> {
        let start = self.at;
        self.at += 2;
        let dedent = self.eat("-");
        let Some((delimiter, range)) = self.identifier() else {
            return Err(self.expected("the word that ends the heredoc"));
        };
        let delimiter: &'a str = delimiter;
        if !self.eat("\n") && !self.eat("\r\n") {
            return Err(self.expected("a new line"));
        }
        let style = Style::Heredoc { dedent, delimiter };
        let parts = template::parts(self, style)?;
        let line = self.rest();
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if !line[indentation..].starts_with(delimiter) {
            let detail = format!("This heredoc is never closed: no line holds only {delimiter}.");
            return Err(self.error(&detail, start..range.end));
        }
        self.at += indentation + delimiter.len();
        Ok(template::expression_kind(parts))
    }
}
