//! Rules of security groups: authorize and revoke are all or nothing.

use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::{Object, Tags, World};

use super::cidr::{Cidr, canonical_ipv6};
use super::describe::{Describe, find};
use super::kinds::{Peer, SecurityGroup, SecurityGroupRule, Traffic};
use super::security_group::{add_rule, rules_of};
use super::tagging;

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("AuthorizeSecurityGroupIngress", |cx, p| {
        authorize(cx, p, false)
    }),
    QueryOperation::write("AuthorizeSecurityGroupEgress", |cx, p| {
        authorize(cx, p, true)
    }),
    QueryOperation::write("RevokeSecurityGroupIngress", |cx, p| revoke(cx, p, false)),
    QueryOperation::write("RevokeSecurityGroupEgress", |cx, p| revoke(cx, p, true)),
    QueryOperation::read("DescribeSecurityGroupRules", describe),
];

/// How many rules a group has at most in each direction.
const MAX_RULES: usize = 60;

/// A rule as a call names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    traffic: Traffic,
    peer: Peer,
    description: Option<String>,
}

impl Wanted {
    fn is(&self, rule: &SecurityGroupRule) -> bool {
        rule.traffic == self.traffic && rule.peer == self.peer
    }

    fn text(&self) -> String {
        let peer = match &self.peer {
            Peer::Ipv4(text) | Peer::Ipv6(text) | Peer::Group(text) | Peer::PrefixList(text) => {
                text
            }
        };
        let protocol = match self.traffic.protocol.as_str() {
            "-1" => "ALL".to_owned(),
            other => other.to_uppercase(),
        };
        match (self.traffic.from_port, self.traffic.to_port) {
            (Some(from), Some(to)) => {
                format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
            }
            _ => format!("peer: {peer}, {protocol}, ALLOW"),
        }
    }
}

/// Takes the rules of a call: the list, or a single one in the older parameters.
fn take_wanted(p: &mut Params) -> Result<Vec<Wanted>, AwsError> {
    let mut wanted = Vec::new();
    for mut permission in p.groups("IpPermissions") {
        let traffic = take_traffic(&mut permission)?;
        let before = wanted.len();
        for (peer, description) in take_peers(&mut permission)? {
            wanted.push(Wanted {
                traffic: traffic.clone(),
                peer,
                description,
            });
        }
        permission.finish()?;
        if wanted.len() == before {
            let text =
                "The request must contain at least one source or destination for each permission";
            return Err(AwsError::new("MissingParameter", text));
        }
    }
    if let Some(text) = p.opt("CidrIp") {
        let cidr = Cidr::parse(&text).ok_or_else(|| bad_block(p, &text))?;
        let traffic = take_traffic(p)?;
        wanted.push(Wanted {
            traffic,
            peer: Peer::Ipv4(cidr.to_string()),
            description: None,
        });
    }
    Ok(wanted)
}

fn take_traffic(p: &mut Params) -> Result<Traffic, AwsError> {
    let protocol = p.req("IpProtocol")?;
    let (from, to) = (p.number::<i32>("FromPort")?, p.number::<i32>("ToPort")?);
    let protocol = match protocol.to_lowercase().as_str() {
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        "-1" | "all" => "-1",
        other if other.parse::<u8>().is_ok() => other,
        _ => {
            return Err(p.invalid(
                "IpProtocol",
                &protocol,
                "Invalid value for IP protocol. Unknown protocol.",
            ));
        }
    }
    .to_owned();
    let with_ports = matches!(protocol.as_str(), "tcp" | "udp");
    let with_types = matches!(protocol.as_str(), "icmp" | "icmpv6");
    if !with_ports && !with_types {
        // Ports mean nothing for other protocols, and are not kept.
        return Ok(Traffic {
            protocol,
            from_port: None,
            to_port: None,
        });
    }
    let (Some(from), Some(to)) = (from, to) else {
        let text = format!(
            "Invalid value 'Must specify both from and to ports with {}' for portRange.",
            protocol.to_uppercase()
        );
        return Err(AwsError::new("InvalidParameterValue", text));
    };
    let valid = if with_ports {
        (0..=65_535).contains(&from) && from <= to && to <= 65_535
    } else {
        (-1..=255).contains(&from)
    };
    if !valid {
        let text = format!("Invalid value '{from}-{to}' for portRange.");
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    Ok(Traffic {
        protocol,
        from_port: Some(from),
        to_port: Some(to),
    })
}

fn bad_block(p: &Params, text: &str) -> AwsError {
    p.invalid("CidrIp", text, &format!("CIDR block {text} is malformed"))
}

fn take_peers(p: &mut Params) -> Result<Vec<(Peer, Option<String>)>, AwsError> {
    let mut peers = Vec::new();
    for mut range in p.groups("IpRanges") {
        let text = range.req("CidrIp")?;
        let cidr = Cidr::parse(&text).ok_or_else(|| bad_block(&range, &text))?;
        peers.push((Peer::Ipv4(cidr.to_string()), take_description(&mut range)?));
        range.finish()?;
    }
    for mut range in p.groups("Ipv6Ranges") {
        let text = range.req("CidrIpv6")?;
        let cidr = canonical_ipv6(&text).ok_or_else(|| bad_block(&range, &text))?;
        peers.push((Peer::Ipv6(cidr), take_description(&mut range)?));
        range.finish()?;
    }
    for mut list in p.groups("PrefixListIds") {
        let id = list.req("PrefixListId")?;
        peers.push((Peer::PrefixList(id), take_description(&mut list)?));
        list.finish()?;
    }
    for mut group in p.groups("Groups") {
        let id = group.req("GroupId")?;
        let owner = group.opt("UserId");
        if let Some(other) = owner.filter(|owner| owner != ACCOUNT) {
            return Err(group.invalid(
                "UserId",
                &other,
                "Groups of other accounts are not emulated.",
            ));
        }
        peers.push((Peer::Group(id), take_description(&mut group)?));
        group.finish()?;
    }
    Ok(peers)
}

fn take_description(p: &mut Params) -> Result<Option<String>, AwsError> {
    let Some(text) = p.opt("Description").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.len() > 255 || !text.chars().all(allowed) {
        let text = "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    Ok(Some(text))
}

fn authorize(cx: &mut Cx<'_>, p: &mut Params, egress: bool) -> Answer {
    let group = p.req("GroupId")?;
    let wanted = take_wanted(p)?;
    let tags = tagging::take_specification(p, "security-group-rule")?;
    p.finish()?;
    let vpc = find::<SecurityGroup>(cx, &group)?.body.vpc.clone();
    if wanted.is_empty() {
        return Err(p.missing("IpPermissions"));
    }
    check_new(cx, (&group, &vpc), &wanted, egress)?;
    let region = cx.region.clone();
    let mut views = Vec::new();
    for Wanted {
        traffic,
        peer,
        description,
    } in wanted
    {
        let rule = SecurityGroupRule {
            group: group.clone(),
            egress,
            traffic,
            peer,
            description,
        };
        let rule = add_rule(cx.world, &region, rule);
        let tagged = cx
            .world
            .update::<SecurityGroupRule>(&region, &rule.id, |rule| {
                rule.tags = tags.clone();
            });
        views.extend(tagged.map(|rule| view(cx.world, &rule)));
    }
    Ok(json!({ "return": true, "securityGroupRuleSet": views }))
}

fn check_new(
    cx: &Cx<'_>,
    (group, vpc): (&str, &str),
    wanted: &[Wanted],
    egress: bool,
) -> Result<(), AwsError> {
    let existing = rules_of(cx.world, &cx.region, group);
    let existing: Vec<_> = existing
        .into_iter()
        .filter(|rule| rule.body.egress == egress)
        .collect();
    for (at, one) in wanted.iter().enumerate() {
        if let Peer::Group(peer) = &one.peer
            && find::<SecurityGroup>(cx, peer)?.body.vpc != vpc
        {
            let text = format!(
                "You have specified two resources that belong to different networks: {group} and {peer}"
            );
            return Err(AwsError::new("InvalidGroup.NotFound", text));
        }
        let twice = wanted[..at]
            .iter()
            .any(|other| other.traffic == one.traffic && other.peer == one.peer);
        if twice || existing.iter().any(|rule| one.is(&rule.body)) {
            let text = format!("the specified rule \"{}\" already exists", one.text());
            return Err(AwsError::new("InvalidPermission.Duplicate", text));
        }
    }
    if existing.len() + wanted.len() > MAX_RULES {
        let text = "The maximum number of rules per security group has been reached.";
        return Err(AwsError::new("RulesPerSecurityGroupLimitExceeded", text));
    }
    Ok(())
}

fn revoke(cx: &mut Cx<'_>, p: &mut Params, egress: bool) -> Answer {
    let group = p.req("GroupId")?;
    let ids = p.list("SecurityGroupRuleId");
    let wanted = take_wanted(p)?;
    p.finish()?;
    find::<SecurityGroup>(cx, &group)?;
    if ids.is_empty() == wanted.is_empty() {
        return Err(p.missing("IpPermissions"));
    }
    let existing = rules_of(cx.world, &cx.region, &group);
    let mut gone = Vec::new();
    for id in &ids {
        let rule = existing
            .iter()
            .find(|rule| rule.id == *id && rule.body.egress == egress);
        let missing = || {
            let text = format!("The security group rule ID '{id}' does not exist");
            AwsError::new("InvalidSecurityGroupRuleId.NotFound", text)
        };
        gone.push((*rule.ok_or_else(missing)?).clone());
    }
    for one in &wanted {
        let rule = existing
            .iter()
            .find(|rule| rule.body.egress == egress && one.is(&rule.body));
        let missing = || {
            let text = "The specified rule does not exist in this security group.";
            AwsError::new("InvalidPermission.NotFound", text)
        };
        gone.push((*rule.ok_or_else(missing)?).clone());
    }
    for rule in &gone {
        cx.world.remove::<SecurityGroupRule>(&cx.region, &rule.id);
    }
    let views: Vec<Value> = gone.iter().map(revoked_view).collect();
    Ok(json!({ "return": true, "revokedSecurityGroupRuleSet": views }))
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    Describe::<SecurityGroupRule> {
        ids: "SecurityGroupRuleId",
        set: "securityGroupRuleSet",
        filters: &["group-id", "security-group-rule-id"],
        values: |_world, rule, name| match name {
            "group-id" => vec![rule.body.group.clone()],
            "security-group-rule-id" => vec![rule.id.clone()],
            _ => Vec::new(),
        },
        view,
        page: (5, 1000),
    }
    .run(cx, p)
}

/// The members that name the other side, besides a group.
fn peer_members(peer: &Peer) -> (Option<&str>, Option<&str>, Option<&str>) {
    match peer {
        Peer::Ipv4(cidr) => (Some(cidr), None, None),
        Peer::Ipv6(cidr) => (None, Some(cidr), None),
        Peer::PrefixList(id) => (None, None, Some(id)),
        Peer::Group(_) => (None, None, None),
    }
}

/// EC2 writes -1 for ports that a rule does not have.
fn view(_world: &World, rule: &Object<SecurityGroupRule>) -> Value {
    let body = &rule.body;
    let (ipv4, ipv6, list) = peer_members(&body.peer);
    let group = match &body.peer {
        Peer::Group(id) => Some(json!({ "groupId": id, "userId": ACCOUNT })),
        Peer::Ipv4(_) | Peer::Ipv6(_) | Peer::PrefixList(_) => None,
    };
    let region = &rule.region;
    let arn = format!(
        "arn:{}:ec2:{region}:{ACCOUNT}:security-group-rule/{}",
        partition(region),
        rule.id
    );
    json!({
        "securityGroupRuleId": rule.id,
        "securityGroupRuleArn": arn,
        "groupId": body.group,
        "groupOwnerId": ACCOUNT,
        "isEgress": body.egress,
        "ipProtocol": body.traffic.protocol,
        "fromPort": body.traffic.from_port.unwrap_or(-1),
        "toPort": body.traffic.to_port.unwrap_or(-1),
        "cidrIpv4": ipv4,
        "cidrIpv6": ipv6,
        "prefixListId": list,
        "referencedGroupInfo": group,
        "description": body.description,
        "tagSet": tags_view(&rule.tags),
    })
}

fn tags_view(tags: &Tags) -> Value {
    tagging::view(tags)
}

fn revoked_view(rule: &Object<SecurityGroupRule>) -> Value {
    let body = &rule.body;
    let (ipv4, ipv6, list) = peer_members(&body.peer);
    let group = match &body.peer {
        Peer::Group(id) => Some(id),
        Peer::Ipv4(_) | Peer::Ipv6(_) | Peer::PrefixList(_) => None,
    };
    json!({
        "securityGroupRuleId": rule.id,
        "groupId": body.group,
        "isEgress": body.egress,
        "ipProtocol": body.traffic.protocol,
        "fromPort": body.traffic.from_port.unwrap_or(-1),
        "toPort": body.traffic.to_port.unwrap_or(-1),
        "cidrIpv4": ipv4,
        "cidrIpv6": ipv6,
        "prefixListId": list,
        "referencedGroupId": group,
        "description": body.description,
    })
}
