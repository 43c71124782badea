//! NAT gateways: they take minutes to come and to go, and stay visible for a while when they are gone.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::time::iso_millis;
use crate::aws::token::{Seen, Use};
use crate::world::{Key, New, Object, World};

use super::describe::{Describe, find, not_found};
use super::internet_gateway::gateway_of;
use super::kinds::{Address, NatGateway, NatState, Subnet};
use super::network_interface::{Interface, add_interface, remove_interfaces};
use super::route_table::token_mismatch;
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateNatGateway", create),
    QueryOperation::read("DescribeNatGateways", describe),
    QueryOperation::write("DeleteNatGateway", delete),
];

/// How long it takes, in the cloud's seconds.
const CREATE_SECONDS: u64 = 100;
const FAIL_SECONDS: u64 = 15;
const DELETE_SECONDS: u64 = 60;
/// How long a deleted one stays visible.
const VISIBLE_SECONDS: u64 = 3600;

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let subnet_id = p.req("SubnetId")?;
    let token = p.opt("ClientToken");
    let allocation = p.opt("AllocationId");
    let kind = p.one_of("ConnectivityType", &["public", "private"])?;
    let private_ip = p.opt("PrivateIpAddress");
    let tags = tagging::take_specification(p, "natgateway")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateNatGateway",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            let gateway = find::<NatGateway>(cx, &id)?;
            return Ok(json!({ "natGateway": view(cx.world, gateway), "clientToken": token }));
        }
        Seen::Other => return Err(token_mismatch()),
    }
    let public = kind.as_deref() != Some("private");
    let vpc = find::<Subnet>(cx, &subnet_id)?.body.vpc.clone();
    let public_ip = check_allocation(cx, p, public, allocation.as_deref())?;
    let wanted = Wanted {
        subnet: subnet_id,
        vpc,
        public,
        allocation,
        public_ip,
        private_ip,
    };
    let (id, gateway) = build(cx, wanted)?;
    let new = New::plain(&region, id, gateway)
        .tags(tags)
        .token(token.clone());
    let gateway = cx.world.insert(new);
    used.remember(cx.world, &gateway.id);
    Ok(json!({ "natGateway": view(cx.world, &gateway), "clientToken": token }))
}

/// What a call asks for, once it is checked.
struct Wanted {
    subnet: String,
    vpc: String,
    public: bool,
    allocation: Option<String>,
    public_ip: Option<String>,
    private_ip: Option<String>,
}

/// Puts a gateway's interface into its subnet, and takes its address.
fn build(cx: &mut Cx<'_>, wanted: Wanted) -> Result<(String, NatGateway), AwsError> {
    let region = cx.region.clone();
    let id = cx.world.new_id("nat");
    let interface = add_interface(
        cx.world,
        Interface {
            region: &region,
            subnet: &wanted.subnet,
            description: &format!("Interface for NAT Gateway {id}"),
            holder: &id,
            interface_type: "natGateway",
            groups: &[],
        },
    );
    let interface = interface.ok_or_else(|| not_found("subnet", &wanted.subnet))?;
    if let Some(allocation) = &wanted.allocation {
        let used_by = Some((interface.id.clone(), cx.world.new_id("eipassoc")));
        cx.world.update::<Address>(&region, allocation, |address| {
            address.body.used_by = used_by
        });
    }
    // A public one in a network without a way out is made, and fails.
    let closed = wanted.public && gateway_of(cx.world, &region, &wanted.vpc).is_none();
    let failure = closed.then(|| {
        let text = format!("Network {} has no Internet gateway attached", wanted.vpc);
        ("Gateway.NotAttached".to_owned(), text)
    });
    let seconds = if closed { FAIL_SECONDS } else { CREATE_SECONDS };
    let gateway = NatGateway {
        vpc: wanted.vpc,
        subnet: wanted.subnet,
        public: wanted.public,
        allocation: wanted.allocation,
        public_ip: wanted.public_ip,
        private_ip: wanted.private_ip.unwrap_or(interface.body.private_ip),
        interface: interface.id,
        state: NatState::Pending,
        until_ms: Some(cx.world.after_seconds(seconds)),
        failure,
        deleted_ms: None,
    };
    Ok((id, gateway))
}

/// Returns the public address of an allocation that is free to use.
fn check_allocation(
    cx: &Cx<'_>,
    p: &Params,
    public: bool,
    allocation: Option<&str>,
) -> Result<Option<String>, AwsError> {
    let Some(id) = allocation else {
        return if public {
            Err(p.missing("AllocationId"))
        } else {
            Ok(None)
        };
    };
    if !public {
        let text = "You cannot specify an allocation ID for a private NAT gateway";
        return Err(AwsError::new("InvalidParameterCombination", text));
    }
    let address = find::<Address>(cx, id)?;
    if address.body.used_by.is_some() {
        let text = format!("Elastic IP address [{id}] is already associated");
        return Err(AwsError::new("Resource.AlreadyAssociated", text));
    }
    Ok(Some(address.body.public_ip.clone()))
}

/// Ends the present state of a gateway.
pub(super) fn settle(world: &mut World, key: &Key) {
    let Some(gateway) = world.raw::<NatGateway>(&key.region, &key.id).cloned() else {
        return;
    };
    if gateway
        .body
        .until_ms
        .is_none_or(|until| until > world.now_ms())
    {
        return;
    }
    let (state, until_ms) = match gateway.body.state {
        NatState::Pending if gateway.body.failure.is_some() => {
            let_go(world, &gateway);
            (NatState::Failed, Some(world.after_seconds(VISIBLE_SECONDS)))
        }
        NatState::Pending => (NatState::Available, None),
        NatState::Deleting => {
            let_go(world, &gateway);
            (
                NatState::Deleted,
                Some(world.after_seconds(VISIBLE_SECONDS)),
            )
        }
        NatState::Available => (NatState::Available, None),
        NatState::Failed | NatState::Deleted => {
            world.remove::<NatGateway>(&key.region, &key.id);
            return;
        }
    };
    world.update::<NatGateway>(&key.region, &key.id, |gateway| {
        gateway.body.state = state;
        gateway.body.until_ms = until_ms;
    });
    if state == NatState::Deleted {
        world.bury::<NatGateway>(&key.region, &key.id);
    }
}

/// Frees the interface and the address.
fn let_go(world: &mut World, gateway: &Object<NatGateway>) {
    remove_interfaces(world, &gateway.region, &gateway.id);
    if let Some(allocation) = &gateway.body.allocation {
        world.update::<Address>(&gateway.region, allocation, |address| {
            address.body.used_by = None
        });
    }
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<NatGateway> {
        ids: "NatGatewayId",
        set: "natGatewaySet",
        filters: &["nat-gateway-id", "vpc-id", "subnet-id", "state"],
        values: |_world, gateway, name| match name {
            "nat-gateway-id" => vec![gateway.id.clone()],
            "vpc-id" => vec![gateway.body.vpc.clone()],
            "subnet-id" => vec![gateway.body.subnet.clone()],
            "state" => vec![state_text(gateway.body.state).to_owned()],
            _ => Vec::new(),
        },
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

fn state_text(state: NatState) -> &'static str {
    match state {
        NatState::Pending => "pending",
        NatState::Available => "available",
        NatState::Failed => "failed",
        NatState::Deleting => "deleting",
        NatState::Deleted => "deleted",
    }
}

fn view(_world: &World, gateway: &Object<NatGateway>) -> Value {
    let body = &gateway.body;
    let failure = body
        .failure
        .as_ref()
        .filter(|_| body.state == NatState::Failed);
    json!({
        "natGatewayId": gateway.id,
        "vpcId": body.vpc,
        "subnetId": body.subnet,
        "state": state_text(body.state),
        "connectivityType": if body.public { "public" } else { "private" },
        "createTime": iso_millis(gateway.created_ms),
        "deleteTime": body.deleted_ms.map(iso_millis),
        "failureCode": failure.map(|(code, _)| code),
        "failureMessage": failure.map(|(_, text)| text),
        "natGatewayAddressSet": [{
            "allocationId": body.allocation,
            "networkInterfaceId": body.interface,
            "privateIp": body.private_ip,
            "publicIp": body.public_ip,
            "isPrimary": true,
            "status": "succeeded",
        }],
        "tagSet": tagging::view(&gateway.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("NatGatewayId")?;
    p.finish()?;
    let gateway = find::<NatGateway>(cx, &id)?;
    if matches!(gateway.body.state, NatState::Pending | NatState::Available) {
        let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
        let now_ms = cx.world.now_ms();
        cx.world.update::<NatGateway>(&cx.region, &id, |gateway| {
            gateway.body.state = NatState::Deleting;
            gateway.body.until_ms = until_ms;
            gateway.body.deleted_ms = Some(now_ms);
        });
    }
    Ok(json!({ "natGatewayId": id }))
}
