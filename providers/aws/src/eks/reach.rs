//! Whether the API server of a new cluster can be reached from where Strata runs.
//!
//! Nothing that EKS itself does needs that: a cluster without public access, or with public access for other networks
//! only, is made all the same. What comes after it in the cluster does need it, so it is said early, before nodes are
//! paid for, and the engine begins nothing in the cluster.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::step::Step;

/// The name of a new endpoint may be unknown for a minute.
const TRIES: u32 = 5;
/// How often it is tried, in the cloud's time.
const EVERY: Duration = Duration::from_secs(15);
/// How long one try may take.
const ONE_TRY: Duration = Duration::from_secs(5);
const HTTPS: u16 = 443;
const LOOPBACK: &str = "https://127.";

/// Opens a connection to a cluster's endpoint and closes it again; tells if there is none to be had.
pub(super) async fn check(step: &Step<'_>, cluster: &str, endpoint: &str) {
    // In the sandbox the endpoint's name is only a name: the sandbox itself is what answers, unless it says otherwise.
    let place = match step.cloud.sandbox_url() {
        Some(sandbox) if !endpoint.starts_with(LOOPBACK) => sandbox,
        Some(_) | None => endpoint,
    };
    let Some((host, port)) = host_and_port(place) else {
        return;
    };
    let mut reason = String::new();
    for tries in 1..=TRIES {
        match connect(host, port).await {
            Ok(()) => return,
            Err(error) => reason = error.to_string(),
        }
        if tries < TRIES {
            step.progress(&format!("its API server does not answer yet: {reason}"));
            step.cloud.clock().sleep(EVERY).await;
        }
    }
    step.unreachable(&format!(
        "the API server of EKS cluster {cluster} does not answer from here ({endpoint}: {reason}). EKS goes on without \
         that; for what is to be installed in the cluster, run Strata where it can be reached, or add this \
         machine's network to public_access_cidrs"
    ));
}

async fn connect(host: &str, port: u16) -> io::Result<()> {
    match timeout(ONE_TRY, TcpStream::connect((host, port))).await {
        Ok(connected) => connected.map(drop),
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no connection within 5 seconds",
        )),
    }
}

/// The place that a URL names.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let default = if scheme == "http" { 80 } else { HTTPS };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        Some(_) | None => (authority, default),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_places() {
        let check = |url: &str, expected| assert_eq!(host_and_port(url), expected, "{url}");
        check(
            "https://a.gr7.eu-west-1.eks.amazonaws.com",
            Some(("a.gr7.eu-west-1.eks.amazonaws.com", 443)),
        );
        check("http://127.0.0.1:8080/", Some(("127.0.0.1", 8080)));
        check("http://[::1]:8080", Some(("::1", 8080)));
        check("https://[::1]/a", Some(("::1", 443)));
        check("a.example.com", None);
    }

    #[tokio::test]
    async fn who_listens_is_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        connect("127.0.0.1", port).await.unwrap();
        drop(listener);
        let refused = connect("127.0.0.1", port).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
