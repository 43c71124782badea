//! What can go wrong with the sandbox itself, as opposed to the errors that the emulated clouds answer with.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A failure of the sandbox itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Another process has the store open.
    #[error("another process has the sandbox store {} open", path.display())]
    InUse {
        /// The SQLite file.
        path: PathBuf,
    },
    /// The store could not be opened.
    #[error("cannot open the sandbox store {}", path.display())]
    Open {
        /// The SQLite file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The store was written by another version of the sandbox.
    #[error("the sandbox store {} has format {found}, this version reads format {expected}; remove it with `strata sandbox reset`", path.display())]
    Format {
        /// The SQLite file.
        path: PathBuf,
        /// The format in the file.
        found: i64,
        /// The format that this version reads and writes.
        expected: i64,
    },
    /// A row of the store does not decode.
    #[error("the sandbox store holds a {service} {kind} that cannot be read")]
    Row {
        /// The service of the object.
        service: String,
        /// The type of the object.
        kind: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A statement failed.
    #[error("the sandbox store failed")]
    Store(#[source] sqlx::Error),
    /// The task that writes the store has ended.
    #[error("the sandbox store is closed")]
    Closed,
    /// The address to serve on is not a loopback address.
    #[error("the sandbox serves on loopback addresses only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The address to serve on could not be bound.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The record of calls could not be written.
    #[error("cannot write the record of calls to {}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The speed is not a positive number.
    #[error("the sandbox's speed must be a positive number, not {0}")]
    Speed(f64),
}
