//! The parameters that AWS publishes: which image is the newest of its kind.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::aws::arn::partition;
use crate::aws::eks;
use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::time::seconds;

pub(super) const OPERATIONS: &[JsonOperation] = &[JsonOperation::read("GetParameter", get)];

/// 2026-11-01T00:00:00Z, the day of the newest images.
const PUBLISHED_MS: u64 = 1_793_491_200_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameter {
    name: String,
    #[expect(dead_code, reason = "nothing that AWS publishes is encrypted")]
    with_decryption: Option<bool>,
}

fn get(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: GetParameter = request.body()?;
    let arn = format!("arn:{}:ssm:{}::parameter", partition(&cx.region), cx.region);
    let given = wanted.name.strip_prefix(&arn).unwrap_or(&wanted.name);
    let (name, selector) = given
        .split_once(':')
        .map_or((given, None), |(name, selector)| (name, Some(selector)));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        let constraint = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive) except for public parameters. If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_";
        return Err(violated("ValidationException", ("name", name), constraint));
    }
    // AWS says no more than the code.
    let Some(value) = value_of(name, &cx.region) else {
        return Err(AwsError::new("ParameterNotFound", ""));
    };
    if selector.is_some_and(|selector| selector != "1") {
        let text = format!(
            "Systems Manager could not find version of {name}. Verify the version and try again."
        );
        return Err(AwsError::new("ParameterVersionNotFound", text));
    }
    let mut parameter = json!({
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": seconds(PUBLISHED_MS),
        "ARN": format!("{arn}{name}"),
        "DataType": if value.starts_with("ami-") { "aws:ec2:image" } else { "text" },
    });
    if let Some(selector) = selector {
        parameter["Selector"] = Value::String(format!(":{selector}"));
    }
    Ok(json!({ "Parameter": parameter }))
}

/// The value of a published parameter.
fn value_of(name: &str, region: &str) -> Option<String> {
    let parts: Vec<&str> = name.strip_prefix("/aws/service/")?.split('/').collect();
    match parts.as_slice() {
        ["eks", "optimized-ami", version, family @ .., "recommended"] => {
            let release = release_of(version, family)?;
            let image = image_id(region, &parts);
            let name = format!("amazon-eks-node-{}-{version}-v20261101", family.join("-"));
            let whole = json!({
                "image_id": image, "image_name": name, "release_version": release,
                "schema_version": "1",
            });
            Some(whole.to_string())
        }
        [
            "eks",
            "optimized-ami",
            version,
            family @ ..,
            "recommended",
            what,
        ] => {
            let release = release_of(version, family)?;
            match *what {
                "image_id" => Some(image_id(region, &parts[..parts.len() - 1])),
                "release_version" => Some(release),
                _ => None,
            }
        }
        ["bottlerocket", variant, "x86_64" | "arm64", "latest", what] => {
            eks::offers(bottlerocket_version(variant)?)?;
            match *what {
                "image_id" => Some(image_id(region, &parts[..parts.len() - 1])),
                "image_version" => Some("1.50.0-00000000".to_owned()),
                _ => None,
            }
        }
        ["ami-amazon-linux-latest", image] if image.starts_with("al2023-ami-") => {
            Some(image_id(region, &parts))
        }
        _ => None,
    }
}

/// The newest release of a kind of node image.
fn release_of(version: &str, family: &[&str]) -> Option<String> {
    let release = eks::offers(version)?;
    match family {
        [
            "amazon-linux-2023",
            "x86_64" | "arm64",
            "standard" | "nvidia" | "neuron",
        ] => Some(release),
        _ => None,
    }
}

/// The version in the name of a variant, such as `aws-k8s-1.35` or `aws-k8s-1.35-nvidia`.
fn bottlerocket_version(variant: &str) -> Option<&str> {
    let rest = variant.strip_prefix("aws-k8s-")?;
    Some(rest.strip_suffix("-nvidia").unwrap_or(rest))
}

/// The same image in every run, and another in every region.
fn image_id(region: &str, of: &[&str]) -> String {
    let digest = Sha256::digest(format!("{region}/{}", of.join("/")).as_bytes());
    let digits: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("ami-0{digits}")
}

#[cfg(test)]
mod tests {
    use super::value_of;

    fn check(name: &str, expected: Option<&str>) {
        let value = value_of(&format!("/aws/service/{name}"), "eu-west-1");
        let start = value.as_deref().map(|value| &value[..4]);
        assert_eq!(start, expected, "{name}: {value:?}");
    }

    #[test]
    fn published_parameters() {
        let image = "eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id";
        check(image, Some("ami-"));
        check(&image.replace("image_id", "release_version"), Some("1.35"));
        check(&image.replace("1.35", "1.20"), None);
        check(&image.replace("standard", "fancy"), None);
        check(image.trim_end_matches("/image_id"), Some("{\"im"));
        check(
            "bottlerocket/aws-k8s-1.35/arm64/latest/image_id",
            Some("ami-"),
        );
        check(
            "bottlerocket/aws-k8s-1.35-nvidia/arm64/latest/image_id",
            Some("ami-"),
        );
        check(
            "ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
            Some("ami-"),
        );
        check("nonsense", None);
    }
}
