//! The smallest HTTPS client that speaks to an API server: one connection, one request at a time.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

/// Why a request has no answer, or not the expected one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection cannot be made.
    #[error("cannot connect to the API server")]
    Io(#[from] io::Error),
    /// The server's certificate is none.
    #[error("the API server's certificate cannot be read")]
    Certificate(#[from] pem::Error),
    /// TLS cannot be set up.
    #[error("cannot speak TLS to the API server")]
    Tls(#[from] rustls::Error),
    /// The connection broke.
    #[error("the API server did not answer")]
    Http(#[from] hyper::Error),
    /// The request is malformed.
    #[error("this is no request")]
    Request(#[from] hyper::http::Error),
    /// The answer is another than expected.
    #[error("the API server answered {status} and not {expected}: {body}")]
    Unexpected {
        /// Its status.
        status: u16,
        /// What the caller counted on.
        expected: u16,
        /// What it said.
        body: String,
    },
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body; a text that is not JSON is given as a JSON string.
    pub body: Value,
}

impl Response {
    /// The body, when the status is this one.
    ///
    /// # Errors
    ///
    /// When it is another.
    pub fn expect(self, status: u16) -> Result<Value, ClientError> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(ClientError::Unexpected {
            status: self.status,
            expected: status,
            body: self.body.to_string(),
        })
    }
}

/// One connection of one user. Tests that run side by side have one each.
pub struct Client {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    token: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn connect(port: u16, certificates: &str, token: &str) -> Result<Self, ClientError> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(certificates.as_bytes()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
            let stream = TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // It lives as long as the runtime and fails with the requests on it.
            drop(tokio::spawn(connection));
            Ok::<_, ClientError>(sender)
        })?;
        Ok(Self {
            runtime,
            sender,
            authority: format!("127.0.0.1:{port}"),
            token: token.to_owned(),
        })
    }

    /// GET.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&mut self, path: &str) -> Result<Response, ClientError> {
        self.request(&Method::GET, path, None)
    }

    /// POST of a JSON document.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Response, ClientError> {
        self.request(&Method::POST, path, Some(("application/json", body)))
    }

    /// PUT of a JSON document.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn put(&mut self, path: &str, body: &Value) -> Result<Response, ClientError> {
        self.request(&Method::PUT, path, Some(("application/json", body)))
    }

    /// PATCH with a patch of the named media type.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn patch(
        &mut self,
        path: &str,
        media_type: &str,
        body: &Value,
    ) -> Result<Response, ClientError> {
        self.request(&Method::PATCH, path, Some((media_type, body)))
    }

    /// DELETE.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn delete(&mut self, path: &str) -> Result<Response, ClientError> {
        self.request(&Method::DELETE, path, None)
    }

    fn request(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Response, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let mut bytes = Bytes::new();
        if let Some((media_type, body)) = body {
            request = request.header(CONTENT_TYPE, media_type);
            bytes = Bytes::from(body.to_string());
        }
        let request = request.body(Full::new(bytes))?;
        let Self {
            runtime, sender, ..
        } = self;
        runtime.block_on(async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await?.to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok(Response { status, body })
        })
    }
}
