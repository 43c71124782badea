//! EKS: clusters, their updates, node groups and add-ons, and who may use them.

mod access_entry;
mod access_policy;
mod addon;
mod addon_catalog;
mod addon_update;
mod auto_mode;
mod certificate;
mod cluster;
mod cluster_check;
mod cluster_request;
mod cluster_update;
mod fargate;
mod identity_provider;
mod nodegroup;
mod nodegroup_request;
mod nodegroup_template;
mod nodegroup_update;
mod pod_identity;
mod role;
mod tagging;
mod update;
mod versions;

use serde_json::{Value, json};

use crate::world::{Kind, Object, World};

use super::error::AwsError;
use super::page::PageRequest;
use super::rest::RestRequest;
use super::service::{Api, Cx, Service};
use super::token::{Seen, Use};
use cluster::Cluster;
use nodegroup::Nodegroup;

/// How many clusters a region may have.
pub(super) const MOST_CLUSTERS: usize = 100;

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "eks",
    global: false,
    api: Api::Rest {
        tables: &[
            cluster::OPERATIONS,
            cluster_update::OPERATIONS,
            update::OPERATIONS,
            nodegroup::OPERATIONS,
            nodegroup_update::OPERATIONS,
            access_entry::OPERATIONS,
            access_policy::OPERATIONS,
            addon::OPERATIONS,
            addon_catalog::OPERATIONS,
            addon_update::OPERATIONS,
            pod_identity::OPERATIONS,
            fargate::OPERATIONS,
            identity_provider::OPERATIONS,
            tagging::OPERATIONS,
            versions::OPERATIONS,
        ],
    },
    register: |world| {
        world.register::<Cluster>();
        world.register::<Nodegroup>();
        world.register::<update::Update>();
        world.register::<access_entry::AccessEntry>();
        world.register::<access_policy::AccessPolicy>();
        world.register::<addon::Addon>();
        world.register::<pod_identity::PodIdentity>();
        world.register::<fargate::FargateProfile>();
        world.register::<identity_provider::IdentityProvider>();
    },
};

/// Whether a cluster is there, in whatever state, and writes logs.
pub(super) fn writes_logs(world: &World, region: &str, cluster: &str) -> bool {
    let cluster = world.raw::<Cluster>(region, cluster);
    cluster.is_some_and(|cluster| {
        let body = &cluster.body;
        let runs = !matches!(
            body.status,
            cluster::Status::Creating | cluster::Status::Failed
        );
        runs && !body.logging.is_empty()
    })
}

/// The newest release of the node images of a version that is offered.
pub(super) fn offers(version: &str) -> Option<String> {
    versions::offered(version).map(|_| nodegroup_request::newest_release(version))
}

fn invalid_parameter(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", text)
}

fn invalid_request(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidRequestException", text)
}

fn not_found(text: impl Into<String>) -> AwsError {
    AwsError::with_status(404, "ResourceNotFoundException", text)
}

fn in_use(text: impl Into<String>) -> AwsError {
    AwsError::with_status(409, "ResourceInUseException", text)
}

fn find_cluster<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<Cluster>, AwsError> {
    cx.world
        .get::<Cluster>(&cx.region, name)
        .ok_or_else(|| not_found(format!("No cluster found for name: {name}.")))
}

/// What has an ARN.
trait Named: Kind {
    fn arn(&self) -> &str;
}

/// What an earlier call with the same token made, as long as it exists: then the token is free again.
fn made_before<T: Kind>(cx: &Cx<'_>, used: &Use<'_>) -> Result<Option<Object<T>>, AwsError> {
    match used.seen(cx.world) {
        Seen::New => Ok(None),
        Seen::Same(id) => Ok(cx.world.get::<T>(&cx.region, &id).cloned()),
        Seen::Other => Err(invalid_parameter(
            "The client request token was used with other parameters",
        )),
    }
}

/// Refuses a cluster that does not run yet, or not any more.
fn check_running(cluster: &Object<Cluster>) -> Result<(), AwsError> {
    match cluster.body.status {
        cluster::Status::Active | cluster::Status::Updating => Ok(()),
        cluster::Status::Creating | cluster::Status::Deleting | cluster::Status::Failed => Err(
            invalid_request(format!("Cluster '{}' is not in ACTIVE status", cluster.id)),
        ),
    }
}

fn find_nodegroup<'a>(
    cx: &'a Cx<'_>,
    cluster: &str,
    name: &str,
) -> Result<&'a Object<Nodegroup>, AwsError> {
    cx.world
        .get::<Nodegroup>(&cx.region, &format!("{cluster}/{name}"))
        .ok_or_else(|| not_found(format!("No node group found for name: {name}.")))
}

/// Reads the paging of a list call.
fn take_page(cx: &Cx<'_>, request: &mut RestRequest) -> Result<PageRequest, AwsError> {
    let token = request.query("nextToken");
    let limit = match request.query("maxResults") {
        None => 100,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| invalid_parameter("maxResults must be between 1 and 100"))?,
    };
    let page = PageRequest::new(token.as_deref(), Some(limit))
        .map_err(|_bad| invalid_parameter("Invalid nextToken"))?;
    Ok(page.at_most(cx.injected.page_limit))
}

/// Writes a page of names.
fn names_page(member: &str, names: Vec<String>, token: Option<String>) -> Value {
    match token {
        Some(token) => json!({ member: names, "nextToken": token }),
        None => json!({ member: names }),
    }
}

/// What was injected to fail, as code and text.
fn failure_of(cx: &Cx<'_>, default_code: &str) -> Option<(String, String)> {
    let code = cx.injected.failure.as_ref()?;
    let code = if code.is_empty() { default_code } else { code };
    Some((
        code.to_owned(),
        "An injected fault made this operation fail.".to_owned(),
    ))
}
