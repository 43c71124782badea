//! The tokens of HCL text that is known to be valid: enough of them to lay lines out.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number, quoted text or a heredoc: what an operator may stand behind.
    Operand,
    /// `{`, `[` or `(`.
    Open,
    /// `}`, `]` or `)`.
    Close,
    /// `=`.
    Assign,
    /// An operator, `?`, `:` or `=>`.
    Operator,
    /// `.`, `...` or `::`.
    Joint,
    /// `,`.
    Comma,
    /// A comment up to the end of the line.
    LineComment,
    /// `/* … */`.
    Comment,
    /// The end of a line.
    Newline,
}

/// A token and its text, as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Offset of its first byte.
    pub(super) at: usize,
    /// Whether white space stood before it.
    pub(super) spaced: bool,
}

/// Cuts text into tokens.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let mut spaced = false;
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\r') {
            at += 1;
            spaced = true;
            continue;
        }
        let (kind, end) = token(text, at, byte);
        found.push(Token {
            kind,
            text: &text[at..end],
            at,
            spaced: std::mem::take(&mut spaced),
        });
        at = end;
    }
    found
}

fn token(text: &str, at: usize, byte: u8) -> (Kind, usize) {
    let rest = &text[at..];
    let is = |literal: &str| rest.starts_with(literal);
    if byte == b'#' || is("//") {
        return (Kind::LineComment, line_end(text, at));
    }
    if is("/*") {
        return (
            Kind::Comment,
            rest.find("*/").map_or(text.len(), |end| at + end + 2),
        );
    }
    if let Some(end) = heredoc_end(text, at) {
        return (Kind::Operand, end);
    }
    for joint in ["...", "::", "."] {
        if is(joint) {
            return (Kind::Joint, at + joint.len());
        }
    }
    for operator in ["==", "!=", "<=", ">=", "&&", "||", "=>"] {
        if is(operator) {
            return (Kind::Operator, at + 2);
        }
    }
    match byte {
        b'\n' => (Kind::Newline, at + 1),
        b'{' | b'[' | b'(' => (Kind::Open, at + 1),
        b'}' | b']' | b')' => (Kind::Close, at + 1),
        b'=' => (Kind::Assign, at + 1),
        b',' => (Kind::Comma, at + 1),
        b'"' => (Kind::Operand, quoted_end(text, at)),
        b'0'..=b'9' => (Kind::Operand, number_end(text, at)),
        b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'?' | b':' => {
            (Kind::Operator, at + 1)
        }
        _ => (Kind::Operand, name_end(text, at)),
    }
}

/// Where a comment to the end of the line ends. Only what HCL takes for space between tokens is no part of it.
fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    at + text[at..end].trim_end_matches([' ', '\t', '\r']).len()
}

fn name_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    // Whatever it is, a token is never empty.
    let least = rest.chars().next().map_or(0, char::len_utf8);
    at + end.unwrap_or(rest.len()).max(least)
}

fn number_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        let next_is_digit = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let goes_on = match byte {
            b'0'..=b'9' | b'e' | b'E' => true,
            b'.' => next_is_digit,
            b'+' | b'-' => matches!(bytes[end - 1], b'e' | b'E') && next_is_digit,
            _ => false,
        };
        if !goes_on {
            break;
        }
        end += 1;
    }
    end
}

/// Behind the quote that closes the text that opens at `at`.
fn quoted_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        let rest = &bytes[end..];
        if rest.starts_with(b"$${") || rest.starts_with(b"%%{") {
            end += 3;
        } else if rest.starts_with(b"${") || rest.starts_with(b"%{") {
            end = sequence_end(text, end + 2);
        } else if byte == b'\\' {
            end += 2;
        } else if byte == b'"' {
            return end + 1;
        } else {
            end += 1;
        }
    }
    text.len()
}

/// Behind the brace that closes the sequence whose inside begins at `at`. The text is valid, so that the recursion is
/// as deep as the parser allows.
fn sequence_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => {
                end = quoted_end(text, end);
                continue;
            }
            b'#' => end = line_end(text, end),
            b'/' if bytes[end..].starts_with(b"//") => end = line_end(text, end),
            b'/' if bytes[end..].starts_with(b"/*") => {
                end = text[end..]
                    .find("*/")
                    .map_or(text.len(), |length| end + length + 1);
            }
            b'<' => {
                if let Some(behind) = heredoc_end(text, end) {
                    end = behind;
                    continue;
                }
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' if depth == 0 => return end + 1,
            b'}' | b']' | b')' => depth -= 1,
            _ => {}
        }
        end += 1;
    }
    text.len()
}

/// Behind the delimiter that closes the heredoc that opens at `at`; `None` where none opens.
fn heredoc_end(text: &str, at: usize) -> Option<usize> {
    let head = text[at..].strip_prefix("<<")?;
    let name = head.strip_prefix('-').unwrap_or(head);
    let line = &name[..name.find('\n')?];
    let delimiter = line.trim_end_matches('\r');
    let is_delimiter = delimiter.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !is_delimiter {
        return None;
    }
    let mut start = text.len() - name.len() + line.len() + 1;
    while start < text.len() {
        let line = &text[start..];
        let line = &line[..line.find('\n').unwrap_or(line.len())];
        if line.trim_matches([' ', '\t', '\r']) == delimiter {
            return Some(start + line.trim_end_matches([' ', '\t', '\r']).len());
        }
        start += line.len() + 1;
    }
    None
}
