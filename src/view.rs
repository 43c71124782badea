//! Everything that people and programs read: the only room that formats and prints.

pub mod change;
pub mod changes;
pub mod diagnostic;
pub mod difference;
pub mod editor;
pub mod events;
pub mod graph;
mod json_text;
pub mod manifest;
pub mod plan_json;
pub mod plan_text;
pub mod progress;
pub mod redact;
pub mod shape;
pub mod style;
mod terminal;
pub mod value;

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strata_model::{Clock, Diagnostics, Severity, SourceMap};

use crate::error::CommandError;
use redact::Redactor;
use style::{Paint, Style, escape};
pub use terminal::Surroundings;

/// How output looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether colours are written.
    pub colour: bool,
    /// Whether standard output is a terminal on which the cursor can move.
    pub live: bool,
    /// Whether there is someone to answer a question.
    pub input: bool,
    /// Whether a word of approval can be read: from someone, or from what is piped in.
    pub approval: bool,
    /// Whether standard output carries JSON events in place of text.
    pub json: bool,
    /// Whether warnings take one line each.
    pub compact_warnings: bool,
    /// Whether what only says that something goes on is left out.
    pub concise: bool,
    /// Whether advice on what to type next is left out.
    pub automation: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Owns all output of a command. Everything passes the redactor.
#[derive(Debug)]
pub struct Ui {
    settings: Settings,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    sinks: Mutex<Sinks>,
}

/// Where output goes.
pub struct Sinks {
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// A file that takes the JSON events beside the text.
    events: Option<Box<dyn Write + Send>>,
    /// The first failure to write, other than a reader that went away.
    failure: Option<std::io::Error>,
    /// How many lines of the live region stand at the bottom of the terminal.
    live_lines: usize,
    /// Whether the cursor stands behind a question.
    open_question: bool,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sinks")
    }
}

impl Sinks {
    /// The process's own streams.
    pub fn of_process() -> Self {
        Self::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()))
    }

    /// Any two streams.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Sinks {
            out,
            err,
            events: None,
            failure: None,
            live_lines: 0,
            open_question: false,
        }
    }

    fn record(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            // A reader such as `head` that has seen enough is no failure.
            if error.kind() != std::io::ErrorKind::BrokenPipe && self.failure.is_none() {
                self.failure = Some(error);
            }
        }
    }

    fn write_out(&mut self, bytes: &[u8]) {
        self.open_question = false;
        let result = self.out.write_all(bytes).and_then(|()| self.out.flush());
        self.record(result);
    }

    fn write_err(&mut self, bytes: &[u8]) {
        if self.open_question {
            self.write_out(b"\n");
        }
        let result = self.err.write_all(bytes).and_then(|()| self.err.flush());
        self.record(result);
    }
}

impl Ui {
    /// Takes the streams of a run.
    pub fn new(
        settings: Settings,
        redactor: Redactor,
        clock: Arc<dyn Clock>,
        sinks: Sinks,
    ) -> Self {
        Ui {
            settings,
            redactor,
            clock,
            sinks: Mutex::new(sinks),
        }
    }

    /// How output looks.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The same streams and redactor, with standard output in JSON or text as the command asks for.
    pub fn with_json(mut self, json: bool) -> Self {
        self.settings.json = json;
        self.settings.live &= !json;
        // A question would stand among the events.
        self.settings.input &= !json;
        self.settings.approval &= !json;
        self
    }

    /// The same with or without colours.
    pub fn with_colour(mut self, colour: bool) -> Self {
        self.settings.colour = colour;
        self
    }

    /// The same, with warnings as one line each or not.
    pub fn with_compact_warnings(mut self, compact: bool) -> Self {
        self.settings.compact_warnings = compact;
        self
    }

    /// The same, with or without what only says that something goes on.
    pub fn with_concise(mut self, concise: bool) -> Self {
        self.settings.concise = concise;
        self
    }

    /// The same, with JSON events in a file beside the text on standard output.
    pub fn with_events(self, file: Box<dyn Write + Send>) -> Self {
        self.sinks().events = Some(file);
        self
    }

    /// Whether anybody reads events: standard output carries them, or a file does.
    pub fn wants_events(&self) -> bool {
        self.settings.json || self.sinks().events.is_some()
    }

    /// Whether standard output carries text for people.
    pub fn wants_text(&self) -> bool {
        !self.settings.json
    }

    /// The same, with nobody to ask.
    pub fn with_input(mut self, input: bool) -> Self {
        self.settings.input &= input;
        self.settings.approval &= input;
        self
    }

    /// Colours or none.
    pub fn style(&self) -> Style {
        Style {
            colour: self.settings.colour,
        }
    }

    /// What must not be shown.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Time, for records that people read.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn sinks(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes text to standard output as it is, the secrets taken out.
    pub fn print(&self, text: &str) {
        let text = self.redactor.redact(text);
        let mut sinks = self.sinks();
        sinks.clear_live();
        sinks.write_out(text.as_bytes());
    }

    /// Writes a line to standard output.
    pub fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes bytes to standard output without taking secrets out: `output -raw` only.
    pub fn print_unredacted(&self, text: &str) {
        self.sinks().write_out(text.as_bytes());
    }

    /// Tells people something that is not the command's result: a line on standard error, an event under JSON.
    pub fn note(&self, text: &str) {
        self.event("log", text, serde_json::Map::new());
        if self.wants_text() {
            self.err_text(&format!("{text}\n"));
        }
    }

    /// Tells people what to type next; left out in automation and JSON.
    pub fn advise(&self, text: &str) {
        if !self.settings.json && !self.settings.automation {
            self.line(text);
        }
    }

    fn err_text(&self, text: &str) {
        let text = self.redactor.redact(text);
        let mut sinks = self.sinks();
        sinks.clear_live();
        sinks.write_err(text.as_bytes());
    }

    /// Writes a JSON document to standard output, with an end of line.
    pub fn json(&self, document: &serde_json::Value) {
        self.line(&json_text::line(document));
    }

    /// Writes an event of the JSON stream, where anybody reads it.
    pub fn event(
        &self,
        kind: &str,
        message: &str,
        fields: serde_json::Map<String, serde_json::Value>,
    ) {
        if self.wants_events() {
            let at = self.clock.now();
            self.event_line(&events::line(at, ("info", kind), message, fields));
        }
    }

    fn event_line(&self, event: &serde_json::Value) {
        let line = format!("{}\n", json_text::line(event));
        let mut sinks = self.sinks();
        if let Some(file) = &mut sinks.events {
            let result = file.write_all(self.redactor.redact(&line).as_bytes());
            sinks.record(result);
        }
        drop(sinks);
        if self.settings.json {
            self.print(&line);
        }
    }

    /// Shows diagnostics: on standard error, or as events.
    pub fn diagnostics(&self, diagnostics: &Diagnostics, sources: &SourceMap) {
        let style = self.style();
        let mut compact = Vec::new();
        let mut text = String::new();
        for diagnostic in diagnostics.iter() {
            if self.wants_events() {
                let event = events::diagnostic(self.clock.now(), diagnostic, sources);
                self.event_line(&event);
            }
            if !self.wants_text() {
                continue;
            }
            if self.settings.compact_warnings && diagnostic.severity == Severity::Warning {
                compact.push(diagnostic::compact(diagnostic, sources));
            } else {
                text.push_str(&diagnostic::text(diagnostic, sources, style));
            }
        }
        if !compact.is_empty() {
            let heading = style.paint(Paint::Yellow, "Warnings:");
            text.push_str(&format!("{heading}\n\n{}\n\n", compact.join("\n")));
        }
        if !text.is_empty() {
            self.err_text(&text);
        }
    }

    /// Shows why a command failed: message, causes, advice. Shows nothing for an error that was shown already.
    pub fn error(&self, error: &CommandError) {
        if error.message.is_empty() {
            return;
        }
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        if self.wants_events() {
            let event = events::error(self.clock.now(), error, &causes);
            self.event_line(&event);
        }
        if !self.wants_text() {
            return;
        }
        let style = self.style();
        let mut text = format!(
            "{}: {}\n",
            style.paint(Paint::Red, "error"),
            escape(&error.message)
        );
        for cause in causes {
            text.push_str(&format!(
                "  {}: {}\n",
                style.dim("caused by"),
                escape(&cause)
            ));
        }
        for hint in &error.hints {
            text.push_str(&format!(
                "  {}: {}\n",
                style.paint(Paint::Cyan, "hint"),
                escape(hint)
            ));
        }
        self.err_text(&text);
    }

    /// Asks a question and reads a line. `None` where there is nobody to ask, or the answer ended early.
    ///
    /// The wait for an answer can be dropped: an interrupt must not have to wait for it.
    pub async fn ask(&self, question: &str) -> Option<String> {
        if !self.settings.input {
            return None;
        }
        self.question(question).await
    }

    /// Asks for a word of approval, which may be piped in. `None` where there is none to be had.
    pub async fn ask_approval(&self, question: &str) -> Option<String> {
        if !self.settings.approval {
            return None;
        }
        let answer = self.question(question).await;
        if !self.settings.input {
            // What is piped in is not echoed: the question's line would go on.
            self.print("\n");
        }
        answer
    }

    async fn question(&self, question: &str) -> Option<String> {
        self.print(question);
        self.sinks().open_question = true;
        let answer = tokio::task::spawn_blocking(read_answer).await.ok()?;
        // Whoever typed it ended the line.
        self.sinks().open_question = answer.is_none();
        answer
    }

    /// Asks for a secret: what is typed is not shown.
    pub async fn ask_secret(&self, question: &str) -> Option<String> {
        let quiet = terminal::Quiet::begin();
        let answer = self.ask(question).await;
        drop(quiet);
        self.print("\n");
        answer
    }

    /// Replaces the lines at the bottom of a terminal that show what goes on.
    pub fn live(&self, lines: &[String]) {
        if !self.settings.live {
            return;
        }
        let text = lines
            .iter()
            .map(|line| format!("{}\n", self.redactor.redact(line)))
            .collect::<String>();
        let mut sinks = self.sinks();
        sinks.clear_live();
        sinks.write_out(text.as_bytes());
        sinks.live_lines = lines.len();
    }

    /// The first failure to write output, if there was one: what was shown is not complete then.
    pub fn take_failure(&self) -> Option<std::io::Error> {
        self.sinks().failure.take()
    }
}

fn read_answer() -> Option<String> {
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).ok()?;
    (read > 0).then(|| answer.trim().to_owned())
}

/// Writes to standard error when nothing else can be relied upon: in a panic.
pub fn emergency(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

impl Sinks {
    fn clear_live(&mut self) {
        if self.live_lines > 0 {
            let up = format!("\x1b[{}A\x1b[J", self.live_lines);
            self.live_lines = 0;
            self.write_out(up.as_bytes());
        }
    }
}
