//! Whose an object is: plans say what becomes of those that are somebody else's, and apply does that.

use serde_json::json;

use crate::plane::{PLANE, get, project, somebody, unique};
use crate::support::Project;

const LAYER: &str = "layer:\n  app: { path: ./app }\n";
const MERGE: &str = "application/merge-patch+json";

fn namespace(name: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n")
}

fn config_map(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: {namespace} }}\ndata: {{ x: \"1\" }}\n"
    )
}

fn status(path: &str) -> u16 {
    PLANE.client().unwrap().get(path).unwrap().status
}

/// Takes the label of its owner from an object.
fn unlabel(path: &str) {
    let none = json!({"metadata": {"labels": {"strata/owner": null}}});
    somebody(MERGE, path, &none);
}

fn one(ns: &str) -> Project {
    project(&[
        ("main.strata.yaml", LAYER),
        ("app/namespace.yaml", &namespace(ns)),
        ("app/a.yaml", &config_map(ns, "a")),
    ])
}

#[test]
fn two_projects_do_not_take_an_object_from_each_other_unasked() {
    let ns = unique("twice");
    let (first, second) = (one(&ns), one(&ns));
    let take = |project: &Project, take: bool| {
        let taking = LAYER.replace("./app }", "./app, conflicts: take }");
        let layer = if take { taking.as_str() } else { LAYER };
        project.write("main.strata.yaml", layer);
    };
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a");
    let label = || get(&path)["metadata"]["labels"]["strata/owner"].clone();
    let refused = |project: &Project, told: &str| {
        let refused = project.run("apply -auto-approve").exits(1);
        assert!(refused.err.contains("E0604"), "{}", refused.err);
        let text = refused.err.replace("\n  ", " ");
        assert!(text.contains(told), "{}", refused.err);
    };
    first.run("apply -auto-approve").exits(0);
    let owner = label();
    refused(&second, "already, and it belongs to another Strata project");
    take(&second, true);
    second
        .run("apply -auto-approve")
        .exits(0)
        .says("2 imported");
    assert_ne!(label(), owner);
    refused(&first, "belongs to another Strata project or layer by now");
    assert_ne!(label(), owner);
    // The plan of its end says that it stays.
    first
        .run("plan -destroy")
        .exits(0)
        .says("# (left alone: it belongs to another Strata project");
    take(&first, true);
    first.run("apply -auto-approve").exits(0);
    assert_eq!(label(), owner);
    first.run("plan -detailed-exitcode").exits(0);
    take(&second, false);
    refused(&second, "belongs to another Strata project or layer by now");
    second
        .run("destroy -auto-approve")
        .exits(0)
        .says("1 destroyed, 2 forgotten");
    assert_eq!(label(), owner);
}

#[test]
fn what_was_made_anew_is_taken_over_or_left_alone() {
    let ns = unique("anew");
    let project = one(&ns);
    project.run("apply -auto-approve").exits(0);
    let paths = format!("/api/v1/namespaces/{ns}/configmaps");
    let path = format!("{paths}/a");
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}});
    somebody("DELETE", &path, &json!(null));
    let made = somebody("POST", &paths, &theirs);
    let alone = "# (left alone: it is another object of that name";
    project.run("plan -destroy").exits(0).says(alone);
    project.run("plan").exits(0).says("1 to change");
    project.run("apply -auto-approve").exits(0);
    let live = get(&path);
    assert_eq!(live["metadata"]["uid"], made["metadata"]["uid"]);
    assert!(live["metadata"]["labels"]["strata/owner"].is_string());
    project.run("plan -detailed-exitcode").exits(0);
    somebody("DELETE", &path, &json!(null));
    somebody("POST", &paths, &theirs);
    std::fs::remove_file(project.path("app/a.yaml")).unwrap();
    project.run("plan").exits(0).says(alone);
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 destroyed, 1 forgotten");
    assert_eq!(status(&path), 200);
}

#[test]
fn a_lost_label_of_a_bare_object_is_missed_and_keeps_it() {
    let ns = unique("bare");
    let project = one(&ns);
    let account =
        format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: b, namespace: {ns} }}\n");
    project.write("app/b.yaml", &account);
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/serviceaccounts/b");
    unlabel(&path);
    project.run("plan").exits(0).says("1 to change");
    project.run("apply -auto-approve").exits(0);
    assert!(get(&path)["metadata"]["labels"]["strata/owner"].is_string());
    project.run("plan -detailed-exitcode").exits(0);
    unlabel(&path);
    std::fs::remove_file(project.path("app/b.yaml")).unwrap();
    project
        .run("plan")
        .exits(0)
        .says("# (left alone: it has no label strata/owner any more)");
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 destroyed, 1 forgotten");
    assert_eq!(status(&path), 200);
}

#[test]
fn a_lost_label_of_an_inventory_is_drift_and_keeps_it() {
    let ns = unique("listed");
    let project = one(&ns);
    project.run("apply -auto-approve").exits(0);
    let live = get(&format!("/api/v1/namespaces/{ns}"));
    let owner = &live["metadata"]["labels"]["strata/owner"];
    let path = format!(
        "/api/v1/namespaces/strata-system/configmaps/strata-{}",
        owner.as_str().unwrap()
    );
    unlabel(&path);
    project.run("drift").exits(2);
    project.run("plan").exits(0).says("1 to change");
    project.run("apply -auto-approve").exits(0);
    assert_eq!(get(&path)["metadata"]["labels"]["strata/owner"], *owner);
    project.run("drift").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
    unlabel(&path);
    project
        .run("plan -destroy")
        .exits(0)
        .says("# (left alone: it has no label strata/owner any more)");
    project
        .run("destroy -auto-approve")
        .exits(0)
        .says("2 destroyed, 1 forgotten");
    assert_eq!(status(&path), 200);
}

#[test]
fn what_was_only_imported_is_forgotten() {
    let ns = unique("only");
    somebody(
        "POST",
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
    );
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": ns}});
    let paths = format!("/api/v1/namespaces/{ns}/serviceaccounts");
    somebody("POST", &paths, &account);
    let main = json!({"resource": {"kubernetes_object": {"a": {"manifest": account}}}});
    let project = project(&[("main.strata.yaml", &main.to_string())]);
    let id = format!("apiVersion=v1,kind=ServiceAccount,namespace={ns},name=a");
    project
        .run_words(&["import", "kubernetes_object.a", &id])
        .exits(0);
    // What it never had is not missed.
    project.run("drift").exits(0);
    let alone = "# (left alone: it never had a label strata/owner";
    project.run("plan -destroy").exits(0).says(alone);
    let other = "resource:\n  strata_data:\n    other: { input: first }\n";
    project.write("main.strata.yaml", other);
    project.run("plan").exits(0).says(alone);
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 destroyed, 1 forgotten");
    assert_eq!(status(&format!("{paths}/a")), 200);
}

/// An object that is recorded under another address would be destroyed there where nobody looks whether it is the same.
#[test]
fn without_a_refresh_an_object_gets_no_other_address() {
    let ns = unique("renamed");
    let block = |name: &str| {
        let manifest = config_map(&ns, "a").replace('\n', "\n        ");
        format!(
            "resource:\n  kubernetes_object:\n    {name}:\n      manifest:\n        {manifest}\n"
        )
    };
    let project = one(&ns);
    project.run("apply -auto-approve").exits(0);
    let path = format!("/api/v1/namespaces/{ns}/configmaps/a");
    let uid = || get(&path)["metadata"]["uid"].clone();
    let before = uid();
    assert!(before.is_string());
    std::fs::remove_file(project.path("app/a.yaml")).unwrap();
    // From the layer to a block of its own, and from that to another.
    for name in ["one", "two"] {
        project.write("main.strata.yaml", &format!("{LAYER}{}", block(name)));
        let refused = project.run("apply -auto-approve -refresh=false").exits(65);
        let hint = "Leave out -refresh=false";
        assert!(refused.err.contains(hint), "{}", refused.err);
        assert_eq!(uid(), before);
        if name == "one" {
            project.run("apply -auto-approve").exits(0);
            project
                .run("plan -detailed-exitcode -refresh=false")
                .exits(0);
            assert_eq!(uid(), before);
        }
    }
}
