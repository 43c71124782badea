//! The sandbox: in the process, served, and looked into.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use crate::support::Project;

pub(crate) const VPC: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "one" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}
"#;

/// A sandbox in a process of its own, ended with the test.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Serves the project's sandbox on a free port.
pub(crate) fn serve(project: &Project) -> Serving {
    serve_with(project, &[])
}

fn serve_with(project: &Project, options: &[&str]) -> Serving {
    let arguments: Vec<&str> = options
        .iter()
        .copied()
        .chain(["sandbox", "serve", "-listen=127.0.0.1:0"])
        .collect();
    let mut child = project
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{line}");
    Serving { child, url }
}

/// An apply that holds the lock for minutes, because its first call is not answered before.
pub(crate) struct SlowApply {
    /// The sandbox that it waits for.
    pub(crate) sandbox: Serving,
    /// The apply.
    pub(crate) child: Child,
    /// Where its lines go on.
    pub(crate) lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

/// Begins a slow apply, and returns when its first step has begun.
pub(crate) fn slow_apply(project: &Project) -> SlowApply {
    project.write("main.strata.hcl", VPC);
    project.write(
        "faults.yaml",
        "rules:\n  - operation: CreateVpc\n    fault: { delay: { ms: 600000 } }\n",
    );
    let sandbox = serve_with(project, &["--speed=1", "--faults=faults.yaml"]);
    let at = format!("--sandbox={}", sandbox.url);
    let mut child = project
        .command(&[&at, "apply", "-auto-approve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun = lines.any(|line| line.unwrap().contains("aws_vpc.main: Creating..."));
    assert!(begun, "the apply has not begun");
    SlowApply {
        sandbox,
        child,
        lines,
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let project = Project::of(VPC);
    let mut slow = slow_apply(&project);
    let interrupt = |child: &Child| {
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
    };
    interrupt(&slow.child);
    assert!(
        slow.lines
            .any(|line| line.unwrap().contains("Interrupt received"))
    );
    assert!(
        slow.child.try_wait().unwrap().is_none(),
        "the first interrupt lets the running step finish"
    );
    interrupt(&slow.child);
    #[expect(
        clippy::disallowed_methods,
        reason = "a safety limit of the test itself"
    )]
    let began = std::time::Instant::now();
    assert_eq!(slow.child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    let mut said = String::new();
    std::io::Read::read_to_string(slow.child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert!(
        said.contains("hint: Everything that was done is recorded."),
        "{said}"
    );
    let at = format!("--sandbox={}", slow.sandbox.url);
    project
        .run(&format!("{at} state history"))
        .exits(0)
        .says("killed, or interrupted twice");
}

#[test]
fn a_network_lives_and_dies_in_the_sandbox() {
    let project = Project::of(VPC);
    project
        .run("--sandbox plan")
        .exits(0)
        .says("Plan: 2 to add");
    project
        .run("--sandbox apply -auto-approve")
        .exits(0)
        .says("aws_vpc.main: Creation complete")
        .says("2 added");
    assert!(
        !project.path("strata.lock").exists(),
        "the sandbox has a state of its own"
    );
    assert!(
        project.path(".strata/sandbox-state.db").exists()
            && !project.path(".strata/state.db").exists()
    );
    project.run("--sandbox plan -detailed-exitcode").exits(0);
    let ledger = project.run("sandbox ledger -json").exits(0).json();
    let live: Vec<&str> = ledger["objects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|object| object["deleted_seq"].is_null())
        .filter_map(|object| object["type"].as_str())
        .collect();
    assert!(
        live.contains(&"vpc") && live.contains(&"subnet"),
        "{live:?}"
    );
    project.run("sandbox ledger").exits(0).says("CreateVpc");
    for file in [".strata/sandbox.db", ".strata/sandbox-state.db"] {
        let mode = std::fs::metadata(project.path(file)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{file}");
    }
    project
        .run("--sandbox destroy -auto-approve")
        .exits(0)
        .says("2 destroyed");
    project.run("sandbox reset").exits(0).says("Removed");
    assert!(!project.path(".strata/sandbox.db").exists());
    project
        .run("sandbox reset")
        .exits(0)
        .says("nothing to remove");
}

#[test]
fn a_served_sandbox_is_shared() {
    let project = Project::of(VPC);
    let serving = serve(&project);
    let at = format!("--sandbox={}", serving.url);
    project
        .run(&format!("{at} apply -auto-approve"))
        .exits(0)
        .says("2 added");
    project
        .run(&format!("{at} plan -detailed-exitcode"))
        .exits(0);
    project
        .run(&format!("{at} sandbox ledger"))
        .exits(0)
        .says("CreateSubnet");
    // A plan only reads.
    let calls = |project: &Project| {
        let ledger = project
            .run(&format!("{at} sandbox ledger -json"))
            .exits(0)
            .json();
        ledger["calls"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|call| call["mutating"] == true)
            .count()
    };
    let before = calls(&project);
    project.run(&format!("{at} plan")).exits(0);
    assert_eq!(calls(&project), before);
}

#[test]
fn drift_is_seen_and_taken_over() {
    let project = Project::of(VPC);
    project.run("--sandbox apply -auto-approve").exits(0);
    project.run("--sandbox drift").exits(0);
    // The store is removed, and with it every object: all of it drifted away.
    for (path, _) in project.files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("sandbox.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
    project
        .run("--sandbox drift")
        .exits(2)
        .says("aws_vpc.main has been deleted");
    project
        .run("--sandbox plan")
        .exits(0)
        .says("Plan: 2 to add");
    project.run("--sandbox apply -auto-approve").exits(0);
    project.run("--sandbox plan -detailed-exitcode").exits(0);
}

#[test]
fn a_sandbox_in_use_is_not_taken_away() {
    let project = Project::of(VPC);
    let mut serving = serve(&project);
    let at = format!("--sandbox={}", serving.url);
    project.run(&format!("{at} apply -auto-approve")).exits(0);
    project
        .run("sandbox reset")
        .exits(75)
        .complains("the sandbox is in use: by `strata sandbox serve` of tester@")
        .complains(&format!("at {} (pid {})", serving.url, serving.child.id()));
    assert_eq!(
        project
            .run(&format!("{at} state list"))
            .exits(0)
            .out
            .lines()
            .count(),
        2
    );
    project.run(&format!("{at} sandbox reset")).exits(0);
    // The world that is served goes on, empty, in the same file.
    project.run(&format!("{at} apply -auto-approve")).exits(0);
    let ledger = project
        .run(&format!("{at} sandbox ledger -json"))
        .exits(0)
        .json();
    let vpcs = ledger["objects"].as_array().unwrap().iter();
    assert_eq!(vpcs.filter(|object| object["type"] == "vpc").count(), 1);
    // Ctrl-C is how a server ends: an exit code, and no word of an error.
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(serving.child.wait().unwrap().code(), Some(130));
    project.run("--sandbox plan -detailed-exitcode").exits(0);
    project.run("sandbox reset").exits(0);
    project
        .run("sandbox reset")
        .exits(0)
        .says("nothing to remove");
}
