//! Serves a sandbox until it is interrupted, and prints its URL:
//! `cargo run -p strata-sandbox --example serve -- [STORE [SPEED [FAULTS [RECORD]]]]`.

use std::error::Error;
use std::path::PathBuf;

use strata_sandbox::{FaultPlan, Sandbox, SandboxOptions};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the URL is what the caller waits for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let store = args.next().unwrap_or_else(|| "sandbox.db".to_owned());
    let mut options = SandboxOptions::default();
    if let Some(speed) = args.next() {
        options.speed = speed.parse()?;
    }
    if let Some(faults) = args.next().filter(|faults| faults != "-") {
        options.faults = Some(FaultPlan::from_file(&PathBuf::from(faults))?);
    }
    options.record = args.next().map(PathBuf::from);
    let sandbox = Sandbox::open(&PathBuf::from(store), options).await?;
    let server = sandbox.serve("127.0.0.1:0".parse()?).await?;
    println!("{}", server.url());
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    sandbox.close().await;
    Ok(())
}
