//! What to do about a refusal: which quota to raise, which permission to ask for.

use std::fmt;

use strata_model::provider::ProviderErrorKind::{self, AccessDenied, Quota};

use super::Answer;

/// A quota, with its code and name as Service Quotas has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownQuota {
    /// The service's code.
    pub(crate) service: &'static str,
    /// The quota's code.
    pub(crate) code: &'static str,
    /// The quota's name.
    pub(crate) name: &'static str,
}

const fn quota(service: &'static str, code: &'static str, name: &'static str) -> KnownQuota {
    KnownQuota {
        service,
        code,
        name,
    }
}

/// The virtual CPUs of the usual machines on demand.
pub(crate) const MACHINES: KnownQuota = quota(
    "ec2",
    "L-1216C47A",
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
);

/// Networks of a region.
pub(crate) const NETWORKS: KnownQuota = quota("vpc", "L-F678F1CE", "VPCs per Region");

/// Public addresses of a region.
pub(crate) const ADDRESSES: KnownQuota = quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs");

/// Clusters of a region.
pub(crate) const CLUSTERS: KnownQuota = quota("eks", "L-1194D53C", "Clusters");

/// Beginnings of operations and of codes, and the quota that is used up.
const QUOTAS: &[(&str, &str, KnownQuota)] = &[
    ("", "VpcLimitExceeded", NETWORKS),
    ("", "AddressLimitExceeded", ADDRESSES),
    (
        "",
        "NatGatewayLimitExceeded",
        quota("vpc", "L-FE5A380F", "NAT gateways per Availability Zone"),
    ),
    (
        "",
        "InternetGatewayLimitExceeded",
        quota("vpc", "L-A4707A72", "Internet gateways per Region"),
    ),
    (
        "",
        "SecurityGroupLimitExceeded",
        quota("vpc", "L-E79EC296", "VPC security groups per Region"),
    ),
    ("", "VcpuLimitExceeded", MACHINES),
    ("CreateCluster", "ResourceLimitExceeded", CLUSTERS),
    (
        "CreateNodegroup",
        "ResourceLimitExceeded",
        quota("eks", "L-6D54EA21", "Managed node groups per cluster"),
    ),
    (
        "CreateRole",
        "LimitExceeded",
        quota("iam", "L-FE177D64", "Roles per account"),
    ),
    (
        "AttachRolePolicy",
        "LimitExceeded",
        quota("iam", "L-0DA4ABF3", "Managed policies per role"),
    ),
];

impl fmt::Display for KnownQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" (service {}, code {})",
            self.name, self.service, self.code
        )
    }
}

/// What to do about an answer, where it says more than its code.
pub(super) fn hint(answer: &Answer<'_>, kind: ProviderErrorKind) -> Option<String> {
    match kind {
        Quota => {
            let mut known = QUOTAS.iter();
            let (.., quota) = known.find(|(operation, code, _)| {
                answer.operation.starts_with(operation) && answer.code.starts_with(code)
            })?;
            Some(more_of(*quota))
        }
        AccessDenied => permission(answer),
        _ if answer.text.contains("must be updated to match cluster version") => Some(
            "A node group is behind: one that nothing here declares, that does not wait for the cluster, that is to go, or whose replacement \
             failed. Bring it to the version that the cluster has now, or let it go, and raise the cluster then."
                .to_owned(),
        ),
        _ => None,
    }
}

/// What to do where a quota is used up.
pub(crate) fn more_of(quota: KnownQuota) -> String {
    format!("Ask Service Quotas for more of {quota}, or remove what is not needed.")
}

/// Which permission is missing, and who can give it.
fn permission(answer: &Answer<'_>) -> Option<String> {
    let text = answer.text;
    let named = after(text, "is not authorized to perform: ");
    let action = match named {
        Some(action) => action.to_owned(),
        // EC2 need not say which.
        None if answer.code == "UnauthorizedOperation" => format!("ec2:{}", answer.operation),
        None => return None,
    };
    let what = match after(text, "on resource: ") {
        Some(role) if action == "iam:PassRole" => format!("{action} for the role {role}"),
        Some(_) | None => action,
    };
    let denied_by = |words: &str| text.contains("explicit deny") && text.contains(words);
    Some(if denied_by("service control policy") {
        format!(
            "A service control policy of the organization denies {what}: only who administers the organization can change that."
        )
    } else if denied_by("resource control policy") {
        format!(
            "A resource control policy of the organization denies {what}: only who administers the organization can change that."
        )
    } else if text.contains("permissions boundary") {
        format!(
            "The permissions boundary of the caller does not allow {what}: who set it can change that."
        )
    } else if text.contains("explicit deny") {
        format!("A policy denies {what} expressly: permission by another one does not help.")
    } else {
        format!("The caller needs the permission {what}.")
    })
}

/// The word after some words, without the punctuation at its end.
fn after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(words)?;
    let word = rest.split_whitespace().next()?;
    Some(word.trim_end_matches(['.', ',', ';'])).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(operation: &str, code: &str, text: &str, kind: ProviderErrorKind, expected: &str) {
        let answer = Answer {
            operation,
            code,
            text,
            status: 400,
            retry_after: None,
        };
        assert_eq!(hint(&answer, kind).unwrap_or_default(), expected);
    }

    #[test]
    fn quotas_are_named() {
        check(
            "CreateVpc",
            "VpcLimitExceeded",
            "The maximum number of VPCs has been reached.",
            Quota,
            "Ask Service Quotas for more of \"VPCs per Region\" (service vpc, code L-F678F1CE), or remove what is not needed.",
        );
        check(
            "CreateNodegroup",
            "ResourceLimitExceededException",
            "",
            Quota,
            "Ask Service Quotas for more of \"Managed node groups per cluster\" (service eks, code L-6D54EA21), or remove \
             what is not needed.",
        );
        check(
            "CreateRole",
            "LimitExceeded",
            "",
            Quota,
            "Ask Service Quotas for more of \"Roles per account\" (service iam, code L-FE177D64), or remove what is not needed.",
        );
        check("CreatePolicy", "LimitExceeded", "", Quota, "");
    }

    #[test]
    fn missing_permissions_are_named() {
        let user = "User: arn:aws:iam::123456789012:user/a is not authorized to perform:";
        check(
            "CreateVpc",
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            AccessDenied,
            "The caller needs the permission ec2:CreateVpc.",
        );
        check(
            "CreateCluster",
            "AccessDeniedException",
            &format!(
                "{user} iam:PassRole on resource: arn:aws:iam::123456789012:role/x because no identity-based policy"
            ),
            AccessDenied,
            "The caller needs the permission iam:PassRole for the role arn:aws:iam::123456789012:role/x.",
        );
        check(
            "CreateCluster",
            "AccessDeniedException",
            &format!(
                "{user} eks:CreateCluster on resource: * with an explicit deny in a service control policy"
            ),
            AccessDenied,
            "A service control policy of the organization denies eks:CreateCluster: only who administers the organization can change that.",
        );
        check(
            "CreateRole",
            "AccessDenied",
            &format!(
                "{user} iam:CreateRole on resource: x because no permissions boundary allows the iam:CreateRole action"
            ),
            AccessDenied,
            "The permissions boundary of the caller does not allow iam:CreateRole: who set it can change that.",
        );
        check(
            "CreateRole",
            "AccessDenied",
            &format!(
                "{user} iam:CreateRole on resource: x with an explicit deny in an identity-based policy"
            ),
            AccessDenied,
            "A policy denies iam:CreateRole expressly: permission by another one does not help.",
        );
        check("GetKey", "AccessDeniedException", "", AccessDenied, "");
    }
}
