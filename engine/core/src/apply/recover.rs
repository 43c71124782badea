//! Recovery: ops that ended without a recorded outcome are looked into, and never sent again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use strata_model::event::Event;
use strata_model::provider::{Connection, Object, Operation, ProviderError, ProviderErrorKind};
use strata_model::schema::ResourceSchema;
use strata_model::state::{OpOutcome, OpenOp, RowKey, RowStatus, StateRow, StateSnapshot};
use strata_model::store::{Batch, Lock, StateStore, StoreError, Write};
use strata_model::{OpId, SecretKey, Value};

use super::Connections;
use super::journal::{JournalEvent, next_status, status_of};
use super::locate::{Located, Lost, Waiting, locate};
use super::row;

/// What recovery needs.
pub struct RecoverInput<'a> {
    /// The store.
    pub store: &'a dyn StateStore,
    /// The lock, held.
    pub lock: &'a Lock,
    /// The providers and their connections.
    pub connections: &'a Connections,
    /// The key for fingerprints.
    pub key: &'a SecretKey,
    /// How many ops are looked into at once; at least one.
    pub parallelism: usize,
    /// Who is told what was found.
    pub events: &'a (dyn Fn(Event) + Send + Sync),
}

impl std::fmt::Debug for RecoverInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoverInput")
            .field("lock", &self.lock)
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}

/// What recovery found, in the order in which the ops began.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// One per op that was open.
    pub findings: Vec<Finding>,
}

impl Recovery {
    /// The ops of which several objects may be the result: exit 4.
    pub fn needs_human(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| matches!(finding.resolution, Resolution::Several(_)))
    }

    /// The ops that could not be looked into.
    pub fn unreadable(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| matches!(finding.resolution, Resolution::Unreadable(_)))
    }

    /// Whether every op has an outcome now, so that a plan may be made or go on.
    pub fn is_complete(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.resolution.outcome().is_some())
    }
}

/// What was found of one op.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The op.
    pub op: OpId,
    /// Which object.
    pub key: RowKey,
    /// What the op was going to do.
    pub operation: Operation,
    /// What was found.
    pub resolution: Resolution,
}

/// What became of an op.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// Its object is there: the row says so, and the object is to be completed.
    Present(Box<StateRow>),
    /// What it was to delete is gone.
    Removed,
    /// What it was to delete is still there, and may be half gone or on its way out: the row says that.
    Remains(Box<StateRow>),
    /// It had no effect.
    Absent,
    /// More than one object may be its result; a human must remove all but one.
    Several(Vec<String>),
    /// It could not be looked into; that says nothing about the object.
    Unreadable(ProviderError),
}

impl Resolution {
    /// The outcome to record; `None` leaves the op open.
    pub fn outcome(&self) -> Option<OpOutcome> {
        match self {
            Resolution::Present(_) | Resolution::Removed => Some(OpOutcome::Present),
            Resolution::Remains(_) | Resolution::Absent => Some(OpOutcome::Absent),
            Resolution::Several(_) | Resolution::Unreadable(_) => None,
        }
    }
}

/// Looks into every op without an outcome, with the lock held, and records what was found as soon as it is.
///
/// Nothing is sent. An op that cannot be decided stays open and does not keep others from being decided. May be
/// killed and repeated at any point.
///
/// # Errors
///
/// When the state cannot be read or written.
pub async fn recover(input: RecoverInput<'_>) -> Result<Recovery, StoreError> {
    let snapshot = input.store.snapshot().await?;
    if snapshot.open_ops.is_empty() {
        return Ok(Recovery::default());
    }
    let look = Look {
        connections: input.connections,
        key: input.key,
        snapshot: &snapshot,
        since: input.connections.clock().elapsed(),
    };
    let mut findings = BTreeMap::new();
    let mut resolving = stream::iter(snapshot.open_ops.iter().enumerate())
        .map(|(index, open)| {
            let look = &look;
            async move { (index, open, look.resolve(open).await) }
        })
        .buffer_unordered(input.parallelism.max(1))
        .ready_chunks(input.parallelism.max(1));
    while let Some(chunk) = resolving.next().await {
        let writes: Vec<Write> = chunk
            .iter()
            .flat_map(|(_, open, resolution)| look.writes(open, resolution))
            .collect();
        if !writes.is_empty() {
            input.store.commit(input.lock.fence, Batch(writes)).await?;
        }
        for (index, open, resolution) in chunk {
            tell(input.events, open, &resolution);
            findings.insert(index, finding(open, resolution));
        }
    }
    Ok(Recovery {
        findings: findings.into_values().collect(),
    })
}

/// Looks into every op without an outcome as [`recover`] does, and writes nothing: for runs without the lock. Returns
/// the state as recovery would leave it; ops that could not be decided stay open in it.
pub async fn preview(
    snapshot: StateSnapshot,
    connections: &Connections,
    key: &SecretKey,
    parallelism: usize,
) -> (StateSnapshot, Recovery) {
    if snapshot.open_ops.is_empty() {
        return (snapshot, Recovery::default());
    }
    let look = Look {
        connections,
        key,
        snapshot: &snapshot,
        since: connections.clock().elapsed(),
    };
    let findings: Vec<Finding> = stream::iter(&snapshot.open_ops)
        .map(|open| {
            let look = &look;
            async move { finding(open, look.resolve(open).await) }
        })
        .buffered(parallelism.max(1))
        .collect()
        .await;
    let mut after = snapshot;
    for finding in &findings {
        match &finding.resolution {
            Resolution::Present(row) | Resolution::Remains(row) => {
                after.rows.insert(row.key.clone(), (**row).clone());
            }
            Resolution::Removed => {
                after.rows.remove(&finding.key);
            }
            Resolution::Absent | Resolution::Several(_) | Resolution::Unreadable(_) => continue,
        }
    }
    let undecided = |open: &OpenOp| {
        findings
            .iter()
            .any(|finding| finding.op == open.intent.op && finding.resolution.outcome().is_none())
    };
    after.open_ops.retain(undecided);
    (after, Recovery { findings })
}

fn finding(open: &OpenOp, resolution: Resolution) -> Finding {
    Finding {
        op: open.intent.op,
        key: open.intent.row.key.clone(),
        operation: open.intent.operation,
        resolution,
    }
}

fn tell(events: &(dyn Fn(Event) + Send + Sync), open: &OpenOp, resolution: &Resolution) {
    if let Some(outcome) = resolution.outcome() {
        events(Event::Recovered {
            key: open.intent.row.key.clone(),
            outcome,
        });
    }
}

struct Look<'a> {
    connections: &'a Connections,
    key: &'a SecretKey,
    snapshot: &'a StateSnapshot,
    /// When recovery began, as the clock's elapsed time: the process that sent the op was dead by then.
    since: Duration,
}

/// What is needed to look for an op's object.
struct Subject<'a> {
    schema: &'a ResourceSchema,
    connection: Arc<dyn Connection>,
    planned: Value,
    id: Option<String>,
}

impl Look<'_> {
    async fn resolve(&self, open: &OpenOp) -> Resolution {
        match self.subject(open) {
            Ok(subject) => self.judge(open, subject).await,
            Err(error) => Resolution::Unreadable(error),
        }
    }

    fn subject(&self, open: &OpenOp) -> Result<Subject<'_>, ProviderError> {
        status_of(open).map_err(|illegal| ProviderError::bug(illegal.to_string()))?;
        let row = &open.intent.row;
        let (_, schema) = self.connections.schema(row.address())?;
        let checkpoint = open.checkpoint.as_ref().map(|record| record.id.clone());
        Ok(Subject {
            schema,
            connection: self.connections.get(&row.provider)?,
            planned: self.connections.attributes(row)?,
            id: checkpoint.or_else(|| row.id.clone()),
        })
    }

    async fn judge(&self, open: &OpenOp, subject: Subject<'_>) -> Resolution {
        let intent = &open.intent;
        let lost = Lost {
            op: intent.op,
            operation: intent.operation,
            resource_type: subject.schema.name,
            adoption: intent.adoption,
            window: subject.schema.consistency_window,
            id: subject.id.as_deref(),
            recorded: Some(&subject.planned),
            planned: &subject.planned,
            was_absent: intent.was_absent,
        };
        let waiting = Waiting {
            clock: self.connections.clock().as_ref(),
            ids: self.connections.ids().as_ref(),
        };
        let found = locate(subject.connection.as_ref(), lost, self.since, waiting).await;
        match (found, intent.operation) {
            (Located::Present(_), Operation::Delete) => self.remains(open),
            (Located::Absent, Operation::Delete) => Resolution::Removed,
            (Located::Present(object), Operation::Create | Operation::Update) => {
                Resolution::Present(Box::new(self.row(open, &subject, *object)))
            }
            (Located::Absent, Operation::Create | Operation::Update) => Resolution::Absent,
            (Located::Several(ids), _) => Resolution::Several(ids),
            (Located::Unreadable(error), _) => Resolution::Unreadable(explain(error)),
        }
    }

    /// What was to be deleted is there. Its row, if it has one, no longer says that all of it is.
    fn remains(&self, open: &OpenOp) -> Resolution {
        match self.snapshot.rows.get(&open.intent.row.key) {
            Some(row) => Resolution::Remains(Box::new(StateRow {
                status: RowStatus::Incomplete,
                op: Some(open.intent.op),
                ..row.clone()
            })),
            None => Resolution::Absent,
        }
    }

    /// The row of an object that an op made or changed: as observed, and to be completed.
    fn row(&self, open: &OpenOp, subject: &Subject<'_>, object: Object) -> StateRow {
        let intended = &open.intent.row;
        let schema = &subject.schema.schema;
        let marked = row::with_marks(&subject.planned, object.attributes, schema);
        let observed = row::encode(&marked, schema, self.key);
        StateRow {
            id: Some(object.id),
            schema_version: subject.schema.version,
            attributes: row::keep_secrets(&intended.attributes, observed, schema),
            status: RowStatus::Incomplete,
            ..intended.clone()
        }
    }

    fn writes(&self, open: &OpenOp, resolution: &Resolution) -> Vec<Write> {
        let Some(outcome) = resolution.outcome() else {
            return Vec::new();
        };
        let ended =
            status_of(open).and_then(|status| next_status(status, JournalEvent::Ended(outcome)));
        if ended.is_err() {
            return Vec::new();
        }
        let intent = &open.intent;
        let key = &intent.row.key;
        let mut writes = Vec::new();
        match resolution {
            Resolution::Present(row) | Resolution::Remains(row) => {
                writes.push(Write::PutRow(row.clone()));
            }
            Resolution::Removed => {
                if self.snapshot.rows.contains_key(key) {
                    writes.push(Write::DeleteRow(key.clone()));
                }
                // Nothing is left to do of a delete that had its effect.
                writes.push(Write::StepDone {
                    plan: intent.plan,
                    step: intent.step,
                });
            }
            Resolution::Absent | Resolution::Several(_) | Resolution::Unreadable(_) => {}
        }
        writes.push(Write::CloseOp {
            op: intent.op,
            outcome,
            message: None,
            at: self.connections.clock().now(),
        });
        writes
    }
}

fn explain(error: ProviderError) -> ProviderError {
    if error.hint.is_some() {
        return error;
    }
    match error.kind {
        ProviderErrorKind::AccessDenied => error.hint(
            "Recovery must be able to read what an interrupted run may have made. Allow that, and run again.",
        ),
        ProviderErrorKind::Credentials => error.hint("Log in, and run again."),
        ProviderErrorKind::Invalid
        | ProviderErrorKind::NotFound
        | ProviderErrorKind::AlreadyExists
        | ProviderErrorKind::Busy
        | ProviderErrorKind::Dependency
        | ProviderErrorKind::Propagation
        | ProviderErrorKind::Throttled
        | ProviderErrorKind::Unavailable
        | ProviderErrorKind::Unreachable
        | ProviderErrorKind::Quota
        | ProviderErrorKind::Timeout
        | ProviderErrorKind::Failed
        | ProviderErrorKind::Bug => error,
    }
}
