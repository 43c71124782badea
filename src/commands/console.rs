//! `strata console`.

use clap::Args;

use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata console`
#[derive(Debug, Clone, Args)]
pub struct Arguments {}

/// Runs the command.
///
/// # Errors
///
/// Always: it is not there yet.
pub async fn run(_session: &Session, _arguments: &Arguments) -> Result<Outcome, CommandError> {
    Err(CommandError::failed("console is not there yet"))
}
