//! Whole files: what they say, in both spellings, and what is refused, with its places.

use std::fmt::Write as _;
use std::sync::Arc;

use strata_model::{Diagnostics, SourceMap};

use super::*;
use crate::definition::{IgnoreChanges, InstanceKind, TargetAddress};

pub(super) struct Outcome {
    pub(super) package: Package,
    pub(super) diagnostics: Diagnostics,
    pub(super) sources: SourceMap,
}

pub(super) fn decode_as(kind: PackageKind, files: &[(&str, &str)]) -> Outcome {
    let files: Vec<InputFile> = files
        .iter()
        .map(|(path, text)| InputFile {
            path: Arc::from(*path),
            bytes: Arc::from(text.as_bytes()),
        })
        .collect();
    let mut sources = SourceMap::default();
    let (package, diagnostics) = decode_package(&"".into(), kind, &files, &mut sources);
    Outcome {
        package,
        diagnostics,
        sources,
    }
}

fn decode(files: &[(&str, &str)]) -> Outcome {
    decode_as(PackageKind::Project, files)
}

/// `CODE file:line:column (other places)`, one a line.
pub(super) fn faults(outcome: &Outcome) -> String {
    let mut text = String::new();
    for diagnostic in outcome.diagnostics.iter() {
        let place = |span| outcome.sources.position(span).unwrap();
        let at = diagnostic.span.map(place).unwrap();
        write!(text, "{} {}", diagnostic.code, at).unwrap();
        for label in &diagnostic.labels {
            write!(text, " ({})", place(label.span)).unwrap();
        }
        text.push('\n');
    }
    text
}

/// Expects these faults and no others.
#[track_caller]
fn check_files(files: &[(&str, &str)], expected: &[&str]) {
    let outcome = decode(files);
    let found = faults(&outcome);
    let details: Vec<&str> = outcome
        .diagnostics
        .iter()
        .map(|d| d.detail.as_str())
        .collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{details:#?}");
}

#[track_caller]
fn check_hcl(text: &str, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|fault| fault.replace('@', "a.strata.hcl"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_files(&[("a.strata.hcl", text)], &expected);
}

#[track_caller]
fn check_yaml(text: &str, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|fault| fault.replace('@', "a.strata.yaml"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_files(&[("a.strata.yaml", text)], &expected);
}

/// A package as text without places, so that two spellings can be compared.
pub(crate) fn said(package: &Package) -> String {
    let text = format!("{package:#?}");
    let mut kept = String::new();
    let mut skipping = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("span: Span {") {
            skipping = 1;
        }
        if skipping > 0 {
            skipping = if line.trim() == "}," { 0 } else { skipping };
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    // A template of one text is that text.
    kept
}

/// Both spellings are free of faults and say the same.
#[track_caller]
fn check_twins(hcl: &str, yaml: &str) -> Package {
    let hcl = decode(&[("a.strata.hcl", hcl)]);
    let yaml = decode(&[("a.strata.yaml", yaml)]);
    assert_eq!(faults(&hcl), "", "{:#?}", hcl.diagnostics);
    assert_eq!(faults(&yaml), "", "{:#?}", yaml.diagnostics);
    let (left, right) = (said(&hcl.package), said(&yaml.package));
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right);
    }
    assert_eq!(left.len(), right.len());
    hcl.package
}

#[test]
fn resources_in_both_spellings() {
    let package = check_twins(
        r#"
resource "aws_subnet" "private" {
  for_each   = var.zones
  vpc_id     = aws_vpc.main.id
  cidr_block = cidrsubnet(var.cidr, 4, each.key)
  tags = {
    Name  = "private-${each.key}"
    Owner = null
    Count = 3
    On    = true
    Ports = [80, 443]
  }
  provider   = aws.eu
  depends_on = [aws_vpc.main, data.aws_ami.node, stack.net["a"]]

  timeouts {
    create = "10m"
  }
  lifecycle {
    prevent_destroy       = var.keep
    create_before_destroy = true
    ignore_changes        = [tags["Owner"], scaling[0].size]
    replace_triggered_by  = [aws_vpc.main.id]
    precondition {
      condition     = var.cidr != ""
      error_message = "No range for ${each.key}."
    }
  }
}
data "aws_ami" "node" {
  count = 2
}
"#,
        r#"
resource:
  aws_subnet:
    private:
      for_each: ${var.zones}
      vpc_id: ${aws_vpc.main.id}
      cidr_block: "${cidrsubnet(var.cidr, 4, each.key)}"
      tags:
        Name: private-${each.key}
        Owner: null
        Count: 3
        On: true
        Ports: [80, 443]
      provider: aws.eu
      depends_on: [aws_vpc.main, data.aws_ami.node, 'stack.net["a"]']
      timeouts:
        create: 10m
      lifecycle:
        prevent_destroy: ${var.keep}
        create_before_destroy: true
        ignore_changes:
          - tags["Owner"]
          - scaling[0].size
        replace_triggered_by: [aws_vpc.main.id]
        precondition:
          - condition: ${var.cidr != ""}
            error_message: No range for ${each.key}.
data:
  aws_ami:
    node:
      count: 2
"#,
    );
    assert_eq!(package.resources.len(), 2);
    let subnet = package
        .resources
        .values()
        .find(|block| block.meta.for_each.is_some())
        .unwrap();
    let names: Vec<&str> = subnet
        .arguments
        .0
        .iter()
        .map(|argument| argument.name.value.as_ref())
        .collect();
    assert_eq!(names, ["vpc_id", "cidr_block", "tags"]);
    assert_eq!(subnet.meta.depends_on.len(), 3);
    assert_eq!(subnet.meta.depends_on[2].reference.to_string(), "stack.net");
    assert_eq!(subnet.meta.lifecycle.create_before_destroy, Some(true));
    let IgnoreChanges::Paths(paths) = &subnet.meta.lifecycle.ignore_changes else {
        panic!("paths are ignored");
    };
    assert_eq!(paths[0].value.to_string(), "tags[\"Owner\"]");
    assert_eq!(paths[1].value.to_string(), "scaling[0].size");
}

#[test]
fn variables_outputs_and_locals_in_both_spellings() {
    let package = check_twins(
        r#"
variable "pools" {
  type        = map(object({ size = optional(number, 3), version = optional(string, 1.10), zones = list(string) }))
  description = "Node pools."
  nullable    = false
  sensitive   = true
  validation {
    condition     = length(var.pools) > 0
    error_message = "At least one."
  }
  validation {
    condition     = true
    error_message = "Never."
  }
}
variable "any" {
  default = { a = 1.10, b = 012 }
}
locals {
  a = 1
  b = "${local.a}-x"
}
output "id" {
  value       = aws_vpc.main.id
  description = "The id."
  depends_on  = [aws_vpc.main]
  precondition {
    condition     = true
    error_message = "x"
  }
}
check "health" {
  assert {
    condition     = local.a == 1
    error_message = "a"
  }
}
"#,
        r#"
variable:
  pools:
    type: map(object({ size = optional(number, 3), version = optional(string, 1.10), zones = list(string) }))
    description: Node pools.
    nullable: false
    sensitive: true
    validation:
      - condition: ${length(var.pools) > 0}
        error_message: At least one.
      - condition: true
        error_message: Never.
  any:
    default: { a: 1.10, b: 012 }
locals:
  a: 1
  b: ${local.a}-x
output:
  id:
    value: ${aws_vpc.main.id}
    description: The id.
    depends_on: [aws_vpc.main]
    precondition:
      - condition: true
        error_message: x
check:
  health:
    assert:
      - condition: ${local.a == 1}
        error_message: a
"#,
    );
    let pools = &package.variables["pools"];
    assert_eq!(
        pools.ty.ty().to_string(),
        "map(object({ size = number, version = string, zones = list(string) }))"
    );
    assert_eq!(pools.validations.len(), 2);
    assert!(pools.sensitive && !pools.nullable);
    assert_eq!(package.locals.len(), 2);
}

#[test]
fn clusters_stacks_and_layers_in_both_spellings() {
    let package = check_twins(
        r#"
project {
  name             = "shop"
  required_version = ">= 0.1"
  state            = "sqlite:state.db"
  include          = ["clusters/**", "teams/**"]
}
provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias  = "us"
  region = "us-east-1"
}
stack "net" {
  source    = "./stacks/net"
  version   = 1.10
  inputs    = { cidr = "10.0.0.0/16" }
  providers = { aws = aws.us }
  for_each  = toset(["a"])
}
cluster "prod" {
  stack     = "aws-eks"
  providers = { aws = aws, "aws.other" = aws.us }
  inputs = {
    region = "eu-west-1"
  }
  gitops {
    controller = "flux"
    url        = "ssh://git@git.example.com/a"
  }
  layer "platform" {
    path = "./apps/platform"
  }
  layer "shop" {
    kustomize  = "./apps/shop"
    depends_on = [layer.platform]
  }
}
layer "addons" {
  cluster = cluster.prod
  helm    = { chart = "x", version = "1" }
}
"#,
        r#"
project:
  name: shop
  required_version: ">= 0.1"
  state: sqlite:state.db
  include: [clusters/**, teams/**]
provider:
  aws:
    - region: eu-west-1
    - alias: us
      region: us-east-1
stack:
  net:
    source: ./stacks/net
    version: 1.10
    inputs: { cidr: 10.0.0.0/16 }
    providers: { aws: aws.us }
    for_each: ${toset(["a"])}
cluster:
  prod:
    stack: aws-eks
    providers: { aws: aws, aws.other: aws.us }
    inputs:
      region: eu-west-1
    gitops:
      controller: flux
      url: ssh://git@git.example.com/a
    layer:
      platform: { path: ./apps/platform }
      shop: { kustomize: ./apps/shop, depends_on: [layer.platform] }
layer:
  addons:
    cluster: cluster.prod
    helm: { chart: x, version: "1" }
"#,
    );
    let net = &package.instances[&(InstanceKind::Stack, "net".into())];
    assert_eq!(net.package.as_ref(), "./stacks/net");
    assert_eq!(
        net.version.as_ref().map(|text| text.value.as_ref()),
        Some("1.10")
    );
    let prod = &package.instances[&(InstanceKind::Cluster, "prod".into())];
    assert_eq!(prod.package.as_ref(), "aws-eks");
    assert_eq!(prod.layers.len(), 2);
    assert_eq!(prod.providers[1].0.value.as_ref(), "aws.other");
    assert_eq!(prod.providers[1].1.alias.as_deref(), Some("us"));
}

#[test]
fn moves_imports_and_removals_in_both_spellings() {
    let package = check_twins(
        r#"
moved {
  from = aws_vpc.old
  to   = stack.net["a"].aws_vpc.main[0]
}
moved {
  from = cluster.a
  to   = cluster.b
}
import {
  to = aws_vpc.main
  id = "vpc-1"
}
import {
  for_each = var.ids
  to       = aws_subnet.all[each.key]
  id       = each.value
}
removed {
  from = aws_vpc.gone
  lifecycle {
    destroy = false
  }
}
removed {
  from = data.aws_ami.x
}
"#,
        r#"
moved:
  - from: aws_vpc.old
    to: stack.net["a"].aws_vpc.main[0]
  - from: cluster.a
    to: cluster.b
import:
  - to: aws_vpc.main
    id: vpc-1
  - for_each: ${var.ids}
    to: aws_subnet.all[each.key]
    id: ${each.value}
removed:
  - from: aws_vpc.gone
    lifecycle:
      destroy: false
  - from: data.aws_ami.x
"#,
    );
    let TargetAddress::Resource(to) = &package.moved[0].to.value else {
        panic!("a resource");
    };
    assert_eq!(to.to_string(), "stack.net[\"a\"].aws_vpc.main[0]");
    assert!(matches!(
        package.moved[1].from.value,
        TargetAddress::Scope(_)
    ));
    assert!(package.imports[1].to_key.is_some());
    assert!(!package.removed[0].destroy && package.removed[1].destroy);
}

#[test]
fn the_same_twice_names_both_places() {
    check_hcl(
        "resource \"a\" \"b\" {}\nresource \"a\" \"b\" {}\n",
        &["E0102 @:2:1 (@:1:1)"],
    );
    check_hcl("locals {\n  a = 1\n  a = 2\n}\n", &["E0102 @:3:3 (@:2:3)"]);
    check_hcl(
        "locals {\n  a = 1\n}\nlocals {\n  a = 2\n}\n",
        &["E0102 @:5:3 (@:2:3)"],
    );
    check_hcl(
        "locals {\n  a = { x = 1, \"x\" = 2 }\n}\n",
        &["E0102 @:2:16 (@:2:9)"],
    );
    check_hcl(
        "resource \"a\" \"b\" {\n  lifecycle {}\n  lifecycle {}\n}\n",
        &["E0102 @:3:3 (@:2:3)"],
    );
    check_yaml("locals:\n  a: 1\n  a: 2\n", &["E0102 @:3:3 (@:2:3)"]);
    check_yaml("locals:\n  a: 1\n  'a': 2\n", &["E0102 @:3:3 (@:2:3)"]);
    check_yaml(
        "locals: { a: 1 }\nlocals: { b: 1 }\n",
        &["E0102 @:2:1 (@:1:1)"],
    );
    check_files(
        &[
            (
                "a.strata.hcl",
                "output \"x\" {\n  value = 1\n}\nvariable \"v\" {}\n",
            ),
            (
                "b.strata.yaml",
                "output:\n  x: { value: 1 }\nvariable:\n  v:\n",
            ),
        ],
        &[
            "E0212 b.strata.yaml:2:3 (a.strata.hcl:1:1)",
            "E0212 b.strata.yaml:4:3 (a.strata.hcl:4:1)",
        ],
    );
    check_files(
        &[
            ("a.strata.yaml", "project: {}\nprovider:\n  aws:\n"),
            (
                "b.strata.hcl",
                "project {}\nprovider \"aws\" {}\nlocals {\n  a = 1\n}\n",
            ),
            (
                "c.strata.yaml",
                "locals: { a: 1 }\nprovider:\n  aws: [{}, {alias: x}, {alias: x}]\n",
            ),
        ],
        &[
            "E0212 b.strata.hcl:1:1 (a.strata.yaml:1:1)",
            "E0212 b.strata.hcl:2:1 (a.strata.yaml:3:3)",
            "E0212 c.strata.yaml:1:11 (b.strata.hcl:4:3)",
            "E0212 c.strata.yaml:3:9 (a.strata.yaml:3:3)",
            "E0102 c.strata.yaml:3:25 (c.strata.yaml:3:13)",
        ],
    );
}

#[test]
fn all_files_and_all_faults_are_reported() {
    check_files(
        &[
            ("a.strata.hcl", "a = \n"),
            ("b.strata.yaml", "a: b: c\n"),
            (
                "c.strata.hcl",
                "resurce \"a\" \"b\" {}\nvariable \"1\" {}\noutput \"x\" {}\n",
            ),
        ],
        &[
            "E0109 a.strata.hcl:1:5",
            "E0110 b.strata.yaml:1:5",
            "E0202 c.strata.hcl:1:1",
            "E0206 c.strata.hcl:2:10",
            "E0204 c.strata.hcl:3:1",
        ],
    );
}

#[test]
fn blocks_have_their_form() {
    check_hcl("resource \"a\" {}\n", &["E0205 @:1:1"]);
    check_hcl("locals \"a\" {}\n", &["E0205 @:1:1"]);
    check_hcl("locals = {}\n", &["E0210 @:1:1"]);
    check_hcl("foo = 1\n", &["E0202 @:1:1"]);
    check_hcl(
        "resource \"a\" \"b\" {\n  tags {\n    x = 1\n  }\n}\n",
        &["E0210 @:2:3"],
    );
    check_hcl(
        "resource \"a\" \"b\" {\n  lifecycle = {}\n}\n",
        &["E0210 @:2:3"],
    );
    check_hcl("variable \"a\" {\n  typ = string\n}\n", &["E0202 @:2:3"]);
    check_hcl("package {}\n", &["E0211 @:1:1"]);
    check_hcl("cluster \"a\" {\n  version = 1\n}\n", &["E0204 @:1:1"]);
    check_hcl("stack \"a\" {\n  source = \"../x\"\n}\n", &["E0301 @:2:12"]);
    check_hcl("stack \"a\" {\n  source = \"/x\"\n}\n", &["E0305 @:2:12"]);
    check_hcl("stack \"a\" {\n  source = var.x\n}\n", &["E0209 @:2:12"]);
    check_yaml("resource: x\n", &["E0210 @:1:11"]);
    check_yaml("resource:\n  a: x\n", &["E0210 @:2:6"]);
    check_yaml("resource:\n  a:\n    b: [x]\n", &["E0210 @:3:8"]);
    check_yaml("moved: { from: a.b, to: a.c }\n", &["E0210 @:1:8"]);
    check_yaml("locals: [1]\n", &["E0210 @:1:9"]);
    check_yaml("resurce:\n  a: 1\n", &["E0202 @:1:1"]);
    check_yaml("- a\n", &["E0210 @:1:1"]);
    check_yaml("variable:\n  a: { typ: string }\n", &["E0202 @:2:8"]);
    check_yaml("resource:\n  a:\n    1b: {}\n", &["E0206 @:3:5"]);
    check_yaml("", &[]);
    check_yaml("# nothing\n", &[]);
}

#[test]
fn packages_and_projects_differ() {
    let outcome = decode_as(
        PackageKind::Stack,
        &[(
            "a.strata.hcl",
            "package {\n  name = \"x\"\n}\nproject {}\ncluster \"a\" {\n  stack = \"b\"\n}\n",
        )],
    );
    assert_eq!(
        faults(&outcome),
        "E0211 a.strata.hcl:4:1\nE0211 a.strata.hcl:5:1\n"
    );
    assert_eq!(
        outcome
            .package
            .package
            .unwrap()
            .name
            .unwrap()
            .value
            .as_ref(),
        "x"
    );
}

#[test]
fn references_stand_without_quotes() {
    let resource = |line: &str| format!("resource \"a\" \"b\" {{\n  {line}\n}}\n");
    check_hcl(
        &resource("depends_on = [\"aws_vpc.main\"]"),
        &["E0207 @:2:17"],
    );
    check_hcl(&resource("depends_on = aws_vpc.main"), &["E0207 @:2:16"]);
    check_hcl(&resource("depends_on = [each.key]"), &["E0207 @:2:17"]);
    check_hcl(&resource("provider = \"aws\""), &["E0207 @:2:14"]);
    check_hcl(&resource("provider = aws.a.b"), &["E0207 @:2:14"]);
    check_hcl(
        &resource("lifecycle {\n    ignore_changes = [\"tags\"]\n  }"),
        &["E0207 @:3:23"],
    );
    check_hcl(
        &resource("lifecycle {\n    create_before_destroy = var.x\n  }"),
        &["E0209 @:3:29"],
    );
    check_hcl(
        &resource("count = 1\n  for_each = {}"),
        &["E0213 @:3:3 (@:2:3)"],
    );
    check_hcl(
        "moved {\n  from = a.b.c\n  to = a.b\n}\n",
        &["E0207 @:2:10"],
    );
    check_hcl(
        "moved {\n  from = a.b\n  to = stack.b\n}\n",
        &["E0207 @:3:8 (@:2:10)"],
    );
    check_hcl(
        "import {\n  to = a.b[each.key]\n  id = 1\n}\n",
        &["E0209 @:2:12"],
    );
    check_yaml(
        "resource:\n  a:\n    b:\n      depends_on: [aws_vpc.main, '1 +']\n",
        &["E0109 @:4:38"],
    );
}

#[test]
fn types_are_checked() {
    let variable = |ty: &str| format!("variable \"a\" {{\n  type = {ty}\n}}\n");
    for (ty, column) in [
        ("strng", 10),
        ("\"string\"", 10),
        ("set", 10),
        ("list(1)", 15),
        ("list(string, number)", 10),
        ("optional(string)", 10),
        ("object({ a = optional(string, var.x) })", 40),
        ("object({ a = optional() })", 23),
        ("object(string)", 10),
        ("1 + 1", 10),
    ] {
        let outcome = decode(&[("a.strata.hcl", &variable(ty))]);
        let found = faults(&outcome);
        assert!(
            found.contains(&format!("a.strata.hcl:2:{column}")),
            "{ty}: {found}"
        );
    }
    for (ty, expected) in [
        ("any", "any"),
        ("list", "list(any)"),
        ("tuple([string, set(bool)])", "tuple([string, set(bool)])"),
        ("object({})", "object({})"),
    ] {
        let outcome = decode(&[("a.strata.hcl", &variable(ty))]);
        assert_eq!(faults(&outcome), "");
        assert_eq!(outcome.package.variables["a"].ty.ty().to_string(), expected);
    }
}

#[test]
fn defaults_apply_from_the_root_to_the_leaf() {
    let files = [
        (
            "defaults.strata.yaml",
            "inputs: { a: 1 }\ngitops: { branch: main }\nlayer:\n  base: { path: ./base }\n",
        ),
        (
            "clusters/defaults.strata.hcl",
            "inputs = { b = 2 }\nlayer \"base\" {\n  path = \"./other\"\n}\n",
        ),
        ("clusters/eu/defaults.strata.yaml", "inputs: { c: 3 }\n"),
        (
            "clusters/eu/x.strata.yaml",
            "cluster:\n  x: { stack: s, inputs: { d: 4 }, gitops: { url: u } }\n",
        ),
        (
            "clusters/us/y.strata.hcl",
            "cluster \"y\" {\n  stack = \"s\"\n  layer \"own\" {}\n}\n",
        ),
        (
            "root.strata.hcl",
            "cluster \"z\" {\n  stack = \"s\"\n}\nstack \"n\" {\n  source = \"s\"\n}\n",
        ),
    ];
    let outcome = decode(&files);
    assert_eq!(faults(&outcome), "");
    let instance = |kind, name: &str| outcome.package.instances[&(kind, Arc::from(name))].clone();
    let counts = |kind, name| {
        let found = instance(kind, name);
        (found.inputs.len(), found.gitops.len(), found.layers.len())
    };
    assert_eq!(counts(InstanceKind::Cluster, "x"), (4, 2, 1));
    assert_eq!(counts(InstanceKind::Cluster, "y"), (2, 1, 2));
    assert_eq!(counts(InstanceKind::Cluster, "z"), (1, 1, 1));
    assert_eq!(counts(InstanceKind::Stack, "n"), (0, 0, 0));
    let files_of = |name| {
        let found = instance(InstanceKind::Cluster, name);
        let files = found
            .inputs
            .iter()
            .map(|expr| outcome.sources.position(expr.span).unwrap().file);
        files.map(|file| file.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        files_of("x"),
        [
            "defaults.strata.yaml",
            "clusters/defaults.strata.hcl",
            "clusters/eu/defaults.strata.yaml",
            "clusters/eu/x.strata.yaml"
        ]
    );
    let base = &instance(InstanceKind::Cluster, "y").layers[0];
    assert_eq!(
        outcome.sources.position(base.span).unwrap().file.as_ref(),
        "clusters/defaults.strata.hcl"
    );
}

#[test]
fn a_directory_has_one_defaults_file() {
    check_files(
        &[("defaults.strata.hcl", ""), ("defaults.strata.yaml", "")],
        &["E0213 defaults.strata.yaml:1:1 (defaults.strata.hcl:1:1)"],
    );
    check_files(
        &[("defaults.strata.hcl", "variable \"a\" {}\n")],
        &["E0202 defaults.strata.hcl:1:1"],
    );
}

#[test]
fn files_of_variables() {
    let check = |path: &str, text: &str, expected: &[&str]| {
        let file = InputFile {
            path: path.into(),
            bytes: text.as_bytes().into(),
        };
        let (values, diagnostics) = variables_file(&file, &mut SourceMap::default());
        let codes = diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code.0.to_owned());
        let found: Vec<String> = values
            .keys()
            .map(ToString::to_string)
            .chain(codes)
            .collect();
        assert_eq!(found, expected, "{path}");
    };
    check("a.auto.vars.hcl", "a = 1\nb = { c = [] }\n", &["a", "b"]);
    check("a.auto.vars.yaml", "a: 1\nb: { c: [] }\n", &["a", "b"]);
    check("a.json", "{\"a\": 1, \"b\": {\"c\": []}}", &["a", "b"]);
    check("a.hcl", "variable \"a\" {}\n", &["E0210"]);
    check("a.yaml", "1a: 1\n", &["E0206"]);
    check("a.txt", "a = 1\n", &["E0203"]);
}

#[test]
fn every_block_of_the_table_is_decoded() {
    for spec in table::FILE.blocks {
        let labels: String = spec.labels.iter().map(|_| " \"x\"").collect();
        let required = spec
            .body
            .attributes
            .iter()
            .filter(|attribute| attribute.required);
        let body: String = required
            .map(|attribute| {
                let is_address = attribute.form == table::Form::Address;
                let value = if is_address { "a.b" } else { "\"x\"" };
                format!("  {} = {value}\n", attribute.name)
            })
            .collect();
        let text = format!("{}{labels} {{\n{body}}}\n", spec.keyword);
        let kind = match spec.home {
            table::Home::Package => PackageKind::Stack,
            table::Home::Anywhere | table::Home::Project => PackageKind::Project,
        };
        let outcome = decode_as(kind, &[("a.strata.hcl", &text)]);
        assert_eq!(faults(&outcome), "", "{text}");
    }
}
