//! The command line of Strata as a library.
//!
//! [`arguments`] parses what was typed, [`commands`] has one file per command, [`wiring`] is the only room that names
//! concrete providers and stores, and [`view`] is the only one that formats and prints.

pub mod environment;
pub mod error;
pub mod view;
