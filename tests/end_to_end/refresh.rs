//! What a refresh costs: the calls of a plan that finds nothing, counted by the cloud.

use crate::harness::calls::{bar, by_operation};
use crate::harness::figures::Watch;
use crate::harness::{World, WorldOptions, figures};

/// Plans once more, and checks that it finds nothing and makes few calls.
#[track_caller]
fn expect_few_calls(what: &str, world: &World) {
    let before = world.ledger().calls.len();
    world.expect_no_changes(&[]);
    let ledger = world.ledger();
    let calls = &ledger.calls[before..];
    let state = world.remembered();
    let bar = bar(&state);
    figures(&format!(
        "refresh of {what}: objects={} calls={} of {bar}: {}",
        state.rows.len(),
        calls.len(),
        by_operation(calls)
    ));
    assert!(
        calls.len() <= bar,
        "{} calls, and {bar} are allowed",
        calls.len()
    );
}

#[test]
fn a_refresh_of_every_type_makes_few_calls() {
    let world = World::of_fixture("kill", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    expect_few_calls("the project with every type", &world);
}

#[test]
fn a_refresh_of_a_fleet_makes_few_calls() {
    let world = World::of_example("eks-fleet", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    expect_few_calls("examples/eks-fleet", &world);
}

/// Twenty clusters like the larger one of the example.
#[test]
fn a_refresh_of_twenty_clusters_makes_few_calls() {
    let world = World::of_example("eks-fleet", WorldOptions::default());
    let clusters = world.project().join("clusters");
    let prod = clusters.join("prod.strata.hcl");
    let text = std::fs::read_to_string(&prod).expect("the example has its larger cluster");
    for number in 1..=20 {
        let copy = text
            .replace("ace-prod", &format!("ace-{number}"))
            .replace("10.20.", &format!("10.{}.", 20 + number));
        let file = clusters.join(format!("prod-{number}.strata.hcl"));
        std::fs::write(file, copy).expect("a definition can be written");
    }
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    expect_few_calls("examples/eks-fleet and 20 clusters more", &world);
}

/// Of a few plans the best counts: other tests run beside this one.
const PLANS: u32 = 7;

/// The bar is for what is shipped; a debug build is told apart and only measured.
#[test]
fn a_plan_of_the_fleet_is_quick() {
    let world = World::of_example("eks-fleet", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let mut best = std::time::Duration::MAX;
    for _ in 0..PLANS {
        let watch = Watch::start();
        world.run(&["plan", "-detailed-exitcode"]).expect_code(0);
        best = best.min(watch.elapsed());
    }
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    figures(&format!(
        "plan of examples/eks-fleet, warm, {build} build: {} ms (bar for release: 300 ms)",
        best.as_millis()
    ));
    if !cfg!(debug_assertions) {
        assert!(best.as_millis() < 300, "{best:?}");
    }
}
