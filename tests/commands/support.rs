//! A project in a directory of its own, and the program run in it with a cleared environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    /// Checks the exit code, and shows everything where it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "\n--- out\n{}\n--- err\n{}",
            self.out, self.err
        );
        self
    }

    /// Checks that standard output holds a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text),
            "no {text:?} in\n--- out\n{}\n--- err\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Checks that standard error holds a text.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "no {text:?} in\n--- out\n{}\n--- err\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Standard output as JSON, line by line.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.out.lines().map(parse).collect()
    }
}

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    directory: tempfile::TempDir,
    home: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Project {
    /// A copy of a project, with its files.
    pub(crate) fn copy_of(directory: &Path) -> (Project, Vec<PathBuf>) {
        let mut files = Vec::new();
        files_below(directory, Path::new(""), &mut files);
        let project = Project::new(&[]);
        for file in &files {
            let text = std::fs::read_to_string(directory.join(file)).unwrap();
            project.write(file.to_str().unwrap(), &text);
        }
        (project, files)
    }

    /// A project of some files, by path.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Project {
            directory: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A project of one file.
    pub(crate) fn of(text: &str) -> Self {
        Self::new(&[("main.strata.hcl", text)])
    }

    /// Sets a variable for all runs that follow.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program, ready to be run in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strata"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "tester")
            .env("COLUMNS", "120")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program; words are separated by single spaces.
    pub(crate) fn run(&self, line: &str) -> Output {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        self.run_words(&words)
    }

    /// Runs the program with these arguments.
    pub(crate) fn run_words(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program with a text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The bytes of every file in the project and below, by path.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    files.push((path, bytes));
                }
            }
        }
        let mut files = Vec::new();
        walk(self.directory.path(), &mut files);
        files
    }
}

/// The files of a project, without what a run by hand left in it.
fn files_below(directory: &Path, inside: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory.join(inside)).unwrap() {
        let entry = entry.unwrap();
        let path = inside.join(entry.file_name());
        if path.ends_with(".strata") {
            continue;
        }
        if entry.path().is_dir() {
            files_below(directory, &path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}
