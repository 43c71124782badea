//! Plans and states are read with HashiCorp's own Go module, which nobody here wrote.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Project;

/// Builds the reader once for each test process, and runs it on a document.
#[track_caller]
fn understood(arguments: &[&str], document: &str) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terraform-json");
    let mut child = Command::new("go")
        .arg("run")
        .arg(".")
        .args(arguments)
        .current_dir(&source)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs Go: apt-get install golang-go, or https://go.dev/doc/install");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

const BEFORE: &str = r#"
resource "strata_data" "changed" {
  input = { list = ["a", "b"], secret = sensitive("s3cret") }
}
resource "strata_data" "replaced" {
  triggers_replace = 1
}
resource "strata_data" "gone" {}
resource "strata_data" "same" {
  for_each = { x = 1 }
}
output "o" {
  value = strata_data.replaced.id
}
"#;

const AFTER: &str = r#"
resource "strata_data" "changed" {
  input = { list = ["a", "c"], secret = sensitive("other") }
}
resource "strata_data" "replaced" {
  triggers_replace = 2
}
resource "strata_data" "new" {}
resource "strata_data" "same" {
  for_each = { x = 1 }
}
output "o" {
  value = strata_data.replaced.id
}
"#;

#[test]
fn terraforms_own_reader_understands_plans_and_states() {
    let project = Project::of(BEFORE);
    project.run("apply -auto-approve").exits(0);
    let state = project.run("show -json").exits(0).out;
    assert_eq!(
        understood(&["state"], &state),
        [
            "strata_data.changed",
            "strata_data.gone",
            "strata_data.replaced",
            "strata_data.same[\"x\"]"
        ]
    );
    project.write("main.strata.hcl", AFTER);
    project.run("plan -out=a.plan").exits(0);
    let plan = project.run("show -json a.plan").exits(0).out;
    assert_eq!(
        understood(&[], &plan),
        [
            "output.o [update]",
            "strata_data.changed [update] create=false replace=false",
            "strata_data.gone [delete] create=false replace=false",
            "strata_data.new [create] create=true replace=false",
            "strata_data.replaced [delete create] create=false replace=true",
            "strata_data.same[\"x\"] [no-op] create=false replace=false",
        ]
    );
    assert!(
        !plan.contains("s3cret") && !plan.contains("\"other\""),
        "{plan}"
    );
}
