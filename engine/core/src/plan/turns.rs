//! Changes in stages, of objects that depend on each other.
//!
//! A control plane and its nodes go up one version after the other: the nodes follow each step of the control plane
//! before it goes on. Neither waits for all of the other's change, as other steps do.

use std::collections::BTreeSet;

use super::edges::{Draft, Ref};

/// The steps of one change in stages, in order, with their labels.
struct Staged {
    steps: Vec<u32>,
    labels: Vec<String>,
}

impl Draft {
    /// Makes changes in stages take turns where one object depends on the other and stages have the same label.
    ///
    /// Of two stages with the same label the one of the object that is depended on comes first; its next stage waits
    /// for the other's. Stages before the first common label come before it. What else the object needs, and itself
    /// waits for the other's change, holds up only the last common stage: the object is there already, and until then
    /// only keeps pace.
    pub(super) fn take_turns(&mut self) {
        let mut staged = self.staged();
        // Whoever waits for fewer comes first: what another one needs takes its turns before that one is looked at.
        staged.sort_by_cached_key(|one| self.behind(one.steps[0], &[]).len());
        for user in &staged {
            let waited = self.waited_by(user.steps[0]);
            for needed in &staged {
                let whole = needed.steps[needed.steps.len() - 1];
                if waited.contains(&whole) {
                    self.turns_of(user, needed);
                }
            }
        }
    }

    fn staged(&self) -> Vec<Staged> {
        let mut found: Vec<Staged> = Vec::new();
        let mut goes_on = false;
        for step in &self.steps {
            let Some(label) = &step.stage else { continue };
            if !goes_on {
                found.push(Staged {
                    steps: Vec::new(),
                    labels: Vec::new(),
                });
            }
            if let Some(last) = found.last_mut() {
                last.steps.push(step.number);
                last.labels.push(label.clone());
            }
            goes_on = step.more_stages;
        }
        found
    }

    fn turns_of(&mut self, user: &Staged, needed: &Staged) {
        let position = |label: &String| needed.labels.iter().position(|other| other == label);
        let common: Vec<(usize, usize)> = user
            .labels
            .iter()
            .enumerate()
            .filter_map(|(at, label)| Some((at, position(label)?)))
            .collect();
        let (Some((first, meets)), Some((last, end))) = (common.first(), common.last()) else {
            return;
        };
        let whole = needed.steps[needed.steps.len() - 1];
        // What needs only stages that are before the first common one does not make a circle.
        let later = &needed.steps[meets + usize::from(*first == 0)..];
        self.begin_before(user.steps[0], later);
        let mut others = self.waited_by(user.steps[0]);
        others.remove(&whole);
        let (bound, free): (BTreeSet<u32>, BTreeSet<u32>) = others
            .into_iter()
            .partition(|other| self.reaches(*other, later));
        if !bound.is_empty() && needed.steps[*end] != whole {
            return;
        }
        self.set_after(user.steps[0], free);
        self.wait(user.steps[*last], bound.into_iter().map(Ref::Step));
        if *first > 0 {
            self.wait(needed.steps[*meets], [Ref::Step(user.steps[first - 1])]);
        }
        for (at, meets) in &common {
            self.wait(user.steps[*at], [Ref::Step(needed.steps[*meets])]);
            if let Some(next) = needed.steps.get(meets + 1) {
                self.wait(*next, [Ref::Step(user.steps[*at])]);
            }
        }
        if let Some(rest) = user.steps.get(last + 1) {
            self.wait(*rest, [Ref::Step(whole)]);
        }
    }

    /// What the same object goes through before its first stage, such as its import, changes nothing outside, and does
    /// not wait for these.
    fn begin_before(&mut self, first: u32, later: &[u32]) {
        let key = self.steps[first as usize].key.clone();
        let mut own = BTreeSet::new();
        let mut open = vec![first];
        while let Some(step) = open.pop() {
            let mut before = self.waited_by(step);
            before.retain(|step| self.steps[*step as usize].key == key);
            open.extend(before.into_iter().filter(|step| own.insert(*step)));
        }
        for step in &own {
            let mut waits = self.waited_by(*step);
            waits.retain(|other| own.contains(other) || !self.reaches(*other, later));
            self.set_after(*step, waits);
        }
    }

    /// The steps that a step waits for by itself: what stands behind barriers counts, what stands behind steps not.
    fn waited_by(&self, step: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<Ref> = self.after(Ref::Step(step)).iter().copied().collect();
        while let Some(at) = queue.pop() {
            match at {
                Ref::Step(step) => {
                    found.insert(step);
                }
                Ref::Barrier(_) if seen.insert(at) => queue.extend(self.after(at)),
                Ref::Barrier(_) => {}
            }
        }
        found
    }

    /// Whether a step is one of those, or waits for one of them, however far away.
    pub(super) fn reaches(&self, from: u32, to: &[u32]) -> bool {
        let is_sought = |at: &Ref| matches!(at, Ref::Step(step) if to.contains(step));
        self.behind(from, to).iter().any(is_sought)
    }

    /// The step and everything that it waits for, however far away; the search ends at one of `sought`.
    fn behind(&self, from: u32, sought: &[u32]) -> BTreeSet<Ref> {
        let mut seen = BTreeSet::from([Ref::Step(from)]);
        let mut queue = vec![Ref::Step(from)];
        while let Some(at) = queue.pop() {
            if matches!(at, Ref::Step(step) if sought.contains(&step)) {
                break;
            }
            let next: Vec<Ref> = self.after(at).iter().copied().collect();
            queue.extend(next.into_iter().filter(|next| seen.insert(*next)));
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use strata_model::Address;
    use strata_model::plan::Step;

    use super::super::assemble::blank;
    use super::*;

    fn push(draft: &mut Draft, name: &str, stage: Option<(&str, bool)>, after: &[Ref]) -> u32 {
        let address = Address::parse(&format!("t.{name}")).unwrap();
        let step = Step {
            stage: stage.map(|(label, _)| label.to_owned()),
            more_stages: stage.is_some_and(|(_, more)| more),
            ..blank(strata_model::state::RowKey::current(address))
        };
        draft.push(step, after.iter().copied().collect())
    }

    /// A change in stages; each waits for the one before. Returns the steps.
    fn change(draft: &mut Draft, name: &str, labels: &[&str], after: &[Ref]) -> Vec<u32> {
        let mut steps: Vec<u32> = Vec::new();
        for (at, label) in labels.iter().enumerate() {
            let own: Vec<Ref> = steps
                .last()
                .map(|step| Ref::Step(*step))
                .into_iter()
                .collect();
            let after = if at == 0 { after } else { &own };
            steps.push(push(
                draft,
                name,
                Some((label, at + 1 < labels.len())),
                after,
            ));
        }
        steps
    }

    /// The names and stages in an order in which the steps can run.
    fn order(draft: Draft) -> Vec<String> {
        let (steps, barriers) = draft.finish().unwrap();
        let mut done = vec![false; steps.len() + barriers.len()];
        let mut order = Vec::new();
        while done.contains(&false) {
            let after = |at: usize| match steps.get(at) {
                Some(step) => &step.after,
                None => &barriers[at - steps.len()].after,
            };
            let ready: Vec<usize> = (0..done.len())
                .filter(|at| !done[*at] && after(*at).iter().all(|other| done[*other as usize]))
                .collect();
            for at in ready {
                done[at] = true;
                if let Some(step) = steps.get(at) {
                    let stage = step.stage.as_deref().unwrap_or("-");
                    order.push(format!("{} {stage}", step.key.address.name));
                }
            }
        }
        order
    }

    #[test]
    fn nodes_follow_each_step_of_the_control_plane() {
        let mut draft = Draft::default();
        let network = push(&mut draft, "network", None, &[]);
        let plane = change(&mut draft, "plane", &["1", "2", "3"], &[]);
        let all = [Ref::Step(network), Ref::Step(plane[2])];
        let needs = draft.join(all.into_iter().collect()).unwrap();
        change(&mut draft, "nodes", &["1", "2", "3"], &[needs]);
        draft.take_turns();
        let order: Vec<String> = order(draft)
            .into_iter()
            .filter(|step| !step.starts_with("network"))
            .collect();
        assert_eq!(
            order,
            [
                "plane 1", "nodes 1", "plane 2", "nodes 2", "plane 3", "nodes 3"
            ]
        );
    }

    #[test]
    fn an_import_comes_before_the_first_stage() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["1", "2"], &[]);
        let needs = Ref::Step(plane[1]);
        let import = push(&mut draft, "nodes", None, &[needs]);
        change(
            &mut draft,
            "nodes",
            &["1", "2"],
            &[needs, Ref::Step(import)],
        );
        draft.take_turns();
        assert_eq!(
            order(draft),
            ["plane 1", "nodes -", "nodes 1", "plane 2", "nodes 2"]
        );
    }

    #[test]
    fn what_comes_before_the_first_stage_keeps_its_order() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["1", "2"], &[]);
        let needs = Ref::Step(plane[1]);
        // The later of the two is planned first.
        let lift = push(&mut draft, "nodes", None, &[needs]);
        let import = push(&mut draft, "nodes", None, &[needs]);
        draft.wait(lift, [Ref::Step(import)]);
        let nodes = change(&mut draft, "nodes", &["1", "2"], &[needs, Ref::Step(lift)]);
        draft.take_turns();
        let waits = |step| draft.after(Ref::Step(step)).contains(&Ref::Step(import));
        assert!(waits(lift));
        assert!(draft.after(Ref::Step(nodes[0])).contains(&Ref::Step(lift)));
        let order = order(draft);
        assert_eq!(order.last().map(String::as_str), Some("nodes 2"));
        assert!(
            order.iter().position(|step| step == "nodes 1")
                < order.iter().position(|step| step == "plane 2")
        );
    }

    #[test]
    fn nodes_that_are_behind_come_up_first() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["2"], &[]);
        change(&mut draft, "nodes", &["1", "2"], &[Ref::Step(plane[0])]);
        draft.take_turns();
        assert_eq!(order(draft), ["nodes 1", "plane 2", "nodes 2"]);
    }

    #[test]
    fn what_has_no_common_stage_waits_for_the_whole() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["1", "2"], &[]);
        change(&mut draft, "other", &["a", "b"], &[Ref::Step(plane[1])]);
        draft.take_turns();
        assert_eq!(order(draft), ["plane 1", "plane 2", "other a", "other b"]);
    }

    #[test]
    fn another_need_holds_up_only_the_last_common_stage() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["1", "2"], &[]);
        let between = push(&mut draft, "between", None, &[Ref::Step(plane[1])]);
        let needs = [Ref::Step(plane[1]), Ref::Step(between)];
        change(&mut draft, "nodes", &["1", "2"], &needs);
        draft.take_turns();
        assert_eq!(
            order(draft),
            ["plane 1", "nodes 1", "plane 2", "between -", "nodes 2"]
        );
    }

    /// A control plane, what comes before its nodes, the nodes, and what comes after them: whatever is planned first.
    #[test]
    fn several_keep_pace_with_one() {
        const NAMES: [&str; 4] = ["plane", "network", "nodes", "dns"];
        for first in 0..4 {
            for second in (0..4).filter(|second| *second != first) {
                let mut in_order = vec![first, second];
                in_order.extend((0..4).rev().filter(|at| *at != first && *at != second));
                let mut draft = Draft::default();
                let mut steps = [const { Vec::new() }; 4];
                for at in &in_order {
                    steps[*at] = change(&mut draft, NAMES[*at], &["1", "2"], &[]);
                }
                for at in 1..4 {
                    let all = steps[..at].iter().map(|steps| Ref::Step(steps[1]));
                    let needs = draft.join(all.collect()).unwrap();
                    draft.wait(steps[at][0], [needs]);
                }
                draft.take_turns();
                let expected: Vec<String> = ["1", "2"]
                    .iter()
                    .flat_map(|stage| NAMES.map(|name| format!("{name} {stage}")))
                    .collect();
                assert_eq!(order(draft), expected, "planned as {in_order:?}");
            }
        }
    }

    #[test]
    fn no_turns_where_they_would_be_a_circle() {
        let mut draft = Draft::default();
        let plane = change(&mut draft, "plane", &["1", "2", "3"], &[]);
        let between = push(&mut draft, "between", None, &[Ref::Step(plane[2])]);
        let needs = [Ref::Step(plane[2]), Ref::Step(between)];
        change(&mut draft, "nodes", &["1", "2"], &needs);
        draft.take_turns();
        assert_eq!(
            order(draft),
            [
                "plane 1",
                "plane 2",
                "plane 3",
                "between -",
                "nodes 1",
                "nodes 2"
            ]
        );
    }
}
