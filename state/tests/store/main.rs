//! The store as its callers see it, each test on a state file of its own.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test that cannot go on should say where; child processes report by printing"
)]

mod corruption;
mod fixtures;
mod locking;
mod opening;
mod round_trips;
mod secrets;
mod trouble;
