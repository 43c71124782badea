//! A state store in memory: strict, and mortal.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use strata_model::event::StoredEvent;
use strata_model::state::{
    CheckpointRecord, ClosedOp, LockHolder, OpOutcome, OpenOp, PlanRecord, RowKey, RunRecord,
    StateRow, StateSnapshot, StoredOutput,
};
use strata_model::store::{Batch, Lock, StateStore, StoreError, Write};
use strata_model::{Fence, Lineage, OpId, PlanId, RunId, Serial, Timestamp};

use super::World;

#[derive(Debug, Clone, Default)]
pub(in super::super) struct StoreState {
    pub(in super::super) rows: BTreeMap<RowKey, StateRow>,
    pub(in super::super) open_ops: Vec<OpenOp>,
    pub(in super::super) closed: Vec<ClosedOp>,
    pub(in super::super) plans: BTreeMap<PlanId, PlanRecord>,
    pub(in super::super) runs: Vec<RunRecord>,
    pub(in super::super) events: Vec<(RunId, StoredEvent)>,
    pub(in super::super) outputs: BTreeMap<String, StoredOutput>,
    pub(in super::super) fence: Fence,
    pub(in super::super) serial: Serial,
    /// Commits that were tried.
    pub(in super::super) commits: u64,
}

fn inconsistent(table: &'static str, detail: &str) -> StoreError {
    StoreError::Inconsistent {
        table,
        key: String::new(),
        detail: detail.to_owned(),
    }
}

impl StoreState {
    fn write(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::OpenOp(intent) => {
                let taken = |open: &OpenOp| open.intent.row.key == intent.row.key;
                if self.open_ops.iter().any(taken) {
                    return Err(inconsistent("ops", "an op of that key is open"));
                }
                let intent = *intent;
                self.open_ops.push(OpenOp {
                    intent,
                    checkpoint: None,
                });
            }
            Write::Checkpoint { op, record } => self.checkpoint(op, record)?,
            Write::CloseOp {
                op,
                outcome,
                message,
                at,
            } => self.close(op, (outcome, message, at))?,
            Write::PutRow(row) => {
                self.rows.insert(row.key.clone(), *row);
            }
            Write::DeleteRow(key) => {
                let gone = self.rows.remove(&key);
                gone.ok_or_else(|| inconsistent("rows", "no row to delete"))?;
            }
            Write::MoveRow { from, to } => {
                let row = self.rows.remove(&from);
                let mut row = row.ok_or_else(|| inconsistent("rows", "no row to move"))?;
                row.key = to.clone();
                if self.rows.insert(to, row).is_some() {
                    return Err(inconsistent("rows", "a row is in the way"));
                }
            }
            Write::StepDone { plan, step } => {
                let plan = self.plans.get_mut(&plan);
                let plan = plan.ok_or_else(|| inconsistent("plans", "no such plan"))?;
                if let Err(place) = plan.done.binary_search(&step) {
                    plan.done.insert(place, step);
                }
            }
            Write::PutOutputs(outputs) => self.outputs = outputs,
            Write::PutPlan(plan) => {
                let done = self.plans.get(&plan.id).map(|old| old.done.clone());
                let done = done.unwrap_or_default();
                self.plans.insert(plan.id, PlanRecord { done, ..plan });
            }
            Write::BeginRun(run) => self.runs.push(run),
            Write::EndRun {
                run,
                status,
                summary,
                at,
            } => {
                let run = self.runs.iter_mut().find(|record| record.id == run);
                let run = run.ok_or_else(|| inconsistent("runs", "no such run"))?;
                run.status = status;
                run.summary = Some(summary);
                run.ended_at = Some(at);
            }
            Write::Event { run, event } => self.events.push((run, event)),
        }
        Ok(())
    }

    fn checkpoint(&mut self, op: OpId, record: CheckpointRecord) -> Result<(), StoreError> {
        let open = self.open_ops.iter_mut().find(|open| open.intent.op == op);
        let open = open.ok_or_else(|| inconsistent("ops", "no such open op"))?;
        open.checkpoint = Some(record);
        Ok(())
    }

    fn close(
        &mut self,
        op: OpId,
        (outcome, message, at): (OpOutcome, Option<String>, Timestamp),
    ) -> Result<(), StoreError> {
        let place = self.open_ops.iter().position(|open| open.intent.op == op);
        let place = place.ok_or_else(|| inconsistent("ops", "no such open op"))?;
        let intent = self.open_ops.remove(place).intent;
        self.closed.push(ClosedOp {
            op,
            run: intent.run,
            key: intent.row.key,
            operation: intent.operation,
            outcome,
            message,
            started_at: intent.started_at,
            ended_at: at,
        });
        Ok(())
    }
}

fn disk_full() -> StoreError {
    StoreError::Io {
        operation: "writing the state",
        source: "no space left on device".into(),
    }
}

#[async_trait]
impl StateStore for World {
    fn lineage(&self) -> Lineage {
        Lineage::from_bits([7; 16])
    }

    async fn snapshot(&self) -> Result<StateSnapshot, StoreError> {
        let inner = self.get();
        Ok(StateSnapshot {
            lineage: Some(Lineage::from_bits([7; 16])),
            serial: inner.store.serial,
            rows: inner.store.rows.clone(),
            open_ops: inner.store.open_ops.clone(),
            outputs: inner.store.outputs.clone(),
        })
    }

    async fn lock(&self, _holder: LockHolder, _timeout: Duration) -> Result<Lock, StoreError> {
        let mut inner = self.get();
        inner.store.fence.0 += 1;
        Ok(Lock {
            id: "lock".to_owned(),
            fence: inner.store.fence,
            took_over: false,
        })
    }

    async fn unlock(&self, _lock: &Lock) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lock_holder(&self) -> Result<Option<(String, LockHolder)>, StoreError> {
        Ok(None)
    }

    async fn force_unlock(&self, _id: &str) -> Result<(), StoreError> {
        self.get().store.fence.0 += 1;
        Ok(())
    }

    async fn check_fence(&self, fence: Fence) -> Result<(), StoreError> {
        let mut inner = self.get();
        if inner.faults.fenced_at_look == Some(inner.looks) {
            inner.store.fence.0 += 1;
            inner.calls_before_fence = Some(inner.mutating_calls);
        }
        inner.looks += 1;
        if inner.store.fence == fence {
            Ok(())
        } else {
            Err(StoreError::Fenced)
        }
    }

    async fn commit(&self, fence: Fence, batch: Batch) -> Result<Serial, StoreError> {
        self.point().await;
        let serial = {
            let mut inner = self.get();
            let number = inner.store.commits;
            inner.store.commits += 1;
            if inner.faults.fenced_at == Some(number) {
                inner.store.fence.0 += 1;
            }
            if inner.store.fence != fence {
                inner.failed_commit = true;
                return Err(StoreError::Fenced);
            }
            if inner.faults.failing_commits.contains(&number) {
                inner.failed_commit = true;
                return Err(disk_full());
            }
            let mut next = inner.store.clone();
            for write in batch.0 {
                next.write(write)?;
            }
            next.serial.0 += 1;
            inner.store = next;
            inner.store.serial
        };
        self.point().await;
        Ok(serial)
    }

    async fn save_plan(&self, plan: PlanRecord) -> Result<(), StoreError> {
        self.get().store.plans.insert(plan.id, plan);
        Ok(())
    }

    async fn plan(&self, id: PlanId) -> Result<Option<PlanRecord>, StoreError> {
        Ok(self.get().store.plans.get(&id).cloned())
    }

    async fn running_plans(&self) -> Result<Vec<PlanRecord>, StoreError> {
        let inner = self.get();
        let running = inner.store.plans.values();
        let running =
            running.filter(|plan| plan.status == strata_model::state::PlanStatus::Running);
        Ok(running.cloned().collect())
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        let inner = self.get();
        let runs = inner.store.runs.iter().rev().take(limit as usize);
        Ok(runs.cloned().collect())
    }

    async fn events(&self, run: RunId) -> Result<Vec<StoredEvent>, StoreError> {
        let inner = self.get();
        let events = inner.store.events.iter();
        let events = events.filter(|(of, _)| *of == run);
        Ok(events.map(|(_, event)| event.clone()).collect())
    }

    async fn history(
        &self,
        address: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ClosedOp>, StoreError> {
        let inner = self.get();
        let closed = inner.store.closed.iter().rev();
        let closed = closed.filter(|closed| {
            address.is_none_or(|address| closed.key.address.to_string() == address)
        });
        Ok(closed.take(limit as usize).cloned().collect())
    }

    async fn op_outcome(&self, op: OpId) -> Result<Option<OpOutcome>, StoreError> {
        let inner = self.get();
        let closed = inner.store.closed.iter().find(|closed| closed.op == op);
        Ok(closed.map(|closed| closed.outcome))
    }
}
