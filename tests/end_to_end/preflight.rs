//! What can be known before a run changes anything is known before it changes anything.

use std::time::Duration;

use strata_model::Timestamp;

use crate::harness::{Finished, World, WorldOptions};

/// A pool of machines on a cluster in a network, each part of which can be made apart.
const NETWORK: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

stack "network" {
  source = "aws-network"
  inputs = { name = "shared", nat_gateways = "none", private_subnets = true }
}
"#;

fn cluster(machine: &str, network: &str) -> String {
    format!(
        r#"
stack "one" {{
  source = "aws-eks"
  inputs = {{
    name                = "one"
    public_access_cidrs = []
    {network}
    node_pools          = {{ only = {{ instance_types = ["{machine}"] }} }}
  }}
}}
"#
    )
}

/// Applies what cannot succeed, and checks that nothing came of it.
#[track_caller]
fn refused(world: &World, code: i32) -> Finished {
    let rows = world.remembered().rows.len();
    let finished = world.run_without_calls(&["apply", "-auto-approve"]);
    let finished = finished
        .expect_code(code)
        .expect_text("nothing was changed");
    assert_eq!(world.remembered().rows.len(), rows);
    finished
}

#[test]
fn a_quota_that_does_not_suffice_is_named() {
    let text = |count: u32| {
        format!(
            r#"
provider "aws" {{
  region = "eu-west-1"
}}

resource "aws_eip" "many" {{
  count = {count}
}}
"#
        )
    };
    let world = World::of_text(&text(4), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.define(&text(101));
    refused(&world, 1)
        .expect_text("[E0702]")
        .expect_text("97 more Elastic IP addresses are needed in eu-west-1, where 4 of at most 100 are in use.")
        .expect_text("L-0263D0A3")
        // The first that has no place, where it is declared.
        .expect_text("aws_eip.many[100]")
        .expect_text("project.strata.hcl:6");
    // As many as there may be.
    world.define(&text(100));
    world.run(&["apply", "-auto-approve"]).expect_code(0);
}

#[test]
fn quotas_that_another_service_tells_are_asked_for() {
    let text = |count: u32| {
        format!(
            r#"
provider "aws" {{
  region = "eu-west-1"
}}

resource "aws_vpc" "many" {{
  count      = {count}
  cidr_block = "10.0.0.0/16"
}}
"#
        )
    };
    let world = World::of_text(&text(2), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.define(&text(101));
    refused(&world, 1)
        .expect_text("[E0702]")
        .expect_text("99 more VPCs are needed in eu-west-1, where 2 of at most 100 are in use.")
        .expect_text("\"VPCs per Region\" (service vpc, code L-F678F1CE)")
        .expect_text("aws_vpc.many[100]");
    // A quota that nobody ever asked to change is the one that every account has.
    let clusters = format!(
        "{NETWORK}{}",
        r#"
resource "aws_iam_role" "control" {
  name = "control"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "eks.amazonaws.com" } }]
  })
}

resource "aws_eks_cluster" "many" {
  count      = 101
  name       = "c${count.index}"
  version    = "1.35"
  role_arn   = aws_iam_role.control.arn
  vpc_config = { subnet_ids = stack.network.private_subnet_ids }
}
"#
    );
    let world = World::of_text(&clusters, WorldOptions::default());
    refused(&world, 1)
        .expect_text(
            "101 more EKS clusters are needed in eu-west-1, where 0 of at most 100 are in use.",
        )
        .expect_text("L-1194D53C");
}

#[test]
fn machines_that_a_region_does_not_have_are_named() {
    let definitions = cluster("m7i.larg", "nat_gateways = \"none\"");
    let world = World::of_text(&definitions, WorldOptions::default());
    refused(&world, 1)
        .expect_text("[E0703]")
        .expect_text("The instance type m7i.larg is not offered in")
        .expect_text("stack.one.aws_eks_node_group.pool[\"only\"]");
}

#[test]
fn versions_that_do_not_exist_are_named() {
    let of = |version: &str| {
        let inputs = format!("nat_gateways = \"none\"\n    kubernetes_version = \"{version}\"");
        cluster("m7i.large", &inputs)
    };
    for version in ["1.28", "1.99"] {
        let world = World::of_text(&of(version), WorldOptions::default());
        refused(&world, 1)
            .expect_text("[E0703]")
            .expect_text(&format!("Kubernetes {version} is not offered in"))
            .expect_text("EKS has 1.")
            .expect_text("stack.one.aws_eks_cluster.main");
    }
    let world = World::of_text(&of("1.35"), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.define(&of("1.99"));
    refused(&world, 1).expect_text("Kubernetes 1.99 is not offered in");
    let asked = |world: &World| {
        let calls = world.ledger().calls;
        let asked = calls.iter();
        asked
            .filter(|call| call.operation == "DescribeClusterVersions")
            .count()
    };
    // Only where a version changes.
    let before = asked(&world);
    world.define(&of("1.35").replace("m7i.large", "m7g.large"));
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    assert_eq!(asked(&world), before);
}

#[test]
fn machines_that_a_zone_does_not_have_are_named() {
    let world = World::of_text(NETWORK, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let network = r#"network = {
      vpc_id             = stack.network.vpc_id
      private_subnet_ids = stack.network.private_subnet_ids
    }"#;
    world.define(&format!("{NETWORK}{}", cluster("p5.48xlarge", network)));
    refused(&world, 1)
        .expect_text("[E0703]")
        .expect_text("p5.48xlarge: not offered in eu-west-1c.");
}

#[test]
fn subnets_that_are_still_to_be_made_give_a_warning() {
    let definitions = cluster("p5.48xlarge", "nat_gateways = \"none\"");
    let world = World::of_text(&definitions, WorldOptions::default());
    world
        .run(&["apply", "-auto-approve"])
        .expect_text("Warning [W0701]: p5.48xlarge: not offered in ");
    assert!(world.mutating_calls() > 0);
}

#[test]
fn what_may_not_be_looked_at_is_tried() {
    let faults = "rules: [{operation: DescribeInstanceTypeOfferings, fault: access_denied}]";
    let options = WorldOptions {
        faults: Some(faults),
        ..WorldOptions::default()
    };
    let world = World::of_text(&cluster("m7i.larg", "nat_gateways = \"none\""), options);
    world
        .run(&["apply", "-auto-approve"])
        .expect_code(1)
        .expect_text("The following supplied instance types do not exist: [m7i.larg]");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "outside of the sandbox the program goes by the time of the day"
)]
fn credentials_that_end_too_early_are_told() {
    let definitions = format!(
        "provider \"aws\" {{}}\n{}",
        cluster("m7i.large", "nat_gateways = \"none\"")
    );
    let world = World::of_text(&definitions, WorldOptions::default());
    let ends = Timestamp::now() + Duration::from_secs(9 * 60);
    let ends = ends.to_string();
    let temporary = [
        ("AWS_SESSION_TOKEN", "test"),
        ("AWS_CREDENTIAL_EXPIRATION", ends.as_str()),
    ];
    world
        .run_outside_with(&["apply", "-auto-approve"], &temporary)
        .expect_code(77)
        .expect_text("[E0704]")
        .expect_text("The AWS credentials end in 8 minutes")
        .expect_text("the run takes 11 minutes or more")
        .expect_text("nothing was changed");
    assert_eq!(world.mutating_calls(), 0);
}

#[test]
fn a_plan_makes_none_of_these_calls() {
    let definitions = cluster("m7i.large", "nat_gateways = \"single\"");
    let world = World::of_text(&definitions, WorldOptions::default());
    world.run(&["plan"]).expect_code(0);
    let ahead = [
        "DescribeInstanceTypeOfferings",
        "DescribeAccountAttributes",
        "DescribeAddresses",
    ];
    let calls = world.ledger().calls;
    let made = calls.iter().map(|call| call.operation.as_str());
    let made: Vec<&str> = made.filter(|operation| ahead.contains(operation)).collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_protected_cluster_keeps_all_that_is_on_it() {
    let network = "nat_gateways = \"none\"\n    deletion_protection = true";
    let world = World::of_text(&cluster("m7i.large", network), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let rows = world.remembered().rows.len();
    world
        .run_without_calls(&["destroy", "-auto-approve"])
        .expect_code(1)
        .expect_text("[E0601]")
        .expect_text("protects the cluster one against deletion");
    assert_eq!(world.remembered().rows.len(), rows);
}
