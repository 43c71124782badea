//! What the account may have in a region.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};

pub(super) const OPERATIONS: &[QueryOperation] =
    &[QueryOperation::read("DescribeAccountAttributes", describe)];

/// How many public addresses a region may have. AWS begins with five, and raises it when asked.
pub(in crate::aws) const MOST_ADDRESSES: usize = 100;
/// How many networks a region may have. AWS begins with five here, too.
pub(in crate::aws) const MOST_VPCS: usize = 100;

/// What can be asked for by name; the limits come only with all.
const NAMED: [(&str, &str); 2] = [("supported-platforms", "VPC"), ("default-vpc", "none")];

fn describe(_cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let names = p.list("AttributeName");
    p.finish()?;
    let known = |name: &&String| NAMED.iter().any(|(known, _)| known == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("The account attribute '{unknown}' is invalid"),
        ));
    }
    let most = MOST_ADDRESSES.to_string();
    let limits = [
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", &most),
        ("max-instances", "20"),
        ("vpc-max-elastic-ips", &most),
    ];
    let named = NAMED
        .iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|asked| asked == name));
    let limits = limits.iter().filter(|_| names.is_empty());
    let views: Vec<Value> = named
        .chain(limits)
        .map(|(name, value)| {
            json!({
                "attributeName": name,
                "attributeValueSet": [{ "attributeValue": value }],
            })
        })
        .collect();
    Ok(json!({ "accountAttributeSet": views }))
}
