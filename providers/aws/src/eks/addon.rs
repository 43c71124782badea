//! `aws_eks_addon`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::{
    Addon as LiveAddon, AddonPodIdentityAssociations, AddonStatus, ResolveConflicts,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema, Timeouts};
use tokio::sync::OnceCell;

use crate::change::Change;
use crate::checks::{Checks, Pattern, minor};
use crate::cloud::Cloud;
use crate::eks::addon_versions::Offered;
use crate::eks::updates::{self, Part, Subject};
use crate::eks::upgrade::{self, Versioned};
use crate::eks::{MINUTE, cluster, pod_identity, tagging};
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Tags};

/// How often an add-on is looked at, in the cloud's time.
const INTERVAL: Duration = Duration::from_secs(10);

const VERSIONED: Versioned = Versioned {
    version: "kubernetes_version",
    build: "addon_version",
    keeps_build: true,
    downgrade: "A cluster has no downgrade, and its add-ons keep pace with it.",
};

/// `aws_eks_addon`.
#[derive(Debug)]
pub(crate) struct Addons;

/// An add-on. Its id is `cluster:name`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Addon {
    id: Option<String>,
    arn: Option<String>,
    cluster_name: String,
    addon_name: String,
    addon_version: Option<String>,
    kubernetes_version: Option<String>,
    configuration_values: Option<String>,
    service_account_role_arn: Option<String>,
    pod_identity_association: Option<BTreeSet<Identity>>,
    resolve_conflicts_on_create: Option<String>,
    resolve_conflicts_on_update: Option<String>,
    preserve: Option<bool>,
    created_at: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

/// The role of a service account of an add-on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Identity {
    role_arn: String,
    service_account: String,
}

#[async_trait]
impl ResourceType for Addons {
    type Object = Addon;
    const NAME: &'static str = "aws_eks_addon";

    fn schema(&self) -> ResourceSchema {
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("addon_name"),
            timeouts: Timeouts {
                delete: Duration::from_secs(40 * MINUTE),
                ..Timeouts::default()
            },
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                attributes(),
                "Software that EKS installs in a cluster and keeps: `vpc-cni`, `coredns`, and others. Those that need nodes come after them.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("kubernetes_version", |version| {
            Pattern::KubernetesVersion.check(version)
        });
        checks.text("configuration_values", |text| {
            Pattern::JsonObject.check(text)
        });
        checks.text("service_account_role_arn", |arn| Pattern::Arn.check(arn));
        checks.one_of("resolve_conflicts_on_create", &["NONE", "OVERWRITE"]);
        checks.one_of(
            "resolve_conflicts_on_update",
            &["NONE", "OVERWRITE", "PRESERVE"],
        );
        checks.each("pod_identity_association", |checks| {
            checks.text("role_arn", |arn| Pattern::Arn.check(arn));
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let names = change
            .planned_text("cluster_name")
            .zip(change.planned_text("addon_name"));
        if let Some((cluster, name)) = names {
            change.set("id", id_of(cluster, name).into());
        }
        change.forget_missing(&["arn", "created_at", "addon_version"]);
        if change.replaces() {
            return Ok(());
        }
        upgrade::plan(change, &VERSIONED)
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Addon>],
    ) -> Vec<Result<Option<Seen<Addon>>, Failure>> {
        let clusters = &ClusterVersions::of(wanted);
        resource::each(wanted, |wanted| async move {
            let place = parts(&wanted.id)?;
            let Some(live) = describe(cloud, place).await? else {
                return Ok(None);
            };
            let mut seen = see(cloud, &live, wanted.recorded.as_ref()).await?;
            if seen.object.kubernetes_version.is_none() {
                seen.object.kubernetes_version = clusters.of_cluster(cloud, place.0).await?;
            }
            Ok(Some(seen))
        })
        .await
    }

    async fn find(&self, cloud: &Cloud, lost: &Lost<Addon>) -> Result<Vec<Found<Addon>>, Failure> {
        let planned = &lost.planned;
        let place = (planned.cluster_name.as_str(), planned.addon_name.as_str());
        let Some(live) = describe(cloud, place).await? else {
            return Ok(Vec::new());
        };
        let mut seen = see(cloud, &live, Some(planned)).await?;
        if seen.object.kubernetes_version.is_none() {
            seen.object.kubernetes_version = cluster::version(cloud, place.0).await?;
        }
        Ok(vec![Found {
            id: id_of(place.0, place.1),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen,
        }])
    }

    async fn create(&self, step: &Step<'_>, planned: &Addon) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let how = planned.resolve_conflicts_on_create.as_deref();
        let identities = identities_request(planned)?;
        let call = eks
            .create_addon()
            .cluster_name(&planned.cluster_name)
            .addon_name(&planned.addon_name)
            .set_addon_version(planned.addon_version.clone())
            .set_configuration_values(planned.configuration_values.clone())
            .set_service_account_role_arn(planned.service_account_role_arn.clone())
            .set_pod_identity_associations(Some(identities).filter(|list| !list.is_empty()))
            .set_resolve_conflicts(how.map(ResolveConflicts::from))
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("CreateAddon", call.send()).await?;
        Ok(id_of(&planned.cluster_name, &planned.addon_name))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Addon>,
    ) -> Result<Addon, Failure> {
        let place = parts(target.id)?;
        let planned = target.planned;
        let what = format!("add-on {} of {}", place.1, place.0);
        let live = step
            .until(&what, || describe(step.cloud, place), |_| true)
            .await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = live.addon_arn().unwrap_or_default();
        tagging::converge(step, arn, (live.tags(), &wanted)).await?;
        let live = until_at_rest(step, place).await?;
        let now = see(step.cloud, &live, Some(planned)).await?.object;
        let planned = &with_versions(step, target, &now).await?;
        if !is_same(&now, planned) {
            let subject = Subject {
                cluster: place.0,
                part: Part::Addon(place.1),
            };
            let started = update(step, planned).await;
            updates::finish(step, subject, started).await?;
        }
        until_active(step, planned).await
    }

    async fn delete(&self, step: &Step<'_>, id: &str, prior: &Addon) -> Result<(), Failure> {
        let (cluster, name) = parts(id)?;
        if describe(step.cloud, (cluster, name)).await?.is_none() {
            return Ok(());
        }
        let live = match until_at_rest(step, (cluster, name)).await {
            Err(failure) if failure.kind() == ProviderErrorKind::NotFound => return Ok(()),
            live => live?,
        };
        if live.status() != Some(&AddonStatus::Deleting) {
            let eks = &step.clients().await?.eks;
            let call = eks
                .delete_addon()
                .cluster_name(cluster)
                .addon_name(name)
                .preserve(prior.preserve.unwrap_or(false));
            found(step.change("DeleteAddon", call.send()).await)?;
        }
        let what = format!("add-on {name} of {cluster}");
        let look = || async move {
            let live = describe(step.cloud, (cluster, name)).await?;
            match live {
                Some(live) if live.status() == Some(&AddonStatus::DeleteFailed) => {
                    Err(failed(&live))
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
        resource::id("Cluster and add-on, as `cluster:addon`."),
        resource::arn(),
        super::cluster_name(),
        (
            "addon_name",
            Attribute::required(text(), "Name of the add-on, such as `vpc-cni`.").replaces(),
        ),
        (
            "addon_version",
            Attribute::optional_computed(
                text(),
                "Version, such as `v1.20.4-eksbuild.1`; EKS's default for the cluster's version if left out.",
            ),
        ),
        (
            "kubernetes_version",
            Attribute::optional_computed(
                text(),
                "Version of Kubernetes that the add-on keeps pace with, such as `1.35`: that of its cluster. Where it rises, the add-on follows \
                 the control plane minor by minor, before the node groups; without an `addon_version` it gets EKS's default for each minor, \
                 unless it has a newer one that fits. If left out, it is what the cluster had when the add-on was made or imported, and the \
                 add-on's version stays when the cluster's rises.",
            )
            .learned(),
        ),
        (
            "configuration_values",
            Attribute::optional(
                AttributeType::Json,
                "Settings of the add-on, as JSON by its own schema.",
            ),
        ),
        (
            "service_account_role_arn",
            Attribute::optional(
                text(),
                "Role of the add-on's service account by the cluster's OIDC provider; that of the nodes if left out.",
            ),
        ),
        (
            "pod_identity_association",
            Attribute::optional(
                AttributeType::Set(Box::new(identity())),
                "Roles of the add-on's service accounts by pod identity.",
            ),
        ),
        (
            "resolve_conflicts_on_create",
            Attribute::optional(
                text(),
                "What happens to a self-managed installation: `NONE` leaves its settings and may fail, `OVERWRITE` replaces them.",
            ),
        ),
        (
            "resolve_conflicts_on_update",
            Attribute::optional(
                text(),
                "What happens to settings that were changed in the cluster: `NONE`, `OVERWRITE`, or `PRESERVE`.",
            ),
        ),
        (
            "preserve",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the software stays in the cluster when the add-on is deleted.",
            ),
        ),
        (
            "created_at",
            Attribute::computed(text(), "When the add-on was created."),
        ),
        tags::argument(),
        tags::all(),
    ])
}

fn identity() -> AttributeType {
    AttributeType::object([
        (
            "role_arn",
            Attribute::required(AttributeType::String, "ARN of the role."),
        ),
        (
            "service_account",
            Attribute::required(
                AttributeType::String,
                "Name of the service account, such as `aws-node`.",
            ),
        ),
    ])
}

fn id_of(cluster: &str, name: &str) -> String {
    format!("{cluster}:{name}")
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    super::parts(id, ':', ("an add-on", "CLUSTER:ADDON"))
}

async fn describe(
    cloud: &Cloud,
    (cluster, name): (&str, &str),
) -> Result<Option<LiveAddon>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_addon()
        .cluster_name(cluster)
        .addon_name(name);
    let answer = found(send("DescribeAddon", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.addon))
}

fn identities_request(planned: &Addon) -> Result<Vec<AddonPodIdentityAssociations>, Failure> {
    let wanted = planned.pod_identity_association.iter().flatten();
    let built = wanted.map(|identity| {
        AddonPodIdentityAssociations::builder()
            .service_account(&identity.service_account)
            .role_arn(&identity.role_arn)
            .build()
    });
    built.collect::<Result<_, _>>().map_err(|error| {
        ProviderError::bug(format!("an association cannot be built: {error}")).into()
    })
}

/// Sends all settings: what an update leaves out is not the same for each of them.
async fn update(
    step: &Step<'_>,
    planned: &Addon,
) -> Result<Option<aws_sdk_eks::types::Update>, Failure> {
    let eks = &step.clients().await?.eks;
    let how = planned.resolve_conflicts_on_update.as_deref();
    let configuration = planned.configuration_values.as_deref().unwrap_or("{}");
    let call = eks
        .update_addon()
        .cluster_name(&planned.cluster_name)
        .addon_name(&planned.addon_name)
        .set_addon_version(planned.addon_version.clone())
        .configuration_values(configuration)
        .set_service_account_role_arn(planned.service_account_role_arn.clone())
        .set_pod_identity_associations(Some(identities_request(planned)?))
        .set_resolve_conflicts(how.map(ResolveConflicts::from))
        .client_request_token(step.op.to_string());
    Ok(step.change("UpdateAddon", call.send()).await?.update)
}

/// What is planned, with the version of its cluster where a new add-on names none, and with the version of its own that
/// fits where it keeps pace with its cluster and names none.
async fn with_versions(
    step: &Step<'_>,
    target: &Target<'_, Addon>,
    now: &Addon,
) -> Result<Addon, Failure> {
    let mut planned = target.planned.clone();
    let has = || cluster::version(step.cloud, &target.planned.cluster_name);
    let Some(prior) = target.prior else {
        if planned.kubernetes_version.is_none() {
            planned.kubernetes_version = has().await?;
        }
        return Ok(planned);
    };
    if let Some(kubernetes) = planned.kubernetes_version.as_deref()
        && prior.kubernetes_version != planned.kubernetes_version
        && planned.addon_version.is_none()
    {
        // An add-on that was left behind goes to what fits its cluster now.
        let has = has().await?;
        let ahead = has.filter(|has| minor(has) > minor(kubernetes));
        let kubernetes = ahead.as_deref().unwrap_or(kubernetes);
        let offered = Offered::of(step.cloud, &planned.addon_name, kubernetes).await?;
        let version = offered.after(now.addon_version.as_deref());
        planned.addon_version = Some(version.ok_or_else(|| offered.none())?.to_owned());
    }
    Ok(planned)
}

/// The versions of the clusters of add-ons of which nobody recorded one: each cluster is looked at once.
#[derive(Debug)]
struct ClusterVersions<'a>(BTreeMap<&'a str, OnceCell<Option<String>>>);

impl<'a> ClusterVersions<'a> {
    fn of(wanted: &'a [Wanted<Addon>]) -> Self {
        let is_known = |wanted: &&Wanted<Addon>| {
            let recorded = wanted.recorded.as_ref();
            recorded.is_some_and(|addon| addon.kubernetes_version.is_some())
        };
        let unknown = wanted.iter().filter(|wanted| !is_known(wanted));
        let clusters = unknown.filter_map(|wanted| parts(&wanted.id).ok());
        ClusterVersions(
            clusters
                .map(|(cluster, _)| (cluster, OnceCell::new()))
                .collect(),
        )
    }

    async fn of_cluster(&self, cloud: &Cloud, cluster: &str) -> Result<Option<String>, Failure> {
        let Some(known) = self.0.get(cluster) else {
            return Ok(None);
        };
        let look = || cluster::version(cloud, cluster);
        known.get_or_try_init(look).await.cloned()
    }
}

/// Whether what an update can change is as planned; a version that is not planned is EKS's choice.
fn is_same(now: &Addon, planned: &Addon) -> bool {
    let version = planned.addon_version.as_ref();
    let identities = |addon: &Addon| addon.pod_identity_association.clone().unwrap_or_default();
    version.is_none_or(|version| now.addon_version.as_ref() == Some(version))
        && settings(now.configuration_values.as_deref())
            == settings(planned.configuration_values.as_deref())
        && now.service_account_role_arn == planned.service_account_role_arn
        && identities(now) == identities(planned)
}

/// Settings by meaning: none and an empty object are the same.
fn settings(text: Option<&str>) -> serde_json::Value {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Waits until neither creation nor update is under way.
async fn until_at_rest(step: &Step<'_>, place: (&str, &str)) -> Result<LiveAddon, Failure> {
    let what = format!("add-on {} of {}", place.1, place.0);
    let look = || async move {
        let Some(live) = describe(step.cloud, place).await? else {
            return Err(gone(place));
        };
        match live.status() {
            Some(status @ (AddonStatus::Creating | AddonStatus::Updating)) => {
                Ok(Progress::Pending(status.as_str().to_owned()))
            }
            _ => Ok(Progress::Done(live)),
        }
    };
    step.wait(&what, INTERVAL, look).await
}

/// Waits until the add-on works as planned. One that waits for nodes is degraded until there are some.
async fn until_active(step: &Step<'_>, planned: &Addon) -> Result<Addon, Failure> {
    let place = (planned.cluster_name.as_str(), planned.addon_name.as_str());
    let what = format!("add-on {} of {}", place.1, place.0);
    let wanted = step.wanted_tags(planned.tags.as_ref());
    let wanted = &wanted;
    let look = || async move {
        let Some(live) = describe(step.cloud, place).await? else {
            return Err(gone(place));
        };
        match live.status() {
            Some(AddonStatus::Active) => {
                let now = see(step.cloud, &live, Some(planned)).await?.object;
                let same = is_same(&now, planned) && tagging::are(live.tags(), wanted);
                Ok(if same {
                    Progress::Done(now)
                } else {
                    Progress::Pending("not as wanted yet".to_owned())
                })
            }
            Some(AddonStatus::CreateFailed | AddonStatus::UpdateFailed) => Err(failed(&live)),
            Some(AddonStatus::Deleting | AddonStatus::DeleteFailed) => Err(Failure::refused(
                ProviderErrorKind::Failed,
                format!("add-on {} of {} is being deleted", place.1, place.0),
            )),
            status => Ok(Progress::Pending(pending(
                status.map_or("unknown", AddonStatus::as_str),
                &live,
            ))),
        }
    };
    step.wait(&what, INTERVAL, look).await
}

fn gone((cluster, name): (&str, &str)) -> Failure {
    Failure::refused(
        ProviderErrorKind::NotFound,
        format!("add-on {name} of {cluster}: it does not exist any more"),
    )
}

fn pending(status: &str, live: &LiveAddon) -> String {
    match issues(live) {
        issues if issues.is_empty() => status.to_owned(),
        issues => format!("{status}: {issues}"),
    }
}

fn issues(live: &LiveAddon) -> String {
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
    texts.join("; ")
}

/// An add-on whose creation failed stays so; an update that failed can be tried again.
fn failed(live: &LiveAddon) -> Failure {
    let name = live.addon_name().unwrap_or_default();
    let status = live.status().map_or("FAILED", AddonStatus::as_str);
    let message = format!("add-on {name} is {}", pending(status, live));
    match live.status() {
        Some(AddonStatus::CreateFailed) => Failure::for_good(message),
        _ => Failure::refused(ProviderErrorKind::Failed, message),
    }
}

async fn see(
    cloud: &Cloud,
    live: &LiveAddon,
    recorded: Option<&Addon>,
) -> Result<Seen<Addon>, Failure> {
    let own = recorded.map(|addon| addon.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let (cluster, name) = (
        live.cluster_name().unwrap_or_default(),
        live.addon_name().unwrap_or_default(),
    );
    let mut identities = BTreeSet::new();
    for arn in live.pod_identity_associations() {
        if let Some(known) = pod_identity::by_arn(cloud, arn).await? {
            identities.insert(Identity {
                role_arn: known.role_arn.unwrap_or_default(),
                service_account: known.service_account.unwrap_or_default(),
            });
        }
    }
    let declared = recorded.and_then(|addon| addon.configuration_values.as_deref());
    let configuration = live.configuration_values.clone();
    let object = Addon {
        id: Some(id_of(cluster, name)),
        arn: live.addon_arn.clone(),
        cluster_name: cluster.to_owned(),
        addon_name: name.to_owned(),
        addon_version: live.addon_version.clone(),
        kubernetes_version: recorded.and_then(|addon| addon.kubernetes_version.clone()),
        // An empty object is what takes settings away.
        configuration_values: configuration
            .filter(|text| declared.is_some() || settings(Some(text)) != settings(None)),
        service_account_role_arn: live.service_account_role_arn.clone(),
        pod_identity_association: Some(identities),
        resolve_conflicts_on_create: recorded
            .and_then(|addon| addon.resolve_conflicts_on_create.clone()),
        resolve_conflicts_on_update: recorded
            .and_then(|addon| addon.resolve_conflicts_on_update.clone()),
        preserve: recorded.and_then(|addon| addon.preserve),
        created_at: live.created_at().map(ToString::to_string),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    };
    let incomplete = matches!(
        live.status(),
        Some(AddonStatus::Creating | AddonStatus::CreateFailed)
    );
    Ok(Seen { object, incomplete })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_compared_by_meaning() {
        assert_eq!(settings(None), settings(Some("{}")));
        assert_eq!(settings(Some("")), settings(Some(" {} ")));
        assert_eq!(
            settings(Some(r#"{"a":1,"b":2}"#)),
            settings(Some(r#"{"b": 2, "a": 1}"#))
        );
        assert_ne!(settings(Some(r#"{"a":1}"#)), settings(None));
    }

    #[test]
    fn ids_are_taken_apart() {
        assert_eq!(parts(&id_of("c", "vpc-cni")).unwrap(), ("c", "vpc-cni"));
        assert!(parts("c").is_err());
        assert!(parts(":a").is_err());
    }
}
