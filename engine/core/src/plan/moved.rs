//! `moved` and `removed` blocks: what happens to the recorded before the comparison.

use std::collections::{BTreeMap, BTreeSet};

use strata_language::definition::{InstanceKind, MovedBlock, TargetAddress};
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::{
    Address, Diagnostic, Diagnostics, InstanceKey, Mode, Scope, ScopeKind, ScopeStep,
};

use super::change::InstanceChange;
use super::contradiction::{below, moves_declared, within};
use super::select::{Pattern, declaration};
use super::walk::Site;
use crate::code;
use crate::lookup::Lookup;
use crate::world::World;
use crate::world::graph::{Graph, PathId};
use crate::world::view::Each;

/// Rows under their new addresses.
#[derive(Debug)]
pub(super) struct Moves<'a> {
    /// The rows by the keys that they have in the state.
    rows: Lookup<&'a RowKey, (&'a RowKey, &'a StateRow)>,
    /// From the new key to the key in the state.
    from: BTreeMap<RowKey, RowKey>,
    /// The keys in the state that are another's now.
    away: BTreeSet<RowKey>,
}

impl<'a> Moves<'a> {
    /// Follows every `moved` block, chains included.
    pub(super) fn collect(
        graph: &Graph<'_>,
        snapshot: &'a StateSnapshot,
        diagnostics: &mut Diagnostics,
    ) -> Moves<'a> {
        let mut rows = Lookup::with_capacity(snapshot.rows.len());
        for (key, row) in &snapshot.rows {
            rows.insert(key, (key, row));
        }
        let mut moves = Moves {
            rows,
            from: BTreeMap::new(),
            away: BTreeSet::new(),
        };
        let blocks: Vec<(Vec<ScopeStep>, &MovedBlock)> = (0..graph.paths.len())
            .flat_map(|path| {
                graph.paths[path]
                    .package
                    .moved
                    .iter()
                    .map(move |block| (path, block))
            })
            .map(|(path, block)| (path_steps(graph, path), block))
            .collect();
        let blocks = sound(graph, blocks, diagnostics);
        for (path, block) in &blocks {
            // Circles are faults of the definitions, whatever is recorded.
            if let Err(block) = follow(&blocks, &probe(path, block)) {
                diagnostics.push(circle(block));
                return moves;
            }
        }
        if blocks.is_empty() {
            return moves;
        }
        for key in snapshot.rows.keys() {
            match follow(&blocks, &key.address) {
                Ok(Some(address)) => {
                    let new = RowKey {
                        address,
                        deposed: key.deposed,
                    };
                    moves.away.insert(key.clone());
                    if let Some(other) = moves.from.insert(new.clone(), key.clone()) {
                        diagnostics.push(collision(&blocks, &new, &other, key));
                    }
                }
                Ok(None) => {}
                Err(block) => diagnostics.push(circle(block)),
            }
        }
        for (new, old) in &moves.from {
            if snapshot.rows.contains_key(new) && !moves.away.contains(new) {
                diagnostics.push(collision(&blocks, new, new, old));
            }
        }
        moves
    }

    /// Whether there is a row of a key, and nothing moves it.
    pub(super) fn stays(&self, key: &RowKey) -> bool {
        self.rows.contains(&key) && !self.away.contains(key)
    }

    /// The row of a key, and the key that it has in the state.
    pub(super) fn row(&self, key: &RowKey) -> Option<(&'a RowKey, &'a StateRow)> {
        match self.from.get(key) {
            Some(old) => self.rows.get(&old).copied(),
            None if self.away.contains(key) => None,
            None => self.rows.get(&key).copied(),
        }
    }

    /// `count` added to or taken from a block keeps its object: the single instance and `[0]` are one.
    pub(super) fn implicit(
        &mut self,
        world: &World<'_>,
        site: Site<'_>,
        declared: &[Option<Each>],
    ) {
        if site.block.id.mode == Mode::Data || self.rows.is_empty() {
            return;
        }
        let zero = Some(InstanceKey::Index(0));
        let is_zero = |each: &Each| each.key == InstanceKey::Index(0);
        let (new, old) = if declared.iter().any(Option::is_none) {
            (None, zero)
        } else if declared.iter().flatten().any(is_zero) {
            (zero, None)
        } else {
            return;
        };
        let key = |key: &Option<InstanceKey>| {
            RowKey::current(world.address(&site.block.id, site.scope, key.as_ref()))
        };
        let new = key(&new);
        if self.row(&new).is_some() {
            return;
        }
        let old = key(&old);
        if self.rows.contains(&&old) && !self.away.contains(&old) {
            self.away.insert(old.clone());
            self.from.insert(new, old);
        }
    }
}

impl<'a> InstanceChange<'a> {
    /// The row, where it has another key in the state than it will have: it is moved, or taken back.
    pub(super) fn moved(&self) -> Option<(&'a RowKey, &'a StateRow)> {
        self.row
            .filter(|(key, _)| key.address != self.address || key.deposed.is_some())
    }
}

/// The blocks that can be followed; says what is wrong with the others.
fn sound<'d>(
    graph: &Graph<'_>,
    blocks: Vec<(Vec<ScopeStep>, &'d MovedBlock)>,
    diagnostics: &mut Diagnostics,
) -> Vec<(Vec<ScopeStep>, &'d MovedBlock)> {
    let mut sound: Vec<(Vec<ScopeStep>, &MovedBlock)> = Vec::with_capacity(blocks.len());
    for (path, block) in blocks {
        let from = within(&path, &block.from.value);
        let declared = is_whole(block).then(|| declaration(graph, &from)).flatten();
        let twice = sound
            .iter()
            .find(|(other, first)| *other == path && first.from.value == block.from.value);
        let fault = if let Some(fault) = other_kind(block) {
            fault
        } else if let Some((_, first)) = twice {
            ambiguous(block, first)
        } else if let Some(declared) = declared {
            moves_declared(block, declared)
        } else {
            sound.push((path, block));
            continue;
        };
        diagnostics.push(fault);
    }
    sound
}

/// Whether a block moves all that its old address has, under whatever keys.
pub(super) fn is_whole(block: &MovedBlock) -> bool {
    let has_no_key = |target: &TargetAddress| match target {
        TargetAddress::Resource(address) => address.key.is_none(),
        TargetAddress::Scope(scope) => scope.steps().last().is_some_and(|step| step.key.is_none()),
    };
    has_no_key(&block.from.value) && has_no_key(&block.to.value)
}

fn ambiguous(block: &MovedBlock, first: &MovedBlock) -> Diagnostic {
    let detail = "Another block moves the same object to another address.";
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid moved block", detail)
        .at(block.span)
        .label(first.span, "moved here")
        .hint("Keep the block that leads to the address that is declared now.")
}

pub(super) fn path_steps(graph: &Graph<'_>, path: PathId) -> Vec<ScopeStep> {
    let mut steps: Vec<ScopeStep> =
        std::iter::successors(Some(path), |path| graph.paths[*path].parent)
            .filter_map(|path| graph.paths[path].block)
            .map(|block| ScopeStep {
                kind: match block.kind {
                    InstanceKind::Cluster => ScopeKind::Cluster,
                    InstanceKind::Stack => ScopeKind::Stack,
                },
                name: block.name.clone(),
                key: None,
            })
            .collect();
    steps.reverse();
    steps
}

fn follow<'b>(
    blocks: &[(Vec<ScopeStep>, &'b MovedBlock)],
    address: &Address,
) -> Result<Option<Address>, &'b MovedBlock> {
    let mut current = address.clone();
    let mut moved = false;
    for _ in 0..=blocks.len() {
        let next = blocks
            .iter()
            .find_map(|(path, block)| Some((apply(path, block, &current)?, *block)));
        match next {
            None => return Ok(moved.then_some(current)),
            Some((next, block)) => {
                if next == *address {
                    return Err(block);
                }
                current = next;
                moved = true;
            }
        }
    }
    match blocks.first() {
        Some((_, block)) => Err(block),
        None => Ok(None),
    }
}

/// Where a block moves an address to; `None` when it is not about it.
pub(super) fn apply(path: &[ScopeStep], block: &MovedBlock, address: &Address) -> Option<Address> {
    let steps = address.scope.steps();
    if steps.len() < path.len()
        || !path
            .iter()
            .zip(steps)
            .all(|(pattern, step)| same_block(pattern, step))
    {
        return None;
    }
    let (outer, inner) = steps.split_at(path.len());
    let inner = Address {
        scope: inner.to_vec().into(),
        ..address.clone()
    };
    let moved = moved_address(&block.from.value, &block.to.value, &inner)?;
    Some(Address {
        scope: below(outer, &moved.scope),
        ..moved
    })
}

/// Where an address goes when `from` becomes `to`; `None` for one that this is not about.
///
/// Without keys a block means all its instances, and a stack or cluster all of it; each keeps its key.
pub fn moved_address(
    from: &TargetAddress,
    to: &TargetAddress,
    address: &Address,
) -> Option<Address> {
    match (from, to) {
        (TargetAddress::Resource(from), TargetAddress::Resource(to)) => {
            if from.block() != address.block() {
                return None;
            }
            let key = if from.key.is_none() && to.key.is_none() {
                address.key.clone()
            } else if from.key == address.key {
                to.key.clone()
            } else {
                return None;
            };
            Some(to.with_key(key))
        }
        (TargetAddress::Scope(from), TargetAddress::Scope(to)) => Some(Address {
            scope: move_scope(from, to, address.scope.steps())?.into(),
            ..address.clone()
        }),
        (TargetAddress::Resource(_), TargetAddress::Scope(_))
        | (TargetAddress::Scope(_), TargetAddress::Resource(_)) => None,
    }
}

pub(super) fn same_block(left: &ScopeStep, right: &ScopeStep) -> bool {
    (left.kind, &left.name) == (right.kind, &right.name)
}

fn move_scope(from: &Scope, to: &Scope, inner: &[ScopeStep]) -> Option<Vec<ScopeStep>> {
    let (pattern, target) = (from.steps(), to.steps());
    if inner.len() < pattern.len() {
        return None;
    }
    let (last, before) = pattern.split_last()?;
    let (head, rest) = inner.split_at(pattern.len());
    let keeps_key = last.key.is_none() && target.last().is_some_and(|step| step.key.is_none());
    let matches = head[..before.len()] == *before
        && same_block(last, &head[before.len()])
        && (keeps_key || last.key == head[before.len()].key);
    if !matches {
        return None;
    }
    let mut moved = target.to_vec();
    if keeps_key && let Some(step) = moved.last_mut() {
        step.key = head[before.len()].key.clone();
    }
    moved.extend_from_slice(rest);
    Some(moved)
}

/// Some address that a block moves.
fn probe(path: &[ScopeStep], block: &MovedBlock) -> Address {
    match within(path, &block.from.value) {
        Pattern::Resource(address) => address,
        Pattern::Scope(scope) => Address {
            scope,
            mode: Mode::Managed,
            resource_type: "strata_data".into(),
            name: "any".into(),
            key: None,
        },
    }
}

/// What is wrong with a block whose two addresses are of two types.
fn other_kind(block: &MovedBlock) -> Option<Diagnostic> {
    let (TargetAddress::Resource(from), TargetAddress::Resource(to)) =
        (&block.from.value, &block.to.value)
    else {
        return None;
    };
    if (from.mode, &from.resource_type) == (to.mode, &to.resource_type) {
        return None;
    }
    let detail = format!(
        "{from} is {}, and {to} is {}: an object keeps its type.",
        kind_of(from),
        kind_of(to)
    );
    Some(
        Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid moved block", detail)
            .at(block.span)
            .hint("For another type, let the old object go by a removed block, and declare or import the new one."),
    )
}

fn kind_of(address: &Address) -> String {
    match address.mode {
        Mode::Managed => format!("of the type {}", address.resource_type),
        Mode::Data => format!("a data source {}", address.resource_type),
    }
}

fn circle(block: &MovedBlock) -> Diagnostic {
    Diagnostic::error(
        code::INVALID_STATE_CHANGE,
        "Invalid moved block",
        "The moved blocks lead in a circle.",
    )
    .at(block.span)
    .hint("Keep only the blocks that lead from old addresses to the one that is declared now.")
}

fn collision(
    blocks: &[(Vec<ScopeStep>, &MovedBlock)],
    new: &RowKey,
    first: &RowKey,
    second: &RowKey,
) -> Diagnostic {
    let detail = format!("Two recorded objects would be {new}: {first} and {second}.");
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid moved block", detail)
        .at_opt(blocks.first().map(|(_, block)| block.span))
        .hint("Remove the moved block, or take one of the two out of the state with `strata state rm`.")
}

/// What a `removed` block says of an address: `Some(true)` to destroy it, `Some(false)` to forget it.
pub(super) fn removed(graph: &Graph<'_>, address: &Address) -> Option<bool> {
    graph.paths.iter().enumerate().find_map(|(path, node)| {
        let blocks = &node.package.removed;
        if blocks.is_empty() {
            return None;
        }
        let outer = path_steps(graph, path);
        let found = blocks
            .iter()
            .find(|block| within(&outer, &block.from.value).matches(address));
        found.map(|block| block.destroy)
    })
}
