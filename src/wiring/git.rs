//! Git sources: stacks and projects named by URL, and the commit of a work tree.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use strata_model::Diagnostic;
use strata_provider_git::{Allowed, Credentials, GitError, Settings, Source, fetch, inspect};

use super::trees::MemoryTree;
use crate::environment;
use crate::interrupt::Interrupts;
use crate::session::Session;

/// Private keys that are tried when the agent has none, in the home directory's `.ssh`.
const SSH_KEYS: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];

/// Fetches sources into a cache.
#[derive(Debug)]
pub struct GitSources {
    settings: Settings,
    interrupts: Interrupts,
}

/// The commit of a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit.
    pub commit: Option<String>,
    /// Whether the work tree differs from it.
    pub dirty: bool,
}

impl GitSources {
    /// A cache in a directory, with the hosts and credentials of the session.
    pub fn new(session: &Session, cache: PathBuf) -> Self {
        let home = session.environment.text(environment::HOME).map(Path::new);
        let keys = home.into_iter().flat_map(|home| {
            SSH_KEYS
                .iter()
                .map(move |name| home.join(".ssh").join(name))
        });
        let settings = Settings {
            allowed: Allowed::parse(
                session
                    .environment
                    .text(environment::SOURCE_ALLOW)
                    .unwrap_or_default(),
            ),
            credentials: Credentials {
                ssh_keys: keys.filter(|path| path.is_file()).collect(),
                ssh_agent: true,
                ..Credentials::default()
            },
            ..Settings::new(cache)
        };
        GitSources {
            settings,
            interrupts: session.interrupts.clone(),
        }
    }

    /// Fetches the files of a source at the commit that it names. Blocks.
    ///
    /// # Errors
    ///
    /// A diagnostic that says why; the caller adds the place.
    pub fn fetch(&self, text: &str) -> Result<MemoryTree, Box<Diagnostic>> {
        let mut go_on = |_| {
            if self.interrupts.is_interrupted() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let read = || -> Result<MemoryTree, GitError> {
            let source: Source = text.parse()?;
            let fetched = fetch(&source, &self.settings, &mut go_on)?;
            let files = fetched.tree.read(&source.path)?;
            let files = files.into_iter().map(|(path, bytes)| (path, bytes.into()));
            Ok(MemoryTree::new(files).at_commit(fetched.commit))
        };
        // A fetch waits on the network: other tasks of the runtime go on meanwhile.
        tokio::task::block_in_place(read).map_err(|error| Box::new(diagnostic(&error)))
    }

    /// The commit of the work tree that holds a directory; `None` where it is in none.
    ///
    /// # Errors
    ///
    /// When there is a repository that cannot be read.
    pub fn revision(&self, directory: &Path) -> Result<Option<Revision>, GitError> {
        let found = inspect(directory)?;
        Ok(found.map(|found| Revision {
            commit: found.commit,
            dirty: found.dirty,
        }))
    }
}

fn diagnostic(error: &GitError) -> Diagnostic {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Diagnostic::error(
        error.code(),
        error.summary(),
        format!("{}.", detail.trim_end_matches('.')),
    )
}
