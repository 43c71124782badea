//! Fields that others hold and a planned change would take from them: the server refuses that, and people are to know it
//! before they decide.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;
use strata_kubernetes_merge::object::{self, Author, ObjectError, Rules};
use strata_kubernetes_merge::updater::{Conflict, UpdateError};
use strata_kubernetes_merge::{Path, PathElement};
use strata_model::preflight::{Finding, FindingKind};
use strata_model::provider::ProviderError;
use strata_model::{Severity, Value};

use super::{existing, owners};
use crate::api::{Api, MANAGER};
use crate::object_id::ObjectId;
use crate::observe;

/// When a write is thought to happen: it happens never, and managed fields have a time.
const NEVER: &str = "1970-01-01T00:00:00Z";

/// The objects that were read, and whether somebody else held more than the status of each. Those in which nobody did
/// are not worth another look before a change.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<BTreeMap<ObjectId, bool>>);

impl Shared {
    /// Takes note of an object that was read.
    pub(super) fn meet(&self, id: &ObjectId, live: &Json) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.insert(id.clone(), has_others(live));
    }

    /// Whether others may hold fields of an object. One that was not read by this connection may be anybody's.
    pub(super) fn may_have(&self, id: &ObjectId) -> bool {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.get(id).is_none_or(|has_others| *has_others)
    }
}

fn has_others(live: &Json) -> bool {
    let entries = live["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().any(|entry| {
        let is_ours = entry["manager"] == MANAGER && entry["operation"] == "Apply";
        let fields = entry["fieldsV1"].as_object();
        !is_ours && fields.is_some_and(|fields| fields.keys().any(|field| field != "f:status"))
    })
}

/// Which fields the server would refuse to change without force, as the object is now. What clients hold that are taken
/// over is none of them, nor what is not known yet, nor what is held in another version of the kind: the server tells.
///
/// # Errors
///
/// When the server does not say what there is.
pub(super) async fn look(
    api: &Api,
    recorded: &ObjectId,
    sent: &Value,
) -> Result<Option<Finding>, ProviderError> {
    // The version that is written, which may be another than the one that is recorded.
    let id = ObjectId::of(sent).unwrap_or_else(|| recorded.clone());
    let resource = api.resource(&id.kind).await?;
    let live = api
        .get(&resource.path(&id.namespace, Some(&id.name)))
        .await?;
    let (Some(live), Some(wanted)) = (live, known(sent)) else {
        return Ok(None);
    };
    let version = id.kind.api_version();
    let named = (version.as_str(), id.kind.kind.as_str());
    let rules = match api.kinds_for(&id.kind).await?.type_of(&id.kind) {
        Some((schema, ty)) => Rules::new(schema, ty, named),
        None => Rules::deduced(named),
    };
    let rules = rules.with_reset([(version.clone(), resource.reset_fields())].into());
    let author = Author {
        manager: MANAGER,
        subresource: "",
        time: NEVER,
    };
    let applied = object::apply(&rules, Some(&live), &wanted, (author, false));
    let Err(ObjectError::Update(UpdateError::Conflicts { conflicts })) = applied else {
        // Whatever else is wrong with it is not for this look to say.
        return Ok(None);
    };
    let refused = conflicts.iter().filter_map(|Conflict { manager, path }| {
        let holder = observe::described(manager);
        let counts = !observe::is_client(&holder) && is_known_at(sent, path);
        counts.then(|| (path.to_string(), holder))
    });
    let refused: Vec<(String, String)> = refused.collect();
    let told: Vec<String> = refused
        .iter()
        .map(|(path, holder)| format!("{path} is held by {holder}"))
        .collect();
    Ok((!refused.is_empty()).then(|| Finding {
        severity: Severity::Error,
        kind: FindingKind::Refused,
        change: None,
        message: format!(
            "Others hold fields of {} that would change: {}.",
            existing::named(&id),
            told.join("; ")
        ),
        hint: owners::conflict_hint(refused.iter().map(|(path, _)| path.as_str())),
    }))
}

/// What is known of an object. A list with anything unknown in it is left out: it may be one value.
fn known(value: &Value) -> Option<Json> {
    if value.is_unknown() {
        return None;
    }
    match value.members() {
        Some(members) => {
            let members = members.iter();
            let members =
                members.filter_map(|(name, member)| Some((name.to_string(), known(member)?)));
            Some(members.collect())
        }
        None if value.elements().is_some() && value.has_unknown() => None,
        None => Some(value.to_json()),
    }
}

/// Whether all of what is to be at a field is known: a map may be one value, of which a part was left out.
fn is_known_at(sent: &Value, path: &Path) -> bool {
    let mut at = sent;
    for element in path.elements() {
        let PathElement::Field(name) = element else {
            break;
        };
        match at.get(name) {
            Some(member) => at = member,
            None => break,
        }
    }
    !at.has_unknown()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strata_model::Type;

    use super::*;

    #[test]
    fn others_hold_more_than_a_status_or_nothing_that_counts() {
        let live = |manager: &str, operation: &str, fields: Json| {
            json!({"metadata": {"managedFields": [
                {"manager": manager, "operation": operation, "fieldsV1": fields},
            ]}})
        };
        let data = || json!({"f:data": {"f:x": {}}});
        assert!(!has_others(&live("strata", "Apply", data())));
        assert!(has_others(&live("strata", "Update", data())));
        assert!(has_others(&live("flux", "Apply", data())));
        let status = json!({"f:status": {"f:phase": {}}});
        assert!(!has_others(&live("controller", "Update", status)));
        assert!(!has_others(&json!({"metadata": {}})));
    }

    #[test]
    fn what_is_not_known_yet_is_no_conflict() {
        let unknown = || Value::unknown(Type::String);
        let sent = Value::object([
            ("list", Value::tuple(vec!["a".into(), unknown()])),
            (
                "map",
                Value::object([("a", Value::from("1")), ("b", unknown())]),
            ),
            ("set", Value::tuple(vec!["a".into()])),
        ]);
        let expected = json!({"map": {"a": "1"}, "set": ["a"]});
        assert_eq!(known(&sent), Some(expected));
        assert!(!is_known_at(&sent, &Path::of_fields(&["map"])));
        assert!(is_known_at(&sent, &Path::of_fields(&["map", "a"])));
        assert!(is_known_at(&sent, &Path::of_fields(&["set"])));
    }
}
