//! Connections, and statements over many records.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Sqlite};
use strata_model::store::StoreError;

use crate::fault::Doing;
use crate::sql::{BULK_SIZES, Bulk};

/// How long a statement waits for another process to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages in the write-ahead log before they are copied into the main file: 16 MiB.
const CHECKPOINT_PAGES: &str = "4000";

/// What the log file is cut back to after it was copied.
const LOG_LIMIT_BYTES: &str = "16777216";

/// How much of the file stays in memory, in KiB, below zero as SQLite wants it: what is written is read again.
const WRITER_CACHE: &str = "-16384";

/// The same for reading only: every page is looked at once.
const READER_CACHE: &str = "-1024";

/// How a state file is opened: for writing as well, or for reading only.
pub(crate) fn connect_options(path: &Path, writable: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(!writable)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        .thread_name(|id| format!("strata-state-{id}"))
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma(
            "cache_size",
            if writable { WRITER_CACHE } else { READER_CACHE },
        )
        .disable_statement_logging();
    if writable {
        options
            .pragma("journal_mode", "WAL")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_LIMIT_BYTES)
    } else {
        options
    }
}

/// A value bound to a statement.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Text(String),
    Int(i64),
    Blob(Vec<u8>),
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// The statements that carry `args` out, records in order.
fn bulk_queries(bulk: Bulk, lineage: &[u8], args: Vec<Arg>) -> Vec<Query> {
    let mut queries = Vec::new();
    let mut left = args.len() / bulk.width();
    let mut args = args.into_iter();
    for size in BULK_SIZES {
        while left >= size {
            left -= size;
            let mut query = sqlx::query(bulk.sql(size)).bind(lineage.to_vec());
            for arg in args.by_ref().take(size * bulk.width()) {
                query = match arg {
                    Arg::Text(text) => query.bind(text),
                    Arg::Int(int) => query.bind(int),
                    Arg::Blob(blob) => query.bind(blob),
                };
            }
            queries.push(query);
        }
    }
    queries
}

/// Carries out a statement over many records; `args` are their values one after the other. Gives the number of rows
/// that it touched.
pub(crate) async fn execute_bulk(
    conn: &mut SqliteConnection,
    lineage: &[u8],
    bulk: Bulk,
    args: Vec<Arg>,
) -> Result<u64, sqlx::Error> {
    let mut touched = 0;
    for query in bulk_queries(bulk, lineage, args) {
        touched += query.execute(&mut *conn).await?.rows_affected();
    }
    Ok(touched)
}

/// Like [`execute_bulk`], for a statement that answers with rows.
pub(crate) async fn fetch_bulk(
    conn: &mut SqliteConnection,
    lineage: &[u8],
    bulk: Bulk,
    args: Vec<Arg>,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for query in bulk_queries(bulk, lineage, args) {
        rows.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(rows)
}

/// Opens a connection.
pub(crate) async fn connect(
    options: &SqliteConnectOptions,
    doing: Doing<'_>,
) -> Result<SqliteConnection, StoreError> {
    options.connect().await.map_err(|error| doing.fault(error))
}
