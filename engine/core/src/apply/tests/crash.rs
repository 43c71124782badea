//! Death at every point, and going on from there.

use std::collections::BTreeMap;

use strata_model::DeposedId;
use strata_model::plan::{Action, TakenBack};
use strata_model::state::{OpOutcome, RowKey, RowStatus, StateRow};

use super::scenario::{Scenario, current, everything, furnished, row};
use super::{Applied, Session};
use crate::apply::fake::{Scripted, World};

/// Applies, dying at the given points after each start, until an apply gets through. Returns how often it died.
fn survive(world: &World, scenario: &super::scenario::Scenario, deaths: &[u64]) -> usize {
    let mut died = 0;
    for death in deaths {
        {
            let mut inner = world.get();
            inner.crashed = false;
            inner.crash_at = Some(inner.ticks + death);
            inner.under_way.0 = 0;
        }
        match attempt(world, scenario) {
            None => died += 1,
            Some(_) => return died,
        }
    }
    {
        let mut inner = world.get();
        inner.crashed = false;
        inner.crash_at = None;
    }
    match attempt(world, scenario).unwrap() {
        Applied::Run(outcome) => assert!(outcome.is_complete(), "{outcome:?}"),
        Applied::Finished => {}
        Applied::Undecided(recovery) => panic!("{recovery:?}"),
    }
    died
}

fn attempt(world: &World, scenario: &super::scenario::Scenario) -> Option<Applied> {
    world.run(async {
        let session = Session::new(world).with(|resolver| scenario.tell(resolver));
        session.apply(&scenario.plan).await
    })
}

/// Ledger, rows and the number of points of an undisturbed run.
fn undisturbed(seed: u64) -> (Vec<String>, Vec<String>, u64) {
    let world = furnished(seed);
    let scenario = everything(&world);
    let before = world.get().ticks;
    assert_eq!(survive(&world, &scenario, &[]), 0);
    assert_eq!(world.defects(), [""; 0]);
    let points = world.get().ticks - before;
    (world.ledger(), world.rows(), points)
}

#[test]
fn every_prefix_of_the_journal_leads_to_the_same_end() {
    let (ledger, rows, points) = undisturbed(1);
    let mut open_effects = 0;
    assert!(points > 100, "{points}");
    let furnished = furnished(1);
    for point in 1..=points {
        let world = furnished.fork();
        let scenario = everything(&world);
        {
            let mut inner = world.get();
            inner.crash_at = Some(inner.ticks + point);
        }
        assert!(attempt(&world, &scenario).is_none(), "point {point}");
        let orphans = world.defects();
        open_effects += usize::from(orphans.iter().any(|defect| defect.starts_with("orphan")));
        survive(&world, &scenario, &[]);
        assert_eq!(world.defects(), [""; 0], "point {point}");
        assert_eq!(world.ledger(), ledger, "point {point}");
        assert_eq!(world.rows(), rows, "point {point}");
    }
    // The test is worth something only if effects without a record were among the prefixes.
    assert!(
        open_effects * 10 > points as usize,
        "{open_effects} of {points}"
    );
}

/// Makes the create that is sent second stop half-way, for want of quota.
fn stop_second_create(world: &World) {
    let mut inner = world.get();
    let number = inner.mutating_calls + 1;
    inner.faults.scripted.insert(number, Scripted::Partial);
}

/// Applies until an apply gets through; each of the others ends with one failed step. Returns how many did.
fn persist(world: &World, scenario: &super::scenario::Scenario) -> usize {
    for failed in 0..3 {
        match attempt(world, scenario).unwrap() {
            Applied::Run(outcome) if !outcome.is_complete() => {
                assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
            }
            Applied::Run(_) | Applied::Finished => return failed,
            Applied::Undecided(recovery) => panic!("{recovery:?}"),
        }
    }
    panic!("it fails again and again");
}

#[test]
fn every_prefix_of_a_run_with_a_partial_create_leads_to_the_same_end() {
    let furnished = furnished(21);
    let calm = furnished.fork();
    let scenario = everything(&calm);
    stop_second_create(&calm);
    let before = calm.get().ticks;
    assert_eq!(persist(&calm, &scenario), 1);
    let points = calm.get().ticks - before;
    let partial = |world: &World| {
        let inner = world.get();
        let mut outcomes = inner.store.closed.iter().map(|closed| closed.outcome);
        outcomes.any(|outcome| outcome == OpOutcome::Partial)
    };
    assert!(partial(&calm) && calm.defects().is_empty());
    let mut partials = 0;
    for point in 1..=points {
        let world = furnished.fork();
        let scenario = everything(&world);
        stop_second_create(&world);
        {
            let mut inner = world.get();
            inner.crash_at = Some(inner.ticks + point);
        }
        // The first apply ends by itself where its failure comes before the death; then the second dies.
        let died = (0..2).any(|_| attempt(&world, &scenario).is_none());
        assert!(died, "point {point}");
        {
            let mut inner = world.get();
            inner.crashed = false;
            inner.crash_at = None;
        }
        persist(&world, &scenario);
        partials += usize::from(partial(&world));
        assert_eq!(world.defects(), [""; 0], "point {point}");
        assert_eq!(world.ledger(), calm.ledger(), "point {point}");
        assert_eq!(world.rows(), calm.rows(), "point {point}");
    }
    assert!(partials * 2 > points as usize, "{partials} of {points}");
}

/// A plan that takes `t1` back from what failed in its place.
fn going_back(world: &World) -> Scenario {
    let mut s = Scenario::new(2);
    let deposed = |id: u8| RowKey {
        deposed: Some(DeposedId::from_bits([id; 16])),
        ..current("fake_tag.t1")
    };
    let (old, failed) = {
        let rows = &mut world.get().store.rows;
        let take = |rows: &mut BTreeMap<RowKey, StateRow>, from: &str, to: RowKey, status| {
            let row = rows.remove(&current(from)).unwrap();
            let row = StateRow {
                key: to.clone(),
                status,
                ..row
            };
            rows.insert(to, row.clone());
            row
        };
        let old = take(rows, "fake_tag.t1", deposed(1), RowStatus::Ready);
        let failed = take(
            rows,
            "fake_tag.t2",
            current("fake_tag.t1"),
            RowStatus::Failed,
        );
        (old, failed)
    };
    let step = s.step(Action::Move, current("fake_tag.t1"), &[]);
    step.row_digest = Some(old.digest());
    step.taken_back = Some(TakenBack {
        deposed: DeposedId::from_bits([1; 16]),
        gives_way: DeposedId::from_bits([2; 16]),
    });
    let number = step.number;
    let step = s.step(Action::Delete, deposed(2), &[number]);
    step.row_digest = Some(failed.digest());
    step.before = Some(failed.attributes);
    let update = s.update(world, ("fake_tag.t1", 4), None, &[number]);
    s.plan.steps[update as usize].row_digest = None;
    s
}

#[test]
fn what_is_taken_back_is_there_after_every_death() {
    let ready = furnished(22);
    let scenario = going_back(&ready);
    let id = row(&ready, "fake_tag.t1").and_then(|row| row.id);
    let calm = ready.fork();
    let before = calm.get().ticks;
    assert_eq!(survive(&calm, &scenario, &[]), 0);
    let points = calm.get().ticks - before;
    assert_eq!(calm.defects(), [""; 0]);
    let left = row(&calm, "fake_tag.t1").unwrap();
    assert_ne!(left.id, id);
    assert_eq!(left.status, RowStatus::Ready);
    let kept = calm.get().store.rows.len();
    assert_eq!(kept + 1, ready.get().store.rows.len());
    for point in 1..=points {
        let world = ready.fork();
        survive(&world, &scenario, &[point]);
        assert_eq!(world.defects(), [""; 0], "point {point}");
        assert_eq!(world.ledger(), calm.ledger(), "point {point}");
        assert_eq!(world.rows(), calm.rows(), "point {point}");
    }
}

#[test]
fn recovery_may_die_as_well() {
    let (ledger, rows, points) = undisturbed(2);
    let mut deaths = 0;
    let furnished = furnished(2);
    for first in (1..=points).step_by(7) {
        for second in [1, 2, 4, 7, 12, 20, 33] {
            let world = furnished.fork();
            world.get().faults.lag = std::time::Duration::from_secs(4);
            let scenario = everything(&world);
            deaths += survive(&world, &scenario, &[first, second, second / 2 + 1]);
            assert_eq!(world.defects(), [""; 0], "{first} {second}");
            assert_eq!(world.ledger(), ledger, "{first} {second}");
            assert_eq!(world.rows(), rows, "{first} {second}");
        }
    }
    assert!(deaths > 250, "{deaths}");
}

#[test]
fn death_among_faults() {
    let (ledger, rows, points) = undisturbed(3);
    let furnished = furnished(3);
    for seed in 0..80 {
        let world = furnished.fork();
        let scenario = everything(&world);
        let deaths: Vec<u64> = {
            let mut inner = world.get();
            inner.random ^= (seed + 1) << 20;
            inner.faults.lost = 100;
            inner.faults.throttled = 200;
            inner.faults.broken = 100;
            inner.faults.lag = std::time::Duration::from_secs(seed % 9);
            (0..3).map(|_| inner.next_random() % points + 1).collect()
        };
        survive(&world, &scenario, &deaths);
        assert_eq!(world.defects(), [""; 0], "seed {seed}");
        assert_eq!(world.ledger(), ledger, "seed {seed}");
        assert_eq!(world.rows(), rows, "seed {seed}");
    }
}
