//! `strata force-unlock`: releases the lock of a run that will not come back.

use clap::Args;
use strata_model::store::StateStore;

use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::project::Project;
use crate::wiring::state_error;

/// `strata force-unlock`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata force-unlock 5f0c…  the id is in the message that says that the state is locked

The lock of a process that has died needs no such command: it is taken over at once. A run whose lock is released
stops before its next call; what it began is looked into by the next one.")]
pub struct Arguments {
    /// The lock's id
    #[arg(value_name = "LOCK_ID")]
    pub id: String,
    /// Do not ask
    #[arg(long)]
    pub force: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When no lock has that id.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let location = Project::load_shallow(session)?.location(session)?;
    let opened = location.open_existing(session).await?;
    let Some(held) = opened.store.lock_holder().await.map_err(state_error)? else {
        return Err(CommandError::failed("the state is not locked"));
    };
    if held.0 != arguments.id {
        let message = format!(
            "no lock with the id {} is held",
            arguments.id.escape_debug()
        );
        return Err(CommandError::failed(message)
            .hint(format!("The lock that is held has the id {}.", held.0)));
    }
    if !arguments.force {
        let (_, holder) = &held;
        session.ui.line(&format!(
            "The state is locked by {} (process {}, {}).",
            holder.who, holder.pid, holder.operation
        ));
        let question = "Do you really want to force-unlock?\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: ";
        let answer = session.ui.ask_approval(question).await;
        match answer.as_deref() {
            Some("yes") => {}
            Some(_) => return Err(CommandError::failed("force-unlock cancelled")),
            None => return Err(CommandError::usage("there is nobody to ask").hint("Add -force.")),
        }
    }
    opened
        .store
        .force_unlock(&arguments.id)
        .await
        .map_err(state_error)?;
    session.ui.line("The lock is released.");
    Ok(Outcome::Done)
}
