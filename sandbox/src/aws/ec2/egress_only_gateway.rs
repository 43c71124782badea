//! Egress-only internet gateways: a way out for IPv6.

use serde_json::{Value, json};

use crate::aws::error::Answer;
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::token::{Seen, Use};
use crate::world::{New, Object, World};

use super::describe::{Describe, find};
use super::kinds::{EgressOnlyGateway, Vpc};
use super::route_table::token_mismatch;
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateEgressOnlyInternetGateway", create),
    QueryOperation::read("DescribeEgressOnlyInternetGateways", describe),
    QueryOperation::write("DeleteEgressOnlyInternetGateway", delete),
];

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let vpc = p.req("VpcId")?;
    let token = p.opt("ClientToken");
    let tags = tagging::take_specification(p, "egress-only-internet-gateway")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateEgressOnlyInternetGateway",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            let gateway = find::<EgressOnlyGateway>(cx, &id)?;
            let view = view(cx.world, gateway);
            return Ok(json!({ "clientToken": token, "egressOnlyInternetGateway": view }));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    find::<Vpc>(cx, &vpc)?;
    let id = cx.world.new_id("eigw");
    let new = New::plain(&region, id, EgressOnlyGateway { vpc })
        .tags(tags)
        .token(token.clone());
    let gateway = cx.world.insert(new);
    used.remember(cx.world, &gateway.id);
    let view = view(cx.world, &gateway);
    Ok(json!({ "clientToken": token, "egressOnlyInternetGateway": view }))
}

/// The call knows filters for tags only.
fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<EgressOnlyGateway> {
        ids: "EgressOnlyInternetGatewayId",
        set: "egressOnlyInternetGatewaySet",
        filters: &[],
        values: |_world, _gateway, _name| Vec::new(),
        view,
        page: (5, 255),
    }
    .run(cx, p)
}

fn view(_world: &World, gateway: &Object<EgressOnlyGateway>) -> Value {
    json!({
        "egressOnlyInternetGatewayId": gateway.id,
        "attachmentSet": [{ "vpcId": gateway.body.vpc, "state": "attached" }],
        "tagSet": tagging::view(&gateway.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("EgressOnlyInternetGatewayId")?;
    p.finish()?;
    find::<EgressOnlyGateway>(cx, &id)?;
    cx.world.remove::<EgressOnlyGateway>(&cx.region, &id);
    Ok(json!({ "returnCode": true }))
}
