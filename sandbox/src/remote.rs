//! Looking into a sandbox that another process serves.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::faults::FaultPlan;
use crate::ledger::Ledger;

/// A sandbox that is served elsewhere on this machine.
#[derive(Debug, Clone)]
pub struct Remote {
    url: String,
    authority: String,
}

/// Why a served sandbox could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The URL is not that of a sandbox.
    #[error("{0} is not the URL of a sandbox, such as http://127.0.0.1:4566")]
    Url(String),
    /// Nothing listens there.
    #[error("no sandbox answers at {url}")]
    Connect {
        /// Where it was looked for.
        url: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection to the sandbox at {url} broke")]
    Broken {
        /// Where the sandbox is.
        url: String,
        /// What happened.
        source: hyper::Error,
    },
    /// What answered is not a sandbox, or refused the call.
    #[error("the sandbox at {url} answered with status {status}: {text}")]
    Refused {
        /// Where the sandbox is.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        text: String,
    },
}

impl Remote {
    /// Names the sandbox at a URL, such as `http://127.0.0.1:4566`. Connects to nothing.
    ///
    /// # Errors
    /// If the URL is not of the scheme `http`, or has no port.
    pub fn new(url: &str) -> Result<Self, RemoteError> {
        let wrong = || RemoteError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_wrong| wrong())?;
        let authority = uri
            .authority()
            .filter(|authority| authority.port().is_some());
        let authority = authority.ok_or_else(wrong)?.to_string();
        if uri.scheme_str() != Some("http") {
            return Err(wrong());
        }
        Ok(Self {
            url: url.to_owned(),
            authority,
        })
    }

    /// Asks what its delays are divided by.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn speed(&self) -> Result<f64, RemoteError> {
        let health = self
            .send(Method::GET, "/_strata/health", String::new())
            .await?;
        let health: Value = serde_json::from_str(&health).unwrap_or_default();
        health["speed"]
            .as_f64()
            .ok_or_else(|| self.refused(StatusCode::OK, health.to_string()))
    }

    /// Reads its ledger.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn ledger(&self) -> Result<Ledger, RemoteError> {
        let text = self
            .send(Method::GET, "/_strata/ledger", String::new())
            .await?;
        serde_json::from_str(&text).map_err(|error| self.refused(StatusCode::OK, error.to_string()))
    }

    /// Removes every object and call.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn reset(&self) -> Result<(), RemoteError> {
        self.send(Method::POST, "/_strata/reset", String::new())
            .await
            .map(drop)
    }

    /// Replaces its faults.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn set_faults(&self, plan: &FaultPlan) -> Result<(), RemoteError> {
        let body = serde_json::to_string(plan).unwrap_or_default();
        self.send(Method::PUT, "/_strata/faults", body)
            .await
            .map(drop)
    }

    fn refused(&self, status: StatusCode, text: String) -> RemoteError {
        RemoteError::Refused {
            url: self.url.clone(),
            status: status.as_u16(),
            text,
        }
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<String, RemoteError> {
        let broken = |source| RemoteError::Broken {
            url: self.url.clone(),
            source,
        };
        let stream = TcpStream::connect(&self.authority).await;
        let stream = stream.map_err(|source| RemoteError::Connect {
            url: self.url.clone(),
            source,
        })?;
        let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connection.map_err(broken)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_invalid| RemoteError::Url(self.url.clone()))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let bytes = response.into_body().collect().await?.to_bytes();
            // The connection ends when nobody can send on it any more.
            drop(sender);
            Ok((status, bytes))
        };
        let (exchanged, _closed) = tokio::join!(exchange, connection);
        let (status, bytes) = exchanged.map_err(broken)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() {
            Ok(text)
        } else {
            Err(self.refused(status, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: bool) {
        assert_eq!(Remote::new(url).is_ok(), expected, "{url}");
    }

    #[test]
    fn urls() {
        check("http://127.0.0.1:4566", true);
        check("http://localhost:80/", true);
        check("https://127.0.0.1:4566", false);
        check("127.0.0.1:4566", false);
        check("http://127.0.0.1", false);
        check("", false);
    }
}
