//! All resource types and data sources: one line each.

use strata_model::provider::{ArgumentFault, ProviderError};
use strata_model::schema::ResourceSchema;
use strata_model::{Mode, Value};

use crate::adapter::{Adapter, ErasedType};
use crate::checks::Checks;
use crate::data::{
    DataSource, availability_zones::AvailabilityZones, caller_identity::CallerIdentity,
    eks_addon_version::AddonVersion, eks_cluster::ExistingCluster,
    eks_cluster_versions::ClusterVersions, iam_policy_document::PolicyDocument,
    iam_session_context::SessionContext, partition::Partition, region::Region,
    ssm_parameter::Parameter, subnets::ExistingSubnets, vpc::ExistingVpc,
};
use crate::ec2::{
    egress_only_gateway::EgressOnlyGateways, eip::Eips, internet_gateway::InternetGateways,
    launch_template::LaunchTemplates, nat_gateway::NatGateways, route_table::RouteTables,
    security_group::SecurityGroups, subnet::Subnets, vpc::Vpcs, vpc_cidr::CidrAssociations,
    vpc_endpoint::VpcEndpoints,
};
use crate::ecr::repository::Repositories;
use crate::eks::{
    access_entry::AccessEntries, access_policy::AccessPolicies, addon::Addons, cluster::Clusters,
    fargate::FargateProfiles, identity_provider::IdentityProviders, node_group::NodeGroups,
    pod_identity::PodIdentities,
};
use crate::iam::{
    customer_policy::Policies, instance_profile::InstanceProfiles, oidc_provider::OidcProviders,
    role::Roles, role_policy_attachment::RolePolicyAttachments,
};
use crate::kms::{alias::Aliases, key::Keys};
use crate::logs::log_group::LogGroups;

const MANAGED: &[&dyn ErasedType] = &[
    &Adapter(Vpcs),
    &Adapter(Subnets),
    &Adapter(InternetGateways),
    &Adapter(Eips),
    &Adapter(NatGateways),
    &Adapter(RouteTables),
    &Adapter(SecurityGroups),
    &Adapter(EgressOnlyGateways),
    &Adapter(CidrAssociations),
    &Adapter(VpcEndpoints),
    &Adapter(LaunchTemplates),
    &Adapter(Roles),
    &Adapter(RolePolicyAttachments),
    &Adapter(Policies),
    &Adapter(InstanceProfiles),
    &Adapter(OidcProviders),
    &Adapter(Clusters),
    &Adapter(NodeGroups),
    &Adapter(AccessEntries),
    &Adapter(AccessPolicies),
    &Adapter(Addons),
    &Adapter(PodIdentities),
    &Adapter(FargateProfiles),
    &Adapter(IdentityProviders),
    &Adapter(Keys),
    &Adapter(Aliases),
    &Adapter(LogGroups),
    &Adapter(Repositories),
];

const DATA: &[&dyn DataSource] = &[
    &AddonVersion,
    &AvailabilityZones,
    &CallerIdentity,
    &ClusterVersions,
    &ExistingCluster,
    &ExistingSubnets,
    &ExistingVpc,
    &Parameter,
    &Partition,
    &PolicyDocument,
    &Region,
    &SessionContext,
];

/// The types with their schemas, which are made once.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Those of `MANAGED`, then those of `DATA`, in order.
    schemas: Vec<ResourceSchema>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let managed = MANAGED.iter().map(|ty| ty.schema());
        let data = DATA.iter().map(|source| source.schema());
        Registry {
            schemas: managed.chain(data).collect(),
        }
    }

    pub(crate) fn schemas(&self) -> &[ResourceSchema] {
        &self.schemas
    }

    /// A resource type with its schema.
    pub(crate) fn managed(
        &self,
        name: &str,
    ) -> Result<(&'static dyn ErasedType, &ResourceSchema), ProviderError> {
        self.all_managed()
            .find(|(_, schema)| schema.name == name)
            .ok_or_else(|| {
                ProviderError::bug(format!("the provider aws has no resource type {name}"))
            })
    }

    /// All resource types with their schemas.
    pub(crate) fn all_managed(
        &self,
    ) -> impl Iterator<Item = (&'static dyn ErasedType, &ResourceSchema)> {
        MANAGED.iter().copied().zip(&self.schemas)
    }

    /// A data source.
    pub(crate) fn data(
        &self,
        name: &str,
    ) -> Result<(&'static dyn DataSource, &ResourceSchema), ProviderError> {
        DATA.iter()
            .copied()
            .zip(&self.schemas[MANAGED.len()..])
            .find(|(_, schema)| schema.name == name)
            .ok_or_else(|| {
                ProviderError::bug(format!("the provider aws has no data source {name}"))
            })
    }

    /// Checks the arguments of a resource type or data source; a name may be both.
    pub(crate) fn validate(&self, mode: Mode, name: &str, config: &Value) -> Vec<ArgumentFault> {
        match mode {
            Mode::Managed => self
                .managed(name)
                .map(|(ty, _)| ty.validate(config))
                .unwrap_or_default(),
            Mode::Data => {
                let mut checks = Checks::new(config);
                if let Ok((source, _)) = self.data(name) {
                    source.validate(&mut checks);
                }
                checks.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let registry = Registry::new();
        let mut names: Vec<(bool, &str)> = registry
            .schemas()
            .iter()
            .map(|schema| (schema.mode == Mode::Data, schema.name))
            .collect();
        assert!(names.iter().all(|(_, name)| name.starts_with("aws_")));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_name_of_both_is_checked_as_what_it_is() {
        let registry = Registry::new();
        let members = [("name", Value::from("-")), ("role_arn", Value::from("-"))];
        let config = Value::object(members);
        let faults = |mode| registry.validate(mode, "aws_eks_cluster", &config).len();
        // The role is an argument of the resource type, and an attribute of the data source.
        assert_eq!(faults(Mode::Data), 1);
        assert_eq!(faults(Mode::Managed), 2);
        assert_eq!(registry.validate(Mode::Data, "aws_eks_addon", &config), []);
    }

    #[test]
    fn what_arguments_name_is_there_and_stays() {
        let registry = Registry::new();
        for schema in registry.schemas() {
            for (name, attribute) in schema.schema.attributes() {
                let Some(naming) = attribute.names else {
                    continue;
                };
                let (_, target) = registry.managed(naming.resource_type).unwrap();
                let named = target.schema.attribute(naming.attribute);
                let stays = named.is_some_and(|named| named.replace);
                assert!(stays, "{}.{name} names {naming:?}", schema.name);
                for one in [schema, target] {
                    let has = |argument| one.schema.attribute(argument).is_some();
                    assert!(naming.within.is_none_or(has), "{}: {naming:?}", one.name);
                }
            }
        }
    }

    #[test]
    fn every_attribute_is_described() {
        for schema in Registry::new().schemas() {
            for (name, attribute) in schema.schema.attributes() {
                assert!(
                    attribute.description.ends_with('.'),
                    "{}.{name}",
                    schema.name
                );
            }
        }
    }
}
