//! `strata plan`: shows what apply would do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use strata_model::plan::PlanOptions;

use crate::arguments::PlanningArguments;
use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::{events, plan_text};
use crate::wiring::bench::{Access, Bench};
use crate::wiring::planning::{Planned, Request};
use crate::wiring::project::Project;
use crate::wiring::{ahead, generating, saved};

/// `strata plan`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata plan                                what would be done for the project in this directory
  strata plan -out=change.plan               the same, kept: `strata apply change.plan` does exactly that
  strata plan -target=cluster.prod-eu        one cluster only
  strata plan -detailed-exitcode             2 where there are changes, for scripts
  strata plan -generate-config-out=imported.strata.yaml
  strata plan 'https://git.example.com/acme/fleet.git//prod?ref=main'

Symbols: + create, ~ update in place, - destroy, -/+ destroy then create, +/- create then destroy, <= read, . forget.
A plan takes no lock, and writes nothing unless -out is given.")]
pub struct Arguments {
    /// The project's directory, or a Git URL: https://HOST/REPO.git//DIR?ref=COMMIT
    #[arg(value_name = "DIR | URL")]
    pub target: Option<String>,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
    /// Keep the plan in this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a block for every import that has none to this new file, .strata.yaml or .strata.hcl
    #[arg(long, value_name = "FILE")]
    pub generate_config_out: Option<PathBuf>,
    /// Exit with 2 where there are changes, with 3 where there are none but not everything could be looked at
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When no plan can be made.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    announce(session);
    let access = if arguments.out.is_some() {
        Access::Change
    } else {
        Access::Look
    };
    let planning = &arguments.planning;
    let target = arguments.target.as_deref();
    if let Some(path) = &arguments.generate_config_out {
        let bench = open(session, target, planning, Access::Look).await?;
        let written = generating::write(&bench, planning, path).await;
        bench.close().await;
        written?;
    }
    let bench = open(session, target, planning, access).await?;
    warn_without_git(&bench);
    let planned = bench
        .plan(Request {
            options: planning.options(),
            parallelism: planning.parallelism,
            imports: BTreeMap::new(),
            record_unchanged: arguments.out.is_some(),
            lock: None,
            reads_may_fail: false,
        })
        .await?;
    show(&bench, &planned);
    if let Some(path) = &arguments.out {
        saved::save(&bench, &planned.plan, &session.directory.join(path)).await?;
        let shown = path.display();
        session.ui.advise(&format!("\nSaved the plan to {shown}. To perform exactly these actions:\n  strata{} apply {shown}", sandbox_word(session)));
    } else if !planned.plan.is_empty() {
        session
            .ui
            .advise("\nNote: You did not use -out, so a later apply makes a plan of its own.");
    }
    let outcome = match (planned.plan.is_empty(), planned.is_whole) {
        _ if !arguments.detailed_exitcode => Outcome::Done,
        (false, _) => Outcome::Changes,
        (true, false) => Outcome::Differences,
        (true, true) => Outcome::Done,
    };
    bench.close().await;
    // The process ends here: giving back a hundred thousand allocations one by one would serve nobody.
    std::mem::forget(planned);
    Ok(outcome)
}

/// A project outside Git works, but nobody can tell later which definitions a run was of.
pub fn warn_without_git(bench: &Bench<'_>) {
    if !bench.project.in_git {
        bench.session.ui.note(
            "warning: the project is not in a Git repository, so no commit is recorded with what is planned here",
        );
    }
}

fn sandbox_word(session: &Session) -> String {
    match &session.global.sandbox {
        Some(url) if url.is_empty() => " --sandbox".to_owned(),
        Some(url) => format!(" --sandbox={url}"),
        None => String::new(),
    }
}

/// Begins a stream of events.
pub fn announce(session: &Session) {
    let (message, fields) = events::version();
    session.ui.event("version", &message, fields);
}

/// Opens the project for planning, and checks what the options ask of it.
///
/// # Errors
///
/// When it cannot be opened, or is not clean where it must be.
pub async fn open<'s>(
    session: &'s Session,
    target: Option<&str>,
    planning: &PlanningArguments,
    access: Access,
) -> Result<Bench<'s>, CommandError> {
    // A destruction needs nothing but the state.
    let destroys = planning.destroy || session.word == "destroy";
    let (project, ahead) = match access {
        Access::Look => ahead::load(session, target)?,
        Access::Change | Access::Existing => (Project::load(session, target)?, None),
    };
    if project.loaded.is_bare && !destroys {
        let message = "there are no definitions here: no file ends in .strata.yaml or .strata.hcl";
        let hint =
            "Go to the project's directory, or name it. To remove everything: strata destroy.";
        return Err(CommandError::new(ErrorKind::Definitions, message).hint(hint));
    }
    let mut bench = Bench::open(session, (project, ahead), &planning.variables, access).await?;
    if !destroys {
        bench.ask_missing().await?;
    }
    let revision = &bench.project.revision;
    if planning.require_clean && (revision.dirty || revision.commit.is_none()) {
        let message = match &revision.commit {
            Some(commit) => format!(
                "the work tree differs from its commit {}",
                commit.get(..12).unwrap_or(commit)
            ),
            None => "the project is not in a Git repository".to_owned(),
        };
        return Err(CommandError::new(ErrorKind::Failed, message)
            .hint("Commit the changes, or leave out --require-clean."));
    }
    Ok(bench)
}

/// Shows a plan as text or events.
pub fn show(bench: &Bench<'_>, planned: &Planned) {
    let (ui, plan) = (&bench.session.ui, &planned.plan);
    if ui.wants_events() {
        for (kind, message, fields) in events::plan(plan, bench.providers()) {
            ui.event(kind, &message, fields);
        }
    }
    if !ui.wants_text() {
        return;
    }
    if plan.is_empty() && !planned.is_whole {
        ui.line("Nothing to do for what could be looked at. The rest is put off, and nothing is known of it.");
    } else {
        ui.print(&plan_text::plan(plan, bench.providers(), ui.style()));
    }
    for note in [
        plan_text::deferral_note(plan),
        plan_text::partial_note(plan),
    ] {
        note.into_iter().for_each(|note| ui.line(&note));
    }
}

/// The options of a command that destroys.
pub fn destroying(options: PlanOptions) -> PlanOptions {
    PlanOptions {
        mode: strata_model::plan::PlanMode::Destroy,
        ..options
    }
}
