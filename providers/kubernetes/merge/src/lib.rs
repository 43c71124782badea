//! Kubernetes typed values: what an API server's server-side apply would do, computed here.
//!
//! A Kubernetes object is more than its JSON: the schema of its kind says which lists are sets, which are maps by some
//! of their items' fields, and which lists and maps are one value that cannot be shared. On top of that structure the
//! API server keeps, per *manager*, the set of fields that this manager has an opinion on (`metadata.managedFields`).
//! Applying an object merges it into the live one by that structure, removes what its manager applied before and no
//! longer does, and refuses to overwrite what another manager holds.
//!
//! This crate does the same without a server: [`object::apply`] and [`object::update`] take the live object and give the
//! object and the managed fields that the server would store, before defaults and admission. Below it:
//!
//! - [`schema`]: types, made from OpenAPI documents by [`openapi`], or deduced where a kind has none; [`builtin`] has
//!   the documents of Kubernetes itself, [`custom`] reads definitions of custom kinds;
//! - [`path`], [`set`] and [`fields_v1`]: fields, sets of them, and their form in `managedFields`;
//! - [`typed`]: a value with its type, and what can be done with it: validate, merge, compare, remove;
//! - [`managed`] and [`updater`]: managers, conflicts, and the two operations on typed values.
//!
//! Everything is pure: no file, no clock, no randomness, and the same input gives the same bytes.

pub mod builtin;
mod compare;
pub mod custom;
mod field_set;
pub mod fields_v1;
pub mod managed;
mod merge;
pub mod object;
pub mod openapi;
pub mod path;
mod project;
pub mod quantity;
mod reconcile;
mod remove;
mod required;
pub mod resource;
pub mod schema;
pub mod set;
pub mod typed;
pub mod updater;
pub mod value;
mod walk;

pub use crate::managed::{ManagedFields, Manager, Operation};
pub use crate::path::{Path, PathElement};
pub use crate::schema::{Schema, TypeRef};
pub use crate::set::FieldSet;
pub use crate::typed::TypedValue;
