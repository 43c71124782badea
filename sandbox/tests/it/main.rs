//! The sandbox as its clients see it: over HTTP, through faults and kills, and judged by its ledger.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and the lint sees only test functions as tests"
)]

mod access_rules;
mod addon_rules;
mod auto_mode_rules;
mod client;
mod durability;
mod ec2_rules;
mod eks_rules;
mod endpoint_rules;
mod faults;
mod iam_rules;
mod image_rules;
mod index_rules;
mod key_rules;
mod log_rules;
mod tour;
