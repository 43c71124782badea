//! Who asks an API server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hyper::header::HeaderValue;
use strata_model::ClusterAccess;
use strata_model::provider::ProviderError;
use thiserror::Error;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::exec::{ExecError, Plugin};

/// How a token is sent.
const SCHEME: &str = "Bearer ";

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The provider of the cluster gives none.
    #[error("the provider of the cluster gives no token")]
    Provider(#[from] ProviderError),
    /// The file with the token cannot be read.
    #[error("the token file {} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The program that gives tokens failed.
    #[error("the program of the kubeconfig gives no token")]
    Exec(#[from] ExecError),
    /// The token holds what no header may.
    #[error("the token is none: it is empty or holds line breaks")]
    Malformed,
}

/// A client certificate with its key, in PEM. The key is wiped when dropped and never shown.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: Zeroizing<String>,
}

/// Somebody else that the asking user stands in for, where the server lets them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActAs {
    /// The user.
    pub user: String,
    /// The user's id, where one is needed.
    pub uid: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
}

/// Who asks. Cloning shares what is kept of tokens.
#[derive(Clone, Default)]
pub struct Identity {
    certificate: Option<Certificate>,
    tokens: Option<Arc<dyn Tokens>>,
    act_as: Option<ActAs>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate.is_some())
            .field("tokens", &self.tokens)
            .field("act_as", &self.act_as)
            .finish()
    }
}

impl Identity {
    /// Nobody: the server takes it for `system:anonymous`.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The holder of a token that does not change.
    #[must_use]
    pub fn token(token: &str) -> Self {
        let token = Zeroizing::new(token.to_owned());
        Self::default().with_tokens(Fixed(token))
    }

    /// Whoever the provider of a cluster vouches for, with tokens as fresh as it gives them.
    #[must_use]
    pub fn of_cluster(access: Arc<dyn ClusterAccess>) -> Self {
        Self::default().with_tokens(OfCluster(access))
    }

    /// The holder of the token in a file, which is read for each request: somebody else keeps it fresh.
    #[must_use]
    pub fn token_file(path: PathBuf) -> Self {
        Self::default().with_tokens(InFile(path))
    }

    /// Holds a certificate and its key, both in PEM, too.
    #[must_use]
    pub fn with_certificate(mut self, chain: &str, key: Zeroizing<String>) -> Self {
        self.certificate = Some(Certificate {
            chain: chain.to_owned(),
            key,
        });
        self
    }

    pub(crate) fn plugin(plugin: Plugin) -> Self {
        Self::default().with_tokens(Run {
            plugin,
            last: Mutex::default(),
        })
    }

    /// Stands in for somebody else.
    #[must_use]
    pub fn acting_as(mut self, act_as: ActAs) -> Self {
        self.act_as = Some(act_as);
        self
    }

    fn with_tokens(mut self, tokens: impl Tokens + 'static) -> Self {
        self.tokens = Some(Arc::new(tokens));
        self
    }

    pub(crate) fn client_certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    pub(crate) fn stands_in_for(&self) -> Option<&ActAs> {
        self.act_as.as_ref()
    }

    /// What is sent as `Authorization`. After the server refused the last one, the next is another where that can be.
    pub(crate) async fn authorization(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, TokenError> {
        let Some(tokens) = &self.tokens else {
            return Ok(None);
        };
        let refused = refused.and_then(|value| value.to_str().ok());
        let refused = refused.and_then(|value| value.strip_prefix(SCHEME));
        let token = tokens.token(refused).await?;
        if token.is_empty() {
            return Err(TokenError::Malformed);
        }
        let text = Zeroizing::new(format!("{SCHEME}{}", &*token));
        let mut value = HeaderValue::from_str(&text).map_err(|_| TokenError::Malformed)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Gives a token for each request. Cancel safe.
#[async_trait]
trait Tokens: fmt::Debug + Send + Sync {
    /// A token; another than the one that the server refused just now, where that can be.
    async fn token(&self, refused: Option<&str>) -> Result<Zeroizing<String>, TokenError>;
}

struct Fixed(Zeroizing<String>);

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fixed(…)")
    }
}

#[async_trait]
impl Tokens for Fixed {
    async fn token(&self, _refused: Option<&str>) -> Result<Zeroizing<String>, TokenError> {
        Ok(self.0.clone())
    }
}

#[derive(Debug)]
struct OfCluster(Arc<dyn ClusterAccess>);

#[async_trait]
impl Tokens for OfCluster {
    async fn token(&self, _refused: Option<&str>) -> Result<Zeroizing<String>, TokenError> {
        Ok(Zeroizing::new(self.0.token().await?.text))
    }
}

#[derive(Debug)]
struct InFile(PathBuf);

#[async_trait]
impl Tokens for InFile {
    async fn token(&self, _refused: Option<&str>) -> Result<Zeroizing<String>, TokenError> {
        // Small and local: reading it does not hold the runtime up.
        let text = std::fs::read_to_string(&self.0).map_err(|source| TokenError::File {
            path: self.0.clone(),
            source,
        })?;
        let text = Zeroizing::new(text);
        Ok(Zeroizing::new(text.trim().to_owned()))
    }
}

/// A program that is asked once, and again when the server no longer takes what it gave.
struct Run {
    plugin: Plugin,
    last: Mutex<Option<Zeroizing<String>>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plugin.fmt(f)
    }
}

#[async_trait]
impl Tokens for Run {
    async fn token(&self, refused: Option<&str>) -> Result<Zeroizing<String>, TokenError> {
        let mut last = self.last.lock().await;
        // Of many requests that were refused together the first one asks for all.
        if let Some(token) = last
            .as_ref()
            .filter(|token| refused != Some(token.as_str()))
        {
            return Ok(token.clone());
        }
        let token = self.plugin.run().await?;
        *last = Some(token.clone());
        Ok(token)
    }
}
