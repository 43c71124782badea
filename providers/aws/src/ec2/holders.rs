//! What keeps a network, a subnet or a security group from going, and leftovers of clusters that may go.
//!
//! The plugin that gives pods their addresses puts interfaces into subnets. When a node goes in a hurry, some stay
//! behind, free, and nobody removes them: the subnet and the group can then never be deleted. Sources: the deletion of
//! clusters in eksctl (`pkg/actions/cluster`) and in cluster-api-provider-aws (`pkg/cloud/services/gc`).

use aws_sdk_ec2::types::{NetworkInterface, NetworkInterfaceStatus, SecurityGroup};
use strata_model::provider::ProviderErrorKind;

use crate::cloud::Cloud;
use crate::ec2::listed::{Listed, filter};
use crate::ec2::security_group::SecurityGroups;
use crate::error::{Failure, done_if, found, send};
use crate::step::Step;

/// How the interfaces of the network plugin are described.
const LEFTOVER: &str = "aws-K8S-";
/// The most holders that a message names.
const MOST_NAMED: usize = 5;

/// What is to be deleted, by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'a> {
    Vpc(&'a str),
    Subnet(&'a str),
    Group(&'a str),
}

impl<'a> Held<'a> {
    /// The filter of interfaces, and the id.
    fn filter(self) -> (&'static str, &'a str) {
        match self {
            Held::Vpc(id) => ("vpc-id", id),
            Held::Subnet(id) => ("subnet-id", id),
            Held::Group(id) => ("group-id", id),
        }
    }
}

/// Deletes something that others may hold. Free interfaces that a cluster left behind are removed first, where it does
/// not go without that. Idempotent: what is gone is deleted.
///
/// # Errors
///
/// Those of the call; where something holds the object, what that is.
pub(crate) async fn delete<F, Fut>(
    step: &Step<'_>,
    held: Held<'_>,
    delete: F,
) -> Result<(), Failure>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), Failure>>,
{
    let Err(refused) = found(delete().await) else {
        return Ok(());
    };
    if refused.kind() != ProviderErrorKind::Dependency {
        return Err(refused);
    }
    let interfaces = interfaces(step.cloud, held).await?;
    let refused = if remove_leftovers(step, &interfaces).await? {
        match found(delete().await) {
            Ok(_) => return Ok(()),
            Err(refused) => refused,
        }
    } else {
        refused
    };
    Err(explained(step.cloud, held, &interfaces, refused).await)
}

/// Whether there were any. One that is taken in the meantime stays.
async fn remove_leftovers(
    step: &Step<'_>,
    interfaces: &[NetworkInterface],
) -> Result<bool, Failure> {
    let mut any = false;
    for id in interfaces
        .iter()
        .filter(|one| is_leftover(one))
        .filter_map(NetworkInterface::network_interface_id)
    {
        step.progress(&format!("removing {id}, which a cluster left behind"));
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_network_interface().network_interface_id(id);
        let removed = step.change("DeleteNetworkInterface", call.send()).await;
        done_if(ProviderErrorKind::Dependency, found(removed))?;
        any = true;
    }
    Ok(any)
}

fn is_leftover(interface: &NetworkInterface) -> bool {
    interface.status() == Some(&NetworkInterfaceStatus::Available)
        && interface
            .description()
            .is_some_and(|text| text.starts_with(LEFTOVER))
}

async fn interfaces(cloud: &Cloud, held: Held<'_>) -> Result<Vec<NetworkInterface>, Failure> {
    let (name, id) = held.filter();
    let call = cloud
        .clients()
        .await?
        .ec2
        .describe_network_interfaces()
        .filters(filter(name, vec![id.to_owned()]));
    let pages = call.into_paginator().items().send();
    send(
        "DescribeNetworkInterfaces",
        pages.collect::<Result<Vec<_>, _>>(),
    )
    .await
}

/// The security groups that hold an object: those in a network, or those with a rule that names the group.
async fn groups(cloud: &Cloud, held: Held<'_>) -> Result<Vec<SecurityGroup>, Failure> {
    let (name, id) = match held {
        Held::Vpc(id) => ("vpc-id", id),
        Held::Group(id) => ("ip-permission.group-id", id),
        Held::Subnet(_) => return Ok(Vec::new()),
    };
    SecurityGroups
        .describe(cloud, filter(name, vec![id.to_owned()]))
        .await
}

/// The refusal, with what holds the object. What cannot be looked at is left out: the refusal stands without it.
async fn explained(
    cloud: &Cloud,
    held: Held<'_>,
    interfaces: &[NetworkInterface],
    mut refused: Failure,
) -> Failure {
    let mut holders: Vec<String> = interfaces
        .iter()
        .filter(|one| !is_leftover(one))
        .map(interface_named)
        .collect();
    let groups = groups(cloud, held).await.unwrap_or_default();
    let (_, own) = held.filter();
    holders.extend(
        groups
            .iter()
            .filter(|group| group.group_name() != Some("default") && group.group_id() != Some(own))
            .map(group_named),
    );
    if holders.is_empty() {
        return refused;
    }
    let more = holders.len().saturating_sub(MOST_NAMED);
    holders.truncate(MOST_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let message = refused.error.message.trim_end_matches('.');
    refused.error.message = format!("{message}. Held by {}{more}.", holders.join(", "));
    refused
}

fn interface_named(interface: &NetworkInterface) -> String {
    let id = interface.network_interface_id().unwrap_or_default();
    match interface.description().filter(|text| !text.is_empty()) {
        Some(text) => format!("network interface {id} ({text})"),
        None => format!("network interface {id}"),
    }
}

fn group_named(group: &SecurityGroup) -> String {
    let id = group.group_id().unwrap_or_default();
    let name = group.group_name().unwrap_or_default();
    format!("security group {id} ({name})")
}
