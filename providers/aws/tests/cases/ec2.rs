//! Networks.

use futures::FutureExt;
use serde_json::{Value as Json, json};

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

pub(super) const EGRESS_ONLY_GATEWAY: TypeCase = TypeCase {
    name: "aws_egress_only_internet_gateway",
    variant: "",
    needs: |world| empty_networks(world).boxed(),
    config: |needs, n| json!({"vpc_id": needs["vpc0"], "tags": {"Name": format!("eigw-{n}")}}),
    updates: |_, _| vec![("tags", json!({"team": "a"}))],
    replaces: |needs, _| vec![("vpc_id", json!(needs["vpc1"]))],
    silent: &[],
    untold: &[],
};

pub(super) const CIDR_ASSOCIATION: TypeCase = TypeCase {
    name: "aws_vpc_ipv4_cidr_block_association",
    variant: "",
    needs: |world| empty_networks(world).boxed(),
    config: |needs, n| {
        let block = format!("10.{}.0.0/16", 100 + n % 100);
        json!({"vpc_id": needs["vpc0"], "cidr_block": block})
    },
    updates: super::none,
    replaces: |needs, _| {
        vec![
            ("vpc_id", json!(needs["vpc1"])),
            ("cidr_block", json!("10.250.0.0/16")),
        ]
    },
    silent: &[],
    untold: &[],
};

/// A VPC with names, route tables, subnets in two zones, and security groups.
async fn with_tables(world: &World) -> Outcome<Needs> {
    let config = json!({"cidr_block": "10.0.0.0/16", "enable_dns_hostnames": true});
    let vpc = world.create("aws_vpc", &config).await?.id;
    let mut needs = Needs::from([("vpc", vpc.clone())]);
    for name in ["table0", "table1", "table2", "table3"] {
        let config = json!({"vpc_id": vpc});
        let table = world.create("aws_route_table", &config).await?;
        needs.insert(name, table.id);
    }
    for (at, (name, zone)) in [("subnet0", "a"), ("subnet1", "b")].into_iter().enumerate() {
        let config = json!({
            "vpc_id": vpc, "cidr_block": format!("10.0.{at}.0/24"),
            "availability_zone": format!("us-east-1{zone}"),
        });
        let subnet = world.create("aws_subnet", &config).await?;
        needs.insert(name, subnet.id);
    }
    for name in ["group", "group1"] {
        let config = json!({"name": name, "vpc_id": vpc});
        let group = world.create("aws_security_group", &config).await?;
        needs.insert(name, group.id);
    }
    let config = json!({"cidr_block": "10.1.0.0/16"});
    let other = world.create("aws_vpc", &config).await?;
    needs.insert("vpc1", other.id);
    Ok(needs)
}

fn endpoint_policy(action: &str) -> Json {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}],
    });
    json!(document.to_string())
}

pub(super) const GATEWAY_ENDPOINT: TypeCase = TypeCase {
    name: "aws_vpc_endpoint",
    variant: "gateway",
    needs: |world| with_tables(world).boxed(),
    config: |needs, n| {
        let table = ["table0", "table1", "table2"][usize::try_from(n % 3).expect("small")];
        json!({
            "vpc_id": needs["vpc"], "service_name": "com.amazonaws.us-east-1.s3",
            "route_table_ids": [needs[table]], "policy": endpoint_policy("s3:GetObject"),
            "tags": {"Name": format!("s3-{n}")},
        })
    },
    updates: |needs, _| {
        vec![
            ("route_table_ids", json!([needs["table3"]])),
            ("policy", endpoint_policy("s3:*")),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, _| {
        vec![
            ("vpc_id", json!(needs["vpc1"])),
            ("service_name", json!("com.amazonaws.us-east-1.dynamodb")),
            ("vpc_endpoint_type", json!("Interface")),
        ]
    },
    silent: &[],
    untold: &[],
};

pub(super) const INTERFACE_ENDPOINT: TypeCase = TypeCase {
    name: "aws_vpc_endpoint",
    variant: "interface",
    needs: |world| with_tables(world).boxed(),
    config: |needs, n| {
        let service = ["ec2", "sts", "logs"][usize::try_from(n % 3).expect("small")];
        json!({
            "vpc_id": needs["vpc"], "service_name": format!("com.amazonaws.us-east-1.{service}"),
            "vpc_endpoint_type": "Interface", "subnet_ids": [needs["subnet0"]],
            "security_group_ids": [needs["group"]], "private_dns_enabled": true,
        })
    },
    updates: |needs, _| {
        vec![
            ("subnet_ids", json!([needs["subnet0"], needs["subnet1"]])),
            ("security_group_ids", json!([needs["group1"]])),
            ("private_dns_enabled", json!(false)),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &[],
};

pub(super) const LAUNCH_TEMPLATE: TypeCase = TypeCase {
    name: "aws_launch_template",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "name": format!("template-{n}"), "description": "of a test", "update_default_version": true,
            "image_id": "ami-0123456789abcdef0", "instance_type": "m7i.large", "key_name": "a",
            "ebs_optimized": true, "user_data": "IyEvYmluL3NoCg==",
            "vpc_security_group_ids": ["sg-0123456789abcdef0"],
            "iam_instance_profile": {"name": "a"}, "monitoring": {"enabled": true},
            "metadata_options": {
                "http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1,
                "instance_metadata_tags": "enabled",
            },
            "block_device_mappings": [{
                "device_name": "/dev/xvda", "ebs": {"volume_size": 50, "volume_type": "gp3", "encrypted": true},
            }],
            "tag_specifications": [{"resource_type": "instance", "tags": {"a": "b"}}],
            "tags": {"Name": format!("template-{n}")},
        })
    },
    updates: |_, _| {
        let disk = json!([{"device_name": "/dev/xvda", "ebs": {"volume_size": 100, "volume_type": "gp3"}}]);
        let tagged = json!([{"resource_type": "volume", "tags": {"a": "c"}}]);
        vec![
            ("description", json!("of another test")),
            ("image_id", json!("ami-0123456789abcdef1")),
            ("instance_type", json!("m7g.large")),
            ("key_name", json!("b")),
            ("ebs_optimized", json!(false)),
            ("user_data", json!("IyEvYmluL2Jhc2gK")),
            ("vpc_security_group_ids", json!(["sg-0123456789abcdef1"])),
            ("iam_instance_profile.name", json!("b")),
            ("monitoring.enabled", json!(false)),
            ("metadata_options.http_endpoint", json!("disabled")),
            ("metadata_options.http_tokens", json!("optional")),
            ("metadata_options.http_put_response_hop_limit", json!(2)),
            ("metadata_options.instance_metadata_tags", json!("disabled")),
            ("block_device_mappings", disk),
            ("tag_specifications", tagged),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| vec![("name", json!(format!("renamed-{n}")))],
    // The profile is named by one of two. Which version is the default one is seen where the others change.
    silent: &["iam_instance_profile.arn", "update_default_version"],
    untold: &["update_default_version"],
};

/// What is left out, and stays with the version that it had.
pub(super) const LAUNCH_TEMPLATE_BARE: TypeCase = TypeCase {
    name: "aws_launch_template",
    variant: "bare",
    config: |_, n| json!({"name": format!("template-{n}"), "instance_type": "m7i.large"}),
    updates: |_, _| {
        vec![
            ("metadata_options", json!({"http_tokens": "required"})),
            ("instance_type", json!("m7g.large")),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &[],
    ..LAUNCH_TEMPLATE
};
