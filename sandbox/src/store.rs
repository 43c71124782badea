//! The SQLite file: one row per object, one per call. The world lives in memory and is written through.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::SandboxError;
use crate::ledger::{Ledger, LedgerCall, LedgerObject};

/// The format that this version reads and writes.
const FORMAT: i64 = 1;

/// How many batches one transaction takes at most.
const GROUP: usize = 256;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS objects (
        number INTEGER PRIMARY KEY, service TEXT NOT NULL, type TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL,
        name TEXT, tags TEXT NOT NULL, client_token TEXT, created_seq INTEGER NOT NULL, deleted_seq INTEGER,
        created_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, listed INTEGER NOT NULL, body TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS calls (
        seq INTEGER PRIMARY KEY, service TEXT NOT NULL, operation TEXT NOT NULL, region TEXT NOT NULL, mutating INTEGER NOT NULL,
        status INTEGER NOT NULL, fault TEXT, at_ms INTEGER NOT NULL) STRICT",
];

/// An object as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredObject {
    /// Unique over the store's life; ids of named objects are not.
    pub(crate) number: u64,
    pub(crate) service: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// A JSON object of strings.
    pub(crate) tags: String,
    pub(crate) client_token: Option<String>,
    pub(crate) created_seq: u64,
    pub(crate) deleted_seq: Option<u64>,
    pub(crate) created_ms: u64,
    pub(crate) visible_ms: u64,
    /// Whether the ledger shows it.
    pub(crate) listed: bool,
    /// The type's own JSON.
    pub(crate) body: String,
}

/// An object as it is read back: the service and type are not yet known to be ours.
#[derive(Debug)]
pub(crate) struct LoadedObject {
    pub(crate) service: String,
    pub(crate) kind: String,
    pub(crate) object: StoredObject,
}

/// A call as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredCall {
    pub(crate) call: LedgerCall,
    pub(crate) region: String,
    pub(crate) at_ms: u64,
}

/// What one call changed; committed as a whole before its answer leaves.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) objects: Vec<StoredObject>,
    /// Absent where only time has passed.
    pub(crate) call: Option<StoredCall>,
    pub(crate) done: oneshot::Sender<bool>,
}

#[derive(Debug)]
enum Command {
    Write(Batch),
    Ledger(oneshot::Sender<Result<Ledger, sqlx::Error>>),
    Reset(oneshot::Sender<Result<(), sqlx::Error>>),
    Close,
}

/// What the store held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) objects: Vec<LoadedObject>,
    pub(crate) last_number: u64,
    pub(crate) last_seq: u64,
}

/// The handle on the task that owns the connection.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    commands: mpsc::UnboundedSender<Command>,
}

impl Store {
    /// Opens or creates the file, and starts the task that writes it. The file is locked for this process until the task ends.
    pub(crate) async fn open(path: &Path) -> Result<(Self, Loaded, JoinHandle<()>), SandboxError> {
        let open = |source| {
            let path = path.to_owned();
            if is_busy(&source) {
                SandboxError::InUse { path }
            } else {
                SandboxError::Open { path, source }
            }
        };
        make_private(path).map_err(|error| open(error.into()))?;
        let mut connection = connect(path).await.map_err(open)?;
        for statement in SCHEMA {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .map_err(open)?;
        }
        check_format(&mut connection, path).await?;
        let loaded = load(&mut connection).await.map_err(open)?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(write_all(connection, receiver));
        Ok((Self { commands }, loaded, task))
    }

    /// Queues a batch. Batches are committed in the order in which they were queued.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), SandboxError> {
        self.send(Command::Write(batch))
    }

    /// Reads the ledger, after everything that was queued before.
    pub(crate) async fn ledger(&self) -> Result<Ledger, SandboxError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ledger(reply))?;
        answer
            .await
            .map_err(|_closed| SandboxError::Closed)?
            .map_err(SandboxError::Store)
    }

    /// Queues the removal of everything, and returns what to wait on.
    pub(crate) fn reset(&self) -> Result<oneshot::Receiver<Result<(), sqlx::Error>>, SandboxError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Reset(reply))?;
        Ok(answer)
    }

    /// Asks the task to end, after everything that was queued before.
    pub(crate) fn close(&self) {
        // A task that has ended needs no asking.
        drop(self.send(Command::Close));
    }

    fn send(&self, command: Command) -> Result<(), SandboxError> {
        self.commands
            .send(command)
            .map_err(|_closed| SandboxError::Closed)
    }
}

/// Makes a new store one that only its owner may read: it holds what was sent, and with that values of a project.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Whether SQLite waited for another process in vain.
fn is_busy(error: &sqlx::Error) -> bool {
    /// `SQLITE_BUSY`; what lies above the first eight bits says why.
    const BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == BUSY)
}

async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // A commit in WAL mode with `synchronous=NORMAL` survives the death of the process, not that of the machine: the sandbox
    // promises no more. The exclusive lock keeps a second world from growing on the same file.
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
        .connect()
        .await
}

async fn check_format(connection: &mut SqliteConnection, path: &Path) -> Result<(), SandboxError> {
    sqlx::query("INSERT OR IGNORE INTO meta (key, value) VALUES ('format', ?1)")
        .bind(FORMAT)
        .execute(&mut *connection)
        .await
        .map_err(SandboxError::Store)?;
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'format'")
        .fetch_one(connection)
        .await
        .map_err(SandboxError::Store)?;
    let found: i64 = row.get(0);
    if found == FORMAT {
        return Ok(());
    }
    Err(SandboxError::Format {
        path: PathBuf::from(path),
        found,
        expected: FORMAT,
    })
}

async fn load(connection: &mut SqliteConnection) -> Result<Loaded, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT number, service, type, region, id, name, tags, client_token, created_seq, created_ms, visible_ms, listed, body
         FROM objects WHERE deleted_seq IS NULL ORDER BY number",
    )
    .fetch_all(&mut *connection)
    .await?;
    let objects = rows.iter().map(loaded_object).collect();
    let last = sqlx::query(
        "SELECT (SELECT coalesce(max(number), 0) FROM objects), (SELECT coalesce(max(seq), 0) FROM calls)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Loaded {
        objects,
        last_number: unsigned(&last, 0),
        last_seq: unsigned(&last, 1),
    })
}

fn loaded_object(row: &SqliteRow) -> LoadedObject {
    LoadedObject {
        service: row.get(1),
        kind: row.get(2),
        object: StoredObject {
            number: unsigned(row, 0),
            service: "",
            kind: "",
            region: row.get(3),
            id: row.get(4),
            name: row.get(5),
            tags: row.get(6),
            client_token: row.get(7),
            created_seq: unsigned(row, 8),
            deleted_seq: None,
            created_ms: unsigned(row, 9),
            visible_ms: unsigned(row, 10),
            listed: row.get(11),
            body: row.get(12),
        },
    }
}

fn unsigned(row: &SqliteRow, column: usize) -> u64 {
    u64::try_from(row.get::<i64, _>(column)).unwrap_or_default()
}

/// Carries out commands until every handle is gone, many batches in one transaction.
async fn write_all(
    mut connection: SqliteConnection,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut waiting = None;
    loop {
        let command = match waiting.take() {
            Some(command) => command,
            None => match commands.recv().await {
                Some(command) => command,
                None => break,
            },
        };
        match command {
            Command::Write(first) => {
                let (batches, next) = gather(first, &mut commands);
                waiting = next;
                let written = write(&mut connection, &batches).await.is_ok();
                for batch in batches {
                    // Nobody waits any more if the caller hung up.
                    let _unheard = batch.done.send(written);
                }
            }
            Command::Ledger(reply) => drop(reply.send(read_ledger(&mut connection).await)),
            Command::Reset(reply) => drop(reply.send(clear(&mut connection).await)),
            Command::Close => break,
        }
    }
    // Closing writes the log back into the file; after a failure here the log is simply read at the next start.
    drop(connection.close().await);
}

fn gather(
    first: Batch,
    commands: &mut mpsc::UnboundedReceiver<Command>,
) -> (Vec<Batch>, Option<Command>) {
    let mut batches = vec![first];
    while batches.len() < GROUP {
        match commands.try_recv() {
            Ok(Command::Write(batch)) => batches.push(batch),
            Ok(other) => return (batches, Some(other)),
            Err(_empty) => break,
        }
    }
    (batches, None)
}

/// Everything of a transaction in one go: each statement that is sent alone costs a round trip to the thread of the connection.
const WRITE: &str = "BEGIN IMMEDIATE;
    INSERT OR REPLACE INTO objects (number, service, type, region, id, name, tags, client_token, created_seq, deleted_seq,
        created_ms, visible_ms, listed, body)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9,
        value->>10, value->>11, value->>12, value->>13 FROM json_each(?1);
    INSERT OR REPLACE INTO calls (seq, service, operation, region, mutating, status, fault, at_ms)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7 FROM json_each(?2);
    COMMIT";

async fn write(connection: &mut SqliteConnection, batches: &[Batch]) -> Result<(), sqlx::Error> {
    let objects: Vec<Value> = batches
        .iter()
        .flat_map(|batch| &batch.objects)
        .map(row)
        .collect();
    let calls: Vec<Value> = batches
        .iter()
        .filter_map(|batch| batch.call.as_ref())
        .map(call_row)
        .collect();
    let written = sqlx::query(WRITE)
        .bind(Value::Array(objects).to_string())
        .bind(Value::Array(calls).to_string())
        .execute(&mut *connection)
        .await;
    if written.is_err() {
        // It fails too where the transaction never began.
        drop(sqlx::query("ROLLBACK").execute(connection).await);
    }
    written.map(drop)
}

fn row(object: &StoredObject) -> Value {
    json!([
        object.number,
        object.service,
        object.kind,
        object.region,
        object.id,
        object.name,
        object.tags,
        object.client_token,
        object.created_seq,
        object.deleted_seq,
        object.created_ms,
        object.visible_ms,
        object.listed,
        object.body,
    ])
}

fn call_row(stored: &StoredCall) -> Value {
    let call = &stored.call;
    json!([
        call.seq,
        call.service,
        call.operation,
        stored.region,
        call.mutating,
        call.status,
        call.fault,
        stored.at_ms,
    ])
}

async fn clear(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("DELETE FROM objects")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM calls")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn read_ledger(connection: &mut SqliteConnection) -> Result<Ledger, sqlx::Error> {
    let objects = sqlx::query(
        "SELECT service, type, id, name, tags, client_token, created_seq, deleted_seq FROM objects WHERE listed ORDER BY number",
    )
    .fetch_all(&mut *connection)
    .await?;
    let calls = sqlx::query(
        "SELECT seq, service, operation, mutating, status, fault FROM calls ORDER BY seq",
    )
    .fetch_all(connection)
    .await?;
    Ok(Ledger {
        objects: objects
            .iter()
            .map(ledger_object)
            .collect::<Result<_, _>>()?,
        calls: calls.iter().map(ledger_call).collect(),
    })
}

fn ledger_object(row: &SqliteRow) -> Result<LedgerObject, sqlx::Error> {
    let tags: String = row.get(4);
    Ok(LedgerObject {
        service: row.get(0),
        kind: row.get(1),
        id: row.get(2),
        name: row.get(3),
        tags: serde_json::from_str(&tags).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
        client_token: row.get(5),
        created_seq: unsigned(row, 6),
        deleted_seq: row
            .get::<Option<i64>, _>(7)
            .map(|seq| u64::try_from(seq).unwrap_or_default()),
    })
}

fn ledger_call(row: &SqliteRow) -> LedgerCall {
    LedgerCall {
        seq: unsigned(row, 0),
        service: row.get(1),
        operation: row.get(2),
        mutating: row.get(3),
        status: u16::try_from(row.get::<i64, _>(4)).unwrap_or_default(),
        fault: row.get(5),
    }
}
