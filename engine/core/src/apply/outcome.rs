//! What came of a run.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, Plan, Step, Summary};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::source::Position;
use strata_model::state::{PlanRecord, PlanStatus, RowKey, RunStatus, StoredOutput};
use strata_model::store::{Batch, Lock, StateStore, StoreError, Write};
use strata_model::{Code, Diagnostics, PlanId};

use super::preflight::Obstacle;

/// The graph of a plan is not one; a bug in Strata.
pub const INVALID_PLAN: Code = Code("E0609");

/// What came of a run.
#[derive(Debug, Default)]
pub struct ApplyOutcome {
    /// What was done and is durable.
    pub done: Summary,
    /// How many steps succeeded and are durable, reads and records too.
    pub succeeded: usize,
    /// What failed, in the order in which it did.
    pub failed: Vec<StepFailure>,
    /// The numbers of the steps that were not begun, in the order in which that became certain.
    pub skipped: Vec<u32>,
    /// Whether the run was asked to stop.
    pub interrupted: bool,
    /// Whether the lock was taken over.
    pub fenced: bool,
    /// Whether credentials are missing or expired: after a login, the same plan goes on.
    pub credentials: bool,
    /// Whether a step would have done more than was approved.
    pub exceeds: bool,
    /// Why the state could not be written. Nothing was begun after that.
    pub store: Option<StoreError>,
    /// What stood in the way before the run began: then nothing was changed.
    pub obstacles: Vec<Obstacle>,
    /// What the resolver said about definitions.
    pub diagnostics: Diagnostics,
    /// The project's outputs at the end.
    pub outputs: BTreeMap<String, StoredOutput>,
    /// How many transactions the run took.
    pub commits: u64,
}

impl ApplyOutcome {
    /// Whether every step of the plan is done and durable.
    pub fn is_complete(&self) -> bool {
        let all = self.failed.is_empty() && self.skipped.is_empty() && self.obstacles.is_empty();
        all && !self.fenced && self.store.is_none()
    }

    /// Whether an op left several objects, of which a human must choose.
    pub fn needs_human(&self) -> bool {
        self.failed
            .iter()
            .any(|failure| !failure.candidates.is_empty())
    }

    /// How the run is recorded.
    pub fn status(&self) -> RunStatus {
        if self.is_complete() {
            RunStatus::Finished
        } else if self.failed.is_empty() && self.interrupted {
            RunStatus::Interrupted
        } else {
            RunStatus::Failed
        }
    }
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    /// Its number.
    pub number: u32,
    /// Which object.
    pub key: RowKey,
    /// What it was to do.
    pub action: Action,
    /// What kind of failure; `None` where it was not the provider's.
    pub kind: Option<ProviderErrorKind>,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The ids of the objects that it may have left, when there are several.
    pub candidates: Vec<String>,
    /// Where the object is declared.
    pub source: Option<Position>,
}

impl StepFailure {
    pub(crate) fn new(step: &Step, error: &ProviderError) -> Self {
        StepFailure {
            number: step.number,
            key: step.key.clone(),
            action: step.action,
            kind: Some(error.kind),
            message: error.message.clone(),
            hint: error.hint.clone(),
            candidates: Vec::new(),
            source: step.source.clone(),
        }
    }
}

/// Counts the steps that are done, as [`strata_model::plan::Plan::summary`] counts those that are planned.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    /// The counts.
    pub(crate) summary: Summary,
    /// The objects that count as changed: one that changes in stages does so with the first of them.
    changed: BTreeSet<&'a RowKey>,
}

impl<'a> Tally<'a> {
    /// Nothing is done yet. What the plan put off stays so.
    pub(crate) fn of(plan: &Plan) -> Self {
        Tally {
            summary: Summary {
                put_off: plan.put_off,
                ..Summary::default()
            },
            changed: BTreeSet::new(),
        }
    }

    /// Counts a step that is done. What was left alone instead of deleted is forgotten.
    pub(crate) fn count(&mut self, step: &'a Step, is_left_alone: bool) {
        match step.action {
            Action::Delete if is_left_alone => self.summary.forget += 1,
            Action::Create => self.summary.add += 1,
            Action::Update if self.changed.insert(&step.key) => self.summary.change += 1,
            Action::Delete => self.summary.destroy += 1,
            Action::Import => self.summary.import += 1,
            Action::Forget => self.summary.forget += 1,
            Action::Move => self.summary.moved += 1,
            Action::Update | Action::Read | Action::Record => {}
        }
    }
}

/// The closing line of a run.
pub(crate) fn closing_line(summary: &Summary) -> String {
    let mut parts = Vec::new();
    let mut part = |count: usize, word: &str| {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    };
    part(summary.import, "imported");
    parts.extend([
        format!("{} added", summary.add),
        format!("{} changed", summary.change),
        format!("{} destroyed", summary.destroy),
    ]);
    let mut part = |count: usize, word: &str| {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    };
    part(summary.moved, "moved");
    part(summary.forget, "forgotten");
    part(summary.put_off, "put off");
    parts.join(", ")
}

/// Marks the plans whose runs ended early as abandoned, all but `keep`; a new plan takes their place. Returns them.
///
/// # Errors
///
/// When the state cannot be read or written.
pub async fn abandon_unfinished(
    store: &dyn StateStore,
    lock: &Lock,
    keep: Option<PlanId>,
) -> Result<Vec<PlanRecord>, StoreError> {
    let mut plans = store.running_plans().await?;
    plans.retain(|plan| Some(plan.id) != keep);
    if plans.is_empty() {
        return Ok(plans);
    }
    let writes = plans.iter().map(|plan| {
        Write::PutPlan(PlanRecord {
            status: PlanStatus::Abandoned,
            ..plan.clone()
        })
    });
    store.commit(lock.fence, Batch(writes.collect())).await?;
    Ok(plans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines() {
        let check = |summary: Summary, expected: &str| assert_eq!(closing_line(&summary), expected);
        check(Summary::default(), "0 added, 0 changed, 0 destroyed");
        check(
            Summary {
                add: 1,
                destroy: 2,
                import: 3,
                moved: 4,
                put_off: 5,
                ..Summary::default()
            },
            "3 imported, 1 added, 0 changed, 2 destroyed, 4 moved, 5 put off",
        );
    }
}
