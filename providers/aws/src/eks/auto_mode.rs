//! What can be switched on a cluster: Auto Mode, whose three blocks EKS takes in one call only, and zonal shift.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{
    BlockStorage, Cluster as LiveCluster, ComputeConfigRequest, ElasticLoadBalancing,
    StorageConfigRequest, ZonalShiftConfigRequest,
};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::schema::{Attribute, AttributeType};

use crate::change::Change;
use crate::checks::Checks;
use crate::eks::cluster_schema::Cluster;

/// The pools of nodes that Auto Mode has of its own.
const POOLS: [&str; 2] = ["general-purpose", "system"];

/// Where the three blocks say whether Auto Mode is on.
const SWITCHES: [&str; 3] = [
    "compute_config.enabled",
    "kubernetes_network_config.elastic_load_balancing.enabled",
    "storage_config.block_storage.enabled",
];

/// Something that is on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Switch {
    pub(super) enabled: bool,
}

/// The nodes of Auto Mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ComputeConfig {
    pub(super) enabled: bool,
    pub(super) node_pools: Option<BTreeSet<String>>,
    pub(super) node_role_arn: Option<String>,
}

/// The volumes of Auto Mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StorageConfig {
    pub(super) block_storage: Option<Switch>,
}

/// Auto Mode as a whole. What nodes there are says nothing where it is off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AutoMode {
    pub(super) on: bool,
    pools: BTreeSet<String>,
    role: Option<String>,
}

/// A block that only says whether something is on.
pub(super) fn switch(description: &'static str) -> AttributeType {
    AttributeType::object([(
        "enabled",
        Attribute::optional(AttributeType::Bool, description).default_value(false),
    )])
}

/// The type of `compute_config`.
pub(super) fn compute_type() -> AttributeType {
    AttributeType::object([
        (
            "enabled",
            Attribute::optional(AttributeType::Bool, "Whether Auto Mode makes the nodes.")
                .default_value(false),
        ),
        (
            "node_pools",
            Attribute::optional(
                AttributeType::string_set(),
                "Which of Auto Mode's own pools there are: `general-purpose`, `system`.",
            ),
        ),
        (
            "node_role_arn",
            Attribute::optional(
                AttributeType::String,
                "Role of the nodes of those pools. Another one replaces the cluster.",
            ),
        ),
    ])
}

/// The type of `storage_config`.
pub(super) fn storage_type() -> AttributeType {
    AttributeType::object([(
        "block_storage",
        Attribute::optional(
            switch("Whether Auto Mode makes the volumes."),
            "Volumes of EBS.",
        ),
    )])
}

/// Checks that the three blocks agree, and what Auto Mode needs beside them.
pub(super) fn validate(checks: &mut Checks<'_>) {
    let given = SWITCHES.map(|path| {
        // What is left out is off; what is not known yet may be either.
        let value = path
            .split('.')
            .try_fold(checks.config(), |value, name| value.get(name));
        match value {
            Some(value) if value.is_unknown() => None,
            Some(value) => Some(value.as_bool() == Some(true)),
            None => Some(false),
        }
    });
    let is_on = given.contains(&Some(true));
    if is_on && given.contains(&Some(false)) {
        let message = format!(
            "must be the same as {} and {}: Auto Mode is on or off as a whole.",
            SWITCHES[1], SWITCHES[2]
        );
        checks.fault(SWITCHES[0], message);
    }
    let bootstrap = checks.config().get("bootstrap_self_managed_addons");
    let bootstraps = bootstrap.is_none_or(|value| value.is_null() || value.as_bool() == Some(true));
    if is_on && bootstraps {
        let message = "must be false with Auto Mode, which brings its own.";
        checks.fault("bootstrap_self_managed_addons", message);
    }
    checks.texts("compute_config.node_pools", |pool| {
        (!POOLS.contains(&pool))
            .then(|| format!("must be one of {}, not '{pool}'.", POOLS.join(", ")))
    });
    let compute = checks.config().get("compute_config");
    let role = compute.and_then(|compute| compute.get("node_role_arn"));
    let pools = compute.and_then(|compute| compute.get("node_pools"));
    let no_pools = pools
        .is_none_or(|pools| pools.is_null() || pools.elements().is_some_and(<[Value]>::is_empty));
    if role.is_some_and(|role| !role.is_null()) && no_pools {
        let message = "must not be given without node_pools.";
        checks.fault("compute_config.node_role_arn", message);
    }
}

/// The role of Auto Mode's nodes can be added and not be changed.
pub(super) fn plan(change: &mut Change<'_>) {
    let path = "compute_config.node_role_arn";
    let roles = change.prior_text(path).zip(change.planned_text(path));
    if roles.is_some_and(|(before, after)| before != after) {
        change.replace(path);
    }
}

impl AutoMode {
    /// As a cluster is planned.
    pub(super) fn planned(cluster: &Cluster) -> Self {
        let compute = cluster.compute_config.clone().unwrap_or_default();
        AutoMode {
            on: compute.enabled,
            pools: compute.node_pools.unwrap_or_default(),
            role: compute.node_role_arn,
        }
        .plain()
    }

    /// As a cluster is.
    pub(super) fn live(cluster: &LiveCluster) -> Self {
        let Some(compute) = cluster.compute_config() else {
            return AutoMode::default();
        };
        AutoMode {
            on: compute.enabled().unwrap_or(false),
            pools: compute.node_pools().iter().cloned().collect(),
            role: compute.node_role_arn.clone(),
        }
        .plain()
    }

    fn plain(self) -> Self {
        if self.on { self } else { AutoMode::default() }
    }

    /// The block of nodes in a request.
    pub(super) fn compute_request(&self) -> ComputeConfigRequest {
        let request = ComputeConfigRequest::builder().enabled(self.on);
        if !self.on {
            return request.build();
        }
        request
            .set_node_pools(Some(self.pools.iter().cloned().collect()))
            .set_node_role_arn(self.role.clone())
            .build()
    }

    /// The block of volumes in a request.
    pub(super) fn storage_request(&self) -> StorageConfigRequest {
        let blocks = BlockStorage::builder().enabled(self.on).build();
        StorageConfigRequest::builder()
            .block_storage(blocks)
            .build()
    }

    /// The block of load balancers in a request.
    pub(super) fn balancing_request(&self) -> ElasticLoadBalancing {
        ElasticLoadBalancing::builder().enabled(self.on).build()
    }
}

/// The switch of zonal shift in a request.
pub(super) fn zonal_request(on: bool) -> ZonalShiftConfigRequest {
    ZonalShiftConfigRequest::builder().enabled(on).build()
}

/// Whether zonal shift is on.
pub(super) fn zonal_shift(live: &LiveCluster) -> bool {
    live.zonal_shift_config()
        .and_then(|config| config.enabled())
        .unwrap_or(false)
}

/// A switch as users see it. EKS tells what is off where nobody asked for it, too: that is no value.
fn see(on: bool, recorded: Option<&Switch>) -> Option<Switch> {
    (on || recorded.is_some()).then_some(Switch { enabled: on })
}

/// The nodes of Auto Mode as users see them.
pub(super) fn see_compute(
    live: &LiveCluster,
    recorded: Option<&ComputeConfig>,
) -> Option<ComputeConfig> {
    let mode = AutoMode::live(live);
    if mode.on {
        return Some(ComputeConfig {
            enabled: true,
            node_pools: Some(mode.pools),
            node_role_arn: mode.role,
        });
    }
    recorded.map(|recorded| ComputeConfig {
        enabled: false,
        ..recorded.clone()
    })
}

/// The volumes of Auto Mode as users see them.
pub(super) fn see_storage(
    live: &LiveCluster,
    recorded: Option<&StorageConfig>,
) -> Option<StorageConfig> {
    let blocks = live
        .storage_config()
        .and_then(|config| config.block_storage());
    let on = blocks.and_then(BlockStorage::enabled).unwrap_or(false);
    let switch = see(
        on,
        recorded.and_then(|config| config.block_storage.as_ref()),
    );
    match switch {
        Some(switch) => Some(StorageConfig {
            block_storage: Some(switch),
        }),
        None => recorded.cloned(),
    }
}

/// The load balancers of Auto Mode as users see them.
pub(super) fn see_balancing(live: &LiveCluster, recorded: Option<&Switch>) -> Option<Switch> {
    let network = live.kubernetes_network_config();
    let balancing = network.and_then(|network| network.elastic_load_balancing());
    let on = balancing.and_then(|balancing| balancing.enabled());
    see(on.unwrap_or(false), recorded)
}
