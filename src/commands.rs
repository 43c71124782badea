//! One file per command.

pub mod apply;
pub mod completions;
pub mod console;
pub mod convert;
pub mod destroy;
pub mod drift;
pub mod explain;
pub mod fmt;
pub mod force_unlock;
pub mod graph;
pub mod import;
pub mod init;
pub mod kubeconfig;
pub mod output;
pub mod plan;
pub mod providers;
pub mod render;
pub mod sandbox;
pub mod schema;
pub mod show;
pub mod stack;
pub mod state;
pub mod token;
pub mod validate;
pub mod version;

use std::path::PathBuf;

use crate::arguments::{Command, PlanningArguments};
use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// Runs a command.
///
/// # Errors
///
/// Those of the command.
pub async fn run(session: &Session, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Init(arguments) => init::run(session, arguments).await,
        Command::Validate(arguments) => validate::run(session, &arguments),
        Command::Plan(arguments) => plan::run(session, arguments).await,
        Command::Apply(arguments) => apply::run(session, arguments).await,
        Command::Destroy(arguments) => destroy::run(session, arguments).await,
        Command::Show(arguments) => show::run(session, &arguments).await,
        Command::Output(arguments) => output::run(session, &arguments).await,
        Command::Kubeconfig(arguments) => kubeconfig::run(session, &arguments).await,
        Command::Token(arguments) => token::run(session, &arguments).await,
        Command::Drift(arguments) => drift::run(session, arguments).await,
        Command::State(command) => state::run(session, command).await,
        Command::Import(arguments) => import::run(session, arguments).await,
        Command::Graph(arguments) => graph::run(session, &arguments).await,
        Command::Render(arguments) => render::run(session, &arguments).await,
        Command::Explain(arguments) => explain::run(session, &arguments).await,
        Command::Console(arguments) => console::run(session, &arguments).await,
        Command::Fmt(arguments) => fmt::run(session, &arguments),
        Command::Convert(arguments) => convert::run(session, &arguments),
        Command::Stack(command) => stack::run(session, &command),
        Command::Schema(arguments) => schema::run(session, &arguments),
        Command::Providers(arguments) => providers::run(session, &arguments),
        Command::ForceUnlock(arguments) => force_unlock::run(session, &arguments).await,
        Command::Sandbox(command) => sandbox::run(session, command).await,
        Command::Completions(arguments) => completions::run(session, &arguments),
        Command::Version(arguments) => version::run(session, &arguments),
    }
}

/// Whether a command's standard output carries JSON events or documents.
pub fn wants_json(command: &Command) -> bool {
    match command {
        Command::Plan(arguments) => arguments.planning.json,
        Command::Apply(arguments) => arguments.planning.json,
        Command::Destroy(arguments) => arguments.planning.json,
        Command::Drift(arguments) => arguments.planning.json,
        Command::Import(arguments) => arguments.planning.json,
        Command::Init(_)
        | Command::Validate(_)
        | Command::Show(_)
        | Command::Output(_)
        | Command::Kubeconfig(_)
        | Command::Token(_)
        | Command::State(_)
        | Command::Graph(_)
        | Command::Render(_)
        | Command::Explain(_)
        | Command::Console(_)
        | Command::Fmt(_)
        | Command::Convert(_)
        | Command::Stack(_)
        | Command::Schema(_)
        | Command::Providers(_)
        | Command::ForceUnlock(_)
        | Command::Sandbox(_)
        | Command::Completions(_)
        | Command::Version(_) => false,
    }
}

/// The file of schemas that a command line names.
pub fn schemas(command: &mut Command) -> Option<PathBuf> {
    if let Command::Validate(arguments) = command {
        return arguments.schemas.clone();
    }
    planning(command)?.schemas.clone()
}

/// The planning options of a command that has them.
pub fn planning(command: &mut Command) -> Option<&mut PlanningArguments> {
    match command {
        Command::Plan(arguments) => Some(&mut arguments.planning),
        Command::Apply(arguments) => Some(&mut arguments.planning),
        Command::Destroy(arguments) => Some(&mut arguments.planning),
        Command::Drift(arguments) => Some(&mut arguments.planning),
        Command::Import(arguments) => Some(&mut arguments.planning),
        Command::Graph(arguments) => Some(&mut arguments.planning),
        Command::Render(arguments) => Some(&mut arguments.planning),
        Command::Explain(arguments) => Some(&mut arguments.planning),
        Command::Init(_)
        | Command::Validate(_)
        | Command::Show(_)
        | Command::Output(_)
        | Command::Kubeconfig(_)
        | Command::Token(_)
        | Command::State(_)
        | Command::Console(_)
        | Command::Fmt(_)
        | Command::Convert(_)
        | Command::Stack(_)
        | Command::Schema(_)
        | Command::Providers(_)
        | Command::ForceUnlock(_)
        | Command::Sandbox(_)
        | Command::Completions(_)
        | Command::Version(_) => None,
    }
}
