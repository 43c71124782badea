//! Events of a run: one enum for terminal, JSON, journal view and dashboard.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::diagnostic::Code;
use crate::id::{DeposedId, RunId, Timestamp};
use crate::plan::Action;
use crate::state::{OpOutcome, RowKey};

/// Something that happened in a run, for readers. It holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An apply began.
    RunStarted {
        /// The run.
        run: RunId,
        /// How many steps it will take.
        steps: usize,
    },
    /// A look before the run found something that it may stumble over.
    Foreseen {
        /// The code of the warning.
        code: Code,
        /// Which object, where it is about one.
        key: Option<RowKey>,
        /// What was found.
        message: String,
        /// What to do.
        hint: String,
    },
    /// An op that an earlier run left open was looked into.
    Recovered {
        /// Which object.
        key: RowKey,
        /// What was found.
        outcome: OpOutcome,
    },
    /// A step began.
    StepStarted(StepEvent),
    /// A step is waiting for something.
    StepProgress {
        /// The step.
        step: StepEvent,
        /// What it waits for.
        message: String,
        /// Time since it began.
        elapsed: Duration,
    },
    /// A step goes on, and found something that people should know.
    StepWarning {
        /// The step.
        step: StepEvent,
        /// What it found.
        message: String,
    },
    /// A step will be tried again.
    StepRetry {
        /// The step.
        step: StepEvent,
        /// Why.
        message: String,
        /// In how long.
        delay: Duration,
    },
    /// A step is done.
    StepFinished {
        /// The step.
        step: StepEvent,
        /// Time since it began.
        elapsed: Duration,
        /// The object's id.
        id: Option<String>,
    },
    /// A step that was to delete an object is done, and the object is still there: it is not to be touched.
    StepLeftAlone {
        /// The step.
        step: StepEvent,
        /// Time since it began.
        elapsed: Duration,
        /// Why.
        reason: String,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: StepEvent,
        /// Time since it began.
        elapsed: Duration,
        /// What went wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A step was not begun because something that it needs did not succeed, or because of an interrupt.
    StepSkipped {
        /// The step.
        step: StepEvent,
        /// Why.
        reason: String,
    },
    /// Ctrl-C was seen: nothing new begins, and what runs is finished.
    Stopping,
}

/// Which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEvent {
    /// Its number in the plan.
    pub number: u32,
    /// The address.
    pub address: Address,
    /// Which deposed object, where the plan shows it as a change of its own, and not as one half of a replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<DeposedId>,
    /// What it does.
    pub action: Action,
    /// What people see of it, where it is one of several of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The object's id, where it is known.
    pub id: Option<String>,
}

/// An event in the form in which a run's record keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// When.
    pub at: Timestamp,
    /// Which kind, such as `step_finished`.
    pub kind: String,
    /// The rest, as JSON.
    pub data: serde_json::Value,
}
