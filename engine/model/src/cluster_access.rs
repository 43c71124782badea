//! How the API server of a cluster is reached: what a provider that makes clusters gives to those who work in them.

use std::fmt;

use async_trait::async_trait;

use crate::id::Timestamp;
use crate::provider::ProviderError;

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
