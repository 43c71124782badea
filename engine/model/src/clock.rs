//! Time and randomness as inputs.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::Timestamp;

/// Tells the time and waits. The engine and the providers have no other source of time.
///
/// Durations given to `sleep` and returned by `elapsed` are in the *cloud's* time: on the sandbox, which runs faster
/// than the real clouds, the implementation divides and multiplies by its speed.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Wall-clock time, for records that people read; never used to order events.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits. Cancel safe: dropping the future has no effect.
    async fn sleep(&self, duration: Duration);
}

/// Tells the environment variables that a connection may depend on.
pub trait Variables: fmt::Debug + Send + Sync {
    /// The text of a variable; `None` where it is not set, empty, or none that connections may see.
    fn variable(&self, name: &str) -> Option<String>;
}

/// An environment without variables.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Gives random bits, for ids and generated secrets.
pub trait IdSource: fmt::Debug + Send + Sync {
    /// Fills the buffer with bits fit for cryptographic use.
    fn fill(&self, buffer: &mut [u8]);

    /// 128 random bits.
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        self.fill(&mut bits);
        bits
    }
}
