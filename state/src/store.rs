//! The store: one opened state.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Sqlite, Transaction};
use strata_model::event::StoredEvent;
use strata_model::state::{ClosedOp, LockHolder, OpOutcome, PlanRecord, RunRecord, StateSnapshot};
use strata_model::store::{Batch, Lock, StateStore, StoreError, Write};
use strata_model::{Clock, Fence, IdSource, Lineage, OpId, PlanId, RunId, Serial};

use crate::commit::{Cache, Change, Learned, Target};
use crate::database::connect;
use crate::fault::Doing;
use crate::files::{Note, Paths};
use crate::history::Records;
use crate::integrity::Table;
use crate::lock::{Held, LockRow, replace_lock_file, try_lock_file};
use crate::meta::{Meta, lineage_bytes};
use crate::migrate::begin_write;
use crate::open::{Access, OpenOptions, check_structure};
use crate::record::Codec;
use crate::reserve;
use crate::{snapshot, sql};

/// How often a waiting `lock` looks again.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How long a refused `lock` waits for the winner to have written who it is.
const HOLDER_POLLS: u32 = 10;

/// A state in a SQLite file.
///
/// Dropping it frees its files and, with them, a lock that was not given back: the next holder takes it over.
pub struct SqliteStore {
    paths: Paths,
    place: String,
    lineage: Lineage,
    key: Vec<u8>,
    writable: bool,
    codec: Arc<Codec>,
    ids: Arc<dyn IdSource>,
    clock: Arc<dyn Clock>,
    connect_options: SqliteConnectOptions,
    writer: tokio::sync::Mutex<Writer>,
    reader: tokio::sync::Mutex<Option<SqliteConnection>>,
    held: Mutex<Option<Held>>,
    checks: FenceChecks,
    /// Whether the structure of the file was checked.
    sound: AtomicBool,
    commits: AtomicU64,
}

/// Looks at the fence, of which those that are wanted at once share one: a look that begins after somebody asked for one
/// serves them.
#[derive(Debug, Default)]
struct FenceChecks {
    /// How many were asked for.
    asked: AtomicU64,
    /// How many had been asked for when the last look began, and what it saw.
    seen: Mutex<(u64, u64)>,
    /// How many looks there were.
    looks: AtomicU64,
}

/// The connection that writes.
#[derive(Debug)]
struct Writer {
    /// `None` after it broke: the next use connects anew.
    conn: Option<SqliteConnection>,
    cache: Cache,
}

/// What a write goes by.
#[derive(Debug, Clone, Copy)]
struct Before<'a> {
    cache: &'a Cache,
    /// `None` for what needs no lock.
    fence: Option<Fence>,
}

impl SqliteStore {
    pub(crate) fn new(
        paths: Paths,
        connect_options: SqliteConnectOptions,
        conn: SqliteConnection,
        codec: Codec,
        options: OpenOptions,
    ) -> Self {
        let lineage = codec.lineage;
        SqliteStore {
            place: paths.database.display().to_string(),
            paths,
            lineage,
            key: lineage_bytes(lineage),
            writable: options.access != Access::Read,
            codec: Arc::new(codec),
            ids: options.ids,
            clock: options.clock,
            connect_options,
            // The connection that checked the state has its pages in memory: reads go on with it.
            writer: tokio::sync::Mutex::new(Writer {
                conn: None,
                cache: Cache::default(),
            }),
            reader: tokio::sync::Mutex::new(Some(conn)),
            held: Mutex::new(None),
            sound: AtomicBool::new(false),
            checks: FenceChecks::default(),
            commits: AtomicU64::new(0),
        }
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.paths.database
    }

    /// How many batches this object has committed.
    pub fn commit_count(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How often the fence was read to answer [`StateStore::check_fence`].
    pub fn fence_looks(&self) -> u64 {
        self.checks.looks.load(Ordering::Relaxed)
    }

    /// Copies what is in the write-ahead log into the main file and closes it. Dropping does the same later.
    ///
    /// # Errors
    ///
    /// When the copying fails; everything is still in the log then.
    pub async fn close(self) -> Result<(), StoreError> {
        let doing = self.doing("closing the state");
        let reader = self.reader.lock().await.take();
        let writer = self.writer.lock().await.conn.take();
        for conn in [reader, writer].into_iter().flatten() {
            conn.close().await.map_err(|error| doing.fault(error))?;
        }
        Ok(())
    }

    fn doing(&self, operation: &'static str) -> Doing<'_> {
        Doing {
            place: &self.place,
            operation,
        }
    }

    /// The lock that this object holds.
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes beside the database how far it has come. A note that cannot be written only protects less.
    fn note(&self, meta: &Meta) {
        let note = Note {
            lineage: self.lineage,
            serial: meta.serial,
            fence: meta.fence,
        };
        if let Some(held) = self.held().as_ref() {
            drop(note.write(&held.file));
        }
    }

    async fn begin_read<'r>(
        &self,
        reader: &'r mut Option<SqliteConnection>,
        doing: Doing<'_>,
    ) -> Result<Transaction<'r, Sqlite>, StoreError> {
        let conn = connected(reader, &self.connect_options, doing).await?;
        conn.begin().await.map_err(|error| doing.fault(error))
    }

    /// Checks the structure of the file, once.
    async fn ensure_sound(
        &self,
        conn: &mut SqliteConnection,
        doing: Doing<'_>,
    ) -> Result<(), StoreError> {
        if !self.sound.load(Ordering::Relaxed) {
            check_structure(conn, &self.codec.integrity, doing).await?;
            self.sound.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn records<'r>(&'r self, conn: &'r mut SqliteConnection, doing: Doing<'r>) -> Records<'r> {
        Records {
            conn,
            lineage: &self.key,
            integrity: &self.codec.integrity,
            doing,
        }
    }

    /// Begins a transaction that writes, and reads the counters in it.
    async fn begin_write<'w>(
        &self,
        conn: &'w mut Option<SqliteConnection>,
        doing: Doing<'_>,
    ) -> Result<(Transaction<'w, Sqlite>, Meta), StoreError> {
        if !self.writable {
            return Err(doing.io("the state was opened for reading only"));
        }
        let conn = connected(conn, &self.connect_options, doing).await?;
        self.ensure_sound(conn, doing).await?;
        let mut tx = begin_write(conn)
            .await
            .map_err(|error| doing.fault(error))?;
        let meta = Meta::read(&mut tx, &self.key, &self.codec.integrity, doing).await?;
        Ok((tx, meta))
    }

    /// Carries writes out in one transaction; `fence` is `None` for what needs no lock.
    async fn write(
        &self,
        fence: Option<Fence>,
        writes: Vec<Write>,
        doing: Doing<'_>,
    ) -> Result<Serial, StoreError> {
        let mut writer = self.writer.lock().await;
        // Whoever drops this future half-way leaves an empty cache behind, never a wrong one.
        let mut cache = std::mem::take(&mut writer.cache);
        let before = Before {
            cache: &cache,
            fence,
        };
        let result = self
            .write_with(&mut writer.conn, before, writes, doing)
            .await;
        match result {
            Ok((meta, learned)) => {
                cache.absorb(learned);
                writer.cache = cache;
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.note(&meta);
                Ok(Serial(meta.serial))
            }
            Err(error) => {
                if matches!(error, StoreError::Io { .. }) {
                    // A fresh connection begins without what the failure left in this one, and with room on the disk
                    // for the results of calls that were on their way.
                    writer.conn = None;
                    reserve::give_back(&self.paths.reserve);
                }
                Err(error)
            }
        }
    }

    async fn write_with(
        &self,
        conn: &mut Option<SqliteConnection>,
        before: Before<'_>,
        writes: Vec<Write>,
        doing: Doing<'_>,
    ) -> Result<(Meta, Learned), StoreError> {
        let (mut tx, meta) = self.begin_write(conn, doing).await?;
        let fenced = before.fence.is_some_and(|fence| fence.0 != meta.fence);
        let target = Target {
            conn: &mut tx,
            lineage: &self.key,
            codec: &self.codec,
            cache: before.cache,
            doing,
        };
        let result = match fenced {
            true => Err(StoreError::Fenced),
            false => Change::new(target, meta).carry_out(writes).await,
        };
        finish(tx, result, doing).await
    }

    /// Takes the lock over: raises the fence and writes who holds it, in one transaction.
    async fn take_over(&self, id: &str, holder: LockHolder) -> Result<(Lock, Meta), StoreError> {
        let doing = self.doing("taking the lock on the state");
        let mut writer = self.writer.lock().await;
        writer.cache.forget_ops();
        let (mut tx, mut meta) = self.begin_write(&mut writer.conn, doing).await?;
        let result = async {
            let before = LockRow::read(&mut tx, &self.key, &self.codec, doing).await?;
            meta.fence += 1;
            let row = LockRow {
                id: id.to_owned(),
                fence: meta.fence,
                released: false,
                holder,
            };
            row.write(&mut tx, &self.key, &self.codec, doing).await?;
            self.write_meta(&mut tx, &meta, doing).await?;
            let lock = Lock {
                id: id.to_owned(),
                fence: Fence(meta.fence),
                took_over: before.is_some_and(|row| !row.released),
            };
            Ok((lock, meta))
        };
        let result = result.await;
        finish(tx, result, doing).await
    }

    async fn write_meta(
        &self,
        conn: &mut SqliteConnection,
        meta: &Meta,
        doing: Doing<'_>,
    ) -> Result<(), StoreError> {
        meta.write(conn, &self.key, &self.codec.integrity, sql::UPDATE_META)
            .await
            .map_err(|error| doing.fault(error))
    }

    /// Who holds the lock, for someone who did not get it. The winner of a race may not have written it yet.
    async fn locked(&self) -> Result<StoreError, StoreError> {
        for _ in 0..HOLDER_POLLS {
            if let Some((id, holder)) = self.lock_holder().await? {
                return Ok(StoreError::Locked {
                    id,
                    holder: Box::new(holder),
                });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
        let holder = LockHolder {
            who: "another process".to_owned(),
            pid: 0,
            operation: "starting".to_owned(),
            version: String::new(),
            since: self.clock.now(),
        };
        Ok(StoreError::Locked {
            id: String::new(),
            holder: Box::new(holder),
        })
    }

    /// Waits for the kernel lock.
    async fn wait_for_file(&self, timeout: Duration, doing: Doing<'_>) -> Result<File, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            let file = try_lock_file(&self.paths.lock).map_err(|error| doing.io(error))?;
            if let Some(file) = file {
                return Ok(file);
            }
            if waited >= timeout {
                return Err(self.locked().await?);
            }
            tokio::time::sleep(LOCK_POLL).await;
            waited += LOCK_POLL;
        }
    }
}

/// The connection, made anew after it broke.
async fn connected<'c>(
    conn: &'c mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    doing: Doing<'_>,
) -> Result<&'c mut SqliteConnection, StoreError> {
    match conn {
        Some(conn) => Ok(conn),
        None => Ok(conn.insert(connect(options, doing).await?)),
    }
}

/// Commits what succeeded and undoes what did not.
async fn finish<T>(
    tx: Transaction<'_, Sqlite>,
    result: Result<T, StoreError>,
    doing: Doing<'_>,
) -> Result<T, StoreError> {
    match result {
        Ok(value) => match tx.commit().await {
            Ok(()) => Ok(value),
            Err(error) => Err(doing.fault(error)),
        },
        Err(error) => {
            // SQLite has undone it by itself after some failures, and then there is nothing left to undo.
            drop(tx.rollback().await);
            Err(error)
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("place", &self.place)
            .field("lineage", &self.lineage)
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl StateStore for SqliteStore {
    fn lineage(&self) -> Lineage {
        self.lineage
    }

    async fn snapshot(&self) -> Result<StateSnapshot, StoreError> {
        let doing = self.doing("reading the state");
        let mut reader = self.reader.lock().await;
        let conn = connected(&mut reader, &self.connect_options, doing).await?;
        snapshot::read(conn, self.lineage, &self.codec, doing).await
    }

    async fn lock(&self, holder: LockHolder, timeout: Duration) -> Result<Lock, StoreError> {
        let doing = self.doing("taking the lock on the state");
        if !self.writable {
            return Err(doing.io("the state was opened for reading only"));
        }
        let file = self.wait_for_file(timeout, doing).await?;
        reserve::set_aside(&self.paths.reserve).map_err(|error| doing.io(error))?;
        let id = hex(&self.ids.bits());
        let (lock, meta) = self.take_over(&id, holder).await?;
        *self.held() = Some(Held { id, file });
        self.note(&meta);
        Ok(lock)
    }

    async fn unlock(&self, lock: &Lock) -> Result<(), StoreError> {
        let doing = self.doing("giving the lock on the state back");
        let mut writer = self.writer.lock().await;
        let (mut tx, meta) = self.begin_write(&mut writer.conn, doing).await?;
        let row = LockRow::read(&mut tx, &self.key, &self.codec, doing).await?;
        let own = row.filter(|row| row.id == lock.id && meta.fence == lock.fence.0);
        let result = match own {
            Some(row) => {
                let row = LockRow {
                    released: true,
                    ..row
                };
                row.write(&mut tx, &self.key, &self.codec, doing).await
            }
            None => Ok(()),
        };
        finish(tx, result, doing).await?;
        let mut held = self.held();
        if held.as_ref().is_some_and(|held| held.id == lock.id) {
            reserve::give_back(&self.paths.reserve);
            *held = None;
        }
        Ok(())
    }

    async fn lock_holder(&self) -> Result<Option<(String, LockHolder)>, StoreError> {
        let doing = self.doing("reading who holds the lock");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        let row = LockRow::read(&mut tx, &self.key, &self.codec, doing).await?;
        Ok(row
            .filter(|row| !row.released)
            .map(|row| (row.id, row.holder)))
    }

    async fn force_unlock(&self, id: &str) -> Result<(), StoreError> {
        let doing = self.doing("taking the lock away");
        let mut writer = self.writer.lock().await;
        let (mut tx, mut meta) = self.begin_write(&mut writer.conn, doing).await?;
        let row = LockRow::read(&mut tx, &self.key, &self.codec, doing).await?;
        let result = match row.filter(|row| row.id == id && !row.released) {
            Some(row) => {
                meta.fence += 1;
                let row = LockRow {
                    released: true,
                    fence: meta.fence,
                    ..row
                };
                match row.write(&mut tx, &self.key, &self.codec, doing).await {
                    Ok(()) => self.write_meta(&mut tx, &meta, doing).await,
                    Err(error) => Err(error),
                }
            }
            None => Err(StoreError::NotLocked(id.to_owned())),
        };
        finish(tx, result, doing).await?;
        replace_lock_file(&self.paths.lock, id).map_err(|error| doing.io(error))
    }

    async fn check_fence(&self, fence: Fence) -> Result<(), StoreError> {
        let number = self.checks.asked.fetch_add(1, Ordering::SeqCst);
        let doing = self.doing("checking the lock on the state");
        let mut reader = self.reader.lock().await;
        let seen = || {
            self.checks
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let (served, mut current) = *seen();
        if number >= served {
            let asked = self.checks.asked.load(Ordering::SeqCst);
            let mut tx = self.begin_read(&mut reader, doing).await?;
            let meta = Meta::read(&mut tx, &self.key, &self.codec.integrity, doing).await?;
            self.checks.looks.fetch_add(1, Ordering::Relaxed);
            current = meta.fence;
            *seen() = (asked, current);
        }
        match current == fence.0 {
            true => Ok(()),
            false => Err(StoreError::Fenced),
        }
    }

    async fn commit(&self, fence: Fence, batch: Batch) -> Result<Serial, StoreError> {
        let doing = self.doing("writing to the state");
        self.write(Some(fence), batch.0, doing).await
    }

    async fn save_plan(&self, plan: PlanRecord) -> Result<(), StoreError> {
        let doing = self.doing("recording the plan in the state");
        self.write(None, vec![Write::PutPlan(plan)], doing).await?;
        Ok(())
    }

    async fn plan(&self, id: PlanId) -> Result<Option<PlanRecord>, StoreError> {
        let doing = self.doing("reading a plan's record");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        self.records(&mut tx, doing).plan(id).await
    }

    async fn running_plans(&self) -> Result<Vec<PlanRecord>, StoreError> {
        let doing = self.doing("reading the plans' records");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        let meta = Meta::read(&mut tx, &self.key, &self.codec.integrity, doing).await?;
        let stored = meta.sums.of(Table::Plans);
        self.records(&mut tx, doing).running_plans(stored).await
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        let doing = self.doing("reading the runs");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        self.ensure_sound(&mut tx, doing).await?;
        self.records(&mut tx, doing).runs(limit).await
    }

    async fn events(&self, run: RunId) -> Result<Vec<StoredEvent>, StoreError> {
        let doing = self.doing("reading a run's events");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        self.ensure_sound(&mut tx, doing).await?;
        self.records(&mut tx, doing).events(run).await
    }

    async fn history(
        &self,
        address: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ClosedOp>, StoreError> {
        let doing = self.doing("reading the history");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        self.ensure_sound(&mut tx, doing).await?;
        self.records(&mut tx, doing).history(address, limit).await
    }

    async fn op_outcome(&self, op: OpId) -> Result<Option<OpOutcome>, StoreError> {
        let doing = self.doing("reading an op's outcome");
        let mut reader = self.reader.lock().await;
        let mut tx = self.begin_read(&mut reader, doing).await?;
        let closed = self.records(&mut tx, doing).closed(op).await?;
        Ok(closed.map(|closed| closed.outcome))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
