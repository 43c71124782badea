//! All resource types and data sources: one line each.

use strata_model::provider::{ArgumentFault, ProviderError};
use strata_model::schema::ResourceSchema;
use strata_model::{Mode, Value};

use crate::adapter::{Adapter, ErasedType};
use crate::checks::Checks;
use crate::data::{
    DataSource, availability_zones::AvailabilityZones, caller_identity::CallerIdentity,
    eks_cluster::ExistingCluster, iam_policy_document::PolicyDocument,
    iam_session_context::SessionContext, partition::Partition, region::Region,
    subnets::ExistingSubnets, vpc::ExistingVpc,
};
use crate::ec2::{
    egress_only_gateway::EgressOnlyGateways, eip::Eips, internet_gateway::InternetGateways,
    launch_template::LaunchTemplates, nat_gateway::NatGateways, route_table::RouteTables,
    security_group::SecurityGroups, subnet::Subnets, vpc::Vpcs, vpc_cidr::CidrAssociations,
    vpc_endpoint::VpcEndpoints,
};
use crate::eks::{
    access_entry::AccessEntries, access_policy::AccessPolicies, addon::Addons, cluster::Clusters,
    fargate::FargateProfiles, identity_provider::IdentityProviders, node_group::NodeGroups,
    pod_identity::PodIdentities,
};
use crate::iam::{
    customer_policy::Policies, instance_profile::InstanceProfiles, oidc_provider::OidcProviders,
    role::Roles, role_policy_attachment::RolePolicyAttachments,
};

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
];

const DATA: &[&dyn DataSource] = &[
    &AvailabilityZones,
    &CallerIdentity,
    &ExistingCluster,
    &ExistingSubnets,
    &ExistingVpc,
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

    pub(crate) fn schema(&self, mode: Mode, name: &str) -> Result<&ResourceSchema, ProviderError> {
        self.schemas
            .iter()
            .find(|schema| schema.mode == mode && schema.name == name)
            .ok_or_else(|| ProviderError::bug(format!("the provider aws has no type {name}")))
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

    /// Checks the arguments of a resource type or data source. A name may be both: the arguments have every attribute of
    /// the schema, so that they say which is meant.
    pub(crate) fn validate(&self, name: &str, config: &Value) -> Vec<ArgumentFault> {
        let names = |schema: &ResourceSchema| {
            let members = config.members();
            members.is_some_and(|members| members.keys().eq(schema.schema.attributes().keys()))
        };
        let source = self.data(name);
        match self.managed(name) {
            Ok((ty, schema)) if source.is_err() || names(schema) => ty.validate(config),
            Ok(_) | Err(_) => {
                let mut checks = Checks::new(config);
                if let Ok((source, _)) = source {
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
    fn a_name_of_both_is_told_apart_by_its_arguments() {
        let registry = Registry::new();
        let faults = |mode, given: &str| {
            let schema = registry.schema(mode, "aws_eks_cluster").unwrap();
            let members = schema.schema.attributes().keys().map(|name| {
                let value = match name.as_ref() {
                    "name" => Value::from(given),
                    // An argument of the resource type, and an attribute of the data source.
                    "role_arn" if mode == Mode::Managed => Value::from(given),
                    _ => Value::null(),
                };
                (name.clone(), value)
            });
            let config = Value::object(members);
            registry.validate("aws_eks_cluster", &config).len()
        };
        assert_eq!(faults(Mode::Data, "a"), 0);
        assert_eq!(faults(Mode::Data, "-"), 1);
        assert_eq!(faults(Mode::Managed, "-"), 2);
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
