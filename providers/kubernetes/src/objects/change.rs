//! Writing: applying an object and waiting until it is healthy, and deleting one and waiting until it is gone.

use std::time::Duration;

use serde_json::{Value as Json, json};
use strata_kubernetes_merge::Manager;
use strata_kubernetes_merge::resource::Resource;
use strata_model::Value;
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Checkpoint, ConnectContext, Object, Operation,
    ProviderError, ProviderErrorKind,
};

use super::existing::{self, MADE_SINCE, NO_VERSION};
use super::{going, handover, owner, removes_itself};
use crate::api::{Api, MANAGER, PAUSE};
use crate::health::Health;
use crate::health_rule;
use crate::immutable;
use crate::inventory;
use crate::object_id::ObjectId;
use crate::observe;
use crate::scope::Misplaced;
use crate::sent;
use crate::types::ObjectType;

/// How often it is tried to take over what clients hold of an object that others keep writing.
const HANDOVERS: usize = 5;

/// How long the wait for an object says nothing new before it is told again.
const TELL: Duration = Duration::from_secs(10);

/// How long a wait goes on before it is told at all.
const FIRST: Duration = Duration::from_secs(2);

/// One change of one object.
pub(crate) struct Change<'a> {
    api: &'a Api,
    context: &'a ConnectContext,
    request: &'a ApplyRequest<'a>,
    checkpoint: &'a dyn Checkpoint,
    id: ObjectId,
    manifest: Value,
    /// The value of the owner's label.
    owner: String,
    is_inventory: bool,
}

impl<'a> Change<'a> {
    pub(crate) fn new(
        (api, context): (&'a Api, &'a ConnectContext),
        request: &'a ApplyRequest<'a>,
        checkpoint: &'a dyn Checkpoint,
    ) -> Result<Self, ApplyError> {
        let bug = |text: &str| ApplyError::nothing(ProviderError::bug(text));
        let ty = ObjectType::of(request.resource_type)
            .ok_or_else(|| bug("a type of another provider is changed"))?;
        let manifest = ty.manifest(request.planned);
        let owner = owner(context.lineage, request.planned);
        let is_inventory = inventory::is_one(&manifest);
        let described = || match is_inventory {
            true => Some(inventory::id(&owner)),
            false => ObjectId::of(&manifest),
        };
        // What is deleted may be known by its id only: contents that are secret are not at hand then.
        let recorded = request.id.and_then(ObjectId::parse);
        let id = match request.operation {
            Operation::Create => described(),
            Operation::Update | Operation::Delete => recorded.or_else(described),
        };
        let id = id.ok_or_else(|| bug("an object without a name is changed"))?;
        Ok(Change {
            api,
            context,
            request,
            checkpoint,
            id,
            manifest,
            owner,
            is_inventory,
        })
    }

    fn flag(&self, name: &str) -> bool {
        self.request.planned.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// Applies the object and waits until it is healthy.
    pub(crate) async fn apply(self) -> Result<Applied, ApplyError> {
        // The version that is written now, which may be another than the one that is recorded.
        let id = match ObjectId::of(&self.manifest) {
            Some(id) if !self.is_inventory => id,
            Some(_) | None => self.id.clone(),
        };
        let resource = self
            .api
            .resource(&id.kind)
            .await
            .map_err(ApplyError::nothing)?;
        self.check_place(&resource, &id)
            .map_err(ApplyError::nothing)?;
        let path = resource.path(&id.namespace, Some(&id.name));
        let body = self.body(&path).await?;
        let is_update = self.request.operation == Operation::Update;
        if is_update && self.clients_hold() {
            self.take_from_clients(&path, (&id, &body)).await?;
        }
        let written = match self.send(&path, &body).await {
            // Clients may hold what is new in the manifest, too.
            Err(refused) if is_update && is_conflict(&refused.error) => {
                if !self.take_from_clients(&path, (&id, &body)).await? {
                    return Err(refused);
                }
                self.send(&path, &body).await?
            }
            sent => sent?,
        };
        let uid = written["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let attributes = self.attributes(&id, &uid);
        if resource.kind.group == "rbac.authorization.k8s.io" {
            self.api.access_changes();
        }
        let waits = self.flag("wait") || resource.kind.group == "apiextensions.k8s.io";
        let judged = || health_rule::judged(&written, self.request.planned, self.context);
        if waits && !matches!(judged(), Health::Current) {
            // What is complete with the call that made it needs no record of its own before the end.
            let object = |attributes: &Value| Object {
                id: id.to_string(),
                attributes: attributes.clone(),
                incomplete: true,
            };
            let known = self.checkpoint.created(&id.to_string(), &attributes).await;
            known.map_err(|error| ApplyError::partial(error, object(&attributes)))?;
            self.healthy(&path, written)
                .await
                .map_err(|error| ApplyError::partial(error, object(&attributes)))?;
        }
        Ok(Applied {
            id: Some(id.to_string()),
            attributes,
        })
    }

    /// Refuses what a server cannot take, where the plan did not know the kind. One namespace too many it leaves out.
    fn check_place(&self, resource: &Resource, id: &ObjectId) -> Result<(), ProviderError> {
        match Misplaced::of(ObjectType::Member, resource, &id.namespace) {
            Some(wrong) => {
                let error = ProviderError::new(ProviderErrorKind::Invalid, wrong.message(id));
                Err(error.hint(wrong.hint()))
            }
            None => Ok(()),
        }
    }

    fn attributes(&self, id: &ObjectId, uid: &str) -> Value {
        let computed = (Value::string(id.to_string()), uid.into());
        observe::with_computed(self.request.planned, computed, &[])
    }

    /// What is sent: the manifest with the owner's label, and for the object that is recorded only.
    async fn body(&self, path: &str) -> Result<Json, ApplyError> {
        let lineage = Some(self.context.lineage);
        let sent = sent::labelled(&self.manifest, (self.request.planned, lineage));
        let mut body = sent.to_json();
        if self.request.operation == Operation::Create {
            if self.is_first() {
                body["metadata"]["resourceVersion"] = NO_VERSION.into();
            }
            return Ok(body);
        }
        if let Some(uid) = existing::uid(self.request.prior) {
            body["metadata"]["uid"] = uid.into();
        }
        self.keep_replicas(path, &mut body).await?;
        Ok(body)
    }

    /// Leaves the number of replicas as it is when it goes from the manifest before anybody else holds it: nobody's
    /// field falls back to one.
    async fn keep_replicas(&self, path: &str, body: &mut Json) -> Result<(), ApplyError> {
        let had = self.request.prior.and_then(|prior| {
            let manifest = ObjectType::of(self.request.resource_type)?.manifest(prior);
            manifest.get("spec")?.get("replicas").cloned()
        });
        let has = body
            .pointer("/spec/replicas")
            .is_some_and(|replicas| !replicas.is_null());
        if has || had.is_none() {
            return Ok(());
        }
        let Some(live) = self.api.get(path).await.map_err(ApplyError::nothing)? else {
            return Ok(());
        };
        let managed = handover::managed_of(&live);
        let field = strata_kubernetes_merge::Path::of_fields(&["spec", "replicas"]);
        let somebody = managed.iter().any(|(manager, entry)| {
            *manager != Manager::applier(MANAGER) && entry.fields.contains(field.elements())
        });
        if !somebody && let Some(replicas) = live.pointer("/spec/replicas") {
            body["spec"]["replicas"] = replicas.clone();
        }
        Ok(())
    }

    /// Whether an object is to be made of which no send has made a part yet.
    fn is_first(&self) -> bool {
        self.request.operation == Operation::Create && self.request.id.is_none()
    }

    async fn send(&self, path: &str, body: &Json) -> Result<Json, ApplyError> {
        let mut answer = self.try_send(path, body).await?;
        let has_no_namespace = |error: &ProviderError| error.kind == ProviderErrorKind::NotFound;
        if answer.as_ref().is_err_and(has_no_namespace)
            && (self.flag("create_namespace") || self.is_inventory)
        {
            self.make_namespace().await?;
            answer = self.try_send(path, body).await?;
        }
        let error = match answer {
            Ok(written) => return Ok(written),
            Err(error) => error,
        };
        let may_be_there = matches!(
            error.kind,
            ProviderErrorKind::Busy | ProviderErrorKind::Invalid
        );
        if self.is_first() && may_be_there {
            return self.join(path, body, error).await;
        }
        if is_gone(&error) && self.removed_itself() {
            let anew = with_metadata(body, &[("uid", None)]);
            let answer = self.try_send(path, &anew).await?;
            return answer.map_err(|error| unsettled(self.advised(error)));
        }
        Err(unsettled(self.advised(error)))
    }

    async fn try_send(
        &self,
        path: &str,
        body: &Json,
    ) -> Result<Result<Json, ProviderError>, ApplyError> {
        let conflicts = self.request.planned.get("conflicts");
        let take = conflicts.and_then(Value::as_str) == Some("take");
        self.may_send().await?;
        Ok(self.api.apply(path, body, take).await)
    }

    /// Applies to an object that is there though it was to be made, if that may be.
    async fn join(
        &self,
        path: &str,
        body: &Json,
        refused: ProviderError,
    ) -> Result<Json, ApplyError> {
        let Ok(Some(live)) = self.api.get(path).await else {
            return Err(unsettled(self.advised(refused)));
        };
        existing::may_join(&live, &self.id, &self.owner).map_err(ApplyError::nothing)?;
        let uid = live["metadata"]["uid"].clone();
        let body = with_metadata(body, &[("resourceVersion", None), ("uid", Some(uid))]);
        let answer = self.try_send(path, &body).await?;
        answer.map_err(|error| unsettled(self.advised(error)))
    }

    /// Whether the object is a Job that was there and goes by itself when it is done.
    fn removed_itself(&self) -> bool {
        let prior = self.request.prior.and_then(|prior| prior.get("manifest"));
        prior.is_some_and(|manifest| removes_itself(&self.id, manifest))
    }

    fn advised(&self, error: ProviderError) -> ProviderError {
        let namespace = &self.id.namespace;
        if error.kind == ProviderErrorKind::NotFound && error.message.contains("namespaces") {
            return error.hint(format!(
                "Declare the namespace {namespace} in a layer or as an object that comes first, or set create_namespace."
            ));
        }
        let what = existing::named(&self.id);
        if is_gone(&error) {
            let message = format!("{what} was deleted after the plan was made");
            return ProviderError::new(ProviderErrorKind::NotFound, message)
                .hint("Plan again: it is made anew.");
        }
        if error.message.contains("storedVersions") {
            return error.hint(
                "Objects may be stored in that version. Keep it, served or not; or write them all anew and take it out of status.storedVersions first.",
            );
        }
        if error.message.contains("metadata.uid") {
            let message = format!(
                "{what} is no longer the object that was planned: somebody deleted it and made another of its name"
            );
            return ProviderError::new(ProviderErrorKind::Invalid, message).hint("Plan again.");
        }
        error
    }

    async fn may_send(&self) -> Result<(), ApplyError> {
        self.checkpoint
            .may_send()
            .await
            .map_err(ApplyError::nothing)
    }

    async fn make_namespace(&self) -> Result<(), ApplyError> {
        let name = &self.id.namespace;
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.may_send().await?;
        match self.api.create("/api/v1/namespaces", &body).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ProviderErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(ApplyError::nothing(error)),
        }
    }

    /// Whether clients that write without applying hold fields of what is recorded.
    fn clients_hold(&self) -> bool {
        let held = self
            .request
            .prior
            .and_then(|prior| prior.get("managers")?.members());
        let managers = held.into_iter().flatten();
        let mut managers = managers.filter_map(|(_, manager)| manager.as_str());
        managers.any(observe::is_client)
    }

    /// Makes the fields of what is sent ours that clients hold which write without applying, before anything is applied:
    /// they would stay in the object for ever when they go from the manifest. Returns whether there were any.
    async fn take_from_clients(
        &self,
        path: &str,
        (id, body): (&ObjectId, &Json),
    ) -> Result<bool, ApplyError> {
        let kinds = self.api.kinds_for(&id.kind).await;
        let kinds = kinds.map_err(ApplyError::nothing)?;
        let wanted = observe::fields(body, (&kinds, &id.kind));
        let mut tries = 0;
        loop {
            let live = self.api.get(path).await.map_err(ApplyError::nothing)?;
            let Some(patch) = live.and_then(|live| handover::patch(&live, &wanted)) else {
                return Ok(false);
            };
            self.may_send().await?;
            tries += 1;
            match self.api.patch(path, &patch).await {
                Ok(_) => return Ok(true),
                // Somebody, such as its controller, wrote the object between the two.
                Err(error) if error.kind == ProviderErrorKind::Invalid && tries < HANDOVERS => {}
                Err(error) => return Err(unsettled(error)),
            }
        }
    }

    /// Waits until the object is healthy. It looks until the engine's time limit, or until it failed for good.
    async fn healthy(&self, path: &str, first: Json) -> Result<(), ProviderError> {
        let clock = &self.context.clock;
        let limit = match self.request.operation {
            Operation::Create => self.request.timeouts.create,
            Operation::Update | Operation::Delete => self.request.timeouts.update,
        };
        let (began, mut told) = (clock.elapsed(), None);
        let mut live = first;
        loop {
            let reason = match health_rule::judged(&live, self.request.planned, self.context) {
                Health::Current => return Ok(()),
                Health::Failed(reason) => return Err(failed(&self.id, &reason)),
                Health::Terminating => "it is being deleted".to_owned(),
                Health::InProgress(reason) => reason,
            };
            let spent = clock.elapsed().saturating_sub(began);
            if spent >= limit {
                let message = format!(
                    "{} {}: {reason}, after {} s",
                    self.id.kind.kind,
                    self.id.name,
                    spent.as_secs()
                );
                return Err(ProviderError::new(ProviderErrorKind::Timeout, message)
                    .hint("The next run goes on waiting. A longer time is given with timeouts, and no wait with wait = false."));
            }
            if is_time_to_tell(spent, told) {
                self.checkpoint.progress(&reason);
                told = Some(spent);
            }
            clock.sleep(PAUSE).await;
            live = match self.api.get(path).await? {
                Some(live) => live,
                // It was done between two looks.
                None if removes_itself(&self.id, &self.manifest) => return Ok(()),
                None => return Err(failed(&self.id, "somebody deleted it")),
            };
        }
    }

    /// Deletes the object and waits until it is gone.
    pub(crate) async fn delete(self) -> Result<Applied, ApplyError> {
        let gone = Applied {
            id: None,
            attributes: Value::null(),
        };
        let discovered = self
            .api
            .discovered(false)
            .await
            .map_err(ApplyError::nothing)?;
        let kind = &self.id.kind;
        let resource = match self.api.resource(kind).await {
            Ok(resource) => resource,
            // A kind that is not served has no objects; one whose version is not served has them in another.
            Err(error) if error.kind == ProviderErrorKind::Propagation => {
                match discovered.other_version(kind) {
                    Some(resource) => resource,
                    None => return Ok(gone),
                }
            }
            Err(error) => return Err(ApplyError::nothing(error)),
        };
        let path = resource.path(&self.id.namespace, Some(&self.id.name));
        let uid = existing::uid(self.request.prior);
        let Some(live) = self.api.get(&path).await.map_err(ApplyError::nothing)? else {
            return Ok(gone);
        };
        if !existing::is_meant(&live, uid) {
            self.checkpoint.left_alone(MADE_SINCE);
            return Ok(gone);
        }
        let is_replaced = self.request.successor.is_some();
        if let Some(reason) = existing::no_longer_ours(&live, &self.owner, is_replaced) {
            self.checkpoint.left_alone(&reason);
            return Ok(gone);
        }
        if live["metadata"]["deletionTimestamp"].is_null() {
            self.may_send().await?;
            let policy = if self.leaves_pods() {
                "Orphan"
            } else {
                "Background"
            };
            let asked = self.api.delete(&path, uid, policy).await;
            asked.map_err(unsettled)?;
        }
        self.until_gone(&path, uid)
            .await
            .map_err(ApplyError::unknown)?;
        Ok(gone)
    }

    /// Whether what the object runs goes on without it, until the one that is made in its place takes it over.
    fn leaves_pods(&self) -> bool {
        let ty = ObjectType::of(self.request.resource_type);
        let successor = ty.zip(self.request.successor);
        let successor = successor.map(|(ty, successor)| ty.manifest(successor));
        successor.is_some_and(|next| immutable::takes_pods_over(&self.manifest, &next))
    }

    async fn until_gone(&self, path: &str, uid: Option<&str>) -> Result<(), ProviderError> {
        let clock = &self.context.clock;
        let (began, mut told) = (clock.elapsed(), None);
        while let Some(live) = self.api.get(path).await? {
            if !existing::is_meant(&live, uid) {
                return Ok(());
            }
            let spent = clock.elapsed().saturating_sub(began);
            let (holders, hint) = going::holders(&live);
            if spent >= self.request.timeouts.delete {
                let message = format!(
                    "{} {} is still there after {} s: {holders}",
                    self.id.kind.kind,
                    self.id.name,
                    spent.as_secs()
                );
                return Err(ProviderError::new(ProviderErrorKind::Timeout, message).hint(hint));
            }
            if is_time_to_tell(spent, told) {
                self.checkpoint.progress(&holders);
                told = Some(spent);
            }
            clock.sleep(PAUSE).await;
        }
        Ok(())
    }
}

fn is_time_to_tell(spent: Duration, told: Option<Duration>) -> bool {
    match told {
        None => spent >= FIRST,
        Some(told) => spent.saturating_sub(told) >= TELL,
    }
}

/// An object with other metadata: fields that are set, and fields that are taken away.
fn with_metadata(object: &Json, fields: &[(&str, Option<Json>)]) -> Json {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for (name, value) in fields {
            match value {
                Some(value) => drop(metadata.insert((*name).to_owned(), value.clone())),
                None => drop(metadata.shift_remove(*name)),
            }
        }
    }
    object
}

/// Whether an apply was refused because others hold fields of it.
fn is_conflict(error: &ProviderError) -> bool {
    error.kind == ProviderErrorKind::Invalid && error.message.contains("Apply failed with")
}

/// Whether a change was refused because its object is not there.
fn is_gone(error: &ProviderError) -> bool {
    error.message.contains("no existing object was found")
}

fn failed(id: &ObjectId, reason: &str) -> ProviderError {
    let message = format!("{} {}: {reason}", id.kind.kind, id.name);
    ProviderError::new(ProviderErrorKind::Failed, message)
}

/// A write that may have had its effect, or that definitely had none.
fn unsettled(error: ProviderError) -> ApplyError {
    match error.kind {
        ProviderErrorKind::Unavailable | ProviderErrorKind::Timeout => ApplyError::unknown(error),
        _ => ApplyError::nothing(error),
    }
}
