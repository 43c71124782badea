//! The built-in stacks, on the sandbox.

use crate::support::Project;

const SHARED: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
stack "shared" {
  source = "aws-network"
  inputs = { name = "shared", zone_count = 2 }
}
"#;

const CLUSTERS: &str = r#"
cluster "whole" {
  stack  = "aws-eks"
  inputs = { name = "whole", public_access_cidrs = [], network = stack.shared }
}
cluster "parts" {
  stack = "aws-eks"
  inputs = {
    name                = "parts"
    public_access_cidrs = []
    network             = { vpc_id = stack.shared.vpc_id, public_subnet_ids = stack.shared.public_subnet_ids }
  }
}
"#;

#[test]
fn clusters_share_a_network_that_is_not_theirs() {
    let project = Project::of(&format!("{SHARED}{CLUSTERS}"));
    project
        .run("--sandbox apply -auto-approve --speed=600")
        .exits(0);
    project.run("--sandbox plan -detailed-exitcode").exits(0);
    let listed = project.run("--sandbox state list").exits(0).out;
    let networks: Vec<&str> = listed
        .lines()
        .filter(|line| line.contains("aws_vpc."))
        .collect();
    assert_eq!(networks, ["stack.shared.aws_vpc.main"]);
    // The clusters go, and the network stays.
    project.write("main.strata.hcl", SHARED);
    project
        .run("--sandbox apply -auto-approve --speed=600 -allow-delete=cluster.whole -allow-delete=cluster.parts")
        .exits(0);
    let left = project.run("--sandbox state list").exits(0).out;
    assert!(
        left.lines().all(|line| line.starts_with("stack.shared.")),
        "{left}"
    );
    assert!(left.contains("aws_nat_gateway.main"), "{left}");
    project.run("--sandbox plan -detailed-exitcode").exits(0);
}

#[test]
fn a_network_of_one_subnet_is_refused() {
    let project = Project::of(
        r#"
provider "aws" {
  region = "eu-west-1"
}
cluster "small" {
  stack = "aws-eks"
  inputs = {
    name                = "small"
    public_access_cidrs = []
    network             = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1"] }
  }
}
"#,
    );
    project
        .run("--sandbox plan")
        .exits(65)
        .complains("at least two zones");
}

const UPGRADED: &str = r#"
variable "kubernetes_version" {
  type = string
}
provider "aws" {
  region = "eu-west-1"
}
cluster "up" {
  stack = "aws-eks"
  inputs = {
    name                = "up"
    public_access_cidrs = []
    kubernetes_version  = var.kubernetes_version
    node_pools          = { one = { labels = { release = var.kubernetes_version } }, two = {} }
  }
}
"#;

/// The messages of the changes of an apply, in the order in which they ended.
fn modified(events: &[serde_json::Value]) -> Vec<String> {
    let ended = events
        .iter()
        .filter(|event| event["type"] == "apply_complete");
    ended
        .filter(|event| event["hook"]["action"] == "update")
        .filter_map(|event| event["hook"]["resource"]["addr"].as_str())
        .map(|address| {
            address
                .rsplit_once("aws_eks_")
                .map_or(address, |(_, last)| last)
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn nodes_follow_each_minor_of_the_control_plane() {
    let project = Project::of(UPGRADED);
    let apply = "--sandbox apply -auto-approve -json --speed=600 -var kubernetes_version=";
    project.run(&format!("{apply}1.33")).exits(0);
    let events = project.run(&format!("{apply}1.35")).exits(0).events();
    let order = modified(&events);
    let turns: Vec<Vec<&str>> = order
        .chunks(8)
        .map(|turn| {
            let mut turn: Vec<&str> = turn.iter().map(String::as_str).collect();
            // What goes up side by side ends in any order.
            for part in [1..4, 4..6, 6..8] {
                if let Some(part) = turn.get_mut(part) {
                    part.sort_unstable();
                }
            }
            turn
        })
        .collect();
    let turn = [
        "cluster.main",
        "addon.before_compute[\"eks-pod-identity-agent\"]",
        "addon.before_compute[\"kube-proxy\"]",
        "addon.before_compute[\"vpc-cni\"]",
        "node_group.pool[\"one\"]",
        "node_group.pool[\"two\"]",
        "addon.after_compute[\"aws-ebs-csi-driver\"]",
        "addon.after_compute[\"coredns\"]",
    ];
    assert_eq!(turns, [turn, turn], "{order:?}");
    let again = "--sandbox plan -detailed-exitcode -var kubernetes_version=";
    project.run(&format!("{again}1.35")).exits(0);
}

/// A project of one cluster, with some inputs beside its name.
fn one_cluster(inputs: &str) -> String {
    format!(
        "provider \"aws\" {{\n  region = \"eu-west-1\"\n}}\ncluster \"one\" {{\n  stack = \"aws-eks\"\n  inputs = \
         {{\n    name = \"one\"\n    public_access_cidrs = []\n{inputs}\n  }}\n}}\n"
    )
}

/// Applies on the sandbox, and checks that nothing is left to do.
fn applied(project: &Project) {
    project
        .run("--sandbox apply -auto-approve --speed=600")
        .exits(0);
    project
        .run("--sandbox plan -detailed-exitcode")
        .exits(0)
        .says("No changes.");
}

#[test]
fn another_cluster_takes_what_is_on_it_along() {
    let on_it = "    zone_count = 2\n    nat_gateways = \"none\"\n    access = { reader = { principal_arn = \"arn:aws:iam::123456789012:user/sandbox\", policy = \"AmazonEKSClusterAdminPolicy\" } }\n    caller_is_admin = false";
    let project = Project::of(&one_cluster(on_it));
    applied(&project);
    // An update in place takes nothing along.
    let updated = format!("{on_it}\n    deletion_protection = false\n    zonal_shift = true");
    project.write("main.strata.hcl", &one_cluster(&updated));
    project
        .run("--sandbox plan")
        .exits(0)
        .says("0 to add, 1 to change, 0 to destroy");
    let other = format!("{on_it}\n    service_cidr = \"172.16.0.0/16\"");
    project.write("main.strata.hcl", &one_cluster(&other));
    let allowed = "-allow-delete=cluster.one.aws_eks_cluster.main";
    let plan = project.run(&format!("--sandbox plan {allowed}")).exits(0);
    for taken in [
        "aws_eks_cluster.main",
        "aws_eks_node_group.pool[\"system\"]",
        "aws_eks_addon.before_compute[\"vpc-cni\"]",
        "aws_eks_addon.after_compute[\"coredns\"]",
        "aws_eks_access_entry.principal[\"reader\"]",
        "aws_eks_access_policy_association.principal[\"reader\"]",
    ] {
        let line = format!("# cluster.one.{taken} must be replaced");
        assert!(plan.out.contains(&line), "{taken}\n{}", plan.out);
    }
    project
        .run(&format!(
            "--sandbox apply -auto-approve --speed=600 {allowed}"
        ))
        .exits(0);
    project.run("--sandbox plan -detailed-exitcode").exits(0);
}

#[test]
fn another_network_takes_another_cluster() {
    let of = |block: &str| {
        one_cluster(&format!(
            "    zone_count = 2\n    nat_gateways = \"none\"\n    cidr_block = \"{block}\""
        ))
    };
    let project = Project::of(&of("10.0.0.0/16"));
    applied(&project);
    project.write("main.strata.hcl", &of("10.1.0.0/16"));
    let cluster = "cluster.one.aws_eks_cluster.main";
    project.run("--sandbox plan").complains("E0602");
    project
        .run(&format!(
            "--sandbox apply -auto-approve --speed=600 -allow-delete={cluster}"
        ))
        .exits(0);
    project.run("--sandbox plan -detailed-exitcode").exits(0);
}

#[test]
fn nodes_move_into_other_subnets() {
    let project = Project::of(&one_cluster("    zone_count = 2"));
    applied(&project);
    project.write(
        "main.strata.hcl",
        &one_cluster("    zone_count = 2\n    nat_gateways = \"none\""),
    );
    applied(&project);
    let list = project.run("--sandbox state list").exits(0).out;
    assert!(!list.contains("aws_subnet.private"), "{list}");
}

/// The attributes of the first resource in a module of `show -json`, or in one below it.
fn first_resource(module: &serde_json::Value) -> Option<serde_json::Value> {
    let here = module["resources"].as_array().and_then(|all| all.first());
    let below = module["child_modules"].as_array();
    here.map(|resource| resource["values"].clone())
        .or_else(|| below?.iter().find_map(first_resource))
}

/// The recorded attributes of an object.
fn shown(project: &Project, address: &str) -> serde_json::Value {
    let shown = project
        .run_words(&["--sandbox", "state", "show", "-json", address])
        .exits(0)
        .json();
    first_resource(&shown["values"]["root_module"]).unwrap_or_else(|| panic!("{address}: {shown}"))
}

#[test]
fn pods_run_on_fargate_alone() {
    let project = Project::of(&one_cluster(
        "    zone_count = 2\n    fargate_profiles = { all = { selectors = [{ namespace = \"kube-system\" }, { namespace = \"default\", labels = { a = \"b\" } }] } }",
    ));
    applied(&project);
    let dns = shown(
        &project,
        "cluster.one.aws_eks_addon.after_compute[\"coredns\"]",
    );
    assert_eq!(
        dns["configuration_values"], r#"{"computeType":"Fargate"}"#,
        "{dns}"
    );
    let list = project.run("--sandbox state list").exits(0).out;
    for absent in [
        "aws_eks_node_group",
        "aws_iam_role.node",
        "aws-ebs-csi-driver",
        "eks-pod-identity-agent",
    ] {
        assert!(!list.contains(absent), "{list}");
    }
}

#[test]
fn auto_mode_is_switched_on_and_off() {
    let auto = "    zone_count = 2\n    auto_mode = {}";
    let project = Project::of(&one_cluster(auto));
    applied(&project);
    let list = project.run("--sandbox state list").exits(0).out;
    for absent in ["aws_eks_addon", "aws_eks_node_group", "aws_iam_role.node"] {
        assert!(!list.contains(absent), "{list}");
    }
    let cluster = shown(&project, "cluster.one.aws_eks_cluster.main");
    assert_eq!(cluster["compute_config"]["enabled"], true, "{cluster}");
    // Fewer pools of its own, and some of ours beside them.
    let both = "    zone_count = 2\n    auto_mode = { node_pools = [\"system\"] }\n    node_pools = { own = {} }";
    project.write("main.strata.hcl", &one_cluster(both));
    applied(&project);
    // The nodes of pools need what those of Auto Mode bring.
    let list = project.run("--sandbox state list").exits(0).out;
    for needed in [
        "before_compute[\"vpc-cni\"]",
        "before_compute[\"kube-proxy\"]",
        "before_compute[\"eks-pod-identity-agent\"]",
        "after_compute[\"coredns\"]",
        "after_compute[\"aws-ebs-csi-driver\"]",
    ] {
        assert!(list.contains(needed), "{needed}: {list}");
    }
    project.write(
        "main.strata.hcl",
        &one_cluster("    zone_count = 2\n    node_pools = { own = {} }"),
    );
    applied(&project);
    let cluster = shown(&project, "cluster.one.aws_eks_cluster.main");
    assert_eq!(cluster["compute_config"], serde_json::Value::Null);
}

#[test]
fn pools_get_what_their_machines_need() {
    let pools = r#"    zone_count  = 2
    zonal_shift = true
    node_pools = {
      plain = {}
      arm   = { instance_types = ["c7gn.large", "m7g.large"], capacity_type = "SPOT" }
      gpu   = { instance_types = ["g6.xlarge"], min_size = 0, desired_size = 0, taints = [{ key = "team", value = "a", effect = "NO_EXECUTE" }] }
      both  = { instance_types = ["g5g.xlarge"] }
      chip  = { instance_types = ["inf2.xlarge"], labels = { a = "b" } }
    }"#;
    let project = Project::of(&one_cluster(pools));
    applied(&project);
    let pool = |name: &str| {
        shown(
            &project,
            &format!("cluster.one.aws_eks_node_group.pool[\"{name}\"]"),
        )
    };
    let check = |name: &str, image: &str, taints: usize| {
        let pool = pool(name);
        assert_eq!(pool["ami_type"], image, "{name}");
        let found = pool["taint"].as_array().map_or(0, Vec::len);
        assert_eq!(found, taints, "{name}: {pool}");
    };
    check("plain", "AL2023_x86_64_STANDARD", 0);
    check("arm", "AL2023_ARM_64_STANDARD", 0);
    check("gpu", "AL2023_x86_64_NVIDIA", 2);
    check("both", "AL2023_ARM_64_NVIDIA", 1);
    check("chip", "AL2023_x86_64_NEURON", 0);
    assert_eq!(pool("both")["labels"]["nvidia.com/gpu.present"], "true");
    let subnet = shown(
        &project,
        "cluster.one.stack.network[0].aws_subnet.private[\"eu-west-1a\"]",
    );
    assert_eq!(subnet["tags"]["kubernetes.io/role/internal-elb"], "1");
    assert_eq!(subnet["tags"]["kubernetes.io/cluster/one"], "shared");
    let driver = "cluster.one.aws_eks_addon.after_compute[\"aws-ebs-csi-driver\"]";
    assert_eq!(
        shown(&project, driver)["configuration_values"],
        r#"{"defaultStorageClass":{"enabled":true}}"#
    );
}

#[test]
fn nodes_without_a_way_out_reach_aws_by_endpoints() {
    let project = Project::of(&one_cluster(
        "    zone_count = 2\n    nat_gateways = \"none\"\n    private_subnets = true\n    interface_endpoints = [\"ecr.api\", \"ecr.dkr\", \"ec2\", \"sts\"]",
    ));
    applied(&project);
    let list = project.run("--sandbox state list").exits(0).out;
    let count = |text: &str| list.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("aws_vpc_endpoint.interface"), 4, "{list}");
    assert_eq!(count("aws_vpc_endpoint.gateway"), 1, "{list}");
    assert_eq!(count("aws_nat_gateway"), 0, "{list}");
    assert_eq!(count("aws_subnet.private"), 2, "{list}");
}

#[test]
fn what_a_pod_waits_for_is_an_output() {
    let project = Project::of(&format!(
        "{}output \"kubernetes\" {{\n  value = cluster.one.kubernetes\n}}\n",
        one_cluster(
            "    zone_count = 2\n    node_pools = { empty = { min_size = 0 }, system = {} }"
        )
    ));
    applied(&project);
    let outputs = project.run("--sandbox output -json").exits(0).json();
    let kubernetes = &outputs["kubernetes"]["value"];
    assert_eq!(kubernetes["token"]["type"], "aws_eks");
    assert_eq!(kubernetes["token"]["cluster_name"], "one");
    let ready = kubernetes["ready_after"].as_array().unwrap();
    let is_there = |text: &str| {
        ready
            .iter()
            .any(|id| id.as_str().is_some_and(|id| id.contains(text)))
    };
    for needed in [
        "one:vpc-cni",
        "one:kube-proxy",
        "one:system",
        "one:coredns",
        "AmazonEKSClusterAdminPolicy",
    ] {
        assert!(is_there(needed), "{needed}: {ready:?}");
    }
    assert!(!is_there("aws-ebs-csi-driver"), "{ready:?}");
}

#[test]
fn wrong_inputs_are_refused_with_what_is_right() {
    let refused = |inputs: &str, text: &str| {
        let project = Project::of(&one_cluster(inputs));
        project.run("--sandbox plan").exits(65).complains(text);
    };
    refused(
        "    kubernetes_version = \"1.35.1\"",
        "A version is a minor",
    );
    refused("    nat_gateways = \"two\"", "single, per_zone or none");
    refused(
        "    private_subnets = false",
        "NAT gateways serve private subnets",
    );
    refused("    gateway_endpoints = [\"sqs\"]", "s3 and dynamodb only");
    refused("    support_type = \"LONG\"", "STANDARD or EXTENDED");
    refused("    log_retention_days = 8", "CloudWatch keeps logs for");
    refused("    secrets_key_arn = \"key\"", "ARN of a KMS key");
    refused("    service_cidr = \"ten\"", "IPv4 block");
    refused(
        "    node_pools = { a = { min_size = 3, max_size = 2 } }",
        "must not be above its max_size, as it is in a.",
    );
    refused(
        "    node_pools = { a = { instance_types = [\"m7i.large\", \"m7g.large\"] } }",
        "into pools of their own, in a.",
    );
    refused(
        "    node_pools = { a = { instance_types = [\"m7g.large\"], ami_type = \"AL2023_x86_64_STANDARD\" } }",
        "An ami_type with ARM_64 is for",
    );
    refused(
        "    node_pools = { a = { capacity_type = \"CHEAP\" } }",
        "ON_DEMAND or SPOT",
    );
    refused(
        "    nat_gateways = \"none\"\n    fargate_profiles = { a = { selectors = [{ namespace = \"a\" }] } }",
        "need private subnets",
    );
    refused(
        "    auto_mode = { node_pools = [\"mine\"] }",
        "general-purpose and system",
    );
    refused(
        "    addons = { vpc-cni = { configuration = \"{\" } }",
        "is a JSON text",
    );
    refused(
        "    addons = { vpc-cni = {} }",
        "put it among the add-ons, or say default_storage_class = false",
    );
    refused("    tags = { \"aws:a\" = \"b\" }", "those of AWS itself");
    refused(
        "    fargate_profiles = { a = { selectors = [{ namespace = \"default\" }] } }",
        "has to take the namespace kube-system",
    );
    refused("    caller_is_admin = false", "Somebody must be able");
    let entry = |name: &str, policy: &str| {
        format!(
            "{name} = {{ principal_arn = \"arn:aws:iam::123456789012:user/sandbox\", policy = \"{policy}\" }}"
        )
    };
    let admin = entry("a", "AmazonEKSClusterAdminPolicy");
    refused(
        &format!("    access = {{ {admin} }}"),
        "say caller_is_admin = false",
    );
    let twice = entry("b", "AmazonEKSViewPolicy");
    refused(
        &format!("    caller_is_admin = false\n    access = {{ {admin}, {twice} }}"),
        "A principal has one entry",
    );
    let unknown = entry("a", "AmazonEKSGodPolicy");
    refused(
        &format!("    access = {{ {unknown} }}"),
        "A policy is AmazonEKSClusterAdminPolicy",
    );
    refused(
        "    zone_count = 6",
        "zone_count is 6, and eu-west-1 has 3 zones: eu-west-1a, eu-west-1b, eu-west-1c.",
    );
    refused(
        "    node_pools = { a = { ami_type = \"AL2023_x86\" } }",
        "An ami_type is one of EKS's",
    );
    refused("    service_cidr = \"fd00::/108\"", "IPv4 block");
    refused("    service_cidr = \"100.64.0.0/16\"", "within 10.0.0.0/8");
    refused(
        "    service_cidr = \"172.16.0.0/25\"",
        "a /24 at the smallest",
    );
    refused("    service_cidr = \"10.0.128.0/20\"", "must not overlap");
}

#[test]
fn names_and_blocks_are_of_use_to_eks() {
    let refused = |name: &str, blocks: &str, text: &str| {
        let definition = one_cluster("")
            .replace("\"one\"\n    public", &format!("\"{name}\"\n    public"))
            .replace("cidrs = []", &format!("cidrs = {blocks}"));
        let project = Project::of(&definition);
        project.run("--sandbox plan").exits(65).complains(text);
    };
    refused(&"a".repeat(57), "[]", "at most 56");
    refused("one", "[\"10.1.0.0/16\"]", "no private or reserved blocks");
    refused("one", "[\"2001:db8::/32\"]", "must be an IPv4 block");
    let project = Project::of(&one_cluster("").replace(
        "\"one\"\n    public",
        &format!("\"{}\"\n    public", "a".repeat(56)),
    ));
    project.run("--sandbox plan").exits(0);
}

/// What a stack asks for is explained, has a type, and is checked, unless any value will do.
#[test]
fn inputs_of_stacks_are_described_and_checked() {
    for stack in ["aws-eks", "aws-network"] {
        let path = format!(
            "{}/stacks/{stack}/variables.strata.hcl",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(path).unwrap();
        let blocks: Vec<&str> = text.split("variable \"").skip(1).collect();
        assert!(blocks.len() > 5);
        for block in blocks {
            let name = block.split('"').next().unwrap();
            assert!(block.contains("\n  description = \""), "{stack}: {name}");
            assert!(block.contains("\n  type"), "{stack}: {name}");
            let is_switch = block
                .lines()
                .any(|line| line.starts_with("  type") && line.ends_with(" bool"));
            assert!(
                is_switch || block.contains("\n  validation {"),
                "{stack}: {name} is not checked"
            );
        }
    }
}
