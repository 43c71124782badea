//! The clouds of a run: the real ones, or the sandbox, in this process or another.

use std::path::Path;
use std::sync::Arc;

use strata_model::Clock;
use strata_model::provider::SandboxEndpoint;
use strata_sandbox::{
    FaultPlan, Remote, RemoteError, Sandbox, SandboxError, SandboxOptions, ServerHandle,
};

use super::clock::SystemClock;
use super::location;
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;

/// The store of the sandbox in a data directory.
pub const SANDBOX_STORE: &str = "sandbox.db";

/// Where calls go, and how fast the cloud's time runs.
#[derive(Debug)]
pub struct Clouds {
    /// Where the sandbox answers; `None` for the real clouds.
    pub endpoint: Option<SandboxEndpoint>,
    /// The cloud's time.
    pub clock: Arc<dyn Clock>,
    /// How much faster than the system's time it runs.
    pub speed: f64,
    /// The sandbox in this process.
    served: Option<(Sandbox, ServerHandle)>,
}

impl Clouds {
    /// Opens what the command line names. The sandbox's store is in the project's data directory.
    ///
    /// # Errors
    ///
    /// When the sandbox cannot be opened, or its faults cannot be read.
    pub async fn open(session: &Session, project: &Path) -> Result<Self, CommandError> {
        let Some(url) = &session.global.sandbox else {
            return Ok(Clouds {
                endpoint: None,
                clock: session.clock.clone(),
                speed: 1.0,
                served: None,
            });
        };
        if !url.is_empty() {
            return Self::remote(session, check_url(url)?).await;
        }
        let speed = check_speed(session.global.speed)?;
        let clock = Arc::new(SystemClock::with_speed(speed));
        let sandbox = open_sandbox(session, project).await?;
        let server = sandbox
            .serve(([127, 0, 0, 1], 0).into())
            .await
            .map_err(sandbox_error)?;
        let endpoint = SandboxEndpoint {
            aws_url: server.url(),
        };
        Ok(Clouds {
            endpoint: Some(endpoint),
            clock,
            speed,
            served: Some((sandbox, server)),
        })
    }

    /// A sandbox that another process serves decides how fast its time runs; faults that are given here replace its
    /// own.
    async fn remote(session: &Session, url: &str) -> Result<Self, CommandError> {
        let remote = Remote::new(url).map_err(remote_error)?;
        let speed = check_speed(remote.speed().await.map_err(remote_error)?)?;
        if let Some(plan) = faults(session)? {
            remote.set_faults(&plan).await.map_err(remote_error)?;
        }
        let endpoint = SandboxEndpoint {
            aws_url: url.to_owned(),
        };
        Ok(Clouds {
            endpoint: Some(endpoint),
            clock: Arc::new(SystemClock::with_speed(speed)),
            speed,
            served: None,
        })
    }

    /// Closes a sandbox of this process, after the calls that it has taken up.
    pub async fn close(self) {
        if let Some((sandbox, server)) = self.served {
            server.shutdown().await;
            sandbox.close().await;
        }
    }
}

/// Where the sandbox that the command line names answers, for what makes no calls: one in this process is not opened and
/// has no address.
///
/// # Errors
///
/// When the URL of a served one is not sound.
pub fn sandbox_endpoint(session: &Session) -> Result<Option<SandboxEndpoint>, CommandError> {
    let Some(url) = session.global.sandbox.as_deref() else {
        return Ok(None);
    };
    let aws_url = match url {
        "" => String::new(),
        url => check_url(url)?.to_owned(),
    };
    Ok(Some(SandboxEndpoint { aws_url }))
}

/// Opens the sandbox's store, with the speed and faults of the command line.
///
/// # Errors
///
/// When the store is in use or damaged, or the faults cannot be read.
pub async fn open_sandbox(session: &Session, project: &Path) -> Result<Sandbox, CommandError> {
    let faults = faults(session)?;
    let data = location::data_directory(session, project)?;
    let options = SandboxOptions {
        speed: check_speed(session.global.speed)?,
        faults,
        ..SandboxOptions::default()
    };
    Sandbox::open(&data.join(SANDBOX_STORE), options)
        .await
        .map_err(sandbox_error)
}

fn faults(session: &Session) -> Result<Option<FaultPlan>, CommandError> {
    let Some(file) = &session.global.faults else {
        return Ok(None);
    };
    let plan = FaultPlan::from_file(&session.directory.join(file));
    plan.map(Some)
        .map_err(|error| CommandError::usage("the file of faults cannot be used").because(error))
}

fn check_speed(speed: f64) -> Result<f64, CommandError> {
    if speed.is_finite() && speed > 0.0 {
        Ok(speed)
    } else {
        Err(CommandError::usage("--speed takes a number above 0"))
    }
}

/// An error of the sandbox as one of the command.
pub fn sandbox_error(error: SandboxError) -> CommandError {
    if let SandboxError::InUse { .. } = &error {
        let message =
            "the sandbox is in use: by `strata sandbox serve`, or by a run with --sandbox";
        return CommandError::new(ErrorKind::Locked, message)
            .hint("One that is served is shared: give its URL, as in `strata --sandbox=URL plan` or `strata --sandbox=URL sandbox ledger`.")
            .hint("Otherwise wait until the other run ends.");
    }
    CommandError::new(ErrorKind::Failed, "the sandbox cannot be used").because(error)
}

/// An error of a sandbox in another process as one of the command.
pub fn remote_error(error: RemoteError) -> CommandError {
    CommandError::new(
        ErrorKind::Failed,
        "the sandbox at --sandbox=URL cannot be used",
    )
    .because(error)
}

/// The address of a sandbox that another process serves: loopback only, so that no secret of a test leaves the machine.
///
/// # Errors
///
/// For anything but `http://` and a loopback host with a port.
pub fn check_url(url: &str) -> Result<&str, CommandError> {
    let wrong = || {
        CommandError::usage(format!(
            "--sandbox takes a URL such as http://127.0.0.1:4566, not '{}'",
            url.escape_debug()
        ))
        .hint("`strata sandbox serve` prints the URL that it serves.")
    };
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(wrong)?
        .trim_end_matches('/');
    let host = rest
        .rsplit_once(':')
        .map_or(rest, |(host, _)| host)
        .trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !loopback || rest.contains(['/', '@', '?']) {
        return Err(wrong());
    }
    Ok(url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_are_on_loopback() {
        assert_eq!(
            check_url("http://127.0.0.1:80/").unwrap(),
            "http://127.0.0.1:80"
        );
        assert!(check_url("http://[::1]:80").is_ok() && check_url("http://localhost:1").is_ok());
        for url in [
            "https://127.0.0.1",
            "http://10.0.0.1:80",
            "http://a@127.0.0.1",
            "127.0.0.1:80",
            "http://127.0.0.1/x",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
