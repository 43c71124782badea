//! What says in tests whether values conform to a schema: the `jsonschema` package of Python, which is not ours.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Reads a schema and values, refuses a schema that is none, and prints the faults of each value.
const SCRIPT: &str = "
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
schema = Draft202012Validator(given['schema'])
print(json.dumps([[fault.message for fault in schema.iter_errors(value)] for value in given['values']]))
";

const INSTALL: &str = "install it with: python3 -m pip install jsonschema";

/// The faults of each value, in the order of the values.
pub(crate) fn faults(schema: &Value, values: &[Value]) -> Vec<Vec<String>> {
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut judge = command
        .spawn()
        .unwrap_or_else(|error| panic!("python3 cannot be started ({error}); {INSTALL}"));
    let question = json!({ "schema": schema, "values": values }).to_string();
    let mut input = judge.stdin.take().unwrap();
    input.write_all(question.as_bytes()).unwrap();
    drop(input);
    let answer = judge.wait_with_output().unwrap();
    assert!(
        answer.status.success(),
        "the schema is none, or jsonschema is missing; {INSTALL}"
    );
    let faults: Vec<Vec<String>> = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(faults.len(), values.len());
    faults
}
