//! Which versions of an add-on fit which version of Kubernetes.

use aws_sdk_eks::types::AddonVersionInfo;
use strata_model::provider::ProviderErrorKind;

use crate::cloud::Cloud;
use crate::error::{Failure, found, send};

/// The versions of an add-on that fit one version of Kubernetes, the newest first.
#[derive(Debug)]
pub(crate) struct Offered {
    addon: String,
    kubernetes: String,
    versions: Vec<AddonVersionInfo>,
}

impl Offered {
    /// Asks EKS. An add-on that it does not know has none.
    ///
    /// # Errors
    ///
    /// When EKS does not answer, or refuses.
    pub(crate) async fn of(cloud: &Cloud, addon: &str, kubernetes: &str) -> Result<Self, Failure> {
        let pages = cloud
            .clients()
            .await?
            .eks
            .describe_addon_versions()
            .addon_name(addon)
            .kubernetes_version(kubernetes)
            .into_paginator()
            .items()
            .send();
        let list = pages.collect::<Result<Vec<_>, _>>();
        let addons = found(send("DescribeAddonVersions", list).await)?.unwrap_or_default();
        let versions = addons.into_iter().flat_map(|addon| addon.addon_versions);
        Ok(Offered {
            addon: addon.to_owned(),
            kubernetes: kubernetes.to_owned(),
            versions: versions.flatten().collect(),
        })
    }

    /// The newest version, which EKS tells first.
    pub(crate) fn newest(&self) -> Option<&str> {
        self.versions.first()?.addon_version()
    }

    /// The version that EKS installs by itself.
    pub(crate) fn default(&self) -> Option<&str> {
        self.versions[self.default_at()?].addon_version()
    }

    /// The version that an add-on has after its cluster went up to this version of Kubernetes: the one that it has,
    /// where that fits and is not older than the default, and the default otherwise.
    pub(crate) fn after(&self, now: Option<&str>) -> Option<&str> {
        let default = self.default_at();
        let fits = |one: &AddonVersionInfo| one.addon_version().is_some_and(|one| Some(one) == now);
        let at = self.versions.iter().position(fits);
        match (at, default) {
            (Some(at), Some(default)) => self.versions[at.min(default)].addon_version(),
            (at, default) => self.versions[at.or(default)?].addon_version(),
        }
    }

    /// That there is no version.
    pub(crate) fn none(&self) -> Failure {
        let (addon, kubernetes) = (&self.addon, &self.kubernetes);
        Failure::refused(
            ProviderErrorKind::NotFound,
            format!("there is no version of the EKS add-on {addon} for Kubernetes {kubernetes}"),
        )
    }

    fn default_at(&self) -> Option<usize> {
        let is_default = |version: &AddonVersionInfo| {
            let mut fits = version.compatibilities().iter();
            fits.any(|fit| {
                fit.cluster_version() == Some(self.kubernetes.as_str()) && fit.default_version()
            })
        };
        self.versions.iter().position(is_default)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::Compatibility;

    use super::*;

    /// Versions, the newest first, each with the version of Kubernetes whose default it is.
    fn offered(kubernetes: &str, versions: &[(&str, &str)]) -> Offered {
        let version = |(text, default_for): &(&str, &str)| {
            let fits = ["1.34", "1.35"].map(|cluster| {
                Compatibility::builder()
                    .cluster_version(cluster)
                    .default_version(cluster == *default_for)
                    .build()
            });
            AddonVersionInfo::builder()
                .addon_version(*text)
                .set_compatibilities(Some(fits.into()))
                .build()
        };
        Offered {
            addon: "a".to_owned(),
            kubernetes: kubernetes.to_owned(),
            versions: versions.iter().map(version).collect(),
        }
    }

    const ALL: [(&str, &str); 3] = [("v3", ""), ("v2", "1.35"), ("v1", "1.34")];

    #[test]
    fn the_default_or_the_newest() {
        assert_eq!(offered("1.34", &ALL).default(), Some("v1"));
        assert_eq!(offered("1.35", &ALL).default(), Some("v2"));
        assert_eq!(offered("1.34", &ALL).newest(), Some("v3"));
        assert_eq!(offered("1.34", &[]).newest(), None);
    }

    #[test]
    fn an_upgrade_takes_no_add_on_back() {
        let offered = offered("1.35", &ALL);
        assert_eq!(offered.after(Some("v1")), Some("v2"), "older");
        assert_eq!(offered.after(Some("v3")), Some("v3"), "newer");
        assert_eq!(offered.after(Some("v0")), Some("v2"), "does not fit");
        assert_eq!(offered.after(None), Some("v2"));
    }

    #[test]
    fn without_a_default_an_upgrade_keeps_what_fits() {
        let offered = offered("1.35", &[("v2", ""), ("v1", "")]);
        assert_eq!(offered.after(Some("v1")), Some("v1"));
        assert_eq!(offered.after(Some("v0")), None);
    }
}
