//! How a command ends: well, or with an error of a kind that decides the exit code.

use std::error::Error;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to change.
    Done,
    /// `plan -detailed-exitcode` found changes, or `drift` found new drift.
    Changes,
    /// `fmt -check` found differences, or `drift` could not read everything.
    Differences,
}

/// The kinds of failure, by what the caller can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something failed.
    Failed,
    /// Recovery needs a human: several objects may be what a lost call made.
    NeedsHuman,
    /// A plan is refused: stale, altered, used, of another lineage, or doing more than was approved.
    Refused,
    /// The command line is wrong.
    Usage,
    /// The definitions are invalid.
    Definitions,
    /// A bug in Strata.
    Bug,
    /// The state is missing, unreadable, corrupt or not writable.
    State,
    /// The state is locked.
    Locked,
    /// Credentials are missing or expired.
    Credentials,
    /// Ctrl-C.
    Interrupted,
    /// The process was asked to terminate.
    Terminated,
}

/// Decides the exit code: the one place that does.
pub fn exit_code(result: &Result<Outcome, CommandError>) -> u8 {
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Changes) => 2,
        Ok(Outcome::Differences) => 3,
        Err(error) => match error.kind {
            ErrorKind::Failed => 1,
            ErrorKind::NeedsHuman => 4,
            ErrorKind::Refused => 5,
            ErrorKind::Usage => 64,
            ErrorKind::Definitions => 65,
            ErrorKind::Bug => 70,
            ErrorKind::State => 73,
            ErrorKind::Locked => 75,
            ErrorKind::Credentials => 77,
            ErrorKind::Interrupted => 130,
            ErrorKind::Terminated => 143,
        },
    }
}

/// Why a command failed, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// What can be done about it; decides the exit code.
    pub kind: ErrorKind,
    /// What failed, without the cause. Empty where diagnostics have said it already.
    pub message: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
    /// What to do.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        CommandError {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// An error that diagnostics or the progress view have shown already: only the exit code is left to give.
    pub fn shown(kind: ErrorKind) -> Self {
        Self::new(kind, String::new())
    }

    /// Says why.
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Wrong use of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// What must not happen.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message).hint("This is a bug in Strata.")
    }

    /// A file or directory could not be used.
    pub fn file(what: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::failed(format!("{what} {}", path.display())).because(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_documentation() {
        let check = |kind, code| assert_eq!(exit_code(&Err(CommandError::shown(kind))), code);
        check(ErrorKind::Failed, 1);
        check(ErrorKind::NeedsHuman, 4);
        check(ErrorKind::Refused, 5);
        check(ErrorKind::Usage, 64);
        check(ErrorKind::Definitions, 65);
        check(ErrorKind::Bug, 70);
        check(ErrorKind::State, 73);
        check(ErrorKind::Locked, 75);
        check(ErrorKind::Credentials, 77);
        check(ErrorKind::Interrupted, 130);
        check(ErrorKind::Terminated, 143);
        assert_eq!(exit_code(&Ok(Outcome::Done)), 0);
        assert_eq!(exit_code(&Ok(Outcome::Changes)), 2);
        assert_eq!(exit_code(&Ok(Outcome::Differences)), 3);
    }
}
