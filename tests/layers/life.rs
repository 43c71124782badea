//! What becomes of objects when manifests change.

use serde_json::json;

use crate::plane::{PLANE, get, project, somebody, unique};
use crate::support::Project;

const LAYER: &str = "layer:\n  app: { path: ./app }\n";

fn config_map(namespace: &str, name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: {namespace} }}\ndata: {{ x: \"{value}\" }}\n"
    )
}

fn namespace(name: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n")
}

fn status(path: &str) -> u16 {
    PLANE.client().unwrap().get(path).unwrap().status
}

fn one(name: &str) -> (String, Project) {
    let ns = unique(name);
    let project = project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(&ns)),
        ("app/a.yaml", &config_map(&ns, "a", "1")),
        ("app/b.yaml", &config_map(&ns, "b", "1")),
    ]);
    (ns, project)
}

#[test]
fn what_leaves_a_layer_is_pruned_and_nothing_else() {
    let (ns, project) = one("prune");
    project.run("apply -auto-approve").exits(0);
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign"}});
    somebody(
        "POST",
        &format!("/api/v1/namespaces/{ns}/configmaps"),
        &foreign,
    );
    std::fs::remove_file(project.path("app/b.yaml")).unwrap();
    project
        .run("plan")
        .exits(0)
        .says(&format!(
            "layer.app[\"/ConfigMap/{ns}/b\"] will be destroyed"
        ))
        .says("1 to change, 1 to destroy");
    project.run("apply -auto-approve").exits(0);
    let path = |name: &str| format!("/api/v1/namespaces/{ns}/configmaps/{name}");
    assert_eq!(
        (
            status(&path("a")),
            status(&path("b")),
            status(&path("foreign"))
        ),
        (200, 404, 200)
    );
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_namespace_goes_only_with_permission() {
    let (ns, project) = one("protected");
    project.run("apply -auto-approve").exits(0);
    std::fs::remove_file(project.path("app/namespace.yaml")).unwrap();
    let refused = project.run("apply -auto-approve").exits(1);
    assert!(refused.err.contains("holds data"), "{}", refused.err);
    let path = format!("/api/v1/namespaces/{ns}");
    assert_eq!(status(&path), 200);
}

#[test]
fn an_object_moves_between_layers_without_being_touched() {
    let ns = unique("move");
    let layers =
        "layer:\n  one: { path: ./one }\n  two: { path: ./two, depends_on: [layer.one] }\n";
    let project = project(&[
        ("main.strata.yaml", layers),
        ("one/namespace.yaml", &namespace(&ns)),
        ("one/a.yaml", &config_map(&ns, "a", "1")),
        ("two/b.yaml", &config_map(&ns, "b", "1")),
    ]);
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a");
    let before = get(&path);
    std::fs::rename(project.path("one/a.yaml"), project.path("two/a.yaml")).unwrap();
    let plan = project.run("plan").exits(0).says("0 to destroy");
    assert!(plan.out.contains("(moved from layer.one["), "{}", plan.out);
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 destroyed");
    let after = get(&path);
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_ne!(
        before["metadata"]["labels"]["strata/owner"],
        after["metadata"]["labels"]["strata/owner"]
    );
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn an_object_tells_its_place_and_what_it_waits_for() {
    let (ns, project) = one("explained");
    let address = format!("layer.app[\"/ConfigMap/{ns}/a\"]");
    project
        .run(&format!("explain {address}"))
        .exits(0)
        .says("kind = ConfigMap of v1  (app/a.yaml:1)")
        .says("layer = layer.app  (main.strata.yaml:2)")
        .says("stage = 2 of 5\n      waits for stages 0 to 1 of layer.app\n")
        .says("manifest.data = { x = \"1\" }");
    project.run("explain layer.app").exits(0).says(&format!(
        "layer.app[\"/Namespace//{ns}\"]  (app/namespace.yaml:1)"
    ));
    let missing = project
        .run("explain layer.app[\"/ConfigMap//none\"]")
        .exits(1);
    assert!(
        missing.err.contains("layer.app has 4 objects"),
        "{}",
        missing.err
    );
}

#[test]
fn a_kind_that_the_cluster_does_not_have_is_answered_at_once() {
    let data = "data:\n  kubernetes_object:\n    none: { api_version: none.example/v1, kind: Widget, name: a }\n";
    let project = project(&[("main.strata.yaml", data)]);
    let refused = project.run("plan").exits(1);
    let text = "the cluster serves no Widget of none.example/v1";
    assert!(refused.err.contains(text), "{}", refused.err);
    assert!(!refused.err.contains("Asking again"), "{}", refused.err);
}

#[test]
fn what_is_somebody_elses_by_now_is_left_alone() {
    let (ns, project) = one("left");
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/b");
    let label = json!({"metadata": {"labels": {"strata/owner": "somebody"}}});
    somebody("application/merge-patch+json", &path, &label);
    std::fs::remove_file(project.path("app/b.yaml")).unwrap();
    // The plan says what apply will do.
    project
        .run("plan")
        .exits(0)
        .says("will no longer be managed by Strata, but will not be destroyed")
        .says("# (left alone: it")
        .says("0 to destroy");
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 destroyed, 1 forgotten");
    assert_eq!(status(&path), 200);
    project.run("plan -detailed-exitcode").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a");
    let nobody = json!({"metadata": {"labels": {"strata/owner": null}}});
    somebody("application/merge-patch+json", &path, &nobody);
    project
        .run("plan -destroy")
        .exits(0)
        .says("# (left alone: it has no label strata/owner any more)");
    somebody("application/merge-patch+json", &path, &label);
    project
        .run("destroy -auto-approve")
        .exits(0)
        .says("Destroy complete! Resources: 2 destroyed, 1 forgotten.");
}

#[test]
fn a_new_field_that_somebody_else_holds_is_told_of_before_anything_is_done() {
    let (ns, project) = one("held");
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/b");
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"z": "theirs"}});
    let apply = "application/apply-patch+yaml";
    somebody(apply, &format!("{path}?fieldManager=flux"), &theirs);
    let ours = config_map(&ns, "b", "1").replace("\" }\n", "\", z: ours }\n");
    project.write("app/b.yaml", &ours);
    let refused = project.run("plan").exits(1);
    let told = ".data.z is held by flux";
    assert!(refused.err.contains("E0604"), "{}", refused.err);
    assert!(
        refused.err.replace("\n  ", " ").contains(told),
        "{}",
        refused.err
    );
    assert_eq!(get(&path)["data"]["z"], "theirs");
}

#[test]
fn what_cannot_change_is_replaced_unless_it_is_somebody_elses() {
    let (ns, project) = one("swap");
    let path = format!("/api/v1/namespaces/{ns}/configmaps");
    somebody(
        "POST",
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
    );
    let fixed = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "immutable": true, "data": {"x": "0"},
    });
    somebody("POST", &path, &fixed);
    let immutable = |value: &str| format!("{}immutable: true\n", config_map(&ns, "b", value));
    project.write("app/b.yaml", &immutable("1"));
    // An import writes no label, and what it takes over goes all the same where that was approved.
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("2 imported");
    assert_eq!(get(&format!("{path}/b"))["data"]["x"], "1");
    project.run("plan -detailed-exitcode").exits(0);
    // A later object may go in the same run.
    std::fs::remove_file(project.path("app/a.yaml")).unwrap();
    project.write("app/b.yaml", &immutable("2"));
    project.run("apply -auto-approve").exits(0);
    let label = json!({"metadata": {"labels": {"strata/owner": "somebody"}}});
    let merge = "application/merge-patch+json";
    somebody(merge, &format!("{path}/b"), &label);
    project.write("app/b.yaml", &immutable("3"));
    let refused = project.run("apply -auto-approve").exits(1);
    let told = "somebody has changed its label strata/owner";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert_eq!(get(&format!("{path}/b"))["data"]["x"], "2");
}

#[test]
fn a_data_source_needs_a_name() {
    let data = "data:\n  kubernetes_object:\n    all: { api_version: v1, kind: Secret, namespace: default, name: \"\" }\n";
    let project = project(&[("main.strata.yaml", data)]);
    let refused = project.run("validate").exits(65);
    assert!(refused.err.contains("must not be empty"), "{}", refused.err);
}

#[test]
fn what_kubectl_made_is_adopted() {
    let (ns, project) = one("adopt");
    somebody(
        "POST",
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
    );
    let applied = PLANE
        .kubectl()
        .args(["apply", "-f", project.path("app/a.yaml").to_str().unwrap()])
        .output()
        .unwrap();
    assert!(applied.status.success());
    let plan = project.run("plan").exits(0);
    assert!(plan.out.contains("2 to import, 2 to add"), "{}", plan.out);
    project.run("apply -auto-approve").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
    project.run("destroy -auto-approve").exits(0);
    assert_eq!(status(&format!("/api/v1/namespaces/{ns}")), 404);
}

#[test]
fn an_imported_job_is_not_made_anew() {
    let ns = unique("imported");
    somebody(
        "POST",
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
    );
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": ns},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "main", "image": "example.invalid/none:1"}]}}},
    });
    let path = format!("/apis/batch/v1/namespaces/{ns}/jobs");
    somebody("POST", &path, &job);
    // The parts of an id may come in any order.
    let id = format!("kind=Job,apiVersion=batch/v1,namespace={ns},name=once");
    let main = json!({
        "resource": {"kubernetes_object": {"once": {"manifest": job, "wait": false}}},
        "import": [{"to": "kubernetes_object.once", "id": id}],
    });
    let project = project(&[("main.strata.yaml", &main.to_string())]);
    let plan = project.run("plan").exits(0);
    assert!(
        plan.out
            .contains("1 to import, 0 to add, 1 to change, 0 to destroy."),
        "{}",
        plan.out
    );
    let path = format!("{path}/once");
    let before = get(&path);
    project.run("apply -auto-approve").exits(0);
    assert_eq!(get(&path)["metadata"]["uid"], before["metadata"]["uid"]);
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_kubectl_made_otherwise_is_taken_over() {
    let (ns, project) = one("other");
    somebody(
        "POST",
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
    );
    let created = PLANE
        .kubectl()
        .args([
            "create",
            "configmap",
            "a",
            "-n",
            &ns,
            "--from-literal=x=theirs",
        ])
        .output()
        .unwrap();
    assert!(created.status.success());
    project.run("plan").exits(0).says("\"theirs\" -> \"1\"");
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a");
    assert_eq!(get(&path)["data"], json!({"x": "1"}));
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_somebody_edits_is_drift_and_put_right() {
    let (ns, project) = one("edited");
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a?fieldManager=kubectl-edit");
    let merge = "application/merge-patch+json";
    somebody(merge, &path, &json!({"data": {"x": "theirs"}}));
    // What changed is shown, once, and nothing else of the object.
    let drift = project.run("drift").exits(2).says("\"1\" -> \"theirs\"");
    assert_eq!(drift.out.matches("theirs").count(), 1, "{}", drift.out);
    assert!(!drift.out.contains("\"ConfigMap\""), "{}", drift.out);
    project.run("plan").exits(0).says("\"theirs\" -> \"1\"");
    project.run("apply -auto-approve").exits(0);
    project.run("drift").exits(0);
    // A field that is nobody's wish is nobody's drift.
    somebody(merge, &path, &json!({"data": {"other": "theirs"}}));
    project.run("drift").exits(0);
}

#[test]
fn secrets_are_in_no_file_and_no_output() {
    const CANARY: &str = "c4n4ry-value-of-a-secret";
    let ns = unique("canary");
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: a, namespace: {ns} }}\nstringData: {{ password: \"${{var.secret}}\" }}\n\
         ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, namespace: {ns} }}\ndata: {{ copy: \"it is ${{var.secret}}\" }}\n"
    );
    let main = "variable:\n  secret: { type: string, sensitive: true }\nlayer:\n  app: { path: ./app, template: true }\n";
    let project = project(&[
        ("main.strata.yaml", main),
        ("app/namespace.yaml", &namespace(&ns)),
        ("app/a.yaml", &manifest),
    ])
    .env("STRATA_VAR_secret", CANARY)
    .env("STRATA_LOG", "trace")
    .env("STRATA_LOG_PATH", "log.txt");
    let encoded = "YzRuNHJ5LXZhbHVlLW9mLWEtc2VjcmV0";
    let mut shown = String::new();
    for line in [
        "render",
        "plan -out=plan.bin",
        "show -json plan.bin",
        "apply plan.bin",
        "plan -detailed-exitcode",
        "show",
        "show -json",
        "drift",
    ] {
        let output = project.run(line).exits(0);
        shown.push_str(&output.out);
        shown.push_str(&output.err);
    }
    let secret = get(&format!("/api/v1/namespaces/{ns}/secrets/a"));
    assert_eq!(secret["data"]["password"], encoded);
    assert_eq!(
        get(&format!("/api/v1/namespaces/{ns}/configmaps/a"))["data"]["copy"],
        format!("it is {CANARY}")
    );
    assert!(
        !shown.contains(CANARY) && !shown.contains(encoded),
        "{shown}"
    );
    let mut files = vec![project.path("."), project.path(".strata")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(
            !text.contains(CANARY) && !text.contains(encoded),
            "{}",
            path.display()
        );
    }
}

/// Passes connections on to the control plane until it is dropped.
struct Relay {
    port: u16,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Relay {
    fn start() -> Self {
        use std::net::{TcpListener, TcpStream};
        use std::sync::atomic::Ordering;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = stop.clone();
        let server = PLANE.server().replace("https://", "");
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let server = TcpStream::connect(&server).unwrap();
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server, client),
                ] {
                    std::thread::spawn(move || {
                        // Either side may hang up.
                        drop(std::io::copy(&mut from, &mut to));
                        drop(to.shutdown(std::net::Shutdown::Write));
                    });
                }
            }
        });
        Relay { port, stop }
    }

    fn stop(&self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        // The listener is waiting for one more.
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
    }
}

#[test]
fn a_cluster_that_cannot_be_reached_is_put_off() {
    let (ns, project) = one("unreached");
    let relay = Relay::start();
    let text = std::fs::read_to_string(project.path("provider.strata.yaml")).unwrap();
    let through = text.replace(
        &PLANE.server(),
        &format!("https://127.0.0.1:{}", relay.port),
    );
    project.write("provider.strata.yaml", &through);
    project.write(
        "other.strata.yaml",
        "resource:\n  strata_data:\n    other: { input: first }\n",
    );
    project.run("apply -auto-approve").exits(0);
    relay.stop();
    project.write("app/b.yaml", &config_map(&ns, "b", "2"));
    project.write(
        "other.strata.yaml",
        "resource:\n  strata_data:\n    other: { input: second }\n",
    );
    let plan = project.run("plan").exits(0).says("strata_data.other");
    assert!(
        plan.err.contains("cannot be reached"),
        "{}{}",
        plan.out,
        plan.err
    );
    assert!(!plan.out.contains("ConfigMap"), "{}", plan.out);
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("Apply complete, but 4 objects are put off: run it again when all clusters can be reached. Resources: 0 added, 1 changed, 0 destroyed.");
}

#[test]
fn a_stateful_set_is_made_anew_only_when_that_is_allowed() {
    let ns = unique("set");
    let set = |service: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{ name: db, namespace: {ns} }}\nspec:\n  serviceName: {service}\n  selector: {{ matchLabels: {{ app: db }} }}\n  template:\n    metadata: {{ labels: {{ app: db }} }}\n    spec:\n      containers: [{{ name: main, image: \"example.invalid/none:1\" }}]\n"
        )
    };
    let project = project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(&ns)),
        ("app/set.yaml", &set("one")),
    ]);
    project.run("apply -auto-approve").exits(0);
    let pod = format!("/api/v1/namespaces/{ns}/pods/db-0");
    let path = format!("/apis/apps/v1/namespaces/{ns}/statefulsets/db");
    let before = (get(&pod), get(&path));
    project.write("app/set.yaml", &set("two"));
    let address = format!("layer.app[\"apps/StatefulSet/{ns}/db\"]");
    let refused = project.run("apply -auto-approve").exits(1);
    for part in [
        "Replacement needs permission",
        "its pods and their claims stay",
        &format!("-allow-delete='{address}'"),
    ] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    let allow = format!("-allow-delete={address}");
    project
        .run_words(&["apply", "-auto-approve", &allow])
        .exits(0);
    let after = (get(&pod), get(&path));
    let uid = |object: &serde_json::Value| object["metadata"]["uid"].clone();
    assert_eq!(uid(&before.0), uid(&after.0));
    assert_ne!(uid(&before.1), uid(&after.1));
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_is_rendered_is_what_is_sent() {
    let (ns, project) = one("rendered");
    let before = project.run("render").exits(0);
    assert!(
        before.out.contains("strata/owner: (known after apply)"),
        "{}",
        before.out
    );
    project.run("apply -auto-approve").exits(0);
    let live = get(&format!("/api/v1/namespaces/{ns}/configmaps/a"));
    let owner = live["metadata"]["labels"]["strata/owner"].as_str().unwrap();
    let rendered = project.run("render").exits(0);
    for part in [
        owner,
        &format!("name: strata-{owner}"),
        "namespace: strata-system",
    ] {
        assert!(rendered.out.contains(part), "{}", rendered.out);
    }
    // Another tool would change nothing of what is there.
    let path = project.path("rendered.yaml");
    std::fs::write(&path, &rendered.out).unwrap();
    let compared = PLANE
        .kubectl()
        .args(["diff", "--server-side", "--field-manager=strata", "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(compared.status.success(), "{compared:?}");
}
