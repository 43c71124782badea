//! `strata token`: a token for the API server of a cluster, as `kubectl` and its like ask for it.

use clap::Args;
use serde_json::{Value as Json, json};
use strata_model::BearerToken;

use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::{access, provider_error};

/// The version of the credential that is written, and that kubeconfigs name.
pub const CREDENTIAL_VERSION: &str = "client.authentication.k8s.io/v1";

/// `strata token`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata token cluster.prod          an ExecCredential for kubectl and its like
  strata token -raw cluster.prod     the token alone

`strata kubeconfig` writes a configuration that calls this. The token is made with the credentials of whoever runs it,
and lasts for some minutes.")]
pub struct Arguments {
    /// The cluster's address, or that of the block it is in
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// Write the token itself, without quotes and end of line
    #[arg(long)]
    pub raw: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the state has no such cluster, or there are no credentials to sign with.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let cluster = access::find(session, &arguments.address).await?;
    let token = cluster.access.token().await.map_err(|error| {
        provider_error(
            format!("cannot make a token for {}", cluster.address),
            error,
        )
    })?;
    if arguments.raw {
        session.ui.print_unredacted(&token.text);
    } else {
        session
            .ui
            .print_unredacted(&format!("{}\n", credential(&token)));
    }
    Ok(Outcome::Done)
}

/// What `client-go` reads from a credential plugin.
fn credential(token: &BearerToken) -> Json {
    json!({
        "apiVersion": CREDENTIAL_VERSION,
        "kind": "ExecCredential",
        "spec": { "interactive": false },
        "status": {
            "expirationTimestamp": token.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "token": token.text,
        },
    })
}
