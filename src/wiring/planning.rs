//! Making a plan: recovery in memory or in the state, refresh, data reads in rounds, and the planner.

use std::collections::BTreeMap;

use strata_core::apply;
use strata_core::plan::{
    Generated, LateObject, LayerObject, PlanHeader, PlanInput, PlanOutcome, plan,
};
use strata_model::plan::{Plan, PlanMode, PlanOptions};
use strata_model::provider::{Observation, ProviderErrorKind};
use strata_model::state::{RowKey, StateSnapshot};
use strata_model::store::{Lock, StateStore};
use strata_model::{Address, AttributePath, Diagnostics, Mode, PlanId};

use super::bench::{Bench, check_recovery, hide_secrets};
use super::refresh::Reading;
use super::state_error;
use super::withheld::SecretFiles;
use crate::error::{CommandError, ErrorKind};
use crate::view::events;
use crate::view::plan_text;
use crate::view::progress::{found_words, words};

/// How often the planner may ask for more before it is taken to go in circles.
const MOST_ROUNDS: usize = 100;

/// What is asked of a plan beyond its options.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is asked for.
    pub options: PlanOptions,
    /// How many reads at once.
    pub parallelism: u16,
    /// Objects to import, by address.
    pub imports: BTreeMap<Address, String>,
    /// Whether the plan names what stays as it is.
    pub record_unchanged: bool,
    /// The lock, where it is held: recovery may write then.
    pub lock: Option<&'a Lock>,
    /// Whether data sources may be left unread ([`PlanInput::reads_may_fail`]).
    pub reads_may_fail: bool,
}

impl Request<'_> {
    /// A plan that is only looked at, and imports nothing beyond what the definitions say.
    pub fn look(options: PlanOptions, parallelism: u16) -> Self {
        Request {
            options,
            parallelism,
            imports: BTreeMap::new(),
            record_unchanged: false,
            lock: None,
            reads_may_fail: false,
        }
    }

    /// A look at what is declared, whether all that it refers to can be read or not.
    pub fn look_at_declared(options: PlanOptions, parallelism: u16) -> Self {
        Request {
            reads_may_fail: true,
            ..Request::look(options, parallelism)
        }
    }
}

/// What a planner is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// A plan.
    Plan,
    /// Blocks for imports that nothing declares.
    Blocks,
    /// The objects of layers.
    Objects,
}

/// What every round of planning is given.
#[derive(Debug, Clone, Copy)]
struct Inputs<'a> {
    snapshot: &'a StateSnapshot,
    observed: &'a BTreeMap<RowKey, Observation>,
    late: &'a [LateObject],
    header: &'a PlanHeader,
}

/// A plan with what it was made from.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What is recorded, open ops resolved.
    pub snapshot: StateSnapshot,
    /// Whether everything could be looked at: no cluster was out of reach.
    pub is_whole: bool,
}

impl Bench<'_> {
    /// Makes a plan, and shows what there is to say about the definitions.
    ///
    /// # Errors
    ///
    /// When the definitions or the state do not allow one; diagnostics have been shown then.
    pub async fn plan(&self, request: Request<'_>) -> Result<Planned, CommandError> {
        let snapshot = self.recovered(&request).await?;
        let observed = self.observe(&snapshot, &request).await?;
        let late = match &self.store {
            Some(store) if request.options.refresh => {
                self.reading(request.parallelism)
                    .late(&snapshot, store)
                    .await
            }
            Some(_) | None => Vec::new(),
        };
        let header = self.header();
        let inputs = Inputs {
            snapshot: &snapshot,
            observed: &observed,
            late: &late,
            header: &header,
        };
        let mut outcome = self.rounds(&request, inputs, Aim::Plan).await?;
        let known = apply::Known {
            snapshot: &snapshot,
            observed: Some(&observed),
        };
        self.examine(&mut outcome, known).await;
        if let Some(refused) = &outcome.refused {
            self.show_refused(refused);
        }
        hide_layers(self, &outcome.objects);
        let files = outcome.secret_files;
        self.finish((outcome.plan, &files), outcome.diagnostics, snapshot)
    }

    /// Shows what a plan would do that is refused, before the errors that say why.
    fn show_refused(&self, plan: &Plan) {
        let ui = &self.session.ui;
        // The others show something else of a plan, or nothing.
        if !matches!(self.session.word, "plan" | "apply" | "destroy") {
            return;
        }
        if ui.wants_events() {
            let events = events::plan(plan, self.providers());
            for (kind, message, fields) in events {
                if kind == "planned_change" {
                    ui.event(kind, &message, fields);
                }
            }
        }
        if ui.wants_text() {
            if plan.steps.is_empty() && plan.outputs.is_empty() {
                return;
            }
            ui.line("This is what would be done. It is refused, for the reasons below it:\n");
            ui.print(&plan_text::plan(plan, self.providers(), ui.style()));
        }
    }

    /// Makes the blocks that imports need and do not have.
    ///
    /// # Errors
    ///
    /// As for [`Bench::plan`].
    pub async fn generate(&self, request: Request<'_>) -> Result<Vec<Generated>, CommandError> {
        let snapshot = self.recovered(&request).await?;
        let header = self.header();
        let inputs = Inputs {
            snapshot: &snapshot,
            observed: &BTreeMap::new(),
            late: &[],
            header: &header,
        };
        let outcome = self.rounds(&request, inputs, Aim::Blocks).await?;
        if outcome.generated.is_empty() {
            let files = outcome.secret_files;
            self.finish((outcome.plan, &files), outcome.diagnostics, snapshot)?;
        }
        Ok(outcome.generated)
    }

    /// The objects of layers as apply would send them. Nothing is read but data sources.
    ///
    /// # Errors
    ///
    /// As for [`Bench::plan`].
    pub async fn layer_objects(
        &self,
        request: Request<'_>,
    ) -> Result<Vec<LayerObject>, CommandError> {
        let snapshot = self.recovered(&request).await?;
        let header = self.header();
        let inputs = Inputs {
            snapshot: &snapshot,
            observed: &BTreeMap::new(),
            late: &[],
            header: &header,
        };
        let mut outcome = self.rounds(&request, inputs, Aim::Objects).await?;
        let mut objects = std::mem::take(&mut outcome.objects);
        // What may not be deleted says nothing of what is sent.
        let plan = outcome.plan.or(outcome.refused);
        hide_layers(self, &objects);
        self.as_sent(&mut objects);
        let files = outcome.secret_files;
        self.finish((plan, &files), outcome.diagnostics, snapshot)?;
        Ok(objects)
    }

    /// Puts in place of manifests what is sent for them. Without a state its part of that is unknown.
    fn as_sent(&self, objects: &mut [LayerObject]) {
        let lineage = self.store.as_ref().map(StateStore::lineage);
        for object in objects {
            let known = self.connections.schema(&object.address).ok();
            let sent = known.and_then(|(provider, schema)| {
                provider.sent(schema.name, &object.attributes, lineage)
            });
            if let Some(sent) = sent {
                let place = AttributePath::attribute("manifest");
                object.attributes = object.attributes.with_at(&place, sent);
            }
        }
    }

    fn header(&self) -> PlanHeader {
        PlanHeader {
            id: PlanId::from_bits(self.session.ids.bits()),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: self.session.clock.now(),
            source: self.project.revision.clone(),
            files: BTreeMap::new(),
        }
    }

    /// Plans, reads what the planner asks for, and plans again, until it asks for nothing.
    async fn rounds(
        &self,
        request: &Request<'_>,
        inputs: Inputs<'_>,
        aim: Aim,
    ) -> Result<PlanOutcome, CommandError> {
        let mut read = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            let outcome = plan(PlanInput {
                definitions: &self.project.loaded.definitions,
                sources: &self.project.loaded.sources,
                trees: &self.trees,
                project_name: &self.project.name,
                variables: &self.variables,
                providers: self.providers(),
                snapshot: inputs.snapshot,
                observed: inputs.observed,
                read: &read,
                imports: &request.imports,
                late: inputs.late,
                options: &request.options,
                key: &self.key,
                header: inputs.header,
                validate_only: false,
                generate: aim == Aim::Blocks,
                record_unchanged: request.record_unchanged,
                layer_needs: aim == Aim::Objects,
                reads_may_fail: request.reads_may_fail,
            });
            if outcome.needs.is_empty() {
                return Ok(outcome);
            }
            for need in &outcome.needs {
                tracing::debug!(target: "strata::wiring", address = %need.address, "read for the plan");
            }
            let answers = self
                .reading(request.parallelism)
                .needs(&outcome.needs)
                .await;
            refuse_missing_credentials(answers.values())?;
            hide_told(self, &answers);
            read.extend(answers);
        }
        Err(CommandError::bug(
            "the planner asks for more reads again and again",
        ))
    }

    fn finish(
        &self,
        (plan, secret): (Option<Plan>, &SecretFiles),
        mut diagnostics: Diagnostics,
        snapshot: StateSnapshot,
    ) -> Result<Planned, CommandError> {
        let mut all = self.project.loaded.diagnostics.clone();
        diagnostics.sort();
        all.extend(diagnostics);
        self.session
            .ui
            .diagnostics(&all, &self.project.loaded.sources);
        let Some(mut plan) = plan else {
            return Err(CommandError::shown(refusal_kind(&all)));
        };
        // Functions read files while the plan was made: only now is the snapshot complete.
        let (files, digest) = self.project.snapshot(secret, &self.key);
        plan.definitions = files;
        plan.source.tree = Some(digest);
        let unreachable = strata_core::code::UNREACHABLE;
        let is_whole = !all.iter().any(|found| found.code == unreachable);
        Ok(Planned {
            plan,
            snapshot,
            is_whole,
        })
    }

    /// What is recorded, with every open op resolved: in the state with the lock, in memory without it.
    async fn recovered(&self, request: &Request<'_>) -> Result<StateSnapshot, CommandError> {
        let ui = &self.session.ui;
        let parallelism = usize::from(request.parallelism);
        let Some(lock) = request.lock else {
            let recorded = self.snapshot().await?;
            let (snapshot, recovery) =
                apply::preview(recorded, &self.connections, &self.key, parallelism).await;
            for finding in &recovery.findings {
                if let Some(outcome) = finding.resolution.outcome() {
                    ui.note(&found_words(&finding.key, outcome));
                }
            }
            check_recovery(&recovery)?;
            return Ok(snapshot);
        };
        self.recover(lock, parallelism).await?;
        self.snapshot().await
    }

    /// Resolves every open op in the state.
    ///
    /// # Errors
    ///
    /// When one cannot be decided.
    pub async fn recover(&self, lock: &Lock, parallelism: usize) -> Result<(), CommandError> {
        let ui = &self.session.ui;
        let store = self.store()?;
        hide_secrets(self.session, &store.snapshot().await.map_err(state_error)?);
        let events = |event: strata_model::event::Event| {
            if let Some(text) = words(&event) {
                ui.note(&text);
            }
        };
        let recovery = apply::recover(apply::RecoverInput {
            store,
            lock,
            connections: &self.connections,
            key: &self.key,
            parallelism,
            events: &events,
        })
        .await
        .map_err(state_error)?;
        check_recovery(&recovery)
    }

    /// How this bench reads.
    pub fn reading(&self, parallelism: u16) -> Reading<'_> {
        Reading {
            connections: &self.connections,
            parallelism: usize::from(parallelism),
            speed: self.clouds.speed,
            ui: &self.session.ui,
        }
    }

    async fn observe(
        &self,
        snapshot: &StateSnapshot,
        request: &Request<'_>,
    ) -> Result<BTreeMap<RowKey, Observation>, CommandError> {
        if !request.options.refresh {
            return Ok(BTreeMap::new());
        }
        let store = self.store.as_ref().map(|store| store as &dyn StateStore);
        let observed = self
            .reading(request.parallelism)
            .refresh(snapshot.rows.values(), store)
            .await;
        refuse_missing_credentials(observed.values())?;
        hide_observed(self, observed.values());
        if self.session.ui.wants_events() {
            self.tell_refreshed(snapshot, observed.keys());
        }
        Ok(observed)
    }

    fn tell_refreshed<'k>(&self, snapshot: &StateSnapshot, keys: impl Iterator<Item = &'k RowKey>) {
        for key in keys {
            let id = snapshot.rows.get(key).and_then(|row| row.id.as_deref());
            for (kind, words) in [
                ("refresh_start", "Refreshing state..."),
                ("refresh_complete", "Refresh complete"),
            ] {
                let fields = events::refresh(key, id);
                self.session
                    .ui
                    .event(kind, &format!("{key}: {words}"), fields);
            }
        }
    }
}

/// Everything that is wrong with a project's definitions, in the order of files; nothing outside of them is looked at.
///
/// What could not be read does not hide what is wrong elsewhere.
pub fn validate(
    project: &super::project::Project,
    session: &crate::session::Session,
) -> Diagnostics {
    let mut found = project.loaded.diagnostics.clone();
    found.extend(check(project, session));
    found.sort();
    found
}

fn check(project: &super::project::Project, session: &crate::session::Session) -> Diagnostics {
    let header = PlanHeader {
        id: PlanId::from_bits([0; 16]),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: session.clock.now(),
        source: project.revision.clone(),
        files: BTreeMap::new(),
    };
    let outcome = plan(PlanInput {
        definitions: &project.loaded.definitions,
        sources: &project.loaded.sources,
        trees: &project.loaded.source_trees(),
        project_name: &project.name,
        variables: &BTreeMap::new(),
        providers: &super::providers_with(session.schemas.clone()),
        snapshot: &StateSnapshot::default(),
        observed: &BTreeMap::new(),
        read: &BTreeMap::new(),
        imports: &BTreeMap::new(),
        late: &[],
        options: &PlanOptions {
            mode: PlanMode::Normal,
            refresh: false,
            ..PlanOptions::default()
        },
        key: &strata_model::SecretKey::from_bytes([0; 32]),
        header: &header,
        validate_only: true,
        generate: false,
        record_unchanged: false,
        layer_needs: false,
        reads_may_fail: false,
    });
    outcome.diagnostics
}

/// Manifests may hold secrets.
fn hide_layers(bench: &Bench<'_>, objects: &[LayerObject]) {
    for object in objects {
        let redactor = bench.session.ui.redactor();
        redactor.add_secrets_of(&object.attributes);
    }
}

/// What data sources told may hold secrets, and so may what was read of other objects.
pub(super) fn hide_told(bench: &Bench<'_>, answers: &BTreeMap<Address, Observation>) {
    let (data, others): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|(address, _)| address.mode == Mode::Data);
    hide_observed(bench, others.into_iter().map(|(_, seen)| seen));
    for (_, observation) in data {
        if let Observation::Present(object) = observation {
            let redactor = bench.session.ui.redactor();
            redactor.add_secrets_told(&object.attributes);
        }
    }
}

/// What was read may hold secrets.
fn hide_observed<'o>(bench: &Bench<'_>, observed: impl Iterator<Item = &'o Observation>) {
    for observation in observed {
        if let Observation::Present(object) = observation {
            bench
                .session
                .ui
                .redactor()
                .add_secrets_of(&object.attributes);
        }
    }
}

/// Without credentials nothing can be read: one error says so, not one for each object.
fn refuse_missing_credentials<'o>(
    mut observed: impl Iterator<Item = &'o Observation>,
) -> Result<(), CommandError> {
    let refused = observed.find_map(|observation| match observation {
        Observation::Unreadable(error) if error.kind == ProviderErrorKind::Credentials => {
            Some(error)
        }
        Observation::Unreadable(_) | Observation::Present(_) | Observation::Absent => None,
    });
    let Some(error) = refused else { return Ok(()) };
    let command = CommandError::new(ErrorKind::Credentials, "credentials are missing or expired")
        .because(error.clone());
    Err(match &error.hint {
        Some(hint) => command.hint(hint.clone()),
        None => command.hint("Log in again, and repeat the command: it goes on where it stopped."),
    })
}

/// The kind of a plan that was not made, by its errors: definitions that are wrong, or a world that does not allow it.
fn refusal_kind(diagnostics: &Diagnostics) -> ErrorKind {
    let outside = [
        strata_core::code::UNREADABLE,
        strata_core::code::PROVIDER_REFUSED,
        strata_core::code::PROTECTED,
        strata_core::code::HOLDS_DATA,
        strata_core::code::ROW_UNUSABLE,
        strata_core::code::NOT_YET,
    ];
    let usage = strata_core::code::UNKNOWN_TARGET;
    let errors = || {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == strata_model::Severity::Error)
    };
    if errors().all(|diagnostic| diagnostic.code == usage) {
        ErrorKind::Usage
    } else if errors().all(|diagnostic| outside.contains(&diagnostic.code)) {
        ErrorKind::Failed
    } else {
        ErrorKind::Definitions
    }
}
