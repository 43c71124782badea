//! Planning and applying: graph, plan, check, drift, executor and recovery.
//!
//! [`plan`] is synchronous and pure: the same inputs give the same bytes. [`apply`] carries a plan out and makes no
//! decisions. Neither knows what EKS, Flux or SQLite are, opens a file or socket, or reads a clock.

pub mod apply;
pub mod code;
mod conditions;
mod lookup;
pub mod plan;
pub mod replay;
pub mod resolve;
mod world;
