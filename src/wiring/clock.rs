//! Time and randomness of the process: the only place that asks the system for either.

use std::time::Duration;

use async_trait::async_trait;
use strata_model::id::Timestamp;
use strata_model::{Clock, IdSource};

/// The system's clock, on which the cloud's time runs `speed` times as fast.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    began: std::time::Instant,
    speed: f64,
}

impl SystemClock {
    /// A clock on which a second of the cloud lasts a second.
    pub fn new() -> Self {
        Self::with_speed(1.0)
    }

    /// A clock of the sandbox; the speed is a positive number.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else gets its time from"
    )]
    pub fn with_speed(speed: f64) -> Self {
        SystemClock {
            began: std::time::Instant::now(),
            speed,
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else gets its time from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed().mul_f64(self.speed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.speed)).await;
    }
}

/// The system's random bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl IdSource for SystemRandom {
    /// # Panics
    ///
    /// When the system has no random bits to give: no id and no key may be made then.
    #[expect(clippy::expect_used, reason = "without randomness nothing may go on")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system gives random bits");
    }
}
