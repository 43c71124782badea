//! `strata version`.

use clap::Args;
use serde_json::json;

use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::providers;

/// `strata version`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Write one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What `version` and `--version` print.
pub fn line() -> String {
    format!("Strata v{}", env!("CARGO_PKG_VERSION"))
}

/// Runs the command.
///
/// # Errors
///
/// Never.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    if arguments.json {
        let providers = providers();
        let names: Vec<String> = providers
            .iter()
            .map(|provider| provider.name().to_string())
            .collect();
        session.ui.json(&json!({
            "version": version,
            "platform": format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH),
            "providers": names,
        }));
    } else {
        session.ui.line(&line());
    }
    Ok(Outcome::Done)
}
