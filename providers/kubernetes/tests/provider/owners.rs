//! Whose an object is: what a plan tells of it is what its deletion comes to.

use serde_json::{Value as Json, json};
use strata_model::Value;

use super::bench::{Bench, Made, config_map, namespace, somebody};

const MERGE: &str = "application/merge-patch+json";

/// An object to which Strata gives nothing but its label.
fn account(namespace: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": namespace}})
}

fn accounts(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts")
}

fn label(path: &str) -> Json {
    somebody("GET", path, &json!(null))["metadata"]["labels"]["strata/owner"].clone()
}

/// The arguments of an object with all that may be left out.
fn in_full(bench: &Bench, manifest: &Json) -> Value {
    let given = [
        ("manifest", Value::from_json(manifest).unwrap()),
        ("conflicts", "error".into()),
        ("wait", true.into()),
        ("create_namespace", false.into()),
    ];
    bench.config("kubernetes_object", &given)
}

/// Why a deletion leaves an object alone: as a plan tells it of what it sees, and as the deletion itself does.
async fn left_alone(bench: &Bench, seen: &Made, made: &Made) -> (String, String) {
    let planned = bench.leaves_alone(seen).unwrap();
    (planned, bench.left_alone(made).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_gets_its_label_with_the_apply_that_follows() {
    let (bench, namespace) = (Bench::new(), namespace("unlabelled"));
    let theirs = account(&namespace);
    somebody("POST", &accounts(&namespace), &theirs);
    let config = in_full(&bench, &theirs);
    for found in [
        bench.import(&config).await.unwrap(),
        bench.adopt(&config).await.unwrap(),
    ] {
        // The label is all that there is to do.
        assert!(!bench.is_settled(&found, &config));
        // That it has none yet is no drift.
        let seen = bench.look(&found).await;
        assert_eq!(seen.attributes, found.attributes);
        let (planned, _) = left_alone(&bench, &seen, &found).await;
        assert!(planned.contains("never had a label"), "{planned}");
    }
    let found = bench.import(&config).await.unwrap();
    let made = bench.update(&found, &config).await.unwrap();
    assert!(label(&format!("{}/a", accounts(&namespace))).is_string());
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &config));
    assert_eq!(bench.leaves_alone(&seen), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_missed_where_nothing_else_was_applied() {
    let (bench, namespace) = (Bench::new(), namespace("bare"));
    let config = bench.object(&account(&namespace));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let path = format!("{}/a", accounts(&namespace));
    let ours = label(&path);
    let none = json!({"metadata": {"labels": {"strata/owner": null}}});
    somebody(MERGE, &format!("{path}?fieldManager=kubectl-label"), &none);
    // Who holds nothing any more is in no managed fields.
    let live = somebody("GET", &path, &json!(null));
    let managed = live["metadata"]["managedFields"].as_array();
    let is_ours = |entry: &Json| entry["manager"] == "strata";
    assert!(!managed.is_some_and(|managed| managed.iter().any(is_ours)));
    let seen = bench.look(&made).await;
    let (planned, done) = left_alone(&bench, &seen, &made).await;
    assert_eq!(planned, "it has no label strata/owner any more");
    assert_eq!(planned, done);
    let mended = bench.update(&seen, &config).await.unwrap();
    assert_eq!(label(&path), ours);
    assert!(bench.is_settled(&bench.look(&mended).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_project_took_over_is_not_taken_back_unasked() {
    let (bench, namespace) = (Bench::new(), namespace("swapped"));
    let wanted = config_map(&namespace, "a", &json!({"x": "1"}));
    let config = bench.object(&wanted);
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let ours = label(&path);
    let mut theirs = wanted.clone();
    theirs["metadata"]["labels"] = json!({"strata/owner": "9913f4000000"});
    let apply = format!("{path}?fieldManager=strata&force=true");
    somebody("application/apply-patch+yaml", &apply, &theirs);
    let seen = bench.look(&made).await;
    let refused = bench.plan(seen.ty, Some(&seen.attributes), &config);
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.message,
        format!(
            "It was taken over: the ConfigMap a in {namespace} belongs to another Strata project or layer by now (strata/owner 9913f4000000)."
        )
    );
    assert!(refused.hint.unwrap().contains("conflicts = \"take\""));
    let (planned, done) = left_alone(&bench, &seen, &made).await;
    for told in [planned, done] {
        assert!(told.starts_with("it belongs to another"), "{told}");
    }
    // Neither is it imported.
    let found = bench.import(&config).await.unwrap();
    let refused = bench.plan(found.ty, Some(&found.attributes), &config);
    let refused = refused.unwrap_err().message;
    assert!(refused.contains("it belongs to another"), "{refused}");
    let take = [
        ("manifest", Value::from_json(&wanted).unwrap()),
        ("conflicts", "take".into()),
    ];
    let config = bench.config("kubernetes_object", &take);
    let mended = bench.update(&seen, &config).await.unwrap();
    assert_eq!(label(&path), ours);
    assert!(bench.is_settled(&bench.look(&mended).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_made_anew_is_another_one() {
    let (bench, namespace) = (Bench::new(), namespace("anew"));
    let paths = format!("/api/v1/namespaces/{namespace}/configmaps");
    let manifest = |name: &str, value: &str| {
        let mut manifest = config_map(&namespace, name, &json!({"x": value}));
        manifest["immutable"] = true.into();
        manifest
    };
    // Also one that was made by what the recorded one said, with its label.
    for (name, with_label) in [("a", false), ("b", true)] {
        let wanted = manifest(name, "1");
        let config = in_full(&bench, &wanted);
        let made = bench.create("kubernetes_object", &config).await.unwrap();
        let path = format!("{paths}/{name}");
        let mut theirs = wanted;
        if with_label {
            theirs["metadata"]["labels"] = json!({"strata/owner": label(&path)});
        }
        somebody("DELETE", &path, &json!(null));
        let live = somebody("POST", &paths, &theirs);
        let seen = bench.look(&made).await;
        let (planned, done) = left_alone(&bench, &seen, &made).await;
        assert_eq!(planned, done);
        assert!(planned.contains("made since by somebody else"), "{planned}");
        // It cannot give way to another one, and can be taken over as it is.
        let other = in_full(&bench, &manifest(name, "2"));
        let refused = bench.plan(seen.ty, Some(&seen.attributes), &other);
        let refused = refused.unwrap_err();
        assert!(refused.message.contains("made it anew"), "{refused}");
        assert!(!bench.is_settled(&seen, &config));
        let mended = bench.update(&seen, &config).await.unwrap();
        assert!(label(&path).is_string());
        let seen = bench.look(&mended).await;
        let uid = seen.attributes.get("uid").unwrap().to_json();
        assert_eq!(uid, live["metadata"]["uid"]);
        assert!(bench.is_settled(&seen, &config));
        assert_eq!(bench.leaves_alone(&seen), None);
    }
}

/// The namespace of inventories comes with the first of them, also where it was there and is gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_brings_its_namespace_along() {
    // Nobody makes it.
    let (bench, nowhere) = (Bench::new(), format!("{}-not", namespace("nowhere")));
    let id = format!("apiVersion=v1,kind=ConfigMap,namespace={nowhere},name=strata-0");
    let inventory = json!({"apiVersion": "strata/v1", "kind": "Inventory", "metadata": {"name": "inventory"}, "objects": []});
    for (manifest, expected) in [
        (inventory, None),
        (
            config_map(&nowhere, "strata-0", &json!({})),
            Some(format!("There is no namespace {nowhere} in the cluster")),
        ),
    ] {
        let given = [("manifest", Value::from_json(&manifest).unwrap())];
        let config = bench.config("layer", &given);
        let found = bench.in_the_way("layer", &id, &config).await;
        match expected {
            Some(told) => assert!(found.unwrap().starts_with(&told)),
            None => assert_eq!(found, None),
        }
    }
}
