//! Networks.

use futures::FutureExt;
use serde_json::json;

use super::TypeCase;
use crate::world::{Needs, Outcome, World};

/// A VPC, four subnets in two zones, a gateway on it, a prefix list's stand-in, and three VPCs more.
async fn network(world: &World) -> Outcome<Needs> {
    let mut needs = Needs::new();
    for (at, name) in ["vpc", "vpc1", "vpc2", "vpc3"].into_iter().enumerate() {
        let config = json!({"cidr_block": format!("10.{at}.0.0/16")});
        let vpc = world.create("aws_vpc", &config).await?;
        needs.insert(name, vpc.id);
    }
    let vpc = needs["vpc"].clone();
    for (at, name) in ["subnet0", "subnet1", "subnet2", "subnet3"]
        .into_iter()
        .enumerate()
    {
        let zone = if at % 2 == 0 {
            "us-east-1a"
        } else {
            "us-east-1b"
        };
        let config = json!({
            "vpc_id": vpc, "cidr_block": format!("10.0.{at}.0/24"), "availability_zone": zone,
        });
        let subnet = world.create("aws_subnet", &config).await?;
        needs.insert(name, subnet.id);
    }
    for (name, vpc) in [("gateway", "vpc"), ("gateway1", "vpc1")] {
        let config = json!({"vpc_id": needs[vpc]});
        let gateway = world.create("aws_internet_gateway", &config).await?;
        needs.insert(name, gateway.id);
    }
    let config = json!({"name": "other", "vpc_id": vpc});
    let group = world.create("aws_security_group", &config).await?;
    needs.insert("group", group.id);
    Ok(needs)
}

/// Four VPCs without anything in them.
async fn empty_networks(world: &World) -> Outcome<Needs> {
    let mut needs = Needs::new();
    for (at, name) in ["vpc0", "vpc1", "vpc2", "vpc3"].into_iter().enumerate() {
        let config = json!({"cidr_block": format!("10.{at}.0.0/16")});
        let vpc = world.create("aws_vpc", &config).await?;
        needs.insert(name, vpc.id);
    }
    Ok(needs)
}

pub(super) const VPC: TypeCase = TypeCase {
    name: "aws_vpc",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "cidr_block": format!("10.{}.0.0/16", n % 250), "enable_dns_hostnames": true,
            "tags": {"Name": format!("vpc-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("enable_dns_hostnames", json!(false)),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, _| {
        vec![
            ("cidr_block", json!("10.251.0.0/16")),
            ("instance_tenancy", json!("dedicated")),
        ]
    },
    silent: &[],
    untold: &[],
};

/// Support cannot go off while hostnames are on, so it has a base of its own.
pub(super) const VPC_WITHOUT_NAMES: TypeCase = TypeCase {
    name: "aws_vpc",
    variant: "without names",
    config: |_, n| json!({"cidr_block": format!("10.{}.0.0/16", n % 250)}),
    updates: |_, _| vec![("enable_dns_support", json!(false))],
    replaces: super::none,
    ..VPC
};

pub(super) const SUBNET: TypeCase = TypeCase {
    name: "aws_subnet",
    variant: "",
    needs: |world| network(world).boxed(),
    config: |needs, n| {
        json!({
            "vpc_id": needs["vpc"], "cidr_block": format!("10.0.{}.0/24", 16 + n % 200),
            "availability_zone": "us-east-1a", "map_public_ip_on_launch": true,
            "tags": {"kubernetes.io/role/elb": "1"},
        })
    },
    updates: |_, _| {
        vec![
            ("map_public_ip_on_launch", json!(false)),
            ("tags", json!({"kubernetes.io/role/internal-elb": "1"})),
        ]
    },
    replaces: |needs, _| {
        vec![
            ("vpc_id", json!(needs["vpc1"])),
            ("cidr_block", json!("10.0.250.0/24")),
            ("availability_zone", json!("us-east-1b")),
        ]
    },
    silent: &[],
    untold: &[],
};

pub(super) const INTERNET_GATEWAY: TypeCase = TypeCase {
    name: "aws_internet_gateway",
    variant: "",
    needs: |world| empty_networks(world).boxed(),
    config: |needs, n| {
        let vpc = ["vpc0", "vpc1", "vpc2"][usize::try_from(n % 3).expect("small")];
        json!({"vpc_id": needs[vpc], "tags": {"Name": format!("igw-{n}")}})
    },
    updates: |needs, _| {
        vec![
            ("vpc_id", json!(needs["vpc3"])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &[],
};

pub(super) const EIP: TypeCase = TypeCase {
    name: "aws_eip",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| json!({"tags": {"Name": format!("eip-{n}")}}),
    updates: |_, _| vec![("tags", json!({"team": "a"}))],
    replaces: |_, _| {
        vec![
            ("domain", json!("other")),
            ("network_border_group", json!("us-east-1-wl1")),
        ]
    },
    silent: &[],
    untold: &[],
};

/// A network with addresses that are free to use.
async fn with_addresses(world: &World) -> Outcome<Needs> {
    let mut needs = network(world).await?;
    for name in ["address0", "address1", "address2", "address3"] {
        let address = world.create("aws_eip", &json!({})).await?;
        needs.insert(name, address.id);
    }
    Ok(needs)
}

pub(super) const NAT_GATEWAY: TypeCase = TypeCase {
    name: "aws_nat_gateway",
    variant: "",
    needs: |world| with_addresses(world).boxed(),
    config: |needs, n| {
        let address = ["address0", "address1", "address2"][usize::try_from(n % 3).expect("small")];
        json!({
            "subnet_id": needs["subnet0"], "allocation_id": needs[address],
            "tags": {"Name": format!("nat-{n}")},
        })
    },
    updates: |_, _| vec![("tags", json!({"team": "a"}))],
    replaces: |needs, _| {
        vec![
            ("subnet_id", json!(needs["subnet1"])),
            ("allocation_id", json!(needs["address3"])),
            ("connectivity_type", json!("private")),
            ("private_ip", json!("10.0.0.77")),
        ]
    },
    silent: &[],
    untold: &[],
};

pub(super) const PRIVATE_NAT_GATEWAY: TypeCase = TypeCase {
    variant: "private",
    config: |needs, _| json!({"subnet_id": needs["subnet0"], "connectivity_type": "private"}),
    replaces: super::none,
    ..NAT_GATEWAY
};

pub(super) const ROUTE_TABLE: TypeCase = TypeCase {
    name: "aws_route_table",
    variant: "",
    needs: |world| network(world).boxed(),
    config: |needs, n| {
        let subnet = ["subnet0", "subnet1", "subnet2"][usize::try_from(n % 3).expect("small")];
        json!({
            "vpc_id": needs["vpc"], "subnet_ids": [needs[subnet]],
            "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": needs["gateway"]}],
            "tags": {"Name": format!("rtb-{n}")},
        })
    },
    updates: |needs, _| {
        vec![
            (
                "route",
                json!([{"cidr_block": "203.0.113.0/24", "gateway_id": needs["gateway"]}]),
            ),
            ("subnet_ids", json!([needs["subnet3"]])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, _| vec![("vpc_id", json!(needs["vpc1"]))],
    silent: &[],
    untold: &[],
};

pub(super) const SECURITY_GROUP: TypeCase = TypeCase {
    name: "aws_security_group",
    variant: "",
    needs: |world| network(world).boxed(),
    config: |needs, n| {
        json!({
            "name": format!("group-{n}"), "vpc_id": needs["vpc"], "description": "of a test",
            "ingress": [
                {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8", "192.0.2.0/24"], "self": true},
                {"protocol": "tcp", "from_port": 22, "to_port": 22, "security_groups": [needs["group"]], "description": "shell"},
            ],
            "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
            "tags": {"Name": format!("group-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            (
                "ingress",
                json!([{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"], "self": true}]),
            ),
            ("egress", json!([])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, n| {
        vec![
            ("name", json!(format!("renamed-{n}"))),
            ("description", json!("of another test")),
            ("vpc_id", json!(needs["vpc1"])),
        ]
    },
    silent: &["revoke_rules_on_delete"],
    untold: &["revoke_rules_on_delete"],
};
