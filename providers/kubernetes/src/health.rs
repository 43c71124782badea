//! Whether an object is what it is meant to be: the rules by which Kubernetes' own tools judge status.

use serde_json::Value;

/// How an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// It is as wanted.
    Current,
    /// It is on its way; why it is not there yet.
    InProgress(String),
    /// It will not get there by itself.
    Failed(String),
    /// It is being deleted.
    Terminating,
}

/// How an object is, by its generation, conditions and kind.
pub(crate) fn of(object: &Value) -> Health {
    if let Some(health) = before_status(object) {
        return health;
    }
    if let Some(health) = generic(object) {
        return health;
    }
    let group = group_of(object);
    match (group, text(object, "kind")) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("", "Namespace") => match object["status"]["phase"].as_str() {
            Some("Active") => Health::Current,
            _ => progress("the namespace is not active yet"),
        },
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => available(object),
        _ => ready(object),
    }
}

/// How an object is of which its status says nothing: it goes, or the status is about what it was before.
pub(crate) fn before_status(object: &Value) -> Option<Health> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Some(Health::Terminating);
    }
    let generation = &object["metadata"]["generation"];
    let observed = &object["status"]["observedGeneration"];
    let is_old = observed.is_number() && generation.is_number() && observed != generation;
    is_old.then(|| progress("the controller has not seen the last change yet"))
}

fn progress(reason: impl Into<String>) -> Health {
    Health::InProgress(reason.into())
}

fn group_of(object: &Value) -> &str {
    let version = text(object, "apiVersion");
    version.split_once('/').map_or("", |(group, _)| group)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

/// A condition: its status and what it says.
fn condition<'v>(object: &'v Value, name: &str) -> Option<(&'v str, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|condition| condition["type"] == name)?;
    let (reason, message) = (text(found, "reason"), text(found, "message"));
    let said = if message.is_empty() { reason } else { message };
    Some((text(found, "status"), said.to_owned()))
}

fn generic(object: &Value) -> Option<Health> {
    match (
        condition(object, "Reconciling"),
        condition(object, "Stalled"),
    ) {
        (Some(("True", said)), _) => Some(progress(said)),
        (_, Some(("True", said))) => Some(Health::Failed(said)),
        _ => None,
    }
}

fn count(object: &Value, place: &str, field: &str) -> Option<i64> {
    object[place][field].as_i64()
}

/// The first of several numbers that is too small.
fn reached(object: &Value, wanted: i64, fields: &[(&str, &str)]) -> Option<Health> {
    fields.iter().find_map(|(field, word)| {
        let is = count(object, "status", field).unwrap_or(0);
        (is < wanted).then(|| progress(format!("{is} of {wanted} are {word}")))
    })
}

fn deployment(object: &Value) -> Health {
    let wanted = count(object, "spec", "replicas").unwrap_or(1);
    let reason = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let late = reason
        .filter(|condition| condition["type"] == "Progressing")
        .find(|condition| condition["reason"] == "ProgressDeadlineExceeded");
    if let Some(late) = late {
        return Health::Failed(text(late, "message").to_owned());
    }
    if object["status"]["observedGeneration"].is_null() {
        return progress("the controller has not seen it yet");
    }
    if let Some(waits) = reached(object, wanted, &[("updatedReplicas", "updated")]) {
        return waits;
    }
    let all = count(object, "status", "replicas").unwrap_or(0);
    let updated = count(object, "status", "updatedReplicas").unwrap_or(0);
    if all > updated {
        return progress(format!("{} old ones are still there", all - updated));
    }
    let fields = [
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ];
    if let Some(waits) = reached(object, wanted, &fields) {
        return waits;
    }
    match condition(object, "Available") {
        Some(("True", _)) => Health::Current,
        Some((_, said)) => progress(said),
        None => progress("it is not available yet"),
    }
}

fn stateful_set(object: &Value) -> Health {
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Health::Current;
    }
    let wanted = count(object, "spec", "replicas").unwrap_or(1);
    if let Some(waits) = reached(
        object,
        wanted,
        &[("replicas", "made"), ("readyReplicas", "ready")],
    ) {
        return waits;
    }
    let partition = object["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64();
    match partition {
        Some(partition) if partition > 0 => {
            let fields = [("updatedReplicas", "updated")];
            reached(object, wanted - partition, &fields).unwrap_or(Health::Current)
        }
        _ if object["status"]["currentRevision"] != object["status"]["updateRevision"] => {
            progress("the update still goes on")
        }
        _ => Health::Current,
    }
}

fn daemon_set(object: &Value) -> Health {
    if object["status"]["observedGeneration"].is_null() {
        return progress("the controller has not seen it yet");
    }
    let Some(wanted) = count(object, "status", "desiredNumberScheduled") else {
        return progress("the number of its pods is not known yet");
    };
    let fields = [
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ];
    reached(object, wanted, &fields).unwrap_or(Health::Current)
}

fn replica_set(object: &Value) -> Health {
    if let Some(("True", said)) = condition(object, "ReplicaFailure") {
        return progress(said);
    }
    let wanted = count(object, "spec", "replicas").unwrap_or(1);
    let fields = [
        ("fullyLabeledReplicas", "labelled"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ];
    reached(object, wanted, &fields).unwrap_or(Health::Current)
}

/// A job is done when it is complete: that it has begun says nothing to what comes after it.
fn job(object: &Value) -> Health {
    if let Some(("True", said)) = condition(object, "Failed") {
        return Health::Failed(said);
    }
    let is = |name| matches!(condition(object, name), Some(("True", _)));
    if is("Complete") || is("Suspended") || object["spec"]["suspend"] == true {
        return Health::Current;
    }
    progress("the job is not complete yet")
}

fn pod(object: &Value) -> Health {
    match text(&object["status"], "phase") {
        "Succeeded" => return Health::Current,
        "Failed" => return Health::Failed(text(&object["status"], "message").to_owned()),
        _ => {}
    }
    let states = object["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    for state in states {
        let waiting = &state["state"]["waiting"];
        if waiting["reason"] == "CrashLoopBackOff" {
            return Health::Failed(format!(
                "the container {} crashes again and again",
                text(state, "name")
            ));
        }
    }
    match condition(object, "Ready") {
        Some(("True", _)) => Health::Current,
        Some((_, said)) => progress(said),
        None => progress("it is not ready yet"),
    }
}

/// A claim that waits for its first consumer would be waited for in vain.
fn claim(object: &Value) -> Health {
    match text(&object["status"], "phase") {
        "Bound" => Health::Current,
        "Lost" => Health::Failed("its volume is lost".to_owned()),
        _ if object["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].is_null() => {
            Health::Current
        }
        _ => progress("it is not bound yet"),
    }
}

fn service(object: &Value) -> Health {
    let is_balanced = object["spec"]["type"] == "LoadBalancer";
    let ingress = object["status"]["loadBalancer"]["ingress"].as_array();
    if is_balanced && ingress.is_none_or(Vec::is_empty) {
        return progress("the load balancer has no address yet");
    }
    Health::Current
}

fn definition(object: &Value) -> Health {
    if let Some(("False", said)) = condition(object, "NamesAccepted") {
        return Health::Failed(said);
    }
    match condition(object, "Established") {
        Some(("True", _)) => Health::Current,
        Some((_, said)) => progress(said),
        None => progress("it is not established yet"),
    }
}

fn available(object: &Value) -> Health {
    match condition(object, "Available") {
        Some(("True", _)) => Health::Current,
        Some((_, said)) => progress(said),
        None => progress("it is not available yet"),
    }
}

fn ready(object: &Value) -> Health {
    match condition(object, "Ready") {
        Some(("False" | "Unknown", said)) => progress(said),
        Some(_) | None => Health::Current,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deployments_are_judged_by_their_replicas() {
        let current = |object: Value| assert_eq!(of(&object), Health::Current, "{object}");
        let waits = |object: Value| {
            assert!(matches!(of(&object), Health::InProgress(_)), "{object}");
        };
        let failed = |object: Value| assert!(matches!(of(&object), Health::Failed(_)), "{object}");
        let deployment = |status: Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2},
                   "spec": {"replicas": 2}, "status": status})
        };
        let done = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
                          "readyReplicas": 2, "conditions": [{"type": "Available", "status": "True"}]});
        current(deployment(done.clone()));
        for (field, value) in [
            ("observedGeneration", json!(1)),
            ("updatedReplicas", json!(1)),
            ("replicas", json!(3)),
            ("readyReplicas", json!(1)),
            ("conditions", json!([])),
        ] {
            let mut status = done.clone();
            status[field] = value;
            waits(deployment(status));
        }
        let mut late = done;
        late["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
        failed(deployment(late));
    }

    #[test]
    fn other_kinds_are_judged_by_their_status() {
        let current = |object: Value| assert_eq!(of(&object), Health::Current, "{object}");
        let waits = |object: Value| {
            assert!(matches!(of(&object), Health::InProgress(_)), "{object}");
        };
        let failed = |object: Value| assert!(matches!(of(&object), Health::Failed(_)), "{object}");
        let of_kind = |api: &str, kind: &str, spec: Value, status: Value| json!({"apiVersion": api, "kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status});
        let conditions =
            |name: &str, status: &str| json!({"conditions": [{"type": name, "status": status}]});
        current(of_kind(
            "batch/v1",
            "Job",
            json!({}),
            conditions("Complete", "True"),
        ));
        waits(of_kind(
            "batch/v1",
            "Job",
            json!({}),
            json!({"startTime": "x"}),
        ));
        failed(of_kind(
            "batch/v1",
            "Job",
            json!({}),
            conditions("Failed", "True"),
        ));
        current(of_kind("v1", "ConfigMap", json!(null), json!(null)));
        waits(of_kind(
            "v1",
            "Service",
            json!({"type": "LoadBalancer"}),
            json!({}),
        ));
        current(of_kind(
            "v1",
            "Service",
            json!({"type": "ClusterIP"}),
            json!({}),
        ));
        let definition = "CustomResourceDefinition";
        waits(of_kind(
            "apiextensions.k8s.io/v1",
            definition,
            json!({}),
            json!({}),
        ));
        current(of_kind(
            "apiextensions.k8s.io/v1",
            definition,
            json!({}),
            conditions("Established", "True"),
        ));
        failed(of_kind(
            "apiextensions.k8s.io/v1",
            definition,
            json!({}),
            conditions("NamesAccepted", "False"),
        ));
        waits(of_kind(
            "strata.example/v1",
            "Widget",
            json!({}),
            conditions("Ready", "False"),
        ));
        failed(of_kind(
            "strata.example/v1",
            "Widget",
            json!({}),
            conditions("Stalled", "True"),
        ));
        current(of_kind(
            "strata.example/v1",
            "Widget",
            json!({}),
            json!(null),
        ));
        let sets = json!({"observedGeneration": 1, "desiredNumberScheduled": 0});
        current(of_kind("apps/v1", "DaemonSet", json!({}), sets));
        let mut gone = of_kind("v1", "ConfigMap", json!(null), json!(null));
        gone["metadata"]["deletionTimestamp"] = "now".into();
        assert_eq!(of(&gone), Health::Terminating);
    }
}
