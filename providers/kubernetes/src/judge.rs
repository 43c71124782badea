//! Judging objects before their cluster is asked: by the schemas of the version that it will have, and by definitions of
//! kinds in the same plan.

use std::sync::Arc;

use serde_json::Value as Json;
use strata_kubernetes_merge::TypedValue;
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::typed::{Duplicates, TypeProblemKind};
use strata_model::judge::{Judge, Outlook, Unserved, Verdict};
use strata_model::provider::ArgumentFault;
use strata_model::{AttributePath, Kind, Value};

use crate::dump::Schemas;
use crate::kinds::{self, Kinds};
use crate::misfit;
use crate::naming;
use crate::scope;
use crate::types::ObjectType;

/// By what is judged that a file describes.
const GIVEN: &str = "the given schemas";

/// Judges objects for one cluster.
#[derive(Debug)]
pub(crate) struct ByKinds {
    kinds: Kinds,
    /// The minor whose kinds they are; `None` where they are those of a file.
    minor: Option<&'static str>,
    /// Whether the kinds are those that the cluster will have.
    is_certain: bool,
    basis: Arc<str>,
}

impl ByKinds {
    /// By what is known of a cluster. A file of another minor than the cluster's counts only for kinds that are not
    /// Kubernetes' own.
    pub(crate) fn new(outlook: Outlook<'_>, given: Option<&Schemas>) -> Self {
        let wanted = outlook.version.and_then(kinds::minor_of);
        let manifests = outlook.definitions.iter();
        let definitions = manifests.filter_map(|config| Some(json_of(config.get("manifest")?)));
        let definitions: Vec<Json> = definitions.collect();
        let is_of = |given: &&Schemas| match (&given.minor, &wanted) {
            (Some(minor), Some(wanted)) => minor == wanted,
            (None, _) | (_, None) => true,
        };
        if let Some(given) = given.filter(is_of) {
            return ByKinds {
                kinds: Kinds::published(Arc::clone(&given.all)).with_definitions(&definitions),
                minor: None,
                is_certain: given.is_whole,
                basis: GIVEN.into(),
            };
        }
        let minor = kinds::nearest(wanted.as_deref());
        let is_certain = wanted.as_deref() == Some(minor);
        let basis = if is_certain {
            format!("the schema of Kubernetes {minor}")
        } else {
            let newest = kinds::nearest(None) == minor;
            let which = if newest { "newest" } else { "oldest" };
            format!("the schema of Kubernetes {minor}, the {which} that is known here")
        };
        let mut kinds = Kinds::of_minor(minor);
        if let Some(given) = given {
            kinds = kinds.with_others(Arc::clone(&given.custom));
        }
        ByKinds {
            kinds: kinds.with_definitions(&definitions),
            minor: Some(minor),
            is_certain,
            basis: basis.into(),
        }
    }

    /// What the kinds are of, in words.
    fn of(&self) -> String {
        match self.minor {
            Some(minor) => format!("Kubernetes {minor}"),
            None => "the given schemas".to_owned(),
        }
    }

    fn unserved(&self, kind: &GroupVersionKind) -> Option<Unserved> {
        if self.kinds.resource(kind).is_some() {
            return None;
        }
        let served = self.kinds.versions(kind);
        let minors = kinds::served_by(kind);
        // A file of a part of the kinds says nothing of the others.
        let is_part = self.minor.is_none() && !self.is_certain;
        // What nobody here knows may be there, but not in a group of Kubernetes itself.
        let is_unknown = minors.is_empty() && !kinds::is_own_group(&kind.group);
        if served.is_empty() && (is_unknown || is_part) {
            return None;
        }
        let is_custom = self.kinds.is_custom(kind);
        let (version, name) = (kind.api_version(), &kind.kind);
        let message = match self.minor {
            _ if is_custom => {
                format!("The definition of {name} in this plan does not serve {version}.")
            }
            None => format!("The given schemas have no {name} of {version}."),
            Some(minor) => {
                let known = match (minors.first(), minors.last()) {
                    (Some(first), _) if kinds::is_newer(first, minor) => {
                        format!(" It comes with {first}.")
                    }
                    (_, Some(last)) => format!(" The last to serve it was {last}."),
                    (_, None) => String::new(),
                };
                format!("Kubernetes {minor} serves no {name} of {version}.{known}")
            }
        };
        let written = |version: &String| {
            let instead = GroupVersionKind {
                version: version.clone(),
                ..kind.clone()
            };
            format!("Write it as {}.", instead.api_version())
        };
        let hint = match served.first() {
            Some(version) => Some(written(version)),
            None if minors.is_empty() => kinds::meant(kind)
                .map(|meant| format!("Did you mean {} of {}?", meant.kind, meant.api_version())),
            None => None,
        };
        Some(Unserved {
            message,
            hint,
            is_certain: is_custom || self.is_certain,
        })
    }

    /// What the schema of its kind refuses of a manifest.
    fn misfits(&self, kind: &GroupVersionKind, given: &Value) -> Vec<String> {
        let Some((schema, ty)) = self.kinds.type_of(kind) else {
            return Vec::new();
        };
        let is_open = given.has_unknown();
        let named = if self.kinds.is_custom(kind) || self.kinds.is_other(kind) {
            format!("{} {}", kind.api_version(), kind.kind)
        } else {
            format!("{} {} of {}", kind.api_version(), kind.kind, self.of())
        };
        let manifest = as_sent(given);
        let typed = TypedValue::new(
            manifest.to_json(),
            Arc::clone(&schema),
            ty.clone(),
            Duplicates::Refused,
        );
        match typed {
            Err(error) => error
                .problems
                .iter()
                .filter(|problem| !(is_open && is_of_a_key(&problem.kind)))
                .map(|problem| {
                    let described = misfit::described(problem, &manifest, (&schema, &ty));
                    format!("does not fit {named}: {described}")
                })
                .collect(),
            // What is not known yet is not missing; which of it stands where is not followed.
            Ok(_) if is_open => Vec::new(),
            Ok(typed) => typed
                .missing()
                .iter()
                // A server makes the whole parts of an object itself where they are left out.
                .filter(|path| path.elements().len() > 1)
                .map(|path| format!("has no {path}, which {named} needs."))
                .collect(),
        }
    }
}

impl Judge for ByKinds {
    fn judge(&self, resource_type: &str, config: &Value) -> Verdict {
        let ty = ObjectType::of(resource_type)
            .filter(|ty| matches!(ty, ObjectType::Object | ObjectType::Member));
        let given = config.get("manifest").filter(|given| !given.is_unknown());
        let Some((ty, given)) = ty.zip(given) else {
            return Verdict {
                basis: Some(Arc::clone(&self.basis)),
                ..Verdict::default()
            };
        };
        let Some(kind) = kind_of(given) else {
            return Verdict::default();
        };
        let at = AttributePath::attribute("manifest");
        let mut faults = naming::faults(given, &kind, self.kinds.is_custom(&kind));
        let misfits = self.misfits(&kind, given).into_iter();
        faults.extend(misfits.map(|message| ArgumentFault {
            path: at.clone(),
            message,
        }));
        let resource = self.kinds.resource(&kind);
        faults.extend(resource.and_then(|resource| scope::fault(ty, resource, given)));
        let basis = if self.kinds.is_custom(&kind) {
            Some("the definition of its kind in this plan".into())
        } else if self.kinds.is_other(&kind) {
            Some(GIVEN.into())
        } else {
            let described = self.kinds.type_of(&kind).is_some();
            described.then(|| Arc::clone(&self.basis))
        };
        Verdict {
            faults,
            unserved: self.unserved(&kind),
            basis,
        }
    }
}

/// Whether arguments are those of a custom resource definition.
pub(crate) fn is_definition(config: &Value) -> bool {
    let kind = config.get("manifest").and_then(kind_of);
    kind.is_some_and(|kind| {
        kind == GroupVersionKind::of("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    })
}

fn kind_of(given: &Value) -> Option<GroupVersionKind> {
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    Some(GroupVersionKind::of(text("apiVersion")?, text("kind")?))
}

/// What is known of a manifest, as it is sent.
fn json_of(given: &Value) -> Json {
    as_sent(given).to_json()
}

fn as_sent(given: &Value) -> Value {
    let config = Value::object([("manifest", known(given))]);
    ObjectType::Object.manifest(&config)
}

/// A value without what is not known of it yet.
fn known(value: &Value) -> Value {
    if !value.has_unknown() {
        return value.clone();
    }
    match value.kind() {
        Kind::Object(members) | Kind::Map(_, members) => {
            let known_ones = members.iter().filter(|(_, member)| !member.is_unknown());
            Value::object(known_ones.map(|(name, member)| (name.clone(), known(member))))
        }
        Kind::List(_, elements) | Kind::Tuple(elements) => {
            let known_ones = elements.iter().filter(|element| !element.is_unknown());
            Value::tuple(known_ones.map(known).collect())
        }
        Kind::Set(..)
        | Kind::Null(_)
        | Kind::Unknown(_)
        | Kind::Bool(_)
        | Kind::Number(_)
        | Kind::String(_) => value.clone(),
    }
}

/// Whether a problem is one of the keys by which items are known: one of them may become known later.
fn is_of_a_key(problem: &TypeProblemKind) -> bool {
    matches!(
        problem,
        TypeProblemKind::NoKeys { .. }
            | TypeProblemKind::NotAKey
            | TypeProblemKind::Duplicate { .. }
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strata_model::Type;

    use super::*;

    fn config(manifest: &Json) -> Value {
        Value::object([("manifest", Value::from_json(manifest).unwrap())])
    }

    fn by(version: Option<&str>, definitions: &[Value]) -> ByKinds {
        let outlook = Outlook {
            version,
            definitions,
        };
        ByKinds::new(outlook, None)
    }

    fn object(api_version: &str, kind: &str) -> Value {
        config(&json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}))
    }

    fn widgets() -> Value {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
        }}}});
        config(&json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.strata.example"},
            "spec": {
                "group": "strata.example", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        }))
    }

    #[test]
    fn an_api_is_served_by_some_minors_only() {
        let check =
            |version: Option<&str>, api: &str, kind: &str, expected: Option<(&str, bool)>| {
                let found = by(version, &[]).judge("layer", &object(api, kind));
                let found = found.unserved.map(|found| {
                    let hint = found.hint.unwrap_or_default();
                    (format!("{} {hint}", found.message), found.is_certain)
                });
                let expected = expected.map(|(text, certain)| (text.to_owned(), certain));
                assert_eq!(found, expected, "{version:?} {api}");
            };
        let flow = "flowcontrol.apiserver.k8s.io/v1beta3";
        check(Some("1.31"), flow, "FlowSchema", None);
        let of = |minor: &str| {
            format!(
                "Kubernetes {minor} serves no FlowSchema of {flow}. The last to serve it was 1.31. Write it as flowcontrol.apiserver.k8s.io/v1."
            )
        };
        check(Some("1.32"), flow, "FlowSchema", Some((&of("1.32"), true)));
        check(
            Some("v1.36.4-eks-1"),
            flow,
            "FlowSchema",
            Some((&of("1.36"), true)),
        );
        check(None, flow, "FlowSchema", Some((&of("1.36"), false)));
        check(Some("1.99"), flow, "FlowSchema", Some((&of("1.36"), false)));
        let early = "Kubernetes 1.33 serves no DeviceClass of resource.k8s.io/v1. It comes with 1.34. Write it as resource.k8s.io/v1beta2.";
        check(
            Some("1.33"),
            "resource.k8s.io/v1",
            "DeviceClass",
            Some((early, true)),
        );
        let old = "Kubernetes 1.35 serves no PodDisruptionBudget of policy/v1beta1. Write it as policy/v1.";
        check(
            Some("1.35"),
            "policy/v1beta1",
            "PodDisruptionBudget",
            Some((old, true)),
        );
        let misspelt =
            "Kubernetes 1.36 serves no Deploymnt of apps/v1. Did you mean Deployment of apps/v1?";
        check(Some("1.36"), "apps/v1", "Deploymnt", Some((misspelt, true)));
        check(None, "apps/v1", "Deploymnt", Some((misspelt, false)));
        let plural = "Kubernetes 1.36 serves no Pods of v1. Did you mean Pod of v1?";
        check(None, "v1", "Pods", Some((plural, false)));
        let gone = "Kubernetes 1.36 serves no PodSecurityPolicy of policy/v1beta1. ";
        check(
            None,
            "policy/v1beta1",
            "PodSecurityPolicy",
            Some((gone, false)),
        );
        // Whatever nobody here knows may be there.
        check(Some("1.35"), "example.com/v1", "Deployment", None);
    }

    #[test]
    fn definitions_of_the_plan_judge_their_kinds() {
        let widget = |version: &str, spec: Json| {
            config(&json!({
                "apiVersion": format!("strata.example/{version}"), "kind": "Widget",
                "metadata": {"name": "a", "namespace": "b", "labels": {"a": "b"}}, "spec": spec,
            }))
        };
        let good = widget("v1", json!({"size": 3}));
        let bad = widget("v1", json!({"size": "big", "colour": "blue"}));
        let unknown = by(Some("1.35"), &[]).judge("layer", &bad);
        assert!(unknown.faults.is_empty() && unknown.basis.is_none());
        assert!(is_definition(&widgets()) && !is_definition(&good));
        let known = by(Some("1.35"), &[widgets()]);
        assert!(known.judge("layer", &good).faults.is_empty());
        let verdict = known.judge("layer", &bad);
        let faults = verdict.faults.iter().map(|fault| fault.message.as_str());
        assert_eq!(
            faults.collect::<Vec<_>>(),
            [
                "does not fit strata.example/v1 Widget: .spec.colour: there is no such field.",
                "does not fit strata.example/v1 Widget: .spec.size must be a number, and this is the string \"big\".",
            ]
        );
        assert_eq!(
            verdict.basis.as_deref(),
            Some("the definition of its kind in this plan")
        );
        let other = known.judge("layer", &widget("v2", json!({})));
        let unserved = other.unserved.unwrap();
        assert!(unserved.is_certain);
        assert_eq!(
            unserved.message,
            "The definition of Widget in this plan does not serve strata.example/v2."
        );
        assert_eq!(
            unserved.hint.as_deref(),
            Some("Write it as strata.example/v1.")
        );
    }

    #[test]
    fn what_is_not_known_yet_is_not_judged_and_hides_nothing() {
        let deployment = |port: Value, spelling: &str| {
            let container = Value::object([
                ("name", "web".into()),
                ("image", Value::unknown(Type::String)),
                (
                    "ports",
                    Value::tuple(vec![Value::object([("containerPort", port)])]),
                ),
            ]);
            let pod = Value::object([(spelling, Value::tuple(vec![container]))]);
            let spec = Value::object([
                ("replicas", Value::unknown(Type::Number)),
                ("template", Value::object([("spec", pod)])),
            ]);
            Value::object([(
                "manifest",
                Value::object([
                    ("apiVersion", "apps/v1".into()),
                    ("kind", "Deployment".into()),
                    (
                        "metadata",
                        Value::object([("name", "web".into()), ("namespace", "shop".into())]),
                    ),
                    ("spec", spec),
                ]),
            )])
        };
        let judge = by(Some("1.36"), &[]);
        let open = deployment(Value::unknown(Type::Number), "containers");
        let faults = judge.judge("layer", &open).faults;
        assert!(faults.is_empty(), "{faults:?}");
        let slip = deployment(Value::unknown(Type::Number), "container");
        let faults = judge.judge("layer", &slip).faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(
            faults[0].message,
            "does not fit apps/v1 Deployment of Kubernetes 1.36: .spec.template.spec.container: there is no such field. Did you mean \"containers\"?"
        );
    }

    #[test]
    fn objects_are_put_where_their_kind_lives() {
        let check = |ty: &str, object: Json, expected: &str| {
            let judge = by(Some("1.35"), &[widgets()]);
            let faults = judge.judge(ty, &config(&object)).faults;
            let told: Vec<String> = faults
                .iter()
                .map(|fault| format!("{} {}", fault.path, fault.message))
                .collect();
            assert_eq!(told.join("; "), expected, "{object}");
        };
        let outside = |ty: &str, kind: &str| {
            let why = match ty {
                "layer" => {
                    " The layer's is given to kinds of Kubernetes, and to those that it or a layer in its depends_on defines."
                }
                _ => "",
            };
            format!(
                "manifest.metadata.namespace is missing: objects of the kind {kind} live in namespaces. Write one, such as \"default\".{why}"
            )
        };
        let inside = "manifest.metadata.namespace must be left out: objects of the kind Namespace live in no namespace.";
        let object = |api: &str, kind: &str, namespace: Option<&str>| {
            let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a"}});
            if let Some(namespace) = namespace {
                object["metadata"]["namespace"] = namespace.into();
            }
            object
        };
        let shop = Some("shop");
        for ty in ["kubernetes_object", "layer"] {
            check(ty, object("v1", "ConfigMap", shop), "");
            for none in [None, Some("")] {
                let map = object("v1", "ConfigMap", none);
                check(ty, map, &outside(ty, "ConfigMap"));
            }
            check(ty, object("v1", "Namespace", None), "");
            let widget = object("strata.example/v1", "Widget", None);
            check(ty, widget, &outside(ty, "Widget"));
            // Nothing is known of it.
            check(ty, object("other.example/v1", "Widget", None), "");
        }
        check("kubernetes_object", object("v1", "Namespace", shop), inside);
        check("layer", object("v1", "Namespace", shop), "");
        let open = Value::object([
            ("name", "a".into()),
            ("namespace", Value::unknown(Type::String)),
        ]);
        for metadata in [open, Value::unknown(Type::Any)] {
            let manifest = Value::object([
                ("apiVersion", "v1".into()),
                ("kind", "ConfigMap".into()),
                ("metadata", metadata),
            ]);
            let config = Value::object([("manifest", manifest)]);
            let verdict = by(None, &[]).judge("kubernetes_object", &config);
            assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
        }
    }

    #[test]
    fn a_file_counts_in_place_of_the_same_minor() {
        let dump = crate::dump::tests::dump().to_string();
        let given = Schemas::read(dump.as_bytes()).unwrap();
        let by = |version| {
            let outlook = Outlook {
                version,
                definitions: &[],
            };
            ByKinds::new(outlook, Some(&given))
        };
        let flow = object("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema");
        let widget = config(&json!({
            "apiVersion": "strata.example/v1", "kind": "Widget", "metadata": {"name": "a"}, "size": "big",
        }));
        for version in [None, Some("1.31")] {
            let verdict = by(version).judge("layer", &flow);
            assert_eq!(verdict.unserved, None);
            assert_eq!(verdict.basis.as_deref(), Some("the given schemas"));
            let newer = object("flowcontrol.apiserver.k8s.io/v1", "FlowSchema");
            let unserved = by(version).judge("layer", &newer).unserved.unwrap();
            assert_eq!(
                unserved.message,
                "The given schemas have no FlowSchema of flowcontrol.apiserver.k8s.io/v1."
            );
        }
        // Of another minor only what is not Kubernetes' own says something.
        let verdict = by(Some("1.32")).judge("layer", &flow);
        assert!(verdict.unserved.is_some_and(|found| found.is_certain));
        let verdict = by(Some("1.32")).judge("layer", &widget);
        assert_eq!(verdict.basis.as_deref(), Some("the given schemas"));
        assert_eq!(
            verdict.faults[0].message,
            "does not fit strata.example/v1 Widget: .size must be a number, and this is the string \"big\"."
        );
    }

    #[test]
    fn a_file_of_one_group_says_nothing_of_the_others() {
        let id = json!({"group": "apps", "version": "v1beta1", "kind": "Deployment"});
        let document = json!({
            "components": {"schemas": {"Deployment": {"type": "object", "x-kubernetes-group-version-kind": [id]}}},
            "paths": {"/apis/apps/v1beta1/namespaces/{namespace}/deployments/{name}": {
                "get": {"x-kubernetes-group-version-kind": id},
            }},
        });
        let given = Schemas::read(document.to_string().as_bytes()).unwrap();
        let judge = ByKinds::new(Outlook::default(), Some(&given));
        let unserved = |api: &str, kind: &str| judge.judge("layer", &object(api, kind)).unserved;
        assert_eq!(unserved("v1", "ConfigMap"), None);
        assert!(unserved("apps/v1", "Deployment").is_some_and(|found| !found.is_certain));
    }

    #[test]
    fn the_nearest_minor_judges() {
        let basis = |version| by(version, &[]).basis;
        assert_eq!(&*basis(Some("1.35")), "the schema of Kubernetes 1.35");
        let newest = "the schema of Kubernetes 1.36, the newest that is known here";
        assert_eq!(&*basis(Some("1.40")), newest);
        assert_eq!(&*basis(None), newest);
        assert_eq!(&*basis(Some("latest")), newest);
        let oldest = "the schema of Kubernetes 1.31, the oldest that is known here";
        assert_eq!(&*basis(Some("1.9")), oldest);
    }
}
