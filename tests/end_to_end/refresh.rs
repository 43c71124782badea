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
        *calls.entry((call.service.as_str(), call.operation.as_str())).or_default() += 1;
    }
    let total: usize = calls.values().sum();
    let sum_of = |is_counted: &dyn Fn(&str, &str) -> bool| {
        let counted = calls.iter().filter(|((service, operation), _)| is_counted(service, operation));
        counted.map(|(_, count)| count).sum::<usize>()
    };
    let vpcs = sum_of(&|_, operation| operation.contains("Vpc"));
    let roles = sum_of(&|service, _| service == "iam");
    let eks = sum_of(&|service, _| service == "eks");
    let rest = total - vpcs - roles - eks;
    let by_operation: Vec<String> = calls.iter().map(|((_, operation), count)| format!("{operation} {count}")).collect();
    figures(&format!(
        "refresh of 200 objects: calls={total} ({}); bars: VPCs {vpcs} of 20, roles with their policies {roles} of 84, \
         EKS {eks} of 12, lists of the other types and the rest {rest} of 6",
        by_operation.join(", ")
    ));
    assert!(vpcs <= 2 * 10, "at most 2 calls per VPC");
    assert!(roles <= 2 * 42, "at most 2 calls per role");
    assert!(eks <= 12, "1 call per cluster and node group");
    // Subnets, gateways, route tables and groups are one list each, of one page; 2 more may go to other things.
    assert!(rest <= 4 + 2, "one list per other type");
}
