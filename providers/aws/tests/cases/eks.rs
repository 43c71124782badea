//! EKS.

use futures::FutureExt;
use serde_json::{Value as Json, json};

use super::TypeCase;
use super::iam::{document, role};
use super::kms::with_keys;
use crate::world::{Needs, Outcome, World};

/// A network with three subnets, a security group, and the roles of clusters and nodes.
async fn ground(world: &World) -> Outcome<Needs> {
    let vpc = world
        .create("aws_vpc", &json!({"cidr_block": "10.0.0.0/16"}))
        .await?;
    let mut needs = Needs::from([("vpc", vpc.id.clone())]);
    for (at, (name, zone)) in [("subnet0", "a"), ("subnet1", "b"), ("subnet2", "c")]
        .into_iter()
        .enumerate()
    {
        let config = json!({
            "vpc_id": vpc.id, "cidr_block": format!("10.0.{at}.0/24"),
            "availability_zone": format!("us-east-1{zone}"),
        });
        let subnet = world.create("aws_subnet", &config).await?;
        needs.insert(name, subnet.id);
    }
    let config = json!({"name": "further", "vpc_id": vpc.id});
    let group = world.create("aws_security_group", &config).await?;
    needs.insert("group", group.id);
    let service = ("control", "eks.amazonaws.com");
    let control = role(world, service, &["AmazonEKSClusterPolicy"]).await?;
    needs.insert("control_role", control);
    let policies = [
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKS_CNI_Policy",
    ];
    let nodes = role(world, ("nodes", "ec2.amazonaws.com"), &policies).await?;
    needs.insert("node_role", nodes);
    Ok(needs)
}

fn cluster(needs: &Needs, name: &str) -> Json {
    json!({
        "name": name, "role_arn": needs["control_role"], "version": "1.33",
        "vpc_config": {
            "subnet_ids": [needs["subnet0"], needs["subnet1"]], "endpoint_private_access": true,
            "endpoint_public_access": true, "public_access_cidrs": ["203.0.113.0/24"],
        },
        "kubernetes_network_config": {"service_ipv4_cidr": "172.20.0.0/16"},
        "access_config": {
            "authentication_mode": "API_AND_CONFIG_MAP", "bootstrap_cluster_creator_admin_permissions": false,
        },
        "upgrade_policy": {"support_type": "EXTENDED"},
        "enabled_cluster_log_types": ["api", "audit"],
        "bootstrap_self_managed_addons": false,
        "tags": {"Name": name},
    })
}

/// A cluster for what lives in one.
pub(crate) async fn with_cluster(world: &World) -> Outcome<Needs> {
    let mut needs = ground(world).await?;
    let name = format!("home-{}", world.number());
    world
        .create("aws_eks_cluster", &cluster(&needs, &name))
        .await?;
    needs.insert("cluster", name);
    Ok(needs)
}

pub(super) const CLUSTER: TypeCase = TypeCase {
    name: "aws_eks_cluster",
    variant: "",
    needs: |world| ground_with_keys(world).boxed(),
    config: |needs, n| cluster(needs, &format!("cluster-{n}")),
    updates: |needs, _| {
        vec![
            ("version", json!("1.35")),
            (
                "vpc_config.subnet_ids",
                json!([needs["subnet0"], needs["subnet1"], needs["subnet2"]]),
            ),
            ("vpc_config.security_group_ids", json!([needs["group"]])),
            ("vpc_config.endpoint_private_access", json!(false)),
            ("vpc_config.endpoint_public_access", json!(false)),
            ("vpc_config.public_access_cidrs", json!(["198.51.100.0/24"])),
            ("access_config.authentication_mode", json!("API")),
            ("upgrade_policy.support_type", json!("STANDARD")),
            ("enabled_cluster_log_types", json!(["audit", "scheduler"])),
            ("encryption_config", encryption(&needs["key0"])),
            ("zonal_shift_config", json!({"enabled": true})),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, n| {
        vec![
            ("name", json!(format!("renamed-{n}"))),
            ("role_arn", json!(needs["node_role"])),
            (
                "kubernetes_network_config.service_ipv4_cidr",
                json!("10.100.0.0/16"),
            ),
            ("kubernetes_network_config.ip_family", json!("ipv6")),
            (
                "access_config.bootstrap_cluster_creator_admin_permissions",
                json!(true),
            ),
            ("bootstrap_self_managed_addons", json!(true)),
        ]
    },
    // Protection stands in the way of the sweep: it has a check of its own. The VPC is that of the subnets.
    silent: &[
        "deletion_protection",
        "vpc_config.vpc_id",
        "zonal_shift_config.enabled",
    ],
    untold: &[
        "access_config.bootstrap_cluster_creator_admin_permissions",
        "bootstrap_self_managed_addons",
    ],
};

fn encryption(key: &str) -> Json {
    json!({"provider": {"key_arn": key}, "resources": ["secrets"]})
}

/// What a cluster needs, and keys.
async fn ground_with_keys(world: &World) -> Outcome<Needs> {
    let mut needs = ground(world).await?;
    if world.sandbox.is_some() {
        needs.extend(with_keys(world).await?);
    } else {
        // Elsewhere clusters take any key, and what is said of keys is not run.
        let arn = |key: &str| format!("arn:aws:kms:us-east-1:123456789012:key/{key}");
        needs.extend(["key0", "key1"].map(|key| (key, arn(key))));
    }
    Ok(needs)
}

/// A cluster whose encryption cannot get another key.
pub(super) const ENCRYPTED_CLUSTER: TypeCase = TypeCase {
    name: "aws_eks_cluster",
    variant: "encrypted",
    needs: |world| ground_with_keys(world).boxed(),
    config: |needs, n| {
        let mut config = cluster(needs, &format!("cluster-{n}"));
        config["encryption_config"] = encryption(&needs["key0"]);
        config
    },
    updates: super::none,
    replaces: |needs, _| vec![("encryption_config.provider.key_arn", json!(needs["key1"]))],
    silent: &["encryption_config.resources"],
    untold: &[
        "access_config.bootstrap_cluster_creator_admin_permissions",
        "bootstrap_self_managed_addons",
    ],
};

/// The ground, with roles that Auto Mode can work by.
async fn auto_ground(world: &World) -> Outcome<Needs> {
    let mut needs = ground(world).await?;
    let service = ("control", "eks.amazonaws.com");
    let policies = [
        "AmazonEKSClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
    ];
    needs.insert("control_role", role(world, service, &policies).await?);
    Ok(needs)
}

/// A cluster with Auto Mode.
pub(super) const AUTO_CLUSTER: TypeCase = TypeCase {
    name: "aws_eks_cluster",
    variant: "auto",
    needs: |world| auto_ground(world).boxed(),
    config: |needs, n| {
        let mut config = cluster(needs, &format!("cluster-{n}"));
        config["kubernetes_network_config"]["elastic_load_balancing"] = json!({"enabled": true});
        config["storage_config"] = json!({"block_storage": {"enabled": true}});
        config["compute_config"] = json!({
            "enabled": true, "node_pools": ["general-purpose", "system"], "node_role_arn": needs["node_role"],
        });
        config["zonal_shift_config"] = json!({"enabled": true});
        config
    },
    updates: |_, _| {
        vec![
            ("compute_config.node_pools", json!(["system"])),
            ("zonal_shift_config", json!({"enabled": false})),
        ]
    },
    replaces: |needs, _| vec![("compute_config.node_role_arn", json!(needs["control_role"]))],
    // The three go on and off together only.
    silent: &[
        "compute_config.enabled",
        "storage_config.block_storage.enabled",
        "kubernetes_network_config.elastic_load_balancing.enabled",
    ],
    untold: &[
        "access_config.bootstrap_cluster_creator_admin_permissions",
        "bootstrap_self_managed_addons",
    ],
};

/// A node group of two machines in the cluster of the needs, with further arguments.
fn pool(needs: &Needs, n: u64, further: &Json) -> Json {
    let mut arguments = json!({
        "cluster_name": needs["cluster"], "node_group_name": format!("pool-{n}"),
        "node_role_arn": needs["node_role"], "subnet_ids": [needs["subnet0"], needs["subnet1"]],
        "scaling_config": {"min_size": 1, "max_size": 3, "desired_size": 2},
    });
    let further = further.as_object().expect("arguments by name");
    for (name, value) in further {
        arguments[name] = value.clone();
    }
    arguments
}

/// A node group with the release before the newest.
pub(super) const RELEASED_NODE_GROUP: TypeCase = TypeCase {
    name: "aws_eks_node_group",
    variant: "released",
    needs: |world| with_cluster(world).boxed(),
    config: |needs, n| {
        pool(
            needs,
            n,
            &json!({
                "version": "1.33", "release_version": "1.33.9-20261001",
            }),
        )
    },
    updates: |_, _| vec![("release_version", json!("1.33.9-20261101"))],
    replaces: super::none,
    silent: &[],
    untold: &[],
};

pub(super) const NODE_GROUP: TypeCase = TypeCase {
    name: "aws_eks_node_group",
    variant: "",
    needs: |world| with_cluster(world).boxed(),
    config: |needs, n| {
        pool(
            needs,
            n,
            &json!({
                "update_config": {"max_unavailable": 1},
                "instance_types": ["m7i.large"], "labels": {"tier": "a", "zone": "x"},
                "taint": [{"key": "dedicated", "value": "a", "effect": "NO_SCHEDULE"}],
                "version": "1.32",
                "tags": {"Name": format!("pool-{n}")},
            }),
        )
    },
    updates: |_, _| {
        vec![
            ("scaling_config.min_size", json!(2)),
            ("scaling_config.max_size", json!(5)),
            ("scaling_config.desired_size", json!(3)),
            ("update_config.max_unavailable", json!(2)),
            ("update_config", json!({"max_unavailable_percentage": 50})),
            ("labels", json!({"tier": "b", "new": "y"})),
            (
                "taint",
                json!([{"key": "dedicated", "value": "a", "effect": "NO_EXECUTE"}]),
            ),
            ("version", json!("1.33")),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, n| {
        vec![
            ("cluster_name", json!("another")),
            ("node_group_name", json!(format!("renamed-{n}"))),
            ("node_role_arn", json!(needs["control_role"])),
            ("subnet_ids", json!([needs["subnet2"]])),
            ("instance_types", json!(["m7g.large"])),
            ("ami_type", json!("BOTTLEROCKET_x86_64")),
            ("capacity_type", json!("SPOT")),
            ("disk_size", json!(100)),
        ]
    },
    silent: &[
        "force_update_version",
        "update_config.max_unavailable_percentage",
    ],
    untold: &["force_update_version"],
};

/// A cluster, and launch templates of two versions: one that names no image, and one that does.
async fn with_templates(world: &World) -> Outcome<Needs> {
    let mut needs = with_cluster(world).await?;
    for (need, named, image) in [
        ("template0", "template0_name", Json::Null),
        (
            "template1",
            "template1_name",
            json!("ami-0123456789abcdef0"),
        ),
    ] {
        let name = format!("{need}-nodes-{}", world.number());
        let data = |hops: u32| {
            json!({
                "name": name, "image_id": image,
                "metadata_options": {"http_tokens": "required", "http_put_response_hop_limit": hops},
            })
        };
        let template = world.create("aws_launch_template", &data(1)).await?;
        let second = world.arguments("aws_launch_template", &data(2));
        world.update(&template, &second).await?;
        needs.insert(need, template.id);
        needs.insert(named, name);
    }
    Ok(needs)
}

/// A node group of a launch template, which says what the machines' disk is like.
pub(super) const TEMPLATE_NODE_GROUP: TypeCase = TypeCase {
    name: "aws_eks_node_group",
    variant: "template",
    needs: |world| with_templates(world).boxed(),
    config: |needs, n| {
        pool(
            needs,
            n,
            &json!({
                "launch_template": {"id": needs["template0"], "version": "1"},
                "version": "1.32", "release_version": "1.32.13-20261001",
            }),
        )
    },
    updates: |_, _| {
        vec![
            ("launch_template.version", json!("2")),
            ("labels", json!({"tier": "a"})),
        ]
    },
    replaces: |needs, _| {
        vec![
            ("launch_template.id", json!(needs["template1"])),
            ("launch_template.name", json!("others")),
            ("launch_template", Json::Null),
        ]
    },
    silent: &[],
    untold: &[],
};

/// A node group whose machine image comes from its launch template.
pub(super) const CUSTOM_NODE_GROUP: TypeCase = TypeCase {
    name: "aws_eks_node_group",
    variant: "custom",
    needs: |world| with_templates(world).boxed(),
    config: |needs, n| {
        pool(
            needs,
            n,
            &json!({
                "launch_template": {"name": needs["template1_name"], "version": "$Latest"},
            }),
        )
    },
    updates: |_, _| vec![("launch_template.version", json!("1"))],
    replaces: super::none,
    silent: &[],
    // An import tells the number that the word stood for.
    untold: &["launch_template.version"],
};

/// A cluster, and principals of their own for three entries.
async fn with_principals(world: &World) -> Outcome<Needs> {
    let mut needs = with_cluster(world).await?;
    for name in ["principal0", "principal1", "principal2"] {
        let arn = role(world, (name, "ec2.amazonaws.com"), &[]).await?;
        needs.insert(name, arn);
    }
    Ok(needs)
}

pub(super) const ACCESS_ENTRY: TypeCase = TypeCase {
    name: "aws_eks_access_entry",
    variant: "",
    needs: |world| with_principals(world).boxed(),
    config: |needs, n| {
        let principals = ["principal0", "principal1", "principal2"];
        let principal = principals[usize::try_from(n % 3).expect("small")];
        json!({
            "cluster_name": needs["cluster"], "principal_arn": needs[principal],
            "kubernetes_groups": ["viewers", "testers"], "user_name": "tester",
            "tags": {"Name": format!("entry-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("kubernetes_groups", json!(["viewers"])),
            ("user_name", json!("another")),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |needs, _| {
        vec![
            ("cluster_name", json!("another")),
            ("principal_arn", json!(needs["node_role"])),
            ("type", json!("EC2_LINUX")),
        ]
    },
    silent: &[],
    untold: &[],
};

fn access_policy(name: &str) -> Json {
    json!(format!("arn:aws:eks::aws:cluster-access-policy/{name}"))
}

/// A cluster with an access entry.
async fn with_entry(world: &World) -> Outcome<Needs> {
    let mut needs = with_principals(world).await?;
    let principal = needs["principal0"].clone();
    let config = json!({"cluster_name": needs["cluster"], "principal_arn": principal});
    world.create("aws_eks_access_entry", &config).await?;
    needs.insert("principal", principal);
    Ok(needs)
}

pub(super) const ACCESS_POLICY: TypeCase = TypeCase {
    name: "aws_eks_access_policy_association",
    variant: "",
    needs: |world| with_entry(world).boxed(),
    config: |needs, n| {
        let policies = [
            "AmazonEKSViewPolicy",
            "AmazonEKSEditPolicy",
            "AmazonEKSAdminPolicy",
        ];
        json!({
            "cluster_name": needs["cluster"], "principal_arn": needs["principal"],
            "policy_arn": access_policy(policies[usize::try_from(n % 3).expect("small")]),
            "access_scope": {"type": "namespace", "namespaces": ["a", "b"]},
        })
    },
    updates: |_, _| {
        vec![
            ("access_scope.namespaces", json!(["b"])),
            ("access_scope", json!({"type": "cluster"})),
        ]
    },
    replaces: |needs, _| {
        vec![
            ("cluster_name", json!("another")),
            ("principal_arn", json!(needs["principal1"])),
            ("policy_arn", access_policy("AmazonEKSClusterAdminPolicy")),
        ]
    },
    silent: &["access_scope.type"],
    untold: &[],
};

/// A cluster with nodes, and roles for what runs in it.
async fn with_nodes(world: &World) -> Outcome<Needs> {
    let mut needs = with_cluster(world).await?;
    let config = json!({
        "cluster_name": needs["cluster"], "node_group_name": "nodes",
        "node_role_arn": needs["node_role"], "subnet_ids": [needs["subnet0"]],
        "scaling_config": {"min_size": 1, "max_size": 3, "desired_size": 2},
    });
    world.create("aws_eks_node_group", &config).await?;
    for name in ["pod_role0", "pod_role1"] {
        let arn = role(world, (name, "pods.eks.amazonaws.com"), &[]).await?;
        needs.insert(name, arn);
    }
    Ok(needs)
}

/// An add-on with a service account: its name, that of the account, two versions.
const ADDONS: [(&str, &str, [&str; 2]); 3] = [
    (
        "vpc-cni",
        "aws-node",
        ["v1.20.3-eksbuild.1", "v1.20.4-eksbuild.1"],
    ),
    (
        "aws-ebs-csi-driver",
        "ebs-csi-controller-sa",
        ["v1.51.0-eksbuild.1", "v1.52.1-eksbuild.1"],
    ),
    (
        "aws-efs-csi-driver",
        "efs-csi-controller-sa",
        ["v2.1.9-eksbuild.1", "v2.1.11-eksbuild.1"],
    ),
];

fn addon(n: u64) -> (&'static str, &'static str, [&'static str; 2]) {
    ADDONS[usize::try_from(n % 3).expect("small")]
}

pub(super) const ADDON: TypeCase = TypeCase {
    name: "aws_eks_addon",
    variant: "",
    needs: |world| with_nodes(world).boxed(),
    config: |needs, n| {
        let (name, account, versions) = addon(n);
        json!({
            "cluster_name": needs["cluster"], "addon_name": name, "addon_version": versions[0],
            "configuration_values": r#"{"resources": {"limits": {"cpu": "100m"}}}"#,
            "pod_identity_association": [{"role_arn": needs["pod_role0"], "service_account": account}],
            "resolve_conflicts_on_create": "OVERWRITE", "resolve_conflicts_on_update": "PRESERVE",
            "tags": {"Name": format!("addon-{n}")},
        })
    },
    updates: |needs, n| {
        let (_, account, versions) = addon(n);
        let other = json!([{"role_arn": needs["pod_role1"], "service_account": account}]);
        vec![
            ("addon_version", json!(versions[1])),
            (
                "configuration_values",
                json!(r#"{"resources": {"limits": {"cpu": "200m"}}}"#),
            ),
            ("service_account_role_arn", json!(needs["pod_role1"])),
            ("pod_identity_association", other),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, _| {
        vec![
            ("cluster_name", json!("another")),
            ("addon_name", json!("coredns")),
        ]
    },
    silent: &[
        "resolve_conflicts_on_create",
        "resolve_conflicts_on_update",
        "preserve",
        // What fits the cluster stays; what does not is met with at an upgrade, which has a test of its own.
        "kubernetes_version",
    ],
    untold: &["resolve_conflicts_on_create", "resolve_conflicts_on_update"],
};

/// What is left out, and what is taken away again.
pub(super) const ADDON_BARE: TypeCase = TypeCase {
    name: "aws_eks_addon",
    variant: "bare",
    needs: |world| with_nodes(world).boxed(),
    config: |needs, n| {
        let (name, ..) = addon(n);
        json!({"cluster_name": needs["cluster"], "addon_name": name, "preserve": true})
    },
    updates: |needs, n| {
        let (_, account, _) = addon(n);
        let one = json!([{"role_arn": needs["pod_role1"], "service_account": account}]);
        vec![
            ("configuration_values", json!(r#"{"resources": {}}"#)),
            ("pod_identity_association", one),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &["preserve"],
};

pub(super) const POD_IDENTITY: TypeCase = TypeCase {
    name: "aws_eks_pod_identity_association",
    variant: "",
    needs: |world| with_nodes(world).boxed(),
    config: |needs, n| {
        json!({
            "cluster_name": needs["cluster"], "namespace": "apps", "service_account": format!("app-{n}"),
            "role_arn": needs["pod_role0"], "tags": {"Name": format!("app-{n}")},
        })
    },
    updates: |needs, _| {
        vec![
            ("role_arn", json!(needs["pod_role1"])),
            ("target_role_arn", json!(needs["pod_role1"])),
            ("disable_session_tags", json!(true)),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("cluster_name", json!("another")),
            ("namespace", json!("others")),
            ("service_account", json!(format!("another-{n}"))),
        ]
    },
    silent: &["policy"],
    untold: &[],
};

/// An association with everything that can be taken away from it.
pub(super) const POD_IDENTITY_BOUNDED: TypeCase = TypeCase {
    name: "aws_eks_pod_identity_association",
    variant: "bounded",
    needs: |world| with_nodes(world).boxed(),
    config: |needs, n| {
        json!({
            "cluster_name": needs["cluster"], "namespace": "apps", "service_account": format!("app-{n}"),
            "role_arn": needs["pod_role0"], "target_role_arn": needs["pod_role1"],
            "disable_session_tags": true, "policy": document(&["s3:GetObject"]),
        })
    },
    updates: |_, _| {
        vec![
            ("policy", document(&["s3:ListBucket"])),
            ("target_role_arn", Json::Null),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &[],
};

/// A cluster, and roles for pods on Fargate.
async fn with_fargate_roles(world: &World) -> Outcome<Needs> {
    let mut needs = with_cluster(world).await?;
    for name in ["pod_role0", "pod_role1"] {
        let service = (name, "eks-fargate-pods.amazonaws.com");
        let policies = ["AmazonEKSFargatePodExecutionRolePolicy"];
        needs.insert(name, role(world, service, &policies).await?);
    }
    Ok(needs)
}

pub(super) const FARGATE: TypeCase = TypeCase {
    name: "aws_eks_fargate_profile",
    variant: "",
    needs: |world| with_fargate_roles(world).boxed(),
    config: |needs, n| {
        json!({
            "cluster_name": needs["cluster"], "fargate_profile_name": format!("profile-{n}"),
            "pod_execution_role_arn": needs["pod_role0"],
            "subnet_ids": [needs["subnet0"], needs["subnet1"]],
            "selector": [{"namespace": format!("apps-{n}"), "labels": {"a": "b"}}, {"namespace": "more"}],
            "tags": {"Name": format!("profile-{n}")},
        })
    },
    updates: |_, _| vec![("tags", json!({"team": "a"}))],
    replaces: |needs, n| {
        vec![
            ("cluster_name", json!("another")),
            ("fargate_profile_name", json!(format!("renamed-{n}"))),
            ("pod_execution_role_arn", json!(needs["pod_role1"])),
            ("subnet_ids", json!([needs["subnet2"]])),
            ("selector", json!([{"namespace": "others"}])),
        ]
    },
    silent: &[],
    untold: &[],
};

/// Three clusters: each takes one issuer.
async fn with_clusters(world: &World) -> Outcome<Needs> {
    let mut needs = ground(world).await?;
    for cluster_of in ["cluster0", "cluster1", "cluster2"] {
        let name = format!("home-{}", world.number());
        let config = cluster(&needs, &name);
        world.create("aws_eks_cluster", &config).await?;
        needs.insert(cluster_of, name);
    }
    Ok(needs)
}

pub(super) const IDENTITY_PROVIDER: TypeCase = TypeCase {
    name: "aws_eks_identity_provider_config",
    variant: "",
    needs: |world| with_clusters(world).boxed(),
    config: |needs, n| {
        let of = ["cluster0", "cluster1", "cluster2"][usize::try_from(n % 3).expect("small")];
        json!({
            "cluster_name": needs[of],
            "oidc": {
                "identity_provider_config_name": format!("people-{n}"), "client_id": "kubernetes",
                "issuer_url": "https://issuer.example.com", "username_claim": "email",
                "username_prefix": "people:", "groups_claim": "groups", "groups_prefix": "people:",
                "required_claims": {"team": "a"},
            },
            "tags": {"Name": format!("people-{n}")},
        })
    },
    updates: |_, _| vec![("tags", json!({"team": "a"}))],
    replaces: |_, n| {
        vec![
            ("cluster_name", json!("another")),
            ("oidc.client_id", json!("another")),
            ("oidc.groups_claim", json!("teams")),
            ("oidc.groups_prefix", json!("teams:")),
            (
                "oidc.identity_provider_config_name",
                json!(format!("renamed-{n}")),
            ),
            ("oidc.issuer_url", json!("https://another.example.com")),
            ("oidc.required_claims", json!({"team": "b"})),
            ("oidc.username_claim", json!("sub")),
            ("oidc.username_prefix", json!("them:")),
        ]
    },
    silent: &[],
    untold: &[],
};
