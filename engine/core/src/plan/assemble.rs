//! From changes to the plan: which are selected, what is no longer declared, in which order.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::layer::LAYER_TYPE;
use strata_model::plan::{
    Action, Confidence, DriftRecord, NoOp, PLAN_FORMAT, Plan, PlanMode, Reason, Step,
};
use strata_model::provider::{Observation, Provider};
use strata_model::schema::{Presence, ResourceSchema, Timeouts};
use strata_model::state::{RowKey, StateRow};
use strata_model::wire::Encoded;
use strata_model::{Address, DeposedId, Diagnostic, Diagnostics, Position, Value};

use super::change::{ChangeKind, InstanceChange, decode_row, place_of, unreadable};
use super::edges::{Deletion, Draft, Ref};
use super::encode::encode;
use super::hosted::{
    Silent, UnreachedHosts, note_silent, note_unreached, put_off_in, silent, unreachable, unreached,
};
use super::keeper::{Keeper, keepers};
use super::layer::LayerOrphan;
use super::moved::removed;
use super::select::{self, Pattern, any_matches};
use super::walk::Planner;
use super::{LayerObject, PlanInput, PlanOutcome, planned_variables};
use crate::code;
use crate::world::graph::NodeId;
use crate::world::{Dep, ScopeIx};

/// A plan under construction.
pub(super) struct Assembly<'a> {
    pub(super) input: PlanInput<'a>,
    pub(super) draft: Draft,
    pub(super) diagnostics: Diagnostics,
    pub(super) deletions: Vec<Deletion>,
    /// Steps of rows that stay, by the row's key in the state.
    pub(super) kept: BTreeMap<RowKey, Ref>,
    /// What waits for a declared instance waits for this; by the positions of changes.
    pub(super) reach: Vec<Option<Ref>>,
    whole: BTreeMap<Dep, Option<Ref>>,
    /// What all instances of a block wait for together, by the block and its package instance.
    gates: BTreeMap<(NodeId, ScopeIx), Option<Ref>>,
    /// The hosts that could not be reached.
    pub(super) unreached: UnreachedHosts,
    /// What cannot be looked at because of its connection.
    silent: Silent,
    /// How many changes wait for what is in them.
    waiting: usize,
    pub(super) drift: Vec<DriftRecord>,
    pub(super) allow_delete: Vec<Pattern>,
    pub(super) unprotect: Vec<Pattern>,
    pub(super) groups: u32,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(input: PlanInput<'a>, mut diagnostics: Diagnostics) -> Self {
        let allow_delete = Pattern::parse_all(&input.options.allow_delete, &mut diagnostics);
        let unprotect = Pattern::parse_all(&input.options.unprotect, &mut diagnostics);
        Assembly {
            input,
            draft: Draft::default(),
            diagnostics,
            deletions: Vec::new(),
            kept: BTreeMap::new(),
            reach: Vec::new(),
            whole: BTreeMap::new(),
            gates: BTreeMap::new(),
            unreached: UnreachedHosts::new(),
            silent: Silent::new(),
            waiting: 0,
            drift: Vec::new(),
            allow_delete,
            unprotect,
            groups: 0,
        }
    }
}

pub(super) fn assemble(mut planner: Planner<'_>) -> PlanOutcome {
    let diagnostics = std::mem::take(&mut planner.diagnostics);
    let mut assembly = Assembly::new(planner.input, diagnostics);
    assembly.unreached = std::mem::take(&mut planner.unreached);
    let mut selected = select(&planner, &mut assembly.diagnostics);
    assembly.refuse(&mut planner, &selected);
    assembly.waiting = assembly.put_off(&planner, &mut selected);
    if planner.input.options.mode == PlanMode::RefreshOnly {
        assembly.refresh_only(&planner, &selected);
    } else {
        for (at, change) in planner.changes.iter().enumerate() {
            assembly.declared(&planner, change, selected[at]);
        }
        assembly.orphans(&planner, &selected);
        assembly.late_creates();
        assembly.records(&planner, &selected);
        assembly.draft.take_turns();
        assembly.free_names();
    }
    let values = planner.output_values(&mut assembly.diagnostics);
    let restricted = assembly.waiting > 0
        || !planner.input.options.targets.is_empty()
        || !planner.input.options.excludes.is_empty();
    let outputs = if planner.input.options.mode == PlanMode::RefreshOnly {
        BTreeMap::new()
    } else {
        planner.output_changes(&values, &|output| {
            restricted
                && output
                    .deps
                    .iter()
                    .any(|dep| untouched(&planner, &selected, dep))
        })
    };
    let unchanged = unchanged(&planner, &selected);
    let data = std::mem::take(&mut planner.data);
    assembly.finish(Parts {
        outputs,
        unchanged,
        data,
        objects: planner.layer_objects_in_order(),
        secret_files: planner.secret_files(),
    })
}

/// Whether an instance would change but is not selected.
fn untouched(planner: &Planner<'_>, selected: &[bool], dep: &Dep) -> bool {
    planner
        .changes_of(dep)
        .any(|at| planner.changes[at].kind.is_change() && !selected[at])
}

/// Whether an instance of what is declared is named. Which instances data sources have is not judged.
fn is_planned(planner: &Planner<'_>, pattern: &Pattern) -> bool {
    pattern.is_data()
        || planner
            .changes
            .iter()
            .any(|change| pattern.matches(&change.address))
}

/// Which changes `-target` and `-exclude` leave: targets with all that they need, and nothing that needs an exclude.
fn select(planner: &Planner<'_>, diagnostics: &mut Diagnostics) -> Vec<bool> {
    let options = planner.input.options;
    let is_named = |pattern: &Pattern| {
        is_recorded(&planner.input, pattern)
            || select::declares(planner.world.graph, pattern)
                && (!pattern.names_an_instance() || is_planned(planner, pattern))
    };
    select::check_named(options, &is_named, diagnostics);
    let targets = Pattern::parse_all(&options.targets, diagnostics);
    let excludes = Pattern::parse_all(&options.excludes, diagnostics);
    let mut selected = vec![targets.is_empty(); planner.changes.len()];
    let named = |patterns: &[Pattern], change: &InstanceChange<'_>| {
        any_matches(patterns, &change.address)
            || change
                .row
                .is_some_and(|(key, _)| any_matches(patterns, &key.address))
    };
    if !targets.is_empty() {
        // Needs stand before what needs them, so one pass from the end finds all of them.
        for (at, change) in planner.changes.iter().enumerate().rev() {
            if selected[at] || named(&targets, change) {
                selected[at] = true;
                each_dep(planner, &change.deps, &mut |other| selected[other] = true);
            }
        }
    }
    if !excludes.is_empty() {
        for (at, change) in planner.changes.iter().enumerate() {
            let mut excluded = named(&excludes, change);
            each_dep(planner, &change.deps, &mut |other| {
                excluded |= !selected[other] && planner.changes[other].kind.is_change();
            });
            if excluded {
                selected[at] = false;
            }
        }
    }
    selected
}

/// Whether the state, or an object that turned up late, has what a pattern names.
pub(super) fn is_recorded(input: &PlanInput<'_>, pattern: &Pattern) -> bool {
    let late = input.late.iter().map(|late| &late.address);
    let recorded = input.snapshot.rows.keys().map(|key| &key.address);
    recorded.chain(late).any(|address| pattern.matches(address))
}

fn each_dep(planner: &Planner<'_>, deps: &[Dep], visit: &mut dyn FnMut(usize)) {
    for dep in deps {
        planner.changes_of(dep).for_each(&mut *visit);
    }
}

fn unchanged(planner: &Planner<'_>, selected: &[bool]) -> Vec<NoOp> {
    if !planner.input.record_unchanged {
        return Vec::new();
    }
    let changes = planner.changes.iter().zip(selected);
    changes
        .filter(|(change, selected)| **selected && matches!(change.kind, ChangeKind::NoOp))
        // A row that gets another key has a step, which looks after it.
        .filter_map(|(change, _)| change.row.filter(|_| change.moved().is_none()))
        .map(|(key, row)| NoOp {
            key: key.clone(),
            row_digest: row.digest(),
        })
        .collect()
}

impl<'a> Assembly<'a> {
    /// Takes out of the selected changes what waits for what is put off; tells how many these are.
    fn put_off(&mut self, planner: &Planner<'_>, selected: &mut [bool]) -> usize {
        let mut waiting = Vec::new();
        for (change, selected) in planner.changes.iter().zip(selected) {
            if *selected && change.put_off && change.kind.is_change() {
                *selected = false;
                waiting.push(&change.address);
            }
        }
        self.diagnostics.extend(planner.warn_of_waiting(&waiting));
        waiting.len()
    }

    /// Adds the steps of a declared instance.
    fn declared(&mut self, planner: &Planner<'a>, change: &InstanceChange<'a>, selected: bool) {
        let gate = change.gate.as_deref().unwrap_or_default();
        let mut after: BTreeSet<Ref> = self.gate(planner, change).into_iter().collect();
        for dep in &change.deps {
            if gate.binary_search(dep).is_err() {
                after.extend(self.reach_of(planner, dep));
            }
        }
        self.note_drift(change);
        let last = if selected {
            self.steps(planner, change, after.clone())
        } else {
            None
        };
        let reach = match last {
            Some(step) => Some(Ref::Step(step)),
            None => self.draft.join(after),
        };
        if let (Some(step), Some((key, _))) = (last, change.row) {
            self.kept.insert(key.clone(), Ref::Step(step));
        }
        self.reach.push(reach);
    }

    /// One thing to wait for in place of all that the instances of a block wait for together.
    fn gate(&mut self, planner: &Planner<'_>, change: &InstanceChange<'_>) -> Option<Ref> {
        let gate = change.gate.as_deref()?;
        let place = (change.dep.node, change.dep.scope);
        if let Some(known) = self.gates.get(&place) {
            return *known;
        }
        let refs = gate
            .iter()
            .filter_map(|dep| self.reach_of(planner, dep))
            .collect();
        let joined = self.draft.join(refs);
        self.gates.insert(place, joined);
        joined
    }

    fn reach_of(&mut self, planner: &Planner<'_>, dep: &Dep) -> Option<Ref> {
        let positions = planner.changes_of(dep);
        if dep.instance.is_some() {
            return self.reach.get(positions.start).copied().flatten();
        }
        if let Some(known) = self.whole.get(dep) {
            return *known;
        }
        let mut refs = BTreeSet::new();
        refs.extend(positions.filter_map(|at| self.reach.get(at).copied().flatten()));
        let joined = self.draft.join(refs);
        self.whole.insert(*dep, joined);
        joined
    }

    fn note_drift(&mut self, change: &InstanceChange<'_>) {
        let ty = change.schema.schema.object_type();
        let gone = matches!(
            change.kind,
            ChangeKind::Create {
                reason: Reason::Gone,
                ..
            }
        );
        let Some((key, row)) = change.row else { return };
        if let Some((recorded, observed)) = &change.drifted {
            self.drift.push(DriftRecord {
                key: key.clone(),
                before: encode(recorded, ty, self.input.key),
                after: Some(encode(observed, ty, self.input.key)),
                row_digest: Some(row.digest()),
            });
        } else if gone {
            self.drift.push(gone_record(row));
        }
    }

    /// Deletes or forgets what is recorded and no longer declared.
    fn orphans(&mut self, planner: &Planner<'a>, selected: &[bool]) {
        let options = planner.input.options;
        let mut ignored = Diagnostics::new();
        let targets = Pattern::parse_all(&options.targets, &mut ignored);
        let excludes = Pattern::parse_all(&options.excludes, &mut ignored);
        // Mostly nobody asks.
        let blocks: LazyCell<BTreeSet<Address>, _> = LazyCell::new(|| {
            let changes = planner.changes.iter();
            changes.map(|change| change.address.block()).collect()
        });
        let keepers: LazyCell<BTreeMap<String, Keeper<'_>>, _> = LazyCell::new(|| keepers(planner));
        for (key, row) in &planner.input.snapshot.rows {
            if planner.claimed.contains(&place_of(key)) || any_matches(&excludes, &key.address) {
                continue;
            }
            if !targets.is_empty() && !any_matches(&targets, &key.address) {
                continue;
            }
            let removed = removed(planner.world.graph, &key.address);
            if removed == Some(false) && key.deposed.is_none() {
                self.forget(row, Reason::Removed);
                continue;
            }
            if planner.host_goes(&row.provider) {
                self.forget_with_host(row);
                continue;
            }
            if let Some(error) = unreachable(planner.input.observed.get(key)) {
                note_unreached(&mut self.unreached, &row.provider, error);
                continue;
            }
            let identity = self.identity_of(row);
            if let Some(keeper) = identity.and_then(|identity| keepers.get(&identity)) {
                if !keeper.is_change || selected[keeper.at] {
                    self.leave_to(keeper, row);
                }
                continue;
            }
            match planner.layer_orphan(&key.address) {
                LayerOrphan::Deleted => {}
                LayerOrphan::Forgotten => {
                    self.forget(row, Reason::NotDeclared);
                    continue;
                }
                LayerOrphan::LayerIsEmpty(layer) => {
                    let span = planner.world.graph.layers[layer].block.place_of("path");
                    self.may_empty(row, span);
                }
            }
            let reason = if key.deposed.is_some() {
                Reason::Deposed
            } else if removed.is_some() {
                Reason::Removed
            } else if *key.address.resource_type != *LAYER_TYPE
                && blocks.contains(&key.address.block())
            {
                Reason::KeyGone
            } else {
                Reason::NotDeclared
            };
            self.delete(row, reason);
        }
        let rows = planner.input.snapshot.rows.iter();
        let (deletions, kept) = (
            std::mem::take(&mut self.deletions),
            std::mem::take(&mut self.kept),
        );
        self.draft.order_deletions(rows, &deletions, &kept);
    }

    /// Deletes what a create made that was given up.
    pub(super) fn late_creates(&mut self) {
        for late in self.input.late {
            let deposed = DeposedId::parse(&late.op.to_string());
            let known = self
                .input
                .providers
                .schema(late.address.mode, &late.address.resource_type);
            let Some((_, schema)) = known else { continue };
            let step = Step {
                action: Action::Delete,
                reason: Reason::LateCreate,
                import_id: Some(late.id.clone()),
                provider: Some(late.provider.clone()),
                timeouts: schema.timeouts,
                ..blank(RowKey {
                    address: late.address.clone(),
                    deposed,
                })
            };
            self.draft.push(step, BTreeSet::new());
        }
    }

    pub(super) fn forget(&mut self, row: &StateRow, reason: Reason) -> u32 {
        let step = Step {
            action: Action::Forget,
            reason,
            before: Some(hide(&row.attributes)),
            ..self.row_template(row)
        };
        self.draft.push(step, BTreeSet::new())
    }

    /// Forgets an object that goes with its host, before the host does: no call is made for it.
    pub(super) fn forget_with_host(&mut self, row: &StateRow) {
        let step = self.forget(row, Reason::HostGone);
        self.deletions.push(Deletion {
            row: row.key.clone(),
            step,
            destroys_first: false,
        });
    }

    pub(super) fn row_template(&self, row: &StateRow) -> Step {
        Step {
            provider: Some(row.provider.clone()),
            dependencies: row.dependencies.clone(),
            source: row.source.clone(),
            row_digest: Some(row.digest()),
            ..blank(row.key.clone())
        }
    }

    /// A recorded object that is to be deleted, as it is now; nothing within for one that is gone. Reports it if that
    /// cannot be told.
    pub(super) fn still_there(
        &mut self,
        row: &StateRow,
        (provider, schema): (&dyn Provider, &ResourceSchema),
    ) -> Option<Option<Value>> {
        let told = match self.input.observed.get(&row.key) {
            Some(Observation::Absent) => return Some(None),
            Some(Observation::Present(object)) => Ok(object.attributes.clone()),
            Some(Observation::Unreadable(error)) => {
                if note_silent(&mut self.silent, row, error) {
                    return None;
                }
                Err(Box::new(unreadable(&row.key, error)))
            }
            None => decode_row(row, schema, provider),
        };
        match told {
            Ok(object) => Some(Some(object)),
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                None
            }
        }
    }

    /// Plans the deletion of a recorded object, with what it needs: lifted protection, or forgetting when it is gone or
    /// somebody else's.
    pub(super) fn delete(&mut self, row: &StateRow, reason: Reason) {
        let mode = row.address().mode;
        let Some((provider, schema)) = self
            .input
            .providers
            .schema(mode, &row.address().resource_type)
        else {
            let detail = format!(
                "No provider has the type of {}, which is recorded.",
                row.key
            );
            self.diagnostics.push(Diagnostic::error(
                code::UNKNOWN_TYPE,
                "Unknown resource type",
                detail,
            ));
            return;
        };
        let Some(before) = self.still_there(row, (provider.as_ref(), schema)) else {
            return;
        };
        let Some(before) = before else {
            self.drift.push(gone_record(row));
            self.forget(row, Reason::Gone);
            return;
        };
        let is_seen = self.input.observed.contains_key(&row.key);
        if let Some(why) = provider
            .leaves_alone(schema.name, &before)
            .filter(|_| is_seen)
        {
            let step = self.forget(row, reason);
            self.draft.steps[step as usize].left_alone = Some(why);
            return;
        }
        self.may_delete(Some(row), (schema, &before), None);
        let mut template = Step {
            timeouts: schema.timeouts,
            ..self.row_template(row)
        };
        let mut after = BTreeSet::new();
        if row.protected {
            let record = Step {
                action: Action::Record,
                reason: Reason::Protection,
                protect: false,
                ..template.clone()
            };
            after.insert(Ref::Step(self.draft.push(record, BTreeSet::new())));
            template.row_digest = None;
        }
        if reason == Reason::Deposed {
            after.extend(self.steps_of_current(row.address()));
        }
        let step = Step {
            action: Action::Delete,
            reason,
            before: Some(encode(&before, schema.schema.object_type(), self.input.key)),
            ..template
        };
        let step = self.draft.push(step, after);
        self.deletions.push(Deletion {
            row: row.key.clone(),
            step,
            destroys_first: false,
        });
    }

    /// The steps by which the object at an address comes to be as declared: what it takes the place of goes after them.
    fn steps_of_current(&self, address: &Address) -> Vec<Ref> {
        let steps = self.draft.steps.iter().enumerate();
        let own = steps.filter(|(_, step)| {
            step.key.address == *address
                && step.key.deposed.is_none()
                && matches!(step.action, Action::Create | Action::Update)
        });
        own.filter_map(|(at, _)| u32::try_from(at).ok().map(Ref::Step))
            .collect()
    }

    /// Takes into the state what changed without a visible step: only beside other steps, never on its own.
    fn records(&mut self, planner: &Planner<'a>, selected: &[bool]) {
        if self.draft.steps.is_empty() {
            return;
        }
        for (at, change) in planner.changes.iter().enumerate() {
            let Some((_, row)) = change
                .row
                .filter(|_| selected[at] && matches!(change.kind, ChangeKind::NoOp))
            else {
                continue;
            };
            if row.protected != change.protect || change.moved().is_some() {
                continue;
            }
            let template = self.template(planner, change);
            let planned = change.drifted.as_ref().map(|(_, observed)| {
                encode(observed, change.schema.schema.object_type(), self.input.key)
            });
            let same = planned.is_none()
                && template.dependencies == row.dependencies
                && template.create_before_destroy == row.create_before_destroy
                && template.provider.as_ref() == Some(&row.provider);
            if !same {
                let step = Step {
                    action: Action::Record,
                    reason: Reason::RecordChanged,
                    planned,
                    ..template
                };
                self.draft.push(step, BTreeSet::new());
            }
        }
    }

    fn refresh_only(&mut self, planner: &Planner<'a>, selected: &[bool]) {
        for (at, change) in planner
            .changes
            .iter()
            .enumerate()
            .filter(|(at, _)| selected[*at])
        {
            self.note_drift(change);
            let Some((_, row)) = change.row else { continue };
            if matches!(
                change.kind,
                ChangeKind::Create {
                    reason: Reason::Gone,
                    ..
                }
            ) {
                self.forget(row, Reason::Gone);
            } else if let Some((_, observed)) = &change.drifted {
                let planned = encode(observed, change.schema.schema.object_type(), self.input.key);
                let step = Step {
                    action: Action::Record,
                    reason: Reason::RecordChanged,
                    planned: Some(planned),
                    protect: row.protected,
                    create_before_destroy: row.create_before_destroy,
                    dependencies: row.dependencies.clone(),
                    provider: Some(row.provider.clone()),
                    ..self.template(planner, change)
                };
                self.draft.push(step, BTreeSet::new());
            }
            let _position = at;
        }
    }
}

/// What the planner found beside steps.
pub(super) struct Parts {
    pub(super) outputs: BTreeMap<String, strata_model::plan::OutputChange>,
    pub(super) unchanged: Vec<NoOp>,
    pub(super) data: BTreeMap<String, Encoded>,
    pub(super) objects: Vec<LayerObject>,
    pub(super) secret_files: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl Assembly<'_> {
    /// Puts the plan together.
    pub(super) fn finish(mut self, parts: Parts) -> PlanOutcome {
        let (steps, barriers) = match std::mem::take(&mut self.draft).finish() {
            Ok(finished) => finished,
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                (Vec::new(), Vec::new())
            }
        };
        self.diagnostics.extend(unreached(&self.unreached));
        let silent = silent(&self.silent, &self.diagnostics);
        self.diagnostics.extend(silent);
        self.diagnostics.sort();
        let has_errors = self.diagnostics.has_errors();
        if !self.is_possible() {
            return PlanOutcome {
                needs: Vec::new(),
                generated: Vec::new(),
                plan: None,
                refused: None,
                objects: Vec::new(),
                secret_files: BTreeSet::new(),
                diagnostics: self.diagnostics,
            };
        }
        let input = self.input;
        let plan = Plan {
            format: PLAN_FORMAT,
            id: input.header.id,
            lineage: input.snapshot.lineage,
            serial: input.snapshot.serial,
            engine_version: input.header.engine_version.clone(),
            created_at: input.header.created_at,
            source: input.header.source.clone(),
            definitions: input.header.files.clone(),
            variables: planned_variables(&input),
            options: input.options.clone(),
            steps,
            barriers,
            unchanged: parts.unchanged,
            outputs: parts.outputs,
            drift: self.drift,
            data: parts.data,
            put_off: put_off_in(&self.unreached) + self.waiting,
        };
        let (plan, refused) = if has_errors {
            (None, Some(plan))
        } else {
            (Some(plan), None)
        };
        PlanOutcome {
            needs: Vec::new(),
            generated: Vec::new(),
            plan,
            refused,
            objects: parts.objects,
            secret_files: parts.secret_files,
            diagnostics: self.diagnostics,
        }
    }

    /// Whether the steps are those that there would be: nothing is wrong but that some of them are not permitted, or that
    /// a change of something that exists is refused.
    fn is_possible(&self) -> bool {
        let mut errors = self
            .diagnostics
            .iter()
            .filter(|found| found.severity == strata_model::Severity::Error);
        errors.all(|found| {
            let of_permission = [code::PROTECTED, code::HOLDS_DATA, code::EMPTY_LAYER];
            of_permission.contains(&found.code) || found.code == code::PROVIDER_REFUSED
        })
    }
}

fn gone_record(row: &StateRow) -> DriftRecord {
    DriftRecord {
        key: row.key.clone(),
        before: hide(&row.attributes),
        after: None,
        row_digest: Some(row.digest()),
    }
}

/// A row's attributes without the secrets that stand in them in clear.
fn hide(stored: &Encoded) -> Encoded {
    let mut hidden = stored.clone();
    hidden.erase(&stored.secret);
    hidden.unknown.extend_from_slice(&stored.secret);
    hidden
}

pub(super) fn is_managed(address: &Address) -> bool {
    address.mode == strata_model::Mode::Managed
}

/// How sure a step is that makes this of an object; the template knows how sure it is of what is known.
pub(super) fn confidence(planned: &Value, schema: &ResourceSchema, template: &Step) -> Confidence {
    let open = planned.unknown_paths().iter().any(|path| {
        schema.schema.at(path).is_none_or(|attribute| {
            matches!(attribute.presence, Presence::Required | Presence::Optional)
        })
    });
    if open || template.provider.is_none() {
        Confidence::Deferred
    } else {
        template.confidence
    }
}

/// A step about which nothing is said yet.
pub(super) fn blank(key: RowKey) -> Step {
    Step {
        number: 0,
        key,
        action: Action::Record,
        reason: Reason::RecordChanged,
        confidence: Confidence::Exact,
        doubt: None,
        group: None,
        stage: None,
        more_stages: false,
        after: Vec::new(),
        before: None,
        planned: None,
        replace_paths: Vec::new(),
        row_digest: None,
        moved_from: None,
        taken_back: None,
        left_alone: None,
        import_id: None,
        provider: None,
        timeouts: Timeouts::default(),
        exclusive: None,
        protect: false,
        create_before_destroy: false,
        dependencies: Vec::new(),
        source: None::<Position>,
    }
}
