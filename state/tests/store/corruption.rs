//! Damage is refused, or has no effect on what is read. It is never planned upon.

use std::fs;
use std::time::Duration;

use strata_model::state::{OpOutcome, PlanStatus, StateSnapshot};
use strata_model::store::{StateStore, StoreError, Write};
use strata_state::Access;

use crate::fixtures::{
    Place, commit, holder, key, locked, op, open_op, plan, plan_id, put, run, time,
};

/// What can be read of a state.
#[derive(Debug, PartialEq)]
struct Seen {
    snapshot: StateSnapshot,
    running: Vec<strata_model::state::PlanRecord>,
    runs: Vec<strata_model::state::RunRecord>,
    history: Vec<strata_model::state::ClosedOp>,
}

async fn read(place: &Place) -> Result<Seen, StoreError> {
    let store = place.open(Access::Read).await?;
    let seen = Seen {
        snapshot: store.snapshot().await?,
        running: store.running_plans().await?,
        runs: store.runs(100).await?,
        history: store.history(None, 1000).await?,
    };
    store.close().await?;
    Ok(seen)
}

/// A state with something in every table.
async fn filled() -> Place {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let writes = [
        Write::PutPlan(plan(1, PlanStatus::Running)),
        Write::BeginRun(run(1)),
        Write::StepDone {
            plan: plan_id(1),
            step: 3,
        },
    ];
    let writes = writes
        .into_iter()
        .chain((0..40).map(put))
        .chain((100..110).map(|number| open_op(number, fence)));
    commit(&store, fence, writes.collect()).await.unwrap();
    let writes = (100..105)
        .map(|number| Write::CloseOp {
            op: op(number),
            outcome: OpOutcome::Failed,
            message: None,
            at: time(1),
        })
        .chain((0..10).map(|number| Write::DeleteRow(key(number))));
    commit(&store, fence, writes.collect()).await.unwrap();
    store.close().await.unwrap();
    place
}

/// A generator of offsets that is the same in every run.
struct Sample(u64);

impl Sample {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[tokio::test]
async fn flipped_bits_are_never_believed() {
    let place = filled().await;
    let sound = fs::read(place.path()).unwrap();
    let expected = read(&place).await.unwrap();
    let mut sample = Sample(42);
    let (mut refused, mut harmless) = (0, 0);
    // Every bit of the first page's beginning, and some of every page.
    let first = (0..100).flat_map(|byte| [(byte, 0), (byte, 3), (byte, 7)]);
    let spread: Vec<_> = (0..400)
        .map(|_| (sample.below(sound.len()), sample.below(8)))
        .collect();
    for (byte, bit) in first.chain(spread) {
        let mut damaged = sound.clone();
        damaged[byte] ^= 1 << bit;
        fs::write(place.path(), &damaged).unwrap();
        match read(&place).await {
            Ok(seen) => {
                assert!(seen == expected, "byte {byte} bit {bit}");
                harmless += 1;
            }
            Err(
                StoreError::Corrupt { .. }
                | StoreError::Inconsistent { .. }
                | StoreError::TooNew { .. }
                | StoreError::WrongKey(_)
                | StoreError::OtherLineage { .. },
            ) => refused += 1,
            Err(other) => panic!("byte {byte} bit {bit}: {other:?}"),
        }
    }
    assert!(refused > 200, "{refused} refused, {harmless} harmless");
}

#[tokio::test]
async fn a_file_cut_short_is_refused() {
    let place = filled().await;
    let sound = fs::read(place.path()).unwrap();
    let mut lengths: Vec<usize> = (0..sound.len()).step_by(4096).collect();
    lengths.extend([1, 99, 100, 4097, sound.len() - 1]);
    for length in lengths {
        fs::write(place.path(), &sound[..length]).unwrap();
        for access in [Access::Read, Access::Write] {
            match place.open(access).await {
                Err(StoreError::Corrupt { .. }) => {}
                other => panic!("{length} bytes: {other:?}"),
            }
        }
    }
    fs::write(place.path(), &sound).unwrap();
    read(&place).await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_gone_is_missed() {
    let place = filled().await;
    let url = format!("sqlite:{}", place.path().display());
    for (statement, table) in [
        (
            "DELETE FROM resources WHERE id = (SELECT max(id) FROM resources)",
            "resources",
        ),
        (
            "DELETE FROM open_ops WHERE seq = (SELECT max(seq) FROM open_ops)",
            "open_ops",
        ),
        ("DELETE FROM plan_steps_done", "plan_steps_done"),
        (
            "UPDATE resources SET deposed = 'x' WHERE id = (SELECT max(id) FROM resources)",
            "resources",
        ),
        (
            "INSERT INTO resources (lineage, address, deposed, config, data, mac) SELECT lineage, 'a.b', deposed, config, data, mac FROM resources LIMIT 1",
            "resources",
        ),
    ] {
        let sound = fs::read(place.path()).unwrap();
        let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
            .await
            .unwrap();
        sqlx::query(statement).execute(&mut conn).await.unwrap();
        sqlx::Connection::close(conn).await.unwrap();
        match read(&place).await {
            Err(StoreError::Corrupt { detail, .. }) => {
                assert!(detail.contains(table), "{statement}: {detail}");
            }
            Ok(_) => panic!("{statement}: it was believed"),
            Err(other) => panic!("{statement}: {other:?}"),
        }
        fs::write(place.path(), sound).unwrap();
    }
}

/// A process that dies leaves its last commits in the log. Without the log the state would look older than it is.
#[tokio::test]
async fn a_lost_or_damaged_log_is_missed() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    for number in 0..20 {
        commit(&store, fence, vec![put(number)]).await.unwrap();
    }
    // A copy of the files in the middle of a run is what a crash leaves.
    let copy = Place::new();
    for suffix in ["", "-wal", ".lock"] {
        fs::copy(place.beside(suffix), copy.beside(suffix)).unwrap();
    }
    drop(store);
    assert_eq!(read(&copy).await.unwrap().snapshot.rows.len(), 20);

    let log = fs::read(copy.beside("-wal")).unwrap();
    let mut damaged = log.clone();
    damaged[log.len() / 2] ^= 4;
    let cases: [Option<&[u8]>; 4] = [None, Some(&[]), Some(&damaged), Some(&log[..log.len() / 2])];
    for case in cases {
        fs::remove_file(copy.beside("-shm")).ok();
        match case {
            Some(bytes) => fs::write(copy.beside("-wal"), bytes).unwrap(),
            None => fs::remove_file(copy.beside("-wal")).unwrap(),
        }
        match read(&copy).await {
            Err(StoreError::Corrupt { detail, .. }) => {
                assert!(detail.contains("serial 20 was committed"), "{detail}");
            }
            Ok(_) => panic!("it was believed"),
            Err(other) => panic!("{other:?}"),
        }
    }
    fs::remove_file(copy.beside("-shm")).ok();
    fs::write(copy.beside("-wal"), &log).unwrap();
    assert_eq!(read(&copy).await.unwrap().snapshot.rows.len(), 20);
}

#[tokio::test]
async fn an_older_copy_is_noticed() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    commit(&store, fence, vec![put(0)]).await.unwrap();
    let id = store.lock_holder().await.unwrap().unwrap().0;
    drop(id);
    store.close().await.unwrap();
    let older = fs::read(place.path()).unwrap();
    let store = place.open(Access::Write).await.unwrap();
    let lock = store.lock(holder(2), Duration::ZERO).await.unwrap();
    commit(&store, lock.fence, vec![put(1)]).await.unwrap();
    store.close().await.unwrap();
    fs::write(place.path(), older).unwrap();
    match read(&place).await {
        Err(StoreError::Corrupt { detail, .. }) => {
            assert!(detail.contains("older copy"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
    // Who wants to go on from it can say so.
    fs::remove_file(place.beside(".lock")).unwrap();
    assert_eq!(read(&place).await.unwrap().snapshot.rows.len(), 1);
}
