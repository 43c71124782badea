//! Objects that others published: each is applied, and the next look finds nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use strata_model::Value;
use strata_model::layer::INVENTORY;
use strata_model::provider::{Member, MembersRequest, Observation, Provider as _};
use strata_provider_kubernetes::Kubernetes;

use super::bench::{Bench, Made, QUIET, manifest, writes};

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

/// A module whose files are applied: its version, and the checksum under which Go keeps it.
struct Module {
    name: &'static str,
    version: &'static str,
    sum: &'static str,
}

const FLUX_SOURCES: Module = Module {
    name: "github.com/fluxcd/source-controller",
    version: "v1.7.3",
    sum: "h1:gFfeBiNUgF0kFFGap/rrMeJqz+0Tod0ARENJO8w/UA8=",
};
const FLUX_KUSTOMIZATIONS: Module = Module {
    name: "github.com/fluxcd/kustomize-controller",
    version: "v1.7.3",
    sum: "h1:SzNnGn/4ObAPEHHleM5U7y/AKxKXph3Vj6ZhteeXw8M=",
};
const ARGO_CD: Module = Module {
    name: "github.com/argoproj/argo-cd/v3",
    version: "v3.5.1",
    sum: "h1:jtwPLEFX9mNj3jSq88ugFcScGnOZVs2DWaXFuZxrRT8=",
};

/// The answer of the `go` command, which must succeed.
fn go(arguments: &[&str], directory: &Path) -> String {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(directory);
    // Checksums are compared here.
    command.env("GONOSUMDB", "*").env("GOFLAGS", "-mod=mod");
    let output = command
        .output()
        .expect("go is there; install it with: apt-get install golang-go");
    assert!(
        output.status.success(),
        "go {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The directory of Kubernetes' own module, in the version that the control plane is built from.
fn kubernetes() -> PathBuf {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/control_plane/kubernetes");
    let path = go(&["mod", "download", "-json", "k8s.io/kubernetes"], &recipe);
    directory(&path).0
}

/// The directory of a module, which is downloaded where it is not there yet.
fn module(module: &Module) -> PathBuf {
    let empty = tempfile::tempdir().unwrap();
    let named = format!("{}@{}", module.name, module.version);
    let (path, sum) = directory(&go(&["mod", "download", "-json", &named], empty.path()));
    assert_eq!(sum, module.sum, "{named}");
    path
}

fn directory(answer: &str) -> (PathBuf, String) {
    let answer: Json = serde_json::from_str(answer).unwrap();
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    (PathBuf::from(text("Dir")), text("Sum"))
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    if below.is_file() {
        return found.push(below.to_owned());
    }
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
            definitions: &[],
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
    // An inventory is of a whole layer; here each file is one.
    all.remove(INVENTORY);
    let mut members: Vec<Member> = all.into_values().collect();
    members.sort_by_key(|member| member.stage);
    (members, left_out)
}

/// What a run over a set of objects led to.
#[derive(Default)]
struct Run {
    made: Vec<(Made, Value)>,
    /// What the server refused, and why.
    refused: BTreeMap<String, String>,
    left_out: BTreeMap<String, String>,
}

impl Run {
    /// Applies the objects of a directory, those that others need first.
    async fn apply(&mut self, bench: &Bench, (root, below): (&Path, &str), namespace: &str) {
        let (members, left_out) = members(root, below, namespace);
        self.left_out.extend(left_out);
        for member in members {
            let is_definition = member.key.starts_with("apiextensions.k8s.io/");
            let given = [
                ("manifest", member.manifest.clone()),
                // Pods do not come up here: there are no images.
                ("wait", is_definition.into()),
                ("create_namespace", true.into()),
                ("conflicts", "take".into()),
            ];
            let config = bench.config("kubernetes_object", &given);
            let faults = bench.faults(&config);
            match bench.create("kubernetes_object", &config).await {
                Ok(made) => {
                    assert!(
                        faults.is_empty(),
                        "{} is refused, and the server takes it: {faults:?}",
                        member.key
                    );
                    self.made.push((made, config));
                }
                Err(error) => {
                    self.refused
                        .insert(member.key.to_string(), error.to_string());
                }
            }
        }
    }

    /// Looks at everything once more: nothing is to be done, and nothing was written.
    async fn is_settled(&self, bench: &Bench) {
        let before = writes(&QUIET, "");
        let objects: Vec<Made> = self.made.iter().map(|(made, _)| made.clone()).collect();
        let observed = bench.refresh(&objects).await;
        let mut unsettled = Vec::new();
        for ((made, config), seen) in self.made.iter().zip(observed) {
            let Observation::Present(seen) = seen else {
                unsettled.push(format!("{}: {seen:?}", made.id));
                continue;
            };
            let seen = Made {
                attributes: seen.attributes,
                ..made.clone()
            };
            if !bench.is_settled(&seen, config) {
                let (is, wanted) = (manifest(&seen), manifest(made));
                let managers = seen.attributes.get("managers");
                unsettled.push(format!(
                    "{}\n  is     {is}\n  wanted {wanted}\n  by {managers:?}",
                    made.id
                ));
            }
        }
        assert!(unsettled.is_empty(), "{}", unsettled.join("\n"));
        assert_eq!(writes(&QUIET, ""), before);
    }

    /// Refusals are those that are expected, and nothing else.
    fn refused_only(&self, expected: &[(&str, &str)]) {
        let unexpected: Vec<_> = self
            .refused
            .iter()
            .filter(|(what, why)| {
                !expected
                    .iter()
                    .any(|(key, reason)| key == what && why.contains(reason))
            })
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        assert_eq!(self.refused.len(), expected.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_published_is_settled_after_one_run() {
    let (bench, root, mut run) = (
        Bench::on(&QUIET, "KUBE_TOKEN"),
        kubernetes(),
        Run::default(),
    );
    for below in ["cluster/addons", "test/e2e/testing-manifests"] {
        run.apply(&bench, (&root, below), "default").await;
    }
    assert!(run.made.len() > 200, "{}", run.made.len());
    let no_objects: Vec<&str> = run
        .left_out
        .iter()
        .filter(|(_, why)| *why != "a template")
        .map(|(what, _)| what.as_str())
        .collect();
    assert_eq!(no_objects, NO_OBJECTS);
    for from in [FLUX_SOURCES, FLUX_KUSTOMIZATIONS] {
        let root = module(&from);
        for below in ["config/crd/bases", "config/manager", "config/rbac"] {
            run.apply(&bench, (&root, below), "flux-system").await;
        }
    }
    run.apply(
        &bench,
        (&module(&ARGO_CD), "manifests/install.yaml"),
        "argocd",
    )
    .await;
    assert!(run.made.len() > 270, "{}", run.made.len());
    run.refused_only(&REFUSED);
    run.is_settled(&bench).await;
}
