//! The plan: an immutable graph of steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::{DeposedId, Digest, Lineage, PlanId, Serial, Timestamp};
use crate::path::AttributePath;
use crate::provider::ProviderConfig;
use crate::schema::Timeouts;
use crate::secret::Fingerprint;
use crate::source::Position;
use crate::state::{RowKey, StateRow};
use crate::wire::Encoded;

/// Version of the plan format.
pub const PLAN_FORMAT: u32 = 1;

/// What a step does. The set is closed; a replacement is a create and a delete in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes an object.
    Create,
    /// Changes an object in place.
    Update,
    /// Removes an object.
    Delete,
    /// Reads a data source whose arguments become known during apply.
    Read,
    /// Gives a row another address; touches no cloud.
    Move,
    /// Takes an existing object into the state.
    Import,
    /// Drops a row and leaves its object.
    Forget,
    /// Changes only what the state says of the object, such as its protection; touches no cloud.
    Record,
}

/// How sure a step is of what it will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// From what was observed.
    Exact,
    /// Predicted from a schema.
    Schema,
    /// Waits for something that becomes known during apply.
    Deferred,
}

/// Why a step is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is declared and does not exist.
    Declared,
    /// An argument changed.
    Changed,
    /// An argument changed that cannot change in place.
    CannotUpdate,
    /// `-replace` asked for it.
    ReplaceRequested,
    /// `replace_triggered_by` asked for it.
    ReplaceTriggered,
    /// The object failed for good.
    Failed,
    /// Its creation or change ended part-way.
    Incomplete,
    /// It is no longer declared.
    NotDeclared,
    /// Its `count` or `for_each` no longer has the key.
    KeyGone,
    /// The plan destroys.
    Destroy,
    /// It was replaced, and its deletion is outstanding.
    Deposed,
    /// Its replacement failed, and the definition is its own again.
    TakenBack,
    /// A create that was given up turned up late.
    LateCreate,
    /// A `moved` block says so.
    Moved,
    /// An `import` block or command says so.
    Imported,
    /// A `removed` block says so.
    Removed,
    /// Its arguments become known during apply.
    ArgumentsUnknown,
    /// What it depends on changes.
    DependencyPending,
    /// The plan may define its kind.
    KindPending,
    /// Only the state's own record changes.
    RecordChanged,
    /// Its protection from destruction is set or lifted, and nothing else.
    Protection,
    /// The object was gone when it was refreshed.
    Gone,
    /// The cluster that the object lived in goes, or is made anew.
    HostGone,
}

/// What a move puts back in its place, and what gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// Which of the address's deposed objects becomes the current one.
    pub deposed: DeposedId,
    /// Under which id the one that was current waits for its deletion.
    pub gives_way: DeposedId,
}

/// One action on one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number: position in [`Plan::steps`]. With the plan's id it is the step's identity.
    pub number: u32,
    /// Which object.
    pub key: RowKey,
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// How sure.
    pub confidence: Confidence,
    /// Why what is known of it is predicted, and by what; `None` where that follows from what was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// Steps with the same group are one replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// For a step of a change in stages, what people see of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Whether a later stage of the same change follows: the row stays incomplete until the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_stages: bool,
    /// What must have succeeded before, in ascending order: numbers of steps, and, from the number of steps upwards,
    /// positions in [`Plan::barriers`].
    pub after: Vec<u32>,
    /// The object before, as observed; `None` for a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Encoded>,
    /// The object after; `None` for a delete or forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Encoded>,
    /// The paths that force a replacement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace_paths: Vec<AttributePath>,
    /// The digest of the row that the step was made from; `None` where there was no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_digest: Option<Digest>,
    /// Where the row was, for a move; the id, for an import is in `import_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Address>,
    /// For a move that takes a deposed object back: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
    /// Why an object is only forgotten that would otherwise be deleted: it is somebody else's by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<String>,
    /// The object's id, for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_id: Option<String>,
    /// The connection; `None` where its configuration becomes known only during apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderConfig>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// What the step must be alone on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive: Option<String>,
    /// What the row will say of protection.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// What the row will say of the order of a replacement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_before_destroy: bool,
    /// What the row will say of dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Address>,
    /// Where the object is declared; for one that no longer is, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Position>,
}

/// A point in the graph that does nothing: it keeps the number of edges linear where many steps follow many others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// What must have succeeded before, numbered as in [`Step::after`].
    pub after: Vec<u32>,
}

/// An object that the plan leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoOp {
    /// Which object.
    pub key: RowKey,
    /// The digest of its row.
    pub row_digest: Digest,
}

/// What becomes of an output value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    /// The value before, encoded with type `Any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Encoded>,
    /// The value after; `None` when the output is no longer declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Encoded>,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// Whether before and after differ (a sensitive value that is not kept counts by its fingerprint).
    pub changed: bool,
}

/// An object that changed outside of Strata since the last run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftRecord {
    /// Which object.
    pub key: RowKey,
    /// As recorded.
    pub before: Encoded,
    /// As observed; `None` when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Encoded>,
    /// The row that a refresh-only plan will write; the row's digest before is in the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_digest: Option<Digest>,
}

/// Which definitions a plan was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRevision {
    /// URL or directory, as given.
    pub origin: String,
    /// The commit, where the definitions are in Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the work tree differed from the commit.
    #[serde(default)]
    pub dirty: bool,
    /// Digest of all files read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
}

/// One file of the definition snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// Path, relative to the root of its package.
    pub path: Arc<str>,
    /// The text; for bytes that are no UTF-8, base64 with `base64` set.
    pub text: Arc<str>,
    /// Whether `text` is base64.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
    /// Of a file that holds secrets, the fingerprint of its bytes as text; `text` is empty then, and the file is to be
    /// supplied again, as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Fingerprint>,
}

/// All files that a plan's definitions consist of, by package: the project is the empty name.
pub type DefinitionSnapshot = BTreeMap<Arc<str>, Vec<SnapshotFile>>;

/// A variable's value in a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlannedVariable {
    /// Kept in the plan, encoded with type `Any`.
    Value(Encoded),
    /// Secret: to be supplied again, and compared by its fingerprint.
    Secret(Fingerprint),
}

/// What kind of plan it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanMode {
    /// Makes reality as declared.
    #[default]
    Normal,
    /// Destroys everything, or the targets.
    Destroy,
    /// Only takes what was observed into the state.
    RefreshOnly,
}

/// What a plan was asked to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOptions {
    /// The kind.
    pub mode: PlanMode,
    /// Only these addresses and what they need; empty for all. Prefixes name whole stacks, clusters and blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Not these addresses, nor what needs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Replace these, changed or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<String>,
    /// Deleting these is permitted though they hold data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_delete: Vec<String>,
    /// Lift the protection of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unprotect: Vec<String>,
    /// Whether recorded objects were read.
    pub refresh: bool,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The plan's identity.
    pub id: PlanId,
    /// The state that it was made from; the empty state of a project that was never initialised has none.
    pub lineage: Option<Lineage>,
    /// That state's version.
    pub serial: Serial,
    /// Version of Strata.
    pub engine_version: String,
    /// When.
    pub created_at: Timestamp,
    /// The definitions' revision.
    pub source: SourceRevision,
    /// The definitions themselves.
    pub definitions: DefinitionSnapshot,
    /// The variables.
    pub variables: BTreeMap<String, PlannedVariable>,
    /// What was asked for.
    pub options: PlanOptions,
    /// The steps; position is number.
    pub steps: Vec<Step>,
    /// Points that steps wait for; the first one has the number of steps as its number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barriers: Vec<Barrier>,
    /// What stays as it is.
    pub unchanged: Vec<NoOp>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, OutputChange>,
    /// What changed outside.
    pub drift: Vec<DriftRecord>,
    /// Data sources that were read, with what was seen, so that apply sees the same; by address.
    pub data: BTreeMap<String, Encoded>,
    /// How many objects have no steps because their cluster cannot be reached, or because they wait for such objects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub put_off: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Plan {
    /// The canonical bytes: the plan file is these. A plan with secrets in clear must not exist.
    ///
    /// # Errors
    ///
    /// Never for a plan that the planner made; serialisation errors are passed on.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// When the bytes are no plan of a format that this version knows.
    pub fn from_bytes(bytes: &[u8]) -> Result<Plan, PlanFormatError> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let header: Header = serde_json::from_slice(bytes).map_err(PlanFormatError::NotAPlan)?;
        if header.format != PLAN_FORMAT {
            return Err(PlanFormatError::Format(header.format));
        }
        serde_json::from_slice(bytes).map_err(PlanFormatError::NotAPlan)
    }

    /// Whether applying it would do nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.outputs.values().any(|output| output.changed)
    }

    /// How many of each.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            put_off: self.put_off,
            ..Summary::default()
        };
        for step in &self.steps {
            match step.action {
                Action::Create => summary.add += 1,
                Action::Update if !step.more_stages => summary.change += 1,
                Action::Delete => summary.destroy += 1,
                Action::Import => summary.import += 1,
                Action::Forget => summary.forget += 1,
                Action::Move => summary.moved += 1,
                Action::Update | Action::Read | Action::Record => {}
            }
        }
        summary
    }
}

/// Counts of a plan, as its closing line shows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Creates, those of replacements too.
    pub add: usize,
    /// Updates.
    pub change: usize,
    /// Deletes, those of replacements too.
    pub destroy: usize,
    /// Imports.
    pub import: usize,
    /// Forgotten.
    pub forget: usize,
    /// Moved.
    pub moved: usize,
    /// Put off, as [`Plan::put_off`] counts.
    #[serde(default)]
    pub put_off: usize,
}

/// Bytes that are no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFormatError {
    /// They cannot be read.
    #[error("the file is not a plan")]
    NotAPlan(#[source] serde_json::Error),
    /// They are of another format.
    #[error("the plan has format {0}, and this version of Strata reads format {PLAN_FORMAT}")]
    Format(u32),
}

/// The row that a step leaves, before its attributes are known.
pub fn row_template(step: &Step, provider: ProviderConfig, schema_version: u32) -> StateRow {
    StateRow {
        key: step.key.clone(),
        provider,
        schema_version,
        id: None,
        attributes: step
            .planned
            .clone()
            .or_else(|| step.before.clone())
            .unwrap_or_default(),
        status: crate::state::RowStatus::Incomplete,
        protected: step.protect,
        create_before_destroy: step.create_before_destroy,
        dependencies: step.dependencies.clone(),
        created_by: None,
        op: None,
        source: step.source.clone(),
    }
}
