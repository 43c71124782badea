//! How the API server of a cluster is reached: what a provider that makes clusters gives to those who work in them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::address::Address;
use crate::id::Timestamp;
use crate::provider::{ProviderError, ProviderErrorKind};
use crate::value::Value;

/// Access to the API server of one cluster.
#[async_trait]
pub trait ClusterAccess: fmt::Debug + Send + Sync {
    /// The address of the API server, an `https` URL without a path.
    fn server(&self) -> &str;

    /// The certificate of the authority that signed the API server's own, in PEM.
    fn certificate_authority(&self) -> &str;

    /// A token that is valid for some minutes more; it is made anew when the last one nears its end, so that long runs
    /// ask for each request. Makes no call that changes anything. Cancel safe.
    ///
    /// # Errors
    ///
    /// When credentials are missing or expired.
    async fn token(&self) -> Result<BearerToken, ProviderError>;
}

/// The clusters that a state records.
pub trait Clusters: fmt::Debug + Send + Sync {
    /// Access to the cluster whose row has this address. Makes no call.
    ///
    /// # Errors
    ///
    /// When there is no such row, when it is no cluster, or when the cluster is not ready.
    fn access(&self, address: &Address) -> Result<Arc<dyn ClusterAccess>, ProviderError>;

    /// When this run last made a cluster, or changed who gets into one, as [`Clock::elapsed`](crate::Clock::elapsed);
    /// `None` where it has not. For a while after that a cluster may refuse what is permitted by now.
    fn access_changed(&self) -> Option<Duration> {
        None
    }
}

/// A state without clusters.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClusters;

impl Clusters for NoClusters {
    fn access(&self, address: &Address) -> Result<Arc<dyn ClusterAccess>, ProviderError> {
        Err(ProviderError::new(
            ProviderErrorKind::NotFound,
            format!("there is no cluster {address}"),
        ))
    }
}

/// Conditions that users write about objects which only apply gets to see.
pub trait Conditions: fmt::Debug + Send + Sync {
    /// Whether a condition holds for an object. Pure.
    ///
    /// # Errors
    ///
    /// Why that cannot be said, as a sentence: the condition is wrong, or the object does not have what it asks for.
    fn holds(&self, condition: &str, object: &Value) -> Result<bool, String>;
}

/// Nobody to judge conditions.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoConditions;

impl Conditions for NoConditions {
    fn holds(&self, _condition: &str, _object: &Value) -> Result<bool, String> {
        Err("Conditions cannot be judged here.".to_owned())
    }
}

/// What is sent as `Authorization: Bearer`. Neither its text nor its digest is ever recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken {
    /// The token.
    pub text: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
