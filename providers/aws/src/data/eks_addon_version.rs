//! `aws_eks_addon_version`.

use async_trait::async_trait;
use aws_sdk_eks::types::AddonVersionInfo;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::{Failure, found, send};

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
        let pages = cloud
            .clients()
            .await?
            .eks
            .describe_addon_versions()
            .addon_name(name)
            .kubernetes_version(kubernetes)
            .into_paginator()
            .items()
            .send();
        let list = send(
            "DescribeAddonVersions",
            pages.collect::<Result<Vec<_>, _>>(),
        )
        .await;
        let addons = found(list)?.unwrap_or_default();
        let versions = addons.iter().flat_map(|addon| addon.addon_versions());
        let versions: Vec<_> = versions.collect();
        let most_recent = arguments.most_recent.unwrap_or_default();
        let Some(version) = choose(&versions, kubernetes, most_recent) else {
            return Err(Failure::refused(
                ProviderErrorKind::NotFound,
                format!("there is no version of the EKS add-on {name} for Kubernetes {kubernetes}"),
            ));
        };
        Ok(json!({
            "addon_name": name,
            "kubernetes_version": kubernetes,
            "most_recent": most_recent,
            "id": name,
            "version": version,
        }))
    }
}

/// The newest version, which EKS tells first, or the one that it installs by itself.
fn choose<'a>(
    versions: &[&'a AddonVersionInfo],
    kubernetes: &str,
    most_recent: bool,
) -> Option<&'a str> {
    let is_default = |version: &AddonVersionInfo| {
        let mut fits = version.compatibilities().iter();
        fits.any(|fit| fit.cluster_version() == Some(kubernetes) && fit.default_version())
    };
    let chosen = versions
        .iter()
        .find(|version| most_recent || is_default(version));
    chosen.and_then(|version| version.addon_version())
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::Compatibility;

    use super::*;

    #[test]
    fn the_default_or_the_newest() {
        let version = |text: &str, default_for: &str| {
            let fits = ["1.34", "1.35"].map(|cluster| {
                Compatibility::builder()
                    .cluster_version(cluster)
                    .default_version(cluster == default_for)
                    .build()
            });
            AddonVersionInfo::builder()
                .addon_version(text)
                .set_compatibilities(Some(fits.into()))
                .build()
        };
        let (new, old) = (version("v2", "1.35"), version("v1", "1.34"));
        let all = [&new, &old];
        assert_eq!(choose(&all, "1.34", false), Some("v1"));
        assert_eq!(choose(&all, "1.35", false), Some("v2"));
        assert_eq!(choose(&all, "1.34", true), Some("v2"));
        assert_eq!(choose(&[], "1.34", true), None);
    }
}
