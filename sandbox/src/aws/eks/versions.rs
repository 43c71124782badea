//! The versions of Kubernetes that EKS offers.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};

use super::{invalid_parameter, take_page};

pub(super) const OPERATIONS: &[RestOperation] = &[RestOperation::read(
    "DescribeClusterVersions",
    ("GET", "/cluster-versions"),
    describe,
)];

/// A minor version. The support status is fixed, so that a test of today is the same tomorrow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// The minor number: the major is 1.
    pub(super) minor: u32,
    patch: u32,
    standard: bool,
    /// Release, end of standard support, end of extended support, in seconds since the epoch.
    dates: [i64; 3],
}

/// From the oldest to the newest.
const VERSIONS: [Version; 6] = [
    Version {
        minor: 31,
        patch: 14,
        standard: false,
        dates: [1_727_308_800, 1_764_115_200, 1_795_651_200],
    },
    Version {
        minor: 32,
        patch: 13,
        standard: false,
        dates: [1_737_590_400, 1_774_224_000, 1_805_760_000],
    },
    Version {
        minor: 33,
        patch: 9,
        standard: true,
        dates: [1_748_476_800, 1_785_283_200, 1_816_819_200],
    },
    Version {
        minor: 34,
        patch: 5,
        standard: true,
        dates: [1_759_363_200, 1_796_169_600, 1_827_705_600],
    },
    Version {
        minor: 35,
        patch: 3,
        standard: true,
        dates: [1_769_472_000, 1_806_105_600, 1_837_728_000],
    },
    Version {
        minor: 36,
        patch: 1,
        standard: true,
        dates: [1_781_136_000, 1_817_769_600, 1_849_392_000],
    },
];

/// What a cluster gets that asks for none.
pub(super) const DEFAULT_MINOR: u32 = 35;

impl Version {
    fn text(self) -> String {
        format!("1.{}", self.minor)
    }

    /// The patch version, such as `1.35.3`.
    pub(super) fn patch_text(self) -> String {
        format!("1.{}.{}", self.minor, self.patch)
    }
}

/// Finds an offered version by its text, such as `1.35`.
pub(super) fn offered(text: &str) -> Option<Version> {
    VERSIONS.into_iter().find(|version| version.text() == text)
}

/// Returns the minor number of a version.
pub(super) fn minor_of(text: &str) -> Option<u32> {
    text.strip_prefix("1.")?.parse().ok()
}

/// The error for a version that is not offered.
pub(super) fn unsupported(text: &str) -> AwsError {
    invalid_parameter(format!("unsupported Kubernetes version {text}"))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    let wanted = request.query_list("clusterVersions");
    let default_only = request.query("defaultOnly").as_deref() == Some("true");
    let _all = request.query("includeAll");
    let _kind = request.query("clusterType");
    let status = request
        .query("versionStatus")
        .or_else(|| request.query("status"));
    request.finish()?;
    if let Some(text) = wanted.iter().find(|text| offered(text).is_none()) {
        return Err(unsupported(text));
    }
    let status = status.map(|status| status.to_uppercase().replace('-', "_"));
    let chosen = VERSIONS.into_iter().rev().filter(|version| {
        (wanted.is_empty() || wanted.contains(&version.text()))
            && (!default_only || version.minor == DEFAULT_MINOR)
            && status
                .as_ref()
                .is_none_or(|status| status == status_of(*version))
    });
    let (versions, token) = page.cut(chosen.collect(), |version| {
        format!("{:04}", 9999 - version.minor)
    });
    let views: Vec<Value> = versions.into_iter().map(view).collect();
    let mut answer = json!({ "clusterVersions": views });
    if let Some(token) = token {
        answer["nextToken"] = Value::String(token);
    }
    Ok(answer)
}

fn status_of(version: Version) -> &'static str {
    if version.standard {
        "STANDARD_SUPPORT"
    } else {
        "EXTENDED_SUPPORT"
    }
}

fn view(version: Version) -> Value {
    let [released, standard_end, extended_end] = version.dates;
    json!({
        "clusterVersion": version.text(),
        "clusterType": "eks",
        "defaultPlatformVersion": "eks.1",
        "defaultVersion": version.minor == DEFAULT_MINOR,
        "releaseDate": released,
        "endOfStandardSupportDate": standard_end,
        "endOfExtendedSupportDate": extended_end,
        "status": status_of(version).to_lowercase().replace('_', "-"),
        "versionStatus": status_of(version),
        "kubernetesPatchVersion": version.patch_text(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_rise_by_one_and_the_default_is_offered() {
        assert!(
            VERSIONS
                .windows(2)
                .all(|pair| pair[0].minor + 1 == pair[1].minor)
        );
        assert!(offered(&format!("1.{DEFAULT_MINOR}")).is_some_and(|v| v.standard));
        assert!(offered("1.9").is_none());
        assert_eq!(minor_of("1.35"), Some(35));
        assert_eq!(minor_of("2.0"), None);
    }
}
