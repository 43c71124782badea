//! What killed, starved, disturbed and attacked runs leave behind: the program as its users run it, against a sandbox in its own process.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

mod end_to_end;
mod harness;
mod kill;
