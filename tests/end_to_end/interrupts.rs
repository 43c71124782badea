//! Signals: once, and what runs ends and is recorded; twice, and the end comes at once, with everything findable.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::figures::Watch;
use crate::harness::judge::{Expected, judge_done, judge_known};
use crate::harness::{Running, World, WorldOptions, figures};

const NETWORKS: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "some" {
  count = 60

  cidr_block = "10.${count.index}.0.0/16"
  tags       = { Name = "vpc-${count.index}" }
}
"#;

fn expected() -> Vec<Expected> {
    let vpc = |i| Expected {
        resource: "aws_vpc",
        name: format!("vpc-{i}"),
        tags: BTreeMap::new(),
    };
    (0..60).map(vpc).collect()
}

/// A run that has sent `calls` mutating calls, each answered `late_ms` of this machine late.
fn under_way(late_ms: u64, calls: u64) -> (World, Running) {
    let speed = WorldOptions::default().speed;
    let late = late_ms * u64::from(speed);
    let faults = format!("rules: [{{ mutating: true, fault: {{ delay: {{ ms: {late} }} }} }}]");
    let options = WorldOptions {
        faults: Some(&faults),
        ..WorldOptions::default()
    };
    let world = World::of_text(NETWORKS, options);
    let running = world.start(&["apply", "-auto-approve"]);
    assert!(
        world.tap.wait_for(calls, Duration::from_secs(60)),
        "{}",
        running.output()
    );
    (world, running)
}

/// The same command goes on where it ended.
fn resume(world: &World) {
    world.cloud.set_faults("rules: []");
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let judged = judge_done(&world.remembered(), &world.ledger(), &expected());
    assert!(judged.is_empty(), "{judged}");
    world.expect_no_changes(&[]);
}

/// Once: no new step begins, what runs ends, and nothing stays open.
fn once(signal: Signal, code: i32) {
    let (world, running) = under_way(100, 12);
    running.signal(signal);
    let sent = world.tap.mutating();
    let watch = Watch::start();
    let finished = running.wait().expect_code(code);
    let took = watch.elapsed();
    let after = world.tap.mutating() - sent;
    let state = world.remembered();
    let judged = judge_known(&state, &world.ledger());
    assert!(judged.is_empty(), "{judged}");
    assert!(
        state.open_ops.is_empty(),
        "running steps are recorded: {}",
        finished.text()
    );
    let made = state.rows.len();
    assert!(
        (1..60).contains(&made),
        "{made} made: the signal came too early or too late"
    );
    figures(&format!(
        "signal {signal:?} once: exit={code} after {took:.0?}, objects={made} of 60, later calls of running steps={after}, open ops=0"
    ));
    assert!(after <= 20, "running steps make few calls, new ones none");
    resume(&world);
}

#[test]
fn one_interrupt_lets_running_steps_finish() {
    once(Signal::INT, 130);
}

#[test]
fn one_request_to_terminate_lets_running_steps_finish() {
    once(Signal::TERM, 143);
}

#[test]
fn two_interrupts_end_at_once_and_lose_nothing() {
    let (world, running) = under_way(4000, 8);
    running.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(200));
    running.signal(Signal::INT);
    let watch = Watch::start();
    running.wait().expect_code(130);
    let took = watch.elapsed();
    world.tap.settle();
    let (state, ledger) = (world.remembered(), world.ledger());
    let judged = judge_known(&state, &ledger);
    let open = state.open_ops.len();
    figures(&format!(
        "interrupt twice: exit=130 after {took:.0?}, open ops={open}, {}",
        judged.counts()
    ));
    assert!(judged.is_empty(), "{judged}");
    assert!(open > 0, "nothing was under way");
    assert!(took <= Duration::from_secs(1), "the end took {took:?}");
    resume(&world);
}
