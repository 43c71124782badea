//! The line editor of the console: keys to move about, a history of the session, and completion of names.
//!
//! What was typed is kept for the session only: expressions may hold secrets.

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

/// Reads lines from the terminal.
#[derive(Debug)]
pub struct LineEditor {
    editor: Editor<Words, MemHistory>,
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

impl LineEditor {
    /// An editor that completes these words.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be used.
    pub fn new(words: Vec<String>) -> std::io::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .auto_add_history(true)
            .build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(std::io::Error::other)?;
        editor.set_helper(Some(Words(words)));
        Ok(LineEditor { editor })
    }

    /// Reads a line. It blocks until there is one.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be read.
    pub fn read(&mut self, prompt: &str) -> std::io::Result<Typed> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Interrupted) => Ok(Typed::Abandoned),
            Err(error) => Err(std::io::Error::other(error)),
        }
    }
}

/// The words that may be completed, in order.
#[derive(Debug)]
struct Words(Vec<String>);

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}
impl Hinter for Words {
    type Hint = String;
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.0, line.get(..at).unwrap_or(line)))
    }
}

/// Where the name before the cursor begins, and what it may become: each candidate reaches to the next dot, so that
/// `v` offers `var.` and not every variable.
fn complete(words: &[String], before: &str) -> (usize, Vec<String>) {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, letter)| is_part(*letter))
        .last()
        .map_or(before.len(), |(at, _)| at);
    let name = &before[start..];
    let mut candidates: Vec<String> = words
        .iter()
        .filter(|word| word.starts_with(name))
        .map(|word| match word[name.len()..].find('.') {
            Some(dot) => word[..=name.len() + dot].to_owned(),
            None => word.clone(),
        })
        .collect();
    candidates.sort();
    candidates.dedup();
    (start, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_a_part_at_a_time() {
        let words = [
            "abs(",
            "aws_vpc.main.id",
            "aws_vpc.main.cidr",
            "var.a",
            "var.b",
        ];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        let check = |line: &str, start: usize, expected: &[&str]| {
            assert_eq!(
                complete(&words, line),
                (
                    start,
                    expected.iter().map(|word| (*word).to_owned()).collect()
                ),
                "{line}"
            );
        };
        check("a", 0, &["abs(", "aws_vpc."]);
        check("max(1, aws_vpc.m", 7, &["aws_vpc.main."]);
        check(
            "aws_vpc.main.",
            0,
            &["aws_vpc.main.cidr", "aws_vpc.main.id"],
        );
        check("1 + v", 4, &["var."]);
        check("\"é${var.", 5, &["var.a", "var.b"]);
        check("nothing", 0, &[]);
        check("abs(", 4, &["abs(", "aws_vpc.", "var."]);
    }
}
