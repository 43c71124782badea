//! Objects that others published: each is applied, and the next look finds nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strata_model::provider::{Member, MembersRequest, Provider as _};
use strata_provider_kubernetes::Kubernetes;

use super::bench::{Bench, Made, writes};

/// Objects that no server takes, and what it says.
const REFUSED: [(&str, &str); 7] = [
    (
        "/Service/default/netexec",
        ".spec.Type: field not declared in schema",
    ),
    (
        "apps/DaemonSet/kube-system/node-problem-detector",
        "nodeSelectors: field not declared in schema",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding//backup-app-cluster-role-binding",
        "subjects[0].namespace: Required value",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding//csi-gce-pd-controller-attacher-binding",
        "subjects[0].namespace: Required value",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding//csi-gce-pd-controller-provisioner-binding",
        "subjects[0].namespace: Required value",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding//csi-gce-pd-controller-snapshotter-binding",
        "subjects[0].namespace: Required value",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding//csi-gce-pd-resizer-binding",
        "subjects[0].namespace: Required value",
    ),
];

/// Files that hold configuration of programs, in the form of objects.
const NO_OBJECTS: [&str; 3] = [
    "test/e2e/testing-manifests/auth/encrypt/encryption-config.yaml",
    "test/e2e/testing-manifests/auth/encrypt/kind.yaml",
    "test/e2e/testing-manifests/auth/encrypt/softhsm-config.json",
];

/// The directory of a Go module in the cache of modules.
fn module(name: &str) -> PathBuf {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/control_plane/kubernetes");
    let output = Command::new("go")
        .args(["list", "-m", "-f", "{{.Dir}}", name])
        .current_dir(recipe)
        .output()
        .expect("go is there; install it with: apt-get install golang-go");
    let path = String::from_utf8(output.stdout).unwrap();
    let path = path.trim();
    assert!(
        !path.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(path)
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(below)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "json")
        {
            found.push(path);
        }
    }
}

/// Why a file is not read.
fn excluded(path: &str, text: &str) -> Option<&'static str> {
    let has = |part: &str| text.contains(part);
    if has("{{") || has("__PILLAR__") || has("$(") && has("__") {
        return Some("a template");
    }
    if path.ends_with("kustomization.yaml") || has("kustomize.config.k8s.io") {
        return Some("for kustomize");
    }
    None
}

/// The objects of all files below a directory of a module, each once, with the files that are left out.
fn members(root: &Path, below: &str, namespace: &str) -> (Vec<Member>, BTreeMap<String, String>) {
    let mut paths = Vec::new();
    files(&root.join(below), &mut paths);
    let mut all: BTreeMap<String, Member> = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    for path in paths {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).unwrap();
        if let Some(reason) = excluded(&name, &text) {
            left_out.insert(name, reason.to_owned());
            continue;
        }
        let file = [(name.as_str().into(), text.as_str().into())];
        let request = MembersRequest {
            files: &file,
            namespace: Some(namespace),
            template: false,
        };
        match Kubernetes::new().members(request) {
            Ok(members) => all.extend(
                members
                    .into_iter()
                    .map(|member| (member.key.to_string(), member)),
            ),
            Err(faults) => {
                let faults: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
                left_out.insert(name, faults.join(" "));
            }
        }
    }
    let mut members: Vec<Member> = all.into_values().collect();
    members.sort_by_key(|member| member.stage);
    (members, left_out)
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_own_objects_are_settled_after_one_run() {
    let root = module("k8s.io/kubernetes");
    let bench = Bench::new();
    let (mut made, mut refused) = (Vec::new(), BTreeMap::new());
    let (mut left_out, mut misjudged) = (BTreeMap::new(), Vec::new());
    for below in ["cluster/addons", "test/e2e/testing-manifests"] {
        let (members, others) = members(&root, below, "default");
        left_out.extend(others);
        for member in members {
            let given = [
                ("manifest", member.manifest.clone()),
                ("wait", false.into()),
                ("create_namespace", true.into()),
                ("conflicts", "take".into()),
            ];
            let config = bench.config("kubernetes_object", &given);
            let faults = bench.faults(&config);
            match bench.create("kubernetes_object", &config).await {
                Ok(object) => {
                    if !faults.is_empty() {
                        misjudged.push(format!("{}: {faults:?}", member.key));
                    }
                    made.push((object, config));
                }
                Err(error) => {
                    refused.insert(member.key.to_string(), error.to_string());
                }
            }
        }
    }
    let before = writes("");
    let objects: Vec<Made> = made.iter().map(|(made, _)| made.clone()).collect();
    let observed = bench.refresh(&objects).await;
    let mut unsettled = Vec::new();
    for ((object, config), seen) in made.iter().zip(observed) {
        let strata_model::provider::Observation::Present(seen) = seen else {
            unsettled.push(format!("{}: {seen:?}", object.id));
            continue;
        };
        let seen = Made {
            attributes: seen.attributes,
            ..object.clone()
        };
        if !bench.is_settled(&seen, config) {
            unsettled.push(format!(
                "{}\n  is     {}\n  wanted {}\n  by {:?}",
                object.id,
                super::bench::manifest(&seen),
                super::bench::manifest(object),
                seen.attributes.get("managers"),
            ));
        }
    }
    let refused: Vec<(&str, bool)> = refused
        .iter()
        .map(|(what, why)| {
            (
                what.as_str(),
                REFUSED
                    .iter()
                    .any(|(key, reason)| key == what && why.contains(reason)),
            )
        })
        .collect();
    assert!(refused.iter().all(|(_, expected)| *expected), "{refused:?}");
    assert_eq!(refused.len(), REFUSED.len());
    let no_objects: Vec<&str> = left_out
        .iter()
        .filter(|(_, why)| *why != "a template")
        .map(|(what, _)| what.as_str())
        .collect();
    assert_eq!(no_objects, NO_OBJECTS);
    assert!(misjudged.is_empty(), "{}", misjudged.join("\n"));
    assert!(unsettled.is_empty(), "{}", unsettled.join("\n"));
    assert_eq!(writes(""), before);
    assert!(made.len() > 150, "{}", made.len());
}
