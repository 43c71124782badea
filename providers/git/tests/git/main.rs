//! Sources from a real server, trees that were made to do harm, and local work trees.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where, and clippy sees no tests in helper functions"
)]

mod fetching;
mod server;
mod trees;
mod worktrees;
