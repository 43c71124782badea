//! The executor and recovery against a small world that fails in every way it can.

mod crash;
mod fault;
mod flow;
mod preflight;
mod scenario;
mod unseen;

use std::sync::Mutex;

use strata_model::event::Event;
use strata_model::plan::Plan;
use strata_model::state::{
    LockHolder, PlanRecord, PlanStatus, RunRecord, RunStatus, StateSnapshot,
};
use strata_model::store::{Lock, StateStore};
use strata_model::{Clock, Digest, IdSource, RunId};

use super::fake::{FakeResolver, World, key};
use super::{
    ApplyInput, ApplyOutcome, Connections, RecoverInput, Recovery, Stop, check_stale, execute,
    recover,
};

/// One `apply PLAN`: lock, recovery, check and run, as the command line does it.
struct Session<'w> {
    world: &'w World,
    parallelism: usize,
    stop: Stop,
    events: Mutex<Vec<Event>>,
    /// Changes the resolver before the run.
    prepare: Box<dyn Fn(&mut FakeResolver<'_>) + Send + Sync + 'w>,
}

/// What came of a session.
enum Applied {
    /// The plan was carried out, as far as it goes.
    Run(Box<ApplyOutcome>),
    /// The plan is done already.
    Finished,
    /// Recovery could not decide everything.
    Undecided(Recovery),
}

impl Applied {
    fn outcome(self) -> ApplyOutcome {
        match self {
            Applied::Run(outcome) => *outcome,
            Applied::Finished => panic!("the plan was finished"),
            Applied::Undecided(recovery) => panic!("undecided: {recovery:?}"),
        }
    }
}

fn holder() -> LockHolder {
    LockHolder {
        who: "somebody@here".to_owned(),
        pid: 1,
        operation: "apply".to_owned(),
        version: "0".to_owned(),
        since: strata_model::Timestamp::UNIX_EPOCH,
    }
}

impl<'w> Session<'w> {
    fn new(world: &'w World) -> Self {
        Session {
            world,
            parallelism: 4,
            stop: Stop::new(),
            events: Mutex::default(),
            prepare: Box::new(|_| {}),
        }
    }

    fn with(mut self, prepare: impl Fn(&mut FakeResolver<'_>) + Send + Sync + 'w) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    async fn recover(&self, connections: &Connections, lock: &Lock) -> Recovery {
        let secret = key();
        let input = RecoverInput {
            store: self.world,
            lock,
            connections,
            key: &secret,
            parallelism: self.parallelism,
            events: &|event| self.events.lock().unwrap().push(event),
        };
        recover(input).await.unwrap()
    }

    async fn record(&self, plan: &Plan) -> PlanRecord {
        let known = self.world.plan(plan.id).await.unwrap();
        known.unwrap_or_else(|| PlanRecord {
            id: plan.id,
            digest: Digest::of(&plan.to_bytes().unwrap()),
            status: PlanStatus::Saved,
            created_at: self.world.now(),
            done: Vec::new(),
        })
    }

    async fn apply(&self, plan: &Plan) -> Applied {
        let connections = self.world.connections();
        let lock = self.world.lock(holder(), std::time::Duration::ZERO).await;
        let lock = lock.unwrap();
        let recovery = self.recover(&connections, &lock).await;
        if !recovery.is_complete() {
            return Applied::Undecided(recovery);
        }
        let record = self.record(plan).await;
        if record.status == PlanStatus::Finished {
            return Applied::Finished;
        }
        let state = self.world.snapshot().await.unwrap();
        let stale = check_stale(plan, &state, &record, self.world).await;
        assert_eq!(stale.unwrap(), []);
        let outcome = self
            .execute(plan, record, (&state, &lock, &connections))
            .await;
        Applied::Run(Box::new(outcome))
    }

    async fn execute(
        &self,
        plan: &Plan,
        record: PlanRecord,
        (state, lock, connections): (&StateSnapshot, &Lock, &Connections),
    ) -> ApplyOutcome {
        let mut resolver = FakeResolver::new(connections, state);
        (self.prepare)(&mut resolver);
        let secret = key();
        execute(ApplyInput {
            plan,
            record,
            state,
            store: self.world,
            lock,
            connections,
            resolver: &mut resolver,
            run: self.run_record(plan),
            key: &secret,
            parallelism: self.parallelism,
            events: &|event| self.events.lock().unwrap().push(event),
            stop: self.stop.clone(),
        })
        .await
    }

    fn run_record(&self, plan: &Plan) -> RunRecord {
        RunRecord {
            id: RunId::from_bits(self.world.bits()),
            plan: plan.id,
            who: "somebody@here".to_owned(),
            command: "apply".to_owned(),
            commit: None,
            dirty: false,
            engine_version: "0".to_owned(),
            started_at: self.world.now(),
            ended_at: None,
            status: RunStatus::Running,
            summary: None,
        }
    }
}
