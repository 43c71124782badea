//! Objects of which planning could not know whether they are there.

use super::scenario::{Scenario, current};
use super::{Applied, Session};
use crate::apply::ApplyOutcome;
use crate::apply::fake::{CloudObject, World};

/// A block of three objects, one behind the other, with something behind the first: planned without a look.
fn block(world: &World) -> Scenario {
    let mut scenario = Scenario::new(9);
    let a = scenario.create(world, (r#"fake_flat.f["a"]"#, 1), None, &[]);
    let b = scenario.create(world, (r#"fake_flat.f["b"]"#, 1), None, &[a]);
    scenario.create(world, (r#"fake_flat.f["c"]"#, 1), None, &[b]);
    scenario.create(world, ("fake_tag.behind", 1), None, &[a]);
    scenario.create(world, ("fake_tag.beside", 1), None, &[]);
    for step in &mut scenario.plan.steps {
        if &*step.key.address.resource_type == "fake_flat" {
            step.doubt = Some("judged by a schema: the cluster does not exist yet".to_owned());
            step.provider = Some(strata_model::provider::ProviderConfig {
                provider: strata_model::provider::ProviderName("fake".into()),
                values: Default::default(),
            });
        }
    }
    scenario
}

fn apply(world: &World, scenario: &Scenario) -> ApplyOutcome {
    let session = Session::new(world);
    let outcome = world.run(async { session.apply(&scenario.plan).await.outcome() });
    outcome.expect("nobody kills it")
}

fn foreign(world: &World, name: &str) {
    let object = CloudObject {
        resource_type: "fake_flat".to_owned(),
        name: name.to_owned(),
        live: true,
        foreign: true,
        ..CloudObject::default()
    };
    world
        .get()
        .objects
        .insert(format!("fake_flat-{name}"), object);
}

#[test]
fn what_is_there_unexpectedly_stops_its_block_before_anything_is_written() {
    let world = World::new(21);
    foreign(&world, "f-c");
    let outcome = apply(&world, &block(&world));
    assert!(outcome.exceeds);
    let details: Vec<&str> = outcome
        .diagnostics
        .iter()
        .map(|found| found.detail.as_str())
        .collect();
    assert_eq!(details.len(), 1, "{details:#?}");
    assert!(
        details[0].contains(r#"fake_flat.f["c"] is there already"#),
        "{details:#?}"
    );
    assert_eq!(outcome.skipped, [1, 2, 3]);
    // Only what has nothing to do with the block is made.
    assert!(
        world
            .get()
            .store
            .rows
            .contains_key(&current("fake_tag.beside"))
    );
    assert_eq!(world.get().store.rows.len(), 1);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn a_block_of_which_nothing_is_there_is_made() {
    let world = World::new(22);
    foreign(&world, "elsewhere");
    let outcome = apply(&world, &block(&world));
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(world.get().store.rows.len(), 5);
    assert_eq!(world.defects(), [""; 0]);
}

#[test]
fn what_the_plan_itself_has_made_is_nothing_unexpected() {
    let mut whole = false;
    for tick in 1..200 {
        let world = World::new(23);
        let scenario = block(&world);
        world.get().crash_at = Some(tick);
        let died = world.run(async { Session::new(&world).apply(&scenario.plan).await });
        if died.is_some() {
            whole = true;
            break;
        }
        {
            let mut inner = world.get();
            inner.crashed = false;
            inner.crash_at = None;
        }
        let again = world.run(async { Session::new(&world).apply(&scenario.plan).await });
        match again.expect("nobody kills it") {
            Applied::Finished => {}
            other => {
                let outcome = other.outcome();
                assert!(outcome.is_complete(), "killed at {tick}: {outcome:?}");
            }
        }
        assert_eq!(world.get().store.rows.len(), 5, "killed at {tick}");
        assert_eq!(world.defects(), [""; 0], "killed at {tick}");
    }
    assert!(whole, "no run came to its end");
}

#[test]
fn not_to_be_able_to_look_is_not_to_see_nothing() {
    let world = World::new(24);
    world.get().blind = true;
    let outcome = apply(&world, &block(&world));
    assert!(!outcome.exceeds);
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    assert_eq!(outcome.skipped, [1, 2, 3]);
}
