//! Every write comes back as it went in.

use std::collections::BTreeMap;

use serde_json::json;
use strata_model::event::StoredEvent;
use strata_model::provider::Operation;
use strata_model::state::{
    CheckpointRecord, ClosedOp, OpOutcome, OpenOp, PlanRecord, PlanStatus, RowKey, RunRecord,
    RunStatus, StateRow, StoredOutput,
};
use strata_model::store::{StateStore, StoreError, Write};
use strata_model::wire::Encoded;
use strata_model::{DeposedId, Serial};
use strata_state::Access;

use crate::fixtures::{
    Place, commit, intent, key, lineage, locked, op, open_op, plan, plan_id, put, row, run, run_id,
    time,
};

fn close(number: u64, outcome: OpOutcome) -> Write {
    Write::CloseOp {
        op: op(number),
        outcome,
        message: Some("why".to_owned()),
        at: time(9),
    }
}

fn checkpoint(number: u64) -> CheckpointRecord {
    CheckpointRecord {
        id: format!("subnet-{number}"),
        attributes: row(number).attributes,
    }
}

#[tokio::test]
async fn rows_come_back_and_keep_their_digest() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let before = store.snapshot().await.unwrap();
    assert_eq!(
        (before.lineage, before.serial),
        (Some(lineage()), Serial(0))
    );
    assert!(before.rows.is_empty());

    let writes = (0..200).map(put).collect();
    assert_eq!(commit(&store, fence, writes).await.unwrap(), 1);
    let mut changed = row(5);
    changed
        .attributes
        .json
        .change(|json| json["ratio"] = json!(0.30000000000000004));
    changed.id = None;
    changed.source = None;
    let writes = vec![
        Write::DeleteRow(key(7)),
        Write::PutRow(Box::new(changed.clone())),
    ];
    assert_eq!(commit(&store, fence, writes).await.unwrap(), 2);

    store.close().await.unwrap();
    let store = place.open(Access::Read).await.unwrap();
    let after = store.snapshot().await.unwrap();
    assert_eq!(after.serial, Serial(2));
    let expected: BTreeMap<RowKey, StateRow> = (0..200)
        .filter(|number| *number != 7)
        .map(|number| match number {
            5 => (key(5), changed.clone()),
            _ => (key(number), row(number)),
        })
        .collect();
    assert_eq!(after.rows, expected);
    for (key, row) in &expected {
        assert_eq!(after.rows[key].digest(), row.digest());
    }
}

#[tokio::test]
async fn a_row_moves_with_its_secrets() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let deposed = RowKey {
        deposed: Some(DeposedId::from_bits([4; 16])),
        ..key(0)
    };
    let moved = |key: &RowKey| StateRow {
        key: key.clone(),
        ..row(0)
    };
    commit(&store, fence, vec![put(0), put(1)]).await.unwrap();
    let step = |from: &RowKey, to: &RowKey| Write::MoveRow {
        from: from.clone(),
        to: to.clone(),
    };
    commit(&store, fence, vec![step(&key(0), &deposed), put(0)])
        .await
        .unwrap();
    let rows = store.snapshot().await.unwrap().rows;
    assert_eq!(rows[&deposed], moved(&deposed));
    assert_eq!(rows.len(), 3);

    // A chain in one batch, and a place that is freed before it is taken.
    let writes = vec![
        Write::DeleteRow(key(1)),
        step(&key(0), &key(1)),
        step(&key(1), &key(2)),
        step(&deposed, &key(0)),
    ];
    commit(&store, fence, writes).await.unwrap();
    let rows = store.snapshot().await.unwrap().rows;
    assert_eq!(
        rows,
        [
            (key(0), row(0)),
            (
                key(2),
                StateRow {
                    key: key(2),
                    ..row(0)
                }
            )
        ]
        .into()
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_whole() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    commit(&store, fence, vec![put(0), put(1), open_op(0, fence)])
        .await
        .unwrap();
    let before = store.snapshot().await.unwrap();
    let second = {
        let mut intent = intent(5, fence);
        intent.row.key = key(0);
        Write::OpenOp(Box::new(intent))
    };
    let move_row = |from, to| Write::MoveRow { from, to };
    let cases: Vec<(&str, Write)> = vec![
        ("resources", Write::DeleteRow(key(9))),
        ("resources", move_row(key(9), key(10))),
        ("resources", move_row(key(0), key(1))),
        ("open_ops", second),
        ("open_ops", open_op(0, fence)),
        ("open_ops", close(3, OpOutcome::Failed)),
        (
            "open_ops",
            Write::Checkpoint {
                op: op(3),
                record: checkpoint(3),
            },
        ),
        (
            "plans",
            Write::StepDone {
                plan: plan_id(8),
                step: 0,
            },
        ),
        (
            "runs",
            Write::EndRun {
                run: run_id(8),
                status: RunStatus::Failed,
                summary: String::new(),
                at: time(0),
            },
        ),
        (
            "events",
            Write::Event {
                run: run_id(8),
                event: event(0),
            },
        ),
    ];
    for (expected, bad) in cases {
        let result = commit(&store, fence, vec![put(50), bad.clone()]).await;
        match result {
            Err(StoreError::Inconsistent { table, .. }) => assert_eq!(table, expected, "{bad:?}"),
            other => panic!("{bad:?}: {other:?}"),
        }
        assert_eq!(store.snapshot().await.unwrap(), before, "{bad:?}");
    }
    assert_eq!(commit(&store, fence, vec![put(50)]).await.unwrap(), 2);
}

#[tokio::test]
async fn ops_open_are_checkpointed_and_close() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let opened = (0..5).map(|number| open_op(number, fence)).collect();
    commit(&store, fence, opened).await.unwrap();
    let writes = vec![
        Write::Checkpoint {
            op: op(1),
            record: checkpoint(9),
        },
        Write::Checkpoint {
            op: op(1),
            record: checkpoint(1),
        },
    ];
    commit(&store, fence, writes).await.unwrap();
    let expected: Vec<OpenOp> = (0..5)
        .map(|number| OpenOp {
            intent: intent(number, fence),
            checkpoint: (number == 1).then(|| checkpoint(1)),
        })
        .collect();
    assert_eq!(store.snapshot().await.unwrap().open_ops, expected);
    assert_eq!(store.op_outcome(op(1)).await.unwrap(), None);

    // The next op of the same object may open in the batch that closes the one before.
    let again = {
        let mut intent = intent(10, fence);
        intent.row.key = key(1);
        intent
    };
    let writes = vec![
        close(1, OpOutcome::Succeeded),
        Write::OpenOp(Box::new(again.clone())),
        close(3, OpOutcome::Absent),
    ];
    commit(&store, fence, writes).await.unwrap();
    let ops = store.snapshot().await.unwrap().open_ops;
    let numbers: Vec<_> = ops.iter().map(|open| open.intent.op).collect();
    assert_eq!(numbers, [op(0), op(2), op(4), op(10)]);
    assert_eq!(ops[3].intent, again);
    assert_eq!(
        store.op_outcome(op(3)).await.unwrap(),
        Some(OpOutcome::Absent)
    );
    let closed = |number: u64, outcome| ClosedOp {
        op: op(number),
        run: run_id(1),
        key: key(number),
        operation: Operation::Create,
        outcome,
        message: Some("why".to_owned()),
        started_at: time(1),
        ended_at: time(9),
    };
    let all = store.history(None, 10).await.unwrap();
    assert_eq!(
        all,
        [
            closed(3, OpOutcome::Absent),
            closed(1, OpOutcome::Succeeded)
        ]
    );
    assert_eq!(store.history(None, 1).await.unwrap(), all[..1]);
    let address = key(1).address.to_string();
    assert_eq!(store.history(Some(&address), 10).await.unwrap(), all[1..]);

    // Another object of the store knows none of these ops by heart.
    store.close().await.unwrap();
    let store = place.open(Access::Write).await.unwrap();
    let lock = store
        .lock(crate::fixtures::holder(2), std::time::Duration::ZERO)
        .await
        .unwrap();
    let writes = vec![
        Write::Checkpoint {
            op: op(2),
            record: checkpoint(2),
        },
        close(2, OpOutcome::Present),
        close(0, OpOutcome::Partial),
    ];
    commit(&store, lock.fence, writes).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().open_ops.len(), 2);
}

#[tokio::test]
async fn an_op_may_open_and_close_in_one_batch() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let writes = vec![
        open_op(0, fence),
        Write::Checkpoint {
            op: op(0),
            record: checkpoint(0),
        },
        close(0, OpOutcome::Failed),
    ];
    commit(&store, fence, writes).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.open_ops.is_empty());
    assert_eq!(
        store.op_outcome(op(0)).await.unwrap(),
        Some(OpOutcome::Failed)
    );
}

fn event(number: u8) -> StoredEvent {
    StoredEvent {
        at: time(i64::from(number)),
        kind: "step_finished".to_owned(),
        data: json!({"number": number, "b": 1, "a": 2}),
    }
}

#[tokio::test]
async fn plans_runs_and_events_come_back() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    store.save_plan(plan(1, PlanStatus::Saved)).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().serial, Serial(1));
    assert!(store.running_plans().await.unwrap().is_empty());
    assert_eq!(store.plan(plan_id(2)).await.unwrap(), None);

    let done = |step| Write::StepDone {
        plan: plan_id(1),
        step,
    };
    let told = |number| Write::Event {
        run: run_id(1),
        event: event(number),
    };
    let writes = vec![
        Write::PutPlan(plan(1, PlanStatus::Running)),
        Write::BeginRun(run(1)),
        told(1),
        done(4),
        told(2),
        done(0),
    ];
    commit(&store, fence, writes).await.unwrap();
    // A step that is done stays done.
    commit(&store, fence, vec![done(2), done(4), told(3)])
        .await
        .unwrap();
    let running = PlanRecord {
        done: vec![0, 2, 4],
        ..plan(1, PlanStatus::Running)
    };
    let found = store.running_plans().await.unwrap();
    assert_eq!(found, std::slice::from_ref(&running));
    assert_eq!(store.plan(plan_id(1)).await.unwrap(), Some(running));
    assert_eq!(
        store.events(run_id(1)).await.unwrap(),
        [event(1), event(2), event(3)]
    );
    assert_eq!(store.runs(9).await.unwrap(), [run(1)]);

    let ended = Write::EndRun {
        run: run_id(1),
        status: RunStatus::Interrupted,
        summary: "1 added".to_owned(),
        at: time(60),
    };
    commit(&store, fence, vec![ended, Write::BeginRun(run(2))])
        .await
        .unwrap();
    let first = RunRecord {
        status: RunStatus::Interrupted,
        summary: Some("1 added".to_owned()),
        ended_at: Some(time(60)),
        ..run(1)
    };
    assert_eq!(store.runs(9).await.unwrap(), [run(2), first]);
    assert_eq!(store.runs(1).await.unwrap(), [run(2)]);

    let other = PlanRecord {
        id: plan_id(1),
        ..plan(2, PlanStatus::Saved)
    };
    let result = store.save_plan(other).await;
    assert!(
        matches!(result, Err(StoreError::Inconsistent { table: "plans", .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn outputs_are_replaced_as_a_whole() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let output = |text: &str, sensitive| StoredOutput {
        value: Encoded {
            json: json!({"$type": "string", "$value": text}).into(),
            ..Encoded::default()
        },
        sensitive,
    };
    let first: BTreeMap<_, _> = [
        ("a".to_owned(), output("1", false)),
        ("b".to_owned(), output("2", true)),
    ]
    .into();
    let second: BTreeMap<_, _> = [
        ("b".to_owned(), output("3", true)),
        ("c".to_owned(), output("4", false)),
    ]
    .into();
    for outputs in [first, second, BTreeMap::new()] {
        commit(&store, fence, vec![Write::PutOutputs(outputs.clone())])
            .await
            .unwrap();
        assert_eq!(store.snapshot().await.unwrap().outputs, outputs);
    }
}

#[tokio::test]
async fn a_batch_of_any_size_is_one_commit() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let mut next = 0;
    for (round, size) in [1, 3, 4, 63, 64, 65, 200].into_iter().enumerate() {
        let numbers = next..next + size;
        next += size;
        let writes = numbers
            .flat_map(|number| {
                [
                    open_op(number, fence),
                    put(number),
                    close(number, OpOutcome::Succeeded),
                ]
            })
            .collect();
        let serial = commit(&store, fence, writes).await.unwrap();
        assert_eq!(serial, round as u64 + 1);
        assert_eq!(store.commit_count(), serial);
        let rows = store.snapshot().await.unwrap().rows;
        assert_eq!(rows.len() as u64, next);
    }
    let gone = (0..next)
        .map(|number| Write::DeleteRow(key(number)))
        .collect();
    commit(&store, fence, gone).await.unwrap();
    assert!(store.snapshot().await.unwrap().rows.is_empty());
    assert_eq!(store.history(None, 1000).await.unwrap().len() as u64, next);
}
