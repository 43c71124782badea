//! `strata drift`: reports what changed outside of Strata.

use clap::Args;
use strata_model::plan::{PlanMode, PlanOptions};

use super::plan::{announce, open, show};
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::wiring::bench::Access;
use crate::wiring::planning::Request;

/// `strata drift`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata drift  exit 0 where reality is as recorded, 2 where it is not, 3 where not all can be read

Nothing is written. `strata apply -refresh-only` takes what was found into the state, `strata apply` undoes it.")]
pub struct Arguments {
    /// The project's directory, or a Git URL
    #[arg(value_name = "DIR | URL")]
    pub target: Option<String>,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
}

/// Runs the command.
///
/// # Errors
///
/// When something could not be read.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    announce(session);
    let bench = open(
        session,
        arguments.target.as_deref(),
        &arguments.planning,
        Access::Look,
    )
    .await?;
    let options = PlanOptions {
        mode: PlanMode::RefreshOnly,
        refresh: true,
        ..arguments.planning.options()
    };
    let planned = bench
        .plan(Request::look(options, arguments.planning.parallelism))
        .await;
    let planned = match planned {
        Ok(planned) => planned,
        // What could not be read is neither drift nor the absence of it; diagnostics have said what it is.
        Err(error) if error.kind == ErrorKind::Failed && error.message.is_empty() => {
            bench.close().await;
            return Ok(Outcome::Differences);
        }
        Err(error) => return Err(error),
    };
    show(&bench, &planned);
    bench.close().await;
    Ok(if !planned.plan.drift.is_empty() {
        Outcome::Changes
    } else if planned.is_whole {
        Outcome::Done
    } else {
        Outcome::Differences
    })
}
