//! What a block that is written for an object says of the arguments that AWS chooses where they are left out.
//!
//! A definition that says them keeps the object as it is if it is made anew. So all are said but those listed here: what
//! AWS chooses the same way each time, what another argument settles already, and what the provider would refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use strata_model::Value;
use strata_model::schema::{Attribute, AttributeType, Presence};

use crate::checks::{attribute_path, known_at};
use crate::ec2::eip::Eips;
use crate::ec2::nat_gateway::NatGateways;
use crate::ec2::vpc_endpoint::VpcEndpoints;
use crate::eks::access_entry::AccessEntries;
use crate::eks::addon::Addons;
use crate::eks::cluster::Clusters;
use crate::eks::node_group::NodeGroups;
use crate::kms::key::Keys;
use crate::resource::ResourceType;
use crate::settle::is_empty;

/// What is left out of an object's block, where it is so.
enum Silent {
    /// Whatever it is.
    Always,
    /// Where it is what AWS chooses.
    Is(fn() -> serde_json::Value),
    /// Where the object says so.
    Where(fn(&Value) -> bool),
}

/// The arguments that need not be said, by type and path.
const SILENT: &[(&str, &str, Silent)] = &[
    // The subnets settle it.
    (Clusters::NAME, "vpc_config.vpc_id", Silent::Always),
    (
        Clusters::NAME,
        "vpc_config.public_access_cidrs",
        Silent::Is(|| json!(["0.0.0.0/0"])),
    ),
    (
        Clusters::NAME,
        "kubernetes_network_config.ip_family",
        Silent::Is(|| json!("ipv4")),
    ),
    (
        Clusters::NAME,
        "upgrade_policy.support_type",
        Silent::Is(|| json!("EXTENDED")),
    ),
    (
        Clusters::NAME,
        "deletion_protection",
        Silent::Is(|| json!(false)),
    ),
    (
        Clusters::NAME,
        "zonal_shift_config",
        Silent::Is(|| json!({ "enabled": false })),
    ),
    // It follows the version of Kubernetes: said, it would hold the nodes back from the next one.
    (NodeGroups::NAME, "release_version", Silent::Always),
    // So does what an add-on is built for.
    (Addons::NAME, "addon_version", Silent::Always),
    // The image of a launch template settles both.
    (NodeGroups::NAME, "version", Silent::Where(has_own_image)),
    (NodeGroups::NAME, "ami_type", Silent::Where(has_own_image)),
    // Id and name are of one template, and only one of them may be said.
    (NodeGroups::NAME, "launch_template.name", Silent::Always),
    (
        NodeGroups::NAME,
        "update_config",
        Silent::Is(|| json!({ "max_unavailable": 1, "max_unavailable_percentage": null })),
    ),
    (
        NodeGroups::NAME,
        "instance_types",
        Silent::Is(|| json!(["t3.medium"])),
    ),
    (
        NodeGroups::NAME,
        "capacity_type",
        Silent::Is(|| json!("ON_DEMAND")),
    ),
    (NodeGroups::NAME, "disk_size", Silent::Where(needs_no_disk)),
    (
        AccessEntries::NAME,
        "kubernetes_groups",
        Silent::Where(|entry| text(entry, "type") != Some("STANDARD")),
    ),
    (
        AccessEntries::NAME,
        "user_name",
        Silent::Where(is_named_by_eks),
    ),
    (
        Keys::NAME,
        "rotation_period_in_days",
        Silent::Is(|| json!(365)),
    ),
    (
        Eips::NAME,
        "network_border_group",
        Silent::Where(is_of_the_region),
    ),
    // Nobody asks for it: what the gateway is known by is its public address.
    (NatGateways::NAME, "private_ip", Silent::Where(is_public)),
    (VpcEndpoints::NAME, "policy", Silent::Where(permits_all)),
    (
        VpcEndpoints::NAME,
        "private_dns_enabled",
        Silent::Where(is_gateway),
    ),
    (VpcEndpoints::NAME, "subnet_ids", Silent::Where(is_gateway)),
    (
        VpcEndpoints::NAME,
        "security_group_ids",
        Silent::Where(is_gateway),
    ),
    (
        VpcEndpoints::NAME,
        "route_table_ids",
        Silent::Where(|endpoint| !is_gateway(endpoint)),
    ),
];

/// The object without what a block for it does not say.
pub(crate) fn written(resource_type: &str, object: &Value) -> Value {
    let silent = SILENT.iter().filter(|(name, path, silent)| {
        *name == resource_type
            && known_at(object, path).is_some_and(|value| silent.is(object, value))
    });
    silent.fold(object.clone(), |said, (_, path, _)| {
        let at = attribute_path(path);
        match said.at(&at) {
            Some(value) => {
                let null = Value::null_of(value.ty());
                said.with_at(&at, null)
            }
            None => said,
        }
    })
}

/// The object without what is empty among what may be left out: empty and absent are the same.
pub(crate) fn without_empty(attributes: &BTreeMap<Arc<str>, Attribute>, object: &Value) -> Value {
    let Some(members) = object.members() else {
        return object.clone();
    };
    let said = members.iter().map(|(name, value)| {
        let attribute = attributes.get(name);
        let may_miss = attribute
            .is_some_and(|one| one.presence == Presence::Optional && one.default.is_none());
        let said = match attribute.map(|one| &one.ty) {
            _ if may_miss && is_empty(value) => Value::null_of(value.ty()),
            Some(AttributeType::Object(inner)) => without_empty(inner, value),
            Some(_) | None => value.clone(),
        };
        (Arc::clone(name), said)
    });
    Value::object(said).marked_like(object)
}

impl Silent {
    fn is(&self, object: &Value, value: &Value) -> bool {
        match self {
            Silent::Always => true,
            Silent::Is(chosen) => value.to_json() == chosen(),
            Silent::Where(test) => test(object),
        }
    }
}

fn text<'v>(object: &'v Value, path: &str) -> Option<&'v str> {
    known_at(object, path).and_then(Value::as_str)
}

fn has_own_image(pool: &Value) -> bool {
    text(pool, "ami_type") == Some("CUSTOM")
}

/// A launch template says what the disk is like; without one Linux has 20 GiB.
fn needs_no_disk(pool: &Value) -> bool {
    let size = known_at(pool, "disk_size").and_then(Value::as_i64);
    known_at(pool, "launch_template").is_some() || size == Some(20)
}

/// Whether the name in Kubernetes is the one that EKS makes, or of an entry for nodes, which takes no other.
fn is_named_by_eks(entry: &Value) -> bool {
    let arn = text(entry, "principal_arn").unwrap_or_default();
    let made = match (arn.split_once(":iam::"), arn.split_once(":role/")) {
        (Some((partition, _)), Some((account, role))) => {
            let account = account.rsplit(':').next().unwrap_or_default();
            let role = role.rsplit('/').next().unwrap_or_default();
            format!("{partition}:sts::{account}:assumed-role/{role}/{{{{SessionName}}}}")
        }
        _ => arn.to_owned(),
    };
    text(entry, "type") != Some("STANDARD") || text(entry, "user_name") == Some(made.as_str())
}

/// Whether the group is the whole region, as `eu-west-1` is, and no zone of another place, as `us-west-2-lax-1` is.
fn is_of_the_region(address: &Value) -> bool {
    let group = text(address, "network_border_group").unwrap_or_default();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    group.split('-').filter(is_number).count() == 1
}

fn is_public(gateway: &Value) -> bool {
    text(gateway, "connectivity_type") == Some("public")
}

fn is_gateway(endpoint: &Value) -> bool {
    text(endpoint, "vpc_endpoint_type") == Some("Gateway")
}

/// Whether the policy of an endpoint is the one that EC2 gives it: everybody may do everything.
fn permits_all(endpoint: &Value) -> bool {
    let policy = text(endpoint, "policy").unwrap_or_default();
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
    let all = json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" });
    policy["Statement"] == json!([all]) || policy["Statement"] == all
}

#[cfg(test)]
mod tests {
    use strata_model::schema::Schema;
    use strata_model::{Members, Type};

    use super::*;

    #[track_caller]
    fn check(resource_type: &str, object: Value, path: &str, is_said: bool) {
        let written = written(resource_type, &object);
        assert_eq!(known_at(&written, path).is_some(), is_said, "{object:?}");
    }

    fn object(members: &[(&str, Value)]) -> Value {
        Value::object(members.iter().map(|(name, value)| (*name, value.clone())))
    }

    #[test]
    fn what_others_settle_is_not_said() {
        let pool = |ami: &str, template: Value| {
            object(&[
                ("ami_type", ami.into()),
                ("version", "1.34".into()),
                ("release_version", "1.34.1-20261101".into()),
                ("disk_size", 50.into()),
                ("launch_template", template),
            ])
        };
        let plain = || pool("AL2023_x86_64_STANDARD", Value::null());
        check(NodeGroups::NAME, plain(), "release_version", false);
        check(NodeGroups::NAME, plain(), "version", true);
        check(NodeGroups::NAME, plain(), "ami_type", true);
        check(NodeGroups::NAME, plain(), "disk_size", true);
        let template = object(&[
            ("id", "lt-1".into()),
            ("name", "one".into()),
            ("version", "3".into()),
        ]);
        let own = || pool("CUSTOM", template.clone());
        for path in ["version", "ami_type", "disk_size", "launch_template.name"] {
            check(NodeGroups::NAME, own(), path, false);
        }
        check(NodeGroups::NAME, own(), "launch_template.id", true);
    }

    #[test]
    fn what_aws_chooses_each_time_is_not_said() {
        let group = |group: &str| object(&[("network_border_group", group.into())]);
        check(
            Eips::NAME,
            group("eu-west-1"),
            "network_border_group",
            false,
        );
        check(
            Eips::NAME,
            group("us-west-2-lax-1"),
            "network_border_group",
            true,
        );
        let network = |family: &str| {
            let network = object(&[("ip_family", family.into())]);
            object(&[("kubernetes_network_config", network)])
        };
        let path = "kubernetes_network_config.ip_family";
        check(Clusters::NAME, network("ipv4"), path, false);
        check(Clusters::NAME, network("ipv6"), path, true);
        let days = |days: i64| object(&[("rotation_period_in_days", days.into())]);
        check(Keys::NAME, days(365), "rotation_period_in_days", false);
        check(Keys::NAME, days(90), "rotation_period_in_days", true);
    }

    #[test]
    fn names_that_eks_makes_are_not_said() {
        let entry = |principal: &str, name: &str| {
            object(&[
                ("type", "STANDARD".into()),
                ("principal_arn", principal.into()),
                ("user_name", name.into()),
            ])
        };
        let role = "arn:aws:iam::111122223333:role/teams/platform";
        let made = "arn:aws:sts::111122223333:assumed-role/platform/{{SessionName}}";
        check(AccessEntries::NAME, entry(role, made), "user_name", false);
        check(
            AccessEntries::NAME,
            entry(role, "platform"),
            "user_name",
            true,
        );
        let user = "arn:aws:iam::111122223333:user/ann";
        check(AccessEntries::NAME, entry(user, user), "user_name", false);
    }

    #[test]
    fn what_is_empty_is_not_said_unless_it_must_be() {
        let texts = || Value::list(Type::String, Vec::new());
        let list = AttributeType::strings;
        let inner = [
            ("ids", Attribute::required(list(), "I.")),
            ("groups", Attribute::optional(list(), "G.")),
        ];
        let schema = Schema::new([
            (
                "tags",
                Attribute::optional(AttributeType::string_map(), "T."),
            ),
            (
                "inner",
                Attribute::required(AttributeType::object(inner), "I."),
            ),
        ]);
        let inner = Value::object([("ids", texts()), ("groups", texts())]);
        let tags = Value::map(Type::String, Members::default());
        let object = Value::object([("tags", tags), ("inner", inner)]);
        let said = without_empty(schema.attributes(), &object);
        let json = json!({ "tags": null, "inner": { "ids": [], "groups": null } });
        assert_eq!(said.to_json(), json);
    }

    #[test]
    fn endpoints_say_what_is_theirs() {
        let endpoint = |kind: &str, policy: &str| {
            object(&[
                ("vpc_endpoint_type", kind.into()),
                ("policy", policy.into()),
                ("private_dns_enabled", false.into()),
            ])
        };
        let open = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;
        check(
            VpcEndpoints::NAME,
            endpoint("Gateway", open),
            "policy",
            false,
        );
        check(VpcEndpoints::NAME, endpoint("Gateway", own), "policy", true);
        check(
            VpcEndpoints::NAME,
            endpoint("Gateway", own),
            "private_dns_enabled",
            false,
        );
        check(
            VpcEndpoints::NAME,
            endpoint("Interface", own),
            "private_dns_enabled",
            true,
        );
    }
}
