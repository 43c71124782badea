//! What a refresh may cost, and what it does.

use std::collections::BTreeMap;

use strata_model::state::StateSnapshot;
use strata_sandbox::LedgerCall;

/// The longest list that comes in one page: EC2's own limit.
const PAGE: usize = 1000;

/// How many calls a refresh of these objects may make: 2 per network, role with the policies on it, and access entry
/// with those on it; 5 per key; 1 per other object of EKS and per issuer of tokens; a list, in pages, per other type;
/// and 2.
pub(crate) fn bar(state: &StateSnapshot) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in state.rows.values() {
        *counts
            .entry(row.address().resource_type.as_ref())
            .or_default() += 1;
    }
    let calls = counts.iter().map(|(name, count)| match *name {
        "aws_vpc" | "aws_iam_role" | "aws_eks_access_entry" => 2 * count,
        "aws_iam_role_policy_attachment" | "aws_eks_access_policy_association" => 0,
        "aws_kms_key" => 5 * count,
        "aws_iam_openid_connect_provider" => *count,
        name if name.starts_with("aws_eks_") => *count,
        name if name.starts_with("aws_") => count.div_ceil(PAGE),
        _ => 0,
    });
    // The identities of an add-on are objects of EKS, too.
    let identities = state.rows.values().map(|row| {
        let attributes = row.attributes.json.value();
        let identities = attributes.get("pod_identity_association");
        identities
            .and_then(|list| list.as_array())
            .map_or(0, Vec::len)
    });
    calls.sum::<usize>() + identities.sum::<usize>() + 2
}

/// The calls by operation, and how many they are.
pub(crate) fn by_operation(calls: &[LedgerCall]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(operation, count)| format!("{operation} {count}"))
        .collect();
    counts.join(", ")
}
