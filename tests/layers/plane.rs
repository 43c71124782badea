//! The control plane of the tests, and projects on it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use strata_control_plane::{ControlPlane, Parts};

use crate::support::Project;

/// One for all tests; each has namespaces of its own.
pub(crate) static PLANE: LazyLock<ControlPlane> =
    LazyLock::new(|| ControlPlane::start(Parts::Controllers).unwrap());

/// Another one, for tests that count all requests.
pub(crate) static QUIET: LazyLock<ControlPlane> =
    LazyLock::new(|| ControlPlane::start(Parts::Controllers).unwrap());

static NAMES: AtomicU32 = AtomicU32::new(0);

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A project of these files whose layers are applied to the control plane by its administrator.
pub(crate) fn project(files: &[(&str, &str)]) -> Project {
    project_on(&PLANE, files)
}

/// A project on another control plane.
pub(crate) fn project_on(plane: &ControlPlane, files: &[(&str, &str)]) -> Project {
    let mut provider = String::from("provider:\n  kubernetes:\n");
    let authority = plane.certificate_authority().unwrap().replace('\n', "\\n");
    provider.push_str(&format!("    host: {}\n", plane.server()));
    provider.push_str(&format!("    cluster_ca_certificate: \"{authority}\"\n"));
    provider.push_str("    token_env: KUBE_TOKEN\n");
    let project = Project::new(files).env("KUBE_TOKEN", &plane.token().unwrap());
    project.write("provider.strata.yaml", &provider);
    project
}

/// A request by an administrator who is not Strata, which must succeed.
pub(crate) fn somebody(method: &str, path: &str, body: &Value) -> Value {
    let mut client = PLANE.client().unwrap();
    let response = match method {
        "GET" => client.get(path),
        "POST" => client.post(path, body),
        "PUT" => client.put(path, body),
        "DELETE" => client.delete(path),
        media_type => client.patch(path, media_type, body),
    };
    let response = response.unwrap();
    assert!(
        response.status < 300,
        "{method} {path}: {} {}",
        response.status,
        response.body
    );
    response.body
}

/// What somebody may see.
pub(crate) fn get(path: &str) -> Value {
    somebody("GET", path, &json!(null))
}

/// How many requests Strata has made of a control plane so far: all, and those that write.
pub(crate) fn requests(plane: &ControlPlane) -> (usize, usize) {
    let audit = plane.audit().unwrap();
    let ours = audit.iter().filter(|entry| {
        let agent = entry["userAgent"].as_str().unwrap_or_default();
        agent.starts_with("strata/")
    });
    let (mut all, mut writes) = (0, 0);
    for entry in ours {
        let verb = entry["verb"].as_str().unwrap_or_default();
        all += 1;
        writes += usize::from(!["get", "list", "watch"].contains(&verb));
    }
    (all, writes)
}
