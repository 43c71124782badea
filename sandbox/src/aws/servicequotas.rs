//! Service Quotas: how many of some things the account may have in a region.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ACCOUNT;
use super::arn::partition;
use super::error::{Answer, AwsError};
use super::json::JsonRequest;
use super::service::{Api, Cx, JsonOperation, Service};
use super::{ec2, eks};

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "servicequotas",
    global: false,
    api: Api::Json {
        target: "ServiceQuotasV20190624",
        invalid: "IllegalArgumentException",
        tables: &[OPERATIONS],
    },
    // Nobody can raise a quota here: nothing is kept.
    register: |_world| {},
};

const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::read("GetServiceQuota", applied),
    JsonOperation::read("GetAWSDefaultServiceQuota", usual),
];

/// A quota.
struct Quota {
    service: (&'static str, &'static str),
    quota: (&'static str, &'static str),
    /// What every account begins with.
    usual: usize,
    /// What this one has; `None` where nobody ever asked for another value.
    applied: Option<usize>,
}

/// The quotas that are known, with their codes and names as AWS lists them.
const QUOTAS: [Quota; 3] = [
    Quota {
        service: ("ec2", "Amazon Elastic Compute Cloud (Amazon EC2)"),
        quota: ("L-0263D0A3", "EC2-VPC Elastic IPs"),
        usual: 5,
        applied: Some(ec2::MOST_ADDRESSES),
    },
    Quota {
        service: ("vpc", "Amazon Virtual Private Cloud (Amazon VPC)"),
        quota: ("L-F678F1CE", "VPCs per Region"),
        usual: 5,
        applied: Some(ec2::MOST_VPCS),
    },
    Quota {
        service: ("eks", "Amazon Elastic Kubernetes Service (Amazon EKS)"),
        quota: ("L-1194D53C", "Clusters"),
        usual: eks::MOST_CLUSTERS,
        applied: None,
    },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    service_code: String,
    quota_code: String,
}

fn applied(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    answer(cx, request, |quota| quota.applied)
}

fn usual(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    answer(cx, request, |quota| Some(quota.usual))
}

fn answer(cx: &Cx<'_>, request: &mut JsonRequest, value: fn(&Quota) -> Option<usize>) -> Answer {
    let Named {
        service_code,
        quota_code,
    } = request.body()?;
    let mut known = QUOTAS.iter();
    let known = known.find(|known| known.service.0 == service_code && known.quota.0 == quota_code);
    let Some((quota, value)) = known.and_then(|quota| Some((quota, value(quota)?))) else {
        return Err(AwsError::new(
            "NoSuchResourceException",
            "The request failed because the specified service quota does not exist.",
        ));
    };
    Ok(json!({ "Quota": view(quota, value, &cx.region) }))
}

fn view(quota: &Quota, value: usize, region: &str) -> Value {
    let Quota { service, quota, .. } = quota;
    let partition = partition(region);
    json!({
        "ServiceCode": service.0,
        "ServiceName": service.1,
        "QuotaArn": format!("arn:{partition}:servicequotas:{region}:{ACCOUNT}:{}/{}", service.0, quota.0),
        "QuotaCode": quota.0,
        "QuotaName": quota.1,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    })
}
