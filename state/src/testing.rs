//! What the tests inside this crate share, and those that need to see inside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use strata_model::store::{StateStore, StoreError};
use strata_model::{Clock, IdSource, Lineage, SecretKey, Timestamp};
use tempfile::TempDir;

use crate::database::{connect, connect_options};
use crate::fault::Doing;
use crate::migrate::{MIGRATIONS, Migration};
use crate::open::{Access, OpenOptions, open_with};
use crate::sql;

/// Ids that count up: unique, and not random.
#[derive(Debug, Default)]
pub(crate) struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn fill(&self, buffer: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new()
            .update(&next.to_le_bytes())
            .finalize_xof()
            .fill(buffer);
    }
}

#[derive(Debug)]
struct StillClock;

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

fn options(access: Access) -> OpenOptions {
    OpenOptions {
        key: SecretKey::from_bytes([1; 32]),
        access,
        expected: None,
        ids: Arc::new(CountingIds::default()),
        clock: Arc::new(StillClock),
    }
}

const DOING: Doing<'static> = Doing {
    place: "x",
    operation: "testing",
};

async fn made() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let access = Access::Create(Lineage::from_bits([1; 16]));
    let store = open_with(&directory.path().join("s.db"), options(access), MIGRATIONS)
        .await
        .unwrap();
    store.close().await.unwrap();
    directory
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    use sqlx::{Executor, SqlSafeStr};
    let directory = made().await;
    let options = connect_options(&directory.path().join("s.db"), true);
    let mut conn = connect(&options, DOING).await.unwrap();
    for statement in sql::all() {
        let text = sqlx::AssertSqlSafe(statement.clone()).into_sql_str();
        let result = conn.prepare(text).await.map(drop);
        assert!(result.is_ok(), "{statement}: {result:?}");
    }
}

const NEXT: [Migration; 2] = [
    MIGRATIONS[0],
    Migration {
        version: 2,
        sql: "CREATE TABLE notes (lineage BLOB NOT NULL, note TEXT NOT NULL) STRICT; \
              INSERT INTO notes (lineage, note) SELECT lineage, 'kept' FROM meta",
    },
];

const BROKEN: [Migration; 2] = [
    MIGRATIONS[0],
    Migration {
        version: 2,
        sql: "CREATE TABLE notes (note TEXT NOT NULL) STRICT; INSERT INTO nowhere VALUES (1)",
    },
];

const REWRITTEN: [Migration; 1] = [Migration {
    version: 1,
    sql: "CREATE TABLE something_else (id INTEGER PRIMARY KEY) STRICT",
}];

#[tokio::test]
async fn an_older_state_is_backed_up_and_migrated() {
    let directory = made().await;
    let path = directory.path().join("s.db");
    let before = std::fs::read(&path).unwrap();

    // Reading does not migrate, and a migration that fails leaves everything as it was.
    let result = open_with(&path, options(Access::Read), &NEXT).await;
    assert!(matches!(result, Err(StoreError::Io { .. })), "{result:?}");
    let result = open_with(&path, options(Access::Write), &BROKEN).await;
    assert!(
        matches!(result, Err(StoreError::Corrupt { .. })),
        "{result:?}"
    );
    let store = open_with(&path, options(Access::Read), MIGRATIONS)
        .await
        .unwrap();
    store.close().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let store = open_with(&path, options(Access::Write), &NEXT)
        .await
        .unwrap();
    assert!(store.snapshot().await.unwrap().rows.is_empty());
    store.close().await.unwrap();
    // Once more: nothing is left to do.
    let store = open_with(&path, options(Access::Write), &NEXT)
        .await
        .unwrap();
    store.close().await.unwrap();

    // The older program refuses the newer format and changes nothing; the backup is what it was.
    let after = std::fs::read(&path).unwrap();
    let result = open_with(&path, options(Access::Write), MIGRATIONS).await;
    assert!(
        matches!(
            result,
            Err(StoreError::TooNew {
                found: 2,
                supported: 1
            })
        ),
        "{result:?}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), after);
    let backup = directory.path().join("s.db.v1-0.backup");
    assert_eq!(mode(&backup), 0o600);
    let store = open_with(&backup, options(Access::Write), MIGRATIONS)
        .await
        .unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_state_with_another_history_is_refused() {
    let directory = made().await;
    let path = directory.path().join("s.db");
    let result = open_with(&path, options(Access::Write), &REWRITTEN).await;
    assert!(
        matches!(result, Err(StoreError::Corrupt { .. })),
        "{result:?}"
    );
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
