//! Whether the rows are still those that a plan was made from.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, Plan, Step};
use strata_model::state::{PlanRecord, PlanStatus, RowKey, StateRow, StateSnapshot};
use strata_model::store::{StateStore, StoreError};
use strata_model::{Address, Digest};

/// A row that changed since the plan was made, other than by that plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleRow {
    /// Which object.
    pub key: RowKey,
    /// The row's digest when the plan was made; `None` where there was no row.
    pub planned: Option<Digest>,
    /// The row's digest now; `None` where there is none.
    pub found: Option<Digest>,
}

/// Compares the rows that a plan names with those of a state that was recovered. What the plan's own journal changed
/// is not stale: that is how an interrupted plan goes on.
///
/// # Errors
///
/// When the journal cannot be read.
pub async fn check_stale(
    plan: &Plan,
    snapshot: &StateSnapshot,
    record: &PlanRecord,
    store: &dyn StateStore,
) -> Result<Vec<StaleRow>, StoreError> {
    let mut stale = differing(plan, snapshot, record);
    if stale.is_empty() || record.status != PlanStatus::Running {
        return Ok(stale);
    }
    let runs = store.runs(u32::MAX).await?;
    let own: BTreeSet<_> = runs
        .iter()
        .filter(|run| run.plan == plan.id)
        .map(|run| run.id)
        .collect();
    let mut foreign = Vec::new();
    for row in stale.drain(..) {
        let address = row.key.address.to_string();
        let history = store.history(Some(&address), u32::MAX).await?;
        let last = snapshot.rows.get(&row.key).and_then(|found| found.op);
        let is_own = match last {
            Some(op) => history
                .iter()
                .any(|closed| closed.op == op && own.contains(&closed.run)),
            // A row that is gone, or that no op touched: its last op says who that was.
            None => history
                .iter()
                .find(|closed| closed.key == row.key)
                .is_some_and(|closed| row.found.is_none() && own.contains(&closed.run)),
        };
        if !is_own {
            foreign.push(row);
        }
    }
    Ok(foreign)
}

fn differing(plan: &Plan, snapshot: &StateSnapshot, record: &PlanRecord) -> Vec<StaleRow> {
    let done: BTreeSet<u32> = record.done.iter().copied().collect();
    let moved: BTreeMap<&Address, &Address> = plan
        .steps
        .iter()
        .filter_map(|step| Some((&step.key.address, step.moved_from.as_ref()?)))
        .collect();
    // A step that is done has changed its row, and an earlier look has passed it.
    let touched: BTreeSet<&Address> = done
        .iter()
        .filter_map(|number| plan.steps.get(*number as usize))
        .flat_map(|step| [Some(&step.key.address), step.moved_from.as_ref()])
        .flatten()
        .collect();
    let mut stale = Vec::new();
    let fresh = |step: &&Step| !touched.contains(&step.key.address);
    for step in plan.steps.iter().filter(fresh) {
        stale.extend(judge(step, snapshot, &names(step, &moved)));
    }
    for unchanged in &plan.unchanged {
        let found = snapshot.rows.get(&unchanged.key).map(StateRow::digest);
        if found != Some(unchanged.row_digest) {
            stale.push(StaleRow {
                key: unchanged.key.clone(),
                planned: Some(unchanged.row_digest),
                found,
            });
        }
    }
    stale
}

/// The keys under which a step's row may have stood when the plan was made: its own, the current one of its address
/// before it was replaced, and the one before it is moved or taken back.
fn names(step: &Step, moved: &BTreeMap<&Address, &Address>) -> Vec<RowKey> {
    let mut names = vec![step.key.clone()];
    if step.key.deposed.is_some() {
        names.push(RowKey::current(step.key.address.clone()));
    }
    names.extend(step.taken_back.map(|back| RowKey {
        address: step.key.address.clone(),
        deposed: Some(back.deposed),
    }));
    let mut address = &step.key.address;
    // A chain of moves is as long as its steps; a circle is not followed for ever.
    for _ in 0..moved.len() {
        let Some(from) = moved.get(address) else {
            break;
        };
        names.push(RowKey::current((*from).clone()));
        address = from;
    }
    names
}

fn judge(step: &Step, snapshot: &StateSnapshot, names: &[RowKey]) -> Option<StaleRow> {
    let rows = names.iter().filter_map(|name| snapshot.rows.get(name));
    let Some(planned) = step.row_digest else {
        // What a replacement makes has no row of its own yet: the row there is the other half's to check.
        let free = step.action != Action::Create || step.group.is_some();
        let row = snapshot.rows.get(&step.key).filter(|_| !free)?;
        return Some(StaleRow {
            key: step.key.clone(),
            planned: None,
            found: Some(row.digest()),
        });
    };
    let mut found = None;
    for row in rows {
        let digests = names.iter().map(|name| digest_as(row, name));
        if digests.into_iter().any(|digest| digest == planned) {
            return None;
        }
        found = found.or_else(|| Some((row.key.clone(), row.digest())));
    }
    // Half of a replacement that is made after the other half was destroyed finds nothing.
    if found.is_none() && step.action == Action::Create && step.group.is_some() {
        return None;
    }
    let (key, found) = found.unzip();
    Some(StaleRow {
        key: key.unwrap_or_else(|| step.key.clone()),
        planned: Some(planned),
        found,
    })
}

/// The digest that a row had under another key.
fn digest_as(row: &StateRow, key: &RowKey) -> Digest {
    if row.key == *key {
        return row.digest();
    }
    StateRow {
        key: key.clone(),
        ..row.clone()
    }
    .digest()
}
