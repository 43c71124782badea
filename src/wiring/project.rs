//! The project of a run: where it is, what it says, and which revision of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_model::plan::{DefinitionSnapshot, Plan, SourceRevision};
use strata_model::{Digest, SecretKey};

use super::builtin_stacks;
use super::files::Root;
use super::git::GitSources;
use super::location::Location;
use super::packages::{self, Loaded, Origin, load, load_project_only};
use super::trees::{DirectoryTree, PackageTree};
use super::withheld::{self, SecretFiles};
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;

/// A project with all that it leads to.
#[derive(Debug)]
pub struct Project {
    /// Its directory; `None` for one read from a URL.
    pub directory: Option<PathBuf>,
    /// Its definitions and files.
    pub loaded: Loaded,
    /// Its name.
    pub name: String,
    /// Which revision of it.
    pub revision: SourceRevision,
    /// Whether it is in a Git repository.
    pub in_git: bool,
}

impl Project {
    /// Loads a project from a directory or URL; without one, from the session's directory.
    ///
    /// What is wrong with the definitions is in [`Loaded::diagnostics`].
    ///
    /// # Errors
    ///
    /// When there is no such directory, or the URL cannot be fetched.
    pub fn load(session: &Session, target: Option<&str>) -> Result<Self, CommandError> {
        let mut found = Found::new(session, target)?;
        found.look_at_revision(session);
        let loaded = load(&Origin::Live {
            project: found.tree.clone(),
            git: &found.git,
        });
        Ok(found.project(loaded))
    }

    /// Reads only what the project itself says, none of its stacks: for commands that look at the state.
    ///
    /// # Errors
    ///
    /// As for [`Project::load`].
    pub fn load_shallow(session: &Session) -> Result<Self, CommandError> {
        let found = Found::new(session, None)?;
        let loaded = load_project_only(found.tree.clone());
        Ok(found.project(loaded))
    }

    /// Where the project's state is.
    ///
    /// # Errors
    ///
    /// As for [`Location::find`].
    pub fn location(&self, session: &Session) -> Result<Location, CommandError> {
        Location::find(session, self.directory.as_deref(), self.declared_state())
    }

    /// Restores the project of a saved plan from the snapshot in it. The session's directory is where its state is
    /// looked for.
    pub fn restore(session: &Session, plan: &Plan) -> Self {
        let is_local = !is_url(&plan.source.origin);
        let directory = is_local.then(|| normalized(&session.directory.join(&plan.source.origin)));
        let files = withheld::supplied(&plan.definitions, directory.as_deref());
        let loaded = load(&Origin::Snapshot(&files));
        let place = directory
            .as_ref()
            .map_or(plan.source.origin.clone(), |directory| {
                directory.display().to_string()
            });
        let name = project_name(&loaded, &place);
        Project {
            directory,
            loaded,
            name,
            revision: plan.source.clone(),
            in_git: plan.source.commit.is_some(),
        }
    }

    /// Where the project says that its state is.
    fn declared_state(&self) -> Option<&str> {
        let block = self.loaded.definitions.project()?.project.as_ref()?;
        block.state.as_ref().map(|state| state.value.as_ref())
    }

    /// The directory for what belongs to the project on this machine.
    pub fn base<'a>(&'a self, session: &'a Session) -> &'a Path {
        self.directory.as_deref().unwrap_or(&session.directory)
    }

    /// All files that were read so far, and their digest. Of those that hold secrets there are fingerprints only.
    pub fn snapshot(&self, secret: &SecretFiles, key: &SecretKey) -> (DefinitionSnapshot, Digest) {
        let mut files = self.loaded.snapshot();
        withheld::withhold(&mut files, secret, key);
        let parts = files.iter().flat_map(|(key, files)| {
            let own = files
                .iter()
                .flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]);
            [key.as_bytes()].into_iter().chain(own)
        });
        let digest = Digest::of_parts(parts);
        (files, digest)
    }
}

/// Reads a stack package alone: the one in a directory, a built-in one, or one in a Git repository.
///
/// What is wrong with its definitions is in [`Loaded::diagnostics`].
///
/// # Errors
///
/// When there is no such package.
pub fn load_stack(session: &Session, source: &str) -> Result<Loaded, CommandError> {
    let key = source.trim_end_matches('/').into();
    if let Some(tree) = builtin_stacks::tree(source) {
        return Ok(packages::load_stack(
            &key,
            PackageTree::Memory(Arc::new(tree)),
        ));
    }
    let found = Found::new(session, Some(source))?;
    Ok(packages::load_stack(&key, found.tree))
}

/// Whether a text names a repository and not a directory.
pub fn is_url(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@")
}

/// The directory that a target names; `None` for a URL.
pub fn directory_of(session: &Session, target: Option<&str>) -> Option<PathBuf> {
    (!target.is_some_and(is_url)).then(|| directory_in(session, target))
}

fn directory_in(session: &Session, target: Option<&str>) -> PathBuf {
    normalized(&session.directory.join(target.unwrap_or(".")))
}

struct Found {
    directory: Option<PathBuf>,
    origin: String,
    tree: PackageTree,
    git: GitSources,
    commit: Option<String>,
    dirty: bool,
    in_git: bool,
}

impl Found {
    fn new(session: &Session, target: Option<&str>) -> Result<Self, CommandError> {
        if let Some(url) = target.filter(|target| is_url(target)) {
            let git = GitSources::new(
                session,
                session.data_directory(&session.directory).join("sources"),
            );
            let fetched = git.fetch(url).map_err(|diagnostic| {
                let mut error = CommandError::new(
                    ErrorKind::Failed,
                    format!("cannot read the project: {}", diagnostic.detail),
                );
                error.hints = diagnostic.hints;
                error
            })?;
            let commit = fetched.commit().map(str::to_owned);
            let tree = PackageTree::Memory(Arc::new(fetched));
            return Ok(Found {
                directory: None,
                origin: url.to_owned(),
                tree,
                git,
                commit,
                dirty: false,
                in_git: true,
            });
        }
        let directory = directory_in(session, target);
        let git = GitSources::new(session, session.data_directory(&directory).join("sources"));
        let root = Root::open(&directory).map_err(|error| {
            CommandError::file("cannot open the project's directory", &directory, error)
        })?;
        let tree = PackageTree::Directory(Arc::new(DirectoryTree::new(root, "")));
        let origin = target.unwrap_or(".").to_owned();
        Ok(Found {
            origin,
            directory: Some(directory),
            tree,
            git,
            commit: None,
            dirty: false,
            in_git: false,
        })
    }

    fn look_at_revision(&mut self, session: &Session) {
        let Some(directory) = &self.directory else {
            return;
        };
        match self.git.revision(directory) {
            Ok(Some(revision)) => {
                self.in_git = true;
                self.commit = revision.commit;
                self.dirty = revision.dirty;
            }
            // A project without Git works; the commands that plan say what it lacks.
            Ok(None) => {}
            Err(error) => {
                self.in_git = true;
                session
                    .ui
                    .note(&format!("warning: the commit is not recorded: {error}"));
            }
        }
    }

    fn project(self, loaded: Loaded) -> Project {
        let place = self
            .directory
            .as_ref()
            .map_or(self.origin.clone(), |directory| {
                directory.display().to_string()
            });
        let name = project_name(&loaded, &place);
        let revision = SourceRevision {
            origin: self.origin,
            commit: self.commit,
            dirty: self.dirty,
            tree: None,
        };
        Project {
            directory: self.directory,
            loaded,
            name,
            revision,
            in_git: self.in_git,
        }
    }
}

/// The name that the project gives itself, or that of its directory.
fn project_name(loaded: &Loaded, origin: &str) -> String {
    let declared = loaded
        .definitions
        .project()
        .and_then(|project| project.project.as_ref()?.name.as_ref());
    match declared {
        Some(name) => name.value.to_string(),
        None => {
            let last = origin
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .trim_end_matches('/')
                .rsplit('/')
                .next();
            last.filter(|name| !name.is_empty())
                .unwrap_or("project")
                .trim_end_matches(".git")
                .to_owned()
        }
    }
}

/// The path without `.` and `..`, which links could make mean something else where they stand in the middle; the
/// system is asked where it can tell.
fn normalized(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
