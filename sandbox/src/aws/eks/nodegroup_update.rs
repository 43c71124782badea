//! Changes of a node group: its configuration, or its version, but not both in one call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::token::{Seen, Use};
use crate::world::Object;

use super::cluster_request::Switch;
use super::nodegroup::{Nodegroup, Status};
use super::nodegroup_request::{
    Scaling, Taint, UpdateLimits, check_limits, check_release, check_taints, newest_release, sizes,
};
use super::nodegroup_template::{self, Template, TemplateName};
use super::update::{self, Change, Start};
use super::{find_cluster, find_nodegroup, in_use, invalid_parameter, versions};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "UpdateNodegroupConfig",
        (
            "POST",
            "/clusters/{name}/node-groups/{nodegroupName}/update-config",
        ),
        update_config,
    ),
    RestOperation::write(
        "UpdateNodegroupVersion",
        (
            "POST",
            "/clusters/{name}/node-groups/{nodegroupName}/update-version",
        ),
        update_version,
    ),
];

/// How long it takes, in the cloud's seconds.
const CONFIG_SECONDS: u64 = 60;
const VERSION_SECONDS: u64 = 420;

/// What an update does to a node group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NodegroupChange {
    Config {
        labels: BTreeMap<String, String>,
        taints: Vec<Taint>,
        scaling: (u32, u32, u32),
        limits: UpdateLimits,
        node_repair: Option<bool>,
    },
    Version {
        version: String,
        release: String,
        template: Option<Template>,
    },
}

impl NodegroupChange {
    /// Puts the change into effect.
    pub(super) fn apply(self, group: &mut Object<Nodegroup>) {
        let body = &mut group.body;
        match self {
            Self::Config {
                labels,
                taints,
                scaling,
                limits,
                node_repair,
            } => {
                body.labels = labels;
                body.taints = taints;
                body.scaling = scaling;
                body.limits = limits;
                body.node_repair = node_repair;
            }
            Self::Version {
                version,
                release,
                template,
            } => {
                body.version = version;
                body.release_version = release;
                body.launch_template = template;
            }
        }
    }
}

/// The body of UpdateNodegroupConfig.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateConfig {
    labels: Option<LabelChanges>,
    taints: Option<TaintChanges>,
    scaling_config: Option<Scaling>,
    update_config: Option<UpdateLimits>,
    node_repair_config: Option<Switch>,
    client_request_token: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LabelChanges {
    add_or_update_labels: Option<BTreeMap<String, String>>,
    remove_labels: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaintChanges {
    add_or_update_taints: Option<Vec<Taint>>,
    remove_taints: Option<Vec<Taint>>,
}

/// The body of UpdateNodegroupVersion.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateVersion {
    version: Option<String>,
    release_version: Option<String>,
    launch_template: Option<TemplateName>,
    #[expect(
        dead_code,
        reason = "it overrides pod disruption budgets, which are not emulated"
    )]
    force: Option<bool>,
    client_request_token: Option<String>,
}

type Found = (NodegroupChange, Vec<(&'static str, String)>);

fn update_config(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: UpdateConfig = request.body()?;
    let token = wanted.client_request_token.clone();
    run(
        cx,
        request,
        ("UpdateNodegroupConfig", token),
        |_cx, group| config_change(group, &wanted),
    )
}

fn update_version(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: UpdateVersion = request.body()?;
    let token = wanted.client_request_token.clone();
    run(
        cx,
        request,
        ("UpdateNodegroupVersion", token),
        |cx, group| version_change(cx, group, &wanted),
    )
}

fn run(
    cx: &mut Cx<'_>,
    request: &RestRequest,
    (operation, token): (&'static str, Option<String>),
    change: impl FnOnce(&Cx<'_>, &Object<Nodegroup>) -> Result<Found, AwsError>,
) -> Answer {
    request.finish()?;
    let canonical = request.canonical();
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation,
        token: token.as_deref(),
        request: &canonical,
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
    let cluster = find_cluster(cx, request.path("name"))?.id.clone();
    let group = find_nodegroup(cx, &cluster, request.path("nodegroupName"))?.clone();
    let (change, params) = change(cx, &group)?;
    let (kind, seconds) = match change {
        NodegroupChange::Config { .. } => ("ConfigUpdate", CONFIG_SECONDS),
        NodegroupChange::Version { .. } => ("VersionUpdate", VERSION_SECONDS),
    };
    check_free(&group, kind)?;
    let started = update::start(
        cx,
        Start {
            cluster,
            nodegroup: group.name,
            addon: None,
            kind,
            params,
            seconds,
            change: Change::Nodegroup(change),
        },
    );
    used.remember(cx.world, &started.id);
    Ok(json!({ "update": update::view(&started) }))
}

fn check_free(group: &Object<Nodegroup>, kind: &str) -> Result<(), AwsError> {
    let name = group.name.as_deref().unwrap_or_default();
    match (&group.body.update, group.body.status) {
        (Some(update), _) => {
            let text = format!(
                "Cannot {kind} because nodegroup {name} currently has update {update} in progress"
            );
            Err(in_use(text))
        }
        (None, Status::Active) => Ok(()),
        (None, Status::Creating | Status::Updating | Status::Deleting | Status::CreateFailed) => {
            Err(in_use(format!(
                "Cannot {kind} because nodegroup {name} is not in ACTIVE status"
            )))
        }
    }
}

fn config_change(group: &Object<Nodegroup>, wanted: &UpdateConfig) -> Result<Found, AwsError> {
    let body = &group.body;
    check_limits(wanted.update_config.as_ref())?;
    let mut params = Vec::new();
    let mut labels = body.labels.clone();
    if let Some(changes) = &wanted.labels {
        for key in changes.remove_labels.iter().flatten() {
            labels.remove(key);
            params.push(("LabelsToRemove", key.clone()));
        }
        let added = changes.add_or_update_labels.clone().unwrap_or_default();
        if !added.is_empty() {
            params.push(("LabelsToAdd", json!(added).to_string()));
        }
        labels.extend(added);
    }
    let taints = match &wanted.taints {
        Some(changes) => changed_taints(&body.taints, changes, &mut params)?,
        None => body.taints.clone(),
    };
    let scaling = sizes(wanted.scaling_config, body.scaling)?;
    if scaling != body.scaling {
        params.push(("MinSize", scaling.0.to_string()));
        params.push(("MaxSize", scaling.1.to_string()));
        params.push(("DesiredSize", scaling.2.to_string()));
    }
    let limits = wanted
        .update_config
        .clone()
        .unwrap_or_else(|| body.limits.clone());
    let repair = wanted
        .node_repair_config
        .as_ref()
        .and_then(|switch| switch.enabled);
    let change = NodegroupChange::Config {
        labels,
        taints,
        scaling,
        limits,
        node_repair: repair.or(body.node_repair),
    };
    let mut after = group.clone();
    change.clone().apply(&mut after);
    if serde_json::to_value(&after.body).ok() == serde_json::to_value(body).ok() {
        return Err(invalid_parameter("No changes detected"));
    }
    Ok((change, params))
}

/// A taint is known by its key and effect.
fn changed_taints(
    before: &[Taint],
    changes: &TaintChanges,
    params: &mut Vec<(&'static str, String)>,
) -> Result<Vec<Taint>, AwsError> {
    let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
    let mut taints = before.to_vec();
    for gone in changes.remove_taints.iter().flatten() {
        taints.retain(|taint| !same(taint, gone));
        params.push(("TaintsToRemove", json!(gone).to_string()));
    }
    for added in changes.add_or_update_taints.iter().flatten() {
        match taints.iter_mut().find(|taint| same(taint, added)) {
            Some(taint) => taint.value.clone_from(&added.value),
            None => taints.push(added.clone()),
        }
        params.push(("TaintsToAdd", json!(added).to_string()));
    }
    check_taints(&taints)?;
    Ok(taints)
}

fn version_change(
    cx: &Cx<'_>,
    group: &Object<Nodegroup>,
    wanted: &UpdateVersion,
) -> Result<Found, AwsError> {
    let template = changed_template(cx, group, wanted)?;
    let cluster = group.id.split('/').next().unwrap_or_default();
    let plane = find_cluster(cx, cluster)?.body.version.clone();
    let version = wanted
        .version
        .clone()
        .unwrap_or_else(|| group.body.version.clone());
    versions::offered(&version).ok_or_else(|| versions::unsupported(&version))?;
    let (new, old, limit) = (
        versions::minor_of(&version),
        versions::minor_of(&group.body.version),
        versions::minor_of(&plane),
    );
    if new < old {
        let text = format!(
            "Nodegroup version cannot be downgraded from {} to {version}",
            group.body.version
        );
        return Err(invalid_parameter(text));
    }
    if new > limit {
        let text = format!(
            "Nodegroup Kubernetes version {version} cannot be newer than the cluster's version {plane}"
        );
        return Err(invalid_parameter(text));
    }
    check_release(&version, wanted.release_version.as_deref())?;
    // The image of the template is the release; for all others it is the newest that is not named.
    let own = template
        .as_ref()
        .and_then(|template| template.image.clone());
    let own = own.or_else(|| {
        let is_custom = group.body.ami_type == "CUSTOM";
        is_custom.then(|| group.body.release_version.clone())
    });
    let release = wanted.release_version.clone().or(own);
    let release = release.unwrap_or_else(|| newest_release(&version));
    if version == group.body.version
        && release == group.body.release_version
        && template == group.body.launch_template
    {
        return Err(invalid_parameter("No changes detected"));
    }
    let params = vec![
        ("Version", version.clone()),
        ("ReleaseVersion", release.clone()),
    ];
    let change = NodegroupChange::Version {
        version,
        release,
        template,
    };
    Ok((change, params))
}

/// The template after an update: only its version changes, and only where there was one.
fn changed_template(
    cx: &Cx<'_>,
    group: &Object<Nodegroup>,
    wanted: &UpdateVersion,
) -> Result<Option<Template>, AwsError> {
    let before = group.body.launch_template.as_ref();
    let Some(name) = &wanted.launch_template else {
        return Ok(before.cloned());
    };
    let Some(before) = before else {
        return Err(invalid_parameter(
            "You cannot specify a launch template for a node group that was not created with one.",
        ));
    };
    let found = nodegroup_template::find(cx, name)?;
    if found.id != before.id {
        let text = format!(
            "You cannot change the launch template of a node group: {} is not {}.",
            found.id, before.id
        );
        return Err(invalid_parameter(text));
    }
    if found.image.is_some() && (wanted.version.is_some() || wanted.release_version.is_some()) {
        return Err(nodegroup_template::image_is_given());
    }
    Ok(Some(found))
}
