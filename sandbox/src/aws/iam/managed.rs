//! The policies that AWS itself manages: they exist in every account.

use serde_json::{Value, json};

use crate::aws::arn::Arn;
use crate::aws::time::iso;

/// Paths and names, sorted, one per line.
static NAMES: &str = include_str!("managed_policies.txt");

/// When the sandbox says that they were made; the real moments differ and nobody depends on them.
const CREATED_MS: u64 = 1_423_247_881_000;

/// Tells whether AWS manages a policy of this ARN.
pub(super) fn is_managed(policy_arn: &str) -> bool {
    let Some(arn) = Arn::parse(policy_arn).filter(|a| a.service == "iam" && a.account == "aws")
    else {
        return false;
    };
    arn.resource
        .strip_prefix("policy/")
        .is_some_and(|name| NAMES.lines().any(|known| known == name))
}

/// The ARNs of all of them, sorted.
pub(super) fn all_managed() -> impl Iterator<Item = String> {
    NAMES
        .lines()
        .map(|name| format!("arn:aws:iam::aws:policy/{name}"))
}

/// Writes a policy that AWS manages.
pub(super) fn managed_view(arn: &str) -> Option<Value> {
    if !is_managed(arn) {
        return None;
    }
    let resource = arn.split_once(":policy").map_or("/", |(_, path)| path);
    let at = resource.rfind('/').unwrap_or_default();
    Some(json!({
        "PolicyName": &resource[at + 1..],
        "PolicyId": policy_id(arn),
        "Arn": arn,
        "Path": &resource[..=at],
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": iso(CREATED_MS),
        "UpdateDate": iso(CREATED_MS),
    }))
}

/// Makes the id follow from the name, since nothing of these policies is stored.
fn policy_id(arn: &str) -> String {
    let seed = arn.bytes().fold(0_u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let text = crate::ids::Seeded::new(seed, &[]).text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17);
    format!("ANPA{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arn: &str, expected: bool) {
        assert_eq!(is_managed(arn), expected, "{arn}");
    }

    #[test]
    fn names() {
        check("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy", true);
        check("arn:aws-cn:iam::aws:policy/AmazonEKS_CNI_Policy", true);
        check(
            "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
            true,
        );
        check("arn:aws:iam::aws:policy/Nonsense", false);
        check(
            "arn:aws:iam::123456789012:policy/AmazonEKSClusterPolicy",
            false,
        );
    }
}
