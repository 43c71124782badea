//! What other tools stumble over: each object is settled after one run, and stays so when its controllers have done their work.

use serde_json::{Value as Json, json};
use strata_model::provider::Observation;
use strata_model::{Type, Value};

use super::bench::{Bench, Made, PLANE, aside, kubectl, manifest, namespace, somebody};

fn object(kind: (&str, &str), namespace: &str, name: &str, rest: Json) -> Json {
    let mut object = json!({
        "apiVersion": kind.0, "kind": kind.1, "metadata": {"name": name, "namespace": namespace},
    });
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn template(name: &str, container: &Json) -> Json {
    let mut container = container.clone();
    container["name"] = "main".into();
    container["image"] = "example.invalid/none:1".into();
    json!({"metadata": {"labels": {"app": name}, "creationTimestamp": null}, "spec": {"containers": [container]}})
}

fn deployment(namespace: &str, name: &str, replicas: Option<i64>) -> Json {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, &json!({})),
    });
    if let Some(replicas) = replicas {
        spec["replicas"] = replicas.into();
    }
    object(
        ("apps/v1", "Deployment"),
        namespace,
        name,
        json!({"spec": spec}),
    )
}

/// Objects that a server stores otherwise than they are written.
fn trapped(namespace: &str) -> Vec<Json> {
    let mut all = workloads(namespace);
    all.extend(others(namespace));
    // It lives in no namespace, and an empty list of it comes back as null.
    all.push(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": namespace}, "spec": {"drivers": []},
    }));
    all
}

/// As Helm renders one whose values leave them out.
fn without_labels(namespace: &str) -> Json {
    let mut object = deployment(namespace, "unlabelled", Some(1));
    object["metadata"]["labels"] = Json::Null;
    object["metadata"]["annotations"] = json!({});
    object
}

fn workloads(namespace: &str) -> Vec<Json> {
    let workload = |name: &str, container: Json| {
        object(
            ("apps/v1", "Deployment"),
            namespace,
            name,
            json!({"spec": {"selector": {"matchLabels": {"app": name}}, "template": template(name, &container)}}),
        )
    };
    let pod = |name: &str, extra: Json| {
        let mut spec = template(name, &json!({}))["spec"].clone();
        for (key, value) in extra.as_object().unwrap() {
            spec[key] = value.clone();
        }
        object(("v1", "Pod"), namespace, name, json!({"spec": spec}))
    };
    vec![
        workload(
            "quantity",
            json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}}}),
        ),
        workload(
            "falsehood",
            json!({"stdin": false, "tty": false, "env": [], "command": null}),
        ),
        workload(
            "empty-env",
            json!({"env": [{"name": "EMPTY", "value": ""}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        ),
        without_labels(namespace),
        workload(
            "probe",
            json!({"livenessProbe": {"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 0}}),
        ),
        pod(
            "octal",
            json!({"volumes": [{"name": "v", "configMap": {"name": "none", "defaultMode": 420, "optional": true}}]}),
        ),
        pod(
            "defaulted",
            json!({"securityContext": {}, "terminationGracePeriodSeconds": 30, "hostNetwork": false}),
        ),
        pod(
            "tolerating",
            json!({"tolerations": [{"key": "a", "operator": "Exists"}]}),
        ),
    ]
}

fn others(namespace: &str) -> Vec<Json> {
    let core = |kind: &str, name: &str, rest: Json| object(("v1", kind), namespace, name, rest);
    let ports =
        json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]);
    let hours = json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "main", "image": "example.invalid/none:1"}]}}}}});
    vec![
        core(
            "Service",
            "ports",
            json!({"spec": {"ports": ports, "selector": {"app": "x"}}}),
        ),
        core(
            "Service",
            "numbered",
            json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "targetPort": "http"}]}}),
        ),
        core(
            "Service",
            "headless",
            json!({"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}),
        ),
        core(
            "Secret",
            "plain",
            json!({"stringData": {"password": "hunter2"}, "data": {"other": "eA=="}}),
        ),
        core(
            "ConfigMap",
            "binary",
            json!({"binaryData": {"b": "AAEC"}, "data": {"text": "a\nb\n"}, "status": {"not": "ours"}}),
        ),
        core(
            "ServiceAccount",
            "account",
            json!({"automountServiceAccountToken": false, "imagePullSecrets": [{"name": "a"}]}),
        ),
        core(
            "ResourceQuota",
            "quota",
            json!({"spec": {"hard": {"cpu": "100000m", "pods": 90, "memory": "200Gi"}}}),
        ),
        core(
            "LimitRange",
            "limits",
            json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": 0.1}}]}}),
        ),
        object(
            ("batch/v1", "CronJob"),
            namespace,
            "nightly",
            json!({"spec": hours}),
        ),
        object(
            ("networking.k8s.io/v1", "NetworkPolicy"),
            namespace,
            "deny",
            json!({"spec": {
            "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80}], "from": []}]}}),
        ),
        object(
            ("networking.k8s.io/v1", "Ingress"),
            namespace,
            "front",
            json!({"spec": {"rules": [{"http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "ports", "port": {"number": 53}}}}]}}]}}),
        ),
        object(
            ("policy/v1", "PodDisruptionBudget"),
            namespace,
            "budget",
            json!({"spec": {"minAvailable": "50%", "selector": {"matchLabels": {}}}}),
        ),
        object(
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            namespace,
            "scaler",
            json!({"spec": {
            "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn trapped_objects_are_settled_after_one_run() {
    let (bench, namespace) = (Bench::new(), namespace("traps"));
    let objects = trapped(&namespace);
    assert_eq!(objects.len(), 22);
    let mut made = Vec::new();
    for wanted in &objects {
        let given = [
            ("manifest", Value::from_json(wanted).unwrap()),
            ("wait", false.into()),
        ];
        let config = bench.config("kubernetes_object", &given);
        assert_eq!(bench.faults(&config), [""; 0], "{wanted}");
        let object = bench.create("kubernetes_object", &config).await;
        made.push((
            object.unwrap_or_else(|error| panic!("{error}: {wanted}")),
            config,
        ));
    }
    // Controllers add what is theirs.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for (object, config) in &made {
        let seen = bench.look(object).await;
        assert_eq!(manifest(&seen), manifest(object));
        assert!(bench.is_settled(&seen, config), "{}", object.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_maps_of_a_type_are_settled_after_one_run() {
    let (bench, namespace) = (Bench::new(), namespace("typed"));
    let texts = |members: &[(&str, &str)]| {
        let members = members.iter().copied();
        let members = members.map(|(name, value)| (name.into(), Value::from(value)));
        Value::map(Type::String, members.collect())
    };
    let manifest = Value::object([
        ("apiVersion", Value::from("v1")),
        ("kind", "ServiceAccount".into()),
        (
            "metadata",
            texts(&[("name", "a"), ("namespace", &namespace)]),
        ),
        (
            "imagePullSecrets",
            Value::list(Type::map(Type::String), vec![texts(&[("name", "x")])]),
        ),
    ]);
    let config = bench.config("kubernetes_object", &[("manifest", manifest)]);
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let seen = bench.look(&made).await;
    assert_eq!(seen.attributes, made.attributes);
    assert!(bench.is_settled(&seen, &config));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_items_of_one_key_and_unknown_fields_are_found_offline() {
    let bench = Bench::new();
    let service = |ports: Json| {
        let spec = json!({"spec": {"ports": ports}});
        bench.faults(&bench.object(&object(("v1", "Service"), "default", "a", spec)))
    };
    let twice = service(json!([{"port": 80}, {"port": 80, "protocol": "TCP"}]));
    assert!(
        twice.len() == 1 && twice[0].contains("two items"),
        "{twice:?}"
    );
    let unknown = service(json!([{"port": 80, "prot": "TCP"}]));
    assert!(
        unknown.len() == 1 && unknown[0].contains("prot: there is no such field"),
        "{unknown:?}"
    );
    let wrong = service(json!([{"port": "eighty"}]));
    assert!(
        wrong.len() == 1 && wrong[0].contains("must be a number"),
        "{wrong:?}"
    );
    let mut generated = object(("v1", "ConfigMap"), "default", "a", json!({}));
    generated["metadata"]["generateName"] = "a-".into();
    assert!(bench.faults(&bench.object(&generated))[0].contains("metadata.name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_stay_when_they_go_from_the_manifest_and_follow_the_autoscaler() {
    let (bench, namespace) = (Bench::new(), namespace("replicas"));
    let config = |replicas| {
        let wanted = deployment(&namespace, "web", replicas);
        let given = [
            ("manifest", Value::from_json(&wanted).unwrap()),
            ("wait", false.into()),
        ];
        bench.config("kubernetes_object", &given)
    };
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let replicas = || somebody("GET", &path, &json!(null))["spec"]["replicas"].clone();
    let made = bench
        .create("kubernetes_object", &config(Some(5)))
        .await
        .unwrap();
    let seen = bench.look(&made).await;
    let made = bench.update(&seen, &config(None)).await.unwrap();
    assert_eq!(replicas(), 5);
    // An autoscaler writes through the scale of an object.
    somebody(
        "application/merge-patch+json",
        &format!("{path}/scale"),
        &json!({"spec": {"replicas": 7}}),
    );
    let seen = bench.look(&made).await;
    assert_eq!(seen.attributes, made.attributes);
    assert!(bench.is_settled(&seen, &config(None)));
    // The next change of something else leaves the number to the one who has it now.
    let mut wanted = deployment(&namespace, "web", None);
    wanted["metadata"]["annotations"] = json!({"changed": "yes"});
    let given = [
        ("manifest", Value::from_json(&wanted).unwrap()),
        ("wait", false.into()),
    ];
    let other = bench.config("kubernetes_object", &given);
    let made = bench.update(&seen, &other).await.unwrap();
    assert_eq!(replicas(), 7);
    assert!(bench.is_settled(&bench.look(&made).await, &other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_done_when_it_is_healthy() {
    let (bench, namespace) = (Bench::new(), namespace("healthy"));
    let config = bench.object(&deployment(&namespace, "web", Some(3)));
    bench.create("kubernetes_object", &config).await.unwrap();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let live = somebody("GET", &path, &json!(null));
    assert_eq!(live["status"]["availableReplicas"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_its_own_limit_removed_is_no_drift() {
    let (bench, namespace) = (Bench::new(), namespace("job"));
    let job = |ttl: Option<u32>| {
        let mut spec = json!({"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "main", "image": "example.invalid/none:1"}]}}});
        if let Some(ttl) = ttl {
            spec["ttlSecondsAfterFinished"] = ttl.into();
        }
        object(
            ("batch/v1", "Job"),
            &namespace,
            "once",
            json!({"spec": spec}),
        )
    };
    for (ttl, is_drift) in [(Some(60), false), (None, true)] {
        let given = [
            ("manifest", Value::from_json(&job(ttl)).unwrap()),
            ("wait", false.into()),
        ];
        let config = bench.config("kubernetes_object", &given);
        let made = bench.create("kubernetes_object", &config).await.unwrap();
        kubectl(&["delete", "job", "once", "-n", &namespace], &json!(null));
        let observed = bench.refresh(std::slice::from_ref(&made)).await.remove(0);
        match observed {
            Observation::Present(object) => {
                assert!(!is_drift);
                let seen = Made {
                    attributes: object.attributes,
                    ..made
                };
                assert!(bench.is_settled(&seen, &config));
            }
            other => assert!(is_drift, "{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_and_gone_is_done() {
    let (bench, namespace) = (Bench::new(), namespace("done"));
    for wait in [true, false] {
        let name = if wait { "awaited" } else { "begun" };
        let config = |note: &str| {
            let spec = json!({"ttlSecondsAfterFinished": 0, "template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "main", "image": "example.invalid/none:1"}]}}});
            let mut job = object(("batch/v1", "Job"), &namespace, name, json!({"spec": spec}));
            job["metadata"]["annotations"] = json!({"note": note});
            let given = [
                ("manifest", Value::from_json(&job).unwrap()),
                ("wait", wait.into()),
            ];
            bench.config("kubernetes_object", &given)
        };
        let made = bench
            .create("kubernetes_object", &config("a"))
            .await
            .unwrap();
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs/{name}");
        until_gone(&path);
        let seen = bench.look(&made).await;
        assert_eq!(seen.attributes, made.attributes);
        assert!(bench.is_settled(&seen, &config("a")));
        // When something of it changes, it is made once more.
        let again = bench.update(&seen, &config("b")).await.unwrap();
        assert_ne!(again.attributes.get("uid"), made.attributes.get("uid"));
    }
}

fn until_gone(path: &str) {
    aside(|| {
        let mut client = PLANE.client().unwrap();
        for _ in 0..600 {
            if client.get(path).unwrap().status == 404 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{path} is still there");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_no_longer_ours_is_not_deleted() {
    let (bench, namespace) = (Bench::new(), namespace("foreign"));
    let wanted = object(
        ("v1", "ConfigMap"),
        &namespace,
        "a",
        json!({"data": {"x": "1"}}),
    );
    let made = bench
        .create("kubernetes_object", &bench.object(&wanted))
        .await
        .unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let label = json!({"metadata": {"labels": {"strata/owner": "somebody"}}});
    somebody("application/merge-patch+json", &path, &label);
    assert_eq!(
        bench.left_alone(&made).await.as_deref(),
        Some("it belongs to another project or layer (strata/owner somebody)")
    );
    somebody("GET", &path, &json!(null));
    // Neither is one of the same name that somebody made anew.
    somebody("DELETE", &path, &json!(null));
    somebody(
        "POST",
        &format!("/api/v1/namespaces/{namespace}/configmaps"),
        &wanted,
    );
    assert_eq!(
        bench.left_alone(&made).await.as_deref(),
        Some("it is another object of that name, made since by somebody else")
    );
    somebody("GET", &path, &json!(null));
}
