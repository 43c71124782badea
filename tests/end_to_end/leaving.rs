//! What a destroyed fleet leaves behind, and in which order its parts go.

use strata_sandbox::LedgerObject;

use crate::harness::{World, WorldOptions, figures};

/// What goes before what, in one cluster's network: its way out goes after the cluster, as AWS has it.
const ORDER: [(&[&str], &[&str]); 4] = [
    (&["fargate-profile", "nodegroup"], &["cluster"]),
    (&["cluster"], &["natgateway"]),
    (&["natgateway"], &["elastic-ip", "internet-gateway"]),
    (&["elastic-ip", "internet-gateway"], &["vpc"]),
];

#[test]
fn a_destroyed_fleet_leaves_nothing() {
    let world = World::of_example("eks-fleet", WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let made = world.ledger().live().count();
    world.run(&["destroy", "-auto-approve"]).expect_code(0);
    let ledger = world.ledger();
    let left: Vec<&LedgerObject> = ledger.live().collect();
    figures(&format!(
        "destroyed: objects={made} left={} calls={}",
        left.len(),
        ledger.calls.len()
    ));
    assert!(left.is_empty(), "{left:#?}");
    for (before, after) in ORDER {
        let gone = |kinds: &[&str]| {
            let of_kinds = ledger
                .objects
                .iter()
                .filter(|object| kinds.contains(&object.kind.as_str()));
            of_kinds
                .filter_map(|object| object.deleted_seq)
                .collect::<Vec<u64>>()
        };
        // Both clusters go side by side: the first of the later kind goes after the first of the earlier one.
        let (earlier, later) = (gone(before), gone(after));
        assert!(
            earlier.iter().min() < later.iter().min() && earlier.iter().max() < later.iter().max(),
            "{before:?}, {after:?}: {earlier:?}, {later:?}"
        );
    }
}
