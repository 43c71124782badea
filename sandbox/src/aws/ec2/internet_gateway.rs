//! Internet gateways.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, World};

use super::describe::{Describe, dependency, find};
use super::kinds::{GatewayAttachment, InternetGateway, NatGateway, NatState, Vpc};
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateInternetGateway", create),
    QueryOperation::read("DescribeInternetGateways", describe),
    QueryOperation::write("AttachInternetGateway", attach),
    QueryOperation::write("DetachInternetGateway", detach),
    QueryOperation::write("DeleteInternetGateway", delete),
];

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let tags = tagging::take_specification(p, "internet-gateway")?;
    p.finish()?;
    let id = cx.world.new_id("igw");
    let gateway = cx
        .world
        .insert(New::plain(&cx.region, id, InternetGateway {}).tags(tags));
    Ok(json!({ "internetGateway": view(cx.world, &gateway) }))
}

/// Returns the network that a gateway is attached to.
pub(super) fn attached_to(world: &World, region: &str, gateway: &str) -> Option<String> {
    let prefix = format!("{gateway}/");
    world
        .under::<GatewayAttachment>(region, &prefix)
        .next()
        .map(|a| a.body.vpc.clone())
}

/// Returns the gateway of a network.
pub(super) fn gateway_of(world: &World, region: &str, vpc: &str) -> Option<String> {
    let mut attachments = world.all::<GatewayAttachment>(region);
    attachments
        .find(|a| a.body.vpc == vpc)
        .map(|a| a.body.gateway.clone())
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<InternetGateway> {
        ids: "InternetGatewayId",
        set: "internetGatewaySet",
        filters: &[
            "internet-gateway-id",
            "attachment.vpc-id",
            "attachment.state",
            "owner-id",
        ],
        values: |world, gateway, name| {
            let vpc = attached_to(world, &gateway.region, &gateway.id);
            match name {
                "internet-gateway-id" => vec![gateway.id.clone()],
                "attachment.vpc-id" => vpc.into_iter().collect(),
                "attachment.state" => vpc.map(|_| "available".to_owned()).into_iter().collect(),
                "owner-id" => vec![ACCOUNT.to_owned()],
                _ => Vec::new(),
            }
        },
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

fn view(world: &World, gateway: &Object<InternetGateway>) -> Value {
    let vpc = attached_to(world, &gateway.region, &gateway.id);
    let attachments: Vec<Value> = vpc
        .into_iter()
        .map(|vpc| json!({ "vpcId": vpc, "state": "available" }))
        .collect();
    json!({
        "internetGatewayId": gateway.id,
        "ownerId": ACCOUNT,
        "attachmentSet": attachments,
        "tagSet": tagging::view(&gateway.tags),
    })
}

fn attach(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let gateway = p.req("InternetGatewayId")?;
    let vpc = p.req("VpcId")?;
    p.finish()?;
    find::<InternetGateway>(cx, &gateway)?;
    find::<Vpc>(cx, &vpc)?;
    if let Some(other) = attached_to(cx.world, &cx.region, &gateway) {
        let text = format!("resource {gateway} is already attached to network {other}");
        return Err(AwsError::new("Resource.AlreadyAssociated", text));
    }
    if gateway_of(cx.world, &cx.region, &vpc).is_some() {
        let text = format!("Network {vpc} already has an internet gateway attached");
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let id = format!("{gateway}/{vpc}");
    cx.world.insert(New::plain(
        &cx.region,
        id,
        GatewayAttachment { gateway, vpc },
    ));
    Ok(json!({ "return": true }))
}

fn detach(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let gateway = p.req("InternetGatewayId")?;
    let vpc = p.req("VpcId")?;
    p.finish()?;
    find::<InternetGateway>(cx, &gateway)?;
    find::<Vpc>(cx, &vpc)?;
    let id = format!("{gateway}/{vpc}");
    if cx.world.raw::<GatewayAttachment>(&cx.region, &id).is_none() {
        let text = format!("resource {gateway} is not attached to network {vpc}");
        return Err(AwsError::new("Gateway.NotAttached", text));
    }
    let mapped = cx.world.all::<NatGateway>(&cx.region).any(|nat| {
        let alive = !matches!(nat.body.state, NatState::Deleted | NatState::Failed);
        nat.body.vpc == vpc && nat.body.public && alive
    });
    if mapped {
        let text = format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        );
        return Err(dependency(text));
    }
    cx.world.remove::<GatewayAttachment>(&cx.region, &id);
    Ok(json!({ "return": true }))
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("InternetGatewayId")?;
    p.finish()?;
    find::<InternetGateway>(cx, &id)?;
    if attached_to(cx.world, &cx.region, &id).is_some() {
        let text = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
        return Err(dependency(text));
    }
    cx.world.remove::<InternetGateway>(&cx.region, &id);
    Ok(json!({ "return": true }))
}
