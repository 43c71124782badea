//! What a plan is limited to, and options that contradict each other.

use crate::support::Project;

const TEXT: &str = r#"
resource "strata_data" "a" {
  input = "a"
}
resource "strata_data" "b" {
  input = strata_data.a.output
}
resource "strata_data" "none" {
  count = 0
}
"#;

#[test]
fn an_address_that_names_nothing_is_refused_wherever_it_stands() {
    let project = Project::of(TEXT);
    let wrong = "Nothing declared or recorded is named strata_data.typo.";
    for option in ["target", "exclude", "replace", "allow-delete", "unprotect"] {
        project
            .run(&format!("plan -{option}=strata_data.typo"))
            .exits(64)
            .complains(wrong);
        project
            .run(&format!("plan -{option}=strata_data.none"))
            .exits(0);
        let empty = project.run(&format!("plan -{option}="));
        empty.exits(64).complains("is not an address");
    }
    project.run("apply -auto-approve").exits(0);
    for option in ["target", "exclude", "unprotect"] {
        project
            .run(&format!("destroy -auto-approve -{option}=strata_data.typo"))
            .exits(64)
            .complains(wrong);
    }
    assert_eq!(project.run("state list").out.lines().count(), 2);
    project
        .run("destroy -auto-approve -exclude=strata_data.none")
        .exits(0);
}

#[test]
fn addresses_may_stand_in_files() {
    let project = Project::of(TEXT);
    project.write("some.txt", "# what is rolled out\n\n  strata_data.a  \n");
    project.write("none.txt", "# nothing yet\n");
    project
        .run("plan -target-file=some.txt")
        .exits(0)
        .says("Plan: 1 to add")
        .says("-target and -exclude limit this to a part of the project");
    project
        .run("plan -exclude-file=some.txt")
        .exits(0)
        .says("No changes.");
    project
        .run("plan -target-file=none.txt")
        .exits(64)
        .complains("no address at all");
    project
        .run("plan -target-file=missing.txt")
        .exits(64)
        .complains("missing.txt");
}

#[test]
fn options_that_contradict_each_other_are_wrong_usage() {
    let project = Project::of(TEXT);
    for line in [
        "plan -destroy -replace=strata_data.a",
        "plan -refresh-only -replace=strata_data.a",
        "plan -refresh-only -refresh=false",
    ] {
        project.run(line).exits(64).complains("cannot be used with");
    }
    for (line, option) in [
        ("destroy -refresh-only", "-refresh-only"),
        ("drift -destroy", "-destroy"),
        ("drift -refresh=false", "-refresh"),
        ("graph -json", "-json"),
        ("import -target=strata_data.a strata_data.a x", "-target"),
        ("import -exclude-file=x strata_data.a x", "-exclude-file"),
    ] {
        project
            .run(line)
            .exits(64)
            .complains(&format!("{option} does not go with"));
    }
    for line in ["plan --speed=5", "--faults=f.yaml apply -auto-approve"] {
        project.run(line).exits(64).complains("it needs --sandbox");
    }
    for command in ["destroy", "drift", "import"] {
        let help = project.run(&format!("{command} -help")).exits(0);
        assert!(!help.out.contains("--refresh-only"), "{}", help.out);
    }
}

#[test]
fn a_directory_without_definitions_is_no_empty_project() {
    let project = Project::new(&[]);
    for command in ["plan", "apply -auto-approve", "drift", "graph"] {
        project
            .run(command)
            .exits(65)
            .complains("there are no definitions here");
    }
    assert!(!project.path("strata.lock").exists(), "nothing was made");
    project.write("main.strata.hcl", TEXT);
    project.run("apply -auto-approve").exits(0);
    std::fs::remove_file(project.path("main.strata.hcl")).unwrap();
    project.run("plan").exits(65);
    project
        .run("destroy -auto-approve")
        .exits(0)
        .says("Destroy complete! Resources: 2 destroyed.");
}

#[test]
fn apply_of_what_is_not_there_does_not_ask_for_approval() {
    let project = Project::of(TEXT);
    for line in ["apply gone.plan", "apply -auto-approve gone.plan"] {
        project
            .run(line)
            .exits(1)
            .complains("neither a saved plan nor a project at gone.plan");
    }
}

#[test]
fn a_version_that_is_not_permitted_is_refused() {
    let check = |condition: &str, code: i32, text: &str| {
        let project = Project::of(&format!(
            "project {{\n  required_version = \"{condition}\"\n}}\n"
        ));
        project.run("validate").exits(code).complains(text);
    };
    check(">= 0.1, < 99", 0, "");
    check(
        ">= 99.0",
        65,
        "This is Strata 0.1.0, and >= 99.0 is required.",
    );
    check("newest", 65, "is no condition on versions");
    let stack = Project::new(&[
        ("main.strata.hcl", "stack \"s\" {\n  source = \"./s\"\n}\n"),
        (
            "s/s.strata.hcl",
            "package {\n  required_version = \"~> 7.0\"\n}\n",
        ),
    ]);
    stack
        .run("plan")
        .exits(65)
        .complains("~> 7.0 is required")
        .complains("s/s.strata.hcl");
}

#[test]
fn commands_that_are_not_finished_show_help_and_no_error() {
    let project = Project::new(&[]);
    for line in ["", "state", "sandbox"] {
        let output = project.run(line).exits(64).complains("Commands:");
        assert!(!output.err.contains("error:"), "{}", output.err);
    }
}
