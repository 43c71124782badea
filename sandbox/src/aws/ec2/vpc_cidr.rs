//! The further CIDR blocks of a network.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation, not_emulated};
use crate::world::{Key, New, Object, World};

use super::cidr::Cidr;
use super::describe::find;
use super::kinds::{CidrAssociation, CidrState, Subnet, Vpc};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("AssociateVpcCidrBlock", associate),
    QueryOperation::write("DisassociateVpcCidrBlock", disassociate),
];

/// How long it takes, in the cloud's seconds.
const SECONDS: u64 = 5;
/// How many blocks a network has at most, with its first.
const MAX_BLOCKS: usize = 5;

/// The ranges of private addresses. What is in one of them takes none of the others.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// The further blocks of a network, even those that are not settled.
pub(super) fn blocks<'a>(
    world: &'a World,
    region: &'a str,
    vpc: &'a str,
) -> impl Iterator<Item = &'a Object<CidrAssociation>> {
    world
        .seen::<CidrAssociation>(region)
        .filter(move |block| block.body.vpc == vpc)
}

/// All blocks in which a network can have subnets.
pub(super) fn usable(world: &World, vpc: &Object<Vpc>) -> Vec<Cidr> {
    let further = blocks(world, &vpc.region, &vpc.id)
        .filter(|block| block.body.state == CidrState::Associated)
        .map(|block| block.body.cidr);
    std::iter::once(vpc.body.cidr).chain(further).collect()
}

fn associate(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("VpcId")?;
    if p.bool("AmazonProvidedIpv6CidrBlock")?.unwrap_or_default() {
        return Err(not_emulated("ec2", "IPv6 blocks of a VPC"));
    }
    let text = p.req("CidrBlock")?;
    p.finish()?;
    let vpc = find::<Vpc>(cx, &id)?;
    let Some(cidr) = Cidr::parse(&text) else {
        return Err(p.invalid("CidrBlock", &text, "This is not a valid CIDR block."));
    };
    check(cx, vpc, cidr)?;
    let association = CidrAssociation {
        vpc: id.clone(),
        cidr,
        state: CidrState::Associating,
        until_ms: Some(cx.world.after_seconds(SECONDS)),
    };
    let new = New::plain(&cx.region, cx.world.new_id("vpc-cidr-assoc"), association);
    let made = cx.world.insert(new);
    Ok(json!({ "vpcId": id, "cidrBlockAssociation": view(&made) }))
}

fn check(cx: &Cx<'_>, vpc: &Object<Vpc>, cidr: Cidr) -> Result<(), AwsError> {
    let refused = |text: String| Err(AwsError::new("InvalidVpc.Range", text));
    if !(16..=28).contains(&cidr.length()) {
        return refused(format!("The CIDR '{cidr}' is invalid."));
    }
    let range_of = |cidr: Cidr| {
        let ranges = PRIVATE.iter().filter_map(|range| Cidr::parse(range));
        ranges.into_iter().position(|range| range.contains(cidr))
    };
    let (first, wanted) = (range_of(vpc.body.cidr), range_of(cidr));
    if first.is_some() && wanted.is_some() && first != wanted {
        return refused(format!(
            "The CIDR '{cidr}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR."
        ));
    }
    let further: Vec<Cidr> = blocks(cx.world, &vpc.region, &vpc.id)
        .map(|block| block.body.cidr)
        .collect();
    if further.len() + 1 >= MAX_BLOCKS {
        let text = format!(
            "This network '{}' has met its maximum number of allowed CIDRs: {MAX_BLOCKS}",
            vpc.id
        );
        return Err(AwsError::new("CidrLimitExceeded", text));
    }
    let mut known = further.into_iter().chain([vpc.body.cidr]);
    match known.find(|known| known.overlaps(cidr)) {
        None => Ok(()),
        Some(known) => refused(format!(
            "The CIDR '{cidr}' conflicts with the CIDR '{known}' of the VPC."
        )),
    }
}

fn disassociate(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("AssociationId")?;
    p.finish()?;
    let is_first = |vpc: &&Object<Vpc>| vpc.body.cidr_association == id;
    if let Some(vpc) = cx.world.seen::<Vpc>(&cx.region).find(is_first) {
        let text = format!(
            "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC {}",
            vpc.id
        );
        return Err(AwsError::new("OperationNotPermitted", text));
    }
    let block = find::<CidrAssociation>(cx, &id)?.clone();
    let uses = |subnet: &Object<Subnet>| {
        subnet.body.vpc == block.body.vpc && block.body.cidr.contains(subnet.body.cidr)
    };
    if cx.world.all::<Subnet>(&cx.region).any(uses) {
        let text = format!(
            "The vpc {} currently has a subnet within CIDR block {}",
            block.body.vpc, block.body.cidr
        );
        return Err(AwsError::new("InvalidCidrBlock.InUse", text));
    }
    let until_ms = Some(cx.world.after_seconds(SECONDS));
    let region = cx.region.clone();
    let gone = cx.world.update::<CidrAssociation>(&region, &id, |block| {
        block.body.state = CidrState::Disassociating;
        block.body.until_ms = until_ms;
    });
    Ok(json!({ "vpcId": block.body.vpc, "cidrBlockAssociation": gone.as_ref().map(view) }))
}

/// Ends the present state of a block.
pub(super) fn settle(world: &mut World, key: &Key) {
    let Some(block) = world.raw::<CidrAssociation>(&key.region, &key.id) else {
        return;
    };
    if block
        .body
        .until_ms
        .is_none_or(|until| until > world.now_ms())
    {
        return;
    }
    if block.body.state == CidrState::Disassociating {
        world.remove::<CidrAssociation>(&key.region, &key.id);
        return;
    }
    world.update::<CidrAssociation>(&key.region, &key.id, |block| {
        block.body.state = CidrState::Associated;
        block.body.until_ms = None;
    });
}

/// Writes a block.
pub(super) fn view(block: &Object<CidrAssociation>) -> Value {
    let state = match block.body.state {
        CidrState::Associating => "associating",
        CidrState::Associated => "associated",
        CidrState::Disassociating => "disassociating",
    };
    json!({
        "associationId": block.id,
        "cidrBlock": block.body.cidr.to_string(),
        "cidrBlockState": { "state": state },
    })
}
