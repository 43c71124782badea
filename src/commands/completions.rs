//! `strata completions`: scripts that complete commands and options in a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::CommandLine;
use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata completions`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata completions bash > /etc/bash_completion.d/strata
  strata completions zsh > ~/.zfunc/_strata
  strata completions fish > ~/.config/fish/completions/strata.fish")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command.
///
/// # Errors
///
/// Never.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        "strata",
        &mut script,
    );
    session.ui.print(&String::from_utf8_lossy(&script));
    Ok(Outcome::Done)
}
