//! Whether EKS has the versions of Kubernetes that clusters are to have.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::preflight::{Finding, FindingKind, Preflight};
use strata_model::provider::Operation;
use strata_model::{Address, Severity};

use super::{of_type, text};
use crate::checks::minor;
use crate::cloud::Cloud;
use crate::eks::cluster::Clusters;
use crate::error::{Failure, send};
use crate::resource::ResourceType;

/// Looks at the last version that each cluster is to have, where it is another one than now.
pub(super) async fn look(cloud: &Cloud, intended: &Preflight<'_>) -> Result<Vec<Finding>, Failure> {
    let wanted = wanted(intended);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let call = cloud.clients().await?.eks.describe_cluster_versions();
    let pages = call.into_paginator().items().send();
    let list = pages.collect::<Result<Vec<_>, _>>();
    let told = send("DescribeClusterVersions", list).await?;
    let known: BTreeSet<u32> = told
        .iter()
        .filter_map(|one| minor(one.cluster_version()?))
        .collect();
    let region = cloud.region().await?;
    let found = wanted.iter().filter_map(|one| judge(*one, &known, region));
    Ok(found.collect())
}

/// Each cluster's last change of its version: a climb over several minors has one for each.
fn wanted<'p>(intended: &'p Preflight<'_>) -> Vec<(usize, &'p str)> {
    let mut last: BTreeMap<&Address, (usize, &str)> = BTreeMap::new();
    for operation in [Operation::Create, Operation::Update] {
        for (change, cluster) in of_type(intended, (Clusters::NAME, operation)) {
            let version = text(cluster.planned.as_ref(), "version");
            let changed = version.filter(|_| text(cluster.prior.as_ref(), "version") != version);
            if let Some(version) = changed {
                last.insert(cluster.address, (change, version));
            }
        }
    }
    last.into_values().collect()
}

fn judge((change, version): (usize, &str), known: &BTreeSet<u32>, region: &str) -> Option<Finding> {
    // Where nothing is told nothing is judged.
    if known.is_empty() || minor(version).is_none_or(|minor| known.contains(&minor)) {
        return None;
    }
    let known: Vec<String> = known.iter().map(|minor| format!("1.{minor}")).collect();
    Some(Finding {
        severity: Severity::Error,
        kind: FindingKind::NotOffered,
        change: Some(change),
        message: format!("Kubernetes {version} is not offered in {region}."),
        hint: format!("EKS has {}.", known.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_offered_or_not() {
        let known = BTreeSet::from([33, 34, 35]);
        assert_eq!(judge((0, "1.34"), &known, "r"), None);
        assert_eq!(judge((0, "1.99"), &BTreeSet::new(), "r"), None);
        let finding = judge((3, "1.99"), &known, "r").unwrap();
        assert_eq!(finding.change, Some(3));
        assert_eq!(finding.message, "Kubernetes 1.99 is not offered in r.");
        assert_eq!(finding.hint, "EKS has 1.33, 1.34, 1.35.");
    }
}
