//! What only the cluster can tell of a change is told with the plan.

use serde_json::{Value, json};
use strata_control_plane::{ControlPlane, Parts};

use crate::plane::{get, project, project_on, somebody, unique};

const LAYER: &str = "layer:\n  app: { path: ./app }\n";

fn namespace(name: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n")
}

#[test]
fn what_others_have_in_a_namespace_is_told_before_it_goes() {
    let ns = unique("contents");
    let own = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: own, namespace: {ns} }}\ndata: {{ x: \"1\" }}\n"
    );
    let project = project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(&ns)),
        ("app/own.yaml", &own),
        ("app/other.yaml", &namespace(&format!("{ns}-stays"))),
    ]);
    project.run("apply -auto-approve").exits(0);
    let path = |kinds: &str| format!("/api/v1/namespaces/{ns}/{kinds}");
    let remove = || {
        std::fs::remove_file(project.path("app/namespace.yaml")).unwrap();
        std::fs::remove_file(project.path("app/own.yaml")).unwrap();
    };
    remove();
    // What every namespace has, and what the plan deletes, is nothing to tell.
    let permit = format!("plan -allow-delete=layer.app[\"/Namespace//{ns}\"]");
    let quiet = project.run(&permit).exits(0);
    assert!(!quiet.err.contains("W0605"), "{}", quiet.err);
    for (kinds, kind) in [("configmaps", "ConfigMap"), ("secrets", "Secret")] {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "theirs"}});
        somebody("POST", &path(kinds), &object);
    }
    let told = format!(
        "With the Namespace {ns} go 2 objects that the plan does not delete: the ConfigMap theirs in {ns}, the Secret theirs in {ns}."
    );
    for (line, code) in [("plan", 1), (permit.as_str(), 0), ("plan -destroy", 0)] {
        let output = project.run(line).exits(code);
        assert!(
            output.err.contains("W0605") && output.err.replace("\n  ", " ").contains(&told),
            "{line}: {}",
            output.err
        );
        assert_eq!(output.err.contains("E0602"), code == 1, "{line}");
    }
    assert_eq!(get(&path("secrets/theirs"))["metadata"]["name"], "theirs");
}

#[test]
fn what_was_left_alone_or_forgotten_is_told_before_its_namespace_goes() {
    let ns = unique("stays");
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: {ns} }}\n")
    };
    let project = project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(&ns)),
        ("app/kept.yaml", &map("kept")),
        ("app/left.yaml", &map("left")),
    ]);
    project.run("apply -auto-approve").exits(0);
    let told = |text: &str| {
        let output = project.run("plan -destroy").exits(0);
        assert!(
            output.err.contains("W0605") && output.err.replace("\n  ", " ").contains(text),
            "{}",
            output.err
        );
    };
    let path = format!("/api/v1/namespaces/{ns}/configmaps/left");
    let label = json!({"metadata": {"labels": {"strata/owner": "somebody"}}});
    somebody("application/merge-patch+json", &path, &label);
    // It has a step, which will leave it alone.
    told(&format!(
        "With the Namespace {ns} goes an object that the plan does not delete: the ConfigMap left in {ns}."
    ));
    std::fs::remove_file(project.path("app/left.yaml")).unwrap();
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("1 forgotten");
    std::fs::remove_file(project.path("app/kept.yaml")).unwrap();
    project.write(
        "main.strata.yaml",
        "layer:\n  app: { path: ./app, prune: false }\n",
    );
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("1 forgotten");
    told(&format!(
        "With the Namespace {ns} go 2 objects that the plan does not delete: the ConfigMap kept in {ns}, the ConfigMap left in {ns}."
    ));
}

fn definition(group: &str, versions: &[(&str, bool)]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|(name, storage)| {
            json!({
                "name": name, "served": true, "storage": storage,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            })
        })
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadgets.{group}")},
        "spec": {"group": group, "scope": "Cluster", "names": {"kind": "Gadget", "plural": "gadgets"}, "versions": versions},
    })
}

#[test]
fn a_definition_keeps_the_versions_that_are_stored_and_shows_what_goes_with_it() {
    let group = format!("{}.example", unique("gadgets"));
    let project = project(&[("main.strata.yaml", LAYER)]);
    let write = |versions: &[(&str, bool)]| {
        project.write("app/all.yaml", &definition(&group, versions).to_string());
    };
    write(&[("v1beta1", true)]);
    project.run("apply -auto-approve").exits(0);
    let gadget = json!({"apiVersion": format!("{group}/v1beta1"), "kind": "Gadget", "metadata": {"name": "live"}});
    somebody("POST", &format!("/apis/{group}/v1beta1/gadgets"), &gadget);
    write(&[("v1beta1", false), ("v1", true)]);
    project.run("apply -auto-approve").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
    write(&[("v1", true)]);
    let refused = project.run("plan").exits(1);
    assert!(
        refused.err.contains("E0604") && refused.err.contains("v1beta1"),
        "{}",
        refused.err
    );
    // It is stored anew, and says so: then the old version may go.
    let object = format!("/apis/{group}/v1/gadgets/live");
    somebody("PUT", &object, &get(&object));
    somebody(
        "application/merge-patch+json",
        &format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.{group}/status"),
        &json!({"status": {"storedVersions": ["v1"]}}),
    );
    project.run("apply -auto-approve").exits(0);
    let gone = project.run("plan -destroy").exits(0);
    assert!(
        gone.err.contains("W0605") && gone.err.contains("the Gadget live"),
        "{}",
        gone.err
    );
}

#[test]
fn a_group_that_nobody_describes_is_told_and_is_no_absence() {
    let plane = ControlPlane::start(Parts::Api).unwrap();
    let ns = unique("broken");
    let group = "broken.example";
    let object = format!("apiVersion: {group}/v1\nkind: Gadget\nmetadata: {{ name: mine }}\n");
    let project = project_on(
        &plane,
        &[
            ("main.strata.yaml", LAYER),
            ("app/namespace.yaml", &namespace(&ns)),
        ],
    );
    project.run("apply -auto-approve").exits(0);
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": format!("v1.{group}")},
        "spec": {
            "group": group, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": {"name": "nobody", "namespace": ns},
        },
    });
    let mut client = plane.client().unwrap();
    let made = client
        .post("/apis/apiregistration.k8s.io/v1/apiservices", &service)
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    let watch = crate::figures::Watch::start();
    // The server takes a while to list the group.
    let told = loop {
        let plan = project.run("plan -detailed-exitcode").exits(0);
        if plan.err.contains("W0606") || watch.elapsed().as_secs() > 60 {
            break plan.err;
        }
    };
    assert!(told.contains(&format!("{group}/v1")), "{told}");
    project.write("app/gadget.yaml", &object);
    let refused = project.run("plan").exits(0);
    assert!(
        refused.err.contains("W0602") || refused.err.contains("may be one of its kinds"),
        "{}",
        refused.err
    );
}

#[test]
fn a_namespace_that_nobody_makes_is_missed_when_planning() {
    let ns = unique("missing");
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, namespace: {ns} }}\ndata: {{ x: \"1\" }}\n"
    );
    let project = project(&[("main.strata.yaml", LAYER), ("app/a.yaml", &object)]);
    let refused = project.run("apply -auto-approve").exits(1);
    let told = format!("There is no namespace {ns} in the cluster");
    assert!(
        refused.err.contains("E0604") && refused.err.contains(&told),
        "{}",
        refused.err
    );
    project.write(
        "main.strata.yaml",
        "layer:\n  app: { path: ./app, create_namespace: true }\n",
    );
    project.run("plan").exits(0);
    project.write("main.strata.yaml", LAYER);
    project.write("app/namespace.yaml", &namespace(&ns));
    project.run("apply -auto-approve").exits(0);
}

#[test]
fn a_kind_that_only_the_cluster_knows_says_where_its_objects_live() {
    let group = format!("{}.example", unique("places"));
    let mut gadgets = definition(&group, &[("v1", true)]);
    gadgets["spec"]["scope"] = "Namespaced".into();
    somebody(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &gadgets,
    );
    let manifest = json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "mine"}});
    let resource = json!({"resource": {"kubernetes_object": {"mine": {"manifest": manifest}}}});
    let project = project(&[("main.strata.yaml", &resource.to_string())]);
    let watch = crate::figures::Watch::start();
    // The server takes a while to list the kind.
    let refused = loop {
        let plan = project.run("plan");
        if plan.code != 0 || watch.elapsed().as_secs() > 60 {
            break plan.exits(1);
        }
    };
    for words in [
        "E0604",
        "main.strata.yaml line 1",
        "objects of the kind Gadget live in namespaces, and mine names none",
        "Write metadata.namespace.",
    ] {
        assert!(refused.err.contains(words), "{words} in {}", refused.err);
    }
    assert_eq!(refused.err.matches("Error:").count(), 1, "{}", refused.err);
    let placed = resource.to_string().replace(
        "\"name\":\"mine\"",
        "\"name\":\"mine\",\"namespace\":\"default\"",
    );
    project.write("main.strata.yaml", &placed);
    project.run("plan").exits(0);
}

#[test]
fn nothing_is_asked_by_settings_that_are_wrong() {
    let project = project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(&unique("wrong"))),
    ]);
    let wrong = std::fs::read_to_string(project.path("provider.strata.yaml"))
        .unwrap()
        .replace("KUBE_TOKEN", "HOME");
    project.write("provider.strata.yaml", &wrong);
    let refused = project.run("plan").exits(65);
    assert!(refused.err.contains("E0203"), "{}", refused.err);
}

/// A namespace means nothing to a kind without namespaces that only its cluster knows: the object has another address
/// without it, and is the same one.
#[test]
fn an_object_that_gets_another_address_is_not_destroyed_under_the_old_one() {
    let group = format!("{}.example", unique("address"));
    let mut gadgets = definition(&group, &[("v1", true)]);
    gadgets["spec"]["scope"] = "Cluster".into();
    somebody(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &gadgets,
    );
    let gadget = |metadata: Value| {
        json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": metadata})
            .to_string()
    };
    let project = project(&[
        ("main.strata.yaml", "layer:\n  b: { path: ./b }\n"),
        (
            "b/gadget.yaml",
            &gadget(json!({"name": "mine", "namespace": "default"})),
        ),
    ]);
    let watch = crate::figures::Watch::start();
    // The server takes a while to list the kind.
    while project.run("apply -auto-approve").code != 0 {
        assert!(watch.elapsed().as_secs() < 60, "it is never listed");
    }
    let path = format!("/apis/{group}/v1/gadgets/mine");
    let uid = || get(&path)["metadata"]["uid"].clone();
    let before = uid();
    assert!(before.is_string(), "{}", get(&path));
    project.write("b/gadget.yaml", &gadget(json!({"name": "mine"})));
    let planned = project.run("plan").exits(0);
    let told = format!("it is layer.b[\"{group}/Gadget//mine\"] by now");
    assert!(planned.out.contains(&told), "{}", planned.out);
    assert!(planned.out.contains("0 to destroy"), "{}", planned.out);
    project.run("apply -auto-approve").exits(0);
    assert_eq!(uid(), before);
    project.run("plan -detailed-exitcode").exits(0);
}

/// A layer's namespace is for its objects also where another layer, on which it depends, defines their kind.
#[test]
fn a_layers_namespace_is_for_kinds_of_the_layers_before_it() {
    let group = format!("{}.example", unique("before"));
    let mut gadgets = definition(&group, &[("v1", true)]);
    gadgets["spec"]["scope"] = "Namespaced".into();
    let gadget = json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "mine"}});
    let layers = "layer:\n  a: { path: ./a }\n  m: { path: ./m, depends_on: [layer.a] }\n  b: { path: ./b, namespace: default, depends_on: [layer.m] }\n";
    let between = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: MAP, namespace: default }\n";
    let project = project(&[
        ("main.strata.yaml", layers),
        ("a/crd.yaml", &gadgets.to_string()),
        ("m/map.yaml", &between.replace("MAP", &unique("between"))),
        ("b/gadget.yaml", &gadget.to_string()),
    ]);
    let key = format!("layer.b[\"{group}/Gadget/default/mine\"]");
    let planned = project.run("plan").exits(0);
    assert!(planned.out.contains(&key), "{}", planned.out);
    project.run("apply -auto-approve").exits(0);
    let path = format!("/apis/{group}/v1/namespaces/default/gadgets/mine");
    assert_eq!(get(&path)["metadata"]["name"], "mine");
    project.run("plan -detailed-exitcode").exits(0);
    // Nobody says what comes from where.
    let apart = layers.replace("depends_on: [layer.m]", "wait: true");
    project.write("main.strata.yaml", &apart);
    let refused = project.run("validate");
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(
        refused.err.contains("live in namespaces"),
        "{}",
        refused.err
    );
}
