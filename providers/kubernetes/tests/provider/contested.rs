//! Fields that others hold: who plans is told of those that a change would take from them, and nobody else's are touched.

use serde_json::{Value as Json, json};
use strata_model::Value;

use super::bench::{Bench, config_map, namespace, somebody};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/a")
}

fn live(namespace: &str) -> Json {
    somebody("GET", &path(namespace), &json!(null))
}

/// What Flux applies of the object beside us.
fn flux(namespace: &str, data: &Json) {
    let path = format!("{}?fieldManager=flux", path(namespace));
    somebody(APPLY, &path, &config_map(namespace, "a", data));
}

fn taking(bench: &Bench, manifest: &Json) -> Value {
    let take = [
        ("manifest", Value::from_json(manifest).unwrap()),
        ("conflicts", "take".into()),
    ];
    bench.config("kubernetes_object", &take)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_manager_is_not_taken_unasked() {
    let (bench, namespace) = (Bench::new(), namespace("conflict"));
    flux(&namespace, &json!({"x": "theirs"}));
    let ours = config_map(&namespace, "a", &json!({"x": "ours"}));
    let config = bench.object(&ours);
    let found = bench.adopt(&config).await.unwrap();
    let told = format!(
        "Others hold fields of the ConfigMap a in {namespace} that would change: .data.x is held by flux."
    );
    assert_eq!(bench.refused(&found, &config).await, Some(told));
    let config = taking(&bench, &ours);
    assert_eq!(bench.refused(&found, &config).await, None);
    let made = bench.update(&found, &config).await.unwrap();
    assert_eq!(live(&namespace)["data"]["x"], "ours");
    assert!(bench.is_settled(&bench.look(&made).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_new_or_shared_is_a_conflict_as_the_server_sees_it() {
    let (bench, namespace) = (Bench::new(), namespace("shared"));
    let with = |data: Json| bench.object(&config_map(&namespace, "a", &data));
    let config = with(json!({"x": "1"}));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    flux(&namespace, &json!({"x": "1", "z": "theirs"}));
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &config));
    // What the server says of each in the end.
    for (data, held) in [
        (json!({"x": "1", "z": "ours"}), ".data.z"),
        (json!({"x": "2"}), ".data.x"),
    ] {
        let config = with(data);
        let told = bench.refused(&seen, &config).await.unwrap();
        assert!(told.contains(&format!("{held} is held by flux.")), "{told}");
        let refused = bench.update(&seen, &config).await.unwrap_err();
        let told = refused.error.message;
        assert!(told.contains("flux") && told.contains(held), "{told}");
    }
    let config = with(json!({"x": "1", "y": "2", "z": "theirs"}));
    assert_eq!(bench.refused(&seen, &config).await, None);
    let made = bench.update(&seen, &config).await.unwrap();
    assert!(bench.is_settled(&bench.look(&made).await, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_field_that_a_client_holds_is_taken_over() {
    let (bench, namespace) = (Bench::new(), namespace("client"));
    let with = |data: Json| bench.object(&config_map(&namespace, "a", &data));
    let made = bench
        .create("kubernetes_object", &with(json!({"x": "1"})))
        .await
        .unwrap();
    let patched = format!("{}?fieldManager=kubectl-patch", path(&namespace));
    somebody(MERGE, &patched, &json!({"data": {"z": "theirs"}}));
    let seen = bench.look(&made).await;
    let both = with(json!({"x": "1", "z": "ours"}));
    assert_eq!(bench.refused(&seen, &both).await, None);
    let made = bench.update(&seen, &both).await.unwrap();
    assert_eq!(live(&namespace)["data"], json!({"x": "1", "z": "ours"}));
    // It is ours now, and goes when it goes from the manifest.
    let seen = bench.look(&made).await;
    assert!(bench.is_settled(&seen, &both));
    bench.update(&seen, &with(json!({"x": "1"}))).await.unwrap();
    assert_eq!(live(&namespace)["data"], json!({"x": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_a_keyed_list_is_named_as_the_server_names_it() {
    let (bench, namespace) = (Bench::new(), namespace("keyed"));
    let service = |port: u16| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": port}]},
        })
    };
    let made = bench
        .create("kubernetes_object", &bench.object(&service(8080)))
        .await
        .unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/services/web");
    let theirs = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}]},
    });
    somebody(APPLY, &format!("{path}?fieldManager=flux"), &theirs);
    let seen = bench.look(&made).await;
    let config = bench.object(&service(9090));
    let told = bench.refused(&seen, &config).await.unwrap();
    let field = r#".spec.ports[port=80,protocol="TCP"].targetPort is held by flux"#;
    assert!(told.contains(field), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_of_the_owner_is_missed_and_is_a_field_like_any_other() {
    let (bench, namespace) = (Bench::new(), namespace("label"));
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "1"})));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let label = || live(&namespace)["metadata"]["labels"]["strata/owner"].clone();
    let ours = label();
    let put = |manager: &str, label: Json| {
        let path = format!("{}?fieldManager={manager}", path(&namespace));
        let labels = json!({"metadata": {"labels": {"strata/owner": label}}});
        somebody(MERGE, &path, &labels);
    };
    put("kubectl-label", json!(null));
    assert!(label().is_null());
    let seen = bench.look(&made).await;
    assert!(!bench.is_settled(&seen, &config));
    assert_eq!(bench.refused(&seen, &config).await, None);
    let made = bench.update(&seen, &config).await.unwrap();
    assert_eq!(label(), ours);
    assert!(bench.is_settled(&bench.look(&made).await, &config));
    put("somebody", json!("other"));
    let seen = bench.look(&made).await;
    let told = bench.refused(&seen, &config).await.unwrap();
    let field = ".metadata.labels.strata/owner is held by somebody (update)";
    assert!(told.contains(field), "{told}");
}
