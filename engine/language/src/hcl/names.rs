//! One copy of what is written again and again.

use std::sync::Arc;

/// How many names are remembered.
const SLOTS: usize = 64;

/// The names that a file said lately: it says few different ones, thousands of times, and one copy of each serves all.
#[derive(Debug)]
pub(super) struct Names([Option<Arc<str>>; SLOTS]);

impl Names {
    pub(super) fn new() -> Self {
        Names([const { None }; SLOTS])
    }

    /// The text as a name of which there are perhaps more owners.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        let mix = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(usize::from(byte));
        let slot = &mut self.0[text.bytes().fold(0, mix) % SLOTS];
        match slot {
            Some(known) if **known == *text => known.clone(),
            _ => slot.insert(Arc::from(text)).clone(),
        }
    }
}
