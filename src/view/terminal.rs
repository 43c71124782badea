//! What is around the process: terminals and their width.

use std::io::IsTerminal;

use crate::environment::{self, Environment};

/// What was found out about the streams of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether standard input is a terminal.
    pub input: bool,
    /// Whether standard input is a pipe, a socket or a file: something that words can come from.
    pub piped: bool,
    /// Whether standard output is one.
    pub output: bool,
    /// Whether the terminal understands escape sequences.
    pub capable: bool,
    /// Its columns.
    pub width: usize,
}

/// Keeps a terminal on standard input from showing what is typed, until it is dropped.
#[derive(Debug)]
pub(super) struct Quiet(Option<rustix::termios::Termios>);

impl Quiet {
    /// Begins; without a terminal nothing has to be hidden.
    pub(super) fn begin() -> Self {
        let Ok(before) = rustix::termios::tcgetattr(std::io::stdin()) else {
            return Quiet(None);
        };
        let mut quiet = before.clone();
        quiet.local_modes.remove(rustix::termios::LocalModes::ECHO);
        let set = rustix::termios::tcsetattr(
            std::io::stdin(),
            rustix::termios::OptionalActions::Flush,
            &quiet,
        );
        Quiet(set.is_ok().then_some(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            rustix::termios::tcsetattr(
                std::io::stdin(),
                rustix::termios::OptionalActions::Flush,
                before,
            )
            .ok();
        }
    }
}

/// A device such as `/dev/null` has nothing to say.
fn is_piped() -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(std::io::stdin()).is_ok_and(|stat| {
        matches!(
            FileType::from_raw_mode(stat.st_mode),
            FileType::Fifo | FileType::Socket | FileType::RegularFile
        )
    })
}

impl Surroundings {
    /// Looks at the process's streams.
    pub fn of_process(environment: &Environment) -> Self {
        let columns = environment
            .text(environment::COLUMNS)
            .and_then(|text| text.parse().ok());
        let asked = rustix::termios::tcgetwinsize(std::io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col));
        Surroundings {
            input: std::io::stdin().is_terminal(),
            piped: is_piped(),
            output: std::io::stdout().is_terminal(),
            capable: environment.text(environment::TERM) != Some("dumb"),
            width: asked.filter(|width| *width > 20).or(columns).unwrap_or(100),
        }
    }
}
