//! What is said of local directories.

use std::fs;
use std::path::Path;

use git2::{IndexAddOption, Repository, Signature, Time};
use strata_provider_git::inspect;

fn commit_all(repository: &Repository) -> String {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::new("A", "a@b", &Time::new(0, 0)).unwrap();
    let parent = repository
        .head()
        .and_then(|head| head.peel_to_commit())
        .ok();
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(Some("HEAD"), &who, &who, "x", &tree, &parents)
        .unwrap()
        .to_string()
}

fn dirty(directory: &Path) -> bool {
    inspect(directory).unwrap().unwrap().dirty
}

#[test]
fn outside_of_git_there_is_nothing_to_say() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(inspect(directory.path()).unwrap(), None);
    assert_eq!(inspect(&directory.path().join("not/there")).unwrap(), None);
    Repository::init_bare(directory.path()).unwrap();
    assert_eq!(inspect(directory.path()).unwrap(), None);
}

#[test]
fn changes_are_seen() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let repository = Repository::init(root).unwrap();
    let project = root.join("clusters/prod");
    fs::create_dir_all(&project).unwrap();
    let definition = project.join("a.strata.yaml");
    fs::write(root.join("other.txt"), "1").unwrap();

    let unborn = inspect(&project).unwrap().unwrap();
    assert_eq!((unborn.commit, unborn.dirty), (None, false));
    fs::write(&definition, "1").unwrap();
    assert!(dirty(&project));
    let commit = commit_all(&repository);
    let clean = inspect(&project).unwrap().unwrap();
    assert_eq!(clean.commit.as_deref(), Some(commit.as_str()));
    assert_eq!(
        clean.root.canonicalize().unwrap(),
        root.canonicalize().unwrap()
    );
    assert!(!clean.dirty);

    // A tracked file, wherever it is; staged or not.
    fs::write(root.join("other.txt"), "22").unwrap();
    assert!(dirty(&project));
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("other.txt")).unwrap();
    index.write().unwrap();
    assert!(dirty(&project));
    commit_all(&repository);
    assert!(!dirty(&project));
    fs::remove_file(&definition).unwrap();
    assert!(dirty(&project));
    fs::write(&definition, "1").unwrap();
    assert!(!dirty(&project));

    // An untracked file counts where it is a definition in the directory.
    fs::write(project.join("notes.txt"), "x").unwrap();
    fs::write(root.join("elsewhere.strata.yaml"), "x").unwrap();
    assert!(!dirty(&project));
    assert!(dirty(root));
    fs::create_dir(project.join("sub")).unwrap();
    fs::write(project.join("sub/b.strata.hcl"), "x").unwrap();
    assert!(dirty(&project));
    fs::write(root.join(".gitignore"), "sub/\n").unwrap();
    assert!(!dirty(&project));
}

#[test]
fn nothing_that_the_repository_names_is_run() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let repository = Repository::init(root).unwrap();
    fs::write(root.join("a.strata.yaml"), "1").unwrap();
    fs::write(root.join(".gitattributes"), "* filter=evil diff=evil\n").unwrap();
    commit_all(&repository);
    let witness = root.join("witness");
    let command = format!("touch {}", witness.display());
    let mut config = repository.config().unwrap();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.command",
        "diff.evil.textconv",
        "diff.external",
    ] {
        config.set_str(key, &command).unwrap();
    }
    let hooks = root.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-index-change", "fsmonitor-watchman", "post-checkout"] {
        use std::os::unix::fs::PermissionsExt;
        let path = hooks.join(hook);
        fs::write(&path, format!("#!/bin/sh\n{command}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let index = fs::read(root.join(".git/index")).unwrap();
    fs::write(root.join("a.strata.yaml"), "2").unwrap();
    assert!(dirty(root));
    assert!(!witness.exists());
    assert_eq!(fs::read(root.join(".git/index")).unwrap(), index);
}
