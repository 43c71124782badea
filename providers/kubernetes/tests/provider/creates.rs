//! Creates that find something: what came to be after the plan is not joined unasked, what is Strata's own is.

use serde_json::{Value as Json, json};
use strata_model::Value;
use strata_model::provider::{ProviderErrorKind, Residue};

use super::bench::{Bench, PLANE, aside, config_map, kubectl, namespace, somebody, verbs};

fn path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_be_after_the_plan_is_not_joined() {
    let (bench, namespace) = (Bench::new(), namespace("later"));
    for (name, theirs) in [
        ("other", json!({"y": "theirs"})),
        ("same", json!({"x": "1"})),
    ] {
        let config = bench.object(&config_map(&namespace, name, &json!({"x": "1"})));
        // The plan saw nothing there.
        assert!(bench.adopt(&config).await.is_none());
        aside(|| {
            kubectl(
                &["apply", "-f", "-"],
                &config_map(&namespace, name, &theirs),
            )
        });
        let before = somebody("GET", &path(&namespace, name), &json!(null));
        let refused = bench
            .create("kubernetes_object", &config)
            .await
            .unwrap_err();
        assert_eq!(refused.error.kind, ProviderErrorKind::AlreadyExists);
        assert!(matches!(refused.residue, Residue::Nothing));
        let message = &refused.error.message;
        for part in [&format!("ConfigMap {name} in {namespace}"), "kubectl"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(refused.error.hint.unwrap().contains("Plan again"));
        let after = somebody("GET", &path(&namespace, name), &json!(null));
        assert_eq!(before, after);
        // A lost create is not taken for it either.
        assert_eq!(bench.found(&config).await.unwrap().1, Some(false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_not_the_reason_that_is_given() {
    let (bench, namespace) = (Bench::new(), namespace("applied"));
    let theirs = config_map(&namespace, "a", &json!({"x": "theirs"}));
    let apply = format!("{}?fieldManager=flux", path(&namespace, "a"));
    somebody("application/apply-patch+yaml", &apply, &theirs);
    let ours = config_map(&namespace, "a", &json!({"x": "ours"}));
    for conflicts in ["error", "take"] {
        let given = [
            ("manifest", Value::from_json(&ours).unwrap()),
            ("conflicts", conflicts.into()),
        ];
        let config = bench.config("kubernetes_object", &given);
        let refused = bench
            .create("kubernetes_object", &config)
            .await
            .unwrap_err();
        assert_eq!(refused.error.kind, ProviderErrorKind::AlreadyExists);
        assert!(refused.error.message.contains("held by flux"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_send_made_is_found_and_completed() {
    let (bench, namespace) = (Bench::new(), namespace("again"));
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "1"})));
    assert!(bench.found(&config).await.is_none());
    let first = bench.create("kubernetes_object", &config).await.unwrap();
    // The process ends before it has noted that: the next one looks, and sends once more.
    let (found, ours) = bench.found(&config).await.unwrap();
    assert_eq!((found.id, ours), (first.id.clone(), Some(true)));
    let second = bench.create("kubernetes_object", &config).await.unwrap();
    assert_eq!(first.attributes, second.attributes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_cluster_makes_by_itself_is_joined() {
    let (bench, namespace) = (Bench::new(), namespace("own"));
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    // The controller makes it as soon as there is a namespace.
    aside(|| {
        let mut client = PLANE.client().unwrap();
        while client.get(&account).unwrap().status != 200 {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    let wanted = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace},
        "imagePullSecrets": [{"name": "registry"}],
    });
    let config = bench.object(&wanted);
    bench.create("kubernetes_object", &config).await.unwrap();
    let live = somebody("GET", &account, &json!(null));
    assert_eq!(live["imagePullSecrets"], json!([{"name": "registry"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_healthy_by_being_there_takes_one_request() {
    let (bench, namespace) = (Bench::new(), namespace("paid"));
    let kinds: [(&str, &str, Json); 3] = [
        ("v1", "ConfigMap", json!({"data": {"x": "1"}})),
        ("v1", "Secret", json!({"stringData": {"x": "1"}})),
        (
            "rbac.authorization.k8s.io/v1",
            "Role",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
    ];
    let mut made = Vec::new();
    for (api_version, kind, rest) in kinds {
        for name in ["a", "b"] {
            let mut wanted = rest.clone();
            wanted["apiVersion"] = api_version.into();
            wanted["kind"] = kind.into();
            wanted["metadata"] = json!({"name": name, "namespace": namespace});
            let config = bench.object(&wanted);
            made.push(bench.create("kubernetes_object", &config).await.unwrap());
        }
    }
    assert_eq!(verbs(&PLANE, &namespace), vec!["patch"; made.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_after_the_plan_is_said_at_once() {
    let (bench, namespace) = (Bench::new(), namespace("deleted"));
    let config = |value: &str| bench.object(&config_map(&namespace, "a", &json!({"x": value})));
    let made = bench
        .create("kubernetes_object", &config("1"))
        .await
        .unwrap();
    somebody("DELETE", &path(&namespace, "a"), &json!(null));
    let gone = bench.update(&made, &config("2")).await.unwrap_err();
    assert_eq!(gone.error.kind, ProviderErrorKind::NotFound);
    assert!(gone.error.message.contains("was deleted after the plan"));

    let other = config_map(&namespace, "a", &json!({}));
    somebody(
        "POST",
        &format!("/api/v1/namespaces/{namespace}/configmaps"),
        &other,
    );
    let other = bench.update(&made, &config("2")).await.unwrap_err();
    assert_eq!(other.error.kind, ProviderErrorKind::Invalid);
    assert!(
        other.error.message.contains("no longer the object"),
        "{other}"
    );
}
