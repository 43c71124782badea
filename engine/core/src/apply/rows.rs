//! The rows as they are while a run goes on.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::Plan;
use strata_model::state::{RowKey, StateRow, StateSnapshot, StoredOutput};
use strata_model::{Address, Value};

/// What the run read at its beginning, with what it changed since.
///
/// Changes are remembered only of addresses that more than one step names, because nobody asks for the others again.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    state: &'a StateSnapshot,
    repeated: BTreeSet<&'a Address>,
    changed: BTreeMap<RowKey, Option<Changed>>,
}

/// A row that the run wrote, with the object in full where it is known.
#[derive(Debug)]
struct Changed {
    row: StateRow,
    object: Option<Value>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(state: &'a StateSnapshot, plan: &'a Plan) -> Self {
        let mut seen = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        for step in &plan.steps {
            for address in [Some(&step.key.address), step.moved_from.as_ref()]
                .into_iter()
                .flatten()
            {
                if !seen.insert(address) {
                    repeated.insert(address);
                }
            }
        }
        Rows {
            state,
            repeated,
            changed: BTreeMap::new(),
        }
    }

    /// The outputs when the run began.
    pub(crate) fn outputs(&self) -> &BTreeMap<String, StoredOutput> {
        &self.state.outputs
    }

    /// The row of a key.
    pub(crate) fn get(&self, key: &RowKey) -> Option<&StateRow> {
        match self.changed.get(key) {
            Some(changed) => changed.as_ref().map(|changed| &changed.row),
            None => self.state.rows.get(key),
        }
    }

    /// The object of a key in full, when this run left it.
    pub(crate) fn object(&self, key: &RowKey) -> Option<&Value> {
        self.changed.get(key)?.as_ref()?.object.as_ref()
    }

    /// A row was written.
    pub(crate) fn put(&mut self, row: &StateRow, object: Option<&Value>) {
        if self.repeated.contains(&row.key.address) {
            let changed = Changed {
                row: row.clone(),
                object: object.cloned(),
            };
            self.changed.insert(row.key.clone(), Some(changed));
        }
    }

    /// A row was deleted.
    pub(crate) fn delete(&mut self, key: &RowKey) {
        if self.repeated.contains(&key.address) {
            self.changed.insert(key.clone(), None);
        }
    }

    /// A row got another key.
    pub(crate) fn rename(&mut self, from: &RowKey, to: &RowKey) {
        let Some(row) = self.get(from).cloned() else {
            return;
        };
        let object = self.object(from).cloned();
        self.changed.insert(from.clone(), None);
        let row = StateRow {
            key: to.clone(),
            ..row
        };
        self.changed
            .insert(to.clone(), Some(Changed { row, object }));
    }
}
