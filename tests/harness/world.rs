//! A project, a cloud and the wire between them.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strata_model::state::StateSnapshot;
use strata_sandbox::Ledger;
use tempfile::TempDir;

use super::cloud::Cloud;
use super::process::{Finished, Running, STRATA, hermetic};
use super::remembered::{STATE_KEY, remembered};
use super::tap::Tap;

/// What a world is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorldOptions<'a> {
    /// What the cloud divides its delays by.
    pub(crate) speed: u32,
    /// What goes wrong in the cloud.
    pub(crate) faults: Option<&'a str>,
}

impl Default for WorldOptions<'_> {
    fn default() -> Self {
        WorldOptions {
            speed: 1000,
            faults: None,
        }
    }
}

/// A directory of its own with a project and a home; everything in it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct World {
    // The order is that of the drops: processes before the files that they write.
    pub(crate) tap: Tap,
    pub(crate) cloud: Cloud,
    root: TempDir,
    runs: Cell<u32>,
}

impl World {
    /// A world with an empty project.
    pub(crate) fn new(options: WorldOptions<'_>) -> Self {
        let root = tempfile::Builder::new().prefix("strata-test-").tempdir();
        let root = root.expect("a temporary directory can be made");
        for name in ["home", "project", "cloud", "output"] {
            fs::create_dir(root.path().join(name)).expect("a directory can be made");
        }
        let cloud = Cloud::serve(&root.path().join("cloud"), options.speed, options.faults);
        World {
            tap: Tap::to(cloud.addr()),
            cloud,
            root,
            runs: Cell::new(0),
        }
    }

    /// A world whose project is a copy of a directory in `tests/fixtures`.
    pub(crate) fn of_fixture(name: &str, options: WorldOptions<'_>) -> Self {
        World::of_copy(&Path::new("tests/fixtures").join(name), options)
    }

    /// A world whose project is a copy of an example.
    pub(crate) fn of_example(name: &str, options: WorldOptions<'_>) -> Self {
        World::of_copy(&Path::new("examples").join(name), options)
    }

    /// A world whose project is a copy of a directory of the repository.
    fn of_copy(directory: &Path, options: WorldOptions<'_>) -> Self {
        let world = World::new(options);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        copy(&from, &world.project());
        world
    }

    /// A world whose project is one file.
    pub(crate) fn of_text(definitions: &str, options: WorldOptions<'_>) -> Self {
        let world = World::new(options);
        world.define(definitions);
        world
    }

    /// Writes the project's one file anew.
    pub(crate) fn define(&self, definitions: &str) {
        fs::write(self.project().join("project.strata.hcl"), definitions)
            .expect("the definitions can be written");
    }

    /// Where everything is.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.project().join(".strata/sandbox-state.db")
    }

    /// A command in the project, against the cloud.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = hermetic(STRATA, &self.root.path().join("home"));
        command
            .current_dir(self.project())
            .env("STRATA_STATE_KEY", STATE_KEY)
            .arg(format!("--sandbox={}", self.tap.url()))
            .args(args);
        command
    }

    /// The stem of the files that the next run's output goes to.
    pub(crate) fn stem(&self) -> PathBuf {
        self.runs.set(self.runs.get() + 1);
        self.root
            .path()
            .join(format!("output/{:05}", self.runs.get()))
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args), &self.stem())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        self.start(args).wait()
    }

    /// Runs without the sandbox's flag: with an ordinary state, and credentials that only the emulated cloud takes.
    pub(crate) fn run_outside(&self, args: &[&str]) -> Finished {
        self.run_outside_with(args, &[])
    }

    /// The same, with more variables of the environment.
    pub(crate) fn run_outside_with(&self, args: &[&str], more: &[(&str, &str)]) -> Finished {
        let mut command = hermetic(STRATA, &self.root.path().join("home"));
        command
            .current_dir(self.project())
            .env("STRATA_STATE_KEY", STATE_KEY)
            .env("AWS_ENDPOINT_URL", self.tap.url())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "eu-west-1")
            .envs(more.iter().copied())
            .args(args);
        Running::start(command, &self.stem()).wait()
    }

    /// Runs, and checks that no mutating call was made.
    #[track_caller]
    pub(crate) fn run_without_calls(&self, args: &[&str]) -> Finished {
        let before = self.mutating_calls();
        let finished = self.run(args);
        let after = self.mutating_calls();
        assert_eq!(after, before, "mutating calls by {}", finished.text());
        finished
    }

    /// Calls AWS as somebody else would, and returns what `query` picks.
    #[track_caller]
    pub(crate) fn outside(&self, arguments: &[&str], query: &str) -> String {
        let output = Command::new("aws")
            .args(["--endpoint-url", &self.tap.url(), "--output", "text"])
            .args(["--query", query])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "outside")
            .env("AWS_SECRET_ACCESS_KEY", "outside")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .output();
        let output = output
            .unwrap_or_else(|e| panic!("aws: {e}; install it with: python3 -m pip install awscli"));
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {wrong}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Checks that nothing is left to do.
    #[track_caller]
    pub(crate) fn expect_no_changes(&self, args: &[&str]) {
        let plan = [&["plan", "-detailed-exitcode"], args].concat();
        self.run_without_calls(&plan).expect_code(0);
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.cloud.ledger()
    }

    /// How many mutating calls the cloud took up, by its own account.
    pub(crate) fn mutating_calls(&self) -> usize {
        self.ledger()
            .calls
            .iter()
            .filter(|call| call.mutating)
            .count()
    }

    /// What the state says; an empty one where there is none.
    pub(crate) fn remembered(&self) -> StateSnapshot {
        let path = self.state_file();
        if !path.exists() {
            return StateSnapshot::default();
        }
        remembered(&path).unwrap_or_else(|error| panic!("the state cannot be read: {error:?}"))
    }
}

/// Copies what is in a directory, but for what Strata keeps there.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.expect("a directory can be listed");
        let target = to.join(entry.file_name());
        if entry.file_name() == ".strata" {
            continue;
        }
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("a directory can be made");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
