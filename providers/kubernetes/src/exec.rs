//! Programs that a kubeconfig names for tokens: the client side of `client.authentication.k8s.io`.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The versions of the protocol that are spoken.
pub(crate) const VERSIONS: &[&str] = &[
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// How long a program may take: it may ask a cloud.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of what a program complains of is shown.
const COMPLAINT: usize = 400;

/// Why a program gave no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecError {
    /// It cannot be started.
    #[error("{program} cannot be started")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended without success, or gave something else.
    #[error("{program} {reason}")]
    Failed {
        /// The program.
        program: String,
        /// What it did.
        reason: String,
    },
}

/// A program with its arguments.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) version: String,
    /// A path, or a name that is looked up on the search path.
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// What is added to the environment of this process; values may be secret.
    pub(crate) environment: BTreeMap<String, String>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    api_version: String,
    kind: String,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    token: Option<String>,
}

impl Plugin {
    /// Runs it for a token. It has no terminal: it cannot ask anybody. It is killed when the future is dropped.
    pub(crate) async fn run(&self) -> Result<Zeroizing<String>, ExecError> {
        let information = json!({
            "apiVersion": self.version, "kind": "ExecCredential", "spec": {"interactive": false},
        });
        let running = Command::new(&self.program)
            .args(&self.arguments)
            .envs(&self.environment)
            .env("KUBERNETES_EXEC_INFO", information.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match timeout(PATIENCE, running).await {
            Ok(ended) => ended.map_err(|source| ExecError::Start {
                program: self.name(),
                source,
            })?,
            Err(_) => return Err(self.failed(format!("took more than {PATIENCE:?}"))),
        };
        let printed = Zeroizing::new(output.stdout);
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let complaint: String = complaint.trim().chars().take(COMPLAINT).collect();
            return Err(self.failed(format!("ended with {}: {complaint}", output.status)));
        }
        self.read(&printed)
    }

    fn read(&self, printed: &[u8]) -> Result<Zeroizing<String>, ExecError> {
        // The error of the parser would show what was printed.
        let credential: Credential = serde_json::from_slice(printed)
            .map_err(|_| self.failed("printed no ExecCredential".to_owned()))?;
        if credential.kind != "ExecCredential" || credential.api_version != self.version {
            let Credential {
                api_version, kind, ..
            } = &credential;
            let reason = format!(
                "printed {api_version} {kind}, not {} ExecCredential",
                self.version
            );
            return Err(self.failed(reason));
        }
        let token = credential.status.token.map(Zeroizing::new);
        token.filter(|token| !token.is_empty()).ok_or_else(|| {
            self.failed("printed no token; certificates are not supported".to_owned())
        })
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    fn failed(&self, reason: String) -> ExecError {
        ExecError::Failed {
            program: self.name(),
            reason,
        }
    }
}
