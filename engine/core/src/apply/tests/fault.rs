//! Faults of cloud, disk and lock, each by itself.

use std::time::Duration;

use strata_model::Value;
use strata_model::event::Event;
use strata_model::plan::{Action, Plan};
use strata_model::provider::ProviderErrorKind;
use strata_model::state::{OpOutcome, PlanStatus, RowStatus, RunStatus};
use strata_model::store::{StateStore, StoreError};
use strata_model::wire::Encoded;

use super::scenario::{Scenario, current, everything, furnished, row};
use super::{Applied, Session};
use crate::apply::fake::{Scripted, World, attributes, key};
use crate::apply::{ApplyOutcome, Resolution, preview};

fn apply(world: &World, scenario: &Scenario) -> ApplyOutcome {
    world
        .run(async {
            let session = Session::new(world).with(|resolver| scenario.tell(resolver));
            session.apply(&scenario.plan).await.outcome()
        })
        .unwrap()
}

fn undecided(world: &World, plan: &Plan) -> Vec<Resolution> {
    let applied = world.run(async { Session::new(world).apply(plan).await });
    let Some(Applied::Undecided(recovery)) = applied else {
        panic!("everything was decided");
    };
    let findings = recovery.findings.into_iter();
    findings.map(|finding| finding.resolution).collect()
}

/// A plan of one create, with a dependent.
fn pair(world: &World, at: &str) -> Scenario {
    let mut scenario = Scenario::new(9);
    scenario.create(world, (at, 1), None, &[]);
    scenario.create(world, ("fake_tag.after", 1), Some(at), &[0]);
    scenario
}

/// A world in which the next mutating call is answered as scripted.
fn scripted(answer: Scripted) -> World {
    let world = World::new(5);
    world.get().faults.scripted.insert(0, answer);
    world
}

#[test]
fn faults_are_survived_in_one_run() {
    let furnished = furnished(4);
    let calm = furnished.fork();
    assert!(apply(&calm, &everything(&calm)).is_complete());
    for seed in 1..40 {
        let world = furnished.fork();
        let scenario = everything(&world);
        {
            let mut inner = world.get();
            inner.random ^= seed << 30;
            inner.faults.lost = 100;
            inner.faults.throttled = 200;
            inner.faults.broken = 100;
            inner.faults.lag = Duration::from_secs(seed % 10);
        }
        let outcome = apply(&world, &scenario);
        assert!(outcome.is_complete(), "seed {seed}: {outcome:?}");
        assert_eq!(world.defects(), [""; 0], "seed {seed}");
        assert_eq!(world.ledger(), calm.ledger(), "seed {seed}");
        assert_eq!(world.rows(), calm.rows(), "seed {seed}");
    }
}

#[test]
fn expired_credentials_end_the_run_and_a_login_continues_it() {
    let furnished = furnished(5);
    for call in 0..12 {
        let world = furnished.fork();
        let scenario = everything(&world);
        {
            let mut inner = world.get();
            let number = inner.mutating_calls + call;
            inner.faults.scripted.insert(number, Scripted::Credentials);
        }
        let outcome = apply(&world, &scenario);
        assert!(outcome.credentials && !outcome.skipped.is_empty(), "{call}");
        assert_eq!(outcome.failed.len(), 1, "{call}");
        assert_eq!(world.get().under_way.0, 0);
        let outcome = apply(&world, &scenario);
        assert!(outcome.is_complete(), "{call}: {outcome:?}");
        assert_eq!(world.defects(), [""; 0], "{call}");
    }
}

#[test]
fn an_object_counts_as_changed_once_a_stage_is_done() {
    let world = furnished(6);
    let mut scenario = Scenario::new(9);
    let mut last: Option<u32> = None;
    for size in 2..5 {
        let after: Vec<u32> = last.into_iter().collect();
        let stage = scenario.update(&world, ("fake_name.n1", size), None, &after);
        let step = &mut scenario.plan.steps[stage as usize];
        step.more_stages = size < 4;
        if last.is_some() {
            step.row_digest = None;
        }
        last = Some(stage);
    }
    {
        let mut inner = world.get();
        let third = inner.mutating_calls + 2;
        inner.faults.scripted.insert(third, Scripted::Invalid);
    }
    let outcome = apply(&world, &scenario);
    assert_eq!((outcome.succeeded, outcome.failed.len()), (2, 1));
    assert_eq!(outcome.done.change, 1);
    let summary = world.get().store.runs.last().unwrap().summary.clone();
    assert_eq!(summary.as_deref(), Some("0 added, 1 changed, 0 destroyed"));
    // What is left of it changes the object once more, in a run of its own.
    let outcome = apply(&world, &scenario);
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(outcome.done.change, 1);
}

#[test]
fn a_refused_request_fails_its_branch_only() {
    let world = scripted(Scripted::Invalid);
    let mut scenario = pair(&world, "fake_tag.bad");
    scenario.create(&world, ("fake_name.good", 1), None, &[]);
    let value = attributes("bad", 1, Value::null_of(strata_model::Type::String)).with_at(
        &strata_model::AttributePath::attribute("secret"),
        Value::from("secret-canary").into_secret(),
    );
    let ty = value.ty();
    scenario.plan.steps[0].planned =
        Some(Encoded::of(&value, &ty).take_fingerprints(&value, &key(), &|_| true));
    let outcome = apply(&world, &scenario);
    assert_eq!((outcome.succeeded, &outcome.skipped[..]), (1, &[1][..]));
    assert_eq!(outcome.status(), RunStatus::Failed);
    let failure = &outcome.failed[0];
    assert_eq!(failure.message, "no such size; ***");
    let inner = world.get();
    let told = format!("{:?} {:?}", inner.store.events, inner.store.closed);
    assert!(
        told.contains("no such size") && !told.contains("canary"),
        "{told}"
    );
    assert!(inner.store.open_ops.is_empty());
    assert_eq!(inner.store.runs[0].status, RunStatus::Failed);
    assert_eq!(
        inner.store.plans[&scenario.plan.id].status,
        PlanStatus::Running
    );
}

#[test]
fn a_replaced_object_gets_its_address_back_when_its_successor_is_refused() {
    let world = furnished(6);
    let mut scenario = Scenario::new(9);
    scenario.replace_first(&world, ("fake_tag.t1", 5), 0);
    let before = row(&world, "fake_tag.t1");
    {
        let mut inner = world.get();
        let number = inner.mutating_calls;
        inner.faults.scripted.insert(number, Scripted::Invalid);
    }
    assert_eq!(apply(&world, &scenario).skipped, [1]);
    assert_eq!(row(&world, "fake_tag.t1"), before);
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_terminal_failure_is_recorded_as_such() {
    let world = scripted(Scripted::FailedForGood);
    let scenario = pair(&world, "fake_tag.bad");
    let outcome = apply(&world, &scenario);
    assert_eq!(outcome.failed[0].kind, Some(ProviderErrorKind::Failed));
    assert_eq!(
        row(&world, "fake_tag.bad").unwrap().status,
        RowStatus::Failed
    );
    assert_eq!(world.defects(), [""; 0]);
    // Such an object is not completed by going on, but replaced by a new plan.
    let again = apply(&world, &scenario);
    assert!(again.failed[0].message.contains("failed for good"));
    assert_eq!(world.ledger().len(), 1);
}

#[test]
fn a_partial_create_is_completed_by_the_same_plan() {
    let world = scripted(Scripted::Partial);
    let scenario = pair(&world, "fake_tag.half");
    let outcome = apply(&world, &scenario);
    assert_eq!(outcome.failed[0].kind, Some(ProviderErrorKind::Quota));
    let half = row(&world, "fake_tag.half").unwrap();
    assert_eq!(half.status, RowStatus::Incomplete);
    assert_eq!(world.get().store.closed[0].outcome, OpOutcome::Partial);
    assert!(apply(&world, &scenario).is_complete());
    let whole = row(&world, "fake_tag.half").unwrap();
    assert_eq!((whole.id, whole.status), (half.id, RowStatus::Ready));
    assert_eq!(whole.created_by, half.created_by);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn of_several_objects_none_is_picked() {
    let world = scripted(Scripted::Doubled);
    let scenario = pair(&world, "fake_tag.two");
    let outcome = apply(&world, &scenario);
    assert!(outcome.needs_human());
    let ids = ["fake_tag-1", "fake_tag-1-twin"];
    assert_eq!(outcome.failed[0].candidates, ids);
    assert_eq!(row(&world, "fake_tag.two"), None);
    let found = undecided(&world, &scenario.plan);
    assert!(matches!(&found[..], [Resolution::Several(found)] if *found == ids));
    world.get().objects.get_mut(ids[1]).unwrap().live = false;
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_read_error_is_never_absence() {
    let world = scripted(Scripted::Blind);
    let scenario = pair(&world, "fake_name.dark");
    let outcome = apply(&world, &scenario);
    assert!(
        outcome.failed[0]
            .hint
            .as_deref()
            .unwrap()
            .contains("not known")
    );
    assert_eq!(world.get().store.open_ops.len(), 1);
    let serial = world.get().store.serial;
    let found = undecided(&world, &scenario.plan);
    assert!(matches!(&found[..], [Resolution::Unreadable(_)]));
    assert_eq!(world.get().store.serial, serial);
    world.get().blind = false;
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.get().made, 2);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_blind_recovery_decides_nothing() {
    let furnished = furnished(18);
    let mut undecided_ops = 0;
    for point in (2..120).step_by(3) {
        let world = furnished.fork();
        let scenario = everything(&world);
        {
            let mut inner = world.get();
            inner.crash_at = Some(inner.ticks + point);
        }
        let died = world.run(async {
            let session = Session::new(&world).with(|resolver| scenario.tell(resolver));
            session.apply(&scenario.plan).await
        });
        assert!(died.is_none());
        let (open, serial) = {
            let mut inner = world.get();
            inner.crashed = false;
            inner.blind = true;
            (inner.store.open_ops.len(), inner.store.serial)
        };
        if open == 0 {
            continue;
        }
        let found = undecided(&world, &scenario.plan);
        let blind = |found: &Resolution| matches!(found, Resolution::Unreadable(_));
        assert!(
            found.len() == open && found.iter().all(blind),
            "{point}: {found:?}"
        );
        assert_eq!(world.get().store.serial, serial, "{point}");
        undecided_ops += open;
    }
    assert!(undecided_ops > 40, "{undecided_ops}");
}

#[test]
fn a_broken_promise_is_reported_and_the_object_kept() {
    let world = furnished(7);
    let mut scenario = Scenario::new(9);
    scenario.update(&world, ("fake_tag.t1", 2), None, &[]);
    {
        let mut inner = world.get();
        let number = inner.mutating_calls;
        inner
            .faults
            .scripted
            .insert(number, Scripted::BrokenPromise);
    }
    let outcome = apply(&world, &scenario);
    assert_eq!(outcome.failed[0].kind, Some(ProviderErrorKind::Bug));
    assert!(outcome.failed[0].message.contains("'size' of fake_tag.t1"));
    let row = row(&world, "fake_tag.t1").unwrap();
    assert_eq!(row.status, RowStatus::Incomplete);
    assert_eq!(row.attributes.json.value()["size"], 99);
}

#[test]
fn what_a_delete_leaves_alone_is_forgotten_and_said() {
    let world = furnished(7);
    let mut scenario = Scenario::new(9);
    scenario.delete(&world, "fake_tag.t1", &[]);
    {
        let mut inner = world.get();
        let number = inner.mutating_calls;
        inner.faults.scripted.insert(number, Scripted::LeftAlone);
    }
    let session = Session::new(&world).with(|resolver| scenario.tell(resolver));
    let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete());
    assert_eq!((outcome.done.destroy, outcome.done.forget), (0, 1));
    let events = session.events.into_inner().unwrap();
    let left_alone = events.iter().filter_map(|event| match event {
        Event::StepLeftAlone { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    assert_eq!(left_alone.collect::<Vec<_>>(), ["it is somebody else's"]);
    let is_finished = |event: &Event| matches!(event, Event::StepFinished { .. });
    assert!(!events.iter().any(is_finished));
    assert_eq!(row(&world, "fake_tag.t1"), None);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_name_that_is_taken_is_not_adopted() {
    let world = World::new(8);
    let foreign = crate::apply::fake::CloudObject {
        resource_type: "fake_name".to_owned(),
        name: "taken".to_owned(),
        live: true,
        foreign: true,
        ..Default::default()
    };
    world.get().objects.insert("theirs".to_owned(), foreign);
    let scenario = pair(&world, "fake_name.taken");
    let outcome = apply(&world, &scenario);
    assert_eq!(
        outcome.failed[0].kind,
        Some(ProviderErrorKind::AlreadyExists)
    );
    assert_eq!(row(&world, "fake_name.taken"), None);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn nothing_begins_after_a_failed_commit() {
    let furnished = furnished(9);
    let calm = furnished.fork();
    let first = furnished.get().store.commits;
    assert!(apply(&calm, &everything(&calm)).is_complete());
    let commits = calm.get().store.commits - first;
    for commit in 0..commits {
        for times in [1, 2, 100] {
            let world = furnished.fork();
            let scenario = everything(&world);
            world.get().faults.failing_commits = (first + commit..first + commit + times).collect();
            let outcome = apply(&world, &scenario);
            assert!(!outcome.is_complete(), "{commit}");
            assert!(matches!(outcome.store, Some(StoreError::Io { .. })));
            assert_eq!(world.get().begun_too_late, 0, "{commit}");
            if times == 1 {
                // What was under way when the disk was full is recorded when it no longer is.
                assert!(world.get().store.open_ops.is_empty(), "{commit}");
            }
            {
                let mut inner = world.get();
                inner.faults.failing_commits.clear();
                inner.failed_commit = false;
            }
            assert!(apply(&world, &scenario).is_complete(), "{commit}");
            assert_eq!(world.defects(), [""; 0], "{commit}");
            assert_eq!(world.ledger(), calm.ledger(), "{commit}");
            assert_eq!(world.rows(), calm.rows(), "{commit}");
        }
    }
}

#[test]
fn who_lost_the_lock_begins_nothing() {
    let furnished = furnished(10);
    let calm = furnished.fork();
    let first = furnished.get().store.commits;
    assert!(apply(&calm, &everything(&calm)).is_complete());
    let commits = calm.get().store.commits - first;
    for commit in 0..commits {
        let world = furnished.fork();
        let scenario = everything(&world);
        world.get().faults.fenced_at = Some(first + commit);
        let outcome = apply(&world, &scenario);
        assert!(outcome.fenced, "{commit}");
        assert_eq!(world.get().begun_too_late, 0, "{commit}");
        world.get().failed_commit = false;
        assert!(apply(&world, &scenario).is_complete(), "{commit}");
        assert_eq!(world.defects(), [""; 0], "{commit}");
        assert_eq!(world.ledger(), calm.ledger(), "{commit}");
    }
}

#[test]
fn who_lost_the_lock_while_waiting_sends_nothing_again() {
    for look in 0..8 {
        // The creation has two calls, and the first of them is refused a few times before it gets through.
        let world = World::new(5);
        world.get().faults.throttled = 500;
        world.get().faults.fenced_at_look = Some(look);
        let scenario = pair(&world, "fake_multi.one");
        let outcome = apply(&world, &scenario);
        let inner = world.get();
        if inner.looks <= look {
            assert!(look > 3, "too few looks at the fence: {}", inner.looks);
            continue;
        }
        assert!(outcome.fenced, "{look}");
        assert_eq!(
            inner.calls_before_fence,
            Some(inner.mutating_calls),
            "{look}"
        );
        drop(inner);
        let mut inner = world.get();
        inner.faults = crate::apply::fake::Faults::default();
        inner.failed_commit = false;
        drop(inner);
        assert!(apply(&world, &scenario).is_complete(), "{look}");
        assert_eq!(world.defects(), [""; 0], "{look}");
    }
}

#[test]
fn an_interrupt_lets_running_steps_finish() {
    let furnished = furnished(11);
    for point in (1..120).step_by(2) {
        let world = furnished.fork();
        let scenario = everything(&world);
        let session = Session::new(&world).with(|resolver| scenario.tell(resolver));
        {
            let mut inner = world.get();
            inner.stop_at = Some((inner.ticks + point, session.stop.clone()));
        }
        let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
        let outcome = outcome.unwrap();
        assert!(outcome.failed.is_empty(), "{point}: {outcome:?}");
        assert_eq!(world.defects(), [""; 0], "{point}");
        if outcome.is_complete() {
            continue;
        }
        assert_eq!(outcome.status(), RunStatus::Interrupted);
        let events = session.events.lock().unwrap();
        let stopping = events.iter().position(|event| *event == Event::Stopping);
        let mut late = events[stopping.unwrap()..].iter();
        assert!(
            !late.any(|event| matches!(event, Event::StepStarted(_))),
            "{point}"
        );
        drop(events);
        assert!(apply(&world, &scenario).is_complete(), "{point}");
        assert_eq!(world.defects(), [""; 0], "{point}");
    }
}

#[test]
fn who_is_interrupted_before_the_beginning_sends_nothing() {
    let world = World::new(16);
    let scenario = pair(&world, "fake_tag.never");
    let session = Session::new(&world);
    session.stop.throw();
    let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.status(), RunStatus::Interrupted);
    assert_eq!(outcome.skipped, [0, 1]);
    assert_eq!(world.get().mutating_calls, 0);
    assert!(apply(&world, &scenario).is_complete());
}

#[test]
fn a_failure_late_in_a_long_wait_does_not_end_it() {
    let world = World::new(17);
    {
        let mut inner = world.get();
        inner.faults.wait = Duration::from_secs(12 * 60);
        inner.faults.polls_fail = 3;
    }
    let scenario = pair(&world, "fake_tag.slow");
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.get().faults.polls_fail, 0);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_preview_decides_the_same_and_writes_nothing() {
    let furnished = furnished(12);
    for point in (3..120).step_by(4) {
        let world = furnished.fork();
        let scenario = everything(&world);
        {
            let mut inner = world.get();
            inner.crash_at = Some(inner.ticks + point);
        }
        let died = world.run(async {
            let session = Session::new(&world).with(|resolver| scenario.tell(resolver));
            session.apply(&scenario.plan).await
        });
        assert!(died.is_none());
        world.get().crashed = false;
        let (serial, calls) = {
            let inner = world.get();
            (inner.store.serial, inner.mutating_calls)
        };
        let connections = world.connections();
        let seen = world.run(async {
            let state = world.snapshot().await.unwrap();
            preview(state, &connections, &key(), 4).await
        });
        let (state, _) = seen.unwrap();
        assert_eq!(world.get().store.serial, serial);
        assert_eq!(world.get().mutating_calls, calls);
        world.run(async {
            let lock = world.lock(super::holder(), Duration::ZERO).await.unwrap();
            Session::new(&world).recover(&connections, &lock).await
        });
        assert_eq!(state.rows, world.get().store.rows, "{point}");
        assert!(state.open_ops.is_empty());
    }
}

#[test]
fn a_late_create_is_deleted_without_a_row() {
    let world = furnished(13);
    let id = row(&world, "fake_tag.t1").unwrap().id;
    world.get().store.rows.remove(&current("fake_tag.t1"));
    let mut scenario = Scenario::new(9);
    let step = scenario.step(Action::Delete, current("fake_tag.t1"), &[]);
    step.import_id = id;
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn more_than_was_approved_stops_the_branch() {
    let world = World::new(14);
    let mut scenario = pair(&world, "fake_tag.more");
    scenario.exceeds.push(0);
    let outcome = apply(&world, &scenario);
    assert!(outcome.exceeds);
    assert_eq!(outcome.skipped, [1]);
    assert_eq!(world.get().mutating_calls, 0);
}

#[test]
fn a_link_that_was_there_before_is_not_taken_for_ours() {
    let world = World::new(15);
    let foreign = crate::apply::fake::CloudObject {
        resource_type: "fake_link".to_owned(),
        name: "there".to_owned(),
        live: true,
        ..Default::default()
    };
    world
        .get()
        .objects
        .insert("fake_link-0".to_owned(), foreign);
    let scenario = pair(&world, "fake_link.there");
    let before = world.get().ticks;
    world.get().crash_at = Some(before + 5);
    let died = world.run(async { Session::new(&world).apply(&scenario.plan).await });
    assert!(died.is_none());
    world.get().crashed = false;
    assert_eq!(world.get().store.open_ops.len(), 1);
    assert!(!world.get().store.open_ops[0].intent.was_absent);
    assert!(apply(&world, &scenario).is_complete());
    assert_eq!(world.get().store.closed[0].outcome, OpOutcome::Absent);
    assert_eq!(world.defects(), [""; 0]);
}
