//! Colours, symbols and what keeps foreign text from steering a terminal.

use strata_model::plan::Action;

/// Colours of the output; without them every method returns its text as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences are written.
    pub colour: bool,
}

/// A colour or weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Created, and well.
    Green,
    /// Changed, and warnings.
    Yellow,
    /// Removed, and errors.
    Red,
    /// Read, and places.
    Cyan,
    /// Asides.
    Dim,
    /// Headings.
    Bold,
}

impl Style {
    /// Writes the text in a colour.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Green => 32,
            Paint::Yellow => 33,
            Paint::Red => 31,
            Paint::Cyan => 36,
            Paint::Dim => 2,
            Paint::Bold => 1,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Writes a heading.
    pub fn bold(self, text: &str) -> String {
        self.paint(Paint::Bold, text)
    }

    /// Writes an aside.
    pub fn dim(self, text: &str) -> String {
        self.paint(Paint::Dim, text)
    }
}

/// What happens to one object or value, as a symbol of at most three characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-`
    Delete,
    /// `-/+`
    DeleteThenCreate,
    /// `+/-`
    CreateThenDelete,
    /// `<=`
    Read,
    /// `.`
    Forget,
    /// Nothing.
    None,
}

impl Symbol {
    /// The symbol of a step that stands alone.
    pub fn of(action: Action) -> Symbol {
        match action {
            Action::Create => Symbol::Create,
            Action::Update => Symbol::Update,
            Action::Delete => Symbol::Delete,
            Action::Read => Symbol::Read,
            Action::Forget => Symbol::Forget,
            Action::Move | Action::Import | Action::Record => Symbol::None,
        }
    }

    /// The symbol's characters without padding.
    pub fn text(self) -> &'static str {
        match self {
            Symbol::Create => "+",
            Symbol::Update => "~",
            Symbol::Delete => "-",
            Symbol::DeleteThenCreate => "-/+",
            Symbol::CreateThenDelete => "+/-",
            Symbol::Read => "<=",
            Symbol::Forget => ".",
            Symbol::None => "",
        }
    }

    /// What the legend says of it.
    pub fn meaning(self) -> &'static str {
        match self {
            Symbol::Create => "create",
            Symbol::Update => "update in-place",
            Symbol::Delete => "destroy",
            Symbol::DeleteThenCreate => "destroy and then create replacement",
            Symbol::CreateThenDelete => "create replacement and then destroy",
            Symbol::Read => "read (data sources)",
            Symbol::Forget => "forget (leave the object as it is)",
            Symbol::None => "",
        }
    }

    /// The symbol in its colour, right-aligned in three columns.
    pub fn padded(self, style: Style) -> String {
        let text = self.text();
        let paint = |text: &str, paint: Paint| style.paint(paint, text);
        let painted = match self {
            Symbol::Create => paint(text, Paint::Green),
            Symbol::Update => paint(text, Paint::Yellow),
            Symbol::Delete | Symbol::Forget => paint(text, Paint::Red),
            Symbol::DeleteThenCreate => {
                format!("{}/{}", paint("-", Paint::Red), paint("+", Paint::Green))
            }
            Symbol::CreateThenDelete => {
                format!("{}/{}", paint("+", Paint::Green), paint("-", Paint::Red))
            }
            Symbol::Read => paint(text, Paint::Cyan),
            Symbol::None => String::new(),
        };
        format!("{}{painted}", " ".repeat(3 - text.len()))
    }
}

/// Makes control characters, bidirectional overrides and invisible characters visible; line breaks and tabs stay.
pub fn escape(text: &str) -> String {
    if text.chars().all(|c| !needs_escape(c)) {
        return text.to_owned();
    }
    let escaped = text.chars().map(|c| {
        if needs_escape(c) {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        }
    });
    escaped.collect()
}

/// As [`escape`], for texts that must stay on one line.
pub fn escape_line(text: &str) -> String {
    escape(text).replace('\n', "\\n").replace('\t', "\\t")
}

fn needs_escape(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_steered() {
        assert_eq!(escape("a\x1b[31mb\n\tc"), "a\\u{1b}[31mb\n\tc");
        assert_eq!(escape_line("a\nb\u{202e}c\r"), "a\\nb\\u{202e}c\\u{d}");
        assert_eq!(escape("grün"), "grün");
    }

    #[test]
    fn symbols_keep_their_width() {
        let style = Style { colour: false };
        assert_eq!(Symbol::Create.padded(style), "  +");
        assert_eq!(Symbol::DeleteThenCreate.padded(style), "-/+");
        assert_eq!(Symbol::Read.padded(style), " <=");
        assert_eq!(Symbol::None.padded(style), "   ");
    }
}
