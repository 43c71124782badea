//! Whether EKS can use a role that it is given.

use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::iam::{Role, has_policy};
use crate::aws::policy::trusts_service;
use crate::aws::service::Cx;
use crate::world::Object;

use super::invalid_parameter;

/// What a role must be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needed {
    /// The service that assumes it.
    pub(super) trusts: &'static str,
    /// Of these policies it must have one.
    pub(super) policies: &'static [&'static str],
}

/// The role of a cluster.
pub(super) const CLUSTER: Needed = Needed {
    trusts: "eks.amazonaws.com",
    policies: &["AmazonEKSClusterPolicy"],
};

/// The role of nodes.
pub(super) const NODE: Needed = Needed {
    trusts: "ec2.amazonaws.com",
    policies: &[
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKSWorkerNodeMinimalPolicy",
    ],
};

/// The role of pods on Fargate.
pub(super) const FARGATE: Needed = Needed {
    trusts: "eks-fargate-pods.amazonaws.com",
    policies: &[],
};

/// What the role of a cluster with Auto Mode must have, all of them.
pub(super) const AUTO_MODE: [&str; 4] = [
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
];

/// Refuses a role that lacks one of some policies.
pub(super) fn check_all_policies(
    cx: &Cx<'_>,
    role_arn: &str,
    policies: &[&str],
) -> Result<(), AwsError> {
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let missing: Vec<&str> = policies
        .iter()
        .copied()
        .filter(|policy| !has_policy(cx.world, name, policy))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policies [{}] are attached",
        missing.join(", ")
    )))
}

/// Finds a role by its ARN.
fn find<'a>(cx: &'a Cx<'_>, role_arn: &str) -> Option<&'a Object<Role>> {
    let arn = Arn::parse(role_arn).filter(|arn| arn.service == "iam")?;
    let path = arn.resource.strip_prefix("role/")?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let role = cx.world.get::<Role>("global", name);
    role.filter(|role| role.body.arn == role_arn)
}

/// Refuses a role that does not exist, as pod identity says it.
pub(super) fn check_exists(cx: &mut Cx<'_>, role_arn: &str) -> Result<(), AwsError> {
    if cx.role_refused(role_arn) || find(cx, role_arn).is_none() {
        return Err(invalid_parameter(
            "Role provided in the request does not exist.",
        ));
    }
    Ok(())
}

/// Refuses a role that does not exist, as add-ons say it.
pub(super) fn check_known(cx: &mut Cx<'_>, role_arn: &str) -> Result<(), AwsError> {
    if cx.role_refused(role_arn) || find(cx, role_arn).is_none() {
        return Err(invalid_parameter(format!(
            "Role with arn: {role_arn}, does not exist"
        )));
    }
    Ok(())
}

/// Refuses a role that does not exist, cannot be assumed, or lacks its policies.
pub(super) fn check_role(cx: &mut Cx<'_>, role_arn: &str, needed: Needed) -> Result<(), AwsError> {
    let arn = Arn::parse(role_arn).filter(|arn| arn.service == "iam");
    let Some(path) = arn.and_then(|arn| arn.resource.strip_prefix("role/")) else {
        return Err(invalid_parameter(format!("Invalid roleArn: {role_arn}")));
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let role = cx
        .world
        .get::<Role>("global", name)
        .filter(|role| role.body.arn == role_arn);
    let Some(role) = role else {
        return Err(invalid_parameter(format!(
            "Role with arn: {role_arn}, does not exist"
        )));
    };
    let trusted = trusts_service(&role.body.trust, needed.trusts);
    if cx.role_refused(role_arn) || !trusted {
        if needed.trusts == FARGATE.trusts {
            return Err(invalid_parameter(format!(
                "Misconfigured PodExecutionRole Trust Policy; Please add the {} Service Principal",
                FARGATE.trusts
            )));
        }
        let text = format!(
            "Role with arn: {role_arn}, could not be assumed because it does not exist or the trusted entity is not correct"
        );
        // The wording that tools look for stands in the text as a whole.
        return Err(invalid_parameter(format!(
            "{text}. Role could not be assumed because the trusted entity is not correct"
        )));
    }
    if needed.policies.is_empty()
        || needed
            .policies
            .iter()
            .any(|policy| has_policy(cx.world, name, policy))
    {
        return Ok(());
    }
    let text = format!(
        "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policies [{}] are attached",
        needed.policies.first().copied().unwrap_or_default()
    );
    Err(invalid_parameter(text))
}
