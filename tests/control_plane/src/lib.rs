//! A real Kubernetes control plane on loopback, for tests.
//!
//! `build.sh` beside this crate makes the binaries once for each machine; [`ControlPlane::start`] runs them on free
//! ports with a directory of their own, and waits until the API server is ready. A test binary starts one and gives
//! each of its tests a namespace:
//!
//! ```no_run
//! use std::sync::LazyLock;
//! use strata_control_plane::{ControlPlane, Parts};
//!
//! static PLANE: LazyLock<ControlPlane> = LazyLock::new(|| ControlPlane::start(Parts::Api).unwrap());
//!
//! let namespace = PLANE.namespace("one-of-its-tests").unwrap();
//! ```
//!
//! Nothing outlives the test process, however it ends: the control plane runs for as long as its input is open, and
//! that is a pipe of this process.

mod client;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

pub use crate::client::{Client, ClientError, Response};

/// How long the API server may take until it is ready; a machine under load is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// How often other ports are tried: somebody may take a free one before the control plane does.
const ATTEMPTS: u32 = 5;

/// Which parts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// etcd and the API server: objects are stored, nothing happens to them.
    Api,
    /// The controller manager, the scheduler and a played node, too: workloads become available, garbage is collected.
    Controllers,
}

/// Why there is no control plane.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The binaries cannot be built.
    #[error("the control plane cannot be built: {output}")]
    Build {
        /// What the recipe said.
        output: String,
    },
    /// A program that starts it is missing.
    #[error("{program} is missing; install it with: apt-get install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The directory or a process cannot be made.
    #[error("the control plane cannot be started")]
    Io(#[from] io::Error),
    /// A part ended, or was not ready in time.
    #[error("the control plane did not become ready; the last lines of its logs:\n{logs}")]
    NotReady {
        /// The end of each part's log.
        logs: String,
    },
    /// A request that sets it up failed.
    #[error("the control plane cannot be set up")]
    Client(#[from] ClientError),
}

/// A control plane that runs until it is dropped, or until this process ends.
#[derive(Debug)]
pub struct ControlPlane {
    binaries: PathBuf,
    /// Removed by the keeper, as this process may end before it could.
    directory: PathBuf,
    port: u16,
    keeper: Child,
    namespaces: AtomicU32,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The end of its input is the keeper's sign to end all parts.
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
        // It stays when a part ended by itself.
        drop(fs::remove_dir_all(&self.directory));
    }
}

impl ControlPlane {
    /// Builds what is not built yet, starts the parts, and waits until the API server answers. It blocks, and must not be
    /// called on a thread of an asynchronous runtime; nor must what sends a request.
    ///
    /// # Errors
    ///
    /// When a tool is missing (with the command that installs it), the build fails or a part does not come up.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        require("openssl", "openssl")?;
        let binaries = build()?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&binaries, parts) {
                Err(StartError::NotReady { logs })
                    if attempt < ATTEMPTS && logs.contains("address already in use") =>
                {
                    attempt += 1;
                }
                started => return started,
            }
        }
    }

    fn start_once(binaries: &Path, parts: Parts) -> Result<Self, StartError> {
        let directory = tempfile::Builder::new()
            .prefix("strata-control-plane-")
            .tempdir()?
            .keep();
        let (etcd, api) = (free_port()?, free_port()?);
        let mut command = Command::new(recipe("run.sh"));
        command
            .arg(binaries)
            .arg(&directory)
            .arg(etcd.to_string())
            .arg(api.to_string());
        if parts == Parts::Controllers {
            command.arg("controllers");
        }
        let keeper = command.stdin(Stdio::piped()).spawn()?;
        let mut plane = Self {
            binaries: binaries.to_owned(),
            directory,
            port: api,
            keeper,
            namespaces: AtomicU32::new(0),
        };
        plane.wait_until_ready()?;
        if parts == Parts::Controllers {
            plane.add_node()?;
        }
        Ok(plane)
    }

    fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let looks = PATIENCE.as_millis() / PAUSE.as_millis();
        for _ in 0..looks {
            thread::sleep(PAUSE);
            let ready = self.client().and_then(|mut client| client.get("/readyz"));
            if ready.is_ok_and(|response| response.status == 200) {
                return Ok(());
            }
            if self.has_ended() {
                break;
            }
        }
        Err(StartError::NotReady { logs: self.logs() })
    }

    /// Whether a part has ended; the keeper ends with it.
    fn has_ended(&mut self) -> bool {
        self.keeper
            .try_wait()
            .map_or(true, |status| status.is_some())
    }

    /// A node for pods to run on; kwok plays its kubelet.
    fn add_node(&self) -> Result<(), StartError> {
        let size = json!({"cpu": "64", "memory": "256Gi", "pods": "1000"});
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "node-1", "labels": {"kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux"}},
            "status": {"allocatable": size, "capacity": size},
        });
        self.client()?.post("/api/v1/nodes", &node)?.expect(201)?;
        Ok(())
    }

    /// A connection as an administrator.
    ///
    /// # Errors
    ///
    /// When the API server cannot be reached.
    pub fn client(&self) -> Result<Client, ClientError> {
        self.client_with("token")
    }

    /// A connection as the user `reader`, who may do nothing until a test binds a role to them.
    ///
    /// # Errors
    ///
    /// When the API server cannot be reached.
    pub fn reader(&self) -> Result<Client, ClientError> {
        self.client_with("reader-token")
    }

    fn client_with(&self, token: &str) -> Result<Client, ClientError> {
        let read =
            |name: &str| fs::read_to_string(self.directory.join(name)).map_err(ClientError::Io);
        Client::connect(self.port, &read("certs/apiserver.crt")?, &read(token)?)
    }

    /// Makes a namespace of this name and a number that makes it unique.
    ///
    /// # Errors
    ///
    /// When the API server refuses it.
    pub fn namespace(&self, name: &str) -> Result<String, ClientError> {
        let name = format!("{name}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.client()?
            .post("/api/v1/namespaces", &namespace)?
            .expect(201)?;
        Ok(name)
    }

    /// The address of the API server.
    #[must_use]
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates that vouch for the API server, in PEM.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn certificate_authority(&self) -> io::Result<String> {
        fs::read_to_string(self.directory.join("certs/apiserver.crt"))
    }

    /// The token of the administrator.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn token(&self) -> io::Result<String> {
        fs::read_to_string(self.directory.join("token"))
    }

    /// A kubeconfig of the administrator, for programs.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// One of the binaries that were built, such as `kubectl`.
    #[must_use]
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// `kubectl` as the administrator, without anything of this user's own.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.binary("kubectl"));
        command
            .env_clear()
            // It runs `diff`.
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.directory)
            .env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Every finished request so far with its body, oldest first: the witness of what was asked.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn audit(&self) -> io::Result<Vec<Value>> {
        let log = fs::read_to_string(self.directory.join("audit.log"))?;
        // The last line may be in the making.
        Ok(log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    fn logs(&self) -> String {
        let mut shown = String::new();
        for log in fs::read_dir(self.directory.join("logs"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read_to_string(log.path()).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            shown.push_str(&format!("{}:\n", log.file_name().display()));
            for line in &lines[lines.len().saturating_sub(8)..] {
                shown.push_str(&format!("  {line}\n"));
            }
        }
        shown
    }
}

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn require(program: &'static str, package: &'static str) -> Result<(), StartError> {
    let found = Command::new(program)
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found
        .map(|_| ())
        .map_err(|_| StartError::Missing { program, package })
}

/// Where the binaries are; they are built when they are not there.
fn build() -> Result<PathBuf, StartError> {
    let output = Command::new(recipe("build.sh"))
        .stderr(Stdio::piped())
        .output()?;
    if !output.status.success() {
        return Err(StartError::Build {
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim(),
    ))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
