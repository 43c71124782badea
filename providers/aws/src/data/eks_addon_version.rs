//! `aws_eks_addon_version`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::eks::addon_versions::Offered;
use crate::error::Failure;

/// `aws_eks_addon_version`.
#[derive(Debug)]
pub(crate) struct AddonVersion;

#[derive(Debug, Deserialize)]
struct Arguments {
    addon_name: String,
    kubernetes_version: String,
    most_recent: Option<bool>,
}

#[async_trait]
impl DataSource for AddonVersion {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            (
                "addon_name",
                Attribute::required(AttributeType::String, "Name of the add-on, such as `vpc-cni`."),
            ),
            (
                "kubernetes_version",
                Attribute::required(AttributeType::String, "Version of the cluster, such as `1.35`."),
            ),
            (
                "most_recent",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether the newest version is told, and not the one that EKS installs by itself.",
                )
                .default_value(false),
            ),
            text("id", "Name of the add-on."),
            text("version", "The version, such as `v1.20.4-eksbuild.1`."),
        ]);
        ResourceSchema::data(
            "aws_eks_addon_version",
            schema,
            "The version of an add-on that fits a version of Kubernetes.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("kubernetes_version", |version| {
            Pattern::KubernetesVersion.check(version)
        });
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let arguments: Arguments = super::arguments(arguments)?;
        let (name, kubernetes) = (&arguments.addon_name, &arguments.kubernetes_version);
        let offered = Offered::of(cloud, name, kubernetes).await?;
        let most_recent = arguments.most_recent.unwrap_or_default();
        let version = if most_recent {
            offered.newest()
        } else {
            offered.default()
        };
        let version = version.ok_or_else(|| offered.none())?;
        Ok(json!({
            "addon_name": name,
            "kubernetes_version": kubernetes,
            "most_recent": most_recent,
            "id": name,
            "version": version,
        }))
    }
}
