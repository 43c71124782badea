//! The order of steps.
//!
//! What is made follows what it needs; what is destroyed waits until nothing that needed it is left. Points where many
//! meet many become barriers, so that the number of edges stays linear in the number of references.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, Barrier, Step};
use strata_model::state::{RowKey, StateRow};
use strata_model::{Address, Diagnostic};

use crate::code;
use crate::world::layer::stage_of;

/// Something to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ref {
    Step(u32),
    Barrier(u32),
}

/// Steps under construction.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    after: Vec<BTreeSet<Ref>>,
    barriers: Vec<BTreeSet<Ref>>,
}

/// A delete step and the row that it is about.
#[derive(Debug)]
pub(super) struct Deletion {
    /// The key of the row in the state.
    pub(super) row: RowKey,
    pub(super) step: u32,
    /// A replacement that destroys first: what still needs the object is changed after its successor is there.
    pub(super) destroys_first: bool,
}

impl Draft {
    /// Adds a step; its number is set here.
    pub(super) fn push(&mut self, mut step: Step, after: BTreeSet<Ref>) -> u32 {
        let number = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        step.number = number;
        self.steps.push(step);
        self.after.push(after);
        number
    }

    /// Makes a step wait for more.
    pub(super) fn wait(&mut self, step: u32, refs: impl IntoIterator<Item = Ref>) {
        if let Some(after) = self.after.get_mut(step as usize) {
            after.extend(refs.into_iter().filter(|other| *other != Ref::Step(step)));
        }
    }

    /// What a step or a barrier waits for.
    pub(super) fn after(&self, of: Ref) -> &BTreeSet<Ref> {
        match of {
            Ref::Step(step) => &self.after[step as usize],
            Ref::Barrier(barrier) => &self.barriers[barrier as usize],
        }
    }

    /// Makes a step wait for these steps, and for nothing else.
    pub(super) fn set_after(&mut self, step: u32, steps: BTreeSet<u32>) {
        self.after[step as usize] = steps.into_iter().map(Ref::Step).collect();
    }

    /// One thing to wait for in place of several; `None` for none.
    pub(super) fn join(&mut self, refs: BTreeSet<Ref>) -> Option<Ref> {
        if refs.len() <= 1 {
            return refs.into_iter().next();
        }
        let number = u32::try_from(self.barriers.len()).unwrap_or(u32::MAX);
        self.barriers.push(refs);
        Some(Ref::Barrier(number))
    }

    /// Adds the edges of deletions. `kept` are the steps of rows that stay, by the row's key in the state.
    pub(super) fn order_deletions<'r>(
        &mut self,
        rows: impl Iterator<Item = (&'r RowKey, &'r StateRow)>,
        deletions: &[Deletion],
        kept: &BTreeMap<RowKey, Ref>,
    ) {
        let blocks: BTreeSet<Address> = deletions
            .iter()
            .map(|deletion| deletion.row.address.block())
            .collect();
        let deleted: BTreeMap<&RowKey, u32> = deletions
            .iter()
            .map(|deletion| (&deletion.row, deletion.step))
            .collect();
        let mut waits: BTreeMap<Address, Waits> = BTreeMap::new();
        let mut stages: BTreeMap<RowKey, Address> = BTreeMap::new();
        for (key, row) in rows {
            if deleted.contains_key(key)
                && let Some(stage) = stage_of(&key.address, &row.dependencies)
            {
                stages.insert(key.clone(), stage);
            }
            let gone = deleted.get(key).map(|step| Ref::Step(*step));
            let stays = kept.get(key).copied();
            if gone.is_none() && stays.is_none() {
                continue;
            }
            for address in row
                .dependencies
                .iter()
                .filter(|address| blocks.contains(&address.block()))
            {
                let entry = waits.entry(address.clone()).or_default();
                entry.gone.extend(gone);
                // A row that is replaced counts by the deletion of its old object.
                entry.stays.extend(stays.filter(|_| gone.is_none()));
            }
        }
        let joined: BTreeMap<Address, (Option<Ref>, Option<Ref>)> = waits
            .into_iter()
            .map(|(address, waits)| {
                let refs = (self.join(waits.gone), self.join(waits.stays));
                (address, refs)
            })
            .collect();
        for deletion in deletions {
            let address = &deletion.row.address;
            let stage = stages.get(&deletion.row).cloned();
            // An object of a layer that makes room for its successor is soon there again: what goes for good after all
            // of its layer is applied is not waited for.
            let whole = [Some(address.block()), stage.clone()].into_iter().flatten();
            let whole = whole.filter(|_| !(deletion.destroys_first && stage.is_some()));
            for waited in [address.clone()].into_iter().chain(whole) {
                let Some((gone, stays)) = joined.get(&waited) else {
                    continue;
                };
                self.wait(deletion.step, gone.iter().copied());
                if !deletion.destroys_first {
                    self.wait(deletion.step, stays.iter().copied());
                }
            }
        }
    }

    /// Finishes steps and barriers; the edges have numbers now.
    ///
    /// # Errors
    ///
    /// When the steps wait for each other in a circle.
    pub(super) fn finish(mut self) -> Result<(Vec<Step>, Vec<Barrier>), Box<Diagnostic>> {
        let count = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        let number = |refs: BTreeSet<Ref>| -> Vec<u32> {
            refs.into_iter()
                .map(|reference| match reference {
                    Ref::Step(step) => step,
                    Ref::Barrier(barrier) => count + barrier,
                })
                .collect()
        };
        for (step, after) in self.steps.iter_mut().zip(self.after) {
            step.after = number(after);
        }
        let barriers: Vec<Barrier> = self
            .barriers
            .into_iter()
            .map(|refs| Barrier {
                after: number(refs),
            })
            .collect();
        if let Some(step) = destroyed_beside(&self.steps) {
            return Err(Box::new(beside(step)));
        }
        match find_circle(&self.steps, &barriers) {
            None => Ok((self.steps, barriers)),
            Some(stuck) => Err(Box::new(circle(&stuck))),
        }
    }
}

/// A create of an address whose object another step deletes without being the other half of a replacement. The two
/// would fight for one row, so that no plan may have them, whatever the definitions say.
fn destroyed_beside(steps: &[Step]) -> Option<&Step> {
    let deleted: BTreeMap<&RowKey, Option<u32>> = steps
        .iter()
        .filter(|step| step.action == Action::Delete)
        .map(|step| (&step.key, step.group))
        .collect();
    steps.iter().find(|step| {
        let group = deleted.get(&step.key);
        step.action == Action::Create
            && group.is_some_and(|group| group.is_none() || *group != step.group)
    })
}

fn beside(step: &Step) -> Diagnostic {
    let detail = format!(
        "{} would be created while its recorded object is destroyed by another change.",
        step.key
    );
    Diagnostic::error(code::IMPOSSIBLE_ORDER, "Impossible order", detail).hint(
        "Make the change in two steps: first let the old object go, then declare the new one.",
    )
}

#[derive(Debug, Default)]
struct Waits {
    gone: BTreeSet<Ref>,
    stays: BTreeSet<Ref>,
}

/// The steps that can never begin, if there are any.
fn find_circle<'s>(steps: &'s [Step], barriers: &[Barrier]) -> Option<Vec<&'s Step>> {
    let after = |at: usize| match steps.get(at) {
        Some(step) => &step.after,
        None => &barriers[at - steps.len()].after,
    };
    let count = steps.len() + barriers.len();
    let mut missing: Vec<usize> = (0..count).map(|at| after(at).len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); count];
    for at in 0..count {
        after(at)
            .iter()
            .for_each(|other| users[*other as usize].push(at));
    }
    let mut ready: Vec<usize> = (0..count).filter(|at| missing[*at] == 0).collect();
    let mut done = 0;
    while let Some(at) = ready.pop() {
        done += 1;
        for user in &users[at] {
            missing[*user] -= 1;
            if missing[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    (done < count).then(|| {
        steps
            .iter()
            .filter(|step| missing[step.number as usize] > 0)
            .collect()
    })
}

fn circle(stuck: &[&Step]) -> Diagnostic {
    let mut names: Vec<String> = Vec::new();
    for step in stuck {
        let name = step.key.to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(6);
    let detail = format!(
        "These changes would have to wait for each other: {}. This happens when one is created before its predecessor \
         is destroyed while another can only be destroyed first, such as one that keeps a name that only one may have.",
        names.join(", ")
    );
    Diagnostic::error(code::IMPOSSIBLE_ORDER, "Impossible order", detail).hint(
        "Use the same create_before_destroy for all of them, give what is replaced another name, or make the change in two steps.",
    )
}
