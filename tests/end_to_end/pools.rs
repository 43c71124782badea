//! Node pools over their years: surge, and what belongs to others.

use serde_json::{Value as Json, json};
use strata_model::state::StateRow;

use crate::harness::{World, WorldOptions};

fn project(pool: &str) -> String {
    format!(
        r#"
provider "aws" {{
  region = "eu-west-1"
}}

cluster "one" {{
  stack = "aws-eks"

  inputs = {{
    name                = "one"
    public_access_cidrs = []
    nat_gateways        = "none"
    zone_count          = 2
    node_pools          = {{ work = {{ {pool} }} }}
  }}
}}
"#
    )
}

/// When each node group was made and deleted, in the order of their making.
fn groups(world: &World) -> Vec<(u64, Option<u64>)> {
    let ledger = world.ledger();
    let groups = ledger
        .objects
        .iter()
        .filter(|object| object.kind == "nodegroup");
    let mut groups: Vec<_> = groups
        .map(|group| (group.created_seq, group.deleted_seq))
        .collect();
    groups.sort_unstable();
    groups
}

#[test]
fn a_pool_that_cannot_change_is_replaced_by_surge() {
    let world = World::of_text(&project(""), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    // What can be changed leaves the group where it is: bounds, labels, and by a new template its disk.
    world.define(&project(
        r#"max_size = 5, labels = { a = "b" }, disk_size = 80"#,
    ));
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.expect_no_changes(&[]);
    assert_eq!(groups(&world).len(), 1);
    world.define(&project(r#"instance_types = ["m7g.large"]"#));
    world
        .run(&["apply", "-auto-approve"])
        .expect_code(0)
        .expect_text("1 destroyed");
    let groups = groups(&world);
    let [(_, Some(gone)), (made, None)] = groups[..] else {
        panic!("{groups:?}");
    };
    assert!(made < gone, "the new one is there before the old one goes");
    let ledger = world.ledger();
    let call = |operation: &str| {
        let mut calls = ledger.calls.iter().rev();
        let found = calls.find(|call| call.operation == operation);
        found.map(|call| call.seq).expect("such a call was made")
    };
    assert!(call("CreateNodegroup") < call("DeleteNodegroup"));
    world.expect_no_changes(&[]);
}

#[test]
fn who_goes_back_after_a_failed_surge_gets_the_old_pool_back() {
    let world = World::of_text(&project(""), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    world.define(&project(r#"instance_types = ["m7g.large"]"#));
    world.cloud.set_faults(
        "rules:\n  - { operation: CreateNodegroup, fault: { operation_fails: { code: NodeCreationFailure } } }",
    );
    world.run(&["apply", "-auto-approve"]).expect_code(1);
    world.cloud.set_faults("rules: []");
    world.define(&project(""));
    let rows = world.remembered().rows;
    let mut deposed = rows.values().filter(|row| row.key.deposed.is_some());
    let kept = deposed.next().expect("the old group waits");
    let id = kept.id.as_deref().expect("it has an id");
    world
        .run(&["plan", "-out=back.plan"])
        .expect_code(0)
        .expect_text("the object that was to be replaced")
        .expect_text(&kept.key.to_string())
        .expect_text("it failed while it was made, and gives way");
    expect_json_of_going_back(&world, kept);
    let applied = world
        .run(&["apply", "-auto-approve", "-json"])
        .expect_code(0)
        .expect_text(&format!("Moving... [id={id}]"))
        .expect_text("0 added");
    expect_keys_of_the_plan(&applied.stdout);
    let groups = groups(&world);
    let [(_, None), (_, Some(_))] = groups[..] else {
        panic!("the first one stays: {groups:?}");
    };
    world.expect_no_changes(&[]);
}

/// Programs are told the same: what comes back, from which key, and that what failed is only deleted.
#[track_caller]
fn expect_json_of_going_back(world: &World, kept: &StateRow) {
    let deposed = kept.key.deposed.expect("it is deposed").to_string();
    let shown = world.run(&["show", "-json", "back.plan"]).expect_code(0);
    let shown: Json = serde_json::from_str(&shown.stdout).expect("a plan is JSON");
    let changes = shown["resource_changes"]
        .as_array()
        .expect("it has changes");
    let find = |test: &dyn Fn(&Json) -> bool| {
        let mut groups = changes
            .iter()
            .filter(|change| change["type"] == "aws_eks_node_group");
        groups
            .find(|change| test(change))
            .unwrap_or_else(|| panic!("{changes:#?}"))
    };
    let back = find(&|change| change["previous_deposed"] == *deposed);
    assert_eq!(back["previous_address"], kept.key.address.to_string());
    assert_eq!(back["change"]["after"]["id"], json!(kept.id), "{back:#}");
    let gone = find(&|change| change["change"]["actions"] == json!(["delete"]));
    assert_eq!(gone["action_reason"], Json::Null);
    // Until then the state has it without the key.
    assert_eq!(gone["previous_address"], gone["address"]);
    assert_eq!(gone["previous_deposed"], Json::Null);

    let events = world.run(&["plan", "-json"]).expect_code(0).stdout;
    let events = events.lines().map(serde_json::from_str::<Json>);
    let moves = events.filter_map(Result::ok).find(|event| {
        event["type"] == "planned_change"
            && event["change"]["previous_resource"]["deposed_key"] == *deposed
    });
    assert!(moves.is_some(), "no event tells of the move");
}

/// What is planned and what is done name the object that is deleted by the same key.
#[track_caller]
fn expect_keys_of_the_plan(events: &str) {
    let events: Vec<Json> = events
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let deleted = |kind: &str, of: &str| {
        let mut events = events.iter().filter(|event| event["type"] == kind);
        let found = events.find(|event| {
            event[of]["action"] == "delete"
                && event[of]["resource"]["resource_type"] == "aws_eks_node_group"
        });
        let found = found.unwrap_or_else(|| panic!("no {kind} of a deletion: {events:#?}"));
        found[of]["resource"].clone()
    };
    let planned = deleted("planned_change", "change");
    assert!(planned["deposed_key"].is_string(), "{planned:#}");
    for kind in ["apply_start", "apply_complete"] {
        assert_eq!(deleted(kind, "hook"), planned, "{kind}");
    }
}

#[test]
fn programs_on_nodes_get_at_metadata_by_tokens_only() {
    let world = World::of_text(&project("disk_size = 70"), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let data = "LaunchTemplateVersions[0].LaunchTemplateData";
    let query = format!(
        "[{data}.MetadataOptions.HttpTokens, {data}.MetadataOptions.HttpPutResponseHopLimit, \
         {data}.BlockDeviceMappings[0].Ebs.VolumeSize, {data}.BlockDeviceMappings[0].Ebs.Encrypted]"
    );
    let read = [
        "ec2",
        "describe-launch-template-versions",
        "--versions",
        "$Latest",
    ];
    assert_eq!(world.outside(&read, &query), "required\t1\t70\tTrue");
    let name = world.outside(
        &["eks", "list-nodegroups", "--cluster-name", "one"],
        "nodegroups[0]",
    );
    assert!(name.starts_with("work-"), "{name}");
}

#[test]
fn what_belongs_to_others_is_no_drift() {
    let world = World::of_text(&project(""), WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let list = ["eks", "list-nodegroups", "--cluster-name", "one"];
    let name = world.outside(&list, "nodegroups[0]");
    let group = ["--cluster-name", "one", "--nodegroup-name", &name];
    // An autoscaler goes to three nodes.
    let scale = ["--scaling-config", "minSize=1,maxSize=3,desiredSize=3"];
    let update = [&["eks", "update-nodegroup-config"], &group[..], &scale].concat();
    world.outside(&update, "update.status");
    let describe = [&["eks", "describe-nodegroup"], &group[..]].concat();
    let wanted = || world.outside(&describe, "nodegroup.[status, scalingConfig.desiredSize]");
    while !wanted().starts_with("ACTIVE") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Controllers and AWS itself mark what they use.
    let subnet = world.outside(&["ec2", "describe-subnets"], "Subnets[0].SubnetId");
    let tag = "Key=elbv2.k8s.aws/cluster,Value=one";
    let mark = ["ec2", "create-tags", "--resources", &subnet, "--tags", tag];
    world.outside(&mark, "@");
    world.expect_no_changes(&[]);
    // A change beside it leaves the number of nodes alone, and the mark.
    world.define(&project(r#"labels = { a = "b" }"#));
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    assert_eq!(wanted(), "ACTIVE\t3");
    let marks = "Subnets[].Tags[?Key=='elbv2.k8s.aws/cluster'].Value[]";
    assert_eq!(world.outside(&["ec2", "describe-subnets"], marks), "one");
    world.expect_no_changes(&[]);
}
