//! Prints what the store costs: `cargo run --release -p strata-state --example bench`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark measures time and prints it"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use strata_model::provider::{Operation, ProviderConfig, ProviderName};
use strata_model::schema::Adoption;
use strata_model::state::{
    Intent, LockHolder, OpOutcome, PlanRecord, PlanStatus, RowKey, RowStatus, RunRecord, RunStatus,
    StateRow,
};
use strata_model::store::{Batch, StateStore, Write};
use strata_model::wire::Encoded;
use strata_model::{
    Address, Clock, Digest, Fence, IdSource, InstanceKey, Lineage, OpId, PlanId, RunId, SecretKey,
    Timestamp,
};
use strata_state::{Access, OpenOptions, SqliteStore};

#[derive(Debug, Default)]
struct Ids(AtomicU64);

impl IdSource for Ids {
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
        ids: Arc::new(Ids::default()),
        clock: Arc::new(StillClock),
    }
}

fn row(number: u64, op: OpId) -> StateRow {
    let address = Address::resource("strata_data", format!("node_{}", number / 20));
    let address = address.with_key(Some(InstanceKey::Index(number % 20)));
    StateRow {
        key: RowKey::current(address.clone()),
        provider: ProviderConfig {
            provider: ProviderName("strata".into()),
            values: [].into(),
        },
        schema_version: 1,
        id: Some(op.to_string()),
        attributes: Encoded {
            json: json!({
                "id": op.to_string(),
                "input": {"$type": ["object", {"name": "string", "previous": "string"}],
                          "$value": {"name": format!("n{number}"), "previous": op.to_string()}},
                "output": {"$type": ["object", {"name": "string", "previous": "string"}],
                           "$value": {"name": format!("n{number}"), "previous": op.to_string()}},
                "triggers_replace": null,
            })
            .into(),
            ..Encoded::default()
        },
        status: RowStatus::Ready,
        protected: false,
        create_before_destroy: false,
        dependencies: vec![address.block()],
        created_by: Some(op),
        op: Some(op),
        source: Some(strata_model::Position {
            file: "clusters/a.strata.yaml".into(),
            line: 12,
            column: 5,
        }),
    }
}

/// Time that all threads of this process have spent on a processor, which a busy machine does not stretch.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let nanos: u64 = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    Duration::from_nanos(nanos)
}

const PLAN: [u8; 16] = [1; 16];
const RUN: [u8; 16] = [2; 16];

fn open(number: u64, fence: Fence) -> Write {
    let mut bits = *blake3::hash(&number.to_le_bytes())
        .as_bytes()
        .first_chunk()
        .unwrap();
    let op = OpId::from_bits(std::mem::take(&mut bits));
    Write::OpenOp(Box::new(Intent {
        op,
        run: RunId::from_bits(RUN),
        plan: PlanId::from_bits(PLAN),
        step: u32::try_from(number).unwrap(),
        operation: Operation::Create,
        adoption: Adoption::Natural,
        request_digest: Digest::of(b"x"),
        was_absent: true,
        fence,
        started_at: Timestamp::UNIX_EPOCH,
        row: row(number, op),
    }))
}

fn close(opened: &Write) -> [Write; 4] {
    let Write::OpenOp(intent) = opened else {
        unreachable!("only opened ops are closed")
    };
    [
        Write::CloseOp {
            op: intent.op,
            outcome: OpOutcome::Succeeded,
            message: None,
            at: Timestamp::UNIX_EPOCH,
        },
        Write::PutRow(Box::new(intent.row.clone())),
        Write::StepDone {
            plan: intent.plan,
            step: intent.step,
        },
        Write::Event {
            run: intent.run,
            event: strata_model::event::StoredEvent {
                at: Timestamp::UNIX_EPOCH,
                kind: "step_finished".to_owned(),
                data: json!({"address": intent.row.key.address.to_string(), "elapsed_ms": 12}),
            },
        },
    ]
}

async fn apply(path: &Path, count: u64, parallel: u64) {
    let store = SqliteStore::open(path, options(Access::Create(Lineage::from_bits([1; 16]))))
        .await
        .unwrap();
    let holder = LockHolder {
        who: "a@b".to_owned(),
        pid: 1,
        operation: "apply".to_owned(),
        version: "0".to_owned(),
        since: Timestamp::UNIX_EPOCH,
    };
    let lock = store.lock(holder, Duration::ZERO).await.unwrap();
    let begin = vec![
        Write::PutPlan(PlanRecord {
            id: PlanId::from_bits(PLAN),
            digest: Digest::of(b"p"),
            status: PlanStatus::Running,
            created_at: Timestamp::UNIX_EPOCH,
            done: Vec::new(),
        }),
        Write::BeginRun(RunRecord {
            id: RunId::from_bits(RUN),
            plan: PlanId::from_bits(PLAN),
            who: "a@b".to_owned(),
            command: "apply".to_owned(),
            commit: None,
            dirty: false,
            engine_version: "0".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            status: RunStatus::Running,
            summary: None,
        }),
    ];
    store.commit(lock.fence, Batch(begin)).await.unwrap();
    let (started, busy) = (Instant::now(), processor_time());
    let mut running: Vec<Write> = Vec::new();
    let mut next = 0;
    while next < count || !running.is_empty() {
        let opened: Vec<Write> = (next..count.min(next + parallel))
            .map(|number| open(number, lock.fence))
            .collect();
        next += opened.len() as u64;
        let mut batch: Vec<Write> = running.iter().flat_map(close).collect();
        batch.extend(opened.iter().cloned());
        store.commit(lock.fence, Batch(batch)).await.unwrap();
        running = opened;
    }
    let (elapsed, busy) = (started.elapsed(), processor_time() - busy);
    println!(
        "apply {count} steps, parallel {parallel}: {elapsed:?}, {:.0} steps/s, {} commits, {:?} each; processor {busy:?}",
        count as f64 / elapsed.as_secs_f64(),
        store.commit_count(),
        elapsed / u32::try_from(store.commit_count()).unwrap(),
    );
    store.unlock(&lock).await.unwrap();
    store.close().await.unwrap();
}

async fn read(path: &Path, access: Access) {
    let (mut opens, mut snapshots) = (Vec::new(), Vec::new());
    let mut rows = 0;
    let (mut opens_busy, mut snapshots_busy) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let (started, busy) = (Instant::now(), processor_time());
        let store = SqliteStore::open(path, options(access)).await.unwrap();
        opens.push(started.elapsed());
        opens_busy.push(processor_time() - busy);
        let (started, busy) = (Instant::now(), processor_time());
        rows = store.snapshot().await.unwrap().rows.len();
        snapshots.push(started.elapsed());
        snapshots_busy.push(processor_time() - busy);
        store.close().await.unwrap();
    }
    for list in [
        &mut opens,
        &mut snapshots,
        &mut opens_busy,
        &mut snapshots_busy,
    ] {
        list.sort();
    }
    println!(
        "{access:?} {rows} rows: open {:?} (processor {:?}), snapshot {:?} (processor {:?}) (medians of 9; {} KiB)",
        opens[4],
        opens_busy[4],
        snapshots[4],
        snapshots_busy[4],
        std::fs::metadata(path).unwrap().len() / 1024
    );
}

fn sync_cost(directory: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(directory.join("sync")).unwrap();
    let started = Instant::now();
    for _ in 0..100 {
        file.write_all(&[1; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    println!("fsync of 4 KiB: {:?}", started.elapsed() / 100);
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    sync_cost(directory.path());
    let sizes = [
        (20, 10),
        (1_000, 10),
        (5_000, 10),
        (10_000, 10),
        (5_000, 100),
        (50_000, 10),
    ];
    for (count, parallel) in sizes {
        let path = directory.path().join(format!("{count}-{parallel}.db"));
        apply(&path, count, parallel).await;
        read(&path, Access::Read).await;
        read(&path, Access::Write).await;
    }
}
