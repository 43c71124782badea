//! What the fixture `kill` declares, said a second time: the judge does not take Strata's word for it.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::Mode;

use crate::harness::judge::Expected;

/// The fixture's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// What is changed in place.
    pub(crate) phase: &'static str,
    /// What replaces.
    pub(crate) generation: u32,
}

/// How many objects the fixture declares.
pub(crate) const OBJECTS: usize = 238;

impl Inputs {
    /// The arguments that give the variables these values.
    pub(crate) fn arguments(self) -> [String; 2] {
        [
            format!("-var=phase={}", self.phase),
            format!("-var=generation={}", self.generation),
        ]
    }

    /// Everything that has to be there.
    pub(crate) fn expected(self) -> Vec<Expected> {
        let mut all = self.networks();
        all.extend(self.roles());
        all.extend(self.clusters());
        all.extend(self.other_networks());
        all.extend(self.other_identities());
        all.extend(self.other_clusters());
        all.extend(self.stores());
        assert_eq!(all.len(), OBJECTS);
        all
    }

    fn object(self, resource: &'static str, name: String) -> Expected {
        Expected {
            resource,
            name,
            tags: BTreeMap::from([("phase".to_owned(), self.phase.to_owned())]),
        }
    }

    fn generation_tag(self, mut object: Expected, is_replaced: bool) -> Expected {
        let generation = if is_replaced {
            self.generation.to_string()
        } else {
            "-".to_owned()
        };
        object.tags.insert("generation".to_owned(), generation);
        object
    }

    fn networks(self) -> Vec<Expected> {
        let vpcs = (0..10)
            .map(|i| self.generation_tag(self.object("aws_vpc", format!("vpc-{i}")), i >= 8));
        let subnets = (0..40).map(|i| {
            let is_replaced = i % 4 >= 2 || i >= 32;
            self.generation_tag(
                self.object("aws_subnet", format!("subnet-{i}")),
                is_replaced,
            )
        });
        let gateways = (0..10).map(|i| self.object("aws_internet_gateway", format!("igw-{i}")));
        let tables = (0..10).map(|i| self.object("aws_route_table", format!("table-{i}")));
        let groups = (0..20).map(|i| self.object("aws_security_group", format!("group-{i}")));
        vpcs.chain(subnets)
            .chain(gateways)
            .chain(tables)
            .chain(groups)
            .collect()
    }

    fn roles(self) -> Vec<Expected> {
        let plain = (0..40).map(|i| self.object("aws_iam_role", format!("role-{i}")));
        let named =
            ["cluster", "node"].map(|name| self.object("aws_iam_role", format!("role-{name}")));
        let role = |i: u32| {
            format!(
                "kill-{i}-{}",
                if i.is_multiple_of(3) {
                    self.generation
                } else {
                    0
                }
            )
        };
        let second = match self.generation % 2 {
            0 => "SecurityAudit",
            _ => "job-function/ViewOnlyAccess",
        };
        let first = (0..40).map(|i| attachment(&role(i), "ReadOnlyAccess"));
        let second = (0..14).map(|i| attachment(&role(i), second));
        let services = [
            attachment("kill-cluster", "AmazonEKSClusterPolicy"),
            attachment("kill-node", "AmazonEKSWorkerNodePolicy"),
        ];
        plain
            .chain(named)
            .chain(first)
            .chain(second)
            .chain(services)
            .collect()
    }

    fn clusters(self) -> Vec<Expected> {
        let clusters = (0..2).map(|i| self.object("aws_eks_cluster", format!("cluster-{i}")));
        let pools = (0..10).map(|i| self.object("aws_eks_node_group", format!("pool-{i}")));
        clusters.chain(pools).collect()
    }

    /// The first and the second object of a type.
    fn two(self, resource: &'static str, name: &str) -> [Expected; 2] {
        [0, 1].map(|i| self.object(resource, format!("{name}-{i}")))
    }

    fn other_networks(self) -> Vec<Expected> {
        let gateways = self.two("aws_nat_gateway", "nat");
        let [first, second] = gateways;
        let gateways = [
            self.generation_tag(first, false),
            self.generation_tag(second, true),
        ];
        let subnets = self
            .two("aws_subnet", "private")
            .map(|subnet| self.generation_tag(subnet, false));
        let ends = ["gateway", "interface"]
            .map(|kind| self.object("aws_vpc_endpoint", format!("endpoint-{kind}")));
        let block = "aws_vpc_ipv4_cidr_block_association";
        let mut all = vec![untagged(block, block.to_owned())];
        all.extend(self.two("aws_eip", "address"));
        all.extend(gateways);
        all.extend(self.two("aws_egress_only_internet_gateway", "egress"));
        all.extend(subnets);
        all.extend(ends);
        all.extend(self.two("aws_launch_template", "template"));
        all
    }

    fn other_identities(self) -> Vec<Expected> {
        let roles =
            ["pods", "fargate"].map(|name| self.object("aws_iam_role", format!("role-{name}")));
        let mut all = vec![attachment(
            "kill-fargate",
            "AmazonEKSFargatePodExecutionRolePolicy",
        )];
        all.extend(roles);
        all.extend(self.two("aws_iam_policy", "policy"));
        all.extend(self.two("aws_iam_instance_profile", "profile"));
        all.extend(self.two("aws_iam_openid_connect_provider", "issuer"));
        all
    }

    /// Keys, logs and images. The second group and repository are replaced, and the alias.
    fn stores(self) -> Vec<Expected> {
        let alias = format!("alias/kill-{}", self.generation);
        let mut all = vec![
            untagged("aws_kms_alias", alias),
            self.object("aws_kms_key", "key-0".to_owned()),
            self.object("aws_kms_key", "key-1".to_owned()),
        ];
        all.extend(self.two("aws_cloudwatch_log_group", "logs"));
        all.extend(self.two("aws_ecr_repository", "images"));
        all
    }

    fn other_clusters(self) -> Vec<Expected> {
        let policy = match self.generation % 2 {
            0 => "View",
            _ => "Edit",
        };
        let policy = format!(
            "kill-1/arn:aws:iam::123456789012:role/kill-1-0/arn:aws:eks::aws:cluster-access-policy/AmazonEKS{policy}Policy"
        );
        let mut all = vec![
            untagged("aws_eks_access_policy_association", policy),
            self.object("aws_eks_fargate_profile", "profile".to_owned()),
            self.object("aws_eks_identity_provider_config", "people".to_owned()),
        ];
        all.extend(self.two("aws_eks_access_entry", "entry"));
        all.extend(self.two("aws_eks_addon", "addon"));
        all.extend(self.two("aws_eks_pod_identity_association", "identity"));
        all
    }
}

/// What has no tags.
fn untagged(resource: &'static str, name: String) -> Expected {
    Expected {
        resource,
        name,
        tags: BTreeMap::new(),
    }
}

fn attachment(role: &str, policy: &str) -> Expected {
    let id = format!("{role}/arn:aws:iam::aws:policy/{policy}");
    untagged("aws_iam_role_policy_attachment", id)
}

/// Every type that Strata knows at AWS has an object in the fixture: what is new is killed, too.
#[test]
fn every_type_is_in_the_fixture() {
    let inputs = Inputs {
        phase: "one",
        generation: 0,
    };
    let expected = inputs.expected();
    let there: BTreeSet<&str> = expected.iter().map(|object| object.resource).collect();
    let providers = strata::wiring::providers();
    let known: BTreeSet<&str> = providers
        .iter()
        .flat_map(|provider| provider.schemas())
        .filter(|schema| schema.mode == Mode::Managed && schema.name.starts_with("aws_"))
        .map(|schema| schema.name)
        .collect();
    assert_eq!(there, known, "types of the fixture, and of the provider");
}
