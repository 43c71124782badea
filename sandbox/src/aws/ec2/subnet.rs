//! Subnets.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, World};

use super::cidr::Cidr;
use super::describe::{Describe, dependency, find};
use super::kinds::{NetworkInterface, RouteAssociation, Subnet, Vpc};
use super::tagging;
use super::vpc_cidr;
use super::zone::{zone_id, zones_of};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateSubnet", create),
    QueryOperation::read("DescribeSubnets", describe),
    QueryOperation::write("DeleteSubnet", delete),
    QueryOperation::write("ModifySubnetAttribute", modify_attribute),
];

/// How long a new subnet is pending, in the cloud's seconds.
const PENDING_SECONDS: u64 = 1;

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let vpc_id = p.req("VpcId")?;
    let cidr_text = p.req("CidrBlock")?;
    let (zone, id_of_zone) = (p.opt("AvailabilityZone"), p.opt("AvailabilityZoneId"));
    let tags = tagging::take_specification(p, "subnet")?;
    p.finish()?;
    let zone = choose_zone(p, &cx.region, zone, id_of_zone)?;
    let Some(cidr) = Cidr::parse(&cidr_text) else {
        return Err(p.invalid("CidrBlock", &cidr_text, "This is not a valid CIDR block."));
    };
    let vpc = find::<Vpc>(cx, &vpc_id)?;
    let is_inside = vpc_cidr::usable(cx.world, vpc)
        .iter()
        .any(|block| block.contains(cidr));
    if !is_inside || !(16..=28).contains(&cidr.length()) {
        return Err(AwsError::new(
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr_text}' is invalid."),
        ));
    }
    let mut others = cx.world.all::<Subnet>(&cx.region);
    if others.any(|other| other.body.vpc == vpc_id && other.body.cidr.overlaps(cidr)) {
        let text = format!("The CIDR '{cidr_text}' conflicts with another subnet");
        return Err(AwsError::new("InvalidSubnet.Conflict", text));
    }
    drop(others);
    let subnet = Subnet {
        vpc: vpc_id,
        cidr,
        zone,
        available_ms: cx.world.after_seconds(PENDING_SECONDS),
        public_ip_on_launch: false,
        ipv6_on_creation: false,
        dns64: false,
        hostname_type: "ip-name".to_owned(),
        dns_a_record: false,
        dns_aaaa_record: false,
    };
    let id = cx.world.new_id("subnet");
    let subnet = cx
        .world
        .insert(New::plain(&cx.region, id, subnet).tags(tags));
    Ok(json!({ "subnet": view(cx.world, &subnet) }))
}

fn choose_zone(
    p: &Params,
    region: &str,
    name: Option<String>,
    id: Option<String>,
) -> Result<String, AwsError> {
    let zones = zones_of(region);
    let (wanted, parameter) = match (name, id) {
        (None, None) => return Ok(zones[0].clone()),
        (Some(_), Some(_)) => {
            let text = "You can specify either the availability zone or its id, not both";
            return Err(AwsError::new("InvalidParameterCombination", text));
        }
        (Some(name), None) => (name, "AvailabilityZone"),
        (None, Some(id)) => (id, "AvailabilityZoneId"),
    };
    let found = zones
        .iter()
        .find(|zone| **zone == wanted || zone_id(zone) == wanted);
    found.cloned().ok_or_else(|| {
        let why = format!(
            "Subnets can currently only be created in the following availability zones: {}.",
            zones.join(", ")
        );
        p.invalid(parameter, &wanted, &why)
    })
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<Subnet> {
        ids: "SubnetId",
        set: "subnetSet",
        filters: &[
            "subnet-id",
            "vpc-id",
            "cidr",
            "cidr-block",
            "cidrBlock",
            "availability-zone",
            "availabilityZone",
            "availability-zone-id",
            "availabilityZoneId",
            "state",
            "owner-id",
            "default-for-az",
            "defaultForAz",
            "map-public-ip-on-launch",
            "available-ip-address-count",
            "subnet-arn",
        ],
        values: |world, subnet, name| {
            let body = &subnet.body;
            match name {
                "subnet-id" => vec![subnet.id.clone()],
                "vpc-id" => vec![body.vpc.clone()],
                "cidr" | "cidr-block" | "cidrBlock" => vec![body.cidr.to_string()],
                "availability-zone" | "availabilityZone" => vec![body.zone.clone()],
                "availability-zone-id" | "availabilityZoneId" => vec![zone_id(&body.zone)],
                "state" => vec![state(world, subnet).to_owned()],
                "owner-id" => vec![ACCOUNT.to_owned()],
                "default-for-az" | "defaultForAz" => vec!["false".to_owned()],
                "map-public-ip-on-launch" => vec![body.public_ip_on_launch.to_string()],
                "available-ip-address-count" => vec![available(world, subnet).to_string()],
                "subnet-arn" => vec![arn(subnet)],
                _ => Vec::new(),
            }
        },
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

fn state(world: &World, subnet: &Object<Subnet>) -> &'static str {
    if world.now_ms() < subnet.body.available_ms {
        "pending"
    } else {
        "available"
    }
}

fn available(world: &World, subnet: &Object<Subnet>) -> u64 {
    let used = world
        .all::<NetworkInterface>(&subnet.region)
        .filter(|i| i.body.subnet == subnet.id);
    subnet
        .body
        .cidr
        .usable()
        .saturating_sub(used.count() as u64)
}

fn arn(subnet: &Object<Subnet>) -> String {
    let region = &subnet.region;
    format!(
        "arn:{}:ec2:{region}:{ACCOUNT}:subnet/{}",
        partition(region),
        subnet.id
    )
}

fn view(world: &World, subnet: &Object<Subnet>) -> Value {
    let body = &subnet.body;
    json!({
        "subnetId": subnet.id,
        "subnetArn": arn(subnet),
        "state": state(world, subnet),
        "ownerId": ACCOUNT,
        "vpcId": body.vpc,
        "cidrBlock": body.cidr.to_string(),
        "ipv6CidrBlockAssociationSet": [],
        "availableIpAddressCount": available(world, subnet),
        "availabilityZone": body.zone,
        "availabilityZoneId": zone_id(&body.zone),
        "defaultForAz": false,
        "mapPublicIpOnLaunch": body.public_ip_on_launch,
        "mapCustomerOwnedIpOnLaunch": false,
        "assignIpv6AddressOnCreation": body.ipv6_on_creation,
        "enableDns64": body.dns64,
        "ipv6Native": false,
        "privateDnsNameOptionsOnLaunch": {
            "hostnameType": body.hostname_type,
            "enableResourceNameDnsARecord": body.dns_a_record,
            "enableResourceNameDnsAAAARecord": body.dns_aaaa_record,
        },
        "tagSet": tagging::view(&subnet.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("SubnetId")?;
    p.finish()?;
    find::<Subnet>(cx, &id)?;
    if cx
        .world
        .all::<NetworkInterface>(&cx.region)
        .any(|i| i.body.subnet == id)
    {
        return Err(dependency(format!(
            "The subnet '{id}' has dependencies and cannot be deleted."
        )));
    }
    cx.world
        .remove_where::<RouteAssociation>(&cx.region, |a| a.body.subnet.as_ref() == Some(&id));
    cx.world.remove::<Subnet>(&cx.region, &id);
    Ok(json!({ "return": true }))
}

fn modify_attribute(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("SubnetId")?;
    let public_ip = p.bool("MapPublicIpOnLaunch.Value")?;
    let ipv6 = p.bool("AssignIpv6AddressOnCreation.Value")?;
    let dns64 = p.bool("EnableDns64.Value")?;
    let hostname_type = p.one_of(
        "PrivateDnsHostnameTypeOnLaunch",
        &["ip-name", "resource-name"],
    )?;
    let a_record = p.bool("EnableResourceNameDnsARecordOnLaunch.Value")?;
    let aaaa_record = p.bool("EnableResourceNameDnsAAAARecordOnLaunch.Value")?;
    p.finish()?;
    let flags = [public_ip, ipv6, dns64, a_record, aaaa_record];
    match flags.iter().flatten().count() + usize::from(hostname_type.is_some()) {
        0 => return Err(p.missing("attribute")),
        1 => {}
        _ => {
            let text = "Fields for multiple attribute types specified";
            return Err(AwsError::new("InvalidParameterCombination", text));
        }
    }
    find::<Subnet>(cx, &id)?;
    if ipv6 == Some(true) {
        let text = "The subnet has no IPv6 CIDR block";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    cx.world.update::<Subnet>(&cx.region, &id, |subnet| {
        let body = &mut subnet.body;
        body.public_ip_on_launch = public_ip.unwrap_or(body.public_ip_on_launch);
        body.dns64 = dns64.unwrap_or(body.dns64);
        body.dns_a_record = a_record.unwrap_or(body.dns_a_record);
        body.dns_aaaa_record = aaaa_record.unwrap_or(body.dns_aaaa_record);
        if let Some(hostname_type) = hostname_type {
            body.hostname_type = hostname_type;
        }
    });
    Ok(json!({ "return": true }))
}
