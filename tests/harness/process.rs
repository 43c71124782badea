//! Processes of the built program, with nothing of the machine's surroundings.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::figures::{Watch, wait_until};

/// The built program.
pub(crate) const STRATA: &str = env!("CARGO_BIN_EXE_strata");

/// No run of these tests takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A command with an empty environment but for a home and the system's tools.
pub(crate) fn hermetic(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .env("USER", "tester")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    command
}

/// A process that runs; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    what: String,
    watch: Watch,
    out: PathBuf,
    err: PathBuf,
    peak_kib: u64,
}

/// What a process left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) what: String,
    /// The exit code; nothing when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// The most memory that it held, in KiB, as last seen.
    pub(crate) peak_kib: u64,
}

impl Running {
    /// Starts a command whose output goes to the files `stem.out` and `stem.err`.
    pub(crate) fn start(mut command: Command, stem: &Path) -> Self {
        let (out, err) = (stem.with_extension("out"), stem.with_extension("err"));
        let file = |path: &Path| File::create(path).expect("an output file can be made");
        command.stdout(file(&out)).stderr(file(&err));
        let what = format!("{command:?}");
        let what = what
            .split_once(STRATA)
            .map_or(what.as_str(), |(_, rest)| rest);
        let child = command.spawn();
        Running {
            what: format!("strata{}", what.trim_start_matches('"')),
            child: child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")),
            watch: Watch::start(),
            out,
            err,
            peak_kib: 0,
        }
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.look_at_memory();
        let status = self.child.try_wait().expect("the child can be waited for");
        status.is_some()
    }

    fn look_at_memory(&mut self) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let peak = status.ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        });
        self.peak_kib = self.peak_kib.max(peak.unwrap_or(0));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output and standard error so far.
    pub(crate) fn output(&self) -> String {
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        let bytes = [read(&self.out), read(&self.err)].concat();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a signal; one that comes too late is none.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process id is a positive number");
        if let Err(error) = kill_process(pid, signal) {
            assert_eq!(error, rustix::io::Errno::SRCH, "{}", self.what);
        }
    }

    /// Ends it as `kill -9` does, and returns what it left.
    pub(crate) fn kill(mut self) -> Finished {
        self.child.kill().expect("the process is ours");
        self.finish()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it hangs.
    pub(crate) fn wait(self) -> Finished {
        self.wait_for(PATIENCE)
    }

    /// Waits for its end, for at most `limit`.
    ///
    /// # Panics
    ///
    /// When it is not over by then.
    pub(crate) fn wait_for(mut self, limit: Duration) -> Finished {
        if !wait_until(limit, || self.is_over()) {
            let (what, output) = (self.what.clone(), self.output());
            panic!("{what} does not end within {limit:?}; so far:\n{output}");
        }
        self.finish()
    }

    fn finish(&mut self) -> Finished {
        let status = self.child.wait().expect("the child can be waited for");
        let text = |path: &Path| {
            let bytes = fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Finished {
            what: self.what.clone(),
            code: status.code(),
            signal: status.signal(),
            stdout: text(&self.out),
            stderr: text(&self.err),
            took: self.watch.elapsed(),
            peak_kib: self.peak_kib,
        }
    }
}

fn end_of(text: &str) -> String {
    let from = text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already; then there is nothing to kill and nothing to say.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Finished {
    /// Both outputs, for messages; of long ones the end.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} ended with code {:?}, signal {:?} after {:?}\n── stdout\n{}\n── stderr\n{}",
            self.what,
            self.code,
            self.signal,
            self.took,
            end_of(&self.stdout),
            end_of(&self.stderr)
        )
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }

    /// Checks that the outputs say something, wherever the lines break.
    #[track_caller]
    pub(crate) fn expect_text(self, wanted: &str) -> Self {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = words(&format!("{} {}", self.stdout, self.stderr).replace(['│', '╷', '╵'], " "));
        assert!(
            said.contains(&words(wanted)),
            "no '{wanted}' in:\n{}",
            self.text()
        );
        self
    }
}
