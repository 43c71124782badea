//! `strata apply`: makes reality as declared, or does what a saved plan says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use strata_core::apply::ApplyOutcome;
use strata_model::Address;
use strata_model::plan::{Action, Plan, PlanMode, PlanOptions};
use strata_model::state::{PlanRecord, RowKey, StateSnapshot};
use strata_model::store::{Lock, StateStore};

use super::plan::{announce, open, show, warn_without_git};
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::view::style::Paint;
use crate::view::{events, plan_text};
use crate::wiring::applying::Run;
use crate::wiring::bench::{Access, Bench};
use crate::wiring::planning::Request;
use crate::wiring::project::is_url;
use crate::wiring::{saved, state_error};

/// `strata apply`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata apply                plan, show the plan, ask, and carry it out
  strata apply change.plan    do exactly what a saved plan says, without asking
  strata apply -auto-approve  plan and carry out, for pipelines
  strata --sandbox apply      on emulated clouds

After a failure, an interrupt or a crash the same command goes on: what is done stays done, and what was begun is
looked into first. Ctrl-C once lets running steps finish; twice ends at once, and nothing is lost by it.")]
pub struct Arguments {
    /// A saved plan, the project's directory, or a Git URL
    #[arg(value_name = "PLAN | DIR | URL")]
    pub target: Option<String>,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
    /// Do not ask
    #[arg(long, short = 'y', alias = "yes")]
    pub auto_approve: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When not everything could be done.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    check_lock(&arguments.planning)?;
    announce(session);
    let file = arguments
        .target
        .as_ref()
        .map(|target| session.directory.join(target))
        .filter(|path| saved::is_file(path));
    if let Some(path) = file {
        return apply_saved(session, &arguments, path).await;
    }
    check_exists(session, arguments.target.as_deref())?;
    let request = Fresh {
        target: arguments.target.as_deref(),
        planning: &arguments.planning,
        options: arguments.planning.options(),
        imports: BTreeMap::new(),
        auto_approve: arguments.auto_approve,
    };
    apply_fresh(session, request).await
}

/// A name that nothing has is no question of approval.
fn check_exists(session: &Session, target: Option<&str>) -> Result<(), CommandError> {
    let missing = target
        .filter(|target| !is_url(target))
        .filter(|target| !session.directory.join(target).exists());
    match missing {
        Some(target) => Err(CommandError::failed(format!(
            "there is neither a saved plan nor a project at {target}"
        ))),
        None => Ok(()),
    }
}

/// Refuses to change a state without its lock.
///
/// # Errors
///
/// With `-lock=false`.
pub fn check_lock(planning: &PlanningArguments) -> Result<(), CommandError> {
    if planning.lock {
        Ok(())
    } else {
        Err(CommandError::usage(
            "-lock=false is for plan: a command that changes the state always takes its lock",
        ))
    }
}

/// What is planned and carried out in one go.
pub(super) struct Fresh<'a> {
    /// Directory or URL.
    pub(super) target: Option<&'a str>,
    /// Options.
    pub(super) planning: &'a PlanningArguments,
    /// What the planner is asked for.
    pub(super) options: PlanOptions,
    /// Objects to import.
    pub(super) imports: BTreeMap<Address, String>,
    /// Whether nothing is asked.
    pub(super) auto_approve: bool,
}

/// Plans, asks and carries out.
pub(super) async fn apply_fresh(
    session: &Session,
    fresh: Fresh<'_>,
) -> Result<Outcome, CommandError> {
    if !fresh.auto_approve && !session.ui.settings().approval {
        return Err(CommandError::usage("there is nobody to ask for approval")
            .hint("Add -auto-approve, or apply a saved plan."));
    }
    let bench = open(session, fresh.target, fresh.planning, Access::Change).await?;
    warn_without_git(&bench);
    let lock = bench.lock(fresh.planning.lock_timeout).await?;
    let result = plan_and_apply(&bench, &lock, fresh).await;
    finish(bench, lock, result).await
}

async fn plan_and_apply(
    bench: &Bench<'_>,
    lock: &Lock,
    fresh: Fresh<'_>,
) -> Result<(), CommandError> {
    let importing = !fresh.imports.is_empty();
    let wanted: Vec<Address> = fresh.imports.keys().cloned().collect();
    let mut planned = bench
        .plan(Request {
            options: fresh.options,
            parallelism: fresh.planning.parallelism,
            imports: fresh.imports,
            record_unchanged: true,
            lock: Some(lock),
            reads_may_fail: false,
        })
        .await?;
    for address in wanted {
        refuse_taken(&planned.snapshot, address)?;
    }
    if importing {
        planned.plan = only_imports(planned.plan);
    }
    show(bench, &planned);
    let nothing = planned.plan.is_empty();
    if !nothing && !fresh.auto_approve {
        confirm(bench.session, &planned.plan).await?;
    }
    if nothing
        && bench
            .store()?
            .running_plans()
            .await
            .map_err(state_error)?
            .is_empty()
    {
        closing(
            bench,
            &planned.plan,
            &ApplyOutcome {
                done: planned.plan.summary(),
                outputs: planned.snapshot.outputs.clone(),
                ..ApplyOutcome::default()
            },
        );
        return Ok(());
    }
    let (record, _) = saved::record_of(&planned.plan)?;
    carry_out(
        bench,
        lock,
        (&planned.plan, &record),
        (&planned.snapshot, fresh.planning.parallelism),
    )
    .await
}

/// An address holds one object: another one is not imported over it.
fn refuse_taken(snapshot: &StateSnapshot, address: Address) -> Result<(), CommandError> {
    let Some(row) = snapshot.rows.get(&RowKey::current(address)) else {
        return Ok(());
    };
    let address = row.address();
    let id = row.id.as_deref().unwrap_or("no id");
    let error = CommandError::failed(format!("{address} has an object already: {id}"));
    Err(error.hint(format!(
        "If another one is meant: strata state rm '{address}' first."
    )))
}

/// Leaves of a plan only the imports: `strata import` does nothing else.
fn only_imports(mut plan: Plan) -> Plan {
    plan.steps.retain(|step| step.action == Action::Import);
    for (number, step) in (0..).zip(&mut plan.steps) {
        step.number = number;
        step.after.clear();
        step.group = None;
    }
    plan.barriers.clear();
    plan.drift.clear();
    plan.put_off = 0;
    plan
}

async fn apply_saved(
    session: &Session,
    arguments: &Arguments,
    path: PathBuf,
) -> Result<Outcome, CommandError> {
    let planning = &arguments.planning;
    if planning.destroy
        || planning.refresh_only
        || planning.schemas.is_some()
        || planning.options()
            != (PlanOptions {
                refresh: true,
                ..PlanOptions::default()
            })
    {
        return Err(CommandError::usage(
            "a saved plan is applied as it is: planning options do not go with it",
        )
        .hint("Give them to `strata plan -out`."));
    }
    let saved = saved::read(&path)?;
    saved::check_origin(&saved, session.is_sandbox())?;
    let mut bench = Bench::of_plan(session, &saved.plan, &planning.variables).await?;
    if saved.plan.options.mode != PlanMode::Destroy {
        bench.ask_missing().await?;
    }
    let record = saved::check_record(&bench, &saved).await?;
    let lock = bench.lock(planning.lock_timeout).await?;
    let result = async {
        // Another run may have come between: only with the lock the record is certain.
        let record = saved::check_record(&bench, &saved).await.unwrap_or(record);
        bench
            .recover(&lock, usize::from(planning.parallelism))
            .await?;
        let record = saved::check_record(&bench, &saved).await.unwrap_or(record);
        let snapshot = bench.snapshot().await?;
        bench.check_fresh(&saved.plan, &record, &snapshot).await?;
        carry_out(
            &bench,
            &lock,
            (&saved.plan, &record),
            (&snapshot, planning.parallelism),
        )
        .await
    }
    .await;
    finish(bench, lock, result).await
}

async fn carry_out(
    bench: &Bench<'_>,
    lock: &Lock,
    (plan, record): (&Plan, &PlanRecord),
    (snapshot, parallelism): (&StateSnapshot, u16),
) -> Result<(), CommandError> {
    let outcome = bench
        .apply(Run {
            plan,
            record,
            snapshot,
            lock,
            parallelism,
        })
        .await?;
    let judged = bench.judge(&outcome);
    // What was made may hold secrets that nobody knew before.
    bench.snapshot().await.ok();
    closing(bench, plan, &outcome);
    judged
}

/// Gives the lock back, whatever happened, and closes everything.
async fn finish(
    bench: Bench<'_>,
    lock: Lock,
    result: Result<(), CommandError>,
) -> Result<Outcome, CommandError> {
    let unlocked = bench.store()?.unlock(&lock).await.map_err(state_error);
    bench.close().await;
    result?;
    unlocked?;
    Ok(Outcome::Done)
}

/// Asks for the word `yes`.
async fn confirm(session: &Session, plan: &Plan) -> Result<(), CommandError> {
    let question = match plan.options.mode {
        PlanMode::Normal => {
            "\nDo you want to perform these actions?\n  Strata will perform the actions described above.\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
        }
        PlanMode::Destroy => {
            "\nDo you really want to destroy all resources?\n  Strata will destroy everything that is shown above. There is no undo.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
        }
        PlanMode::RefreshOnly => {
            "\nWould you like to update the state to reflect these detected changes?\n  No real object is changed by this.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
        }
    };
    match session.ui.ask_approval(question).await.as_deref() {
        Some("yes") => {
            session.ui.line("");
            Ok(())
        }
        Some(_) => Err(CommandError::failed("apply cancelled")),
        None => Err(CommandError::failed("apply cancelled: nobody approved it")
            .hint("Answer yes, or add -auto-approve.")),
    }
}

/// The closing line.
fn closing_line(bench: &Bench<'_>, plan: &Plan, outcome: &ApplyOutcome) -> String {
    let done = outcome.done;
    let is_destroy = plan.options.mode == PlanMode::Destroy;
    if !outcome.is_complete() {
        let what = if is_destroy { "Destroy" } else { "Apply" };
        plan_text::incomplete_line(what, done)
    } else if is_destroy {
        plan_text::destroyed_line(done)
    } else if bench.session.word == "import" {
        plan_text::imported_line(done)
    } else {
        plan_text::applied_line(done)
    }
}

/// The closing lines: what was done, and the outputs.
fn closing(bench: &Bench<'_>, plan: &Plan, outcome: &ApplyOutcome) {
    let ui = &bench.session.ui;
    let line = closing_line(bench, plan, outcome);
    if ui.wants_events() {
        let destroying = plan.options.mode == PlanMode::Destroy;
        let operation = if destroying { "destroy" } else { "apply" };
        ui.event(
            "change_summary",
            &line,
            events::change_summary(outcome.done, operation),
        );
        ui.event(
            "outputs",
            &format!("Outputs: {}", outcome.outputs.len()),
            events::outputs(&outcome.outputs),
        );
    }
    if !ui.wants_text() {
        return;
    }
    if !outcome.is_complete() {
        ui.line(&format!("\n{line}"));
        return;
    }
    let paint = match outcome.done.put_off {
        0 => Paint::Green,
        _ => Paint::Yellow,
    };
    ui.line(&format!("\n{}", ui.style().paint(paint, &line)));
    if !outcome.outputs.is_empty() {
        ui.line(&format!("\n{}\n", ui.style().bold("Outputs:")));
        ui.print(&plan_text::stored_outputs(&outcome.outputs));
    }
}
