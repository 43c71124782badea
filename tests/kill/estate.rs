//! What the fixture `kill` declares, said a second time: the judge does not take Strata's word for it.

use std::collections::BTreeMap;

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
pub(crate) const OBJECTS: usize = 200;

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
}

fn attachment(role: &str, policy: &str) -> Expected {
    Expected {
        resource: "aws_iam_role_policy_attachment",
        name: format!("{role}/arn:aws:iam::aws:policy/{policy}"),
        tags: BTreeMap::new(),
    }
}
