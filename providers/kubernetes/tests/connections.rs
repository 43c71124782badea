//! Connections to a running API server.

#![expect(
    clippy::unwrap_used,
    reason = "what the test is made of is in no function marked as a test, where unwrap is allowed"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use hyper::{Method, StatusCode};
use strata_control_plane::{ControlPlane, Parts};
use strata_provider_kubernetes::identity::ActAs;
use strata_provider_kubernetes::kubeconfig::Access;
use strata_provider_kubernetes::{
    Allowed, Connection, ConnectionError, Endpoint, Identity, Kubeconfig, Request,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// Starting one waits for answers, which a thread that carries out asynchronous tests must not do.
static PLANE: LazyLock<ControlPlane> = LazyLock::new(|| {
    let started = thread::spawn(|| ControlPlane::start(Parts::Api)).join();
    started.unwrap().expect("the control plane starts")
});

fn endpoint() -> Endpoint {
    let authority = PLANE.certificate_authority().unwrap();
    let endpoint = Endpoint::new(&PLANE.server()).unwrap();
    endpoint.with_authority(&authority).unwrap()
}

fn administrator() -> Identity {
    Identity::token(&PLANE.token().unwrap())
}

/// As whom the server sees the asking one: name and status.
async fn who(endpoint: &Endpoint, identity: Identity) -> Result<String, ConnectionError> {
    let review = r#"{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}"#;
    let request = Request::new(
        Method::POST,
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    );
    let connection = Connection::new(endpoint, identity).unwrap();
    let response = connection
        .send(&request.body("application/json", review))
        .await?;
    if response.status != StatusCode::CREATED {
        return Ok(response.status.as_str().to_owned());
    }
    let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let user = &answer["status"]["userInfo"];
    Ok(user["username"].as_str().unwrap().to_owned())
}

fn access(text: &str, directory: &Path, allowed: Allowed) -> Access {
    let kubeconfig = Kubeconfig::parse(text, directory).unwrap();
    kubeconfig.access(None, allowed).unwrap()
}

#[tokio::test]
async fn a_kubeconfig_leads_to_its_server() {
    let text = fs::read_to_string(PLANE.kubeconfig()).unwrap();
    let allowed = Allowed {
        files: true,
        ..Allowed::default()
    };
    let access = access(&text, Path::new("/"), allowed);
    assert_eq!(
        who(&access.endpoint, access.identity).await.unwrap(),
        "admin"
    );
    let refused = Kubeconfig::parse(&text, Path::new("/")).unwrap();
    let refused = refused.access(None, Allowed::default()).unwrap_err();
    assert!(
        refused.to_string().contains("certificate-authority"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_wrong_token_is_an_answer_and_not_an_error() {
    assert_eq!(
        who(&endpoint(), Identity::token("wrong")).await.unwrap(),
        "401"
    );
    assert_eq!(who(&endpoint(), administrator()).await.unwrap(), "admin");
}

#[tokio::test]
async fn somebody_else_is_stood_in_for() {
    let other = ActAs {
        user: "other".to_owned(),
        groups: vec!["system:authenticated".to_owned(), "others".to_owned()],
        ..ActAs::default()
    };
    let identity = administrator().acting_as(other);
    assert_eq!(who(&endpoint(), identity).await.unwrap(), "other");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_trusted() {
    let unknown = Endpoint::new(&PLANE.server()).unwrap();
    let renamed = endpoint().with_server_name("other.example").unwrap();
    for endpoint in [&unknown, &renamed] {
        let error = who(endpoint, administrator()).await.unwrap_err();
        assert!(
            matches!(error, ConnectionError::Untrusted { .. }),
            "{error}"
        );
        assert!(!error.may_have_had_effect() && !error.is_unreachable());
    }
    let right = renamed.with_server_name("127.0.0.1").unwrap();
    assert_eq!(who(&right, administrator()).await.unwrap(), "admin");
    assert_eq!(
        who(&unknown.unverified(), administrator()).await.unwrap(),
        "admin"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("https://{}", free.local_addr().unwrap());
    drop(free);
    for server in [address.as_str(), "https://nowhere.invalid"] {
        let endpoint = Endpoint::new(server).unwrap();
        let error = who(&endpoint, administrator()).await.unwrap_err();
        assert!(
            error.is_unreachable() && !error.may_have_had_effect(),
            "{error:?}"
        );
        assert!(error.to_string().starts_with(server), "{error}");
    }
    // Where it is the proxy that is not there, the server is not blamed alone.
    let proxy = address.replace("https:", "http:");
    let endpoint = endpoint().with_proxy(&proxy).unwrap();
    let error = who(&endpoint, administrator()).await.unwrap_err();
    let through = format!("cannot be reached through the proxy {proxy}: ");
    assert!(error.to_string().contains(&through), "{error}");
}

#[tokio::test]
async fn a_server_that_swallows_everything_is_waited_for_once() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody takes these connections, and further ones are not answered at all.
    let mut held = Vec::new();
    let patience = Duration::from_millis(500);
    while let Ok(stream) = timeout(patience, TcpStream::connect(address)).await {
        held.push(stream.unwrap());
    }
    let endpoint = Endpoint::new(&format!("https://{address}")).unwrap();
    let connection = Connection::new(&endpoint, administrator()).unwrap();
    let began = Instant::now();
    let request = Request::new(Method::GET, "/version");
    let answers = (0..100).map(|_| connection.send(&request));
    for answer in join_all(answers).await {
        let error = answer.unwrap_err();
        assert!(error.is_unreachable(), "{error:?}");
    }
    // One limit of ten seconds, and not one for each of those that wait for their turn.
    assert!(
        began.elapsed() < Duration::from_secs(19),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_server_that_never_says_a_word_is_waited_for_once() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    let endpoint = Endpoint::new(&address).unwrap();
    let connection = Connection::new(&endpoint, administrator()).unwrap();
    let connection = connection.with_patience(Duration::from_secs(2));
    let request = Request::new(Method::GET, "/version");
    let first = connection.send(&request).await.unwrap_err();
    assert!(first.may_have_had_effect(), "{first:?}");
    let second = connection.send(&request).await.unwrap_err();
    assert!(second.is_unreachable(), "{second:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_may_have_had_its_effect() {
    let connection = Connection::new(&endpoint(), administrator()).unwrap();
    let connection = connection.with_patience(Duration::from_millis(500));
    // It does not end by itself.
    let request = Request::new(Method::GET, "/api/v1/namespaces?watch=true");
    let error = connection.send(&request).await.unwrap_err();
    assert!(error.may_have_had_effect(), "{error:?}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel() {
    let (address, tunnels) = proxy().await;
    let through = endpoint().with_proxy(&address).unwrap();
    assert_eq!(who(&through, administrator()).await.unwrap(), "admin");
    assert_eq!(tunnels.load(Ordering::SeqCst), 1);
}

/// An HTTP proxy, and how many tunnels it has opened.
async fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tunnels);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                tunnel(client).await;
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (address, tunnels)
}

async fn tunnel(client: TcpStream) {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        client.read_line(&mut head).await.unwrap();
    }
    let target = head.split(' ').nth(1).unwrap();
    assert!(head.starts_with("CONNECT "), "{head}");
    let mut server = TcpStream::connect(target).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
}

#[tokio::test]
async fn a_program_is_asked_again_when_its_token_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("tokens");
    let script = format!(
        "#!/bin/sh\ncd {}\nif [ -e asked ]; then token={}; else token=stale; fi\necho >>asked\n\
         echo \"{{\\\"apiVersion\\\": \\\"client.authentication.k8s.io/v1\\\", \\\"kind\\\": \\\"ExecCredential\\\", \
         \\\"status\\\": {{\\\"token\\\": \\\"$token\\\"}}}}\"\n",
        directory.path().display(),
        PLANE.token().unwrap()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "current-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{}'}}}}]\n\
         users: [{{name: a, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: ./tokens}}}}}}]\n",
        PLANE.server()
    );
    let allowed = Allowed {
        exec: true,
        ..Allowed::default()
    };
    let access = access(&text, directory.path(), allowed);
    let asked = || fs::read_to_string(directory.path().join("asked")).unwrap_or_default();
    assert_eq!(asked(), "");
    let identity = access.identity;
    assert_eq!(who(&endpoint(), identity.clone()).await.unwrap(), "admin");
    assert_eq!(who(&endpoint(), identity).await.unwrap(), "admin");
    assert_eq!(asked().lines().count(), 2);
}
