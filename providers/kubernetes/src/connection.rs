//! Requests to an API server, and its answers.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, StatusCode, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{self, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use crate::endpoint::{Endpoint, EndpointError};
use crate::identity::{ActAs, Identity, TokenError};

/// How many requests are under way at once.
const IN_FLIGHT: usize = 16;

/// How long it may take until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take. A server itself gives up after a minute.
const ANSWER: Duration = Duration::from_secs(70);

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// How long an answer may be, in bytes: ten times the largest list that a server keeps whole.
const LONGEST: usize = 512 << 20;

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// There is no token, so nothing was sent.
    #[error("nothing can prove who asks {server}")]
    Token {
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// The request cannot be formed, so nothing was sent.
    #[error("the request to {server} cannot be formed: {reason}")]
    Malformed {
        /// The server.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// No connection stands, so nothing was sent.
    #[error("{server} cannot be reached{}: {reason}", through(proxy.as_deref()))]
    Unreachable {
        /// The server.
        server: String,
        /// The proxy that the way goes through, where there is one.
        proxy: Option<String>,
        /// The innermost reason, such as `Connection refused`.
        reason: String,
    },
    /// Somebody else answers than should, so nothing was sent.
    #[error("{server} cannot be trusted: {reason}")]
    Untrusted {
        /// The server.
        server: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// The connection broke, or no answer came in time: the request may have had its effect.
    #[error("{server} gave no whole answer: {reason}")]
    Lost {
        /// The server.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The answer is too long to be kept.
    #[error("the answer of {server} is longer than {} MiB", LONGEST >> 20)]
    TooLong {
        /// The server.
        server: String,
    },
}

impl ConnectionError {
    /// Whether the server was not reached at all: it may not exist yet, or be on a network that this machine is not on.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the request may have had its effect though no answer came.
    #[must_use]
    pub fn may_have_had_effect(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::TooLong { .. })
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    path: String,
    accept: &'static str,
    body: Option<(&'static str, Bytes)>,
}

impl Request {
    /// A request without a body. The path begins with a slash and may have a query.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            accept: "application/json",
            body: None,
        }
    }

    /// Asks for another form than JSON.
    #[must_use]
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// With a body of a media type.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = Some((media_type, body.into()));
        self
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// How long the server asks to wait, where it does.
    pub retry_after: Option<Duration>,
    /// The whole body.
    pub body: Bytes,
}

type Body = Full<Bytes>;

enum Route {
    Direct(Client<HttpsConnector<HttpConnector>, Body>),
    Tunnel(Client<HttpsConnector<Tunnel<HttpConnector>>, Body>),
}

impl Route {
    fn request(&self, request: hyper::Request<Body>) -> ResponseFuture {
        match self {
            Self::Direct(client) => client.request(request),
            Self::Tunnel(client) => client.request(request),
        }
    }
}

/// That a server could not be reached, for a while: those who ask for many objects are not to find it out one by one.
#[derive(Debug)]
struct Outage {
    reason: String,
    until: Instant,
}

impl Outage {
    /// An outage that took from `began` to `now` to be found, and stands for as long again.
    fn new(reason: &str, (began, now): (Instant, Instant)) -> Self {
        Outage {
            reason: reason.to_owned(),
            until: now + now.saturating_duration_since(began),
        }
    }

    fn reason_at(&self, now: Instant) -> Option<&str> {
        (now < self.until).then_some(&*self.reason)
    }
}

/// Connections to one API server as one user: HTTP/1.1, at most 16 requests at once, others wait. A server that could not
/// be reached is not tried again for as long as that took.
pub struct Connection {
    server: String,
    proxy: Option<String>,
    identity: Identity,
    route: Route,
    turns: Semaphore,
    patience: Duration,
    outage: Mutex<Option<Outage>>,
    /// When the server answered last.
    answered: Mutex<Option<Instant>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Prepares connections; none is opened before the first request.
    ///
    /// # Errors
    ///
    /// When certificates or keys cannot be used.
    pub fn new(endpoint: &Endpoint, identity: Identity) -> Result<Self, EndpointError> {
        let tls = endpoint.tls(identity.client_certificate())?;
        let mut https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only();
        if let Some(name) = endpoint.server_name() {
            https = https.with_server_name_resolver(FixedServerNameResolver::new(name.clone()));
        }
        let https = https.enable_http1();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let mut client = Client::builder(TokioExecutor::new());
        client
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new());
        let route = match endpoint.proxy() {
            None => Route::Direct(client.build(https.wrap_connector(tcp))),
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.address.clone(), tcp);
                if let Some(authorization) = &proxy.authorization {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                Route::Tunnel(client.build(https.wrap_connector(tunnel)))
            }
        };
        Ok(Self {
            server: endpoint.server(),
            proxy: endpoint
                .proxy()
                .map(|proxy| proxy.address.to_string().trim_end_matches('/').to_owned()),
            identity,
            route,
            turns: Semaphore::new(IN_FLIGHT),
            patience: ANSWER,
            outage: Mutex::default(),
            answered: Mutex::default(),
        })
    }

    /// With another limit for the time of an answer; a watch has a long one.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends a request and takes the whole answer, whatever its status. When the server no longer takes the token (401),
    /// another one is got where that can be, and the request sent once more: the first time it had no effect. Not cancel
    /// safe: a request that was sent may have its effect.
    ///
    /// # Errors
    ///
    /// When there is no whole answer; [`ConnectionError::may_have_had_effect`] says whether the request may be done.
    pub async fn send(&self, request: &Request) -> Result<Response, ConnectionError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        self.outage()?;
        let authorization = self.authorization(None).await?;
        let response = self.send_as(request, authorization.as_ref()).await?;
        if response.status != StatusCode::UNAUTHORIZED || authorization.is_none() {
            return Ok(response);
        }
        let another = self.authorization(authorization.as_ref()).await?;
        if another == authorization {
            return Ok(response);
        }
        self.send_as(request, another.as_ref()).await
    }

    async fn authorization(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, ConnectionError> {
        let authorization = self.identity.authorization(refused).await;
        authorization.map_err(|source| ConnectionError::Token {
            server: self.server.clone(),
            source,
        })
    }

    async fn send_as(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, ConnectionError> {
        let request = self.formed(request, authorization)?;
        let began = Instant::now();
        let answer = async {
            let response = self.route.request(request).await;
            let response = response.map_err(|error| self.failure(&error))?;
            *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.whole(response).await
        };
        let answer = timeout(self.patience, answer).await;
        let reason = match &answer {
            Ok(Err(ConnectionError::Unreachable { reason, .. })) => Some(reason.clone()),
            // Not a word from it: who asks next is not to wait as long once more.
            Err(_) if !self.has_answered_since(began) => Some(self.silence()),
            Ok(_) | Err(_) => None,
        };
        if let Some(reason) = reason {
            let outage = Outage::new(&reason, (began, Instant::now()));
            *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(outage);
        }
        answer.unwrap_or_else(|_| Err(self.lost(self.silence())))
    }

    fn silence(&self) -> String {
        format!("no answer came within {:?}", self.patience)
    }

    fn has_answered_since(&self, began: Instant) -> bool {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|answered| answered >= began)
    }

    /// Fails while it is known that the server cannot be reached.
    fn outage(&self) -> Result<(), ConnectionError> {
        let outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = outage
            .as_ref()
            .and_then(|outage| outage.reason_at(Instant::now()));
        reason.map_or(Ok(()), |reason| Err(self.unreachable(reason.to_owned())))
    }

    fn formed(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<hyper::Request<Body>, ConnectionError> {
        let malformed = |reason: String| ConnectionError::Malformed {
            server: self.server.clone(),
            reason,
        };
        let uri: Uri = format!("{}{}", self.server, request.path)
            .parse()
            .map_err(|_| malformed(format!("its path is {:?}", request.path)))?;
        let mut builder = hyper::Request::builder()
            .method(&request.method)
            .uri(uri)
            .header(USER_AGENT, concat!("strata/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, request.accept);
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(act_as) = self.identity.stands_in_for() {
            for (name, value) in impersonation(act_as) {
                builder = builder.header(name, value);
            }
        }
        let mut body = Bytes::new();
        if let Some((media_type, bytes)) = &request.body {
            builder = builder.header(CONTENT_TYPE, *media_type);
            body = bytes.clone();
        }
        builder
            .body(Full::new(body))
            .map_err(|error| malformed(error.to_string()))
    }

    async fn whole(
        &self,
        response: hyper::Response<Incoming>,
    ) -> Result<Response, ConnectionError> {
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ConnectionError::TooLong {
                    server: self.server.clone(),
                }
            } else {
                self.lost(innermost(&*error))
            }
        })?;
        Ok(Response {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: body.to_bytes(),
        })
    }

    fn failure(&self, error: &legacy::Error) -> ConnectionError {
        let server = self.server.clone();
        if !error.is_connect() {
            return self.lost(innermost(error));
        }
        match certificate_error(error) {
            Some(reason) => ConnectionError::Untrusted { server, reason },
            None => self.unreachable(no_connection(error)),
        }
    }

    fn unreachable(&self, reason: String) -> ConnectionError {
        ConnectionError::Unreachable {
            server: self.server.clone(),
            proxy: self.proxy.clone(),
            reason,
        }
    }

    fn lost(&self, reason: String) -> ConnectionError {
        ConnectionError::Lost {
            server: self.server.clone(),
            reason,
        }
    }
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

/// The headers that make a server take the user for somebody else.
fn impersonation(act_as: &ActAs) -> Vec<(HeaderName, &str)> {
    let name = HeaderName::from_static;
    let mut headers = vec![(name("impersonate-user"), act_as.user.as_str())];
    headers.extend(
        act_as
            .uid
            .as_deref()
            .map(|uid| (name("impersonate-uid"), uid)),
    );
    let groups = act_as.groups.iter();
    headers.extend(groups.map(|group| (name("impersonate-group"), group.as_str())));
    headers
}

/// The causes of an error, outermost first. What an I/O error wraps is among them.
fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// Why no connection stands. Where the time for it is over, a library says that of itself only.
fn no_connection(error: &(dyn StdError + 'static)) -> String {
    if causes(error).any(|cause| cause.is::<Elapsed>()) {
        return format!("no connection stood within {} s", CONNECT.as_secs());
    }
    innermost(error)
}

/// What TLS found wrong, if that is what failed.
fn certificate_error(error: &(dyn StdError + 'static)) -> Option<String> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    match error {
        rustls::Error::InvalidCertificate(_) => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waited_in_vain_for_a_connection_says_how_long() {
        let elapsed = timeout(Duration::ZERO, std::future::pending::<()>()).await;
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed.unwrap_err());
        assert_eq!(no_connection(&error), "no connection stood within 10 s");
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");
        assert_eq!(no_connection(&refused), "refused");
    }

    #[test]
    fn an_outage_stands_for_as_long_as_it_took_to_be_found() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let outage = Outage::new("no route", (began, began + 10 * second));
        assert_eq!(outage.reason_at(began + 10 * second), Some("no route"));
        assert_eq!(outage.reason_at(began + 19 * second), Some("no route"));
        assert_eq!(outage.reason_at(began + 20 * second), None);
        // What is refused at once is tried again at once.
        let refused = Outage::new("refused", (began, began));
        assert_eq!(refused.reason_at(began), None);
    }
}
