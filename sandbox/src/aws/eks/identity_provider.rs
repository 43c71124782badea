//! Identity provider configs: an issuer of tokens for people, beside IAM. A cluster has one at most.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::arn::partition;
use crate::aws::error::{Answer, AwsError};
use crate::aws::rest::RestRequest;
use crate::aws::service::{Cx, RestOperation};
use crate::aws::token::{Seen, Use};
use crate::world::{Kind, New, Object, World};

use super::cluster_request::check_tags;
use super::cluster_update::check_free;
use super::update::{self, Change, Start};
use super::{Named, find_cluster, in_use, invalid_parameter, not_found, take_page};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "AssociateIdentityProviderConfig",
        (
            "POST",
            "/clusters/{name}/identity-provider-configs/associate",
        ),
        associate,
    ),
    RestOperation::read(
        "DescribeIdentityProviderConfig",
        (
            "POST",
            "/clusters/{name}/identity-provider-configs/describe",
        ),
        describe,
    ),
    RestOperation::read(
        "ListIdentityProviderConfigs",
        ("GET", "/clusters/{name}/identity-provider-configs"),
        list,
    ),
    RestOperation::write(
        "DisassociateIdentityProviderConfig",
        (
            "POST",
            "/clusters/{name}/identity-provider-configs/disassociate",
        ),
        disassociate,
    ),
];

/// How long it takes, in the cloud's seconds.
const SECONDS: u64 = 900;

/// Where a config stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Creating,
    Active,
    Deleting,
}

/// What an issuer is asked about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Oidc {
    identity_provider_config_name: String,
    issuer_url: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username_claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups_claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_claims: Option<BTreeMap<String, String>>,
}

/// A config; the id is `cluster/name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IdentityProvider {
    arn: String,
    oidc: Oidc,
    pub(super) status: Status,
}

impl Kind for IdentityProvider {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "identity-provider-config";
}

impl Named for IdentityProvider {
    fn arn(&self) -> &str {
        &self.arn
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Associate {
    oidc: Oidc,
    tags: Option<BTreeMap<String, String>>,
    client_request_token: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    r#type: String,
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Of {
    identity_provider_config: Reference,
    client_request_token: Option<String>,
}

fn find<'a>(
    cx: &'a Cx<'_>,
    cluster: &str,
    of: &Reference,
) -> Result<&'a Object<IdentityProvider>, AwsError> {
    find_cluster(cx, cluster)?;
    if of.r#type != "oidc" {
        return Err(invalid_parameter("The type of the config must be oidc"));
    }
    cx.world
        .get::<IdentityProvider>(&cx.region, &format!("{cluster}/{}", of.name))
        .ok_or_else(|| not_found("No identity provider config found"))
}

/// The update that the same call started before.
fn started_before(cx: &Cx<'_>, used: &Use<'_>) -> Result<Option<Value>, AwsError> {
    match used.seen(cx.world) {
        Seen::New => Ok(None),
        Seen::Same(id) => Ok(Some(update::view(update::find(cx, &id)?))),
        Seen::Other => Err(invalid_parameter(
            "The client request token was used with other parameters",
        )),
    }
}

fn associate(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Associate = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "AssociateIdentityProviderConfig",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    let tags = wanted.tags.clone().unwrap_or_default();
    if let Some(update) = started_before(cx, &used)? {
        return Ok(json!({ "update": update, "tags": tags }));
    }
    let cluster = find_cluster(cx, request.path("name"))?.clone();
    check_tags(&tags)?;
    if !wanted.oidc.issuer_url.starts_with("https://") {
        return Err(invalid_parameter("issuerUrl must begin with https://"));
    }
    let prefix = format!("{}/", cluster.id);
    if let Some(other) = cx.world.under::<IdentityProvider>(&region, &prefix).next() {
        return Err(in_use(format!(
            "Identity provider config {} is already associated with cluster {}",
            other.body.oidc.identity_provider_config_name, cluster.id
        )));
    }
    check_free(&cluster, "AssociateIdentityProviderConfig")?;
    let name = wanted.oidc.identity_provider_config_name.clone();
    let id = format!("{}/{name}", cluster.id);
    let config = IdentityProvider {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:identityproviderconfig/{}/oidc/{name}/{}",
            partition(&region),
            cluster.id,
            cx.world.draw(16).uuid()
        ),
        oidc: wanted.oidc,
        status: Status::Creating,
    };
    let params = json!([config.oidc]).to_string();
    let new = New::plain(&region, id.clone(), config)
        .name(&name)
        .tags(tags.clone())
        .token(wanted.client_request_token.clone());
    cx.world.insert(new);
    let started = update::start(
        cx,
        Start {
            cluster: cluster.id,
            nodegroup: None,
            addon: None,
            kind: "AssociateIdentityProviderConfig",
            params: vec![("IdentityProviderConfig", params)],
            seconds: SECONDS,
            change: Change::IdentityProvider { id, stays: true },
        },
    );
    used.remember(cx.world, &started.id);
    Ok(json!({ "update": update::view(&started), "tags": tags }))
}

fn disassociate(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Of = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "DisassociateIdentityProviderConfig",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    if let Some(update) = started_before(cx, &used)? {
        return Ok(json!({ "update": update }));
    }
    let cluster = find_cluster(cx, request.path("name"))?.clone();
    let config = find(cx, &cluster.id, &wanted.identity_provider_config)?.clone();
    check_free(&cluster, "DisassociateIdentityProviderConfig")?;
    cx.world
        .update::<IdentityProvider>(&region, &config.id, |config| {
            config.body.status = Status::Deleting;
        });
    let started = update::start(
        cx,
        Start {
            cluster: cluster.id,
            nodegroup: None,
            addon: None,
            kind: "DisassociateIdentityProviderConfig",
            params: vec![("IdentityProviderConfig", "[]".to_owned())],
            seconds: SECONDS,
            change: Change::IdentityProvider {
                id: config.id,
                stays: false,
            },
        },
    );
    used.remember(cx.world, &started.id);
    Ok(json!({ "update": update::view(&started) }))
}

/// Ends an association or its end: a config is there afterwards, or it is not.
pub(super) fn finish(world: &mut World, (region, id): (&str, &str), is_there: bool) {
    if is_there {
        world.update::<IdentityProvider>(region, id, |config| {
            config.body.status = Status::Active;
        });
    } else {
        world.remove::<IdentityProvider>(region, id);
    }
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: Of = request.body()?;
    request.finish()?;
    let cluster = request.path("name").to_owned();
    let config = find(cx, &cluster, &wanted.identity_provider_config)?;
    let mut oidc = json!(config.body.oidc);
    oidc["identityProviderConfigArn"] = json!(config.body.arn);
    oidc["clusterName"] = json!(cluster);
    oidc["status"] = json!(config.body.status);
    oidc["tags"] = json!(config.tags);
    Ok(json!({ "identityProviderConfig": { "oidc": oidc } }))
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let configs = cx.world.seen_under::<IdentityProvider>(&cx.region, &prefix);
    let names = configs.filter_map(|config| config.name.clone());
    let (names, token) = page.cut(names.collect(), Clone::clone);
    let configs: Vec<Value> = names
        .into_iter()
        .map(|name| json!({ "type": "oidc", "name": name }))
        .collect();
    let mut answer = json!({ "identityProviderConfigs": configs });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}
