//! The emulated cloud, in a process of its own: what is killed is never the cloud.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use strata_sandbox::Ledger;

use super::process::{STRATA, hermetic};

/// A served sandbox; it is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Cloud {
    child: Child,
    addr: SocketAddr,
}

impl Cloud {
    /// Serves a sandbox with its store in `home`.
    pub(crate) fn serve(home: &Path, speed: u32, faults: Option<&str>) -> Self {
        let mut command = hermetic(STRATA, home);
        command
            .current_dir(home)
            .args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--speed"])
            .arg(speed.to_string());
        if let Some(faults) = faults {
            let path = home.join("faults.yaml");
            std::fs::write(&path, faults).expect("the faults file can be written");
            command.arg("--faults").arg(path);
        }
        let errors = std::fs::File::create(home.join("serve.err")).expect("a file can be made");
        command.stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("strata can be started");
        let stdout = child.stdout.take().expect("the output is piped");
        let addr = match announced(stdout) {
            Some(addr) => addr,
            None => {
                drop(child.kill());
                let said = std::fs::read_to_string(home.join("serve.err")).unwrap_or_default();
                panic!("strata sandbox serve does not say its URL on standard output:\n{said}");
            }
        };
        Cloud { child, addr }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every object and call.
    pub(crate) fn ledger(&self) -> Ledger {
        let text = self.ask("GET", "/_strata/ledger", "");
        serde_json::from_str(&text).expect("the ledger has its documented form")
    }

    /// Replaces the faults, and counts calls anew for them.
    pub(crate) fn set_faults(&self, faults: &str) {
        self.ask("PUT", "/_strata/faults", faults);
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).expect("the sandbox listens");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream
            .write_all(request.as_bytes())
            .expect("the sandbox listens");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the sandbox answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
        assert!(
            head.starts_with("HTTP/1.1 200"),
            "{method} {path}: {head}\n{body}"
        );
        body.to_owned()
    }
}

/// The address in the first line that has a URL. The rest of the output is read and dropped.
fn announced(stdout: impl Read + Send + 'static) -> Option<SocketAddr> {
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(addr) = address_in(&line) {
                // Nobody waits for a second one.
                found.send(addr).ok();
            }
        }
    });
    address.recv_timeout(Duration::from_secs(20)).ok()
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ':')));
    rest[..end.unwrap_or(rest.len())]
        .trim_end_matches('.')
        .parse()
        .ok()
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
