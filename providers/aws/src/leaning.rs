//! What objects lean on though nothing in their arguments names it: it has to be there before them, and go after them.
//!
//! A cluster cannot clean up after itself without the policies of its role, and what it writes while it goes makes its log
//! group again. Nodes drain only as long as they have their role's policies and their subnets' routes.
//!
//! Source: EKS's user guide, on the roles of clusters and nodes, and on deleting a cluster.

use std::collections::BTreeSet;

use strata_model::Value;

use crate::ec2::route_table::RouteTables;
use crate::eks::cluster::Clusters;
use crate::eks::fargate::FargateProfiles;
use crate::eks::node_group::NodeGroups;
use crate::iam::role_policy_attachment::RolePolicyAttachments;
use crate::logs::log_group::LogGroups;
use crate::resource::ResourceType;

/// The pairs of objects of which the first leans on the second, by their places.
pub(crate) fn pairs(objects: &[(&str, &Value)]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (at, (name, object)) in objects.iter().enumerate() {
        let own = match *name {
            Clusters::NAME => Needs::of_cluster(object),
            NodeGroups::NAME => Needs::of_nodes(object, "node_role_arn"),
            FargateProfiles::NAME => Needs::of_nodes(object, "pod_execution_role_arn"),
            _ => continue,
        };
        let others = objects.iter().enumerate();
        let needed = others.filter(|(_, (name, other))| own.include(name, other));
        pairs.extend(needed.map(|(other, _)| (at, other)));
    }
    pairs
}

/// What one object leans on.
struct Needs<'o> {
    /// The name of the role whose policies it needs.
    role: Option<&'o str>,
    log_group: Option<String>,
    /// The subnets whose routes it needs.
    subnets: BTreeSet<&'o str>,
}

impl<'o> Needs<'o> {
    fn of_cluster(cluster: &'o Value) -> Self {
        Needs {
            role: role_name(cluster, "role_arn"),
            log_group: text(cluster, "name").map(|name| format!("/aws/eks/{name}/cluster")),
            subnets: BTreeSet::new(),
        }
    }

    fn of_nodes(nodes: &'o Value, role: &str) -> Self {
        Needs {
            role: role_name(nodes, role),
            log_group: None,
            subnets: subnets(nodes),
        }
    }

    fn include(&self, name: &str, other: &Value) -> bool {
        match name {
            RolePolicyAttachments::NAME => self.role.is_some() && self.role == text(other, "role"),
            LogGroups::NAME => {
                self.log_group.is_some() && self.log_group.as_deref() == text(other, "name")
            }
            RouteTables::NAME => !self.subnets.is_disjoint(&subnets(other)),
            _ => false,
        }
    }
}

fn text<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}

/// The name of a role by its ARN, which may have a path.
fn role_name<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    text(object, name)?.rsplit('/').next()
}

fn subnets(object: &Value) -> BTreeSet<&str> {
    let subnets = object.get("subnet_ids").and_then(Value::elements);
    let subnets = subnets.into_iter().flatten();
    subnets.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, &str)]) -> Value {
        Value::object(fields.iter().map(|(name, text)| (*name, (*text).into())))
    }

    fn in_subnets(object: &Value, subnets: &[&str]) -> Value {
        let path = strata_model::AttributePath::attribute("subnet_ids");
        let subnets = subnets.iter().map(|subnet| (*subnet).into()).collect();
        object.with_at(&path, Value::tuple(subnets))
    }

    #[test]
    fn what_has_to_go_later() {
        let role = "arn:aws:iam::1:role/teams/a/nodes";
        let nodes = object(&[("cluster_name", "c"), ("node_role_arn", role)]);
        let objects = [
            (
                Clusters::NAME,
                object(&[("name", "c"), ("role_arn", "arn:aws:iam::1:role/plane")]),
            ),
            (NodeGroups::NAME, in_subnets(&nodes, &["s-1", "s-2"])),
            (RolePolicyAttachments::NAME, object(&[("role", "plane")])),
            (RolePolicyAttachments::NAME, object(&[("role", "nodes")])),
            (RolePolicyAttachments::NAME, object(&[("role", "others")])),
            (LogGroups::NAME, object(&[("name", "/aws/eks/c/cluster")])),
            (LogGroups::NAME, object(&[("name", "/aws/eks/d/cluster")])),
            (RouteTables::NAME, in_subnets(&object(&[]), &["s-2"])),
            (RouteTables::NAME, in_subnets(&object(&[]), &["s-3"])),
        ];
        let objects: Vec<(&str, &Value)> = objects
            .iter()
            .map(|(name, object)| (*name, object))
            .collect();
        assert_eq!(pairs(&objects), [(0, 2), (0, 5), (1, 3), (1, 7)]);
    }
}
