//! The add-ons that EKS offers, with their versions. The numbers are fixed, so that a test of today is the same tomorrow.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};

use super::{invalid_parameter, not_found, take_page, versions};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::read(
        "DescribeAddonVersions",
        ("GET", "/addons/supported-versions"),
        describe_versions,
    ),
    RestOperation::read(
        "DescribeAddonConfiguration",
        ("GET", "/addons/configuration-schemas"),
        describe_configuration,
    ),
];

/// A service account of an add-on, and the policies that its role should have.
type Account = (&'static str, &'static [&'static str]);

/// An add-on.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) name: &'static str,
    kind: &'static str,
    pub(super) namespace: &'static str,
    accounts: &'static [Account],
    /// Whether its pods need nodes or Fargate before it counts as healthy.
    pub(super) needs_nodes: bool,
    /// Names at the top of its configuration.
    configuration: &'static [&'static str],
    /// From the newest to the oldest, with the minors of Kubernetes that each runs on.
    releases: &'static [(&'static str, [u32; 2])],
}

const EVERY: [u32; 2] = [31, 36];

static OFFERS: [Offer; 8] = [
    Offer {
        name: "aws-ebs-csi-driver",
        kind: "storage",
        namespace: "kube-system",
        accounts: &[(
            "ebs-csi-controller-sa",
            &["service-role/AmazonEBSCSIDriverPolicy"],
        )],
        needs_nodes: true,
        configuration: &[
            "controller",
            "node",
            "sidecars",
            "defaultStorageClass",
            "resources",
        ],
        releases: &[("v1.52.1-eksbuild.1", EVERY), ("v1.51.0-eksbuild.1", EVERY)],
    },
    Offer {
        name: "aws-efs-csi-driver",
        kind: "storage",
        namespace: "kube-system",
        accounts: &[(
            "efs-csi-controller-sa",
            &["service-role/AmazonEFSCSIDriverPolicy"],
        )],
        needs_nodes: true,
        configuration: &["controller", "node", "sidecars", "resources"],
        releases: &[("v2.1.11-eksbuild.1", EVERY), ("v2.1.9-eksbuild.1", EVERY)],
    },
    Offer {
        name: "aws-mountpoint-s3-csi-driver",
        kind: "storage",
        namespace: "kube-system",
        accounts: &[("s3-csi-driver-sa", &[])],
        needs_nodes: true,
        configuration: &["node", "resources"],
        releases: &[("v1.15.0-eksbuild.1", EVERY), ("v1.14.1-eksbuild.1", EVERY)],
    },
    Offer {
        name: "coredns",
        kind: "networking",
        namespace: "kube-system",
        accounts: &[],
        needs_nodes: true,
        configuration: &[
            "affinity",
            "autoScaling",
            "computeType",
            "corefile",
            "nodeSelector",
            "podAnnotations",
            "podDisruptionBudget",
            "podLabels",
            "replicaCount",
            "resources",
            "tolerations",
            "topologySpreadConstraints",
        ],
        releases: &[("v1.12.4-eksbuild.1", EVERY), ("v1.12.3-eksbuild.1", EVERY)],
    },
    Offer {
        name: "eks-pod-identity-agent",
        kind: "security",
        namespace: "kube-system",
        accounts: &[],
        needs_nodes: false,
        configuration: &["affinity", "agent", "env", "resources", "tolerations"],
        releases: &[("v1.3.10-eksbuild.1", EVERY), ("v1.3.9-eksbuild.3", EVERY)],
    },
    Offer {
        name: "kube-proxy",
        kind: "networking",
        namespace: "kube-system",
        accounts: &[],
        needs_nodes: false,
        configuration: &["ipvs", "mode", "podAnnotations", "podLabels", "resources"],
        releases: &[
            ("v1.36.1-eksbuild.2", [36, 36]),
            ("v1.36.0-eksbuild.2", [36, 36]),
            ("v1.35.3-eksbuild.2", [35, 35]),
            ("v1.35.1-eksbuild.2", [35, 35]),
            ("v1.34.5-eksbuild.2", [34, 34]),
            ("v1.34.1-eksbuild.2", [34, 34]),
            ("v1.33.9-eksbuild.2", [33, 33]),
            ("v1.33.5-eksbuild.2", [33, 33]),
            ("v1.32.13-eksbuild.2", [32, 32]),
            ("v1.32.9-eksbuild.2", [32, 32]),
            ("v1.31.14-eksbuild.2", [31, 31]),
            ("v1.31.13-eksbuild.2", [31, 31]),
        ],
    },
    Offer {
        name: "metrics-server",
        kind: "observability",
        namespace: "kube-system",
        accounts: &[],
        needs_nodes: true,
        configuration: &[
            "addonResizer",
            "affinity",
            "replicas",
            "resources",
            "tolerations",
        ],
        releases: &[("v0.8.0-eksbuild.3", EVERY), ("v0.8.0-eksbuild.2", EVERY)],
    },
    Offer {
        name: "vpc-cni",
        kind: "networking",
        namespace: "kube-system",
        accounts: &[("aws-node", &["AmazonEKS_CNI_Policy"])],
        needs_nodes: false,
        configuration: &[
            "affinity",
            "enableNetworkPolicy",
            "enableWindowsIpam",
            "env",
            "init",
            "nodeAgent",
            "nodeSelector",
            "podAnnotations",
            "podLabels",
            "resources",
            "tolerations",
        ],
        releases: &[("v1.20.4-eksbuild.1", EVERY), ("v1.20.3-eksbuild.1", EVERY)],
    },
];

impl Offer {
    /// Its versions for a minor of Kubernetes, from the newest to the oldest.
    fn releases_for(&self, minor: u32) -> impl Iterator<Item = &'static str> {
        let fits = move |range: &[u32; 2]| (range[0]..=range[1]).contains(&minor);
        let releases = self.releases.iter();
        releases
            .filter(move |(_, range)| fits(range))
            .map(|(version, _)| *version)
    }

    /// The version for a cluster: the one that is asked for, or the default, which is not the newest.
    pub(super) fn release(
        &self,
        minor: u32,
        wanted: Option<&str>,
    ) -> Result<&'static str, AwsError> {
        let mut releases = self.releases_for(minor);
        match wanted {
            Some(wanted) => releases.find(|version| *version == wanted),
            None => releases.last(),
        }
        .ok_or_else(|| invalid_parameter("Addon version specified is not supported"))
    }

    /// Refuses a configuration that is no object, or has names that the add-on does not know.
    pub(super) fn check_configuration(&self, text: &str) -> Result<(), AwsError> {
        let refused = |why: &str| {
            let text = format!("ConfigurationValue provided in request is not supported: {why}");
            Err(invalid_parameter(text))
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        let parsed: Result<Value, _> = serde_saphyr::from_str(text);
        let Ok(Value::Object(members)) = parsed else {
            return refused("Json schema validation failed: $: is not an object");
        };
        match members
            .keys()
            .find(|name| !self.configuration.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => refused(&format!(
                "Json schema validation failed: $.{name}: is not defined in the schema"
            )),
        }
    }

    /// Whether it has a service account of this name.
    pub(super) fn has_account(&self, name: &str) -> bool {
        self.accounts.iter().any(|(known, _)| *known == name)
    }

    fn view(&self, minor: Option<u32>) -> Option<Value> {
        let minors: Vec<u32> = (EVERY[0]..=EVERY[1])
            .filter(|known| minor.is_none_or(|minor| minor == *known))
            .collect();
        let releases: Vec<Value> = self
            .releases
            .iter()
            .filter_map(|(version, _)| self.release_view(version, &minors))
            .collect();
        (!releases.is_empty()).then(|| {
            json!({
                "addonName": self.name,
                "type": self.kind,
                "publisher": "eks",
                "owner": "aws",
                "defaultNamespace": self.namespace,
                "addonVersions": releases,
            })
        })
    }

    fn release_view(&self, version: &str, minors: &[u32]) -> Option<Value> {
        let fits = minors
            .iter()
            .filter(|minor| self.releases_for(**minor).any(|v| v == version));
        let compatibilities: Vec<Value> = fits
            .map(|minor| {
                json!({
                    "clusterVersion": format!("1.{minor}"),
                    "platformVersions": ["*"],
                    "defaultVersion": self.releases_for(*minor).last() == Some(version),
                })
            })
            .collect();
        (!compatibilities.is_empty()).then(|| {
            json!({
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2", "auto", "hybrid"],
                "compatibilities": compatibilities,
                "requiresConfiguration": false,
                "requiresIamPermissions": !self.accounts.is_empty(),
            })
        })
    }
}

/// Finds an add-on.
pub(super) fn offer(name: &str) -> Option<&'static Offer> {
    OFFERS.iter().find(|offer| offer.name == name)
}

fn describe_versions(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    let name = request.query("addonName");
    let version = request.query("kubernetesVersion");
    let types = request.query_list("types");
    let owners = request.query_list("owners");
    let publishers = request.query_list("publishers");
    request.finish()?;
    let minor = match &version {
        Some(text) => Some(
            versions::offered(text)
                .ok_or_else(|| versions::unsupported(text))?
                .minor,
        ),
        None => None,
    };
    if let Some(name) = name.as_deref().filter(|name| offer(name).is_none()) {
        return Err(not_found(format!(
            "Addon {name} specified is not supported"
        )));
    }
    let allows =
        |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
    let chosen = OFFERS.iter().filter(|offer| {
        name.as_ref().is_none_or(|name| name == offer.name)
            && allows(&types, offer.kind)
            && allows(&owners, "aws")
            && allows(&publishers, "eks")
    });
    let (chosen, token) = page.cut(chosen.collect(), |offer| offer.name.to_owned());
    let views: Vec<Value> = chosen
        .into_iter()
        .filter_map(|offer| offer.view(minor))
        .collect();
    let mut answer = json!({ "addons": views });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}

fn describe_configuration(_cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let (name, version) = (request.query("addonName"), request.query("addonVersion"));
    request.finish()?;
    let Some((name, version)) = name.zip(version) else {
        return Err(invalid_parameter(
            "addonName and addonVersion must be specified",
        ));
    };
    let found =
        offer(&name).filter(|offer| offer.releases.iter().any(|(known, _)| *known == version));
    let Some(offer) = found else {
        let text = format!("Addon {name} with version {version} not found");
        return Err(not_found(text));
    };
    let names = offer
        .configuration
        .iter()
        .map(|name| ((*name).to_owned(), json!({})));
    let schema = json!({
        "$schema": "http://json-schema.org/draft-06/schema#",
        "type": "object",
        "additionalProperties": false,
        "properties": names.collect::<serde_json::Map<_, _>>(),
    });
    let accounts: Vec<Value> = offer
        .accounts
        .iter()
        .map(|(account, policies)| {
            let policies = policies
                .iter()
                .map(|name| format!("arn:aws:iam::aws:policy/{name}"));
            json!({
                "serviceAccount": account,
                "recommendedManagedPolicies": policies.collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(json!({
        "addonName": name,
        "addonVersion": version,
        "configurationSchema": schema.to_string(),
        "podIdentityConfiguration": accounts,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_addon_has_a_version_for_every_minor() {
        for offer in &OFFERS {
            for minor in EVERY[0]..=EVERY[1] {
                assert!(
                    offer.release(minor, None).is_ok(),
                    "{} 1.{minor}",
                    offer.name
                );
            }
        }
        assert!(OFFERS.windows(2).all(|pair| pair[0].name < pair[1].name));
        let proxy = offer("kube-proxy").unwrap();
        assert_eq!(proxy.release(33, None).unwrap(), "v1.33.5-eksbuild.2");
        assert!(proxy.release(33, Some("v1.34.5-eksbuild.2")).is_err());
    }

    #[test]
    fn configurations_are_judged_by_their_names() {
        let cni = offer("vpc-cni").unwrap();
        for good in ["", "{}", r#"{"env":{"A":"1"}}"#, "env:\n  A: '1'\n"] {
            assert!(cni.check_configuration(good).is_ok(), "{good}");
        }
        for bad in ["[]", "{", r#"{"nonsense":1}"#] {
            assert!(cni.check_configuration(bad).is_err(), "{bad}");
        }
    }
}
