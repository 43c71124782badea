//! All calls of the suite, and all answers of the sandbox, against models that we did not write: those of botocore.

use std::path::{Path, PathBuf};

use tokio::process::Command;

const INSTALL: &str = "install what it needs with: python3 -m pip install boto3";

/// The calls that the suite makes at least; fewer would mean that they are not recorded.
const FEWEST: usize = 5000;

/// Checks the records in a directory, prints how much that is, and fails if anything does not fit its model.
#[expect(clippy::print_stdout, reason = "the count is a result of the test")]
pub(crate) async fn judge(records: &Path) {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sandbox/tests/aws/shapes.py");
    let entries = std::fs::read_dir(records).expect("the directory of the records");
    let files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let mut command = Command::new("python3");
    let output = command.arg(checker).args(files).output().await;
    let output =
        output.unwrap_or_else(|error| panic!("python3 does not start ({error}); {INSTALL}"));
    let told = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{wrong}{INSTALL}");
    let last = told.lines().last().unwrap_or_default();
    println!("shapes of the suite: {last}");
    let count = last.split(' ').next().and_then(|count| count.parse().ok());
    assert!(count > Some(FEWEST), "{told}");
}
