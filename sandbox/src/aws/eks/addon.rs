//! Add-ons: software that EKS installs in a cluster and keeps up to date.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::time::seconds;
use crate::aws::token::Use;
use crate::world::{Key, Kind, New, Object, World};

use super::addon_catalog::{Offer, offer};
use super::cluster::Cluster;
use super::cluster_request::{check_tags, one_of};
use super::nodegroup::{self, Nodegroup};
use super::pod_identity::{self, OfAddon};
use super::{
    Named, check_running, failure_of, fargate, find_cluster, in_use, invalid_parameter,
    made_before, names_page, not_found, role, take_page, versions,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write("CreateAddon", ("POST", "/clusters/{name}/addons"), create),
    RestOperation::read("ListAddons", ("GET", "/clusters/{name}/addons"), list),
    RestOperation::read(
        "DescribeAddon",
        ("GET", "/clusters/{name}/addons/{addonName}"),
        describe,
    ),
    RestOperation::write(
        "DeleteAddon",
        ("DELETE", "/clusters/{name}/addons/{addonName}"),
        delete,
    ),
];

/// How long it takes, in the cloud's seconds.
const CREATE_SECONDS: u64 = 60;
const DELETE_SECONDS: u64 = 60;
const CONFLICTS: [&str; 3] = ["NONE", "OVERWRITE", "PRESERVE"];

/// Where an add-on stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
    CreateFailed,
    UpdateFailed,
}

/// What an update changes of an add-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) version: String,
    pub(super) configuration: Option<String>,
    pub(super) account_role: Option<String>,
    pub(super) identities: Vec<OfAddon>,
}

/// An add-on; the id is `cluster/name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Addon {
    pub(super) arn: String,
    pub(super) settings: Settings,
    pub(super) status: Status,
    pub(super) until_ms: Option<u64>,
    pub(super) modified_ms: u64,
    pub(super) failure: Option<(String, String)>,
    pub(super) update: Option<String>,
}

impl Kind for Addon {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "addon";

    fn due_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn settle(world: &mut World, key: &Key) {
        let Some(addon) = world.raw::<Self>(&key.region, &key.id) else {
            return;
        };
        if addon
            .body
            .until_ms
            .is_none_or(|until| until > world.now_ms())
        {
            return;
        }
        if addon.body.status == Status::Deleting {
            world.remove::<Self>(&key.region, &key.id);
            return;
        }
        let now_ms = world.now_ms();
        world.update::<Self>(&key.region, &key.id, |addon| {
            let failed = addon.body.failure.is_some();
            addon.body.status = if failed {
                Status::CreateFailed
            } else {
                Status::Active
            };
            addon.body.until_ms = None;
            addon.body.modified_ms = now_ms;
        });
    }
}

impl Named for Addon {
    fn arn(&self) -> &str {
        &self.arn
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    addon_name: String,
    addon_version: Option<String>,
    service_account_role_arn: Option<String>,
    resolve_conflicts: Option<String>,
    client_request_token: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    configuration_values: Option<String>,
    pod_identity_associations: Option<Vec<OfAddon>>,
}

/// The name of an add-on, out of its id.
fn name_of(id: &str) -> &str {
    id.split_once('/').map_or("", |(_, name)| name)
}

/// Finds an add-on.
pub(super) fn find<'a>(
    cx: &'a Cx<'_>,
    cluster: &str,
    name: &str,
) -> Result<&'a Object<Addon>, AwsError> {
    find_cluster(cx, cluster)?;
    cx.world
        .get::<Addon>(&cx.region, &format!("{cluster}/{name}"))
        .ok_or_else(|| not_found(format!("No addon: {name} found in cluster: {cluster}")))
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Create = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreateAddon",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    if let Some(addon) = made_before::<Addon>(cx, &used)? {
        return Ok(json!({ "addon": view(cx.world, &addon) }));
    }
    let cluster = find_cluster(cx, request.path("name"))?.clone();
    let name = wanted.addon_name.clone();
    let Some(offer) = offer(&name) else {
        let text = format!("Addon {name} specified is not supported");
        return Err(invalid_parameter(text));
    };
    let tags = wanted.tags.clone().unwrap_or_default();
    check_tags(&tags)?;
    check_conflicts(wanted.resolve_conflicts.as_deref())?;
    let settings = Settings {
        version: wanted.addon_version.unwrap_or_default(),
        configuration: wanted.configuration_values,
        account_role: wanted.service_account_role_arn,
        identities: wanted.pod_identity_associations.unwrap_or_default(),
    };
    let settings = checked(cx, offer, &cluster, settings)?;
    let id = format!("{}/{name}", cluster.id);
    if cx.world.raw::<Addon>(&region, &id).is_some() {
        return Err(in_use("Addon already exists."));
    }
    check_running(&cluster)?;
    for identity in &settings.identities {
        let place = (offer.namespace, identity.service_account.as_str());
        pod_identity::check_free(cx, &cluster.id, place)?;
    }
    let addon = Addon {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:addon/{id}/{}",
            partition(&region),
            cx.world.draw(14).uuid()
        ),
        settings,
        status: Status::Creating,
        until_ms: Some(cx.world.after_seconds(CREATE_SECONDS)),
        modified_ms: cx.world.now_ms(),
        failure: failure_of(cx, "ConfigurationConflict"),
        update: None,
    };
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, addon)
        .name(&name)
        .tags(tags)
        .token(wanted.client_request_token.clone());
    let addon = cx.world.insert(new);
    put(cx.world, (&region, &addon.id), &addon.body.settings);
    Ok(json!({ "addon": view(cx.world, &addon) }))
}

pub(super) fn check_conflicts(how: Option<&str>) -> Result<(), AwsError> {
    how.map_or(Ok(()), |how| one_of("resolveConflicts", how, &CONFLICTS))
}

/// Judges what an add-on is to be like, and fills in the version.
pub(super) fn checked(
    cx: &mut Cx<'_>,
    offer: &Offer,
    cluster: &Object<Cluster>,
    mut settings: Settings,
) -> Result<Settings, AwsError> {
    let minor = versions::minor_of(&cluster.body.version).unwrap_or_default();
    let version = Some(settings.version.as_str()).filter(|version| !version.is_empty());
    settings.version = offer.release(minor, version)?.to_owned();
    settings.configuration = settings.configuration.filter(|text| !text.is_empty());
    offer.check_configuration(settings.configuration.as_deref().unwrap_or_default())?;
    settings.account_role = settings.account_role.filter(|arn| !arn.is_empty());
    for identity in &settings.identities {
        if !offer.has_account(&identity.service_account) {
            return Err(invalid_parameter(format!(
                "The service account {} is not supported for pod identity associations of addon {}",
                identity.service_account, offer.name
            )));
        }
        role::check_exists(cx, &identity.role_arn)?;
    }
    if let Some(role) = &settings.account_role {
        role::check_known(cx, role)?;
    }
    Ok(settings)
}

/// Puts settings into effect, with the associations that belong to them.
pub(super) fn put(world: &mut World, (region, id): (&str, &str), settings: &Settings) {
    let now_ms = world.now_ms();
    let updated = world.update::<Addon>(region, id, |addon| {
        addon.body.settings = settings.clone();
        addon.body.modified_ms = now_ms;
    });
    let Some(addon) = updated else { return };
    let (cluster, name) = id.split_once('/').unwrap_or_default();
    let namespace = offer(name).map_or("kube-system", |offer| offer.namespace);
    let place = (region, cluster, namespace);
    pod_identity::of_addon(world, place, &addon.body.arn, &settings.identities);
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let addons = cx.world.seen_under::<Addon>(&cx.region, &prefix);
    let names = addons.filter_map(|addon| addon.name.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    Ok(names_page("addons", names, token))
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let addon = find(cx, request.path("name"), request.path("addonName"))?;
    Ok(json!({ "addon": view(cx.world, addon) }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    // What is kept in the cluster is nothing that AWS knows of any more.
    let _preserve = request.query("preserve");
    request.finish()?;
    let addon = find(cx, request.path("name"), request.path("addonName"))?.clone();
    if let Some(update) = &addon.body.update {
        let text = format!(
            "Cannot DeleteAddon because addon {} currently has update {update} in progress",
            name_of(&addon.id)
        );
        return Err(invalid_parameter(text));
    }
    let until_ms = Some(cx.world.after_seconds(DELETE_SECONDS));
    let region = cx.region.clone();
    let deleted = cx.world.update::<Addon>(&region, &addon.id, |addon| {
        addon.body.until_ms = addon
            .body
            .until_ms
            .filter(|_| addon.body.status == Status::Deleting)
            .or(until_ms);
        addon.body.status = Status::Deleting;
    });
    let (cluster, _) = addon.id.split_once('/').unwrap_or_default();
    pod_identity::of_addon(cx.world, (&region, cluster, ""), &addon.body.arn, &[]);
    let view = deleted.as_ref().map(|addon| view(cx.world, addon));
    Ok(json!({ "addon": view }))
}

/// Whether a cluster has anything that pods can run on.
fn has_nodes(world: &World, region: &str, cluster: &str) -> bool {
    let control = world.raw::<Cluster>(region, cluster);
    if control.is_some_and(|control| control.body.auto_mode.is_some()) {
        return true;
    }
    let prefix = format!("{cluster}/");
    let mut groups = world.under::<Nodegroup>(region, &prefix);
    groups.any(|group| {
        let runs = matches!(
            group.body.status,
            nodegroup::Status::Active | nodegroup::Status::Updating
        );
        runs && group.body.scaling.2 > 0
    })
}

/// Writes an add-on. One that waits for nodes is degraded.
pub(super) fn view(world: &World, addon: &Object<Addon>) -> Value {
    let body = &addon.body;
    let (cluster, name) = addon.id.split_once('/').unwrap_or_default();
    let needs_nodes = offer(name).is_some_and(|offer| offer.needs_nodes);
    let waits = body.status == Status::Active
        && needs_nodes
        && !has_nodes(world, &addon.region, cluster)
        && !fargate::takes(world, (&addon.region, cluster), "kube-system");
    let failed = matches!(body.status, Status::CreateFailed | Status::UpdateFailed);
    let mut issues: Vec<Value> = body
        .failure
        .iter()
        .filter(|_| failed)
        .map(|(code, text)| json!({ "code": code, "message": text, "resourceIds": [] }))
        .collect();
    if waits {
        issues.push(json!({
            "code": "InsufficientNumberOfReplicas",
            "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.",
            "resourceIds": [],
        }));
    }
    let prefix = format!("{cluster}/");
    let identities: Vec<&str> = world
        .under::<pod_identity::PodIdentity>(&addon.region, &prefix)
        .filter(|known| known.body.owner.as_deref() == Some(body.arn.as_str()))
        .map(|known| known.body.arn.as_str())
        .collect();
    let mut view = json!({
        "addonName": name,
        "clusterName": cluster,
        "status": if waits { json!("DEGRADED") } else { json!(body.status) },
        "addonVersion": body.settings.version,
        "health": { "issues": issues },
        "addonArn": body.arn,
        "createdAt": seconds(addon.created_ms),
        "modifiedAt": seconds(body.modified_ms),
        "tags": addon.tags,
        "publisher": "eks",
        "owner": "aws",
    });
    let further = [
        ("serviceAccountRoleArn", &body.settings.account_role),
        ("configurationValues", &body.settings.configuration),
    ];
    for (name, value) in further {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    if !identities.is_empty() {
        view["podIdentityAssociations"] = json!(identities);
    }
    view
}
