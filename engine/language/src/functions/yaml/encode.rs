//! Writing YAML: blocks, every text in quotes or as a literal block.

use strata_model::{Kind, Members, Value};

use super::super::{Call, Fault};

/// Behind this column a long text goes on in the next line.
const WIDTH: usize = 80;
/// Longer keys stand on a line of their own.
const LONGEST_KEY: usize = 128;

/// The value as a document.
pub(super) fn document(call: &Call<'_, '_>, value: &Value) -> Result<String, Fault> {
    let mut writer = Writer {
        call,
        out: String::new(),
        line: 0,
    };
    writer.node(value, 0, true)?;
    if writer.line < writer.out.len() {
        writer.push("\n")?;
    }
    let plain = matches!(
        value.kind(),
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_)
    );
    if plain {
        writer.push("...\n")?;
    }
    Ok(writer.out)
}

struct Writer<'w, 'c, 'r> {
    call: &'w Call<'c, 'r>,
    out: String,
    /// Where the current line begins.
    line: usize,
}

impl Writer<'_, '_, '_> {
    fn push(&mut self, text: &str) -> Result<(), Fault> {
        self.call.bytes(text.len())?;
        self.out.push_str(text);
        if let Some(at) = text.rfind('\n') {
            self.line = self.out.len() - (text.len() - at - 1);
        }
        Ok(())
    }

    fn column(&self) -> usize {
        self.out[self.line..].chars().count()
    }

    /// Begins a line at an indentation; nothing where the line has just begun.
    fn indent(&mut self, indent: usize) -> Result<(), Fault> {
        if self.line < self.out.len() {
            self.push("\n")?;
        }
        self.push(&" ".repeat(indent))
    }

    /// Writes a node whose container is indented by `indent`. A collection begins on the same line.
    fn node(&mut self, value: &Value, indent: usize, root: bool) -> Result<(), Fault> {
        self.call.steps(1)?;
        let inner = if root { 0 } else { indent + 2 };
        match value.kind() {
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements)
                if !elements.is_empty() =>
            {
                self.sequence(elements, inner, true)
            }
            Kind::Map(_, members) | Kind::Object(members) if !members.is_empty() => {
                self.mapping(members, inner, true)
            }
            _ => self.scalar(value, indent + 2, true),
        }
    }

    fn sequence(&mut self, elements: &[Value], indent: usize, inline: bool) -> Result<(), Fault> {
        for (index, element) in elements.iter().enumerate() {
            if index > 0 || !inline {
                self.indent(indent)?;
            }
            self.push("- ")?;
            self.node(element, indent, false)?;
        }
        Ok(())
    }

    fn mapping(&mut self, members: &Members, indent: usize, inline: bool) -> Result<(), Fault> {
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 0 || !inline {
                self.indent(indent)?;
            }
            if key.len() > LONGEST_KEY || key.contains(is_break) {
                self.push("? ")?;
                self.scalar(&Value::string(key.clone()), indent + 2, true)?;
                self.indent(indent)?;
                self.push(": ")?;
                self.node(value, indent, false)?;
                continue;
            }
            self.quoted(key, indent, false)?;
            self.push(":")?;
            self.member(value, indent)?;
        }
        Ok(())
    }

    /// Writes what stands behind a key and its colon.
    fn member(&mut self, value: &Value, indent: usize) -> Result<(), Fault> {
        self.call.steps(1)?;
        match value.kind() {
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements)
                if !elements.is_empty() =>
            {
                self.sequence(elements, indent, false)
            }
            Kind::Map(_, members) | Kind::Object(members) if !members.is_empty() => {
                self.mapping(members, indent + 2, false)
            }
            _ => {
                self.push(" ")?;
                self.scalar(value, indent + 2, true)
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, folds: bool) -> Result<(), Fault> {
        match value.kind() {
            Kind::Null(_) | Kind::Unknown(_) => self.push("null"),
            Kind::Bool(true) => self.push("true"),
            Kind::Bool(false) => self.push("false"),
            Kind::Number(number) => self.push(&number.to_string()),
            Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => self.push("[]"),
            Kind::Map(..) | Kind::Object(_) => self.push("{}"),
            Kind::String(text) if text.contains('\n') && is_literal(text) => {
                self.literal(text, indent)
            }
            Kind::String(text) => self.quoted(text, indent, folds),
        }
    }

    fn literal(&mut self, text: &str, indent: usize) -> Result<(), Fault> {
        self.push("|")?;
        if text.starts_with(' ') || text.starts_with(is_break) {
            self.push("2")?;
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.push("-")?,
            Some(body) if body.is_empty() || body.ends_with('\n') => self.push("+")?,
            Some(_) => {}
        }
        self.push("\n")?;
        let margin = " ".repeat(indent);
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.push(&margin)?;
            }
            self.push(line)?;
        }
        Ok(())
    }

    fn quoted(&mut self, text: &str, indent: usize, folds: bool) -> Result<(), Fault> {
        self.push("\"")?;
        let mut spaces = false;
        let last = text.len().saturating_sub(1);
        // Counting from the line's beginning each time would cost the square of its length.
        let mut column = self.column();
        for (at, character) in text.char_indices() {
            if character == ' ' {
                if folds && !spaces && column > WIDTH && at > 0 && at < last {
                    self.indent(indent)?;
                    column = indent;
                    if text[at + 1..].starts_with(' ') {
                        self.push("\\")?;
                        column += 1;
                    }
                } else {
                    self.push(" ")?;
                    column += 1;
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if is_printable(character) && !is_break(character) && !matches!(character, '"' | '\\') {
                self.push(character.encode_utf8(&mut [0; 4]))?;
                column += 1;
            } else {
                let escaped = escape(character);
                self.push(&escaped)?;
                column += escaped.len();
            }
        }
        self.push("\"")
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && character != '\u{feff}'
}

/// Whether the text may stand as a literal block.
fn is_literal(text: &str) -> bool {
    let special = |character: char| !is_printable(character) || matches!(character, '\r');
    let breaks: [char; 3] = ['\n', '\u{2028}', '\u{2029}'];
    let space_break = breaks
        .iter()
        .any(|character| text.contains(&format!(" {character}")));
    !text.contains(special) && !space_break && !text.ends_with(' ')
}

fn escape(character: char) -> String {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            return match u32::from(other) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
