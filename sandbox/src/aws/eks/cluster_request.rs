//! What callers send about clusters. Unknown members are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::aws::error::AwsError;
use crate::aws::tags::{MAX_TAGS, TagProblem, TagRules};

use super::invalid_parameter;

/// The body of CreateCluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateCluster {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) role_arn: String,
    pub(super) resources_vpc_config: VpcConfig,
    pub(super) kubernetes_network_config: Option<NetworkConfig>,
    pub(super) logging: Option<Logging>,
    pub(super) client_request_token: Option<String>,
    pub(super) tags: Option<BTreeMap<String, String>>,
    pub(super) encryption_config: Option<Vec<Encryption>>,
    pub(super) access_config: Option<AccessConfig>,
    pub(super) bootstrap_self_managed_addons: Option<bool>,
    pub(super) upgrade_policy: Option<UpgradePolicy>,
    pub(super) zonal_shift_config: Option<Switch>,
    pub(super) deletion_protection: Option<bool>,
    pub(super) compute_config: Option<ComputeConfig>,
    pub(super) storage_config: Option<StorageConfig>,
}

/// The body of UpdateClusterConfig.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateConfig {
    pub(super) resources_vpc_config: Option<VpcConfig>,
    pub(super) logging: Option<Logging>,
    pub(super) client_request_token: Option<String>,
    pub(super) access_config: Option<AccessConfig>,
    pub(super) upgrade_policy: Option<UpgradePolicy>,
    pub(super) zonal_shift_config: Option<Switch>,
    pub(super) deletion_protection: Option<bool>,
    pub(super) compute_config: Option<ComputeConfig>,
    pub(super) kubernetes_network_config: Option<NetworkConfig>,
    pub(super) storage_config: Option<StorageConfig>,
}

/// The body of UpdateClusterVersion.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateVersion {
    pub(super) version: String,
    pub(super) client_request_token: Option<String>,
    #[expect(
        dead_code,
        reason = "it overrides upgrade insights, which are not emulated"
    )]
    pub(super) force: Option<bool>,
}

/// Where the control plane stands and who reaches it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VpcConfig {
    pub(super) subnet_ids: Option<Vec<String>>,
    pub(super) security_group_ids: Option<Vec<String>>,
    pub(super) endpoint_public_access: Option<bool>,
    pub(super) endpoint_private_access: Option<bool>,
    pub(super) public_access_cidrs: Option<Vec<String>>,
}

/// The network of services.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkConfig {
    pub(super) service_ipv4_cidr: Option<String>,
    pub(super) ip_family: Option<String>,
    pub(super) elastic_load_balancing: Option<Switch>,
}

/// Nodes of Auto Mode.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ComputeConfig {
    pub(super) enabled: Option<bool>,
    pub(super) node_pools: Option<Vec<String>>,
    pub(super) node_role_arn: Option<String>,
}

/// Volumes of Auto Mode.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StorageConfig {
    pub(super) block_storage: Option<Switch>,
}

/// Something that is on or off.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Switch {
    pub(super) enabled: Option<bool>,
}

impl Switch {
    /// Tells whether an optional switch is there and on.
    pub(super) fn on(switch: Option<&Self>) -> bool {
        switch.and_then(|switch| switch.enabled).unwrap_or_default()
    }
}

/// Which logs go to CloudWatch.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Logging {
    pub(super) cluster_logging: Option<Vec<LogSetup>>,
}

/// A few kinds of logs, on or off.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogSetup {
    pub(super) types: Option<Vec<String>>,
    pub(super) enabled: Option<bool>,
}

/// All kinds of logs.
pub(super) const LOG_TYPES: [&str; 5] = [
    "api",
    "audit",
    "authenticator",
    "controllerManager",
    "scheduler",
];

impl Logging {
    /// Returns the kinds that are on after applying this to those that were on before.
    pub(super) fn apply(&self, before: &BTreeSet<String>) -> Result<BTreeSet<String>, AwsError> {
        let mut on = before.clone();
        let mut named = BTreeSet::new();
        for setup in self.cluster_logging.iter().flatten() {
            for kind in setup.types.iter().flatten() {
                if !LOG_TYPES.contains(&kind.as_str()) {
                    return Err(invalid_parameter(format!("Invalid logging type: {kind}")));
                }
                if !named.insert(kind.clone()) {
                    return Err(invalid_parameter(format!("Duplicate logging type: {kind}")));
                }
                if setup.enabled.unwrap_or_default() {
                    on.insert(kind.clone());
                } else {
                    on.remove(kind);
                }
            }
        }
        Ok(on)
    }
}

/// Envelope encryption of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Encryption {
    pub(super) resources: Vec<String>,
    pub(super) provider: EncryptionProvider,
}

/// The body of AssociateEncryptionConfig.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AssociateEncryption {
    pub(super) encryption_config: Vec<Encryption>,
    pub(super) client_request_token: Option<String>,
}

/// The key of the encryption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EncryptionProvider {
    pub(super) key_arn: String,
}

/// Who may use the cluster's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessConfig {
    pub(super) bootstrap_cluster_creator_admin_permissions: Option<bool>,
    pub(super) authentication_mode: Option<String>,
}

/// From the oldest to the newest; a cluster only moves forward.
pub(super) const AUTH_MODES: [&str; 3] = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];

/// Whether a version is kept beyond its standard support.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpgradePolicy {
    pub(super) support_type: Option<String>,
}

/// Refuses a text that is not among `allowed`.
pub(super) fn one_of(member: &str, text: &str, allowed: &[&str]) -> Result<(), AwsError> {
    if allowed.contains(&text) {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "{member} has the value {text}, but must be one of [{}]",
        allowed.join(", ")
    )))
}

const TAG_RULES: TagRules = TagRules {
    key_chars: 128,
    value_chars: 256,
    plain: false,
};

/// Refuses tags that EKS does not take.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    TAG_RULES.check(tags).map_err(|problem| match problem {
        TagProblem::TooMany => invalid_parameter(format!(
            "The number of tags exceeds the limit of {MAX_TAGS}"
        )),
        TagProblem::Reserved(key) => {
            invalid_parameter(format!("Tag key {key} must not start with aws:"))
        }
        TagProblem::EmptyKey => invalid_parameter("Tag key must not be empty"),
        TagProblem::KeyLength(key) => {
            invalid_parameter(format!("Tag key {key} is longer than 128 characters"))
        }
        TagProblem::ValueLength(key) => invalid_parameter(format!(
            "The value of tag {key} is longer than 256 characters"
        )),
        TagProblem::Characters(key) => {
            invalid_parameter(format!("Tag {key} has invalid characters"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, before: &[&str], expected: Option<&[&str]>) {
        let logging: Logging = serde_json::from_str(json).unwrap();
        let before = before.iter().map(|s| (*s).to_owned()).collect();
        let expected = expected.map(|kinds| kinds.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(logging.apply(&before).ok(), expected, "{json}");
    }

    #[test]
    fn logging_is_a_set_of_switches() {
        let on = r#"{"clusterLogging":[{"types":["api","audit"],"enabled":true}]}"#;
        check(on, &[], Some(&["api", "audit"]));
        check(on, &["scheduler"], Some(&["api", "audit", "scheduler"]));
        check(
            r#"{"clusterLogging":[{"types":["api"],"enabled":false}]}"#,
            &["api"],
            Some(&[]),
        );
        check(
            r#"{"clusterLogging":[{"types":["nonsense"],"enabled":true}]}"#,
            &[],
            None,
        );
        check("{}", &["api"], Some(&["api"]));
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(serde_json::from_str::<VpcConfig>(r#"{"subnets":[]}"#).is_err());
    }
}
