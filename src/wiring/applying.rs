//! Carrying out a plan: resolver, executor, record of the run, and what its outcome means for the exit code.

use std::collections::BTreeMap;

use strata_core::apply::{
    ApplyInput, ApplyOutcome, Obstacle, StaleRow, abandon_unfinished, check_stale, execute,
};
use strata_core::replay::{DefinitionGraph, Replay, ReplayInput, check_variables, secrets_to_read};
use strata_language::definition::{Definitions, Package};
use strata_model::event::Event;
use strata_model::plan::{Plan, PlanMode};
use strata_model::preflight::FindingKind;
use strata_model::provider::Observation;
use strata_model::state::{PlanRecord, RunRecord, RunStatus, StateSnapshot};
use strata_model::store::Lock;
use strata_model::{
    Address, Code, Diagnostic, Diagnostics, Position, RunId, Severity, SourceMap, Span,
};

use super::bench::Bench;
use super::planning::hide_told;
use super::state_error;
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;
use crate::view::progress::Progress;

/// A step that failed.
const STEP_FAILED: Code = Code("E0701");

/// What a run needs beside the bench.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The plan, approved.
    pub plan: &'a Plan,
    /// What the state knows of it.
    pub record: &'a PlanRecord,
    /// The state after recovery.
    pub snapshot: &'a StateSnapshot,
    /// The lock.
    pub lock: &'a Lock,
    /// How many steps at once.
    pub parallelism: u16,
}

impl Bench<'_> {
    /// Refuses a plan whose variables or rows are no longer those that it was made with.
    ///
    /// # Errors
    ///
    /// Says which.
    pub async fn check_fresh(
        &self,
        plan: &Plan,
        record: &PlanRecord,
        snapshot: &StateSnapshot,
    ) -> Result<(), CommandError> {
        if let Err(diagnostics) = check_variables(plan, &self.variables, &self.key) {
            self.session
                .ui
                .diagnostics(&diagnostics, &SourceMap::default());
            return Err(CommandError::shown(ErrorKind::Refused));
        }
        let stale = check_stale(plan, snapshot, record, self.store()?)
            .await
            .map_err(state_error)?;
        if stale.is_empty() {
            return Ok(());
        }
        let error = CommandError::new(
            ErrorKind::Refused,
            "the plan is stale: the state has changed since it was made",
        );
        let shown = stale
            .iter()
            .take(5)
            .fold(error, |error, row| error.hint(stale_line(row)));
        Err(shown.hint("Make a new plan."))
    }

    /// Carries out a plan, and shows what happens. Plans that were left unfinished are given up first, all but this.
    ///
    /// # Errors
    ///
    /// When the run cannot begin. How it went is in the outcome.
    pub async fn apply(&self, run: Run<'_>) -> Result<ApplyOutcome, CommandError> {
        let store = self.store()?;
        abandon_unfinished(store, run.lock, Some(run.plan.id))
            .await
            .map_err(state_error)?;
        let destroying = run.plan.options.mode == PlanMode::Destroy;
        let nothing = Definitions {
            packages: [("".into(), Package::default())].into(),
        };
        let spare = DefinitionGraph::build(&nothing, &self.trees, self.providers())
            .map_err(|found| self.unusable(found))?;
        let definitions = &self.project.loaded.definitions;
        let built = match DefinitionGraph::build(definitions, &self.trees, self.providers()) {
            Ok(graph) => Some(graph),
            // A destruction needs nothing of the definitions, which may be wrong: rows say what is deleted.
            Err(_) if destroying => None,
            Err(found) => return Err(self.unusable(found)),
        };
        let graph = built.as_ref().unwrap_or(&spare);
        let input = ReplayInput {
            plan: run.plan,
            snapshot: run.snapshot,
            done: &run.record.done,
            variables: &self.variables,
            project_name: &self.project.name,
            trees: &self.trees,
            providers: self.providers(),
            key: &self.key,
            told: &BTreeMap::new(),
        };
        let told = self.read_again(graph, input, run.parallelism).await;
        let input = ReplayInput {
            told: &told,
            ..input
        };
        let replay = match Replay::new(graph, input) {
            // Nor does it read data sources.
            Err(_) if destroying => Replay::new(&spare, input),
            replay => replay,
        };
        let mut replay = replay.map_err(|found| self.unusable(found))?;
        let progress = Progress::new(
            &self.session.ui,
            self.clouds.clock.clone(),
            self.clouds.speed,
        );
        let events = |event: Event| progress.event(&event);
        self.session.interrupts.be_graceful();
        let executing = execute(ApplyInput {
            plan: run.plan,
            record: run.record.clone(),
            state: run.snapshot,
            store,
            lock: run.lock,
            connections: &self.connections,
            resolver: &mut replay,
            run: run_record(self.session, run.plan),
            key: &self.key,
            parallelism: usize::from(run.parallelism),
            events: &events,
            stop: self.session.interrupts.stop(),
        });
        let outcome = ticking(executing, &progress).await;
        progress.finish();
        Ok(outcome)
    }

    /// Reads what the plan holds fingerprints of only. What cannot be read is told by the step that needs it.
    pub async fn read_again(
        &self,
        graph: &DefinitionGraph<'_>,
        input: ReplayInput<'_>,
        parallelism: u16,
    ) -> BTreeMap<Address, Observation> {
        let mut told = BTreeMap::new();
        loop {
            let needs = secrets_to_read(
                graph,
                ReplayInput {
                    told: &told,
                    ..input
                },
            );
            if needs.is_empty() {
                return told;
            }
            let read = self.reading(parallelism).needs(&needs).await;
            hide_told(self, &read);
            told.extend(read);
        }
    }

    fn unusable(&self, diagnostics: Diagnostics) -> CommandError {
        self.session
            .ui
            .diagnostics(&diagnostics, &self.project.loaded.sources);
        CommandError::shown(ErrorKind::Refused)
    }

    /// Shows what went wrong in a run, and turns it into the command's result.
    ///
    /// # Errors
    ///
    /// When not everything was done.
    pub fn judge(&self, outcome: &ApplyOutcome) -> Result<(), CommandError> {
        let sources = &self.project.loaded.sources;
        let mut diagnostics = outcome.diagnostics.clone();
        diagnostics.extend(
            outcome
                .failed
                .iter()
                .map(|failure| failed_step(failure, sources)),
        );
        let standing = outcome.obstacles.iter();
        diagnostics.extend(standing.map(|obstacle| standing_in_the_way(obstacle, sources)));
        self.session.ui.diagnostics(&diagnostics, sources);
        if let Some(kind) = obstacle_kind(outcome) {
            return Err(CommandError::new(
                kind,
                "the run cannot succeed as it is; nothing was changed",
            ));
        }
        if let Some(kind) = failure_kind(outcome) {
            return Err(self.failure(outcome, kind));
        }
        let unfinished = diagnostics.has_errors();
        if unfinished {
            Err(CommandError::shown(ErrorKind::Failed))
        } else {
            Ok(())
        }
    }

    fn failure(&self, outcome: &ApplyOutcome, kind: ErrorKind) -> CommandError {
        let resume = "Run the command again: what is done stays done, and the rest goes on.";
        let error = match kind {
            ErrorKind::Interrupted => self.session.interrupts.error(),
            ErrorKind::State => CommandError::new(
                kind,
                "the state could not be written; nothing was begun after that",
            ),
            ErrorKind::Locked => {
                CommandError::new(kind, "another run took over the lock; this one has stopped")
            }
            ErrorKind::Credentials => {
                return CommandError::new(kind, "credentials are missing or expired")
                    .hint("Log in, and run the command again: the same plan goes on.");
            }
            ErrorKind::Failed
            | ErrorKind::NeedsHuman
            | ErrorKind::Refused
            | ErrorKind::Usage
            | ErrorKind::Definitions
            | ErrorKind::Bug
            | ErrorKind::Terminated => {
                let skipped = outcome.skipped.len();
                let more = if skipped > 0 {
                    format!(", and {skipped} could not begin")
                } else {
                    String::new()
                };
                let failed = outcome.failed.len();
                let s = |count: usize| if count == 1 { "" } else { "s" };
                let told = match failed {
                    0 => format!("{skipped} step{} could not begin", s(skipped)),
                    _ => format!("{failed} step{} failed{more}", s(failed)),
                };
                CommandError::new(kind, told)
            }
        };
        let error = error.hint(resume);
        match &outcome.store {
            Some(store) => error.because(chain(store)),
            None => error,
        }
    }
}

/// An error with its causes, where only its text can be kept.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Lets the view's clock go on while a run is driven.
async fn ticking(
    executing: impl Future<Output = ApplyOutcome>,
    progress: &Progress<'_>,
) -> ApplyOutcome {
    let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
    tokio::pin!(executing);
    loop {
        tokio::select! {
            outcome = &mut executing => return outcome,
            _ = second.tick() => progress.tick(),
        }
    }
}

fn failure_kind(outcome: &ApplyOutcome) -> Option<ErrorKind> {
    if outcome.fenced {
        Some(ErrorKind::Locked)
    } else if outcome.store.is_some() {
        Some(ErrorKind::State)
    } else if outcome.needs_human() {
        Some(ErrorKind::NeedsHuman)
    } else if outcome.credentials {
        Some(ErrorKind::Credentials)
    } else if outcome.exceeds {
        Some(ErrorKind::Refused)
    } else if !outcome.failed.is_empty() {
        Some(ErrorKind::Failed)
    } else if outcome.interrupted && !outcome.is_complete() {
        Some(ErrorKind::Interrupted)
    } else if !outcome.is_complete() {
        Some(ErrorKind::Failed)
    } else {
        None
    }
}

fn failed_step(failure: &strata_core::apply::StepFailure, sources: &SourceMap) -> Diagnostic {
    let mut detail = failure.message.clone();
    if !failure.candidates.is_empty() {
        detail.push_str(&format!(
            "\nIt may have left any of: {}.",
            failure.candidates.join(", ")
        ));
    }
    let mut diagnostic = Diagnostic::error(STEP_FAILED, "Step failed", detail)
        .about(&failure.key)
        .at_opt(declared(failure.source.as_ref(), sources));
    diagnostic.severity = Severity::Error;
    diagnostic.hints.extend(failure.hint.clone());
    diagnostic
}

fn standing_in_the_way(obstacle: &Obstacle, sources: &SourceMap) -> Diagnostic {
    let finding = &obstacle.finding;
    let diagnostic = Diagnostic::error(obstacle.code(), obstacle.summary(), &finding.message)
        .at_opt(declared(obstacle.source.as_ref(), sources))
        .hint(&finding.hint);
    match &obstacle.key {
        Some(key) => diagnostic.about(key),
        None => diagnostic,
    }
}

/// How a run ends that was not begun; `None` where nothing stood in its way.
fn obstacle_kind(outcome: &ApplyOutcome) -> Option<ErrorKind> {
    let kinds = outcome.obstacles.iter().map(|one| one.finding.kind);
    let kind = |kind| match kind {
        FindingKind::Quota
        | FindingKind::NotOffered
        | FindingKind::Refused
        | FindingKind::GoesWithIt => ErrorKind::Failed,
        FindingKind::Credentials => ErrorKind::Credentials,
    };
    // What a login alone does not mend comes first.
    kinds.min().map(kind)
}

/// The line where an object is declared.
pub(super) fn declared(source: Option<&Position>, sources: &SourceMap) -> Option<Span> {
    let source = source?;
    let (id, file) = sources
        .files()
        .find(|(_, file)| file.path() == &source.file)?;
    let line = usize::try_from(source.line).ok()?.checked_sub(1)?;
    let start: usize = file
        .text()
        .split_inclusive('\n')
        .take(line)
        .map(str::len)
        .sum();
    let length = file.text()[start..].lines().next().map_or(0, str::len);
    Some(Span::new(id, start..start + length))
}

fn stale_line(row: &StaleRow) -> String {
    match (row.planned, row.found) {
        (Some(_), None) => format!("{} is no longer in the state.", row.key),
        (None, Some(_)) => format!("{} is in the state by now.", row.key),
        (Some(_), Some(_)) | (None, None) => format!("{} has changed.", row.key),
    }
}

fn run_record(session: &Session, plan: &Plan) -> RunRecord {
    RunRecord {
        id: RunId::from_bits(session.ids.bits()),
        plan: plan.id,
        who: session.who(),
        command: session.word.to_owned(),
        commit: plan.source.commit.clone(),
        dirty: plan.source.dirty,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: session.clock.now(),
        ended_at: None,
        status: RunStatus::Running,
        summary: None,
    }
}
