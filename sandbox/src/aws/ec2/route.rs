//! Routes.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, World};

use super::cidr::{Cidr, canonical_ipv6};
use super::describe::find;
use super::internet_gateway::attached_to;
use super::kinds::{
    EgressOnlyGateway, InternetGateway, NatGateway, NatState, NetworkInterface, Route,
    RouteAssociation, RouteTable, Subnet, Vpc, VpcEndpoint,
};
use super::{vpc_cidr, vpc_endpoint};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateRoute", create),
    QueryOperation::write("ReplaceRoute", replace),
    QueryOperation::write("DeleteRoute", delete),
];

/// The parameters that name a target, with the members that name it in answers.
const TARGETS: [(&str, &str); 4] = [
    ("EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId"),
    ("GatewayId", "gatewayId"),
    ("NatGatewayId", "natGatewayId"),
    ("NetworkInterfaceId", "networkInterfaceId"),
];

/// Where a route leads, in canonical form.
struct Destination {
    text: String,
    ipv6: bool,
}

impl Destination {
    fn take(p: &mut Params) -> Result<Self, AwsError> {
        let (ipv4, ipv6) = (
            p.opt("DestinationCidrBlock"),
            p.opt("DestinationIpv6CidrBlock"),
        );
        match (ipv4, ipv6) {
            (Some(text), None) => Cidr::parse(&text)
                .map(|cidr| Self {
                    text: cidr.to_string(),
                    ipv6: false,
                })
                .ok_or_else(|| bad_block(p, "DestinationCidrBlock", &text)),
            (None, Some(text)) => canonical_ipv6(&text)
                .map(|text| Self { text, ipv6: true })
                .ok_or_else(|| bad_block(p, "DestinationIpv6CidrBlock", &text)),
            (None, None) => Err(p.missing("DestinationCidrBlock")),
            (Some(_), Some(_)) => {
                let text = "Only one destination may be specified";
                Err(AwsError::new("InvalidParameterCombination", text))
            }
        }
    }

    fn member(&self) -> &'static str {
        if self.ipv6 {
            "destination-ipv6-cidr-block"
        } else {
            "destination-cidr-block"
        }
    }
}

fn bad_block(p: &Params, name: &str, text: &str) -> AwsError {
    p.invalid(name, text, "This is not a valid CIDR block.")
}

/// Takes the target of a route, and checks that the table's network can reach it.
fn take_target(p: &mut Params) -> Result<(&'static str, String), AwsError> {
    let given: Vec<(&'static str, String)> = TARGETS
        .iter()
        .filter_map(|(name, member)| Some((*member, p.opt(name)?)))
        .collect();
    let mut given = given.into_iter();
    match (given.next(), given.next()) {
        (Some(target), None) => Ok(target),
        (None, _) => {
            let text = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, carrierGatewayId, coreNetworkArn or vpcEndpointId";
            Err(AwsError::new("MissingParameter", text))
        }
        (Some(_), Some(_)) => {
            let text = "Only one target may be specified for a route";
            Err(AwsError::new("InvalidParameterCombination", text))
        }
    }
}

fn check_target(cx: &Cx<'_>, table: &str, (member, target): (&str, &str)) -> Result<(), AwsError> {
    let vpc = &find::<RouteTable>(cx, table)?.body.vpc;
    let same_network = match member {
        "natGatewayId" => {
            let nat = cx.world.get::<NatGateway>(&cx.region, target);
            let nat =
                nat.filter(|nat| matches!(nat.body.state, NatState::Pending | NatState::Available));
            let missing = || {
                let text = format!("The natGateway ID '{target}' does not exist");
                AwsError::new("InvalidNatGatewayID.NotFound", text)
            };
            nat.ok_or_else(missing)?.body.vpc == *vpc
        }
        "networkInterfaceId" => find::<NetworkInterface>(cx, target)?.body.vpc == *vpc,
        "egressOnlyInternetGatewayId" => find::<EgressOnlyGateway>(cx, target)?.body.vpc == *vpc,
        _ if target.starts_with("igw-") => {
            find::<InternetGateway>(cx, target)?;
            attached_to(cx.world, &cx.region, target).as_ref() == Some(vpc)
        }
        _ => {
            let text = format!("The gateway ID '{target}' does not exist");
            return Err(AwsError::new("InvalidGatewayID.NotFound", text));
        }
    };
    if same_network {
        return Ok(());
    }
    let text =
        format!("route table {table} and network gateway {target} belong to different networks");
    Err(AwsError::new("InvalidParameterValue", text))
}

fn local_of(cx: &Cx<'_>, table: &str) -> Result<Option<Cidr>, AwsError> {
    let vpc = find::<RouteTable>(cx, table)?.body.vpc.clone();
    Ok(cx
        .world
        .raw::<Vpc>(&cx.region, &vpc)
        .map(|vpc| vpc.body.cidr))
}

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let table = p.req("RouteTableId")?;
    let destination = Destination::take(p)?;
    let (member, target) = take_target(p)?;
    p.finish()?;
    find::<RouteTable>(cx, &table)?;
    check_target(cx, &table, (member, &target))?;
    if member == "egressOnlyInternetGatewayId" && !destination.ipv6 {
        let text = "Routes to an egress-only internet gateway are for IPv6 only";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let id = format!("{table}/{}", destination.text);
    let local = local_of(cx, &table)?.is_some_and(|local| local.to_string() == destination.text);
    if local || cx.world.raw::<Route>(&cx.region, &id).is_some() {
        let text = format!(
            "The route identified by {} already exists.",
            destination.text
        );
        return Err(AwsError::new("RouteAlreadyExists", text));
    }
    let inside = Cidr::parse(&destination.text)
        .zip(local_of(cx, &table)?)
        .is_some_and(|(cidr, local)| local.contains(cidr));
    if inside && member == "gatewayId" {
        let text = format!(
            "The destination CIDR block {} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.",
            destination.text
        );
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let route = Route {
        destination: destination.text,
        ipv6: destination.ipv6,
        target_member: member.to_owned(),
        target,
    };
    cx.world.insert(New::plain(&cx.region, id, route));
    Ok(json!({ "return": true }))
}

fn replace(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let table = p.req("RouteTableId")?;
    let destination = Destination::take(p)?;
    let (member, target) = take_target(p)?;
    p.finish()?;
    find::<RouteTable>(cx, &table)?;
    check_target(cx, &table, (member, &target))?;
    let id = format!("{table}/{}", destination.text);
    if cx.world.get::<Route>(&cx.region, &id).is_none() {
        let text = format!(
            "There is no route defined for '{}' in the route table. Use CreateRoute instead.",
            destination.text
        );
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    cx.world.update::<Route>(&cx.region, &id, |route| {
        route.body.target_member = member.to_owned();
        route.body.target = target;
    });
    Ok(json!({ "return": true }))
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let table = p.req("RouteTableId")?;
    let destination = Destination::take(p)?;
    p.finish()?;
    if local_of(cx, &table)?.is_some_and(|local| local.to_string() == destination.text) {
        let text = format!(
            "cannot remove local route {} in route table {table}",
            destination.text
        );
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let id = format!("{table}/{}", destination.text);
    if cx.world.get::<Route>(&cx.region, &id).is_none() {
        let text = format!(
            "no route with {} {} in route table {table}",
            destination.member(),
            destination.text
        );
        return Err(AwsError::new("InvalidRoute.NotFound", text));
    }
    cx.world.remove::<Route>(&cx.region, &id);
    Ok(json!({ "return": true }))
}

/// Writes the routes of a table: the local one, which is never stored, and the others.
pub(super) fn views(world: &World, table: &Object<RouteTable>) -> Vec<Value> {
    let blocks = world
        .raw::<Vpc>(&table.region, &table.body.vpc)
        .map(|vpc| vpc_cidr::usable(world, vpc))
        .unwrap_or_default();
    let local = blocks.into_iter().map(|block| {
        json!({
            "destinationCidrBlock": block.to_string(),
            "gatewayId": "local",
            "state": "active",
            "origin": "CreateRouteTable",
        })
    });
    let prefix = format!("{}/", table.id);
    let routes = world.seen_under::<Route>(&table.region, &prefix);
    local
        .chain(routes.map(|route| view(world, table, route)))
        .chain(to_endpoints(world, table))
        .collect()
}

/// The routes that gateway endpoints put into their tables.
fn to_endpoints<'a>(
    world: &'a World,
    table: &'a Object<RouteTable>,
) -> impl Iterator<Item = Value> + 'a {
    let endpoints = world.seen::<VpcEndpoint>(&table.region);
    endpoints
        .filter(|endpoint| endpoint.body.tables.contains(&table.id))
        .map(|endpoint| {
            json!({
                "destinationPrefixListId": vpc_endpoint::prefix_list(&table.region, &endpoint.body.service),
                "gatewayId": endpoint.id,
                "state": "active",
                "origin": "CreateRoute",
            })
        })
}

/// Tells whether what is in a subnet can be reached from the internet: its table leads to an internet gateway.
pub(crate) fn leads_out(world: &World, region: &str, subnet: &str) -> bool {
    let Some(vpc) = world
        .raw::<Subnet>(region, subnet)
        .map(|s| s.body.vpc.as_str())
    else {
        return false;
    };
    let of = |wanted: Option<&str>| {
        let mut associations = world.all::<RouteAssociation>(region);
        associations
            .find(|a| a.body.vpc == vpc && a.body.subnet.as_deref() == wanted)
            .map(|a| format!("{}/", a.body.table))
    };
    let Some(table) = of(Some(subnet)).or_else(|| of(None)) else {
        return false;
    };
    let mut routes = world.under::<Route>(region, &table);
    routes.any(|route| route.body.target.starts_with("igw-"))
}

fn view(world: &World, table: &Object<RouteTable>, route: &Object<Route>) -> Value {
    let body = &route.body;
    let alive = match body.target_member.as_str() {
        "natGatewayId" => world
            .raw::<NatGateway>(&table.region, &body.target)
            .is_some_and(|nat| matches!(nat.body.state, NatState::Pending | NatState::Available)),
        "networkInterfaceId" => world
            .raw::<NetworkInterface>(&table.region, &body.target)
            .is_some(),
        "egressOnlyInternetGatewayId" => world
            .raw::<EgressOnlyGateway>(&table.region, &body.target)
            .is_some(),
        _ => attached_to(world, &table.region, &body.target).as_ref() == Some(&table.body.vpc),
    };
    let destination = if body.ipv6 {
        "destinationIpv6CidrBlock"
    } else {
        "destinationCidrBlock"
    };
    json!({
        destination: body.destination,
        body.target_member.as_str(): body.target,
        "state": if alive { "active" } else { "blackhole" },
        "origin": "CreateRoute",
    })
}
