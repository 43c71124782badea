//! Going back after a replacement that failed: what it was to take the place of is still there, and becomes the object
//! again.

use std::collections::BTreeSet;
use std::ops::Bound;

use strata_model::plan::{Action, PlanMode, Reason, Step, TakenBack};
use strata_model::provider::{Observation, PlanRequest};
use strata_model::state::{RowKey, RowStatus, StateRow};
use strata_model::{DeposedId, Value};

use super::assemble::Assembly;
use super::change::{InstanceChange, decode_row, ignore_changes, restore_inputs};
use super::edges::{Deletion, Ref};
use super::encode::encode;
use super::select::any_matches;
use super::walk::{Planner, Site};

/// A row and the key that it has in the state.
type Keyed<'a> = (&'a RowKey, &'a StateRow);

impl<'a> Planner<'a> {
    /// The row of what failed at an address, and the deposed one that takes its place back.
    ///
    /// That is so where a new object could not be made beside the deposed one, because the definition gives it the same
    /// unique name, and the deposed one can be as the definition says without being replaced.
    pub(super) fn taken_back(
        &self,
        site: Site<'a>,
        (key, row): Keyed<'a>,
        config: &Value,
    ) -> Option<(Keyed<'a>, Keyed<'a>)> {
        let never_ready = row.status == RowStatus::Failed && row.created_by == row.op;
        let is_asked = any_matches(&self.replace, &key.address);
        // A `moved` block that is about it decides alone.
        let stays = self.moves.stays(key);
        if !never_ready || !stays || is_asked || self.input.options.mode != PlanMode::Normal {
            return None;
        }
        let name = site.schema.unique_name?;
        let given = config.get(name).filter(|name| !name.has_unknown())?;
        let after = (Bound::Excluded(key), Bound::Unbounded);
        let rows = self.input.snapshot.rows.range(after);
        let mut deposed = rows.take_while(|(other, _)| other.address == key.address);
        let left = deposed.find(|(left, row)| {
            let object = self.left_over(site, (left, row), config);
            object.is_some_and(|object| {
                object.get(name) == Some(given) && self.can_stay(site, row, (&object, config))
            })
        });
        Some(((key, row), left?))
    }

    /// A deposed object as it is now; nothing for one that is gone or cannot be told about.
    fn left_over(&self, site: Site<'a>, (key, row): Keyed<'_>, config: &Value) -> Option<Value> {
        if row.status != RowStatus::Ready {
            return None;
        }
        let object = match self.input.observed.get(key) {
            Some(Observation::Present(object)) => object.attributes.clone(),
            Some(Observation::Absent | Observation::Unreadable(_)) => return None,
            None => decode_row(row, site.schema, site.provider.as_ref()).ok()?,
        };
        let key = self.input.key;
        Some(restore_inputs(object, &row.attributes, config, key))
    }

    /// Whether an object need not be replaced to be as the definition says.
    fn can_stay(&self, site: Site<'a>, row: &StateRow, (object, config): (&Value, &Value)) -> bool {
        let ignored = &site.block.meta.lifecycle.ignore_changes;
        let config = ignore_changes(ignored, site.schema, object, config);
        let provider = self.provider_config(site);
        let request = PlanRequest {
            resource_type: site.schema.name,
            prior: Some(object),
            config: &config,
            provider: provider.as_ref(),
            is_replaced: false,
        };
        let change = site.provider.plan_change(request);
        change.is_ok_and(|change| change.replace.is_empty()) && !self.lives_elsewhere(site, row)
    }
}

impl<'a> Assembly<'a> {
    /// Adds the step that puts a deposed object back in its place, and the one that deletes what failed there; returns
    /// the number of the first.
    pub(super) fn take_back(
        &mut self,
        change: &InstanceChange<'a>,
        (key, failed): (&RowKey, &StateRow),
        step: Step,
    ) -> u32 {
        let next = u32::try_from(self.draft.steps.len()).unwrap_or(u32::MAX);
        let gives_way = self.deposed_id(next);
        let taken_back = key.deposed.map(|deposed| TakenBack { deposed, gives_way });
        let step = Step {
            reason: Reason::TakenBack,
            taken_back,
            ..step
        };
        let number = self.draft.push(step, BTreeSet::new());
        self.give_way(change, (failed, gives_way), number);
        number
    }

    /// Deletes what failed, once it has given way.
    fn give_way(
        &mut self,
        change: &InstanceChange<'a>,
        (failed, id): (&StateRow, DeposedId),
        moved: u32,
    ) {
        let schema = change.schema;
        let known = self.input.providers.schema(schema.mode, schema.name);
        let Some((provider, _)) = known else {
            return;
        };
        let Some(before) = self.still_there(failed, (provider.as_ref(), schema)) else {
            return;
        };
        let (action, reason) = match &before {
            Some(before) => {
                self.may_delete(Some(failed), (schema, before), Some(change));
                (Action::Delete, Reason::Failed)
            }
            None => (Action::Forget, Reason::Gone),
        };
        let ty = schema.schema.object_type();
        let step = Step {
            action,
            reason,
            key: RowKey {
                address: change.address.clone(),
                deposed: Some(id),
            },
            before: before.map(|before| encode(&before, ty, self.input.key)),
            timeouts: change.timeouts,
            ..self.row_template(failed)
        };
        let step = self.draft.push(step, BTreeSet::from([Ref::Step(moved)]));
        self.deletions.push(Deletion {
            row: failed.key.clone(),
            step,
            destroys_first: false,
        });
    }
}
