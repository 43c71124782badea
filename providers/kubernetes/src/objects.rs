//! The connection: reading and changing objects of one cluster.

mod change;
mod contested;
mod examine;
mod existing;
mod going;
mod handover;
mod look;
pub(crate) mod owners;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use strata_model::preflight::{Examined, Finding};
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Candidate, Checkpoint, ConnectContext, Connection,
    FindRequest, Observation, Operation, OwnedObject, ProviderConfig, ProviderError,
    ProviderErrorKind, ReadRequest,
};
use strata_model::{Lineage, Value};

use self::change::Change;
use self::contested::Shared;
pub(crate) use self::existing::named;
use self::look::Look;
use self::owners::Owners;
use crate::admission::Admission;
use crate::api::Api;
use crate::object_id::ObjectId;
use crate::types::ObjectType;
use crate::{config, inventory};

/// The label by which the objects of a state, and within it of a layer, are found.
pub(crate) const OWNER: &str = "strata/owner";

/// The objects of one cluster, as one user.
#[derive(Debug)]
pub(crate) struct Objects {
    config: ProviderConfig,
    context: ConnectContext,
    owners: Owners,
    shared: Shared,
    /// Made when it is first used: the cluster may only come to be in this run.
    api: Mutex<Option<Arc<Api>>>,
}

impl Objects {
    pub(crate) fn new(config: ProviderConfig, context: ConnectContext) -> Self {
        Objects {
            owners: Owners::new(context.lineage),
            shared: Shared::default(),
            config,
            context,
            api: Mutex::default(),
        }
    }

    fn look<'a>(&'a self, api: &'a Api) -> Look<'a> {
        Look::new(api, &self.owners, &self.shared)
    }

    fn api(&self) -> Result<Arc<Api>, ProviderError> {
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(api) = api.as_ref() {
            return Ok(Arc::clone(api));
        }
        if self.context.sandbox.is_some() {
            let message = "the sandbox has no Kubernetes API in this version, and real clusters are not reached from it";
            return Err(ProviderError::new(ProviderErrorKind::Unreachable, message));
        }
        let connection = config::connect(&self.config, &self.context);
        let connection = connection.map_err(ProviderError::of_connection)?;
        let admission = Admission::new(&self.context);
        let made = Arc::new(Api::new(connection, admission));
        *api = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// The value of the owner's label: the first digits of a digest of lineage and layer.
pub(crate) fn owner(lineage: Lineage, attributes: &Value) -> String {
    let layer = attributes.get("layer").and_then(Value::as_str);
    let digest = Sha256::digest(format!("{lineage} {}", layer.unwrap_or_default()));
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether an object is a Job that the cluster removes some time after it is done.
pub(crate) fn removes_itself(id: &ObjectId, manifest: &Value) -> bool {
    let spec = manifest.get("spec");
    let limit = spec.and_then(|spec| spec.get("ttlSecondsAfterFinished"));
    let is_job = id.kind.group == "batch" && id.kind.kind == "Job";
    is_job && limit.is_some_and(|limit| !limit.is_null())
}

#[async_trait]
impl Connection for Objects {
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        match self.api() {
            Ok(api) => self.look(&api).all(batch).await,
            Err(error) => batch
                .iter()
                .map(|_| Observation::Unreadable(error.clone()))
                .collect(),
        }
    }

    async fn find(&self, request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError> {
        let api = self.api()?;
        let ty = ObjectType::of(request.resource_type);
        let manifest = ty.map(|ty| ty.manifest(request.planned));
        let id = manifest.and_then(|manifest| {
            if inventory::is_one(&manifest) {
                let owner = owner(self.context.lineage, request.planned);
                return Some(inventory::id(&owner));
            }
            ObjectId::of(&manifest)
        });
        let Some(id) = id else {
            return Ok(Vec::new());
        };
        let owner = owner(self.context.lineage, request.planned);
        let found = self.look(&api).left(&request, (&id, &owner)).await?;
        Ok(found.into_iter().collect())
    }

    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let api = self.api().map_err(ApplyError::nothing)?;
        let change = Change::new((&api, &self.context), &request, checkpoint)?;
        match request.operation {
            Operation::Create | Operation::Update => change.apply().await,
            Operation::Delete => change.delete().await,
        }
    }

    async fn examine(&self, change: &Examined<'_>) -> Vec<Finding> {
        let Some(id) = ObjectId::parse(change.id) else {
            return Vec::new();
        };
        match self.api() {
            Ok(api) => {
                let known = (&self.owners, &self.shared);
                examine::examine((&api, known), &id, change).await
            }
            Err(_) => Vec::new(),
        }
    }

    fn notices(&self) -> Vec<String> {
        let api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        api.as_ref().map(|api| api.notices()).unwrap_or_default()
    }

    /// Finds nothing: an object is known by its name, so that none is lost.
    async fn list_owned(&self, _lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError> {
        Ok(Vec::new())
    }
}
