//! What becomes of one resource instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::definition::{IgnoreChanges, ResourceBlock};
use strata_language::evaluate::Evaluator;
use strata_model::plan::{PlanMode, Reason};
use strata_model::provider::{
    Observation, PlanRequest, PlannedChange, ProviderConfig, ReadPurpose, ValidateRequest,
};
use strata_model::schema::{ResourceSchema, Timeouts};
use strata_model::state::{RowKey, RowStatus, StateRow};
use strata_model::wire::{Encoded, fingerprint};
use strata_model::{
    Address, AttributePath, Diagnostic, Diagnostics, Mode, Position, SecretKey, Value,
};

use super::ReadNeed;
use super::duration::timeouts;
use super::hosted::{Found, host_of, note_unreached, unreachable};
use super::judged::{Declaration, why_later};
use super::select::any_matches;
use super::walk::{Planner, Site};
use crate::code;
use crate::world::Dep;
use crate::world::view::{Each, View, argument_fault, check_condition};

/// What becomes of one declared managed instance.
#[derive(Debug)]
pub(super) struct InstanceChange<'a> {
    pub(super) address: Address,
    pub(super) dep: Dep,
    pub(super) block: &'a ResourceBlock,
    pub(super) schema: &'a ResourceSchema,
    pub(super) deps: Vec<Dep>,
    pub(super) kind: ChangeKind,
    pub(super) row: Option<(&'a RowKey, &'a StateRow)>,
    /// The row of what failed at its address, where `row` is of the object that this one was to take the place of.
    pub(super) gives_way: Option<&'a StateRow>,
    pub(super) provider: Option<ProviderConfig>,
    pub(super) timeouts: Timeouts,
    pub(super) protect: bool,
    pub(super) create_first: bool,
    /// The object as observed where that differs from the row.
    pub(super) drifted: Option<(Value, Value)>,
    /// What all instances of its kind wait for together; these are among `deps`, too.
    pub(super) gate: Option<Arc<[Dep]>>,
    /// Where it is declared, where that is not its block.
    pub(super) source: Option<Position>,
    /// Why it is predicted only, and by what; `None` for what follows from what was observed.
    pub(super) doubt: Option<String>,
    /// Whether it is put off, or waits for what is: known when it is added to the others.
    pub(super) put_off: bool,
}

/// The kinds of changes.
#[derive(Debug)]
pub(super) enum ChangeKind {
    /// Nothing.
    NoOp,
    /// A create; the row, if any, is of an object that is gone.
    Create {
        planned: Value,
        reason: Reason,
        exclusive: Option<String>,
    },
    /// An update in place, in one stage or more.
    Update {
        before: Value,
        stages: Vec<(Option<String>, Value)>,
        reason: Reason,
        exclusive: Option<String>,
    },
    /// A replacement.
    Replace {
        before: Value,
        planned: Value,
        paths: Vec<AttributePath>,
        reason: Reason,
        exclusive: Option<String>,
    },
    /// An import, followed by what makes the object as declared.
    Import {
        id: String,
        object: Value,
        then: Box<ChangeKind>,
    },
    /// A data source that can only be read during apply.
    Read { planned: Value, reason: Reason },
    /// Nothing now: its host cannot be reached.
    Deferred,
}

impl ChangeKind {
    /// Whether anything happens to the object.
    pub(super) fn is_change(&self) -> bool {
        !matches!(self, ChangeKind::NoOp | ChangeKind::Deferred)
    }
}

/// What a block says of one instance.
pub(super) struct Said {
    pub(super) config: Value,
    pub(super) protect: bool,
    pub(super) timeouts: Timeouts,
    pub(super) deps: Vec<Dep>,
    /// What all instances wait for together.
    pub(super) gate: Option<Arc<[Dep]>>,
    /// Where it is said, where that is not the block.
    pub(super) source: Option<Position>,
}

/// A change, the object as others see it, and what changed outside.
pub(super) type Decided = (ChangeKind, Value, Option<(Value, Value)>);

/// An object as it is before.
struct Prior {
    value: Option<Value>,
    gone: bool,
    status: RowStatus,
    drifted: Option<(Value, Value)>,
}

impl<'a> Planner<'a> {
    /// Plans a managed instance; the result is its value as others see it.
    pub(super) fn managed(
        &mut self,
        site: Site<'a>,
        at: u32,
        each: Option<&Each>,
        base: &[Dep],
    ) -> Value {
        let address = self
            .world
            .address(&site.block.id, site.scope, each.map(|each| &each.key));
        let errors = self.diagnostics.error_count();
        let said = self.evaluate(site, each, base);
        let basis = self.validate(site, &address, &said.config);
        let nothing_known = || Value::unknown(site.schema.schema.object_type().clone());
        if self.diagnostics.error_count() > errors {
            return nothing_known();
        }
        let Some(value) = self.said_instance(site, (at, address), said, basis.as_deref()) else {
            return nothing_known();
        };
        self.postconditions(site, each, &value);
        value
    }

    /// Decides what becomes of a managed instance of which it is known what its block says; the result is its value as
    /// others see it, and nothing where that cannot be told.
    pub(super) fn said_instance(
        &mut self,
        site: Site<'a>,
        (at, address): (u32, Address),
        said: Said,
        basis: Option<&str>,
    ) -> Option<Value> {
        let mut row = self.row(&RowKey::current(address.clone()));
        let mut gives_way = None;
        if let Some((failed, left)) = row.and_then(|row| self.taken_back(site, row, &said.config)) {
            self.claimed.insert(place_of(failed.0), ());
            (row, gives_way) = (Some(left), Some(failed.1));
        }
        if let Some((recorded, _)) = row {
            self.claimed.insert(place_of(recorded), ());
        }
        self.declare_once(site, &address, &said.config);
        let (kind, value, drifted) = self.change(site, &address, row, &said.config)?;
        let dep = Dep {
            node: site.node,
            scope: site.scope,
            instance: Some(at),
        };
        let doubt = self.doubt(site, (&address, &kind), basis);
        self.add_change(InstanceChange {
            doubt,
            put_off: false,
            address,
            dep,
            block: site.block,
            schema: site.schema,
            deps: said.deps,
            kind,
            row,
            gives_way,
            provider: self.provider_config(site),
            timeouts: said.timeouts,
            protect: said.protect,
            create_first: self.create_first[site.node],
            drifted,
            gate: said.gate,
            source: said.source,
        });
        Some(value)
    }

    /// Evaluates what a block says of one instance.
    fn evaluate(&mut self, site: Site<'_>, each: Option<&Each>, base: &[Dep]) -> Said {
        let mut found = Diagnostics::new();
        let view = View::with_each(&self.world, site.scope, each.cloned());
        let evaluator = self.world.evaluator(&view);
        for condition in &site.block.meta.lifecycle.preconditions {
            check_condition(&evaluator, condition, None, &mut found);
        }
        let arguments = &site.block.arguments;
        let config = evaluator.evaluate_arguments(
            arguments,
            &site.schema.schema,
            site.block.span,
            &mut found,
        );
        let protect = protects(&evaluator, site.block);
        let timeouts = timeouts(&evaluator, site, &mut found);
        view.touch_all(base);
        let deps = view.into_deps();
        self.diagnostics.extend(found);
        Said {
            config,
            protect,
            timeouts,
            deps,
            gate: None,
            source: None,
        }
    }

    /// Checks arguments; the result is by what they were judged, where that depends on what they are for.
    fn validate(&mut self, site: Site<'a>, address: &Address, config: &Value) -> Option<Arc<str>> {
        let request = ValidateRequest {
            resource_type: Some((site.block.id.mode, site.schema.name)),
            config,
        };
        let mut faults = site.provider.validate(request);
        let mut basis = None;
        if faults.is_empty() && site.block.id.mode == Mode::Managed {
            let declaration = Declaration {
                address,
                span: site.block.span,
                place: None,
            };
            let verdict = self.judge(site, &declaration, config);
            (faults, basis) = (verdict.faults, verdict.basis);
        }
        for fault in faults {
            self.diagnostics.push(
                argument_fault(&fault, &site.block.arguments, site.block.span).about(address),
            );
        }
        basis
    }

    fn postconditions(&mut self, site: Site<'_>, each: Option<&Each>, value: &Value) {
        if site.block.meta.lifecycle.postconditions.is_empty() {
            return;
        }
        let mut found = Diagnostics::new();
        let mut view = View::with_each(&self.world, site.scope, each.cloned());
        view.set_self(value.clone());
        let evaluator = self.world.evaluator(&view);
        for condition in &site.block.meta.lifecycle.postconditions {
            check_condition(&evaluator, condition, None, &mut found);
        }
        self.diagnostics.extend(found);
    }

    /// Decides the change. `None` when an error was reported.
    pub(super) fn change(
        &mut self,
        site: Site<'a>,
        address: &Address,
        row: Option<(&'a RowKey, &'a StateRow)>,
        config: &Value,
    ) -> Option<Decided> {
        if row.is_none()
            && let Some(import) = self.import_id(site, address)
        {
            return self
                .import(site, address, import, config)
                .map(|(kind, value)| (kind, value, None));
        }
        if row.is_none() {
            match self.adopt(site, address, config) {
                Found::Nothing => {}
                Found::Open => return None,
                Found::Decided(decided) => return Some(*decided),
            }
        }
        if let Some((key, row)) = row {
            if let Some(reason) = self.goes_with_host(site, row) {
                let made = self.create(site, address, config, reason)?;
                return Some((made.0, made.1, None));
            }
            if let Some(error) = unreachable(self.input.observed.get(key)) {
                return Some(self.put_off(site, &row.provider, error));
            }
        }
        let prior = match row {
            Some((key, row)) => self.prior(site, key, row, config)?,
            None => Prior {
                value: None,
                gone: false,
                status: RowStatus::Ready,
                drifted: None,
            },
        };
        let Some(before) = &prior.value else {
            let reason = if prior.gone {
                Reason::Gone
            } else {
                Reason::Declared
            };
            return self
                .create(site, address, config, reason)
                .map(|(kind, value)| (kind, value, prior.drifted));
        };
        let (kind, value) = self.existing(
            site,
            address,
            (row.map(|(_, row)| row), before, prior.status),
            config,
        )?;
        Some((kind, value, prior.drifted))
    }

    fn create(
        &mut self,
        site: Site<'a>,
        address: &Address,
        config: &Value,
        reason: Reason,
    ) -> Option<(ChangeKind, Value)> {
        let change = self.ask(site, address, None, config)?;
        let value = change.planned.clone();
        Some((
            ChangeKind::Create {
                planned: change.planned,
                reason,
                exclusive: change.exclusive,
            },
            value,
        ))
    }

    pub(super) fn existing(
        &mut self,
        site: Site<'a>,
        address: &Address,
        (row, before, status): (Option<&StateRow>, &Value, RowStatus),
        config: &Value,
    ) -> Option<(ChangeKind, Value)> {
        if self.input.options.mode == PlanMode::RefreshOnly {
            // Nothing is proposed, so that nothing can be wrong with a proposal.
            return Some((ChangeKind::NoOp, before.clone()));
        }
        let config = ignore_changes(
            &site.block.meta.lifecycle.ignore_changes,
            site.schema,
            before,
            config,
        );
        let change = self.ask(site, address, Some(before), &config)?;
        let elsewhere = row.is_some_and(|row| self.lives_elsewhere(site, row));
        let reason = if any_matches(&self.replace, address) {
            Some(Reason::ReplaceRequested)
        } else if status == RowStatus::Failed {
            Some(Reason::Failed)
        } else if elsewhere || !change.replace.is_empty() {
            Some(Reason::CannotUpdate)
        } else if self.triggered(site) {
            Some(Reason::ReplaceTriggered)
        } else {
            None
        };
        if let Some(reason) = reason {
            let anew = self.ask(site, address, None, &config)?;
            let value = anew.planned.clone();
            let kind = ChangeKind::Replace {
                before: before.clone(),
                planned: anew.planned,
                paths: change.replace,
                reason,
                exclusive: change.exclusive,
            };
            return Some((kind, value));
        }
        if change.planned == *before && status == RowStatus::Ready {
            return Some((ChangeKind::NoOp, before.clone()));
        }
        let reason = if status == RowStatus::Incomplete {
            Reason::Incomplete
        } else {
            Reason::Changed
        };
        let value = change.planned.clone();
        let stages = if change.stages.is_empty() {
            vec![(None, change.planned)]
        } else {
            change
                .stages
                .into_iter()
                .map(|stage| (Some(stage.label), stage.planned))
                .collect()
        };
        Some((
            ChangeKind::Update {
                before: before.clone(),
                stages,
                reason,
                exclusive: change.exclusive,
            },
            value,
        ))
    }

    fn ask(
        &mut self,
        site: Site<'a>,
        address: &Address,
        prior: Option<&Value>,
        config: &Value,
    ) -> Option<PlannedChange> {
        let provider = self.provider_config(site);
        let request = PlanRequest {
            resource_type: site.schema.name,
            prior,
            config,
            provider: provider.as_ref(),
        };
        match site.provider.plan_change(request) {
            Ok(change) => Some(change),
            Err(error) => {
                let diagnostic = Diagnostic::error(
                    code::PROVIDER_REFUSED,
                    "Change refused",
                    error.message.clone(),
                )
                .at(site.block.span)
                .about(address);
                let diagnostic = match error.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                };
                let Some(prior) = prior else {
                    self.diagnostics.push(diagnostic);
                    return None;
                };
                // All else can still be planned, and this is no hindrance where it is left out.
                self.refused.push((address.clone(), diagnostic));
                Some(PlannedChange {
                    planned: prior.clone(),
                    replace: Vec::new(),
                    stages: Vec::new(),
                    exclusive: None,
                })
            }
        }
    }

    /// Whether the configuration now leads to another place than the one where the object is, such as another region.
    pub(super) fn lives_elsewhere(&self, site: Site<'_>, row: &StateRow) -> bool {
        let Some(config) = self.provider_config(site) else {
            return false;
        };
        if host_of(&config).is_some() && host_of(&row.provider).is_some() {
            return !self.is_one_host(&config, &row.provider);
        }
        let attributes = site.provider.config_schema().attributes().iter();
        attributes
            .filter(|(_, attribute)| attribute.replace)
            .any(|(name, _)| config.values.get(name) != row.provider.values.get(name))
    }

    /// Whether a dependency, or any instance of the block that it names, changes.
    pub(super) fn has_change(&self, dep: &Dep) -> bool {
        self.changes[self.changes_of(dep)]
            .iter()
            .any(|change| change.kind.is_change())
    }

    fn prior(
        &mut self,
        site: Site<'a>,
        key: &RowKey,
        row: &StateRow,
        config: &Value,
    ) -> Option<Prior> {
        let recorded = self.recorded(site, (key, row))?;
        let recorded = restore_inputs(recorded, &row.attributes, config, self.input.key);
        let mut prior = Prior {
            value: Some(recorded.clone()),
            gone: false,
            status: row.status,
            drifted: None,
        };
        match self.input.observed.get(key) {
            None => {}
            Some(Observation::Absent) => {
                prior.value = None;
                prior.gone = true;
            }
            Some(Observation::Unreadable(error)) if error.of_connection => {
                self.unusable(site, &key.address, error);
                return None;
            }
            Some(Observation::Unreadable(error)) => {
                self.diagnostics
                    .push(unreadable(key, error).at(site.block.span));
                return None;
            }
            Some(Observation::Present(object)) => {
                let observed = restore_inputs(
                    object.attributes.clone(),
                    &row.attributes,
                    config,
                    self.input.key,
                );
                if object.incomplete && prior.status == RowStatus::Ready {
                    prior.status = RowStatus::Incomplete;
                }
                // A secret that can be read is as it was if it has the fingerprint that was kept of it.
                let stored = &row.attributes;
                let recorded = restore_inputs(recorded, stored, &observed, self.input.key);
                let recorded = site.schema.schema.with_learned(recorded, &observed);
                if observed != recorded {
                    prior.drifted = Some((recorded, observed.clone()));
                }
                prior.value = Some(observed);
            }
        }
        Some(prior)
    }

    fn recorded(&mut self, site: Site<'a>, (key, row): (&RowKey, &StateRow)) -> Option<Value> {
        if let Some(value) = self.recorded.take(&place_of(key)) {
            return Some(value);
        }
        decode_row(row, site.schema, site.provider.as_ref())
            .map_err(|diagnostic| self.diagnostics.push(*diagnostic))
            .ok()
    }

    /// Plans a data source; the result is its value as others see it.
    pub(super) fn data_source(
        &mut self,
        site: Site<'a>,
        at: u32,
        each: Option<&Each>,
        base: &[Dep],
    ) -> Value {
        let address = self
            .world
            .address(&site.block.id, site.scope, each.map(|each| &each.key));
        let errors = self.diagnostics.error_count();
        let Said {
            config, mut deps, ..
        } = self.evaluate(site, each, base);
        self.validate(site, &address, &config);
        let predicted = site.schema.schema.propose(None, &config).planned;
        if self.diagnostics.error_count() > errors || self.input.validate_only {
            return predicted;
        }
        let pending = base.iter().any(|dep| self.has_change(dep));
        let provider = self.provider_config(site);
        let definitions = self.definitions_to_come(site, &address, provider.as_ref());
        deps.extend(&definitions);
        let awaits = pending || !definitions.is_empty();
        let is_left = self.is_left_unread(site, &address);
        let deferred = config.has_unknown() || awaits || provider.is_none() || is_left;
        let unreached = provider
            .as_ref()
            .zip(unreachable(self.input.read.get(&address)));
        let is_unreached = unreached.is_some();
        if let Some((provider, error)) = unreached {
            note_unreached(&mut self.unreached, provider, error);
        }
        let kind = if is_unreached {
            ChangeKind::Deferred
        } else if deferred {
            ChangeKind::Read {
                planned: predicted.clone(),
                reason: why_later(&config, provider.as_ref(), pending),
            }
        } else {
            ChangeKind::NoOp
        };
        let dep = Dep {
            node: site.node,
            scope: site.scope,
            instance: Some(at),
        };
        self.add_change(InstanceChange {
            doubt: None,
            put_off: false,
            address: address.clone(),
            dep,
            block: site.block,
            schema: site.schema,
            deps,
            kind,
            row: None,
            gives_way: None,
            provider: provider.clone(),
            timeouts: site.schema.timeouts,
            protect: false,
            create_first: false,
            drifted: None,
            gate: None,
            source: None,
        });
        if deferred || is_unreached {
            return predicted;
        }
        self.read_now(site, address, config, provider)
            .unwrap_or(predicted)
    }

    fn read_now(
        &mut self,
        site: Site<'a>,
        address: Address,
        config: Value,
        provider: Option<ProviderConfig>,
    ) -> Option<Value> {
        match self.input.read.get(&address) {
            Some(Observation::Present(object)) => {
                let ty = site.schema.schema.object_type();
                self.data.insert(
                    address.to_string(),
                    super::encode::encode(&object.attributes, ty, self.input.key),
                );
                Some(object.attributes.clone())
            }
            Some(Observation::Absent) => {
                let detail = format!("The data source {address} found nothing.");
                self.diagnostics.push(
                    Diagnostic::error(code::UNREADABLE, "Object not readable", detail)
                        .at(site.block.span)
                        .about(&address),
                );
                None
            }
            Some(Observation::Unreadable(error)) if error.of_connection => {
                self.unusable(site, &address, error);
                None
            }
            Some(Observation::Unreadable(error)) => {
                self.diagnostics
                    .push(unreadable(&RowKey::current(address), error).at(site.block.span));
                None
            }
            None => {
                let provider = provider?;
                self.needs.push(ReadNeed {
                    address,
                    purpose: ReadPurpose::Data,
                    id: None,
                    config: Some(config),
                    provider,
                });
                None
            }
        }
    }
}

/// Where a key of the state's rows is in memory: which key it is, quicker to tell than by what it says.
pub(super) fn place_of(key: &RowKey) -> usize {
    std::ptr::from_ref(key).addr()
}

fn protects(evaluator: &Evaluator<'_>, block: &ResourceBlock) -> bool {
    let Some(expr) = &block.meta.lifecycle.prevent_destroy else {
        return false;
    };
    // Whatever cannot be told protects.
    evaluator
        .evaluate(expr, &mut Diagnostics::new())
        .as_bool()
        .unwrap_or(true)
}

/// The attributes of a row, brought to the current schema.
pub(crate) fn decode_row(
    row: &StateRow,
    schema: &ResourceSchema,
    provider: &dyn strata_model::provider::Provider,
) -> Result<Value, Box<Diagnostic>> {
    let unusable = |detail: String| {
        Box::new(
            Diagnostic::error(code::ROW_UNUSABLE, "Stored object not usable", detail)
                .about(&row.key),
        )
    };
    if row.schema_version == schema.version {
        return row
            .attributes
            .decode(schema.schema.object_type())
            .map_err(|error| unusable(format!("{error}.")));
    }
    let upgraded = provider
        .upgrade(row.clone())
        .map_err(|error| unusable(error.message))?;
    upgraded
        .attributes
        .decode(schema.schema.object_type())
        .map_err(|error| unusable(format!("{error}.")))
}

/// Puts input secrets back where only their fingerprints are kept, if the definition still gives the same ones.
pub(crate) fn restore_inputs(
    value: Value,
    stored: &Encoded,
    config: &Value,
    key: &SecretKey,
) -> Value {
    let mut restored = value;
    for (path, kept) in &stored.fingerprints {
        let given = config
            .at(path)
            .filter(|given| !given.has_unknown() && !given.is_null());
        let hidden = restored.at(path).is_some_and(Value::is_unknown);
        if let Some(given) = given.filter(|given| hidden && fingerprint(given, key) == *kept) {
            restored = restored.with_at(path, given.clone().into_secret());
        }
    }
    restored
}

pub(crate) fn ignore_changes(
    ignore: &IgnoreChanges,
    schema: &ResourceSchema,
    before: &Value,
    config: &Value,
) -> Value {
    match ignore {
        IgnoreChanges::None => config.clone(),
        IgnoreChanges::All => {
            let arguments = schema
                .schema
                .attributes()
                .iter()
                .filter(|(_, attribute)| attribute.is_argument());
            let kept: BTreeMap<_, _> = arguments
                .filter_map(|(name, _)| Some((name, before.get(name)?)))
                .collect();
            kept.into_iter()
                .fold(config.clone(), |config, (name, value)| {
                    config.with_at(&AttributePath::attribute(name.clone()), value.clone())
                })
        }
        IgnoreChanges::Paths(paths) => {
            paths.iter().fold(config.clone(), |config, path| {
                match before.at(&path.value) {
                    Some(value) => config.with_at(&path.value, value.clone()),
                    None => config,
                }
            })
        }
    }
}

pub(super) fn unreadable(
    key: &RowKey,
    error: &strata_model::provider::ProviderError,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        code::UNREADABLE,
        "Object not readable",
        format!("{key} could not be read: {}", error.message),
    )
    .about(key);
    let diagnostic = if key.address.mode == Mode::Data {
        // Nothing is recorded of it.
        diagnostic
    } else {
        diagnostic.hint("Nothing is planned for what cannot be read. -refresh=false plans from what is recorded instead.")
    };
    match &error.hint {
        Some(hint) => diagnostic.hint(hint.clone()),
        None => diagnostic,
    }
}
