//! The contract between the engine and the state store.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::event::StoredEvent;
use crate::id::{Fence, Lineage, OpId, PlanId, RunId, Serial, Timestamp};
use crate::state::{
    CheckpointRecord, ClosedOp, Intent, LockHolder, OpOutcome, PlanRecord, RowKey, RunRecord,
    RunStatus, StateRow, StateSnapshot, StoredOutput,
};

/// One change of a [`Batch`].
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Opens an op. Fails the batch when an op of the same key is open.
    OpenOp(Box<Intent>),
    /// Adds to an open op what became known. A second one replaces the first.
    Checkpoint {
        /// The op.
        op: OpId,
        /// What became known.
        record: CheckpointRecord,
    },
    /// Closes an open op.
    CloseOp {
        /// The op.
        op: OpId,
        /// How it ended.
        outcome: OpOutcome,
        /// What went wrong.
        message: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// Writes a row, new or not.
    PutRow(Box<StateRow>),
    /// Removes a row; that it is not there is an inconsistency.
    DeleteRow(RowKey),
    /// Moves a row to another key: a rename, or the current object becoming deposed.
    MoveRow {
        /// Where it is.
        from: RowKey,
        /// Where nothing may be yet.
        to: RowKey,
    },
    /// Marks a step of a plan as done.
    StepDone {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
    },
    /// Replaces all outputs.
    PutOutputs(BTreeMap<String, StoredOutput>),
    /// Records a plan, or changes its status; `done` is ignored.
    PutPlan(PlanRecord),
    /// Records a run that begins.
    BeginRun(RunRecord),
    /// Records how a run ended.
    EndRun {
        /// The run.
        run: RunId,
        /// How.
        status: RunStatus,
        /// The summary line.
        summary: String,
        /// When.
        at: Timestamp,
    },
    /// Adds an event to a run's record.
    Event {
        /// The run.
        run: RunId,
        /// The event.
        event: StoredEvent,
    },
}

/// Changes that become durable together or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch(pub Vec<Write>);

/// A held lock. Dropping it does not release it: [`StateStore::unlock`] does, and so does the end of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The id that `force-unlock` takes.
    pub id: String,
    /// The fence that every commit carries.
    pub fence: Fence,
    /// The fence of a holder that did not release the lock, when there was one: its process died.
    pub took_over: bool,
}

/// Everything remembered of one project.
///
/// One object is one opened state. Reads see a consistent snapshot and never wait for a writer.
#[async_trait]
pub trait StateStore: fmt::Debug + Send + Sync {
    /// The state's identity.
    fn lineage(&self) -> Lineage;

    /// Reads rows, open ops and outputs in one transaction, secrets unsealed.
    async fn snapshot(&self) -> Result<StateSnapshot, StoreError>;

    /// Takes the lock, waiting for at most `timeout`. The lock of a dead process is taken over at once. Taking raises
    /// the fence.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] says who holds it.
    async fn lock(&self, holder: LockHolder, timeout: Duration) -> Result<Lock, StoreError>;

    /// Gives the lock back. Giving back a lock that was taken away does nothing.
    async fn unlock(&self, lock: &Lock) -> Result<(), StoreError>;

    /// Who holds the lock, or held it when its process died, with the lock's id; `None` when it is free.
    async fn lock_holder(&self) -> Result<Option<(String, LockHolder)>, StoreError>;

    /// Takes the lock away from its holder by raising the fence.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotLocked`] when no lock has that id.
    async fn force_unlock(&self, id: &str) -> Result<(), StoreError>;

    /// Checks that a fence is still the current one, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Fenced`] when it is not.
    async fn check_fence(&self, fence: Fence) -> Result<(), StoreError>;

    /// Makes a batch durable (on disk, synced) and raises the serial by one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Fenced`] when the fence is not the current one; nothing is written then. After any error the
    /// caller starts no further mutating call.
    async fn commit(&self, fence: Fence, batch: Batch) -> Result<Serial, StoreError>;

    /// Records a plan as saved, without the lock, in one transaction.
    async fn save_plan(&self, plan: PlanRecord) -> Result<(), StoreError>;

    /// What is known of a plan.
    async fn plan(&self, id: PlanId) -> Result<Option<PlanRecord>, StoreError>;

    /// The plans that are running or whose run died.
    async fn running_plans(&self) -> Result<Vec<PlanRecord>, StoreError>;

    /// Runs, newest first, at most `limit`.
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreError>;

    /// The events of a run, in order.
    async fn events(&self, run: RunId) -> Result<Vec<StoredEvent>, StoreError>;

    /// Closed ops, newest first, at most `limit`; of one address only, where one is given.
    async fn history(&self, address: Option<&str>, limit: u32)
    -> Result<Vec<ClosedOp>, StoreError>;

    /// The outcome of an op that is closed; `None` for an open or unknown one.
    async fn op_outcome(&self, op: OpId) -> Result<Option<OpOutcome>, StoreError>;
}

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else holds the lock.
    #[error("the state is locked by {} (process {}, {} since {}); lock id {id}", holder.who, holder.pid, holder.operation, holder.since)]
    Locked {
        /// The lock's id.
        id: String,
        /// Who holds it.
        holder: Box<LockHolder>,
    },
    /// No lock has that id.
    #[error("no lock with id {0} is held")]
    NotLocked(String),
    /// The lock was taken over by someone else.
    #[error("the lock on the state was taken over by another run; this run stops")]
    Fenced,
    /// The state is not there.
    #[error("there is no state at {0}")]
    Missing(String),
    /// The state is damaged.
    #[error("the state at {place} is damaged: {detail}")]
    Corrupt {
        /// Which file.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The state was made by a newer version.
    #[error("the state has format {found}, and this version of Strata reads up to {supported}")]
    TooNew {
        /// The format found.
        found: i64,
        /// The newest that this version reads.
        supported: i64,
    },
    /// The state belongs to another project.
    #[error("the state has lineage {found}, and the project expects {expected}")]
    OtherLineage {
        /// What the state says.
        found: Lineage,
        /// What the project says.
        expected: Lineage,
    },
    /// A stored row cannot be understood.
    #[error("the state is inconsistent: {table} {key}: {detail}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A sealed secret cannot be opened: the key is another one, or the cell was changed.
    #[error("a secret of {0} cannot be opened with this state key")]
    WrongKey(String),
    /// The file system or the database failed.
    #[error("{operation} failed")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
