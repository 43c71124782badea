//! Updates: what changes a cluster, a node group or an add-on over time. One runs at a time for each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::logs;
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::world::{Key, Kind, New, Object, World};

use super::addon::{self, Addon};
use super::cluster::{self, Cluster};
use super::cluster_update::ClusterChange;
use super::identity_provider;
use super::nodegroup::{self, Nodegroup};
use super::nodegroup_update::NodegroupChange;
use super::{
    failure_of, find_cluster, find_nodegroup, names_page, not_found, take_page, writes_logs,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::read(
        "DescribeUpdate",
        ("GET", "/clusters/{name}/updates/{updateId}"),
        describe,
    ),
    RestOperation::read("ListUpdates", ("GET", "/clusters/{name}/updates"), list),
];

/// Where an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    InProgress,
    Successful,
    Failed,
}

/// What an update will have changed when it ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Change {
    Cluster(ClusterChange),
    Nodegroup(NodegroupChange),
    Addon(addon::Settings),
    /// A config of an identity provider, which is there afterwards, or is not.
    IdentityProvider {
        id: String,
        stays: bool,
    },
}

/// One update; the id is `cluster/update`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Update {
    /// The node group that it is of, if it is not of the cluster.
    pub(super) nodegroup: Option<String>,
    /// The add-on that it is of.
    #[serde(default)]
    pub(super) addon: Option<String>,
    /// What EKS calls it, such as `VersionUpdate`.
    pub(super) kind: String,
    /// Pairs of the parameter's type and value.
    pub(super) params: Vec<(String, String)>,
    pub(super) status: Status,
    pub(super) until_ms: Option<u64>,
    pub(super) change: Change,
    pub(super) failure: Option<(String, String)>,
}

impl Kind for Update {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "update";
    const LISTED: bool = false;

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        let Some(update) = world.raw::<Self>(&key.region, &key.id).cloned() else {
            return;
        };
        if update
            .body
            .until_ms
            .is_none_or(|until| until > world.now_ms())
        {
            return;
        }
        let failed = update.body.failure.is_some();
        world.update::<Self>(&key.region, &key.id, |update| {
            update.body.status = if failed {
                Status::Failed
            } else {
                Status::Successful
            };
            update.body.until_ms = None;
        });
        finish(world, &update, !failed);
    }
}

fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

/// Ends an update: the change takes effect if it succeeded, and the object is free for the next.
fn finish(world: &mut World, update: &Object<Update>, succeeded: bool) {
    let region = update.region.as_str();
    let (cluster, _) = parts(&update.id);
    match &update.body.change {
        Change::Cluster(change) => {
            world.update::<Cluster>(region, cluster, |cluster| {
                if succeeded {
                    change.clone().apply(&mut cluster.body);
                }
                cluster.body.update = None;
                cluster.body.status = cluster::Status::Active;
            });
            if succeeded && matches!(change, ClusterChange::Vpc { .. }) {
                cluster::move_interfaces(world, region, cluster);
            }
            if writes_logs(world, region, cluster) {
                logs::deliver(world, region, cluster);
            }
        }
        Change::Nodegroup(change) => {
            let name = update.body.nodegroup.as_deref().unwrap_or_default();
            let now_ms = world.now_ms();
            world.update::<Nodegroup>(region, &format!("{cluster}/{name}"), |group| {
                if succeeded {
                    change.clone().apply(group);
                }
                group.body.update = None;
                group.body.status = nodegroup::Status::Active;
                group.body.modified_ms = now_ms;
            });
        }
        Change::IdentityProvider { id, stays } => {
            identity_provider::finish(world, (region, id), *stays == succeeded);
            world.update::<Cluster>(region, cluster, |cluster| {
                cluster.body.update = None;
                cluster.body.status = cluster::Status::Active;
            });
        }
        Change::Addon(settings) => {
            let name = update.body.addon.as_deref().unwrap_or_default();
            let id = format!("{cluster}/{name}");
            let failure = update.body.failure.clone().filter(|_| !succeeded);
            world.update::<Addon>(region, &id, |addon| {
                addon.body.update = None;
                addon.body.status = match failure {
                    Some(_) => addon::Status::UpdateFailed,
                    None => addon::Status::Active,
                };
                addon.body.failure = failure;
            });
            if succeeded {
                addon::put(world, (region, &id), settings);
            }
        }
    }
}

/// What a new update is made of.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) cluster: String,
    pub(super) nodegroup: Option<String>,
    pub(super) addon: Option<String>,
    pub(super) kind: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) seconds: u64,
    pub(super) change: Change,
}

/// Starts an update, and marks its object as busy.
pub(super) fn start(cx: &mut Cx<'_>, start: Start) -> Object<Update> {
    let update_id = cx.world.draw(8).uuid();
    let id = format!("{}/{update_id}", start.cluster);
    let body = Update {
        nodegroup: start.nodegroup.clone(),
        addon: start.addon.clone(),
        kind: start.kind.to_owned(),
        params: start
            .params
            .into_iter()
            .map(|(kind, value)| (kind.to_owned(), value))
            .collect(),
        status: Status::InProgress,
        until_ms: Some(cx.world.after_seconds(start.seconds)),
        change: start.change,
        failure: failure_of(cx, "Unknown"),
    };
    let region = cx.region.clone();
    let update = cx.world.insert(New::plain(&region, id, body));
    match (&start.nodegroup, &start.addon) {
        (None, None) => {
            cx.world
                .update::<Cluster>(&region, &start.cluster, |cluster| {
                    cluster.body.update = Some(update_id);
                    cluster.body.status = cluster::Status::Updating;
                });
        }
        (None, Some(name)) => {
            let id = format!("{}/{name}", start.cluster);
            cx.world.update::<Addon>(&region, &id, |addon| {
                addon.body.update = Some(update_id);
                addon.body.status = addon::Status::Updating;
            });
        }
        (Some(name), _) => {
            let id = format!("{}/{name}", start.cluster);
            cx.world.update::<Nodegroup>(&region, &id, |group| {
                group.body.update = Some(update_id);
                group.body.status = nodegroup::Status::Updating;
            });
        }
    }
    update
}

/// Finds an update that a call named, by its full id.
pub(super) fn find<'a>(cx: &'a Cx<'_>, id: &str) -> Result<&'a Object<Update>, AwsError> {
    let (_, update_id) = parts(id);
    cx.world
        .get::<Update>(&cx.region, id)
        .ok_or_else(|| not_found(format!("No update found for ID: {update_id}")))
}

/// Whose an update is: the node group, the add-on, or neither where it is the cluster's.
type Owner = (Option<String>, Option<String>);

/// Takes from the query whose update is meant, and checks that it exists.
fn take_owner(cx: &Cx<'_>, request: &mut RestRequest) -> Result<Owner, AwsError> {
    let cluster = find_cluster(cx, request.path("name"))?;
    let nodegroup = request.query("nodegroupName");
    if let Some(name) = &nodegroup {
        find_nodegroup(cx, &cluster.id, name)?;
    }
    let addon = request.query("addonName");
    if let Some(name) = &addon {
        addon::find(cx, &cluster.id, name)?;
    }
    Ok((nodegroup, addon))
}

fn is_of(update: &Object<Update>, (nodegroup, addon): &Owner) -> bool {
    update.body.nodegroup == *nodegroup && update.body.addon == *addon
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let owner = take_owner(cx, request)?;
    request.finish()?;
    let id = format!("{}/{}", request.path("name"), request.path("updateId"));
    let update = find(cx, &id)?;
    if !is_of(update, &owner) {
        return Err(not_found(format!(
            "No update found for ID: {}",
            request.path("updateId")
        )));
    }
    Ok(json!({ "update": view(update) }))
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let owner = take_owner(cx, request)?;
    let page = take_page(cx, request)?;
    request.finish()?;
    let prefix = format!("{}/", request.path("name"));
    let updates = cx.world.under::<Update>(&cx.region, &prefix);
    let ids = updates
        .filter(|update| is_of(update, &owner))
        .map(|update| parts(&update.id).1.to_owned());
    let (ids, token) = page.cut(ids.collect(), Clone::clone);
    Ok(names_page("updateIds", ids, token))
}

/// Writes an update.
pub(super) fn view(update: &Object<Update>) -> Value {
    let body = &update.body;
    let params: Vec<Value> = body
        .params
        .iter()
        .map(|(kind, value)| json!({ "type": kind, "value": value }))
        .collect();
    let errors: Vec<Value> = body
        .failure
        .iter()
        .filter(|_| body.status == Status::Failed)
        .map(|(code, text)| json!({ "errorCode": code, "errorMessage": text, "resourceIds": [] }))
        .collect();
    json!({
        "id": parts(&update.id).1,
        "status": body.status,
        "type": body.kind,
        "params": params,
        "createdAt": seconds(update.created_ms),
        "errors": errors,
    })
}
