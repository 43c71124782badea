//! What authors of definitions use: the console, and where values come from.

use serde_json::json;

use crate::support::Project;

fn console(project: &Project, arguments: &[&str], lines: &[&str]) -> Vec<serde_json::Value> {
    let input: String = lines
        .iter()
        .map(|line| format!("{}\n", json!(line)))
        .collect();
    let words: Vec<&str> = ["console", "-json"]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    project.run_with_input(&words, &input).exits(0).events()
}

#[test]
fn the_console_answers_every_line() {
    let project = Project::new(&[]);
    let answers = console(
        &project,
        &[],
        &[
            "1 + 2",
            "[1, \"x\"]",
            "nope(1)",
            "1 +",
            "sensitive(\"abc\")",
        ],
    );
    assert_eq!(answers[0], json!({"value": 3, "type": "number"}));
    assert_eq!(answers[1]["type"], "tuple([number, string])");
    assert_eq!(answers[2]["error"]["code"], "E0202");
    assert_eq!(answers[3]["error"]["line"], 1);
    assert_eq!(
        answers[4],
        json!({"value": "abc", "type": "string", "sensitive": true})
    );
    assert_eq!(console(&project, &[], &[""])[0]["error"]["line"], 1);
    let wrong = project
        .run_with_input(&["console", "-json"], "{\n\n\"1\"\n{}\n")
        .exits(0);
    let codes = wrong.events();
    assert_eq!(codes.len(), 4);
    assert_eq!(codes[3]["error"]["column"], 1);
    assert_eq!(codes[0]["error"]["code"], "E0110");
    assert_eq!(codes[2]["value"], 1);
    project
        .run_with_input(&["console"], "max(1, 2)\n")
        .exits(0)
        .says("2\n");
    assert_eq!(
        console(&project, &["-template"], &["a ${1 + 1} b"])[0]["value"],
        "a 2 b"
    );
}

#[test]
fn the_console_takes_names_from_a_file() {
    let project = Project::new(&[(
        "names.json",
        r#"{"pw": {"value": "hunter22", "type": "string", "sensitive": true},
            "ids": {"value": {"unknown": true}, "type": "list(string)"}}"#,
    )]);
    let answers = console(&project, &["-scope=names.json"], &["upper(pw)", "[1, ids]"]);
    assert_eq!(
        answers[0],
        json!({"value": "HUNTER22", "type": "string", "sensitive": true})
    );
    assert_eq!(answers[1]["value"], json!([1, {"unknown": true}]));
    for (wrong, said) in [
        (r#"{"x": 1}"#, "x has no \"value\""),
        (r#"{"x": {"value": 1, "type": "nope"}}"#, "is no type"),
        (
            r#"{"x": {"value": "a", "type": "number"}}"#,
            "not of its \"type\"",
        ),
    ] {
        project.write("wrong.json", wrong);
        project
            .run("console -scope=wrong.json")
            .exits(64)
            .complains(said);
    }
}

#[test]
fn the_console_knows_the_project_and_hides_its_secrets() {
    let project = Project::of(
        "variable \"pw\" {\n  sensitive = true\n}\nlocals {\n  a = 5\n  now = plantimestamp()\n}\n\
         resource \"strata_data\" \"x\" {\n  count = 2\n  input = count.index\n}\n",
    )
    .env("STRATA_VAR_pw", "tops3cret-value");
    project.run("apply -auto-approve").exits(0);
    project.write(
        "circle.strata.hcl",
        "locals {\n  circle = local.circle\n}\n",
    );
    let lines = [
        "local.a + 1",
        "strata_data.x[1].output",
        "length(strata_data.x)",
        "upper(var.pw)",
        "local.circle",
        "{ (var.pw) = 1 }",
        "local.now == plantimestamp()",
        "local.aa",
    ];
    let answers = console(&project, &[], &lines);
    assert_eq!(answers[0]["value"], 6);
    assert_eq!(answers[1]["value"], 1);
    assert_eq!(answers[2]["value"], 2);
    assert_eq!(
        answers[3],
        json!({"value": null, "sensitive": true, "type": "string"})
    );
    assert_eq!(answers[4]["error"]["code"], "E0201");
    assert_eq!(
        answers[5],
        json!({"value": null, "sensitive": true, "type": "any"})
    );
    assert_eq!(answers[6]["value"], true);
    assert_eq!(answers[7]["error"]["code"], "E0202");
    project
        .run_with_input(&["console"], "local.aa\n")
        .exits(0)
        .complains("Did you mean local.a?");
    let unusable = Project::of("variable \"n\" {\n  type    = number\n  default = 3\n}\n");
    unusable
        .env("STRATA_VAR_n", "abc")
        .run_with_input(&["console"], "var.n\n")
        .exits(0)
        .complains("STRATA_VAR_n");
}

#[test]
fn every_value_knows_where_it_came_from() {
    let project = Project::new(&[
        (
            "main.strata.hcl",
            "stack \"web\" {\n  source = \"./stacks/web\"\n  inputs = {\n    size = 3\n  }\n}\n",
        ),
        (
            "stacks/web/main.strata.hcl",
            "variable \"size\" {\n  default = 1\n}\nvariable \"name\" {\n  default = \"n\"\n}\n\
             resource \"strata_data\" \"x\" {\n  input = var.size + 1\n}\n",
        ),
    ]);
    project
        .run("explain stack.web")
        .exits(0)
        .says("size = 3  (main.strata.hcl:4)")
        .says("overrides 1 (stacks/web/main.strata.hcl:2)")
        .says("name = \"n\"  (stacks/web/main.strata.hcl:5)");
    project
        .run("explain stack.web.strata_data.x")
        .exits(0)
        .says("input = 4  (stacks/web/main.strata.hcl:8)")
        .says("from var.size");
    let json = project.run("explain -json stack.web").exits(0).json();
    let size = &json["arguments"][1];
    assert_eq!(size["value"], 3);
    assert_eq!(size["overrides"][0]["written"], "1");
    project.run("explain stack.nothing").exits(1);
    project.run("explain not/an/address").exits(64);
}

#[test]
fn inputs_are_explained_with_their_values() {
    let project = Project::new(&[
        (
            "main.strata.hcl",
            "variable \"region\" {\n  default = \"eu\"\n}\nvariable \"token\" {\n  default   = \"t0p\"\n  sensitive = true\n}\n\
             resource \"strata_random_id\" \"id\" {\n  byte_length = 4\n}\n\
             stack \"web\" {\n  for_each = toset([\"a\"])\n  source   = \"./stacks/web\"\n  inputs = {\n    tags  = { zone = \"${var.region}-${each.key}\", of = { id = strata_random_id.id.hex } }\n\
             token = var.token\n    other = \"pa55\"\n  }\n}\n",
        ),
        (
            "stacks/web/main.strata.hcl",
            "variable \"tags\" {\n  type = any\n}\nvariable \"token\" {}\n\
             variable \"other\" {\n  default   = \"first\"\n  sensitive = true\n}\n",
        ),
    ]);
    let one = project
        .run("explain stack.web[\"a\"]")
        .exits(0)
        .says("tags.of.id = (known after apply)  (main.strata.hcl:15)")
        .says("from strata_random_id.id")
        .says("tags.zone = \"eu-a\"  (main.strata.hcl:15)")
        .says("written as \"${var.region}-${each.key}\"")
        .says("from each.key, var.region")
        .says("other = (sensitive value)  (main.strata.hcl:17)")
        .says("overrides (sensitive value) (stacks/web/main.strata.hcl:6)")
        .says("token = (sensitive value)  (main.strata.hcl:16)")
        .says("from var.token");
    assert!(
        !one.out.contains("pa55") && !one.out.contains("t0p"),
        "{one:?}"
    );
    let json = project
        .run("explain -json stack.web[\"a\"]")
        .exits(0)
        .json();
    let of = |name: &str| {
        let arguments = json["arguments"].as_array().unwrap();
        arguments
            .iter()
            .find(|found| found["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(of("tags.of.id")["unknown"], true);
    assert_eq!(of("token")["sensitive"], true);
    assert_eq!(of("token")["value"], serde_json::Value::Null);
    // A block of several has no one value; what is written is the same for all of them.
    let all = project
        .run("explain stack.web")
        .exits(0)
        .says("tags.zone = \"${var.region}-${each.key}\"");
    assert!(!all.out.contains("pa55"), "{all:?}");
}

#[test]
fn what_is_written_is_explained_without_credentials() {
    let project = Project::of(
        "provider \"aws\" {\n  region = \"eu-west-1\"\n}\nlocals {\n  range = \"10.0.0.0/16\"\n}\n\
         resource \"aws_vpc\" \"main\" {\n  cidr_block = local.range\n}\n\
         data \"aws_vpc\" \"other\" {\n  tags = { Name = \"shared\" }\n}\n",
    );
    project
        .run("explain aws_vpc.main")
        .exits(0)
        .says("cidr_block = local.range  (main.strata.hcl:8)")
        .says("from local.range")
        .complains("without their values");
    let json = project.run("explain -json aws_vpc.main").exits(0).json();
    assert_eq!(json["arguments"][0]["value"], serde_json::Value::Null);
    project.run("explain aws_vpc.other").exits(1);
}

#[test]
fn what_is_declared_is_explained_though_a_data_source_cannot_be_read() {
    let project = Project::of(
        "provider \"kubernetes\" {\n  config_path = \"./none\"\n}\n\
         data \"kubernetes_object\" \"a\" {\n  api_version = \"v1\"\n  kind = \"ConfigMap\"\n  namespace = \"shop\"\n  name = \"a\"\n}\n\
         resource \"strata_data\" \"x\" {\n  input = data.kubernetes_object.a.object\n}\n\
         resource \"strata_data\" \"y\" {\n  input = \"${upper(\"a\")}b\"\n}\n",
    );
    project
        .run("explain strata_data.x")
        .exits(0)
        .says("input = (known after apply)  (main.strata.hcl:11)")
        .says("written as data.kubernetes_object.a.object")
        .complains("data.kubernetes_object.a could not be read, and nothing is known of it: there is no kubeconfig");
    project
        .run("explain strata_data.y")
        .exits(0)
        .says("input = \"Ab\"");
    // A plan needs all of them.
    project.run("plan").exits(1).complains("E0603");
}

#[test]
fn a_file_is_rewritten_in_the_other_spelling() {
    let project = Project::of("resource \"strata_data\" \"a\" {\n  input = \"x\" # why\n}\n");
    project
        .run("convert -to=yaml main.strata.hcl")
        .exits(0)
        .says("strata_data:")
        .says("# why");
    project.run("apply -auto-approve").exits(0);
    project
        .run("convert -to=yaml -write main.strata.hcl")
        .exits(0);
    assert!(project.path("main.strata.yaml").exists() && !project.path("main.strata.hcl").exists());
    project.run("plan -detailed-exitcode").exits(0);
    project
        .run("convert -to=yaml -write main.strata.yaml")
        .exits(64);
    project.write("broken.strata.hcl", "a {{");
    project.run("convert -to=yaml broken.strata.hcl").exits(65);
}

#[test]
fn editors_get_a_schema() {
    let project = Project::new(&[]);
    let schema = project.run("schema").exits(0).json();
    assert!(schema["properties"]["resource"].is_object(), "{schema}");
    assert!(project.run("schema -defaults").exits(0).json()["properties"]["inputs"].is_object());
}

#[test]
fn a_package_is_described() {
    let project = Project::new(&[(
        "stacks/web/main.strata.hcl",
        "package {\n  name = \"web\"\n  description = \"A web server.\"\n  version = \"1.2.0\"\n}\n\
         variable \"pools\" {\n  type = map(object({ size = optional(number, 3), zone = string }))\n  nullable = false\n}\n\
         variable \"size\" {\n  type = number\n  default = 2\n  description = \"How | many.\"\n  validation {\n\
         condition = var.size > 0 || var.size == -1\n    error_message = \"Too few.\"\n  }\n}\n\
         variable \"token\" {\n  default = \"\"\n  sensitive = true\n}\n\
         output \"url\" {\n  value = \"x\"\n  description = \"Where it answers.\"\n}\n",
    )]);
    let page = project.run("stack docs ./stacks/web").exits(0).out;
    let lines: Vec<&str> = page.lines().collect();
    let expected = [
        "# web",
        "A web server.",
        "Version 1.2.0.",
        "| `pools` | `map(object({ size = optional(number, 3), zone = string }))` | required | Not null. |  |",
        "| `size` | `number` | `2` | How \\| many. | `var.size > 0 \\|\\| var.size == -1`: Too few. |",
        "| `token` | `any` | `\"\"` | Secret. |  |",
        "| `url` | Where it answers. |",
    ];
    for line in expected {
        assert!(lines.contains(&line), "{line}\n---\n{page}");
    }
    project
        .run("stack docs aws-eks")
        .exits(0)
        .says("# aws-eks\n")
        .says("| `cidr_block` | `string` |");
    project.run("stack docs ./nowhere").exits(1);
    project.write("stacks/bad/main.strata.hcl", "variable {}\n");
    project.run("stack docs stacks/bad").exits(65);
}

/// What a console on a terminal shows when these pieces are typed.
fn typed(project: &Project, pieces: &[&str]) -> String {
    let typist = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/typist.py");
    let output = std::process::Command::new("python3")
        .arg(typist)
        .args(pieces)
        .args(["--", env!("CARGO_BIN_EXE_strata"), "console"])
        .current_dir(project.path("."))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("HOME", project.path("."))
        .output()
        .expect("python3 is needed: apt-get install python3");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    shown
}

#[test]
fn the_console_on_a_terminal_completes_and_remembers() {
    let project = Project::of("variable \"zones\" {\n  default = [\"a\", \"b\"]\n}\n");
    // A name is completed, then the last line is called back with the arrow and extended.
    let pieces = [
        "leng\t", "var.z\t", ")", "\r", "\x1b[A", " * 21", "\r", "exit\r",
    ];
    let shown = typed(&project, &pieces);
    assert!(shown.contains("length(var.zones)"), "{shown}");
    assert!(shown.contains("\n2\r\n"), "{shown}");
    assert!(shown.contains("\n42\r\n"), "{shown}");
}
