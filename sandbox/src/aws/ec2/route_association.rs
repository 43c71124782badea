//! Which subnets use which route table.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object};

use super::describe::find;
use super::kinds::{RouteAssociation, RouteTable, Subnet};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("AssociateRouteTable", associate),
    QueryOperation::write("ReplaceRouteTableAssociation", replace),
    QueryOperation::write("DisassociateRouteTable", disassociate),
];

fn different_networks(table: &str, other: &str) -> AwsError {
    let text = format!("Route table {table} and subnet {other} belong to different networks");
    AwsError::new("InvalidParameterValue", text)
}

fn associate(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let table = p.req("RouteTableId")?;
    let subnet = p.req("SubnetId")?;
    p.finish()?;
    let vpc = find::<RouteTable>(cx, &table)?.body.vpc.clone();
    if find::<Subnet>(cx, &subnet)?.body.vpc != vpc {
        return Err(different_networks(&table, &subnet));
    }
    let mut all = cx.world.all::<RouteAssociation>(&cx.region);
    if let Some(existing) = all.find(|a| a.body.subnet.as_ref() == Some(&subnet)) {
        // The same pair again is the answer that was given before.
        if existing.body.table == table {
            return Ok(answer("associationId", &existing.id));
        }
        let text = format!(
            "the specified association for route table {table} conflicts with an existing association"
        );
        return Err(AwsError::new("Resource.AlreadyAssociated", text));
    }
    drop(all);
    let id = cx.world.new_id("rtbassoc");
    let body = RouteAssociation {
        table,
        subnet: Some(subnet),
        vpc,
    };
    let made = cx.world.insert(New::plain(&cx.region, id, body));
    Ok(answer("associationId", &made.id))
}

fn answer(member: &str, id: &str) -> Value {
    json!({ member: id, "associationState": { "state": "associated" } })
}

/// Replacing gives the association a new id; the main one keeps its network.
fn replace(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let old = p.req("AssociationId")?;
    let table = p.req("RouteTableId")?;
    p.finish()?;
    let body = find::<RouteAssociation>(cx, &old)?.body.clone();
    if find::<RouteTable>(cx, &table)?.body.vpc != body.vpc {
        return Err(different_networks(
            &table,
            body.subnet.as_deref().unwrap_or(&body.vpc),
        ));
    }
    let id = cx.world.new_id("rtbassoc");
    cx.world.remove::<RouteAssociation>(&cx.region, &old);
    let made = cx.world.insert(New::plain(
        &cx.region,
        id,
        RouteAssociation { table, ..body },
    ));
    Ok(answer("newAssociationId", &made.id))
}

fn disassociate(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("AssociationId")?;
    p.finish()?;
    let association = find::<RouteAssociation>(cx, &id)?;
    if association.body.subnet.is_none() {
        let text = format!("cannot disassociate the main route table association {id}");
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    cx.world.remove::<RouteAssociation>(&cx.region, &id);
    Ok(json!({ "return": true }))
}

/// Writes an association.
pub(super) fn view(association: &Object<RouteAssociation>) -> Value {
    json!({
        "routeTableAssociationId": association.id,
        "routeTableId": association.body.table,
        "subnetId": association.body.subnet,
        "main": association.body.subnet.is_none(),
        "associationState": { "state": "associated" },
    })
}
