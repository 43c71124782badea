//! What a plan leaves as it is, where that matters to what it changes.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, Plan, Step};
use strata_model::preflight::Standing;
use strata_model::provider::{Observation, ProviderConfig};
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::{Address, Value};

use super::Connections;
use super::preflight::operation;

/// What is known of objects without asking anybody.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What is recorded.
    pub snapshot: &'a StateSnapshot,
    /// What a refresh saw of it.
    pub observed: &'a BTreeMap<RowKey, Observation>,
}

/// The objects that no step of a plan changes, of the types that their providers consider, with the connections by which
/// they are reached.
pub(super) fn standing<'a>(
    plan: &'a Plan,
    connections: &Connections,
    known: Known<'a>,
) -> Vec<(&'a ProviderConfig, Standing<'a>)> {
    let steps = plan.steps.iter();
    let changed = steps.filter(|step| operation(step).is_some());
    let changed: BTreeSet<&RowKey> = changed.map(|step| &step.key).collect();
    let renamed = renamed(plan);
    let is_considered = |address: &Address| {
        let found = connections.schema(address);
        found.is_ok_and(|(provider, _)| provider.considers(&address.resource_type))
    };
    let recorded = known.snapshot.rows.iter().filter_map(|(key, row)| {
        let stays = || !changed.contains(renamed.get(key).unwrap_or(key));
        let object = (is_considered(&key.address) && stays())
            .then(|| seen(row, connections, known.observed.get(key)))??;
        let resource_type = &key.address.resource_type;
        let standing = Standing {
            resource_type,
            object,
        };
        Some((&row.provider, standing))
    });
    let imported = plan.steps.iter().filter_map(|step| {
        let address = &step.key.address;
        let stays = step.action == Action::Import && !changed.contains(&step.key);
        let planned = step.planned.as_ref().filter(|_| stays)?;
        let (_, schema) = connections.schema(address).ok()?;
        let object = planned.decode(schema.schema.object_type()).ok()?;
        let standing = Standing {
            resource_type: &address.resource_type,
            object,
        };
        Some((step.provider.as_ref()?, standing)).filter(|_| is_considered(address))
    });
    recorded.chain(imported).collect()
}

/// The keys that rows get by a plan, by those that they have.
fn renamed(plan: &Plan) -> BTreeMap<RowKey, RowKey> {
    let names = |step: &Step| {
        let address = &step.key.address;
        let key = |deposed| RowKey {
            address: address.clone(),
            deposed,
        };
        let moved = step.moved_from.clone();
        let moved = moved.map(|from| (RowKey::current(from), step.key.clone()));
        let back = step.taken_back.into_iter().flat_map(move |back| {
            let back_again = (key(Some(back.deposed)), key(None));
            [back_again, (key(None), key(Some(back.gives_way)))]
        });
        moved.into_iter().chain(back).collect::<Vec<_>>()
    };
    plan.steps.iter().flat_map(names).collect()
}

/// An object as it was seen, or else as it is recorded; `None` for one that is gone, or that nobody can tell about.
fn seen(
    row: &StateRow,
    connections: &Connections,
    observed: Option<&Observation>,
) -> Option<Value> {
    match observed {
        Some(Observation::Present(object)) => Some(object.attributes.clone()),
        Some(Observation::Absent | Observation::Unreadable(_)) => None,
        None => connections.attributes(row).ok(),
    }
}
