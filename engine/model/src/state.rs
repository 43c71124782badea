//! What is remembered of a project: rows, the journal, runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::{DeposedId, Digest, Fence, Lineage, OpId, PlanId, RunId, Serial, Timestamp};
use crate::provider::{Operation, ProviderConfig};
use crate::schema::Adoption;
use crate::source::Position;
use crate::wire::Encoded;

/// Version of the row and journal formats.
pub const STATE_FORMAT: u32 = 1;

/// Which object: an address, and for a replaced object that still waits for its deletion its deposed id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// The address.
    pub address: Address,
    /// The deposed id; `None` for the current object.
    pub deposed: Option<DeposedId>,
}

impl RowKey {
    /// The current object of an address.
    pub fn current(address: Address) -> Self {
        RowKey {
            address,
            deposed: None,
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match &self.deposed {
            Some(deposed) => write!(f, " (deposed {})", &deposed.to_string()[..8]),
            None => Ok(()),
        }
    }
}

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowStatus {
    /// As the last step left it.
    Ready,
    /// Its creation or change ended part-way; the next plan completes it by an update.
    Incomplete,
    /// It reported a terminal failure; the next plan replaces it.
    Failed,
}

/// One object as last stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateRow {
    /// Which object.
    pub key: RowKey,
    /// The connection it is reached by, resolved, without secrets.
    pub provider: ProviderConfig,
    /// Version of the schema that `attributes` conform to.
    pub schema_version: u32,
    /// The id in the remote system; `None` for objects that live in the state only.
    pub id: Option<String>,
    /// The attributes. Input secrets are fingerprints; other secrets are sealed by the store.
    pub attributes: Encoded,
    /// How far the object is.
    pub status: RowStatus,
    /// Whether destroying it is refused until the protection is lifted.
    pub protected: bool,
    /// Whether its replacement is created before it is destroyed.
    pub create_before_destroy: bool,
    /// What it directly depends on: whole blocks are named without a key.
    pub dependencies: Vec<Address>,
    /// The op that created the object.
    pub created_by: Option<OpId>,
    /// The op that changed the row last.
    pub op: Option<OpId>,
    /// Where it was declared.
    pub source: Option<Position>,
}

impl StateRow {
    /// The address.
    pub fn address(&self) -> &Address {
        &self.key.address
    }

    /// The digest of everything in the row. The secrets in `attributes.json` are covered too.
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Digest::of(&bytes)
    }
}

/// A connection configuration shared between many rows in memory.
pub type SharedConfig = Arc<ProviderConfig>;

/// What an op was going to do, durable before its first call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The op.
    pub op: OpId,
    /// The run that began it.
    pub run: RunId,
    /// The plan that the run applies.
    pub plan: PlanId,
    /// The step of that plan.
    pub step: u32,
    /// What it was going to do.
    pub operation: Operation,
    /// How a lost create is found.
    pub adoption: Adoption,
    /// Digest of the planned attributes: a re-send of this op must have the same.
    pub request_digest: Digest,
    /// Whether the object was seen to be absent before (natural adoption).
    pub was_absent: bool,
    /// The lock's fence when the intent was written.
    pub fence: Fence,
    /// When, for people.
    pub started_at: Timestamp,
    /// The row as it will be written when the op turns out to have had its effect. Its attributes are the planned
    /// ones, with unknown paths, and for a delete those before.
    pub row: StateRow,
}

/// An id that became known in the middle of an op.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// The object's id.
    pub id: String,
    /// What was known of its attributes.
    pub attributes: Encoded,
}

/// An op whose outcome is not recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenOp {
    /// What it was going to do.
    pub intent: Intent,
    /// What became known in the middle.
    pub checkpoint: Option<CheckpointRecord>,
}

/// How an op ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpOutcome {
    /// It did what it was going to do.
    Succeeded,
    /// It failed, and nothing is left of it.
    Failed,
    /// It failed, and its object is in the row as incomplete or failed.
    Partial,
    /// Recovery found its effect.
    Present,
    /// Recovery found that it had no effect.
    Absent,
}

/// A closed op, for `state history` and for telling late creates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedOp {
    /// The op.
    pub op: OpId,
    /// The run that began it.
    pub run: RunId,
    /// Which object.
    pub key: RowKey,
    /// What it did.
    pub operation: Operation,
    /// How it ended.
    pub outcome: OpOutcome,
    /// What went wrong, for people.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A project's output value as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredOutput {
    /// The value, encoded with type `Any`; sensitive ones are sealed by the store.
    pub value: Encoded,
    /// Whether showing it needs to be asked for.
    pub sensitive: bool,
}

/// Everything that planning needs to know of the state, read in one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateSnapshot {
    /// The state's identity; `None` for the empty state of a project that was never initialised.
    pub lineage: Option<Lineage>,
    /// Its version.
    pub serial: Serial,
    /// All rows, by key.
    pub rows: BTreeMap<RowKey, StateRow>,
    /// Ops without a recorded outcome, in the order in which they began.
    pub open_ops: Vec<OpenOp>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, StoredOutput>,
}

/// How a run ended or that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It goes on, or its process died.
    Running,
    /// All steps are done.
    Finished,
    /// At least one step failed.
    Failed,
    /// It was interrupted.
    Interrupted,
}

/// One attempt to apply a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub id: RunId,
    /// The plan.
    pub plan: PlanId,
    /// Who began it: user and host.
    pub who: String,
    /// The command: `apply`, `destroy`, …
    pub command: String,
    /// The commit of the definitions, where they are in Git.
    pub commit: Option<String>,
    /// Whether the work tree differed from the commit.
    pub dirty: bool,
    /// Version of Strata.
    pub engine_version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub status: RunStatus,
    /// The summary line.
    pub summary: Option<String>,
}

/// Where a saved plan is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanStatus {
    /// Saved, not applied.
    Saved,
    /// A run applies it, or died while applying it.
    Running,
    /// All its steps are done: it cannot be applied again.
    Finished,
    /// A later plan took its place.
    Abandoned,
}

/// What the state knows of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// The plan.
    pub id: PlanId,
    /// The digest of its canonical bytes.
    pub digest: Digest,
    /// Where it is in its life.
    pub status: PlanStatus,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// The steps that are done, in ascending order.
    pub done: Vec<u32>,
}

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// User and host, as `user@host`.
    pub who: String,
    /// Process id.
    pub pid: u32,
    /// The command.
    pub operation: String,
    /// Version of Strata.
    pub version: String,
    /// Since when.
    pub since: Timestamp,
}
