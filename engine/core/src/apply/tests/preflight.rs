//! The look before a run: who is asked, what is told, and that nothing is changed where something stands in the way.

use std::collections::BTreeMap;
use std::time::Duration;

use strata_model::event::Event;
use strata_model::preflight::{Finding, FindingKind};
use strata_model::provider::{ProviderConfig, ProviderName};
use strata_model::source::Position;
use strata_model::{Code, Severity};

use super::Session;
use super::scenario::{Scenario, current, furnished, row};
use crate::apply::ApplyOutcome;
use crate::apply::fake::{Scripted, World};

fn fake(region: &str) -> ProviderConfig {
    ProviderConfig {
        provider: ProviderName("fake".into()),
        values: BTreeMap::from([("region".into(), region.into())]),
    }
}

fn finding(severity: Severity, change: Option<usize>) -> Finding {
    Finding {
        severity,
        kind: FindingKind::Quota,
        change,
        message: "Ten are allowed.".to_owned(),
        hint: "Ask for more.".to_owned(),
    }
}

fn apply(world: &World, scenario: &Scenario) -> (ApplyOutcome, Vec<Event>) {
    let session = Session::new(world).with(|resolver| scenario.tell(resolver));
    let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
    (outcome.unwrap(), session.events.into_inner().unwrap())
}

/// Two connections; in the first a chain over a barrier, an update and a delete.
fn scenario(world: &World) -> Scenario {
    let mut s = Scenario::new(2);
    let one = s.create(world, ("fake_tag.one", 1), None, &[]);
    let other = s.create(world, ("fake_name.other", 1), None, &[]);
    let two = s.create(world, ("fake_name.two", 2), None, &[]);
    s.update(world, ("fake_tag.t1", 7), None, &[]);
    s.delete(world, "fake_tag.t3", &[]);
    let barrier = s.barrier(vec![one]);
    let barrier = (s.plan.steps.len() + barrier) as u32;
    s.plan.steps[two as usize].after = vec![barrier];
    for step in &mut s.plan.steps {
        step.provider = Some(fake(if step.number == other { "far" } else { "near" }));
    }
    s
}

#[test]
fn each_connection_is_told_of_its_changes_once() {
    let world = furnished(30);
    world.get().preflights.clear();
    let (outcome, _) = apply(&world, &scenario(&world));
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = world.get().preflights.clone();
    let [(far_takes, far), (near_takes, near)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*far_takes, Duration::from_secs(60));
    assert_eq!(far.len(), 1);
    // The longest path: ten minutes, and after the barrier one.
    assert_eq!(*near_takes, Duration::from_secs(660));
    let changes = near
        .iter()
        .map(|change| (change.address.as_str(), change.sizes));
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [
            ("fake_tag.one", (None, Some(1))),
            ("fake_name.two", (None, Some(2))),
            ("fake_tag.t1", (None, Some(7))),
            ("fake_tag.t3", (Some(1), None)),
        ]
    );
    assert_eq!(near[1].before, ["fake_tag.one"]);
    assert!(near[0].before.is_empty());
}

#[test]
fn each_connection_is_told_what_others_do_before() {
    let world = furnished(35);
    let mut s = Scenario::new(2);
    let far = s.create(&world, ("fake_name.far", 1), None, &[]);
    s.create(&world, ("fake_tag.near", 1), None, &[far]);
    for step in &mut s.plan.steps {
        step.provider = Some(fake(if step.number == far { "far" } else { "near" }));
    }
    world.get().preflights.clear();
    let (outcome, _) = apply(&world, &s);
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = world.get().preflights.clone();
    let before = told.iter().map(|(_, changes)| changes[0].before.clone());
    let expected = [vec![], vec!["fake_name.far".to_owned()]];
    assert_eq!(before.collect::<Vec<_>>(), expected);
}

#[test]
fn how_long_an_update_takes_goes_by_what_it_changes() {
    for (size, seconds) in [(1, 60), (7, 90)] {
        let world = furnished(34);
        let mut s = Scenario::new(2);
        let made = s.create(&world, ("fake_name.first", 1), None, &[]);
        let update = s.update(&world, ("fake_tag.t1", size), None, &[made]);
        s.plan.steps[update as usize].before = Some(row(&world, "fake_tag.t1").unwrap().attributes);
        for step in &mut s.plan.steps {
            step.provider = Some(fake("near"));
        }
        world.get().preflights.clear();
        let (outcome, _) = apply(&world, &s);
        assert!(outcome.is_complete(), "{outcome:?}");
        let told = world.get().preflights.clone();
        assert_eq!(told[0].0, Duration::from_secs(seconds), "to size {size}");
    }
}

#[test]
fn what_stands_in_the_way_stops_a_run_before_it_begins() {
    let world = furnished(31);
    let mut scenario = scenario(&world);
    scenario.plan.steps[0].source = Some(Position {
        file: "main.strata.hcl".into(),
        line: 3,
        column: 1,
    });
    let (calls, rows, commits) = {
        let mut inner = world.get();
        // The far connection has one change, the near one four: of both this is the first.
        inner.findings = vec![
            finding(Severity::Error, Some(0)),
            finding(Severity::Error, None),
        ];
        (
            inner.mutating_calls,
            inner.store.rows.clone(),
            inner.store.commits,
        )
    };
    let (outcome, events) = apply(&world, &scenario);
    assert!(!outcome.is_complete());
    assert_eq!(outcome.succeeded, 0);
    let keys: Vec<_> = outcome
        .obstacles
        .iter()
        .map(|one| one.key.clone())
        .collect();
    let expected = ["fake_name.other", "fake_tag.one"].map(|at| Some(current(at)));
    assert_eq!(keys, [expected[0].clone(), None, expected[1].clone(), None]);
    assert_eq!(outcome.obstacles[0].code(), Code("E0702"));
    assert_eq!(outcome.obstacles[2].source.as_ref().unwrap().line, 3);
    assert_eq!(events, []);
    {
        let inner = world.get();
        assert_eq!(inner.mutating_calls, calls);
        assert_eq!((&inner.store.rows, inner.store.commits), (&rows, commits));
    }
    // The same plan goes on when nothing stands in the way any more.
    world.get().findings.clear();
    let (outcome, _) = apply(&world, &scenario);
    assert!(outcome.is_complete(), "{outcome:?}");
}

#[test]
fn a_warning_is_told_and_the_run_goes_on() {
    let world = furnished(32);
    let scenario = scenario(&world);
    world.get().findings = vec![finding(Severity::Warning, Some(0))];
    let (outcome, events) = apply(&world, &scenario);
    assert!(outcome.is_complete(), "{outcome:?}");
    let Event::Foreseen { code, key, .. } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (*code, key.clone()),
        (Code("W0701"), Some(current("fake_name.other")))
    );
}

#[test]
fn what_is_done_is_not_looked_at_again() {
    let world = furnished(33);
    let scenario = scenario(&world);
    {
        let mut inner = world.get();
        let next = inner.mutating_calls;
        inner.faults.scripted.insert(next, Scripted::Invalid);
        inner.preflights.clear();
    }
    let (outcome, _) = apply(&world, &scenario);
    assert!(!outcome.is_complete());
    let (outcome, _) = apply(&world, &scenario);
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = world.get().preflights.clone();
    let counts: Vec<usize> = told.iter().map(|(_, changes)| changes.len()).collect();
    let (first, again) = counts.split_at(2);
    assert_eq!(first.iter().sum::<usize>(), 5);
    let again: usize = again.iter().sum();
    assert!((1..5).contains(&again), "{told:?}");
}
