//! The forms that machines read.

use serde_json::json;

use crate::support::Project;

const TEXT: &str = r#"
variable "pw" {
  sensitive = true
  default   = "canary-secret-value"
}
resource "strata_data" "a" {
  for_each = { x = 1, y = 2 }
  input    = { n = each.value, list = ["p", "q"] }
}
resource "strata_data" "s" {
  input = var.pw
}
output "a" {
  value = strata_data.a["x"].output.n
}
"#;

#[test]
fn a_plan_in_terraforms_format() {
    let project = Project::of(TEXT);
    project.run("plan -out=a.plan").exits(0);
    let json = project.run("show -json a.plan").exits(0).json();
    assert_eq!(json["format_version"], "1.2");
    let changes = json["resource_changes"].as_array().unwrap();
    assert_eq!(changes.len(), 3);
    let first = &changes[0];
    assert_eq!(first["address"], "strata_data.a[\"x\"]");
    assert_eq!(first["index"], "x");
    assert_eq!(first["mode"], "managed");
    assert_eq!(first["change"]["actions"], json!(["create"]));
    assert_eq!(first["change"]["before"], json!(null));
    assert_eq!(
        first["change"]["after"]["input"],
        json!({"n": 1, "list": ["p", "q"]})
    );
    assert_eq!(first["change"]["after_unknown"]["id"], true);
    assert!(first["change"]["after"].get("id").is_none());
    let secret = changes
        .iter()
        .find(|change| change["address"] == "strata_data.s")
        .unwrap();
    assert_eq!(secret["change"]["after_sensitive"]["input"], true);
    assert!(secret["change"]["after"]["input"].is_null());
    assert_eq!(
        json["planned_values"]["root_module"]["resources"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(json["output_changes"]["a"]["actions"], json!(["create"]));
    assert_eq!(json["output_changes"]["a"]["after"], 1);
    project.run("apply a.plan").exits(0);
    project.write("main.strata.hcl", &TEXT.replace("y = 2", "y = 3"));
    project.run("plan -out=b.plan").exits(0);
    let json = project.run("show -json b.plan").exits(0).json();
    let actions: Vec<_> = json["resource_changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["change"]["actions"].clone())
        .collect();
    assert!(
        actions.contains(&json!(["update"])) && actions.contains(&json!(["no-op"])),
        "{actions:?}"
    );
    assert_eq!(
        json["prior_state"]["values"]["root_module"]["resources"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn events_have_terraforms_types() {
    let project = Project::of(TEXT);
    let types = |line: &str| -> Vec<String> {
        let events = project.run(line).exits(0).events();
        assert!(events.iter().all(|event| event["@level"].is_string()
            && event["@timestamp"].is_string()
            && event["@message"].is_string()));
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    };
    let plan = types("plan -json");
    assert_eq!(plan[0], "version");
    assert_eq!(
        plan.iter().filter(|kind| *kind == "planned_change").count(),
        3
    );
    assert!(plan.contains(&"change_summary".to_owned()));
    let apply = types("apply -json -auto-approve");
    for kind in [
        "version",
        "planned_change",
        "change_summary",
        "apply_start",
        "apply_complete",
        "outputs",
    ] {
        assert!(apply.contains(&kind.to_owned()), "{kind}: {apply:?}");
    }
    let project = Project::of("output \"o\" {\n  value = var.x\n}\n");
    let events = project.run("plan -json").exits(65).events();
    let found = events
        .iter()
        .find(|event| event["type"] == "diagnostic")
        .unwrap();
    assert_eq!(found["diagnostic"]["range"]["filename"], "main.strata.hcl");
}

#[test]
fn the_state_and_its_outputs() {
    let project = Project::of(TEXT);
    project.run("apply -auto-approve").exits(0);
    let state = project.run("show -json").exits(0).json();
    assert_eq!(state["format_version"], "1.0");
    assert_eq!(
        state["values"]["root_module"]["resources"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        project.run("output -json").exits(0).json(),
        json!({"a": {"sensitive": false, "type": "number", "value": 1}})
    );
    assert_eq!(project.run("output -raw a").exits(0).out, "1");
    assert_eq!(project.run("output a").exits(0).out, "1\n");
    project.run("output -json zzz").exits(1);
}

#[test]
fn schemas_are_shown_whole() {
    let json = Project::new(&[])
        .run("providers schema -json")
        .exits(0)
        .json();
    let data = &json["provider_schemas"]["strata"]["resource_schemas"]["strata_data"]["block"]["attributes"];
    assert_eq!(data["input"]["optional"], true);
    assert_eq!(data["id"]["computed"], true);
    assert!(json["provider_schemas"]["aws"]["resource_schemas"]["aws_eks_cluster"].is_object());
}

#[test]
fn events_go_to_a_file_beside_the_text() {
    let project = Project::of("resource \"strata_data\" \"a\" {}\n");
    project
        .run("apply -auto-approve -json-into=events.json")
        .exits(0)
        .says("strata_data.a: Creating...")
        .says("Apply complete! Resources: 1 added");
    let text = std::fs::read_to_string(project.path("events.json")).unwrap();
    let kinds: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("version"));
    for kind in [
        "planned_change",
        "change_summary",
        "apply_start",
        "apply_complete",
        "outputs",
    ] {
        assert!(
            kinds.iter().any(|found| found == kind),
            "{kind} in {kinds:?}"
        );
    }
    project.write(
        "main.strata.hcl",
        "resource \"strata_data\" \"a\" {\n  inptu = 1\n}\n",
    );
    project
        .run("plan -json-into=events.json")
        .exits(65)
        .complains("inptu");
    let text = std::fs::read_to_string(project.path("events.json")).unwrap();
    assert!(text.contains("\"diagnostic\""), "{text}");
    project
        .run("plan -json-into=no/such/file")
        .exits(1)
        .complains("no/such/file");
}

#[test]
fn concise_leaves_out_what_only_goes_on() {
    let project = Project::of("resource \"strata_data\" \"a\" {}\n");
    let output = project
        .run("apply -auto-approve -concise")
        .exits(0)
        .says("Creation complete");
    assert!(!output.out.contains("Creating..."), "{}", output.out);
}
