//! The updates of a cluster: EKS takes one kind per call, and refuses one that changes nothing.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{
    AuthenticationMode, Cluster as LiveCluster, EncryptionConfig as LiveEncryption,
    KubernetesNetworkConfigRequest, LogSetup, LogType, Logging, Provider, SupportType, Update,
    UpdateAccessConfigRequest, UpgradePolicyRequest, VpcConfigRequest,
};
use strata_model::provider::ProviderErrorKind;

use crate::checks::minor;
use crate::cidr;
use crate::eks::auto_mode::{self, AutoMode};
use crate::eks::cluster_schema::{Cluster, EncryptionConfig, KeyProvider, VpcConfig};
use crate::error::Failure;
use crate::step::Step;

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClusterChange {
    Version(String),
    Access(String),
    AutoMode(AutoMode),
    Encryption(EncryptionConfig),
    Logging(BTreeSet<String>),
    UpgradePolicy(String),
    Endpoint {
        public: bool,
        private: bool,
        cidrs: Option<BTreeSet<String>>,
    },
    Subnets(BTreeSet<String>),
    SecurityGroups(BTreeSet<String>),
    ZonalShift(bool),
    DeletionProtection(bool),
}

/// The next update that leads from a cluster to what is planned, in a fixed order; `None` when it is as planned.
pub(crate) fn next(
    live: &LiveCluster,
    planned: &Cluster,
) -> Result<Option<ClusterChange>, Failure> {
    if let Some(version) = next_version(live, planned)? {
        return Ok(Some(ClusterChange::Version(version)));
    }
    Ok(access(live, planned)
        .or_else(|| auto_mode(live, planned))
        .or_else(|| encryption(live, planned))
        .or_else(|| logging(live, planned))
        .or_else(|| upgrade_policy(live, planned))
        .or_else(|| endpoint(live, &planned.vpc_config))
        .or_else(|| network(live, &planned.vpc_config))
        .or_else(|| zonal_shift(live, planned))
        .or_else(|| {
            let is_on = live.deletion_protection().unwrap_or(false);
            let wanted = planned.deletion_protection.filter(|on| *on != is_on);
            wanted.map(ClusterChange::DeletionProtection)
        }))
}

/// One minor up, towards the planned version.
fn next_version(live: &LiveCluster, planned: &Cluster) -> Result<Option<String>, Failure> {
    let now = live.version().and_then(minor);
    let wanted = planned.version.as_deref().and_then(minor);
    match now.zip(wanted) {
        Some((now, wanted)) if wanted > now => Ok(Some(format!("1.{}", now + 1))),
        Some((now, wanted)) if wanted < now => Err(Failure::refused(
            ProviderErrorKind::Invalid,
            format!("the cluster has version 1.{now} by now, which cannot go back to 1.{wanted}"),
        )),
        Some(_) | None => Ok(None),
    }
}

fn access(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let wanted = planned
        .access_config
        .as_ref()?
        .authentication_mode
        .as_ref()?;
    let now = live.access_config()?.authentication_mode()?;
    (now.as_str() != wanted).then(|| ClusterChange::Access(wanted.clone()))
}

fn auto_mode(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let wanted = AutoMode::planned(planned);
    (AutoMode::live(live) != wanted).then_some(ClusterChange::AutoMode(wanted))
}

fn zonal_shift(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let on = planned.zonal_shift_config.as_ref()?.enabled;
    (auto_mode::zonal_shift(live) != on).then_some(ClusterChange::ZonalShift(on))
}

/// Encryption is only ever added.
fn encryption(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let wanted = planned.encryption_config.clone()?;
    see_encryption(live)
        .is_none()
        .then_some(ClusterChange::Encryption(wanted))
}

fn logging(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let wanted = planned
        .enabled_cluster_log_types
        .clone()
        .unwrap_or_default();
    (enabled_logs(live) != wanted).then_some(ClusterChange::Logging(wanted))
}

fn upgrade_policy(live: &LiveCluster, planned: &Cluster) -> Option<ClusterChange> {
    let wanted = planned.upgrade_policy.as_ref()?.support_type.as_ref()?;
    let now = live.upgrade_policy()?.support_type()?;
    (now.as_str() != wanted).then(|| ClusterChange::UpgradePolicy(wanted.clone()))
}

fn endpoint(live: &LiveCluster, planned: &VpcConfig) -> Option<ClusterChange> {
    let now = live.resources_vpc_config()?;
    let blocks: BTreeSet<String> = now
        .public_access_cidrs()
        .iter()
        .map(|block| cidr::normal(block))
        .collect();
    // Without a public endpoint its blocks have no meaning, and EKS does not take them.
    let cidrs = planned
        .public_access_cidrs
        .clone()
        .filter(|_| planned.endpoint_public_access);
    let same = now.endpoint_public_access == planned.endpoint_public_access
        && now.endpoint_private_access == planned.endpoint_private_access
        && cidrs.as_ref().is_none_or(|cidrs| *cidrs == blocks);
    (!same).then_some(ClusterChange::Endpoint {
        public: planned.endpoint_public_access,
        private: planned.endpoint_private_access,
        cidrs,
    })
}

fn network(live: &LiveCluster, planned: &VpcConfig) -> Option<ClusterChange> {
    let now = live.resources_vpc_config()?;
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    if set(now.subnet_ids()) != planned.subnet_ids {
        return Some(ClusterChange::Subnets(planned.subnet_ids.clone()));
    }
    let groups = planned.security_group_ids.clone().unwrap_or_default();
    (set(now.security_group_ids()) != groups).then_some(ClusterChange::SecurityGroups(groups))
}

impl ClusterChange {
    /// The same call has the same token, so that sending it again starts no second update.
    fn token(&self, step: &Step<'_>) -> String {
        let kind = match self {
            ClusterChange::Version(version) => return format!("{}-version-{version}", step.op),
            ClusterChange::Access(_) => "access",
            ClusterChange::AutoMode(_) => "auto",
            ClusterChange::ZonalShift(_) => "zonal",
            ClusterChange::Encryption(_) => "encryption",
            ClusterChange::Logging(_) => "logging",
            ClusterChange::UpgradePolicy(_) => "policy",
            ClusterChange::Endpoint { .. } => "endpoint",
            ClusterChange::Subnets(_) => "subnets",
            ClusterChange::SecurityGroups(_) => "groups",
            ClusterChange::DeletionProtection(_) => "protection",
        };
        format!("{}-{kind}", step.op)
    }

    /// Starts the update.
    pub(crate) async fn send(
        &self,
        step: &Step<'_>,
        name: &str,
    ) -> Result<Option<Update>, Failure> {
        let eks = &step.clients().await?.eks;
        if let ClusterChange::Version(version) = self {
            let call = eks
                .update_cluster_version()
                .name(name)
                .version(version)
                .client_request_token(self.token(step));
            let answer = step.change("UpdateClusterVersion", call.send()).await?;
            return Ok(answer.update);
        }
        if let ClusterChange::Encryption(config) = self {
            let call = eks
                .associate_encryption_config()
                .cluster_name(name)
                .encryption_config(encryption_request(config))
                .client_request_token(self.token(step));
            let answer = step
                .change("AssociateEncryptionConfig", call.send())
                .await?;
            return Ok(answer.update);
        }
        let call = eks
            .update_cluster_config()
            .name(name)
            .client_request_token(self.token(step))
            .set_access_config(self.access_request())
            .set_logging(self.logging_request())
            .set_upgrade_policy(self.upgrade_request())
            .set_resources_vpc_config(self.vpc_request())
            .set_deletion_protection(self.protection_request());
        let call = match self {
            ClusterChange::AutoMode(mode) => call
                .compute_config(mode.compute_request())
                .kubernetes_network_config(
                    KubernetesNetworkConfigRequest::builder()
                        .elastic_load_balancing(mode.balancing_request())
                        .build(),
                )
                .storage_config(mode.storage_request()),
            ClusterChange::ZonalShift(on) => call.zonal_shift_config(auto_mode::zonal_request(*on)),
            ClusterChange::Version(_)
            | ClusterChange::Access(_)
            | ClusterChange::Encryption(_)
            | ClusterChange::Logging(_)
            | ClusterChange::UpgradePolicy(_)
            | ClusterChange::Endpoint { .. }
            | ClusterChange::Subnets(_)
            | ClusterChange::SecurityGroups(_)
            | ClusterChange::DeletionProtection(_) => call,
        };
        let answer = step.change("UpdateClusterConfig", call.send()).await?;
        Ok(answer.update)
    }

    fn protection_request(&self) -> Option<bool> {
        let ClusterChange::DeletionProtection(on) = self else {
            return None;
        };
        Some(*on)
    }

    fn access_request(&self) -> Option<UpdateAccessConfigRequest> {
        let ClusterChange::Access(mode) = self else {
            return None;
        };
        let mode = AuthenticationMode::from(mode.as_str());
        let request = UpdateAccessConfigRequest::builder().authentication_mode(mode);
        Some(request.build())
    }

    fn logging_request(&self) -> Option<Logging> {
        let ClusterChange::Logging(on) = self else {
            return None;
        };
        let (enabled, disabled): (Vec<_>, Vec<_>) = LogType::values()
            .iter()
            .map(|kind| LogType::from(*kind))
            .partition(|kind| on.contains(kind.as_str()));
        let setups = [(enabled, true), (disabled, false)];
        let setups = setups.into_iter().filter(|(kinds, _)| !kinds.is_empty());
        let setups = setups.map(|(kinds, on)| log_setup(kinds, on));
        Some(
            Logging::builder()
                .set_cluster_logging(Some(setups.collect()))
                .build(),
        )
    }

    fn upgrade_request(&self) -> Option<UpgradePolicyRequest> {
        let ClusterChange::UpgradePolicy(support) = self else {
            return None;
        };
        let support = SupportType::from(support.as_str());
        Some(
            UpgradePolicyRequest::builder()
                .support_type(support)
                .build(),
        )
    }

    fn vpc_request(&self) -> Option<VpcConfigRequest> {
        let list = |set: &BTreeSet<String>| Some(set.iter().cloned().collect());
        let request = VpcConfigRequest::builder();
        let request = match self {
            ClusterChange::Endpoint {
                public,
                private,
                cidrs,
            } => request
                .endpoint_public_access(*public)
                .endpoint_private_access(*private)
                .set_public_access_cidrs(cidrs.as_ref().and_then(list)),
            ClusterChange::Subnets(ids) => request.set_subnet_ids(list(ids)),
            ClusterChange::SecurityGroups(ids) => request.set_security_group_ids(list(ids)),
            ClusterChange::Version(_)
            | ClusterChange::Access(_)
            | ClusterChange::Encryption(_)
            | ClusterChange::Logging(_)
            | ClusterChange::UpgradePolicy(_)
            | ClusterChange::AutoMode(_)
            | ClusterChange::ZonalShift(_)
            | ClusterChange::DeletionProtection(_) => return None,
        };
        Some(request.build())
    }
}

fn log_setup(kinds: Vec<LogType>, on: bool) -> LogSetup {
    LogSetup::builder()
        .set_types(Some(kinds))
        .enabled(on)
        .build()
}

#[expect(
    deprecated,
    reason = "what EKS calls out of use is still what tools declare and clusters tell"
)]
fn encryption_request(config: &EncryptionConfig) -> LiveEncryption {
    let key = Provider::builder().key_arn(&config.provider.key_arn);
    LiveEncryption::builder()
        .set_resources(Some(config.resources.iter().cloned().collect()))
        .provider(key.build())
        .build()
}

/// The encryption of a create call.
pub(crate) fn encryption_of_new(planned: &Cluster) -> Option<Vec<LiveEncryption>> {
    let config = planned.encryption_config.as_ref()?;
    Some(vec![encryption_request(config)])
}

/// The encryption of a cluster, of which there is one at most.
#[expect(
    deprecated,
    reason = "what EKS calls out of use is still what tools declare and clusters tell"
)]
pub(crate) fn see_encryption(live: &LiveCluster) -> Option<EncryptionConfig> {
    let config = live.encryption_config().first()?;
    let key = config.provider().and_then(|provider| provider.key_arn());
    Some(EncryptionConfig {
        provider: KeyProvider {
            key_arn: key.unwrap_or_default().to_owned(),
        },
        resources: config.resources().iter().cloned().collect(),
    })
}

/// The logging of a create call; nothing where all is off, as it is by default.
pub(crate) fn logging_of_new(planned: &Cluster) -> Option<Logging> {
    let on = planned
        .enabled_cluster_log_types
        .as_ref()
        .filter(|on| !on.is_empty())?;
    let kinds = on.iter().map(|kind| LogType::from(kind.as_str()));
    Some(
        Logging::builder()
            .cluster_logging(log_setup(kinds.collect(), true))
            .build(),
    )
}

/// The logs that are on. EKS tells those that are off in an entry of their own.
pub(crate) fn enabled_logs(live: &LiveCluster) -> BTreeSet<String> {
    let setups = live
        .logging()
        .map(|logging| logging.cluster_logging())
        .unwrap_or_default();
    let on = setups.iter().filter(|setup| setup.enabled() == Some(true));
    on.flat_map(|setup| setup.types())
        .map(|kind| kind.as_str().to_owned())
        .collect()
}

/// The network of a create call.
pub(crate) fn vpc_request(planned: &VpcConfig) -> VpcConfigRequest {
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    let groups = planned
        .security_group_ids
        .as_ref()
        .filter(|groups| !groups.is_empty());
    let cidrs = planned
        .public_access_cidrs
        .as_ref()
        .filter(|_| planned.endpoint_public_access);
    VpcConfigRequest::builder()
        .set_subnet_ids(Some(list(&planned.subnet_ids)))
        .set_security_group_ids(groups.map(list))
        .endpoint_public_access(planned.endpoint_public_access)
        .endpoint_private_access(planned.endpoint_private_access)
        .set_public_access_cidrs(cidrs.map(list))
        .build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{VpcConfigResponse, ZonalShiftConfigResponse};

    use super::*;
    use crate::eks::auto_mode::Switch;

    fn live(version: &str) -> LiveCluster {
        let vpc = VpcConfigResponse::builder()
            .subnet_ids("a")
            .subnet_ids("b")
            .endpoint_public_access(true)
            .public_access_cidrs("0.0.0.0/0")
            .build();
        LiveCluster::builder()
            .version(version)
            .resources_vpc_config(vpc)
            .build()
    }

    fn planned(version: &str) -> Cluster {
        serde_json::from_value(serde_json::json!({
            "version": version,
            "vpc_config": {"subnet_ids": ["b", "a"], "endpoint_public_access": true},
        }))
        .unwrap()
    }

    #[test]
    fn updates_come_one_by_one_in_order() {
        let mut wanted = planned("1.33");
        assert_eq!(next(&live("1.33"), &wanted).unwrap(), None);
        wanted.version = Some("1.35".into());
        wanted.deletion_protection = Some(true);
        wanted.vpc_config.endpoint_private_access = true;
        assert_eq!(
            next(&live("1.33"), &wanted).unwrap(),
            Some(ClusterChange::Version("1.34".into()))
        );
        let endpoint = ClusterChange::Endpoint {
            public: true,
            private: true,
            cidrs: None,
        };
        assert_eq!(next(&live("1.35"), &wanted).unwrap(), Some(endpoint));
        assert!(next(&live("1.36"), &wanted).is_err());
    }

    #[test]
    fn what_is_not_said_stays_as_it_is() {
        let mut live = live("1.33");
        live.deletion_protection = Some(true);
        live.zonal_shift_config = Some(ZonalShiftConfigResponse::builder().enabled(true).build());
        let mut wanted = planned("1.33");
        assert_eq!(next(&live, &wanted).unwrap(), None);
        wanted.deletion_protection = Some(false);
        let off = ClusterChange::DeletionProtection(false);
        assert_eq!(next(&live, &wanted).unwrap(), Some(off));
        wanted.zonal_shift_config = Some(Switch { enabled: false });
        let off = ClusterChange::ZonalShift(false);
        assert_eq!(next(&live, &wanted).unwrap(), Some(off));
    }
}
