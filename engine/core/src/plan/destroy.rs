//! Destroying: from the state alone, so that it works when the definitions are gone.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::Reason;
use strata_model::state::RowKey;
use strata_model::{Address, Diagnostics, Mode};

use super::assemble::{Assembly, Parts, is_recorded};
use super::hosted::host_of;
use super::outputs::removed_output;
use super::select::{Pattern, any_matches, check_named, declares};
use super::{PlanInput, PlanOutcome};
use crate::world::graph::Graph;
use crate::world::layer::stage_of;

pub(super) fn plan(input: PlanInput<'_>) -> PlanOutcome {
    let mut diagnostics = Diagnostics::new();
    let selected = selected(&input, &mut diagnostics);
    let mut assembly = Assembly::new(input, diagnostics);
    for key in &selected {
        let row = &input.snapshot.rows[*key];
        if row.address().mode == Mode::Managed {
            let reason = if key.deposed.is_some() {
                Reason::Deposed
            } else {
                Reason::Destroy
            };
            let host = host_of(&row.provider).map(RowKey::current);
            if host.is_some_and(|host| selected.contains(&host)) {
                assembly.forget_with_host(row);
            } else {
                assembly.delete(row, reason);
            }
        }
    }
    let deletions = std::mem::take(&mut assembly.deletions);
    assembly
        .draft
        .order_deletions(input.snapshot.rows.iter(), &deletions, &BTreeMap::new());
    assembly.late_creates();
    let everything = selected.len() == input.snapshot.rows.len();
    let outputs = if everything {
        &input.snapshot.outputs
    } else {
        &BTreeMap::new()
    };
    let outputs = outputs
        .iter()
        .map(|(name, stored)| (name.clone(), removed_output(stored, input.key)))
        .collect();
    assembly.finish(Parts {
        outputs,
        unchanged: Vec::new(),
        data: BTreeMap::new(),
        objects: Vec::new(),
        secret_files: BTreeSet::new(),
    })
}

/// The targets and everything that needs them; without targets everything.
fn selected<'a>(input: &PlanInput<'a>, diagnostics: &mut Diagnostics) -> BTreeSet<&'a RowKey> {
    let rows = &input.snapshot.rows;
    // Definitions that are wrong or gone do not stand in the way of a destruction.
    let graph = Graph::build(
        input.definitions,
        input.manifests(),
        &mut Diagnostics::new(),
    );
    let is_named = |pattern: &Pattern| {
        is_recorded(input, pattern) || graph.as_ref().is_some_and(|graph| declares(graph, pattern))
    };
    check_named(input.options, &is_named, diagnostics);
    let targets = Pattern::parse_all(&input.options.targets, diagnostics);
    let excludes = Pattern::parse_all(&input.options.excludes, diagnostics);
    let mut users: BTreeMap<&Address, Vec<&RowKey>> = BTreeMap::new();
    let mut needs: BTreeMap<&RowKey, &[Address]> = BTreeMap::new();
    for (key, row) in rows {
        row.dependencies
            .iter()
            .for_each(|address| users.entry(address).or_default().push(key));
        needs.insert(key, &row.dependencies);
    }
    let mut chosen: BTreeSet<&RowKey> = BTreeSet::new();
    let mut queue: Vec<&RowKey> = rows
        .keys()
        .filter(|key| targets.is_empty() || any_matches(&targets, &key.address))
        .collect();
    while let Some(key) = queue.pop() {
        if chosen.insert(key) {
            let stage = stage_of(&key.address, &rows[key].dependencies);
            let names = [key.address.clone(), key.address.block()];
            for address in names.iter().chain(&stage) {
                queue.extend(users.get(address).into_iter().flatten());
            }
        }
    }
    if excludes.is_empty() {
        return chosen;
    }
    // What an excluded object needs stays as well.
    let mut kept: BTreeSet<&RowKey> = BTreeSet::new();
    let mut queue: Vec<&RowKey> = rows
        .keys()
        .filter(|key| any_matches(&excludes, &key.address))
        .collect();
    while let Some(key) = queue.pop() {
        if kept.insert(key) {
            let needed = needs.get(key).copied().unwrap_or_default();
            queue.extend(rows.keys().filter(|other| {
                let stage = stage_of(&other.address, &rows[*other].dependencies);
                needed.iter().any(|address| {
                    *address == other.address
                        || *address == other.address.block()
                        || Some(address) == stage.as_ref()
                })
            }));
        }
    }
    chosen.retain(|key| !kept.contains(key));
    chosen
}
