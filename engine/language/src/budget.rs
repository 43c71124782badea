//! Limits of evaluation: hostile definitions end in a diagnostic, not in an exhausted machine.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use strata_model::{Code, Diagnostic, Diagnostics, Kind, Type, Value};

use crate::codes;
use crate::convert::has_type;

/// Steps that any run may take.
const LEAST_STEPS: u64 = 10_000_000;
/// Steps that each node of the definitions adds, where that is more.
const STEPS_PER_NODE: u64 = 10_000;
/// Bytes of values that a run may hold.
const BYTES: u64 = 256 * 1024 * 1024;
/// What one value is taken to cost, its place in a collection included. It is generous, so that the real memory stays
/// below the limit.
pub(crate) const VALUE_BYTES: u64 = 96;
/// What a text is taken to cost while it is made, in times of its length: it is built, grown and copied to where it stays.
const BUILT_TEXT: u64 = 3;
/// One in so many bytes that are kept is taken to be lost between others.
const LOSS: u64 = 4;
/// Levels of collections within collections that a value may have: everything that goes through values is recursive, and
/// a value is stored with its type, whose JSON has two levels for each of the value's and is read to a depth of 128.
const DEPTH: usize = 56;
/// What the node of a map's tree takes that holds the first members, be it one.
const NODE_BYTES: u64 = 640;
/// What each member adds: nodes are not full.
const MEMBER_BYTES: u64 = 128;
/// Steps for each member of a map: finding its place compares keys.
const MEMBER_STEPS: u64 = 12;
/// Steps for each value of a collection that is converted.
const RESHAPE_STEPS: u64 = 4;
/// Steps for each map in it, besides: its type, which names all members, is compared with those of the others.
const RESHAPE_MAP_STEPS: u64 = 96;
/// Steps are counted locally and handed over in portions.
const PORTION: u64 = 256;

/// What all evaluations of a run may use together. It may be shared by threads.
#[derive(Debug)]
pub struct Budget {
    step_limit: u64,
    byte_limit: u64,
    steps: AtomicU64,
    bytes: AtomicU64,
    exceeded: AtomicBool,
}

impl Budget {
    /// The budget of a run over definitions of this many nodes: 10,000,000 steps or 10,000 for each node, whichever is
    /// more, and 256 MiB of values.
    pub fn new(node_count: u64) -> Self {
        let steps = node_count.saturating_mul(STEPS_PER_NODE);
        Self::with_limits(steps.max(LEAST_STEPS), BYTES)
    }

    /// A budget of its own limits, for tests and for callers with little room.
    pub fn with_limits(step_limit: u64, byte_limit: u64) -> Self {
        Budget {
            step_limit,
            byte_limit,
            steps: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
        }
    }

    /// Whether an evaluation has gone beyond it, so that values may be unknown for no other reason.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// Takes note that an evaluation has gone beyond it. Tells whether it is the first that has.
    fn exceed(&self) -> bool {
        !self.exceeded.swap(true, Ordering::Relaxed)
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Bytes of values made so far and kept.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(0)
    }
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Steps(u64),
    Bytes(u64),
    Depth,
}

impl Exceeded {
    /// The diagnostic of the limit.
    pub(crate) fn diagnostic(self) -> Diagnostic {
        self.entry().error(self.detail())
    }

    /// The code of that diagnostic.
    pub(crate) fn code(self) -> Code {
        self.entry().code
    }

    fn entry(self) -> codes::CodeEntry {
        match self {
            Exceeded::Steps(_) | Exceeded::Bytes(_) => codes::BUDGET,
            Exceeded::Depth => codes::NESTING,
        }
    }

    fn detail(self) -> String {
        match self {
            Exceeded::Depth => format!(
                "The value made here has more than the {DEPTH} levels of collections within collections that are allowed."
            ),
            Exceeded::Steps(limit) => format!(
                "Evaluating this takes more than the {limit} steps that all definitions may take together."
            ),
            Exceeded::Bytes(limit) => format!(
                "The values made here need more than the {} MB that all values may take together.",
                limit / (1024 * 1024)
            ),
        }
    }
}

/// Counts what one evaluation uses.
#[derive(Debug)]
pub(crate) struct Meter<'b> {
    budget: &'b Budget,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    /// How many of these are texts that are built and gone once the evaluation ends.
    building: Cell<u64>,
    exceeded: Cell<Option<Exceeded>>,
}

impl<'b> Meter<'b> {
    pub(crate) fn new(budget: &'b Budget) -> Self {
        Meter {
            budget,
            steps: Cell::new(0),
            bytes: Cell::new(0),
            building: Cell::new(0),
            exceeded: Cell::new(None),
        }
    }

    /// Takes steps.
    pub(crate) fn steps(&self, count: u64) -> Result<(), Exceeded> {
        if let Some(exceeded) = self.exceeded.get() {
            return Err(exceeded);
        }
        let steps = self.steps.get().saturating_add(count);
        self.steps.set(steps);
        if steps < PORTION {
            return Ok(());
        }
        self.steps.set(0);
        let before = self.budget.steps.fetch_add(steps, Ordering::Relaxed);
        if before.saturating_add(steps) > self.budget.step_limit {
            return self.fail(Exceeded::Steps(self.budget.step_limit));
        }
        Ok(())
    }

    /// Takes the memory of a text of so many bytes, before it is allocated.
    pub(crate) fn bytes(&self, count: u64) -> Result<(), Exceeded> {
        let building = (BUILT_TEXT - 1).saturating_mul(count);
        self.building
            .set(self.building.get().saturating_add(building));
        self.take(count.saturating_add(building))
    }

    fn take(&self, count: u64) -> Result<(), Exceeded> {
        if let Some(exceeded) = self.exceeded.get() {
            return Err(exceeded);
        }
        let bytes = self.bytes.get().saturating_add(count);
        let kept = self.budget.bytes();
        let held = kept.saturating_add(kept / LOSS);
        if held.saturating_add(bytes) > self.budget.byte_limit {
            return self.fail(Exceeded::Bytes(self.budget.byte_limit));
        }
        self.bytes.set(bytes);
        Ok(())
    }

    /// Takes the memory of a collection of so many elements.
    pub(crate) fn elements(&self, count: usize) -> Result<(), Exceeded> {
        self.take((count as u64).saturating_mul(VALUE_BYTES))
    }

    /// Takes the memory and the steps of so many maps of so many members altogether.
    pub(crate) fn maps(&self, maps: usize, members: usize) -> Result<(), Exceeded> {
        let (maps, members) = (maps as u64, members as u64);
        self.steps(members.saturating_mul(MEMBER_STEPS))?;
        let members = members.saturating_mul(MEMBER_BYTES);
        self.take(maps.saturating_mul(NODE_BYTES).saturating_add(members))
    }

    /// Takes the memory and the steps of a map of so many members.
    pub(crate) fn members(&self, count: usize) -> Result<(), Exceeded> {
        self.maps(usize::from(count > 0), count)
    }

    /// Takes what converting a collection to a type takes: all that is in it may be made once more, and so are the
    /// types of all that is in it.
    pub(crate) fn reshape(&self, value: &Value, want: &Type) -> Result<(), Exceeded> {
        if is_single(value) || has_type(value, want) {
            return Ok(());
        }
        self.weigh(value)?;
        let mut shape = Shape::default();
        shape.add(value);
        self.steps(shape.values * RESHAPE_STEPS + shape.maps * RESHAPE_MAP_STEPS)?;
        self.take(2 * (shape.values * VALUE_BYTES + shape.maps * NODE_BYTES))
    }

    /// Takes a step for every value in a collection, counted as if nothing in it were shared: what is small in memory
    /// because it holds the same thing again and again is as large as what it would be written out as.
    pub(crate) fn weigh(&self, value: &Value) -> Result<(), Exceeded> {
        if is_single(value) {
            return Ok(());
        }
        let limit = self.budget.step_limit;
        let room = limit
            .saturating_sub(self.budget.steps())
            .saturating_sub(self.steps.get());
        let mut left = room;
        if !weigh(value, DEPTH, &mut left) {
            return self.fail(Exceeded::Depth);
        }
        if left == 0 {
            return self.fail(Exceeded::Steps(limit));
        }
        self.steps(room - left)
    }

    fn fail(&self, exceeded: Exceeded) -> Result<(), Exceeded> {
        self.exceeded.set(Some(exceeded));
        Err(exceeded)
    }

    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    /// Adds what one evaluation found, and leaves out what is wrong only because it was ended: all that comes behind
    /// the limit, and the limit itself where another evaluation has met one before.
    pub(crate) fn tell(&self, found: Diagnostics, diagnostics: &mut Diagnostics) {
        let Some(exceeded) = self.exceeded.get() else {
            diagnostics.extend(found);
            return;
        };
        let code = exceeded.code();
        let is_first = match exceeded {
            Exceeded::Steps(_) | Exceeded::Bytes(_) => self.budget.exceed(),
            // It is of this one value.
            Exceeded::Depth => true,
        };
        let mut found = found.into_iter();
        let limit = found.find_map(|one| {
            if one.code == code {
                return Some(one);
            }
            diagnostics.push(one);
            None
        });
        diagnostics.extend(limit.filter(|_| is_first));
    }

    /// Ends the evaluation: what was made on the way is given back, and what the result keeps is held.
    pub(crate) fn settle(&self, result: &Value) {
        self.budget
            .steps
            .fetch_add(self.steps.take(), Ordering::Relaxed);
        let made = self.bytes.take().saturating_sub(self.building.take());
        let kept = if made > 64 * 1024 {
            made.min(size(result, made))
        } else {
            made
        };
        self.budget.bytes.fetch_add(kept, Ordering::Relaxed);
    }
}

/// Whether nothing is in the value.
fn is_single(value: &Value) -> bool {
    matches!(
        value.kind(),
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_)
    )
}

/// What a value that was weighed before is made of.
#[derive(Default)]
struct Shape {
    values: u64,
    maps: u64,
}

impl Shape {
    fn add(&mut self, value: &Value) {
        self.values += 1;
        match value.kind() {
            Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::String(_) => {}
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
                elements.iter().for_each(|element| self.add(element));
            }
            Kind::Map(_, members) | Kind::Object(members) => {
                self.maps += 1;
                members.values().for_each(|member| self.add(member));
            }
        }
    }
}

/// Counts values down from `left`, to zero at most; false where they are nested deeper than `depth`.
fn weigh(value: &Value, depth: usize, left: &mut u64) -> bool {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return true;
    }
    let mut inner = |value: &Value| depth > 0 && weigh(value, depth - 1, left);
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            true
        }
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.iter().all(&mut inner)
        }
        Kind::Map(_, members) | Kind::Object(members) => members.values().all(&mut inner),
    }
}

/// The bytes of a value; counting stops at `enough`.
fn size(value: &Value, enough: u64) -> u64 {
    let mut total = VALUE_BYTES;
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) => {}
        Kind::String(text) => total += text.len() as u64,
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            for element in elements.iter() {
                if total >= enough {
                    break;
                }
                total += size(element, enough - total);
            }
        }
        Kind::Map(_, members) | Kind::Object(members) => {
            total += NODE_BYTES;
            for (key, member) in members.iter() {
                if total >= enough {
                    break;
                }
                total += key.len() as u64 + size(member, enough - total);
            }
        }
    }
    total
}
