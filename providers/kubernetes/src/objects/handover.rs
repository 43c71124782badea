//! Taking over what clients hold that write objects without applying them.

use serde_json::{Value as Json, json};
use strata_kubernetes_merge::managed::{Entry, Operation};
use strata_kubernetes_merge::{FieldSet, ManagedFields, Manager};

use crate::api::MANAGER;
use crate::observe;

/// What kubectl remembers of what it applied; it speaks for nobody any more once Strata does.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who holds which fields of an object. Fields that cannot be read are nobody's.
pub(super) fn managed_of(live: &Json) -> ManagedFields {
    let managed = live.pointer("/metadata/managedFields").cloned();
    ManagedFields::decode(&managed.unwrap_or_default()).unwrap_or_default()
}

/// A patch that makes those of the wanted fields ours that clients hold; `None` when they hold none. What else they hold
/// stays theirs: an apply takes away what we hold and do not ask for.
pub(super) fn patch(live: &Json, wanted: &FieldSet) -> Option<Json> {
    let mut managed = managed_of(live);
    let clients = managed.iter().filter(|(manager, entry)| {
        manager.operation() == Operation::Update
            && observe::is_client(&observe::described(manager))
            && !entry.fields.intersection(wanted).is_empty()
    });
    let clients: Vec<Manager> = clients.map(|(manager, _)| manager.clone()).collect();
    if clients.is_empty() {
        return None;
    }
    let mut ours = managed.remove(&Manager::applier(MANAGER));
    for client in clients {
        let theirs = managed.remove(&client)?;
        let taken = theirs.fields.intersection(wanted);
        let left = theirs.fields.difference(wanted);
        let entry = ours.unwrap_or_else(|| Entry {
            fields: FieldSet::new(),
            ..theirs.clone()
        });
        ours = Some(Entry {
            fields: entry.fields.union(&taken),
            ..entry
        });
        let left = Entry {
            fields: left,
            ..theirs
        };
        managed.set(client, left);
    }
    managed.set(Manager::applier(MANAGER), ours?);
    let version = live["metadata"]["resourceVersion"].clone();
    let mut patch = vec![
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}),
        json!({"op": "replace", "path": "/metadata/managedFields", "value": managed.encode()}),
    ];
    if live["metadata"]["annotations"][LAST_APPLIED].is_string() {
        let name = LAST_APPLIED.replace('/', "~1");
        patch.push(json!({"op": "remove", "path": format!("/metadata/annotations/{name}")}));
    }
    Some(Json::Array(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_are_asked_for_are_taken() {
        let live = json!({"metadata": {"resourceVersion": "7", "managedFields": [
            {"manager": "strata", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:data": {"f:b": {}}}},
            {"manager": "kubectl-patch", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:data": {".": {}, "f:a": {}, "f:theirs": {}}}},
            {"manager": "other", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:data": {"f:b": {}}}},
        ]}});
        let wanted: FieldSet = [["data", "a"], ["data", "b"]]
            .iter()
            .map(|path| strata_kubernetes_merge::Path::of_fields(path))
            .collect();
        let found = patch(&live, &wanted).unwrap();
        let fields = |manager: &str| {
            let entries = found[1]["value"].as_array().unwrap();
            let entry = entries.iter().find(|entry| entry["manager"] == manager);
            entry.map(|entry| entry["fieldsV1"]["f:data"].clone())
        };
        assert_eq!(fields("strata"), Some(json!({"f:a": {}, "f:b": {}})));
        assert_eq!(
            fields("kubectl-patch"),
            Some(json!({".": {}, "f:theirs": {}}))
        );
        assert_eq!(fields("other"), Some(json!({"f:b": {}})));
        let other = [strata_kubernetes_merge::Path::of_fields(&["data", "c"])];
        assert_eq!(patch(&live, &other.into_iter().collect()), None);
    }
}
