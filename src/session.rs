//! What every command is given: output, settings, time and randomness.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strata_model::{Clock, IdSource};

use crate::arguments::GlobalArguments;
use crate::environment::{self, Environment};
use crate::interrupt::Interrupts;
use crate::view::Ui;
use crate::wiring::schemas::Schemas;

/// One invocation.
#[derive(Debug)]
pub struct Session {
    /// Owns all output.
    pub ui: Ui,
    /// The environment at the start.
    pub environment: Environment,
    /// Options of every command.
    pub global: GlobalArguments,
    /// Where relative paths begin.
    pub directory: PathBuf,
    /// The system's time.
    pub clock: Arc<dyn Clock>,
    /// The system's randomness.
    pub ids: Arc<dyn IdSource>,
    /// What Ctrl-C does.
    pub interrupts: Interrupts,
    /// How long to wait for what another run holds.
    pub lock_timeout: Duration,
    /// By what Kubernetes objects are judged while their cluster cannot be asked, where that is given.
    pub schemas: Option<Schemas>,
    /// The command's word, for lock and history.
    pub word: &'static str,
}

impl Session {
    /// Whether the run is on emulated clouds.
    pub fn is_sandbox(&self) -> bool {
        self.global.sandbox.is_some()
    }

    /// The directory for state, key and caches of a project.
    pub fn data_directory(&self, project: &Path) -> PathBuf {
        match self.environment.text(environment::DATA_DIR) {
            Some(directory) => self.directory.join(directory),
            None => project.join(".strata"),
        }
    }

    /// Who runs this, as lock and history name them: `user@host`.
    pub fn who(&self) -> String {
        let host = rustix::system::uname();
        let user = match self.environment.text(environment::USER) {
            Some(user) => user.to_owned(),
            None => format!("uid{}", rustix::process::getuid().as_raw()),
        };
        format!("{user}@{}", host.nodename().to_string_lossy())
    }
}
