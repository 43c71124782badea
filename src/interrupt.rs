//! What signals do: the first one asks an apply to finish what runs, the second one, or the first at any other time,
//! ends the command at once.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use strata_core::apply::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::error::{CommandError, ErrorKind};

/// Shared between the command and what listens for signals.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    stop: Stop,
    /// Whether the first signal only throws the switch.
    graceful: Arc<AtomicBool>,
    /// Whether the last signal was one to terminate.
    terminated: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    end: Arc<Notify>,
}

impl Interrupts {
    /// The switch that asks a run to finish what it has begun.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// From now on the first signal lets running steps finish.
    pub fn be_graceful(&self) {
        self.graceful.store(true, Ordering::SeqCst);
    }

    /// Whether any signal was seen: blocking work asks.
    pub fn is_interrupted(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// The error of a command that was interrupted.
    pub fn error(&self) -> CommandError {
        if self.terminated.load(Ordering::SeqCst) {
            CommandError::new(ErrorKind::Terminated, "terminated")
        } else {
            CommandError::new(ErrorKind::Interrupted, "interrupted")
        }
    }

    /// What is safe when a command was ended at once, and how to go on.
    fn advice(&self) -> &'static str {
        if self.graceful.load(Ordering::SeqCst) {
            "Everything that was done is recorded. Run the same command again: it looks into what was under way, and goes on."
        } else {
            "No step had begun. Run the same command again."
        }
    }

    /// Runs a command until it ends or signals end it. Dropping it at any point leaves the journal able to tell what
    /// happened.
    ///
    /// # Errors
    ///
    /// Those of the command, and the one of an interrupted command.
    pub async fn guard<T>(
        &self,
        command: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        let signals = Signals::new()
            .map_err(|error| CommandError::failed("cannot listen for signals").because(error))?;
        // On a task of its own: blocking work on this one must not keep signals from being seen.
        let listener = tokio::spawn(self.clone().listen(signals));
        let result = tokio::select! {
            result = command => result,
            () = self.end.notified() => Err(self.error().hint(self.advice())),
        };
        listener.abort();
        result
    }

    async fn listen(self, mut signals: Signals) {
        loop {
            let terminate = signals.next().await;
            self.terminated.store(terminate, Ordering::SeqCst);
            let earlier = self.count.fetch_add(1, Ordering::SeqCst);
            self.stop.throw();
            if earlier > 0 || !self.graceful.load(Ordering::SeqCst) {
                self.end.notify_one();
            }
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal, and tells whether it is one to terminate.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
            _ = self.hang_up.recv() => true,
        }
    }
}
