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

#[test]
fn what_exists_of_every_type_is_adopted() {
    let world = World::of_fixture("kill", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let objects = named(&world);
    forget_everything(&world);
    let every = world.project().join("every.strata.hcl");
    std::fs::remove_file(every).expect("the fixture has a second file");
    let mut imports = PROVIDER.to_owned();
    for (address, (_, id)) in &objects {
        writeln!(imports, "import {{\n  to = {address}\n  id = \"{id}\"\n}}")
            .expect("a text takes all");
    }
    world.define(&imports);
    let count = objects.len();
    world
        .run_without_calls(&["plan", "-generate-config-out=adopted.strata.hcl"])
        .expect_code(0)
        .expect_text(&format!(
            "Plan: {count} to import, 0 to add, 0 to change, 0 to destroy."
        ));
    // What AWS chose stands there, too, but not what follows from something else.
    let written = std::fs::read_to_string(world.project().join("adopted.strata.hcl"));
    let written = written.expect("the file was written");
    let is_said = |name: &str| {
        let mut lines = written.lines().map(str::trim_start);
        lines.any(|line| {
            line.split_once('=')
                .is_some_and(|(key, _)| key.trim() == name)
        })
    };
    for name in [
        "version",
        "addon_version",
        "availability_zone",
        "route",
        "ingress",
        "service_ipv4_cidr",
        "authentication_mode",
    ] {
        assert!(is_said(name), "{name} is not in\n{written}");
    }
    for name in ["release_version", "network_border_group", "private_ip"] {
        assert!(!is_said(name), "{name} is in\n{written}");
    }
    // Nothing is said that says nothing, and what names another object refers to it.
    let is_empty = |line: &str| line.ends_with("= {}") || line.ends_with("= []");
    let is_argument = |line: &str| line.starts_with("  ") && !line.starts_with("   ");
    let mut arguments = written.lines().filter(|line| is_argument(line));
    assert!(!arguments.any(is_empty), "an empty value is in\n{written}");
    for reference in ["aws_vpc.old_1.id", "aws_iam_role.old_1.arn"] {
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
