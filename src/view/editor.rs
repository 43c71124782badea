//! The line editor of the console: keys to move about, a history of the session, and completion of names.
//!
//! What was typed is kept for the session only: expressions may hold secrets. Every character is taken to be as wide
//! as one column.

mod completion;
mod line;

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use completion::Completion;
use line::{Edited, Key, Line, decode};

/// Reads lines from the terminal.
#[derive(Debug)]
pub struct LineEditor {
    words: Vec<String>,
    history: Vec<String>,
    /// Bytes that were read and not used yet.
    pending: VecDeque<u8>,
}

/// What came of reading a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// The line was given up with Ctrl-C.
    Abandoned,
    /// There are no more lines.
    End,
}

/// Makes the terminal give every key at once, until it is dropped.
struct Raw(Termios);

impl Raw {
    fn enter() -> Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that takes no settings any more.
        tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.0).unwrap_or_default();
    }
}

impl LineEditor {
    /// An editor that completes these words.
    pub fn new(words: Vec<String>) -> Self {
        LineEditor {
            words,
            history: Vec::new(),
            pending: VecDeque::new(),
        }
    }

    /// Reads a line. It blocks until there is one.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be read, written or set.
    pub fn read(&mut self, prompt: &str) -> Result<Typed> {
        let raw = Raw::enter()?;
        let typed = self.edit(prompt);
        drop(raw);
        if let Ok(Typed::Line(text)) = &typed
            && !text.trim().is_empty()
            && self.history.last() != Some(text)
        {
            self.history.push(text.clone());
        }
        typed
    }

    fn edit(&mut self, prompt: &str) -> Result<Typed> {
        let mut line = Line::new(self.history.clone());
        show(prompt, &line)?;
        loop {
            let Some(key) = self.key()? else {
                return Ok(Typed::End);
            };
            match line.apply(key) {
                Edited::Changed => {}
                Edited::Wanted => self.complete(&mut line)?,
                Edited::Finished => {
                    line.go_to_end();
                    show(prompt, &line)?;
                    write("\r\n")?;
                    return Ok(Typed::Line(line.text()));
                }
                Edited::Abandoned => {
                    write("^C\r\n")?;
                    return Ok(Typed::Abandoned);
                }
                Edited::Ended => {
                    write("\r\n")?;
                    return Ok(Typed::End);
                }
            }
            show(prompt, &line)?;
        }
    }

    /// The next key; `None` at the end of input.
    fn key(&mut self) -> Result<Option<Key>> {
        loop {
            if let Some((key, used)) = decode(self.pending.make_contiguous()) {
                self.pending.drain(..used);
                return Ok(Some(key));
            }
            let mut bytes = [0; 256];
            match rustix::io::read(std::io::stdin(), &mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.pending.extend(&bytes[..count]),
                Err(error) if Error::from(error).kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn complete(&self, line: &mut Line) -> Result<()> {
        let completion = Completion::of(&self.words, &line.before());
        if !completion.addition.is_empty() {
            line.insert(&completion.addition);
        } else if completion.candidates.len() > 1 {
            write(&format!("\r\n{}", columns(&completion.candidates)))?;
        }
        Ok(())
    }
}

fn width() -> usize {
    let asked = tcgetwinsize(std::io::stdout()).map(|size| usize::from(size.ws_col));
    asked.ok().filter(|columns| *columns > 20).unwrap_or(80)
}

fn write(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Draws the line anew, as much of it around the cursor as there is room for.
fn show(prompt: &str, line: &Line) -> Result<()> {
    let room = width().saturating_sub(prompt.chars().count() + 1).max(1);
    let (visible, column) = line.window(room);
    let column = prompt.chars().count() + column;
    write(&format!("\r{prompt}{visible}\x1b[K\r\x1b[{column}C"))
}

/// Words in columns, as many as fit beside each other.
fn columns(words: &[String]) -> String {
    let each = words
        .iter()
        .map(|word| word.chars().count())
        .max()
        .unwrap_or(0)
        + 2;
    let count = (width() / each).max(1);
    let rows = words.chunks(count).map(|row| {
        let cells: String = row.iter().map(|word| format!("{word:each$}")).collect();
        format!("{}\r\n", cells.trim_end())
    });
    rows.collect()
}
