//! A loopback server that hands requests to the real `git http-backend`, and repositories for it to serve.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use git2::{ObjectType, Oid, Repository};
use strata_provider_git::{Allowed, Fetched, GitError, Settings, Source, fetch};
use tempfile::TempDir;

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Serves the repositories.
    Serve,
    /// Sends every request to another place.
    Redirect(String),
    /// Serves those who show this `Authorization`.
    Guard(String),
}

/// A server with one repository, `x.git`, and a cache for what is fetched from it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) root: TempDir,
    pub(crate) cache: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Behaviour::Serve)
    }

    pub(crate) fn with(behaviour: Behaviour) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(root.path().join("x.git")).unwrap();
        repository.set_head("refs/heads/main").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let requests = Arc::new(AtomicUsize::new(0));
        let (flag, count, path) = (stopped.clone(), requests.clone(), root.path().to_owned());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                // A client that goes away in the middle is its own affair.
                drop(stream.and_then(|stream| answer(stream, &path, &behaviour)));
            }
        });
        Server {
            root,
            cache: tempfile::tempdir().unwrap(),
            address,
            requests,
            stopped,
            thread: Some(thread),
        }
    }

    pub(crate) fn repository(&self) -> Repository {
        Repository::open_bare(self.root.path().join("x.git")).unwrap()
    }

    pub(crate) fn source(&self, rest: &str) -> Source {
        format!("http://{}/x.git{rest}", self.address)
            .parse()
            .unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            allowed: Allowed::parse(&self.address.to_string()),
            ..Settings::new(self.cache.path().join("sources"))
        }
    }

    pub(crate) fn fetch(&self, rest: &str) -> Result<Fetched, GitError> {
        fetch(&self.source(rest), &self.settings(), &mut |_| {
            ControlFlow::Continue(())
        })
    }

    pub(crate) fn stop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads one request, answers it and closes the connection.
fn answer(stream: TcpStream, root: &Path, behaviour: &Behaviour) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let headers = read_headers(&mut reader)?;
    let header = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let mut stream = stream;
    match behaviour {
        Behaviour::Redirect(place) => {
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Behaviour::Guard(expected) if header("authorization") != Some(expected) => {
            return write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Behaviour::Guard(_) | Behaviour::Serve => {}
    }
    let body = read_body(
        &mut reader,
        header("content-length"),
        header("transfer-encoding"),
    )?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .env("HOME", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method)
        .env("CONTENT_TYPE", header("content-type").unwrap_or(""))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env(
            "HTTP_CONTENT_ENCODING",
            header("content-encoding").unwrap_or(""),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output()?;
    drop(feeding.join());
    let end = output
        .stdout
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or(0);
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    for line in head.lines().filter(|line| !line.starts_with("Status: ")) {
        write!(stream, "{line}\r\n")?;
    }
    let body = output.stdout.get(end + 4..).unwrap_or_default();
    write!(stream, "Content-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

fn read_headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((key, value)) => {
                headers.push((key.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => return Ok(headers),
        }
    }
}

fn read_body(
    reader: &mut impl BufRead,
    length: Option<&str>,
    encoding: Option<&str>,
) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if encoding == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut line)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    reader.by_ref().take(length).read_to_end(&mut body)?;
    Ok(body)
}

/// An entry of a tree as Git stores it, which may say anything.
pub(crate) struct Entry<'a> {
    pub(crate) mode: &'a str,
    pub(crate) name: &'a [u8],
    pub(crate) id: Oid,
}

pub(crate) fn blob(repository: &Repository, content: &[u8]) -> Oid {
    repository
        .odb()
        .unwrap()
        .write(ObjectType::Blob, content)
        .unwrap()
}

pub(crate) fn file<'a>(repository: &Repository, name: &'a str, content: &str) -> Entry<'a> {
    Entry {
        mode: "100644",
        name: name.as_bytes(),
        id: blob(repository, content.as_bytes()),
    }
}

pub(crate) fn link<'a>(repository: &Repository, name: &'a str, target: &str) -> Entry<'a> {
    Entry {
        mode: "120000",
        ..file(repository, name, target)
    }
}

pub(crate) fn directory<'a>(
    repository: &Repository,
    name: &'a str,
    entries: &[Entry<'_>],
) -> Entry<'a> {
    Entry {
        mode: "40000",
        name: name.as_bytes(),
        id: tree(repository, entries),
    }
}

/// Writes a tree byte by byte: the library would refuse most of those that are needed here.
pub(crate) fn tree(repository: &Repository, entries: &[Entry<'_>]) -> Oid {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend(entry.mode.as_bytes());
        bytes.push(b' ');
        bytes.extend(entry.name);
        bytes.push(0);
        bytes.extend(entry.id.as_bytes());
    }
    repository
        .odb()
        .unwrap()
        .write(ObjectType::Tree, &bytes)
        .unwrap()
}

/// Commits a tree to a branch.
pub(crate) fn commit(repository: &Repository, branch: &str, entries: &[Entry<'_>]) -> Oid {
    let text = format!(
        "tree {}\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\n\nx\n",
        tree(repository, entries)
    );
    let odb = repository.odb().unwrap();
    let id = odb.write(ObjectType::Commit, text.as_bytes()).unwrap();
    let name = format!("refs/heads/{branch}");
    repository.reference(&name, id, true, "").unwrap();
    id
}

/// All paths below a directory.
pub(crate) fn paths_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(paths_below(&path));
        }
        found.push(path);
    }
    found
}
