//! Templates: text with `${…}` and `%{…}`, in quoted text, heredocs, YAML strings and template files.
//!
//! First the text is cut into tokens: lines of literal text, interpolations, directives. Then `~` and indentation are
//! done with, and the directives are put together.

use std::ops::Range;

use strata_model::{Diagnostic, Name, Value};

use crate::codes;
use crate::expression::{Expr, ExprKind, TemplatePart};
use crate::hcl::{MAX_DEPTH, Parsed, Parser};
use crate::place::Place;

/// How the literal text of a template is written, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style<'a> {
    /// Between double quotes: backslashes escape, and the line does not end.
    Quoted,
    /// As it is, to the end of the text: YAML strings and template files.
    Bare,
    /// As it is, to a line that holds only the delimiter.
    Heredoc {
        /// Whether the indentation that all lines share is taken away (`<<-`).
        dedent: bool,
        /// The word that ends it.
        delimiter: &'a str,
    },
}

#[derive(Debug)]
struct Token {
    kind: TokenKind,
    range: Range<usize>,
}

#[derive(Debug)]
enum TokenKind {
    /// One line, or a part of one.
    Text(String),
    Interpolation(Expr),
    If(Expr),
    Else,
    EndIf,
    For {
        key: Option<Name>,
        value: Name,
        collection: Expr,
    },
    EndFor,
}

impl TokenKind {
    fn text(&self) -> Option<&str> {
        if let TokenKind::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }
}

/// The expression that a template is: text where nothing is to be filled in.
pub(crate) fn expression_kind(mut parts: Vec<TemplatePart>) -> ExprKind {
    match parts.as_mut_slice() {
        [] => ExprKind::Literal(Value::string("")),
        [TemplatePart::Text(text)] => ExprKind::Literal(Value::string(text.clone())),
        _ => ExprKind::Template(parts),
    }
}

/// Whether text means only itself as a template.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains("${") && !text.contains("%{")
}

/// Reads a whole text as a template.
pub(crate) fn read(text: &str, place: Place<'_>) -> Result<Vec<TemplatePart>, Box<Diagnostic>> {
    let mut parser = Parser::new(text, place);
    let parts = parts(&mut parser, Style::Bare)?;
    match parser.into_diagnostics().into_iter().next() {
        Some(diagnostic) => Err(Box::new(diagnostic)),
        None => Ok(parts),
    }
}

/// Reads a template up to its end, which is left for the caller to take.
pub(crate) fn parts(parser: &mut Parser<'_>, style: Style<'_>) -> Parsed<Vec<TemplatePart>> {
    let mut tokenizer = Tokenizer {
        parser,
        style,
        tokens: Vec::new(),
        literal: String::new(),
        literal_start: 0,
        strip_next: false,
    };
    tokenizer.run()?;
    let mut tokens = tokenizer.tokens;
    if matches!(style, Style::Heredoc { dedent: true, .. }) {
        dedent(&mut tokens);
    }
    let mut builder = Builder {
        parser,
        tokens: tokens.into_iter(),
        depth: 0,
    };
    let (parts, end) = builder.sequence()?;
    match end {
        None => Ok(parts),
        Some((_, range)) => {
            Err(builder.error("This directive ends nothing that has begun.", range))
        }
    }
}

struct Tokenizer<'p, 'a, 's> {
    parser: &'p mut Parser<'a>,
    style: Style<'s>,
    tokens: Vec<Token>,
    literal: String,
    literal_start: usize,
    /// Whether the sequence that was read last ends in `~`, which strips the literal that follows at once.
    strip_next: bool,
}

impl Tokenizer<'_, '_, '_> {
    fn run(&mut self) -> Parsed<()> {
        self.literal_start = self.parser.at;
        while !self.at_end()? {
            self.piece()?;
        }
        self.end_literal();
        Ok(())
    }

    fn at_end(&self) -> Parsed<bool> {
        let Some(byte) = self.parser.peek() else {
            return match self.style {
                Style::Quoted => Err(self.parser.expected("a closing quote")),
                Style::Bare | Style::Heredoc { .. } => Ok(true),
            };
        };
        Ok(match self.style {
            Style::Quoted => byte == b'"',
            Style::Bare => false,
            Style::Heredoc { delimiter, .. } => {
                self.at_line_start() && self.at_delimiter(delimiter)
            }
        })
    }

    fn at_line_start(&self) -> bool {
        self.parser.text[..self.parser.at].ends_with('\n')
    }

    fn at_delimiter(&self, delimiter: &str) -> bool {
        let rest = self.parser.rest().trim_start_matches([' ', '\t']);
        rest.strip_prefix(delimiter).is_some_and(|after| {
            let line = after.split('\n').next().unwrap_or_default();
            line.trim_matches([' ', '\t', '\r']).is_empty()
        })
    }

    /// Takes one piece: a sequence, an escape, the end of a line, or literal text up to the next of these.
    fn piece(&mut self) -> Parsed<()> {
        let rest = self.parser.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.literal.push_str(&rest[1..3]);
            self.parser.at += 3;
            return Ok(());
        }
        if rest.starts_with("${") || rest.starts_with("%{") {
            return self.sequence();
        }
        let first = rest.as_bytes()[0];
        match (self.style, first) {
            (Style::Quoted, b'\\') => return self.escape(),
            (Style::Quoted, b'\n') => {
                let at = self.parser.at;
                let mut diagnostic = self.parser.error(
                    "Quoted text ends on the line on which it begins.",
                    at..at + 1,
                );
                diagnostic
                    .hints
                    .push("Write \\n for a line break, or use a heredoc (<<EOT).".to_owned());
                return Err(diagnostic);
            }
            (Style::Heredoc { .. }, b'\r') if rest.starts_with("\r\n") => {
                self.parser.at += 1;
                return Ok(());
            }
            (Style::Bare | Style::Heredoc { .. }, b'\n') => {
                self.literal.push('\n');
                self.parser.at += 1;
                self.end_literal();
                return Ok(());
            }
            (Style::Quoted | Style::Bare | Style::Heredoc { .. }, _) => {}
        }
        let quoted = self.style == Style::Quoted;
        let more = rest.as_bytes()[1..].iter().position(|byte| match byte {
            b'$' | b'%' | b'\n' | b'\r' => true,
            b'"' | b'\\' => quoted,
            _ => false,
        });
        let length = more.map_or(rest.len(), |more| more + 1);
        self.literal.push_str(&rest[..length]);
        self.parser.at += length;
        Ok(())
    }

    fn escape(&mut self) -> Parsed<()> {
        let at = self.parser.at;
        let rest = &self.parser.rest()[1..];
        let code = |count: usize| {
            let digits = rest.get(1..=count)?;
            let is_code = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = is_code
                .then(|| u32::from_str_radix(digits, 16).ok())
                .flatten()?;
            char::from_u32(number).map(|c| (c, count + 1))
        };
        let escaped = match rest.chars().next() {
            Some('n') => Some(('\n', 1)),
            Some('r') => Some(('\r', 1)),
            Some('t') => Some(('\t', 1)),
            Some('"') => Some(('"', 1)),
            Some('\\') => Some(('\\', 1)),
            Some('u') => code(4),
            Some('U') => code(8),
            Some(_) | None => None,
        };
        let Some((c, length)) = escaped else {
            let end = at + 1 + rest.chars().next().map_or(0, char::len_utf8);
            let detail = "The escapes are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN.";
            return Err(self.parser.error(detail, at..end));
        };
        self.literal.push(c);
        self.parser.at += 1 + length;
        Ok(())
    }

    /// Takes `${…}` or `%{…}`.
    fn sequence(&mut self) -> Parsed<()> {
        let start = self.parser.at;
        let is_directive = self.parser.peek() == Some(b'%');
        self.parser.at += 2;
        if self.parser.eat("~") {
            self.strip_before();
        }
        self.end_literal();
        let kind = self.parser.nested(start, |parser| {
            parser.with_lines(true, |parser| {
                parser.skip()?;
                let kind = if is_directive {
                    directive(parser, start)?
                } else {
                    TokenKind::Interpolation(interpolated(parser)?)
                };
                parser.skip()?;
                Ok(kind)
            })
        })?;
        self.strip_next = self.parser.eat("~");
        if !self.parser.eat("}") {
            let what = if is_directive {
                "'}'"
            } else {
                "an operator or '}'"
            };
            let mut diagnostic = self.parser.expected(what);
            diagnostic
                .hints
                .push("Where the text itself is meant, write $${ or %%{.".to_owned());
            return Err(diagnostic);
        }
        let range = start..self.parser.at;
        self.tokens.push(Token { kind, range });
        self.literal_start = self.parser.at;
        Ok(())
    }

    /// Strips white space from what stands directly before: the rest of the line, or else the line before.
    fn strip_before(&mut self) {
        if !self.literal.is_empty() {
            let kept = self.literal.trim_end().len();
            self.literal.truncate(kept);
        } else if let Some(Token {
            kind: TokenKind::Text(line),
            ..
        }) = self.tokens.last_mut()
        {
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
        let range = self.literal_start..self.parser.at;
        self.literal_start = self.parser.at;
        if !text.is_empty() {
            let kind = TokenKind::Text(text);
            self.tokens.push(Token { kind, range });
        }
    }
}

fn interpolated(parser: &mut Parser<'_>) -> Parsed<Expr> {
    if parser.peek() == Some(b'}') {
        let at = parser.at;
        return Err(parser.error_of(
            codes::TEMPLATE,
            "An expression is missing here.",
            at..at + 1,
        ));
    }
    parser.expression()
}

fn directive(parser: &mut Parser<'_>, start: usize) -> Parsed<TokenKind> {
    let word = parser.identifier().map(|(word, _)| word);
    match word {
        Some("if") => {
            parser.skip()?;
            interpolated(parser).map(TokenKind::If)
        }
        Some("for") => {
            let (key, value) = parser.for_names()?;
            Ok(TokenKind::For {
                key,
                value,
                collection: interpolated(parser)?,
            })
        }
        Some("else") => Ok(TokenKind::Else),
        Some("endif") => Ok(TokenKind::EndIf),
        Some("endfor") => Ok(TokenKind::EndFor),
        Some(_) | None => {
            let end = parser.at.max(start + 2);
            let detail = "A directive is one of if, else, endif, for and endfor.";
            Err(parser.error_of(codes::TEMPLATE, detail, start..end))
        }
    }
}

/// Takes away the indentation that all lines share. Blank lines do not count; a line that begins with a sequence has
/// none.
fn dedent(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut line_starts = Vec::new();
    let mut at_line_start = true;
    for (index, token) in tokens.iter().enumerate() {
        let text = token.kind.text();
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
        if let TokenKind::Text(text) = &mut tokens[index].kind {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// What may end a sequence of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Else,
    If,
    For,
}

type Ended = Option<(End, Range<usize>)>;

struct Builder<'p, 'a> {
    parser: &'p Parser<'a>,
    tokens: std::vec::IntoIter<Token>,
    depth: usize,
}

impl Builder<'_, '_> {
    /// Gathers parts up to the directive that ends them, or the end of the template.
    fn sequence(&mut self) -> Parsed<(Vec<TemplatePart>, Ended)> {
        let mut parts: Vec<TemplatePart> = Vec::new();
        let mut literal = String::new();
        while let Some(Token { kind, range }) = self.tokens.next() {
            let end = match kind {
                TokenKind::Text(text) => {
                    literal.push_str(&text);
                    continue;
                }
                TokenKind::Interpolation(expression) => {
                    flush(&mut literal, &mut parts);
                    parts.push(TemplatePart::Interpolation(expression));
                    continue;
                }
                TokenKind::If(condition) => {
                    flush(&mut literal, &mut parts);
                    parts.push(self.condition(condition, range)?);
                    continue;
                }
                TokenKind::For {
                    key,
                    value,
                    collection,
                } => {
                    flush(&mut literal, &mut parts);
                    let body = self.until(End::For, &range)?;
                    parts.push(TemplatePart::For {
                        key,
                        value,
                        collection,
                        body,
                    });
                    continue;
                }
                TokenKind::Else => End::Else,
                TokenKind::EndIf => End::If,
                TokenKind::EndFor => End::For,
            };
            flush(&mut literal, &mut parts);
            return Ok((parts, Some((end, range))));
        }
        flush(&mut literal, &mut parts);
        Ok((parts, None))
    }

    fn condition(&mut self, condition: Expr, range: Range<usize>) -> Parsed<TemplatePart> {
        let (then, mut end) = self.nested(&range)?;
        let mut otherwise = Vec::new();
        if matches!(end, Some((End::Else, _))) {
            (otherwise, end) = self.nested(&range)?;
        }
        self.expect(End::If, end, &range)?;
        Ok(TemplatePart::If {
            condition,
            then,
            otherwise,
        })
    }

    fn until(&mut self, wanted: End, range: &Range<usize>) -> Parsed<Vec<TemplatePart>> {
        let (parts, end) = self.nested(range)?;
        self.expect(wanted, end, range)?;
        Ok(parts)
    }

    fn nested(&mut self, range: &Range<usize>) -> Parsed<(Vec<TemplatePart>, Ended)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let detail = format!("Directives nest at most {MAX_DEPTH} levels deep.");
            return Err(self.parser.error_of(codes::NESTING, &detail, range.clone()));
        }
        let result = self.sequence();
        self.depth -= 1;
        result
    }

    fn expect(&self, wanted: End, found: Ended, opened: &Range<usize>) -> Parsed<()> {
        match found {
            Some((end, _)) if end == wanted => Ok(()),
            Some((_, range)) => {
                let diagnostic =
                    self.error("This directive does not end the one that has begun.", range);
                let opened = self.parser.span(opened.clone());
                Err(Box::new(diagnostic.label(opened, "begun here")))
            }
            None => Err(self.error("This directive is never ended.", opened.clone())),
        }
    }

    fn error(&self, detail: &str, range: Range<usize>) -> Box<Diagnostic> {
        self.parser.error_of(codes::TEMPLATE, detail, range)
    }
}

fn flush(literal: &mut String, parts: &mut Vec<TemplatePart>) {
    if !literal.is_empty() {
        parts.push(TemplatePart::Text(literal.as_str().into()));
        literal.clear();
    }
}
