//! The sandbox as its clients see it: over HTTP, through faults and kills, and judged by its ledger.

mod client;
mod durability;
mod ec2_rules;
mod eks_rules;
mod faults;
mod iam_rules;
mod tour;
