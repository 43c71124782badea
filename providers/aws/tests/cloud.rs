//! The emulated clouds that the suite runs on: the sandbox in this process, and moto as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use strata_sandbox::{FaultPlan, ManualClock, Sandbox, SandboxOptions, ServerHandle};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// 2026-11-21T00:00:00Z.
const START_MS: u64 = 1_795_219_200_000;
const INSTALL: &str = "install it with: python3 -m pip install 'moto[server]' boto3";

/// A sandbox of its own, whose time moves only by its clock.
#[derive(Debug)]
pub(crate) struct OwnSandbox {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Arc<ManualClock>,
    server: ServerHandle,
    _files: TempDir,
}

impl OwnSandbox {
    /// Starts one that records all calls and answers to a file.
    pub(crate) async fn start(record: PathBuf) -> OwnSandbox {
        let files = TempDir::new().expect("a temporary directory");
        let clock = Arc::new(ManualClock::new(START_MS));
        let options = SandboxOptions {
            speed: 1.0,
            clock: Arc::clone(&clock) as _,
            record: Some(record),
            ..SandboxOptions::default()
        };
        let store = files.path().join("sandbox.db");
        let sandbox = Sandbox::open(&store, options).await.expect("a sandbox");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = sandbox.serve(any).await.expect("a served sandbox");
        let own = OwnSandbox {
            sandbox,
            clock,
            server,
            _files: files,
        };
        own.break_by("");
        own
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Sets what goes wrong, as a rule of a faults file, or nothing. What takes the cloud minutes takes it half a one
    /// in any case: the suite waits often.
    pub(crate) fn break_by(&self, rule: &str) {
        let quick = "{mutating: true, fault: {operation_takes: {seconds: 30}}}";
        let plan = FaultPlan::parse(&format!("rules: [{quick}{}{rule}]", comma(rule)));
        self.sandbox.set_faults(plan.expect("a rule of faults"));
    }
}

fn comma(rule: &str) -> &'static str {
    if rule.is_empty() { "" } else { ", " }
}

/// A moto server. It ends with the test.
#[derive(Debug)]
pub(crate) struct Moto {
    pub(crate) addr: SocketAddr,
    _process: Child,
}

impl Moto {
    /// Starts moto on a free port, and waits until it answers.
    pub(crate) async fn start() -> Moto {
        // Between the look for a free port and its use another may have taken it.
        for _ in 0..5 {
            if let Some(moto) = Moto::try_start().await {
                return moto;
            }
        }
        panic!("moto_server ends at once; {INSTALL}");
    }

    async fn try_start() -> Option<Moto> {
        let addr = free_address().await;
        let mut process = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &addr.port().to_string()])
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("moto_server does not start ({error}); {INSTALL}"));
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Ok(Some(_ended)) = process.try_wait() {
                return None;
            }
            if answers(addr).await {
                return Some(Moto {
                    addr,
                    _process: process,
                });
            }
        }
        panic!("moto_server did not answer within two minutes; {INSTALL}");
    }
}

async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address")
}

async fn answers(addr: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(addr).await?;
        let request = "GET /moto-api/data.json HTTP/1.1\r\nhost: moto\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.ends_with(b"200"))
    };
    ask.await.unwrap_or(false)
}
