//! Kubernetes: API servers, how they are reached, and the objects in them.
//!
//! - [`endpoint`]: where an API server is, how its certificate is checked, through which proxy it is reached;
//! - [`identity`]: who asks: tokens, also those that are made anew in long runs, and client certificates;
//! - [`kubeconfig`]: both, read from a kubeconfig; what in it runs programs, reads files or weakens TLS is refused unless
//!   it is allowed by name;
//! - [`connection`]: requests and answers;
//! - [`Kubernetes`]: the provider, with resource types for objects, Secrets and the members of layers.
//!
//! What objects mean is the business of the `merge` crate beside this one.

mod admission;
mod api;
mod config;
pub mod connection;
mod dump;
pub mod endpoint;
mod exec;
mod health;
mod health_rule;
pub mod identity;
mod immutable;
mod inventory;
mod judge;
mod kinds;
pub mod kubeconfig;
mod manifest;
mod misfit;
mod naming;
mod normal;
mod object_id;
mod objects;
mod observe;
mod provider;
mod scope;
mod secret;
mod sent;
mod stage;
mod types;

pub use crate::connection::{Connection, ConnectionError, Request, Response};
pub use crate::dump::{Schemas, SchemasError};
pub use crate::endpoint::{Endpoint, EndpointError};
pub use crate::identity::Identity;
pub use crate::kubeconfig::{Allowed, Kubeconfig, KubeconfigError};
pub use crate::provider::Kubernetes;
