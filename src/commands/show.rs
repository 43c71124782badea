//! `strata show`: the state, or a saved plan.

use std::collections::BTreeMap;

use clap::Args;
use strata_model::state::{StateRow, StateSnapshot};
use strata_model::store::StateStore;

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::changes::decode;
use crate::view::{plan_json, plan_text};
use crate::wiring::bench::snapshot;
use crate::wiring::location::Opened;
use crate::wiring::project::Project;
use crate::wiring::{providers, saved, variables};

/// `strata show`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata show                    every object in the state
  strata show change.plan        a saved plan, as plan printed it
  strata show -json change.plan  the same in Terraform's plan format, for tools that read that

Sensitive values are null in JSON and hidden in text.")]
pub struct Arguments {
    /// A saved plan; without one the state is shown
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
    /// Write one JSON document in Terraform's format
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the plan or the state cannot be read.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let Some(file) = &arguments.plan else {
        return show_state(session, arguments.json).await;
    };
    let saved = saved::read(&session.directory.join(file))?;
    let providers = providers();
    note_what_apply_says(session, &saved).await;
    if !arguments.json {
        session.ui.print(&plan_text::plan(
            &saved.plan,
            &providers,
            session.ui.style(),
        ));
        return Ok(Outcome::Done);
    }
    // What the plan leaves as it is stands in the state only; a machine without the state still shows the rest.
    let rows = match recorded(session).await {
        Ok(snapshot) if snapshot.lineage == saved.plan.lineage => snapshot.rows,
        Ok(_) | Err(_) => BTreeMap::new(),
    };
    let mut document = plan_json::plan(&saved.plan, &providers, &rows);
    let project = Project::restore(session, &saved.plan);
    plan_json::add_defaults(&mut document, &variables::defaults(&project.loaded));
    session.ui.json(&document);
    Ok(Outcome::Done)
}

/// A plan can be read that cannot be applied: where its state is at hand, that is said.
async fn note_what_apply_says(session: &Session, saved: &saved::SavedPlan) {
    let record = async {
        let opened = Project::load_shallow(session)?
            .location(session)?
            .open_read(session)
            .await?;
        match opened {
            Some(Opened { store, .. }) if saved.plan.lineage == Some(store.lineage()) => {
                saved::find_record(&store, saved).await.map(drop)
            }
            Some(_) | None => Ok(()),
        }
    };
    // What else is wrong with the state does not concern who only reads the plan.
    match record.await {
        Err(error) if error.kind == ErrorKind::Refused => session
            .ui
            .note(&format!("warning: {error}: `strata apply` would refuse it")),
        Ok(()) | Err(_) => {}
    }
}

async fn show_state(session: &Session, json: bool) -> Result<Outcome, CommandError> {
    let snapshot = recorded(session).await?;
    let providers = providers();
    if json {
        session.ui.json(&plan_json::state(&snapshot, &providers));
        return Ok(Outcome::Done);
    }
    if snapshot.rows.is_empty() && snapshot.outputs.is_empty() {
        session
            .ui
            .line("The state is empty. No resources are recorded.");
        return Ok(Outcome::Done);
    }
    for row in snapshot.rows.values() {
        session.ui.line(&row_text(session, row));
    }
    if !snapshot.outputs.is_empty() {
        session.ui.line(&session.ui.style().bold("Outputs:\n"));
        session
            .ui
            .print(&plan_text::stored_outputs(&snapshot.outputs));
    }
    Ok(Outcome::Done)
}

/// An object of the state as text.
pub fn row_text(session: &Session, row: &StateRow) -> String {
    let address = row.address();
    let providers = providers();
    let schema = providers
        .schema(address.mode, &address.resource_type)
        .map(|(_, schema)| schema);
    plan_text::object_of_state(row, &decode(&row.attributes, schema), session.ui.style())
}

/// What the project's state records; an empty state for a project without one.
///
/// # Errors
///
/// When the state cannot be read.
pub async fn recorded(session: &Session) -> Result<StateSnapshot, CommandError> {
    match Project::load_shallow(session)?
        .location(session)?
        .open_read(session)
        .await?
    {
        Some(opened) => snapshot(session, &opened.store).await,
        None => Ok(StateSnapshot::default()),
    }
}
