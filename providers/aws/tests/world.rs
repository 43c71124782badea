//! Drives the provider the way the engine does: through its public contract, with a clock that stands still but for
//! its own sleeps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Candidate, Checkpoint, ConnectContext, Connection,
    FindRequest, Object, Observation, Operation, PlanRequest, PlannedChange, Provider,
    ProviderConfig, ProviderError, ProviderErrorKind, ReadPurpose, ReadRequest, Residue,
    SandboxEndpoint,
};
use strata_model::schema::{Adoption, AttributeType, ResourceSchema};
use strata_model::wire::Encoded;
use strata_model::{Clock, IdSource, Kind, Lineage, Mode, OpId, Timestamp, Value};
use strata_provider_aws::Aws;
use strata_sandbox::ManualClock;

use crate::cloud::OwnSandbox;
use crate::proxy::{Proxy, Turn};

/// What a check says: nothing, or what is wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// One provider before one emulated cloud.
pub(crate) struct World {
    pub(crate) provider: Aws,
    pub(crate) connection: Arc<dyn Connection>,
    pub(crate) config: ProviderConfig,
    pub(crate) proxy: Proxy,
    pub(crate) clock: Arc<VirtualClock>,
    /// The cloud, where it is the sandbox.
    pub(crate) sandbox: Option<OwnSandbox>,
    pub(crate) lineage: Lineage,
    seed: u8,
    numbers: AtomicU64,
    ops: AtomicU64,
    /// What was made and not yet deleted, in the order of its making.
    alive: Mutex<Vec<Live>>,
}

/// An object that was made.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) ty: &'static str,
    pub(crate) id: String,
    pub(crate) op: OpId,
    /// Its attributes.
    pub(crate) value: Value,
    /// The arguments of its definition.
    pub(crate) config: Value,
}

impl Live {
    /// A text attribute.
    pub(crate) fn text(&self, name: &str) -> String {
        let value = self.value.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    }
}

/// One step to apply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) operation: Operation,
    pub(crate) ty: &'static str,
    pub(crate) op: OpId,
    pub(crate) id: Option<&'a str>,
    pub(crate) prior: Option<&'a Value>,
    pub(crate) planned: &'a Value,
}

/// Moto answers calls side by side and breaks down where one looks at what another changes.
static MOTO: Turn = Turn::const_new(());

impl World {
    /// Connects to a cloud. `seed` tells this world's ids from those of others on the same cloud.
    pub(crate) async fn new(
        (addr, sandbox): (SocketAddr, Option<OwnSandbox>),
        seed: u8,
        config: ProviderConfig,
    ) -> World {
        let turn = sandbox.is_none().then_some(&MOTO);
        let proxy = Proxy::before(addr, turn).await.expect("a proxy");
        let clock = Arc::new(VirtualClock {
            elapsed: AtomicU64::new(0),
            cloud: sandbox.as_ref().map(|own| Arc::clone(&own.clock)),
        });
        let lineage = Lineage::from_bits([seed; 16]);
        let provider = Aws::new();
        let connection = connect(&provider, &config, (&proxy, &clock, lineage));
        World {
            provider,
            connection,
            config,
            proxy,
            clock,
            sandbox,
            lineage,
            seed,
            numbers: AtomicU64::new(u64::from(seed) * 1000),
            ops: AtomicU64::new(0),
            alive: Mutex::default(),
        }
    }

    /// The same cloud through a provider that is configured in another way.
    pub(crate) fn connect(&self, config: &ProviderConfig) -> Arc<dyn Connection> {
        let place = (&self.proxy, &self.clock, self.lineage);
        connect(&self.provider, config, place)
    }

    /// The next number.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// An op id that was not given out before.
    pub(crate) fn op(&self) -> OpId {
        let mut bits = [self.seed; 16];
        let count = self.ops.fetch_add(1, Ordering::SeqCst);
        bits[8..].copy_from_slice(&count.to_be_bytes());
        OpId::from_bits(bits)
    }

    pub(crate) fn schema(&self, ty: &str) -> &ResourceSchema {
        self.schema_of((Mode::Managed, ty))
    }

    fn schema_of(&self, (mode, name): (Mode, &str)) -> &ResourceSchema {
        let schemas = self.provider.schemas().iter();
        let mut of_mode = schemas.filter(|schema| schema.mode == mode);
        of_mode
            .find(|schema| schema.name == name)
            .unwrap_or_else(|| panic!("the provider has no {mode:?} {name}"))
    }

    /// Arguments as the engine hands them over: with every attribute of the schema.
    pub(crate) fn arguments(&self, ty: &str, json: &Json) -> Value {
        self.arguments_of((Mode::Managed, ty), json)
    }

    /// Arguments of a resource type or data source.
    pub(crate) fn arguments_of(&self, (mode, ty): (Mode, &str), json: &Json) -> Value {
        let schema = &self.schema_of((mode, ty)).schema;
        let object = AttributeType::Object(schema.attributes().clone());
        let encoded = Encoded {
            json: filled(&object, json).into(),
            ..Encoded::default()
        };
        encoded
            .decode(schema.object_type())
            .unwrap_or_else(|error| panic!("{ty}: {error}: {json}"))
    }

    pub(crate) fn plan(
        &self,
        ty: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> Outcome<PlannedChange> {
        let request = PlanRequest {
            resource_type: ty,
            prior,
            config,
            provider: Some(&self.config),
        };
        let planned = self.provider.plan_change(request);
        planned.map_err(|error| format!("plan refused: {error}"))
    }

    /// Fails unless a plan of what was read, with the same definition, is empty.
    pub(crate) fn expect_empty_plan(&self, live: &Live) -> Outcome {
        let change = self.plan(live.ty, Some(&live.value), &live.config)?;
        if !change.replace.is_empty() {
            return Err(format!("a second plan replaces by {:?}", change.replace));
        }
        if change.planned != live.value {
            let differences = differences(&live.value, &change.planned);
            return Err(format!("a second plan is not empty: {differences}"));
        }
        Ok(())
    }

    pub(crate) async fn apply(
        &self,
        step: Step<'_>,
        notes: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let request = ApplyRequest {
            operation: step.operation,
            resource_type: step.ty,
            op: step.op,
            id: step.id,
            prior: step.prior,
            planned: step.planned,
            successor: None,
            timeouts: self.schema(step.ty).timeouts,
        };
        self.connection.apply_change(request, notes).await
    }

    /// Makes an object, and checks what a create promises.
    pub(crate) async fn create(&self, ty: &'static str, json: &Json) -> Outcome<Live> {
        let config = self.arguments(ty, json);
        let op = self.op();
        let planned = self.plan(ty, None, &config)?.planned;
        let notes = Notes::default();
        let step = Step::create(ty, op, &planned);
        let made = self.apply(step, &notes).await;
        let made = made.map_err(|error| format!("create of {ty} failed: {error:?}"))?;
        let live = self.made((ty, op, &config), &planned, made)?;
        let noted = notes.ids();
        if noted.last() != Some(&live.id) {
            return Err(format!(
                "the checkpoint was told {noted:?}, not {}",
                live.id
            ));
        }
        Ok(live)
    }

    /// Takes note of a finished create, and checks its answer.
    pub(crate) fn made(
        &self,
        (ty, op, config): (&'static str, OpId, &Value),
        planned: &Value,
        made: Applied,
    ) -> Outcome<Live> {
        let id = made.id.clone().ok_or("a create returned no id")?;
        let live = Live {
            ty,
            id,
            op,
            value: made.attributes,
            config: config.clone(),
        };
        self.keep(live.clone());
        expect_as_planned(planned, &live.value)?;
        Ok(live)
    }

    fn keep(&self, live: Live) {
        let mut alive = self.alive.lock().expect("no panic");
        alive.retain(|other| (other.ty, &other.id) != (live.ty, &live.id));
        alive.push(live);
    }

    /// Plans and applies a change of the arguments, and returns the changed object with the calls that it took.
    pub(crate) async fn update(&self, live: &Live, config: &Value) -> Outcome<(Live, Vec<String>)> {
        let change = self.plan(live.ty, Some(&live.value), config)?;
        if !change.replace.is_empty() {
            return Err(format!("an update replaces by {:?}", change.replace));
        }
        if change.planned == live.value {
            return Err("the plan of an update is empty".to_owned());
        }
        let mark = self.proxy.mark();
        let stages: Vec<Value> = match change.stages.as_slice() {
            [] => vec![change.planned],
            stages => stages.iter().map(|stage| stage.planned.clone()).collect(),
        };
        let mut now = live.clone();
        for planned in stages {
            let op = self.op();
            let step = Step::update(&now, op, &planned);
            let applied = self.apply(step, &Notes::default()).await;
            let applied = applied.map_err(|error| format!("update failed: {error:?}"))?;
            expect_as_planned(&planned, &applied.attributes)?;
            now.value = applied.attributes;
        }
        now.config = config.clone();
        self.keep(now.clone());
        Ok((now, self.proxy.changes_since(mark)))
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, live: &Live) -> Result<Applied, ApplyError> {
        let step = Step::delete(live, self.op());
        let applied = self.apply(step, &Notes::default()).await?;
        let mut alive = self.alive.lock().expect("no panic");
        alive.retain(|other| (other.ty, &other.id) != (live.ty, &live.id));
        Ok(applied)
    }

    /// Reads an object the way a refresh does.
    pub(crate) async fn refresh(&self, live: &Live) -> Observation {
        let mut seen = self.refresh_all(std::slice::from_ref(live)).await;
        seen.pop().expect("one observation for one request")
    }

    /// Reads objects together the way a refresh does.
    pub(crate) async fn refresh_all(&self, all: &[Live]) -> Vec<Observation> {
        let requests = all.iter().map(|live| ReadRequest {
            purpose: ReadPurpose::Refresh,
            resource_type: live.ty,
            id: Some(&live.id),
            recorded: Some(&live.value),
            config: None,
        });
        let requests: Vec<ReadRequest<'_>> = requests.collect();
        self.connection.read(&requests).await
    }

    /// Reads an object that must be there.
    pub(crate) async fn present(&self, live: &Live) -> Outcome<Object> {
        match self.refresh(live).await {
            Observation::Present(object) => Ok(object),
            other => Err(format!("the object is not seen: {other:?}")),
        }
    }

    /// Fails unless a refresh sees what is recorded, and a second plan is empty.
    pub(crate) async fn expect_settled(&self, live: &Live) -> Outcome {
        let object = self.present(live).await?;
        if object.incomplete {
            return Err("the object is seen as incomplete".to_owned());
        }
        if object.attributes != live.value {
            let differences = differences(&live.value, &object.attributes);
            return Err(format!("a refresh sees drift: {differences}"));
        }
        self.expect_empty_plan(live)
    }

    pub(crate) async fn find(
        &self,
        ty: &str,
        op: OpId,
        planned: &Value,
    ) -> Result<Vec<Candidate>, ProviderError> {
        let request = FindRequest {
            resource_type: ty,
            op,
            planned,
        };
        self.connection.find(request).await
    }

    /// Finishes a create whose first send ended as `first`, the way recovery does.
    pub(crate) async fn recover(
        &self,
        (ty, op, config): (&'static str, OpId, &Value),
        (planned, notes): (&Value, &Notes),
        first: Result<Applied, ApplyError>,
    ) -> Outcome<Live> {
        let mut outcome = first;
        let mut last = String::new();
        for _ in 0..8 {
            let error = match outcome {
                Ok(applied) => return self.made((ty, op, config), planned, applied),
                Err(error) => error,
            };
            last = format!("{error:?}");
            self.clock.sleep(Duration::from_secs(10)).await;
            let known = match error.residue {
                Residue::Partial(object) | Residue::Failed(object) => Some(*object),
                Residue::Nothing | Residue::Unknown => self.left_by((ty, op), planned).await?,
            };
            let id = known.as_ref().map(|object| object.id.clone());
            let noted = notes.ids().pop();
            let step = Step {
                id: id.as_deref().or(noted.as_deref()),
                prior: known.as_ref().map(|object| &object.attributes),
                ..Step::create(ty, op, planned)
            };
            outcome = self.apply(step, notes).await;
        }
        Err(format!("the create cannot be finished: {last}"))
    }

    /// What a lost create left.
    async fn left_by(
        &self,
        (ty, op): (&'static str, OpId),
        planned: &Value,
    ) -> Outcome<Option<Object>> {
        let found = self.find(ty, op, planned).await;
        let found = found.map_err(|error| format!("find failed: {error}"))?;
        let natural = self.schema(ty).adoption == Adoption::Natural;
        let mut ours = found
            .into_iter()
            .filter(|candidate| candidate.ours == Some(true) || natural);
        let first = ours.next();
        if ours.next().is_some() {
            return Err("a lost create left two objects".to_owned());
        }
        Ok(first.map(|candidate| candidate.object))
    }

    /// Deletes what is alive, the youngest first, as far as it can be deleted.
    pub(crate) async fn sweep(&self, keep: usize) -> Outcome {
        self.proxy.set(None);
        if let Some(own) = &self.sandbox {
            own.break_by("");
        }
        let younger: Vec<Live> = self.alive.lock().expect("no panic").split_off(keep);
        let mut failed = Vec::new();
        for live in younger.iter().rev() {
            if let Err(error) = self.delete(live).await {
                failed.push(format!("{} {}: {error:?}", live.ty, live.id));
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("cannot be swept: {}", failed.join("; ")))
        }
    }

    /// How many objects are alive.
    pub(crate) fn count_alive(&self) -> usize {
        self.alive.lock().expect("no panic").len()
    }
}

impl<'a> Step<'a> {
    pub(crate) fn create(ty: &'static str, op: OpId, planned: &'a Value) -> Self {
        Step {
            operation: Operation::Create,
            ty,
            op,
            id: None,
            prior: None,
            planned,
        }
    }

    pub(crate) fn update(live: &'a Live, op: OpId, planned: &'a Value) -> Self {
        Step {
            operation: Operation::Update,
            ty: live.ty,
            op,
            id: Some(&live.id),
            prior: Some(&live.value),
            planned,
        }
    }

    pub(crate) fn delete(live: &'a Live, op: OpId) -> Self {
        Step {
            operation: Operation::Delete,
            planned: &live.value,
            ..Step::update(live, op, &live.value)
        }
    }
}

fn connect(
    provider: &Aws,
    config: &ProviderConfig,
    (proxy, clock, lineage): (&Proxy, &Arc<VirtualClock>, Lineage),
) -> Arc<dyn Connection> {
    let context = ConnectContext {
        clock: Arc::clone(clock) as _,
        ids: Arc::new(Counting(AtomicU64::new(0))),
        lineage,
        variables: Arc::new(strata_model::NoVariables),
        clusters: Arc::new(strata_model::NoClusters),
        conditions: Arc::new(strata_model::NoConditions),
        sandbox: Some(SandboxEndpoint {
            aws_url: proxy.url(),
        }),
    };
    provider.connect(config, &context).expect("a connection")
}

/// A configuration of the provider.
pub(crate) fn provider_config(values: &[(&str, Json)]) -> ProviderConfig {
    ProviderConfig {
        provider: strata_model::provider::ProviderName("aws".into()),
        values: values
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    }
}

/// JSON with `null` for every attribute that it leaves out.
fn filled(ty: &AttributeType, json: &Json) -> Json {
    match (ty, json) {
        (AttributeType::Object(attributes), Json::Object(members)) => {
            for name in members.keys() {
                assert!(
                    attributes.contains_key(name.as_str()),
                    "no attribute {name}"
                );
            }
            let all = attributes.iter().map(|(name, attribute)| {
                let given = members.get(name.as_ref()).unwrap_or(&Json::Null);
                (name.to_string(), filled(&attribute.ty, given))
            });
            Json::Object(all.collect())
        }
        (AttributeType::List(element) | AttributeType::Set(element), Json::Array(elements)) => {
            elements.iter().map(|json| filled(element, json)).collect()
        }
        (_, _) => json.clone(),
    }
}

/// Fails unless what was planned came out, and all of it is known.
pub(crate) fn expect_as_planned(planned: &Value, value: &Value) -> Outcome {
    if value.has_unknown() {
        return Err(format!("unknown after apply: {:?}", value.unknown_paths()));
    }
    let mut wrong = Vec::new();
    compare(planned, value, "", &mut wrong);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("not as planned: {}", wrong.join("; ")))
    }
}

/// Where two objects differ.
pub(crate) fn differences(before: &Value, after: &Value) -> String {
    let mut wrong = Vec::new();
    compare(before, after, "", &mut wrong);
    wrong.join("; ")
}

fn compare(left: &Value, right: &Value, path: &str, wrong: &mut Vec<String>) {
    match (left.kind(), right.kind()) {
        (Kind::Unknown(_), _) => {}
        (Kind::Object(before), Kind::Object(after))
        | (Kind::Map(_, before), Kind::Map(_, after))
            if before.keys().eq(after.keys()) =>
        {
            for ((name, member), (_, other)) in before.iter().zip(after.iter()) {
                compare(member, other, &format!("{path}.{name}"), wrong);
            }
        }
        (Kind::List(_, before), Kind::List(_, after)) if before.len() == after.len() => {
            for (index, (member, other)) in before.iter().zip(after.iter()).enumerate() {
                compare(member, other, &format!("{path}[{index}]"), wrong);
            }
        }
        (Kind::Set(_, _), Kind::Set(_, _)) if left.has_unknown() => {}
        (_, _) if left == right => {}
        (_, _) => wrong.push(format!(
            "{path}: {} became {}",
            left.to_json(),
            right.to_json()
        )),
    }
}

/// Time that passes only when something waits, for the provider and the cloud alike.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    elapsed: AtomicU64,
    cloud: Option<Arc<ManualClock>>,
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).expect("a short time");
        self.elapsed.fetch_add(ms, Ordering::SeqCst);
        if let Some(cloud) = &self.cloud {
            cloud.advance(ms);
        }
        tokio::task::yield_now().await;
    }
}

/// Ids that count up.
#[derive(Debug)]
struct Counting(AtomicU64);

impl IdSource for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, count) in buffer.iter_mut().zip(count.iter().cycle()) {
            *byte = *count;
        }
    }
}

/// A checkpoint that keeps what it is told, and can refuse.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    ids: Mutex<Vec<String>>,
    pub(crate) refuse_to_send: AtomicBool,
    pub(crate) refuse_to_record: AtomicBool,
}

impl Notes {
    /// The ids that were made durable.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.ids.lock().expect("no panic").clone()
    }
}

/// What a refusing checkpoint says.
pub(crate) const REFUSAL: &str = "the checkpoint refuses";

#[async_trait]
impl Checkpoint for Notes {
    async fn created(&self, id: &str, attributes: &Value) -> Result<(), ProviderError> {
        assert_eq!(attributes.get("id").and_then(Value::as_str), Some(id));
        if self.refuse_to_record.load(Ordering::SeqCst) {
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, REFUSAL));
        }
        self.ids.lock().expect("no panic").push(id.to_owned());
        Ok(())
    }

    async fn may_send(&self) -> Result<(), ProviderError> {
        if self.refuse_to_send.load(Ordering::SeqCst) {
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, REFUSAL));
        }
        Ok(())
    }

    fn progress(&self, message: &str) {
        assert!(!message.is_empty());
    }
}

/// Ids by the names that cases use for them.
pub(crate) type Needs = BTreeMap<&'static str, String>;
