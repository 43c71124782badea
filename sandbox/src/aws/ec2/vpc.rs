//! Networks.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, World};

use super::account::MOST_VPCS;
use super::cidr::Cidr;
use super::describe::{Describe, dependency, find};
use super::kinds::{
    CidrAssociation, EgressOnlyGateway, GatewayAttachment, NatGateway, NatState, NetworkInterface,
    RouteAssociation, RouteTable, SecurityGroup, Subnet, Vpc, VpcEndpoint,
};
use super::security_group::{DEFAULT_GROUP, add_default_group, remove_group};
use super::tagging;
use super::vpc_cidr;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateVpc", create),
    QueryOperation::read("DescribeVpcs", describe),
    QueryOperation::write("DeleteVpc", delete),
    QueryOperation::write("ModifyVpcAttribute", modify_attribute),
    QueryOperation::read("DescribeVpcAttribute", describe_attribute),
];

/// How long a new network is pending, in the cloud's seconds.
const PENDING_SECONDS: u64 = 1;

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let cidr_text = p.req("CidrBlock")?;
    let tenancy = p.one_of("InstanceTenancy", &["default", "dedicated"])?;
    let ipv6 = p.bool("AmazonProvidedIpv6CidrBlock")?.unwrap_or_default();
    let tags = tagging::take_specification(p, "vpc")?;
    p.finish()?;
    if ipv6 {
        return Err(crate::aws::service::not_emulated(
            "ec2",
            "CreateVpc with an IPv6 block",
        ));
    }
    let cidr = check_cidr(p, &cidr_text)?;
    if cx.world.all::<Vpc>(&cx.region).count() >= MOST_VPCS {
        return Err(AwsError::new(
            "VpcLimitExceeded",
            "The maximum number of VPCs has been reached.",
        ));
    }
    let id = cx.world.new_id("vpc");
    let vpc = Vpc {
        cidr,
        cidr_association: format!("vpc-cidr-assoc-0{:016x}", cx.world.draw(3).next()),
        tenancy: tenancy.unwrap_or_else(|| "default".to_owned()),
        available_ms: cx.world.after_seconds(PENDING_SECONDS),
        dhcp_options: format!(
            "dopt-0{:016x}",
            crate::ids::Seeded::new(cx.region.len() as u64, &[4]).next()
        ),
        dns_support: true,
        dns_hostnames: false,
        address_metrics: false,
    };
    let vpc = cx.world.insert(New::plain(&cx.region, id, vpc).tags(tags));
    let table = New::plain(
        &cx.region,
        cx.world.new_id("rtb"),
        RouteTable {
            vpc: vpc.id.clone(),
        },
    );
    let table = cx.world.insert(table).id;
    let main = RouteAssociation {
        table,
        subnet: None,
        vpc: vpc.id.clone(),
    };
    cx.world
        .insert(New::plain(&cx.region, cx.world.new_id("rtbassoc"), main));
    add_default_group(cx, &vpc.id);
    Ok(json!({ "vpc": view(cx.world, &vpc) }))
}

fn check_cidr(p: &Params, text: &str) -> Result<Cidr, AwsError> {
    let Some(cidr) = Cidr::parse(text) else {
        return Err(p.invalid("CidrBlock", text, "This is not a valid CIDR block."));
    };
    if !(16..=28).contains(&cidr.length()) {
        return Err(AwsError::new(
            "InvalidVpc.Range",
            format!("The CIDR '{text}' is invalid."),
        ));
    }
    Ok(cidr)
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<Vpc> {
        ids: "VpcId",
        set: "vpcSet",
        filters: &[
            "vpc-id",
            "cidr",
            "cidr-block",
            "cidr-block-association.association-id",
            "cidr-block-association.cidr-block",
            "state",
            "is-default",
            "isDefault",
            "owner-id",
            "dhcp-options-id",
        ],
        values: |world, vpc, name| match name {
            "vpc-id" => vec![vpc.id.clone()],
            "cidr" | "cidr-block" => vec![vpc.body.cidr.to_string()],
            "cidr-block-association.cidr-block" => {
                let further = vpc_cidr::blocks(world, &vpc.region, &vpc.id);
                let further = further.map(|block| block.body.cidr.to_string());
                std::iter::once(vpc.body.cidr.to_string())
                    .chain(further)
                    .collect()
            }
            "cidr-block-association.association-id" => {
                let further = vpc_cidr::blocks(world, &vpc.region, &vpc.id);
                std::iter::once(vpc.body.cidr_association.clone())
                    .chain(further.map(|block| block.id.clone()))
                    .collect()
            }
            "state" => vec![state(world, vpc).to_owned()],
            "is-default" | "isDefault" => vec!["false".to_owned()],
            "owner-id" => vec![ACCOUNT.to_owned()],
            "dhcp-options-id" => vec![vpc.body.dhcp_options.clone()],
            _ => Vec::new(),
        },
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

fn state(world: &World, vpc: &Object<Vpc>) -> &'static str {
    if world.now_ms() < vpc.body.available_ms {
        "pending"
    } else {
        "available"
    }
}

fn view(world: &World, vpc: &Object<Vpc>) -> Value {
    let first = json!({
        "cidrBlock": vpc.body.cidr.to_string(),
        "associationId": vpc.body.cidr_association,
        "cidrBlockState": { "state": "associated" },
    });
    let further = vpc_cidr::blocks(world, &vpc.region, &vpc.id).map(vpc_cidr::view);
    let blocks: Vec<Value> = std::iter::once(first).chain(further).collect();
    json!({
        "vpcId": vpc.id,
        "ownerId": ACCOUNT,
        "state": state(world, vpc),
        "cidrBlock": vpc.body.cidr.to_string(),
        "cidrBlockAssociationSet": blocks,
        "ipv6CidrBlockAssociationSet": [],
        "dhcpOptionsId": vpc.body.dhcp_options,
        "instanceTenancy": vpc.body.tenancy,
        "isDefault": false,
        "tagSet": tagging::view(&vpc.tags),
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("VpcId")?;
    p.finish()?;
    find::<Vpc>(cx, &id)?;
    if holds_anything(cx, &id) {
        return Err(dependency(format!(
            "The vpc '{id}' has dependencies and cannot be deleted."
        )));
    }
    let region = cx.region.clone();
    let groups = cx
        .world
        .all::<SecurityGroup>(&region)
        .filter(|g| g.body.vpc == id);
    for group in groups.map(|g| g.id.clone()).collect::<Vec<_>>() {
        remove_group(cx.world, &region, &group);
    }
    cx.world
        .remove_where::<RouteAssociation>(&region, |a| a.body.vpc == id);
    cx.world
        .remove_where::<RouteTable>(&region, |table| table.body.vpc == id);
    cx.world
        .remove_where::<CidrAssociation>(&region, |block| block.body.vpc == id);
    cx.world.remove::<Vpc>(&region, &id);
    Ok(json!({ "return": true }))
}

/// Tells whether a network has anything beyond what came with it.
fn holds_anything(cx: &Cx<'_>, id: &str) -> bool {
    let (world, region) = (&*cx.world, cx.region.as_str());
    let main = |table: &Object<RouteTable>| {
        let mut associations = world.all::<RouteAssociation>(region);
        associations.any(|a| a.body.table == table.id && a.body.subnet.is_none())
    };
    let gone = [NatState::Deleted, NatState::Failed];
    world.all::<Subnet>(region).any(|o| o.body.vpc == id)
        || world
            .all::<GatewayAttachment>(region)
            .any(|o| o.body.vpc == id)
        || world
            .all::<RouteTable>(region)
            .any(|o| o.body.vpc == id && !main(o))
        || world
            .all::<EgressOnlyGateway>(region)
            .any(|o| o.body.vpc == id)
        || world.all::<VpcEndpoint>(region).any(|o| o.body.vpc == id)
        || world
            .all::<NetworkInterface>(region)
            .any(|o| o.body.vpc == id)
        || world
            .all::<NatGateway>(region)
            .any(|o| o.body.vpc == id && !gone.contains(&o.body.state))
        || world
            .all::<SecurityGroup>(region)
            .any(|o| o.body.vpc == id && o.name.as_deref() != Some(DEFAULT_GROUP))
}

fn modify_attribute(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("VpcId")?;
    let support = p.bool("EnableDnsSupport.Value")?;
    let hostnames = p.bool("EnableDnsHostnames.Value")?;
    let metrics = p.bool("EnableNetworkAddressUsageMetrics.Value")?;
    p.finish()?;
    match [support, hostnames, metrics].iter().flatten().count() {
        0 => return Err(p.missing("attribute")),
        1 => {}
        _ => {
            let text = "Fields for multiple attribute types specified";
            return Err(AwsError::new("InvalidParameterCombination", text));
        }
    }
    find::<Vpc>(cx, &id)?;
    cx.world.update::<Vpc>(&cx.region, &id, |vpc| {
        let body = &mut vpc.body;
        body.dns_support = support.unwrap_or(body.dns_support);
        body.dns_hostnames = hostnames.unwrap_or(body.dns_hostnames);
        body.address_metrics = metrics.unwrap_or(body.address_metrics);
    });
    Ok(json!({ "return": true }))
}

fn describe_attribute(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("VpcId")?;
    let attribute = p.req("Attribute")?;
    p.finish()?;
    let vpc = &find::<Vpc>(cx, &id)?.body;
    match attribute.as_str() {
        "enableDnsSupport" => {
            Ok(json!({ "vpcId": id, "enableDnsSupport": { "value": vpc.dns_support } }))
        }
        "enableDnsHostnames" => {
            Ok(json!({ "vpcId": id, "enableDnsHostnames": { "value": vpc.dns_hostnames } }))
        }
        "enableNetworkAddressUsageMetrics" => Ok(json!({
            "vpcId": id, "enableNetworkAddressUsageMetrics": { "value": vpc.address_metrics },
        })),
        other => Err(p.invalid("Attribute", other, "")),
    }
}
