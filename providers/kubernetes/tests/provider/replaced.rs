//! What a server does not let change: replaced, replaced with care, or refused.

use std::time::Duration;

use serde_json::{Value as Json, json};
use strata_model::Value;
use strata_model::layer::LAYER_TYPE;
use strata_model::provider::ProviderErrorKind;

use super::bench::{Bench, Made, PLANE, aside, namespace, somebody};

fn object(kind: (&str, &str), namespace: &str, name: &str, rest: Json) -> Json {
    let mut object = rest;
    object["apiVersion"] = kind.0.into();
    object["kind"] = kind.1.into();
    object["metadata"] = match namespace {
        "" => json!({"name": name}),
        namespace => json!({"name": name, "namespace": namespace}),
    };
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_of_a_layer_goes_where_the_layer_goes() {
    let bench = Bench::new();
    let manifest = json!({
        "apiVersion": "strata/v1", "kind": "Inventory", "metadata": {"name": "inventory"},
        "objects": ["/ConfigMap/shop/a"],
    });
    let config = |layer: &str| {
        let given = [
            ("manifest", Value::from_json(&manifest).unwrap()),
            ("layer", layer.into()),
        ];
        bench.config(LAYER_TYPE, &given)
    };
    let names = || {
        let path = "/api/v1/namespaces/strata-system/configmaps";
        let listed = somebody("GET", path, &json!(null));
        let items = listed["items"].as_array().unwrap().iter();
        let name = |item: &Json| item["metadata"]["name"].as_str().map(str::to_owned);
        let of = |layer: &str| {
            let mut of = items.clone().filter(|item| item["data"]["layer"] == layer);
            of.find_map(name)
        };
        [of("layer.before"), of("layer.after")]
    };
    let before = config("layer.before");
    let made = bench.create(LAYER_TYPE, &before).await.unwrap();
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &before));
    assert!(matches!(names(), [Some(_), None]));
    let after = config("layer.after");
    let (made, risk) = bench.replace(&seen, &after).await;
    assert_eq!(risk, None);
    assert!(matches!(names(), [None, Some(name)] if made.id.ends_with(&name)));
    assert!(bench.is_settled(&bench.look(&made).await, &after));
}

/// The arguments of an object that nobody waits for.
fn unwaited(bench: &Bench, manifest: &Json) -> Value {
    let given = [
        ("manifest", Value::from_json(manifest).unwrap()),
        ("wait", false.into()),
    ];
    bench.config("kubernetes_object", &given)
}

fn paths(bench: &Bench, made: &Made, config: &Value) -> Vec<String> {
    let change = bench.plan(made.ty, Some(&made.attributes), config).unwrap();
    assert!(change.planned.get("uid").unwrap().is_unknown());
    change.replace.iter().map(ToString::to_string).collect()
}

fn uid(object: &Json) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn pods(app: &str) -> Json {
    json!({"metadata": {"labels": {"app": app}}, "spec": {
        "containers": [{"name": "main", "image": "example.invalid/none:1"}]}})
}

/// What is there as soon as it is.
fn awaited(path: &str) -> Json {
    aside(|| {
        let mut client = PLANE.client().unwrap();
        for _ in 0..300 {
            let response = client.get(path).unwrap();
            if response.status == 200 {
                return response.body;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{path} is not there");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateful_set_is_made_anew_around_its_pods() {
    let (bench, namespace) = (Bench::new(), namespace("set"));
    let config = |size: &str, service: &str| {
        let claim = json!({"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}});
        let spec = json!({
            "serviceName": service, "selector": {"matchLabels": {"app": "db"}},
            "template": pods("db"), "volumeClaimTemplates": [claim],
        });
        let set = object(
            ("apps/v1", "StatefulSet"),
            &namespace,
            "db",
            json!({"spec": spec}),
        );
        unwaited(&bench, &set)
    };
    let made = bench
        .create("kubernetes_object", &config("1Gi", "db"))
        .await
        .unwrap();
    let core = format!("/api/v1/namespaces/{namespace}");
    let places = [
        format!("{core}/pods/db-0"),
        format!("{core}/persistentvolumeclaims/data-db-0"),
    ];
    let before = places.clone().map(|place| uid(&awaited(&place)));
    let seen = bench.look(&made).await;
    let larger = config("2Gi", "database");
    assert_eq!(
        paths(&bench, &seen, &larger),
        [
            "manifest.spec.serviceName",
            "manifest.spec.volumeClaimTemplates"
        ]
    );
    let (anew, risk) = bench.replace(&seen, &larger).await;
    assert!(risk.unwrap().contains("stay"));
    assert_ne!(
        anew.attributes.get("uid").unwrap(),
        made.attributes.get("uid").unwrap()
    );
    let after = places.map(|place| uid(&somebody("GET", &place, &json!(null))));
    assert_eq!(before, after);
    // The pod belongs to the new one.
    let owner = anew.attributes.get("uid").unwrap().to_json();
    let mut adopted = false;
    for _ in 0..100 {
        let pod = somebody("GET", &format!("{core}/pods/db-0"), &json!(null));
        adopted = pod["metadata"]["ownerReferences"][0]["uid"] == owner;
        if adopted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(adopted);
    assert!(bench.is_settled(&bench.look(&anew).await, &larger));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_selector_takes_the_pods_along() {
    let (bench, namespace) = (Bench::new(), namespace("selector"));
    let config = |app: &str| {
        let spec = json!({"selector": {"matchLabels": {"app": app}}, "template": pods(app)});
        bench.object(&object(
            ("apps/v1", "Deployment"),
            &namespace,
            "web",
            json!({"spec": spec}),
        ))
    };
    let made = bench
        .create("kubernetes_object", &config("a"))
        .await
        .unwrap();
    let seen = bench.look(&made).await;
    assert_eq!(
        paths(&bench, &seen, &config("b")),
        ["manifest.spec.selector.matchLabels.app"]
    );
    let (anew, risk) = bench.replace(&seen, &config("b")).await;
    assert_eq!(risk.as_deref(), Some("its pods go with it"));
    assert!(bench.is_settled(&bench.look(&anew).await, &config("b")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_never_replaced() {
    let (bench, namespace) = (Bench::new(), namespace("claim"));
    let config = |class: &str, size: &str| {
        let spec = json!({
            "accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "resources": {"requests": {"storage": size}},
        });
        let claim = object(
            ("v1", "PersistentVolumeClaim"),
            &namespace,
            "data",
            json!({"spec": spec}),
        );
        unwaited(&bench, &claim)
    };
    let first = config("slow", "1Gi");
    let made = bench.create("kubernetes_object", &first).await.unwrap();
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &first));
    let refused = bench
        .plan(made.ty, Some(&seen.attributes), &config("fast", "1Gi"))
        .unwrap_err();
    assert_eq!(refused.kind, ProviderErrorKind::Invalid);
    for part in ["never replaced", "manifest.spec.storageClassName"] {
        assert!(refused.message.contains(part), "{refused}");
    }
    // What may change is planned as a change.
    let grown = bench.plan(made.ty, Some(&seen.attributes), &config("slow", "2Gi"));
    assert!(grown.unwrap().replace.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_bindings_classes_and_jobs_are_replaced() {
    let (bench, namespace) = (Bench::new(), namespace("replaced"));
    let class = |parameter: &str| {
        let rest =
            json!({"provisioner": "example.invalid/none", "parameters": {"type": parameter}});
        object(("storage.k8s.io/v1", "StorageClass"), "", &namespace, rest)
    };
    let binding = |role: &str| {
        let rest = json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": namespace}],
        });
        let kind = ("rbac.authorization.k8s.io/v1", "RoleBinding");
        object(kind, &namespace, "b", rest)
    };
    let job = |image: &str| {
        let spec = json!({"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "main", "image": image}]}}});
        object(
            ("batch/v1", "Job"),
            &namespace,
            "once",
            json!({"spec": spec}),
        )
    };
    let cases = [
        (class("a"), class("b"), "manifest.parameters.type"),
        (binding("a"), binding("b"), "manifest.roleRef.name"),
        (
            job("example.invalid/none:1"),
            job("example.invalid/none:2"),
            "manifest.spec.template.spec.containers",
        ),
    ];
    for (first, second, path) in cases {
        let (first, second) = (unwaited(&bench, &first), unwaited(&bench, &second));
        let made = bench.create("kubernetes_object", &first).await.unwrap();
        let seen = bench.look(&made).await;
        assert!(bench.is_settled(&seen, &first), "{}", made.id);
        assert_eq!(paths(&bench, &seen, &second), [path]);
        let (anew, risk) = bench.replace(&seen, &second).await;
        assert_eq!(risk, None);
        assert!(bench.is_settled(&bench.look(&anew).await, &second));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_objects_are_stored_in_is_not_dropped() {
    let bench = Bench::new();
    let group = format!("{}.example", namespace("stored"));
    let definition = |versions: &[(&str, bool)]| {
        let versions: Vec<Json> = versions
            .iter()
            .map(|(name, storage)| {
                json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
            })
            .collect();
        let spec = json!({
            "group": group, "scope": "Namespaced", "versions": versions,
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
        });
        let kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let name = format!("widgets.{group}");
        bench.object(&object(kind, "", &name, json!({"spec": spec})))
    };
    let first = definition(&[("v1alpha1", true), ("v1", false)]);
    let made = bench.create("kubernetes_object", &first).await.unwrap();
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &first));
    let refused = bench
        .update(&seen, &definition(&[("v1", true)]))
        .await
        .unwrap_err();
    assert_eq!(refused.error.kind, ProviderErrorKind::Invalid);
    for part in ["storedVersions", "v1alpha1"] {
        assert!(refused.error.message.contains(part), "{refused}");
    }
    assert!(refused.error.hint.unwrap().contains("storedVersions"));
}
