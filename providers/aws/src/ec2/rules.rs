//! The rules of a security group.
//!
//! A definition's rule names many sources; EC2 keeps one rule for each, and tells them merged by ports. So rules are
//! compared taken apart, and told in the form of the definition wherever that says the same.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::schema::{Attribute, AttributeType};

use crate::checks::{Checks, Pattern};
use crate::cidr;

/// A rule as definitions give it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    protocol: String,
    from_port: i32,
    to_port: i32,
    cidr_blocks: Option<BTreeSet<String>>,
    ipv6_cidr_blocks: Option<BTreeSet<String>>,
    prefix_list_ids: Option<BTreeSet<String>>,
    security_groups: Option<BTreeSet<String>>,
    #[serde(rename = "self")]
    own: bool,
    description: Option<String>,
}

/// A rule with one source or destination, as EC2 keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    protocol: String,
    /// Absent where the protocol has no ports.
    ports: Option<(i32, i32)>,
    peer: Peer,
    description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Cidr4(String),
    Cidr6(String),
    Group(String),
    PrefixList(String),
}

/// The type of one rule.
pub(crate) fn attribute_type() -> AttributeType {
    let set = |description| Attribute::optional(AttributeType::string_set(), description);
    AttributeType::object([
        (
            "protocol",
            Attribute::required(
                AttributeType::String,
                "`tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.",
            ),
        ),
        (
            "from_port",
            Attribute::required(
                AttributeType::Number,
                "First port, or ICMP type; 0 with protocol `-1`.",
            ),
        ),
        (
            "to_port",
            Attribute::required(
                AttributeType::Number,
                "Last port, or ICMP code; 0 with protocol `-1`.",
            ),
        ),
        ("cidr_blocks", set("IPv4 blocks.")),
        ("ipv6_cidr_blocks", set("IPv6 blocks.")),
        ("prefix_list_ids", set("Prefix lists.")),
        ("security_groups", set("Ids of other security groups.")),
        (
            "self",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the group itself is meant too.",
            )
            .default_value(false),
        ),
        (
            "description",
            Attribute::optional(AttributeType::String, "What the rule is for."),
        ),
    ])
}

/// Checks one rule.
pub(crate) fn validate(checks: &mut Checks<'_>) {
    checks.texts("cidr_blocks", |text| Pattern::Cidr4.check(text));
    checks.texts("ipv6_cidr_blocks", |text| Pattern::Cidr6.check(text));
    checks.range("from_port", -1, 65535);
    checks.range("to_port", -1, 65535);
    checks.text("protocol", |text| {
        let fits = ["tcp", "udp", "icmp", "icmpv6", "-1", "all"].contains(&text)
            || text.parse::<u8>().is_ok();
        (!fits).then(|| {
            format!("must be tcp, udp, icmp, icmpv6, a number to 255, or -1, not '{text}'.")
        })
    });
    let number = |name| checks.known(name).and_then(Value::as_i64);
    let (from, to) = (number("from_port"), number("to_port"));
    let protocol = checks
        .known("protocol")
        .and_then(Value::as_str)
        .map(protocol_name);
    if protocol.as_deref() == Some("-1") && [from, to].into_iter().flatten().any(|port| port != 0) {
        checks.fault(
            "from_port",
            "must be 0, and to_port too, where the protocol is -1.",
        );
    }
    if let (Some(from), Some(to), Some("tcp" | "udp")) = (from, to, protocol.as_deref())
        && from > to
    {
        checks.fault(
            "to_port",
            format!("must not be less than from_port, {from}."),
        );
    }
    let names = [
        "cidr_blocks",
        "ipv6_cidr_blocks",
        "prefix_list_ids",
        "security_groups",
    ];
    let config = checks.config();
    let has_set = names.iter().any(|name| {
        let set = config.get(name);
        set.is_some_and(|set| set.is_unknown() || set.elements().is_some_and(|set| !set.is_empty()))
    });
    let own = config.get("self");
    if !has_set && own.is_none_or(|own| own.is_null() || own.as_bool() == Some(false)) {
        checks.fault(
            "",
            "needs at least one block, prefix list or security group, or self = true.",
        );
    }
}

/// A protocol's name as EC2 tells it.
fn protocol_name(text: &str) -> String {
    let name = match text {
        "all" => "-1",
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => other,
    };
    name.to_owned()
}

impl Rule {
    fn ports(&self) -> Option<(i32, i32)> {
        let protocol = protocol_name(&self.protocol);
        let has_ports = matches!(protocol.as_str(), "tcp" | "udp" | "icmp" | "icmpv6");
        has_ports.then_some((self.from_port, self.to_port))
    }

    /// Takes a rule of the group `id` apart.
    fn atoms(&self, id: &str) -> BTreeSet<Atom> {
        let texts = |set: &Option<BTreeSet<String>>| set.clone().unwrap_or_default();
        let blocks4 = texts(&self.cidr_blocks).into_iter();
        let blocks6 = texts(&self.ipv6_cidr_blocks).into_iter();
        let own = self.own.then(|| Peer::Group(id.to_owned()));
        let peers = blocks4
            .map(|block| Peer::Cidr4(cidr::normal(&block)))
            .chain(blocks6.map(|block| Peer::Cidr6(cidr::normal(&block))))
            .chain(
                texts(&self.prefix_list_ids)
                    .into_iter()
                    .map(Peer::PrefixList),
            )
            .chain(texts(&self.security_groups).into_iter().map(Peer::Group))
            .chain(own);
        peers
            .map(|peer| Atom {
                protocol: protocol_name(&self.protocol),
                ports: self.ports(),
                peer,
                description: self.description.clone().filter(|text| !text.is_empty()),
            })
            .collect()
    }
}

/// Takes rules of the group `id` apart.
pub(crate) fn atoms(rules: &BTreeSet<Rule>, id: &str) -> BTreeSet<Atom> {
    rules.iter().flat_map(|rule| rule.atoms(id)).collect()
}

/// Takes apart what EC2 tells.
pub(crate) fn read(permissions: &[IpPermission]) -> BTreeSet<Atom> {
    permissions.iter().flat_map(atoms_of).collect()
}

fn atoms_of(permission: &IpPermission) -> Vec<Atom> {
    let protocol = protocol_name(permission.ip_protocol().unwrap_or("-1"));
    let ports = permission.from_port().zip(permission.to_port());
    let ports = ports.filter(|_| protocol != "-1");
    let blocks4 = permission.ip_ranges().iter().map(|range| {
        let block = range.cidr_ip().unwrap_or_default();
        (Peer::Cidr4(cidr::normal(block)), range.description.clone())
    });
    let blocks6 = permission.ipv6_ranges().iter().map(|range| {
        let block = range.cidr_ipv6().unwrap_or_default();
        (Peer::Cidr6(cidr::normal(block)), range.description.clone())
    });
    let lists = permission.prefix_list_ids().iter().map(|list| {
        let id = list.prefix_list_id.clone().unwrap_or_default();
        (Peer::PrefixList(id), list.description.clone())
    });
    let groups = permission.user_id_group_pairs().iter().map(|pair| {
        let id = pair.group_id.clone().unwrap_or_default();
        (Peer::Group(id), pair.description.clone())
    });
    blocks4
        .chain(blocks6)
        .chain(lists)
        .chain(groups)
        .map(|(peer, description)| Atom {
            protocol: protocol.clone(),
            ports,
            peer,
            description: description.filter(|text| !text.is_empty()),
        })
        .collect()
}

/// Rules that say what the atoms say: those recorded that still hold in full, and new ones for the rest.
pub(crate) fn assemble(
    live: &BTreeSet<Atom>,
    recorded: Option<&BTreeSet<Rule>>,
    id: &str,
) -> BTreeSet<Rule> {
    let mut rest = live.clone();
    let mut rules = BTreeSet::new();
    for rule in recorded.into_iter().flatten() {
        let atoms = rule.atoms(id);
        if atoms.is_subset(live) {
            rest.retain(|atom| !atoms.contains(atom));
            rules.insert(rule.clone());
        }
    }
    let mut merged: BTreeMap<_, Rule> = BTreeMap::new();
    for atom in rest {
        let key = (atom.protocol.clone(), atom.ports, atom.description.clone());
        let (from_port, to_port) = atom.ports.unwrap_or_default();
        let rule = merged.entry(key).or_insert_with(|| Rule {
            protocol: atom.protocol.clone(),
            from_port,
            to_port,
            description: atom.description.clone(),
            ..Rule::default()
        });
        rule.add(atom.peer, id);
    }
    rules.extend(merged.into_values());
    rules
}

impl Rule {
    fn add(&mut self, peer: Peer, id: &str) {
        let (set, text) = match peer {
            Peer::Group(group) if group == id => {
                self.own = true;
                return;
            }
            Peer::Cidr4(block) => (&mut self.cidr_blocks, block),
            Peer::Cidr6(block) => (&mut self.ipv6_cidr_blocks, block),
            Peer::Group(group) => (&mut self.security_groups, group),
            Peer::PrefixList(list) => (&mut self.prefix_list_ids, list),
        };
        set.get_or_insert_default().insert(text);
    }
}

/// The form in which EC2 takes atoms: one permission for each.
pub(crate) fn permissions<'a>(atoms: impl IntoIterator<Item = &'a Atom>) -> Vec<IpPermission> {
    atoms.into_iter().map(Atom::permission).collect()
}

impl Atom {
    fn permission(&self) -> IpPermission {
        let builder = IpPermission::builder()
            .ip_protocol(&self.protocol)
            .set_from_port(self.ports.map(|(from, _)| from))
            .set_to_port(self.ports.map(|(_, to)| to));
        let description = self.description.clone();
        let builder = match &self.peer {
            Peer::Cidr4(block) => builder.ip_ranges(
                IpRange::builder()
                    .cidr_ip(block)
                    .set_description(description)
                    .build(),
            ),
            Peer::Cidr6(block) => builder.ipv6_ranges(
                Ipv6Range::builder()
                    .cidr_ipv6(block)
                    .set_description(description)
                    .build(),
            ),
            Peer::Group(id) => builder.user_id_group_pairs(
                UserIdGroupPair::builder()
                    .group_id(id)
                    .set_description(description)
                    .build(),
            ),
            Peer::PrefixList(id) => builder.prefix_list_ids(
                PrefixListId::builder()
                    .prefix_list_id(id)
                    .set_description(description)
                    .build(),
            ),
        };
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: serde_json::Value) -> Rule {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn rules_come_back_as_recorded() {
        let recorded = BTreeSet::from([
            rule(serde_json::json!({
                "protocol": "tcp", "from_port": 443, "to_port": 443,
                "cidr_blocks": ["10.0.0.5/8", "192.168.0.0/16"], "security_groups": ["sg-2"], "self": true,
            })),
            rule(serde_json::json!({
                "protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"], "description": "all",
            })),
        ]);
        let live = atoms(&recorded, "sg-1");
        assert_eq!(live.len(), 5);
        // EC2 tells the same as permissions.
        assert_eq!(read(&permissions(&live)), live);
        assert_eq!(assemble(&live, Some(&recorded), "sg-1"), recorded);
        // Without a record the rules are merged by ports, and mean the same.
        let fresh = assemble(&live, None, "sg-1");
        assert_eq!(fresh.len(), 2);
        assert_eq!(atoms(&fresh, "sg-1"), live);
    }

    #[test]
    fn a_rule_by_hand_is_seen_beside_the_recorded_ones() {
        let recorded = BTreeSet::from([rule(serde_json::json!({
            "protocol": "6", "from_port": 80, "to_port": 80, "cidr_blocks": ["10.0.0.0/8"],
        }))]);
        let mut live = atoms(&recorded, "sg-1");
        live.extend(atoms(
            &BTreeSet::from([rule(serde_json::json!({
                "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"],
            }))]),
            "sg-1",
        ));
        let seen = assemble(&live, Some(&recorded), "sg-1");
        assert_eq!(seen.len(), 2);
        assert!(recorded.is_subset(&seen));
    }
}
