//! `aws_eks_pod_identity_association`.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::PodIdentityAssociation as LiveAssociation;
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::ProviderError;
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::eks::tagging;
use crate::error::{Failure, found, no_id, send};
use crate::iam::policy;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_eks_pod_identity_association`.
#[derive(Debug)]
pub(crate) struct PodIdentities;

/// An association. Its id is `cluster,association`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PodIdentity {
    id: Option<String>,
    association_arn: Option<String>,
    arn: Option<String>,
    association_id: Option<String>,
    cluster_name: String,
    namespace: String,
    service_account: String,
    role_arn: String,
    target_role_arn: Option<String>,
    external_id: Option<String>,
    policy: Option<String>,
    disable_session_tags: bool,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for PodIdentities {
    type Object = PodIdentity;
    const NAME: &'static str = "aws_eks_pod_identity_association";

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("service_account"),
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                attributes(),
                "The role that the pods of a service account get. The add-on `eks-pod-identity-agent` hands it out.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("role_arn", |arn| Pattern::Arn.check(arn));
        checks.text("target_role_arn", |arn| Pattern::Arn.check(arn));
        checks.text("policy", |text| Pattern::JsonObject.check(text));
        let off = checks.config().get("disable_session_tags");
        let is_off = off.is_some_and(|off| off.is_unknown() || off.as_bool() == Some(true));
        if checks.known("policy").is_some() && !is_off {
            let message = "must not be given, unless disable_session_tags is true.";
            checks.fault("policy", message);
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "association_arn", "association_id"]);
        policy::keep_planned(change, "policy");
        if change.changes("target_role_arn") || change.prior.is_none() {
            match change.planned().get("target_role_arn") {
                Some(target) if target.is_null() => {
                    change.set("external_id", Value::null_of(strata_model::Type::String));
                }
                Some(_) if change.prior_text("external_id").is_none() => {
                    change.forget("external_id");
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<PodIdentity>],
    ) -> Vec<Result<Option<Seen<PodIdentity>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = describe(cloud, parts(&wanted.id)?).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    /// The list knows neither tags nor roles: what it names is looked at by itself.
    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<PodIdentity>,
    ) -> Result<Vec<Found<PodIdentity>>, Failure> {
        let planned = &lost.planned;
        let cluster = planned.cluster_name.as_str();
        let pages = cloud
            .clients()
            .await?
            .eks
            .list_pod_identity_associations()
            .cluster_name(cluster)
            .namespace(&planned.namespace)
            .service_account(&planned.service_account)
            .into_paginator()
            .items()
            .send();
        let list = send(
            "ListPodIdentityAssociations",
            pages.collect::<Result<Vec<_>, _>>(),
        )
        .await;
        let mut all = Vec::new();
        for summary in found(list)?.unwrap_or_default() {
            let id = summary.association_id().unwrap_or_default();
            if let Some(live) = describe(cloud, (cluster, id)).await? {
                all.push(Found {
                    id: id_of(cluster, id),
                    ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
                    seen: see(cloud, &live, Some(planned)),
                });
            }
        }
        Ok(all)
    }

    async fn create(&self, step: &Step<'_>, planned: &PodIdentity) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let call = eks
            .create_pod_identity_association()
            .cluster_name(&planned.cluster_name)
            .namespace(&planned.namespace)
            .service_account(&planned.service_account)
            .role_arn(&planned.role_arn)
            .set_target_role_arn(planned.target_role_arn.clone())
            .set_policy(planned.policy.clone())
            .disable_session_tags(planned.disable_session_tags)
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        let operation = "CreatePodIdentityAssociation";
        let made = step.change(operation, call.send()).await?.association;
        let id = made.and_then(|made| made.association_id);
        id.map(|id| id_of(&planned.cluster_name, &id))
            .ok_or_else(|| no_id(operation))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, PodIdentity>,
    ) -> Result<PodIdentity, Failure> {
        let place = parts(target.id)?;
        let planned = target.planned;
        let what = format!("pod identity association {} of {}", place.1, place.0);
        let look = || describe(step.cloud, place);
        let live = step.until(&what, look, |_| true).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = live.association_arn().unwrap_or_default();
        let mut changed = tagging::converge(step, arn, (live.tags(), &wanted)).await?;
        if !is_same(&live, planned) {
            update(step, place, planned).await?;
            changed = true;
        }
        if !changed {
            return Ok(see(step.cloud, &live, Some(planned)).object);
        }
        let is_settled =
            |live: &LiveAssociation| is_same(live, planned) && tagging::are(live.tags(), &wanted);
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &PodIdentity) -> Result<(), Failure> {
        let (cluster, association) = parts(id)?;
        let eks = &step.clients().await?.eks;
        let call = eks
            .delete_pod_identity_association()
            .cluster_name(cluster)
            .association_id(association);
        found(
            step.change("DeletePodIdentityAssociation", call.send())
                .await,
        )?;
        let what = format!("pod identity association {association} of {cluster}");
        let look = || describe(step.cloud, (cluster, association));
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    Schema::new([
        resource::id("Cluster and association, as `cluster,a-0123456789abcdefg`."),
        resource::arn(),
        (
            "association_arn",
            Attribute::computed(text(), "The same as `arn`."),
        ),
        (
            "association_id",
            Attribute::computed(text(), "Id of the association in its cluster."),
        ),
        super::cluster_name(),
        (
            "namespace",
            Attribute::required(text(), "Namespace of the service account.").replaces(),
        ),
        (
            "service_account",
            Attribute::required(text(), "Name of the service account.").replaces(),
        ),
        (
            "role_arn",
            Attribute::required(
                text(),
                "Role that the pods get. It trusts `pods.eks.amazonaws.com` for `sts:AssumeRole` and `sts:TagSession`.",
            ),
        ),
        (
            "target_role_arn",
            Attribute::optional(
                text(),
                "Role that is taken on by way of `role_arn`, such as one of another account.",
            ),
        ),
        (
            "external_id",
            Attribute::computed(
                text(),
                "What the target role can demand of those who take it on.",
            ),
        ),
        (
            "policy",
            Attribute::optional(
                AttributeType::Json,
                "Policy that bounds what the role allows here; needs `disable_session_tags`.",
            ),
        ),
        (
            "disable_session_tags",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the session goes without tags of cluster, namespace and service account.",
            )
            .default_value(false),
        ),
        tags::argument(),
        tags::all(),
    ])
}

fn id_of(cluster: &str, association: &str) -> String {
    format!("{cluster},{association}")
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    super::parts(
        id,
        ',',
        ("a pod identity association", "CLUSTER,ASSOCIATION"),
    )
}

async fn describe(
    cloud: &Cloud,
    (cluster, association): (&str, &str),
) -> Result<Option<LiveAssociation>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_pod_identity_association()
        .cluster_name(cluster)
        .association_id(association);
    let answer = found(send("DescribePodIdentityAssociation", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.association))
}

/// An association by its ARN, which ends with cluster and id.
pub(crate) async fn by_arn(cloud: &Cloud, arn: &str) -> Result<Option<LiveAssociation>, Failure> {
    let mut parts = arn.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(association), Some(cluster)) => describe(cloud, (cluster, association)).await,
        (_, _) => Ok(None),
    }
}

/// An empty text takes away what is not planned any more.
async fn update(
    step: &Step<'_>,
    (cluster, association): (&str, &str),
    planned: &PodIdentity,
) -> Result<(), Failure> {
    let eks = &step.clients().await?.eks;
    let call = eks
        .update_pod_identity_association()
        .cluster_name(cluster)
        .association_id(association)
        .role_arn(&planned.role_arn)
        .target_role_arn(planned.target_role_arn.as_deref().unwrap_or_default())
        .policy(planned.policy.as_deref().unwrap_or_default())
        .disable_session_tags(planned.disable_session_tags)
        .client_request_token(step.op.to_string());
    step.change("UpdatePodIdentityAssociation", call.send())
        .await?;
    Ok(())
}

fn is_same(live: &LiveAssociation, planned: &PodIdentity) -> bool {
    let policies = (live.policy(), planned.policy.as_deref());
    live.role_arn() == Some(planned.role_arn.as_str())
        && live.target_role_arn() == planned.target_role_arn.as_deref()
        && live.disable_session_tags().unwrap_or_default() == planned.disable_session_tags
        && match policies {
            (Some(live), Some(planned)) => policy::same(live, planned),
            (live, planned) => live == planned,
        }
}

fn see(cloud: &Cloud, live: &LiveAssociation, recorded: Option<&PodIdentity>) -> Seen<PodIdentity> {
    let own = recorded.map(|known| known.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let cluster = live.cluster_name().unwrap_or_default();
    let association = live.association_id().unwrap_or_default();
    let declared = recorded.and_then(|known| known.policy.as_deref());
    let document = live.policy.clone().filter(|text| !text.is_empty());
    Seen {
        object: PodIdentity {
            id: Some(id_of(cluster, association)),
            arn: live.association_arn.clone(),
            association_arn: live.association_arn.clone(),
            association_id: live.association_id.clone(),
            cluster_name: cluster.to_owned(),
            namespace: live.namespace.clone().unwrap_or_default(),
            service_account: live.service_account.clone().unwrap_or_default(),
            role_arn: live.role_arn.clone().unwrap_or_default(),
            target_role_arn: live.target_role_arn.clone().filter(|arn| !arn.is_empty()),
            external_id: live.external_id.clone(),
            policy: document.map(|document| match declared {
                Some(declared) => policy::keep(declared, document),
                None => document,
            }),
            disable_session_tags: live.disable_session_tags().unwrap_or_default(),
            tags: Some(tags.tags),
            tags_all: Some(tags.tags_all),
        },
        incomplete: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        assert_eq!(parts(&id_of("c", "a-1")).unwrap(), ("c", "a-1"));
        assert!(parts("c").is_err());
        assert!(parts("c,").is_err());
    }
}
