//! The executor: one task that begins steps, polls them, and makes durable what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, channel::mpsc, channel::oneshot};
use strata_model::event::{Event, StepEvent};
use strata_model::plan::{Action, Plan, PlanMode, Step};
use strata_model::provider::{Object, ProviderConfig, ProviderError, ProviderErrorKind};
use strata_model::state::{PlanRecord, PlanStatus, RowKey, RunRecord, RunStatus, StoredOutput};
use strata_model::store::{StoreError, Write};
use strata_model::{Address, Diagnostic, Fence, RunId};

use super::commit::{CommitQueue, Committed, Staged};
use super::operation::{CheckpointMessage, Op, OpEnd, Surroundings};
use super::outcome::{INVALID_PLAN, StepFailure, Tally, closing_line};
use super::rows::Rows;
use super::schedule::Schedule;
use super::slots::Slots;
use super::stop::Stop;
use super::unseen::{Seen, Sight};
use super::{ApplyInput, ApplyOutcome, Connections, preflight};
use crate::resolve::Resolver;

/// How many steps that need no call may share one transaction.
const GROUP: usize = 512;

/// Carries a plan out, as far as it goes.
///
/// At most `parallelism` ops are under way at once, or [`FAST_IN_ONE`](strata_model::provider::FAST_IN_ONE) times as many of fast providers. They are polled while a transaction runs, and results of finished
/// steps share a transaction with the intents of those that become ready by them. After a transaction failed nothing
/// new is sent; what is under way ends, and its results are tried once more.
///
/// Before all that each connection says whether its changes can succeed. If one cannot, nothing is changed, neither
/// outside nor in the state: the outcome says what stands in the way.
///
/// # Cancellation
///
/// May be dropped at any await: what was sent stays findable by its durable intent.
pub async fn execute(input: ApplyInput<'_>) -> ApplyOutcome {
    input.connections.know(input.state.rows.values());
    let obstacles = preflight::look(&input).await;
    if !obstacles.is_empty() {
        return ApplyOutcome {
            obstacles,
            ..ApplyOutcome::default()
        };
    }
    match Executor::new(input) {
        Ok(mut executor) => {
            executor.drive().await;
            executor.close().await
        }
        Err(fault) => ApplyOutcome {
            diagnostics: Diagnostic::error(
                INVALID_PLAN,
                "The plan is not consistent",
                fault.to_string(),
            )
            .into(),
            ..ApplyOutcome::default()
        },
    }
}

pub(super) struct Executor<'a> {
    pub(super) plan: &'a Plan,
    pub(super) connections: &'a Connections,
    pub(super) resolver: &'a mut dyn Resolver,
    pub(super) cx: Surroundings<'a>,
    pub(super) queue: CommitQueue<'a, After<'a>>,
    pub(super) running: FuturesUnordered<BoxFuture<'a, Finished<'a>>>,
    pub(super) rows: Rows<'a>,
    pub(super) schedule: Schedule,
    pub(super) outcome: ApplyOutcome,
    pub(super) run: RunId,
    pub(super) fence: Fence,
    /// Whether an earlier run of this plan may have changed rows.
    pub(super) continued: bool,
    /// The key that the row of a replaced object gets, by group, where the replacement is created first.
    pub(super) deposed: BTreeMap<u32, &'a RowKey>,
    /// The step that makes the new object of a replacement, by group.
    pub(super) successors: BTreeMap<u32, u32>,
    /// Objects of which an op is open: no step may touch them.
    pub(super) blocked: BTreeSet<&'a RowKey>,
    /// Blocks of which planning could not see what is there, as far as they have been looked at.
    pub(super) unseen: BTreeMap<Address, Sight>,
    /// How much of `parallelism` is taken.
    slots: Slots,
    inbox: mpsc::UnboundedReceiver<CheckpointMessage>,
    stop: Stop,
    record: PlanRecord,
    /// Successes whose transaction failed; they are tried once more.
    limbo: Vec<Finish>,
    /// Counts including what is staged, for the record of the run.
    tally: Tally<'a>,
    /// Counts of what is durable, for the outcome.
    done: Tally<'a>,
    closed: bool,
}

/// What happens when a transaction is durable.
pub(super) enum After<'a> {
    /// The op's calls may leave.
    Call(Box<Op<'a>>),
    /// The step is done.
    Finish(Finish),
    /// A provider may go on.
    Reply(oneshot::Sender<Result<(), ProviderError>>),
    /// Nothing.
    Nothing,
}

/// A step that succeeded, as soon as that is durable.
pub(super) struct Finish {
    pub(super) step: StepEvent,
    pub(super) began: Duration,
    /// Whether something happened outside.
    pub(super) outside: bool,
    /// Why what was to be deleted stays.
    pub(super) left_alone: Option<String>,
}

/// What a polled future came to.
pub(super) enum Finished<'a> {
    /// It is known whether the object to create is there already.
    Looked {
        op: Box<Op<'a>>,
        absent: Result<bool, ProviderError>,
    },
    /// A block was looked at before something of it is made.
    LookedAhead { block: Address, seen: Seen<'a> },
    /// An op ended.
    Ended { op: Box<Op<'a>>, end: OpEnd },
    /// A data source or an object to import was read.
    Observed {
        step: u32,
        began: Duration,
        provider: ProviderConfig,
        result: Result<Option<Object>, ProviderError>,
    },
}

enum Wake<'a> {
    Finished(Finished<'a>),
    Committed(Committed<After<'a>>),
    Checkpoint(CheckpointMessage),
    Stopped,
}

impl<'a> Executor<'a> {
    fn new(input: ApplyInput<'a>) -> Result<Self, super::schedule::UnknownStep> {
        let ApplyInput { plan, state, .. } = input;
        let connections = input.connections;
        let (sender, inbox) = mpsc::unbounded();
        let mut executor = Executor {
            plan,
            connections,
            resolver: input.resolver,
            cx: Surroundings {
                store: input.store,
                fence: input.lock.fence,
                clock: connections.clock().clone(),
                ids: connections.ids().clone(),
                key: input.key,
                events: input.events,
                brake: Stop::new(),
                checkpoints: sender,
                unreachable: Arc::default(),
            },
            queue: CommitQueue::new(input.store, input.lock.fence),
            running: FuturesUnordered::new(),
            rows: Rows::new(state, plan),
            schedule: Schedule::new(plan, |step| is_local(connections, step), &input.record.done)?,
            outcome: ApplyOutcome {
                done: Tally::of(plan).summary,
                ..ApplyOutcome::default()
            },
            run: input.run.id,
            fence: input.lock.fence,
            continued: input.record.status == PlanStatus::Running,
            deposed: deposed_keys(plan),
            successors: successors(plan),
            blocked: state
                .open_ops
                .iter()
                .map(|open| &open.intent.row.key)
                .collect(),
            unseen: BTreeMap::new(),
            inbox,
            stop: input.stop,
            slots: Slots::new(input.parallelism),
            record: PlanRecord {
                status: PlanStatus::Running,
                ..input.record
            },
            limbo: Vec::new(),
            tally: Tally::of(plan),
            done: Tally::of(plan),
            closed: false,
        };
        executor.open(input.run);
        Ok(executor)
    }

    /// Records the run's beginning, in the transaction of the first intents.
    fn open(&mut self, run: RunRecord) {
        (self.cx.events)(Event::RunStarted {
            run: run.id,
            steps: self.plan.steps.len() - self.record.done.len(),
        });
        let plan = self.plan;
        for number in self.record.done.clone() {
            if let Some(step) = plan.steps.get(number as usize) {
                self.recall(step);
            }
        }
        let writes = vec![Write::PutPlan(self.record.clone()), Write::BeginRun(run)];
        self.stage(writes, After::Nothing);
    }

    /// Tells the resolver what the row of a step says.
    pub(super) fn recall(&mut self, step: &Step) {
        let row = self.rows.get(&step.key);
        match row.map(|row| self.connections.attributes(row)) {
            Some(Ok(object)) => self.resolver.record(&step.key, Some(&object)),
            // What cannot be decoded stays unknown, and fails the step that needs it.
            Some(Err(_)) => {}
            None => self.resolver.record(&step.key, None),
        }
    }

    async fn drive(&mut self) {
        loop {
            if self.stop.is_thrown() {
                self.interrupt();
            }
            self.fill();
            if self.is_braked() {
                self.withdraw();
            }
            self.conclude();
            self.queue.start();
            if self.running.is_empty() && !self.queue.is_flying() {
                return;
            }
            for wake in self.wait().await {
                self.handle(wake);
            }
            if self.queue.failure().is_some() {
                self.cx.brake.throw();
                let lost = self.queue.give_up();
                lost.into_iter().for_each(|after| self.undone(after));
            }
        }
    }

    pub(super) fn is_braked(&self) -> bool {
        self.cx.brake.is_thrown()
    }

    /// Takes a slot for a step, or the part of one that it needs.
    pub(super) fn take(&mut self, step: u32) {
        self.slots.take(self.is_fast(step));
    }

    /// Gives back what a step took.
    pub(super) fn free(&mut self, step: u32) {
        self.slots.free(self.is_fast(step));
    }

    fn is_fast(&self, step: u32) -> bool {
        let step = &self.plan.steps[step as usize];
        let schema = self.connections.schema(&step.key.address);
        schema.is_ok_and(|(provider, _)| provider.is_fast())
    }

    /// Begins what is ready and has a slot.
    fn fill(&mut self) {
        while !self.is_braked() {
            let local = self.queue.waiting() < GROUP;
            let next = match local.then(|| self.schedule.pop(true)).flatten() {
                Some(step) => Some(step),
                None if self.slots.has_room() => self.schedule.pop(false),
                None => None,
            };
            match next {
                Some(number) => self.begin(number),
                None => return,
            }
        }
    }

    /// Takes back the intents that are not durable yet: their steps do not begin.
    fn withdraw(&mut self) {
        for after in self.queue.withdraw(|after| matches!(after, After::Call(_))) {
            self.undone(after);
        }
    }

    /// Waits until something happens, and takes everything that has.
    async fn wait(&mut self) -> Vec<Wake<'a>> {
        let mut stopped = self.stop.thrown();
        poll_fn(|context| {
            let wakes = self.poll(context, &mut stopped);
            if wakes.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(wakes)
            }
        })
        .await
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        stopped: &mut (impl Future<Output = ()> + Unpin),
    ) -> Vec<Wake<'a>> {
        let mut wakes = Vec::new();
        while let Poll::Ready(Some(finished)) = self.running.poll_next_unpin(context) {
            wakes.push(Wake::Finished(finished));
        }
        while let Poll::Ready(Some(message)) = self.inbox.poll_next_unpin(context) {
            wakes.push(Wake::Checkpoint(message));
        }
        if let Poll::Ready(committed) = self.queue.poll(context) {
            wakes.push(Wake::Committed(committed));
        }
        if !self.outcome.interrupted && stopped.poll_unpin(context).is_ready() {
            wakes.push(Wake::Stopped);
        }
        wakes
    }

    fn handle(&mut self, wake: Wake<'a>) {
        match wake {
            Wake::Finished(Finished::Looked { op, absent }) => self.looked(op, absent),
            Wake::Finished(Finished::LookedAhead { block, seen }) => {
                self.looked_ahead(&block, &seen);
            }
            Wake::Finished(Finished::Ended { op, end }) => self.settle(op, end),
            Wake::Finished(Finished::Observed {
                step,
                began,
                provider,
                result,
            }) => self.observed(step, began, provider, result),
            Wake::Committed(committed) if committed.durable => {
                for after in committed.then {
                    self.durable(after);
                }
            }
            Wake::Committed(committed) => {
                for after in committed.then {
                    self.undone(after);
                }
            }
            Wake::Checkpoint(message) => {
                let CheckpointMessage { op, record, reply } = message;
                self.queue.stage(Staged {
                    writes: vec![Write::Checkpoint { op, record }],
                    outside: true,
                    then: After::Reply(reply),
                });
            }
            Wake::Stopped => self.interrupt(),
        }
    }

    /// Somebody wants the run to end: nothing new begins, and what runs is finished.
    fn interrupt(&mut self) {
        if !self.outcome.interrupted {
            self.outcome.interrupted = true;
            self.cx.brake.throw();
            (self.cx.events)(Event::Stopping);
        }
    }

    fn durable(&mut self, after: After<'a>) {
        match after {
            After::Call(op) if self.is_braked() => self.unsent(&op),
            After::Call(op) => self.call(op),
            After::Finish(finish) => self.announce(finish),
            // The provider may have gone away; then nobody listens.
            After::Reply(reply) => drop(reply.send(Ok(()))),
            After::Nothing => {}
        }
    }

    /// What a failed or withdrawn transaction means.
    fn undone(&mut self, after: After<'a>) {
        match after {
            After::Call(op) => {
                self.free(op.step.number);
                self.skip(op.step.number, self.why_stopped());
            }
            After::Finish(finish) if finish.outside => self.limbo.push(finish),
            After::Finish(finish) => self.unrecorded(finish),
            After::Reply(reply) => drop(reply.send(Err(ProviderError::new(
                ProviderErrorKind::Unavailable,
                "the state could not be written",
            )))),
            After::Nothing => {}
        }
    }

    pub(super) fn why_stopped(&self) -> &'static str {
        if self.queue.failure().is_some() {
            "the state could not be written"
        } else if self.outcome.credentials {
            "credentials are missing or expired"
        } else if self.outcome.interrupted {
            "the run was interrupted"
        } else {
            "what it waits for is never done"
        }
    }

    fn announce(&mut self, finish: Finish) {
        let plan = self.plan;
        let step = &plan.steps[finish.step.number as usize];
        self.done.count(step, finish.left_alone.is_some());
        self.outcome.done = self.done.summary;
        self.outcome.succeeded += 1;
        let elapsed = self.cx.clock.elapsed().saturating_sub(finish.began);
        (self.cx.events)(match finish.left_alone {
            Some(reason) => Event::StepLeftAlone {
                step: finish.step,
                elapsed,
                reason,
            },
            None => Event::StepFinished {
                elapsed,
                id: finish.step.id.clone(),
                step: finish.step,
            },
        });
    }

    fn unrecorded(&mut self, finish: Finish) {
        let step = &self.plan.steps[finish.step.number as usize];
        let message = if finish.outside {
            "it was done, but could not be recorded; the next run finds it again"
        } else {
            "its result could not be recorded"
        };
        let error = ProviderError::new(ProviderErrorKind::Unavailable, message);
        let failure = StepFailure {
            kind: None,
            ..StepFailure::new(step, &error)
        };
        self.report(finish.step, finish.began, failure);
    }

    pub(super) fn stage(&mut self, writes: Vec<Write>, then: After<'a>) {
        self.queue.stage(Staged {
            writes,
            outside: false,
            then,
        });
    }

    /// A step is done once `writes` are durable; what waits for it may begin, since its own writes come later.
    pub(super) fn succeed(&mut self, writes: Vec<Write>, finish: Finish) {
        let number = finish.step.number;
        let plan = self.plan;
        let step = &plan.steps[number as usize];
        self.tally.count(step, finish.left_alone.is_some());
        self.schedule.succeed(number);
        self.queue.stage(Staged {
            writes,
            outside: finish.outside,
            then: After::Finish(finish),
        });
    }

    /// Ends the record of the run in the last transaction, when nothing else will come.
    fn conclude(&mut self) {
        let idle = self.slots.are_free() && self.running.is_empty() && !self.queue.is_flying();
        let quiet = idle && self.queue.failure().is_none();
        if self.closed || !quiet || !(self.schedule.is_idle() || self.is_braked()) {
            return;
        }
        self.closed = true;
        let why = self.why_stopped();
        for number in self.schedule.left() {
            self.skip(number, why);
        }
        let writes = self.last_writes();
        self.stage(writes, After::Nothing);
    }

    fn last_writes(&mut self) -> Vec<Write> {
        let status = self.outcome.status();
        self.outcome.outputs = self.outputs();
        let mut writes = vec![Write::PutOutputs(self.outcome.outputs.clone())];
        if status == RunStatus::Finished {
            writes.push(Write::PutPlan(PlanRecord {
                status: PlanStatus::Finished,
                ..self.record.clone()
            }));
        }
        writes.push(Write::EndRun {
            run: self.run,
            status,
            summary: closing_line(&self.tally.summary),
            at: self.cx.clock.now(),
        });
        writes
    }

    /// The outputs at the end. A run that destroys evaluates nothing: it drops what its plan says, if it came so far.
    fn outputs(&mut self) -> BTreeMap<String, StoredOutput> {
        if self.plan.options.mode != PlanMode::Destroy {
            let (outputs, diagnostics) = self.resolver.outputs();
            self.outcome.diagnostics.extend(diagnostics);
            return outputs;
        }
        let mut outputs = self.rows.outputs().clone();
        if self.outcome.is_complete() {
            let dropped = |name: &String| {
                let change = self.plan.outputs.get(name);
                change.is_some_and(|change| change.after.is_none())
            };
            outputs.retain(|name, _| !dropped(name));
        }
        outputs
    }

    /// Tries once more what could not be made durable, and says what came of the run.
    async fn close(mut self) -> ApplyOutcome {
        if self.queue.failure().is_some() {
            let why = self.why_stopped();
            for number in self.schedule.left() {
                self.skip(number, why);
            }
            let limbo = std::mem::take(&mut self.limbo);
            let last = Write::EndRun {
                run: self.run,
                status: RunStatus::Failed,
                summary: closing_line(&self.tally.summary),
                at: self.cx.clock.now(),
            };
            let rescued = self.queue.rescue(vec![last]).await;
            for finish in limbo {
                if rescued {
                    self.announce(finish);
                } else {
                    self.unrecorded(finish);
                }
            }
        }
        self.outcome.commits = self.queue.commits();
        self.outcome.store = self.queue.into_failure();
        self.outcome.fenced = matches!(self.outcome.store, Some(StoreError::Fenced));
        self.outcome
    }
}

/// Whether a step needs no slot: it makes no call, or only within this process.
fn is_local(connections: &Connections, step: &Step) -> bool {
    match step.action {
        Action::Move | Action::Forget | Action::Record => true,
        Action::Read | Action::Import => false,
        Action::Create | Action::Update | Action::Delete => connections
            .schema(&step.key.address)
            .is_ok_and(|(provider, _)| provider.is_local()),
    }
}

fn successors(plan: &Plan) -> BTreeMap<u32, u32> {
    let creates = plan.steps.iter();
    let creates = creates.filter(|step| step.action == Action::Create);
    creates
        .filter_map(|step| Some((step.group?, step.number)))
        .collect()
}

fn deposed_keys(plan: &Plan) -> BTreeMap<u32, &RowKey> {
    let deletes = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::Delete && step.key.deposed.is_some());
    deletes
        .filter_map(|step| Some((step.group?, &step.key)))
        .collect()
}
