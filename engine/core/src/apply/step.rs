//! How each kind of step begins.

use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt;
use strata_model::event::{Event, StepEvent};
use strata_model::plan::{Action, Step, row_template};
use strata_model::provider::{
    FindRequest, Object, Operation, ProviderConfig, ProviderError, ProviderErrorKind, ReadPurpose,
    ReadRequest,
};
use strata_model::schema::{Adoption, ResourceSchema};
use strata_model::state::{Intent, RowKey, RowStatus, StateRow};
use strata_model::store::Write;
use strata_model::{Address, DeposedId, OpId, Value};

use super::executor::{After, Executor, Finish, Finished};
use super::journal::JournalEvent;
use super::operation::{Op, OpJournal};
use super::{locate, operation, row};
use crate::plan::host_of;
use crate::resolve::{ResolveError, Resolved};

/// A change that the resolver filled in.
struct Change {
    prior: Option<Value>,
    planned: Value,
    provider: ProviderConfig,
}

/// What a change works on.
struct Subject {
    operation: Operation,
    id: Option<String>,
    prior: Option<Value>,
    provider: ProviderConfig,
    created_by: Option<OpId>,
    deposed: Option<RowKey>,
    has_row: bool,
}

impl<'a> Executor<'a> {
    /// Begins a ready step.
    pub(super) fn begin(&mut self, number: u32) {
        let plan = self.plan;
        let step = &plan.steps[number as usize];
        if self.blocked.contains(&step.key) {
            let error = ProviderError::new(
                ProviderErrorKind::Unavailable,
                "an earlier op on this object has no known outcome",
            );
            return self.fail(
                step,
                &error.hint("Apply again: recovery looks into it first."),
            );
        }
        if let Some(host) = self.dead_host(step) {
            return self.put_off(step, &host);
        }
        if self.is_held(step) {
            return;
        }
        match step.action {
            Action::Create | Action::Update | Action::Delete => self.change(step),
            Action::Read => self.read(step),
            Action::Import => self.import(step),
            Action::Move => self.rename(step),
            Action::Forget => self.forget(step),
            Action::Record => self.rerecord(step),
        }
    }

    /// The object that a step would reach into, where that turned out to be impossible from here.
    fn dead_host(&self, step: &Step) -> Option<Address> {
        match step.action {
            Action::Move | Action::Forget | Action::Record => return None,
            Action::Create | Action::Update | Action::Delete | Action::Read | Action::Import => {}
        }
        let host = host_of(step.provider.as_ref()?)?;
        let hosts = self.cx.unreachable.lock();
        let hosts = hosts.unwrap_or_else(PoisonError::into_inner);
        hosts.contains(&host).then_some(host)
    }

    /// A step is not begun, nor what waits for it.
    fn put_off(&mut self, step: &'a Step, host: &Address) {
        let reason = format!("the API server of {host} does not answer from here");
        self.skip(step.number, &reason);
        for number in self.schedule.fail(step.number) {
            self.skip(number, &reason);
        }
    }

    pub(super) fn step_event(&self, step: &Step) -> StepEvent {
        // A move is about the object that comes, not about one that gives way to it.
        let moved = moved_row(step).and_then(|from| self.rows.get(&from));
        let row = moved.or_else(|| self.rows.get(&step.key));
        StepEvent {
            number: step.number,
            address: step.key.address.clone(),
            deposed: step.key.deposed.filter(|_| step.group.is_none()),
            action: step.action,
            stage: step.stage.clone(),
            id: row.and_then(|row| row.id.clone()),
        }
    }

    /// Tells of a step that takes effect in the state only.
    fn started(&self, step: &Step) -> Finish {
        let event = self.step_event(step);
        (self.cx.events)(Event::StepStarted(event.clone()));
        Finish {
            step: event,
            began: self.cx.clock.elapsed(),
            outside: false,
            left_alone: None,
        }
    }

    pub(super) fn step_done(&self, number: u32) -> Write {
        Write::StepDone {
            plan: self.plan.id,
            step: number,
        }
    }

    fn rename(&mut self, step: &'a Step) {
        let finish = self.started(step);
        let from = moved_row(step);
        let Some(from) = from.filter(|from| self.rows.get(from).is_some()) else {
            return self.fail(step, &missing_row(step));
        };
        let mut writes = Vec::new();
        if let Some(back) = step.taken_back
            && self.rows.get(&step.key).is_some()
        {
            // Both in one transaction: an address is never without its object.
            let to = deposed(step, back.gives_way);
            self.rows.rename(&step.key, &to);
            let from = step.key.clone();
            writes.push(Write::MoveRow { from, to });
        }
        self.rows.rename(&from, &step.key);
        let to = step.key.clone();
        writes.push(Write::MoveRow { from, to });
        writes.extend(self.metadata(step));
        writes.push(self.step_done(step.number));
        self.recall(step);
        self.succeed(writes, finish);
    }

    /// Brings up to date what a row says beside its attributes.
    fn metadata(&mut self, step: &Step) -> Option<Write> {
        let old = self.rows.get(&step.key)?;
        let row = with_step(old.clone(), step);
        if row == *old {
            return None;
        }
        self.rows.put(&row, None);
        Some(Write::PutRow(Box::new(row)))
    }

    fn forget(&mut self, step: &'a Step) {
        let finish = self.started(step);
        let mut writes = Vec::new();
        if self.rows.get(&step.key).is_some() {
            writes.push(Write::DeleteRow(step.key.clone()));
        }
        self.rows.delete(&step.key);
        self.resolver.record(&step.key, None);
        writes.push(self.step_done(step.number));
        self.succeed(writes, finish);
    }

    /// Writes what the state says of an object: protection, dependencies, and what a refresh saw.
    fn rerecord(&mut self, step: &'a Step) {
        let finish = self.started(step);
        let Some(old) = self.rows.get(&step.key).cloned() else {
            return self.fail(step, &missing_row(step));
        };
        let mut row = with_step(old, step);
        if step.planned.is_some() {
            let schema = match self.connections.schema(&step.key.address) {
                Ok((_, schema)) => schema,
                Err(error) => return self.fail(step, &error),
            };
            let seen = match self.resolver.resolve(step) {
                Ok(Resolved::Change { planned, .. }) => planned,
                Ok(Resolved::Nothing) => return self.unchanged(step),
                Ok(Resolved::Read { .. }) => {
                    return self.fail(step, &ProviderError::bug("a record was resolved to a read"));
                }
                Err(error) => return self.unresolved(step, error),
            };
            let seen = row::encode(&seen, &schema.schema, self.cx.key);
            row.attributes = row::keep_secrets(&row.attributes, seen, &schema.schema);
            row.schema_version = schema.version;
        }
        self.rows.put(&row, None);
        if let Ok(object) = self.connections.attributes(&row) {
            self.resolver.record(&step.key, Some(&object));
        }
        let writes = vec![Write::PutRow(Box::new(row)), self.step_done(step.number)];
        self.succeed(writes, finish);
    }

    /// A change that became nothing: only what the row says beside its attributes is brought up to date.
    fn unchanged(&mut self, step: &'a Step) {
        let finish = self.started(step);
        let mut writes = Vec::new();
        if step.action != Action::Delete {
            writes.extend(self.metadata(step));
            self.recall(step);
        }
        writes.push(self.step_done(step.number));
        self.succeed(writes, finish);
    }

    fn read(&mut self, step: &'a Step) {
        match self.resolver.resolve(step) {
            Ok(Resolved::Read { config, provider }) => {
                self.observe(step, provider, (ReadPurpose::Data, None, Some(config)));
            }
            Ok(Resolved::Change { .. } | Resolved::Nothing) => {
                self.fail(step, &ProviderError::bug("a read was resolved to a change"));
            }
            Err(error) => self.unresolved(step, error),
        }
    }

    fn import(&mut self, step: &'a Step) {
        let provider = match &step.provider {
            Some(provider) => provider.clone(),
            None => match self.resolver.resolve(step) {
                Ok(Resolved::Change { provider, .. } | Resolved::Read { provider, .. }) => provider,
                Ok(Resolved::Nothing) => return self.unchanged(step),
                Err(error) => return self.unresolved(step, error),
            },
        };
        let id = step.import_id.clone();
        let config = self.declared(step);
        let purpose = match &config {
            Some(config) if self.is_found_by(step, config) => ReadPurpose::Adopt,
            Some(_) | None => ReadPurpose::Import,
        };
        self.observe(step, provider, (purpose, id, config));
    }

    /// The object of an import as planning saw it: by these arguments it is read as it was then.
    fn declared(&self, step: &Step) -> Option<Value> {
        let (_, schema) = self.connections.schema(&step.key.address).ok()?;
        let planned = step.planned.as_ref()?;
        planned.decode(schema.schema.object_type()).ok()
    }

    /// Whether the id of an object follows from its arguments, so that it was looked for before it was to be made.
    fn is_found_by(&self, step: &Step, config: &Value) -> bool {
        let Ok((provider, schema)) = self.connections.schema(&step.key.address) else {
            return false;
        };
        let id = provider.id_of(schema.name, config);
        id.is_some() && id == step.import_id
    }

    fn observe(
        &mut self,
        step: &'a Step,
        provider: ProviderConfig,
        (purpose, id, config): (ReadPurpose, Option<String>, Option<Value>),
    ) {
        let connection = match self.connections.get(&provider) {
            Ok(connection) => connection,
            Err(error) => return self.fail(step, &error),
        };
        (self.cx.events)(Event::StepStarted(self.step_event(step)));
        self.take(step.number);
        let cx = self.cx.clone();
        let began = cx.clock.elapsed();
        let future = async move {
            let request = ReadRequest {
                purpose,
                resource_type: &step.key.address.resource_type,
                id: id.as_deref(),
                recorded: None,
                config: config.as_ref(),
            };
            let result = locate::observe(connection.as_ref(), request, cx.waiting()).await;
            Finished::Observed {
                step: step.number,
                began,
                provider,
                result,
            }
        };
        self.running.push(future.boxed());
    }

    /// A data source or an object to import was read.
    pub(super) fn observed(
        &mut self,
        number: u32,
        began: Duration,
        provider: ProviderConfig,
        result: Result<Option<Object>, ProviderError>,
    ) {
        self.free(number);
        let plan = self.plan;
        let step = &plan.steps[number as usize];
        let absent = || ProviderError::new(ProviderErrorKind::NotFound, "there is no such object");
        let object = match result.and_then(|object| object.ok_or_else(absent)) {
            Ok(object) => object,
            Err(error) => return self.fail(step, &error),
        };
        let schema = match self.connections.schema(&step.key.address) {
            Ok((_, schema)) => schema,
            Err(error) => return self.fail(step, &error),
        };
        let attributes = schema.schema.mark_sensitive(&object.attributes);
        let mut event = self.step_event(step);
        let mut writes = Vec::new();
        // What is only read is not kept: a continued plan reads it again.
        if step.action == Action::Import {
            let row = StateRow {
                id: Some(object.id.clone()),
                attributes: row::encode(&attributes, &schema.schema, self.cx.key),
                status: if object.incomplete {
                    RowStatus::Incomplete
                } else {
                    RowStatus::Ready
                },
                ..row_template(step, provider, schema.version)
            };
            self.rows.put(&row, Some(&attributes));
            writes = vec![Write::PutRow(Box::new(row)), self.step_done(number)];
            event.id = Some(object.id);
        }
        self.resolver.record(&step.key, Some(&attributes));
        let finish = Finish {
            step: event,
            began,
            outside: false,
            left_alone: None,
        };
        self.succeed(writes, finish);
    }

    fn change(&mut self, step: &'a Step) {
        let is_delete = step.action == Action::Delete;
        if is_delete && self.rows.get(&step.key).is_none() && step.import_id.is_none() {
            // Gone already: an interrupted run deleted it, or its replacement turned out to be none.
            self.resolver_forgets(step);
            return self.unchanged(step);
        }
        let change = match self.resolver.resolve(step) {
            Ok(Resolved::Change {
                prior,
                planned,
                provider,
            }) => Change {
                prior,
                planned,
                provider,
            },
            Ok(Resolved::Nothing) => return self.unchanged(step),
            Ok(Resolved::Read { .. }) => {
                return self.fail(step, &ProviderError::bug("a change was resolved to a read"));
            }
            Err(error) => return self.unresolved(step, error),
        };
        match self.op(step, change) {
            Ok(op) if op.local => self.run_here(op),
            Ok(op) => {
                self.take(op.step.number);
                self.prepare(op);
            }
            Err(error) => self.fail(step, &error),
        }
    }

    fn resolver_forgets(&mut self, step: &Step) {
        if step.key.deposed.is_none() {
            self.resolver.record(&step.key, None);
        }
    }

    pub(super) fn unresolved(&mut self, step: &'a Step, error: ResolveError) {
        let message = error.to_string();
        match error {
            ResolveError::Exceeds(diagnostics) => {
                self.outcome.exceeds = true;
                self.outcome.diagnostics.extend(diagnostics);
            }
            ResolveError::Invalid(diagnostics) => self.outcome.diagnostics.extend(diagnostics),
        }
        self.fail(
            step,
            &ProviderError::new(ProviderErrorKind::Invalid, message),
        );
    }

    fn op(&self, step: &'a Step, change: Change) -> Result<Box<Op<'a>>, ProviderError> {
        let (provider, schema) = self.connections.schema(&step.key.address)?;
        let planned = change.planned.clone();
        let subject = self.subject(step, change)?;
        let planned = match subject.operation {
            Operation::Create | Operation::Update => planned,
            Operation::Delete => subject.prior.clone().unwrap_or(planned),
        };
        let mut event = self.step_event(step);
        event.id.clone_from(&subject.id);
        Ok(Box::new(Op {
            step: event,
            key: &step.key,
            op: OpId::from_bits(self.cx.ids.bits()),
            operation: subject.operation,
            schema,
            connection: self.connections.get(&subject.provider)?,
            provider: subject.provider,
            local: provider.is_local(),
            id: subject.id,
            prior: subject.prior,
            planned,
            successor: self.successor(step, schema),
            timeouts: step.timeouts,
            was_absent: false,
            created_by: subject.created_by,
            deposed: subject.deposed,
            has_row: subject.has_row,
            began: self.cx.clock.elapsed(),
            journal: OpJournal::new(),
        }))
    }

    /// What a delete makes room for, as it was planned.
    fn successor(&self, step: &Step, schema: &ResourceSchema) -> Option<Value> {
        let group = step.group.filter(|_| step.action == Action::Delete)?;
        let made = *self.successors.get(&group)?;
        let planned = self.plan.steps[made as usize].planned.as_ref()?;
        planned.decode(schema.schema.object_type()).ok()
    }

    fn subject(&self, step: &Step, change: Change) -> Result<Subject, ProviderError> {
        let row = self.rows.get(&step.key);
        match step.action {
            Action::Delete => self.delete_subject(step, row, change),
            Action::Create if change.prior.is_none() => self.create_subject(step, row, change),
            // A replacement that turned out to be a change in place comes as a create with a prior.
            Action::Create
            | Action::Update
            | Action::Read
            | Action::Move
            | Action::Import
            | Action::Forget
            | Action::Record => {
                let row = row.ok_or_else(|| missing_row(step))?;
                Ok(Subject {
                    operation: Operation::Update,
                    id: row.id.clone(),
                    prior: self.latest(step, row)?.or(change.prior),
                    provider: change.provider,
                    created_by: row.created_by,
                    deposed: None,
                    has_row: true,
                })
            }
        }
    }

    /// The object as this plan's own journal left it, when that is not what the plan was made from.
    fn latest(&self, step: &Step, row: &StateRow) -> Result<Option<Value>, ProviderError> {
        if let Some(object) = self.rows.object(&step.key) {
            return Ok(Some(object.clone()));
        }
        if self.continued && Some(row.digest()) != step.row_digest {
            return self.connections.attributes(row).map(Some);
        }
        Ok(None)
    }

    fn delete_subject(
        &self,
        step: &Step,
        row: Option<&StateRow>,
        change: Change,
    ) -> Result<Subject, ProviderError> {
        let Some(row) = row else {
            // A create that was given up turned up late: there is an object, and no row.
            return Ok(Subject {
                operation: Operation::Delete,
                id: step.import_id.clone(),
                prior: change.prior,
                provider: change.provider,
                created_by: None,
                deposed: None,
                has_row: false,
            });
        };
        let prior = match self.rows.object(&step.key) {
            Some(object) => object.clone(),
            None => self.connections.attributes(row)?,
        };
        Ok(Subject {
            operation: Operation::Delete,
            id: row.id.clone(),
            prior: Some(prior),
            provider: row.provider.clone(),
            created_by: row.created_by,
            deposed: None,
            has_row: true,
        })
    }

    fn create_subject(
        &self,
        step: &Step,
        row: Option<&StateRow>,
        change: Change,
    ) -> Result<Subject, ProviderError> {
        let deposed = step.group.and_then(|group| self.deposed.get(&group));
        let moved = deposed.is_some_and(|key| self.rows.get(key).is_some());
        let mut subject = Subject {
            operation: Operation::Create,
            id: None,
            prior: None,
            provider: change.provider,
            created_by: None,
            deposed: None,
            has_row: row.is_some(),
        };
        let Some(row) = row else {
            return Ok(subject);
        };
        if let Some(key) = deposed.filter(|_| !moved) {
            subject.deposed = Some((*key).clone());
            return Ok(subject);
        }
        // The row of an object that is gone is overwritten; one that this plan's journal wrote is completed.
        if !self.continued || Some(row.digest()) == step.row_digest {
            return Ok(subject);
        }
        if row.status == RowStatus::Failed {
            let error = ProviderError::new(
                ProviderErrorKind::Failed,
                "an earlier run of this plan left an object that failed for good",
            );
            return Err(error.hint("Make a new plan: it replaces the object."));
        }
        subject.id.clone_from(&row.id);
        subject.prior = Some(self.connections.attributes(row)?);
        subject.created_by = row.created_by;
        Ok(subject)
    }

    /// Runs an op of a provider whose objects live in the state only: there is no effect before the commit.
    fn run_here(&mut self, op: Box<Op<'a>>) {
        (self.cx.events)(Event::StepStarted(op.step.clone()));
        let begun = op.journal.advance(JournalEvent::Intended);
        let mut future = ended(op, self.cx.clone()).boxed();
        debug_assert!(begun.is_ok(), "a new op can begin");
        match (&mut future).now_or_never() {
            Some(Finished::Ended { op, end }) => self.settle(op, end),
            Some(_) | None => self.running.push(future),
        }
    }

    /// Asks whether an object without marks is there already; the intent records it.
    fn prepare(&mut self, op: Box<Op<'a>>) {
        let fresh = op.operation == Operation::Create && op.id.is_none();
        if !fresh || op.schema.adoption != Adoption::Natural {
            return self.stage_intent(op);
        }
        let cx = self.cx.clone();
        let future = async move {
            let request = FindRequest {
                resource_type: op.schema.name,
                op: op.op,
                planned: &op.planned,
            };
            let absent = locate::is_absent(op.connection.as_ref(), request, cx.waiting()).await;
            Finished::Looked { op, absent }
        };
        self.running.push(future.boxed());
    }

    pub(super) fn looked(&mut self, mut op: Box<Op<'a>>, absent: Result<bool, ProviderError>) {
        match absent {
            Ok(_) if self.is_braked() => {
                self.free(op.step.number);
                self.skip(op.step.number, "the run was interrupted");
            }
            Ok(absent) => {
                op.was_absent = absent;
                self.stage_intent(op);
            }
            Err(error) => {
                self.free(op.step.number);
                let plan = self.plan;
                self.fail(&plan.steps[op.step.number as usize], &error);
            }
        }
    }

    /// Puts the intent, with the move that makes room for a replacement, before the next transaction.
    fn stage_intent(&mut self, op: Box<Op<'a>>) {
        let intent = self.intent(&op, None);
        let mut writes = self.make_room(&op);
        writes.push(Write::OpenOp(Box::new(intent)));
        self.stage(writes, After::Call(op));
    }

    pub(super) fn make_room(&mut self, op: &Op<'a>) -> Vec<Write> {
        let Some(deposed) = &op.deposed else {
            return Vec::new();
        };
        self.rows.rename(op.key, deposed);
        vec![Write::MoveRow {
            from: op.key.clone(),
            to: deposed.clone(),
        }]
    }

    /// The intent of an op; `row` is what it leaves where that is known already.
    pub(super) fn intent(&self, op: &Op<'a>, row: Option<&StateRow>) -> Intent {
        let step = &self.plan.steps[op.step.number as usize];
        let schema = &op.schema.schema;
        let row = row.cloned().unwrap_or_else(|| self.intended_row(op, step));
        let request = (&op.planned, &row.attributes);
        Intent {
            op: op.op,
            run: self.run,
            plan: self.plan.id,
            step: step.number,
            operation: op.operation,
            adoption: op.schema.adoption,
            request_digest: row::request_digest(op.operation, request, schema, self.cx.key),
            was_absent: op.was_absent,
            fence: self.fence,
            started_at: self.cx.clock.now(),
            row,
        }
    }

    fn intended_row(&self, op: &Op<'a>, step: &Step) -> StateRow {
        if op.operation == Operation::Delete
            && let Some(row) = self.rows.get(op.key)
        {
            return row.clone();
        }
        StateRow {
            id: op.id.clone(),
            attributes: row::encode(&op.planned, &op.schema.schema, self.cx.key),
            created_by: creator(op),
            op: Some(op.op),
            ..row_template(step, op.provider.clone(), op.schema.version)
        }
    }

    /// The intent is durable: the first call may leave.
    pub(super) fn call(&mut self, op: Box<Op<'a>>) {
        if let Err(error) = op.journal.advance(JournalEvent::Intended) {
            self.free(op.step.number);
            let plan = self.plan;
            return self.fail(&plan.steps[op.step.number as usize], &error);
        }
        (self.cx.events)(Event::StepStarted(op.step.clone()));
        self.running.push(ended(op, self.cx.clone()).boxed());
    }
}

async fn ended<'a>(op: Box<Op<'a>>, cx: super::operation::Surroundings<'a>) -> Finished<'a> {
    let end = operation::run(&op, &cx).await;
    Finished::Ended { op, end }
}

/// The op that created the object that an op leaves.
pub(super) fn creator(op: &Op<'_>) -> Option<OpId> {
    match op.operation {
        Operation::Create => op.created_by.or(Some(op.op)),
        Operation::Update | Operation::Delete => op.created_by,
    }
}

/// The key of the row that a move gives another one; nothing for any other step.
fn moved_row(step: &Step) -> Option<RowKey> {
    if step.action != Action::Move {
        return None;
    }
    match step.taken_back {
        Some(back) => Some(deposed(step, back.deposed)),
        None => step.moved_from.clone().map(RowKey::current),
    }
}

fn deposed(step: &Step, id: DeposedId) -> RowKey {
    RowKey {
        address: step.key.address.clone(),
        deposed: Some(id),
    }
}

/// The row with what a step says beside the attributes.
fn with_step(row: StateRow, step: &Step) -> StateRow {
    StateRow {
        protected: step.protect,
        create_before_destroy: step.create_before_destroy,
        dependencies: step.dependencies.clone(),
        source: step.source.clone(),
        provider: step.provider.clone().unwrap_or(row.provider),
        ..row
    }
}

fn missing_row(step: &Step) -> ProviderError {
    ProviderError::bug(format!("the state has no row for {}", step.key))
}
