//! Changes of an add-on: each is an update that takes a while.

use serde::Deserialize;
use serde_json::json;

use crate::aws::error::Answer;
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::token::{Seen, Use};

use super::addon::{self, Settings};
use super::addon_catalog::offer;
use super::pod_identity::OfAddon;
use super::update::{self, Change, Start};
use super::{check_running, find_cluster, in_use, invalid_parameter};

pub(super) const OPERATIONS: &[RestOperation] = &[RestOperation::write(
    "UpdateAddon",
    ("POST", "/clusters/{name}/addons/{addonName}/update"),
    run,
)];

/// How long it takes, in the cloud's seconds.
const SECONDS: u64 = 60;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    addon_version: Option<String>,
    service_account_role_arn: Option<String>,
    resolve_conflicts: Option<String>,
    client_request_token: Option<String>,
    configuration_values: Option<String>,
    pod_identity_associations: Option<Vec<OfAddon>>,
}

fn run(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Update = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "UpdateAddon",
        token: wanted.client_request_token.as_deref(),
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
    let cluster = find_cluster(cx, request.path("name"))?.clone();
    let name = request.path("addonName").to_owned();
    let now = addon::find(cx, &cluster.id, &name)?.clone();
    addon::check_conflicts(wanted.resolve_conflicts.as_deref())?;
    let Some(offer) = offer(&name) else {
        return Err(invalid_parameter(format!(
            "Addon {name} specified is not supported"
        )));
    };
    let params = params(&wanted);
    let before = now.body.settings;
    let settings = Settings {
        version: wanted.addon_version.unwrap_or(before.version),
        configuration: wanted.configuration_values.or(before.configuration),
        // A role that is not named is taken away: the add-on then uses that of the nodes.
        account_role: wanted.service_account_role_arn,
        identities: wanted
            .pod_identity_associations
            .unwrap_or(before.identities),
    };
    let settings = addon::checked(cx, offer, &cluster, settings)?;
    check_running(&cluster)?;
    if let Some(update) = &now.body.update {
        return Err(in_use(format!(
            "Cannot AddonUpdate because addon {name} currently has update {update} in progress"
        )));
    }
    if matches!(
        now.body.status,
        addon::Status::Creating | addon::Status::Deleting
    ) {
        let status = json!(now.body.status);
        return Err(in_use(format!(
            "Addon {name} cannot be updated as it is currently in {} state",
            status.as_str().unwrap_or_default()
        )));
    }
    let started = update::start(
        cx,
        Start {
            cluster: cluster.id,
            nodegroup: None,
            addon: Some(name),
            kind: "AddonUpdate",
            params,
            seconds: SECONDS,
            change: Change::Addon(settings),
        },
    );
    used.remember(cx.world, &started.id);
    Ok(json!({ "update": update::view(&started) }))
}

fn params(wanted: &Update) -> Vec<(&'static str, String)> {
    let texts = [
        ("AddonVersion", &wanted.addon_version),
        ("ServiceAccountRoleArn", &wanted.service_account_role_arn),
        ("ResolveConflicts", &wanted.resolve_conflicts),
        ("ConfigurationValues", &wanted.configuration_values),
    ];
    let given = texts.into_iter();
    let mut params: Vec<_> = given
        .filter_map(|(kind, value)| Some((kind, value.clone()?)))
        .collect();
    if let Some(identities) = &wanted.pod_identity_associations {
        params.push(("PodIdentityAssociations", json!(identities).to_string()));
    }
    params
}
