//! Whose an object is, by its label.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;
use strata_kubernetes_merge::Manager;
use strata_model::provider::{ReadPurpose, ReadRequest};
use strata_model::{Lineage, Value};

use super::{OWNER, existing, handover, owner};
use crate::api::MANAGER;
use crate::observe::{self, Managers};

/// The field of the label, as [`observe::Seen::managers`] names fields.
const FIELD: &str = ".metadata.labels.strata/owner";

/// How the owner of somebody else's object begins.
const ANOTHER: &str = "another Strata project or layer";

/// How it begins where the object is recorded here: they took it over.
const BY_NOW: &str = "another Strata project or layer by now";

/// Stands for the owner of an object whose label was taken away.
const NOBODY: &str = "nobody: it was taken away";

/// Stands for the owner of an object that is taken over and never had a label.
const NEVER: &str = "nobody: it never had one";

/// Stands for the owner of an object that was made in the place of the recorded one.
const ANEW: &str = "nobody: the object was made anew";

/// The owners of one state's objects, as far as they were met.
#[derive(Debug)]
pub(crate) struct Owners {
    lineage: Lineage,
    /// Before what is recorded is read, that of objects outside layers.
    met: Mutex<BTreeSet<String>>,
    has_read: AtomicBool,
}

impl Owners {
    pub(crate) fn new(lineage: Lineage) -> Self {
        let outside_layers = owner(lineage, &Value::null());
        Owners {
            lineage,
            met: Mutex::new([outside_layers].into()),
            has_read: AtomicBool::new(false),
        }
    }

    /// Whose state it is.
    pub(super) fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Takes note of the owners of what is recorded: an object may be on its way from one layer or block to another.
    pub(super) fn meet(&self, batch: &[ReadRequest<'_>]) {
        let recorded: Vec<&Value> = batch
            .iter()
            .filter_map(|request| request.recorded)
            .collect();
        if !recorded.is_empty() {
            self.has_read.store(true, Ordering::Relaxed);
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = recorded.into_iter();
        met.extend(recorded.map(|recorded| owner(self.lineage, recorded)));
    }

    /// Whether a delete would leave a recorded object alone, as its label is not of this state any more. Nothing is
    /// known of that while nothing recorded was read.
    pub(super) fn leave_alone(&self, live: &Json) -> bool {
        let is_ours = label_of(live).is_some_and(|label| self.has_met(label));
        !is_ours && self.has_read.load(Ordering::Relaxed)
    }

    /// What is to be told of an object's label, so that a change puts it right: of what is recorded, where it is not what
    /// was applied or the object is another one; of what is to be taken over, where it has none or somebody else's.
    pub(super) fn told(&self, live: &Json, request: &ReadRequest<'_>) -> Managers {
        let found = match request.purpose {
            ReadPurpose::Refresh => {
                let recorded = request.recorded;
                recorded.and_then(|recorded| self.of_recorded(live, recorded))
            }
            ReadPurpose::Adopt | ReadPurpose::Import => {
                let config = request.config;
                config.and_then(|config| self.of_found(live, config))
            }
            ReadPurpose::Data => None,
        };
        let found = found.map(|owner| (FIELD.to_owned(), owner));
        found.into_iter().collect()
    }

    fn of_found(&self, live: &Json, config: &Value) -> Option<String> {
        let Some(label) = label_of(live) else {
            return Some(NEVER.to_owned());
        };
        let is_ours = label == owner(self.lineage, config) || self.has_met(label);
        (!is_ours).then(|| format!("{ANOTHER} ({OWNER} {label})"))
    }

    fn of_recorded(&self, live: &Json, recorded: &Value) -> Option<String> {
        let label = label_of(live);
        if let Some(label) = label.filter(|label| *label != owner(self.lineage, recorded)) {
            return Some(self.other(live, label));
        }
        if !existing::is_meant(live, existing::uid(Some(recorded))) {
            return Some(ANEW.to_owned());
        }
        label.is_none().then(|| without_label(recorded).to_owned())
    }

    /// Who put a label there that is not of the layer or block which the object is recorded for.
    fn other(&self, live: &Json, label: &str) -> String {
        let path = strata_kubernetes_merge::Path::of_fields(&["metadata", "labels", OWNER]);
        let managed = handover::managed_of(live);
        let applied = managed.get(&Manager::applier(MANAGER));
        // Only Strata applies under its name, so that it was applied for somebody else: no server tells that as a conflict.
        let is_applied = applied.is_some_and(|entry| entry.fields.contains(path.elements()));
        if is_applied && !self.has_met(label) {
            return format!("{BY_NOW} ({OWNER} {label})");
        }
        let holder = observe::holder(&managed, &path);
        holder.unwrap_or_else(|| format!("{OWNER} {label}"))
    }

    /// Whether a label is of an owner that this state has objects of.
    fn has_met(&self, label: &str) -> bool {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.contains(label)
    }
}

fn label_of(live: &Json) -> Option<&str> {
    live["metadata"]["labels"][OWNER].as_str()
}

/// What is told of the owner, by the attribute `managers`.
fn told_of(held: Option<&Value>) -> Option<&str> {
    held?.get(FIELD)?.as_str()
}

/// What became of the label of a recorded object that has none. Every apply writes one, so that what is recorded as it was
/// applied has lost it; what was only imported is recorded without.
fn without_label(recorded: &Value) -> &'static str {
    let told = told_of(recorded.get("managers"));
    let known = [NEVER, ANEW].into_iter().find(|one| told == Some(*one));
    known.unwrap_or(NOBODY)
}

/// What somebody did to an object so that its deletion would leave it alone also where it is to be replaced, and what to do
/// about it. That it has no label stands in the way of no replacement.
pub(crate) fn stays(held: Option<&Value>) -> Option<(String, String)> {
    let (done, hint) = match told_of(held)? {
        NOBODY | NEVER => return None,
        ANEW => (
            "made it anew since it was recorded".to_owned(),
            "Delete it if nobody needs it, or take it out of the state with strata state rm: the next plan takes it over, and replaces it.".to_owned(),
        ),
        _ => (
            format!("changed its label {OWNER} since it was made"),
            format!("Put the label {OWNER} back if it is still yours, or leave it to them with strata state rm."),
        ),
    };
    Some((done, hint))
}

/// What to do where others hold these fields of an object, which are to change.
pub(crate) fn conflict_hint<'f>(fields: impl IntoIterator<Item = &'f str>) -> String {
    const OF_FIELDS: &str =
        "Leave these fields out of the manifest, or take them over with conflicts = \"take\".";
    let (mut label, mut others) = (false, false);
    for field in fields {
        if field == FIELD {
            label = true;
        } else {
            others = true;
        }
    }
    let of_label = format!(
        "The label {OWNER} says whose the object is. If it is theirs by now, take it out of the definitions, and out of the state with strata state rm. If it is yours, let them leave the label alone, or take it back with conflicts = \"take\"."
    );
    match (label, others) {
        (true, false) => of_label,
        (true, true) => format!("{OF_FIELDS} {of_label}"),
        (false, _) => OF_FIELDS.to_owned(),
    }
}

/// Why a recorded object is not this state's to delete, by what was told of its label.
pub(crate) fn not_ours(held: Option<&Value>) -> Option<String> {
    let owner = told_of(held)?;
    Some(match owner {
        NOBODY => format!("it has no label {OWNER} any more"),
        NEVER => format!("it never had a label {OWNER}, as nothing was applied since its import"),
        ANEW => existing::MADE_SINCE.to_owned(),
        _ if owner.starts_with(ANOTHER) => format!("it belongs to {owner}"),
        _ if owner.starts_with(OWNER) => {
            format!("it belongs to another project or layer ({owner})")
        }
        _ => format!("its label {OWNER} was changed by {owner}"),
    })
}

/// The owner of an object, where another project or layer of Strata put its label there: an argument is the attribute
/// `managers`.
pub(crate) fn another(held: Option<&Value>) -> Option<&str> {
    told_of(held).filter(|owner| owner.starts_with(ANOTHER))
}

/// Why an object is not taken that belongs to this owner, as [`another`] told it, and what to do.
pub(crate) fn not_taken(what: &str, owner: &str) -> (String, &'static str) {
    if owner.starts_with(BY_NOW) {
        let message = format!("It was taken over: {what} belongs to {owner}.");
        let hint = "If it is theirs, take it out of the definitions here: it is only forgotten then. If it is yours, take it back with conflicts = \"take\", and let them take it out of theirs after that.";
        (message, hint)
    } else {
        let message = format!("There is {what} already, and it belongs to {owner}.");
        let hint = "Leave it to them and give this one another name, or take it over with conflicts = \"take\".";
        (message, hint)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_in_other_hands_is_no_field_of_the_manifest() {
        let data = ".data.x";
        assert!(conflict_hint([data]).starts_with("Leave these fields out of the manifest"));
        let label = conflict_hint([FIELD]);
        assert!(label.starts_with("The label strata/owner says whose the object is."));
        assert!(!label.contains("out of the manifest"));
        let both = conflict_hint([data, FIELD]);
        assert_eq!(both, format!("{} {label}", conflict_hint([data])));
    }

    #[test]
    fn what_became_of_a_label_says_why_its_object_stays() {
        let check = |owner: Option<&str>, expected: Option<&str>| {
            let held = owner.map(|owner| Value::object([(FIELD, Value::from(owner))]));
            assert_eq!(not_ours(held.as_ref()).as_deref(), expected);
        };
        check(None, None);
        let gone = "it has no label strata/owner any more";
        check(Some(NOBODY), Some(gone));
        let another = "it belongs to another project or layer (strata/owner 0123)";
        check(Some("strata/owner 0123"), Some(another));
        check(
            Some("flux"),
            Some("its label strata/owner was changed by flux"),
        );
        check(
            Some(NEVER),
            Some("it never had a label strata/owner, as nothing was applied since its import"),
        );
        check(
            Some(ANEW),
            Some("it is another object of that name, made since by somebody else"),
        );
        let other = Value::object([(".data.x", Value::from("flux"))]);
        assert_eq!(not_ours(Some(&other)), None);
    }

    #[test]
    fn a_label_is_told_by_what_is_recorded_of_its_object() {
        let owners = Owners::new(Lineage::from_bits([7; 16]));
        let own = owner(owners.lineage, &Value::null());
        let check =
            |(label, uid): (Option<&str>, &str), told: Option<&str>, expected: Option<&str>| {
                let live = json!({"metadata": {"uid": uid, "labels": {OWNER: label}}});
                let told = told.map(|told| (FIELD, Value::from(told)));
                let recorded =
                    Value::object([("uid", Value::from("1")), ("managers", Value::object(told))]);
                let found = owners.of_recorded(&live, &recorded);
                assert_eq!(found.as_deref(), expected, "{live}");
            };
        let own = Some(own.as_str());
        check((own, "1"), None, None);
        check((None, "1"), None, Some(NOBODY));
        // What was only imported has lost nothing.
        check((None, "1"), Some(NEVER), Some(NEVER));
        check((Some("0123"), "1"), None, Some("strata/owner 0123"));
        // An object that somebody made in its place, also one that was made by what ours said.
        check((None, "2"), None, Some(ANEW));
        check((None, "2"), Some(NEVER), Some(ANEW));
        check((own, "2"), None, Some(ANEW));
        check((None, "1"), Some(ANEW), Some(ANEW));
    }

    #[test]
    fn what_was_applied_for_somebody_else_is_another_projects() {
        let owners = Owners::new(Lineage::from_bits([7; 16]));
        let live = |label: &str, manager: &str, operation: &str| {
            json!({"metadata": {"uid": "1", "labels": {OWNER: label}, "managedFields": [
                {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:metadata": {"f:labels": {"f:strata/owner": {}}}}},
            ]}})
        };
        let recorded = Value::object([("uid", Value::from("1"))]);
        let check = |live: &Json, expected: &str| {
            let found = owners.of_recorded(live, &recorded);
            assert_eq!(found.as_deref(), Some(expected), "{live}");
        };
        let theirs = "another Strata project or layer by now (strata/owner 0123)";
        check(&live("0123", "strata", "Apply"), theirs);
        check(&live("0123", "strata", "Update"), "strata (update)");
        check(&live("0123", "flux", "Apply"), "flux");
        // An object may be on its way from one layer to another.
        let layer = Value::object([("layer", Value::from("layer.a"))]);
        let other = owner(owners.lineage, &layer);
        let request = ReadRequest {
            purpose: ReadPurpose::Refresh,
            resource_type: "layer",
            id: None,
            recorded: Some(&layer),
            config: None,
        };
        owners.meet(&[request]);
        let found = owners.of_recorded(&live(&other, "strata", "Apply"), &recorded);
        assert_eq!(found, Some(format!("strata/owner {other}")));
        // What is to be taken over is told alike, whether an import asks for it or not.
        let found = owners.of_found(&live("0123", "flux", "Apply"), &recorded);
        let theirs = "another Strata project or layer (strata/owner 0123)";
        assert_eq!(found.as_deref(), Some(theirs));
        assert_eq!(
            owners.of_found(&live(&other, "strata", "Apply"), &recorded),
            None
        );
    }

    #[test]
    fn what_another_project_has_is_told_with_what_to_do() {
        let held = |owner: &str| Value::object([(FIELD, Value::from(owner))]);
        let check = |begins: &str, message: &str, hint: &str| {
            let held = held(&format!("{begins} (strata/owner 0123)"));
            let owner = another(Some(&held)).unwrap();
            let told = not_taken("the Pod a", owner);
            assert!(
                told.0.starts_with(message) && told.1.starts_with(hint),
                "{told:?}"
            );
        };
        check(ANOTHER, "There is the Pod a already", "Leave it to them");
        check(
            BY_NOW,
            "It was taken over: the Pod a belongs",
            "If it is theirs",
        );
        assert_eq!(another(Some(&held("flux"))), None);
        assert_eq!(another(None), None);
    }
}
