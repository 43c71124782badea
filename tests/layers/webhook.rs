//! An admission webhook in the same layer as its users, whose server comes up late.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::figures::Watch;
use crate::plane::{get, project, unique};

/// Answers every review: a label for what is admitted, a sidecar would be no different.
const SERVER: &str = r#"
import base64, http.server, json, ssl, sys
class Review(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = [{"op": "add", "path": "/data/injected", "value": "by the webhook"}]
        answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {
            "uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(patch).encode()).decode()}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Review)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

#[test]
fn what_a_webhook_looks_at_waits_for_its_server() {
    const LATE: Duration = Duration::from_secs(20);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .output()
        .unwrap();
    assert!(made.status.success());
    let encoded = Command::new("base64")
        .args(["-w0", &path("cert.pem")])
        .output()
        .unwrap();
    let authority = String::from_utf8(encoded.stdout).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let ns = unique("webhook");
    let manifests = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {ns}, labels: {{ watched: {ns} }} }}\n---\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {{ name: {ns} }}\n\
         webhooks:\n- name: inject.platform.example\n  failurePolicy: Fail\n  sideEffects: None\n  admissionReviewVersions: [v1]\n  \
         namespaceSelector: {{ matchLabels: {{ watched: {ns} }} }}\n  \
         rules: [{{ apiGroups: [\"\"], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE] }}]\n  \
         clientConfig: {{ url: \"https://127.0.0.1:{port}/\", caBundle: {authority} }}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: user, namespace: {ns} }}\ndata: {{ own: \"1\" }}\n"
    );
    let project = project(&[
        ("main.strata.yaml", "layer:\n  app: { path: ./app }\n"),
        ("app/all.yaml", &manifests),
    ]);
    fs::write(path("server.py"), SERVER).unwrap();
    let mut command = Command::new("python3");
    command
        .arg(path("server.py"))
        .arg(port.to_string())
        .args([path("cert.pem"), path("key.pem")]);
    command.stderr(Stdio::null());
    let late = thread::spawn(move || {
        thread::sleep(LATE);
        command.spawn().unwrap()
    });
    let watch = Watch::start();
    let applied = project.run("apply -auto-approve");
    let took = watch.elapsed();
    let mut server = late.join().unwrap();
    applied.exits(0);
    assert!(took >= LATE, "{took:?}");
    let user = get(&format!("/api/v1/namespaces/{ns}/configmaps/user"));
    assert_eq!(user["data"]["injected"], "by the webhook");
    // What it put in is neither drift nor taken out again.
    project.run("plan -detailed-exitcode").exits(0);
    project.run("drift").exits(0);
    project.run("destroy -auto-approve").exits(0);
    server.kill().unwrap();
    server.wait().unwrap();
}
