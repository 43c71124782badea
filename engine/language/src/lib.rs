//! The definition language: YAML and HCL to one spanned model, types, functions and evaluation.
//!
//! The crate is pure. Files come in as text through [`decode`]; functions that read files do so through
//! [`scope::SourceTree`], which the caller implements.
//!
//! Two halves meet in [`expression`] and [`definition`]: the syntax half (`hcl`, `yaml`, `decode`) makes them, the
//! evaluation half (`evaluate`, `functions`, `convert`) gives them values.

mod block;
pub mod budget;
pub mod codes;
pub mod convert;
pub mod decode;
pub mod definition;
pub mod evaluate;
pub mod expression;
pub mod format;
pub mod functions;
mod hcl;
pub mod json_schema;
pub mod parse;
mod place;
pub mod references;
pub mod respell;
pub mod scope;
pub mod suggest;
mod template;
mod yaml;

#[cfg(test)]
mod examples_tests;
#[cfg(test)]
mod guide_tests;
