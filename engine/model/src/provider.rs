//! The contract between the engine and the providers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::address::Mode;
use crate::clock::{Clock, IdSource, Variables};
use crate::cluster_access::{ClusterAccess, Clusters, Conditions};
use crate::id::{Lineage, OpId};
use crate::judge::{Judge, Outlook};
use crate::layer::{LAYER_PROVIDER, LAYER_TYPE};
pub use crate::layer::{LayerFile, Member, MemberFault, MembersRequest};
use crate::path::AttributePath;
use crate::preflight::{Examined, Finding, Intended, Preflight};
use crate::schema::{ResourceSchema, Schema, Timeouts};
use crate::state::StateRow;
use crate::value::Value;

/// The tag that names the state that owns an object.
pub const TAG_LINEAGE: &str = "strata:lineage";
/// The tag that names the op that created an object.
pub const TAG_OP: &str = "strata:op";

/// The name of a provider: `aws`, `strata`. A resource type belongs to the provider whose name its prefix is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderName(pub Arc<str>);

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider's evaluated configuration, without secrets; what a row records to reach its object again.
///
/// Two equal configurations are one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderConfig {
    /// Whose configuration.
    pub provider: ProviderName,
    /// The values by argument name; `null` ones left out.
    pub values: BTreeMap<Arc<str>, serde_json::Value>,
}

impl ProviderConfig {
    /// The configuration of a provider that is given no arguments.
    pub fn without_arguments(provider: ProviderName) -> Self {
        ProviderConfig {
            provider,
            values: BTreeMap::new(),
        }
    }

    /// A text argument.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// A text by which equal configurations are found; stable between runs.
    pub fn key(&self) -> String {
        let values: serde_json::Map<_, _> = self
            .values
            .iter()
            .map(|(k, v)| (k.to_string(), v.clone()))
            .collect();
        format!("{} {}", self.provider, serde_json::Value::Object(values))
    }
}

/// How many objects of a fast provider ([`Provider::is_fast`]) are worked on at once in the place of one of another's.
pub const FAST_IN_ONE: usize = 4;

/// What the planner sees of a provider: schemas and pure functions.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> &ProviderName;

    /// What a `provider` block accepts.
    fn config_schema(&self) -> &Schema;

    /// All resource types and data sources.
    fn schemas(&self) -> &[ResourceSchema];

    /// Checks arguments beyond their types: ranges, formats, combinations. Unknown values are not judged. The spans of
    /// the diagnostics are filled in by the caller from their `address` and path in the detail.
    fn validate(&self, request: ValidateRequest<'_>) -> Vec<ArgumentFault>;

    /// Says what a change will lead to. Pure: the same request gives the same answer.
    ///
    /// # Errors
    ///
    /// When the change is impossible, whatever a later apply finds.
    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError>;

    /// Whether its objects live in the state only: its changes make no call, are done when they return, and leave
    /// nothing behind that would have to be found again when they are not recorded.
    fn is_local(&self) -> bool {
        false
    }

    /// The id of the object that a configuration is about, where that can be told before there is one: its name is its
    /// id. What exists under it already is looked at before it is made. Pure.
    fn id_of(&self, _resource_type: &str, _config: &Value) -> Option<String> {
        None
    }

    /// Whether an object holds data, where that is not the same for all of its type
    /// ([`ResourceSchema::holds_data`]): its deletion needs permission by address. Pure.
    fn holds_data(&self, _resource_type: &str, _object: &Value) -> bool {
        false
    }

    /// An object as a block that is written for it says it: `null` in place of what its definition had better leave to the
    /// provider, among the arguments that may be left to it. Pure.
    fn written(&self, _resource_type: &str, object: &Value) -> Value {
        object.clone()
    }

    /// Which of these objects, by their types, work only as long as others of them are there though nothing in their
    /// arguments names these: the places of both. Blocks that are written for the first depend on the second. Pure.
    fn leans_on(&self, _objects: &[(&str, &Value)]) -> Vec<(usize, usize)> {
        Vec::new()
    }

    /// Why its system will not delete an object as it is now, and what to change first; a sentence each, `None` where
    /// nothing stands in the way. Pure.
    fn refuses_deletion(&self, _resource_type: &str, _object: &Value) -> Option<(String, String)> {
        None
    }

    /// The attribute of objects of a type that tells one from all others of its system, whatever it is called: two addresses
    /// with the same are of one object. Pure.
    fn identity(&self, _resource_type: &str) -> Option<&'static str> {
        None
    }

    /// Why a deletion would leave an object alone, as it was seen by a refresh: it is somebody else's by now, and what is
    /// recorded of it is only forgotten. A part of a sentence; `None` where it would be deleted. Pure.
    fn leaves_alone(&self, _resource_type: &str, _seen: &Value) -> Option<String> {
        None
    }

    /// Whether planned changes of objects of a type are to be looked at by [`Connection::examine`] before people decide
    /// about them. Pure.
    fn is_examined(&self, _resource_type: &str, _operation: Operation) -> bool {
        false
    }

    /// What people must know, and allow by address, before an object is replaced by another one though its deletion alone
    /// would need no permission; a part of a sentence, `None` where there is nothing. Pure.
    fn replacement_risk(
        &self,
        _resource_type: &str,
        _before: &Value,
        _planned: &Value,
    ) -> Option<String> {
        None
    }

    /// An object with these attributes as it is sent in the state of this lineage, `None` for a state that has none yet;
    /// nothing where no more is sent than the attributes say. Pure.
    fn sent(
        &self,
        _resource_type: &str,
        _attributes: &Value,
        _lineage: Option<Lineage>,
    ) -> Option<Value> {
        None
    }

    /// Who judges what is put into a host of which so much is known; `None` where objects do not depend on their host.
    /// Pure.
    fn judge(&self, _outlook: Outlook<'_>) -> Option<Arc<dyn Judge>> {
        None
    }

    /// Whether an object says what its host will know beside it: others of the plan are judged by it. Pure.
    fn defines(&self, _resource_type: &str, _config: &Value) -> bool {
        false
    }

    /// The objects that the files of a layer describe, in the order of files and lines. Pure. Providers without layers
    /// find none.
    ///
    /// # Errors
    ///
    /// All that is wrong with the files.
    fn members(&self, _request: MembersRequest<'_>) -> Result<Vec<Member>, Vec<MemberFault>> {
        Ok(Vec::new())
    }

    /// How long a change takes at least, in the cloud's time, where that is long enough to matter: a run is held against
    /// the life of its credentials. Only who has something to look at before a run is asked. Pure.
    fn takes(&self, _change: &Intended<'_>) -> Duration {
        Duration::ZERO
    }

    /// Whether its calls take milliseconds, and its system holds back by itself who asks too much: more of its objects
    /// are worked on at once, [`FAST_IN_ONE`] in the place of one. Pure.
    fn is_fast(&self) -> bool {
        false
    }

    /// Whether there is anything to look at before a run: the others are not asked. Pure.
    fn has_preflight(&self) -> bool {
        false
    }

    /// Whether objects of a type matter to the changes of others also where a plan leaves them as they are: they are among
    /// what [`Provider::consider`] sees. Pure.
    fn considers(&self, _resource_type: &str) -> bool {
        false
    }

    /// What a plan would fail at that its changes show only together, before people decide about it. The changes are
    /// those of one connection. Only asked where [`Provider::has_preflight`] says so. Pure.
    fn consider(&self, _intended: &Preflight<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// Brings a row of an older schema version to the current one. By default a row of any version up to the schema's is
    /// as it has to be.
    ///
    /// # Errors
    ///
    /// When the row's version is newer than the provider's, or its type is none of the provider's.
    fn upgrade(&self, row: StateRow) -> Result<StateRow, ProviderError> {
        let ty = &row.address().resource_type;
        let known = |schema: &&ResourceSchema| schema.mode == Mode::Managed && *schema.name == **ty;
        let Some(schema) = self.schemas().iter().find(known) else {
            let provider = self.name();
            return Err(ProviderError::bug(format!(
                "the provider {provider} has no type {ty}"
            )));
        };
        if row.schema_version > schema.version {
            let message = format!(
                "the object was recorded with version {} of its schema, and this Strata knows version {}",
                row.schema_version, schema.version
            );
            return Err(ProviderError::new(ProviderErrorKind::Invalid, message)
                .hint("Use the version of Strata that recorded it, or a newer one."));
        }
        Ok(row)
    }

    /// Makes a connection. No call leaves before the connection is used.
    ///
    /// # Errors
    ///
    /// When the configuration names something that does not exist on this machine (a profile, a file).
    fn connect(
        &self,
        config: &ProviderConfig,
        context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError>;
}

/// A configured provider, able to reach its system.
#[async_trait]
pub trait Connection: fmt::Debug + Send + Sync {
    /// Reads objects: refresh and data sources. Never writes. One observation per request, in order; a request that
    /// fails is [`Observation::Unreadable`] and does not fail its neighbours. Cancel safe.
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation>;

    /// Lists what a lost create may have left, over all pages, once. The *engine* repeats it until the type's
    /// consistency window is over. Never writes. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the listing failed: that is never absence.
    async fn find(&self, request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError>;

    /// Creates, updates or deletes one object, and waits until it is usable or gone.
    ///
    /// Idempotent for one op id: every call inside is safe to repeat, and a repeated create gives the same object. It
    /// reports the object's id to `checkpoint` before it waits. It makes no retries of its own beyond polling; the
    /// engine's retry policy decides by the error.
    ///
    /// # Errors
    ///
    /// Every error says what it left behind.
    ///
    /// # Cancellation
    ///
    /// May be dropped at any await; the journal then resolves what happened.
    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError>;

    /// All objects that carry the tag of a lineage, over all pages, of the types with tag adoption that this
    /// connection can list. Serves refresh (late creates, forgotten objects). Providers without such types return
    /// nothing.
    ///
    /// # Errors
    ///
    /// When the listing failed.
    async fn list_owned(&self, lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError>;

    /// Looks whether what a run is about to change can be done at all, before its first mutating call. Never writes.
    /// What cannot be looked at is passed over: it is no reason not to try. Only asked where
    /// [`Provider::has_preflight`] says so. Cancel safe.
    async fn preflight(&self, _intended: &Preflight<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// Looks at what a change would do that neither definitions nor state tell, once it is planned. Never writes. Only
    /// asked where [`Provider::is_examined`] says so. What cannot be looked at is a finding of its own. Cancel safe.
    async fn examine(&self, _change: &Examined<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// What people should know of the system though nothing that was asked for failed, as far as it was noticed by calls
    /// that were made: a sentence each. Makes no call.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Access to the cluster that an object is, from its attributes; nothing where objects of the type are no clusters.
    /// Makes no call.
    ///
    /// # Errors
    ///
    /// When the cluster is not ready for it: its API server has no address yet.
    fn cluster_access(
        self: Arc<Self>,
        _resource_type: &str,
        _attributes: &Value,
    ) -> Result<Option<Arc<dyn ClusterAccess>>, ProviderError> {
        Ok(None)
    }
}

/// What a connection is made with.
#[derive(Debug, Clone)]
pub struct ConnectContext {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn IdSource>,
    /// The state whose objects this is about.
    pub lineage: Lineage,
    /// Environment variables.
    pub variables: Arc<dyn Variables>,
    /// The clusters that other connections may live in.
    pub clusters: Arc<dyn Clusters>,
    /// Who judges conditions over objects.
    pub conditions: Arc<dyn Conditions>,
    /// Where the sandbox answers, when the run is on the sandbox; the real clouds must not be reached then.
    pub sandbox: Option<SandboxEndpoint>,
}

/// Where the sandbox answers.
#[derive(Debug, Clone)]
pub struct SandboxEndpoint {
    /// Base URL for all AWS services.
    pub aws_url: String,
}

/// Arguments to check.
#[derive(Debug, Clone, Copy)]
pub struct ValidateRequest<'a> {
    /// The resource type or data source, or `None` for the provider's own configuration.
    pub resource_type: Option<(Mode, &'a str)>,
    /// The arguments, with every attribute of the schema; unknown where not known yet.
    pub config: &'a Value,
}

/// An argument that a provider refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentFault {
    /// Which argument.
    pub path: AttributePath,
    /// What is wrong and what to do, as a sentence without the argument's name in front.
    pub message: String,
}

/// A change to plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// The resource type.
    pub resource_type: &'a str,
    /// The object as observed, or as recorded where it was not refreshed; `None` for a create.
    pub prior: Option<&'a Value>,
    /// The arguments, with every attribute of the schema; `null` where the definition says nothing.
    pub config: &'a Value,
    /// The connection's configuration, where it is known.
    pub provider: Option<&'a ProviderConfig>,
}

/// What a change will lead to.
#[derive(Debug, Clone)]
pub struct PlannedChange {
    /// The object as it will be; unknown where only apply can tell. Equal to the prior means: nothing to do.
    pub planned: Value,
    /// The paths whose change replaces the object; empty for an update in place.
    pub replace: Vec<AttributePath>,
    /// Steps that one change takes, in order; empty for a change of one step. The last stage's object is `planned`.
    pub stages: Vec<Stage>,
    /// Names what this change must be alone on, such as `eks cluster prod`; steps with the same name run one by one.
    pub exclusive: Option<String>,
}

impl From<crate::schema::Proposal> for PlannedChange {
    fn from(proposal: crate::schema::Proposal) -> Self {
        PlannedChange {
            planned: proposal.planned,
            replace: proposal.replace,
            stages: Vec::new(),
            exclusive: None,
        }
    }
}

/// One of several steps of a change.
///
/// Where objects depend on each other and both change in stages, stages with the same label take turns: first that of
/// the object which is depended on, then that of its user, then the next. So a change that has to keep pace with others
/// names its stage even when it is the only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What people see, such as `version 1.34`.
    pub label: String,
    /// The object after this stage.
    pub planned: Value,
}

/// Why something is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadPurpose {
    /// A refresh of a recorded object.
    Refresh,
    /// A data source.
    Data,
    /// An import by its id. The arguments are given where a block declares them.
    Import,
    /// A look at what is to be made, where the id is known before ([`Provider::id_of`]): what is there already is taken
    /// over. The arguments are given too.
    Adopt,
}

/// Something to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest<'a> {
    /// Why.
    pub purpose: ReadPurpose,
    /// The resource type.
    pub resource_type: &'a str,
    /// The object's id; `None` for a data source.
    pub id: Option<&'a str>,
    /// The recorded attributes, for a refresh.
    pub recorded: Option<&'a Value>,
    /// The arguments, for a data source, and of what is to take an object over.
    pub config: Option<&'a Value>,
}

/// What a read saw.
#[derive(Debug, Clone)]
pub enum Observation {
    /// The object is there.
    Present(Object),
    /// The system says definitely that there is no such object.
    Absent,
    /// It could not be looked at: that is neither gone nor drift.
    Unreadable(ProviderError),
}

/// An object as a provider sees it.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its id in the remote system, by which it can be read again.
    pub id: String,
    /// All attributes of the schema, marks included.
    pub attributes: Value,
    /// Whether its creation still goes on or ended part-way; a refresh sets the row's status by it.
    pub incomplete: bool,
}

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct FindRequest<'a> {
    /// The resource type.
    pub resource_type: &'a str,
    /// The op of the lost create.
    pub op: OpId,
    /// The planned attributes of the lost create.
    pub planned: &'a Value,
}

/// An object that may be what a lost create made.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The object.
    pub object: Object,
    /// Whether it is ours: `Some(true)` when it carries the op id, `Some(false)` when it carries another or none,
    /// `None` when such objects carry nothing (natural adoption).
    pub ours: Option<bool>,
}

/// An object found by the lineage tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedObject {
    /// The resource type.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// The op that created it, from its tag.
    pub op: Option<OpId>,
}

/// What to do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Remove it.
    Delete,
}

/// One attempt of one step.
#[derive(Debug, Clone, Copy)]
pub struct ApplyRequest<'a> {
    /// What to do.
    pub operation: Operation,
    /// The resource type.
    pub resource_type: &'a str,
    /// Names the attempt, and re-sends of it.
    pub op: OpId,
    /// The object's id: of the object to change or delete, or, in a create, of the object that an earlier send of this
    /// op made and that is to be completed.
    pub id: Option<&'a str>,
    /// The object before; for a create that is continued, as it was found.
    pub prior: Option<&'a Value>,
    /// The object as planned, fully known but for what the provider chooses; for a delete, the prior.
    pub planned: &'a Value,
    /// For the delete of a replacement: the object that is made in its place, as planned and maybe partly unknown.
    pub successor: Option<&'a Value>,
    /// Time limits, in the cloud's time.
    pub timeouts: Timeouts,
}

/// The object after a change.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its id; `None` after a delete.
    pub id: Option<String>,
    /// All attributes, fully known; `null` after a delete. What was known in the plan comes back identical.
    pub attributes: Value,
}

/// Records progress in the middle of a change.
#[async_trait]
pub trait Checkpoint: Send + Sync {
    /// Makes the object's id durable. Called as soon as the id is known, before any wait; calling it again with the
    /// same id is harmless.
    ///
    /// # Errors
    ///
    /// When the record could not be made durable: the caller makes no further mutating call and returns the error.
    async fn created(&self, id: &str, attributes: &Value) -> Result<(), ProviderError>;

    /// Asks whether a mutating call may leave. Asked right before every one: a process that was stopped, or waited for
    /// long, may have lost its lock meanwhile. Cheap, and writes nothing.
    ///
    /// # Errors
    ///
    /// When it may not: the caller makes no further mutating call and returns the error.
    async fn may_send(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Tells people what is waited for.
    fn progress(&self, message: &str);

    /// Tells people what they should know, though the change goes on.
    fn warn(&self, message: &str) {
        self.progress(message);
    }

    /// Tells people that what lives in the object cannot be reached from here, and why. The change goes on; in this run
    /// nothing that lives in the object is begun.
    fn unreachable(&self, message: &str) {
        self.warn(message);
    }

    /// Tells why a delete deletes nothing: the object is somebody else's by now. The delete succeeds all the same, and
    /// nothing is known of the object afterwards.
    fn left_alone(&self, reason: &str) {
        self.warn(reason);
    }
}

/// What an error leaves behind.
#[derive(Debug, Clone)]
pub enum Residue {
    /// The call definitely had no effect.
    Nothing,
    /// The object exists and is not as planned; a later plan completes it.
    Partial(Box<Object>),
    /// The object exists but failed for good (such as `CREATE_FAILED`); a later plan replaces it.
    Failed(Box<Object>),
    /// The call may or may not have had its effect.
    Unknown,
}

/// A change that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct ApplyError {
    /// What went wrong.
    pub error: ProviderError,
    /// What it left behind.
    pub residue: Residue,
}

impl ApplyError {
    /// An error after which nothing is left.
    pub fn nothing(error: ProviderError) -> Self {
        ApplyError {
            error,
            residue: Residue::Nothing,
        }
    }

    /// An error after which it is not known what is left.
    pub fn unknown(error: ProviderError) -> Self {
        ApplyError {
            error,
            residue: Residue::Unknown,
        }
    }

    /// An error that leaves an object to be completed.
    pub fn partial(error: ProviderError, object: Object) -> Self {
        ApplyError {
            error,
            residue: Residue::Partial(Box::new(object)),
        }
    }
}

/// The kinds of provider errors, by what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderErrorKind {
    /// The request is wrong, and sending it again cannot help.
    Invalid,
    /// The object does not exist.
    NotFound,
    /// An object of that name exists and is not ours.
    AlreadyExists,
    /// Another operation on the object is under way; sending again later helps.
    Busy,
    /// Something still depends on the object; sending again later may help.
    Dependency,
    /// What the request refers to is not visible yet; sending again within minutes helps.
    Propagation,
    /// The system asks to slow down.
    Throttled,
    /// The system failed or could not be reached; sending again helps.
    Unavailable,
    /// The host that objects live in cannot be reached, and that may last: what is in it is put off, and all else goes
    /// on.
    Unreachable,
    /// The permission is missing.
    AccessDenied,
    /// Credentials are missing or expired.
    Credentials,
    /// A quota is used up.
    Quota,
    /// A wait came to its time limit.
    Timeout,
    /// The system reports that the operation failed for good.
    Failed,
    /// The provider broke its contract; a bug in Strata.
    Bug,
}

/// An error of a provider. The message holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What can be done about it.
    pub kind: ProviderErrorKind,
    /// Operation and cause, such as `CreateVpc: VpcLimitExceeded: The maximum number of VPCs has been reached.`
    pub message: String,
    /// How long the system asks to wait before the next call.
    pub retry_after: Option<Duration>,
    /// What to do, where something definite can be said.
    pub hint: Option<String>,
    /// Whether it is about the connection as it is configured, and not about what was asked for.
    pub of_connection: bool,
}

impl ProviderError {
    /// An error of a kind.
    pub fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        ProviderError {
            kind,
            message: message.into(),
            retry_after: None,
            hint: None,
            of_connection: false,
        }
    }

    /// A breach of the contract by a provider.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ProviderErrorKind::Bug, message)
    }

    /// Adds advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that it is about the connection as it is configured: every object behind it fails alike.
    pub fn of_connection(mut self) -> Self {
        self.of_connection = true;
        self
    }
}

/// The provider that a resource type belongs to; `None` for a text that is no type's name.
pub fn provider_of(resource_type: &str) -> Option<ProviderName> {
    let prefix = match resource_type {
        LAYER_TYPE => LAYER_PROVIDER,
        _ => resource_type.split_once('_')?.0,
    };
    Some(ProviderName(prefix.into()))
}

/// All providers of a run, by name.
#[derive(Debug, Clone, Default)]
pub struct Providers(BTreeMap<ProviderName, Arc<dyn Provider>>);

impl Providers {
    /// Takes providers by their names.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        Providers(
            providers
                .into_iter()
                .map(|provider| (provider.name().clone(), provider))
                .collect(),
        )
    }

    /// The provider of a name.
    pub fn get(&self, name: &ProviderName) -> Option<&Arc<dyn Provider>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values()
    }

    /// The provider and schema of a resource type or data source.
    pub fn schema(
        &self,
        mode: crate::Mode,
        resource_type: &str,
    ) -> Option<(&Arc<dyn Provider>, &ResourceSchema)> {
        let provider = self.0.get(&provider_of(resource_type)?)?;
        let schema = provider
            .schemas()
            .iter()
            .find(|schema| schema.mode == mode && schema.name == resource_type)?;
        Some((provider, schema))
    }

    /// The names of all types of a mode, for suggestions.
    pub fn type_names(&self, mode: crate::Mode) -> Vec<&'static str> {
        let schemas = self.0.values().flat_map(|provider| provider.schemas());
        schemas
            .filter(|schema| schema.mode == mode)
            .map(|schema| schema.name)
            .collect()
    }
}
