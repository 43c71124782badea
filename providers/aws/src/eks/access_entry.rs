//! `aws_eks_access_entry`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::AccessEntry as LiveEntry;
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::eks::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

const TYPES: [&str; 7] = [
    "STANDARD",
    "EC2_LINUX",
    "EC2_WINDOWS",
    "FARGATE_LINUX",
    "EC2",
    "HYBRID_LINUX",
    "HYPERPOD_LINUX",
];

/// `aws_eks_access_entry`.
#[derive(Debug)]
pub(crate) struct AccessEntries;

/// An access entry. Its id is `cluster:principal`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AccessEntry {
    id: Option<String>,
    arn: Option<String>,
    access_entry_arn: Option<String>,
    cluster_name: String,
    principal_arn: String,
    kubernetes_groups: Option<BTreeSet<String>>,
    user_name: Option<String>,
    r#type: String,
    created_at: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for AccessEntries {
    type Object = AccessEntry;
    const NAME: &'static str = "aws_eks_access_entry";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Cluster and principal, as `cluster:arn`."),
            resource::arn(),
            (
                "access_entry_arn",
                Attribute::computed(text(), "The same as `arn`."),
            ),
            super::cluster_name(),
            (
                "principal_arn",
                Attribute::required(text(), "ARN of the role or user that gets access.").replaces(),
            ),
            (
                "kubernetes_groups",
                Attribute::optional(
                    AttributeType::string_set(),
                    "Groups that the principal is in, for Kubernetes' own role bindings.",
                ),
            ),
            (
                "user_name",
                Attribute::optional_computed(
                    text(),
                    "Name of the principal in Kubernetes; EKS makes one from the ARN if left out.",
                ),
            ),
            (
                "type",
                Attribute::optional(
                    text(),
                    "`STANDARD` for people and programs; the others are for nodes.",
                )
                .default_value("STANDARD")
                .replaces(),
            ),
            (
                "created_at",
                Attribute::computed(text(), "When the entry was created."),
            ),
            tags::argument(),
            tags::all(),
        ]);
        ResourceSchema {
            admits: true,
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("principal_arn"),
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                schema,
                "A principal of IAM that may use an EKS cluster.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("principal_arn", |arn| Pattern::Arn.check(arn));
        checks.one_of("type", &TYPES);
        checks.texts("kubernetes_groups", |group| {
            group
                .starts_with("system:")
                .then(|| format!("must not begin with system:, as '{group}' does."))
        });
        let is_for_nodes = checks
            .known("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind != TYPES[0]);
        for path in ["kubernetes_groups", "user_name"] {
            let given = checks.config().get(path);
            if is_for_nodes && given.is_some_and(|value| !value.is_null()) {
                checks.fault(path, "must not be given, unless type is STANDARD.");
            }
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let known = change
            .planned_text("cluster_name")
            .zip(change.planned_text("principal_arn"));
        if let Some((cluster, principal)) = known {
            change.set("id", id_of(cluster, principal).into());
        }
        change.forget_missing(&["arn", "access_entry_arn", "created_at", "user_name"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<AccessEntry>],
    ) -> Vec<Result<Option<Seen<AccessEntry>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = describe(cloud, parts(&wanted.id)?).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<AccessEntry>,
    ) -> Result<Vec<Found<AccessEntry>>, Failure> {
        let planned = &lost.planned;
        let place = (
            planned.cluster_name.as_str(),
            planned.principal_arn.as_str(),
        );
        let live = describe(cloud, place).await?;
        let found = live.map(|live| Found {
            id: id_of(place.0, place.1),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &AccessEntry) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let groups = planned.kubernetes_groups.as_ref();
        let groups = groups.filter(|groups| !groups.is_empty());
        let call = eks
            .create_access_entry()
            .cluster_name(&planned.cluster_name)
            .principal_arn(&planned.principal_arn)
            .set_kubernetes_groups(groups.map(|groups| groups.iter().cloned().collect()))
            .set_username(planned.user_name.clone())
            .r#type(&planned.r#type)
            .client_request_token(step.op.to_string())
            .set_tags(Some(
                step.create_tags(planned.tags.as_ref())
                    .into_iter()
                    .collect(),
            ));
        step.change("CreateAccessEntry", call.send()).await?;
        Ok(id_of(&planned.cluster_name, &planned.principal_arn))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, AccessEntry>,
    ) -> Result<AccessEntry, Failure> {
        let (cluster, principal) = parts(target.id)?;
        let planned = target.planned;
        let what = format!("access entry of {principal} on {cluster}");
        let look = || describe(step.cloud, (cluster, principal));
        let now = step.until(&what, look, |_| true).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = now.access_entry_arn().unwrap_or_default();
        let mut changed = tagging::converge(step, arn, (now.tags(), &wanted)).await?;
        if !is_same(&now, planned) {
            let eks = &step.clients().await?.eks;
            let groups = planned.kubernetes_groups.clone().unwrap_or_default();
            let call = eks
                .update_access_entry()
                .cluster_name(cluster)
                .principal_arn(principal)
                .set_kubernetes_groups(Some(groups.into_iter().collect()))
                .set_username(planned.user_name.clone())
                .client_request_token(step.op.to_string());
            step.change("UpdateAccessEntry", call.send()).await?;
            changed = true;
        }
        if !changed {
            return Ok(see(step.cloud, &now, Some(planned)).object);
        }
        let is_settled =
            |live: &LiveEntry| is_same(live, planned) && tagging::are(live.tags(), &wanted);
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &AccessEntry) -> Result<(), Failure> {
        let (cluster, principal) = parts(id)?;
        let call = step
            .clients()
            .await?
            .eks
            .delete_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal);
        found(step.change("DeleteAccessEntry", call.send()).await)?;
        let what = format!("access entry of {principal} on {cluster}");
        let look = || describe(step.cloud, (cluster, principal));
        step.until_gone(&what, Duration::from_secs(2), look).await
    }
}

fn id_of(cluster: &str, principal: &str) -> String {
    format!("{cluster}:{principal}")
}

/// Cluster and principal of an id. A cluster's name has no colon.
fn parts(id: &str) -> Result<(&str, &str), Failure> {
    let parts = id.split_once(':');
    parts
        .filter(|(_, principal)| principal.starts_with("arn:"))
        .ok_or_else(|| {
            let message =
                format!("'{id}' is not the id of an access entry, which is CLUSTER:PRINCIPAL-ARN");
            Failure::refused(ProviderErrorKind::Invalid, message)
        })
}

async fn describe(
    cloud: &Cloud,
    (cluster, principal): (&str, &str),
) -> Result<Option<LiveEntry>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_access_entry()
        .cluster_name(cluster)
        .principal_arn(principal);
    let answer = found(send("DescribeAccessEntry", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.access_entry))
}

/// Whether groups and name are as planned; a name that is not planned is EKS's.
fn is_same(live: &LiveEntry, planned: &AccessEntry) -> bool {
    let groups: BTreeSet<String> = live.kubernetes_groups().iter().cloned().collect();
    let name = planned.user_name.as_deref();
    groups == planned.kubernetes_groups.clone().unwrap_or_default()
        && name.is_none_or(|name| live.username() == Some(name))
}

fn see(cloud: &Cloud, live: &LiveEntry, recorded: Option<&AccessEntry>) -> Seen<AccessEntry> {
    let own = recorded.map(|entry| entry.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let cluster = live.cluster_name().unwrap_or_default();
    let principal = live.principal_arn().unwrap_or_default();
    Seen {
        object: AccessEntry {
            id: Some(id_of(cluster, principal)),
            arn: live.access_entry_arn.clone(),
            access_entry_arn: live.access_entry_arn.clone(),
            cluster_name: cluster.to_owned(),
            principal_arn: principal.to_owned(),
            kubernetes_groups: Some(live.kubernetes_groups().iter().cloned().collect()),
            user_name: live.username.clone(),
            r#type: live.r#type().unwrap_or(TYPES[0]).to_owned(),
            created_at: live.created_at().map(ToString::to_string),
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
        let principal = "arn:aws:iam::1:role/a";
        assert_eq!(parts(&id_of("c", principal)).unwrap(), ("c", principal));
        assert!(parts("c").is_err());
        assert!(parts("c:a").is_err());
    }
}
