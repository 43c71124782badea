//! What definitions can do to what is there: vanish, be renamed, and say nothing new.

use crate::harness::judge::{declared_objects, judge_known};
use crate::harness::{World, WorldOptions, figures};

const CLUSTER: &str = r#"
provider "aws" {
  region       = "eu-central-1"
  default_tags = { team = "platform" }
}

cluster "mini" {
  stack = "aws-eks"

  inputs = {
    name                = "mini"
    public_access_cidrs = ["203.0.113.0/24"]
    zone_count          = 2
  }
}
"#;

#[test]
fn a_cluster_whose_block_and_provider_are_gone_is_destroyed_from_the_state_alone() {
    let world = World::of_text(CLUSTER, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.expect_no_changes(&[]);
    let made = declared_objects(&world.ledger()).len();
    assert!(made > 10, "{made}");

    world.define("project {\n  name = \"empty\"\n}\n");
    let kept = world.run_without_calls(&["apply", "-auto-approve"]);
    assert_ne!(kept.code, Some(0), "a cluster holds data: {}", kept.text());
    world
        .run(&[
            "apply",
            "-auto-approve",
            "-allow-delete=cluster.mini.aws_eks_cluster.main",
        ])
        .expect_code(0);
    let ledger = world.ledger();
    let left = declared_objects(&ledger).len();
    assert_eq!(left, 0, "left in the cloud");
    assert!(world.remembered().rows.is_empty());
    world.expect_no_changes(&[]);
    figures(&format!(
        "block and provider removed: objects={made} destroyed from the state alone, left=0"
    ));
}

const BEFORE: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "old" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "old" {
  count      = 2
  vpc_id     = aws_vpc.old.id
  cidr_block = cidrsubnet("10.0.0.0/16", 8, count.index)
}
"#;

const AFTER: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "new" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "new" {
  for_each   = { a = 0, b = 1 }
  vpc_id     = aws_vpc.new.id
  cidr_block = cidrsubnet("10.0.0.0/16", 8, each.value)
}

moved {
  from = aws_vpc.old
  to   = aws_vpc.new
}

moved {
  from = aws_subnet.old[0]
  to   = aws_subnet.new["a"]
}

moved {
  from = aws_subnet.old[1]
  to   = aws_subnet.new["b"]
}
"#;

#[test]
fn a_rename_makes_no_calls() {
    let world = World::of_text(BEFORE, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let ids = |world: &World| {
        declared_objects(&world.ledger())
            .into_keys()
            .collect::<Vec<_>>()
    };
    let before = ids(&world);
    world.define(AFTER);
    world
        .run_without_calls(&["plan", "-detailed-exitcode"])
        .expect_code(2);
    world
        .run_without_calls(&["apply", "-auto-approve"])
        .expect_code(0);
    assert_eq!(ids(&world), before);
    let judged = judge_known(&world.remembered(), &world.ledger());
    assert!(judged.is_empty(), "{judged}");
    let listed = world.run(&["state", "list"]).expect_code(0).stdout;
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "aws_subnet.new[\"a\"]",
            "aws_subnet.new[\"b\"]",
            "aws_vpc.new"
        ]
    );
    world.expect_no_changes(&[]);
    figures("rename by moved: 3 objects, mutating calls=0, ids kept, second plan empty");
}

#[test]
fn the_example_goes_through_its_life() {
    let world = World::of_example("eks-mini", WorldOptions::default());
    world
        .run_without_calls(&["plan", "-detailed-exitcode"])
        .expect_code(2);
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.expect_no_changes(&[]);
    let made = declared_objects(&world.ledger()).len();
    world.run(&["destroy", "-auto-approve"]).expect_code(0);
    assert_eq!(declared_objects(&world.ledger()).len(), 0);
    figures(&format!(
        "example eks-mini: objects={made}, second plan empty, destroyed, left=0"
    ));
}

const POLICY: &str = r#"
variable "team" {
  type = string
}
provider "aws" {
  region = "eu-west-1"
}
resource "aws_iam_policy" "some" {
  name = "some"
  tags = { team = var.team }
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]
  })
}
"#;

/// A document that others changed is theirs until a plan changes it, and no run makes a version that the next one misses.
#[test]
fn a_change_of_tags_makes_no_version_of_a_policy() {
    let world = World::of_text(POLICY, WorldOptions::default());
    let apply = |team: &str, more: &[&str]| {
        let team = format!("-var=team={team}");
        let apply = [&["apply", "-auto-approve", team.as_str()][..], more].concat();
        world.run(&apply).expect_code(0);
    };
    let versions = || {
        let calls = world.ledger().calls;
        let made = calls
            .iter()
            .filter(|call| call.operation == "CreatePolicyVersion");
        made.count()
    };
    apply("one", &[]);
    let state = world.remembered();
    let mut ids = state.rows.values().filter_map(|row| row.id.as_deref());
    let arn = ids.next().expect("the policy has an id");
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    let change = [
        "iam",
        "create-policy-version",
        "--policy-arn",
        arn,
        "--policy-document",
        document,
        "--set-as-default",
    ];
    assert_eq!(world.outside(&change, "PolicyVersion.VersionId"), "v2");
    apply("two", &["-refresh=false"]);
    assert_eq!(versions(), 1, "only the one of somebody else");
    world
        .run(&["plan", "-var=team=two"])
        .expect_code(0)
        .expect_text("1 to change");
    apply("two", &[]);
    assert_eq!(versions(), 2);
    world.expect_no_changes(&["-var=team=two"]);
}
