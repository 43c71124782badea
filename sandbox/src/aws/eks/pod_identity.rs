//! Pod identity associations: which role a service account of a cluster takes on.

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
use crate::world::{Kind, New, Object, World};

use super::cluster_request::check_tags;
use super::{
    Named, find_cluster, in_use, invalid_parameter, made_before, not_found, role, take_page,
};

pub(super) const OPERATIONS: &[RestOperation] = &[
    RestOperation::write(
        "CreatePodIdentityAssociation",
        ("POST", "/clusters/{name}/pod-identity-associations"),
        create,
    ),
    RestOperation::read(
        "ListPodIdentityAssociations",
        ("GET", "/clusters/{name}/pod-identity-associations"),
        list,
    ),
    RestOperation::read(
        "DescribePodIdentityAssociation",
        (
            "GET",
            "/clusters/{name}/pod-identity-associations/{associationId}",
        ),
        describe,
    ),
    RestOperation::write(
        "UpdatePodIdentityAssociation",
        (
            "POST",
            "/clusters/{name}/pod-identity-associations/{associationId}",
        ),
        update,
    ),
    RestOperation::write(
        "DeletePodIdentityAssociation",
        (
            "DELETE",
            "/clusters/{name}/pod-identity-associations/{associationId}",
        ),
        delete,
    ),
];

/// An association; the id is `cluster/a-…`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PodIdentity {
    pub(super) arn: String,
    cluster: String,
    association: String,
    namespace: String,
    service_account: String,
    role: String,
    target_role: Option<String>,
    /// What the target role can demand of those who take it on.
    external_id: Option<String>,
    policy: Option<String>,
    disable_session_tags: bool,
    /// The add-on that it belongs to, by ARN.
    pub(super) owner: Option<String>,
    modified_ms: u64,
}

impl Kind for PodIdentity {
    const SERVICE: &'static str = "eks";
    const TYPE: &'static str = "pod-identity-association";
}

impl Named for PodIdentity {
    fn arn(&self) -> &str {
        &self.arn
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    namespace: String,
    service_account: String,
    role_arn: String,
    client_request_token: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    disable_session_tags: Option<bool>,
    target_role_arn: Option<String>,
    policy: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    role_arn: Option<String>,
    #[expect(dead_code, reason = "the same update twice is the same update")]
    client_request_token: Option<String>,
    disable_session_tags: Option<bool>,
    target_role_arn: Option<String>,
    policy: Option<String>,
}

/// An association that an add-on asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfAddon {
    pub(super) service_account: String,
    pub(super) role_arn: String,
}

fn find<'a>(cx: &'a Cx<'_>, cluster: &str, id: &str) -> Result<&'a Object<PodIdentity>, AwsError> {
    find_cluster(cx, cluster)?;
    cx.world
        .get::<PodIdentity>(&cx.region, &format!("{cluster}/{id}"))
        .ok_or_else(|| not_found(format!("No association found for id: {id}.")))
}

fn create(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let canonical = request.canonical();
    let wanted: Create = request.body()?;
    request.finish()?;
    let region = cx.region.clone();
    let used = Use {
        region: &region,
        operation: "CreatePodIdentityAssociation",
        token: wanted.client_request_token.as_deref(),
        request: &canonical,
    };
    if let Some(known) = made_before::<PodIdentity>(cx, &used)? {
        return Ok(json!({ "association": view(&known, true) }));
    }
    let cluster = find_cluster(cx, request.path("name"))?.id.clone();
    let tags = wanted.tags.clone().unwrap_or_default();
    check_tags(&tags)?;
    check_free(cx, &cluster, (&wanted.namespace, &wanted.service_account))?;
    role::check_exists(cx, &wanted.role_arn)?;
    let target_role = wanted.target_role_arn.filter(|arn| !arn.is_empty());
    let place = (wanted.namespace.as_str(), wanted.service_account.as_str());
    let mut body = new_body(cx.world, (&region, &cluster), place);
    body.role = wanted.role_arn;
    body.external_id = target_role
        .as_ref()
        .map(|_| external_id(cx, &body.association));
    body.target_role = target_role;
    body.policy = wanted.policy.filter(|policy| !policy.is_empty());
    body.disable_session_tags = wanted.disable_session_tags.unwrap_or(false);
    check_policy(&body)?;
    let id = format!("{cluster}/{}", body.association);
    used.remember(cx.world, &id);
    let new = New::plain(&region, id, body)
        .tags(tags)
        .token(wanted.client_request_token.clone());
    let made = cx.world.insert(new);
    Ok(json!({ "association": view(&made, true) }))
}

fn new_body(
    world: &World,
    (region, cluster): (&str, &str),
    (namespace, account): (&str, &str),
) -> PodIdentity {
    let random = world
        .draw(12)
        .text(b"abcdefghijklmnopqrstuvwxyz0123456789", 17);
    let association = format!("a-{random}");
    PodIdentity {
        arn: format!(
            "arn:{}:eks:{region}:{ACCOUNT}:podidentityassociation/{cluster}/{association}",
            partition(region)
        ),
        cluster: cluster.to_owned(),
        association,
        namespace: namespace.to_owned(),
        service_account: account.to_owned(),
        role: String::new(),
        target_role: None,
        external_id: None,
        policy: None,
        disable_session_tags: false,
        owner: None,
        modified_ms: world.now_ms(),
    }
}

fn external_id(cx: &Cx<'_>, association: &str) -> String {
    let region = &cx.region;
    let (partition, random) = (partition(region), cx.world.draw(13).uuid());
    format!("{region}/{partition}/{ACCOUNT}/{association}/{random}")
}

fn check_policy(body: &PodIdentity) -> Result<(), AwsError> {
    let Some(policy) = &body.policy else {
        return Ok(());
    };
    if !body.disable_session_tags {
        return Err(invalid_parameter(
            "disableSessionTags must be true when a policy is specified.",
        ));
    }
    match serde_json::from_str::<Value>(policy) {
        Ok(Value::Object(_)) => Ok(()),
        Ok(_) | Err(_) => Err(invalid_parameter("The policy provided is not valid JSON.")),
    }
}

/// Refuses a second association of a service account.
pub(super) fn check_free(
    cx: &Cx<'_>,
    cluster: &str,
    (namespace, account): (&str, &str),
) -> Result<(), AwsError> {
    let prefix = format!("{cluster}/");
    let mut all = cx.world.under::<PodIdentity>(&cx.region, &prefix);
    let taken = all.find(|known| {
        (
            known.body.namespace.as_str(),
            known.body.service_account.as_str(),
        ) == (namespace, account)
    });
    match taken {
        None => Ok(()),
        Some(taken) => Err(in_use(format!(
            "Association already exists: {}",
            taken.body.association
        ))),
    }
}

/// Brings the associations of an add-on to what it asks for.
pub(super) fn of_addon(
    world: &mut World,
    (region, cluster, namespace): (&str, &str, &str),
    owner: &str,
    wanted: &[OfAddon],
) {
    let prefix = format!("{cluster}/");
    let owned: Vec<(String, String)> = world
        .under::<PodIdentity>(region, &prefix)
        .filter(|known| known.body.owner.as_deref() == Some(owner))
        .map(|known| (known.id.clone(), known.body.service_account.clone()))
        .collect();
    for (id, account) in &owned {
        if !wanted.iter().any(|one| one.service_account == *account) {
            world.remove::<PodIdentity>(region, id);
        }
    }
    let now_ms = world.now_ms();
    for one in wanted {
        match owned
            .iter()
            .find(|(_, account)| *account == one.service_account)
        {
            Some((id, _)) => {
                world.update::<PodIdentity>(region, id, |known| {
                    if known.body.role != one.role_arn {
                        known.body.role.clone_from(&one.role_arn);
                        known.body.modified_ms = now_ms;
                    }
                });
            }
            None => {
                let place = (namespace, one.service_account.as_str());
                let mut body = new_body(world, (region, cluster), place);
                body.role.clone_from(&one.role_arn);
                body.owner = Some(owner.to_owned());
                let id = format!("{cluster}/{}", body.association);
                world.insert(New::plain(region, id, body));
            }
        }
    }
}

fn list(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let page = take_page(cx, request)?;
    let (namespace, account) = (request.query("namespace"), request.query("serviceAccount"));
    request.finish()?;
    let prefix = format!("{}/", find_cluster(cx, request.path("name"))?.id);
    let all = cx.world.seen_under::<PodIdentity>(&cx.region, &prefix);
    let chosen = all.filter(|known| {
        let body = &known.body;
        namespace
            .as_ref()
            .is_none_or(|name| body.namespace == *name)
            && account
                .as_ref()
                .is_none_or(|name| body.service_account == *name)
    });
    let (chosen, token) = page.cut(chosen.collect(), |known| known.id.clone());
    let views: Vec<Value> = chosen.into_iter().map(|known| view(known, false)).collect();
    let mut answer = json!({ "associations": views });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}

fn describe(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let known = find(cx, request.path("name"), request.path("associationId"))?;
    Ok(json!({ "association": view(known, true) }))
}

fn update(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    let wanted: Update = request.body()?;
    request.finish()?;
    let known = find(cx, request.path("name"), request.path("associationId"))?.clone();
    if let Some(role) = &wanted.role_arn {
        role::check_exists(cx, role)?;
    }
    let mut body = known.body;
    if let Some(role) = wanted.role_arn {
        body.role = role;
    }
    if let Some(off) = wanted.disable_session_tags {
        body.disable_session_tags = off;
    }
    // An empty text takes away what was there.
    if let Some(target) = wanted.target_role_arn {
        body.target_role = (!target.is_empty()).then_some(target);
        let id = body.external_id.take();
        body.external_id = body
            .target_role
            .as_ref()
            .map(|_| id.unwrap_or_else(|| external_id(cx, &body.association)));
    }
    if let Some(policy) = wanted.policy {
        body.policy = (!policy.is_empty()).then_some(policy);
    }
    check_policy(&body)?;
    body.modified_ms = cx.world.now_ms();
    let updated = cx
        .world
        .update::<PodIdentity>(&cx.region, &known.id, |known| known.body = body);
    let updated = updated.as_ref().map(|known| view(known, true));
    Ok(json!({ "association": updated }))
}

fn delete(cx: &mut Cx<'_>, request: &mut RestRequest) -> Answer {
    request.finish()?;
    let known = find(cx, request.path("name"), request.path("associationId"))?;
    let (id, view) = (known.id.clone(), view(known, true));
    cx.world.remove::<PodIdentity>(&cx.region, &id);
    Ok(json!({ "association": view }))
}

/// Lists leave out the role and what goes with it.
fn view(known: &Object<PodIdentity>, whole: bool) -> Value {
    let body = &known.body;
    let mut view = json!({
        "clusterName": body.cluster,
        "namespace": body.namespace,
        "serviceAccount": body.service_account,
        "associationArn": body.arn,
        "associationId": body.association,
    });
    if let Some(owner) = &body.owner {
        view["ownerArn"] = json!(owner);
    }
    if !whole {
        return view;
    }
    view["roleArn"] = json!(body.role);
    view["tags"] = json!(known.tags);
    view["createdAt"] = seconds(known.created_ms);
    view["modifiedAt"] = seconds(body.modified_ms);
    view["disableSessionTags"] = json!(body.disable_session_tags);
    let further = [
        ("targetRoleArn", &body.target_role),
        ("externalId", &body.external_id),
        ("policy", &body.policy),
    ];
    for (name, value) in further {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    view
}
