//! What callers send about node groups, and what EKS checks of it. Unknown members are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aws::ec2::Subnet;
use crate::aws::error::AwsError;
use crate::aws::service::Cx;
use crate::world::Object;

use super::cluster::Cluster;
use super::cluster_check::check_name;
use super::cluster_request::{Switch, check_tags, one_of};
use super::nodegroup_template::{self, Template, TemplateName};
use super::{invalid_parameter, versions};

/// The kinds of node images; the first is the default.
pub(super) const AMI_TYPES: [&str; 8] = [
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
    "AL2023_x86_64_NEURON",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
    "CUSTOM",
];

/// The body of CreateNodegroup.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateNodegroup {
    pub(super) nodegroup_name: String,
    pub(super) scaling_config: Option<Scaling>,
    pub(super) disk_size: Option<u32>,
    pub(super) subnets: Vec<String>,
    pub(super) instance_types: Option<Vec<String>>,
    pub(super) ami_type: Option<String>,
    pub(super) node_role: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) taints: Option<Vec<Taint>>,
    pub(super) tags: Option<BTreeMap<String, String>>,
    pub(super) client_request_token: Option<String>,
    pub(super) update_config: Option<UpdateLimits>,
    pub(super) node_repair_config: Option<Switch>,
    pub(super) capacity_type: Option<String>,
    pub(super) version: Option<String>,
    pub(super) release_version: Option<String>,
    pub(super) launch_template: Option<TemplateName>,
}

/// How many nodes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scaling {
    pub(super) min_size: Option<u32>,
    pub(super) max_size: Option<u32>,
    pub(super) desired_size: Option<u32>,
}

/// What keeps pods away from nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Taint {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

/// How many nodes may be away during an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_unavailable: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_unavailable_percentage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) update_strategy: Option<String>,
}

/// Checks a whole request but for the role and the sizes, and finds its launch template.
pub(super) fn check(
    cx: &Cx<'_>,
    cluster: &Object<Cluster>,
    wanted: &CreateNodegroup,
) -> Result<Option<Template>, AwsError> {
    let template = nodegroup_template::find_for(cx, wanted)?;
    check_name(&wanted.nodegroup_name, 63)?;
    check_tags(&wanted.tags.clone().unwrap_or_default())?;
    if wanted.subnets.is_empty() {
        return Err(invalid_parameter("Subnets cannot be empty"));
    }
    for id in &wanted.subnets {
        let subnet = cx.world.get::<Subnet>(&cx.region, id);
        let subnet = subnet
            .ok_or_else(|| invalid_parameter(format!("The subnet ID '{id}' does not exist")))?;
        if subnet.body.vpc != cluster.body.vpc {
            let text = format!("Subnet {id} is not in the VPC of cluster {}", cluster.id);
            return Err(invalid_parameter(text));
        }
    }
    if let Some(ami_type) = &wanted.ami_type {
        one_of("amiType", ami_type, &AMI_TYPES)?;
    }
    if let Some(capacity) = &wanted.capacity_type {
        one_of(
            "capacityType",
            capacity,
            &["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"],
        )?;
    }
    if wanted
        .disk_size
        .is_some_and(|size| !(1..=16_384).contains(&size))
    {
        return Err(invalid_parameter("diskSize must be between 1 and 16384"));
    }
    check_version(cluster, wanted.version.as_deref())?;
    let version = wanted.version.as_ref().unwrap_or(&cluster.body.version);
    check_release(version, wanted.release_version.as_deref())?;
    check_limits(wanted.update_config.as_ref())?;
    check_taints(wanted.taints.as_deref().unwrap_or_default())?;
    Ok(template)
}

/// Nodes are never newer than the control plane, nor more than three minors older.
fn check_version(cluster: &Object<Cluster>, version: Option<&str>) -> Result<(), AwsError> {
    let Some(version) = version else {
        return Ok(());
    };
    let (wanted, have) = (
        versions::minor_of(version),
        versions::minor_of(&cluster.body.version),
    );
    versions::offered(version).ok_or_else(|| versions::unsupported(version))?;
    if wanted <= have && wanted.map(|minor| minor + 3) >= have {
        return Ok(());
    }
    let text = format!(
        "Requested Nodegroup release version {version} is invalid. Allowed kubernetes version is - [{}]",
        cluster.body.version
    );
    Err(invalid_parameter(text))
}

/// Refuses a release that is none of the version's.
pub(super) fn check_release(version: &str, release: Option<&str>) -> Result<(), AwsError> {
    let known = releases(version);
    match release.filter(|release| !known.iter().any(|one| one == release)) {
        None => Ok(()),
        Some(release) => Err(invalid_parameter(format!(
            "Requested release version {release} is not valid for kubernetes version {version}."
        ))),
    }
}

/// Refuses limits that contradict each other.
pub(super) fn check_limits(limits: Option<&UpdateLimits>) -> Result<(), AwsError> {
    let Some(limits) = limits else {
        return Ok(());
    };
    if let Some(strategy) = &limits.update_strategy {
        one_of(
            "updateConfig.updateStrategy",
            strategy,
            &["DEFAULT", "MINIMAL"],
        )?;
    }
    match (limits.max_unavailable, limits.max_unavailable_percentage) {
        (Some(_), Some(_)) => Err(invalid_parameter(
            "maxUnavailable and maxUnavailablePercentage cannot both be set",
        )),
        (Some(n), None) if !(1..=100).contains(&n) => Err(invalid_parameter(
            "maxUnavailable must be between 1 and 100",
        )),
        (None, Some(n)) if !(1..=100).contains(&n) => Err(invalid_parameter(
            "maxUnavailablePercentage must be between 1 and 100",
        )),
        _ => Ok(()),
    }
}

/// Refuses taints that Kubernetes does not know.
pub(super) fn check_taints(taints: &[Taint]) -> Result<(), AwsError> {
    if taints.len() > 50 {
        return Err(invalid_parameter("No more than 50 taints can be specified"));
    }
    for taint in taints {
        one_of(
            "taints.effect",
            &taint.effect,
            &["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"],
        )?;
        if taint.key.is_empty() || taint.key.len() > 63 {
            return Err(invalid_parameter(
                "taints.key must have between 1 and 63 characters",
            ));
        }
    }
    Ok(())
}

/// Fills in the sizes that were not given, and checks that they fit each other.
pub(super) fn sizes(
    wanted: Option<Scaling>,
    before: (u32, u32, u32),
) -> Result<(u32, u32, u32), AwsError> {
    let (min, max, desired) = match wanted {
        None => before,
        Some(s) => (
            s.min_size.unwrap_or(before.0),
            s.max_size.unwrap_or(before.1),
            s.desired_size.unwrap_or(before.2),
        ),
    };
    if max == 0 {
        return Err(invalid_parameter("maxSize must be greater than 0"));
    }
    if min > max {
        let text = format!("Minimum capacity {min} can't be greater than maximum capacity {max}");
        return Err(invalid_parameter(text));
    }
    if desired < min {
        let text = format!("Minimum capacity {min} can't be greater than desired size {desired}");
        return Err(invalid_parameter(text));
    }
    if desired > max {
        let text = format!("desired capacity {desired} can't be greater than max size {max}");
        return Err(invalid_parameter(text));
    }
    Ok((min, max, desired))
}

/// The releases of a version's node image, the newest first.
fn releases(version: &str) -> Vec<String> {
    let patch = versions::offered(version).map(versions::Version::patch_text);
    let dates = ["20261101", "20261001"];
    let of = |patch: &String| dates.map(|date| format!("{patch}-{date}")).to_vec();
    patch.as_ref().map(of).unwrap_or_default()
}

/// The newest release of a version's node image.
pub(super) fn newest_release(version: &str) -> String {
    releases(version).into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sizes(
        wanted: (Option<u32>, Option<u32>, Option<u32>),
        expected: Option<(u32, u32, u32)>,
    ) {
        let scaling = Scaling {
            min_size: wanted.0,
            max_size: wanted.1,
            desired_size: wanted.2,
        };
        assert_eq!(sizes(Some(scaling), (1, 2, 2)).ok(), expected, "{wanted:?}");
    }

    #[test]
    fn sizes_must_fit_each_other() {
        check_sizes((None, None, None), Some((1, 2, 2)));
        check_sizes((Some(0), Some(5), Some(0)), Some((0, 5, 0)));
        check_sizes((Some(3), Some(2), Some(2)), None);
        check_sizes((Some(3), Some(5), Some(2)), None);
        check_sizes((Some(0), Some(0), Some(0)), None);
        check_sizes((None, Some(1), None), None);
    }

    #[test]
    fn limits_exclude_each_other() {
        let limits = |n, percent| UpdateLimits {
            max_unavailable: n,
            max_unavailable_percentage: percent,
            update_strategy: None,
        };
        assert!(check_limits(Some(&limits(Some(1), None))).is_ok());
        assert!(check_limits(Some(&limits(Some(1), Some(1)))).is_err());
        assert!(check_limits(Some(&limits(None, Some(101)))).is_err());
    }
}
