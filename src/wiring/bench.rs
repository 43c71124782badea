//! Everything that a run works with, opened in one place: project, variables, state, key, clouds, connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strata_core::apply::{Connections, Finding, Recovery, Resolution};
use strata_core::plan::Trees;
use strata_model::plan::{Plan, PlannedVariable};
use strata_model::provider::{ConnectContext, Providers};
use strata_model::state::{LockHolder, StateSnapshot};
use strata_model::store::{Lock, StateStore, StoreError};
use strata_model::{Lineage, Name, SecretKey, Type, Value};
use strata_state::SqliteStore;

use super::ahead::Ahead;
use super::clouds::Clouds;
use super::location::{Location, Opened, is_in_use};
use super::project::Project;
use super::withheld;
use super::{planning, state_error, variables};
use crate::arguments::VariableArguments;
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;
use crate::view::changes::decode_as;
use crate::view::style::escape_line;

/// What the state is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only looking: nothing is written, and a project without a state has an empty one.
    Look,
    /// Changing it: what is missing is made first.
    Change,
    /// Changing one that must be there.
    Existing,
}

/// What a run works with.
#[derive(Debug)]
pub struct Bench<'s> {
    /// The invocation.
    pub session: &'s Session,
    /// The project.
    pub project: Project,
    /// The values for its variables.
    pub variables: BTreeMap<Name, Value>,
    /// The files of its packages.
    pub trees: Trees,
    /// Where its state is.
    pub location: Location,
    /// The state; `None` where there is none yet.
    pub store: Option<SqliteStore>,
    /// What is recorded, where it was read already; taken by who asks first.
    ahead: Mutex<Option<StateSnapshot>>,
    /// The state's key.
    pub key: SecretKey,
    /// The clouds.
    pub clouds: Clouds,
    /// The providers and their connections.
    pub connections: Connections,
}

impl<'s> Bench<'s> {
    /// Opens everything for the project of a saved plan.
    ///
    /// # Errors
    ///
    /// As for [`Bench::open`].
    pub async fn of_plan(
        session: &'s Session,
        plan: &Plan,
        arguments: &VariableArguments,
    ) -> Result<Self, CommandError> {
        let project = Project::restore(session, plan);
        if project.loaded.diagnostics.has_errors() {
            // They were sound when the plan was made.
            return Err(CommandError::new(
                ErrorKind::Refused,
                "the plan was altered after it was made: its definitions cannot be read",
            )
            .hint("Make a new plan."));
        }
        let opened = Self::open(session, (project, None), arguments, Access::Existing);
        let mut bench = opened.await?;
        let directory = bench.project.directory.as_deref();
        withheld::check(&plan.definitions, directory, &bench.key)?;
        // The plan has all values but the secret ones; what is given again is compared with them later.
        for (name, planned) in &plan.variables {
            let known = match planned {
                PlannedVariable::Value(encoded) => encoded.decode(&Type::Any).ok(),
                PlannedVariable::Secret(_) => None,
            };
            if let Some(value) = known {
                let name = Name::from(name.as_str());
                bench.variables.entry(name).or_insert(value);
            }
        }
        Ok(bench)
    }

    /// Opens everything for a project that was loaded, and takes the state that was read ahead, if it is the project's.
    ///
    /// # Errors
    ///
    /// When the definitions are not valid (that has been shown then), or something cannot be opened.
    pub async fn open(
        session: &'s Session,
        (mut project, ahead): (Project, Option<Ahead>),
        arguments: &VariableArguments,
        access: Access,
    ) -> Result<Self, CommandError> {
        let variables = variables::gather(&mut project.loaded, arguments, session)?;
        variables
            .values()
            .chain(&variables::secret_defaults(&project.loaded))
            .for_each(|value| session.ui.redactor().add_secrets_of(value));
        if project.loaded.diagnostics.has_errors() {
            let found = planning::validate(&project, session);
            session.ui.diagnostics(&found, &project.loaded.sources);
            return Err(CommandError::shown(ErrorKind::Definitions));
        }
        let location = project.location(session)?;
        if access != Access::Look
            && project.directory.is_none()
            && !session.is_sandbox()
            && !location.is_explicit()
        {
            return Err(
                CommandError::usage("a project given by URL needs a state that is named")
                    .hint("Name it with -state=PATH or STRATA_STATE."),
            );
        }
        let ahead = ahead.filter(|ahead| ahead.state == location.state);
        let (ahead, mut snapshot) = ahead.map(|ahead| (ahead.opened, ahead.snapshot)).unzip();
        let opened = match access {
            Access::Look if ahead.is_some() => ahead,
            Access::Look => location.open_read(session).await?,
            Access::Change => Some(location.open_write(session, false).await?),
            Access::Existing if !location.is_known()? => return Err(no_state_of_plan(&location)),
            Access::Existing => Some(location.open_existing(session).await?),
        };
        let (store, key) = match opened {
            Some(Opened { store, key, made }) => {
                if !made.is_empty() {
                    session.ui.note(&format!(
                        "Initialised the project: made {}.",
                        made.join(", ")
                    ));
                }
                (Some(store), key)
            }
            None => (None, location.passing_key(session)?),
        };
        tracing::debug!(
            target: "strata::wiring",
            state = %location.state.display(),
            exists = store.is_some(),
            "the project's state"
        );
        if let Some(store) = &store
            && wait_for_sandbox(session, store, &location).await?
        {
            // The other run has changed what was read ahead.
            snapshot = None;
        }
        let clouds = Clouds::open(session, project.base(session)).await?;
        // Without a state nothing is tagged: a passing lineage only fills the place.
        let lineage = store.as_ref().map_or_else(
            || Lineage::from_bits(session.ids.bits()),
            StateStore::lineage,
        );
        let context = ConnectContext {
            clock: clouds.clock.clone(),
            ids: session.ids.clone(),
            lineage,
            variables: Arc::new(session.environment.clone()),
            clusters: Arc::new(strata_model::NoClusters),
            conditions: Arc::new(strata_model::NoConditions),
            sandbox: clouds.endpoint.clone(),
        };
        let connections = Connections::new(super::providers_with(session.schemas.clone()), context);
        let trees = project.loaded.source_trees();
        Ok(Bench {
            session,
            project,
            variables,
            trees,
            location,
            store,
            ahead: Mutex::new(snapshot),
            key,
            clouds,
            connections,
        })
    }

    /// Asks for the variables that need a value and have none, where there is somebody to ask.
    ///
    /// An answer that is no value for its variable is asked for again.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn ask_missing(&mut self) -> Result<(), CommandError> {
        let ui = &self.session.ui;
        for (name, block) in variables::missing(&self.project.loaded, &self.variables) {
            let about = block.description.as_deref().map(escape_line);
            let about = about
                .map(|about| format!("  {about}\n"))
                .unwrap_or_default();
            // It may take its time to answer: what was read before is read again.
            self.ahead = Mutex::default();
            let question = format!("var.{name}\n{about}\n  Enter a value: ");
            loop {
                let answer = if block.sensitive {
                    ui.ask_secret(&question).await
                } else {
                    ui.ask(&question).await
                };
                // Without an answer the planner says what is missing, and how to give it.
                let Some(answer) = answer else { return Ok(()) };
                let (loaded, values) = (&mut self.project.loaded, &mut self.variables);
                let wrong = variables::answer(loaded, values, (&name, &block), &answer);
                if !wrong.has_errors() {
                    break;
                }
                ui.diagnostics(&wrong, &loaded.sources);
            }
            if let Some(value) = self.variables.get(&name) {
                ui.redactor().add_secrets_of(value);
            }
            ui.line("");
        }
        Ok(())
    }

    /// The providers.
    pub fn providers(&self) -> &Providers {
        self.connections.providers()
    }

    /// The store of a bench that was opened for changes.
    ///
    /// # Errors
    ///
    /// Never then.
    pub fn store(&self) -> Result<&SqliteStore, CommandError> {
        self.store
            .as_ref()
            .ok_or_else(|| CommandError::bug("a state is needed here, and none was opened"))
    }

    /// What is recorded. Its secrets are made known to the redactor.
    ///
    /// # Errors
    ///
    /// When the state cannot be read.
    pub async fn snapshot(&self) -> Result<StateSnapshot, CommandError> {
        let ahead = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let (Some(_), Some(snapshot)) = (&self.store, ahead) {
            hide_secrets(self.session, &snapshot);
            return Ok(snapshot);
        }
        match &self.store {
            Some(store) => snapshot(self.session, store).await,
            None => Ok(StateSnapshot::default()),
        }
    }

    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// When someone else holds it, for longer than `timeout`.
    pub async fn lock(&self, timeout: Duration) -> Result<Lock, CommandError> {
        lock(self.session, self.store()?, timeout).await
    }

    /// Closes what was opened. The state is in one file then.
    pub async fn close(self) {
        if let Some(store) = self.store {
            // What cannot be copied stays in the log beside the file, where the next run finds it.
            store.close().await.ok();
        }
        self.clouds.close().await;
        // The process ends soon: giving back the definitions block by block would serve nobody.
        std::mem::forget(self.project);
    }
}

/// A plan leads nowhere in a directory without a state: nothing is made there for it.
fn no_state_of_plan(location: &Location) -> CommandError {
    let message = format!(
        "the plan belongs to another state: there is none at {}",
        location.state.display()
    );
    CommandError::new(ErrorKind::Refused, message).hint(
        "Run the command in the directory in which the plan was made, or name the state with -state.",
    )
}

/// How often is looked whether the sandbox has become free.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A sandbox in this process is one run's alone: the lock of its state says whose, where its store could not. Tells
/// whether another run had to end first.
async fn wait_for_sandbox(
    session: &Session,
    store: &SqliteStore,
    location: &Location,
) -> Result<bool, CommandError> {
    let mut waited = false;
    if session.global.sandbox.as_deref() != Some("") {
        return Ok(waited);
    }
    let began = session.clock.elapsed();
    loop {
        let in_use = is_in_use(&location.state)?;
        let holder = store.lock_holder().await.map_err(state_error)?;
        let Some((id, holder)) = holder.filter(|_| in_use) else {
            return Ok(waited);
        };
        waited = true;
        if session.clock.elapsed().saturating_sub(began) >= session.lock_timeout {
            let holder = Box::new(holder);
            let error = state_error(StoreError::Locked { id, holder });
            return Err(error.hint(
                "Runs that share a sandbox need one that is served: `strata sandbox serve`, and --sandbox=URL.",
            ));
        }
        session.clock.sleep(LOOK_AGAIN).await;
    }
}

/// Takes the lock on a state.
///
/// # Errors
///
/// When someone else holds it, for longer than `timeout`.
pub async fn lock(
    session: &Session,
    store: &SqliteStore,
    timeout: Duration,
) -> Result<Lock, CommandError> {
    let holder = LockHolder {
        who: session.who(),
        pid: std::process::id(),
        operation: session.word.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: session.clock.now(),
    };
    store.lock(holder, timeout).await.map_err(state_error)
}

/// Reads a state, and makes its secrets known to the redactor.
///
/// # Errors
///
/// When the state cannot be read.
pub async fn snapshot(
    session: &Session,
    store: &SqliteStore,
) -> Result<StateSnapshot, CommandError> {
    let snapshot = store.snapshot().await.map_err(state_error)?;
    hide_secrets(session, &snapshot);
    Ok(snapshot)
}

/// Makes the secrets of a state known to the redactor.
pub fn hide_secrets(session: &Session, snapshot: &StateSnapshot) {
    let rows = snapshot.rows.values().map(|row| &row.attributes);
    let outputs = snapshot.outputs.values();
    let redactor = session.ui.redactor();
    for encoded in rows.filter(|encoded| !encoded.secret.is_empty()) {
        redactor.add_encoded(encoded);
    }
    for output in outputs {
        if output.sensitive {
            redactor.add_secrets_of(&decode_as(&output.value, &Type::Any).into_secret());
        } else {
            redactor.add_encoded(&output.value);
        }
    }
}

/// Says what recovery could not decide; an error, because nothing may be planned or applied over it.
///
/// # Errors
///
/// When an op is undecided.
pub fn check_recovery(recovery: &Recovery) -> Result<(), CommandError> {
    let several: Vec<&Finding> = recovery.needs_human().collect();
    if !several.is_empty() {
        let message = format!(
            "{} interrupted operation{} left more than one object",
            several.len(),
            if several.len() == 1 { "" } else { "s" }
        );
        let error = several.iter().fold(
            CommandError::new(ErrorKind::NeedsHuman, message),
            |error, finding| {
                let Resolution::Several(ids) = &finding.resolution else {
                    return error;
                };
                error.hint(format!("{} may be any of: {}", finding.key, ids.join(", ")))
            },
        );
        return Err(error.hint("Remove all but one of them, and run the command again."));
    }
    let Some(finding) = recovery.unreadable().next() else {
        return Ok(());
    };
    let Resolution::Unreadable(error) = &finding.resolution else {
        return Ok(());
    };
    let message = format!(
        "cannot find out what became of the interrupted operation on {}",
        finding.key
    );
    Err(super::provider_error(message, error.clone()))
}
