//! The layout of HCL: two spaces for each level, one space around signs, `=` and comments of neighbouring lines in
//! columns.

use std::fmt::Write as _;

use strata_model::Diagnostics;

use crate::hcl;
use crate::place::Place;

use super::tokens::{Kind, Token, tokens};

/// Lays valid text out.
pub(super) fn format(text: &str, place: Place<'_>) -> Result<String, Diagnostics> {
    let (_, faults) = hcl::read(text, place);
    if !faults.is_empty() {
        return Err(faults.into_iter().collect());
    }
    let mut lines = lines(&tokens(text));
    align(
        &mut lines,
        |line| line.code_before_sign(),
        |line, width| {
            line.sign_column = width;
        },
    );
    align(&mut lines, Line::code_before_comment, |line, width| {
        line.comment_column = width;
    });
    Ok(write(&lines))
}

/// A line, laid out but for its columns.
#[derive(Debug, Default)]
struct Line {
    indent: usize,
    /// What stands before the `=` of an attribute, and all else before the comment.
    lead: String,
    /// The `=` and what follows.
    value: Option<String>,
    comment: Option<String>,
    /// Whether it ends in another line than it begins: its sign stands in no column then.
    opens: bool,
    /// The width that `lead` is brought to.
    sign_column: usize,
    /// The width that the code is brought to before the comment.
    comment_column: usize,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.lead.is_empty() && self.value.is_none() && self.comment.is_none()
    }

    /// The width before the sign, where the line has one that stands in a column.
    fn code_before_sign(&self) -> Option<usize> {
        (self.value.is_some() && !self.opens).then(|| width(&self.lead))
    }

    /// The width before the comment, where code and comment stand on the line.
    fn code_before_comment(&self) -> Option<usize> {
        (self.comment.is_some() && !self.lead.is_empty()).then(|| width(&self.code()))
    }

    fn code(&self) -> String {
        let mut code = self.lead.clone();
        if let Some(value) = &self.value {
            while width(&code) < self.sign_column {
                code.push(' ');
            }
            code.push(' ');
            code.push_str(value);
        }
        code
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Brings runs of neighbouring lines of the same indentation to the width of the widest.
fn align(
    lines: &mut [Line],
    width_of: impl Fn(&Line) -> Option<usize>,
    mut set: impl FnMut(&mut Line, usize),
) {
    let mut start = 0;
    while start < lines.len() {
        let indent = lines[start].indent;
        let mut end = start;
        let mut widest = 0;
        while let Some(line) = lines.get(end) {
            match width_of(line) {
                Some(width) if line.indent == indent => widest = widest.max(width),
                Some(_) | None => break,
            }
            end += 1;
        }
        lines[start..end]
            .iter_mut()
            .for_each(|line| set(line, widest));
        start = end.max(start + 1);
    }
}

fn write(lines: &[Line]) -> String {
    let mut text = String::new();
    let last = lines.iter().rposition(|line| !line.is_blank());
    let first = lines.iter().position(|line| !line.is_blank()).unwrap_or(0);
    for line in &lines[first..last.map_or(first, |last| last + 1)] {
        let mut code = line.code();
        if let Some(comment) = &line.comment {
            if !code.is_empty() {
                while width(&code) < line.comment_column {
                    code.push(' ');
                }
                code.push(' ');
            }
            code.push_str(comment);
        }
        if !code.is_empty() {
            // A String takes everything.
            let _written = write!(text, "{:indent$}{code}", "", indent = line.indent * 2);
        }
        text.push('\n');
    }
    text
}

/// Lays tokens out in lines.
fn lines(tokens: &[Token<'_>]) -> Vec<Line> {
    let mut layout = Layout::default();
    let mut found = Vec::new();
    for line in tokens.split(|token| token.kind == Kind::Newline) {
        found.push(layout.line(line));
    }
    found
}

#[derive(Default)]
struct Layout {
    /// For each open bracket, how far lines inside it are indented, and the bracket.
    open: Vec<(usize, u8)>,
}

impl Layout {
    fn line(&mut self, tokens: &[Token<'_>]) -> Line {
        let leading = tokens
            .iter()
            .take_while(|token| token.kind == Kind::Close)
            .count();
        let mut line = Line {
            indent: self.close(leading),
            ..Line::default()
        };
        let at_depth = self.open.len();
        let is_attribute = is_attribute(tokens);
        let mut previous: Option<(Token<'_>, bool)> = None;
        for (index, token) in tokens.iter().enumerate() {
            if token.kind == Kind::LineComment {
                line.comment = Some(token.text.to_owned());
                continue;
            }
            let is_sign = is_attribute && index == 1;
            if is_sign {
                line.value = Some(String::new());
            }
            let is_unary = is_unary(token, previous.map(|(token, _)| token));
            let space = !is_sign
                && previous.is_some_and(|previous| self.space(previous, (*token, is_unary)));
            let code = line.value.as_mut().unwrap_or(&mut line.lead);
            if space {
                code.push(' ');
            }
            code.push_str(token.text);
            match token.kind {
                Kind::Open => self.open.push((line.indent + 1, token.text.as_bytes()[0])),
                Kind::Close if index >= leading => {
                    self.open.pop();
                }
                Kind::Close
                | Kind::Operand
                | Kind::Assign
                | Kind::Operator
                | Kind::Joint
                | Kind::Comma
                | Kind::LineComment
                | Kind::Comment
                | Kind::Newline => {}
            }
            previous = Some((*token, is_unary));
        }
        let is_long = tokens.iter().any(|token| token.text.contains('\n'));
        line.opens = self.open.len() > at_depth || is_long;
        line
    }

    /// Closes the brackets that a line begins with, and gives the line's indentation: that of the line on which the
    /// last of them opened. Brackets that open on one line indent once.
    fn close(&mut self, leading: usize) -> usize {
        let mut indent = self.open.last().map_or(0, |(inside, _)| *inside);
        for _ in 0..leading {
            if let Some((inside, _)) = self.open.pop() {
                indent = inside - 1;
            }
        }
        indent
    }

    /// Whether a space stands between two tokens of a line.
    fn space(
        &self,
        (before, before_is_unary): (Token<'_>, bool),
        (after, _): (Token<'_>, bool),
    ) -> bool {
        match (before.kind, after.kind) {
            // `...` ends what it follows, and nothing else joins two things.
            (Kind::Joint, _) if before.text == "..." => {
                after.kind == Kind::Operand || after.text == "}"
            }
            (_, Kind::Comma | Kind::Joint) | (Kind::Joint, _) => false,
            (Kind::Open, Kind::Close) => false,
            (Kind::Open, _) => before.text == "{",
            (_, Kind::Close) => after.text == "}",
            (Kind::Operator, _) if before_is_unary => false,
            (Kind::Operand | Kind::Close, Kind::Open) => self.space_before_bracket(before, after),
            (
                Kind::Operand
                | Kind::Close
                | Kind::Comma
                | Kind::Assign
                | Kind::Operator
                | Kind::LineComment
                | Kind::Comment
                | Kind::Newline,
                _,
            ) => true,
        }
    }

    /// `f(x)` and `a[0]` have none; `"label" {`, `in [` and `if (` have one.
    fn space_before_bracket(&self, before: Token<'_>, after: Token<'_>) -> bool {
        let in_for = self
            .open
            .last()
            .is_some_and(|(_, bracket)| matches!(bracket, b'[' | b'{'));
        let is_keyword = in_for && after.spaced && matches!(before.text, "in" | "if");
        after.text == "{" || is_keyword
    }
}

/// Whether a line begins with `name =` or `"key" =`.
fn is_attribute(tokens: &[Token<'_>]) -> bool {
    matches!(
        tokens,
        [
            Token {
                kind: Kind::Operand,
                ..
            },
            Token {
                kind: Kind::Assign,
                ..
            },
            ..
        ]
    )
}

/// Whether a sign stands before its only operand.
fn is_unary(token: &Token<'_>, previous: Option<Token<'_>>) -> bool {
    let after_operand =
        previous.is_some_and(|previous| matches!(previous.kind, Kind::Operand | Kind::Close));
    token.text == "!" || (token.text == "-" && !after_operand)
}
