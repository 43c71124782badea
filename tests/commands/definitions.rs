//! `validate`, variables, `fmt`: what the definitions say, and what is wrong with them.

use crate::support::Project;

#[test]
fn all_errors_are_shown_at_once_with_their_places() {
    let project = Project::new(&[
        (
            "a.strata.hcl",
            "resource \"strata_data\" \"x\" {\n  input = var.missing\n}\n",
        ),
        (
            "b.strata.yaml",
            "resource:\n  strata_data:\n    y:\n      inputt: 1\n",
        ),
    ]);
    let output = project.run("validate").exits(65);
    for text in [
        "a.strata.hcl line 2",
        "b.strata.yaml line 4",
        "missing",
        "Did you mean",
        "^^^",
    ] {
        assert!(output.err.contains(text), "{text}: {}", output.err);
    }
    let json = project.run("validate -json").exits(65).json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["error_count"], 2, "{json}");
    assert_eq!(json["diagnostics"][0]["range"]["start"]["line"], 2);
    project.run("plan").exits(65);
}

#[test]
fn a_syntax_error_of_every_file_is_shown() {
    let project = Project::new(&[
        ("a.strata.hcl", "resource {{\n"),
        ("b.strata.yaml", "a: [1\n"),
    ]);
    let output = project.run("validate").exits(65);
    assert!(
        output.err.contains("a.strata.hcl line") && output.err.contains("b.strata.yaml line"),
        "{}",
        output.err
    );
}

#[test]
fn valid_definitions_say_so() {
    let project = Project::of("locals {\n  a = 1\n}\n");
    project
        .run("validate")
        .exits(0)
        .says("Success! The configuration is valid.");
    assert_eq!(project.run("validate -json").exits(0).json()["valid"], true);
}

#[test]
fn links_are_not_read() {
    let project = Project::of("");
    let outside = Project::of("output \"leak\" {\n  value = 1\n}\n");
    std::os::unix::fs::symlink(
        outside.path("main.strata.hcl"),
        project.path("link.strata.hcl"),
    )
    .unwrap();
    project.run("validate").exits(65).complains("symbolic link");
}

const VARIABLES: &str = r#"
variable "a" {
  default = "default"
}
variable "b" {
  type    = list(string)
  default = []
}
output "all" {
  value = "${var.a} ${join(",", var.b)}"
}
"#;

#[test]
fn variables_have_their_order() {
    let check = |project: Project, line: &str, expected: &str| {
        let output = project.run(line).exits(0);
        let expected = format!("+ all = {expected}");
        assert!(output.out.contains(&expected), "{line}: {}", output.out);
    };
    check(Project::of(VARIABLES), "plan", "\"default \"");
    check(
        Project::of(VARIABLES).env("STRATA_VAR_a", "env"),
        "plan",
        "\"env \"",
    );
    let with_auto = || {
        let project = Project::of(VARIABLES).env("STRATA_VAR_a", "env");
        project.write("x.auto.vars.yaml", "a: auto\nb: [p, q]\n");
        project.write("given.yaml", "a: given\n");
        project
    };
    check(with_auto(), "plan", "\"auto p,q\"");
    check(with_auto(), "plan -var-file=given.yaml", "\"given p,q\"");
    check(
        with_auto(),
        "plan -var-file given.yaml -var a=-y -var b=[\"z\"]",
        "\"-y z\"",
    );
}

#[test]
fn variables_that_are_not_declared_are_named() {
    let project = Project::of(VARIABLES);
    project
        .run("plan -var aa=1")
        .exits(65)
        .complains("aa")
        .complains("Did you mean 'a'?");
    let required = Project::of("variable \"need\" {}\noutput \"o\" {\n  value = var.need\n}\n");
    required.run("plan").exits(65).complains("need");
}

#[test]
fn fmt_changes_files_or_tells() {
    let project = Project::of("locals {\na   =    1\n}\n");
    project.run("fmt -check").exits(3).says("main.strata.hcl");
    project.run("fmt -check -diff").exits(3).says("-a   =    1");
    project.run("fmt").exits(0).says("main.strata.hcl");
    project.run("fmt").exits(0);
    project.run("fmt -check").exits(0);
    let formatted = std::fs::read_to_string(project.path("main.strata.hcl")).unwrap();
    assert_eq!(formatted, "locals {\n  a = 1\n}\n");
    let output = project
        .run_with_input(&["fmt", "-"], "locals {\na   =    1\n}\n")
        .exits(0);
    assert_eq!(output.out, formatted);
    project
        .run_with_input(&["fmt", "-diff", "-"], "locals {\na   =    1\n}\n")
        .exits(0)
        .says("-a   =    1");
    let tidy = project.run_with_input(&["fmt", "-diff", "-"], &formatted);
    assert_eq!(tidy.exits(0).out, "");
    let large = format!("# {}\n", "x".repeat(16 * 1024 * 1024));
    let output = project.run_with_input(&["fmt", "-"], &large).exits(1);
    assert_eq!(output.out, "");
}

#[test]
fn fmt_leaves_links_and_blocks_of_text() {
    let text = "locals:\n     note: |\n        é \n\n          two\t\n";
    let project = Project::new(&[("docs/real.strata.yaml", text)]);
    std::os::unix::fs::symlink("docs/real.strata.yaml", project.path("main.strata.yaml")).unwrap();
    project.run("fmt main.strata.yaml").exits(0);
    let link = project.path("main.strata.yaml");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(
        std::fs::read_to_string(&link).unwrap(),
        "locals:\n  note: |\n    é \n\n      two\t\n"
    );
}

#[test]
fn a_built_in_stack_is_found() {
    let project = Project::of("stack \"x\" {\n  source = \"aws-ekss\"\n  inputs = {}\n}\n");
    project.run("validate").exits(65).complains("aws-eks");
}

#[test]
fn instances_that_can_never_be_are_found_without_values() {
    let project = Project::of(
        "variable \"names\" {\n  type = list(string)\n}\n\
         variable \"open\" {}\n\
         variable \"keys\" {\n  type = set(string)\n}\n\
         variable \"none\" {\n  default = null\n}\n\
         variable \"token\" {\n  type = map(string)\n  default = {}\n  sensitive = true\n}\n\
         resource \"strata_data\" \"list\" {\n  for_each = var.names\n}\n\
         resource \"strata_data\" \"open\" {\n  for_each = var.open\n}\n\
         resource \"strata_data\" \"keys\" {\n  for_each = var.keys\n}\n\
         resource \"strata_data\" \"none\" {\n  for_each = var.none\n}\n\
         resource \"strata_data\" \"later\" {\n  count = length(strata_data.keys)\n}\n\
         resource \"strata_data\" \"secret\" {\n  for_each = var.token\n}\n\
         resource \"strata_data\" \"flag\" {\n  count = true\n}\n",
    );
    let json = project.run("validate -json").exits(65).json();
    let found = json["diagnostics"].as_array().unwrap();
    let lines: Vec<(&str, u64)> = found
        .iter()
        .map(|found| {
            let line = found["range"]["start"]["line"].as_u64().unwrap();
            (found["code"].as_str().unwrap(), line)
        })
        .collect();
    assert_eq!(
        lines,
        [("E0242", 17), ("E0242", 32), ("E0242", 35)],
        "{json}"
    );
}
