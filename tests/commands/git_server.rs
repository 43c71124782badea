//! Git repositories on a loopback server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server of the repositories below a directory, `HOST/PATH` being the path there.
pub(crate) struct GitServer {
    child: Child,
    root: tempfile::TempDir,
    /// `127.0.0.1:PORT`
    pub(crate) host: String,
}

impl GitServer {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/git_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(root.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 serves Git repositories: apt-get install python3 git");
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        GitServer {
            child,
            root,
            host: format!("127.0.0.1:{}", port.trim()),
        }
    }

    /// The work tree of a repository; what is in it is served once it is committed.
    pub(crate) fn work_tree(&self, path: &str) -> PathBuf {
        let place = self.root.path().join(path);
        std::fs::create_dir_all(&place).unwrap();
        place
    }

    /// Makes a repository of what is in a work tree, with one commit on `main`.
    pub(crate) fn commit(&self, path: &str) {
        let line = "git init -q -b main . && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm all";
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.work_tree(path))
            .status()
            .unwrap();
        assert!(status.success(), "{path}");
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
