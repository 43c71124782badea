//! A canary secret: looked for in everything that a run leaves behind.

use base64::Engine;

use crate::support::Project;

const CANARY: &str = "canary-5ecret/+value";

const TEXT: &str = r#"
variable "pw" {
  sensitive = true
}
resource "strata_data" "s" {
  input = { password = var.pw }
}
output "s" {
  value     = strata_data.s.output.password
  sensitive = true
}
"#;

fn spellings() -> Vec<Vec<u8>> {
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(CANARY);
    [CANARY.to_owned(), hex, base64[..24].to_owned()]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for spelling in spellings() {
        let found = bytes
            .windows(spelling.len())
            .any(|window| window == spelling);
        assert!(
            !found,
            "{what} shows the secret: {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn nothing_shows_the_secret() {
    let project = Project::of(TEXT)
        .env("STRATA_VAR_pw", CANARY)
        .env("STRATA_LOG", "trace");
    for line in [
        "plan",
        "plan -json",
        "plan -out=a.plan",
        "show a.plan",
        "show -json a.plan",
        "apply a.plan",
        "plan -detailed-exitcode",
        "show",
        "show -json",
        "output",
        "output -json",
        "output s",
        "state show strata_data.s",
        "state history -json",
        "validate",
    ] {
        let output = project.run(line).exits(0);
        assert_clean(line, output.out.as_bytes());
        assert_clean(line, output.err.as_bytes());
    }
    for (path, bytes) in project.files() {
        assert_clean(&path.display().to_string(), &bytes);
    }
}

#[test]
fn a_saved_plan_needs_the_secret_again() {
    let project = Project::of(TEXT);
    let with = |secret: &str, line: &str| {
        let mut command = project.command(&line.split(' ').collect::<Vec<_>>());
        let output = command.env("STRATA_VAR_pw", secret).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(with(CANARY, "plan -out=a.plan").0, 0);
    let (code, err) = with("another-secret", "apply a.plan");
    assert_eq!(code, 5, "{err}");
    assert!(!err.contains("another-secret"), "{err}");
    project.run("apply a.plan").exits(5);
    assert_eq!(with(CANARY, "apply a.plan").0, 0);
}

#[test]
fn generated_secrets_are_read_through_raw_only() {
    let project = Project::of(
        "resource \"strata_random_password\" \"p\" {\n  length = 32\n}\noutput \"p\" {\n  value     = strata_random_password.p.result\n  sensitive = true\n}\n",
    );
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("(sensitive value)");
    let secret = project.run("output -raw p").exits(0).out;
    assert_eq!(secret.chars().count(), 32);
    for line in [
        "output",
        "output -json",
        "show",
        "show -json",
        "state show strata_random_password.p",
        "plan",
    ] {
        let output = project.run(line).exits(0);
        assert!(
            !output.out.contains(&secret) && !output.err.contains(&secret),
            "{line}: {}",
            output.out
        );
    }
    for (path, bytes) in project.files() {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the password", path.display());
    }
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::of(TEXT).env("STRATA_VAR_pw", CANARY);
    project.run("apply -auto-approve").exits(0);
    for path in [".strata/key", ".strata/state.db"] {
        let mode = std::fs::metadata(project.path(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
    assert_eq!(
        std::fs::read_to_string(project.path(".strata/.gitignore")).unwrap(),
        "*\n"
    );
}

#[test]
fn the_log_tells_of_a_run_and_of_no_secret() {
    let project = Project::of(TEXT)
        .env("STRATA_VAR_pw", CANARY)
        .env("STRATA_LOG", "debug")
        .env("STRATA_LOG_PATH", "strata.log");
    project.run("apply -auto-approve").exits(0);
    let log = std::fs::read_to_string(project.path("strata.log")).unwrap();
    assert!(log.contains("strata_data.s: Creating..."), "{log}");
    assert!(log.contains(".strata/state.db"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}

#[test]
fn the_default_of_a_secret_variable_is_not_shown() {
    let project = Project::of(
        r#"
variable "word" {
  type      = string
  sensitive = true
  default   = "canary-default"
}
resource "strata_data" "a" {
  input = file("canary-default")
}
"#,
    );
    let output = project.run("plan").exits(65);
    let shown = format!("{}{}", output.out, output.err);
    assert!(shown.contains("main.strata.hcl line"), "{shown}");
    assert!(!shown.contains("canary-default"), "{shown}");
}

#[test]
fn what_a_data_source_tells_in_public_is_readable() {
    let project = Project::of(
        r#"
provider "aws" {
  region = "eu-west-1"
}
data "aws_ssm_parameter" "image" {
  name = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"
}
resource "aws_launch_template" "nodes" {
  name     = "nodes"
  image_id = data.aws_ssm_parameter.image.insecure_value
}
output "secret" {
  value     = data.aws_ssm_parameter.image.value
  sensitive = true
}
"#,
    );
    project
        .run("--sandbox plan")
        .exits(0)
        .says("\"ami-")
        .says("(sensitive value)");
}

#[test]
fn what_a_data_source_tells_in_secret_is_read_again_by_the_run() {
    let project = Project::of(
        r#"
provider "aws" {
  region = "eu-west-1"
}
data "aws_ssm_parameter" "image" {
  name = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"
}
resource "aws_launch_template" "nodes" {
  name     = "nodes"
  image_id = data.aws_ssm_parameter.image.value
}
output "secret" {
  value     = data.aws_ssm_parameter.image.value
  sensitive = true
}
"#,
    );
    let planned = project.run("--sandbox plan -out=saved").exits(0);
    assert!(!planned.out.contains("ami-"), "{}", planned.out);
    let applied = project.run("--sandbox apply saved").exits(0);
    assert!(!format!("{}{}", applied.out, applied.err).contains("ami-"));
    project
        .run("--sandbox plan -detailed-exitcode")
        .exits(0)
        .says("No changes");
    project
        .run("--sandbox output -raw secret")
        .exits(0)
        .says("ami-");
}

#[test]
fn a_connection_takes_no_secrets() {
    let project = Project::of(
        r#"
variable "team" {
  type      = string
  sensitive = true
  default   = "canary-team"
}
provider "aws" {
  region       = "eu-west-1"
  default_tags = { area = "plain", team = var.team }
}
resource "aws_cloudwatch_log_group" "a" {
  name = "a"
}
"#,
    );
    let refused = project.run("--sandbox plan").exits(65);
    for words in [
        "default_tags: must hold no secret",
        "main.strata.hcl line 9",
    ] {
        assert!(refused.err.contains(words), "{words} in {}", refused.err);
    }
    assert!(!refused.err.contains("canary-team"), "{}", refused.err);
}
