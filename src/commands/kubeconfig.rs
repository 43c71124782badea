//! `strata kubeconfig`: a kubeconfig for one cluster, without a secret in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::json;

use super::token::CREDENTIAL_VERSION;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::access::{self, Cluster};

/// `strata kubeconfig`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata kubeconfig cluster.prod > prod.kubeconfig
  KUBECONFIG=prod.kubeconfig kubectl get nodes

It holds no secret: `kubectl` calls `strata token` for each session, with the credentials of whoever runs it.")]
pub struct Arguments {
    /// The cluster's address, or that of the block it is in
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// Runs the command.
///
/// # Errors
///
/// When the state has no such cluster, or it is not ready.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let cluster = access::find(session, &arguments.address).await?;
    let plugin = plugin(session, &cluster)?;
    session.ui.print(&kubeconfig(&cluster, &plugin));
    Ok(Outcome::Done)
}

/// Texts are quoted as JSON does it, which YAML reads alike.
fn kubeconfig(cluster: &Cluster, arguments: &[String]) -> String {
    let name = json!(cluster.id);
    let server = json!(cluster.access.server());
    let authority = STANDARD.encode(cluster.access.certificate_authority());
    let command = json!(command());
    let arguments: String = arguments
        .iter()
        .map(|argument| format!("          - {}\n", json!(argument)))
        .collect();
    format!(
        "\
apiVersion: v1
kind: Config
clusters:
  - name: {name}
    cluster:
      server: {server}
      certificate-authority-data: {authority}
contexts:
  - name: {name}
    context:
      cluster: {name}
      user: {name}
current-context: {name}
users:
  - name: {name}
    user:
      exec:
        apiVersion: {CREDENTIAL_VERSION}
        command: {command}
        args:
{arguments}        interactiveMode: Never
        provideClusterInfo: false
        installHint: This kubeconfig asks Strata for tokens. Install it, or write the path of its program as the command.
"
    )
}

/// How `kubectl` calls this program: it may do so from any directory.
fn plugin(session: &Session, cluster: &Cluster) -> Result<Vec<String>, CommandError> {
    let mut arguments = vec![format!("-chdir={}", session.directory.display())];
    if let Some(url) = &session.global.sandbox {
        arguments.push(match url.as_str() {
            "" => "--sandbox".to_owned(),
            url => format!("--sandbox={url}"),
        });
    }
    if cluster.location.is_explicit() {
        let state = std::path::absolute(&cluster.location.state)
            .map_err(|error| CommandError::file("cannot find", &cluster.location.state, error))?;
        arguments.push(format!("-state={}", state.display()));
    }
    arguments.extend(["token".to_owned(), cluster.address.to_string()]);
    Ok(arguments)
}

/// The name by which this program was called, where that finds it everywhere; else the path of its file.
fn command() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if !called.is_empty() && !called.contains('/') {
        return called;
    }
    std::env::current_exe().map_or(called, |path| path.display().to_string())
}
