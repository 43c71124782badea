//! Public addresses.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, World};

use super::account::MOST_ADDRESSES;
use super::describe::{find, not_found};
use super::filter::Filters;
use super::kinds::{Address, NetworkInterface};
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("AllocateAddress", allocate),
    QueryOperation::read("DescribeAddresses", describe),
    QueryOperation::write("ReleaseAddress", release),
];

fn allocate(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let _domain = p.one_of("Domain", &["vpc"])?;
    let border = p.opt("NetworkBorderGroup");
    let tags = tagging::take_specification(p, "elastic-ip")?;
    p.finish()?;
    if let Some(other) = border.filter(|border| *border != cx.region) {
        return Err(p.invalid("NetworkBorderGroup", &other, ""));
    }
    if cx.world.all::<Address>(&cx.region).count() >= MOST_ADDRESSES {
        return Err(AwsError::new(
            "AddressLimitExceeded",
            "The maximum number of addresses has been reached.",
        ));
    }
    let id = cx.world.new_id("eipalloc");
    let body = Address {
        public_ip: free_ip(cx),
        used_by: None,
    };
    let address = cx.world.insert(New::plain(&cx.region, id, body).tags(tags));
    Ok(json!({
        "publicIp": address.body.public_ip,
        "allocationId": address.id,
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": cx.region,
        "domain": "vpc",
    }))
}

/// Draws an address of a documentation block and its neighbours that nobody has.
fn free_ip(cx: &Cx<'_>) -> String {
    let mut draw = cx.world.draw(6);
    loop {
        let n = draw.next();
        let ip = format!("203.0.{}.{}", 113 + (n >> 8) % 100, 1 + n % 254);
        if !cx
            .world
            .all::<Address>(&cx.region)
            .any(|address| address.body.public_ip == ip)
        {
            return ip;
        }
    }
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let (ids, ips) = (p.list("AllocationId"), p.list("PublicIp"));
    let filters = Filters::take(
        p,
        &[
            "allocation-id",
            "association-id",
            "domain",
            "network-interface-id",
            "public-ip",
            "private-ip-address",
        ],
    )?;
    p.finish()?;
    for id in &ids {
        find::<Address>(cx, id)?;
    }
    let world = &*cx.world;
    if let Some(ip) = ips.iter().find(|ip| {
        !world
            .seen::<Address>(&cx.region)
            .any(|a| a.body.public_ip == **ip)
    }) {
        return Err(AwsError::new(
            "InvalidAddress.NotFound",
            format!("Address '{ip}' not found."),
        ));
    }
    let views: Vec<Value> = world
        .seen::<Address>(&cx.region)
        .filter(|a| {
            ids.is_empty() && ips.is_empty()
                || ids.contains(&a.id)
                || ips.contains(&a.body.public_ip)
        })
        .filter(|a| filters.pass(&a.tags, |name| values(world, a, name)))
        .map(|address| view(world, address))
        .collect();
    Ok(json!({ "addressesSet": views }))
}

fn private_ip(world: &World, address: &Object<Address>) -> Option<String> {
    let (interface, _) = address.body.used_by.as_ref()?;
    Some(
        world
            .raw::<NetworkInterface>(&address.region, interface)?
            .body
            .private_ip
            .clone(),
    )
}

fn values(world: &World, address: &Object<Address>, name: &str) -> Vec<String> {
    let used_by = address.body.used_by.clone();
    let value = match name {
        "allocation-id" => Some(address.id.clone()),
        "association-id" => used_by.map(|(_, association)| association),
        "domain" => Some("vpc".to_owned()),
        "network-interface-id" => used_by.map(|(interface, _)| interface),
        "public-ip" => Some(address.body.public_ip.clone()),
        "private-ip-address" => private_ip(world, address),
        _ => None,
    };
    value.into_iter().collect()
}

fn view(world: &World, address: &Object<Address>) -> Value {
    let used_by = address.body.used_by.as_ref();
    json!({
        "allocationId": address.id,
        "publicIp": address.body.public_ip,
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": address.region,
        "domain": "vpc",
        "associationId": used_by.map(|(_, association)| association),
        "networkInterfaceId": used_by.map(|(interface, _)| interface),
        "privateIpAddress": private_ip(world, address),
        "tagSet": tagging::view(&address.tags),
    })
}

fn release(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("AllocationId")?;
    let _border = p.opt("NetworkBorderGroup");
    p.finish()?;
    let address = cx
        .world
        .get::<Address>(&cx.region, &id)
        .ok_or_else(|| not_found("elastic-ip", &id))?;
    if address.body.used_by.is_some() {
        let text = format!("Address {} is in use.", address.body.public_ip);
        return Err(AwsError::new("InvalidIPAddress.InUse", text));
    }
    cx.world.remove::<Address>(&cx.region, &id);
    Ok(json!({ "return": true }))
}
