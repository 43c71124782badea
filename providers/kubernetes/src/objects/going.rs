//! What an object waits for that is being deleted.

use serde_json::Value as Json;

/// The finalizers by which a control plane itself empties what is deleted. They go when it is empty, and not before.
const EMPTYING: [&str; 2] = ["kubernetes", "customresourcecleanup.apiextensions.k8s.io"];

/// What an object that is being deleted waits for, and what can be done about it.
pub(super) fn holders(live: &Json) -> (String, &'static str) {
    let named = |at: &str| {
        live.pointer(at)
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
    };
    let all = named("/metadata/finalizers").chain(named("/spec/finalizers"));
    let all: Vec<&str> = all.filter_map(Json::as_str).collect();
    let is_emptied = all.iter().any(|name| EMPTYING.contains(name));
    let others: Vec<&str> = all
        .into_iter()
        .filter(|name| !EMPTYING.contains(name))
        .collect();
    if !others.is_empty() {
        return (
            format!("waits for its finalizers {}", others.join(", ")),
            "Whoever set the finalizers must take them away; the next run goes on waiting.",
        );
    }
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let what = format!(
        "the {} {}",
        text(&live["kind"]),
        text(&live["metadata"]["name"])
    );
    let messages: Vec<String> = remaining(live).collect();
    let reason = match (is_emptied, messages.is_empty()) {
        (false, _) => {
            return (
                "waits until it is gone".to_owned(),
                "The next run goes on waiting.",
            );
        }
        (true, true) => format!("{what} still holds objects"),
        (true, false) => format!("{what} still holds objects: {}", messages.join(" ")),
    };
    (
        reason,
        "What holds these objects, such as finalizers of their own, must let them go; the next run goes on waiting.",
    )
}

/// What the conditions say of what is left in a namespace, or of a definition.
fn remaining(live: &Json) -> impl Iterator<Item = String> {
    let conditions = live["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let is_about_it = |condition: &&Json| {
        let ty = condition["type"].as_str().unwrap_or_default();
        condition["status"] == "True" && (ty.starts_with("Namespace") || ty == "Terminating")
    };
    let messages = conditions.filter(is_about_it);
    let messages = messages.filter_map(|condition| condition["message"].as_str());
    messages.map(|message| format!("{}.", message.trim_end_matches(['.', ' '])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_what_holds_it() {
        let check = |live: Json, expected: &str, may_unset: bool| {
            let (reason, hint) = holders(&live);
            assert_eq!(reason, expected);
            assert_eq!(hint.contains("must take them away"), may_unset, "{hint}");
        };
        let condition = |ty: &str, status: &str, message: &str| json!({"type": ty, "status": status, "message": message});
        check(
            json!({"kind": "Namespace", "metadata": {"name": "team1"}, "spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": [
                condition("NamespaceDeletionContentFailure", "False", "All content successfully deleted"),
                condition("NamespaceContentRemaining", "True", "Some resources are remaining: configmaps. has 1 resource instances"),
                condition("NamespaceFinalizersRemaining", "True", "Some content in the namespace has finalizers remaining: ex.io/hold in 1 resource instances"),
            ]}}),
            "the Namespace team1 still holds objects: Some resources are remaining: configmaps. has 1 resource instances. Some content in the namespace has finalizers remaining: ex.io/hold in 1 resource instances.",
            false,
        );
        check(
            json!({"kind": "CustomResourceDefinition", "metadata": {"name": "a.b", "finalizers": ["customresourcecleanup.apiextensions.k8s.io"]},
            "status": {"conditions": [
                condition("Established", "True", "the initial names have been accepted"),
                condition("Terminating", "True", "CustomResource deletion is in progress"),
            ]}}),
            "the CustomResourceDefinition a.b still holds objects: CustomResource deletion is in progress.",
            false,
        );
        check(
            json!({"kind": "Namespace", "metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes", "ex.io/hold"]}}),
            "waits for its finalizers ex.io/hold",
            true,
        );
        check(
            json!({"kind": "Pod", "metadata": {"name": "a"}}),
            "waits until it is gone",
            false,
        );
    }
}
