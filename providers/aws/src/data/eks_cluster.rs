//! `aws_eks_cluster` as a data source.

use async_trait::async_trait;
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::eks::cluster;
use crate::error::Failure;

/// `aws_eks_cluster` as a data source.
#[derive(Debug)]
pub(crate) struct ExistingCluster;

#[async_trait]
impl DataSource for ExistingCluster {
    fn schema(&self) -> ResourceSchema {
        let set = |description| Attribute::computed(AttributeType::string_set(), description);
        let flag = |description| Attribute::computed(AttributeType::Bool, description);
        let object = |ty, description| Attribute::computed(ty, description);
        let oidc = AttributeType::object([text("issuer", "URL of the issuer.")]);
        let vpc = AttributeType::object([
            ("subnet_ids", set("Subnets of the control plane.")),
            ("security_group_ids", set("Further security groups.")),
            (
                "endpoint_private_access",
                flag("Whether the API is reached inside the VPC."),
            ),
            (
                "endpoint_public_access",
                flag("Whether the API is reached from the internet."),
            ),
            ("public_access_cidrs", set("From where it is.")),
            text("cluster_security_group_id", "Security group that EKS made."),
            text("vpc_id", "The VPC."),
        ]);
        let network = AttributeType::object([
            text("service_ipv4_cidr", "IPv4 block of services."),
            text("service_ipv6_cidr", "IPv6 block of services."),
            text("ip_family", "`ipv4` or `ipv6`."),
        ]);
        let authority = AttributeType::object([text("data", "Certificate, in base64.")]);
        let identity =
            AttributeType::object([("oidc", object(oidc, "Issuer of service accounts."))]);
        let schema = Schema::new([
            (
                "name",
                Attribute::required(AttributeType::String, "Name of the cluster."),
            ),
            text("id", "Name of the cluster."),
            text("arn", "ARN of the cluster."),
            text("role_arn", "Role that EKS takes on."),
            text("version", "Kubernetes version."),
            text("platform_version", "Version of EKS's own parts."),
            text("status", "Status, such as `ACTIVE`."),
            text("created_at", "When the cluster was created."),
            text("endpoint", "URL of the Kubernetes API."),
            (
                "certificate_authority",
                object(authority, "Authority of the Kubernetes API."),
            ),
            ("identity", object(identity, "Issuers of the cluster.")),
            ("vpc_config", object(vpc, "Network of the control plane.")),
            (
                "kubernetes_network_config",
                object(network, "Addresses of services."),
            ),
            ("enabled_cluster_log_types", set("Logs that are on.")),
            (
                "deletion_protection",
                flag("Whether EKS refuses to delete the cluster."),
            ),
            (
                "tags",
                object(AttributeType::string_map(), "Tags of the cluster."),
            ),
        ]);
        ResourceSchema::data(
            "aws_eks_cluster",
            schema,
            "An EKS cluster, whoever made it.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("name", |name| Pattern::ClusterName.check(name));
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let name = arguments["name"].as_str().unwrap_or_default();
        let Some(mut all) = cluster::existing(cloud, name).await? else {
            return Err(Failure::refused(
                ProviderErrorKind::NotFound,
                format!("there is no EKS cluster {name} in the region"),
            ));
        };
        let names = [
            "name",
            "id",
            "arn",
            "role_arn",
            "version",
            "platform_version",
            "status",
            "created_at",
            "endpoint",
            "certificate_authority",
            "identity",
            "vpc_config",
            "kubernetes_network_config",
            "enabled_cluster_log_types",
            "deletion_protection",
        ];
        let mut told: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), all[*name].take()))
            .collect();
        told.insert("tags".to_owned(), json!(all["tags_all"].take()));
        Ok(told.into())
    }
}
