//! Order, parallelism and the number of transactions.

use strata_model::event::Event;
use strata_model::plan::{Action, PlanMode};
use strata_model::state::{PlanRecord, PlanStatus, StateRow, StoredOutput};
use strata_model::store::StateStore;

use super::Session;
use super::scenario::{Scenario, current, everything, furnished, row};
use crate::apply::fake::World;
use crate::apply::{ApplyOutcome, check_stale};

fn apply(world: &World, scenario: &Scenario, parallelism: usize) -> (ApplyOutcome, Vec<Event>) {
    let mut session = Session::new(world).with(|resolver| scenario.tell(resolver));
    session.parallelism = parallelism;
    let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
    let events = session.events.into_inner().unwrap();
    (outcome.unwrap(), events)
}

/// The step that an event begins, and the one that it ends.
fn edges_of(event: &Event) -> (Option<u32>, Option<u32>) {
    if let Event::StepStarted(step) = event {
        (Some(step.number), None)
    } else if let Event::StepFinished { step, .. } = event {
        (None, Some(step.number))
    } else {
        (None, None)
    }
}

#[test]
fn nothing_begins_before_what_it_waits_for() {
    let world = furnished(20);
    let scenario = everything(&world);
    world.get().under_way = (0, 0);
    let (outcome, events) = apply(&world, &scenario, 3);
    assert_eq!(outcome.succeeded, scenario.plan.steps.len());
    assert_eq!(outcome.done, scenario.plan.summary());
    let place = |number: u32, started: bool| {
        let found = events.iter().position(|event| {
            let (begun, ended) = edges_of(event);
            [ended, begun][usize::from(started)] == Some(number)
        });
        found.unwrap_or_else(|| panic!("{number} {started}"))
    };
    for step in &scenario.plan.steps {
        for need in step.after.iter().filter(|need| **need < 1000) {
            let Some(need) = scenario.plan.steps.get(*need as usize) else {
                continue;
            };
            // What changes nothing outside need not wait until what it waits for is durable.
            let outside = step.key.address.resource_type.starts_with("fake_");
            if outside && !matches!(step.action, Action::Read | Action::Import | Action::Move) {
                assert!(place(need.number, false) < place(step.number, true));
            }
        }
    }
    assert_eq!(world.get().under_way.1, 3);
}

#[test]
fn connections_know_when_access_has_changed() {
    for (address, opens) in [("fake_tag.a", false), ("fake_link.a", true)] {
        let world = World::new(22);
        let mut scenario = Scenario::new(9);
        scenario.create(&world, (address, 1), None, &[]);
        let (outcome, _) = apply(&world, &scenario, 1);
        assert_eq!(outcome.succeeded, 1);
        let clusters = world.get().clusters.clone().unwrap();
        assert_eq!(clusters.access_changed().is_some(), opens, "{address}");
    }
}

#[test]
fn one_by_one_where_the_plan_says_so() {
    let world = World::new(21);
    let mut scenario = Scenario::new(9);
    for at in 0..12 {
        let step = scenario.create(&world, (&format!("fake_tag.t{at}"), 1), None, &[]);
        if at < 6 {
            scenario.plan.steps[step as usize].exclusive = Some("cluster".to_owned());
        }
    }
    let (outcome, events) = apply(&world, &scenario, 8);
    assert!(outcome.is_complete());
    let mut running = 0;
    let mut most = 0;
    for event in &events {
        let (begun, ended) = edges_of(event);
        running += usize::from(begun.is_some_and(|number| number < 6));
        running -= usize::from(ended.is_some_and(|number| number < 6));
        most = most.max(running);
    }
    assert_eq!((most, world.get().under_way.1), (1, 7));
}

#[test]
fn transactions_are_shared() {
    let check = |kind: &str, (steps, depth, parallelism): (u32, u32, usize)| {
        let world = World::new(22);
        let mut scenario = Scenario::new(9);
        for number in 0..steps {
            let after: Vec<u32> = match number.checked_sub(steps / depth) {
                Some(need) => vec![need],
                None => Vec::new(),
            };
            scenario.create(&world, (&format!("{kind}.x{number}"), 1), None, &after);
        }
        let (outcome, _) = apply(&world, &scenario, parallelism);
        assert!(outcome.is_complete());
        let bound = f64::from(steps) * 1.2 / parallelism as f64 + f64::from(depth);
        assert!(
            outcome.commits as f64 <= bound,
            "{kind}: {} > {bound}",
            outcome.commits
        );
    };
    check("fake_flat", (400, 4, 10));
    check("fake_flat", (60, 60, 10));
    check("local_data", (2000, 20, 10));
}

#[test]
fn a_chain_of_local_steps_shares_one_transaction() {
    let world = World::new(23);
    let mut scenario = Scenario::new(9);
    for number in 0..100_u32 {
        let after: Vec<u32> = number.checked_sub(1).into_iter().collect();
        scenario.create(&world, (&format!("local_data.x{number}"), 1), None, &after);
    }
    let (outcome, _) = apply(&world, &scenario, 10);
    assert_eq!((outcome.succeeded, outcome.commits), (100, 1));
}

#[test]
fn a_step_that_turned_out_to_do_nothing_is_done() {
    let world = furnished(24);
    let mut scenario = Scenario::new(9);
    let update = scenario.update(&world, ("fake_tag.t1", 1), None, &[]);
    scenario.plan.steps[update as usize].protect = true;
    scenario.create(&world, ("fake_tag.next", 1), Some("fake_tag.t1"), &[update]);
    scenario.nothing.push(update);
    let calls = world.get().mutating_calls;
    let (outcome, _) = apply(&world, &scenario, 4);
    assert!(outcome.is_complete());
    assert_eq!(world.get().mutating_calls - calls, 2);
    assert!(row(&world, "fake_tag.t1").unwrap().protected);
}

#[test]
fn a_finished_plan_is_finished() {
    let world = World::new(25);
    let mut scenario = Scenario::new(9);
    scenario.create(&world, ("fake_tag.t", 1), None, &[]);
    assert!(apply(&world, &scenario, 4).0.is_complete());
    let record = world.get().store.plans[&scenario.plan.id].clone();
    assert_eq!(
        (record.status, &record.done[..]),
        (PlanStatus::Finished, &[0][..])
    );
    let run = world.get().store.runs[0].clone();
    assert_eq!(
        run.summary.as_deref(),
        Some("1 added, 0 changed, 0 destroyed")
    );
}

#[test]
fn an_empty_plan_takes_one_transaction() {
    let world = World::new(26);
    let (outcome, _) = apply(&world, &Scenario::new(9), 4);
    assert!(outcome.is_complete());
    assert_eq!(outcome.commits, 1);
}

#[test]
fn destroying_drops_outputs_only_when_it_comes_to_the_end() {
    let check = |exceeds: Vec<u32>, expected: usize| {
        let world = furnished(27);
        world.get().store.outputs.insert(
            "url".to_owned(),
            StoredOutput {
                value: strata_model::wire::Encoded::default(),
                sensitive: false,
            },
        );
        let mut scenario = Scenario::new(9);
        scenario.delete(&world, "fake_tag.t1", &[]);
        scenario.exceeds = exceeds;
        scenario.plan.options.mode = PlanMode::Destroy;
        let change = strata_model::plan::OutputChange {
            before: None,
            after: None,
            sensitive: false,
            changed: true,
        };
        scenario.plan.outputs.insert("url".to_owned(), change);
        apply(&world, &scenario, 4);
        assert_eq!(world.get().store.outputs.len(), expected);
    };
    check(Vec::new(), 0);
    check(vec![0], 1);
}

#[test]
fn a_row_that_somebody_else_changed_is_stale() {
    let world = furnished(28);
    let scenario = everything(&world);
    let stale = |status: PlanStatus| {
        let record = PlanRecord {
            id: scenario.plan.id,
            digest: strata_model::Digest::of(b""),
            status,
            created_at: strata_model::Timestamp::UNIX_EPOCH,
            done: Vec::new(),
        };
        let found = world.run(async {
            let state = world.snapshot().await.unwrap();
            check_stale(&scenario.plan, &state, &record, &world)
                .await
                .unwrap()
        });
        let keys = found.unwrap().into_iter().map(|row| row.key.to_string());
        keys.collect::<Vec<String>>()
    };
    assert_eq!(stale(PlanStatus::Saved), [""; 0]);
    for at in ["fake_tag.t1", "fake_tag.t2", "fake_tag.t3", "fake_tag.t4"] {
        let old = row(&world, at).unwrap();
        let changed = StateRow {
            protected: true,
            ..old.clone()
        };
        world.get().store.rows.insert(current(at), changed);
        for status in [PlanStatus::Saved, PlanStatus::Running] {
            assert_eq!(stale(status), [at], "{at}");
        }
        world.get().store.rows.insert(current(at), old);
    }
    let new = StateRow {
        key: current("fake_tag.t10"),
        ..row(&world, "fake_tag.t1").unwrap()
    };
    world.get().store.rows.insert(new.key.clone(), new);
    assert_eq!(stale(PlanStatus::Running), ["fake_tag.t10"]);
    world.get().store.rows.remove(&current("fake_tag.t10"));
    world.get().store.rows.remove(&current("fake_tag.t3"));
    assert_eq!(stale(PlanStatus::Saved), ["fake_tag.t3"]);
}

#[test]
fn a_graph_with_a_circle_ends_without_it() {
    let world = World::new(29);
    let mut scenario = Scenario::new(9);
    scenario.create(&world, ("fake_tag.a", 1), None, &[1]);
    scenario.create(&world, ("fake_tag.b", 1), None, &[0]);
    scenario.create(&world, ("fake_tag.c", 1), None, &[]);
    let (outcome, _) = apply(&world, &scenario, 4);
    assert_eq!((outcome.succeeded, outcome.skipped.len()), (1, 2));
    assert!(!outcome.is_complete());
}

#[test]
fn a_plan_that_waits_for_nobody_is_refused() {
    let world = World::new(30);
    let mut scenario = Scenario::new(9);
    scenario.step(Action::Forget, current("local_data.a"), &[7]);
    let (outcome, _) = apply(&world, &scenario, 4);
    assert!(outcome.diagnostics.has_errors());
    assert_eq!(world.get().store.commits, 0);
}
