//! The routes of a route table.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Route as LiveRoute, RouteOrigin, RouteTable as LiveTable};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType};

use crate::checks::{Checks, Pattern};
use crate::cidr;
use crate::error::{Failure, found};
use crate::step::Step;

/// A route: one destination and one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
    destination_prefix_list_id: Option<String>,
    egress_only_gateway_id: Option<String>,
    gateway_id: Option<String>,
    nat_gateway_id: Option<String>,
    network_interface_id: Option<String>,
    transit_gateway_id: Option<String>,
    vpc_endpoint_id: Option<String>,
    vpc_peering_connection_id: Option<String>,
}

const DESTINATIONS: [&str; 3] = [
    "cidr_block",
    "ipv6_cidr_block",
    "destination_prefix_list_id",
];
const TARGETS: [&str; 7] = [
    "egress_only_gateway_id",
    "gateway_id",
    "nat_gateway_id",
    "network_interface_id",
    "transit_gateway_id",
    "vpc_endpoint_id",
    "vpc_peering_connection_id",
];

/// The type of one route.
pub(crate) fn attribute_type() -> AttributeType {
    let text = |description| Attribute::optional(AttributeType::String, description);
    AttributeType::object([
        ("cidr_block", text("IPv4 destination.")),
        ("ipv6_cidr_block", text("IPv6 destination.")),
        (
            "destination_prefix_list_id",
            text("Destination as a prefix list."),
        ),
        (
            "egress_only_gateway_id",
            text("Target: an egress-only internet gateway."),
        ),
        (
            "gateway_id",
            text("Target: an internet gateway or virtual private gateway."),
        ),
        ("nat_gateway_id", text("Target: a NAT gateway.")),
        ("network_interface_id", text("Target: a network interface.")),
        ("transit_gateway_id", text("Target: a transit gateway.")),
        ("vpc_endpoint_id", text("Target: a VPC endpoint.")),
        (
            "vpc_peering_connection_id",
            text("Target: a peering connection."),
        ),
    ])
}

/// Checks one route.
pub(crate) fn validate(checks: &mut Checks<'_>) {
    checks.text("cidr_block", |text| Pattern::Cidr4.check(text));
    checks.text("ipv6_cidr_block", |text| Pattern::Cidr6.check(text));
    for (what, names) in [("destination", &DESTINATIONS[..]), ("target", &TARGETS[..])] {
        let given = |name: &&&str| {
            checks
                .config()
                .get(name)
                .is_some_and(|value| !value.is_null())
        };
        if names.iter().filter(given).count() != 1 {
            checks.fault(
                "",
                format!("needs exactly one {what}: {}.", names.join(", ")),
            );
        }
    }
}

impl Route {
    /// The destination, by which a table's routes are told apart.
    pub(crate) fn destination(&self) -> &str {
        let destinations = [
            &self.cidr_block,
            &self.ipv6_cidr_block,
            &self.destination_prefix_list_id,
        ];
        destinations
            .into_iter()
            .flatten()
            .next()
            .map_or("", String::as_str)
    }

    /// A route of the definition's kind; `None` for those that AWS itself keeps.
    fn read(live: &LiveRoute) -> Option<Route> {
        let gateway = live.gateway_id();
        let is_endpoint = gateway.is_some_and(|id| id.starts_with("vpce-"));
        if gateway == Some("local")
            || live.origin() == Some(&RouteOrigin::EnableVgwRoutePropagation)
            || is_endpoint && live.destination_prefix_list_id().is_some()
        {
            return None;
        }
        let interface = live.network_interface_id.clone();
        Some(Route {
            cidr_block: live.destination_cidr_block().map(cidr::normal),
            ipv6_cidr_block: live.destination_ipv6_cidr_block().map(cidr::normal),
            destination_prefix_list_id: live.destination_prefix_list_id.clone(),
            egress_only_gateway_id: live.egress_only_internet_gateway_id.clone(),
            gateway_id: live.gateway_id.clone().filter(|_| !is_endpoint),
            nat_gateway_id: live.nat_gateway_id.clone(),
            // A NAT gateway's own interface may be told beside it.
            network_interface_id: interface.filter(|_| live.nat_gateway_id.is_none()),
            transit_gateway_id: live.transit_gateway_id.clone(),
            vpc_endpoint_id: live.gateway_id.clone().filter(|_| is_endpoint),
            vpc_peering_connection_id: live.vpc_peering_connection_id.clone(),
        })
    }
}

/// The routes of a table that definitions are about.
pub(crate) fn read(live: &LiveTable) -> BTreeSet<Route> {
    live.routes().iter().filter_map(Route::read).collect()
}

/// Issues the calls that lead from some routes to others. Says whether there were any.
pub(crate) async fn converge(
    step: &Step<'_>,
    table: &str,
    (now, wanted): (&BTreeSet<Route>, &BTreeSet<Route>),
) -> Result<bool, Failure> {
    let before: BTreeMap<&str, &Route> = now.iter().map(|r| (r.destination(), r)).collect();
    let after: BTreeMap<&str, &Route> = wanted.iter().map(|r| (r.destination(), r)).collect();
    let mut changed = false;
    for (destination, route) in &before {
        if !after.contains_key(destination) {
            delete(step, table, route).await?;
            changed = true;
        }
    }
    for (destination, route) in &after {
        match before.get(destination) {
            Some(old) if old == route => continue,
            Some(_) => replace(step, table, route).await?,
            None => create(step, table, route).await?,
        }
        changed = true;
    }
    Ok(changed)
}

async fn create(step: &Step<'_>, table: &str, route: &Route) -> Result<(), Failure> {
    let ec2 = &step.clients().await?.ec2;
    let route_of = route.clone();
    let call = ec2
        .create_route()
        .route_table_id(table)
        .set_destination_cidr_block(route_of.cidr_block)
        .set_destination_ipv6_cidr_block(route_of.ipv6_cidr_block)
        .set_destination_prefix_list_id(route_of.destination_prefix_list_id)
        .set_egress_only_internet_gateway_id(route_of.egress_only_gateway_id)
        .set_gateway_id(route_of.gateway_id)
        .set_nat_gateway_id(route_of.nat_gateway_id)
        .set_network_interface_id(route_of.network_interface_id)
        .set_transit_gateway_id(route_of.transit_gateway_id)
        .set_vpc_endpoint_id(route_of.vpc_endpoint_id)
        .set_vpc_peering_connection_id(route_of.vpc_peering_connection_id);
    match step.change("CreateRoute", call.send()).await {
        Ok(_) => Ok(()),
        // A lost answer of an earlier send, or a route to elsewhere: set it either way.
        Err(failure) if failure.kind() == ProviderErrorKind::AlreadyExists => {
            replace(step, table, route).await
        }
        Err(failure) => Err(failure),
    }
}

async fn replace(step: &Step<'_>, table: &str, route: &Route) -> Result<(), Failure> {
    let ec2 = &step.clients().await?.ec2;
    let route = route.clone();
    let call = ec2
        .replace_route()
        .route_table_id(table)
        .set_destination_cidr_block(route.cidr_block)
        .set_destination_ipv6_cidr_block(route.ipv6_cidr_block)
        .set_destination_prefix_list_id(route.destination_prefix_list_id)
        .set_egress_only_internet_gateway_id(route.egress_only_gateway_id)
        .set_gateway_id(route.gateway_id)
        .set_nat_gateway_id(route.nat_gateway_id)
        .set_network_interface_id(route.network_interface_id)
        .set_transit_gateway_id(route.transit_gateway_id)
        .set_vpc_endpoint_id(route.vpc_endpoint_id)
        .set_vpc_peering_connection_id(route.vpc_peering_connection_id);
    step.change("ReplaceRoute", call.send()).await?;
    Ok(())
}

async fn delete(step: &Step<'_>, table: &str, route: &Route) -> Result<(), Failure> {
    let ec2 = &step.clients().await?.ec2;
    let route = route.clone();
    let call = ec2
        .delete_route()
        .route_table_id(table)
        .set_destination_cidr_block(route.cidr_block)
        .set_destination_ipv6_cidr_block(route.ipv6_cidr_block)
        .set_destination_prefix_list_id(route.destination_prefix_list_id);
    found(step.change("DeleteRoute", call.send()).await)?;
    Ok(())
}

/// Two routes of one destination, as a fault of the whole set.
pub(crate) fn check_destinations(checks: &mut Checks<'_>, path: &str) {
    let elements = checks
        .known(path)
        .and_then(Value::elements)
        .unwrap_or_default();
    let mut seen = BTreeSet::new();
    for element in elements {
        let given = DESTINATIONS
            .iter()
            .find_map(|name| element.get(name).and_then(Value::as_str));
        if let Some(destination) = given.map(cidr::normal)
            && !seen.insert(destination.clone())
        {
            checks.fault(path, format!("has two routes to {destination}."));
        }
    }
}
