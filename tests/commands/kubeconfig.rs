//! `strata kubeconfig` and `strata token`, as `kubectl` uses them.

use std::process::Command;

use serde_json::Value as Json;

use crate::support::Project;

const CLUSTERS: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
resource "aws_vpc" "net" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "some" {
  count = 2

  vpc_id            = aws_vpc.net.id
  cidr_block        = "10.0.${count.index}.0/24"
  availability_zone = "eu-west-1${["a", "b"][count.index]}"
}
resource "aws_iam_role" "cluster" {
  name = "cluster"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "eks.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}
resource "aws_eks_cluster" "some" {
  for_each = { blue = "1", green = "2" }

  name     = each.key
  role_arn = aws_iam_role.cluster.arn
  vpc_config = {
    subnet_ids = aws_subnet.some[*].id
  }
  depends_on = [aws_iam_role_policy_attachment.cluster]
}
"#;

/// What `kubectl` makes of a kubeconfig.
fn kubectl(project: &Project, arguments: &[&str]) -> Json {
    let output = Command::new("kubectl")
        .arg("--kubeconfig=blue.kubeconfig")
        .args(arguments)
        .current_dir(project.path("."))
        .output()
        .expect("kubectl is missing: apt-get install kubernetes-client");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn kubectl_is_told_how_to_get_tokens() {
    let project = Project::of(CLUSTERS);
    project
        .run("--sandbox kubeconfig blue")
        .exits(73)
        .complains("no state yet");
    project
        .run("--sandbox apply -auto-approve --speed=2000")
        .exits(0);
    let address = "aws_eks_cluster.some[\"blue\"]";
    let shown = project
        .run_words(&["--sandbox", "kubeconfig", address])
        .exits(0);
    std::fs::write(project.path("blue.kubeconfig"), &shown.out).unwrap();
    let config = kubectl(&project, &["config", "view", "--raw", "-o=json"]);
    let ledger = project
        .run_words(&["--sandbox", "state", "show", "-json", address])
        .exits(0)
        .json();
    let live = &ledger["values"]["root_module"]["resources"][0]["values"];
    let cluster = &config["clusters"][0]["cluster"];
    assert_eq!(cluster["server"], live["endpoint"]);
    assert_eq!(
        cluster["certificate-authority-data"],
        live["certificate_authority"]["data"]
    );
    assert_eq!(config["current-context"], "blue");
    // The command in it gives a token, from any directory.
    let exec = &config["users"][0]["user"]["exec"];
    let arguments = exec["args"].as_array().unwrap().iter();
    let output = Command::new(exec["command"].as_str().unwrap())
        .args(arguments.map(|argument| argument.as_str().unwrap()))
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let credential: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(credential["apiVersion"], exec["apiVersion"]);
    assert_eq!(credential["kind"], "ExecCredential");
    let token = credential["status"]["token"].as_str().unwrap();
    assert!(
        token.starts_with("k8s-aws-v1.") && !token.contains('='),
        "{token}"
    );
    let expires = credential["status"]["expirationTimestamp"]
        .as_str()
        .unwrap();
    assert!(expires.len() == 20 && expires.ends_with('Z'), "{expires}");
}

#[test]
fn a_cluster_is_named_by_what_holds_it() {
    let project = Project::of(CLUSTERS);
    project
        .run("--sandbox apply -auto-approve --speed=2000")
        .exits(0);
    project
        .run("--sandbox token aws_eks_cluster.some")
        .exits(1)
        .complains("holds several clusters");
    project
        .run("--sandbox token aws_eks_cluster.other")
        .exits(1)
        .complains("no cluster at");
    project
        .run("--sandbox token aws_vpc.net")
        .exits(1)
        .complains("no cluster at");
    let raw = project
        .run("--sandbox token -raw aws_eks_cluster.some[\"green\"]")
        .exits(0);
    assert!(
        raw.out.starts_with("k8s-aws-v1.") && !raw.out.ends_with('\n'),
        "{}",
        raw.out
    );
}
