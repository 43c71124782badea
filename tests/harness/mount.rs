//! A small file system that only the processes of a test see, in a mount namespace of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::process::hermetic;

/// A file system in memory, mounted on a directory in a mount namespace. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    holder: Child,
    directory: PathBuf,
    is_root: bool,
}

/// What to do where a tool or a right is missing.
const MISSING: &str = "needs unshare and nsenter (apt-get install util-linux) and the right to make namespaces \
                       (run as root, or sysctl -w kernel.unprivileged_userns_clone=1)";

impl Mounted {
    /// Mounts a file system of `size_kib` on `directory`.
    pub(crate) fn on(directory: &Path, size_kib: u32) -> Self {
        let is_root = rustix::process::getuid().is_root();
        let mut command = hermetic("unshare", directory);
        if !is_root {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--propagation", "private", "sh", "-c"]);
        command.arg(
            "mount -t tmpfs -o size=\"$1k\",mode=700 tmpfs \"$2\" && echo mounted && exec sleep 1000000",
        );
        command.arg("sh").arg(size_kib.to_string()).arg(directory);
        let child = command.stdout(Stdio::piped()).spawn();
        let mut holder = child.unwrap_or_else(|error| panic!("{MISSING}: {error}"));
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("the output is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the output can be read");
        if line.trim() != "mounted" {
            drop(holder.kill());
            drop(holder.wait());
            panic!("{MISSING}");
        }
        Mounted {
            holder,
            directory: directory.to_owned(),
            is_root,
        }
    }

    /// The same command, where it sees the file system.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.env_clear().stdin(Stdio::null());
        if !self.is_root {
            inside.args(["--user", "--preserve-credentials"]);
        }
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()));
        if !self.is_root {
            inside.arg(format!("--target={}", self.holder.id()));
        }
        if let Some(directory) = command.get_current_dir() {
            inside.arg(format!("--wdns={}", directory.display()));
        }
        inside
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                inside.env(name, value);
            }
        }
        inside
    }

    /// Runs a shell command where it sees the file system, with its directory as `$1`.
    pub(crate) fn shell(&self, script: &str) {
        let mut command = hermetic("sh", &self.directory);
        command.args(["-c", script, "sh"]).arg(&self.directory);
        let status = self
            .inside(&command)
            .status()
            .expect("nsenter can be started");
        assert!(status.success(), "{script}: {status}");
    }

    /// Makes it read-only, or writable again.
    pub(crate) fn set_writable(&self, writable: bool) {
        let option = if writable { "rw" } else { "ro" };
        self.shell(&format!("mount -o remount,{option} \"$1\""));
    }

    /// Takes up all space but so many KiB; it takes a few attempts while others write.
    pub(crate) fn fill(&self, left_kib: u32) {
        self.shell(&format!(
            "for attempt in 1 2 3; do free=$(df --output=avail -k \"$1\" | tail -n 1); \
             head -c $(((free - {left_kib}) * 1024)) /dev/zero >> \"$1/filler\" 2>/dev/null; done; true"
        ));
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        self.shell("rm -f \"$1/filler\"");
    }

    /// Copies a state, its log and its note to `target`: a database cannot be opened from outside, because the way to
    /// it leads through links that mean something else there.
    pub(crate) fn copy_state(&self, state: &Path, target: &Path) {
        let inside = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let from = inside.join(state.strip_prefix("/").expect("an absolute path"));
        for suffix in ["", "-wal", ".lock"] {
            let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            drop(std::fs::remove_file(with(target)));
            if with(&from).exists() {
                std::fs::copy(with(&from), with(target)).expect("the state can be copied");
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
