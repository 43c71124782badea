//! The life of objects: plan, apply, plan again, change, replace, destroy.

use crate::support::Project;

const TWO: &str = r#"
resource "strata_data" "a" {
  input = "one"
}
resource "strata_data" "b" {
  input            = "${strata_data.a.output}-b"
  triggers_replace = "x"
}
output "b" {
  value = strata_data.b.output
}
"#;

#[test]
fn from_nothing_to_nothing() {
    let project = Project::of(TWO);
    project
        .run("plan")
        .exits(0)
        .says("# strata_data.a will be created")
        .says("(main.strata.hcl:2)")
        .says("+ input  = \"one\"")
        .says("+ id     = (known after apply)")
        .says("Plan: 2 to add, 0 to change, 0 to destroy.")
        .says("+ b = \"one-b\"");
    assert!(
        !project.path(".strata").exists(),
        "a plain plan writes nothing"
    );
    project
        .run("apply -auto-approve")
        .exits(0)
        .says("strata_data.a: Creating...")
        .says("strata_data.a: Creation complete after 0s [id=")
        .says("Apply complete! Resources: 2 added, 0 changed, 0 destroyed.")
        .says("b = \"one-b\"");
    assert!(project.path("strata.lock").exists());
    project
        .run("plan -detailed-exitcode")
        .exits(0)
        .says("No changes. Your infrastructure matches the configuration.");
    project.write(
        "main.strata.hcl",
        &TWO.replace("\"one\"", "\"two\"").replace("\"x\"", "\"y\""),
    );
    project
        .run("plan -detailed-exitcode")
        .exits(2)
        .says("~ strata_data.a will be updated in-place".trim_start_matches("~ "))
        .says("~ input  = \"one\" -> \"two\"")
        .says("# strata_data.b must be replaced")
        .says("# forces replacement")
        .says("Plan: 1 to add, 1 to change, 1 to destroy.");
    project.run("apply -auto-approve").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
    project
        .run("destroy -auto-approve")
        .exits(0)
        .says("Destroy complete! Resources: 2 destroyed.");
    project.run("state list").exits(0);
    assert_eq!(project.run("state list").out, "");
    project
        .run("plan -destroy")
        .exits(0)
        .says("No changes. No objects need to be destroyed.");
}

#[test]
fn a_saved_plan_is_used_once() {
    let project = Project::of(TWO);
    project
        .run("plan -out=change.plan")
        .exits(0)
        .says("strata apply change.plan");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(project.path("change.plan"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    project
        .run("show change.plan")
        .exits(0)
        .says("strata_data.b will be created");
    project.run("apply change.plan").exits(0).says("2 added");
    project
        .run("apply change.plan")
        .exits(5)
        .complains("applied already");
}

#[test]
fn a_plan_that_was_altered_is_refused() {
    let project = Project::of(TWO);
    project.run("plan -out=change.plan").exits(0);
    let text = std::fs::read_to_string(project.path("change.plan")).unwrap();
    project.write("change.plan", &text.replace("one", "own"));
    project
        .run("apply change.plan")
        .exits(5)
        .complains("altered");
    project.write("change.plan", "{}");
    project.run("apply change.plan").exits(5);
    let project = Project::of(TWO);
    project.write("other.plan", &text);
    project
        .run("apply other.plan")
        .exits(5)
        .complains("another state");
}

#[test]
fn a_stale_plan_is_refused() {
    let project = Project::of(TWO);
    project.run("apply -auto-approve").exits(0);
    project.write("main.strata.hcl", &TWO.replace("one", "two"));
    project.run("plan -out=change.plan").exits(0);
    project.write("main.strata.hcl", &TWO.replace("one", "three"));
    project.run("apply -auto-approve").exits(0);
    let output = project.run("apply change.plan").exits(5);
    assert!(
        output.err.contains("stale") || output.err.contains("took the place"),
        "{}",
        output.err
    );
}

#[test]
fn approval_is_the_word_yes() {
    let project = Project::of(TWO);
    // Where nobody can answer, nothing is planned for nothing.
    project.run("apply").exits(64);
    project.run_with_input(&["apply"], "y\n").exits(1);
    project.run("state list").exits(0);
}

#[test]
fn targets_and_exclusions() {
    let project = Project::of(TWO);
    project
        .run("plan -target=strata_data.a")
        .exits(0)
        .says("Plan: 1 to add");
    project
        .run("plan -exclude=strata_data.b")
        .exits(0)
        .says("Plan: 1 to add");
    project.run("plan -target=strata_data.zzz").exits(64);
    project.run("apply -auto-approve").exits(0);
    project
        .run("plan -replace=strata_data.a")
        .exits(0)
        .says("# strata_data.a will be replaced, as requested");
}

#[test]
fn what_is_moved_touches_nothing() {
    let project = Project::of(TWO);
    project.run("apply -auto-approve").exits(0);
    let id = project
        .run("state show -json strata_data.a")
        .exits(0)
        .json();
    let renamed = TWO
        .replace("\"a\"", "\"z\"")
        .replace("strata_data.a", "strata_data.z");
    project.write(
        "main.strata.hcl",
        &format!("{renamed}moved {{\n  from = strata_data.a\n  to   = strata_data.z\n}}\n"),
    );
    project
        .run("plan")
        .exits(0)
        .says("strata_data.a has moved to strata_data.z");
    project.run("plan -out=moved.plan").exits(0);
    let plan = project.run("show -json moved.plan").exits(0).json();
    let changes = plan["resource_changes"].as_array().unwrap();
    let mut of_z = changes
        .iter()
        .filter(|change| change["address"] == "strata_data.z");
    let change = of_z.next().unwrap();
    assert_eq!(change["previous_address"], "strata_data.a");
    assert_eq!(
        change["change"]["after"]["id"],
        plan["prior_state"]["values"]["root_module"]["resources"][0]["values"]["id"]
    );
    project.run("apply -auto-approve").exits(0);
    let moved = project
        .run("state show -json strata_data.z")
        .exits(0)
        .json();
    let of = |json: &serde_json::Value| {
        json["values"]["root_module"]["resources"][0]["values"]["id"].clone()
    };
    assert_eq!(of(&id), of(&moved));
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn protection_outlives_its_block() {
    let protected = "resource \"strata_data\" \"a\" {\n  input = 1\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n";
    let project = Project::of(protected);
    project.run("apply -auto-approve").exits(0);
    project.write("main.strata.hcl", "");
    for line in ["plan", "apply -auto-approve", "destroy -auto-approve"] {
        project
            .run(line)
            .exits(1)
            .complains("strata_data.a would be destroyed, and it is protected")
            .says("It is refused, for the reasons below it:")
            .says("# strata_data.a will be destroyed")
            .says("Plan: 0 to add, 0 to change, 1 to destroy.");
    }
    let events = project.run("plan -json").exits(1).events();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .filter(|kind| *kind != "log")
        .collect();
    assert_eq!(kinds, ["version", "planned_change", "diagnostic"]);
    assert_eq!(project.run("graph").exits(1).out, "");
    project
        .run("apply -auto-approve -unprotect=strata_data.a")
        .exits(0);
    assert_eq!(project.run("state list").exits(0).out, "");
}

#[test]
fn the_graph_names_dependencies() {
    let project = Project::of(TWO);
    project
        .run("graph")
        .exits(0)
        .says("\"strata_data.b\" -> \"strata_data.a\";");
    project
        .run("graph -format=mermaid")
        .exits(0)
        .says("flowchart RL")
        .says("-->");
    project.run("apply -auto-approve").exits(0);
    project
        .run("graph")
        .exits(0)
        .says("\"strata_data.b\" -> \"strata_data.a\";");
}

#[test]
fn both_spellings_are_one_project() {
    let project = Project::new(&[
        (
            "a.strata.hcl",
            "resource \"strata_data\" \"a\" {\n  input = 1\n}\n",
        ),
        (
            "b.strata.yaml",
            "resource:\n  strata_data:\n    b:\n      input: ${strata_data.a.output}\n",
        ),
    ]);
    project.run("apply -auto-approve").exits(0).says("2 added");
    project.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_project_elsewhere() {
    let project = Project::new(&[("sub/main.strata.hcl", TWO)]);
    project.run("-chdir=sub apply -auto-approve").exits(0);
    project.run("plan sub -detailed-exitcode").exits(0);
    assert!(project.path("sub/.strata/state.db").exists());
    project.run("plan nowhere").exits(1).complains("nowhere");
}

#[test]
fn a_saved_plan_has_the_values_of_its_variables() {
    let project = Project::of(
        "variable \"list\" {\n  type = list(string)\n}\nvariable \"key\" {\n  sensitive = true\n}\n\
         resource \"strata_data\" \"x\" {\n  input = [for text in var.list : upper(text)]\n  triggers_replace = length(var.key)\n}\n\
         output \"list\" {\n  value = var.list\n}\n",
    );
    let (list, key) = ("-var=list=[\"a\"]", "-var=key=hunter22");
    let plan = ["plan", "-out=p", list, key];
    project.run_words(&plan).exits(0);
    // A secret one is not in the plan; another value than the plan's is refused.
    project.run("apply p").exits(5).complains("none is given");
    let other = ["apply", "p", key, "-var=list=[\"b\"]"];
    project.run_words(&other).exits(5).complains("list");
    project
        .run_words(&["apply", "p", key])
        .exits(0)
        .says("\"a\",");
    project
        .run_words(&["plan", "-detailed-exitcode", list, key])
        .exits(0);
}
