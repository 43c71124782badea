//! The built-in emulator of cloud APIs, with a ledger and fault injection.
//!
//! A [`Sandbox`] is the world outside: it knows nothing of the engine. It answers the HTTP APIs of AWS (EC2, IAM, STS and EKS) on
//! loopback, is strict where the cloud is strict and slow where the cloud is slow, and can be told to fail by a [`FaultPlan`]. What
//! happened in it is kept in a SQLite file of its own, committed before each answer leaves, so that it outlives any kill; the
//! [`Ledger`] is the ground truth that tests judge by.
//!
//! ```no_run
//! # async fn run() -> Result<(), strata_sandbox::SandboxError> {
//! use strata_sandbox::{Sandbox, SandboxOptions};
//! let sandbox = Sandbox::open("sandbox.db".as_ref(), SandboxOptions::default()).await?;
//! let server = sandbox.serve("127.0.0.1:0".parse().unwrap()).await?;
//! let endpoint = server.url(); // for `AWS_ENDPOINT_URL`
//! # drop(endpoint);
//! server.shutdown().await;
//! # Ok(()) }
//! ```

mod aws;
mod clock;
mod error;
mod faults;
mod ids;
mod ledger;
mod record;
mod remote;
mod sandbox;
mod server;
mod store;
mod world;

pub use aws::operations;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::SandboxError;
pub use faults::{Fault, FaultPlan, FaultPlanError, FaultRule};
pub use ledger::{Ledger, LedgerCall, LedgerObject};
pub use remote::{Remote, RemoteError};
pub use sandbox::{Sandbox, SandboxOptions};
pub use server::ServerHandle;
