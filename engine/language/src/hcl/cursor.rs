//! Where the parser stands: white space, comments, depth and errors.

use std::ops::Range;
use std::sync::Arc;

use strata_model::{Diagnostic, Span};

use crate::codes::{self, CodeEntry};
use crate::place::Place;

use super::names::Names;
use super::{MAX_DEPTH, MAX_NODES, MAX_OPERATORS};

/// What a step of the parser gives: the first syntax error ends it.
pub(crate) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Reads one text.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    /// Offset of the next byte.
    pub(crate) at: usize,
    place: Place<'a>,
    /// Whether line ends are white space here: inside brackets they are, between attributes they are not.
    pub(super) multiline: bool,
    depth: usize,
    /// The most operators that stand above each other in what was read at this depth.
    operators: usize,
    nodes: usize,
    /// Set for a whole file; a text of an expression or two says nothing often.
    names: Option<Box<Names>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    /// Begins at the text's first byte.
    pub(crate) fn new(text: &'a str, place: Place<'a>) -> Self {
        Parser {
            text,
            at: 0,
            place,
            multiline: false,
            depth: 0,
            operators: 0,
            nodes: 0,
            names: None,
            diagnostics: Vec::new(),
        }
    }

    /// Keeps one copy of names that come again.
    pub(super) fn share_names(&mut self) {
        self.names = Some(Box::new(Names::new()));
    }

    /// A name that was read.
    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        match &mut self.names {
            Some(names) => names.share(text),
            None => Arc::from(text),
        }
    }

    /// What was wrong apart from the syntax.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        self.place.span(range)
    }

    /// The place from an offset up to the next byte.
    pub(crate) fn span_from(&self, start: usize) -> Span {
        self.place.span(start..self.at)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn starts_with(&self, literal: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(literal.as_bytes())
    }

    /// Takes a literal where it is the next thing.
    pub(crate) fn eat(&mut self, literal: &str) -> bool {
        let found = self.starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Takes a literal that must be the next thing.
    pub(crate) fn expect(&mut self, literal: &str, what: &str) -> Parsed<()> {
        if self.eat(literal) {
            return Ok(());
        }
        Err(self.expected(what))
    }

    /// Skips spaces, comments and, where they are white space, line ends.
    pub(crate) fn skip(&mut self) -> Parsed<()> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n') if self.multiline => self.at += 1,
                Some(b'\r') if self.multiline || bytes.get(self.at + 1) != Some(&b'\n') => {
                    self.at += 1
                }
                Some(b'#') if self.multiline => self.skip_line(),
                Some(b'/') => match bytes.get(self.at + 1) {
                    Some(b'/') if self.multiline => self.skip_line(),
                    Some(b'*') => self.skip_comment()?,
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn skip_comment(&mut self) -> Parsed<()> {
        match self.text[self.at + 2..].find("*/") {
            Some(end) => {
                self.at += end + 4;
                Ok(())
            }
            None => Err(self.error("This comment is never closed.", self.at..self.at + 2)),
        }
    }

    /// Skips a comment that reaches to the end of the line, if one is next.
    pub(super) fn skip_line_comment(&mut self) {
        if self.starts_with("#") || self.starts_with("//") {
            self.skip_line();
        }
    }

    /// Runs something with line ends as white space, or not.
    pub(crate) fn with_lines<T>(
        &mut self,
        multiline: bool,
        work: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let before = std::mem::replace(&mut self.multiline, multiline);
        let result = work(self);
        self.multiline = before;
        result
    }

    /// Runs something one level deeper; `start` is where the level begins.
    pub(crate) fn nested<T>(
        &mut self,
        start: usize,
        work: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let detail = format!(
                "Nesting deeper than {MAX_DEPTH} levels of brackets, blocks, templates and conditions is not read."
            );
            let end = start + self.text[start..].chars().next().map_or(0, char::len_utf8);
            return Err(self.error_of(codes::NESTING, &detail, start..end));
        }
        self.depth += 1;
        let operators = std::mem::take(&mut self.operators);
        let result = work(self);
        self.operators = operators.max(self.operators);
        self.depth -= 1;
        result
    }

    /// Counts one more value.
    pub(super) fn count_node(&mut self) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let detail = format!("A file may hold {MAX_NODES} values; this one holds more.");
            return Err(self.error_of(codes::SIZE, &detail, self.at..self.at));
        }
        Ok(())
    }

    /// Counts operators of a chain on top of what was read at this depth.
    pub(super) fn check_operators(&self, count: usize, range: Range<usize>) -> Parsed<()> {
        if self.operators + count > MAX_OPERATORS {
            let detail = format!(
                "At most {MAX_OPERATORS} operators, attributes and indices may stand above each other in an expression."
            );
            return Err(self.error_of(codes::NESTING, &detail, range));
        }
        Ok(())
    }

    /// Adds the operators of a chain that is complete.
    pub(super) fn add_operators(&mut self, count: usize) {
        self.operators += count;
    }

    /// Says what should stand here.
    pub(crate) fn expected(&self, what: &str) -> Box<Diagnostic> {
        let next = self.rest().chars().next();
        let found = match next {
            None => "the end of the text".to_owned(),
            Some('\n' | '\r') => "the end of the line".to_owned(),
            Some(c) => format!("'{}'", c.escape_debug()),
        };
        let end = self.at + next.map_or(0, char::len_utf8);
        let mut diagnostic = self.error(
            &format!("Found {found} where {what} should stand."),
            self.at..end,
        );
        if matches!(next, Some('\'' | '“' | '”' | '‘' | '’' | '`')) {
            diagnostic
                .hints
                .push("Text stands in double quotes: \"…\".".to_owned());
        }
        diagnostic
    }

    /// A syntax error.
    pub(crate) fn error(&self, detail: &str, range: Range<usize>) -> Box<Diagnostic> {
        self.error_of(codes::HCL_SYNTAX, detail, range)
    }

    pub(crate) fn error_of(
        &self,
        code: CodeEntry,
        detail: &str,
        range: Range<usize>,
    ) -> Box<Diagnostic> {
        Box::new(code.error(detail).at(self.span(range)))
    }

    /// Takes an identifier where one is next.
    pub(crate) fn identifier(&mut self) -> Option<(&'a str, Range<usize>)> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start;
        loop {
            match bytes.get(end) {
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => end += 1,
                Some(b'0'..=b'9' | b'-') if end > start => end += 1,
                Some(0x80..) => match self.text[end..].chars().next() {
                    Some(c) if c.is_alphabetic() || (end > start && c.is_alphanumeric()) => {
                        end += c.len_utf8()
                    }
                    Some(_) | None => break,
                },
                _ => break,
            }
        }
        if end == start {
            return None;
        }
        self.at = end;
        Some((&self.text[start..end], start..end))
    }

    /// Whether a word is next, and no longer one.
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.starts_with(word)
            && !self.text[self.at + word.len()..]
                .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'))
    }
}
