//! Objects that exist already are taken over: those of every type, by blocks that are written for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::harness::{World, WorldOptions, figures};

const PROVIDER: &str = "provider \"aws\" {\n  region = \"eu-west-1\"\n}\n";

/// The type and id of everything that the project with every type has, by the name of a block of its own.
fn named(world: &World) -> BTreeMap<String, (String, String)> {
    let state = world.remembered();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let rows = state.rows.values().map(|row| {
        let resource = row.address().resource_type.to_string();
        let count = counts.entry(resource.clone()).or_default();
        *count += 1;
        let id = row.id.clone().expect("what is there has an id");
        (format!("{resource}.old_{count}"), (resource, id))
    });
    rows.collect()
}

fn forget_everything(world: &World) {
    let addresses: Vec<String> = world
        .remembered()
        .rows
        .values()
        .map(|row| row.address().to_string())
        .collect();
    let mut arguments = vec!["state", "rm"];
    arguments.extend(addresses.iter().map(String::as_str));
    world.run(&arguments).expect_code(0);
    assert!(world.remembered().rows.is_empty());
}

/// The file that the blocks are written to.
const ADOPTED: &str = "adopted.strata.hcl";

/// Defines nothing but the imports of objects, has their blocks written, and returns what they say.
#[track_caller]
fn blocks_of(world: &World, objects: &BTreeMap<String, (String, String)>) -> String {
    let mut imports = PROVIDER.to_owned();
    for (address, (_, id)) in objects {
        writeln!(imports, "import {{\n  to = {address}\n  id = \"{id}\"\n}}")
            .expect("a text takes all");
    }
    world.define(&imports);
    let count = objects.len();
    world
        .run_without_calls(&["plan", &format!("-generate-config-out={ADOPTED}")])
        .expect_code(0)
        .expect_text(&format!(
            "Plan: {count} to import, 0 to add, 0 to change, 0 to destroy."
        ));
    let written = std::fs::read_to_string(world.project().join(ADOPTED));
    written.expect("the file was written")
}

#[test]
fn what_exists_of_every_type_is_adopted() {
    let world = World::of_fixture("kill", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let objects = named(&world);
    forget_everything(&world);
    let every = world.project().join("every.strata.hcl");
    std::fs::remove_file(every).expect("the fixture has a second file");
    let written = blocks_of(&world, &objects);
    let count = objects.len();
    // What AWS chose stands there, too, but not what follows from something else.
    let is_said = |name: &str| {
        let mut lines = written.lines().map(str::trim_start);
        lines.any(|line| {
            line.split_once('=')
                .is_some_and(|(key, _)| key.trim() == name)
        })
    };
    for name in [
        "version",
        "availability_zone",
        "route",
        "ingress",
        "service_ipv4_cidr",
        "authentication_mode",
    ] {
        assert!(is_said(name), "{name} is not in\n{written}");
    }
    for name in [
        "release_version",
        "addon_version",
        "network_border_group",
        "private_ip",
    ] {
        assert!(!is_said(name), "{name} is in\n{written}");
    }
    // Nothing is said that says nothing, and what names another object refers to it.
    let is_empty = |line: &str| line.ends_with("= {}") || line.ends_with("= []");
    let is_argument = |line: &str| line.starts_with("  ") && !line.starts_with("   ");
    let mut arguments = written.lines().filter(|line| is_argument(line));
    assert!(!arguments.any(is_empty), "an empty value is in\n{written}");
    for reference in [
        "aws_vpc.old_1.id",
        "aws_iam_role.old_1.arn",
        "aws_iam_role.old_1.name",
        "aws_eks_cluster.old_1.name",
        "aws_eks_access_entry.old_2.principal_arn",
    ] {
        assert!(written.contains(reference), "no {reference} in\n{written}");
    }
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.expect_no_changes(&[]);
    // Without the blocks nothing is asked for any more.
    world.define(PROVIDER);
    world.expect_no_changes(&[]);

    let mut one_of_each: BTreeMap<&String, (&String, &String)> = BTreeMap::new();
    for (address, (resource, id)) in &objects {
        one_of_each.entry(resource).or_insert((address, id));
    }
    for (address, id) in one_of_each.values() {
        world.run(&["state", "rm", address]).expect_code(0);
        world
            .run(&["import", address, id])
            .expect_code(0)
            .expect_text("1 imported");
    }
    world.expect_no_changes(&[]);
    figures(&format!(
        "adopted: {count} objects of {} types by generated blocks, one of each type by the command; plans empty",
        one_of_each.len()
    ));
}

/// A cluster that somebody made otherwise. Its role has its name.
const CLUSTER: &str = r#"
locals {
  zones    = ["eu-west-1a", "eu-west-1b"]
  services = { prod = "eks.amazonaws.com", prod-nodes = "ec2.amazonaws.com" }
  policies = { prod = "AmazonEKSClusterPolicy", prod-nodes = "AmazonEKSWorkerNodePolicy" }
}
resource "aws_vpc" "net" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_internet_gateway" "net" {
  vpc_id = aws_vpc.net.id
}
resource "aws_subnet" "net" {
  count             = 2
  vpc_id            = aws_vpc.net.id
  availability_zone = local.zones[count.index]
  cidr_block        = "10.0.${count.index}.0/24"
}
resource "aws_route_table" "net" {
  vpc_id     = aws_vpc.net.id
  subnet_ids = aws_subnet.net[*].id
  route      = [{ cidr_block = "0.0.0.0/0", gateway_id = aws_internet_gateway.net.id }]
}
resource "aws_iam_role" "some" {
  for_each = local.services
  name     = each.key
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = each.value }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}
resource "aws_iam_role_policy_attachment" "some" {
  for_each   = local.policies
  role       = aws_iam_role.some[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}
resource "aws_cloudwatch_log_group" "plane" {
  name              = "/aws/eks/prod/cluster"
  retention_in_days = 7
}
resource "aws_eks_cluster" "prod" {
  name          = "prod"
  version       = "1.33"
  role_arn      = aws_iam_role.some["prod"].arn
  vpc_config    = { subnet_ids = aws_subnet.net[*].id, endpoint_public_access = true }
  access_config = { authentication_mode = "API" }
  depends_on    = [aws_iam_role_policy_attachment.some, aws_cloudwatch_log_group.plane]

  enabled_cluster_log_types = ["api"]
}
resource "aws_eks_node_group" "pool" {
  count           = 2
  cluster_name    = aws_eks_cluster.prod.name
  node_group_name = "pool-${count.index}"
  node_role_arn   = aws_iam_role.some["prod-nodes"].arn
  subnet_ids      = aws_subnet.net[*].id
  scaling_config  = { min_size = 1, max_size = 1, desired_size = 1 }
  depends_on      = [aws_route_table.net]
}
resource "aws_eks_addon" "network" {
  cluster_name = aws_eks_cluster.prod.name
  addon_name   = "vpc-cni"
}
"#;

/// The blocks say by their references what comes first, as those do that somebody writes.
#[test]
fn an_adopted_cluster_climbs_two_minors_by_its_written_blocks() {
    let options = WorldOptions {
        // Time limits are divided by it too, and this machine's own time is not.
        speed: 100,
        faults: None,
    };
    let world = World::of_text(&format!("{PROVIDER}{CLUSTER}"), options);
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let objects = named(&world);
    forget_everything(&world);
    let written = blocks_of(&world, &objects);
    // Two node groups and an add-on, and one attachment for each of the roles.
    for (reference, count) in [
        ("aws_eks_cluster.old_1.name", 3),
        ("aws_iam_role.old_1.name", 1),
        ("aws_iam_role.old_2.name", 1),
    ] {
        let found = written.matches(reference).count();
        assert_eq!(found, count, "{reference} in\n{written}");
    }
    // Only the cluster and the role say it themselves.
    assert_eq!(written.matches("\"prod\"").count(), 2, "{written}");
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.define(PROVIDER);
    world.expect_no_changes(&[]);

    let raised = written.replace("\"1.33\"", "\"1.35\"");
    std::fs::write(world.project().join(ADOPTED), raised).expect("the blocks can be changed");
    world.run_without_calls(&["plan"]).expect_code(0);
    let before = world.ledger().calls.len();
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let updates = ["UpdateClusterVersion", "UpdateNodegroupVersion"];
    let ledger = world.ledger();
    let mut order: Vec<&str> = ledger.calls[before..]
        .iter()
        .filter(|call| call.status < 400)
        .map(|call| call.operation.as_str())
        .filter(|operation| updates.contains(operation))
        .collect();
    // Two groups, two minors, each behind the control plane.
    assert_eq!(order.len(), 6, "{order:?}");
    order.dedup();
    assert_eq!(order, [updates, updates].concat());
    world.expect_no_changes(&[]);
    expect_destroyed_in_order(&world);
}

/// What nothing in the arguments of an object names goes after it all the same: policies and routes after the nodes that
/// drain by them, the log group after the cluster that would make it again.
#[track_caller]
fn expect_destroyed_in_order(world: &World) {
    let before = world.ledger().calls.len();
    world.run(&["destroy", "-auto-approve"]).expect_code(0);
    let ledger = world.ledger();
    let calls: Vec<&str> = ledger.calls[before..]
        .iter()
        .map(|call| call.operation.as_str())
        .collect();
    let first = |operation: &str| calls.iter().position(|call| *call == operation);
    let last = |operation: &str| calls.iter().rposition(|call| *call == operation);
    for (earlier, later) in [
        (last("DeleteNodegroup"), first("DetachRolePolicy")),
        (last("DeleteNodegroup"), first("DisassociateRouteTable")),
        (last("DeleteCluster"), last("DetachRolePolicy")),
        (last("DeleteCluster"), first("DeleteLogGroup")),
    ] {
        assert!(earlier.is_some() && earlier < later, "{calls:?}");
    }
    let left: Vec<_> = ledger.live().collect();
    assert!(left.is_empty(), "{left:?}");
}
