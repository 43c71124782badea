//! A wire between Strata and the sandbox that counts what passes, so that a test can strike at a chosen call.
//!
//! What was passed on reaches the sandbox whatever becomes of the sender, as on a real network.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::figures::wait_until;

/// A wire; it is cut when this is dropped.
#[derive(Debug)]
pub(crate) struct Tap {
    addr: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Mutating calls that were passed on.
    mutating: Mutex<u64>,
    passed: Condvar,
    /// Calls that were passed on and are not answered.
    flying: AtomicU64,
    cut: AtomicBool,
}

impl Tap {
    /// Listens on a free port and passes everything on to `cloud`.
    pub(crate) fn to(cloud: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = listener.local_addr().expect("the listener has an address");
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        thread::spawn(move || accept(&listener, cloud, &shared));
        Tap { addr, counts }
    }

    /// The URL to give to Strata.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many mutating calls were passed on.
    pub(crate) fn mutating(&self) -> u64 {
        *self
            .counts
            .mutating
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until that many mutating calls were passed on. Returns whether they were within `limit`.
    pub(crate) fn wait_for(&self, calls: u64, limit: Duration) -> bool {
        let count = self
            .counts
            .mutating
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .counts
            .passed
            .wait_timeout_while(count, limit, |count| *count < calls);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *count >= calls
    }

    /// How many calls were passed on and are not answered.
    pub(crate) fn flying(&self) -> u64 {
        self.counts.flying.load(Ordering::SeqCst)
    }

    /// Waits until nothing is on its way to the sandbox.
    pub(crate) fn settle(&self) {
        let is_quiet = || self.counts.flying.load(Ordering::SeqCst) == 0;
        assert!(
            wait_until(Duration::from_secs(30), is_quiet),
            "calls hang in the sandbox"
        );
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.counts.cut.store(true, Ordering::SeqCst);
        // The listener wakes up by it and goes.
        drop(TcpStream::connect(self.addr));
    }
}

fn accept(listener: &TcpListener, cloud: SocketAddr, counts: &Arc<Counts>) {
    for stream in listener.incoming() {
        if counts.cut.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let counts = counts.clone();
        // An error is the end of a connection, which either side may bring about.
        thread::spawn(move || drop(pass_on(stream, cloud, &counts)));
    }
}

fn pass_on(client: TcpStream, cloud: SocketAddr, counts: &Counts) -> io::Result<()> {
    let cloud = TcpStream::connect(cloud)?;
    client.set_nodelay(true)?;
    cloud.set_nodelay(true)?;
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut from_cloud = BufReader::new(cloud.try_clone()?);
    let (mut to_client, mut to_cloud) = (client, cloud);
    while let Some(request) = message(&mut from_client)? {
        counts.flying.fetch_add(1, Ordering::SeqCst);
        let answer = exchange(&request, &mut to_cloud, &mut from_cloud, counts);
        counts.flying.fetch_sub(1, Ordering::SeqCst);
        // Without an answer the connection is closed, as the sandbox closed its own.
        match answer? {
            Some(answer) => to_client.write_all(&answer)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

fn exchange(
    request: &[u8],
    to_cloud: &mut TcpStream,
    from_cloud: &mut BufReader<TcpStream>,
    counts: &Counts,
) -> io::Result<Option<Vec<u8>>> {
    to_cloud.write_all(request)?;
    if is_mutating(request) {
        *counts
            .mutating
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        counts.passed.notify_all();
    }
    message(from_cloud)
}

/// Reads a request or an answer, head and body; nothing where the connection ends before one.
fn message(from: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let start = bytes.len();
        if from.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&bytes[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.starts_with("transfer-encoding:") {
            return Err(io::Error::other("chunked bodies are not known to the tap"));
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    from.read_exact(&mut bytes[start..])?;
    Ok(Some(bytes))
}

/// EC2, IAM and STS name the operation in the body, KMS, Logs and ECR in a header; EKS has a method for it.
fn is_mutating(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let reads = ["Describe", "Get", "List", "Assume"];
    let target = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_target = name.eq_ignore_ascii_case("x-amz-target");
        is_target.then(|| value.rsplit('.').next().unwrap_or_default())
    });
    let action = text.split_once("Action=").map(|(_, action)| action);
    match target.or(action) {
        Some(action) => !reads.iter().any(|verb| action.starts_with(verb)),
        None => !text.starts_with("GET ") && !text.contains("/_strata/"),
    }
}
