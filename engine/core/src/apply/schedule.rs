//! Which step may begin next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use strata_model::plan::{Plan, Step};

/// Steps by what they wait for. Every operation costs what it changes, times the logarithm of what is ready.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// What each node waits for still; steps first, then barriers.
    unmet: Vec<u32>,
    /// Dependents of node `n`: `targets[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    targets: Vec<u32>,
    fate: Vec<Fate>,
    steps: usize,
    /// For each step its place in `lanes` by the name of what it must be alone on.
    lane: BTreeMap<u32, usize>,
    lanes: Vec<Lane>,
    local: Vec<bool>,
    ready: [BinaryHeap<Reverse<u32>>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Begun,
    Done,
    Skipped,
}

#[derive(Debug, Default)]
struct Lane {
    taken: bool,
    queue: VecDeque<u32>,
}

/// A plan whose graph is not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {0} of the plan waits for a step that does not exist; this is a bug in Strata")]
pub(crate) struct UnknownStep(pub(crate) usize);

impl Schedule {
    /// Takes the graph of a plan. `local` says which steps need no slot; `done` steps count as succeeded.
    pub(crate) fn new(
        plan: &Plan,
        local: impl Fn(&Step) -> bool,
        done: &[u32],
    ) -> Result<Self, UnknownStep> {
        let steps = plan.steps.len();
        let after = || {
            let steps = plan.steps.iter().map(|step| &step.after);
            steps.chain(plan.barriers.iter().map(|barrier| &barrier.after))
        };
        let count = steps + plan.barriers.len();
        let (starts, targets) = edges(count, after)?;
        let mut schedule = Schedule {
            unmet: after().map(|after| after.len() as u32).collect(),
            starts,
            targets,
            fate: vec![Fate::Waiting; count],
            steps,
            lane: BTreeMap::new(),
            lanes: Vec::new(),
            local: plan.steps.iter().map(local).collect(),
            ready: Default::default(),
        };
        schedule.take_lanes(plan);
        schedule.open(done);
        Ok(schedule)
    }

    fn take_lanes(&mut self, plan: &Plan) {
        let mut names = BTreeMap::new();
        for step in &plan.steps {
            if let Some(name) = &step.exclusive {
                let next = names.len();
                let lane = *names.entry(name).or_insert(next);
                self.lane.insert(step.number, lane);
            }
        }
        self.lanes.resize_with(names.len(), Lane::default);
    }

    fn open(&mut self, done: &[u32]) {
        let free: Vec<usize> = (0..self.unmet.len())
            .filter(|node| self.unmet[*node] == 0)
            .collect();
        let done = done.iter().map(|step| *step as usize);
        let done: Vec<usize> = done.filter(|step| *step < self.steps).collect();
        // All are marked before one is released: a done step may follow another, and must not become ready by it.
        for step in &done {
            self.fate[*step] = Fate::Done;
        }
        for step in done {
            self.release(step);
        }
        for node in free {
            self.enter(node);
        }
    }

    /// A node without unmet needs: a step becomes ready, a barrier is passed.
    fn enter(&mut self, node: usize) {
        if self.fate[node] != Fate::Waiting {
            return;
        }
        if node >= self.steps {
            self.fate[node] = Fate::Done;
            self.release(node);
            return;
        }
        let step = node as u32;
        match self.lane.get(&step).map(|lane| &mut self.lanes[*lane]) {
            Some(lane) if lane.taken => lane.queue.push_back(step),
            Some(lane) => {
                lane.taken = true;
                self.push(step);
            }
            None => self.push(step),
        }
    }

    fn push(&mut self, step: u32) {
        let local = self.local[step as usize];
        self.ready[usize::from(local)].push(Reverse(step));
    }

    /// Tells the dependents of a node that it is done. Barriers behind barriers are walked, not recursed into.
    fn release(&mut self, node: usize) {
        let mut done = vec![node];
        while let Some(node) = done.pop() {
            for index in self.starts[node]..self.starts[node + 1] {
                let dependent = self.targets[index as usize] as usize;
                self.unmet[dependent] -= 1;
                if self.unmet[dependent] > 0 || self.fate[dependent] != Fate::Waiting {
                    continue;
                }
                if dependent >= self.steps {
                    self.fate[dependent] = Fate::Done;
                    done.push(dependent);
                } else {
                    self.enter(dependent);
                }
            }
        }
    }

    /// The ready step with the smallest number among those that need a slot (`local` false) or none (`local` true).
    pub(crate) fn pop(&mut self, local: bool) -> Option<u32> {
        let Reverse(step) = self.ready[usize::from(local)].pop()?;
        self.fate[step as usize] = Fate::Begun;
        Some(step)
    }

    /// A begun step has not done anything and is ready again.
    pub(crate) fn put_back(&mut self, step: u32) {
        self.fate[step as usize] = Fate::Waiting;
        self.push(step);
    }

    /// Whether no step is ready.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready.iter().all(BinaryHeap::is_empty)
    }

    /// A begun step succeeded.
    pub(crate) fn succeed(&mut self, step: u32) {
        self.fate[step as usize] = Fate::Done;
        self.leave_lane(step);
        self.release(step as usize);
    }

    /// A begun step failed. Returns the steps that therefore never begin, in ascending order.
    pub(crate) fn fail(&mut self, step: u32) -> Vec<u32> {
        self.fate[step as usize] = Fate::Skipped;
        self.leave_lane(step);
        let mut skipped = Vec::new();
        let mut lost = vec![step as usize];
        while let Some(node) = lost.pop() {
            for index in self.starts[node]..self.starts[node + 1] {
                let dependent = self.targets[index as usize] as usize;
                if self.fate[dependent] != Fate::Waiting {
                    continue;
                }
                self.fate[dependent] = Fate::Skipped;
                lost.push(dependent);
                if dependent < self.steps {
                    skipped.push(dependent as u32);
                }
            }
        }
        skipped.sort_unstable();
        skipped
    }

    fn leave_lane(&mut self, step: u32) {
        let Some(lane) = self.lane.get(&step) else {
            return;
        };
        let lane = &mut self.lanes[*lane];
        match lane.queue.pop_front() {
            Some(next) => self.push(next),
            None => lane.taken = false,
        }
    }

    /// The steps that never began and were not skipped either, in ascending order.
    pub(crate) fn left(&self) -> Vec<u32> {
        (0..self.steps)
            .filter(|step| self.fate[*step] == Fate::Waiting)
            .map(|step| step as u32)
            .collect()
    }
}

/// The edges turned round, in one array.
fn edges<'a, I: Iterator<Item = &'a Vec<u32>>>(
    count: usize,
    after: impl Fn() -> I,
) -> Result<(Vec<u32>, Vec<u32>), UnknownStep> {
    let mut starts = vec![0_u32; count + 1];
    for (node, needs) in after().enumerate() {
        for need in needs {
            let start = starts
                .get_mut(*need as usize + 1)
                .ok_or(UnknownStep(node))?;
            *start += 1;
        }
    }
    for node in 0..count {
        starts[node + 1] += starts[node];
    }
    let mut next = starts.clone();
    let mut targets = vec![0; starts[count] as usize];
    for (node, needs) in after().enumerate() {
        for need in needs {
            let place = &mut next[*need as usize];
            targets[*place as usize] = node as u32;
            *place += 1;
        }
    }
    Ok((starts, targets))
}
