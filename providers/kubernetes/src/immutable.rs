//! Fields that an API server does not let change: their change needs a new object.

use strata_model::{AttributePath, PathStep, Value};

use crate::object_id::ObjectId;

/// What of a kind cannot change.
enum Fixed {
    /// These fields, each a path from the object down.
    Only(&'static [&'static [&'static str]]),
    /// Everything in `spec` but these.
    SpecBut(&'static [&'static str]),
    /// Nothing.
    Nothing,
}

fn fixed(id: &ObjectId) -> Fixed {
    match (id.kind.group.as_str(), id.kind.kind.as_str()) {
        ("batch", "Job") => Fixed::Only(&[
            &["spec", "template"],
            &["spec", "selector"],
            &["spec", "completionMode"],
            &["spec", "podFailurePolicy"],
            &["spec", "backoffLimitPerIndex"],
            &["spec", "successPolicy"],
            &["spec", "manualSelector"],
        ]),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => {
            Fixed::Only(&[&["spec", "selector"]])
        }
        ("apps", "StatefulSet") => Fixed::SpecBut(&[
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
            "revisionHistoryLimit",
        ]),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            Fixed::Only(&[&["roleRef"]])
        }
        ("storage.k8s.io", "StorageClass") => Fixed::Only(&[
            &["provisioner"],
            &["parameters"],
            &["reclaimPolicy"],
            &["volumeBindingMode"],
        ]),
        ("scheduling.k8s.io", "PriorityClass") => Fixed::Only(&[&["value"], &["preemptionPolicy"]]),
        ("", "PersistentVolumeClaim") => {
            Fixed::SpecBut(&["resources", "volumeAttributesClassName"])
        }
        ("", "Secret") => Fixed::Only(&[&["type"]]),
        ("networking.k8s.io", "IngressClass") => Fixed::Only(&[&["spec", "controller"]]),
        _ => Fixed::Nothing,
    }
}

/// The places, below the attribute `manifest`, whose change needs a new object. What is left out before or after was
/// or will be the server's to choose, and is no change.
pub(crate) fn changed(id: &ObjectId, before: &Value, after: &Value) -> Vec<AttributePath> {
    let mut paths = Vec::new();
    let mut check = |steps: &[&str]| {
        let find = |value: &Value| {
            let found = steps
                .iter()
                .try_fold(value.clone(), |value, step| value.get(step).cloned());
            found.filter(|value| !value.is_null())
        };
        if let (Some(before), Some(after)) = (find(before), find(after))
            && before != after
            && !after.is_unknown()
        {
            paths.push(place(steps));
        }
    };
    match fixed(id) {
        Fixed::Nothing => {}
        Fixed::Only(fields) => fields.iter().for_each(|steps| check(steps)),
        Fixed::SpecBut(but) => {
            let spec = after.get("spec").and_then(Value::members);
            let names = spec.into_iter().flatten().map(|(name, _)| name.as_ref());
            for name in names.filter(|name| !but.contains(name)) {
                check(&["spec", name]);
            }
        }
    }
    let is_sealed = before.get("immutable").and_then(Value::as_bool) == Some(true);
    if is_sealed && matches!(id.kind.kind.as_str(), "ConfigMap" | "Secret") {
        for field in ["data", "binaryData"] {
            if before.get(field) != after.get(field) {
                paths.push(place(&[field]));
            }
        }
        if after.get("immutable").and_then(Value::as_bool) != Some(true) {
            paths.push(place(&["immutable"]));
        }
    }
    paths
}

/// A place in the attribute `manifest`.
pub(crate) fn place(steps: &[&str]) -> AttributePath {
    let manifest = AttributePath::attribute("manifest");
    steps.iter().fold(manifest, |path, step| {
        path.join(PathStep::Attribute((*step).into()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_of_what_cannot_change_needs_a_new_object() {
        let check = |before: serde_json::Value, after: serde_json::Value, expected: &[&str]| {
            let (before, after) = (
                Value::from_json(&before).unwrap(),
                Value::from_json(&after).unwrap(),
            );
            let id = ObjectId::of(&after).unwrap();
            let paths = changed(&id, &before, &after);
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            assert_eq!(paths, expected);
        };
        let object = |api: &str, kind: &str, field: &str, value: serde_json::Value| {
            let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a"}});
            object[field] = value;
            object
        };
        let job = |image: &str| {
            object(
                "batch/v1",
                "Job",
                "spec",
                json!({"template": {"image": image}, "suspend": image == "b"}),
            )
        };
        check(job("a"), job("b"), &["manifest.spec.template"]);
        check(job("a"), job("a"), &[]);
        let set = |spec| object("apps/v1", "StatefulSet", "spec", spec);
        check(
            set(json!({"replicas": 1, "serviceName": "a"})),
            set(json!({"replicas": 2, "serviceName": "b"})),
            &["manifest.spec.serviceName"],
        );
        check(
            set(json!({"replicas": 1})),
            set(json!({"replicas": 2, "serviceName": "b"})),
            &[],
        );
        let role = |role: &str| {
            object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "roleRef",
                json!({"name": role}),
            )
        };
        check(role("a"), role("b"), &["manifest.roleRef"]);
        let sealed = |sealed: bool, value: &str| {
            let mut map = object("v1", "ConfigMap", "data", json!({"a": value}));
            map["immutable"] = sealed.into();
            map
        };
        check(sealed(true, "1"), sealed(true, "2"), &["manifest.data"]);
        check(
            sealed(true, "1"),
            sealed(false, "1"),
            &["manifest.immutable"],
        );
        check(sealed(false, "1"), sealed(true, "2"), &[]);
    }
}
