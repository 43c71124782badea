//! Node groups of which the plan knows nothing, where a control plane is to be raised: EKS does not raise it while one of
//! them is behind.

use std::collections::BTreeSet;

use aws_sdk_eks::types::AmiTypes;
use futures::future::try_join_all;
use strata_model::Value;
use strata_model::preflight::{Finding, Preflight, Standing};
use strata_model::provider::Operation;

use super::skew::{self, group_name};
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
    let others = raised
        .iter()
        .map(|cluster| others(cloud, intended, cluster));
    let others = try_join_all(others).await?.into_iter().flatten();
    let standing = others.map(|object| Standing {
        resource_type: NodeGroups::NAME,
        object,
    });
    let seen = Preflight {
        standing: standing.collect(),
        ..intended.clone()
    };
    let is_empty = seen.standing.is_empty();
    Ok(if is_empty {
        Vec::new()
    } else {
        skew::find(&seen)
    })
}

/// The node groups of a cluster that the plan does not change.
async fn others(
    cloud: &Cloud,
    intended: &Preflight<'_>,
    cluster: &str,
) -> Result<Vec<Value>, Failure> {
    let eks = &cloud.clients().await?.eks;
    let call = eks.list_nodegroups().cluster_name(cluster);
    let pages = call.into_paginator().items().send();
    let list = pages.collect::<Result<Vec<String>, _>>();
    // A cluster that is gone is told by the step that changes it.
    let names = found(send("ListNodegroups", list).await)?.unwrap_or_default();
    // A group may be reached by another connection, such as one with other tags.
    let changes = intended.changes.iter().chain(&intended.elsewhere);
    let own: BTreeSet<&str> = changes
        .filter(|change| *change.address.resource_type == *NodeGroups::NAME)
        .filter_map(|change| group_name(change.prior.as_ref()?))
        .filter(|(own, _)| *own == cluster)
        .map(|(_, name)| name)
        .collect();
    let others = names.iter().filter(|name| !own.contains(name.as_str()));
    let live = others.map(|name| node_group::describe(cloud, cluster, name));
    let live = try_join_all(live).await?.into_iter().flatten();
    let objects = live.map(|group| {
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
    });
    Ok(objects.collect())
}
