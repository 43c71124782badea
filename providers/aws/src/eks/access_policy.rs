//! `aws_eks_access_policy_association`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::{AccessScope, AccessScopeType, AssociatedAccessPolicy};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::{Cloud, at_once};
use crate::eks::access_entry::AccessEntries;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;

/// `aws_eks_access_policy_association`.
#[derive(Debug)]
pub(crate) struct AccessPolicies;

/// One of EKS's policies on an access entry. Its id is `cluster#principal#policy`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AccessPolicy {
    id: Option<String>,
    cluster_name: String,
    principal_arn: String,
    policy_arn: String,
    access_scope: Scope,
    associated_at: Option<String>,
    region: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Scope {
    r#type: String,
    namespaces: Option<BTreeSet<String>>,
}

#[async_trait]
impl ResourceType for AccessPolicies {
    type Object = AccessPolicy;
    const NAME: &'static str = "aws_eks_access_policy_association";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Cluster, principal and policy, as `cluster#principal#policy`."),
            super::cluster_name(),
            (
                "principal_arn",
                Attribute::required(text(), "Principal of the access entry.")
                    .replaces()
                    .names_within(AccessEntries::NAME, "principal_arn", "cluster_name"),
            ),
            (
                "policy_arn",
                Attribute::required(
                    text(),
                    "EKS's policy, such as `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy`.",
                )
                .replaces(),
            ),
            (
                "access_scope",
                Attribute::required(scope(), "Where in the cluster the policy holds."),
            ),
            (
                "associated_at",
                Attribute::computed(text(), "When the policy was put on the entry."),
            ),
            resource::region(),
        ]);
        ResourceSchema {
            admits: true,
            consistency_window: super::CONSISTENCY_WINDOW,
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Natural,
                schema,
                "What a principal with an access entry may do in an EKS cluster.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("principal_arn", |arn| Pattern::Arn.check(arn));
        checks.text("policy_arn", |arn| {
            let fits = arn.starts_with("arn:") && arn.contains(":cluster-access-policy/");
            (!fits).then(|| format!("must be the ARN of a policy of EKS, not '{arn}'."))
        });
        checks.one_of("access_scope.type", &["cluster", "namespace"]);
        let kind = checks.known("access_scope.type").and_then(Value::as_str);
        let scope = checks.config().get("access_scope");
        let namespaces = scope.and_then(|scope| scope.get("namespaces"));
        let none = namespaces.is_none_or(|value| {
            value.is_null() || value.elements().is_some_and(<[Value]>::is_empty)
        });
        if kind == Some("cluster") && !none {
            let message = "must not be given where type is cluster.";
            checks.fault("access_scope.namespaces", message);
        }
        if kind == Some("namespace") && none {
            let message = "must name at least one where type is namespace.";
            checks.fault("access_scope.namespaces", message);
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let names = ["cluster_name", "principal_arn", "policy_arn"];
        let known = names.map(|name| change.planned_text(name));
        if let [Some(cluster), Some(principal), Some(policy)] = known {
            change.set("id", id_of(cluster, principal, policy).into());
        }
        change.forget_missing(&["associated_at", "region"]);
        Ok(())
    }

    /// One list for each entry, however many of its policies are wanted.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<AccessPolicy>],
    ) -> Vec<Result<Option<Seen<AccessPolicy>>, Failure>> {
        let entries: BTreeSet<(&str, &str)> = wanted
            .iter()
            .filter_map(|wanted| parts(&wanted.id).ok())
            .map(|(cluster, principal, _)| (cluster, principal))
            .collect();
        let lists = entries
            .into_iter()
            .map(|entry| async move { (entry, associated(cloud, entry).await) }.boxed());
        let lists: BTreeMap<(&str, &str), _> = at_once(lists).await.into_iter().collect();
        // Where there is none, no list was answered either.
        let region = cloud.region().await.ok();
        let answers = wanted.iter().map(|wanted| {
            let (cluster, principal, policy) = parts(&wanted.id)?;
            match lists.get(&(cluster, principal)) {
                Some(Ok(list)) => Ok(pick(list, policy).map(|live| {
                    Seen::complete(see(region, &wanted.id, (cluster, principal), live))
                })),
                Some(Err(failure)) => Err(failure.clone()),
                None => Ok(None),
            }
        });
        answers.collect()
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<AccessPolicy>,
    ) -> Result<Vec<Found<AccessPolicy>>, Failure> {
        let planned = &lost.planned;
        let entry = (
            planned.cluster_name.as_str(),
            planned.principal_arn.as_str(),
        );
        let list = associated(cloud, entry).await?;
        let region = cloud.region().await.ok();
        let id = id_of(entry.0, entry.1, &planned.policy_arn);
        let found = pick(&list, &planned.policy_arn).map(|live| Found {
            seen: Seen::complete(see(region, &id, entry, live)),
            id: id.clone(),
            ours: None,
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &AccessPolicy) -> Result<String, Failure> {
        associate(step, planned).await?;
        Ok(id_of(
            &planned.cluster_name,
            &planned.principal_arn,
            &planned.policy_arn,
        ))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, AccessPolicy>,
    ) -> Result<AccessPolicy, Failure> {
        let (cluster, principal, policy) = parts(target.id)?;
        let planned = target.planned;
        let what = format!("{policy} of {principal} on {cluster}");
        let look = || async move {
            let list = associated(step.cloud, (cluster, principal)).await?;
            let region = step.cloud.region().await.ok();
            let place = (cluster, principal);
            Ok(pick(&list, policy).map(|live| see(region, target.id, place, live)))
        };
        let now = step.until(&what, look, |_| true).await?;
        if is_same(&now.access_scope, &planned.access_scope) {
            return Ok(now);
        }
        // A policy that is there already gets the new scope.
        associate(step, planned).await?;
        let is_settled = |now: &AccessPolicy| is_same(&now.access_scope, &planned.access_scope);
        step.until(&what, look, is_settled).await
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &AccessPolicy,
    ) -> Result<(), Failure> {
        let (cluster, principal, policy) = parts(id)?;
        let eks = &step.clients().await?.eks;
        let call = eks
            .disassociate_access_policy()
            .cluster_name(cluster)
            .principal_arn(principal)
            .policy_arn(policy);
        found(step.change("DisassociateAccessPolicy", call.send()).await)?;
        let what = format!("{policy} of {principal} on {cluster}");
        let look = || async move {
            let list = associated(step.cloud, (cluster, principal)).await?;
            Ok(pick(&list, policy).map(|_| ()))
        };
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn scope() -> AttributeType {
    AttributeType::object([
        (
            "type",
            Attribute::required(AttributeType::String, "`cluster` or `namespace`."),
        ),
        (
            "namespaces",
            Attribute::optional(
                AttributeType::string_set(),
                "Namespaces in which the policy holds, where `type` is `namespace`.",
            ),
        ),
    ])
}

fn id_of(cluster: &str, principal: &str, policy: &str) -> String {
    format!("{cluster}#{principal}#{policy}")
}

fn parts(id: &str) -> Result<(&str, &str, &str), Failure> {
    let mut parts = id.splitn(3, '#');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(cluster), Some(principal), Some(policy)) if !cluster.is_empty() => {
            Ok((cluster, principal, policy))
        }
        _ => {
            let message = format!(
                "'{id}' is not the id of a policy association, which is CLUSTER#PRINCIPAL-ARN#POLICY-ARN"
            );
            Err(Failure::refused(ProviderErrorKind::Invalid, message))
        }
    }
}

async fn associate(step: &Step<'_>, planned: &AccessPolicy) -> Result<(), Failure> {
    let namespaces = planned.access_scope.namespaces.clone().unwrap_or_default();
    let scope = AccessScope::builder()
        .r#type(AccessScopeType::from(planned.access_scope.r#type.as_str()))
        .set_namespaces(Some(namespaces.into_iter().collect()))
        .build();
    let eks = &step.clients().await?.eks;
    let call = eks
        .associate_access_policy()
        .cluster_name(&planned.cluster_name)
        .principal_arn(&planned.principal_arn)
        .policy_arn(&planned.policy_arn)
        .access_scope(scope);
    step.change("AssociateAccessPolicy", call.send()).await?;
    Ok(())
}

/// The policies on an entry, over all pages; none where there is no such entry.
async fn associated(
    cloud: &Cloud,
    (cluster, principal): (&str, &str),
) -> Result<Vec<AssociatedAccessPolicy>, Failure> {
    let pages = cloud
        .clients()
        .await?
        .eks
        .list_associated_access_policies()
        .cluster_name(cluster)
        .principal_arn(principal)
        .into_paginator()
        .items()
        .send();
    let list = send(
        "ListAssociatedAccessPolicies",
        pages.collect::<Result<Vec<_>, _>>(),
    )
    .await;
    Ok(found(list)?.unwrap_or_default())
}

fn pick<'a>(
    list: &'a [AssociatedAccessPolicy],
    policy: &str,
) -> Option<&'a AssociatedAccessPolicy> {
    list.iter().find(|live| live.policy_arn() == Some(policy))
}

fn is_same(a: &Scope, b: &Scope) -> bool {
    let names = |scope: &Scope| scope.namespaces.clone().unwrap_or_default();
    a.r#type == b.r#type && names(a) == names(b)
}

fn see(
    region: Option<&str>,
    id: &str,
    (cluster, principal): (&str, &str),
    live: &AssociatedAccessPolicy,
) -> AccessPolicy {
    let scope = live.access_scope();
    let kind = scope.and_then(|scope| scope.r#type());
    AccessPolicy {
        id: Some(id.to_owned()),
        cluster_name: cluster.to_owned(),
        principal_arn: principal.to_owned(),
        policy_arn: live.policy_arn.clone().unwrap_or_default(),
        access_scope: Scope {
            r#type: kind.map_or_else(String::new, |kind| kind.as_str().to_owned()),
            namespaces: scope.map(|scope| scope.namespaces().iter().cloned().collect()),
        },
        associated_at: live.associated_at().map(ToString::to_string),
        region: region.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        let id = id_of(
            "c",
            "arn:aws:iam::1:role/a",
            "arn:aws:eks::aws:cluster-access-policy/b",
        );
        let (cluster, principal, policy) = parts(&id).unwrap();
        assert_eq!(id_of(cluster, principal, policy), id);
        assert!(parts("c#a").is_err());
    }
}
