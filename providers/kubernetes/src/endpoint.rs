//! Where an API server is, and how one is sure that it is the right one.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use thiserror::Error;

use crate::identity::Certificate;

/// Why an endpoint cannot be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address of the server is not one.
    #[error("the server address {server:?} {reason}")]
    Server {
        /// What was given.
        server: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address of the proxy is not one. It is not shown, as it may hold a password.
    #[error("the proxy address {reason}")]
    Proxy {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name to check the certificate against is none.
    #[error("{name:?} is neither a host name nor an IP address")]
    ServerName {
        /// What was given.
        name: String,
    },
    /// Certificates or a key cannot be used.
    #[error("the {what} cannot be used: {reason}")]
    Pem {
        /// Which.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// An API server. Making one opens no connection.
#[derive(Clone)]
pub struct Endpoint {
    server: Uri,
    trust: Trust,
    server_name: Option<ServerName<'static>>,
    proxy: Option<Proxy>,
}

/// How a certificate is checked.
#[derive(Clone)]
enum Trust {
    /// By the authorities of this machine.
    System,
    /// By these only.
    Authorities(Arc<RootCertStore>),
    /// Not at all.
    Anybody,
}

/// An HTTP proxy that is asked for a tunnel.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: Uri,
    pub(crate) authorization: Option<HeaderValue>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(|proxy| &proxy.address);
        f.debug_struct("Endpoint")
            .field("server", &self.server)
            .field("server_name", &self.server_name)
            .field("proxy", &proxy)
            .field("verified", &!matches!(self.trust, Trust::Anybody))
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The API server at an `https` URL, whose certificate the authorities of this machine vouch for.
    ///
    /// # Errors
    ///
    /// When it is not such a URL, or holds a user, a query or a fragment.
    pub fn new(server: &str) -> Result<Self, EndpointError> {
        let wrong = |reason| EndpointError::Server {
            server: without_user(server),
            reason,
        };
        let uri: Uri = server.parse().map_err(|_| wrong("is no URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if uri.scheme_str() != Some("https") {
            return Err(wrong("does not begin with https://"));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("holds a user"));
        }
        if uri.query().is_some() || server.contains('#') {
            return Err(wrong("has more than a path after the host"));
        }
        Ok(Self {
            server: uri,
            trust: Trust::System,
            server_name: None,
            proxy: None,
        })
    }

    /// Trusts the authorities in a PEM text, and no others.
    ///
    /// # Errors
    ///
    /// When it holds no certificate, or one that is none.
    pub fn with_authority(mut self, pem: &str) -> Result<Self, EndpointError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("certificate authority", pem.as_bytes())? {
            roots
                .add(certificate)
                .map_err(|error| unusable("certificate authority", &error))?;
        }
        self.trust = Trust::Authorities(Arc::new(roots));
        Ok(self)
    }

    /// Checks the certificate against this name rather than that of the server: for tunnels and private addresses.
    ///
    /// # Errors
    ///
    /// When it is neither a host name nor an IP address.
    pub fn with_server_name(mut self, name: &str) -> Result<Self, EndpointError> {
        let parsed = ServerName::try_from(name.to_owned());
        self.server_name = Some(parsed.map_err(|_| EndpointError::ServerName {
            name: name.to_owned(),
        })?);
        Ok(self)
    }

    /// Reaches the server through a tunnel of an HTTP proxy, `http://[USER:PASSWORD@]HOST[:PORT]`. TLS is spoken with
    /// the server, the proxy sees its name only.
    ///
    /// # Errors
    ///
    /// When it is not such a URL.
    pub fn with_proxy(mut self, proxy: &str) -> Result<Self, EndpointError> {
        let wrong = |reason| EndpointError::Proxy { reason };
        let uri: Uri = proxy.parse().map_err(|_| wrong("is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("does not begin with http://"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("has more than a host and a port"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        let authorization = match user {
            Some(user) => {
                let encoded = format!("Basic {}", STANDARD.encode(decoded(user)));
                let value = HeaderValue::try_from(encoded);
                Some(value.map_err(|_| wrong("has a user that cannot be sent"))?)
            }
            None => None,
        };
        let address = format!("http://{host}");
        self.proxy = Some(Proxy {
            address: address.parse().map_err(|_| wrong("is no URL"))?,
            authorization,
        });
        Ok(self)
    }

    /// Takes any server for the right one. Whoever is on the way can read and change everything, tokens too.
    #[must_use]
    pub fn unverified(mut self) -> Self {
        self.trust = Trust::Anybody;
        self
    }

    /// The URL of the server, without a slash at its end.
    #[must_use]
    pub fn server(&self) -> String {
        self.server.to_string().trim_end_matches('/').to_owned()
    }

    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    pub(crate) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// What TLS is spoken with.
    pub(crate) fn tls(
        &self,
        certificate: Option<&Certificate>,
    ) -> Result<ClientConfig, EndpointError> {
        let builder = self.trusting()?;
        let Some(certificate) = certificate else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates("client certificate", certificate.chain.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())
            .map_err(|error| unusable("client key", &error))?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable("client certificate", &error))
    }

    fn trusting(&self) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, EndpointError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS library", &error))?;
        match &self.trust {
            Trust::System => builder
                .with_native_roots()
                .map_err(|error| unusable("certificates of this machine", &error)),
            Trust::Authorities(roots) => Ok(builder.with_root_certificates(Arc::clone(roots))),
            Trust::Anybody => Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unverified(provider)))),
        }
    }
}

/// The certificates of a PEM text; at least one.
fn certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| unusable(what, &error))?;
    if read.is_empty() {
        return Err(unusable(what, &"it holds no certificate"));
    }
    Ok(read)
}

fn unusable(what: &'static str, reason: &dyn fmt::Display) -> EndpointError {
    EndpointError::Pem {
        what,
        reason: reason.to_string(),
    }
}

/// A URL for messages: what may be a password is not in it.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => url.to_owned(),
    }
}

/// The bytes that percent signs stand for.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let (b'%', Some(value)) = (first, value) {
            bytes.push(value);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// Takes every certificate; signatures of the handshake are still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(endpoint: Result<Endpoint, EndpointError>) -> String {
        endpoint.unwrap_err().to_string()
    }

    #[test]
    fn servers_are_https_urls() {
        for (server, expected) in [
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("https://[::1]:6443/", "https://[::1]:6443"),
            (
                "https://rancher.example/k8s/clusters/c-1/",
                "https://rancher.example/k8s/clusters/c-1",
            ),
        ] {
            assert_eq!(Endpoint::new(server).unwrap().server(), expected);
        }
        for (server, expected) in [
            ("http://a.example", "does not begin with https://"),
            ("a.example", "does not begin with https://"),
            ("/path", "names no host"),
            ("https://a.example/?x=1", "has more than a path"),
            ("https://a b", "is no URL"),
        ] {
            let reason = reason(Endpoint::new(server));
            assert!(reason.contains(expected), "{server}: {reason}");
        }
    }

    #[test]
    fn no_message_shows_a_password() {
        let server = reason(Endpoint::new("https://me:hunter2@a.example"));
        assert!(
            server.contains("holds a user") && !server.contains("hunter2"),
            "{server}"
        );
        let endpoint = Endpoint::new("https://a.example").unwrap();
        let proxy = reason(
            endpoint
                .clone()
                .with_proxy("https://me:hunter2@proxy.example"),
        );
        assert!(
            proxy.contains("http://") && !proxy.contains("hunter2"),
            "{proxy}"
        );
        let shown = format!(
            "{:?}",
            endpoint.with_proxy("http://me:hunter2@proxy.example:3128")
        );
        assert!(
            shown.contains("proxy.example:3128") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn a_proxy_gets_the_decoded_user() {
        let endpoint = Endpoint::new("https://a.example").unwrap();
        let endpoint = endpoint
            .with_proxy("http://me:p%40ss@proxy.example")
            .unwrap();
        let proxy = endpoint.proxy().unwrap();
        assert_eq!(proxy.address.to_string(), "http://proxy.example/");
        let expected = format!("Basic {}", STANDARD.encode("me:p@ss"));
        assert_eq!(proxy.authorization.as_ref().unwrap(), expected.as_str());
    }

    #[test]
    fn authorities_are_certificates() {
        let endpoint = Endpoint::new("https://a.example").unwrap();
        assert!(reason(endpoint.clone().with_authority("")).contains("holds no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(reason(endpoint.clone().with_authority(broken)).contains("cannot be used"));
        assert!(reason(endpoint.with_server_name("a b")).contains("neither a host name"));
    }
}
