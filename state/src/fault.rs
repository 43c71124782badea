//! What the database says, in the words of the contract.

use std::borrow::Cow;

use strata_model::store::StoreError;

/// SQLite's primary result codes that tell a damaged file from a failing disk.
const SQLITE_ERROR: i64 = 1;
const SQLITE_CORRUPT: i64 = 11;
const SQLITE_FORMAT: i64 = 24;
const SQLITE_NOTADB: i64 = 26;
const SQLITE_BUSY: i64 = 5;
/// And those that tell why a file system refuses.
const SQLITE_READONLY: i64 = 8;
const SQLITE_IOERR: i64 = 10;
const SQLITE_FULL: i64 = 13;
const SQLITE_CANTOPEN: i64 = 14;

/// Where an error happened: it names the file and what was tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doing<'a> {
    pub(crate) place: &'a str,
    pub(crate) operation: &'static str,
}

impl Doing<'_> {
    /// Translates a database error: damage is told from failure.
    pub(crate) fn fault(self, error: sqlx::Error) -> StoreError {
        let damaged = |detail: String| StoreError::Corrupt {
            place: self.place.to_owned(),
            detail,
        };
        match primary_code(&error) {
            // Every statement is prepared against the schema by a test: one that fails met another schema.
            Some(SQLITE_ERROR | SQLITE_CORRUPT | SQLITE_FORMAT | SQLITE_NOTADB) => {
                damaged(error.to_string())
            }
            Some(SQLITE_BUSY) => {
                self.io("another process is writing to the state and does not come to an end")
            }
            Some(SQLITE_FULL) => self.io(because("the disk is full", &error)),
            Some(SQLITE_IOERR) => self.io(because("the disk is full, or it fails", &error)),
            Some(SQLITE_READONLY | SQLITE_CANTOPEN) => {
                self.io(because("its files cannot be opened or written", &error))
            }
            _ if matches!(
                error,
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)
            ) =>
            {
                damaged(error.to_string())
            }
            _ => self.io(error),
        }
    }

    /// A failure of the file system.
    pub(crate) fn io(
        self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Io {
            operation: self.operation,
            source: error.into(),
        }
    }
}

/// What is the matter, with the database's own words.
fn because(what: &str, error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(database) => format!("{what} ({database})"),
        None => format!("{what} ({error})"),
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code: Cow<'_, str> = error.as_database_error()?.code()?;
    code.parse::<i64>().ok().map(|code| code & 0xff)
}

/// Whether another process is writing.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_BUSY)
}

/// Whether a constraint refused the record.
pub(crate) fn is_constraint(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.is_unique_violation()
            || error.is_foreign_key_violation()
            || error.is_check_violation()
    })
}
