//! The switch that asks a run to end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{FusedFuture, Shared};

/// A switch that is thrown at most once; clones are the same switch.
///
/// Thrown by the first Ctrl-C: no new step begins then, and running ones finish.
#[derive(Clone)]
pub struct Stop {
    thrown: Arc<AtomicBool>,
    sender: Arc<Mutex<Option<oneshot::Sender<()>>>>,
    signal: Shared<oneshot::Receiver<()>>,
}

impl Stop {
    /// A switch that is not thrown.
    pub fn new() -> Self {
        let (sender, receiver) = oneshot::channel();
        Stop {
            thrown: Arc::default(),
            sender: Arc::new(Mutex::new(Some(sender))),
            signal: receiver.shared(),
        }
    }

    /// Throws the switch. Doing so again has no effect. May be called from another thread.
    pub fn throw(&self) {
        self.thrown.store(true, Ordering::SeqCst);
        let sender = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sender) = sender {
            // It fails only when nobody waits.
            sender.send(()).ok();
        }
    }

    /// Whether the switch was thrown.
    pub fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::SeqCst)
    }

    /// Waits until the switch is thrown. Cancel safe.
    pub fn thrown(&self) -> impl FusedFuture<Output = ()> + Send + Unpin + use<> {
        self.signal.clone().map(drop)
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.is_thrown()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_see_the_throw() {
        let stop = Stop::new();
        let other = stop.clone();
        let mut waiting = other.thrown();
        assert!((&mut waiting).now_or_never().is_none());
        stop.throw();
        stop.throw();
        assert!(other.is_thrown());
        assert!(waiting.now_or_never().is_some());
    }
}
