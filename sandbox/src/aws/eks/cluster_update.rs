//! Changes of a cluster: one kind per call, one update at a time, and asking for what is already so is an error.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::token::{Seen, Use};
use crate::world::Object;

use super::auto_mode::{self, AutoMode, Blocks};
use super::cluster::{Cluster, Status};
use super::cluster_check::{
    check_encryption, check_endpoint, check_groups, check_subnets, public_cidrs,
};
use super::cluster_request::{
    AUTH_MODES, AssociateEncryption, Encryption, Switch, UpdateConfig, UpdateVersion, VpcConfig,
    one_of,
};
use super::nodegroup::Nodegroup;
use super::update::{self, Change, Start};
use super::{find_cluster, in_use, invalid_parameter, invalid_request, versions};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "UpdateClusterConfig",
        ("POST", "/clusters/{name}/update-config"),
        update_config,
    ),
    RestOperation::write(
        "UpdateClusterVersion",
        ("POST", "/clusters/{name}/updates"),
        update_version,
    ),
    RestOperation::write(
        "AssociateEncryptionConfig",
        ("POST", "/clusters/{name}/encryption-config/associate"),
        associate_encryption,
    ),
];

/// What an update does to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ClusterChange {
    Version(String),
    Endpoint {
        public: bool,
        private: bool,
        cidrs: Vec<String>,
    },
    Vpc {
        subnets: Vec<String>,
        security_groups: Vec<String>,
    },
    Logging(BTreeSet<String>),
    Access(String),
    AutoMode(Option<AutoMode>),
    Encryption(Vec<Encryption>),
    UpgradePolicy(String),
    ZonalShift(bool),
    DeletionProtection(bool),
}

impl ClusterChange {
    /// Puts the change into effect.
    pub(super) fn apply(self, cluster: &mut Cluster) {
        match self {
            Self::Version(version) => cluster.version = version,
            Self::Endpoint {
                public,
                private,
                cidrs,
            } => {
                cluster.public_access = public;
                cluster.private_access = private;
                cluster.public_cidrs = cidrs;
            }
            Self::Vpc {
                subnets,
                security_groups,
            } => {
                cluster.subnets = subnets;
                cluster.security_groups = security_groups;
            }
            Self::Logging(on) => cluster.logging = on,
            Self::Access(mode) => cluster.auth_mode = mode,
            Self::AutoMode(mode) => cluster.auto_mode = mode,
            Self::Encryption(config) => cluster.encryption = config,
            Self::UpgradePolicy(support) => cluster.support_type = support,
            Self::ZonalShift(on) => cluster.zonal_shift = on,
            Self::DeletionProtection(on) => cluster.deletion_protection = on,
        }
    }

    /// What EKS calls such an update, and how long it takes in the cloud's seconds.
    fn kind(&self) -> (&'static str, u64) {
        match self {
            Self::Version(_) => ("VersionUpdate", 480),
            Self::Endpoint { .. } => ("EndpointAccessUpdate", 300),
            Self::Vpc { .. } => ("VpcConfigUpdate", 300),
            Self::Logging(_) => ("LoggingUpdate", 120),
            Self::Access(_) => ("AccessConfigUpdate", 60),
            Self::AutoMode(_) => ("AutoModeUpdate", 120),
            Self::Encryption(_) => ("AssociateEncryptionConfig", 1800),
            Self::UpgradePolicy(_) => ("UpgradePolicyUpdate", 30),
            Self::ZonalShift(_) => ("ZonalShiftConfigUpdate", 30),
            Self::DeletionProtection(_) => ("DeletionProtectionUpdate", 10),
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Version(version) => {
                vec![
                    ("Version", version.clone()),
                    ("PlatformVersion", "eks.1".to_owned()),
                ]
            }
            Self::Endpoint {
                public,
                private,
                cidrs,
            } => vec![
                ("EndpointPublicAccess", public.to_string()),
                ("EndpointPrivateAccess", private.to_string()),
                ("PublicAccessCidrs", json!(cidrs).to_string()),
            ],
            Self::Vpc {
                subnets,
                security_groups,
            } => vec![
                ("Subnets", json!(subnets).to_string()),
                ("SecurityGroups", json!(security_groups).to_string()),
            ],
            Self::Logging(on) => {
                let types: Vec<&String> = on.iter().collect();
                let value = json!({ "clusterLogging": [{ "types": types, "enabled": true }] });
                vec![("ClusterLogging", value.to_string())]
            }
            Self::Access(mode) => vec![("AuthenticationMode", mode.clone())],
            Self::AutoMode(mode) => {
                let names = ["ComputeConfig", "KubernetesNetworkConfig", "StorageConfig"];
                let views = auto_mode::views(mode.as_ref());
                let views = views.iter().map(ToString::to_string);
                names.into_iter().zip(views).collect()
            }
            Self::Encryption(config) => {
                vec![("EncryptionConfig", json!(config).to_string())]
            }
            Self::UpgradePolicy(support) => {
                vec![(
                    "UpgradePolicy",
                    json!({ "supportType": support }).to_string(),
                )]
            }
            Self::ZonalShift(on) => {
                vec![("ZonalShiftConfig", json!({ "enabled": on }).to_string())]
            }
            Self::DeletionProtection(on) => vec![("DeletionProtection", on.to_string())],
        }
    }
}

fn update_config(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: UpdateConfig = request.body()?;
    request.finish()?;
    let name = request.path("name").to_owned();
    let token = wanted.client_request_token.clone();
    run(
        cx,
        "UpdateClusterConfig",
        (&name, token.as_deref(), &canonical),
        |cx, cluster| change_of(cx, cluster, &wanted),
    )
}

fn update_version(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: UpdateVersion = request.body()?;
    request.finish()?;
    let name = request.path("name").to_owned();
    let token = wanted.client_request_token.clone();
    run(
        cx,
        "UpdateClusterVersion",
        (&name, token.as_deref(), &canonical),
        |cx, cluster| version_change(cx, cluster, &wanted.version),
    )
}

fn associate_encryption(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: AssociateEncryption = request.body()?;
    request.finish()?;
    let name = request.path("name").to_owned();
    let token = wanted.client_request_token.clone();
    run(
        cx,
        "AssociateEncryptionConfig",
        (&name, token.as_deref(), &canonical),
        |cx, cluster| {
            check_encryption(cx, &wanted.encryption_config)?;
            if wanted.encryption_config.is_empty() {
                return Err(invalid_parameter("encryptionConfig must not be empty"));
            }
            if !cluster.body.encryption.is_empty() {
                return Err(invalid_parameter(
                    "Encryption is already enabled on the cluster and cannot be changed",
                ));
            }
            Ok(ClusterChange::Encryption(wanted.encryption_config.clone()))
        },
    )
}

/// Starts the update that `change` finds, or returns the one that the same call started before.
fn run(
    cx: &mut Cx<'_>,
    operation: &'static str,
    (name, token, request): (&str, Option<&str>, &str),
    change: impl FnOnce(&mut Cx<'_>, &Object<Cluster>) -> Result<ClusterChange, AwsError>,
) -> Answer {
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation,
        token,
        request,
    };
    match used.seen(cx.world) {
        Seen::Same(id) => return Ok(json!({ "update": update::view(update::find(cx, &id)?) })),
        Seen::Other => {
            return Err(invalid_parameter(
                "The client request token was used with other parameters",
            ));
        }
        Seen::New => {}
    }
    let cluster = find_cluster(cx, name)?.clone();
    let change = change(cx, &cluster)?;
    let (kind, seconds) = change.kind();
    check_free(&cluster, kind)?;
    let params = change.params();
    let started = update::start(
        cx,
        Start {
            cluster: cluster.id,
            nodegroup: None,
            addon: None,
            kind,
            params,
            seconds,
            change: Change::Cluster(change),
        },
    );
    used.remember(cx.world, &started.id);
    Ok(json!({ "update": update::view(&started) }))
}

/// Refuses a cluster that is not there for an update.
pub(super) fn check_free(cluster: &Object<Cluster>, kind: &str) -> Result<(), AwsError> {
    let name = &cluster.id;
    match (&cluster.body.update, cluster.body.status) {
        (Some(update), _) => {
            let text = format!(
                "Cannot {kind} because cluster {name} currently has update {update} in progress"
            );
            Err(in_use(text))
        }
        (None, Status::Active) => Ok(()),
        (None, Status::Creating | Status::Updating | Status::Deleting | Status::Failed) => {
            Err(in_use(format!(
                "Cannot {kind} because cluster {name} is not in ACTIVE status"
            )))
        }
    }
}

fn no_change(text: &str) -> AwsError {
    invalid_parameter(text)
}

/// Finds the one change that a call asks for.
fn change_of(
    cx: &mut Cx<'_>,
    cluster: &Object<Cluster>,
    wanted: &UpdateConfig,
) -> Result<ClusterChange, AwsError> {
    let mut changes = Vec::new();
    if let Some(config) = &wanted.resources_vpc_config {
        changes.extend(endpoint_change(cluster, config)?);
        changes.extend(vpc_change(cx, cluster, config)?);
    }
    if let Some(logging) = &wanted.logging {
        changes.push(ClusterChange::Logging(
            logging.apply(&cluster.body.logging)?,
        ));
    }
    let mode = wanted
        .access_config
        .as_ref()
        .and_then(|access| access.authentication_mode.as_ref());
    if let Some(mode) = mode {
        changes.push(access_change(cluster, mode)?);
    }
    let support = wanted
        .upgrade_policy
        .as_ref()
        .and_then(|policy| policy.support_type.as_ref());
    if let Some(support) = support {
        one_of(
            "upgradePolicy.supportType",
            support,
            &["STANDARD", "EXTENDED"],
        )?;
        changes.push(ClusterChange::UpgradePolicy(support.clone()));
    }
    let blocks = Blocks {
        compute: wanted.compute_config.as_ref(),
        network: wanted.kubernetes_network_config.as_ref(),
        storage: wanted.storage_config.as_ref(),
    };
    if blocks.any() {
        changes.push(auto_mode_change(cx, cluster, blocks)?);
    }
    if let Some(switch) = &wanted.zonal_shift_config {
        changes.push(ClusterChange::ZonalShift(Switch::on(Some(switch))));
    }
    if let Some(on) = wanted.deletion_protection {
        changes.push(ClusterChange::DeletionProtection(on));
    }
    let mut changes = changes.into_iter();
    let (Some(change), None) = (changes.next(), changes.next()) else {
        return Err(invalid_parameter("Only one type of update can be allowed."));
    };
    refuse_no_change(cluster, change)
}

/// The role of its nodes can be added and not be changed.
fn auto_mode_change(
    cx: &mut Cx<'_>,
    cluster: &Object<Cluster>,
    blocks: Blocks<'_>,
) -> Result<ClusterChange, AwsError> {
    let asked = blocks.asked()?;
    if let Some(mode) = &asked {
        auto_mode::check_mode(&cluster.body.auth_mode)?;
        auto_mode::check_roles(cx, &cluster.body.role_arn, mode)?;
        let before = cluster.body.auto_mode.as_ref();
        let before = before.and_then(|mode| mode.role.as_ref());
        if before.is_some() && before != mode.role.as_ref() {
            return Err(invalid_parameter("nodeRoleArn cannot be changed"));
        }
    }
    Ok(ClusterChange::AutoMode(asked))
}

fn refuse_no_change(
    cluster: &Object<Cluster>,
    change: ClusterChange,
) -> Result<ClusterChange, AwsError> {
    let mut after = cluster.body.clone();
    change.clone().apply(&mut after);
    let same = serde_json::to_value(&after).ok() == serde_json::to_value(&cluster.body).ok();
    if !same {
        return Ok(change);
    }
    Err(match &change {
        ClusterChange::Endpoint {
            public,
            private,
            cidrs,
        } => no_change(&format!(
            "Cluster is already at the desired configuration with endpointPrivateAccess: {private} , endpointPublicAccess: {public}, and Public Endpoint Restrictions: [{}]",
            cidrs.join(", ")
        )),
        ClusterChange::Logging(_) => no_change("No changes needed for the logging config provided"),
        ClusterChange::Version(_)
        | ClusterChange::Vpc { .. }
        | ClusterChange::Access(_)
        | ClusterChange::AutoMode(_)
        | ClusterChange::Encryption(_)
        | ClusterChange::UpgradePolicy(_)
        | ClusterChange::ZonalShift(_)
        | ClusterChange::DeletionProtection(_) => no_change("No changes detected"),
    })
}

fn endpoint_change(
    cluster: &Object<Cluster>,
    config: &VpcConfig,
) -> Result<Option<ClusterChange>, AwsError> {
    let asked = config.endpoint_public_access.is_some()
        || config.endpoint_private_access.is_some()
        || config.public_access_cidrs.is_some();
    if !asked {
        return Ok(None);
    }
    let body = &cluster.body;
    let public = config.endpoint_public_access.unwrap_or(body.public_access);
    let private = config
        .endpoint_private_access
        .unwrap_or(body.private_access);
    check_endpoint(public, private)?;
    let mut cidrs = match config.public_access_cidrs {
        Some(_) => public_cidrs(config)?,
        None => body.public_cidrs.clone(),
    };
    // The blocks are a set: another order is no change.
    if cidrs.iter().collect::<BTreeSet<_>>() == body.public_cidrs.iter().collect() {
        cidrs.clone_from(&body.public_cidrs);
    }
    Ok(Some(ClusterChange::Endpoint {
        public,
        private,
        cidrs,
    }))
}

fn vpc_change(
    cx: &Cx<'_>,
    cluster: &Object<Cluster>,
    config: &VpcConfig,
) -> Result<Option<ClusterChange>, AwsError> {
    if config.subnet_ids.is_none() && config.security_group_ids.is_none() {
        return Ok(None);
    }
    let body = &cluster.body;
    let subnets = config
        .subnet_ids
        .clone()
        .unwrap_or_else(|| body.subnets.clone());
    if check_subnets(cx, &subnets)? != body.vpc {
        return Err(invalid_parameter(
            "Subnets specified must belong to the VPC of the cluster",
        ));
    }
    let security_groups = config
        .security_group_ids
        .clone()
        .unwrap_or_else(|| body.security_groups.clone());
    check_groups(cx, &security_groups, &body.vpc)?;
    let same = |a: &[String], b: &[String]| a.iter().collect::<BTreeSet<_>>() == b.iter().collect();
    let (subnets, security_groups) = (
        if same(&subnets, &body.subnets) {
            body.subnets.clone()
        } else {
            subnets
        },
        if same(&security_groups, &body.security_groups) {
            body.security_groups.clone()
        } else {
            security_groups
        },
    );
    Ok(Some(ClusterChange::Vpc {
        subnets,
        security_groups,
    }))
}

fn access_change(cluster: &Object<Cluster>, mode: &str) -> Result<ClusterChange, AwsError> {
    one_of("accessConfig.authenticationMode", mode, &AUTH_MODES)?;
    let place = |mode: &str| AUTH_MODES.iter().position(|known| *known == mode);
    if place(mode) < place(&cluster.body.auth_mode) {
        let text = format!(
            "Unsupported authentication mode update from {} to {mode}",
            cluster.body.auth_mode
        );
        return Err(invalid_parameter(text));
    }
    Ok(ClusterChange::Access(mode.to_owned()))
}

fn version_change(
    cx: &Cx<'_>,
    cluster: &Object<Cluster>,
    wanted: &str,
) -> Result<ClusterChange, AwsError> {
    let now = &cluster.body.version;
    versions::offered(wanted).ok_or_else(|| versions::unsupported(wanted))?;
    if wanted == now {
        return Err(no_change(&format!(
            "Cluster is already at the desired configuration with version: {now}"
        )));
    }
    if versions::minor_of(wanted) != versions::minor_of(now).map(|minor| minor + 1) {
        let text = format!("Unsupported Kubernetes minor version update from {now} to {wanted}");
        return Err(invalid_parameter(text));
    }
    let prefix = format!("{}/", cluster.id);
    let groups = cx.world.under::<Nodegroup>(&cx.region, &prefix);
    let behind: Vec<&str> = groups
        .filter(|group| group.body.version != *now)
        .filter_map(|group| group.name.as_deref())
        .collect();
    if behind.is_empty() {
        return Ok(ClusterChange::Version(wanted.to_owned()));
    }
    let text = format!(
        "Nodegroup(s) {} must be updated to match cluster version {now} first",
        behind.join(", ")
    );
    Err(invalid_request(text))
}
