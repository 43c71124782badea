//! What is there already where an object is to be made: it came to be after the plan, or it is what an earlier send made.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use strata_model::Value;
use strata_model::provider::{ProviderError, ProviderErrorKind};

use super::OWNER;
use crate::inventory;
use crate::object_id::ObjectId;

/// A version that a server gives no object. With it, an apply makes an object, and is refused where there is one: in one
/// request, and at the same instant for everybody.
pub(super) const NO_VERSION: &str = "1";

/// Why an object is left alone that is not the one which is recorded under its name.
pub(super) const MADE_SINCE: &str =
    "it is another object of that name, made since by somebody else";

/// The uid of an object, by its attributes; none where it is not known.
pub(super) fn uid(attributes: Option<&Value>) -> Option<&str> {
    let uid = attributes?.get("uid")?.as_str();
    uid.filter(|uid| !uid.is_empty())
}

/// Whether an object is the one of this uid, as far as that is known.
pub(super) fn is_meant(live: &Json, uid: Option<&str>) -> bool {
    uid.is_none_or(|uid| live["metadata"]["uid"] == uid)
}

/// Whether an object carries the label of this owner.
pub(super) fn is_ours(live: &Json, owner: &str) -> bool {
    live["metadata"]["labels"][OWNER] == owner
}

/// Why an object is not this owner's to delete. One that is replaced may never have had a label: an import writes none.
pub(super) fn no_longer_ours(live: &Json, owner: &str, is_replaced: bool) -> Option<String> {
    match live["metadata"]["labels"][OWNER].as_str() {
        Some(label) if label == owner => None,
        Some(label) => Some(format!(
            "it belongs to another project or layer ({OWNER} {label})"
        )),
        None => (!is_replaced).then(|| format!("it has no label {OWNER} any more")),
    }
}

/// Whether an object that is there already may be applied to as if it had been made: it is ours, or every cluster has
/// one like it.
///
/// # Errors
///
/// When it is somebody else's, or still going.
pub(super) fn may_join(live: &Json, id: &ObjectId, owner: &str) -> Result<(), ProviderError> {
    let what = named(id);
    if !live["metadata"]["deletionTimestamp"].is_null() {
        let message = format!("{what} is still being deleted");
        return Err(ProviderError::new(ProviderErrorKind::Busy, message));
    }
    if is_ours(live, owner) || is_every_clusters(live, id) {
        return Ok(());
    }
    let whose = match live["metadata"]["labels"][OWNER].as_str() {
        Some(owner) => {
            format!("another block, layer or Strata project made it ({OWNER} {owner})")
        }
        None => format!("it is not Strata's: {}", holders(live)),
    };
    let message = format!("{what} came to be after the plan was made, and {whose}");
    Err(
        ProviderError::new(ProviderErrorKind::AlreadyExists, message).hint(
            "Plan again: the plan shows what taking it over would change. Or give the object another name.",
        ),
    )
}

/// An object as people name it.
pub(crate) fn named(id: &ObjectId) -> String {
    let (kind, name) = (&id.kind.kind, &id.name);
    match id.namespace.as_str() {
        "" => format!("the {kind} {name}"),
        namespace => format!("the {kind} {name} in {namespace}"),
    }
}

/// What a control plane makes by itself, in each cluster or each namespace, and the namespace that an inventory made, which
/// is nobody's: who declares such an object means that one.
pub(super) fn is_every_clusters(live: &Json, id: &ObjectId) -> bool {
    let name = id.name.as_str();
    let by_name = match (id.kind.group.as_str(), id.kind.kind.as_str()) {
        ("", "Namespace") => {
            let is_nobodys = live["metadata"]["labels"][OWNER].is_null();
            (name == inventory::NAMESPACE && is_nobodys)
                || ["default", "kube-system", "kube-public", "kube-node-lease"].contains(&name)
        }
        ("", "ServiceAccount") => name == "default",
        ("", "ConfigMap") => name == "kube-root-ca.crt",
        _ => false,
    };
    by_name || live["metadata"]["labels"]["kubernetes.io/bootstrapping"].is_string()
}

/// Who holds fields of an object.
fn holders(live: &Json) -> String {
    let entries = live["metadata"]["managedFields"].as_array();
    let names = entries.into_iter().flatten();
    let names: BTreeSet<&str> = names
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        return "nothing says who made it".to_owned();
    }
    format!("its fields are held by {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_ours_or_every_clusters_is_joined() {
        let check = |kind: (&str, &str), metadata: Json, expected: Option<ProviderErrorKind>| {
            let live = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": metadata});
            let id = ObjectId::of(&strata_model::Value::from_json(&live).unwrap()).unwrap();
            let found = may_join(&live, &id, "0123").err().map(|error| error.kind);
            assert_eq!(found, expected, "{live}");
        };
        let map = ("v1", "ConfigMap");
        let foreign = Some(ProviderErrorKind::AlreadyExists);
        check(map, json!({"name": "a"}), foreign);
        check(
            map,
            json!({"name": "a", "labels": {OWNER: "4567"}}),
            foreign,
        );
        check(map, json!({"name": "a", "labels": {OWNER: "0123"}}), None);
        check(
            map,
            json!({"name": "a", "labels": {OWNER: "0123"}, "deletionTimestamp": "now"}),
            Some(ProviderErrorKind::Busy),
        );
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {OWNER: "4567"}}});
        let id = ObjectId::of(&strata_model::Value::from_json(&live).unwrap()).unwrap();
        let refused = may_join(&live, &id, "0123").unwrap_err();
        assert_eq!(
            refused.message,
            "the ConfigMap a came to be after the plan was made, and another block, layer or Strata project made it (strata/owner 4567)"
        );
        check(("v1", "ServiceAccount"), json!({"name": "default"}), None);
        check(("v1", "ServiceAccount"), json!({"name": "web"}), foreign);
        check(("v1", "Namespace"), json!({"name": "kube-system"}), None);
        check(("v1", "Namespace"), json!({"name": "strata-system"}), None);
        check(
            ("v1", "Namespace"),
            json!({"name": "strata-system", "labels": {OWNER: "4567"}}),
            foreign,
        );
        check(("v1", "Namespace"), json!({"name": "shop"}), foreign);
        check(
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            json!({"name": "view", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}),
            None,
        );
    }
}
