//! Whether what a run makes fits into the quotas of the account.

use futures::future::join_all;
use strata_model::Severity;
use strata_model::preflight::{Finding, FindingKind, Preflight};
use strata_model::provider::Operation;

use super::of_type;
use crate::cloud::Cloud;
use crate::ec2::eip::Eips;
use crate::ec2::vpc::Vpcs;
use crate::eks::cluster::Clusters;
use crate::error::hints::{ADDRESSES, CLUSTERS, KnownQuota, NETWORKS};
use crate::error::{Failure, found, send};
use crate::resource::ResourceType;

/// A quota of a region, and what of the plan counts.
#[derive(Debug, Clone, Copy)]
struct Counted {
    resource_type: &'static str,
    /// What there is a number of.
    what: &'static str,
    quota: KnownQuota,
}

const COUNTED: [Counted; 3] = [
    Counted {
        resource_type: Eips::NAME,
        what: "Elastic IP addresses",
        quota: ADDRESSES,
    },
    Counted {
        resource_type: Vpcs::NAME,
        what: "VPCs",
        quota: NETWORKS,
    },
    Counted {
        resource_type: Clusters::NAME,
        what: "EKS clusters",
        quota: CLUSTERS,
    },
];

/// Looks at all quotas that the run may exceed.
pub(super) async fn look(
    cloud: &Cloud,
    intended: &Preflight<'_>,
) -> Vec<Result<Vec<Finding>, Failure>> {
    join_all(COUNTED.map(|counted| judge(cloud, intended, counted))).await
}

async fn judge(
    cloud: &Cloud,
    intended: &Preflight<'_>,
    counted: Counted,
) -> Result<Vec<Finding>, Failure> {
    let Counted {
        resource_type,
        what,
        quota,
    } = counted;
    let made: Vec<usize> = of_type(intended, (resource_type, Operation::Create))
        .map(|(number, _)| number)
        .collect();
    let gone = of_type(intended, (resource_type, Operation::Delete)).count();
    let wanted = made.len().saturating_sub(gone);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let (most, used) = futures::try_join!(most(cloud, quota), used(cloud, quota))?;
    let Some(most) = most.filter(|most| used + wanted > *most) else {
        return Ok(Vec::new());
    };
    let region = cloud.region().await?;
    Ok(vec![Finding {
        severity: Severity::Error,
        kind: FindingKind::Quota,
        change: made.get(most.saturating_sub(used)).or(made.last()).copied(),
        message: format!(
            "{wanted} more {what} are needed in {region}, where {used} of at most {most} are in use."
        ),
        hint: format!(
            "Ask Service Quotas in {region} for at least {} of {quota}, or delete some that are not needed.",
            used + wanted
        ),
    }])
}

/// How many there may be; `None` where AWS does not say.
async fn most(cloud: &Cloud, quota: KnownQuota) -> Result<Option<usize>, Failure> {
    let clients = cloud.clients().await?;
    if quota.code == ADDRESSES.code {
        // EC2 tells it by itself, which takes no permission for another service.
        let call = clients.ec2.describe_account_attributes();
        let attributes = send("DescribeAccountAttributes", call.send()).await?;
        let attribute = |name: &str| {
            let mut all = attributes.account_attributes().iter();
            let attribute = all.find(|attribute| attribute.attribute_name() == Some(name))?;
            let value = attribute.attribute_values().first()?;
            value.attribute_value()?.parse::<usize>().ok()
        };
        return Ok(attribute("vpc-max-elastic-ips").or_else(|| attribute("max-elastic-ips")));
    }
    let service = &clients.quotas;
    let applied = service
        .get_service_quota()
        .service_code(quota.service)
        .quota_code(quota.code);
    let applied = found(send("GetServiceQuota", applied.send()).await)?;
    let told = match applied.and_then(|answer| answer.quota) {
        Some(told) => Some(told),
        // An account that has never asked for another value may have none of its own.
        None => {
            let usual = service
                .get_aws_default_service_quota()
                .service_code(quota.service)
                .quota_code(quota.code);
            let usual = found(send("GetAWSDefaultServiceQuota", usual.send()).await)?;
            usual.and_then(|answer| answer.quota)
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of things, which AWS writes as a fraction"
    )]
    let most = told
        .and_then(|quota| quota.value)
        .map(|value| value.max(0.0) as usize);
    Ok(most)
}

/// How many there are.
async fn used(cloud: &Cloud, quota: KnownQuota) -> Result<usize, Failure> {
    let clients = cloud.clients().await?;
    match quota.code {
        code if code == ADDRESSES.code => {
            let call = clients.ec2.describe_addresses().send();
            Ok(send("DescribeAddresses", call).await?.addresses().len())
        }
        code if code == NETWORKS.code => {
            let pages = clients.ec2.describe_vpcs().into_paginator().items().send();
            let all = send("DescribeVpcs", pages.collect::<Result<Vec<_>, _>>()).await?;
            Ok(all.len())
        }
        _ => {
            let pages = clients.eks.list_clusters().into_paginator().items().send();
            let all = send("ListClusters", pages.collect::<Result<Vec<_>, _>>()).await?;
            Ok(all.len())
        }
    }
}
