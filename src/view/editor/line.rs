//! A line while it is edited, and the keys that edit it.

/// A key, or several pressed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Letter(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillBefore,
    KillBehind,
    KillWord,
    Interrupt,
    EndOfInput,
    /// One that does nothing here.
    Other,
}

/// What a key has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    Changed,
    /// The name before the cursor is to be completed.
    Wanted,
    Finished,
    Abandoned,
    Ended,
}

/// The first key in the bytes of a terminal, and how many bytes it takes; `None` where more must be read.
pub(super) fn decode(bytes: &[u8]) -> Option<(Key, usize)> {
    let first = *bytes.first()?;
    let key = match first {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0b => Key::KillBehind,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillBefore,
        0x17 => Key::KillWord,
        0x1b => return sequence(bytes),
        0x00..0x20 => Key::Other,
        _ => return letter(bytes),
    };
    Some((key, 1))
}

fn letter(bytes: &[u8]) -> Option<(Key, usize)> {
    let length = match bytes[0] {
        0x00..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Some((Key::Other, 1)),
    };
    let bytes = bytes.get(..length)?;
    // Bytes that are no text are left out, one after another.
    let letter = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.chars().next());
    Some(letter.map_or((Key::Other, 1), |letter| (Key::Letter(letter), length)))
}

/// A key that sends an escape sequence: `ESC [ parameters letter`, `ESC O letter`, or a letter pressed with Alt.
fn sequence(bytes: &[u8]) -> Option<(Key, usize)> {
    match bytes.get(1)? {
        b'[' => {
            let length = bytes[2..]
                .iter()
                .position(|byte| (0x40..0x7f).contains(byte))?
                + 3;
            let key = match &bytes[2..length] {
                b"A" => Key::Up,
                b"B" => Key::Down,
                b"C" => Key::Right,
                b"D" => Key::Left,
                b"H" | b"1~" | b"7~" => Key::Home,
                b"F" | b"4~" | b"8~" => Key::End,
                b"3~" => Key::Delete,
                b"1;5C" | b"1;3C" => Key::WordRight,
                b"1;5D" | b"1;3D" => Key::WordLeft,
                _ => Key::Other,
            };
            Some((key, length))
        }
        b'O' => {
            let key = match bytes.get(2)? {
                b'A' => Key::Up,
                b'B' => Key::Down,
                b'C' => Key::Right,
                b'D' => Key::Left,
                b'H' => Key::Home,
                b'F' => Key::End,
                _ => Key::Other,
            };
            Some((key, 3))
        }
        b'b' => Some((Key::WordLeft, 2)),
        b'f' => Some((Key::WordRight, 2)),
        _ => Some((Key::Other, 2)),
    }
}

/// A line with a cursor, and the lines before it that can be called back.
#[derive(Debug)]
pub(super) struct Line {
    letters: Vec<char>,
    at: usize,
    /// Earlier lines, and the one being typed as the last.
    lines: Vec<String>,
    shown: usize,
}

impl Line {
    pub(super) fn new(mut earlier: Vec<String>) -> Self {
        earlier.push(String::new());
        Line {
            letters: Vec::new(),
            at: 0,
            shown: earlier.len() - 1,
            lines: earlier,
        }
    }

    pub(super) fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// The text before the cursor.
    pub(super) fn before(&self) -> String {
        self.letters[..self.at].iter().collect()
    }

    pub(super) fn insert(&mut self, text: &str) {
        let count = text.chars().count();
        self.letters.splice(self.at..self.at, text.chars());
        self.at += count;
    }

    pub(super) fn go_to_end(&mut self) {
        self.at = self.letters.len();
    }

    /// What is visible in so many columns, and where the cursor is in it.
    pub(super) fn window(&self, room: usize) -> (String, usize) {
        let from = (self.at + 1).saturating_sub(room);
        let to = self.letters.len().min(from + room);
        (self.letters[from..to].iter().collect(), self.at - from)
    }

    pub(super) fn apply(&mut self, key: Key) -> Edited {
        match key {
            Key::Letter(letter) => {
                self.letters.insert(self.at, letter);
                self.at += 1;
            }
            Key::Enter => return Edited::Finished,
            Key::Tab => return Edited::Wanted,
            Key::Interrupt => return Edited::Abandoned,
            Key::EndOfInput if self.letters.is_empty() => return Edited::Ended,
            Key::EndOfInput | Key::Delete => {
                if self.at < self.letters.len() {
                    self.letters.remove(self.at);
                }
            }
            Key::Backspace => self.remove(self.at.saturating_sub(1)),
            Key::KillWord => self.remove(self.word_left()),
            Key::KillBefore => self.remove(0),
            Key::KillBehind => self.letters.truncate(self.at),
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.letters.len()),
            Key::WordLeft => self.at = self.word_left(),
            Key::WordRight => self.at = self.word_right(),
            Key::Home => self.at = 0,
            Key::End => self.go_to_end(),
            Key::Up => self.call(self.shown.checked_sub(1)),
            Key::Down => self.call(Some(self.shown + 1)),
            Key::Other => {}
        }
        Edited::Changed
    }

    /// Removes what stands between a place and the cursor.
    fn remove(&mut self, from: usize) {
        self.letters.drain(from..self.at);
        self.at = from;
    }

    fn word_left(&self) -> usize {
        let mut at = self.at;
        while at > 0 && !self.letters[at - 1].is_alphanumeric() {
            at -= 1;
        }
        while at > 0 && self.letters[at - 1].is_alphanumeric() {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let mut at = self.at;
        while at < self.letters.len() && !self.letters[at].is_alphanumeric() {
            at += 1;
        }
        while at < self.letters.len() && self.letters[at].is_alphanumeric() {
            at += 1;
        }
        at
    }

    /// Shows another of the lines; what was typed so far stays with the one that is left.
    fn call(&mut self, index: Option<usize>) {
        let Some(index) = index.filter(|index| *index < self.lines.len()) else {
            return;
        };
        self.lines[self.shown] = self.text();
        self.shown = index;
        self.letters = self.lines[index].chars().collect();
        self.go_to_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types bytes into a line; the text, where the cursor is, and what the last key did.
    fn typed(earlier: &[&str], bytes: &str) -> (String, usize, Edited) {
        let mut line = Line::new(earlier.iter().map(|line| (*line).to_owned()).collect());
        let mut rest = bytes.as_bytes();
        let mut last = Edited::Changed;
        while let Some((key, used)) = decode(rest) {
            last = line.apply(key);
            rest = &rest[used..];
        }
        assert!(rest.is_empty(), "{rest:?}");
        (line.text(), line.at, last)
    }

    #[test]
    fn keys_edit_the_line() {
        let check = |bytes: &str, text: &str, at: usize| {
            assert_eq!(
                typed(&[], bytes),
                (text.to_owned(), at, Edited::Changed),
                "{bytes:?}"
            );
        };
        check("abé", "abé", 3);
        check("ab\x1b[DX", "aXb", 2);
        check("ab\x02\x02\x02X", "Xab", 1);
        check("ab\x01X\x05Y", "XabY", 4);
        check("ab\x1b[HX\x1bOFY", "XabY", 4);
        check("ab\x7f\x7f\x7fc", "c", 1);
        check("ab\x1b[D\x1b[3~", "a", 1);
        check("ab\x01\x04", "b", 0);
        check("max(one, two\x17", "max(one, ", 9);
        check("max(one, two\x1b[1;5D\x1bb\x0b", "max(", 4);
        check("one two\x01\x1bf\x15", " two", 0);
        check("a\x1b[99~\x00b", "ab", 2);
    }

    #[test]
    fn keys_end_the_line() {
        assert_eq!(typed(&[], "a\r").2, Edited::Finished);
        assert_eq!(typed(&[], "a\t").2, Edited::Wanted);
        assert_eq!(typed(&[], "a\x03").2, Edited::Abandoned);
        assert_eq!(typed(&[], "\x04").2, Edited::Ended);
        assert_eq!(typed(&[], "a\x04").2, Edited::Changed);
    }

    #[test]
    fn lines_are_called_back() {
        let text = |bytes: &str| typed(&["one", "two"], bytes).0;
        assert_eq!(text("\x1b[A"), "two");
        assert_eq!(text("\x1b[A\x1b[A\x1b[A"), "one");
        assert_eq!(text("new\x1b[A\x1b[A\x1b[B\x1b[B"), "new");
        assert_eq!(text("\x10!\x0e\x10"), "two!");
    }

    #[test]
    fn keys_in_parts_wait_for_the_rest() {
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"\x1b"), None);
        assert_eq!(decode(b"\x1b[1;5"), None);
        assert_eq!(decode("é".as_bytes().get(..1).unwrap()), None);
        assert_eq!(decode(b"\xff"), Some((Key::Other, 1)));
        assert_eq!(decode(b"\xe2a "), Some((Key::Other, 1)));
    }

    #[test]
    fn long_lines_show_the_part_around_the_cursor() {
        let mut line = Line::new(Vec::new());
        line.insert("0123456789");
        assert_eq!(line.window(20), ("0123456789".to_owned(), 10));
        assert_eq!(line.window(5), ("6789".to_owned(), 4));
        line.apply(Key::Home);
        assert_eq!(line.window(5), ("01234".to_owned(), 0));
    }
}
