//! The built-in stacks, on the sandbox.

use crate::support::Project;

const SHARED: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
stack "shared" {
  source = "aws-network"
  inputs = { name = "shared", zone_count = 2 }
}
"#;

const CLUSTERS: &str = r#"
cluster "whole" {
  stack  = "aws-eks"
  inputs = { name = "whole", public_access_cidrs = [], network = stack.shared }
}
cluster "parts" {
  stack = "aws-eks"
  inputs = {
    name                = "parts"
    public_access_cidrs = []
    network             = { vpc_id = stack.shared.vpc_id, public_subnet_ids = stack.shared.public_subnet_ids }
  }
}
"#;

#[test]
fn clusters_share_a_network_that_is_not_theirs() {
    let project = Project::of(&format!("{SHARED}{CLUSTERS}"));
    project
        .run("--sandbox apply -auto-approve --speed=600")
        .exits(0);
    project.run("--sandbox plan -detailed-exitcode").exits(0);
    let listed = project.run("--sandbox state list").exits(0).out;
    let networks: Vec<&str> = listed
        .lines()
        .filter(|line| line.contains("aws_vpc."))
        .collect();
    assert_eq!(networks, ["stack.shared.aws_vpc.main"]);
    // The clusters go, and the network stays.
    project.write("main.strata.hcl", SHARED);
    project
        .run("--sandbox apply -auto-approve --speed=600 -allow-delete=cluster.whole -allow-delete=cluster.parts")
        .exits(0);
    let left = project.run("--sandbox state list").exits(0).out;
    assert!(
        left.lines().all(|line| line.starts_with("stack.shared.")),
        "{left}"
    );
    assert!(left.contains("aws_nat_gateway.main"), "{left}");
    project.run("--sandbox plan -detailed-exitcode").exits(0);
}

#[test]
fn a_network_of_one_subnet_is_refused() {
    let project = Project::of(
        r#"
provider "aws" {
  region = "eu-west-1"
}
cluster "small" {
  stack = "aws-eks"
  inputs = {
    name                = "small"
    public_access_cidrs = []
    network             = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1"] }
  }
}
"#,
    );
    project
        .run("--sandbox plan")
        .exits(65)
        .complains("at least two zones");
}

const UPGRADED: &str = r#"
variable "kubernetes_version" {
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
    kubernetes_version  = var.kubernetes_version
    node_pools          = { one = { labels = { release = var.kubernetes_version } }, two = {} }
  }
}
"#;

/// The messages of the changes of an apply, in the order in which they ended.
fn modified(events: &[serde_json::Value]) -> Vec<String> {
    let ended = events
        .iter()
        .filter(|event| event["type"] == "apply_complete");
    ended
        .filter(|event| event["hook"]["action"] == "update")
        .filter_map(|event| event["hook"]["resource"]["addr"].as_str())
        .map(|address| {
            address
                .rsplit_once("aws_eks_")
                .map_or(address, |(_, last)| last)
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn nodes_follow_each_minor_of_the_control_plane() {
    let project = Project::of(UPGRADED);
    let apply = "--sandbox apply -auto-approve -json --speed=600 -var kubernetes_version=";
    project.run(&format!("{apply}1.33")).exits(0);
    let events = project.run(&format!("{apply}1.35")).exits(0).events();
    let order = modified(&events);
    let turns: Vec<Vec<&str>> = order
        .chunks(3)
        .map(|turn| {
            let mut turn: Vec<&str> = turn.iter().map(String::as_str).collect();
            turn[1..].sort_unstable();
            turn
        })
        .collect();
    let turn = [
        "cluster.main",
        "node_group.pool[\"one\"]",
        "node_group.pool[\"two\"]",
    ];
    assert_eq!(turns, [turn, turn], "{order:?}");
    let again = "--sandbox plan -detailed-exitcode -var kubernetes_version=";
    project.run(&format!("{again}1.35")).exits(0);
}
