//! What was answered is kept: over a restart, and over `kill -9` of the process that holds the sandbox.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use strata_sandbox::{Ledger, Sandbox, SandboxError, SandboxOptions};
use tempfile::TempDir;

use super::client::send;

/// The example that serves a sandbox; `cargo test` builds it beside the tests.
fn serve_binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/serve");
    assert!(
        path.exists(),
        "run `cargo build -p strata-sandbox --example serve` first"
    );
    path
}

fn spawn(store: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(serve_binary())
        .arg(store)
        .arg("60")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let addr = line.trim().trim_start_matches("http://").parse().unwrap();
    (child, addr)
}

async fn ledger_of(store: &Path) -> Ledger {
    let sandbox = Sandbox::open(store, SandboxOptions::default())
        .await
        .unwrap();
    let ledger = sandbox.ledger().await.unwrap();
    sandbox.close().await;
    ledger
}

/// Creates gateways until the connection breaks, and returns the ids that were answered.
async fn create_until_killed(addr: SocketAddr) -> Vec<String> {
    let mut ids = Vec::new();
    let form = "Action=CreateInternetGateway";
    while let Ok(answer) = send(addr, ("POST", "/"), ("eu-west-1/ec2", ""), form).await {
        ids.push(answer.text("internetGatewayId"));
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_survive_kill_nine() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("sandbox.db");
    let mut answered = BTreeSet::new();
    for round in 0..3_u64 {
        let (mut child, addr) = spawn(&store);
        let clients: Vec<_> = (0..4)
            .map(|_| tokio::spawn(create_until_killed(addr)))
            .collect();
        tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for client in clients {
            answered.extend(client.await.unwrap());
        }
    }
    let ledger = ledger_of(&store).await;
    let kept: BTreeSet<String> = ledger.objects.iter().map(|o| o.id.clone()).collect();
    assert!(
        answered.len() > 20,
        "only {} calls were answered",
        answered.len()
    );
    assert!(
        answered.is_subset(&kept),
        "lost: {:?}",
        answered.difference(&kept)
    );
    assert_eq!(kept.len(), ledger.objects.len(), "an id was given twice");
    // At most one call per client and kill was under way.
    assert!(
        kept.len() <= answered.len() + 12,
        "{} kept, {} answered",
        kept.len(),
        answered.len()
    );
    let gapless = ledger
        .calls
        .iter()
        .zip(1..)
        .all(|(call, seq)| call.seq == seq);
    assert!(gapless, "the numbers of calls have gaps");
}

#[tokio::test]
async fn a_second_sandbox_on_the_same_store_is_refused() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("sandbox.db");
    let first = Sandbox::open(&store, SandboxOptions::default())
        .await
        .unwrap();
    let second = Sandbox::open(&store, SandboxOptions::default()).await;
    assert!(
        matches!(second, Err(SandboxError::InUse { .. })),
        "{second:?}"
    );
    let other_handle = first.clone();
    first.close().await;
    assert!(matches!(
        other_handle.ledger().await,
        Err(SandboxError::Closed)
    ));
    Sandbox::open(&store, SandboxOptions::default())
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn only_loopback_is_served() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("sandbox.db");
    let sandbox = Sandbox::open(&store, SandboxOptions::default())
        .await
        .unwrap();
    let refused = sandbox.serve("0.0.0.0:0".parse().unwrap()).await;
    assert!(matches!(refused, Err(SandboxError::NotLoopback(_))));
    let slow = SandboxOptions {
        speed: 0.0,
        ..SandboxOptions::default()
    };
    assert!(matches!(
        Sandbox::open(&store, slow).await,
        Err(SandboxError::Speed(_))
    ));
}

#[tokio::test]
async fn reset_empties_the_world() {
    let dir = TempDir::new().unwrap();
    let sandbox = Sandbox::open(&dir.path().join("s.db"), SandboxOptions::default())
        .await
        .unwrap();
    let server = sandbox.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let call = || {
        send(
            server.addr(),
            ("POST", "/"),
            ("eu-west-1/ec2", ""),
            "Action=CreateInternetGateway",
        )
    };
    let before = call().await.unwrap().text("internetGatewayId");
    let reset = send(server.addr(), ("POST", "/_strata/reset"), ("", ""), "")
        .await
        .unwrap();
    assert_eq!(reset.status, 200);
    assert_eq!(sandbox.ledger().await.unwrap(), Ledger::default());
    assert_eq!(
        call().await.unwrap().text("internetGatewayId"),
        before,
        "ids follow from the seed"
    );
    let ledger = send(server.addr(), ("GET", "/_strata/ledger"), ("", ""), "")
        .await
        .unwrap();
    let ledger: Ledger = serde_json::from_str(&ledger.body).unwrap();
    assert_eq!((ledger.objects.len(), ledger.calls[0].seq), (1, 1));
    server.shutdown().await;
}
