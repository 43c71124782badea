//! Templates: text with `${…}` and `%{…}`, in YAML strings, heredocs and template files.
//!
//! The literal text is ours to read; what stands in the braces goes to the expression parser.

use std::ops::Range;
use std::sync::Arc;

use strata_model::{Diagnostic, Name, Value};

use crate::codes;
use crate::expression::{Expr, ExprKind, TemplatePart};
use crate::hcl::{fault_diagnostic, scan};
use crate::parse;
use crate::place::Place;

/// How the literal text of a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Between double quotes in HCL: backslashes escape, lines do not end.
    Quoted,
    /// As it is: YAML strings and template files.
    Bare,
    /// A heredoc: as it is, and with `dedent` (`<<-`) without the indentation that all lines share.
    Heredoc {
        /// Whether indentation is taken away.
        dedent: bool,
    },
}

#[derive(Debug)]
enum Token {
    /// One line, or the rest of one.
    Text(String),
    Interpolation(Range<usize>),
    Directive(Range<usize>),
}

/// The expression that a template is: text where nothing is to be filled in.
pub(crate) fn expression_kind(mut parts: Vec<TemplatePart>) -> ExprKind {
    match parts.as_mut_slice() {
        [] => ExprKind::Literal(Value::string("")),
        [TemplatePart::Text(text)] => ExprKind::Literal(Value::string(text.clone())),
        _ => ExprKind::Template(parts),
    }
}

/// Reads a template.
pub(crate) fn parts(
    text: &str,
    place: Place<'_>,
    style: Style,
) -> Result<Vec<TemplatePart>, Box<Diagnostic>> {
    let mut tokens = Tokenizer::new(text, place, style).run()?;
    if style == (Style::Heredoc { dedent: true }) {
        dedent(&mut tokens);
    }
    let mut builder = Builder {
        text,
        place,
        tokens: tokens.into_iter(),
        depth: 0,
    };
    let (parts, end) = builder.sequence()?;
    match end {
        None => Ok(parts),
        Some((_, at)) => Err(Box::new(
            codes::TEMPLATE
                .error("This directive closes nothing that is open.")
                .at(place.span(at)),
        )),
    }
}

/// Whether text is more than its own characters in a template.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains("${") && !text.contains("%{")
}

struct Tokenizer<'a> {
    text: &'a str,
    place: Place<'a>,
    style: Style,
    tokens: Vec<Token>,
    literal: String,
    /// Whether a literal follows the opener that was met last, which `~` would strip.
    strip_next: bool,
}

impl<'a> Tokenizer<'a> {
    fn new(text: &'a str, place: Place<'a>, style: Style) -> Self {
        Tokenizer {
            text,
            place,
            style,
            tokens: Vec::new(),
            literal: String::new(),
            strip_next: false,
        }
    }

    fn run(mut self) -> Result<Vec<Token>, Box<Diagnostic>> {
        let mut at = 0;
        while let Some(c) = self.text[at..].chars().next() {
            let rest = &self.text[at..];
            at = if rest.starts_with("$${") || rest.starts_with("%%{") {
                self.literal.push_str(&rest[1..3]);
                at + 3
            } else if rest.starts_with("${") || rest.starts_with("%{") {
                self.sequence(at)?
            } else {
                self.character(at, c)?
            };
        }
        self.end_literal();
        Ok(self.tokens)
    }

    fn character(&mut self, at: usize, c: char) -> Result<usize, Box<Diagnostic>> {
        let after = at + c.len_utf8();
        match (self.style, c) {
            (Style::Quoted, '\\') => return self.escape(at),
            (Style::Quoted, '\n' | '"') => {
                let detail = "Quoted text ends on the line on which it begins, with the first quote \
                              that no backslash precedes.";
                return Err(self.error(detail, at..after));
            }
            (Style::Bare | Style::Heredoc { .. }, '\r') if self.text[after..].starts_with('\n') => {
            }
            (Style::Bare | Style::Heredoc { .. }, '\n') => {
                self.literal.push('\n');
                self.end_literal();
            }
            (Style::Quoted | Style::Bare | Style::Heredoc { .. }, c) => self.literal.push(c),
        }
        Ok(after)
    }

    fn escape(&mut self, at: usize) -> Result<usize, Box<Diagnostic>> {
        let rest = &self.text[at + 1..];
        let digits = |count: usize| {
            let text = rest.get(1..=count)?;
            text.bytes()
                .all(|byte| byte.is_ascii_hexdigit())
                .then(|| u32::from_str_radix(text, 16).ok())
                .flatten()
                .and_then(char::from_u32)
                .map(|c| (c, count + 1))
        };
        let escaped = match rest.chars().next() {
            Some('n') => Some(('\n', 1)),
            Some('r') => Some(('\r', 1)),
            Some('t') => Some(('\t', 1)),
            Some('"') => Some(('"', 1)),
            Some('\\') => Some(('\\', 1)),
            Some('u') => digits(4),
            Some('U') => digits(8),
            Some(_) | None => None,
        };
        let Some((c, length)) = escaped else {
            let end = at + 1 + rest.chars().next().map_or(0, char::len_utf8);
            let detail = "Escapes are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN.";
            return Err(self.error(detail, at..end));
        };
        self.literal.push(c);
        Ok(at + 1 + length)
    }

    /// Takes `${…}` or `%{…}`.
    fn sequence(&mut self, at: usize) -> Result<usize, Box<Diagnostic>> {
        let close = scan::closing_brace(self.text, at + 2)
            .map_err(|fault| Box::new(fault_diagnostic(fault, self.place)))?;
        let Some(close) = close else {
            let detail = "The brace that opens here is not closed. Write $${ or %%{ where the text \
                          itself is meant.";
            return Err(self.error(detail, at..at + 2));
        };
        let mut inner = at + 2..close;
        let strip_before = self.text[inner.clone()].starts_with('~');
        if strip_before {
            inner.start += 1;
        }
        let strip_after = self.text[inner.clone()].ends_with('~');
        if strip_after {
            inner.end -= 1;
        }
        if strip_before {
            self.strip_before();
        }
        self.end_literal();
        self.strip_next = strip_after;
        self.tokens.push(if self.text[at..].starts_with('$') {
            Token::Interpolation(inner)
        } else {
            Token::Directive(inner)
        });
        Ok(close + 1)
    }

    /// Strips white space from what stands directly before: the rest of the line, or else the line before.
    fn strip_before(&mut self) {
        if !self.literal.is_empty() {
            let kept = self.literal.trim_end().len();
            self.literal.truncate(kept);
        } else if let Some(Token::Text(line)) = self.tokens.last_mut() {
            let kept = line.trim_end().len();
            line.truncate(kept);
        }
    }

    /// Ends the literal that is being gathered; called at the end of each line, too, because `~` reaches no farther.
    fn end_literal(&mut self) {
        let mut text = std::mem::take(&mut self.literal);
        if std::mem::take(&mut self.strip_next) {
            text = text.trim_start().to_owned();
        }
        if !text.is_empty() {
            self.tokens.push(Token::Text(text));
        }
    }

    fn error(&self, detail: &str, range: Range<usize>) -> Box<Diagnostic> {
        Box::new(codes::TEMPLATE.error(detail).at(self.place.span(range)))
    }
}

/// Takes away the indentation that all lines share. Blank lines do not count; a line that begins with a sequence has
/// none.
fn dedent(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut line_starts = Vec::new();
    let mut at_line_start = true;
    for (index, token) in tokens.iter().enumerate() {
        let text = match token {
            Token::Text(text) => Some(text.as_str()),
            Token::Interpolation(_) | Token::Directive(_) => None,
        };
        if at_line_start {
            let text = text.unwrap_or_default();
            let blank = text.trim_start().is_empty() && text.ends_with('\n');
            if !blank {
                let spaces = text.chars().take_while(|c| c.is_whitespace()).count();
                least = least.min(spaces);
                line_starts.push(index);
            }
        }
        at_line_start = text.is_some_and(|text| text.ends_with('\n'));
    }
    for index in line_starts {
        if let Token::Text(text) = &mut tokens[index] {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// What may end a sequence of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Else,
    EndIf,
    EndFor,
}

struct Builder<'a> {
    text: &'a str,
    place: Place<'a>,
    tokens: std::vec::IntoIter<Token>,
    depth: usize,
}

type Ended = Option<(End, Range<usize>)>;

impl Builder<'_> {
    /// Gathers parts up to the directive that ends them, or the end of the text.
    fn sequence(&mut self) -> Result<(Vec<TemplatePart>, Ended), Box<Diagnostic>> {
        let mut parts: Vec<TemplatePart> = Vec::new();
        let mut literal = String::new();
        let mut ended = None;
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Text(text) => literal.push_str(&text),
                Token::Interpolation(range) => {
                    flush(&mut literal, &mut parts);
                    let expression = self.expression(range)?;
                    parts.push(TemplatePart::Interpolation(expression));
                }
                Token::Directive(range) => {
                    flush(&mut literal, &mut parts);
                    match self.directive(range.clone())? {
                        Directive::Part(part) => parts.push(part),
                        Directive::End(end) => {
                            ended = Some((end, range));
                            break;
                        }
                    }
                }
            }
        }
        flush(&mut literal, &mut parts);
        Ok((parts, ended))
    }

    fn directive(&mut self, range: Range<usize>) -> Result<Directive, Box<Diagnostic>> {
        let inside = &self.text[range.clone()];
        let trimmed = inside.trim_start();
        let length = trimmed
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(trimmed.len());
        let (word, rest) = trimmed.split_at(length);
        let rest_range = range.end - rest.len()..range.end;
        let end = match word {
            "if" => return self.if_directive(range, rest_range).map(Directive::Part),
            "for" => return self.for_directive(range, rest_range).map(Directive::Part),
            "else" => End::Else,
            "endif" => End::EndIf,
            "endfor" => End::EndFor,
            _ => {
                let detail = "A directive is one of if, else, endif, for and endfor.";
                return Err(self.error(detail, range));
            }
        };
        if !rest.trim().is_empty() {
            return Err(self.error("Nothing may follow the word here.", rest_range));
        }
        Ok(Directive::End(end))
    }

    fn if_directive(
        &mut self,
        at: Range<usize>,
        condition: Range<usize>,
    ) -> Result<TemplatePart, Box<Diagnostic>> {
        let condition = self.expression(condition)?;
        let (then, mut end) = self.nested(&at)?;
        let mut otherwise = Vec::new();
        if matches!(end, Some((End::Else, _))) {
            (otherwise, end) = self.nested(&at)?;
        }
        self.expect(End::EndIf, end, at)?;
        Ok(TemplatePart::If {
            condition,
            then,
            otherwise,
        })
    }

    fn for_directive(
        &mut self,
        at: Range<usize>,
        head: Range<usize>,
    ) -> Result<TemplatePart, Box<Diagnostic>> {
        let (key, value, collection) = self.for_head(head)?;
        let collection = self.expression(collection)?;
        let (body, end) = self.nested(&at)?;
        self.expect(End::EndFor, end, at)?;
        Ok(TemplatePart::For {
            key,
            value,
            collection,
            body,
        })
    }

    /// Reads `k, v in collection`: the names, and where the collection stands.
    fn for_head(
        &self,
        head: Range<usize>,
    ) -> Result<(Option<Name>, Name, Range<usize>), Box<Diagnostic>> {
        let text = &self.text[head.clone()];
        let invalid = || {
            self.error(
                "Write %{ for NAME in EXPRESSION } or %{ for KEY, NAME in EXPRESSION }.",
                head.clone(),
            )
        };
        let (first, rest) = take_name(text).ok_or_else(invalid)?;
        let (second, rest) = match rest.trim_start().strip_prefix(',') {
            Some(rest) => take_name(rest)
                .map(|(name, rest)| (Some(name), rest))
                .ok_or_else(invalid)?,
            None => (None, rest),
        };
        let (word, rest) = take_name(rest).ok_or_else(invalid)?;
        if word != "in" {
            return Err(invalid());
        }
        let collection = head.end - rest.len()..head.end;
        Ok(match second {
            Some(second) => (Some(Arc::from(first)), Arc::from(second), collection),
            None => (None, Arc::from(first), collection),
        })
    }

    fn nested(&mut self, at: &Range<usize>) -> Result<(Vec<TemplatePart>, Ended), Box<Diagnostic>> {
        self.depth += 1;
        if self.depth > scan::MAX_DEPTH {
            let detail = format!("Directives nest at most {} levels deep.", scan::MAX_DEPTH);
            return Err(Box::new(
                codes::NESTING.error(detail).at(self.place.span(at.clone())),
            ));
        }
        let result = self.sequence();
        self.depth -= 1;
        result
    }

    fn expect(&self, wanted: End, found: Ended, at: Range<usize>) -> Result<(), Box<Diagnostic>> {
        match found {
            Some((end, _)) if end == wanted => Ok(()),
            Some((_, found)) => {
                let diagnostic =
                    self.error("This directive does not fit the one that is open.", found);
                Err(Box::new(
                    diagnostic.label(self.place.span(at), "opened here"),
                ))
            }
            None => Err(self.error("This directive is never closed.", at)),
        }
    }

    fn expression(&self, range: Range<usize>) -> Result<Expr, Box<Diagnostic>> {
        if self.text[range.clone()].trim().is_empty() {
            return Err(self.error("An expression is missing here.", range));
        }
        parse::expression_at(&self.text[range.clone()], self.place.from(range.start))
    }

    fn error(&self, detail: &str, range: Range<usize>) -> Box<Diagnostic> {
        Box::new(codes::TEMPLATE.error(detail).at(self.place.span(range)))
    }
}

enum Directive {
    Part(TemplatePart),
    End(End),
}

fn take_name(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
        .unwrap_or(text.len());
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
        .then(|| text.split_at(end))
}

fn flush(literal: &mut String, parts: &mut Vec<TemplatePart>) {
    if !literal.is_empty() {
        parts.push(TemplatePart::Text(literal.as_str().into()));
        literal.clear();
    }
}
