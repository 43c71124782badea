//! How many steps may be under way at once.

use strata_model::provider::FAST_IN_ONE;

/// Slots, each of which holds one step, or [`FAST_IN_ONE`] steps of fast providers.
#[derive(Debug)]
pub(super) struct Slots {
    /// In parts of a slot.
    taken: usize,
    all: usize,
}

impl Slots {
    pub(super) fn new(parallelism: usize) -> Self {
        Slots {
            taken: 0,
            all: parallelism.max(1).saturating_mul(FAST_IN_ONE),
        }
    }

    /// Whether another step may begin. The last slot that is taken in part is given whole.
    pub(super) fn has_room(&self) -> bool {
        self.taken < self.all
    }

    pub(super) fn are_free(&self) -> bool {
        self.taken == 0
    }

    pub(super) fn take(&mut self, is_fast: bool) {
        self.taken += parts(is_fast);
    }

    pub(super) fn free(&mut self, is_fast: bool) {
        self.taken -= parts(is_fast);
    }
}

fn parts(is_fast: bool) -> usize {
    if is_fast { 1 } else { FAST_IN_ONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(slots: &mut Slots, is_fast: bool) -> usize {
        let mut count = 0;
        while slots.has_room() {
            slots.take(is_fast);
            count += 1;
        }
        count
    }

    #[test]
    fn fast_steps_share_slots() {
        assert_eq!(fill(&mut Slots::new(10), false), 10);
        assert_eq!(fill(&mut Slots::new(10), true), 10 * FAST_IN_ONE);
        assert_eq!(fill(&mut Slots::new(0), false), 1, "none would never end");
    }

    #[test]
    fn what_is_freed_is_free_for_either() {
        let mut slots = Slots::new(2);
        slots.take(false);
        assert_eq!(fill(&mut slots, true), FAST_IN_ONE);
        slots.free(false);
        assert_eq!(fill(&mut slots, false), 1);
        for _ in 0..FAST_IN_ONE {
            slots.free(true);
        }
        slots.free(false);
        assert!(slots.are_free());
    }
}
