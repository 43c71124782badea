//! The order within a layer: what must be there before what.

use std::collections::BTreeSet;

use serde_json::Value;
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_model::layer::INVENTORY_STAGE;

use crate::kinds::Kinds;
use crate::manifest::members_of;

/// Namespaces, and definitions of kinds.
const FIRST: u8 = INVENTORY_STAGE + 1;
/// What workloads refer to: access, configuration, classes.
const REFERRED: u8 = FIRST + 1;
/// Workloads, services, and what looks at them.
const WORKLOADS: u8 = REFERRED + 1;
/// What makes the API server ask a workload.
const WEBHOOKS: u8 = WORKLOADS + 1;
/// Objects of kinds that are defined by others, and what the layer's webhooks look at.
const LAST: u8 = WEBHOOKS + 1;

/// The stage of each object, in their order.
pub(crate) fn assign<'a>(
    objects: impl Iterator<Item = (&'a GroupVersionKind, &'a Value)> + Clone,
    kinds: &Kinds,
) -> Vec<u8> {
    let mut watched = Watched::default();
    for (kind, object) in objects.clone() {
        if kind.group == "admissionregistration.k8s.io" {
            watched.add(object);
        }
    }
    objects
        .map(|(kind, object)| {
            let stage = own_stage(kind, kinds);
            if stage < WEBHOOKS && stage > FIRST && watched.by_a_webhook(kind, object, kinds) {
                LAST
            } else {
                stage
            }
        })
        .collect()
}

fn own_stage(kind: &GroupVersionKind, kinds: &Kinds) -> u8 {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") | ("apiextensions.k8s.io", _) => FIRST,
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", _) => WEBHOOKS,
        (
            "",
            "ConfigMap" | "Secret" | "ServiceAccount" | "ResourceQuota" | "LimitRange"
            | "PersistentVolume",
        )
        | (
            "rbac.authorization.k8s.io"
            | "scheduling.k8s.io"
            | "storage.k8s.io"
            | "node.k8s.io"
            | "flowcontrol.apiserver.k8s.io",
            _,
        )
        | ("networking.k8s.io", "IngressClass") => REFERRED,
        (group, _) if kinds.is_builtin_group(group) => WORKLOADS,
        _ => LAST,
    }
}

/// What the webhooks of a layer look at.
#[derive(Debug, Default)]
struct Watched {
    /// Group and plural; `*` for all of them.
    rules: BTreeSet<(String, String)>,
}

impl Watched {
    fn add(&mut self, configuration: &Value) {
        let webhooks = configuration["webhooks"].as_array().into_iter().flatten();
        // One that is passed over when it does not answer holds nobody up.
        let strict = webhooks.filter(|webhook| webhook["failurePolicy"] != "Ignore");
        let rules = strict.filter_map(|webhook| webhook["rules"].as_array());
        for rule in rules.flatten() {
            let texts = |field: &str| {
                let all = rule[field].as_array().cloned().unwrap_or_default();
                all.into_iter()
                    .filter_map(|value| value.as_str().map(str::to_owned))
                    .collect::<Vec<_>>()
            };
            for group in texts("apiGroups") {
                let resources = texts("resources").into_iter();
                self.rules
                    .extend(resources.map(|resource| (group.clone(), resource)));
            }
        }
    }

    fn by_a_webhook(&self, kind: &GroupVersionKind, object: &Value, kinds: &Kinds) -> bool {
        let Some(resource) = kinds.resource(kind) else {
            return false;
        };
        // What runs the webhook itself must not wait for it.
        let runs_pods = members_of(object).any(|(name, value)| {
            name == "spec" && (value["template"].is_object() || value["containers"].is_array())
        });
        let is_plumbing = kind.group.is_empty() && kind.kind == "Service";
        if runs_pods || is_plumbing {
            return false;
        }
        self.rules.iter().any(|(group, plural)| {
            (group == "*" || *group == kind.group)
                && (plural == "*" || plural == "*/*" || *plural == resource.plural)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::kind_of;

    #[test]
    fn objects_come_after_what_they_need() {
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace"}),
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}),
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment"}),
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}),
            json!({"apiVersion": "strata.example/v1", "kind": "Widget"}),
        ];
        let kinds: Vec<GroupVersionKind> = objects.iter().filter_map(kind_of).collect();
        let stages = assign(kinds.iter().zip(&objects), &Kinds::default());
        assert_eq!(stages, [1, 1, 2, 2, 3, 3, 4, 5]);
    }

    #[test]
    fn what_a_webhook_looks_at_waits_for_it() {
        let rules =
            json!([{"apiGroups": [""], "resources": ["configmaps"], "operations": ["CREATE"]}]);
        let objects = |policy: &str| {
            [
                json!({"apiVersion": "v1", "kind": "ConfigMap"}),
                json!({"apiVersion": "v1", "kind": "Secret"}),
                json!({
                    "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                    "webhooks": [{"rules": rules, "failurePolicy": policy}],
                }),
            ]
        };
        for (policy, expected) in [("Fail", [5, 2, 4]), ("Ignore", [2, 2, 4])] {
            let objects = objects(policy);
            let kinds: Vec<GroupVersionKind> = objects.iter().filter_map(kind_of).collect();
            assert_eq!(
                assign(kinds.iter().zip(&objects), &Kinds::default()),
                expected
            );
        }
    }
}
