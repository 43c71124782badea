//! One op: sends the request, looks into lost answers, and sends again where the retry policy says so.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::channel::{mpsc, oneshot};
use strata_model::event::{Event, StepEvent};
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Checkpoint, Connection, Object, Operation, ProviderConfig,
    ProviderError, ProviderErrorKind, Residue,
};
use strata_model::schema::{ResourceSchema, Timeouts};
use strata_model::state::{CheckpointRecord, RowKey};
use strata_model::store::StateStore;
use strata_model::{Address, Clock, Fence, IdSource, OpId, SecretKey, Value};

use super::journal::{JournalEvent, StepStatus, next_status};
use super::locate::{Located, Lost, Waiting, locate};
use super::redact::Redactor;
use super::stop::Stop;
use super::{retry, row};

/// What all ops of a run share.
#[derive(Clone)]
pub(crate) struct Surroundings<'a> {
    pub(crate) store: &'a dyn StateStore,
    /// The fence of the lock that the run holds.
    pub(crate) fence: Fence,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) key: &'a SecretKey,
    pub(crate) events: &'a (dyn Fn(Event) + Send + Sync),
    /// Thrown when nothing may be sent any more.
    pub(crate) brake: Stop,
    pub(crate) checkpoints: mpsc::UnboundedSender<CheckpointMessage>,
    /// Objects of this run whose insides cannot be reached from here.
    pub(crate) unreachable: Arc<Mutex<BTreeSet<Address>>>,
}

impl Surroundings<'_> {
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        Waiting {
            clock: self.clock.as_ref(),
            ids: self.ids.as_ref(),
        }
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// An id to be made durable, and who waits for that.
#[derive(Debug)]
pub(crate) struct CheckpointMessage {
    pub(crate) op: OpId,
    pub(crate) record: CheckpointRecord,
    pub(crate) reply: oneshot::Sender<Result<(), ProviderError>>,
}

/// One attempt of one step, with everything that it needs to run.
#[derive(Debug)]
pub(crate) struct Op<'a> {
    pub(crate) step: StepEvent,
    pub(crate) key: &'a RowKey,
    pub(crate) op: OpId,
    pub(crate) operation: Operation,
    pub(crate) schema: &'a ResourceSchema,
    pub(crate) provider: ProviderConfig,
    pub(crate) connection: Arc<dyn Connection>,
    /// Whether its objects live in the state only.
    pub(crate) local: bool,
    pub(crate) id: Option<String>,
    pub(crate) prior: Option<Value>,
    pub(crate) planned: Value,
    /// What is made in the place of what is deleted.
    pub(crate) successor: Option<Value>,
    pub(crate) timeouts: Timeouts,
    pub(crate) was_absent: bool,
    /// The op that created the object that is changed or completed.
    pub(crate) created_by: Option<OpId>,
    /// Where the row goes that makes room for a replacement, in the transaction of the intent.
    pub(crate) deposed: Option<RowKey>,
    /// Whether a row is there to be deleted.
    pub(crate) has_row: bool,
    /// When it began, as [`Clock::elapsed`].
    pub(crate) began: Duration,
    pub(crate) journal: OpJournal,
}

/// Where an op stands. Every change goes through [`next_status`].
#[derive(Debug)]
pub(crate) struct OpJournal(Mutex<StepStatus>);

impl OpJournal {
    pub(crate) fn new() -> Self {
        OpJournal(Mutex::new(StepStatus::Pending))
    }

    pub(crate) fn advance(&self, event: JournalEvent) -> Result<(), ProviderError> {
        let mut status = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *status = next_status(*status, event)
            .map_err(|illegal| ProviderError::bug(illegal.to_string()))?;
        Ok(())
    }

    fn is_located(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == StepStatus::Located
    }
}

/// How an op ended.
#[derive(Debug)]
pub(crate) enum OpEnd {
    /// It did what it was to do.
    Done(Applied),
    /// What it was to delete stays, and is forgotten: why.
    LeftAlone(String),
    /// It did not.
    Failed {
        /// Why.
        error: ProviderError,
        /// What it left.
        left: Left,
    },
}

/// What a failed op left.
#[derive(Debug)]
pub(crate) enum Left {
    /// Nothing, or what was there before.
    Nothing,
    /// An object to be completed.
    Incomplete(Box<Object>),
    /// An object to be replaced.
    Broken(Box<Object>),
    /// Nobody knows: the next run's recovery looks again.
    Unknown,
    /// One of several objects, and a human must say which.
    Several(Vec<String>),
}

/// Runs an op whose intent is durable, to its end.
///
/// # Cancellation
///
/// May be dropped at any await: the journal holds what recovery needs.
pub(crate) async fn run(op: &Op<'_>, cx: &Surroundings<'_>) -> OpEnd {
    let checkpoint = Recorder::new(op, cx);
    let mut attempt = Attempt {
        op,
        cx,
        checkpoint: &checkpoint,
        object: continued(op),
        sent: 0,
        streak: Streak::default(),
    };
    loop {
        let failure = match attempt.send().await {
            Ok(applied) => return checkpoint.end(applied),
            Err(failure) => failure,
        };
        if let Some(end) = attempt.weigh(failure).await {
            return end;
        }
    }
}

/// The object that a create is to complete.
fn continued(op: &Op<'_>) -> Option<Object> {
    let id = op
        .id
        .clone()
        .filter(|_| op.operation == Operation::Create)?;
    Some(Object {
        id,
        attributes: op.prior.clone().unwrap_or_else(Value::null),
        incomplete: true,
    })
}

/// Where an op stands after a failed send was looked into.
enum Standing {
    /// The retry policy decides.
    Open,
    /// Its own object was in the way.
    Ours,
    /// What was to be deleted is gone.
    Gone,
}

struct Attempt<'x, 'a> {
    op: &'x Op<'a>,
    cx: &'x Surroundings<'a>,
    checkpoint: &'x Recorder<'x, 'a>,
    /// The object that is known to exist and is not as planned.
    object: Option<Object>,
    sent: u32,
    streak: Streak,
}

/// Failures in a row. A send that went on for long before it failed was getting somewhere, and begins a new row.
#[derive(Debug, Default)]
struct Streak {
    sent_at: Duration,
    failures: u32,
    since: Duration,
}

impl Streak {
    /// How long a send goes on that was getting somewhere.
    const PROGRESS: Duration = Duration::from_secs(60);

    fn failed(&mut self, at: Duration) {
        if self.failures == 0 || at.saturating_sub(self.sent_at) > Self::PROGRESS {
            self.failures = 0;
            self.since = at;
        }
        self.failures += 1;
    }
}

impl Attempt<'_, '_> {
    async fn send(&mut self) -> Result<Applied, ApplyError> {
        let op = self.op;
        self.sent += 1;
        self.streak.sent_at = self.cx.clock.elapsed();
        let known = self.object.as_ref();
        let request = ApplyRequest {
            operation: op.operation,
            resource_type: op.schema.name,
            op: op.op,
            id: known.map(|object| object.id.as_str()).or(op.id.as_deref()),
            prior: known.map(|object| &object.attributes).or(op.prior.as_ref()),
            planned: &op.planned,
            successor: op.successor.as_ref(),
            timeouts: op.timeouts,
        };
        op.connection.apply_change(request, self.checkpoint).await
    }

    /// Finds out what a failed send left, and waits for the next one. Returns the end when there is none.
    async fn weigh(&mut self, failure: ApplyError) -> Option<OpEnd> {
        let failed_at = self.cx.clock.elapsed();
        self.streak.failed(failed_at);
        let ApplyError { error, residue } = failure;
        let error = self.checkpoint.redactor.error(error);
        if self.checkpoint.is_refused() {
            // The lock is another run's: it looks into the op, and this one leaves it alone.
            return Some(OpEnd::Failed {
                error,
                left: Left::Unknown,
            });
        }
        if self.op.operation == Operation::Delete && error.kind == ProviderErrorKind::NotFound {
            return Some(OpEnd::Done(gone()));
        }
        match self.take_residue(residue, &error, failed_at).await {
            Ok(Standing::Open) => {}
            // What stood in the way is the object of an earlier send of this op.
            Ok(Standing::Ours) => return None,
            Ok(Standing::Gone) => return Some(OpEnd::Done(gone())),
            Err(left) => return Some(OpEnd::Failed { error, left }),
        }
        match self.patience(&error, failed_at) {
            Some(wait) => self.wait(error, wait).await,
            None => Some(self.give_up(error)),
        }
    }

    /// The wait before the next send, when there is to be one. A kind of error has its limit for failures in a row,
    /// and an op has its own for everything.
    fn patience(&self, error: &ProviderError, failed_at: Duration) -> Option<Duration> {
        if self.cx.brake.is_thrown() {
            return None;
        }
        let op = self.op;
        let limit = retry::limit(error.kind, op.operation, &op.timeouts)?;
        let whole = limit.max(retry::timeout(op.operation, &op.timeouts));
        let left = whole.checked_sub(failed_at.saturating_sub(op.began))?;
        let spent = failed_at.saturating_sub(self.streak.since);
        let limit = Some(limit.min(spent.saturating_add(left)));
        retry::next(
            error,
            limit,
            (self.streak.failures, spent),
            self.cx.ids.as_ref(),
        )
    }

    async fn take_residue(
        &mut self,
        residue: Residue,
        error: &ProviderError,
        failed_at: Duration,
    ) -> Result<Standing, Left> {
        let repeated = self.sent > 1 && error.kind == ProviderErrorKind::AlreadyExists;
        match residue {
            Residue::Nothing if self.object.is_some() => Ok(Standing::Open),
            // An id that was reported and then disowned is looked for all the same.
            Residue::Nothing if self.op.journal.is_located() => {
                self.resolve(error, failed_at).await
            }
            Residue::Nothing if repeated => {
                self.resolve(error, failed_at).await?;
                Ok(match self.object {
                    Some(_) => Standing::Ours,
                    None => Standing::Open,
                })
            }
            Residue::Nothing => Ok(Standing::Open),
            Residue::Partial(object) => {
                self.object = Some(*object);
                Ok(Standing::Open)
            }
            Residue::Failed(object) => Err(Left::Broken(object)),
            Residue::Unknown => self.resolve(error, failed_at).await,
        }
    }

    /// Looks into a lost answer. A delete needs no look: it is sent again, and finds nothing if it had its effect.
    async fn resolve(&mut self, error: &ProviderError, since: Duration) -> Result<Standing, Left> {
        let op = self.op;
        let advance = |event| op.journal.advance(event).map_err(|_| Left::Unknown);
        advance(JournalEvent::Lost)?;
        if op.operation == Operation::Delete && self.may_send_again(error) {
            advance(JournalEvent::Cleared)?;
            return Ok(Standing::Open);
        }
        let checkpointed = self.checkpoint.id();
        let known = self.object.as_ref().map(|object| object.id.as_str());
        let lost = Lost {
            op: op.op,
            operation: op.operation,
            resource_type: op.schema.name,
            adoption: op.schema.adoption,
            window: op.schema.consistency_window,
            id: known.or(checkpointed.as_deref()).or(op.id.as_deref()),
            recorded: op.prior.as_ref(),
            planned: &op.planned,
            was_absent: op.was_absent,
        };
        match locate(op.connection.as_ref(), lost, since, self.cx.waiting()).await {
            Located::Present(object) => {
                self.object = Some(*object);
                advance(JournalEvent::Identified)?;
                Ok(Standing::Open)
            }
            Located::Absent => {
                self.object = None;
                advance(JournalEvent::Cleared)?;
                Ok(match op.operation {
                    Operation::Create | Operation::Update => Standing::Open,
                    Operation::Delete => Standing::Gone,
                })
            }
            Located::Several(ids) => Err(Left::Several(ids)),
            Located::Unreadable(_) => Err(Left::Unknown),
        }
    }

    fn may_send_again(&self, error: &ProviderError) -> bool {
        let limit = retry::limit(error.kind, self.op.operation, &self.op.timeouts);
        limit.is_some() && !self.cx.brake.is_thrown()
    }

    /// Waits before the next send; a thrown brake ends the wait and the op.
    async fn wait(&mut self, error: ProviderError, delay: Duration) -> Option<OpEnd> {
        (self.cx.events)(Event::StepRetry {
            step: self.op.step.clone(),
            message: error.message.clone(),
            delay,
        });
        let mut sleep = self.cx.clock.sleep(delay).fuse();
        let mut thrown = self.cx.brake.thrown();
        futures::select_biased! {
            () = thrown => Some(self.give_up(error)),
            () = sleep => None,
        }
    }

    fn give_up(&mut self, error: ProviderError) -> OpEnd {
        let left = match self.object.take() {
            Some(object) => Left::Incomplete(Box::new(object)),
            None => Left::Nothing,
        };
        OpEnd::Failed { error, left }
    }
}

fn gone() -> Applied {
    Applied {
        id: None,
        attributes: Value::null(),
    }
}

/// The checkpoint of one op.
struct Recorder<'x, 'a> {
    op: &'x Op<'a>,
    cx: &'x Surroundings<'a>,
    redactor: Redactor,
    /// The id that was reported last, and whether it is durable.
    reported: Mutex<Option<(String, bool)>>,
    /// Whether a call was refused because the lock is lost.
    refused: AtomicBool,
    /// Why what is to be deleted stays.
    left_alone: Mutex<Option<String>>,
}

impl<'x, 'a> Recorder<'x, 'a> {
    fn new(op: &'x Op<'a>, cx: &'x Surroundings<'a>) -> Self {
        Recorder {
            op,
            cx,
            redactor: Redactor::of(op.prior.iter().chain([&op.planned])),
            reported: Mutex::default(),
            refused: AtomicBool::new(false),
            left_alone: Mutex::default(),
        }
    }

    /// The end of an op that succeeded.
    fn end(&self, applied: Applied) -> OpEnd {
        let left_alone = self.left_alone.lock();
        match left_alone.unwrap_or_else(PoisonError::into_inner).take() {
            Some(reason) if self.op.operation == Operation::Delete => OpEnd::LeftAlone(reason),
            Some(_) | None => OpEnd::Done(applied),
        }
    }

    fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn id(&self) -> Option<String> {
        let reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.as_ref().map(|(id, _)| id.clone())
    }

    fn is_durable(&self, id: &str) -> bool {
        let reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported
            .as_ref()
            .is_some_and(|(known, durable)| known == id && *durable)
    }

    fn set(&self, id: &str, durable: bool) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        *reported = Some((id.to_owned(), durable));
    }
}

#[async_trait]
impl Checkpoint for Recorder<'_, '_> {
    async fn created(&self, id: &str, attributes: &Value) -> Result<(), ProviderError> {
        // What lives in the state only needs no way back to it.
        if self.op.local || self.is_durable(id) {
            return Ok(());
        }
        let not_durable = || {
            ProviderError::new(
                ProviderErrorKind::Unavailable,
                "the object's id could not be recorded in the state",
            )
        };
        let schema = &self.op.schema.schema;
        let marked = row::with_marks(&self.op.planned, attributes.clone(), schema);
        let (reply, durable) = oneshot::channel();
        let message = CheckpointMessage {
            op: self.op.op,
            record: CheckpointRecord {
                id: id.to_owned(),
                attributes: row::encode(&marked, schema, self.cx.key),
            },
            reply,
        };
        // The id is known from here on, durable or not.
        self.set(id, false);
        let sent = self.cx.checkpoints.unbounded_send(message);
        sent.map_err(|_| not_durable())?;
        durable.await.map_err(|_| not_durable())??;
        self.set(id, true);
        self.op.journal.advance(JournalEvent::Identified)
    }

    async fn may_send(&self) -> Result<(), ProviderError> {
        // Local objects have no effect before the commit, which checks by itself.
        if self.op.local {
            return Ok(());
        }
        let checked = self.cx.store.check_fence(self.cx.fence).await;
        checked.map_err(|error| {
            self.refused.store(true, Ordering::Relaxed);
            self.cx.brake.throw();
            ProviderError::new(ProviderErrorKind::Unavailable, error.to_string())
        })
    }

    fn progress(&self, message: &str) {
        let mut step = self.op.step.clone();
        step.id = self.id().or(step.id);
        (self.cx.events)(Event::StepProgress {
            step,
            message: self.redactor.text(message),
            elapsed: self.cx.clock.elapsed().saturating_sub(self.op.began),
        });
    }

    fn unreachable(&self, message: &str) {
        let mut hosts = self
            .cx
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        hosts.insert(self.op.key.address.clone());
        drop(hosts);
        self.warn(message);
    }

    fn warn(&self, message: &str) {
        let mut step = self.op.step.clone();
        step.id = self.id().or(step.id);
        (self.cx.events)(Event::StepWarning {
            step,
            message: self.redactor.text(message),
        });
    }

    fn left_alone(&self, reason: &str) {
        let mut left_alone = self
            .left_alone
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *left_alone = Some(self.redactor.text(reason));
    }
}
