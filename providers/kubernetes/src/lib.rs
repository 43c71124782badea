//! Kubernetes API servers: how they are reached.
//!
//! - [`endpoint`]: where an API server is, how its certificate is checked, through which proxy it is reached;
//! - [`identity`]: who asks: tokens, also those that are made anew in long runs, and client certificates;
//! - [`kubeconfig`]: both, read from a kubeconfig; what in it runs programs, reads files or weakens TLS is refused unless
//!   it is allowed by name;
//! - [`connection`]: requests and answers.
//!
//! What objects mean is the business of the `merge` crate beside this one.

pub mod connection;
pub mod endpoint;
mod exec;
pub mod identity;
pub mod kubeconfig;

pub use crate::connection::{Connection, ConnectionError, Request, Response};
pub use crate::endpoint::{Endpoint, EndpointError};
pub use crate::identity::Identity;
pub use crate::kubeconfig::{Allowed, Kubeconfig, KubeconfigError};
