//! A cloud with types of all adoption classes, and a provider of it. No call is safe to repeat unless it says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strata_model::preflight::{Finding, Intended, Preflight};
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, ArgumentFault, Candidate, Checkpoint, ConnectContext,
    Connection, FindRequest, Object, Observation, Operation, OwnedObject, PlanRequest,
    PlannedChange, Provider, ProviderConfig, ProviderError, ProviderErrorKind, ProviderName,
    ReadRequest, Residue, ValidateRequest,
};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::state::StateRow;
use strata_model::{AttributePath, Clock, Kind, Lineage, OpId, Value};

use super::{Foreseen, Scripted, World};

/// How long after a create a look may miss an object.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Default)]
pub(in super::super) struct CloudObject {
    pub(in super::super) resource_type: String,
    pub(in super::super) name: String,
    pub(in super::super) size: i64,
    pub(in super::super) parent: Option<String>,
    pub(in super::super) op: Option<OpId>,
    pub(in super::super) live: bool,
    /// Whether the second call of its creation was made.
    pub(in super::super) configured: bool,
    /// Whether nobody made it.
    pub(in super::super) foreign: bool,
    pub(in super::super) made_at: Duration,
}

fn schema() -> Schema {
    Schema::new([
        ("id", Attribute::computed(AttributeType::String, "")),
        (
            "made",
            Attribute::computed(AttributeType::String, "").sensitive(),
        ),
        ("name", Attribute::required(AttributeType::String, "")),
        ("parent", Attribute::optional(AttributeType::String, "")),
        ("secret", Attribute::optional(AttributeType::String, "")),
        ("size", Attribute::optional(AttributeType::Number, "")),
    ])
}

/// The planned attributes of an object: what the provider chooses is unknown.
pub(in super::super) fn attributes(name: &str, size: i64, parent: Value) -> Value {
    use strata_model::Type;
    Value::object([
        ("id", Value::unknown(Type::String)),
        ("made", Value::unknown(Type::String).into_secret()),
        ("name", name.into()),
        ("parent", parent),
        ("secret", Value::null_of(Type::String)),
        ("size", size.into()),
    ])
}

fn set(value: &Value, name: &str, new: Value) -> Value {
    value.with_at(&AttributePath::attribute(name), new)
}

fn finished(planned: &Value, id: &str) -> Value {
    let value = set(planned, "id", id.into());
    let made = format!("made-of-{id}");
    set(&value, "made", Value::from(made).into_secret())
}

fn managed(name: &'static str, adoption: Adoption) -> ResourceSchema {
    ResourceSchema {
        consistency_window: WINDOW,
        ..ResourceSchema::managed(name, adoption, schema(), "")
    }
}

#[derive(Debug)]
pub(in super::super) struct FakeProvider {
    world: World,
    name: ProviderName,
    schemas: Vec<ResourceSchema>,
    config: Schema,
}

impl FakeProvider {
    pub(in super::super) fn new(world: World) -> Self {
        FakeProvider {
            world,
            name: ProviderName("fake".into()),
            schemas: vec![
                managed("fake_tag", Adoption::Tag),
                managed("fake_multi", Adoption::Tag),
                managed("fake_name", Adoption::Name),
                ResourceSchema {
                    admits: true,
                    ..managed("fake_link", Adoption::Natural)
                },
                // Complete with one call, and named by a name: no checkpoint.
                managed("fake_flat", Adoption::Name),
                ResourceSchema::data("fake_look", schema(), ""),
            ],
            config: Schema::empty(),
        }
    }
}

macro_rules! plain_provider {
    ($local:literal) => {
        fn name(&self) -> &ProviderName {
            &self.name
        }
        fn config_schema(&self) -> &Schema {
            &self.config
        }
        fn schemas(&self) -> &[ResourceSchema] {
            &self.schemas
        }
        fn validate(&self, _request: ValidateRequest<'_>) -> Vec<ArgumentFault> {
            Vec::new()
        }
        fn plan_change(&self, _request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
            Err(ProviderError::bug("nothing is planned here"))
        }
        fn upgrade(&self, row: StateRow) -> Result<StateRow, ProviderError> {
            Ok(row)
        }
        fn is_local(&self) -> bool {
            $local
        }
    };
}

impl Provider for FakeProvider {
    plain_provider!(false);

    fn has_preflight(&self) -> bool {
        true
    }

    fn takes(&self, change: &Intended<'_>) -> Duration {
        let size =
            |value: &Option<Value>| value.as_ref().and_then(|value| value.get("size").cloned());
        match (&*change.address.resource_type, change.operation) {
            ("fake_tag", Operation::Create) => Duration::from_secs(600),
            ("fake_name", Operation::Create) => Duration::from_secs(60),
            ("fake_tag", Operation::Update) if size(&change.planned) != size(&change.prior) => {
                Duration::from_secs(30)
            }
            _ => Duration::ZERO,
        }
    }

    /// Objects of this type are known by their names.
    fn id_of(&self, resource_type: &str, config: &Value) -> Option<String> {
        let name = config.get("name").and_then(Value::as_str);
        let inner = self.world.get();
        let mut there = inner.objects.iter().filter(|(_, object)| {
            object.resource_type == resource_type && Some(object.name.as_str()) == name
        });
        let id = there.next().map(|(id, _)| id.clone());
        (resource_type == "fake_flat").then(|| id.unwrap_or_else(|| "none".to_owned()))
    }

    fn connect(
        &self,
        _config: &ProviderConfig,
        context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        self.world.get().clusters = Some(Arc::clone(&context.clusters));
        Ok(Arc::new(FakeConnection(self.world.clone())))
    }
}

#[derive(Debug)]
struct FakeConnection(World);

fn error(kind: ProviderErrorKind, message: &str) -> ProviderError {
    ProviderError::new(kind, message)
}

fn lost() -> ApplyError {
    ApplyError::unknown(error(ProviderErrorKind::Unavailable, "connection reset"))
}

impl FakeConnection {
    /// The part of a mutating call before its effect.
    async fn send(
        &self,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Option<Scripted>, ApplyError> {
        checkpoint.may_send().await.map_err(ApplyError::nothing)?;
        self.0.point().await;
        let scripted = {
            let mut inner = self.0.get();
            let number = inner.mutating_calls;
            inner.mutating_calls += 1;
            let begun = inner.store.open_ops.iter();
            if !begun.clone().any(|open| open.intent.op == request.op) {
                let violation = format!("call without intent for {:?}", request.op);
                inner.violations.push(violation);
            }
            let body = format!("{:?} {:?}", request.operation, request.planned.to_json());
            let before = inner.sent.insert(request.op, body.clone());
            if before.is_some_and(|before| before != body) {
                let violation = format!("{:?} was used for two requests", request.op);
                inner.violations.push(violation);
            }
            inner.faults.scripted.get(&number).copied()
        };
        let (throttled, broken) = {
            let inner = self.0.get();
            (inner.faults.throttled, inner.faults.broken)
        };
        match scripted {
            Some(Scripted::Credentials) => {
                let expired = error(ProviderErrorKind::Credentials, "the token has expired");
                Err(ApplyError::nothing(expired))
            }
            Some(Scripted::Invalid) => {
                let invalid = error(ProviderErrorKind::Invalid, "no such size; secret-canary");
                Err(ApplyError::nothing(invalid))
            }
            Some(_) => Ok(scripted),
            None if self.0.roll(throttled) => Err(ApplyError::nothing(error(
                ProviderErrorKind::Throttled,
                "slow down",
            ))),
            None if self.0.roll(broken) => Err(ApplyError::nothing(error(
                ProviderErrorKind::Unavailable,
                "internal error",
            ))),
            None => Ok(None),
        }
    }

    /// The part after its effect.
    async fn answer(&self, scripted: Option<Scripted>) -> Result<(), ApplyError> {
        self.0.point().await;
        let rate = self.0.get().faults.lost;
        if scripted.is_none() && self.0.roll(rate) {
            return Err(lost());
        }
        Ok(())
    }

    async fn create(
        &self,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let id = match request.id {
            Some(id) => id.to_owned(),
            None => self.make(request, checkpoint).await?,
        };
        let planned = request.planned;
        let partial = |error: ProviderError| {
            ApplyError::partial(
                error,
                Object {
                    id: id.clone(),
                    attributes: finished(planned, &id),
                    incomplete: true,
                },
            )
        };
        if request.resource_type == "fake_flat" {
            return Ok(Applied {
                attributes: finished(planned, &id),
                id: Some(id),
            });
        }
        if request.id.is_some() {
            self.settle(&id).await.map_err(&partial)?;
        }
        // The same attributes again: safe to repeat.
        self.assign(&id, planned);
        let scripted = self
            .send(request, checkpoint)
            .await
            .map_err(|failed| partial(failed.error))?;
        if let Some(object) = self.0.get().objects.get_mut(&id) {
            object.configured = true;
        }
        self.answer(scripted)
            .await
            .map_err(|failed| partial(failed.error))?;
        Ok(Applied {
            attributes: finished(planned, &id),
            id: Some(id),
        })
    }

    /// The first call: makes the object, and again with every call.
    async fn make(
        &self,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<String, ApplyError> {
        let scripted = self.send(request, checkpoint).await?;
        let id = self.insert(request)?;
        self.script(scripted, request, &id)?;
        self.answer(scripted).await?;
        if matches!(request.resource_type, "fake_link" | "fake_flat") {
            return Ok(id);
        }
        let attributes = finished(request.planned, &id);
        if let Err(failed) = checkpoint.created(&id, &attributes).await {
            return Err(ApplyError::partial(
                failed,
                Object {
                    id,
                    attributes,
                    incomplete: true,
                },
            ));
        }
        checkpoint.progress("still creating");
        if let Err(failed) = self.settle(&id).await {
            return Err(ApplyError::partial(
                failed,
                Object {
                    id,
                    attributes,
                    incomplete: true,
                },
            ));
        }
        if scripted == Some(Scripted::Partial) {
            return Err(ApplyError::partial(
                error(ProviderErrorKind::Quota, "no quota for the rest"),
                Object {
                    id,
                    attributes,
                    incomplete: true,
                },
            ));
        }
        Ok(id)
    }

    /// Waits until an object is usable.
    async fn settle(&self, id: &str) -> Result<(), ProviderError> {
        let wait = self.0.get().faults.wait.max(Duration::from_secs(5));
        let made_at = self.0.get().objects[id].made_at;
        let left = (made_at + wait).saturating_sub(self.0.elapsed());
        // The last poll of a wait is the one that may fail.
        self.0.sleep(left.max(Duration::from_secs(1))).await;
        let mut inner = self.0.get();
        if inner.faults.polls_fail > 0 {
            inner.faults.polls_fail -= 1;
            return Err(error(ProviderErrorKind::Unavailable, "internal error"));
        }
        Ok(())
    }

    fn insert(&self, request: &ApplyRequest<'_>) -> Result<String, ApplyError> {
        let mut inner = self.0.get();
        let name = request.planned.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let same = |object: &CloudObject| {
            object.live && object.resource_type == request.resource_type && object.name == name
        };
        let there = inner.objects.iter().find(|(_, object)| same(object));
        let there = there.map(|(id, _)| id.clone());
        match (request.resource_type, there) {
            ("fake_name" | "fake_flat", Some(_)) => Err(ApplyError::nothing(error(
                ProviderErrorKind::AlreadyExists,
                "the name is taken",
            ))),
            ("fake_link", Some(id)) => Ok(id),
            _ => {
                inner.made += 1;
                let id = format!("{}-{}", request.resource_type, inner.made);
                let object = CloudObject {
                    resource_type: request.resource_type.to_owned(),
                    name,
                    size: size(request.planned),
                    parent: parent(request.planned),
                    op: Some(request.op).filter(|_| request.resource_type != "fake_link"),
                    live: true,
                    configured: false,
                    foreign: false,
                    made_at: inner.now,
                };
                inner.objects.insert(id.clone(), object);
                Ok(id)
            }
        }
    }

    fn script(
        &self,
        scripted: Option<Scripted>,
        request: &ApplyRequest<'_>,
        id: &str,
    ) -> Result<(), ApplyError> {
        let object = || Object {
            id: id.to_owned(),
            attributes: finished(request.planned, id),
            incomplete: true,
        };
        match scripted {
            Some(Scripted::FailedForGood) => Err(ApplyError {
                error: error(ProviderErrorKind::Failed, "CREATE_FAILED"),
                residue: Residue::Failed(Box::new(object())),
            }),
            Some(Scripted::Doubled) => {
                let mut inner = self.0.get();
                let twin = inner.objects[id].clone();
                inner.objects.insert(format!("{id}-twin"), twin);
                Err(lost())
            }
            Some(Scripted::Blind) => {
                self.0.get().blind = true;
                Err(lost())
            }
            Some(
                Scripted::Credentials
                | Scripted::Invalid
                | Scripted::Partial
                | Scripted::BrokenPromise
                | Scripted::LeftAlone,
            )
            | None => Ok(()),
        }
    }

    fn assign(&self, id: &str, planned: &Value) {
        if let Some(object) = self.0.get().objects.get_mut(id) {
            object.size = size(planned);
            object.parent = parent(planned);
        }
    }

    async fn update(
        &self,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let id = request.id.unwrap_or_default().to_owned();
        let scripted = self.send(request, checkpoint).await?;
        {
            let mut inner = self.0.get();
            let Some(object) = inner.objects.get_mut(&id).filter(|object| object.live) else {
                return Err(ApplyError::nothing(error(
                    ProviderErrorKind::NotFound,
                    "no such object",
                )));
            };
            object.size = size(request.planned);
            object.parent = parent(request.planned);
            object.configured = true;
        }
        self.answer(scripted).await?;
        let attributes = finished(request.planned, &id);
        let attributes = match scripted {
            Some(Scripted::BrokenPromise) => set(&attributes, "size", 99.into()),
            Some(_) | None => attributes,
        };
        Ok(Applied {
            id: Some(id),
            attributes,
        })
    }

    async fn delete(
        &self,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let id = request.id.unwrap_or_default().to_owned();
        let scripted = self.send(request, checkpoint).await?;
        let gone = Applied {
            id: None,
            attributes: Value::null(),
        };
        {
            let mut inner = self.0.get();
            let Some(object) = inner.objects.get_mut(&id).filter(|object| object.live) else {
                return Err(ApplyError::nothing(error(
                    ProviderErrorKind::NotFound,
                    "no such object",
                )));
            };
            if scripted == Some(Scripted::LeftAlone) {
                checkpoint.left_alone("it is somebody else's");
                object.foreign = true;
                return Ok(gone);
            }
            object.live = false;
        }
        self.answer(scripted).await?;
        Ok(gone)
    }

    fn observe(&self, request: &ReadRequest<'_>) -> Observation {
        let inner = self.0.get();
        if inner.blind {
            return Observation::Unreadable(error(ProviderErrorKind::AccessDenied, "403"));
        }
        let Some(id) = request.id else {
            let config = request.config.cloned().unwrap_or_else(Value::null);
            return Observation::Present(Object {
                id: String::new(),
                attributes: finished(&config, "looked-up"),
                incomplete: false,
            });
        };
        match inner.objects.get(id).filter(|object| object.live) {
            Some(object) if object.made_at + inner.faults.lag <= inner.now => {
                Observation::Present(seen(id, object))
            }
            Some(_) | None => Observation::Absent,
        }
    }
}

fn size(value: &Value) -> i64 {
    value.get("size").and_then(Value::as_i64).unwrap_or(-1)
}

fn parent(value: &Value) -> Option<String> {
    value
        .get("parent")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn seen(id: &str, object: &CloudObject) -> Object {
    let parent = match &object.parent {
        Some(parent) => Value::from(parent.as_str()),
        None => Value::null_of(strata_model::Type::String),
    };
    let attributes = attributes(&object.name, object.size, parent);
    // Nobody shows a secret again.
    let hidden = Value::null_of(strata_model::Type::String);
    Object {
        id: id.to_owned(),
        attributes: set(&set(&attributes, "id", id.into()), "made", hidden),
        incomplete: !object.configured,
    }
}

#[async_trait]
impl Connection for FakeConnection {
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        self.0.point().await;
        batch.iter().map(|request| self.observe(request)).collect()
    }

    async fn find(&self, request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError> {
        self.0.point().await;
        let inner = self.0.get();
        if inner.blind {
            return Err(error(ProviderErrorKind::AccessDenied, "403"));
        }
        let name = request.planned.get("name").and_then(Value::as_str);
        let visible = inner.objects.iter().filter(|(_, object)| {
            object.live
                && object.resource_type == request.resource_type
                && object.made_at + inner.faults.lag <= inner.now
        });
        let found = visible.filter(|(_, object)| match request.resource_type {
            "fake_name" | "fake_link" | "fake_flat" => Some(object.name.as_str()) == name,
            _ => object.op == Some(request.op),
        });
        let candidates = found.map(|(id, object)| Candidate {
            object: seen(id, object),
            ours: match request.resource_type {
                "fake_link" => None,
                _ => Some(object.op == Some(request.op)),
            },
        });
        Ok(candidates.collect())
    }

    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        {
            let mut inner = self.0.get();
            inner.begun_too_late += u64::from(inner.failed_commit);
            let now = inner.under_way.0 + 1;
            inner.under_way = (now, inner.under_way.1.max(now));
        }
        let result = match request.operation {
            Operation::Create => self.create(&request, checkpoint).await,
            Operation::Update => self.update(&request, checkpoint).await,
            Operation::Delete => self.delete(&request, checkpoint).await,
        };
        self.0.get().under_way.0 -= 1;
        result
    }

    async fn list_owned(&self, _lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError> {
        Ok(Vec::new())
    }

    async fn preflight(&self, intended: &Preflight<'_>) -> Vec<Finding> {
        let described = |(number, change): (usize, &Intended<'_>)| {
            let size = |value: &Option<Value>| value.as_ref().map(size);
            let before = intended.before(number);
            Foreseen {
                address: change.address.to_string(),
                sizes: (size(&change.prior), size(&change.planned)),
                before: before.map(|change| change.address.to_string()).collect(),
            }
        };
        let mut inner = self.0.get();
        let changes = intended.changes.iter().enumerate().map(described);
        let seen = (intended.takes, changes.collect());
        inner.preflights.push(seen);
        inner.findings.clone()
    }
}

/// A provider whose objects live in the state only.
#[derive(Debug)]
pub(in super::super) struct LocalProvider {
    name: ProviderName,
    schemas: Vec<ResourceSchema>,
    config: Schema,
}

impl LocalProvider {
    pub(in super::super) fn new() -> Self {
        LocalProvider {
            name: ProviderName("local".into()),
            schemas: vec![ResourceSchema::managed(
                "local_data",
                Adoption::Natural,
                schema(),
                "",
            )],
            config: Schema::empty(),
        }
    }
}

impl Provider for LocalProvider {
    plain_provider!(true);

    fn connect(
        &self,
        _config: &ProviderConfig,
        _context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        Ok(Arc::new(LocalConnection))
    }
}

#[derive(Debug)]
struct LocalConnection;

#[async_trait]
impl Connection for LocalConnection {
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        batch.iter().map(|_| Observation::Absent).collect()
    }

    async fn find(&self, _request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError> {
        Ok(Vec::new())
    }

    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        _checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        if request.operation == Operation::Delete {
            return Ok(Applied {
                id: None,
                attributes: Value::null(),
            });
        }
        let id = match request.planned.get("id").map(Value::kind) {
            Some(Kind::String(id)) => id.to_string(),
            Some(_) | None => "local".to_owned(),
        };
        Ok(Applied {
            attributes: finished(request.planned, &id),
            id: Some(id),
        })
    }

    async fn list_owned(&self, _lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError> {
        Ok(Vec::new())
    }
}
