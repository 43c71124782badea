//! Node groups that a run does not change, where a control plane is to be raised: EKS does not raise it while one of them
//! is behind. Of some the plan knows nothing, and what it knows of the others may be old.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{AmiTypes, Nodegroup as LiveGroup};
use futures::future::try_join_all;
use strata_model::preflight::{Finding, Preflight, Standing};
use strata_model::provider::Operation;
use strata_model::{Address, Value};

use super::skew::{self, Groups};
use super::{changes, of_type, text};
use crate::cloud::Cloud;
use crate::eks::cluster::Clusters;
use crate::eks::node_group::{self, NodeGroups};
use crate::error::{Failure, found, send};
use crate::resource::ResourceType;

/// Looks at the node groups of the clusters that are to have another version.
pub(super) async fn look(cloud: &Cloud, intended: &Preflight<'_>) -> Result<Vec<Finding>, Failure> {
    let raised = of_type(intended, (Clusters::NAME, Operation::Update));
    let raised: BTreeSet<&str> = raised
        .filter(|(_, cluster)| changes(cluster, "version"))
        .filter_map(|(_, cluster)| text(cluster.prior.as_ref(), "name"))
        .collect();
    let groups = skew::groups(intended);
    let others = raised.iter().map(|cluster| others(cloud, &groups, cluster));
    let others = try_join_all(others).await?.into_iter().flatten();
    let seen = Preflight {
        standing: others.collect(),
        ..intended.clone()
    };
    let is_empty = seen.standing.is_empty();
    Ok(if is_empty {
        Vec::new()
    } else {
        skew::find(&seen)
    })
}

/// The node groups of a cluster that the run does not change, by whichever connection it reaches them.
async fn others<'p>(
    cloud: &Cloud,
    groups: &Groups<'p>,
    cluster: &str,
) -> Result<Vec<Standing<'p>>, Failure> {
    let eks = &cloud.clients().await?.eks;
    let call = eks.list_nodegroups().cluster_name(cluster);
    let pages = call.into_paginator().items().send();
    let list = pages.collect::<Result<Vec<String>, _>>();
    // A cluster that is gone is told by the step that changes it.
    let names = found(send("ListNodegroups", list).await)?.unwrap_or_default();
    let others = unchanged(groups, cluster, &names);
    let live = others
        .iter()
        .map(|(name, _)| node_group::describe(cloud, cluster, name));
    let live = try_join_all(live).await?;
    let others = others.iter().zip(&live).filter_map(|((_, address), live)| {
        Some(Standing {
            resource_type: NodeGroups::NAME,
            object: object(live.as_ref()?),
            address: *address,
            elsewhere: None,
        })
    });
    Ok(others.collect())
}

/// Those of the node groups of a cluster that the run does not change, with the addresses of those that are the
/// project's: a change is judged with its plan.
fn unchanged<'n, 'p>(
    groups: &Groups<'p>,
    cluster: &str,
    names: &'n [String],
) -> Vec<(&'n str, Option<&'p Address>)> {
    let others = names.iter().filter_map(|name| {
        let known = groups
            .iter()
            .find(|((of, own), _)| *of == cluster && *own == name.as_str());
        match known {
            Some((_, course)) if course.is_changed() => None,
            Some((_, course)) => Some((name.as_str(), course.address)),
            None => Some((name.as_str(), None)),
        }
    });
    others.collect()
}

/// What of a node group says whether it is behind.
fn object(group: &LiveGroup) -> Value {
    let fields = [
        ("cluster_name", group.cluster_name()),
        ("node_group_name", group.nodegroup_name()),
        ("version", group.version()),
        ("ami_type", group.ami_type().map(AmiTypes::as_str)),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?.into())));
    Value::object(given)
}

#[cfg(test)]
mod tests {
    use strata_model::preflight::{Elsewhere, Intended};

    use super::*;

    fn of(region: &str, fields: [(&str, &str); 2]) -> Value {
        let arn = format!("arn:aws:eks:{region}:111122223333:some/thing");
        let fields = fields.map(|(name, text)| (name, text.into()));
        Value::object(fields.into_iter().chain([("arn", arn.into())]))
    }

    /// Checks as whose the group `one` of the cluster `up` is seen, where others of a region are changed or stay.
    #[track_caller]
    fn check(region: &str, is_changed: bool, expected: &[(&str, Option<&str>)]) {
        let [cluster, pool] =
            ["aws_eks_cluster.up", "aws_eks_node_group.one"].map(|at| Address::parse(at).unwrap());
        let change = |address, object| Intended {
            address,
            operation: Operation::Update,
            prior: Some(object),
            planned: None,
            elsewhere: None,
        };
        let group = of(region, [("cluster_name", "up"), ("node_group_name", "one")]);
        let raised = of("here", [("name", "up"), ("version", "1.34")]);
        let mut plan = Preflight {
            changes: vec![change(&cluster, raised)],
            ..Preflight::default()
        };
        if is_changed {
            plan.elsewhere = vec![Intended {
                elsewhere: Some(Elsewhere(0)),
                ..change(&pool, group)
            }];
        } else {
            plan.standing = vec![Standing {
                resource_type: NodeGroups::NAME,
                object: group,
                address: Some(&pool),
                elsewhere: Some(Elsewhere(0)),
            }];
        }
        let names = ["one".to_owned()];
        let groups = skew::groups(&plan);
        let found = unchanged(&groups, "up", &names);
        let found: Vec<_> = found
            .into_iter()
            .map(|(name, address)| (name, address.map(Address::to_string)))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, address)| (*name, address.map(str::to_owned)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_group_is_known_by_its_region_too() {
        check("here", true, &[]);
        check("here", false, &[("one", Some("aws_eks_node_group.one"))]);
        // The one of that name here is another.
        check("there", true, &[("one", None)]);
        check("there", false, &[("one", None)]);
    }
}
