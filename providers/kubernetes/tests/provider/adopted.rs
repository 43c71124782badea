//! What clients made or changed that write objects without applying them: the fields of the manifest become ours, and
//! everything else stays as it is.

use serde_json::{Value as Json, json};

use strata_model::layer::LAYER_TYPE;
use strata_model::{Type, Value};

use super::bench::{Bench, aside, config_map, kubectl, manifest, namespace, somebody};

const MERGE: &str = "application/merge-patch+json";

fn deployment(namespace: &str, image: &str, env: &[&str]) -> Json {
    let env: Vec<Json> = env
        .iter()
        .map(|name| json!({"name": name, "value": "1"}))
        .collect();
    let mut container = json!({"name": "main", "image": image});
    if !env.is_empty() {
        container["env"] = env.into();
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]},
        }},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_object_keeps_what_the_manifest_does_not_have() {
    let (bench, namespace) = (Bench::new(), namespace("adopt"));
    let data = json!({"x": "1", "y": "1", "precious": "1"});
    let theirs = config_map(&namespace, "a", &data);
    aside(|| kubectl(&["apply", "-f", "-"], &theirs));
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "2", "y": "1"})));
    let found = bench.adopt(&config).await.unwrap();
    assert_eq!(manifest(&found)["data"], json!({"x": "1", "y": "1"}));
    let made = bench.update(&found, &config).await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let live = || somebody("GET", &path, &json!(null));
    assert_eq!(live()["data"], json!({"x": "2", "y": "1", "precious": "1"}));
    assert!(live()["metadata"]["annotations"].is_null());
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &config));
    // What was taken over goes when it goes from the manifest.
    let less = bench.object(&config_map(&namespace, "a", &json!({"x": "2"})));
    let made = bench.update(&seen, &less).await.unwrap();
    assert_eq!(live()["data"], json!({"x": "2", "precious": "1"}));
    assert!(bench.is_settled(&bench.look(&made).await, &less));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_secret_is_taken_over_as_it_is() {
    let (bench, namespace) = (Bench::new(), namespace("taken"));
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": namespace},
        "stringData": {"password": "p", "extra": "kept"},
    });
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let create = format!("{secrets}?fieldManager=kubectl-create");
    let before = somebody("POST", &create, &theirs);
    let password = [("password".into(), Value::from("p"))];
    let data = Value::map(Type::String, password.into_iter().collect()).into_secret();
    let given = [
        ("name", Value::from("db")),
        ("namespace", namespace.as_str().into()),
        ("data", data),
    ];
    // It names no type, and that is the type of what is there.
    let config = bench.config("kubernetes_secret", &given);
    let found = bench.adopt_as("kubernetes_secret", &config).await.unwrap();
    bench.update(&found, &config).await.unwrap();
    let live = somebody("GET", &format!("{secrets}/db"), &json!(null));
    assert_eq!(live["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(
        live["data"],
        json!({"password": "cA==", "extra": "a2VwdA=="})
    );
    let nowhere = bench.config("kubernetes_secret", &given[..1]);
    let planned = bench
        .plan("kubernetes_secret", None, &nowhere)
        .unwrap()
        .planned;
    let id = planned.get("id").and_then(Value::as_str).unwrap();
    assert!(id.contains("namespace=default"), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_workload_keeps_what_the_manifest_does_not_have() {
    let (bench, namespace) = (Bench::new(), namespace("adopt-web"));
    let mut theirs = deployment(&namespace, "example.invalid/none:1", &["A", "B", "C"]);
    theirs["metadata"]["labels"] = json!({"extra": "1"});
    aside(|| kubectl(&["create", "-f", "-"], &theirs));
    let config = bench.object(&deployment(
        &namespace,
        "example.invalid/none:2",
        &["A", "C"],
    ));
    let found = bench.adopt(&config).await.unwrap();
    let made = bench.update(&found, &config).await.unwrap();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let seen_env = || {
        let live = somebody("GET", &path, &json!(null));
        assert_eq!(live["metadata"]["labels"]["extra"], "1");
        let container = &live["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "example.invalid/none:2");
        let env = container["env"].as_array().unwrap().iter();
        let mut names: Vec<String> = env
            .filter_map(|item| item["name"].as_str().map(str::to_owned))
            .collect();
        names.sort_unstable();
        names.concat()
    };
    assert_eq!(seen_env(), "ABC");
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &config));
    let less = bench.object(&deployment(&namespace, "example.invalid/none:2", &["A"]));
    bench.update(&seen, &less).await.unwrap();
    assert_eq!(seen_env(), "AB");
}

/// Kinds with fields that cannot change and that a server fills in: what they are sent to, and what is said of them.
fn filled_in(namespace: &str) -> Vec<(String, Json)> {
    let pods = |policy: &str| {
        json!({"metadata": {"labels": {"app": "a"}}, "spec": {"restartPolicy": policy, "containers": [
            {"name": "main", "image": "example.invalid/none:1"}]}})
    };
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}});
    let claims = json!([{"metadata": {"name": "data"}, "spec": claim}]);
    let job = json!({"template": pods("Never")});
    let set = json!({
        "serviceName": "a", "selector": {"matchLabels": {"app": "a"}}, "template": pods("Always"),
        "volumeClaimTemplates": claims,
    });
    let service = json!({"ports": [{"port": 80}], "selector": {"app": "a"}});
    let kinds = [
        ("batch/v1", "Job", "jobs", job),
        (
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            claim,
        ),
        ("v1", "Service", "services", service),
        ("apps/v1", "StatefulSet", "statefulsets", set),
    ];
    let objects = kinds.into_iter().map(|(version, kind, plural, spec)| {
        let root = if version == "v1" { "api" } else { "apis" };
        let path = format!("/{root}/{version}/namespaces/{namespace}/{plural}");
        let metadata = json!({"name": "a", "namespace": namespace});
        (
            path,
            json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}),
        )
    });
    objects.collect()
}

fn unwaited(bench: &Bench, manifest: &Json) -> Value {
    let given = [
        ("manifest", Value::from_json(manifest).unwrap()),
        ("wait", false.into()),
    ];
    bench.config("kubernetes_object", &given)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_filled_in_replaces_nothing_that_is_imported() {
    let (bench, namespace) = (Bench::new(), namespace("filled"));
    for (path, object) in filled_in(&namespace) {
        somebody(
            "POST",
            &format!("{path}?fieldManager=kubectl-create"),
            &object,
        );
        let config = unwaited(&bench, &object);
        let seen = bench.import(&config).await.unwrap();
        let change = bench.plan(seen.ty, Some(&seen.attributes), &config);
        let replace = change.unwrap().replace;
        assert!(replace.is_empty(), "{object}: {replace:?}");
        let made = bench.update(&seen, &config).await.unwrap();
        assert!(
            bench.is_settled(&bench.look(&made).await, &config),
            "{object}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_applied_before_its_row_was_lost_goes_with_the_manifest() {
    let (bench, namespace) = (Bench::new(), namespace("lost"));
    let (_, job) = filled_in(&namespace).swap_remove(0);
    let mut more = job.clone();
    more["spec"]["template"]["metadata"]["labels"]["more"] = "1".into();
    let made = bench
        .create("kubernetes_object", &unwaited(&bench, &more))
        .await
        .unwrap();
    let config = unwaited(&bench, &job);
    for seen in [
        bench.import(&config).await.unwrap(),
        bench.adopt(&config).await.unwrap(),
    ] {
        assert_eq!(seen.id, made.id);
        let change = bench.plan(seen.ty, Some(&seen.attributes), &config);
        let replace = change.unwrap().replace;
        let replace: Vec<String> = replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, ["manifest.spec.template.metadata.labels.more"]);
    }
    let seen = bench.import(&unwaited(&bench, &more)).await.unwrap();
    assert_eq!(manifest(&seen), more);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_keeps_what_else_was_written() {
    let (bench, namespace) = (Bench::new(), namespace("correct"));
    let config = bench.object(&config_map(&namespace, "a", &json!({"a": "1"})));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let patched = format!("{path}?fieldManager=kubectl-patch");
    let theirs = json!({"data": {"a": "2", "b": "3"}, "metadata": {
        "labels": {"l": "1"}, "annotations": {"n": "1"},
    }});
    somebody(MERGE, &patched, &theirs);
    let seen = bench.look(&made).await;
    assert_eq!(manifest(&seen)["data"], json!({"a": "2"}));
    let mended = bench.update(&seen, &config).await.unwrap();
    let live = somebody("GET", &path, &json!(null));
    assert_eq!(live["data"], json!({"a": "1", "b": "3"}));
    assert_eq!(live["metadata"]["labels"]["l"], "1");
    assert_eq!(live["metadata"]["annotations"]["n"], "1");
    assert!(bench.is_settled(&bench.look(&mended).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_kubectl_scaled_is_put_right() {
    let (bench, namespace) = (Bench::new(), namespace("scaled"));
    let config = bench.object(&deployment(&namespace, "example.invalid/none:1", &[]));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let scale = [
        "scale",
        "deployment",
        "web",
        "--replicas=2",
        "-n",
        &namespace,
    ];
    aside(|| kubectl(&scale, &json!(null)));
    let seen = bench.look(&made).await;
    assert_eq!(manifest(&seen)["spec"]["replicas"], 2);
    let mended = bench.update(&seen, &config).await.unwrap();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let live = somebody("GET", &path, &json!(null));
    assert_eq!(live["spec"]["replicas"], 0);
    assert!(bench.is_settled(&bench.look(&mended).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_project_has_is_not_taken_unasked() {
    let (bench, namespace) = (Bench::new(), namespace("owned"));
    let wanted = config_map(&namespace, "a", &json!({"a": "1"}));
    let mut theirs = wanted.clone();
    theirs["metadata"]["labels"] = json!({"strata/owner": "9913f4000000"});
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let apply = format!("{path}?fieldManager=strata");
    somebody("application/apply-patch+yaml", &apply, &theirs);
    let config = bench.object(&wanted);
    let found = bench.adopt(&config).await.unwrap();
    let refused = bench.plan(found.ty, Some(&found.attributes), &config);
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.message,
        format!(
            "There is the ConfigMap a in {namespace} already, and it belongs to another Strata project or layer (strata/owner 9913f4000000)."
        )
    );
    assert!(refused.hint.unwrap().contains("take"));
    let take = [
        ("manifest", Value::from_json(&wanted).unwrap()),
        ("conflicts", "take".into()),
    ];
    let config = bench.config("kubernetes_object", &take);
    let made = bench.update(&found, &config).await.unwrap();
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &config));
    // Once it is ours, another label is put right.
    let label =
        || somebody("GET", &path, &json!(null))["metadata"]["labels"]["strata/owner"].clone();
    let ours = label();
    assert_ne!(ours, "9913f4000000");
    for manager in ["kubectl-label", "strata"] {
        let other = json!({"metadata": {"labels": {"strata/owner": "other"}}});
        somebody(MERGE, &format!("{path}?fieldManager={manager}"), &other);
        let seen = bench.look(&made).await;
        assert!(!bench.is_settled(&seen, &config));
        bench.update(&seen, &config).await.unwrap();
        assert_eq!(label(), ours);
    }
    assert!(bench.is_settled(&bench.look(&made).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_from_a_layer_to_a_block_is_no_other_projects() {
    let (bench, namespace) = (Bench::new(), namespace("moving"));
    let wanted = config_map(&namespace, "a", &json!({"a": "1"}));
    let manifest = Value::from_json(&wanted).unwrap();
    let member = bench.config(
        LAYER_TYPE,
        &[("manifest", manifest), ("layer", "layer.a".into())],
    );
    let made = bench.create(LAYER_TYPE, &member).await.unwrap();
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &member));
    let config = bench.object(&wanted);
    let found = bench.adopt(&config).await.unwrap();
    assert!(
        bench
            .plan(found.ty, Some(&found.attributes), &config)
            .is_ok()
    );
}
