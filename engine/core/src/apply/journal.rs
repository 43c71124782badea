//! The life of one op, as the journal sees it.

use strata_model::state::{OpOutcome, OpenOp};

/// How far an op is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStatus {
    /// Nothing is durable, and no call has left.
    Pending,
    /// The intent is durable; calls may have left.
    Begun,
    /// The object's id is durable.
    Located,
    /// An answer was lost: the op may or may not have had its effect.
    Unsure,
    /// The outcome is durable.
    Ended(OpOutcome),
}

/// What happens to an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalEvent {
    /// Its intent became durable.
    Intended,
    /// Its object's id became durable, or its object was found.
    Identified,
    /// An answer was lost.
    Lost,
    /// The lost answer made no difference: the op may be sent again.
    Cleared,
    /// Its outcome is known.
    Ended(OpOutcome),
}

/// An event that cannot happen to an op that far: a bug in Strata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an op that is {status:?} cannot become {event:?}; this is a bug in Strata")]
pub struct IllegalTransition {
    /// How far the op was.
    pub status: StepStatus,
    /// What was to happen to it.
    pub event: JournalEvent,
}

/// The only place that says how an op goes on. It serves the executor and the recovery, and is total.
///
/// # Errors
///
/// [`IllegalTransition`] for an event that the status does not permit.
pub fn next_status(
    status: StepStatus,
    event: JournalEvent,
) -> Result<StepStatus, IllegalTransition> {
    use JournalEvent::{Cleared, Ended, Identified, Intended, Lost};
    use OpOutcome::{Absent, Failed, Partial, Present, Succeeded};
    use StepStatus::{Begun, Located, Pending, Unsure};
    match (status, event) {
        (Pending, Intended) | (Unsure, Cleared) => Ok(Begun),
        (Begun | Located | Unsure, Identified) => Ok(Located),
        (Begun | Located | Unsure, Lost) => Ok(Unsure),
        // An op that is not sure of itself is looked into first; only then it succeeds or fails.
        (Begun | Located, Ended(outcome @ (Succeeded | Failed | Partial)))
        | (Begun | Located | Unsure, Ended(outcome @ (Present | Absent))) => {
            Ok(StepStatus::Ended(outcome))
        }
        (Pending, Identified | Lost | Cleared | Ended(_))
        | (Begun | Located, Intended | Cleared)
        | (Unsure, Intended | Ended(Succeeded | Failed | Partial))
        | (StepStatus::Ended(_), Intended | Identified | Lost | Cleared | Ended(_)) => {
            Err(IllegalTransition { status, event })
        }
    }
}

/// How far an op is that another process left open.
///
/// # Errors
///
/// Never for an op that the store returned; the transition function decides.
pub fn status_of(open: &OpenOp) -> Result<StepStatus, IllegalTransition> {
    let begun = next_status(StepStatus::Pending, JournalEvent::Intended)?;
    match open.checkpoint {
        Some(_) => next_status(begun, JournalEvent::Identified),
        None => Ok(begun),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOMES: [OpOutcome; 5] = [
        OpOutcome::Succeeded,
        OpOutcome::Failed,
        OpOutcome::Partial,
        OpOutcome::Present,
        OpOutcome::Absent,
    ];

    fn statuses() -> Vec<StepStatus> {
        let mut all = vec![
            StepStatus::Pending,
            StepStatus::Begun,
            StepStatus::Located,
            StepStatus::Unsure,
        ];
        all.extend(OUTCOMES.map(StepStatus::Ended));
        all
    }

    fn events() -> Vec<JournalEvent> {
        let mut all = vec![
            JournalEvent::Intended,
            JournalEvent::Identified,
            JournalEvent::Lost,
            JournalEvent::Cleared,
        ];
        all.extend(OUTCOMES.map(JournalEvent::Ended));
        all
    }

    #[test]
    fn nothing_happens_before_the_intent_or_after_the_end() {
        for event in events() {
            let first = next_status(StepStatus::Pending, event);
            assert_eq!(first.is_ok(), event == JournalEvent::Intended, "{event:?}");
            for outcome in OUTCOMES {
                assert!(next_status(StepStatus::Ended(outcome), event).is_err());
            }
        }
    }

    #[test]
    fn a_lost_answer_is_looked_into_before_it_ends() {
        let check = |event: JournalEvent, expected: Option<StepStatus>| {
            assert_eq!(
                next_status(StepStatus::Unsure, event).ok(),
                expected,
                "{event:?}"
            );
        };
        check(JournalEvent::Cleared, Some(StepStatus::Begun));
        check(JournalEvent::Identified, Some(StepStatus::Located));
        check(JournalEvent::Ended(OpOutcome::Succeeded), None);
        check(JournalEvent::Ended(OpOutcome::Failed), None);
        check(
            JournalEvent::Ended(OpOutcome::Absent),
            Some(StepStatus::Ended(OpOutcome::Absent)),
        );
    }

    #[test]
    fn every_status_but_the_last_can_end() {
        for status in statuses() {
            let ends = OUTCOMES
                .iter()
                .any(|outcome| next_status(status, JournalEvent::Ended(*outcome)).is_ok());
            let open = matches!(
                status,
                StepStatus::Begun | StepStatus::Located | StepStatus::Unsure
            );
            assert_eq!(ends, open, "{status:?}");
        }
    }
}
