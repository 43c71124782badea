//! What a plan leaves as it is, where that matters to what it changes.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, Plan, Step};
use strata_model::preflight::Standing;
use strata_model::provider::{Observation, ProviderConfig};
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::{Address, Value};

use super::Connections;

/// What is known of objects without asking anybody.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What is recorded.
    pub snapshot: &'a StateSnapshot,
    /// What a refresh saw of it: what it did not look at is not known. `None` before a run, where what is recorded says
    /// at least what there is, and its system is asked for the rest.
    pub observed: Option<&'a BTreeMap<RowKey, Observation>>,
}

/// The objects that are not among those that are still to be changed, of the types that their providers consider, with
/// the connections by which they are reached.
pub(super) fn standing<'a>(
    plan: &'a Plan,
    connections: &Connections,
    known: Known<'a>,
    changed: &BTreeSet<&RowKey>,
) -> Vec<(&'a ProviderConfig, Standing<'a>)> {
    let renamed = renamed(plan);
    let is_considered = |address: &Address| {
        let found = connections.schema(address);
        found.is_ok_and(|(provider, _)| provider.considers(&address.resource_type))
    };
    let recorded = known.snapshot.rows.iter().filter_map(|(key, row)| {
        let stays = || !changed.contains(renamed.get(key).unwrap_or(key));
        let object =
            (is_considered(&key.address) && stays()).then(|| seen(row, connections, known))??;
        let standing = Standing {
            resource_type: &key.address.resource_type,
            object,
            address: Some(&key.address),
            elsewhere: None,
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
            address: Some(address),
            elsewhere: None,
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

/// An object as it was seen, and as it is recorded before a run; `None` for one that is gone, or that nobody looked at.
fn seen(row: &StateRow, connections: &Connections, known: Known<'_>) -> Option<Value> {
    let Some(observed) = known.observed else {
        return connections.attributes(row).ok();
    };
    match observed.get(&row.key)? {
        Observation::Present(object) => Some(object.attributes.clone()),
        Observation::Absent | Observation::Unreadable(_) => None,
    }
}
