//! `aws_eks_cluster`: plan, read, find, apply.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use aws_sdk_eks::types::{
    AuthenticationMode, Cluster as LiveCluster, ClusterStatus, CreateAccessConfigRequest, IpFamily,
    KubernetesNetworkConfigRequest, SupportType, UpgradePolicyRequest,
};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::ResourceSchema;

use crate::change::Change;
use crate::checks::Checks;
use crate::cidr;
use crate::cloud::Cloud;
use crate::eks::auto_mode::{self, AutoMode, Switch};
use crate::eks::cluster_change::{self, vpc_request};
use crate::eks::cluster_schema::{
    self, AccessConfig, CertificateAuthority, Cluster, Identity, LATE, MODES, NetworkConfig, Oidc,
    UpgradePolicy, VpcConfig,
};
use crate::eks::updates::{self, Part, Subject};
use crate::eks::upgrade::{self, Versioned};
use crate::eks::{CLUSTER_INTERVAL, reach, tagging};
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};

/// What a cluster is made with and EKS never tells again: of an imported one it is not known.
const UNTOLD: [&str; 2] = [
    "bootstrap_self_managed_addons",
    "access_config.bootstrap_cluster_creator_admin_permissions",
];

/// `aws_eks_cluster`.
#[derive(Debug)]
pub(crate) struct Clusters;

#[async_trait]
impl ResourceType for Clusters {
    type Object = Cluster;
    const NAME: &'static str = cluster_schema::NAME;

    fn schema(&self) -> ResourceSchema {
        cluster_schema::schema()
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        cluster_schema::validate(checks);
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.id_is_name();
        change.forget_missing(&["arn", "created_at"]);
        for path in UNTOLD {
            change.accept_untold(path, &true.into());
        }
        if change.prior.is_some() && change.prior_text("status") != Some("ACTIVE") {
            LATE.iter().for_each(|path| change.forget(path));
            change.forget("vpc_config.cluster_security_group_id");
            change.forget("vpc_config.vpc_id");
        }
        if change.replaces() {
            return Ok(());
        }
        plan_mode(change)?;
        auto_mode::plan(change);
        if plan_encryption(change) || change.replaces() {
            return Ok(());
        }
        upgrade::plan(change, &VERSIONED)?;
        if change.is_update() {
            let name = change.planned_text("name").unwrap_or_default();
            let region = change
                .region
                .map_or_else(String::new, |region| format!(" in {region}"));
            change.exclusive(format!("eks cluster {name}{region}"));
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Cluster>],
    ) -> Vec<Result<Option<Seen<Cluster>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = describe(cloud, &wanted.id).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<Cluster>,
    ) -> Result<Vec<Found<Cluster>>, Failure> {
        let name = &lost.planned.name;
        let live = describe(cloud, name).await?;
        let found = live.map(|live| Found {
            id: name.clone(),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(&lost.planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &Cluster) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let auto_mode = Some(AutoMode::planned(planned)).filter(|mode| mode.on);
        let zonal_shift = planned.zonal_shift_config.as_ref();
        let call = eks
            .create_cluster()
            .name(&planned.name)
            .role_arn(&planned.role_arn)
            .set_version(planned.version.clone())
            .resources_vpc_config(vpc_request(&planned.vpc_config))
            .set_kubernetes_network_config(
                planned
                    .kubernetes_network_config
                    .as_ref()
                    .map(|network| network_request(network, auto_mode.as_ref())),
            )
            .set_access_config(planned.access_config.as_ref().map(access_request))
            .set_upgrade_policy(planned.upgrade_policy.as_ref().map(upgrade_request))
            .set_encryption_config(cluster_change::encryption_of_new(planned))
            .set_logging(cluster_change::logging_of_new(planned))
            .set_bootstrap_self_managed_addons(planned.bootstrap_self_managed_addons)
            .set_deletion_protection(planned.deletion_protection.filter(|on| *on))
            .set_compute_config(auto_mode.as_ref().map(AutoMode::compute_request))
            .set_storage_config(auto_mode.as_ref().map(AutoMode::storage_request))
            .set_zonal_shift_config(
                zonal_shift.map(|config| auto_mode::zonal_request(config.enabled)),
            )
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("CreateCluster", call.send()).await?;
        Ok(planned.name.clone())
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Cluster>,
    ) -> Result<Cluster, Failure> {
        let (name, planned) = (target.id, target.planned);
        let mut live = until_active(step, name).await?;
        if let (None, Some(endpoint)) = (target.prior, live.endpoint()) {
            reach::check(step, name, endpoint).await;
        }
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let mut changed =
            tagging::converge(step, live.arn().unwrap_or_default(), (live.tags(), &wanted)).await?;
        while let Some(change) = cluster_change::next(&live, planned)? {
            let subject = Subject {
                cluster: name,
                part: Part::Cluster,
            };
            let started = change.send(step, name).await;
            updates::finish(step, subject, started).await?;
            live = until_changed(step, name, (&change, planned)).await?;
            changed = true;
        }
        if changed {
            live = step
                .until(
                    &format!("EKS cluster {name}"),
                    || describe(step.cloud, name),
                    |live| tagging::are(live.tags(), &wanted),
                )
                .await?;
        }
        Ok(see(step.cloud, &live, Some(planned)).object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Cluster) -> Result<(), Failure> {
        let eks = &step.clients().await?.eks;
        let Some(live) = describe(step.cloud, id).await? else {
            return Ok(());
        };
        if live.status() != Some(&ClusterStatus::Deleting) {
            refuse_protected(&live, id)?;
            let call = eks.delete_cluster().name(id);
            found(step.change("DeleteCluster", call.send()).await)?;
        }
        let what = format!("EKS cluster {id}");
        let missed = AtomicU32::new(0);
        let look = || async {
            let live = describe(step.cloud, id).await?;
            let times = match live {
                Some(_) => 0,
                None => missed.load(Ordering::Relaxed) + 1,
            };
            missed.store(times, Ordering::Relaxed);
            Ok((times < MISSED).then_some(()))
        };
        step.until_gone(&what, CLUSTER_INTERVAL, look).await
    }
}

/// How often in a row a cluster must be missed before it is gone: one answer may be from a part of EKS that is behind.
const MISSED: u32 = 3;

fn refuse_protected(live: &LiveCluster, name: &str) -> Result<(), Failure> {
    if live.deletion_protection() != Some(true) {
        return Ok(());
    }
    let message = format!("EKS cluster {name} is protected against deletion");
    let error = ProviderError::new(ProviderErrorKind::Invalid, message)
        .hint("Set deletion_protection to false, apply that, and delete it then.");
    Err(error.into())
}

/// The authentication mode moves one way only.
fn plan_mode(change: &Change<'_>) -> Result<(), ProviderError> {
    let path = "access_config.authentication_mode";
    let rank = |mode: &str| MODES.iter().position(|known| *known == mode);
    let ranks = change
        .prior_text(path)
        .and_then(rank)
        .zip(change.planned_text(path).and_then(rank));
    match ranks {
        Some((before, after)) if after < before => Err(ProviderError::new(
            ProviderErrorKind::Invalid,
            format!(
                "access_config.authentication_mode cannot go from {} back to {}",
                MODES[before], MODES[after]
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Encryption that is there cannot get another key: then the cluster is replaced.
fn plan_encryption(change: &mut Change<'_>) -> bool {
    let path = "encryption_config";
    let key = "encryption_config.provider.key_arn";
    let was_there = change.prior_text(key).is_some();
    if !was_there || !change.changes(path) {
        return false;
    }
    let stays = change.planned().get(path).is_some_and(|now| !now.is_null());
    change.replace(if stays { key } else { path });
    true
}

const VERSIONED: Versioned = Versioned {
    version: "version",
    build: "platform_version",
    keeps_build: false,
    downgrade: "EKS has no downgrade: declare the version that the cluster has, or a newer one.",
};

/// A cluster by its name, whoever made it, as the resource type tells its own.
pub(crate) async fn existing(
    cloud: &Cloud,
    name: &str,
) -> Result<Option<serde_json::Value>, Failure> {
    let Some(live) = describe(cloud, name).await? else {
        return Ok(None);
    };
    let object = see(cloud, &live, None).object;
    let told = serde_json::to_value(object);
    told.map(Some)
        .map_err(|error| ProviderError::bug(format!("a cluster cannot be told: {error}")).into())
}

/// The version of Kubernetes that a cluster has, whoever made it; nothing where the caller may not know.
pub(crate) async fn version(cloud: &Cloud, name: &str) -> Result<Option<String>, Failure> {
    match describe(cloud, name).await {
        Err(failure) if failure.kind() == ProviderErrorKind::AccessDenied => Ok(None),
        live => Ok(live?.and_then(|live| live.version)),
    }
}

async fn describe(cloud: &Cloud, name: &str) -> Result<Option<LiveCluster>, Failure> {
    let call = cloud.clients().await?.eks.describe_cluster().name(name);
    let answer = found(send("DescribeCluster", call.send()).await)?;
    Ok(answer.and_then(|answer| answer.cluster))
}

/// Waits until the cluster is there and nothing is under way in it.
async fn until_active(step: &Step<'_>, name: &str) -> Result<LiveCluster, Failure> {
    let what = format!("EKS cluster {name}");
    let appeared = step
        .until(&what, || describe(step.cloud, name), |_| true)
        .await?;
    match appeared.status() {
        Some(ClusterStatus::Active) => return Ok(appeared),
        Some(ClusterStatus::Updating) => {
            let subject = Subject {
                cluster: name,
                part: Part::Cluster,
            };
            updates::settle(step, subject).await?;
        }
        _ => {}
    }
    let look = || async move {
        let Some(live) = describe(step.cloud, name).await? else {
            let message = format!("EKS cluster {name}: it does not exist any more");
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        match live.status() {
            Some(ClusterStatus::Active) => Ok(Progress::Done(live)),
            Some(ClusterStatus::Failed) => Err(Failure::for_good(format!(
                "EKS cluster {name} failed: {}",
                issues(&live)
            ))),
            Some(ClusterStatus::Deleting) => Err(Failure::refused(
                ProviderErrorKind::Failed,
                format!("EKS cluster {name} is being deleted"),
            )),
            status => Ok(Progress::Pending(
                status.map_or("UNKNOWN", ClusterStatus::as_str).to_owned(),
            )),
        }
    };
    step.wait(&what, CLUSTER_INTERVAL, look).await
}

/// Waits until an update that is over is also seen in the cluster.
async fn until_changed(
    step: &Step<'_>,
    name: &str,
    (change, planned): (&cluster_change::ClusterChange, &Cluster),
) -> Result<LiveCluster, Failure> {
    let what = format!("EKS cluster {name}");
    let is_seen = |live: &LiveCluster| {
        live.status() == Some(&ClusterStatus::Active)
            && !matches!(cluster_change::next(live, planned), Ok(Some(next)) if next == *change)
    };
    step.until(&what, || describe(step.cloud, name), is_seen)
        .await
}

fn issues(live: &LiveCluster) -> String {
    let issues = live
        .health()
        .map(|health| health.issues())
        .unwrap_or_default();
    let texts = issues.iter().map(|issue| {
        let code = issue.code().map_or("Unknown", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or_default())
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// What users see of a cluster. EKS does not tell what only its creation was given: that comes from the record.
fn see(cloud: &Cloud, live: &LiveCluster, recorded: Option<&Cluster>) -> Seen<Cluster> {
    let own = recorded.map(|cluster| cluster.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let issuer = live
        .identity()
        .and_then(|identity| identity.oidc())
        .and_then(|oidc| oidc.issuer.clone());
    let data = live
        .certificate_authority()
        .and_then(|authority| authority.data.clone());
    let policy = live
        .upgrade_policy()
        .and_then(|policy| policy.support_type());
    let recorded_policy = recorded.and_then(|cluster| cluster.upgrade_policy.clone());
    let object = Cluster {
        id: live.name.clone(),
        arn: live.arn.clone(),
        name: live.name.clone().unwrap_or_default(),
        role_arn: live.role_arn.clone().unwrap_or_default(),
        version: live.version.clone(),
        vpc_config: see_vpc(live),
        kubernetes_network_config: see_network(live, recorded),
        access_config: Some(see_access(live, recorded)),
        upgrade_policy: policy
            .map(|policy| UpgradePolicy {
                support_type: Some(policy.as_str().to_owned()),
            })
            .or(recorded_policy),
        encryption_config: cluster_change::see_encryption(live),
        enabled_cluster_log_types: Some(cluster_change::enabled_logs(live)),
        bootstrap_self_managed_addons: match recorded {
            Some(cluster) => cluster.bootstrap_self_managed_addons,
            // EKS does not tell; with Auto Mode it takes nothing else.
            None => AutoMode::live(live).on.then_some(false),
        },
        deletion_protection: Some(live.deletion_protection().unwrap_or(false)),
        compute_config: auto_mode::see_compute(
            live,
            recorded.and_then(|cluster| cluster.compute_config.as_ref()),
        ),
        storage_config: auto_mode::see_storage(
            live,
            recorded.and_then(|cluster| cluster.storage_config.as_ref()),
        ),
        zonal_shift_config: Some(Switch {
            enabled: auto_mode::zonal_shift(live),
        }),
        endpoint: live.endpoint.clone(),
        certificate_authority: data.map(|data| CertificateAuthority { data: Some(data) }),
        identity: issuer.map(|issuer| Identity {
            oidc: Some(Oidc {
                issuer: Some(issuer),
            }),
        }),
        platform_version: live.platform_version.clone(),
        status: live.status().map(|status| status.as_str().to_owned()),
        created_at: live.created_at().map(ToString::to_string),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    };
    let incomplete = matches!(
        live.status(),
        Some(ClusterStatus::Creating | ClusterStatus::Pending | ClusterStatus::Failed)
    );
    Seen { object, incomplete }
}

fn see_vpc(live: &LiveCluster) -> VpcConfig {
    let Some(vpc) = live.resources_vpc_config() else {
        return VpcConfig::default();
    };
    VpcConfig {
        subnet_ids: vpc.subnet_ids().iter().cloned().collect(),
        security_group_ids: Some(vpc.security_group_ids().iter().cloned().collect()),
        endpoint_private_access: vpc.endpoint_private_access,
        endpoint_public_access: vpc.endpoint_public_access,
        public_access_cidrs: Some(
            vpc.public_access_cidrs()
                .iter()
                .map(|block| cidr::normal(block))
                .collect(),
        ),
        cluster_security_group_id: vpc.cluster_security_group_id.clone(),
        vpc_id: vpc.vpc_id.clone(),
    }
}

fn see_network(live: &LiveCluster, recorded: Option<&Cluster>) -> Option<NetworkConfig> {
    let recorded = recorded.and_then(|cluster| cluster.kubernetes_network_config.as_ref());
    live.kubernetes_network_config()
        .map(|network| NetworkConfig {
            service_ipv4_cidr: network.service_ipv4_cidr.clone(),
            ip_family: network.ip_family().map(|family| family.as_str().to_owned()),
            service_ipv6_cidr: network.service_ipv6_cidr.clone(),
            elastic_load_balancing: auto_mode::see_balancing(
                live,
                recorded.and_then(|network| network.elastic_load_balancing.as_ref()),
            ),
        })
}

fn see_access(live: &LiveCluster, recorded: Option<&Cluster>) -> AccessConfig {
    let recorded = recorded
        .and_then(|cluster| cluster.access_config.clone())
        .unwrap_or_default();
    let mode = live
        .access_config()
        .and_then(|access| access.authentication_mode());
    AccessConfig {
        authentication_mode: mode
            .map(|mode| mode.as_str().to_owned())
            .or(recorded.authentication_mode)
            .or_else(|| Some(MODES[0].to_owned())),
        bootstrap_cluster_creator_admin_permissions: recorded
            .bootstrap_cluster_creator_admin_permissions,
    }
}

fn network_request(
    network: &NetworkConfig,
    auto_mode: Option<&AutoMode>,
) -> KubernetesNetworkConfigRequest {
    KubernetesNetworkConfigRequest::builder()
        .set_service_ipv4_cidr(network.service_ipv4_cidr.clone())
        .set_ip_family(network.ip_family.as_deref().map(IpFamily::from))
        .set_elastic_load_balancing(auto_mode.map(AutoMode::balancing_request))
        .build()
}

fn access_request(access: &AccessConfig) -> CreateAccessConfigRequest {
    CreateAccessConfigRequest::builder()
        .set_authentication_mode(
            access
                .authentication_mode
                .as_deref()
                .map(AuthenticationMode::from),
        )
        .set_bootstrap_cluster_creator_admin_permissions(
            access.bootstrap_cluster_creator_admin_permissions,
        )
        .build()
}

fn upgrade_request(policy: &UpgradePolicy) -> UpgradePolicyRequest {
    UpgradePolicyRequest::builder()
        .set_support_type(policy.support_type.as_deref().map(SupportType::from))
        .build()
}
