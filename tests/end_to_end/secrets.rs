//! Secrets: planted everywhere, and looked for in every byte that a run leaves.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::harness::{World, WorldOptions, figures};

const CANARY: &str = "Canary\"7f3a&91c4/e2b8+d650";

const PROJECT: &str = r#"
variable "token" {
  type      = string
  sensitive = true
}

variable "broken" {
  type    = bool
  default = false
}

provider "aws" {
  region = "eu-west-1"
}

resource "strata_data" "input" {
  input = var.token
}

resource "strata_random_password" "made" {
  length = 32
}

resource "strata_private_key" "made" {
  algorithm = "ED25519"
}

resource "strata_data" "copies" {
  input = {
    password = strata_random_password.made.result
    mixed    = "<${var.token}>"
    list     = [var.token, upper(var.token)]
  }
}

resource "aws_iam_role" "carrier" {
  name        = "carrier"
  description = "token ${var.token}"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_vpc" "failing" {
  count = var.broken ? 1 : 0

  cidr_block = "10.0.0.0/16"
  tags       = { token = var.token }
}

output "password" {
  value     = strata_random_password.made.result
  sensitive = true
}

output "key" {
  value     = strata_private_key.made.private_key_openssh
  sensitive = true
}

output "token" {
  value     = var.token
  sensitive = true
}
"#;

/// The cloud repeats the secret in its error, as clouds do.
fn telltale() -> String {
    let message = serde_json::Value::from(format!("tag value {CANARY} is not valid"));
    format!(
        "rules: [{{ operation: CreateVpc, fault: {{ error: {{ code: InvalidParameterValue, message: {message} }} }} }}]"
    )
}

#[test]
fn secrets_are_in_no_file_and_no_output() {
    let world = World::of_text(PROJECT, WorldOptions::default());
    let run = |args: &[&str], code: i32| {
        let mut command = world.command(args);
        command
            .env("STRATA_VAR_token", CANARY)
            .env("STRATA_LOG", "trace")
            .env("STRATA_LOG_PATH", world.root().join("output/log"));
        crate::harness::Running::start(command, &world.stem())
            .wait()
            .expect_code(code)
    };
    run(&["validate"], 0);
    run(&["plan"], 0);
    run(&["plan", "-json"], 0);
    run(&["plan", "-out=change.plan"], 0);
    run(&["show", "change.plan"], 0);
    run(&["show", "-json", "change.plan"], 0);
    run(&["graph"], 0);
    run(&["apply", "change.plan"], 0);
    world.cloud.set_faults(&telltale());
    for format in [
        &["apply", "-auto-approve", "-var=broken=true"][..],
        &["apply", "-auto-approve", "-json", "-var=broken=true"],
    ] {
        let failed = run(format, 1);
        assert!(
            failed.text().contains("is not valid"),
            "the cloud's message is shown: {}",
            failed.text()
        );
    }
    world.cloud.set_faults("rules: []");
    run(&["plan", "-detailed-exitcode"], 0);
    run(&["output"], 0);
    run(&["output", "-json"], 0);
    run(&["show"], 0);
    run(&["show", "-json"], 0);
    run(&["state", "show", "strata_data.copies"], 0);
    run(&["state", "show", "strata_random_password.made"], 0);
    run(&["state", "show", "aws_iam_role.carrier"], 0);
    run(&["state", "history"], 0);
    run(&["explain", "aws_iam_role.carrier"], 0);
    kill_one(&world);
    let searched = search(&world, &generated(&world));
    figures(&format!("secrets: {searched}"));
}

/// A killed run leaves its log of writes beside the database.
fn kill_one(world: &World) {
    world
        .cloud
        .set_faults("rules: [{ mutating: true, fault: { delay: { ms: 60000 } } }]");
    world.define(&PROJECT.replace("\"token ${var.token}\"", "\"another ${var.token}\""));
    let before = world.tap.mutating();
    let mut command = world.command(&["apply", "-auto-approve"]);
    command.env("STRATA_VAR_token", CANARY);
    let running = crate::harness::Running::start(command, &world.stem());
    assert!(
        world
            .tap
            .wait_for(before + 1, std::time::Duration::from_secs(60)),
        "{}",
        running.output()
    );
    drop(running.kill());
    world.tap.settle();
}

/// What Strata generated, through the one channel that prints secrets. Its output is not kept.
fn generated(world: &World) -> Vec<String> {
    let read = |name: &str| {
        let stem = world.stem();
        let mut command = world.command(&["output", "-raw", name]);
        command.env("STRATA_VAR_token", CANARY);
        let finished = crate::harness::Running::start(command, &stem)
            .wait()
            .expect_code(0);
        for extension in ["out", "err"] {
            fs::remove_file(stem.with_extension(extension)).expect("the output can be removed");
        }
        finished.stdout.trim_end().to_owned()
    };
    let key = read("key");
    // A line from the middle of the key: all keys begin alike.
    let middle = key
        .lines()
        .nth(2)
        .expect("a key has several lines")
        .to_owned();
    let password = read("password");
    assert_eq!(password.chars().count(), 32);
    vec![CANARY.to_owned(), CANARY.to_uppercase(), password, middle]
}

/// The spellings in which a secret could be found.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::Value::from(secret).to_string();
    let url: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
        .to_string();
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![
        bytes.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        json.trim_matches('"').as_bytes().to_vec(),
        url.into_bytes(),
        percent.into_bytes(),
        utf16,
        secret.chars().rev().collect::<String>().into_bytes(),
    ];
    // Base64 spells a text in three ways, by where it begins; the ends depend on what is beside it.
    for offset in 0..3 {
        let padded = [&b"\0\0"[..offset], bytes].concat();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        all.push(encoded.as_bytes()[if offset == 0 { 0 } else { 4 }..encoded.len() - 4].to_vec());
    }
    all
}

fn search(world: &World, secrets: &[String]) -> String {
    let mut files = Vec::new();
    list(&world.root().join("project"), &mut files);
    list(&world.root().join("output"), &mut files);
    list(&world.root().join("home"), &mut files);
    assert!(
        files
            .iter()
            .any(|file| file.ends_with(".strata/sandbox-state.db-wal")),
        "no log of writes: {files:?}"
    );
    assert!(
        files.iter().any(|file| file.ends_with("output/log")),
        "no log: {files:?}"
    );
    let mut bytes = 0;
    let mut hits = Vec::new();
    for file in &files {
        let content = fs::read(file).expect("the file can be read");
        bytes += content.len();
        for secret in secrets {
            for (form, spelling) in spellings(secret).iter().enumerate() {
                if content
                    .windows(spelling.len())
                    .any(|window| window == spelling)
                {
                    hits.push(format!(
                        "spelling {form} of {secret:?} in {}",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.join("\n"));
    format!(
        "canaries={} spellings=11 files={} bytes={bytes} hits=0",
        secrets.len(),
        files.len()
    )
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the directory can be listed") {
        let path = entry.expect("the directory can be listed").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
