//! The provider's configuration: its schema, its checks, and its typed form.

use std::collections::BTreeMap;

use serde::Deserialize;
use strata_model::provider::{ArgumentFault, ProviderConfig, ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, Schema};

use crate::checks::{Checks, Pattern};
use crate::tags::{self, Tags};

/// The services that have an endpoint of their own.
const SERVICES: [&str; 10] = [
    "ec2",
    "ecr",
    "eks",
    "iam",
    "kms",
    "logs",
    "resourcegroupstaggingapi",
    "servicequotas",
    "ssm",
    "sts",
];

/// What a connection is configured with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) assume_role: Option<AssumeRole>,
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) default_tags: Tags,
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AssumeRole {
    pub(crate) role_arn: String,
    pub(crate) session_name: Option<String>,
    pub(crate) external_id: Option<String>,
}

impl Config {
    /// Reads an evaluated configuration.
    ///
    /// # Errors
    ///
    /// When it does not have the form of the schema.
    pub(crate) fn read(config: &ProviderConfig) -> Result<Self, ProviderError> {
        let values: serde_json::Map<_, _> = config
            .values
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        serde_json::from_value(values.into()).map_err(|error| {
            ProviderError::new(
                ProviderErrorKind::Invalid,
                format!("the configuration of the provider aws cannot be read: {error}"),
            )
        })
    }
}

/// What a `provider "aws"` block accepts.
pub(crate) fn schema() -> Schema {
    let text = |description| Attribute::optional(AttributeType::String, description);
    Schema::new([
        (
            "assume_role",
            Attribute::optional(
                AttributeType::object([
                    ("external_id", text("External id that the role asks for.")),
                    (
                        "role_arn",
                        Attribute::required(AttributeType::String, "ARN of the role."),
                    ),
                    (
                        "session_name",
                        text(
                            "Name of the session, as it appears in audit logs; `strata` if left out.",
                        ),
                    ),
                ]),
                "A role to take on after the credentials were found.",
            ),
        ),
        (
            "default_tags",
            Attribute::optional(
                AttributeType::string_map(),
                "Tags for every object that can carry tags; a resource's own `tags` win.",
            ),
        ),
        (
            "endpoints",
            Attribute::optional(
                AttributeType::string_map(),
                "Base URL by service (`ec2`, `ecr`, `eks`, `iam`, `kms`, `logs`, `resourcegroupstaggingapi`, `servicequotas`, `ssm`, `sts`), in place of the public one.",
            ),
        ),
        (
            "profile",
            text("Profile of the shared AWS configuration files; `AWS_PROFILE` if left out."),
        ),
        (
            "region",
            text(
                "Region; `AWS_REGION` or the profile's if left out. Objects of another region are replaced by new ones.",
            ),
        ),
    ])
}

/// Checks a `provider "aws"` block.
pub(crate) fn validate(config: &strata_model::Value) -> Vec<ArgumentFault> {
    let mut checks = Checks::new(config);
    checks.text("region", |region| Pattern::Region.check(region));
    checks.text("assume_role.role_arn", |arn| Pattern::Arn.check(arn));
    checks.keys("endpoints", |service| {
        (!SERVICES.contains(&service)).then(|| {
            format!(
                "has no service '{service}'; there are {}.",
                SERVICES.join(", ")
            )
        })
    });
    tags::check(&mut checks, "default_tags");
    checks.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use strata_model::provider::ProviderName;

    #[test]
    fn a_configuration_is_read() {
        let config = ProviderConfig {
            provider: ProviderName("aws".into()),
            values: [
                ("region".into(), json!("eu-central-1")),
                ("profile".into(), json!(null)),
                (
                    "assume_role".into(),
                    json!({"role_arn": "arn:aws:iam::1:role/a", "session_name": null}),
                ),
                ("default_tags".into(), json!({"team": "a"})),
            ]
            .into(),
        };
        let read = Config::read(&config).unwrap();
        assert_eq!(read.region.as_deref(), Some("eu-central-1"));
        assert_eq!(read.assume_role.unwrap().role_arn, "arn:aws:iam::1:role/a");
        assert_eq!(read.default_tags["team"], "a");
    }
}
