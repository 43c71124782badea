//! A layer whose run is killed again and again: what is in the cluster is what is in the inventory, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::setting;
use crate::plane::{get, project, somebody, unique};
use crate::support::Project;

const OBJECTS: usize = 200;

/// How often, unless `STRATA_KILLS` says more.
const KILLS: u64 = 40;

fn manifests(ns: &str, round: usize) -> String {
    let mut text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {ns} }}\n");
    for number in 0..OBJECTS - 1 {
        // A fifth comes and goes from round to round.
        if number % 5 == 0 && (number / 5 + round).is_multiple_of(2) {
            continue;
        }
        let kind = if number % 3 == 0 {
            "Secret"
        } else {
            "ConfigMap"
        };
        let field = if number % 3 == 0 {
            "stringData"
        } else {
            "data"
        };
        write!(
            text,
            "---\napiVersion: v1\nkind: {kind}\nmetadata: {{ name: o{number}, namespace: {ns} }}\n{field}: {{ round: \"{round}\" }}\n"
        )
        .unwrap();
    }
    text
}

/// The keys of all objects of the state's layer, as the state has them.
fn recorded(project: &Project) -> BTreeSet<String> {
    let list = project.run("state list").exits(0).out;
    let keys = list
        .lines()
        .filter_map(|line| line.strip_prefix("layer.app[\"")?.strip_suffix("\"]"));
    keys.filter(|key| *key != "inventory")
        .map(str::to_owned)
        .collect()
}

/// The keys of all objects in the namespace that carry the label, with the namespace.
fn labelled(ns: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::from([format!("/Namespace//{ns}")]);
    for (plural, kind) in [("configmaps", "ConfigMap"), ("secrets", "Secret")] {
        let listed = get(&format!(
            "/api/v1/namespaces/{ns}/{plural}?labelSelector=strata/owner"
        ));
        let names = listed["items"].as_array().into_iter().flatten();
        let names = names.filter_map(|item| item["metadata"]["name"].as_str());
        keys.extend(names.map(|name| format!("/{kind}/{ns}/{name}")));
    }
    keys
}

/// The keys in the inventory of the layer's owner.
fn inventory(ns: &str) -> BTreeSet<String> {
    let owner =
        get(&format!("/api/v1/namespaces/{ns}"))["metadata"]["labels"]["strata/owner"].clone();
    let path = format!(
        "/api/v1/namespaces/strata-system/configmaps/strata-{}",
        owner.as_str().unwrap()
    );
    let objects = get(&path)["data"]["objects"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    objects.lines().map(str::to_owned).collect()
}

#[test]
fn a_layer_survives_kills() {
    let kills = setting("STRATA_KILLS", KILLS);
    let ns = unique("kills");
    let project = project(&[
        ("main.strata.yaml", "layer:\n  app: { path: ./app }\n"),
        ("app/all.yaml", &manifests(&ns, 0)),
    ]);
    project.run("init").exits(0);
    let (mut killed, mut round, mut wait) = (0, 0, 400);
    let mut foreign = BTreeSet::new();
    while killed < kills {
        let mut child = project
            .command(&["apply", "-auto-approve", "-parallelism=4"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Moments that spread over the whole run, whatever the machine's speed.
        thread::sleep(Duration::from_millis(wait));
        wait = 300 + (wait * 7 + 131) % 1700;
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
            child.wait().unwrap();
            continue;
        }
        assert!(
            child.wait().unwrap().success(),
            "a run that was not killed fails"
        );
        // Done before it was killed: the next round begins, and somebody else makes an object among them.
        settled(&project, &ns, &foreign);
        round += 1;
        let name = format!("foreign-{round}");
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        somebody(
            "POST",
            &format!("/api/v1/namespaces/{ns}/configmaps"),
            &object,
        );
        foreign.insert(name);
        project.write("app/all.yaml", &manifests(&ns, round));
    }
    project.run("apply -auto-approve").exits(0);
    settled(&project, &ns, &foreign);
    project.run("plan -detailed-exitcode").exits(0);
    project.run("destroy -auto-approve").exits(0);
}

#[track_caller]
fn settled(project: &Project, ns: &str, foreign: &BTreeSet<String>) {
    let (state, cluster, inventory) = (recorded(project), labelled(ns), inventory(ns));
    assert_eq!(state, cluster);
    assert_eq!(inventory, cluster);
    for name in foreign {
        let object: Value = get(&format!("/api/v1/namespaces/{ns}/configmaps/{name}"));
        assert!(object["metadata"]["labels"]["strata/owner"].is_null());
    }
}
