//! Names, labels and annotations are judged offline as a server judges them.

use serde_json::{Value as Json, json};

use super::bench::{Bench, PLANE, aside, namespace};

/// An object and the path that it is sent to.
struct Case {
    path: String,
    object: Json,
}

fn case((api_version, kind, plural): (&str, &str, &str), place: (&str, &str), rest: &Json) -> Case {
    let (namespace, name) = place;
    let group = match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    };
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    for (field, value) in rest.as_object().unwrap() {
        object[field] = value.clone();
    }
    let path = match namespace {
        "" => format!("{group}/{plural}"),
        namespace => format!("{group}/namespaces/{namespace}/{plural}"),
    };
    Case { path, object }
}

fn pods(labels: &Json) -> Json {
    json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "example.invalid/none:1"}]}})
}

/// A CronJob with these labels and annotations of its Jobs, and these labels of their pods.
fn cron(namespace: &str, marks: &Json, labels: &Json) -> Case {
    let jobs = json!({"metadata": marks, "spec": {"template": pods(labels)}});
    let spec = json!({"schedule": "0 3 * * *", "jobTemplate": jobs});
    let kind = ("batch/v1", "CronJob", "cronjobs");
    case(kind, (namespace, "nightly"), &json!({"spec": spec}))
}

fn cases(namespace: &str) -> Vec<Case> {
    let (good, bad) = (json!({"app": "a"}), json!({"app": "a b"}));
    let jobs = |labels: &Json| json!({"labels": labels, "annotations": {"a b": "c"}});
    let mut cases = vec![
        cron(namespace, &json!({}), &good),
        cron(namespace, &jobs(&good), &good),
        cron(namespace, &jobs(&bad), &good),
        cron(namespace, &json!({}), &bad),
    ];
    for labels in [&good, &bad] {
        let job = ("batch/v1", "Job", "jobs");
        let spec = json!({"spec": {"template": pods(labels)}});
        cases.push(case(job, (namespace, "once"), &spec));
    }
    let long = "a".repeat(64);
    let own =
        json!({"manualSelector": true, "selector": {"matchLabels": good}, "template": pods(&good)});
    for (name, spec) in [
        (&long[1..], json!({"template": pods(&good)})),
        (&long, json!({"template": pods(&good)})),
        (&long, own),
    ] {
        let job = ("batch/v1", "Job", "jobs");
        cases.push(case(job, (namespace, name), &json!({"spec": spec})));
    }
    for name in ["system-mine", "systemic"] {
        let class = ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses");
        cases.push(case(class, ("", name), &json!({"value": 1000})));
    }
    let old = json!({"involvedObject": {"namespace": namespace}});
    let new = json!({
        "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "None", "action": "None",
        "reportingController": "example.invalid/none", "reportingInstance": "none",
        "regarding": {"namespace": namespace},
    });
    let rbac = "rbac.authorization.k8s.io/v1";
    let kinds = [
        (("v1", "Event", "events"), old),
        (("events.k8s.io/v1", "Event", "events"), new),
        (("v1", "ConfigMap", "configmaps"), json!({})),
        ((rbac, "Role", "roles"), json!({"rules": []})),
        (
            ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
            json!({}),
        ),
    ];
    let long = "a".repeat(254);
    for (kind, rest) in &kinds {
        for name in ["web.17a", "web:B_c", "a/b", "a%b", "-a", &long] {
            cases.push(case(*kind, (namespace, name), rest));
        }
    }
    for name in ["a.b", "A", "a-b"] {
        cases.push(case(
            ("v1", "Namespace", "namespaces"),
            ("", name),
            &json!({}),
        ));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_labels_are_judged_as_a_server_judges_them() {
    let (bench, namespace) = (Bench::new(), namespace("names"));
    for Case { path, object } in cases(&namespace) {
        let answer = aside(|| {
            let mut client = PLANE.client().unwrap();
            client.post(&format!("{path}?dryRun=All"), &object).unwrap()
        });
        let faults = bench.faults(&bench.object(&object));
        assert_eq!(
            answer.status == 201,
            faults.is_empty(),
            "{object}\n  server: {} {}\n  offline: {faults:?}",
            answer.status,
            answer.body
        );
    }
}
