//! What a refresh costs: the calls of a plan that finds nothing, counted by the cloud.

use std::collections::BTreeMap;

use crate::harness::{World, WorldOptions, figures};

#[test]
fn a_refresh_makes_few_calls() {
    let world = World::of_fixture("kill", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let before = world.ledger().calls.len();
    world.expect_no_changes(&[]);
    let ledger = world.ledger();
    let mut calls: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for call in &ledger.calls[before..] {
        *calls
            .entry((call.service.as_str(), call.operation.as_str()))
            .or_default() += 1;
    }
    let total: usize = calls.values().sum();
    let sum_of = |is_counted: &dyn Fn(&str, &str) -> bool| {
        let counted = calls
            .iter()
            .filter(|((service, operation), _)| is_counted(service, operation));
        counted.map(|(_, count)| count).sum::<usize>()
    };
    let vpcs = sum_of(&|_, operation| operation.contains("Vpc"));
    let roles = sum_of(&|service, _| service == "iam");
    let eks = sum_of(&|service, _| service == "eks");
    let lists = total - vpcs - roles - eks;
    // Gateways, route tables, groups and subnets are one list each, of one page here.
    let bar = 2 * 10 + 2 * 42 + 12 + 4 + 2;
    let by_operation: Vec<String> = calls
        .iter()
        .map(|((_, operation), count)| format!("{operation} {count}"))
        .collect();
    figures(&format!(
        "refresh of 200 objects: calls={total} of {bar}: {}; 10 VPCs {vpcs}, 42 roles with their policies {roles}, \
         12 EKS objects {eks}, lists of 4 other types {lists}",
        by_operation.join(", ")
    ));
    assert!(
        total <= bar,
        "2 per VPC and role, 1 per EKS object, a list per other type, and 2"
    );
    assert!(roles <= 2 * 42, "at most 2 calls per role");
    assert!(eks <= 12, "1 call per cluster and node group");
}
