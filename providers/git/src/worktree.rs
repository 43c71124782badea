//! What Git knows of a directory on this machine.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository, RepositoryOpenFlags, Status, StatusOptions, StatusShow};

use crate::error::GitError;
use crate::setup::ready;

/// The work tree that a directory is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTree {
    /// Its root.
    pub root: PathBuf,
    /// The commit that is checked out; `None` before the first one.
    pub commit: Option<String>,
    /// Whether a file that Git tracks differs from the commit, anywhere in the work tree, or a definition file in the
    /// directory or below is not tracked.
    pub dirty: bool,
}

/// Looks at the work tree that a directory is in; `None` outside of Git. Nothing is written, and nothing that the
/// repository's configuration names is run.
///
/// # Errors
///
/// When there is a repository that cannot be read.
pub fn inspect(directory: &Path) -> Result<Option<WorkTree>, GitError> {
    if !has_repository(directory) {
        return Ok(None);
    }
    ready();
    let fail = |error: git2::Error| {
        GitError::failed(
            "reading the work tree at",
            directory.display().to_string(),
            error,
        )
    };
    let none: [&Path; 0] = [];
    let opened = Repository::open_ext(directory, RepositoryOpenFlags::empty(), none);
    let repository = match opened {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let Some(root) = repository.workdir().map(Path::to_owned) else {
        return Ok(None);
    };
    let commit = match repository.head().and_then(|head| head.peel_to_commit()) {
        Ok(commit) => Some(commit.id().to_string()),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => None,
        Err(error) => return Err(fail(error)),
    };
    let dirty = has_changes(&repository).map_err(fail)?
        || has_untracked(&repository, &root, directory).map_err(fail)?;
    Ok(Some(WorkTree {
        root,
        commit,
        dirty,
    }))
}

/// Whether the directory or one above it has a `.git`. What that is, is libgit2's to say, and to refuse; where there is
/// none, there is no work tree.
fn has_repository(directory: &Path) -> bool {
    let directory = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned());
    directory
        .ancestors()
        .any(|above| above.join(".git").symlink_metadata().is_ok())
}

fn options() -> StatusOptions {
    let mut options = StatusOptions::new();
    options
        .show(StatusShow::IndexAndWorkdir)
        .include_ignored(false)
        .include_unmodified(false)
        .exclude_submodules(true)
        .update_index(false)
        .no_refresh(false);
    options
}

/// Whether a tracked file differs from the commit.
fn has_changes(repository: &Repository) -> Result<bool, git2::Error> {
    let statuses = repository.statuses(Some(options().include_untracked(false)))?;
    Ok(!statuses.is_empty())
}

/// Whether a definition file in the directory or below is not tracked.
fn has_untracked(
    repository: &Repository,
    root: &Path,
    directory: &Path,
) -> Result<bool, git2::Error> {
    let mut options = options();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let inside = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (root, directory) = (inside(root), inside(directory));
    if let Ok(path) = directory.strip_prefix(&root)
        && !path.as_os_str().is_empty()
    {
        options.disable_pathspec_match(true).pathspec(path);
    }
    let statuses = repository.statuses(Some(&mut options))?;
    let untracked = statuses
        .iter()
        .filter(|entry| entry.status().contains(Status::WT_NEW))
        .any(|entry| is_definition(entry.path_bytes()));
    Ok(untracked)
}

/// `*.strata.yaml`, `*.strata.hcl` and their like.
fn is_definition(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.windows(8).any(|window| window == b".strata.")
}
