//! Security groups.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{New, Object, Tags, World};

use super::describe::{Describe, dependency, find};
use super::kinds::{NetworkInterface, Peer, SecurityGroup, SecurityGroupRule, Traffic, Vpc};
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("CreateSecurityGroup", create),
    QueryOperation::read("DescribeSecurityGroups", describe),
    QueryOperation::write("DeleteSecurityGroup", delete),
];

/// The name of the group that every network has.
pub(super) const DEFAULT_GROUP: &str = "default";

fn create(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("GroupName")?;
    let description = p.req("GroupDescription")?;
    let vpc = p.req("VpcId")?;
    let tags = tagging::take_specification(p, "security-group")?;
    p.finish()?;
    check_text(p, "GroupName", &name)?;
    check_text(p, "GroupDescription", &description)?;
    if name.starts_with("sg-") {
        return Err(p.invalid(
            "GroupName",
            &name,
            "Group names may not be in the format sg-*.",
        ));
    }
    if name == DEFAULT_GROUP {
        let text = "Cannot use reserved security group name: default";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    find::<Vpc>(cx, &vpc)?;
    let mut others = cx.world.all::<SecurityGroup>(&cx.region);
    if others.any(|g| g.body.vpc == vpc && g.name.as_ref() == Some(&name)) {
        let text = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(AwsError::new("InvalidGroup.Duplicate", text));
    }
    drop(others);
    let id = cx.world.new_id("sg");
    let new = New::plain(&cx.region, id, SecurityGroup { vpc, description })
        .name(&name)
        .tags(tags);
    let group = cx.world.insert(new);
    let region = cx.region.clone();
    add_rule(cx.world, &region, everything_out(&group.id));
    Ok(json!({
        "groupId": group.id,
        "securityGroupArn": arn(&group),
        "tagSet": tagging::view(&group.tags),
    }))
}

fn check_text(p: &Params, name: &str, text: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.chars().count() > 255 {
        return Err(p.invalid(name, text, "Must be no more than 255 characters."));
    }
    if !text.chars().all(allowed) {
        let why = "Character sets beyond ASCII are not supported; valid are a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*";
        return Err(p.invalid(name, text, why));
    }
    Ok(())
}

fn everything_out(group: &str) -> SecurityGroupRule {
    SecurityGroupRule {
        group: group.to_owned(),
        egress: true,
        traffic: all_traffic(),
        peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
        description: None,
    }
}

fn all_traffic() -> Traffic {
    Traffic {
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
    }
}

fn from_itself(group: &str) -> SecurityGroupRule {
    SecurityGroupRule {
        egress: false,
        peer: Peer::Group(group.to_owned()),
        ..everything_out(group)
    }
}

pub(super) fn add_rule(
    world: &mut World,
    region: &str,
    rule: SecurityGroupRule,
) -> Object<SecurityGroupRule> {
    let id = world.new_id("sgr");
    world.insert(New::plain(region, id, rule))
}

/// Gives a new network its default group.
pub(super) fn add_default_group(cx: &mut Cx<'_>, vpc: &str) {
    let region = cx.region.clone();
    let body = SecurityGroup {
        vpc: vpc.to_owned(),
        description: "default VPC security group".to_owned(),
    };
    let id = cx.world.new_id("sg");
    let group = cx
        .world
        .insert(New::plain(&region, id, body).name(DEFAULT_GROUP));
    add_rule(cx.world, &region, from_itself(&group.id));
    add_rule(cx.world, &region, everything_out(&group.id));
}

/// Makes the group that EKS gives to a cluster, and returns its id.
pub(crate) fn add_cluster_group(
    world: &mut World,
    (region, vpc): (&str, &str),
    cluster: &str,
    suffix: &str,
) -> String {
    let name = format!("eks-cluster-sg-{cluster}-{suffix}");
    let body = SecurityGroup {
        vpc: vpc.to_owned(),
        description: "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.".to_owned(),
    };
    let tags = Tags::from([
        ("Name".to_owned(), name.clone()),
        (
            format!("kubernetes.io/cluster/{cluster}"),
            "owned".to_owned(),
        ),
        ("aws:eks:cluster-name".to_owned(), cluster.to_owned()),
    ]);
    let id = world.new_id("sg");
    let group = world.insert(New::plain(region, id, body).name(&name).tags(tags));
    add_rule(world, region, from_itself(&group.id));
    add_rule(world, region, everything_out(&group.id));
    group.id
}

/// Removes a group with its rules.
pub(crate) fn remove_group(world: &mut World, region: &str, id: &str) {
    world.remove_where::<SecurityGroupRule>(region, |rule| rule.body.group == id);
    world.remove::<SecurityGroup>(region, id);
}

fn arn(group: &Object<SecurityGroup>) -> String {
    let region = &group.region;
    format!(
        "arn:{}:ec2:{region}:{ACCOUNT}:security-group/{}",
        partition(region),
        group.id
    )
}

/// The rules of a group, in the order of their creation.
pub(super) fn rules_of<'a>(
    world: &'a World,
    region: &'a str,
    group: &'a str,
) -> Vec<&'a Object<SecurityGroupRule>> {
    let rules = world
        .all::<SecurityGroupRule>(region)
        .filter(|rule| rule.body.group == group);
    let mut rules: Vec<_> = rules.collect();
    rules.sort_by_key(|rule| rule.number);
    rules
}

/// The group that a network has by itself.
pub(super) fn default_group(cx: &Cx<'_>, vpc: &str) -> Option<String> {
    let mut groups = cx.world.all::<SecurityGroup>(&cx.region);
    groups
        .find(|group| group.body.vpc == vpc && group.name.as_deref() == Some(DEFAULT_GROUP))
        .map(|group| group.id.clone())
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let mut ids = p.list("GroupId");
    let names = p.list("GroupName");
    for name in &names {
        let mut groups = cx.world.seen::<SecurityGroup>(&cx.region);
        let found = groups
            .find(|g| g.name.as_ref() == Some(name))
            .map(|g| g.id.clone());
        drop(groups);
        ids.push(found.ok_or_else(|| {
            let text = format!("The security group '{name}' does not exist in default VPC");
            AwsError::new("InvalidGroup.NotFound", text)
        })?);
    }
    Describe::<SecurityGroup> {
        ids: "GroupId",
        set: "securityGroupInfo",
        filters: &[
            "group-id",
            "group-name",
            "vpc-id",
            "owner-id",
            "description",
            "ip-permission.group-id",
            "ip-permission.cidr",
            "egress.ip-permission.group-id",
            "egress.ip-permission.cidr",
        ],
        values,
        view,
        page: (5, 1000),
    }
    .run_for(cx, p, &ids)
}

fn values(world: &World, group: &Object<SecurityGroup>, name: &str) -> Vec<String> {
    let (egress, member) = match name {
        "group-id" => return vec![group.id.clone()],
        "group-name" => return group.name.clone().into_iter().collect(),
        "vpc-id" => return vec![group.body.vpc.clone()],
        "owner-id" => return vec![ACCOUNT.to_owned()],
        "description" => return vec![group.body.description.clone()],
        "ip-permission.group-id" => (false, "group"),
        "ip-permission.cidr" => (false, "cidr"),
        "egress.ip-permission.group-id" => (true, "group"),
        "egress.ip-permission.cidr" => (true, "cidr"),
        _ => return Vec::new(),
    };
    let rules = rules_of(world, &group.region, &group.id).into_iter();
    rules
        .filter(|rule| rule.body.egress == egress)
        .filter_map(|rule| match &rule.body.peer {
            Peer::Group(id) if member == "group" => Some(id.clone()),
            Peer::Ipv4(cidr) if member == "cidr" => Some(cidr.clone()),
            Peer::Group(_) | Peer::Ipv4(_) | Peer::Ipv6(_) | Peer::PrefixList(_) => None,
        })
        .collect()
}

fn view(world: &World, group: &Object<SecurityGroup>) -> Value {
    let rules = rules_of(world, &group.region, &group.id);
    json!({
        "groupId": group.id,
        "groupName": group.name,
        "groupDescription": group.body.description,
        "ownerId": ACCOUNT,
        "vpcId": group.body.vpc,
        "securityGroupArn": arn(group),
        "ipPermissions": permissions(&rules, false),
        "ipPermissionsEgress": permissions(&rules, true),
        "tagSet": tagging::view(&group.tags),
    })
}

/// Merges rules of the same traffic into one entry, as EC2 does.
fn permissions(rules: &[&Object<SecurityGroupRule>], egress: bool) -> Vec<Value> {
    let mut merged: BTreeMap<&Traffic, Vec<&SecurityGroupRule>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.body.egress == egress) {
        merged
            .entry(&rule.body.traffic)
            .or_default()
            .push(&rule.body);
    }
    merged
        .into_iter()
        .map(|(traffic, rules)| permission(traffic, &rules))
        .collect()
}

fn permission(traffic: &Traffic, rules: &[&SecurityGroupRule]) -> Value {
    let (mut groups, mut ipv4, mut ipv6, mut lists) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for rule in rules {
        let description = &rule.description;
        match &rule.peer {
            Peer::Group(id) => {
                groups
                    .push(json!({ "groupId": id, "userId": ACCOUNT, "description": description }));
            }
            Peer::Ipv4(cidr) => ipv4.push(json!({ "cidrIp": cidr, "description": description })),
            Peer::Ipv6(cidr) => ipv6.push(json!({ "cidrIpv6": cidr, "description": description })),
            Peer::PrefixList(id) => {
                lists.push(json!({ "prefixListId": id, "description": description }));
            }
        }
    }
    json!({
        "ipProtocol": traffic.protocol,
        "fromPort": traffic.from_port,
        "toPort": traffic.to_port,
        "groups": groups,
        "ipRanges": ipv4,
        "ipv6Ranges": ipv6,
        "prefixListIds": lists,
    })
}

fn delete(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let id = p.req("GroupId")?;
    p.finish()?;
    let group = find::<SecurityGroup>(cx, &id)?;
    if group.name.as_deref() == Some(DEFAULT_GROUP) {
        let text = format!(
            "the specified group: \"{id}\" name: \"{DEFAULT_GROUP}\" cannot be deleted by a user"
        );
        return Err(AwsError::new("CannotDelete", text));
    }
    let named = cx.world.all::<SecurityGroupRule>(&cx.region).any(|rule| {
        rule.body.group != id && matches!(&rule.body.peer, Peer::Group(peer) if *peer == id)
    });
    let used = cx
        .world
        .all::<NetworkInterface>(&cx.region)
        .any(|i| i.body.groups.contains(&id));
    if named || used {
        return Err(dependency(format!("resource {id} has a dependent object")));
    }
    let region = cx.region.clone();
    remove_group(cx.world, &region, &id);
    Ok(json!({ "return": true, "groupId": id }))
}
