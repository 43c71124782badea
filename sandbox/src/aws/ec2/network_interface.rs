//! Network interfaces: those that other services hold, and free ones as others leave them behind.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::aws::token::{Seen, Use};
use crate::world::{New, Object, World};

use super::describe::{Describe, find, not_found};
use super::kinds::{NetworkInterface, SecurityGroup, Subnet};
use super::route_table::token_mismatch;
use super::security_group::default_group;
use super::tagging;

/// The holder of an interface that is free.
const FREE: &str = "";

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateNetworkInterface", create),
    QueryOperation::read("DescribeNetworkInterfaces", describe),
    QueryOperation::write("DeleteNetworkInterface", delete),
];

/// What a service asks for when it puts an interface into a subnet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interface<'a> {
    pub(crate) region: &'a str,
    pub(crate) subnet: &'a str,
    pub(crate) description: &'a str,
    /// Who holds it, such as `eks/demo`.
    pub(crate) holder: &'a str,
    pub(crate) interface_type: &'a str,
    pub(crate) groups: &'a [String],
}

/// Puts an interface into a subnet; nothing if the subnet is gone.
pub(crate) fn add_interface(
    world: &mut World,
    wanted: Interface<'_>,
) -> Option<Object<NetworkInterface>> {
    let body = placed(world, wanted)?;
    let id = world.new_id("eni");
    Some(world.insert(New::plain(wanted.region, id, body)))
}

/// An interface with an address in its subnet; nothing if the subnet is gone.
fn placed(world: &World, wanted: Interface<'_>) -> Option<NetworkInterface> {
    let subnet = world.raw::<Subnet>(wanted.region, wanted.subnet)?.clone();
    let mut draw = world.draw(5);
    // The cloud keeps the first four addresses and the last one of a subnet.
    let host =
        4 + u32::try_from(draw.next() % subnet.body.cidr.usable().max(1)).unwrap_or_default();
    let mac = draw.next();
    Some(NetworkInterface {
        vpc: subnet.body.vpc,
        subnet: subnet.id,
        zone: subnet.body.zone,
        description: wanted.description.to_owned(),
        holder: wanted.holder.to_owned(),
        interface_type: wanted.interface_type.to_owned(),
        private_ip: subnet.body.cidr.address(host),
        mac: format!(
            "0a:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            mac & 255,
            (mac >> 8) & 255,
            (mac >> 16) & 255,
            (mac >> 24) & 255,
            (mac >> 32) & 255
        ),
        groups: wanted.groups.to_vec(),
    })
}

/// Removes the interfaces that someone holds.
pub(crate) fn remove_interfaces(world: &mut World, region: &str, holder: &str) {
    world.remove_where::<NetworkInterface>(region, |interface| interface.body.holder == holder);
}

/// A free interface. What attaches one (instances) is not here.
fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let request = p.canonical();
    let subnet = p.req("SubnetId")?;
    let description = p.opt("Description").unwrap_or_default();
    let groups = p.list("SecurityGroupId");
    let token = p.opt("ClientToken");
    let tags = tagging::take_specification(p, "network-interface")?;
    p.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateNetworkInterface",
        token: token.as_deref(),
        request: &request,
    };
    match used.seen(cx.world) {
        Seen::New => {}
        Seen::Same(id) => {
            let interface = find::<NetworkInterface>(cx, &id)?;
            return Ok(
                json!({ "clientToken": token, "networkInterface": view(cx.world, interface) }),
            );
        }
        Seen::Other => return Err(token_mismatch()),
    }
    let vpc = find::<Subnet>(cx, &subnet)?.body.vpc.clone();
    for group in &groups {
        find::<SecurityGroup>(cx, group)?;
    }
    let groups = if groups.is_empty() {
        default_group(cx, &vpc).into_iter().collect()
    } else {
        groups
    };
    let wanted = Interface {
        region: &region,
        subnet: &subnet,
        description: &description,
        holder: FREE,
        interface_type: "interface",
        groups: &groups,
    };
    let body = placed(cx.world, wanted).ok_or_else(|| not_found("subnet", &subnet))?;
    let new = New::plain(&region, cx.world.new_id("eni"), body)
        .tags(tags)
        .token(token.clone());
    let interface = cx.world.insert(new);
    used.remember(cx.world, &interface.id);
    Ok(json!({ "clientToken": token, "networkInterface": view(cx.world, &interface) }))
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let _managed = p.bool("IncludeManagedResources")?;
    Describe::<NetworkInterface> {
        ids: "NetworkInterfaceId",
        set: "networkInterfaceSet",
        filters: &[
            "network-interface-id",
            "vpc-id",
            "subnet-id",
            "group-id",
            "group-name",
            "description",
            "status",
            "availability-zone",
            "interface-type",
            "owner-id",
            "requester-managed",
            "requester-id",
            "private-ip-address",
            "mac-address",
            "attachment.status",
            "attachment.instance-owner-id",
        ],
        values,
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

fn values(world: &World, interface: &Object<NetworkInterface>, name: &str) -> Vec<String> {
    let body = &interface.body;
    let free = body.holder == FREE;
    let value = match name {
        "network-interface-id" => interface.id.clone(),
        "vpc-id" => body.vpc.clone(),
        "subnet-id" => body.subnet.clone(),
        "group-id" => return body.groups.clone(),
        "group-name" => {
            let names = body
                .groups
                .iter()
                .filter_map(|id| group_name(world, interface, id));
            return names.collect();
        }
        "description" => body.description.clone(),
        "status" => status(body).to_owned(),
        "availability-zone" => body.zone.clone(),
        "interface-type" => body.interface_type.clone(),
        "owner-id" => ACCOUNT.to_owned(),
        "requester-managed" => (!free).to_string(),
        "requester-id" | "attachment.instance-owner-id" if !free => "amazon-aws".to_owned(),
        "private-ip-address" => body.private_ip.clone(),
        "mac-address" => body.mac.clone(),
        "attachment.status" if !free => "attached".to_owned(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn group_name(world: &World, interface: &Object<NetworkInterface>, id: &str) -> Option<String> {
    world
        .raw::<SecurityGroup>(&interface.region, id)?
        .name
        .clone()
}

fn view(world: &World, interface: &Object<NetworkInterface>) -> Value {
    let body = &interface.body;
    let groups: Vec<Value> = body
        .groups
        .iter()
        .map(|id| json!({ "groupId": id, "groupName": group_name(world, interface, id) }))
        .collect();
    let mut view = json!({
        "networkInterfaceId": interface.id,
        "subnetId": body.subnet,
        "vpcId": body.vpc,
        "availabilityZone": body.zone,
        "description": body.description,
        "ownerId": ACCOUNT,
        "requesterManaged": body.holder != FREE,
        "status": status(body),
        "macAddress": body.mac,
        "privateIpAddress": body.private_ip,
        "sourceDestCheck": true,
        "groupSet": groups,
        "privateIpAddressesSet": [{ "privateIpAddress": body.private_ip, "primary": true }],
        "ipv6AddressesSet": [],
        "interfaceType": body.interface_type,
        "tagSet": tagging::view(&interface.tags),
    });
    if body.holder != FREE {
        view["requesterId"] = json!("amazon-aws");
        view["attachment"] = json!({
            "attachmentId": interface.id.replacen("eni", "eni-attach", 1),
            "instanceOwnerId": "amazon-aws",
            "deviceIndex": 1,
            "status": "attached",
            "deleteOnTermination": false,
        });
    }
    view
}

fn status(interface: &NetworkInterface) -> &'static str {
    if interface.holder == FREE {
        "available"
    } else {
        "in-use"
    }
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("NetworkInterfaceId")?;
    p.finish()?;
    let interface = find::<NetworkInterface>(cx, &id)?;
    if interface.body.holder != FREE {
        let text = format!("Network interface '{id}' is currently in use.");
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    cx.world.remove::<NetworkInterface>(&cx.region, &id);
    Ok(json!({ "return": true }))
}
