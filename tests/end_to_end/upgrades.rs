//! A cluster that goes up two minors while calls fail, and how long all of it takes.

use crate::harness::{Finished, World, WorldOptions, figures};

const CLUSTER: &str = r#"
variable "minor" {
  type = string
}
provider "aws" {
  region = "eu-west-1"
}
cluster "up" {
  stack = "aws-eks"
  inputs = {
    name                = "up"
    public_access_cidrs = []
    kubernetes_version  = var.minor
    node_pools          = { one = {}, two = { labels = { release = var.minor } }, three = {} }
  }
}
"#;

/// Answers lost, calls throttled and refused in passing, updates that fail, and what was changed seen late.
const FAULTS: &str = "
seed: SEED
rules:
  - { mutating: true, probability: 0.1, fault: lost_response }
  - { probability: 0.1, fault: { throttle: {} } }
  - { mutating: true, probability: 0.05, fault: server_error_before }
  - { mutating: true, probability: 0.05, fault: server_error_after }
  - { operation: UpdateNodegroupVersion, nth: [2], fault: { operation_fails: { code: PodEvictionFailure } } }
";

/// What EKS refuses because control plane and nodes, or two updates, would not go together.
const REFUSED: [&str; 2] = ["UpdateClusterVersion", "UpdateNodegroupVersion"];

fn at_the_first_minor() -> World {
    let options = WorldOptions {
        // Time limits are divided by it too, and this machine's own time is not.
        speed: 100,
        faults: None,
    };
    let world = World::of_text(CLUSTER, options);
    apply(&world, "1.33").expect_code(0);
    world
}

fn apply(world: &World, minor: &str) -> Finished {
    let variable = format!("-var=minor={minor}");
    world.run(&["apply", "-auto-approve", &variable])
}

#[test]
fn two_minors_are_climbed_through_faults() {
    let seed = crate::harness::Random::seed();
    let world = at_the_first_minor();
    let before = world.ledger().calls.len();
    world
        .cloud
        .set_faults(&FAULTS.replace("SEED", &seed.to_string()));
    let mut applies = 1;
    // An update that fails for good ends a run; the next one goes on from there.
    loop {
        let finished = apply(&world, "1.35");
        if finished.code == Some(0) {
            break;
        }
        applies += 1;
        let said = finished.text();
        assert!(applies <= 3, "seed {seed}: it does not converge: {said}");
    }
    world.cloud.set_faults("rules: []");
    world.expect_no_changes(&["-var=minor=1.35"]);
    let ledger = world.ledger();
    let calls = &ledger.calls[before..];
    let versions = |call: &&strata_sandbox::LedgerCall| REFUSED.contains(&call.operation.as_str());
    let refused: Vec<_> = calls
        .iter()
        .filter(versions)
        .filter(|call| call.fault.is_none() && call.status >= 400 && call.status != 409)
        .collect();
    let sent = calls.iter().filter(versions).count();
    let faults = calls.iter().filter(|call| call.fault.is_some()).count();
    figures(&format!(
        "upgrade 1.33 to 1.35 of a cluster with 3 node groups: seed={seed} applies={applies} version-updates={sent} \
         faults={faults} refused-for-skew={}",
        refused.len()
    ));
    assert!(faults > 0, "nothing went wrong");
    assert!(refused.is_empty(), "seed {seed}: {refused:?}");
    // A control plane and three node groups, two minors each.
    assert!(sent >= 8, "{sent}");
}

/// Nothing makes the old group go before the second minor, and the control plane could not go on.
#[test]
fn a_group_is_not_replaced_while_two_minors_are_climbed() {
    let world = at_the_first_minor();
    let group = "-replace=cluster.up.aws_eks_node_group.pool[\"one\"]";
    world
        .run(&["plan", "-var=minor=1.35", group])
        .expect_code(1)
        .expect_text("E0604")
        .expect_text("may still be at 1.33 when the control plane of up goes on to 1.35");
    let one_minor = ["plan", "-var=minor=1.34", group];
    world.run(&one_minor).expect_code(0);
}

/// What is left out of a run stays where it is, and the control plane could not go on by a second minor.
#[test]
fn a_group_that_stays_is_no_part_of_two_minors() {
    let world = at_the_first_minor();
    let without = [
        "-exclude=cluster.up.aws_eks_node_group.pool[\"three\"]",
        "-target=cluster.up.aws_eks_cluster.main",
    ];
    for option in without {
        world
            .run(&["plan", "-var=minor=1.35", option])
            .expect_code(1)
            .expect_text("E0604")
            .expect_text("stays at 1.33 in this run")
            .expect_text("does not raise the control plane of up to 1.35")
            .expect_text("or raise the cluster to 1.34 first");
        world
            .run(&["plan", "-var=minor=1.34", option])
            .expect_code(0);
    }
    // What gets another address is not left behind under the old one.
    let moved = "moved {\n  from = cluster.up\n  to   = cluster.risen\n}\n";
    world.define(&(CLUSTER.replace("cluster \"up\"", "cluster \"risen\"") + moved));
    world.run(&["plan", "-var=minor=1.35"]).expect_code(0);
    world.define(CLUSTER);
    // All are where they were, and go on together.
    apply(&world, "1.35").expect_code(0);
    world.expect_no_changes(&["-var=minor=1.35"]);
}

/// A group that is taken over by the run is there before its first stage.
#[test]
fn an_imported_group_climbs_two_minors_in_the_same_run() {
    let world = at_the_first_minor();
    let list = ["eks", "list-nodegroups", "--cluster-name", "up"];
    let name = world.outside(&list, "nodegroups[?starts_with(@, 'one')] | [0]");
    let group = "cluster.up.aws_eks_node_group.pool[\"one\"]";
    world.run(&["state", "rm", group]).expect_code(0);
    let import = format!("import {{\n  to = {group}\n  id = \"up:{name}\"\n}}\n");
    world.define(&format!("{CLUSTER}{import}"));
    apply(&world, "1.35")
        .expect_code(0)
        .expect_text("1 imported");
    world.expect_no_changes(&["-var=minor=1.35"]);
}

const TWO_CONNECTIONS: &str = r#"
variable "minor" {
  type = string
}
provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias        = "tagged"
  region       = "eu-west-1"
  default_tags = { team = "nodes" }
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "nodes" {
  for_each          = { a = "10.0.1.0/24", b = "10.0.2.0/24" }
  vpc_id            = aws_vpc.main.id
  cidr_block        = each.value
  availability_zone = "eu-west-1${each.key}"
}
resource "aws_iam_role" "main" {
  for_each = { eks = "cluster", ec2 = "nodes" }
  name     = each.value
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${each.key}.amazonaws.com" } }]
  })
}
resource "aws_iam_role_policy_attachment" "main" {
  for_each   = { eks = "AmazonEKSClusterPolicy", ec2 = "AmazonEKSWorkerNodePolicy" }
  role       = aws_iam_role.main[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}
resource "aws_eks_cluster" "main" {
  name       = "up"
  version    = var.minor
  role_arn   = aws_iam_role.main["eks"].arn
  depends_on = [aws_iam_role_policy_attachment.main]
  vpc_config = {
    subnet_ids = [for subnet in aws_subnet.nodes : subnet.id]
  }
}
resource "aws_eks_node_group" "main" {
  provider        = aws.tagged
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "one"
  version         = aws_eks_cluster.main.version
  node_role_arn   = aws_iam_role.main["ec2"].arn
  subnet_ids      = [for subnet in aws_subnet.nodes : subnet.id]
  scaling_config  = { min_size = 1, max_size = 1, desired_size = 1 }
}
"#;

#[test]
fn a_group_of_another_connection_is_nobody_elses() {
    let options = WorldOptions {
        speed: 100,
        faults: None,
    };
    let world = World::of_text(TWO_CONNECTIONS, options);
    apply(&world, "1.33").expect_code(0);
    // It is in the way like any other where it stays.
    let without = "-exclude=aws_eks_node_group.main";
    world
        .run(&["plan", "-var=minor=1.35", without])
        .expect_code(1)
        .expect_text("one stays at 1.33 in this run");
    apply(&world, "1.35").expect_code(0);
    world.expect_no_changes(&["-var=minor=1.35"]);
}

/// What is recorded may be old where nothing was read: EKS is asked before anything is changed.
#[test]
fn what_nobody_looked_at_is_judged_before_the_run() {
    let world = at_the_first_minor();
    let without = "-target=cluster.up.aws_eks_cluster.main";
    let options: &[&str] = &["-refresh=false", "-var=minor=1.35", without];
    world.run(&[&["plan"], options].concat()).expect_code(0);
    let refused = world
        .run_without_calls(&[&["apply", "-auto-approve"], options].concat())
        .expect_code(1)
        .expect_text("E0604")
        .expect_text("stays at 1.33 in this run")
        .expect_text("nothing was changed");
    let said = refused.text();
    assert!(!said.contains("not managed by this project"), "{said}");
}

/// Makes the node group `theirs`, of which no definition and no state tell.
fn make_theirs(world: &World) {
    let list = ["eks", "list-nodegroups", "--cluster-name", "up"];
    let name = world.outside(&list, "nodegroups[0]");
    let describe = ["eks", "describe-nodegroup", "--cluster-name", "up"];
    let describe = [&describe[..], &["--nodegroup-name", &name]].concat();
    let role = world.outside(&describe, "nodegroup.nodeRole");
    let subnets = world.outside(&describe, "nodegroup.subnets");
    let create = ["eks", "create-nodegroup", "--cluster-name", "up"];
    let named = ["--nodegroup-name", "theirs", "--node-role", &role];
    let mut create = [&create[..], &named, &["--subnets"]].concat();
    create.extend(subnets.split_whitespace());
    world.outside(&create, "nodegroup.version");
}

/// One that somebody else made is seen before anything is changed.
#[test]
fn a_group_of_others_is_no_part_of_two_minors() {
    let world = at_the_first_minor();
    make_theirs(&world);
    world
        .run_without_calls(&["apply", "-auto-approve", "-var=minor=1.35"])
        .expect_code(1)
        .expect_text("E0604")
        .expect_text("theirs is at 1.33 and not managed by this project")
        .expect_text("nothing was changed");
    apply(&world, "1.34").expect_code(0);
}

/// The block of an import is written also where what it says stands in the way: that is for whoever reads it to correct.
#[test]
fn a_block_is_written_for_a_group_that_is_in_the_way() {
    let world = at_the_first_minor();
    make_theirs(&world);
    let import = "import {\n  to = aws_eks_node_group.theirs\n  id = \"up:theirs\"\n}\n";
    world.define(&format!("{CLUSTER}{import}"));
    let file = "theirs.strata.hcl";
    let generate = format!("-generate-config-out={file}");
    world
        .run(&["plan", "-var=minor=1.35", &generate])
        .expect_code(1)
        .expect_text("Wrote 1 block to")
        .expect_text("E0604")
        .expect_text("theirs stays at 1.33 in this run");
    let written = std::fs::read_to_string(world.project().join(file));
    let written = written.expect("the file was written");
    assert!(written.contains("\"aws_eks_node_group\""), "{written}");
}

/// Its name is taken until it goes, and it cannot go before the groups that start from it have successors.
#[test]
fn a_template_that_groups_need_is_not_replaced_under_its_name() {
    let world = at_the_first_minor();
    let template = "-replace=cluster.up.aws_launch_template.pool[\"one\"]";
    world
        .run(&["plan", "-var=minor=1.33", template])
        .expect_code(65)
        .expect_text("E0251")
        .expect_text("one that keeps a name that only one may have");
}

/// Of the add-ons only this one has other versions for another minor.
const FOLLOWER: &str = "cluster.up.aws_eks_addon.before_compute[\"kube-proxy\"]";

/// What a pod needs of its node goes up with each minor, before the nodes do.
#[test]
fn add_ons_keep_pace_with_their_cluster() {
    expect_pace(&at_the_first_minor());
}

/// Nobody recorded with what the add-on keeps pace, so that its cluster has to say it.
#[test]
fn an_imported_add_on_keeps_pace_too() {
    let world = at_the_first_minor();
    world.run(&["state", "rm", FOLLOWER]).expect_code(0);
    let import = ["import", "-var=minor=1.33", FOLLOWER, "up:kube-proxy"];
    world.run(&import).expect_code(0).expect_text("1 imported");
    world.expect_no_changes(&["-var=minor=1.33"]);
    expect_pace(&world);
}

/// Goes up two minors, and checks that control plane, add-ons and nodes take turns.
#[track_caller]
fn expect_pace(world: &World) {
    let before = world.ledger().calls.len();
    apply(world, "1.35").expect_code(0);
    let ledger = world.ledger();
    let updates = [
        "UpdateClusterVersion",
        "UpdateAddon",
        "UpdateNodegroupVersion",
    ];
    let mut order: Vec<&str> = ledger.calls[before..]
        .iter()
        .filter(|call| call.status < 400)
        .map(|call| call.operation.as_str())
        .filter(|operation| updates.contains(operation))
        .collect();
    order.dedup();
    let twice: Vec<&str> = updates.iter().chain(&updates).copied().collect();
    assert_eq!(order, twice);
    let shown = world.run(&["state", "show", FOLLOWER]);
    shown.expect_code(0).expect_text("v1.35.");
    world.expect_no_changes(&["-var=minor=1.35"]);
}

/// One that goes stays behind until the end of a run, and EKS goes on by one minor only then.
#[test]
fn a_pool_that_goes_is_no_part_of_two_minors() {
    let world = at_the_first_minor();
    let before = world.ledger().calls.len();
    world.define(&CLUSTER.replace(", three = {} }", " }"));
    apply(&world, "1.35")
        .expect_code(1)
        .expect_text("E0604")
        .expect_text("the control plane of up goes on to 1.35");
    let changed = world.ledger().calls.iter().skip(before).any(|call| {
        let operation = call.operation.as_str();
        operation.starts_with("Update") || operation.starts_with("Delete")
    });
    assert!(!changed, "it is refused before anything is done");
    apply(&world, "1.34")
        .expect_code(0)
        .expect_text("2 destroyed");
    apply(&world, "1.35").expect_code(0);
    world.expect_no_changes(&["-var=minor=1.35"]);
}
