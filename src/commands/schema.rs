//! `strata schema`: the JSON Schema of definitions in YAML, for editors.

use clap::Args;
use strata_language::json_schema;

use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata schema`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata schema > .strata.schema.json

The YAML language server uses it for a file that begins with
  # yaml-language-server: $schema=.strata.schema.json")]
pub struct Arguments {
    /// The schema of defaults.strata.yaml, in place of that of all other definitions
    #[arg(long)]
    pub defaults: bool,
}

/// Runs the command.
///
/// # Errors
///
/// Never.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let schema = if arguments.defaults {
        json_schema::defaults()
    } else {
        json_schema::definitions()
    };
    session.ui.line(&format!("{schema:#}"));
    Ok(Outcome::Done)
}
