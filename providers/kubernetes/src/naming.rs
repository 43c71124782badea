//! How objects, labels and annotations may be named: what every server that is known here refuses, before one is asked.

use std::fmt;

use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_model::provider::ArgumentFault;
use strata_model::{AttributePath, Value};

use crate::immutable::place;
use crate::kinds;

/// How long names may be that are domain names.
const LONGEST: usize = 253;

/// How long the value of a label may be.
const LABEL: usize = 63;

/// How the names of the priority classes begin that are Kubernetes' own, and which these are.
const SYSTEM: &str = "system-";
const SYSTEM_CLASSES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];

/// How much annotations may hold, with their keys.
const ANNOTATIONS_KIB: usize = 256;

/// What names may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Parts between dots, each a label, of so many bytes at most.
    Subdomain(usize),
    Label,
    /// What can stand between two slashes.
    Segment,
}

impl Rule {
    /// The rule for an object of a kind. Services begin with a letter on some servers only.
    fn of(kind: &GroupVersionKind, is_custom: bool, manifest: &Value) -> Self {
        let is_own = !kinds::served_by(kind).is_empty();
        match (kind.group.as_str(), kind.kind.as_str()) {
            _ if is_custom => Rule::Subdomain(LONGEST),
            _ if !is_own => Rule::Segment,
            ("", "Namespace" | "Service") | ("apps", "StatefulSet") => Rule::Label,
            // What it adds to the names of its Jobs has eleven letters.
            ("batch", "CronJob") => Rule::Subdomain(LABEL - 11),
            ("batch", "Job") if labels_its_pods(manifest) => Rule::Subdomain(LABEL),
            // Only the newer API asks more of the name of an Event.
            ("", "Event") => Rule::Segment,
            (
                "rbac.authorization.k8s.io"
                | "policy"
                | "apiregistration.k8s.io"
                | "certificates.k8s.io",
                _,
            )
            | ("networking.k8s.io", "IPAddress")
            | ("coordination.k8s.io", "LeaseCandidate")
            | ("internal.apiserver.k8s.io", _) => Rule::Segment,
            _ => Rule::Subdomain(LONGEST),
        }
    }

    fn allows(self, name: &str) -> bool {
        match self {
            Rule::Subdomain(longest) => name.len() <= longest && name.split('.').all(is_part),
            Rule::Label => name.len() <= LABEL && is_part(name),
            Rule::Segment => !matches!(name, "." | "..") && !name.contains(['/', '%']),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Subdomain(longest) => write!(
                f,
                "at most {longest} lower-case letters, digits, '-' and '.', with a letter or digit at both ends and beside each '.'"
            ),
            Rule::Label => write!(
                f,
                "at most {LABEL} lower-case letters, digits and '-', with a letter or digit at both ends"
            ),
            Rule::Segment => f.write_str("neither '.' nor '..', without '/' and '%'"),
        }
    }
}

/// What no server takes of the names in a manifest. What is not known yet is not judged.
pub(crate) fn faults(
    manifest: &Value,
    kind: &GroupVersionKind,
    is_custom: bool,
) -> Vec<ArgumentFault> {
    let mut found = Found::default();
    let rule = Rule::of(kind, is_custom, manifest);
    // A name that is another's needs no other fault: it has to be another one anyway.
    if !found.reserved(manifest, kind) {
        found.name(manifest, &["metadata", "name"], rule);
    }
    found.name(manifest, &["metadata", "namespace"], Rule::Label);
    found.marks(manifest, &["metadata"]);
    for steps in templates(kind) {
        found.marks(manifest, steps);
    }
    for steps in selectors(kind) {
        found.labels(manifest, steps);
    }
    found.0
}

/// The same of the arguments of a Secret.
pub(crate) fn secret_faults(config: &Value) -> Vec<ArgumentFault> {
    let metadata = Value::object([("metadata", config.clone())]);
    let kind = GroupVersionKind::of("v1", "Secret");
    at_the_top(faults(&metadata, &kind, false), 2)
}

/// Faults of arguments that stand at the top, and not under so many steps as they were looked for.
fn at_the_top(mut faults: Vec<ArgumentFault>, below: usize) -> Vec<ArgumentFault> {
    for fault in &mut faults {
        let own: Vec<_> = fault.path.steps().iter().skip(below).cloned().collect();
        fault.path = own.into();
    }
    faults
}

/// The same of the arguments of a data source. Without a name it would be told of all objects of the kind.
pub(crate) fn data_faults(config: &Value) -> Vec<ArgumentFault> {
    let mut found = Found::default();
    found.name(config, &["name"], Rule::Segment);
    found.name(config, &["namespace"], Rule::Label);
    let is_empty = |name: &Value| name.as_str().is_some_and(str::is_empty);
    if config.get("name").is_some_and(is_empty) {
        found.add(place(&["name"]), "must not be empty.".to_owned());
    }
    at_the_top(found.0, 1)
}

/// Why no namespace can be called so.
pub(crate) fn namespace_fault(name: &str) -> Option<String> {
    let is_wrong = !name.is_empty() && !Rule::Label.allows(name);
    is_wrong.then(|| format!("is {}, and must be {}.", quoted(name), Rule::Label))
}

/// Whether the name of a Job becomes a label of its pods: it does where a server makes its selector. What is not known
/// yet may say that it does not.
fn labels_its_pods(manifest: &Value) -> bool {
    let spec = manifest.get("spec");
    if spec.is_some_and(Value::is_unknown) {
        return false;
    }
    let manual = spec.and_then(|spec| spec.get("manualSelector"));
    manual.is_none_or(|manual| manual.is_null() || manual.as_bool() == Some(false))
}

/// Where a kind describes the metadata of objects that are made of it, as far as a server looks at them: what a CronJob
/// says of its Jobs is judged when it makes one.
fn templates(kind: &GroupVersionKind) -> &'static [&'static [&'static str]] {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => &[&["spec", "template", "metadata"]],
        ("batch", "CronJob") => &[&["spec", "jobTemplate", "spec", "template", "metadata"]],
        _ => &[],
    }
}

/// Where a kind has labels by which it finds others.
fn selectors(kind: &GroupVersionKind) -> &'static [&'static [&'static str]] {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet") => {
            &[&["spec", "selector", "matchLabels"]]
        }
        ("", "Service") => &[&["spec", "selector"]],
        _ => &[],
    }
}

#[derive(Debug, Default)]
struct Found(Vec<ArgumentFault>);

impl Found {
    fn add(&mut self, path: AttributePath, message: String) {
        self.0.push(ArgumentFault { path, message });
    }

    fn name(&mut self, manifest: &Value, steps: &[&str], rule: Rule) {
        let name = at(manifest, steps).filter(|name| !name.has_secret());
        let name = name.and_then(Value::as_str);
        if let Some(name) = name.filter(|name| !name.is_empty() && !rule.allows(name)) {
            self.add(
                place(steps),
                format!("is {}, and must be {rule}.", quoted(name)),
            );
        }
    }

    /// The name of a priority class that only Kubernetes may have; whether it is one.
    fn reserved(&mut self, manifest: &Value, kind: &GroupVersionKind) -> bool {
        let is_class =
            (kind.group.as_str(), kind.kind.as_str()) == ("scheduling.k8s.io", "PriorityClass");
        let steps = ["metadata", "name"];
        let name = at(manifest, &steps).filter(|name| is_class && !name.has_secret());
        let name = name.and_then(Value::as_str);
        let name = name.filter(|name| name.starts_with(SYSTEM) && !SYSTEM_CLASSES.contains(name));
        if let Some(name) = name {
            let message = format!(
                "is {}, and only Kubernetes' own priority classes begin with {SYSTEM}.",
                quoted(name)
            );
            self.add(place(&steps), message);
        }
        name.is_some()
    }

    /// Labels and annotations.
    fn marks(&mut self, manifest: &Value, steps: &[&str]) {
        self.labels(manifest, &[steps, &["labels"]].concat());
        self.annotations(manifest, &[steps, &["annotations"]].concat());
    }

    fn labels(&mut self, manifest: &Value, steps: &[&str]) {
        for (key, value) in at(manifest, steps)
            .and_then(Value::members)
            .into_iter()
            .flatten()
        {
            self.key(key, steps, false);
            let Some(text) = value.as_str().filter(|text| !is_label_value(text)) else {
                continue;
            };
            let is = if value.has_secret() {
                "a value that cannot be one".to_owned()
            } else {
                quoted(text)
            };
            let rule =
                "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
            let message = format!(
                "has {is} at {}, and a label's value is empty or {rule}.",
                quoted(key)
            );
            self.add(place(steps), message);
        }
    }

    fn annotations(&mut self, manifest: &Value, steps: &[&str]) {
        let mut bytes = 0;
        for (key, value) in at(manifest, steps)
            .and_then(Value::members)
            .into_iter()
            .flatten()
        {
            self.key(key, steps, true);
            bytes += key.len() + value.as_str().map_or(0, str::len);
        }
        if bytes > ANNOTATIONS_KIB * 1024 {
            let message =
                format!("hold {bytes} bytes with their keys, and may hold {ANNOTATIONS_KIB} KiB.");
            self.add(place(steps), message);
        }
    }

    /// A key: a name, and perhaps whose it is in front. That of an annotation may be in capitals.
    fn key(&mut self, key: &str, steps: &[&str], any_case: bool) {
        let (owner, name) = match key.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, key),
        };
        let owned_well = owner.is_none_or(|owner| {
            let lower = owner.to_ascii_lowercase();
            Rule::Subdomain(LONGEST).allows(if any_case { &lower } else { owner })
        });
        if owned_well && !name.is_empty() && is_label_value(name) {
            return;
        }
        let rule = "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, perhaps behind a domain name and one '/'";
        self.add(
            place(steps),
            format!("has the key {}, and a key is {rule}.", quoted(key)),
        );
    }
}

fn at<'v>(manifest: &'v Value, steps: &[&str]) -> Option<&'v Value> {
    steps
        .iter()
        .try_fold(manifest, |value, step| value.get(step))
}

/// Whether a text is one part of a name.
fn is_part(text: &str) -> bool {
    let has_ends = |is_end: fn(&u8) -> bool| {
        let bytes = text.as_bytes();
        bytes.first().is_some_and(is_end) && bytes.last().is_some_and(is_end)
    };
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    has_ends(is_plain) && text.bytes().all(|byte| is_plain(&byte) || byte == b'-')
}

fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let mut all = bytes.iter();
    text.len() <= LABEL
        && is_end(bytes.first())
        && is_end(bytes.last())
        && all.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// A text as it is told of, and of a long one its length.
fn quoted(text: &str) -> String {
    if text.chars().count() <= 80 {
        return format!("\"{}\"", text.escape_debug());
    }
    let begin: String = text.chars().take(40).collect();
    format!(
        "\"{}…\" ({} characters)",
        begin.escape_debug(),
        text.chars().count()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strata_model::Type;

    use super::*;

    fn found(manifest: &Value, is_custom: bool) -> Vec<String> {
        let text = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap();
        let kind = GroupVersionKind::of(text("apiVersion"), text("kind"));
        let faults = faults(manifest, &kind, is_custom).into_iter();
        faults
            .map(|fault| format!("{} {}", fault.path, fault.message))
            .collect()
    }

    fn named(api: &str, kind: &str, name: &str) -> Vec<String> {
        let manifest = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
        found(&Value::from_json(&manifest).unwrap(), false)
    }

    #[test]
    fn names_go_by_the_kind() {
        let long = "a".repeat(64);
        let (rbac, classes) = ("rbac.authorization.k8s.io/v1", "scheduling.k8s.io/v1");
        for (api, kind, name, is_good) in [
            ("v1", "ConfigMap", "My_App", false),
            ("v1", "ConfigMap", "my.app-1", true),
            ("v1", "ConfigMap", "my..app", false),
            ("v1", "ConfigMap", "-a", false),
            ("v1", "ConfigMap", &long, true),
            ("v1", "ConfigMap", &"a".repeat(254), false),
            ("v1", "Namespace", "a.b", false),
            ("v1", "Namespace", &long, false),
            ("v1", "Service", "a.b", false),
            ("v1", "Service", "1a", true),
            ("apps/v1", "StatefulSet", "a.b", false),
            ("apps/v1", "Deployment", "a.b", true),
            ("batch/v1", "CronJob", &"a".repeat(53), false),
            ("batch/v1", "Job", &long, false),
            ("batch/v1", "Job", "a.b", true),
            (classes, "PriorityClass", "system-mine", false),
            (classes, "PriorityClass", "system-node-critical", true),
            (classes, "PriorityClass", "systemic", true),
            (rbac, "ClusterRole", "system:Foo_bar", true),
            (rbac, "ClusterRole", "a/b", false),
            (rbac, "RoleBinding", "..", false),
            ("apiregistration.k8s.io/v1", "APIService", "v1.", true),
            ("policy/v1", "PodDisruptionBudget", "My_App", true),
            ("v1", "Event", "web.17a:B_c", true),
            ("v1", "Event", "a/b", false),
            ("events.k8s.io/v1", "Event", "web.17a", true),
            ("events.k8s.io/v1", "Event", "web.17a:B_c", false),
            ("example.com/v1", "User", "system:admin", true),
            ("example.com/v1", "User", "a/b", false),
        ] {
            assert_eq!(named(api, kind, name).is_empty(), is_good, "{kind} {name}");
        }
        assert_eq!(
            named("v1", "Namespace", "Foo"),
            [
                "manifest.metadata.name is \"Foo\", and must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends."
            ]
        );
        for name in ["system-", "system-Mine"] {
            assert_eq!(
                named(classes, "PriorityClass", name),
                [format!(
                    "manifest.metadata.name is \"{name}\", and only Kubernetes' own priority classes begin with system-."
                )]
            );
        }
        let widget =
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a:b"}});
        let widget = Value::from_json(&widget).unwrap();
        assert_eq!(
            (found(&widget, false).len(), found(&widget, true).len()),
            (0, 1)
        );
    }

    #[test]
    fn a_jobs_name_is_a_label_of_its_pods_unless_it_selects_them_itself() {
        let job = |spec: Value| {
            let metadata = Value::object([("name", Value::from("a".repeat(64)))]);
            let manifest = Value::object([
                ("apiVersion", "batch/v1".into()),
                ("kind", "Job".into()),
                ("metadata", metadata),
                ("spec", spec),
            ]);
            found(&manifest, false).len()
        };
        let manual = |value: Value| Value::object([("manualSelector", value)]);
        assert_eq!(job(manual(false.into())), 1);
        assert_eq!(job(manual(Value::null())), 1);
        assert_eq!(job(manual(true.into())), 0);
        assert_eq!(job(manual(Value::unknown(Type::Bool))), 0);
        assert_eq!(job(Value::unknown(Type::Any)), 0);
    }

    #[test]
    fn one_fault_for_each_label_and_annotation() {
        let labels = json!({
            "app": "a b", "x/y/z": "", "Upper.com/a": "b", "a.com/b": "C_d.e", "": "a", "-a": "b", "e": "", "l": "x".repeat(64), "n": 1,
        });
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "a", "namespace": "Foo", "labels": labels,
            "annotations": {"Upper.com/a": "any thing", "a b": "c", "big": "x".repeat(256 * 1024)},
        }});
        let faults = found(&Value::from_json(&manifest).unwrap(), false);
        let begins = |begin: &str| {
            faults
                .iter()
                .filter(|fault| fault.starts_with(begin))
                .count()
        };
        let place = "manifest.metadata";
        for begin in [
            format!("{place}.namespace is \"Foo\", "),
            format!("{place}.labels has \"a b\" at \"app\", "),
            format!("{place}.labels has the key \"x/y/z\", "),
            format!("{place}.labels has the key \"Upper.com/a\", "),
            format!("{place}.labels has the key \"\", "),
            format!("{place}.labels has the key \"-a\", "),
            format!("{place}.labels has \"{}\" at \"l\", ", "x".repeat(64)),
            format!("{place}.annotations has the key \"a b\", "),
            format!("{place}.annotations hold 262171 bytes "),
        ] {
            assert_eq!(begins(&begin), 1, "{begin} in {faults:#?}");
        }
        assert_eq!(faults.len(), 9, "{faults:#?}");
    }

    #[test]
    fn templates_and_selectors_have_labels() {
        let bad = json!({"app": "a b"});
        let manifest = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
            "selector": {"matchLabels": bad}, "template": {"metadata": {"labels": bad}},
        }});
        let places = |manifest| {
            let faults = found(&Value::from_json(&manifest).unwrap(), false);
            let places = faults
                .iter()
                .map(|fault| fault.split(' ').next().unwrap().to_owned());
            places.collect::<Vec<_>>()
        };
        assert_eq!(
            places(manifest),
            [
                "manifest.spec.template.metadata.labels",
                "manifest.spec.selector.matchLabels"
            ]
        );
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": bad}});
        assert_eq!(places(service), ["manifest.spec.selector"]);
        // A server looks at the labels of the pods, and not at those of the Jobs between.
        let marks = json!({"labels": bad, "annotations": {"a b": "c"}});
        let jobs = json!({"metadata": marks, "spec": {"template": {"metadata": {"labels": bad}}}});
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": {"jobTemplate": jobs}});
        assert_eq!(
            places(cron),
            ["manifest.spec.jobTemplate.spec.template.metadata.labels"]
        );
    }

    #[test]
    fn arguments_of_a_secret_are_named_as_they_are_written() {
        let config = Value::from_json(
            &json!({"name": "My_App", "namespace": "shop", "labels": {"a": "-"}, "annotations": null}),
        );
        let faults = secret_faults(&config.unwrap());
        let places: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
        assert_eq!(places, ["name", "labels"]);
    }

    #[test]
    fn what_is_unknown_is_not_judged_and_what_is_secret_not_told() {
        let metadata = Value::object([
            ("name", Value::unknown(Type::String)),
            ("namespace", Value::unknown(Type::String)),
            (
                "labels",
                Value::object([
                    ("a", Value::unknown(Type::String)),
                    ("b", Value::from("x y").into_secret()),
                ]),
            ),
            ("annotations", Value::unknown(Type::Any)),
        ]);
        let manifest = Value::object([
            ("apiVersion", "v1".into()),
            ("kind", "Secret".into()),
            ("metadata", metadata),
        ]);
        let faults = found(&manifest, false);
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].contains("has a value that cannot be one at \"b\""),
            "{faults:?}"
        );
    }
}
