//! Node groups that would stand in the way of their control plane.
//!
//! EKS raises a control plane only while no managed node group is behind it. Groups that are updated take their turns with
//! it; one that goes in the same run, or that is replaced, stays where it is until it is gone.

use std::collections::BTreeMap;

use strata_model::Severity;
use strata_model::preflight::{Finding, FindingKind, Preflight};
use strata_model::provider::Operation;

use super::{of_type, text};
use crate::checks::minor;
use crate::eks::cluster::Clusters;
use crate::eks::node_group::NodeGroups;
use crate::resource::ResourceType;

/// A node group that a plan changes.
#[derive(Debug)]
struct Group<'p> {
    cluster: &'p str,
    name: &'p str,
    /// The minor that it has now.
    minor: u32,
    /// What happens to it, in order.
    changes: Vec<(usize, Outcome)>,
}

/// What a change makes of a node group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It has this minor.
    At(u32),
    /// It has one that nobody knows yet.
    Unknown,
    /// It is gone.
    Gone,
}

/// Finds the node groups that would be behind when their control plane goes on: EKS would refuse that in the middle of
/// the run.
pub(crate) fn find(plan: &Preflight<'_>) -> Vec<Finding> {
    let groups = groups(plan);
    let mut found: BTreeMap<(&str, &str), Finding> = BTreeMap::new();
    for (at, change) in of_type(plan, (Clusters::NAME, Operation::Update)) {
        let version = |object| text(object, "version").and_then(minor);
        let versions = version(change.prior.as_ref()).zip(version(change.planned.as_ref()));
        let Some((_, to)) = versions.filter(|(before, after)| after > before) else {
            continue;
        };
        let cluster = text(change.prior.as_ref(), "name");
        let before = plan.nodes_before(at);
        for group in groups.iter().filter(|group| Some(group.cluster) == cluster) {
            let done = group.changes.iter();
            let done = done.filter(|(change, _)| before.contains(change));
            let then = match done.map(|(_, outcome)| *outcome).next_back() {
                Some(Outcome::Gone | Outcome::Unknown) => continue,
                Some(Outcome::At(minor)) => minor,
                None => group.minor,
            };
            if then + 1 < to {
                // The first version that it stops says enough.
                let names = (group.cluster, group.name);
                let entry = found.entry(names);
                entry.or_insert_with(|| finding(group, then, to));
            }
        }
    }
    found.into_values().collect()
}

fn groups<'p>(plan: &'p Preflight<'_>) -> Vec<Group<'p>> {
    let mut groups: Vec<Group<'p>> = Vec::new();
    let updated = of_type(plan, (NodeGroups::NAME, Operation::Update));
    let deleted = of_type(plan, (NodeGroups::NAME, Operation::Delete));
    for (at, change) in updated.chain(deleted) {
        let prior = |name| text(change.prior.as_ref(), name);
        let named = prior("cluster_name").zip(prior("node_group_name"));
        let Some(((cluster, name), before)) = named.zip(prior("version").and_then(minor)) else {
            continue;
        };
        let planned = text(change.planned.as_ref(), "version").and_then(minor);
        let outcome = match (change.operation, planned) {
            (Operation::Delete, _) => Outcome::Gone,
            (Operation::Create | Operation::Update, Some(minor)) => Outcome::At(minor),
            (Operation::Create | Operation::Update, None) => Outcome::Unknown,
        };
        let is_same = |group: &&mut Group<'_>| (group.cluster, group.name) == (cluster, name);
        match groups.iter_mut().find(is_same) {
            Some(group) => {
                group.minor = group.minor.min(before);
                group.changes.push((at, outcome));
            }
            None => groups.push(Group {
                cluster,
                name,
                minor: before,
                changes: vec![(at, outcome)],
            }),
        }
    }
    groups
}

fn finding(group: &Group<'_>, at: u32, to: u32) -> Finding {
    let Group { cluster, name, .. } = group;
    let is_to_go = group
        .changes
        .iter()
        .any(|(_, outcome)| *outcome == Outcome::Gone);
    let why = if is_to_go {
        " It goes in this run, and nothing makes it go before that."
    } else {
        ""
    };
    Finding {
        severity: Severity::Error,
        kind: FindingKind::Refused,
        change: group.changes.first().map(|(change, _)| *change),
        message: format!(
            "The node group {name} may still be at 1.{at} when the control plane of {cluster} goes on to 1.{to}, and EKS \
             does not raise a control plane while a node group is behind it.{why}"
        ),
        hint: format!(
            "Make this change first, with the version that the cluster has now, or raise the version to 1.{} first.",
            at + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use strata_model::preflight::Intended;
    use strata_model::{Address, Value};

    use super::*;

    fn cluster(version: &str) -> Value {
        Value::object([("name", "c"), ("version", version)].map(|(name, text)| (name, text.into())))
    }

    fn group(name: &str, version: &str) -> Value {
        let fields = [
            ("cluster_name", "c"),
            ("node_group_name", name),
            ("version", version),
        ];
        Value::object(fields.map(|(name, text)| (name, text.into())))
    }

    /// Looks at changes of which each comes after all of those before it.
    #[track_caller]
    fn check(changes: &[(&str, Option<Value>, Option<Value>)], expected: &[(usize, &str)]) {
        let addresses: Vec<Address> = changes
            .iter()
            .map(|(address, ..)| Address::parse(address).unwrap())
            .collect();
        let intended = addresses.iter().zip(changes);
        let intended = intended.map(|(address, (_, prior, planned))| Intended {
            address,
            operation: match (prior, planned) {
                (None, _) => Operation::Create,
                (Some(_), Some(_)) => Operation::Update,
                (Some(_), None) => Operation::Delete,
            },
            prior: prior.clone(),
            planned: planned.clone(),
        });
        let found = find(&Preflight {
            changes: intended.collect(),
            after: (0..changes.len()).map(|at| (0..at).collect()).collect(),
            ..Preflight::default()
        });
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (finding, (change, told)) in found.iter().zip(expected) {
            assert_eq!(finding.change, Some(*change));
            assert!(finding.message.contains(told), "{}", finding.message);
        }
    }

    #[test]
    fn a_group_that_goes_late_stops_the_second_minor() {
        let plane = |from, to| ("aws_eks_cluster.c", Some(cluster(from)), Some(cluster(to)));
        let pool = |from, to: Option<&str>| {
            let planned = to.map(|to| group("g", to));
            ("aws_eks_node_group.g", Some(group("g", from)), planned)
        };
        let first = plane("1.33", "1.34");
        let second = plane("1.34", "1.35");
        let late = pool("1.33", None);
        check(&[first.clone(), late.clone()], &[]);
        check(
            &[first.clone(), second.clone(), late.clone()],
            &[(
                2,
                "still be at 1.33 when the control plane of c goes on to 1.35",
            )],
        );
        check(&[first.clone(), late, second.clone()], &[]);
        // One that keeps pace, and one that does not.
        let (up, up_more) = (pool("1.33", Some("1.34")), pool("1.34", Some("1.35")));
        check(
            &[first.clone(), up.clone(), second.clone(), up_more.clone()],
            &[],
        );
        check(
            &[first.clone(), second.clone(), up, up_more],
            &[(2, "1.33")],
        );
        // One that was behind before, and that of another cluster.
        check(&[second.clone(), pool("1.33", None)], &[(1, "1.35")]);
        let mut other = pool("1.33", None);
        other.1 = other.1.map(|prior| {
            let path = strata_model::AttributePath::attribute("cluster_name");
            prior.with_at(&path, "d".into())
        });
        check(&[first, second, other], &[]);
    }
}
