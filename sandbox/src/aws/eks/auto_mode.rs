//! Auto Mode: nodes, load balancers and volumes that EKS makes by itself, on or off as a whole.
//!
//! What it makes lives inside the cluster and is not emulated; what it asks of the cluster and its roles is.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::error::AwsError;
use crate::aws::service::Cx;

use super::cluster_request::{ComputeConfig, CreateCluster, NetworkConfig, StorageConfig, Switch};
use super::{invalid_parameter, role};

/// The pools that there are.
const POOLS: [&str; 2] = ["general-purpose", "system"];

/// Auto Mode of a cluster where it is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AutoMode {
    pub(super) pools: Vec<String>,
    pub(super) role: Option<String>,
}

/// The three blocks of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) compute: Option<&'a ComputeConfig>,
    pub(super) network: Option<&'a NetworkConfig>,
    pub(super) storage: Option<&'a StorageConfig>,
}

impl Blocks<'_> {
    /// Tells whether any of the three says anything about Auto Mode.
    pub(super) fn any(self) -> bool {
        self.compute.is_some() || self.balancing().is_some() || self.storage.is_some()
    }

    fn balancing(&self) -> Option<&Switch> {
        self.network
            .and_then(|network| network.elastic_load_balancing.as_ref())
    }

    /// Returns Auto Mode as the blocks ask for it; nothing where it is off.
    pub(super) fn asked(self) -> Result<Option<AutoMode>, AwsError> {
        let storage = self
            .storage
            .and_then(|storage| storage.block_storage.as_ref());
        let compute = self.compute.and_then(|compute| compute.enabled);
        let on = [
            compute.unwrap_or_default(),
            Switch::on(self.balancing()),
            Switch::on(storage),
        ];
        match (on, self.compute) {
            ([true, true, true], Some(compute)) => asked(compute).map(Some),
            ([false, false, false], _) => Ok(None),
            (_, _) => Err(invalid_parameter(
                "For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.",
            )),
        }
    }
}

fn asked(compute: &ComputeConfig) -> Result<AutoMode, AwsError> {
    let pools = compute.node_pools.clone().unwrap_or_default();
    if let Some(pool) = pools.iter().find(|pool| !POOLS.contains(&pool.as_str())) {
        return Err(invalid_parameter(format!(
            "The node pool {pool} in computeConfig is none of [{}]",
            POOLS.join(", ")
        )));
    }
    if pools.is_empty() != compute.node_role_arn.is_none() {
        return Err(invalid_parameter(
            "computeConfig must have nodeRoleArn and nodePools, or neither of them",
        ));
    }
    Ok(AutoMode {
        pools,
        role: compute.node_role_arn.clone(),
    })
}

/// Refuses what Auto Mode cannot be on for.
pub(super) fn check_new(wanted: &CreateCluster) -> Result<(), AwsError> {
    if wanted.bootstrap_self_managed_addons.unwrap_or(true) {
        return Err(invalid_parameter(
            "EKS Auto Mode needs bootstrapSelfManagedAddons to be false",
        ));
    }
    let access = wanted.access_config.as_ref();
    let mode = access.and_then(|access| access.authentication_mode.as_deref());
    check_mode(mode.unwrap_or("CONFIG_MAP"))
}

/// Refuses a cluster without access entries.
pub(super) fn check_mode(mode: &str) -> Result<(), AwsError> {
    if mode != "CONFIG_MAP" {
        return Ok(());
    }
    Err(invalid_parameter(
        "EKS Auto Mode needs the authentication mode API or API_AND_CONFIG_MAP",
    ))
}

/// Refuses roles that cannot do what Auto Mode does by them.
pub(super) fn check_roles(
    cx: &mut Cx<'_>,
    cluster_role: &str,
    mode: &AutoMode,
) -> Result<(), AwsError> {
    role::check_all_policies(cx, cluster_role, &role::AUTO_MODE)?;
    match &mode.role {
        Some(node_role) => role::check_role(cx, node_role, role::NODE),
        None => Ok(()),
    }
}

/// Writes the three blocks of a cluster, in the order of [`Blocks`].
pub(super) fn views(mode: Option<&AutoMode>) -> [Value; 3] {
    let on = mode.is_some();
    let mut compute = json!({ "enabled": on });
    if let Some(mode) = mode {
        compute["nodePools"] = json!(mode.pools);
        if let Some(role) = &mode.role {
            compute["nodeRoleArn"] = json!(role);
        }
    }
    [
        compute,
        json!({ "enabled": on }),
        json!({ "blockStorage": { "enabled": on } }),
    ]
}
