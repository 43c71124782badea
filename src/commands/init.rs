//! `strata init`: gives a project its identity, its state and its key.

use std::io::Write;
use std::path::Path;

use clap::Args;

use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::project::Project;

/// What `.gitignore` gets.
const IGNORED: &[&str] = &[".strata/", "*.plan"];

/// `strata init`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata init             make strata.lock, the state and its key, where they are missing
  strata init -new-state  begin with a new state: the one that strata.lock names is lost")]
pub struct Arguments {
    /// Give up the state that strata.lock names, and begin with a new one
    #[arg(long)]
    pub new_state: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When something cannot be made, or the state that is named is missing.
pub async fn run(session: &Session, arguments: Arguments) -> Result<Outcome, CommandError> {
    let project = Project::load_shallow(session)?;
    let location = project.location(session)?;
    let opened = location.open_write(session, arguments.new_state).await?;
    if !session.is_sandbox() {
        ignore_files(project.base(session))?;
    }
    for made in &opened.made {
        session.ui.line(&format!("Made {made}."));
    }
    let done = if opened.made.is_empty() {
        "The project is initialised already."
    } else {
        "The project is initialised."
    };
    session.ui.line(done);
    session
        .ui
        .advise("\nNext: `strata plan` shows what would be made.");
    Ok(Outcome::Done)
}

/// Keeps state, key and plans out of Git; a line that is there already is not written again.
fn ignore_files(directory: &Path) -> Result<(), CommandError> {
    let path = directory.join(".gitignore");
    let fail = |error| CommandError::file("cannot write", &path, error);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(fail(error)),
    };
    let has = |wanted: &str| {
        text.lines()
            .any(|line| line.trim().trim_start_matches('/') == wanted)
    };
    let missing: Vec<&str> = IGNORED.iter().copied().filter(|line| !has(line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let newline = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(fail)?;
    file.write_all(format!("{newline}{}\n", missing.join("\n")).as_bytes())
        .map_err(fail)
}
