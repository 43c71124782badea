//! Saved plans: what is applied is what was approved, once.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use strata_model::Digest;

use crate::harness::{Finished, World, WorldOptions, figures};

const ROLE: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_iam_role" "some" {
  count = COUNT

  name               = "plans-${count.index}"
  description        = "as approved"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
"#;

struct Planned {
    world: World,
    file: PathBuf,
}

impl Planned {
    fn new(count: u32) -> Self {
        let definitions = ROLE.replace("COUNT", &count.to_string());
        let world = World::of_text(&definitions, WorldOptions::default());
        world
            .run_without_calls(&["plan", "-out=change.plan"])
            .expect_code(0);
        let file = world.project().join("change.plan");
        Planned { world, file }
    }

    fn apply(&self) -> Finished {
        self.world.run(&["apply", "change.plan"])
    }

    fn refused(&self) -> Finished {
        self.world
            .run_without_calls(&["apply", "change.plan"])
            .expect_code(5)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).expect("a plan is text")
    }
}

#[test]
fn an_edited_plan_is_refused() {
    let planned = Planned::new(2);
    let good = planned.text();
    let edits = [
        good.replacen("as approved", "as edited  ", 1),
        good.replace("as approved", "as edited  "),
        good.replace("plans-0", "plans-9"),
        format!("{good} "),
        good.replacen('{', "{\"more\":1,", 1),
    ];
    for edited in &edits {
        assert_ne!(*edited, good);
        fs::write(&planned.file, edited).expect("the plan can be written");
        planned.refused();
    }
    let mut flipped = 0;
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        fs::write(&planned.file, &bytes).expect("the plan can be written");
        planned.refused();
        flipped += 1;
    }
    fs::write(&planned.file, &good).expect("the plan can be written");
    planned.apply().expect_code(0);
    planned.world.expect_no_changes(&[]);
    figures(&format!(
        "edited plans: {} edits and {flipped} flipped bits refused with 5 and 0 calls",
        edits.len()
    ));
}

#[test]
fn an_edited_plan_with_its_digest_recomputed_is_refused() {
    let planned = Planned::new(2);
    let good = planned.text();
    let edited = good.replace("as approved", "as edited  ");
    fs::write(&planned.file, &edited).expect("the plan can be written");
    // Whoever can write the state file too puts the digest of the edited plan where that of the good one was.
    let (old, new) = [&good, &edited]
        .map(|text| Digest::of(text.as_bytes()).to_string())
        .into();
    let state = planned.world.state_file();
    let bytes = fs::read(&state).expect("the state can be read");
    let forged = replace(&bytes, old.as_bytes(), new.as_bytes());
    assert!(forged != bytes, "the state records the plan's digest");
    fs::write(&state, &forged).expect("the state can be written");
    let finished = planned.world.run_without_calls(&["apply", "change.plan"]);
    assert!(matches!(finished.code, Some(5 | 73)), "{}", finished.text());
    fs::write(&state, &bytes).expect("the state can be written");
    planned.refused();
    fs::write(&planned.file, &good).expect("the plan can be written");
    planned.apply().expect_code(0);
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter_map(|(at, window)| (window == old).then_some(at))
        .collect();
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn a_plan_is_applied_once() {
    let planned = Planned::new(2);
    planned.apply().expect_code(0);
    planned.refused().expect_text("applied already");
    planned.world.expect_no_changes(&[]);
}

#[test]
fn a_plan_of_another_lineage_is_refused() {
    let (one, other) = (Planned::new(2), Planned::new(2));
    fs::copy(&one.file, &other.file).expect("the plan can be copied");
    other.refused();
    one.apply().expect_code(0);
}

#[test]
fn a_plan_whose_rows_moved_is_refused() {
    let planned = Planned::new(2);
    planned
        .world
        .run(&["apply", "-auto-approve"])
        .expect_code(0);
    planned.refused();
}

#[test]
fn an_interrupted_plan_is_continued() {
    let planned = Planned::new(30);
    let world = &planned.world;
    world
        .cloud
        .set_faults("rules: [{ mutating: true, fault: { delay: { ms: 20000 } } }]");
    let mut kills = 0;
    for calls in [3, 7, 5, 6] {
        let before = world.tap.mutating();
        let running = world.start(&["apply", "change.plan"]);
        assert!(
            world.tap.wait_for(before + calls, Duration::from_secs(60)),
            "{}",
            running.output()
        );
        let killed = running.kill();
        assert!(killed.signal.is_some(), "{}", killed.text());
        kills += 1;
        world.tap.settle();
    }
    planned.apply().expect_code(0);
    planned.refused();
    world.expect_no_changes(&[]);
    let ledger = world.ledger();
    assert_eq!(
        ledger.live().filter(|object| object.kind == "role").count(),
        30
    );
    let deleted = ledger
        .objects
        .iter()
        .filter(|object| object.deleted_seq.is_some())
        .count();
    figures(&format!(
        "interrupted plan: kills={kills} continued to its end, objects=30 deleted={deleted}, then refused with 5"
    ));
    assert_eq!(deleted, 0, "what was made is kept");
}

#[test]
fn a_plan_that_another_took_the_place_of_is_refused() {
    let planned = Planned::new(20);
    let world = &planned.world;
    let before = world.tap.mutating();
    let running = world.start(&["apply", "change.plan"]);
    assert!(world.tap.wait_for(before + 3, Duration::from_secs(60)));
    drop(running.kill());
    world.tap.settle();
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    planned.refused();
    world.expect_no_changes(&[]);
}
