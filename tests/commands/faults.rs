//! What is wrong with definitions is told at once, whatever else is wrong with them, and nothing that is not.

use std::collections::BTreeMap;

use crate::support::Project;

/// The codes of what is wrong and how often each is told, by `validate -json`; `plan` tells the same.
#[track_caller]
fn found(project: &Project) -> BTreeMap<String, usize> {
    let output = project.run("validate -json").exits(65);
    let json = output.json();
    let mut codes = BTreeMap::new();
    for diagnostic in json["diagnostics"].as_array().unwrap() {
        let code = diagnostic["code"].as_str().unwrap_or("none").to_owned();
        *codes.entry(code).or_default() += 1;
    }
    let plan = project.run("plan -refresh=false").exits(65);
    for (code, count) in &codes {
        let told = plan.err.matches(&format!("[{code}]")).count();
        assert_eq!(told, *count, "{code}: {}", plan.err);
    }
    codes
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[(&str, usize)]) {
    let expected: BTreeMap<String, usize> = expected
        .iter()
        .map(|(code, count)| ((*code).to_owned(), *count))
        .collect();
    let project = Project::new(files);
    assert_eq!(found(&project), expected, "{}", project.run("validate").err);
}

/// Faults that have nothing to do with any other.
const OTHERS: (&str, &str) = (
    "other.strata.yaml",
    "resource:\n  strata_data:\n    typo: { inputt: 1 }\n    lost: { input: \"${var.none}\" }\n",
);

#[test]
fn circles_hide_nothing() {
    let circles = r#"
        locals {
          a = local.b
          b = local.a
          c = local.d
          d = local.e
          e = local.c
          self  = local.self
          after = [local.a]
        }
        resource "strata_data" "own" {
          input = strata_data.own.id
        }
        resource "strata_data" "many" {
          for_each = toset(local.after)
          input    = each.key
        }
        stack "counted" {
          source = "./web"
          count  = local.of_stack
        }
        locals {
          of_stack = stack.counted[0].size
        }
    "#;
    let stack = "output \"size\" {\n  value = 1\n}\n";
    check(
        &[
            ("main.strata.hcl", circles),
            ("web/main.strata.hcl", stack),
            OTHERS,
        ],
        &[("E0201", 5), ("E0202", 2)],
    );
}

#[test]
fn a_file_that_cannot_be_read_hides_only_what_it_declares() {
    check(
        &[
            ("broken.strata.hcl", "variable \"region\" {\n  default = \n"),
            (
                "main.strata.hcl",
                "locals {\n  a = \"${var.region}-1\"\n  b = parseint(\"x\", 10)\n}\n",
            ),
            (
                "clusters/eu.strata.yaml",
                "resource:\n  strata_data:\n    typo: { inputt: 1 }\n",
            ),
        ],
        &[("E0109", 1), ("E0202", 1), ("E0224", 1)],
    );
}

#[test]
fn a_block_that_cannot_be_read_hides_only_itself() {
    check(
        &[(
            "main.strata.hcl",
            r#"
            resource "strata_data" {
              input = 1
            }
            resource "strata_data" "user" {
              input = strata_data.lost.output
              count = 1
              for_each = {}
            }
            resource "strata_data" "typo" {
              inputt = 1
            }
            "#,
        )],
        &[("E0202", 1), ("E0205", 1), ("E0213", 1)],
    );
}

#[test]
fn a_stack_that_is_not_there_hides_nothing() {
    let main = r#"
        stack "lost" {
          source = "./lost"
          inputs = { size = 1 }
        }
        stack "unknown" {
          source = "no-such-stack"
        }
        resource "strata_data" "user" {
          count = stack.lost.size
          input = stack.unknown.name
        }
        resource "strata_data" "user" {
        }
    "#;
    check(
        &[("main.strata.hcl", main), OTHERS],
        &[("E0102", 1), ("E0202", 2), ("E0305", 2)],
    );
}

#[test]
fn an_evaluation_that_goes_too_far_is_told_once() {
    let main = r#"
        locals {
          far     = [for x in range(1000) : [for y in range(1000) : [for z in range(1000) : x + y + z]]]
          further = [for x in range(1000) : [for y in range(1000) : [for z in range(1000) : x * y * z]]]
          text    = join("", [for n in range(1000) : format("%d", n)])
        }
        resource "strata_data" "many" {
          for_each = toset([for n in local.far : tostring(n)])
          input    = jsondecode(local.text)
        }
        resource "strata_data" "typo" {
          inputt = 1
        }
    "#;
    check(&[("main.strata.hcl", main)], &[("E0108", 1), ("E0202", 1)]);
}

#[test]
fn what_is_ignored_is_an_argument() {
    let project = Project::of(
        r#"
        resource "strata_data" "a" {
          input = { a = 1 }
          lifecycle {
            ignore_changes = [input, input.a, inptu, output]
          }
        }
        "#,
    );
    let output = project.run("validate").exits(65);
    assert_eq!(output.err.matches("[E0202]").count(), 1, "{}", output.err);
    output
        .complains("strata_data has no argument inptu")
        .complains("Did you mean input?")
        .complains("main.strata.hcl line 5");
    project.run("plan").exits(65).complains("inptu");
}

#[test]
fn what_is_removed_is_not_declared() {
    let project = Project::new(&[
        (
            "main.strata.hcl",
            r#"
            resource "strata_data" "a" {
            }
            resource "strata_data" "many" {
              for_each = toset(["x"])
            }
            stack "web" {
              source = "./web"
            }
            removed {
              from = strata_data.a
            }
            removed {
              from = strata_data.many["x"]
            }
            removed {
              from = strata_data.many["gone"]
            }
            removed {
              from = strata_data.gone
            }
            removed {
              from = stack.web
            }
            removed {
              from = stack.web.strata_data.gone
            }
            "#,
        ),
        (
            "web/main.strata.hcl",
            "resource \"strata_data\" \"a\" {\n}\nremoved {\n  from = strata_data.a\n}\n",
        ),
    ]);
    for line in ["validate", "plan"] {
        let output = project.run(line).exits(65);
        assert_eq!(output.err.matches("[E0249]").count(), 4, "{}", output.err);
        output
            .complains("strata_data.a is declared, and so it is not removed.")
            .complains("stack.web is declared")
            .complains("strata_data.many[\"x\"] is declared")
            .complains("web/main.strata.hcl line 3")
            .complains("main.strata.hcl line 10")
            .complains("main.strata.hcl line 2");
    }
}

#[test]
fn what_is_moved_is_not_declared() {
    let project = Project::of("resource \"strata_data\" \"a\" {\n  count = 2\n}\n");
    project.run("apply -auto-approve").exits(0);
    let block = |from: &str, to: &str| format!("moved {{\n  from = {from}\n  to   = {to}\n}}\n");
    for (from, to, says) in [
        (
            "strata_data.a",
            "strata_data.b",
            "strata_data.a is to become strata_data.b",
        ),
        (
            "strata_data.a[0]",
            "strata_data.a[5]",
            "strata_data.a[0] is to become",
        ),
        (
            "strata_data.a[1]",
            "strata_data.b",
            "strata_data.a[1] is to become",
        ),
    ] {
        project.write("moved.strata.hcl", &block(from, to));
        project
            .run("apply -auto-approve")
            .exits(65)
            .complains("E0249")
            .complains(says)
            .complains("declared here");
    }
    project.write("moved.strata.hcl", &block("strata_data.a", "strata_data.b"));
    project.run("validate").exits(65).complains("E0249");
    // Two ways for one object are one too many.
    let twice = block("strata_data.a", "strata_data.b") + &block("strata_data.a", "strata_data.c");
    let declared = "resource \"strata_data\" \"b\" {\n  count = 2\n}\nresource \"strata_data\" \"c\" {\n  count = 2\n}\n";
    project.write("main.strata.hcl", declared);
    project.write("moved.strata.hcl", &twice);
    project.run("plan").exits(65).complains("moved here");
    project.write("moved.strata.hcl", &block("strata_data.a", "strata_data.b"));
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("2 added, 0 changed, 0 destroyed");
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_is_moved_as_a_whole_is_not_declared() {
    let project = Project::new(&[
        (
            "main.strata.hcl",
            "stack \"n\" {\n  source = \"./inner\"\n}\n",
        ),
        (
            "inner/package.strata.hcl",
            "resource \"strata_data\" \"x\" {\n}\n",
        ),
    ]);
    project.run("apply -auto-approve").exits(0);
    let moved = "moved {\n  from = stack.n\n  to   = stack.m\n}\n";
    project.write("moved.strata.hcl", moved);
    project
        .run("plan")
        .exits(65)
        .complains("stack.n is to become stack.m");
    project.write(
        "main.strata.hcl",
        "stack \"m\" {\n  source = \"./inner\"\n}\n",
    );
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("0 added, 0 changed, 0 destroyed");
}

#[test]
fn one_object_is_imported_to_one_address() {
    let project =
        Project::of("resource \"strata_data\" \"a\" {\n}\nresource \"strata_data\" \"b\" {\n}\n");
    let import =
        |to: &str, id: &str| format!("import {{\n  to = strata_data.{to}\n  id = \"{id}\"\n}}\n");
    project.write(
        "import.strata.hcl",
        &(import("a", "one") + &import("b", "one")),
    );
    for verb in ["validate", "plan", "apply -auto-approve"] {
        project
            .run(verb)
            .exits(65)
            .complains("One object has one address");
    }
    project.write(
        "import.strata.hcl",
        &(import("b", "one") + &import("b", "two")),
    );
    project
        .run("plan")
        .exits(65)
        .complains("Another block imports to the same address");
    project.write(
        "import.strata.hcl",
        &(import("a", "one") + &import("b", "two")),
    );
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("2 imported");
}

#[test]
fn an_import_names_an_object() {
    let project = Project::of(
        "resource \"aws_vpc\" \"a\" {\n  cidr_block = \"10.0.0.0/16\"\n}\nimport {\n  to = aws_vpc.a\n  id = \"\"\n}\n\
         locals {\n  b = local.none\n}\n",
    );
    let output = project.run("validate").exits(65);
    output
        .complains("The id must be text that is not empty")
        .complains("local.none");
    project
        .run_words(&["import", "aws_vpc.a", ""])
        .exits(64)
        .complains("the id of the object is empty");
}

#[test]
fn what_is_imported_hides_nothing() {
    let project = Project::of(
        "resource \"aws_vpc\" \"a\" {\n  cidr_block = \"10.0.0.0/16\"\n}\nimport {\n  to = aws_vpc.a\n  id = \"vpc-1\"\n}\n\
         resource \"aws_vpc\" \"b\" {\n  cidr_blok = \"10.0.0.0/16\"\n}\n",
    );
    project.run("validate").exits(65).complains("cidr_blok");
}

#[test]
fn default_tags_in_terraforms_shape_say_what_to_write() {
    let hcl =
        Project::of("provider \"aws\" {\n  default_tags {\n    tags = { team = \"a\" }\n  }\n}\n");
    hcl.run("validate")
        .exits(65)
        .complains("default_tags = { NAME = \"…\" }, without tags around it");
    let yaml = Project::new(&[(
        "main.strata.yaml",
        "provider:\n  aws:\n    default_tags: { tags: { team: a } }\n",
    )]);
    yaml.run("validate")
        .exits(65)
        .complains("Write what stands in tags itself, without tags around it.");
}

#[test]
fn files_are_named_from_the_directory_that_the_run_is_in() {
    let project = Project::new(&[
        (
            "sub/main.strata.hcl",
            "variable \"a\" {}\nresource \"strata_data\" \"x\" {\n  input = var.a\n}\nresource \"strata_data\" \"y\" {\n}\n",
        ),
        ("sub/given.yaml", "a: given\n"),
        ("sub/x.txt", "strata_data.x\n"),
        ("given.yaml", "a: outer\n"),
        ("x.txt", "strata_data.y\n"),
    ]);
    project
        .run(
            "-chdir=sub plan -var-file=given.yaml -target-file=x.txt -out=p.plan -json-into=p.json",
        )
        .exits(0)
        .says("\"given\"")
        .says("Plan: 1 to add");
    assert!(project.path("sub/p.plan").exists() && project.path("sub/p.json").exists());
    project.run("-chdir=sub show p.plan").exits(0).says("given");
    project
        .run("-chdir=sub plan -var-file=given.yaml -exclude-file=x.txt")
        .exits(0)
        .says("strata_data.y will be created");
    project
        .run("-chdir=sub apply -auto-approve -var-file=given.yaml p.plan")
        .exits(0)
        .says("1 added");
    project
        .run("-chdir=nowhere plan -var-file=given.yaml -target-file=x.txt")
        .exits(64)
        .complains("-chdir: there is no directory");
    project
        .run("-help")
        .exits(0)
        .says("files named on the command line are relative to it");
}
