//! The requests of the API: finding kinds, and reading and writing objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models};
use strata_kubernetes_merge::resource::Resource;
use strata_model::provider::{ProviderError, ProviderErrorKind};

use crate::admission::Admission;
use crate::config::chain;
use crate::kinds::{Catalogue, Kinds};
use crate::objects::owners;
use crate::{Connection, ConnectionError, Request, Response};

/// The name under which Strata holds fields.
pub(crate) const MANAGER: &str = "strata";

/// How many objects a page of a list has.
const PAGE: usize = 500;

/// The form of discovery that lists all groups at once.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The form of a list that gives no more of objects than their metadata.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// An API server, with what is known of its kinds.
#[derive(Debug)]
pub(crate) struct Api {
    connection: Connection,
    admission: Admission,
    discovered: tokio::sync::Mutex<Option<Arc<Discovered>>>,
    /// The schemas of groups that are not Kubernetes' own, by `apiVersion`.
    published: Mutex<BTreeMap<String, Arc<Catalogue>>>,
    /// Which namespaces there were when somebody asked.
    namespaces: tokio::sync::Mutex<BTreeMap<String, bool>>,
}

/// What a server serves.
#[derive(Debug)]
pub(crate) struct Discovered {
    resources: BTreeMap<GroupVersionKind, Resource>,
    /// The kinds whose objects can be listed and deleted, each in the version that the server prefers.
    deletable: Vec<Resource>,
    /// The versions of groups, `group/version`, of which the server cannot say what they serve: who serves them does not
    /// answer.
    silent: BTreeSet<String>,
    /// The schemas of its minor.
    kinds: Kinds,
}

impl Discovered {
    /// Nothing yet, of a minor with these schemas.
    fn new(kinds: Kinds) -> Self {
        Discovered {
            resources: BTreeMap::new(),
            deletable: Vec::new(),
            silent: BTreeSet::new(),
            kinds,
        }
    }

    /// Takes in a list of groups.
    fn collect(&mut self, discovery: &Value) {
        let list =
            |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
        let text =
            |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        for group in list(discovery, "items") {
            let name = text(&group["metadata"], "name");
            for version in list(&group, "versions") {
                let resources = list(&version, "resources");
                // What was known before is still told, though it may be old.
                if version["freshness"] == "Stale" && resources.is_empty() {
                    self.silent
                        .insert(format!("{name}/{}", text(&version, "version")));
                }
                for resource in resources {
                    let kind = GroupVersionKind {
                        group: name.clone(),
                        version: text(&version, "version"),
                        kind: text(&resource["responseKind"], "kind"),
                    };
                    let subresources = list(&resource, "subresources");
                    let mut subresources: Vec<String> = subresources
                        .iter()
                        .map(|sub| text(sub, "subresource"))
                        .collect();
                    subresources.sort();
                    let found = Resource {
                        kind: kind.clone(),
                        plural: text(&resource, "resource"),
                        namespaced: resource["scope"] == "Namespaced",
                        subresources,
                    };
                    let verbs = list(&resource, "verbs");
                    let is_same = |known: &Resource| {
                        (&known.kind.group, &known.plural) == (&found.kind.group, &found.plural)
                    };
                    if ["list", "delete"]
                        .iter()
                        .all(|verb| verbs.iter().any(|known| known == verb))
                        && !self.deletable.iter().any(is_same)
                    {
                        self.deletable.push(found.clone());
                    }
                    self.resources.insert(kind, found);
                }
            }
        }
    }

    /// Where the objects of a kind are, as far as it was known when the server was asked.
    pub(crate) fn resource(&self, kind: &GroupVersionKind) -> Option<&Resource> {
        self.resources.get(kind)
    }

    /// Where the objects of a kind are that is served in another version only.
    pub(crate) fn other_version(&self, kind: &GroupVersionKind) -> Option<Resource> {
        let mut others = self.resources.values();
        let found =
            others.find(|other| other.kind.group == kind.group && other.kind.kind == kind.kind);
        found.cloned()
    }

    /// The kinds whose objects can be listed and deleted.
    pub(crate) fn deletable(&self) -> &[Resource] {
        &self.deletable
    }

    /// The minor's schemas.
    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }
}

impl Api {
    pub(crate) fn new(connection: Connection, admission: Admission) -> Self {
        Api {
            connection,
            admission,
            discovered: tokio::sync::Mutex::default(),
            published: Mutex::default(),
            namespaces: tokio::sync::Mutex::default(),
        }
    }

    /// Takes note that who may do what in the cluster was changed through this connection.
    pub(crate) fn access_changes(&self) {
        self.admission.changes();
    }

    /// Where the objects of a kind are. A kind that is not known is looked for once more: its definition may be new.
    ///
    /// # Errors
    ///
    /// `Propagation` when the server does not serve the kind (yet).
    pub(crate) async fn resource(
        &self,
        kind: &GroupVersionKind,
    ) -> Result<Resource, ProviderError> {
        let found = self.discovered(false).await?;
        if let Some(resource) = found.resources.get(kind) {
            return Ok(resource.clone());
        }
        let found = self.discovered(true).await?;
        if let Some(resource) = found.resources.get(kind) {
            return Ok(resource.clone());
        }
        let version = kind.api_version();
        if found.silent.contains(&version) {
            let message = format!(
                "{}: {} may be one of its kinds",
                silence(&version),
                kind.kind
            );
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
        }
        Err(
            ProviderError::new(
                ProviderErrorKind::Propagation,
                format!("the cluster serves no {} of {version}", kind.kind),
            )
            .hint("Its custom resource definition must be there first; or the cluster's version no longer has it."),
        )
    }

    /// What the server could not say of itself when it was last asked, as sentences. Makes no call.
    pub(crate) fn notices(&self) -> Vec<String> {
        let discovered = self.discovered.try_lock();
        let found = discovered.ok().and_then(|found| found.clone());
        let silent = found.iter().flat_map(|found| &found.silent);
        silent
            .map(|version| format!("The {}.", silence(version)))
            .collect()
    }

    /// What the server serves, as it was last asked; `again` asks once more.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub(crate) async fn discovered(&self, again: bool) -> Result<Arc<Discovered>, ProviderError> {
        let mut discovered = self.discovered.lock().await;
        if let Some(found) = discovered.as_ref().filter(|_| !again) {
            return Ok(Arc::clone(found));
        }
        let kinds = match discovered.as_ref() {
            Some(known) => known.kinds.clone(),
            None => {
                let request = Request::new(Method::GET, "/version");
                let version = self.json("GET /version", &request).await?;
                let text = |field: &str| version[field].as_str().unwrap_or_default().to_owned();
                // Some distributions write 30+.
                let minor = text("minor").trim_end_matches('+').to_owned();
                Kinds::of_minor(&format!("{}.{minor}", text("major")))
            }
        };
        let mut found = Discovered::new(kinds);
        for path in ["/api", "/apis"] {
            let request = Request::new(Method::GET, path).accept(DISCOVERY);
            let answer = self.json(&format!("GET {path}"), &request).await?;
            found.collect(&answer);
        }
        let found = Arc::new(found);
        *discovered = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The schema of a kind as the server publishes it; deduced where it publishes none.
    ///
    /// # Errors
    ///
    /// When the server cannot be asked.
    pub(crate) async fn kinds_for(&self, kind: &GroupVersionKind) -> Result<Kinds, ProviderError> {
        let kinds = self.discovered(false).await?.kinds().clone();
        if kinds.type_of(kind).is_some() {
            return Ok(kinds);
        }
        let version = kind.api_version();
        let known = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&version)
            .cloned();
        let catalogue = match known {
            Some(catalogue) => catalogue,
            None => {
                let catalogue = Arc::new(self.published_models(&version).await?);
                let mut published = self
                    .published
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                published.insert(version, Arc::clone(&catalogue));
                catalogue
            }
        };
        Ok(kinds.with_published(catalogue))
    }

    async fn published_models(&self, version: &str) -> Result<Catalogue, ProviderError> {
        let prefix = if version.contains('/') { "apis" } else { "api" };
        let path = format!("/openapi/v3/{prefix}/{version}");
        let what = format!("GET {path}");
        let response = self.send(&what, &Request::new(Method::GET, path)).await?;
        if response.status == StatusCode::NOT_FOUND || response.status == StatusCode::FORBIDDEN {
            return Ok(Catalogue::default());
        }
        let document = parsed(&what, &self.succeeded(&what, response)?)?;
        let mut models = Models::default();
        // A document without models describes nothing: values are deduced then.
        drop(models.add(&document));
        let discovered = self.discovered(false).await?;
        let of_version = |resource: &&Resource| resource.kind.api_version() == version;
        let resources = discovered.resources.values().filter(of_version).cloned();
        Ok(Catalogue::new(&models, resources))
    }

    /// Whether there is a namespace, as it was when this was first asked.
    ///
    /// # Errors
    ///
    /// When the server does not say.
    pub(crate) async fn has_namespace(&self, name: &str) -> Result<bool, ProviderError> {
        let mut known = self.namespaces.lock().await;
        if let Some(found) = known.get(name) {
            return Ok(*found);
        }
        let found = self
            .get(&format!("/api/v1/namespaces/{name}"))
            .await?
            .is_some();
        known.insert(name.to_owned(), found);
        Ok(found)
    }

    /// Reads an object; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the server does not say.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Value>, ProviderError> {
        let what = format!("GET {path}");
        let response = self.send(&what, &Request::new(Method::GET, path)).await?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        parsed(&what, &self.succeeded(&what, response)?).map(Some)
    }

    /// The objects of a kind that carry a label, over all pages and namespaces.
    ///
    /// # Errors
    ///
    /// When a page cannot be read.
    pub(crate) async fn list(
        &self,
        resource: &Resource,
        selector: &str,
    ) -> Result<Vec<Value>, ProviderError> {
        let path = resource.path("", None);
        let what = format!("LIST {path}");
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let page = format!(
                "{path}?labelSelector={}&limit={PAGE}{next}",
                encoded(selector)
            );
            let answer = self.json(&what, &Request::new(Method::GET, page)).await?;
            let Value::Object(mut answer) = answer else {
                return Ok(objects);
            };
            if let Some(Value::Array(items)) = answer.remove("items") {
                objects.extend(items.into_iter().map(|mut item| {
                    // The items of a list say neither.
                    item["apiVersion"] = resource.kind.api_version().into();
                    item["kind"] = resource.kind.kind.as_str().into();
                    item
                }));
            }
            match answer
                .get("metadata")
                .and_then(|metadata| metadata["continue"].as_str())
            {
                Some(token) if !token.is_empty() => next = format!("&continue={}", encoded(token)),
                Some(_) | None => return Ok(objects),
            }
        }
    }

    /// The names of the objects of a kind in a namespace. `None` where one page does not hold them, or they cannot be
    /// listed: each is to be asked for then.
    pub(crate) async fn names(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> Option<BTreeSet<String>> {
        let (items, goes_on) = self.first_page(resource, namespace).await.ok()?;
        let names = items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().map(str::to_owned));
        names.collect::<Option<_>>().filter(|_| !goes_on)
    }

    /// The first objects of a kind in a namespace, or in all of them where it is empty, with their metadata alone, and
    /// whether there are more.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub(crate) async fn first_page(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> Result<(Vec<Value>, bool), ProviderError> {
        let path = resource.path(namespace, None);
        let request = Request::new(Method::GET, format!("{path}?limit={PAGE}")).accept(METADATA);
        let mut answer = self.json(&format!("LIST {path}"), &request).await?;
        let goes_on = answer["metadata"]["continue"].as_str();
        let goes_on = goes_on.is_some_and(|token| !token.is_empty());
        // Nothing is `null` in this form of a list.
        let items = match answer["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok((items, goes_on))
    }

    /// Applies an object as Strata, and gives it as the server has it then.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or it is not known whether it took it.
    pub(crate) async fn apply(
        &self,
        path: &str,
        body: &Value,
        force: bool,
    ) -> Result<Value, ProviderError> {
        let query = format!("{path}?fieldManager={MANAGER}&force={force}&fieldValidation=Strict");
        let request = Request::new(Method::PATCH, query)
            .body("application/apply-patch+yaml", body.to_string());
        self.write(&format!("APPLY {path}"), &request).await
    }

    /// Changes an object by a JSON patch.
    ///
    /// # Errors
    ///
    /// As [`Api::apply`].
    pub(crate) async fn patch(&self, path: &str, patch: &Value) -> Result<Value, ProviderError> {
        let request = Request::new(Method::PATCH, format!("{path}?fieldManager={MANAGER}"))
            .body("application/json-patch+json", patch.to_string());
        self.write(&format!("PATCH {path}"), &request).await
    }

    /// Makes an object that is not to be owned.
    ///
    /// # Errors
    ///
    /// As [`Api::apply`].
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Result<Value, ProviderError> {
        let request = Request::new(Method::POST, format!("{path}?fieldManager={MANAGER}"))
            .body("application/json", body.to_string());
        self.write(&format!("CREATE {path}"), &request).await
    }

    /// Asks for the deletion of an object, if it is still the one that is meant. That it is gone is success.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub(crate) async fn delete(
        &self,
        path: &str,
        uid: Option<&str>,
        policy: &str,
    ) -> Result<(), ProviderError> {
        let mut options =
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
        if let Some(uid) = uid {
            options["preconditions"] = json!({"uid": uid});
        }
        let what = format!("DELETE {path}");
        let request =
            Request::new(Method::DELETE, path).body("application/json", options.to_string());
        let response = self.send(&what, &request).await?;
        if response.status == StatusCode::NOT_FOUND || is_other_uid(&response) {
            return Ok(());
        }
        self.succeeded(&what, response).map(drop)
    }

    async fn write(&self, what: &str, request: &Request) -> Result<Value, ProviderError> {
        let response = self.send(what, request).await?;
        parsed(what, &self.succeeded(what, response)?)
    }

    async fn json(&self, what: &str, request: &Request) -> Result<Value, ProviderError> {
        let response = self.send(what, request).await?;
        parsed(what, &self.succeeded(what, response)?)
    }

    fn succeeded(&self, what: &str, response: Response) -> Result<Response, ProviderError> {
        if response.status.is_success() {
            Ok(response)
        } else {
            Err(self.admission.judged(refusal(what, &response)))
        }
    }

    async fn send(&self, what: &str, request: &Request) -> Result<Response, ProviderError> {
        let answer = self.connection.send(request).await;
        answer.map_err(|error| no_answer(what, &error))
    }
}

/// Whether a deletion was refused because the object of that name is another one by now.
fn is_other_uid(response: &Response) -> bool {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or_default();
    response.status == StatusCode::CONFLICT && message.contains("Precondition failed: UID")
}

/// That nobody says what a version of a group serves.
fn silence(version: &str) -> String {
    format!("cluster cannot say what the API {version} has, as what serves it does not answer")
}

fn parsed(what: &str, response: &Response) -> Result<Value, ProviderError> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let message = format!("{what}: the answer is no JSON: {error}");
        ProviderError::new(ProviderErrorKind::Unavailable, message)
    })
}

/// Why a request was refused. What the server says may repeat what was sent, so that values of Secrets are cut.
fn refusal(what: &str, response: &Response) -> ProviderError {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or_default();
    let reason = body["reason"].as_str().unwrap_or_default();
    let causes = body["details"]["causes"].as_array();
    let conflicts = causes.is_some_and(|causes| {
        causes
            .iter()
            .any(|cause| cause["reason"] == "FieldManagerConflict")
    });
    let webhook =
        message.contains("failed calling webhook") || message.contains("no endpoints available");
    let kind = match response.status.as_u16() {
        401 => ProviderErrorKind::Credentials,
        403 if message.contains("exceeded quota") => ProviderErrorKind::Quota,
        // A namespace that is going refuses what is to be put into it, until it is gone.
        403 if message.contains("is being terminated") => ProviderErrorKind::Busy,
        403 => ProviderErrorKind::AccessDenied,
        404 => ProviderErrorKind::NotFound,
        409 if conflicts => ProviderErrorKind::Invalid,
        409 if reason == "AlreadyExists" => ProviderErrorKind::AlreadyExists,
        409 => ProviderErrorKind::Busy,
        429 => ProviderErrorKind::Throttled,
        500 if webhook => ProviderErrorKind::Propagation,
        408 | 500..=599 => ProviderErrorKind::Unavailable,
        _ => ProviderErrorKind::Invalid,
    };
    let status = response.status.as_u16();
    let text = if message.is_empty() { reason } else { message };
    let mut error = ProviderError::new(kind, format!("{what}: {status}: {text}"));
    error.retry_after = response.retry_after;
    // It is not known who asks, whatever is asked for.
    error.of_connection = kind == ProviderErrorKind::Credentials;
    if conflicts {
        let fields = causes.into_iter().flatten();
        let fields = fields.filter_map(|cause| cause["field"].as_str());
        return error.hint(owners::conflict_hint(fields));
    }
    error
}

fn no_answer(what: &str, error: &ConnectionError) -> ProviderError {
    let kind = match error {
        ConnectionError::Token { .. } => ProviderErrorKind::Credentials,
        ConnectionError::Malformed { .. } | ConnectionError::Untrusted { .. } => {
            ProviderErrorKind::Invalid
        }
        ConnectionError::Unreachable { .. } => ProviderErrorKind::Unreachable,
        ConnectionError::Lost { .. } | ConnectionError::TooLong { .. } => {
            ProviderErrorKind::Unavailable
        }
    };
    let told = chain(error);
    // What was not sent says nothing: all that is asked of the server fails alike.
    let message = if error.may_have_had_effect() {
        format!("{what}: {told}")
    } else {
        told
    };
    let refused = ProviderError::new(kind, message);
    match kind {
        ProviderErrorKind::Credentials | ProviderErrorKind::Invalid => refused.of_connection(),
        _ => refused,
    }
}

/// A text as a value in a query.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// How long one look after another is apart while something is waited for, in the cloud's time.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_reached_is_named_and_not_what_was_asked_of_it() {
        let server = || "https://ex.example".to_owned();
        let unreachable = ConnectionError::Unreachable {
            server: server(),
            proxy: None,
            reason: "no connection stood within 10 s".to_owned(),
        };
        let lost = ConnectionError::Lost {
            server: server(),
            reason: "no answer came within 70s".to_owned(),
        };
        let untrusted = ConnectionError::Untrusted {
            server: server(),
            reason: "nobody vouches for it".to_owned(),
        };
        for (error, kind, told) in [
            (
                untrusted,
                ProviderErrorKind::Invalid,
                "https://ex.example cannot be trusted: nobody vouches for it",
            ),
            (
                unreachable,
                ProviderErrorKind::Unreachable,
                "https://ex.example cannot be reached: no connection stood within 10 s",
            ),
            (
                lost,
                ProviderErrorKind::Unavailable,
                "GET /version: https://ex.example gave no whole answer: no answer came within 70s",
            ),
        ] {
            let found = no_answer("GET /version", &error);
            assert_eq!((found.kind, &*found.message), (kind, told));
            assert_eq!(found.of_connection, kind == ProviderErrorKind::Invalid);
        }
    }
}
