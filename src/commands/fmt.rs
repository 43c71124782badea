//! `strata fmt`: rewrites definitions in the canonical layout.

use clap::Args;

use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata fmt`
#[derive(Debug, Clone, Args)]
pub struct Arguments {}

/// Runs the command.
///
/// # Errors
///
/// Always: there is no formatter yet.
pub fn run(_session: &Session, _arguments: &Arguments) -> Result<Outcome, CommandError> {
    Err(CommandError::failed("fmt is not there yet"))
}
