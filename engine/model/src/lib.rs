//! The words of Strata: addresses, values and types, schemas, diagnostics, plan and state records, and the traits
//! between rooms.
//!
//! This crate is pure: it opens no file, socket or database and reads no clock, environment or randomness. Everything
//! that two rooms must agree on stands here, so that no room needs to know another.

pub mod address;
pub mod clock;
pub mod cluster_access;
pub mod diagnostic;
pub mod event;
pub mod id;
pub mod json;
pub mod judge;
pub mod layer;
pub mod members;
pub mod number;
pub mod path;
pub mod plan;
pub mod preflight;
pub mod provider;
pub mod schema;
pub mod secret;
pub mod source;
pub mod state;
pub mod store;
pub mod types;
pub mod value;
pub mod wire;

pub use address::{Address, AddressError, InstanceKey, Mode, Name, Scope, ScopeKind, ScopeStep};
pub use clock::{Clock, IdSource, NoVariables, Variables};
pub use cluster_access::{
    BearerToken, ClusterAccess, Clusters, Conditions, NoClusters, NoConditions,
};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Label, Severity};
pub use id::{DeposedId, Digest, Fence, Lineage, OpId, PlanId, RunId, Serial, Timestamp};
pub use json::Json;
pub use members::Members;
pub use number::Number;
pub use path::{AttributePath, PathStep};
pub use secret::{Fingerprint, SecretKey};
pub use source::{FileId, Position, SourceMap, Span};
pub use types::Type;
pub use value::{Kind, Value};
