//! The other side: the API server's own field manager.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::contenders::{Conflict, Kind, Outcome, Write};

/// A running judge. It ends with its input.
pub(crate) struct Judge {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Judge {
    pub(crate) fn start(document: &Value) -> Self {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (program, models) = (scratch.join("field-manager"), scratch.join("models.json"));
        fs::write(&models, document.to_string()).unwrap();
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge"))
            .output()
            .expect(
                "this test needs Go 1.26: apt-get install golang-go, or https://go.dev/doc/install",
            );
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let mut child = Command::new(program)
            .arg(models)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            _child: child,
            input,
            output: BufReader::new(output),
        }
    }

    /// A new object of the kind.
    pub(crate) fn begin(&mut self, kind: &Kind) {
        self.ask(&json!({"op": "reset", "apiVersion": kind.first_version(), "kind": kind.kind}));
    }

    pub(crate) fn carry_out(&mut self, write: &Write) -> Outcome {
        let answer = match write {
            Write::Apply {
                manager,
                force,
                object,
            } => self
                .ask(&json!({"op": "apply", "manager": manager, "force": force, "object": object})),
            Write::Update { manager, object } => {
                self.ask(&json!({"op": "update", "manager": manager, "object": object}))
            }
        };
        let conflicts = answer["conflicts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Conflict::read);
        Outcome {
            object: answer["object"].clone(),
            conflicts: conflicts.collect(),
            error: answer["error"].as_str().map(str::to_owned),
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}
