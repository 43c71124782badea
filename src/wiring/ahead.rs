//! Reading the state beside the definitions, for commands that only look: neither waits for the other.

use std::path::PathBuf;

use strata_model::state::StateSnapshot;
use strata_model::store::StateStore;
use tokio::runtime::Handle;

use super::location::{Location, Opened};
use super::project::{Project, directory_of};
use crate::error::CommandError;
use crate::session::Session;

/// A state that was read before it was sure that it is the project's: a project may name another one.
#[derive(Debug)]
pub struct Ahead {
    /// Where the state is.
    pub state: PathBuf,
    /// The state.
    pub opened: Opened,
    /// What is recorded in it.
    pub snapshot: StateSnapshot,
}

/// Loads a project, and reads meanwhile the state that it has if it does not name one. `None` where there is none there,
/// or it cannot be read: whoever needs it tries again then, and says why.
///
/// # Errors
///
/// As for [`Project::load`].
pub fn load(
    session: &Session,
    target: Option<&str>,
) -> Result<(Project, Option<Ahead>), CommandError> {
    let runtime = Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let read = || runtime.block_on(read(session, target));
            let reading = std::thread::Builder::new().spawn_scoped(scope, read);
            let project = Project::load(session, target);
            let ahead = reading.ok().and_then(|reading| reading.join().ok());
            Ok((project?, ahead.flatten()))
        })
    })
}

async fn read(session: &Session, target: Option<&str>) -> Option<Ahead> {
    let directory = directory_of(session, target)?;
    let location = Location::find(session, Some(&directory), None).ok()?;
    let opened = location.open_read(session).await.ok()??;
    let snapshot = opened.store.snapshot().await.ok()?;
    Some(Ahead {
        state: location.state,
        opened,
        snapshot,
    })
}
