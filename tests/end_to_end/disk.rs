//! Disks that are full and file systems that cannot be written: nothing is called that could not be recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::figures::Watch;
use crate::harness::judge::{Expected, judge_done, judge_known};
use crate::harness::mount::Mounted;
use crate::harness::remembered::remembered;
use crate::harness::{Finished, Running, World, WorldOptions, figures};

const ROLES: usize = 60;

/// Roles: quick to make, and each a row and two transactions.
fn definitions(roles: usize) -> String {
    format!(
        r#"
provider "aws" {{
  region = "eu-west-1"
}}

resource "aws_iam_role" "some" {{
  count = {roles}

  name               = "disk-${{count.index}}"
  description        = "{filling}"
  tags               = {{ Name = "role-${{count.index}}" }}
  assume_role_policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Principal = {{ Service = "ec2.amazonaws.com" }}, Action = "sts:AssumeRole" }}]
  }})
}}
"#,
        filling = "x".repeat(900)
    )
}

fn expected(roles: usize) -> Vec<Expected> {
    let role = |i| Expected {
        resource: "aws_iam_role",
        name: format!("role-{i}"),
        tags: BTreeMap::new(),
    };
    (0..roles).map(role).collect()
}

/// A world whose data directory is a file system of its own.
struct Small {
    mounted: Mounted,
    world: World,
}

impl Small {
    fn new(size_kib: u32) -> Self {
        let world = World::of_text(&definitions(1), WorldOptions::default());
        let data = world.project().join(".strata");
        std::fs::create_dir(&data).expect("a directory can be made");
        let mounted = Mounted::on(&data, size_kib);
        Small { mounted, world }
    }

    fn run(&self, args: &[&str]) -> Finished {
        let command = self.mounted.inside(&self.world.command(args));
        Running::start(command, &self.world.stem()).wait()
    }

    fn state(&self) -> strata_model::state::StateSnapshot {
        let path = self.world.root().join("copy.db");
        self.mounted.copy_state(&self.world.state_file(), &path);
        remembered(&path).expect("the state can be read")
    }

    fn live(&self) -> usize {
        self.world
            .ledger()
            .live()
            .filter(|object| object.kind == "role")
            .count()
    }

    /// Checks that the message of a run is true: it names the state, and says what is the matter.
    #[track_caller]
    fn expect_refusal(finished: Finished, says: &[&str]) {
        let finished = finished.expect_code(73);
        let text = finished.text().to_lowercase();
        assert!(
            says.iter().any(|word| text.contains(word)),
            "none of {says:?} in {text}"
        );
    }
}

#[test]
fn a_full_disk_stops_new_calls_and_loses_nothing() {
    let watch = Watch::start();
    let (mut refused, mut stopped, mut unharmed) = (0, 0, 0);
    let mut objects = Vec::new();
    for left_kib in [0, 512, 1100, 1300, 1500, 1800] {
        let small = Small::new(16 * 1024);
        small.run(&["apply", "-auto-approve"]).expect_code(0);
        small.world.define(&definitions(ROLES));
        small.mounted.fill(left_kib);
        let finished = small.run(&["apply", "-auto-approve"]);
        let live = small.live();
        match (finished.code, live) {
            (Some(0), _) => unharmed += 1,
            (_, 1) => refused += 1,
            (_, _) => stopped += 1,
        }
        if finished.code != Some(0) {
            Small::expect_refusal(finished, &["the disk is full", "no space left"]);
        }
        objects.push(format!("{left_kib}:{live}"));
        // What is there has a row or an intent: nothing was called that was not recorded before.
        let judged = judge_known(&small.state(), &small.world.ledger());
        assert!(judged.is_empty(), "{left_kib} KiB left:\n{judged}");
        small.mounted.free();
        small.run(&["apply", "-auto-approve"]).expect_code(0);
        let judged = judge_done(&small.state(), &small.world.ledger(), &expected(ROLES));
        assert!(
            judged.is_empty(),
            "{left_kib} KiB left, then freed:\n{judged}"
        );
        small.run(&["plan", "-detailed-exitcode"]).expect_code(0);
    }
    figures(&format!(
        "disk full: runs=6 refused-before-any-call={refused} stopped-on-the-way={stopped} unharmed={unharmed} \
         orphans=0 doubles=0 objects-by-KiB-left=[{}] of {ROLES} time={:.0?}",
        objects.join(" "),
        watch.elapsed()
    ));
    assert!(
        refused > 0 && stopped > 0,
        "the disk was never full at the right moment"
    );
}

#[test]
fn a_read_only_directory_is_refused_before_any_call() {
    let small = Small::new(16 * 1024);
    small.mounted.set_writable(false);
    let before = small.world.mutating_calls();
    Small::expect_refusal(
        small.run(&["apply", "-auto-approve"]),
        &["cannot be opened or written", "read-only"],
    );
    small.mounted.set_writable(true);
    small.run(&["apply", "-auto-approve"]).expect_code(0);
    assert!(small.world.mutating_calls() > before);

    small.world.define(&definitions(10));
    small.mounted.set_writable(false);
    let before = small.world.mutating_calls();
    Small::expect_refusal(
        small.run(&["apply", "-auto-approve"]),
        &["cannot be opened or written", "read-only"],
    );
    assert_eq!(
        small.world.mutating_calls(),
        before,
        "calls that cannot be recorded"
    );
    // Looking needs no writing.
    small.run(&["plan", "-detailed-exitcode"]).expect_code(2);
    small.mounted.set_writable(true);
    small.run(&["apply", "-auto-approve"]).expect_code(0);
    let judged = judge_done(&small.state(), &small.world.ledger(), &expected(10));
    assert!(judged.is_empty(), "{judged}");
}

#[test]
fn a_disk_that_becomes_full_stops_new_calls() {
    let small = Small::new(16 * 1024);
    small.run(&["apply", "-auto-approve"]).expect_code(0);
    small.world.define(&definitions(ROLES));
    small
        .world
        .cloud
        .set_faults("rules: [{ mutating: true, fault: { delay: { ms: 50000 } } }]");
    let before = small.world.tap.mutating();
    let command = small
        .mounted
        .inside(&small.world.command(&["apply", "-auto-approve"]));
    let running = Running::start(command, &small.world.stem());
    assert!(
        small
            .world
            .tap
            .wait_for(before + 12, Duration::from_secs(30))
    );
    // The last block, too: what the run has kept in reserve is all that it has left.
    small.mounted.fill(0);
    let finished = running.wait();
    small.world.tap.settle();
    let live = small.live();
    Small::expect_refusal(finished, &["the disk is full"]);
    assert!(live < ROLES, "it went on after the disk was full");
    let (state, ledger) = (small.state(), small.world.ledger());
    let judged = judge_known(&state, &ledger);
    assert!(judged.is_empty(), "{judged}");
    let (rows, open) = (state.rows.len(), state.open_ops.len());
    small.mounted.free();
    small.run(&["apply", "-auto-approve"]).expect_code(0);
    let judged = judge_done(&small.state(), &small.world.ledger(), &expected(ROLES));
    assert!(judged.is_empty(), "{judged}");
    figures(&format!(
        "disk full in the middle: exit=73 objects={live} of {ROLES}, rows={rows} open ops={open}, orphans=0; continued to {ROLES}"
    ));
}
