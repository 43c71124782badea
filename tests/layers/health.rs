//! Rules of a layer for the health of its objects.

use serde_json::json;

use crate::plane::{get, project, somebody, unique};
use crate::support::{Output, Project};

/// A layer with a namespace and a ConfigMap `a` that is healthy by a rule.
fn ruled(name: &str, rule: &str) -> (String, Project) {
    let ns = unique(name);
    let layer =
        format!("layer:\n  app:\n    path: ./app\n    timeout: 3s\n    health:\n      - {rule}\n");
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {ns} }}\n");
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, namespace: {ns} }}\ndata: {{ x: \"1\" }}\n"
    );
    let project = project(&[
        ("main.strata.yaml", &layer),
        ("app/namespace.yaml", &namespace),
        ("app/a.yaml", &map),
    ]);
    (ns, project)
}

/// All that a run has said.
fn said(output: &Output) -> String {
    format!("{}{}", output.out, output.err)
}

fn say(ns: &str, value: &str) {
    somebody(
        "application/merge-patch+json",
        &format!("/api/v1/namespaces/{ns}/configmaps/a"),
        &json!({"data": {"state": value}}),
    );
}

#[test]
fn an_object_is_healthy_when_its_rule_says_so() {
    let (ns, project) = ruled(
        "ruled",
        "{ kind: v1/ConfigMap, name: a, ready: 'object.data.state == \"up\"', failed: 'object.data.state == \"down\"' }",
    );
    let waiting = project.run("apply -auto-approve").exits(1);
    // The field is not there: that is neither true nor false.
    for part in [
        "not to be judged yet: object.data.state == \"up\"",
        "after ",
    ] {
        assert!(said(&waiting).contains(part), "{}", said(&waiting));
    }
    say(&ns, "down");
    let failed = project.run("apply -auto-approve").exits(1);
    assert!(said(&failed).contains("it has failed"), "{}", said(&failed));
    say(&ns, "starting");
    let waiting = project.run("apply -auto-approve").exits(1);
    assert!(
        said(&waiting).contains("it is not so yet"),
        "{}",
        said(&waiting)
    );
    say(&ns, "up");
    project.run("apply -auto-approve").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
}

/// A lost state is found again by the inventory, also where the layer's first run came to no end.
#[test]
fn what_never_gets_healthy_is_in_the_inventory() {
    let (ns, project) = ruled(
        "stuck",
        "{ kind: ConfigMap, ready: 'object.data.x == \"2\"' }",
    );
    project.run("apply -auto-approve").exits(1);
    let live = get(&format!("/api/v1/namespaces/{ns}/configmaps/a"));
    let owner = live["metadata"]["labels"]["strata/owner"].as_str().unwrap();
    let inventory = get(&format!(
        "/api/v1/namespaces/strata-system/configmaps/strata-{owner}"
    ));
    assert_eq!(
        inventory["data"]["objects"],
        format!("/ConfigMap/{ns}/a\n/Namespace//{ns}")
    );
    let planned = project.run("plan").exits(0);
    assert!(!planned.out.contains("inventory"), "{}", planned.out);
    project.run("destroy -auto-approve").exits(0);
}

#[test]
fn rules_that_cannot_be_are_refused_when_planning() {
    for (rule, parts) in [
        (
            "{ kind: ConfigMap, ready: 'object.data.x == var.nothing' }",
            ["var.nothing has no value", "main.strata.yaml line 6"],
        ),
        (
            "{ kind: ConfigMap, ready: 'object.data.x ==' }",
            ["main.strata.yaml line 6", ""],
        ),
        (
            "{ kind: ConfigMap, ready: '\"x\"' }",
            ["neither true nor false", "main.strata.yaml line 6"],
        ),
        (
            "{ kind: apps/v1/Deployment, ready: 'true' }",
            [
                "No object of the layer app is of the kind apps/v1/Deployment",
                "main.strata.yaml line 6",
            ],
        ),
    ] {
        let (_, project) = ruled("wrong", rule);
        let refused = project.run("plan").exits(65);
        for part in parts {
            assert!(refused.err.contains(part), "{rule}: {}", refused.err);
        }
    }
}
