//! What stands between the provider and an emulated cloud: it counts the calls, and breaks those that a case names.
//!
//! It takes one request per connection, so that no client library ever repeats a call on a connection that has gone
//! stale.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Whoever holds it has its call on the way.
pub(crate) type Turn = tokio::sync::Mutex<()>;

/// What is broken on purpose. Places count from 0 among the calls of their kind since the trap was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trap {
    /// The mutating call at this place never reaches the cloud.
    DropChange(usize),
    /// The mutating call at this place takes effect, and its answer is lost.
    LoseChange(usize),
    /// Every mutating call is answered by an internal error, without effect.
    FailChanges,
    /// Every reading call is refused for a missing permission.
    DenyReads,
}

/// One call that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The operation's name, or method and path of a REST service.
    pub(crate) operation: String,
    /// Whether it can change anything.
    pub(crate) mutating: bool,
}

#[derive(Debug, Default)]
struct Desk {
    calls: Vec<Call>,
    trap: Option<Trap>,
    /// Mutating calls since the trap was set.
    changes: usize,
}

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Proxy {
    addr: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Stands before a cloud on loopback. Calls that all wait for one `turn` reach it one by one.
    pub(crate) async fn before(
        cloud: SocketAddr,
        turn: Option<&'static Turn>,
    ) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let desk = Arc::new(Mutex::new(Desk::default()));
        let shared = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let desk = Arc::clone(&shared);
                // A connection that breaks is what the client sees; there is nobody else to tell.
                tokio::spawn(async move { drop(pass(client, (cloud, turn), &desk).await) });
            }
        });
        Ok(Proxy { addr, desk, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Sets a trap, or none, and counts places anew.
    pub(crate) fn set(&self, trap: Option<Trap>) {
        let mut desk = lock(&self.desk);
        desk.trap = trap;
        desk.changes = 0;
    }

    /// How many calls came by so far.
    pub(crate) fn mark(&self) -> usize {
        lock(&self.desk).calls.len()
    }

    /// The calls since a mark.
    pub(crate) fn calls_since(&self, mark: usize) -> Vec<String> {
        let desk = lock(&self.desk);
        let calls = desk.calls[mark..].iter();
        calls.map(|call| call.operation.clone()).collect()
    }

    /// The mutating calls since a mark.
    pub(crate) fn changes_since(&self, mark: usize) -> Vec<String> {
        let desk = lock(&self.desk);
        let calls = desk.calls[mark..].iter().filter(|call| call.mutating);
        calls.map(|call| call.operation.clone()).collect()
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    Drop,
    Lose,
    Fail,
    Deny,
}

impl Desk {
    fn judge(&mut self, call: Call) -> Fate {
        let place = self.changes;
        self.changes += usize::from(call.mutating);
        let fate = match (self.trap, call.mutating) {
            (Some(Trap::DropChange(at)), true) if at == place => Fate::Drop,
            (Some(Trap::LoseChange(at)), true) if at == place => Fate::Lose,
            (Some(Trap::FailChanges), true) => Fate::Fail,
            (Some(Trap::DenyReads), false) => Fate::Deny,
            (Some(_), _) | (None, _) => Fate::Pass,
        };
        self.calls.push(call);
        fate
    }
}

async fn pass(
    mut client: TcpStream,
    (cloud, turn): (SocketAddr, Option<&Turn>),
    desk: &Mutex<Desk>,
) -> io::Result<()> {
    let Some(request) = read_request(&mut client).await? else {
        return Ok(());
    };
    let fate = lock(desk).judge(request.call());
    match fate {
        Fate::Drop => return Ok(()),
        Fate::Fail => return answer(&mut client, &request.error(500)).await,
        Fate::Deny => return answer(&mut client, &request.error(403)).await,
        Fate::Pass | Fate::Lose => {}
    }
    let held = match turn {
        Some(turn) => Some(turn.lock().await),
        None => None,
    };
    let mut upstream = TcpStream::connect(cloud).await?;
    upstream.write_all(&request.forwarded()).await?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response).await?;
    drop(held);
    if fate == Fate::Lose {
        return Ok(());
    }
    client.write_all(&response).await?;
    client.shutdown().await
}

async fn answer(client: &mut TcpStream, response: &str) -> io::Result<()> {
    client.write_all(response.as_bytes()).await?;
    client.shutdown().await
}

/// A request with its head taken apart.
#[derive(Debug)]
struct Request {
    head: String,
    body: Vec<u8>,
}

async fn read_request(client: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let body = bytes.split_off(end + 4);
            let mut request = Request { head, body };
            let length = request.header("content-length");
            let length = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            while request.body.len() < length {
                let read = client.read(&mut buffer).await?;
                if read == 0 {
                    return Ok(None);
                }
                request.body.extend_from_slice(&buffer[..read]);
            }
            return Ok(Some(request));
        }
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(':'));
        let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// The service in the scope of the signature.
    fn service(&self) -> &str {
        let header = self.header("authorization").unwrap_or_default();
        let scope = header.split_once("Credential=").map_or("", |(_, s)| s);
        scope.split('/').nth(3).unwrap_or_default()
    }

    fn call(&self) -> Call {
        if let Some(target) = self.header("x-amz-target") {
            let name = target.rsplit('.').next().unwrap_or_default();
            return Call::named(name);
        }
        let body = String::from_utf8_lossy(&self.body);
        let action = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("Action="));
        if let Some(name) = action {
            return Call::named(name);
        }
        let mut words = self.head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next());
        let path = path
            .unwrap_or_default()
            .split('?')
            .next()
            .unwrap_or_default();
        // Every second part of EKS's paths is a name.
        let fixed: Vec<&str> = path.split('/').skip(1).step_by(2).collect();
        // One of EKS's reads has a body.
        let reads = method == "GET" || path.ends_with("/identity-provider-configs/describe");
        Call {
            operation: format!("{method} {}", fixed.join(" ")),
            mutating: !reads,
        }
    }

    /// The request as the cloud gets it: the connection ends with the answer.
    fn forwarded(&self) -> Vec<u8> {
        let lines = self.head.lines();
        let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let mut bytes = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The service's own form of an error.
    fn error(&self, status: u16) -> String {
        let denied = status == 403;
        let (kind, body, header) = match self.service() {
            "ec2" => {
                let code = if denied {
                    "UnauthorizedOperation"
                } else {
                    "InternalError"
                };
                let body = format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>on purpose</Message></Error></Errors><RequestID>r</RequestID></Response>"
                );
                ("text/xml", body, String::new())
            }
            "iam" | "sts" => {
                let code = if denied {
                    "AccessDenied"
                } else {
                    "ServiceFailure"
                };
                let body = format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>on purpose</Message></Error><RequestId>r</RequestId></ErrorResponse>"
                );
                ("text/xml", body, String::new())
            }
            _ => {
                let code = if denied {
                    "AccessDeniedException"
                } else {
                    "ServerException"
                };
                let body = format!("{{\"__type\":\"{code}\",\"message\":\"on purpose\"}}");
                (
                    "application/json",
                    body,
                    format!("x-amzn-errortype: {code}\r\n"),
                )
            }
        };
        format!(
            "HTTP/1.1 {status} On Purpose\r\ncontent-type: {kind}\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Call {
    fn named(name: &str) -> Call {
        let reading = ["Describe", "Get", "List"];
        Call {
            operation: name.to_owned(),
            mutating: !reading.iter().any(|prefix| name.starts_with(prefix)),
        }
    }
}
