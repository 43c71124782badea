//! Clients that we did not write go through every operation, and models that we did not write judge every call and answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use strata_sandbox::{Sandbox, SandboxOptions};
use tempfile::TempDir;

const INSTALL: &str = "install the missing part: python3 -m pip install boto3 awscli";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/aws")
        .join(name)
}

async fn python(name: &str, argument: &str) -> Output {
    let mut command = Command::new("python3");
    command.arg(script(name)).arg(argument);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap();
    let output =
        output.unwrap_or_else(|error| panic!("python3 cannot be started ({error}); {INSTALL}"));
    let text = String::from_utf8_lossy(&output.stderr);
    let missing =
        text.contains("ModuleNotFoundError") || text.contains("No such file or directory: 'aws'");
    assert!(!missing, "{text}\n{INSTALL}");
    output
}

fn told(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_clients_tour_every_operation() {
    let dir = TempDir::new().unwrap();
    let record = dir.path().join("record.jsonl");
    let options = SandboxOptions {
        speed: 3000.0,
        record: Some(record.clone()),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::open(&dir.path().join("sandbox.db"), options)
        .await
        .unwrap();
    let server = sandbox.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let tour = python("tour.py", &server.url()).await;
    assert!(tour.status.success(), "{}", told(&tour));

    let shapes = python("shapes.py", record.to_str().unwrap()).await;
    assert!(shapes.status.success(), "{}", told(&shapes));

    let ledger = sandbox.ledger().await.unwrap();
    let left: Vec<_> = ledger.live().collect();
    assert!(
        left.is_empty(),
        "the tour took everything away, but: {left:?}"
    );
    let failed: Vec<_> = ledger
        .calls
        .iter()
        .filter(|call| call.status >= 500)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn every_emulated_operation_is_on_the_tour() {
    let tour = std::fs::read_to_string(script("tour.py")).unwrap();
    let missing: Vec<_> = strata_sandbox::operations()
        .filter(|(_service, operation)| !tour.contains(&snake(operation)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// `DescribeVpcs` is `describe_vpcs` in boto3, and `OpenIDConnect` is `open_id_connect`.
fn snake(operation: &str) -> String {
    let letters: Vec<char> = operation.chars().collect();
    let mut name = String::new();
    for (at, c) in letters.iter().enumerate() {
        let after_small = at > 0 && letters[at - 1].is_lowercase();
        let before_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && at > 0 && (after_small || before_small) {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[tokio::test]
async fn the_shape_checker_finds_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let record = dir.path().join("record.jsonl");
    let answers = [
        r#"<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item><nonsense>x</nonsense></item></vpcSet></DescribeVpcsResponse>"#,
        r#"<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item><state>x</state></item></vpcSet></DescribeVpcsResponse>"#,
        r#"<DescribeVpcsResponse><requestId>r</requestId><vpcSet><member><state>pending</state></member></vpcSet></DescribeVpcsResponse>"#,
        r#"<DescribeVpcsResponse><vpcSet></vpcSet></DescribeVpcsResponse>"#,
    ];
    let line = |answer: &str| {
        serde_json::json!({
            "service": "ec2", "operation": "DescribeVpcs", "fault": null, "method": "POST", "path": "/",
            "query": "", "body": "Action=DescribeVpcs&Wrong.1=x", "status": 200, "answer": answer,
        })
    };
    let lines: String = answers
        .iter()
        .map(|answer| format!("{}\n", line(answer)))
        .collect();
    std::fs::write(&record, lines).unwrap();
    let output = python("shapes.py", record.to_str().unwrap()).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let told = told(&output);
    for problem in [
        "unknown member nonsense",
        "'x' is not one of",
        "list element member",
        "no request id",
        "4 x ec2 DescribeVpcs request Wrong.1: unknown parameter",
    ] {
        assert!(told.contains(problem), "{problem} is not in:\n{told}");
    }
}
