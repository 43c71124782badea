//! Whose an object is, by its label.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;
use strata_kubernetes_merge::Manager;
use strata_model::provider::{ReadPurpose, ReadRequest};
use strata_model::{Lineage, Value};

use super::{OWNER, handover, owner};
use crate::api::MANAGER;
use crate::observe::{self, Managers};

/// The field of the label, as [`observe::Seen::managers`] names fields.
const FIELD: &str = ".metadata.labels.strata/owner";

/// How the owner of somebody else's object begins.
const ANOTHER: &str = "another Strata project or layer";

/// Stands for the owner of an object whose label was taken away.
const NOBODY: &str = "nobody: it was taken away";

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
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let label = live["metadata"]["labels"][OWNER].as_str();
        let is_ours = label.is_some_and(|label| met.contains(label));
        !is_ours && self.has_read.load(Ordering::Relaxed)
    }

    /// What is to be told of an object's label. One that somebody else's project or layer put there is told of what is
    /// to be taken over; one that is not what was applied is told of what is recorded.
    pub(super) fn told(&self, live: &Json, request: &ReadRequest<'_>) -> Managers {
        let Some(label) = live["metadata"]["labels"][OWNER].as_str() else {
            return lost(live, request);
        };
        let Some(given) = request.recorded.or(request.config) else {
            return Managers::new();
        };
        if label == owner(self.lineage, given) {
            return Managers::new();
        }
        let found = if request.purpose == ReadPurpose::Adopt {
            let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            (!met.contains(label)).then(|| format!("{ANOTHER} ({OWNER} {label})"))
        } else {
            let path = strata_kubernetes_merge::Path::of_fields(&["metadata", "labels", OWNER]);
            let managed = handover::managed_of(live);
            let holder = observe::holder(&managed, &path);
            Some(holder.unwrap_or_else(|| format!("{OWNER} {label}")))
        };
        let found = found.map(|owner| (FIELD.to_owned(), owner));
        found.into_iter().collect()
    }
}

/// What is to be told of a recorded object without a label: that somebody took it away, if it had one. An import writes
/// none, so that only what was applied since has had it.
fn lost(live: &Json, request: &ReadRequest<'_>) -> Managers {
    let is_recorded = request.purpose == ReadPurpose::Refresh && request.recorded.is_some();
    let was_applied = || {
        let managed = handover::managed_of(live);
        managed.get(&Manager::applier(MANAGER)).is_some()
    };
    if is_recorded && was_applied() {
        vec![(FIELD.to_owned(), NOBODY.to_owned())]
    } else {
        Managers::new()
    }
}

/// Who changed the label of a recorded object, or whose an object is that is to be taken over.
pub(crate) fn changed(held: Option<&Value>) -> Option<&str> {
    held?.get(FIELD)?.as_str().filter(|owner| *owner != NOBODY)
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
    let owner = held?.get(FIELD)?.as_str()?;
    Some(if owner == NOBODY {
        format!("it has no label {OWNER} any more")
    } else if owner.starts_with(OWNER) {
        format!("it belongs to another project or layer ({owner})")
    } else {
        format!("its label {OWNER} was changed by {owner}")
    })
}

/// The owner of an object that is to be taken over, where it is somebody else: an argument is the attribute `managers`.
pub(crate) fn another(held: Option<&Value>) -> Option<&str> {
    let owner = changed(held)?;
    owner.starts_with(ANOTHER).then_some(owner)
}

#[cfg(test)]
mod tests {
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
        let other = Value::object([(".data.x", Value::from("flux"))]);
        assert_eq!(not_ours(Some(&other)), None);
    }
}
