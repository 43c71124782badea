//! `aws_eks_cluster`: attributes and checks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema, Timeouts};

use crate::checks::{Checks, Pattern};
use crate::eks::MINUTE;
use crate::eks::auto_mode::{self, ComputeConfig, StorageConfig, Switch, switch};
use crate::resource;
use crate::tags::{self, Tags};

pub(super) const NAME: &str = "aws_eks_cluster";

/// The authentication modes in the only order in which they can change.
pub(super) const MODES: [&str; 3] = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
const LOG_TYPES: [&str; 5] = [
    "api",
    "audit",
    "authenticator",
    "controllerManager",
    "scheduler",
];

/// A cluster. Its id is its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    pub(super) id: Option<String>,
    pub(super) arn: Option<String>,
    pub(super) name: String,
    pub(super) role_arn: String,
    pub(super) version: Option<String>,
    pub(super) vpc_config: VpcConfig,
    pub(super) kubernetes_network_config: Option<NetworkConfig>,
    pub(super) access_config: Option<AccessConfig>,
    pub(super) upgrade_policy: Option<UpgradePolicy>,
    pub(super) encryption_config: Option<EncryptionConfig>,
    pub(super) enabled_cluster_log_types: Option<BTreeSet<String>>,
    pub(super) bootstrap_self_managed_addons: Option<bool>,
    pub(super) deletion_protection: Option<bool>,
    pub(super) compute_config: Option<ComputeConfig>,
    pub(super) storage_config: Option<StorageConfig>,
    pub(super) zonal_shift_config: Option<Switch>,
    pub(super) endpoint: Option<String>,
    pub(super) certificate_authority: Option<CertificateAuthority>,
    pub(super) identity: Option<Identity>,
    pub(super) platform_version: Option<String>,
    pub(super) status: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) tags: Option<Tags>,
    pub(super) tags_all: Option<Tags>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct VpcConfig {
    pub(super) subnet_ids: BTreeSet<String>,
    pub(super) security_group_ids: Option<BTreeSet<String>>,
    pub(super) endpoint_private_access: bool,
    pub(super) endpoint_public_access: bool,
    pub(super) public_access_cidrs: Option<BTreeSet<String>>,
    pub(super) cluster_security_group_id: Option<String>,
    pub(super) vpc_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkConfig {
    pub(super) service_ipv4_cidr: Option<String>,
    pub(super) ip_family: Option<String>,
    pub(super) service_ipv6_cidr: Option<String>,
    pub(super) elastic_load_balancing: Option<Switch>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AccessConfig {
    pub(super) authentication_mode: Option<String>,
    pub(super) bootstrap_cluster_creator_admin_permissions: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpgradePolicy {
    pub(super) support_type: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EncryptionConfig {
    pub(super) provider: KeyProvider,
    pub(super) resources: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeyProvider {
    pub(super) key_arn: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificateAuthority {
    pub(super) data: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Identity {
    pub(super) oidc: Option<Oidc>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Oidc {
    pub(super) issuer: Option<String>,
}

/// What the provider learns only once the control plane stands.
pub(super) const LATE: [&str; 5] = [
    "endpoint",
    "certificate_authority",
    "identity",
    "platform_version",
    "status",
];

#[expect(clippy::too_many_lines, reason = "one table, a row for each attribute")]
pub(super) fn schema() -> ResourceSchema {
    let schema = Schema::new([
        resource::id("Name of the cluster."),
        resource::arn(),
        (
            "name",
            Attribute::required(AttributeType::String, "Name, unique in account and region.")
                .replaces(),
        ),
        (
            "role_arn",
            Attribute::required(AttributeType::String, "Role that EKS takes on.").replaces(),
        ),
        (
            "version",
            Attribute::optional_computed(
                AttributeType::String,
                "Kubernetes version, such as `1.33`; EKS's default if left out. It only rises, one minor at a time.",
            ),
        ),
        (
            "vpc_config",
            Attribute::required(vpc_config(), "Network of the control plane."),
        ),
        (
            "kubernetes_network_config",
            Attribute::optional_computed(network_config(), "Addresses of services."),
        ),
        (
            "access_config",
            Attribute::optional_computed(access_config(), "Who may use the cluster."),
        ),
        (
            "upgrade_policy",
            Attribute::optional_computed(upgrade_policy(), "How long versions are supported."),
        ),
        (
            "encryption_config",
            Attribute::optional_computed(
                encryption_config(),
                "Encryption of secrets by a key of one's own; as it is if left out. It can be added to a cluster, and not be taken away; another key replaces the cluster.",
            ),
        ),
        (
            "enabled_cluster_log_types",
            Attribute::optional(
                AttributeType::string_set(),
                "Logs of the control plane that go to CloudWatch: `api`, `audit`, `authenticator`, \
                 `controllerManager`, `scheduler`.",
            ),
        ),
        (
            "bootstrap_self_managed_addons",
            Attribute::optional(
                AttributeType::Bool,
                "Whether EKS installs its default add-ons when it makes the cluster.",
            )
            .default_value(true)
            .replaces(),
        ),
        (
            "deletion_protection",
            Attribute::optional_computed(
                AttributeType::Bool,
                "Whether EKS refuses to delete the cluster; as it is if left out, at first not.",
            ),
        ),
        (
            "compute_config",
            Attribute::optional(
                auto_mode::compute_type(),
                "Nodes of Auto Mode. It is on or off as a whole, with load balancers and volumes.",
            ),
        ),
        (
            "storage_config",
            Attribute::optional(auto_mode::storage_type(), "Volumes of Auto Mode."),
        ),
        (
            "zonal_shift_config",
            Attribute::optional_computed(
                switch("Whether it may."),
                "Whether traffic may be moved out of a zone that is impaired; as it is if left out, at first not.",
            ),
        ),
        computed("endpoint", "URL of the Kubernetes API."),
        (
            "certificate_authority",
            Attribute::computed(
                AttributeType::object([computed("data", "Certificate in base64.")]),
                "Certificate authority of the Kubernetes API.",
            ),
        ),
        (
            "identity",
            Attribute::computed(
                AttributeType::object([(
                    "oidc",
                    Attribute::computed(
                        AttributeType::object([computed("issuer", "URL of the issuer.")]),
                        "Issuer of the tokens of service accounts.",
                    ),
                )]),
                "Identity provider of the cluster.",
            ),
        ),
        computed(
            "platform_version",
            "EKS's own version of the control plane.",
        ),
        computed("status", "Status, such as `ACTIVE`."),
        computed("created_at", "When the cluster was created."),
        tags::argument(),
        tags::all(),
    ]);
    ResourceSchema {
        consistency_window: super::CONSISTENCY_WINDOW,
        holds_data: true,
        hosts: true,
        host_version: Some("version"),
        unique_name: Some("name"),
        timeouts: Timeouts {
            create: Duration::from_secs(30 * MINUTE),
            update: Duration::from_secs(60 * MINUTE),
            delete: Duration::from_secs(30 * MINUTE),
        },
        ..ResourceSchema::managed(
            NAME,
            Adoption::Name,
            schema,
            "An EKS cluster: the control plane of Kubernetes.",
        )
    }
}

fn computed(name: &'static str, description: &'static str) -> (&'static str, Attribute) {
    (
        name,
        Attribute::computed(AttributeType::String, description),
    )
}

fn vpc_config() -> AttributeType {
    AttributeType::object([
        (
            "subnet_ids",
            Attribute::required(
                AttributeType::string_set(),
                "Subnets for the control plane's network interfaces, in at least two zones.",
            ),
        ),
        (
            "security_group_ids",
            Attribute::optional(
                AttributeType::string_set(),
                "Further security groups of those interfaces, at most 5.",
            ),
        ),
        (
            "endpoint_private_access",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the API is reached from inside the VPC.",
            )
            .default_value(false),
        ),
        (
            "endpoint_public_access",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the API is reached from the internet.",
            )
            .default_value(true),
        ),
        (
            "public_access_cidrs",
            Attribute::optional_computed(
                AttributeType::string_set(),
                "Blocks from which the API is reached from the internet; all if left out.",
            ),
        ),
        computed(
            "cluster_security_group_id",
            "Security group that EKS made for the cluster.",
        ),
        (
            "vpc_id",
            Attribute::optional_computed(
                AttributeType::String,
                "VPC of the subnets. A cluster cannot leave it: where it is said, another one replaces the cluster.",
            )
            .replaces(),
        ),
    ])
}

fn network_config() -> AttributeType {
    AttributeType::object([
        (
            "service_ipv4_cidr",
            Attribute::optional_computed(
                AttributeType::String,
                "IPv4 block of services, outside the VPC.",
            )
            .replaces(),
        ),
        (
            "ip_family",
            Attribute::optional_computed(AttributeType::String, "`ipv4` or `ipv6`.").replaces(),
        ),
        computed("service_ipv6_cidr", "IPv6 block of services."),
        (
            "elastic_load_balancing",
            Attribute::optional(
                switch("Whether Auto Mode makes the load balancers."),
                "Load balancers of Auto Mode.",
            ),
        ),
    ])
}

fn access_config() -> AttributeType {
    AttributeType::object([
        (
            "authentication_mode",
            Attribute::optional_computed(
                AttributeType::String,
                "`CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`; it can only move in this order.",
            ),
        ),
        (
            "bootstrap_cluster_creator_admin_permissions",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the creator becomes an administrator of the cluster.",
            )
            .default_value(true)
            .replaces(),
        ),
    ])
}

fn encryption_config() -> AttributeType {
    let provider = AttributeType::object([(
        "key_arn",
        Attribute::required(AttributeType::String, "ARN of the KMS key."),
    )]);
    AttributeType::object([
        (
            "provider",
            Attribute::required(provider, "The key of the encryption."),
        ),
        (
            "resources",
            Attribute::required(
                AttributeType::string_set(),
                "What is encrypted: only `secrets`.",
            ),
        ),
    ])
}

fn upgrade_policy() -> AttributeType {
    AttributeType::object([(
        "support_type",
        Attribute::optional_computed(
            AttributeType::String,
            "`STANDARD`, or `EXTENDED`, which costs more.",
        ),
    )])
}

pub(super) fn validate(checks: &mut Checks<'_>) {
    checks.text("name", |name| Pattern::ClusterName.check(name));
    checks.text("role_arn", |arn| Pattern::Arn.check(arn));
    checks.text("version", |version| {
        Pattern::KubernetesVersion.check(version)
    });
    checks.texts("vpc_config.public_access_cidrs", |block| {
        Pattern::Cidr.check(block)
    });
    checks.text("kubernetes_network_config.service_ipv4_cidr", |block| {
        Pattern::Cidr4.check(block)
    });
    checks.one_of("kubernetes_network_config.ip_family", &["ipv4", "ipv6"]);
    checks.one_of("access_config.authentication_mode", &MODES);
    checks.one_of("upgrade_policy.support_type", &["STANDARD", "EXTENDED"]);
    checks.text("encryption_config.provider.key_arn", |arn| {
        Pattern::Arn.check(arn)
    });
    checks.texts("encryption_config.resources", |kind| {
        (kind != "secrets").then(|| format!("must be secrets, not '{kind}'."))
    });
    checks.texts("enabled_cluster_log_types", |kind| {
        (!LOG_TYPES.contains(&kind))
            .then(|| format!("must be one of {}, not '{kind}'.", LOG_TYPES.join(", ")))
    });
    let count =
        |checks: &Checks<'_>, path| checks.known(path).and_then(Value::elements).map(<[_]>::len);
    if count(checks, "vpc_config.subnet_ids").is_some_and(|count| count < 2) {
        checks.fault(
            "vpc_config.subnet_ids",
            "must be at least two, in different availability zones.",
        );
    }
    if count(checks, "vpc_config.security_group_ids").is_some_and(|count| count > 5) {
        checks.fault("vpc_config.security_group_ids", "must be at most 5.");
    }
    let flag = |checks: &Checks<'_>, path| checks.known(path).and_then(Value::as_bool);
    let public = flag(checks, "vpc_config.endpoint_public_access");
    // What is left out is off for the private endpoint.
    let private = checks
        .config()
        .get("vpc_config")
        .and_then(|vpc| vpc.get("endpoint_private_access"));
    let no_private = private.is_none_or(|value| value.is_null() || value.as_bool() == Some(false));
    auto_mode::validate(checks);
    if public == Some(false) && no_private {
        checks.fault(
            "vpc_config.endpoint_public_access",
            "must not be off while endpoint_private_access is off too.",
        );
    }
}
