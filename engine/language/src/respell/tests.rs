use std::sync::Arc;

use strata_model::SourceMap;

use crate::decode::{InputFile, PackageKind, Spelling, decode_package};

use super::respell;

/// What a file says, without places.
fn said(path: &str, text: &str) -> String {
    let file = InputFile {
        path: path.into(),
        bytes: Arc::from(text.as_bytes()),
    };
    let (package, faults) = decode_package(
        &"".into(),
        PackageKind::Project,
        &[file],
        &mut SourceMap::default(),
    );
    assert!(faults.is_empty(), "{text}\n{faults:#?}");
    crate::decode::tests::said(&package)
}

/// Converts there and back; the meaning stays the same each time.
#[track_caller]
fn check(hcl: &str, yaml: &str) {
    let to_yaml = respell("a.strata.hcl", hcl, Spelling::Yaml).unwrap();
    assert_eq!(to_yaml, yaml);
    assert_eq!(
        said("a.strata.hcl", hcl),
        said("a.strata.yaml", &to_yaml),
        "{to_yaml}"
    );
    let back = respell("a.strata.yaml", &to_yaml, Spelling::Hcl).unwrap();
    assert_eq!(
        said("a.strata.hcl", hcl),
        said("a.strata.hcl", &back),
        "{back}"
    );
    let again = respell("a.strata.hcl", &back, Spelling::Yaml).unwrap();
    assert_eq!(again, to_yaml, "{back}");
}

#[track_caller]
fn check_hcl(yaml: &str, hcl: &str) {
    assert_eq!(respell("a.strata.yaml", yaml, Spelling::Hcl).unwrap(), hcl);
    assert_eq!(said("a.strata.yaml", yaml), said("a.strata.hcl", hcl));
}

#[test]
fn blocks_become_maps() {
    check(
        r#"resource "aws_vpc" "main" {
  cidr_block = var.cidr
  tags       = { Name = "main-${var.name}", "a b" = "1", yes = "no" }
  ports      = [80, 443]
  depends_on = [data.aws_ami.x, stack.net["a"]]
  lifecycle {
    ignore_changes = [tags["x"]]
    precondition {
      condition     = var.a != ""
      error_message = "No: 'a'."
    }
  }
}

data "aws_ami" "x" {}

resource "aws_vpc" "other" {
  a = [{ b = 1 }, { c = [1.10, 012] }]
}

variable "v" {
  type    = map(object({ a = optional(string, "x") }))
  default = null
}

moved {
  from = aws_vpc.old
  to   = aws_vpc.main
}

moved {
  from = stack.a["x"]
  to   = stack.b[0]
}
"#,
        r#"resource:
  aws_vpc:
    main:
      cidr_block: ${var.cidr}
      tags:
        Name: main-${var.name}
        a b: "1"
        "yes": "no"
      ports: [80, 443]
      depends_on: [data.aws_ami.x, 'stack.net["a"]']
      lifecycle:
        ignore_changes: ['tags["x"]']
        precondition:
          - condition: ${var.a != ""}
            error_message: "No: 'a'."
    other:
      a:
        - b: 1
        - c: [1.10, 012]

data:
  aws_ami:
    x: {}

variable:
  v:
    type: map(object({ a = optional(string, "x") }))
    default: null

moved:
  - from: aws_vpc.old
    to: aws_vpc.main
  - from: stack.a["x"]
    to: stack.b[0]
"#,
    );
}

#[test]
fn comments_stay_beside_what_they_stood_beside() {
    check(
        r#"# The file.

# The locals.
locals { # open
  # before a
  a = 1 # beside a
  // slashes
  b = {
    # in b
    c = 1 # beside c
  }
  d = [
    1, # one
    # two
    2,
  ]
}
# The end.
"#,
        r#"# The file.
# The locals.
locals: # open
  # before a
  a: 1 # beside a
  # slashes
  b:
    # in b
    c: 1 # beside c
  d:
    - 1 # one
    # two
    - 2

# The end.
"#,
    );
}

#[test]
fn text_of_several_lines() {
    check(
        "locals {\n  a = <<EOT\none ${local.b}\n  $${two}\nEOT\n  b = \"x\\ny\"\n  c = \"\\n\"\n  d = \"tab\\there\"\n}\n",
        "locals:\n  a: |\n    one ${local.b}\n      $${two}\n  b: |-\n    x\n    y\n  c: \"\\n\"\n  d: \"tab\\there\"\n",
    );
    check_hcl(
        "locals:\n  a: |\n    one\n    ${local.b}\n  b: [\"x\\ny\\n\"]\n",
        "locals {\n  a = <<EOT\none\n${local.b}\nEOT\n  b = [\n    <<EOT\nx\ny\nEOT\n    ,\n  ]\n}\n",
    );
}

#[test]
fn characters_that_yaml_does_not_hold_are_escaped() {
    let hcl = "# a\u{ffff}b\nlocals {\n  a = \"x\u{ffff}y\"\n}\n";
    let yaml = respell("a.strata.hcl", hcl, Spelling::Yaml).unwrap();
    assert_eq!(yaml, "# a\u{fffd}b\nlocals:\n  a: \"x\\uFFFFy\"\n");
    assert_eq!(said("a.strata.hcl", hcl), said("a.strata.yaml", &yaml));
}

#[test]
fn expressions_become_text() {
    check(
        r#"locals {
  a = { for k, v in var.x : k => v... if v != null }
  b = { (local.k) = 1, c = 2 }
  d = var.x ? "a" : "b"
  e = local.a
  f = [for x in y : "a ${x}"]
  g = -1
  h = "$${x}"
  i = "100%"
}
"#,
        r#"locals:
  a: "${{for k, v in var.x : k => v... if v != null}}"
  b: ${{ (local.k) = 1, c = 2 }}
  d: '${var.x ? "a" : "b"}'
  e: ${local.a}
  f: '${[for x in y : "a ${x}"]}'
  g: -1
  h: $${x}
  i: 100%
"#,
    );
}

#[test]
fn providers_and_files_of_other_kinds() {
    check(
        "provider \"aws\" {\n  region = \"a\"\n}\n\nprovider \"aws\" {\n  alias = \"b\"\n}\n\nprovider \"git\" {}\n",
        "provider:\n  aws:\n    - region: a\n    - alias: b\n  git: {}\n",
    );
    let defaults = respell(
        "defaults.strata.hcl",
        "inputs = { a = 1 }\nlayer \"x\" {\n  path = \"./y\"\n}\n",
        Spelling::Yaml,
    );
    assert_eq!(
        defaults.unwrap(),
        "inputs:\n  a: 1\n\nlayer:\n  x:\n    path: ./y\n"
    );
    let values = respell("a.auto.vars.yaml", "a: [x]\nb: ${c}\n", Spelling::Hcl);
    assert_eq!(values.unwrap(), "a = [\"x\"]\nb = c\n");
}

#[test]
fn anchors_are_written_out() {
    check_hcl(
        "locals:\n  a: &x { b: 1 }\n  c: *x\n",
        "locals {\n  a = {\n    b = 1\n  }\n  c = {\n    b = 1\n  }\n}\n",
    );
}

#[test]
fn files_with_faults_are_not_converted() {
    let faults = respell("a.strata.hcl", "a = {\n", Spelling::Yaml).unwrap_err();
    assert_eq!(faults.iter().next().unwrap().code.0, "E0109");
    let faults = respell("a.strata.yaml", "a: 1\na: 2\n", Spelling::Hcl).unwrap_err();
    assert_eq!(faults.iter().next().unwrap().code.0, "E0102");
}
