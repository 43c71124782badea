//! Carrying a plan out: executor, journal, retries and recovery.
//!
//! The order of things is the product: an intent is durable before the first call of its op leaves; a result and its
//! row become durable in one transaction; an op without a recorded outcome is looked into before anything else touches
//! its object. Apply makes no decisions: what becomes known it asks of a [`Resolver`].

mod commit;
mod connection;
mod executor;
pub mod journal;
mod locate;
mod operation;
mod outcome;
mod preflight;
mod recover;
mod redact;
pub mod retry;
mod row;
mod rows;
mod schedule;
mod settle;
mod slots;
mod stale;
mod standing;
mod step;
mod stop;
mod unseen;

use strata_model::SecretKey;
use strata_model::event::Event;
use strata_model::plan::Plan;
use strata_model::state::{PlanRecord, RunRecord, StateSnapshot};
use strata_model::store::{Lock, StateStore};

pub use connection::Connections;
pub use executor::execute;
pub use outcome::{ApplyOutcome, INVALID_PLAN, StepFailure, abandon_unfinished};
pub use preflight::{Obstacle, considered};
pub use recover::{Finding, RecoverInput, Recovery, Resolution, preview, recover};
pub use stale::{StaleRow, check_stale};
pub use standing::Known;
pub use stop::Stop;

use crate::resolve::Resolver;

/// Everything that a run needs.
pub struct ApplyInput<'a> {
    /// The plan. Who calls has checked that it is the one that was approved, and that its rows are not stale.
    pub plan: &'a Plan,
    /// What the state knows of the plan: digest, and the steps that are done.
    pub record: PlanRecord,
    /// The state after recovery, read with the lock held.
    pub state: &'a StateSnapshot,
    /// The store.
    pub store: &'a dyn StateStore,
    /// The lock, held.
    pub lock: &'a Lock,
    /// The providers and their connections.
    pub connections: &'a Connections,
    /// Fills in what becomes known.
    pub resolver: &'a mut dyn Resolver,
    /// The run, as it is recorded at its beginning.
    pub run: RunRecord,
    /// The key for fingerprints.
    pub key: &'a SecretKey,
    /// How many ops may be under way at once; at least one.
    pub parallelism: usize,
    /// Who is told what happens.
    pub events: &'a (dyn Fn(Event) + Send + Sync),
    /// Thrown by the first Ctrl-C.
    pub stop: Stop,
}

impl std::fmt::Debug for ApplyInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplyInput")
            .field("plan", &self.plan.id)
            .field("run", &self.run.id)
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
