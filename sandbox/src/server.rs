//! HTTP on loopback: one endpoint for all services, and the control paths under `/_strata`.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::aws::{HttpAnswer, HttpRequest};
use crate::error::SandboxError;
use crate::faults::FaultPlan;
use crate::sandbox::Sandbox;

/// The largest request that any emulated API takes, in bytes.
const MAX_BODY: usize = 4 << 20;

/// A running server. Dropping it stops the server without waiting.
#[derive(Debug)]
pub struct ServerHandle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ServerHandle {
    pub(crate) fn start(sandbox: Sandbox, listener: TcpListener, addr: SocketAddr) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(sandbox, listener, stopped));
        Self { addr, stop, task }
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the endpoint for clients, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Closes all connections, and returns when they are closed.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // A server that panicked is down as well.
        drop(self.task.await);
    }
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
struct Dropped;

async fn accept(sandbox: Sandbox, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // The sender is gone when the handle was dropped: that stops the server too.
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                if let Ok((stream, _peer)) = accepted {
                    connections.spawn(serve_connection(sandbox.clone(), stream));
                }
            }
            Some(_finished) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn serve_connection(sandbox: Sandbox, stream: TcpStream) {
    // Small answers must not wait for more to send.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| answer(sandbox.clone(), request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It ends with an error whenever an answer is withheld on purpose or the client goes away.
    drop(connection.await);
}

async fn answer(
    sandbox: Sandbox,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    if request.uri().path().starts_with("/_strata/") {
        return Ok(control(&sandbox, request).await);
    }
    let request = match read(request).await {
        Ok(request) => request,
        Err(status) => return Ok(plain(status, String::new())),
    };
    match sandbox.call(request).await {
        Ok(reply) => {
            if reply.delay_ms > 0 {
                tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
            }
            reply.answer.map(response).ok_or(Dropped)
        }
        Err(error) => Ok(plain(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

async fn read(request: Request<Incoming>) -> Result<HttpRequest, StatusCode> {
    let (head, body) = request.into_parts();
    let text = |name: &str| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let (authorization, target) = (text("authorization"), text("x-amz-target"));
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body
        .map_err(|_too_long| StatusCode::PAYLOAD_TOO_LARGE)?
        .to_bytes();
    Ok(HttpRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization,
        target,
        body: body.to_vec(),
    })
}

fn response(answer: HttpAnswer) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(Bytes::from(answer.body)))
        .unwrap_or_else(|_invalid| plain(StatusCode::INTERNAL_SERVER_ERROR, String::new()))
}

/// The paths by which `strata sandbox` looks into a sandbox that another process serves.
async fn control(sandbox: &Sandbox, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let method = request.method().clone();
    match (&method, request.uri().path()) {
        (&Method::GET, "/_strata/health") => {
            json_answer(&json!({ "sandbox": env!("CARGO_PKG_VERSION"), "speed": sandbox.speed() }))
        }
        (&Method::GET, "/_strata/ledger") => match sandbox.ledger().await {
            Ok(ledger) => json_answer(&ledger),
            Err(error) => failed(&error),
        },
        (&Method::POST, "/_strata/reset") => match sandbox.reset().await {
            Ok(()) => json_answer(&json!({})),
            Err(error) => failed(&error),
        },
        (&Method::PUT, "/_strata/faults") => set_faults(sandbox, request).await,
        _ => plain(StatusCode::NOT_FOUND, "no such path".to_owned()),
    }
}

async fn set_faults(sandbox: &Sandbox, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let request = match read(request).await {
        Ok(request) => request,
        Err(status) => return plain(status, String::new()),
    };
    match FaultPlan::parse(&String::from_utf8_lossy(&request.body)) {
        Ok(plan) => {
            sandbox.set_faults(plan);
            json_answer(&json!({}))
        }
        Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn json_answer(value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_string(value).unwrap_or_default();
    let mut answer = plain(StatusCode::OK, body);
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    answer
}

fn failed(error: &SandboxError) -> Response<Full<Bytes>> {
    plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer
}
