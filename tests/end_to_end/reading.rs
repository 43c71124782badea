//! Reads that show too little: lists of many pages, and reads that are refused. Neither is absence.

use std::time::Duration;

use crate::harness::judge::{declared_objects, judge_known};
use crate::harness::{World, WorldOptions, figures};

const NETWORKS: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "some" {
  count = 20

  cidr_block = "10.${count.index}.0.0/16"
  tags       = { Name = "vpc-${count.index}" }
}

resource "aws_subnet" "some" {
  count = 20

  vpc_id     = aws_vpc.some[count.index].id
  cidr_block = "10.${count.index}.0.0/24"
  tags       = { Name = "subnet-${count.index}" }
}

resource "aws_iam_role" "some" {
  count = 10

  name               = "reading-${count.index}"
  tags               = { Name = "role-${count.index}" }
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "some" {
  for_each = toset(["ReadOnlyAccess", "SecurityAudit", "AmazonEKSWorkerNodePolicy"])

  role       = aws_iam_role.some[0].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}
"#;

const OBJECTS: usize = 53;

const REFUSED: &str = "rules: [{ mutating: false, fault: access_denied }]";

#[test]
fn lists_of_many_pages_are_read_whole() {
    let world = World::of_text(NETWORKS, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world
        .cloud
        .set_faults("rules: [{ mutating: false, fault: { small_pages: { items: 6 } } }]");
    world.expect_no_changes(&[]);
    world
        .run_without_calls(&["apply", "-auto-approve"])
        .expect_code(0);
    assert_eq!(declared_objects(&world.ledger()).len(), OBJECTS);
}

#[test]
fn lost_creates_are_found_behind_the_first_page() {
    let faults = "rules: [{ mutating: true, probability: 0.3, fault: lost_response }, { mutating: false, fault: { small_pages: { items: 5 } } }]";
    let options = WorldOptions {
        faults: Some(faults),
        ..WorldOptions::default()
    };
    let world = World::of_text(NETWORKS, options);
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    assert_eq!(declared_objects(&world.ledger()).len(), OBJECTS);
    let judged = judge_known(&world.remembered(), &world.ledger());
    assert!(judged.is_empty(), "{judged}");
    world.expect_no_changes(&[]);
}

#[test]
fn a_refused_read_is_an_error_and_no_absence() {
    let world = World::of_text(NETWORKS, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.cloud.set_faults(REFUSED);
    for args in [
        &["plan"][..],
        &["plan", "-out=change.plan"],
        &["apply", "-auto-approve"],
        &["destroy", "-auto-approve"],
    ] {
        let finished = world.run_without_calls(args);
        assert!(
            finished.code.is_some_and(|code| code != 0),
            "{}",
            finished.text()
        );
        assert!(
            !finished.stdout.contains("to add"),
            "absence was made of a refusal: {}",
            finished.text()
        );
    }
    assert!(
        !world.project().join("change.plan").exists(),
        "a plan was saved"
    );
    world
        .run_without_calls(&["plan", "-refresh=false", "-detailed-exitcode"])
        .expect_code(0);
    world.cloud.set_faults("rules: []");
    world.expect_no_changes(&[]);
    assert_eq!(declared_objects(&world.ledger()).len(), OBJECTS);
}

#[test]
fn a_refused_read_in_recovery_closes_nothing_and_sends_nothing() {
    let options = WorldOptions {
        faults: Some("rules: [{ mutating: true, fault: { delay: { ms: 100000 } } }]"),
        ..WorldOptions::default()
    };
    let world = World::of_text(NETWORKS, options);
    let running = world.start(&["apply", "-auto-approve"]);
    assert!(
        world.tap.wait_for(25, Duration::from_secs(60)),
        "{}",
        running.output()
    );
    drop(running.kill());
    world.tap.settle();
    let open = world.remembered().open_ops.len();
    assert!(open > 0, "nothing was open");
    world.cloud.set_faults(REFUSED);
    let finished = world.run_without_calls(&["apply", "-auto-approve"]);
    assert!(
        finished.code.is_some_and(|code| code != 0),
        "{}",
        finished.text()
    );
    assert_eq!(
        world.remembered().open_ops.len(),
        open,
        "an intent was closed without a look"
    );
    world.cloud.set_faults("rules: []");
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    assert_eq!(declared_objects(&world.ledger()).len(), OBJECTS);
    world.expect_no_changes(&[]);
    figures(&format!(
        "refused reads: no plan, no call; in recovery {open} open intents stay open, then all are resolved"
    ));
}
