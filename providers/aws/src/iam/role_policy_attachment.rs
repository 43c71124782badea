//! `aws_iam_role_policy_attachment`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::{Cloud, at_once};

use crate::error::{Failure, found, send};
use crate::iam::role::Roles;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;

/// `aws_iam_role_policy_attachment`.
#[derive(Debug)]
pub(crate) struct RolePolicyAttachments;

/// A managed policy on a role. Its id is `role/policy-arn`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RolePolicyAttachment {
    id: Option<String>,
    role: String,
    policy_arn: String,
}

#[async_trait]
impl ResourceType for RolePolicyAttachments {
    type Object = RolePolicyAttachment;
    const NAME: &'static str = "aws_iam_role_policy_attachment";

    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            resource::id("The role's name and the policy's ARN, as `role/arn`."),
            (
                "role",
                Attribute::required(AttributeType::String, "Name of the role.")
                    .replaces()
                    .names(Roles::NAME, "name"),
            ),
            (
                "policy_arn",
                Attribute::required(AttributeType::String, "ARN of the managed policy.").replaces(),
            ),
        ]);
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Natural,
                schema,
                "A managed policy on a role.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("role", |name| Pattern::RoleName.check(name));
        checks.text("policy_arn", |arn| Pattern::Arn.check(arn));
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let known = change
            .planned_text("role")
            .zip(change.planned_text("policy_arn"));
        if let Some((role, arn)) = known {
            change.set("id", id_of(role, arn).into());
        }
        Ok(())
    }

    /// One list for each role, however many of its attachments are wanted.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<RolePolicyAttachment>],
    ) -> Vec<Result<Option<Seen<RolePolicyAttachment>>, Failure>> {
        let roles: BTreeSet<&str> = wanted
            .iter()
            .filter_map(|wanted| parts(&wanted.id))
            .map(|(role, _)| role)
            .collect();
        let lists = roles
            .into_iter()
            .map(|role| async move { (role, attached(cloud, role).await) }.boxed());
        let lists: BTreeMap<&str, _> = at_once(lists).await.into_iter().collect();
        wanted
            .iter()
            .map(|wanted| {
                let (role, arn) = parts(&wanted.id).ok_or_else(|| not_an_id(&wanted.id))?;
                match lists.get(role) {
                    Some(Ok(Some(arns))) if arns.contains(arn) => Ok(Some(seen(role, arn))),
                    Some(Err(failure)) => Err(failure.clone()),
                    Some(Ok(_)) | None => Ok(None),
                }
            })
            .collect()
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<RolePolicyAttachment>,
    ) -> Result<Vec<Found<RolePolicyAttachment>>, Failure> {
        let RolePolicyAttachment {
            role, policy_arn, ..
        } = &lost.planned;
        let arns = attached(cloud, role).await?.unwrap_or_default();
        let found = arns.contains(policy_arn).then(|| Found {
            id: id_of(role, policy_arn),
            seen: seen(role, policy_arn),
            ours: None,
        });
        Ok(found.into_iter().collect())
    }

    async fn create(
        &self,
        step: &Step<'_>,
        planned: &RolePolicyAttachment,
    ) -> Result<String, Failure> {
        let iam = &step.clients().await?.iam;
        let call = iam
            .attach_role_policy()
            .role_name(&planned.role)
            .policy_arn(&planned.policy_arn);
        step.change("AttachRolePolicy", call.send()).await?;
        Ok(id_of(&planned.role, &planned.policy_arn))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, RolePolicyAttachment>,
    ) -> Result<RolePolicyAttachment, Failure> {
        let planned = target.planned;
        let what = format!("policy {} on role {}", planned.policy_arn, planned.role);
        let look = || is_attached(step.cloud, planned);
        step.until(&what, look, |()| true).await?;
        Ok(RolePolicyAttachment {
            id: Some(target.id.to_owned()),
            ..planned.clone()
        })
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &RolePolicyAttachment,
    ) -> Result<(), Failure> {
        let (role, arn) = parts(id).ok_or_else(|| not_an_id(id))?;
        let iam = &step.clients().await?.iam;
        let call = iam.detach_role_policy().role_name(role).policy_arn(arn);
        found(step.change("DetachRolePolicy", call.send()).await)?;
        let gone = RolePolicyAttachment {
            id: None,
            role: role.to_owned(),
            policy_arn: arn.to_owned(),
        };
        let what = format!("policy {arn} on role {role}");
        let look = || is_attached(step.cloud, &gone);
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn id_of(role: &str, arn: &str) -> String {
    format!("{role}/{arn}")
}

/// Role and policy of an id. A role's name has no slash.
fn parts(id: &str) -> Option<(&str, &str)> {
    id.split_once('/')
        .filter(|(role, arn)| !role.is_empty() && arn.starts_with("arn:"))
}

fn not_an_id(id: &str) -> Failure {
    Failure::refused(
        ProviderErrorKind::Invalid,
        format!("'{id}' is not the id of an attachment, which is ROLE/POLICY-ARN"),
    )
}

fn seen(role: &str, arn: &str) -> Seen<RolePolicyAttachment> {
    Seen {
        object: RolePolicyAttachment {
            id: Some(id_of(role, arn)),
            role: role.to_owned(),
            policy_arn: arn.to_owned(),
        },
        incomplete: false,
    }
}

async fn is_attached(
    cloud: &Cloud,
    attachment: &RolePolicyAttachment,
) -> Result<Option<()>, Failure> {
    let arns = attached(cloud, &attachment.role).await?;
    Ok(arns
        .is_some_and(|arns| arns.contains(&attachment.policy_arn))
        .then_some(()))
}

/// The policies on a role, over all pages; `None` where there is no such role.
pub(super) async fn attached(
    cloud: &Cloud,
    role: &str,
) -> Result<Option<BTreeSet<String>>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let pages = iam
        .list_attached_role_policies()
        .role_name(role)
        .into_paginator()
        .items()
        .send();
    let list = send(
        "ListAttachedRolePolicies",
        pages.collect::<Result<Vec<_>, _>>(),
    )
    .await;
    let arns = found(list)?.map(|list| {
        list.into_iter()
            .filter_map(|policy| policy.policy_arn)
            .collect()
    });
    Ok(arns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        let arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";
        assert_eq!(parts(&id_of("a.b", arn)), Some(("a.b", arn)));
        assert_eq!(parts("a"), None);
        assert_eq!(parts("a/b"), None);
    }
}
