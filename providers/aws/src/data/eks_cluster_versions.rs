//! `aws_eks_cluster_versions`.

use async_trait::async_trait;
use aws_sdk_eks::types::{ClusterVersionInformation, VersionStatus};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::{Failure, send};

const STATUSES: &[&str] = &["STANDARD_SUPPORT", "EXTENDED_SUPPORT", "UNSUPPORTED"];

/// `aws_eks_cluster_versions`.
#[derive(Debug)]
pub(crate) struct ClusterVersions;

#[derive(Debug, Deserialize)]
struct Arguments {
    cluster_type: Option<String>,
    cluster_versions_only: Option<Vec<String>>,
    default_only: Option<bool>,
    include_all: Option<bool>,
    version_status: Option<String>,
}

#[async_trait]
impl DataSource for ClusterVersions {
    fn schema(&self) -> ResourceSchema {
        let optional = Attribute::optional;
        let schema = Schema::new([
            text("id", "The region."),
            (
                "cluster_type",
                optional(
                    AttributeType::String,
                    "Only versions for clusters of this type: `eks` or `eks-local-outposts`.",
                ),
            ),
            (
                "cluster_versions_only",
                optional(
                    AttributeType::strings(),
                    "Only these versions, such as `1.35`.",
                ),
            ),
            (
                "default_only",
                optional(
                    AttributeType::Bool,
                    "Only the version that a cluster gets that asks for none.",
                ),
            ),
            (
                "include_all",
                optional(
                    AttributeType::Bool,
                    "Whether versions are told that EKS does not support any more.",
                ),
            ),
            (
                "version_status",
                optional(
                    AttributeType::String,
                    "Only versions in `STANDARD_SUPPORT`, `EXTENDED_SUPPORT` or `UNSUPPORTED`.",
                ),
            ),
            (
                "cluster_versions",
                Attribute::computed(
                    AttributeType::List(Box::new(version())),
                    "The versions, the newest first.",
                ),
            ),
        ]);
        ResourceSchema::data(
            "aws_eks_cluster_versions",
            schema,
            "The versions of Kubernetes that EKS offers, and how long it supports them.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of("version_status", STATUSES);
        checks.one_of("cluster_type", &["eks", "eks-local-outposts"]);
        checks.texts("cluster_versions_only", |version| {
            Pattern::KubernetesVersion.check(version)
        });
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let arguments: Arguments = super::arguments(arguments)?;
        let status = arguments.version_status.as_deref();
        let pages = cloud
            .clients()
            .await?
            .eks
            .describe_cluster_versions()
            .set_cluster_type(arguments.cluster_type.clone())
            .set_cluster_versions(arguments.cluster_versions_only.clone())
            .set_default_only(arguments.default_only)
            .set_include_all(arguments.include_all)
            .set_version_status(status.map(VersionStatus::from))
            .into_paginator()
            .items()
            .send();
        let list = pages.collect::<Result<Vec<_>, _>>();
        let mut versions = send("DescribeClusterVersions", list).await?;
        versions.sort_by_key(|one| std::cmp::Reverse(rank(one)));
        let told: Vec<Value> = versions.iter().map(tell).collect();
        Ok(json!({
            "id": cloud.region().await?,
            "cluster_type": arguments.cluster_type,
            "cluster_versions_only": arguments.cluster_versions_only,
            "default_only": arguments.default_only,
            "include_all": arguments.include_all,
            "version_status": arguments.version_status,
            "cluster_versions": told,
        }))
    }
}

fn version() -> AttributeType {
    AttributeType::object([
        text("cluster_version", "The version, such as `1.35`."),
        text("cluster_type", "For which type of clusters."),
        text("default_platform_version", "Version of EKS's own parts."),
        (
            "default_version",
            Attribute::computed(
                AttributeType::Bool,
                "Whether a cluster gets it that asks for none.",
            ),
        ),
        text(
            "version_status",
            "`STANDARD_SUPPORT`, `EXTENDED_SUPPORT` or `UNSUPPORTED`.",
        ),
        text(
            "kubernetes_patch_version",
            "Patch version, such as `1.35.3`.",
        ),
        text(
            "release_date",
            "When EKS began to offer it, as RFC 3339 writes it.",
        ),
        text(
            "end_of_standard_support_date",
            "When standard support ends.",
        ),
        text(
            "end_of_extended_support_date",
            "When extended support ends.",
        ),
    ])
}

/// The numbers of a version, by which versions are in order.
fn rank(version: &ClusterVersionInformation) -> Vec<u32> {
    let text = version.cluster_version().unwrap_or_default();
    text.split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn tell(version: &ClusterVersionInformation) -> Value {
    let date = |date: Option<&DateTime>| date.and_then(|date| date.fmt(Format::DateTime).ok());
    json!({
        "cluster_version": version.cluster_version(),
        "cluster_type": version.cluster_type(),
        "default_platform_version": version.default_platform_version(),
        "default_version": version.default_version(),
        "version_status": version.version_status().map(VersionStatus::as_str),
        "kubernetes_patch_version": version.kubernetes_patch_version(),
        "release_date": date(version.release_date()),
        "end_of_standard_support_date": date(version.end_of_standard_support_date()),
        "end_of_extended_support_date": date(version.end_of_extended_support_date()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let of = |text: &str| {
            rank(
                &ClusterVersionInformation::builder()
                    .cluster_version(text)
                    .build(),
            )
        };
        assert!(of("1.9") < of("1.10"));
        assert!(of("1.35") < of("2.0"));
    }
}
