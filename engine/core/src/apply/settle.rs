//! What the end of an op means for rows, journal and dependents.

use std::time::Duration;

use strata_model::Value;
use strata_model::event::StoredEvent;
use strata_model::event::{Event, StepEvent};
use strata_model::plan::{Step, row_template};
use strata_model::provider::{Applied, Object, Operation, ProviderError, ProviderErrorKind};
use strata_model::state::{OpOutcome, RowStatus, StateRow};
use strata_model::store::Write;

use super::commit::Staged;
use super::executor::{After, Executor, Finish};
use super::journal::JournalEvent;
use super::operation::{Left, Op, OpEnd};
use super::outcome::StepFailure;
use super::row;
use super::step::creator;

impl<'a> Executor<'a> {
    /// An op ended: its result and its row go into one transaction.
    pub(super) fn settle(&mut self, op: Box<Op<'a>>, end: OpEnd) {
        if !op.local {
            self.free(op.step.number);
        }
        match end {
            OpEnd::Done(applied) if op.operation == Operation::Delete => {
                drop(applied);
                self.deleted(&op, None);
            }
            OpEnd::LeftAlone(reason) => self.deleted(&op, Some(reason)),
            OpEnd::Done(applied) => self.applied(&op, applied),
            OpEnd::Failed { error, left } => self.left(&op, &error, left),
        }
    }

    fn step_of(&self, op: &Op<'a>) -> &'a Step {
        let plan = self.plan;
        &plan.steps[op.step.number as usize]
    }

    /// The object is gone, or for a reason left alone: either way nothing is known of it any more.
    fn deleted(&mut self, op: &Op<'a>, left_alone: Option<String>) {
        let mut writes = Vec::new();
        if op.local {
            let intent = self.intent(op, None);
            writes.push(Write::OpenOp(Box::new(intent)));
        }
        if op.has_row {
            writes.push(Write::DeleteRow(op.key.clone()));
        }
        self.rows.delete(op.key);
        if op.key.deposed.is_none() {
            self.resolver.record(op.key, None);
        }
        self.finish(op, (op.id.clone(), left_alone), writes);
    }

    fn applied(&mut self, op: &Op<'a>, applied: Applied) {
        let schema = &op.schema.schema;
        let object = row::with_marks(&op.planned, applied.attributes, schema);
        let id = applied.id.or_else(|| op.id.clone());
        if let Some(path) = row::broken_promise(&op.planned, &object) {
            let error = ProviderError::bug(format!(
                "the provider {} gave '{path}' of {} another value than planned",
                op.provider.provider, op.key
            ));
            let object = Object {
                id: id.unwrap_or_default(),
                attributes: object,
                incomplete: true,
            };
            return self.left(op, &error, Left::Incomplete(Box::new(object)));
        }
        let step = self.step_of(op);
        let status = if step.more_stages {
            RowStatus::Incomplete
        } else {
            RowStatus::Ready
        };
        let row = self.row(op, id.clone(), (&object, status));
        let mut writes = if op.local {
            let intent = self.intent(op, Some(&row));
            let mut writes = self.make_room(op);
            writes.push(Write::OpenOp(Box::new(intent)));
            writes
        } else {
            Vec::new()
        };
        self.rows.put(&row, Some(&object));
        if op.schema.hosts || op.schema.admits {
            self.connections.access_changes();
        }
        if op.schema.hosts {
            self.connections
                .host(&op.key.address, &op.provider, &object);
        }
        writes.push(Write::PutRow(Box::new(row)));
        if step.more_stages {
            self.resolver.record_stage(op.key, &object);
        } else {
            self.resolver.record(op.key, Some(&object));
        }
        self.finish(op, (id, None), writes);
    }

    fn row(&self, op: &Op<'a>, id: Option<String>, object: (&Value, RowStatus)) -> StateRow {
        let (attributes, status) = object;
        StateRow {
            id,
            attributes: row::encode(attributes, &op.schema.schema, self.cx.key),
            status,
            created_by: creator(op),
            op: Some(op.op),
            ..row_template(self.step_of(op), op.provider.clone(), op.schema.version)
        }
    }

    fn finish(
        &mut self,
        op: &Op<'a>,
        (id, left_alone): (Option<String>, Option<String>),
        mut writes: Vec<Write>,
    ) {
        let outcome = OpOutcome::Succeeded;
        if let Err(error) = op.journal.advance(JournalEvent::Ended(outcome)) {
            return self.left(op, &error, Left::Unknown);
        }
        writes.push(self.close_op(op, outcome, None));
        writes.push(self.step_done(op.step.number));
        let finish = Finish {
            step: StepEvent {
                id,
                ..op.step.clone()
            },
            began: op.began,
            outside: !op.local,
            left_alone,
        };
        self.succeed(writes, finish);
    }

    fn close_op(&self, op: &Op<'a>, outcome: OpOutcome, message: Option<String>) -> Write {
        Write::CloseOp {
            op: op.op,
            outcome,
            message,
            at: self.cx.clock.now(),
        }
    }

    /// An op failed: what it left decides what the row says.
    fn left(&mut self, op: &Op<'a>, error: &ProviderError, left: Left) {
        let step = self.step_of(op);
        let mut failure = StepFailure::new(step, error);
        let mut writes = Vec::new();
        match left {
            Left::Nothing => {
                writes.extend(self.close_failed(op, OpOutcome::Failed, error));
                writes.extend(self.give_back(op));
            }
            Left::Incomplete(object) => {
                writes.extend(self.close_failed(op, OpOutcome::Partial, error));
                writes.push(self.keep(op, &object, RowStatus::Incomplete));
            }
            Left::Broken(object) => {
                writes.extend(self.close_failed(op, OpOutcome::Partial, error));
                writes.push(self.keep(op, &object, RowStatus::Failed));
            }
            Left::Unknown => {
                self.blocked.insert(op.key);
                failure.hint = Some(
                    "Whether it took effect is not known. Apply again: recovery looks into it first."
                        .to_owned(),
                );
            }
            Left::Several(ids) => {
                self.blocked.insert(op.key);
                failure.hint = Some(format!(
                    "Several objects may be what it made: {}. Remove all but one, then apply again.",
                    ids.join(", ")
                ));
                failure.candidates = ids;
            }
        }
        self.failed(step, op.began, (failure, writes));
    }

    /// The intent of an op became durable when the run had to end: its first call does not leave.
    pub(super) fn unsent(&mut self, op: &Op<'a>) {
        self.free(op.step.number);
        let why = self.why_stopped();
        let begun = op.journal.advance(JournalEvent::Intended);
        let error = ProviderError::new(ProviderErrorKind::Unavailable, why);
        if begun.is_ok() {
            let mut writes = self.close_failed(op, OpOutcome::Failed, &error);
            writes.extend(self.give_back(op));
            self.stage(writes, After::Nothing);
        }
        self.skip(op.step.number, why);
    }

    /// The end of a failed op, unless nothing of it is in the journal.
    fn close_failed(&self, op: &Op<'a>, outcome: OpOutcome, error: &ProviderError) -> Vec<Write> {
        if op.local {
            return Vec::new();
        }
        match op.journal.advance(JournalEvent::Ended(outcome)) {
            Ok(()) => vec![self.close_op(op, outcome, Some(error.message.clone()))],
            // The op stays open, and recovery looks into it.
            Err(_) => Vec::new(),
        }
    }

    /// Gives a replaced object its address back when its replacement was not made.
    fn give_back(&mut self, op: &Op<'a>) -> Option<Write> {
        let deposed = op.deposed.as_ref().filter(|_| !op.local)?;
        self.rows.rename(deposed, op.key);
        Some(Write::MoveRow {
            from: deposed.clone(),
            to: op.key.clone(),
        })
    }

    fn keep(&mut self, op: &Op<'a>, object: &Object, status: RowStatus) -> Write {
        let schema = &op.schema.schema;
        let attributes = row::with_marks(&op.planned, object.attributes.clone(), schema);
        let id = Some(object.id.clone()).filter(|id| !id.is_empty());
        let mut row = self.row(op, id.or_else(|| op.id.clone()), (&attributes, status));
        if op.operation == Operation::Delete
            && let Some(old) = self.rows.get(op.key)
        {
            row = StateRow {
                attributes: row.attributes,
                status,
                op: row.op,
                ..old.clone()
            };
        }
        self.rows.put(&row, Some(&attributes));
        Write::PutRow(Box::new(row))
    }

    /// A step failed before it had any effect.
    pub(super) fn fail(&mut self, step: &'a Step, error: &ProviderError) {
        let began = self.cx.clock.elapsed();
        let failure = StepFailure::new(step, error);
        self.failed(step, began, (failure, Vec::new()));
    }

    fn failed(
        &mut self,
        step: &'a Step,
        began: Duration,
        (failure, mut writes): (StepFailure, Vec<Write>),
    ) {
        if failure.kind == Some(ProviderErrorKind::Credentials) {
            self.outcome.credentials = true;
            self.cx.brake.throw();
        }
        let outside = !writes.is_empty();
        writes.push(self.failure_event(&failure));
        self.queue.stage(Staged {
            writes,
            outside,
            then: After::Nothing,
        });
        let event = self.step_event(step);
        self.report(event, began, failure);
        let reason = format!("{} failed", step.key);
        for number in self.schedule.fail(step.number) {
            self.skip(number, &reason);
        }
    }

    fn failure_event(&self, failure: &StepFailure) -> Write {
        Write::Event {
            run: self.run,
            event: StoredEvent {
                at: self.cx.clock.now(),
                kind: "step_failed".to_owned(),
                data: serde_json::json!({
                    "step": failure.number,
                    "address": failure.key.to_string(),
                    "action": failure.action,
                    "message": failure.message,
                    "hint": failure.hint,
                }),
            },
        }
    }

    pub(super) fn report(&mut self, step: StepEvent, began: Duration, failure: StepFailure) {
        (self.cx.events)(Event::StepFailed {
            step,
            elapsed: self.cx.clock.elapsed().saturating_sub(began),
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        });
        self.outcome.failed.push(failure);
    }

    pub(super) fn skip(&mut self, number: u32, reason: &str) {
        let step = &self.plan.steps[number as usize];
        (self.cx.events)(Event::StepSkipped {
            step: self.step_event(step),
            reason: reason.to_owned(),
        });
        self.outcome.skipped.push(number);
    }
}
