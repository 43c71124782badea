//! Route tables.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::token::{Seen, Use};
use crate::world::{New, Object, World};

use super::describe::{Describe, dependency, find};
use super::kinds::{Route, RouteAssociation, RouteTable, Vpc};
use super::{route, route_association, tagging};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateRouteTable", create),
    QueryOperation::read("DescribeRouteTables", describe),
    QueryOperation::write("DeleteRouteTable", delete),
];

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let vpc = p.req("VpcId")?;
    let token = p.opt("ClientToken");
    let tags = tagging::take_specification(p, "route-table")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateRouteTable",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            return Ok(answer(
                cx.world,
                find::<RouteTable>(cx, &id)?,
                token.as_deref(),
            ));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    find::<Vpc>(cx, &vpc)?;
    let id = cx.world.new_id("rtb");
    let new = New::plain(&region, id, RouteTable { vpc })
        .tags(tags)
        .token(token.clone());
    let table = cx.world.insert(new);
    used.remember(cx.world, &table.id);
    Ok(answer(cx.world, &table, token.as_deref()))
}

fn answer(world: &World, table: &Object<RouteTable>, token: Option<&str>) -> Value {
    json!({ "routeTable": view(world, table), "clientToken": token })
}

/// The error for a token that was used for another request.
pub(super) fn token_mismatch() -> AwsError {
    let text = "The client token you have provided is associated with a resource with different parameters.";
    AwsError::new("IdempotentParameterMismatch", text)
}

/// The associations of a table.
fn associations<'a>(
    world: &'a World,
    table: &'a Object<RouteTable>,
) -> impl Iterator<Item = &'a Object<RouteAssociation>> {
    world
        .all::<RouteAssociation>(&table.region)
        .filter(|a| a.body.table == table.id)
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<RouteTable> {
        ids: "RouteTableId",
        set: "routeTableSet",
        filters: &[
            "route-table-id",
            "vpc-id",
            "owner-id",
            "association.main",
            "association.subnet-id",
            "association.route-table-id",
            "association.route-table-association-id",
            "association.gateway-id",
            "route.destination-cidr-block",
            "route.destination-ipv6-cidr-block",
            "route.gateway-id",
            "route.nat-gateway-id",
            "route.state",
            "route.origin",
        ],
        values,
        view,
        page: (5, 100),
    }
    .run(cx, p)
}

fn values(world: &World, table: &Object<RouteTable>, name: &str) -> Vec<String> {
    let member = match name {
        "route-table-id" => return vec![table.id.clone()],
        "vpc-id" => return vec![table.body.vpc.clone()],
        "owner-id" => return vec![ACCOUNT.to_owned()],
        "association.main" => {
            return associations(world, table)
                .map(|a| a.body.subnet.is_none().to_string())
                .collect();
        }
        "association.subnet-id" => {
            return associations(world, table)
                .filter_map(|a| a.body.subnet.clone())
                .collect();
        }
        "association.route-table-id" => {
            return associations(world, table)
                .map(|a| a.body.table.clone())
                .collect();
        }
        "association.route-table-association-id" => {
            return associations(world, table).map(|a| a.id.clone()).collect();
        }
        "route.destination-cidr-block" => "destinationCidrBlock",
        "route.destination-ipv6-cidr-block" => "destinationIpv6CidrBlock",
        "route.gateway-id" => "gatewayId",
        "route.nat-gateway-id" => "natGatewayId",
        "route.state" => "state",
        "route.origin" => "origin",
        _ => return Vec::new(),
    };
    let routes = route::views(world, table);
    routes
        .iter()
        .filter_map(|route| route[member].as_str().map(str::to_owned))
        .collect()
}

fn view(world: &World, table: &Object<RouteTable>) -> Value {
    let associated: Vec<Value> = associations(world, table)
        .map(route_association::view)
        .collect();
    json!({
        "routeTableId": table.id,
        "vpcId": table.body.vpc,
        "ownerId": ACCOUNT,
        "routeSet": route::views(world, table),
        "associationSet": associated,
        "propagatingVgwSet": [],
        "tagSet": tagging::view(&table.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("RouteTableId")?;
    p.finish()?;
    let table = find::<RouteTable>(cx, &id)?;
    if associations(cx.world, table).next().is_some() {
        let text = format!("The routeTable '{id}' has dependencies and cannot be deleted.");
        return Err(dependency(text));
    }
    let prefix = format!("{id}/");
    cx.world
        .remove_where::<Route>(&cx.region, |route| route.id.starts_with(&prefix));
    cx.world.remove::<RouteTable>(&cx.region, &id);
    Ok(json!({ "return": true }))
}
