//! `aws_eks_fargate_profile`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::{
    FargateProfile as LiveProfile, FargateProfileSelector, FargateProfileStatus,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::eks::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Tags};

/// How often a profile is looked at, in the cloud's time.
const INTERVAL: Duration = Duration::from_secs(10);

/// `aws_eks_fargate_profile`.
#[derive(Debug)]
pub(crate) struct FargateProfiles;

/// A Fargate profile. Its id is `cluster:name`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FargateProfile {
    id: Option<String>,
    arn: Option<String>,
    cluster_name: String,
    fargate_profile_name: String,
    pod_execution_role_arn: String,
    subnet_ids: Option<BTreeSet<String>>,
    selector: BTreeSet<Selector>,
    status: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

/// Which pods a profile is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Selector {
    namespace: String,
    labels: Option<Tags>,
}

#[async_trait]
impl ResourceType for FargateProfiles {
    type Object = FargateProfile;
    const NAME: &'static str = "aws_eks_fargate_profile";

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("fargate_profile_name"),
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                attributes(),
                "Pods of an EKS cluster that run without nodes. Profiles of a cluster come and go one at a time.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("fargate_profile_name", |name| {
            Pattern::NodeGroupName.check(name)
        });
        checks.text("pod_execution_role_arn", |arn| Pattern::Arn.check(arn));
        let selectors = checks.known("selector").and_then(|list| list.elements());
        let count = selectors.map(<[_]>::len);
        if count.is_some_and(|count| !(1..=5).contains(&count)) {
            checks.fault("selector", "must have 1 to 5 elements.");
        }
        checks.each("selector", |checks| {
            checks.text("namespace", |name| {
                name.is_empty().then(|| "must not be empty.".to_owned())
            });
            let labels = checks.known("labels").and_then(|labels| labels.members());
            if labels.is_some_and(|labels| labels.len() > 5) {
                checks.fault("labels", "must have at most 5 labels.");
            }
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let names = change
            .planned_text("cluster_name")
            .zip(change.planned_text("fargate_profile_name"));
        if let Some((cluster, name)) = names {
            change.set("id", id_of(cluster, name).into());
        }
        change.forget_missing(&["arn", "subnet_ids"]);
        if change.prior.is_some() && change.prior_text("status") != Some("ACTIVE") {
            change.forget("status");
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<FargateProfile>],
    ) -> Vec<Result<Option<Seen<FargateProfile>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = describe(cloud, parts(&wanted.id)?).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<FargateProfile>,
    ) -> Result<Vec<Found<FargateProfile>>, Failure> {
        let planned = &lost.planned;
        let place = (
            planned.cluster_name.as_str(),
            planned.fargate_profile_name.as_str(),
        );
        let found = describe(cloud, place).await?.map(|live| Found {
            id: id_of(place.0, place.1),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &FargateProfile) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let subnets = planned.subnet_ids.clone();
        let selectors = planned.selector.iter().map(|selector| {
            let labels = selector.labels.clone().unwrap_or_default();
            FargateProfileSelector::builder()
                .namespace(&selector.namespace)
                .set_labels((!labels.is_empty()).then(|| labels.into_iter().collect()))
                .build()
        });
        let call = eks
            .create_fargate_profile()
            .cluster_name(&planned.cluster_name)
            .fargate_profile_name(&planned.fargate_profile_name)
            .pod_execution_role_arn(&planned.pod_execution_role_arn)
            .set_subnets(subnets.map(|subnets| subnets.into_iter().collect()))
            .set_selectors(Some(selectors.collect()))
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("CreateFargateProfile", call.send()).await?;
        Ok(id_of(&planned.cluster_name, &planned.fargate_profile_name))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, FargateProfile>,
    ) -> Result<FargateProfile, Failure> {
        let place = parts(target.id)?;
        let planned = target.planned;
        let what = format!("Fargate profile {} of {}", place.1, place.0);
        let look = || describe(step.cloud, place);
        step.until(&what, look, |_| true).await?;
        let live = until_active(step, place).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = live.fargate_profile_arn().unwrap_or_default();
        if !tagging::converge(step, arn, (live.tags(), &wanted)).await? {
            return Ok(see(step.cloud, &live, Some(planned)).object);
        }
        let is_settled = |live: &LiveProfile| tagging::are(live.tags(), &wanted);
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &FargateProfile,
    ) -> Result<(), Failure> {
        let place = parts(id)?;
        let Some(live) = describe(step.cloud, place).await? else {
            return Ok(());
        };
        if live.status() != Some(&FargateProfileStatus::Deleting) {
            let eks = &step.clients().await?.eks;
            let call = eks
                .delete_fargate_profile()
                .cluster_name(place.0)
                .fargate_profile_name(place.1);
            found(step.change("DeleteFargateProfile", call.send()).await)?;
        }
        let what = format!("Fargate profile {} of {}", place.1, place.0);
        let look = || async move {
            match describe(step.cloud, place).await? {
                Some(live) if live.status() == Some(&FargateProfileStatus::DeleteFailed) => {
                    let message = failed(&live);
                    Err(Failure::refused(ProviderErrorKind::Failed, message))
                }
                live => Ok(live),
            }
        };
        step.until_gone(&what, INTERVAL, look).await
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    Schema::new([
        resource::id("Cluster and profile, as `cluster:profile`."),
        resource::arn(),
        super::cluster_name(),
        (
            "fargate_profile_name",
            Attribute::required(text(), "Name of the profile.").replaces(),
        ),
        (
            "pod_execution_role_arn",
            Attribute::required(
                text(),
                "Role by which pods start. It trusts `eks-fargate-pods.amazonaws.com`.",
            )
            .replaces(),
        ),
        (
            "subnet_ids",
            Attribute::optional_computed(
                AttributeType::string_set(),
                "Private subnets of the pods; those of the cluster if left out.",
            )
            .replaces(),
        ),
        (
            "selector",
            Attribute::required(
                AttributeType::Set(Box::new(selector())),
                "Which pods run on Fargate: 1 to 5, of which any fits.",
            )
            .replaces(),
        ),
        (
            "status",
            Attribute::computed(text(), "Status, such as `ACTIVE`."),
        ),
        tags::argument(),
        tags::all(),
    ])
}

fn selector() -> AttributeType {
    AttributeType::object([
        (
            "namespace",
            Attribute::required(AttributeType::String, "Namespace of the pods."),
        ),
        (
            "labels",
            Attribute::optional(
                AttributeType::string_map(),
                "Labels of the pods, all of which have to fit.",
            ),
        ),
    ])
}

fn id_of(cluster: &str, name: &str) -> String {
    format!("{cluster}:{name}")
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    super::parts(id, ':', ("a Fargate profile", "CLUSTER:PROFILE"))
}

async fn describe(
    cloud: &Cloud,
    (cluster, name): (&str, &str),
) -> Result<Option<LiveProfile>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_fargate_profile()
        .cluster_name(cluster)
        .fargate_profile_name(name);
    let answer = found(send("DescribeFargateProfile", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.fargate_profile))
}

async fn until_active(step: &Step<'_>, place: (&str, &str)) -> Result<LiveProfile, Failure> {
    let what = format!("Fargate profile {} of {}", place.1, place.0);
    let look = || async move {
        let Some(live) = describe(step.cloud, place).await? else {
            let message = format!("Fargate profile {}: it does not exist any more", place.1);
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        match live.status() {
            Some(FargateProfileStatus::Active) => Ok(Progress::Done(live)),
            Some(FargateProfileStatus::CreateFailed) => Err(Failure::for_good(failed(&live))),
            Some(FargateProfileStatus::Deleting | FargateProfileStatus::DeleteFailed) => {
                Err(Failure::refused(ProviderErrorKind::Failed, failed(&live)))
            }
            status => Ok(Progress::Pending(
                status
                    .map_or("unknown", FargateProfileStatus::as_str)
                    .to_owned(),
            )),
        }
    };
    step.wait(&what, INTERVAL, look).await
}

/// Why a profile does not work.
fn failed(live: &LiveProfile) -> String {
    let issues = live
        .health()
        .map(|health| health.issues())
        .unwrap_or_default();
    let texts: Vec<String> = issues
        .iter()
        .map(|issue| {
            let code = issue.code().map_or("Unknown", |code| code.as_str());
            format!("{code}: {}", issue.message().unwrap_or_default())
        })
        .collect();
    format!(
        "Fargate profile {} is {}: {}",
        live.fargate_profile_name().unwrap_or_default(),
        live.status().map_or("FAILED", FargateProfileStatus::as_str),
        texts.join("; ")
    )
}

fn see(
    cloud: &Cloud,
    live: &LiveProfile,
    recorded: Option<&FargateProfile>,
) -> Seen<FargateProfile> {
    let own = recorded.map(|profile| profile.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let cluster = live.cluster_name().unwrap_or_default();
    let name = live.fargate_profile_name().unwrap_or_default();
    let selectors = live.selectors().iter().map(|selector| Selector {
        namespace: selector.namespace.clone().unwrap_or_default(),
        labels: Some(tagging::ordered(selector.labels())).filter(|labels| !labels.is_empty()),
    });
    Seen {
        object: FargateProfile {
            id: Some(id_of(cluster, name)),
            arn: live.fargate_profile_arn.clone(),
            cluster_name: cluster.to_owned(),
            fargate_profile_name: name.to_owned(),
            pod_execution_role_arn: live.pod_execution_role_arn.clone().unwrap_or_default(),
            subnet_ids: Some(live.subnets().iter().cloned().collect()),
            selector: selectors.collect(),
            status: live.status().map(|status| status.as_str().to_owned()),
            tags: Some(tags.tags),
            tags_all: Some(tags.tags_all),
        },
        incomplete: matches!(
            live.status(),
            Some(FargateProfileStatus::Creating | FargateProfileStatus::CreateFailed)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        assert_eq!(parts(&id_of("c", "apps")).unwrap(), ("c", "apps"));
        assert!(parts("c").is_err());
        assert!(parts("c:").is_err());
    }
}
