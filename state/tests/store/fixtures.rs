//! States, rows and ops for the tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use strata_model::provider::{Operation, ProviderConfig, ProviderName};
use strata_model::schema::Adoption;
use strata_model::state::{
    Intent, LockHolder, PlanRecord, PlanStatus, RowKey, RowStatus, RunRecord, RunStatus, StateRow,
};
use strata_model::store::{Batch, StateStore, StoreError, Write};
use strata_model::wire::Encoded;
use strata_model::{
    Address, AttributePath, Clock, Digest, Fence, IdSource, InstanceKey, Lineage, OpId, PlanId,
    Position, RunId, SecretKey, Timestamp,
};
use strata_state::{Access, OpenOptions, SqliteStore};
use tempfile::TempDir;

/// Ids that count up, different for each source.
#[derive(Debug)]
pub(crate) struct CountingIds(AtomicU64);

impl CountingIds {
    pub(crate) fn new() -> Self {
        static SOURCES: AtomicU64 = AtomicU64::new(0);
        let start = SOURCES.fetch_add(1, Ordering::Relaxed) << 32;
        CountingIds(AtomicU64::new(start + u64::from(std::process::id())))
    }
}

impl IdSource for CountingIds {
    fn fill(&self, buffer: &mut [u8]) {
        let next = self.0.fetch_add(1 << 16, Ordering::Relaxed);
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
        time(0)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn lineage() -> Lineage {
    Lineage::from_bits([7; 16])
}

pub(crate) fn options(access: Access) -> OpenOptions {
    OpenOptions {
        key: SecretKey::from_bytes([1; 32]),
        access,
        expected: Some(lineage()),
        ids: Arc::new(CountingIds::new()),
        clock: Arc::new(StillClock),
    }
}

/// A directory with room for one state.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("state.db")
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.directory.path().join(format!("state.db{suffix}"))
    }

    pub(crate) async fn create(&self) -> SqliteStore {
        self.open(Access::Create(lineage())).await.unwrap()
    }

    pub(crate) async fn open(&self, access: Access) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(), options(access)).await
    }
}

pub(crate) fn holder(pid: u32) -> LockHolder {
    LockHolder {
        who: "ada@host".to_owned(),
        pid,
        operation: "apply".to_owned(),
        version: "0.1.0".to_owned(),
        since: time(0),
    }
}

/// A store with its lock held.
pub(crate) async fn locked(place: &Place) -> (SqliteStore, Fence) {
    let store = place.create().await;
    let lock = store.lock(holder(1), Duration::ZERO).await.unwrap();
    (store, lock.fence)
}

pub(crate) async fn commit(
    store: &SqliteStore,
    fence: Fence,
    writes: Vec<Write>,
) -> Result<u64, StoreError> {
    store
        .commit(fence, Batch(writes))
        .await
        .map(|serial| serial.0)
}

pub(crate) fn key(number: u64) -> RowKey {
    let address = Address::resource("aws_subnet", "private");
    RowKey::current(address.with_key(Some(InstanceKey::Index(number))))
}

/// A row with something in every field.
pub(crate) fn row(number: u64) -> StateRow {
    StateRow {
        key: key(number),
        provider: ProviderConfig {
            provider: ProviderName("aws".into()),
            values: [
                ("region".into(), json!("eu-west-1")),
                ("retries".into(), json!(3)),
            ]
            .into(),
        },
        schema_version: 2,
        id: Some(format!("subnet-{number:08x}")),
        attributes: Encoded {
            json: json!({
                "cidr_block": format!("10.{}.{}.0/24", number / 256, number % 256),
                "zone": "eu-west-1a", "ratio": 0.1, "arn": null,
                "tags": {"b": "2", "a": "line\nbreak \u{1e}\u{1f} ü"},
                "password": "hunter2-canary",
                "any": {"$type": "string", "$value": "hunter2-canary"},
            })
            .into(),
            unknown: vec![AttributePath::attribute("arn")],
            secret: vec![
                AttributePath::attribute("password"),
                AttributePath::attribute("any"),
            ],
            fingerprints: [(
                AttributePath::attribute("token"),
                SecretKey::from_bytes([2; 32]).fingerprint(b"x"),
            )]
            .into(),
        },
        status: RowStatus::Ready,
        protected: number.is_multiple_of(2),
        create_before_destroy: number.is_multiple_of(3),
        dependencies: vec![Address::resource("aws_vpc", "main")],
        created_by: Some(op(number)),
        op: Some(op(number + 1)),
        source: Some(Position {
            file: "net.strata.yaml".into(),
            line: 3,
            column: 7,
        }),
    }
}

pub(crate) fn op(number: u64) -> OpId {
    OpId::from_bits((1000 + u128::from(number)).to_be_bytes())
}

pub(crate) fn plan_id(number: u8) -> PlanId {
    PlanId::from_bits([number; 16])
}

pub(crate) fn run_id(number: u8) -> RunId {
    RunId::from_bits([number; 16])
}

pub(crate) fn intent(number: u64, fence: Fence) -> Intent {
    Intent {
        op: op(number),
        run: run_id(1),
        plan: plan_id(1),
        step: u32::try_from(number).unwrap(),
        operation: Operation::Create,
        adoption: Adoption::Tag,
        request_digest: Digest::of(b"request"),
        was_absent: true,
        fence,
        started_at: time(1),
        row: row(number),
    }
}

pub(crate) fn open_op(number: u64, fence: Fence) -> Write {
    Write::OpenOp(Box::new(intent(number, fence)))
}

pub(crate) fn put(number: u64) -> Write {
    Write::PutRow(Box::new(row(number)))
}

pub(crate) fn plan(number: u8, status: PlanStatus) -> PlanRecord {
    PlanRecord {
        id: plan_id(number),
        digest: Digest::of(&[number]),
        status,
        created_at: time(i64::from(number)),
        done: Vec::new(),
    }
}

pub(crate) fn run(number: u8) -> RunRecord {
    RunRecord {
        id: run_id(number),
        plan: plan_id(1),
        who: "ada@host".to_owned(),
        command: "apply".to_owned(),
        commit: Some("c0ffee".to_owned()),
        dirty: true,
        engine_version: "0.1.0".to_owned(),
        started_at: time(0),
        ended_at: None,
        status: RunStatus::Running,
        summary: None,
    }
}
