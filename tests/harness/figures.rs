//! What tests are told and tell: settings from the environment, the time, and the figures that they print.

use std::io::Write;
use std::time::{Duration, Instant};

/// Prints a line of figures past the capture of the test runner, so that a passing test shows it too.
pub(crate) fn figures(line: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "figures: {line}").expect("standard error can be written");
}

/// A number from the environment; the default where it is not set.
///
/// # Panics
///
/// When it is set and is no number: a run with other settings than asked for proves nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests read their settings"
)]
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a whole number, not '{text}'")),
        Err(_absent) => default,
    }
}

/// A stopwatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tests read the time"
    )]
    pub(crate) fn start() -> Self {
        Watch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits until `holds` says so, asking every few milliseconds. Returns whether it did within `limit`.
pub(crate) fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let watch = Watch::start();
    while !holds() {
        if watch.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
