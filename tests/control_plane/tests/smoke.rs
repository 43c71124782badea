//! The control plane itself: that it is real, and that nothing of it is left.

#![expect(
    clippy::unwrap_used,
    reason = "what the test is made of is in no function marked as a test, where unwrap is allowed"
)]

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use strata_control_plane::{ControlPlane, Parts};

/// Makes this test start a control plane and hold it until it is killed.
const HOLD: &str = "STRATA_TESTS_HOLD_CONTROL_PLANE";

/// Asks until the answer is right; a machine under load is slow.
fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    for _ in 0..600 {
        if ask() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: not within a minute");
}

/// How many processes were given the directory as an argument.
fn processes_of(directory: &Path) -> usize {
    let name = directory.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    arguments
        .filter(|arguments| String::from_utf8_lossy(arguments).contains(name))
        .count()
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

#[test]
fn workloads_run_and_nothing_is_left() {
    let plane = ControlPlane::start(Parts::Controllers).unwrap();
    let mut client = plane.client().unwrap();
    let version = client.get("/version").unwrap().expect(200).unwrap();
    assert_eq!(version["gitVersion"], "v1.36.4");

    let namespace = plane.namespace("smoke").unwrap();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    client
        .post(&path, &deployment())
        .unwrap()
        .expect(201)
        .unwrap();
    eventually("both replicas are available", || {
        let live = client
            .get(&format!("{path}/web"))
            .unwrap()
            .expect(200)
            .unwrap();
        live["status"]["availableReplicas"] == 2
    });

    assert_eq!(plane.reader().unwrap().get(&path).unwrap().status, 403);
    let kubectl = plane
        .kubectl()
        .args(["get", "nodes", "-o", "name"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&kubectl.stdout),
        "node/node-1\n",
        "{kubectl:?}"
    );

    let asked = plane.audit().unwrap();
    let created = asked
        .iter()
        .find(|event| event["verb"] == "create" && event["objectRef"]["resource"] == "deployments");
    assert_eq!(created.unwrap()["requestObject"]["metadata"]["name"], "web");

    let directory = plane.kubeconfig().parent().unwrap().to_owned();
    drop(plane);
    assert!(!directory.exists());
    assert!(client.get("/version").is_err());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own setting, which nothing in the product reads"
)]
fn nothing_is_left_of_a_killed_test() {
    if env::var_os(HOLD).is_some() {
        let plane = ControlPlane::start(Parts::Api).unwrap();
        let held = format!("\nheld {}\n", plane.kubeconfig().display());
        io::stdout().write_all(held.as_bytes()).unwrap();
        thread::sleep(Duration::from_secs(600));
        return;
    }
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_of_a_killed_test"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let held = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("held ").map(PathBuf::from))
        .expect("the control plane has started");
    let directory = held.parent().unwrap();
    assert!(held.exists() && processes_of(directory) > 2);
    holder.kill().unwrap();
    holder.wait().unwrap();
    eventually("no process and no file is left", || {
        processes_of(directory) == 0 && !directory.exists()
    });
}
