//! What can go wrong with a source.

use strata_model::Code;

/// Why a source cannot be used. Texts that come from a repository are escaped in the messages.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The text names no source that may be fetched.
    #[error("the source {text} is not allowed: {reason}")]
    NotAllowed {
        /// The text, escaped, without credentials.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host's address may not be reached.
    #[error("the host {host} has the address {address}, which is not allowed: {reason}")]
    AddressNotAllowed {
        /// The host.
        host: String,
        /// Its address.
        address: String,
        /// Why not.
        reason: &'static str,
    },
    /// A path leads out of the repository.
    #[error("the path {path} leaves the repository")]
    PathLeaves {
        /// The path, escaped.
        path: String,
    },
    /// The tree has something that is no plain file or directory.
    #[error("{path} in the repository cannot be read: {reason}")]
    NotAFile {
        /// The path, escaped.
        path: String,
        /// What it is.
        reason: String,
    },
    /// The tree has a name that means different things on different systems.
    #[error("{path} in the repository has a name that is not allowed: {reason}")]
    BadName {
        /// The path, escaped.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The source is too large.
    #[error("the source is too large: {0}")]
    TooLarge(String),
    /// The repository has no such branch, tag or commit.
    #[error("{url} has no branch, tag or commit named {revision}")]
    UnknownRevision {
        /// The repository.
        url: String,
        /// What was asked for.
        revision: String,
    },
    /// The server of an SSH source is not known, or is another than the one that is known.
    #[error(
        "the host key of {host} does not stand in ~/.ssh/known_hosts; the server's fingerprint is {fingerprint}"
    )]
    UnknownHostKey {
        /// The host.
        host: String,
        /// `SHA256:…`, as `ssh` shows it.
        fingerprint: String,
    },
    /// The server wants credentials that were not accepted or are not there.
    #[error("{url} asks for credentials, and none of those at hand was accepted")]
    Credentials {
        /// The repository.
        url: String,
        /// What the library said.
        #[source]
        source: git2::Error,
    },
    /// Someone asked for it to stop.
    #[error("fetching {url} was interrupted")]
    Interrupted {
        /// The repository.
        url: String,
    },
    /// The repository cannot be reached or read.
    #[error("{operation} {place} failed")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// The repository or directory.
        place: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl GitError {
    /// The stable code of the fault.
    pub fn code(&self) -> Code {
        Code(self.entry().0)
    }

    /// What the code says, in a few words.
    pub fn summary(&self) -> &'static str {
        self.entry().1
    }

    fn entry(&self) -> (&'static str, &'static str) {
        match self {
            GitError::PathLeaves { .. } => ("E0301", "Path leaves the repository"),
            GitError::NotAFile { .. } => ("E0302", "Not a file"),
            GitError::BadName { .. } => ("E0303", "Name not allowed"),
            GitError::TooLarge(_) => ("E0304", "Repository too large"),
            GitError::NotAllowed { .. } => ("E0305", "Source not allowed"),
            GitError::UnknownRevision { .. } => ("E0307", "Unknown revision"),
            GitError::UnknownHostKey { .. }
            | GitError::Credentials { .. }
            | GitError::Interrupted { .. }
            | GitError::Failed { .. } => ("E0308", "Source not readable"),
            GitError::AddressNotAllowed { .. } => ("E0402", "Source not readable"),
        }
    }

    pub(crate) fn failed(
        operation: &'static str,
        place: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        GitError::Failed {
            operation,
            place: place.into(),
            source: source.into(),
        }
    }
}

/// A text in quotes, with everything in it that is not plainly visible spelled out.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars().take(200) {
        match c {
            ' '..='~' | '\u{a1}'..='\u{2ff}' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_visible_is_spelled_out() {
        assert_eq!(quoted("a b/ü"), "'a b/ü'");
        assert_eq!(quoted("a\u{202e}b\u{1b}\n"), "'a\\u{202e}b\\u{1b}\\u{a}'");
    }
}
