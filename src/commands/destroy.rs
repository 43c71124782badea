//! `strata destroy`: removes everything that the project has made.

use std::collections::BTreeMap;

use clap::Args;

use super::apply::{Fresh, apply_fresh, check_lock};
use super::plan::{announce, destroying};
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata destroy`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata destroy                          plan the destruction, show it, ask, and carry it out
  strata destroy -target=cluster.staging  one cluster only
  strata plan -destroy                    only show it")]
pub struct Arguments {
    /// The project's directory, or a Git URL
    #[arg(value_name = "DIR | URL")]
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
/// When not everything could be removed.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    check_lock(&arguments.planning)?;
    announce(session);
    let fresh = Fresh {
        target: arguments.target.as_deref(),
        planning: &arguments.planning,
        options: destroying(arguments.planning.options()),
        imports: BTreeMap::new(),
        auto_approve: arguments.auto_approve,
    };
    apply_fresh(session, fresh).await
}
