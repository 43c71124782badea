//! Fields that an API server does not let change: their change needs a new object.

use std::collections::BTreeSet;
use std::sync::Arc;

use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::{AttributePath, Members, PathStep, Value};

use crate::normal::rebuilt;
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
        ("", "Pod") => Fixed::SpecBut(&[
            "containers",
            "initContainers",
            "activeDeadlineSeconds",
            "schedulingGates",
            "terminationGracePeriodSeconds",
            "tolerations",
        ]),
        ("", "Service") => Fixed::Only(&[&["spec", "clusterIP"]]),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            Fixed::Only(&[&["spec", "scope"], &["spec", "group"]])
        }
        ("networking.k8s.io", "IngressClass") => Fixed::Only(&[&["spec", "controller"]]),
        _ => Fixed::Nothing,
    }
}

/// The places, below the attribute `manifest`, whose change needs a new object, as deep as it goes without a list. What is
/// left out before or after was or will be the server's to choose, and is no change.
///
/// `others` is the attribute `managers` of what was read: what goes from a manifest and is held by them stays in the object
/// as it is.
pub(crate) fn changed(
    id: &ObjectId,
    (before, after): (&Value, &Value),
    others: Option<&Value>,
) -> Vec<AttributePath> {
    let mut found = Differences {
        others: others.and_then(Value::members),
        paths: Vec::new(),
    };
    match fixed(id) {
        Fixed::Nothing => {}
        Fixed::Only(fields) => fields
            .iter()
            .for_each(|steps| found.of_field(steps, (before, after))),
        Fixed::SpecBut(but) => {
            let spec = after.get("spec").and_then(Value::members);
            let names = spec.into_iter().flatten().map(|(name, _)| name.as_ref());
            for name in names.filter(|name| !but.contains(name)) {
                found.of_field(&["spec", name], (before, after));
            }
        }
    }
    if id.kind.group.is_empty() && id.kind.kind == "Pod" {
        for field in ["containers", "initContainers"] {
            let of = |pod: &Value| pod.get("spec")?.get(field).map(without_images);
            if let (Some(before), Some(after)) = (of(before), of(after))
                && before != after
                && !after.is_unknown()
            {
                found.paths.push(place(&["spec", field]));
            }
        }
    }
    let is_sealed = before.get("immutable").and_then(Value::as_bool) == Some(true);
    if is_sealed && matches!(id.kind.kind.as_str(), "ConfigMap" | "Secret") {
        for field in ["data", "binaryData"] {
            found.of_member(&place(&[]), field, (before, after));
        }
        if after.get("immutable").and_then(Value::as_bool) != Some(true) {
            found.paths.push(place(&["immutable"]));
        }
    }
    found.paths
}

/// The parts by which two manifests describe two objects.
pub(crate) fn identity(old: &ObjectId, new: &ObjectId) -> Vec<AttributePath> {
    let parts: [(bool, &[&str]); 4] = [
        (old.kind.group != new.kind.group, &["apiVersion"]),
        (old.kind.kind != new.kind.kind, &["kind"]),
        (old.namespace != new.namespace, &["metadata", "namespace"]),
        (old.name != new.name, &["metadata", "name"]),
    ];
    let changed = parts.into_iter().filter(|(differs, _)| *differs);
    changed.map(|(_, steps)| place(steps)).collect()
}

/// Where two manifests differ: in members of their parts, or in a part as a whole.
struct Differences<'v> {
    /// Who else holds fields of the first, by field.
    others: Option<&'v Members>,
    paths: Vec<AttributePath>,
}

impl Differences<'_> {
    /// Of a field that both have.
    fn of_field(&mut self, steps: &[&str], (before, after): (&Value, &Value)) {
        let find = |value: &Value| {
            let found = steps
                .iter()
                .try_fold(value.clone(), |value, step| value.get(step).cloned());
            found.filter(|value| !value.is_null() && value.as_str() != Some(""))
        };
        if let (Some(before), Some(after)) = (find(before), find(after))
            && !after.is_unknown()
        {
            self.of_values(&place(steps), (&before, &after));
        }
    }

    fn of_values(&mut self, at: &AttributePath, (before, after): (&Value, &Value)) {
        if before == after {
            return;
        }
        let is_open = !before.is_secret() && !after.is_secret();
        let sides = before.members().zip(after.members()).filter(|_| is_open);
        let Some((own, new)) = sides else {
            return self.paths.push(at.clone());
        };
        let names: BTreeSet<&Arc<str>> = own
            .keys()
            .chain(new.keys())
            .filter(|name| self.is_changed(at, name, (before, after)))
            .collect();
        // A path has no other names when it is read again.
        let is_plain = |name: &&Arc<str>| !name.is_empty() && !name.contains(['.', '[']);
        if !names.iter().all(is_plain) {
            return self.paths.push(at.clone());
        }
        for name in names {
            self.of_member(at, name, (before, after));
        }
    }

    fn of_member(&mut self, at: &AttributePath, name: &str, sides: (&Value, &Value)) {
        if !self.is_changed(at, name, sides) {
            return;
        }
        let place = at.join(PathStep::Attribute(name.into()));
        match (member(sides.0, name), member(sides.1, name)) {
            (Some(before), Some(after)) => self.of_values(&place, (before, after)),
            (None, _) | (_, None) => self.paths.push(place),
        }
    }

    fn is_changed(
        &self,
        at: &AttributePath,
        name: &str,
        (before, after): (&Value, &Value),
    ) -> bool {
        match (member(before, name), member(after, name)) {
            (Some(before), None) => !self.stays(&format!("{}.{name}", field(at)), before),
            (before, after) => before != after,
        }
    }

    /// Whether what goes from a manifest is all held by others.
    fn stays(&self, field: &str, value: &Value) -> bool {
        let Some(others) = self.others else {
            return false;
        };
        let members = value.members().filter(|members| !members.is_empty());
        others.contains_key(field)
            || members.is_some_and(|members| {
                let mut members = members.iter();
                members.all(|(name, member)| self.stays(&format!("{field}.{name}"), member))
            })
    }
}

/// A member that is not left out.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|member| !member.is_null())
}

/// A place in the attribute `manifest`, as a server names fields. There are no lists on the way to it.
fn field(place: &AttributePath) -> String {
    let names = place.steps().iter().skip(1).filter_map(|step| match step {
        PathStep::Attribute(name) => Some(format!(".{name}")),
        PathStep::Key(_) | PathStep::Index(_) => None,
    });
    names.collect()
}

/// Containers without what alone can change of those of a pod.
fn without_images(containers: &Value) -> Value {
    let Some(elements) = containers.elements() else {
        return containers.clone();
    };
    let elements = elements.iter().map(|container| {
        let Some(members) = container.members() else {
            return container.clone();
        };
        let mut members = members.clone();
        members.remove("image");
        rebuilt(container, members)
    });
    Value::tuple(elements.collect())
}

/// Whether an object may be replaced because these of its fields change.
///
/// # Errors
///
/// A claim may not: its volume, with all that is on it, may go with it.
pub(crate) fn may_be_replaced(
    id: &ObjectId,
    changed: &[AttributePath],
) -> Result<(), ProviderError> {
    let is_claim = id.kind.group.is_empty() && id.kind.kind == "PersistentVolumeClaim";
    if !is_claim || changed.is_empty() {
        return Ok(());
    }
    let fields: Vec<String> = changed.iter().map(ToString::to_string).collect();
    let message = format!(
        "The claim {} cannot be changed so, and a claim is never replaced, as its volume may go with it: {}.",
        id.name,
        fields.join(", ")
    );
    Err(
        ProviderError::new(ProviderErrorKind::Invalid, message).hint(
            "Leave these fields as they are, or declare a claim of another name and move the data.",
        ),
    )
}

/// Whether an object that is made in another's place takes over what that one runs: a StatefulSet its pods, whose claims
/// stay in any case. With another selector it would not find them.
pub(crate) fn takes_pods_over(before: &Value, after: &Value) -> bool {
    let (Some(old), Some(new)) = (ObjectId::of(before), ObjectId::of(after)) else {
        return false;
    };
    let is_set = old.kind.group == "apps" && old.kind.kind == "StatefulSet";
    let selector = |manifest: &Value| manifest.get("spec")?.get("selector").cloned();
    let selectors = (selector(before), selector(after));
    is_set && old.is_same(&new) && selectors.0.is_some() && selectors.0 == selectors.1
}

/// What people must know, and allow, before an object is replaced that is not lost with its replacement but runs
/// something; `None` where they need not.
pub(crate) fn risk(
    (before, after): (&Value, &Value),
    others: Option<&Value>,
) -> Option<&'static str> {
    let id = ObjectId::of(after)?;
    let runs = id.kind.group == "apps"
        && matches!(
            id.kind.kind.as_str(),
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet"
        );
    let is_same = ObjectId::of(before).is_some_and(|old| old.is_same(&id));
    if !runs || !is_same || changed(&id, (before, after), others).is_empty() {
        return None;
    }
    Some(if takes_pods_over(before, after) {
        "its pods and their claims stay, and the new one takes them over"
    } else {
        "its pods go with it"
    })
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

    fn check(before: &serde_json::Value, after: &serde_json::Value, expected: &[&str]) {
        check_among(&json!({}), (before, after), expected);
    }

    /// The same where others hold fields of the first.
    fn check_among(
        others: &serde_json::Value,
        (before, after): (&serde_json::Value, &serde_json::Value),
        expected: &[&str],
    ) {
        let value = |json| Value::from_json(json).unwrap();
        let (before, after) = (value(before), value(after));
        let id = ObjectId::of(&after).unwrap();
        let paths = changed(&id, (&before, &after), Some(&value(others)));
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(paths, expected);
    }

    fn object(api: &str, kind: &str, field: &str, value: serde_json::Value) -> serde_json::Value {
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a"}});
        object[field] = value;
        object
    }

    #[test]
    fn a_change_of_what_cannot_change_needs_a_new_object() {
        let job = |image: &str| {
            object(
                "batch/v1",
                "Job",
                "spec",
                json!({"template": {"image": image}, "suspend": image == "b"}),
            )
        };
        check(&job("a"), &job("b"), &["manifest.spec.template.image"]);
        check(&job("a"), &job("a"), &[]);
        let set = |spec| object("apps/v1", "StatefulSet", "spec", spec);
        check(
            &set(json!({"replicas": 1, "serviceName": "a"})),
            &set(json!({"replicas": 2, "serviceName": "b"})),
            &["manifest.spec.serviceName"],
        );
        check(
            &set(json!({"replicas": 1})),
            &set(json!({"replicas": 2, "serviceName": "b"})),
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
        check(&role("a"), &role("b"), &["manifest.roleRef.name"]);
        let service =
            |address: &str| object("v1", "Service", "spec", json!({"clusterIP": address}));
        check(
            &service("None"),
            &service("10.0.0.9"),
            &["manifest.spec.clusterIP"],
        );
        check(&service(""), &service("10.0.0.9"), &[]);
        let definition = |scope: &str| {
            let api = "apiextensions.k8s.io/v1";
            object(
                api,
                "CustomResourceDefinition",
                "spec",
                json!({"scope": scope}),
            )
        };
        check(
            &definition("Cluster"),
            &definition("Namespaced"),
            &["manifest.spec.scope"],
        );
        let pod = |image: &str, port: u16, node: &str| {
            let containers =
                json!([{"name": "a", "image": image, "ports": [{"containerPort": port}]}]);
            let spec = json!({"containers": containers, "tolerations": [{"key": image}], "nodeName": node});
            object("v1", "Pod", "spec", spec)
        };
        check(&pod("a", 1, "n"), &pod("b", 1, "n"), &[]);
        check(
            &pod("a", 1, "n"),
            &pod("a", 2, "m"),
            &["manifest.spec.nodeName", "manifest.spec.containers"],
        );
    }

    #[test]
    fn what_needs_a_new_object_is_named_as_deep_as_it_goes() {
        let sealed = |sealed: bool, value: &str| {
            let mut map = object("v1", "ConfigMap", "data", json!({"a": value}));
            map["immutable"] = sealed.into();
            map
        };
        check(&sealed(true, "1"), &sealed(true, "2"), &["manifest.data.a"]);
        let labels = |labels| {
            let selector = json!({"selector": {"matchLabels": labels}});
            object("apps/v1", "Deployment", "spec", selector)
        };
        check(
            &labels(json!({"a": "b", "c": "d", "e": null})),
            &labels(json!({"a": "x", "b": "y", "c": "d"})),
            &[
                "manifest.spec.selector.matchLabels.a",
                "manifest.spec.selector.matchLabels.b",
            ],
        );
        // A name with a dot would be two in a path.
        check(
            &labels(json!({"a.b/c": "d"})),
            &labels(json!({"a.b/c": "e"})),
            &["manifest.spec.selector.matchLabels"],
        );
        check(
            &sealed(true, "1"),
            &sealed(false, "1"),
            &["manifest.immutable"],
        );
        check(&sealed(false, "1"), &sealed(true, "2"), &[]);
    }

    #[test]
    fn what_others_hold_stays_and_needs_no_new_object() {
        let job = |labels| {
            let spec = json!({"template": {"metadata": {"labels": labels}}});
            object("batch/v1", "Job", "spec", spec)
        };
        let (before, after) = (
            job(json!({"app": "a", "by.them/uid": "1", "b": "2"})),
            job(json!({"app": "a"})),
        );
        let labels = ".spec.template.metadata.labels";
        let held = |names: &[&str]| {
            let names = names.iter();
            let held = names.map(|name| (format!("{labels}.{name}"), json!("controller (update)")));
            serde_json::Value::Object(held.collect())
        };
        check_among(&held(&["by.them/uid", "b"]), (&before, &after), &[]);
        check_among(
            &held(&["by.them/uid"]),
            (&before, &after),
            &["manifest.spec.template.metadata.labels.b"],
        );
        let without = object("batch/v1", "Job", "spec", json!({"template": {}}));
        check_among(
            &held(&["app", "by.them/uid", "b"]),
            (&before, &without),
            &[],
        );
        // Another value is asked for all the same.
        check_among(
            &held(&["app", "by.them/uid", "b"]),
            (&before, &job(json!({"app": "b"}))),
            &["manifest.spec.template.metadata.labels.app"],
        );
        // What is left out and what is null is the same.
        let with_null = job(json!({"app": "a", "by.them/uid": null}));
        check(&with_null, &after, &[]);
    }

    #[test]
    fn another_object_differs_by_its_name() {
        let id = |text: &str| ObjectId::parse(text).unwrap();
        let old = id("apiVersion=v1,kind=ConfigMap,namespace=a,name=a");
        let new = id("apiVersion=v1,kind=Secret,name=b");
        let paths: Vec<String> = identity(&old, &new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            paths,
            [
                "manifest.kind",
                "manifest.metadata.namespace",
                "manifest.metadata.name"
            ]
        );
    }
}
