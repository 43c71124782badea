//! `strata validate`: shows everything that is wrong with the definitions.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::diagnostic;
use crate::wiring::planning;
use crate::wiring::project::Project;

/// `strata validate`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata validate        check the project in this directory
  strata validate -json  the same for an editor or a pull request's comments

Nothing outside of the definitions is looked at: no state, no cloud, no credentials.")]
pub struct Arguments {
    /// The project's directory
    #[arg(value_name = "DIR")]
    pub target: Option<String>,
    /// Judge Kubernetes objects by the schemas in this file, of `kubectl get --raw /openapi/v2`
    #[arg(long, value_name = "FILE")]
    pub schemas: Option<PathBuf>,
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the definitions are invalid.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let project = Project::load(session, arguments.target.as_deref())?;
    let diagnostics = planning::validate(&project, session);
    let sources = &project.loaded.sources;
    let valid = !diagnostics.has_errors();
    if arguments.json {
        let errors = diagnostics.error_count();
        session.ui.json(&json!({
            "format_version": "1.0",
            "valid": valid,
            "error_count": errors,
            "warning_count": diagnostics.iter().count() - errors,
            "diagnostics": diagnostics.iter().map(|found| diagnostic::json(found, sources)).collect::<Vec<_>>(),
        }));
    } else {
        session.ui.diagnostics(&diagnostics, sources);
        if valid {
            session.ui.line("Success! The configuration is valid.");
        }
    }
    if valid {
        Ok(Outcome::Done)
    } else {
        Err(CommandError::shown(ErrorKind::Definitions))
    }
}
