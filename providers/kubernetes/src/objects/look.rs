//! Reading: one list for many objects of a kind, or each by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use futures::future::join_all;
use serde_json::Value as Json;
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::resource::Resource;
use strata_model::provider::{
    Candidate, FindRequest, Object, Observation, ProviderError, ProviderErrorKind, ReadPurpose,
    ReadRequest,
};
use strata_model::schema::ResourceSchema;
use strata_model::{AttributePath, Mode, Type, Value};

use super::contested::Shared;
use super::owners::Owners;
use super::{OWNER, existing, removes_itself};
use crate::api::Api;
use crate::inventory;
use crate::object_id::ObjectId;
use crate::observe;
use crate::types::{self, ObjectType};

/// From how many objects of a kind on they are listed rather than read one by one.
const LIST_FROM: usize = 4;

/// Reads objects of one cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    api: &'a Api,
    owners: &'a Owners,
    shared: &'a Shared,
}

/// The objects of one kind that carry the label, by namespace and name.
type Listed = BTreeMap<(String, String), Json>;

/// The names of all objects of some kinds in some namespaces.
#[derive(Debug)]
struct Present(BTreeMap<(GroupVersionKind, String), BTreeSet<String>>);

impl Present {
    /// Whether the object that is looked for before it is made is known not to be there.
    fn lacks(&self, request: &ReadRequest<'_>) -> bool {
        let Some(place) = place_to_look_at(request) else {
            return false;
        };
        let names = self.0.get(&(place.kind, place.namespace));
        names.is_some_and(|names| !names.contains(&place.name))
    }
}

/// The object that is looked for before it is made; `None` for other requests.
fn place_to_look_at(request: &ReadRequest<'_>) -> Option<ObjectId> {
    let id = request
        .id
        .filter(|_| request.purpose == ReadPurpose::Adopt)?;
    ObjectId::parse(id)
}

impl<'a> Look<'a> {
    pub(crate) fn new(api: &'a Api, owners: &'a Owners, shared: &'a Shared) -> Self {
        Look {
            api,
            owners,
            shared,
        }
    }

    /// An answer for each request, in their order.
    pub(crate) async fn all(self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        self.owners.meet(batch);
        let mut kinds: BTreeMap<GroupVersionKind, usize> = BTreeMap::new();
        for request in batch
            .iter()
            .filter(|request| request.purpose == ReadPurpose::Refresh)
        {
            if let Some(id) = request.id.and_then(ObjectId::parse) {
                *kinds.entry(id.kind).or_default() += 1;
            }
        }
        let many = kinds.into_iter().filter(|(_, count)| *count >= LIST_FROM);
        let lists = many.map(|(kind, _)| async move {
            let listed = self.list(&kind).await;
            Some((kind, listed?))
        });
        let lists: BTreeMap<GroupVersionKind, Listed> =
            join_all(lists).await.into_iter().flatten().collect();
        let present = self.present(batch).await;
        let answers = batch.iter().map(|request| async {
            if present.lacks(request) {
                return Observation::Absent;
            }
            self.one(request, &lists)
                .await
                .unwrap_or_else(Observation::Unreadable)
        });
        join_all(answers).await
    }

    /// What there is of kinds and namespaces in which many objects are to be made: mostly nothing, and one look tells.
    async fn present(self, batch: &[ReadRequest<'_>]) -> Present {
        let mut places: BTreeMap<(GroupVersionKind, String), usize> = BTreeMap::new();
        for place in batch.iter().filter_map(place_to_look_at) {
            *places.entry((place.kind, place.namespace)).or_default() += 1;
        }
        let many = places.into_iter().filter(|(_, count)| *count >= LIST_FROM);
        let names = many.map(|(place, _)| async move {
            let resource = self.resource(&place.0).await.ok()??;
            let names = self.api.names(&resource, &place.1).await?;
            Some((place, names))
        });
        Present(join_all(names).await.into_iter().flatten().collect())
    }

    /// `None` where the kind cannot be listed: its objects are read one by one then.
    async fn list(self, kind: &GroupVersionKind) -> Option<Listed> {
        let resource = self.resource(kind).await.ok()??;
        let objects = self.api.list(&resource, OWNER).await.ok()?;
        let keyed = objects.into_iter().map(|object| {
            let text = |field: &str| {
                object["metadata"][field]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            ((text("namespace"), text("name")), object)
        });
        Some(keyed.collect())
    }

    /// Where objects of a kind are: in the version that is asked for or, where that is no longer served, in another.
    async fn resource(self, kind: &GroupVersionKind) -> Result<Option<Resource>, ProviderError> {
        match self.api.resource(kind).await {
            Ok(resource) => Ok(Some(resource)),
            Err(error) if error.kind == ProviderErrorKind::Propagation => {
                Ok(self.api.discovered(false).await?.other_version(kind))
            }
            Err(error) => Err(error),
        }
    }

    async fn one(
        self,
        request: &ReadRequest<'_>,
        lists: &BTreeMap<GroupVersionKind, Listed>,
    ) -> Result<Observation, ProviderError> {
        if request.purpose == ReadPurpose::Data {
            return self.data(request).await;
        }
        let id = request.id.and_then(ObjectId::parse).ok_or_else(|| {
            ProviderError::new(
                ProviderErrorKind::Invalid,
                format!("'{}' is no id of an object", request.id.unwrap_or_default()),
            )
            .hint("It has the form apiVersion=apps/v1,kind=Deployment,namespace=shop,name=web.")
        })?;
        let listed = lists
            .get(&id.kind)
            .and_then(|listed| listed.get(&(id.namespace.clone(), id.name.clone())));
        let found = match listed {
            Some(object) => Some(object.clone()),
            // One that lost its label is not listed.
            None => self.get(&id).await?,
        };
        let Some(live) = found else {
            return Ok(absent(request, &id));
        };
        let ty = ObjectType::of(request.resource_type)
            .ok_or_else(|| ProviderError::bug("a type of another provider is read"))?;
        self.object(ty, request, (&id, &live))
            .await
            .map(Observation::Present)
    }

    /// What a create may have left, and whether it carries the label of this owner.
    pub(crate) async fn left(
        self,
        request: &FindRequest<'_>,
        (id, owner): (&ObjectId, &str),
    ) -> Result<Option<Candidate>, ProviderError> {
        let Some(live) = self.get(id).await? else {
            return Ok(None);
        };
        let ty = ObjectType::of(request.resource_type)
            .ok_or_else(|| ProviderError::bug("a type of another provider is looked for"))?;
        let read = ReadRequest {
            purpose: ReadPurpose::Adopt,
            resource_type: request.resource_type,
            id: None,
            recorded: None,
            config: Some(request.planned),
        };
        let object = self.object(ty, &read, (id, &live)).await?;
        Ok(Some(Candidate {
            object,
            ours: Some(existing::is_ours(&live, owner)),
        }))
    }

    async fn get(self, id: &ObjectId) -> Result<Option<Json>, ProviderError> {
        // A kind that is not served has no objects.
        let Some(resource) = self.resource(&id.kind).await? else {
            return Ok(None);
        };
        self.api
            .get(&resource.path(&id.namespace, Some(&id.name)))
            .await
    }

    async fn object(
        self,
        ty: ObjectType,
        request: &ReadRequest<'_>,
        (id, live): (&ObjectId, &Json),
    ) -> Result<Object, ProviderError> {
        self.shared.meet(id, live);
        let kinds = self.api.kinds_for(&id.kind).await?;
        let config = request.config.filter(|config| {
            // Who imports another object than the one that is declared is shown that one.
            let described = ObjectId::of(&ty.manifest(config));
            request.purpose != ReadPurpose::Import || described.is_some_and(|own| own.is_same(id))
        });
        let given = request.recorded.or(config);
        let recorded = request.recorded.is_some();
        let wanted = given.map(|given| ty.manifest(given));
        let (manifest, managers) = match given {
            Some(_) if wanted.as_ref().is_some_and(inventory::is_one) => {
                let manifest = inventory::read(live, wanted.as_ref());
                (manifest, self.owners.told(live, request))
            }
            Some(given) => {
                let seen = observe::seen((&ty.manifest(given), live), (&kinds, &id.kind), recorded);
                let mut managers = seen.managers;
                managers.extend(self.owners.told(live, request));
                (seen.manifest, managers)
            }
            None => (crate::normal::normal(&observe::whole(live)), Vec::new()),
        };
        let base = given
            .cloned()
            .unwrap_or_else(|| blank(request.resource_type));
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        let computed = (Value::string(id.to_string()), uid.into());
        let attributes = ty.with_manifest(&base, &manifest);
        let attributes = observe::with_computed(&attributes, computed, &managers);
        Ok(Object {
            id: id.to_string(),
            attributes,
            incomplete: false,
        })
    }

    async fn data(self, request: &ReadRequest<'_>) -> Result<Observation, ProviderError> {
        let config = request
            .config
            .ok_or_else(|| ProviderError::bug("a data source is read without arguments"))?;
        let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = ObjectId {
            kind: GroupVersionKind::of(text("api_version"), text("kind")),
            namespace: text("namespace").to_owned(),
            name: text("name").to_owned(),
        };
        // Its path would be that of all objects of the kind.
        if id.name.is_empty() {
            let message = "the name of the object to read is empty";
            return Err(ProviderError::new(ProviderErrorKind::Invalid, message));
        }
        let resource = self.api.resource(&id.kind).await.map_err(|error| {
            if error.kind == ProviderErrorKind::Propagation {
                error.hint("Where this project makes its definition, name that in the depends_on of this block: it is read during apply then.")
            } else {
                error
            }
        })?;
        if resource.namespaced && id.namespace.is_empty() {
            let message = format!(
                "objects of the kind {} live in namespaces, and none is given",
                id.kind.kind
            );
            let error = ProviderError::new(ProviderErrorKind::Invalid, message);
            return Err(error.hint("Write namespace."));
        }
        let Some(live) = self
            .api
            .get(&resource.path(&id.namespace, Some(&id.name)))
            .await?
        else {
            return Ok(Observation::Absent);
        };
        let object = observe::whole(&live);
        Ok(Observation::Present(Object {
            id: id.to_string(),
            attributes: config.with_at(&AttributePath::attribute("object"), object),
            incomplete: false,
        }))
    }
}

/// What it means that an object is not there. A Job that removes itself when it is done has done what was asked for.
fn absent(request: &ReadRequest<'_>, id: &ObjectId) -> Observation {
    let manifest = request
        .recorded
        .and_then(|recorded| recorded.get("manifest"));
    match request.recorded {
        Some(recorded) if manifest.is_some_and(|manifest| removes_itself(id, manifest)) => {
            Observation::Present(Object {
                id: id.to_string(),
                attributes: recorded.clone(),
                incomplete: false,
            })
        }
        Some(_) | None => Observation::Absent,
    }
}

/// The schemas, made once: every object that is read by its id alone asks.
static SCHEMAS: LazyLock<Vec<ResourceSchema>> = LazyLock::new(types::schemas);

/// The attributes of an object of which only the id is known.
fn blank(resource_type: &str) -> Value {
    let schema = SCHEMAS
        .iter()
        .find(|schema| schema.mode == Mode::Managed && schema.name == resource_type);
    let attributes = schema
        .into_iter()
        .flat_map(|schema| schema.schema.attributes());
    Value::object(attributes.map(|(name, attribute)| {
        let default = attribute.default.clone();
        (
            name.clone(),
            default.unwrap_or_else(|| Value::null_of(Type::Any)),
        )
    }))
}
