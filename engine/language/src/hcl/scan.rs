//! A linear look at HCL text, before and beside the parser: how deep it nests, where an interpolation ends, where a
//! key stood first. It never recurses, so that no input can exhaust the stack.

/// How many levels of brackets, braces and interpolations may nest.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many items an object may hold. The parser compares each key of an object with all others.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// Why text is not given to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// More than [`MAX_DEPTH`] levels, at the offset.
    TooDeep(usize),
    /// More than [`MAX_ITEMS`] items between the braces that open at the offset.
    TooManyItems(usize),
}

#[derive(Debug)]
enum Mode {
    /// Code, inside a bracket that opened at the offset.
    Code { open: usize, items: usize },
    /// Between double quotes.
    Quoted,
    /// In a heredoc, up to a line that holds only the delimiter.
    Heredoc { delimiter: String },
}

/// Goes through text and stops at every byte of code, outside of comments and the literal parts of strings.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    modes: Vec<Mode>,
    depth: usize,
    fault: Option<Fault>,
}

impl<'a> Scanner<'a> {
    /// Begins at an offset of the text, in code.
    pub(crate) fn new(text: &'a str, start: usize) -> Self {
        Scanner {
            text,
            at: start,
            modes: Vec::new(),
            depth: 0,
            fault: None,
        }
    }

    /// What stopped the scanner before the text's end.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// How many brackets are open.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Where the innermost bracket that is open stands.
    pub(crate) fn innermost(&self) -> Option<usize> {
        self.modes.iter().rev().find_map(|mode| match mode {
            Mode::Code { open, .. } => Some(*open),
            Mode::Quoted | Mode::Heredoc { .. } => None,
        })
    }

    /// The offset of the next byte of code, and the byte. An opening quote counts as code, as do all brackets; when
    /// a closing bracket is given, [`Scanner::depth`] no longer counts it.
    pub(crate) fn next(&mut self) -> Option<(usize, u8)> {
        let bytes = self.text.as_bytes();
        loop {
            if self.fault.is_some() {
                return None;
            }
            let at = self.at;
            let byte = *bytes.get(at)?;
            match self.modes.last_mut() {
                Some(Mode::Quoted) => self.in_string(at, byte, true),
                Some(Mode::Heredoc { .. }) => self.in_heredoc(at),
                Some(Mode::Code { .. }) | None => {
                    if !self.in_code(at, byte) {
                        return Some((at, byte));
                    }
                }
            }
        }
    }

    /// Takes one byte of code; whether it belongs to a comment.
    fn in_code(&mut self, at: usize, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        let next = bytes.get(at + 1).copied();
        match (byte, next) {
            (b'#', _) | (b'/', Some(b'/')) => {
                self.at = self.text[at..]
                    .find('\n')
                    .map_or(bytes.len(), |end| at + end);
                return true;
            }
            (b'/', Some(b'*')) => {
                let end = self.text[at + 2..].find("*/");
                self.at = end.map_or(bytes.len(), |end| at + 2 + end + 2);
                return true;
            }
            (b'<', Some(b'<')) if self.begin_heredoc(at) => return false,
            (b'"', _) => self.modes.push(Mode::Quoted),
            (b'{' | b'[' | b'(', _) => self.open(at),
            (b'}' | b']' | b')', _) => self.close(),
            (b'\n' | b',', _) => self.count_item(),
            _ => {}
        }
        self.at = at + 1;
        false
    }

    fn begin_heredoc(&mut self, at: usize) -> bool {
        let rest = &self.text[at + 2..];
        let name = rest.strip_prefix('-').unwrap_or(rest);
        let Some(line) = name.find('\n').map(|end| &name[..end]) else {
            return false;
        };
        let delimiter = line.trim_end_matches('\r');
        let is_delimiter = delimiter.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && delimiter
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if !is_delimiter {
            return false;
        }
        self.modes.push(Mode::Heredoc {
            delimiter: delimiter.to_owned(),
        });
        self.at = at + 2 + (rest.len() - name.len()) + line.len() + 1;
        // The loop looks at the heredoc's first line next; a delimiter may stand there already.
        self.end_heredoc();
        true
    }

    /// Leaves the heredoc if the line that begins here holds its delimiter.
    fn end_heredoc(&mut self) {
        let Some(Mode::Heredoc { delimiter }) = self.modes.last() else {
            return;
        };
        let rest = &self.text[self.at..];
        let line = rest.trim_start_matches([' ', '\t']);
        let ends = line.strip_prefix(delimiter.as_str()).is_some_and(|after| {
            !after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'))
        });
        if ends {
            self.at += rest.len() - line.len() + delimiter.len();
            self.modes.pop();
        }
    }

    fn in_heredoc(&mut self, at: usize) {
        let byte = self.text.as_bytes()[at];
        self.in_string(at, byte, false);
        if byte == b'\n' {
            self.end_heredoc();
        }
    }

    /// Takes one piece of a string or heredoc.
    fn in_string(&mut self, at: usize, byte: u8, quoted: bool) {
        let rest = &self.text.as_bytes()[at..];
        if rest.starts_with(b"$${") || rest.starts_with(b"%%{") {
            self.at = at + 3;
        } else if rest.starts_with(b"${") || rest.starts_with(b"%{") {
            self.at = at + 2;
            self.open(at);
        } else if quoted && byte == b'\\' {
            self.at = (at + 2).min(self.text.len());
        } else {
            self.at = at + 1;
            if quoted && byte == b'"' {
                self.modes.pop();
            }
        }
    }

    fn open(&mut self, at: usize) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.fault = Some(Fault::TooDeep(at));
        }
        self.modes.push(Mode::Code { open: at, items: 0 });
    }

    fn close(&mut self) {
        if let Some(Mode::Code { .. }) = self.modes.last() {
            self.modes.pop();
            self.depth -= 1;
        }
    }

    fn count_item(&mut self) {
        let Some(Mode::Code { open, items }) = self.modes.last_mut() else {
            return;
        };
        *items += 1;
        if *items > MAX_ITEMS && opens_object(self.text, *open) {
            self.fault = Some(Fault::TooManyItems(*open));
        }
    }
}

/// Whether the bracket at an offset begins an object, not a block.
fn opens_object(text: &str, open: usize) -> bool {
    let before = text[..open].trim_end_matches([' ', '\t']);
    let in_block_head = before.ends_with(|c: char| c.is_alphanumeric() || "\"_-".contains(c));
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next();
    text[open..].starts_with('{') && (!in_block_head || matches!(word, Some("in" | "if")))
}

/// Whether the parser may be given the text.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text, 0);
    while scanner.next().is_some() {}
    scanner.fault().map_or(Ok(()), Err)
}

/// The offset of the brace that closes an interpolation or directive whose inside begins at `start`; `None` where
/// there is none.
pub(crate) fn closing_brace(text: &str, start: usize) -> Result<Option<usize>, Fault> {
    let mut scanner = Scanner::new(text, start);
    loop {
        // Before the byte is taken, so that a bracket closing an inner one is not mistaken for ours.
        let depth = scanner.depth();
        match scanner.next() {
            Some((at, b'}')) if depth == 0 => return Ok(Some(at)),
            Some(_) => {}
            None => return scanner.fault().map_or(Ok(None), Err),
        }
    }
}

/// The offset where the key at `second` was written first, in the same braces.
pub(crate) fn first_key(text: &str, second: usize) -> Option<usize> {
    let key = key_at(text, second)?;
    let mut scanner = Scanner::new(text, 0);
    let mut candidates: Vec<(usize, usize)> = Vec::new();
    let mut previous = b' ';
    loop {
        let found = scanner.next();
        let (at, byte) = found?;
        if at >= second {
            break;
        }
        let open = scanner.innermost().unwrap_or(0);
        if !is_name_byte(previous) && key_at(text, at) == Some(key) {
            candidates.push((open, at));
        }
        previous = byte;
    }
    let open = scanner.innermost().unwrap_or(0);
    let mut found = candidates.into_iter().filter(|(at, _)| *at == open);
    found.next().map(|(_, at)| at)
}

/// The key that stands at an offset: a name or quoted text that `=` or `:` follows.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?;
    let end = if let Some(inner) = rest.strip_prefix('"') {
        inner.find('"')? + 2
    } else {
        rest.bytes().position(|byte| !is_name_byte(byte))?
    };
    let after = rest[end..].trim_start_matches([' ', '\t']);
    let assigned = after.starts_with(':') || (after.starts_with('=') && !after.starts_with("=="));
    (end > 0 && assigned).then(|| &rest[..end])
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_interpolation_is_found() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(closing_brace(text, 0), Ok(expected), "{text}");
        };
        check("a}", Some(1));
        check("{a={}}} x", Some(6));
        check(r#"f("}")}"#, Some(6));
        check(r#"f("${g("}")}")}"#, Some(14));
        check(r#""\"}"}"#, Some(5));
        check("a /* } */ }", Some(10));
        check("a # }\n}", Some(6));
        check("<<A\n}\nA\n}", Some(8));
        check("a", None);
        check(r#""$${"}"#, Some(5));
    }

    #[test]
    fn the_first_key_is_in_the_same_braces() {
        let check = |text: &str, expected: Option<usize>| {
            let second = text.rfind("key").unwrap();
            assert_eq!(first_key(text, second), expected, "{text}");
        };
        check("key = 1\nkey = 2", Some(0));
        check("x { key = 1\n }\nkey = 2", None);
        check(
            "# key = 0\nb = \"key = 1\"\nx { key = 1\n key = 2 }",
            Some(28),
        );
        check("monkey = 1\nkey == 2\nkey : 3\nkey=1", Some(20));
    }

    #[test]
    fn depth_and_items_have_limits() {
        let nested = |count: usize| "(".repeat(count);
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(1_000_000)), Err(Fault::TooDeep(MAX_DEPTH)));
        assert_eq!(
            check(&"\"${".repeat(100)),
            Err(Fault::TooDeep(3 * MAX_DEPTH + 1))
        );
        let many = format!("{{\n{}}}", "a = 1\n".repeat(MAX_ITEMS));
        assert_eq!(check(&many), Err(Fault::TooManyItems(0)));
        assert_eq!(check(&format!("locals {many}")), Ok(()));
        assert_eq!(check(&"a = 1\n".repeat(MAX_ITEMS + 1)), Ok(()));
    }
}
