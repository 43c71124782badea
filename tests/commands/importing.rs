//! Imports: which address takes which object, and the blocks that are written for them.

use crate::support::Project;

const EACH: &str = r#"
resource "strata_data" "each" {
  for_each = { x = 1 }
  input    = each.value
}
"#;

const VPC: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "main", "a:b" = "$${c}" }
}
resource "aws_subnet" "one" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}
resource "aws_security_group" "one" {
  name        = "one"
  description = "for one"
  vpc_id      = aws_vpc.main.id
  ingress     = [{ from_port = 443, to_port = 443, protocol = "tcp", cidr_blocks = ["10.0.0.0/8"] }]
}
"#;

#[test]
fn the_command_names_an_instance_or_says_why_not() {
    let project = Project::of(EACH);
    project
        .run("import strata_data.each some-id")
        .exits(64)
        .complains("Its block has other instances");
    project
        .run("import strata_data.other some-id")
        .exits(64)
        .complains("strata_data.other takes an object only if it is declared.");
    project
        .run_words(&["import", "strata_data.each[\"x\"]", "some-id"])
        .exits(0)
        .says("Import complete! Resources: 1 imported.");
    project
        .run_words(&["import", "strata_data.each[\"x\"]", "other-id"])
        .exits(1)
        .complains("has an object already: some-id");
    assert_eq!(project.run("state list").out, "strata_data.each[\"x\"]\n");
}

#[test]
fn an_import_without_a_block_is_an_error_that_says_how_to_get_one() {
    let project = Project::new(&[(
        "main.strata.yaml",
        "import:\n  - { to: strata_data.lost, id: some-id }\n",
    )]);
    project
        .run("plan")
        .exits(65)
        .complains("Nothing declares the address of this import.")
        .complains("-generate-config-out=");
    // What is only checked may still get its block, or have been recorded.
    project
        .run("validate")
        .exits(0)
        .says("Success! The configuration is valid.")
        .complains("[W0257]")
        .complains("-generate-config-out=");
    project
        .run("plan -generate-config-out=lost.txt")
        .exits(64)
        .complains(".strata.yaml or .strata.hcl");
    project
        .run("plan -generate-config-out=main.strata.yaml")
        .exits(64)
        .complains("already");
}

/// Makes a network, forgets it, and imports it with blocks that are written for it.
fn imported(ending: &str) {
    let project = Project::of(VPC);
    project.run("--sandbox apply -auto-approve").exits(0);
    let list = project.run("--sandbox state list").exits(0).out;
    let mut imports = String::from("provider \"aws\" {\n  region = \"eu-west-1\"\n}\n");
    for address in list.lines() {
        let shown = project
            .run(&format!("--sandbox state show -json {address}"))
            .exits(0)
            .json();
        let id = &shown["values"]["root_module"]["resources"][0]["values"]["id"];
        imports.push_str(&format!("import {{\n  to = {address}\n  id = {id}\n}}\n"));
        project
            .run(&format!("--sandbox state rm {address}"))
            .exits(0);
    }
    project.write("main.strata.hcl", &imports);
    let file = format!("imported.strata.{ending}");
    let plan = project
        .run(&format!("--sandbox plan -generate-config-out={file}"))
        .exits(0)
        .complains(&format!(
            "Wrote 3 blocks to {file}, for imports that have none."
        ));
    let text = std::fs::read_to_string(project.path(&file)).unwrap();
    // Only who looks after the object changes: its tags say so.
    let summary = plan.out.lines().find(|line| line.starts_with("Plan: "));
    assert_eq!(
        summary,
        Some("Plan: 3 to import, 0 to add, 0 to change, 0 to destroy."),
        "{}\n{text}",
        plan.out
    );
    project.run("--sandbox apply -auto-approve").exits(0);
    project
        .run("--sandbox plan -detailed-exitcode")
        .exits(0)
        .says("No changes.");
    project.run(&format!("fmt -check {file}")).exits(0);
}

#[test]
fn blocks_are_written_in_hcl_and_plan_empty() {
    imported("hcl");
}

#[test]
fn blocks_are_written_in_yaml_and_plan_empty() {
    imported("yaml");
}

#[test]
fn an_import_to_an_instance_that_its_block_does_not_have_is_refused() {
    let several = "resource \"strata_data\" \"n\" {\n  for_each = toset([\"a\"])\n}\n";
    for to in ["strata_data.n[\"b\"]", "strata_data.n"] {
        let import = format!("import {{\n  to = {to}\n  id = \"x\"\n}}\n");
        Project::of(&format!("{several}{import}"))
            .run("plan")
            .exits(65)
            .complains("The block of this address has no such instance.");
    }
}

const ROLE: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias  = "far"
  region = "us-east-1"
}
resource "aws_iam_role" "web" {
  provider = CONNECTION
  name     = "web"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
"#;

const PROFILE: &str = r#"
resource "aws_iam_instance_profile" "web" {
  name = "web"
  role = aws_iam_role.web.name
}
"#;

#[test]
fn a_name_is_that_of_an_object_of_the_same_connection() {
    let import = "import {\n  to = aws_iam_instance_profile.web\n  id = \"web\"\n}\n";
    for (connection, expected) in [("aws", "aws_iam_role.web.name"), ("aws.far", "\"web\"")] {
        let role = ROLE.replace("CONNECTION", connection);
        let project = Project::of(&format!("{role}{PROFILE}"));
        project.run("--sandbox apply -auto-approve").exits(0);
        project
            .run("--sandbox state rm aws_iam_instance_profile.web")
            .exits(0);
        project.write("main.strata.hcl", &format!("{role}{import}"));
        project
            .run("--sandbox plan -generate-config-out=new.strata.hcl")
            .exits(0)
            .says("Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.");
        let text = std::fs::read_to_string(project.path("new.strata.hcl")).unwrap();
        let mut lines = text.lines().map(str::trim_start);
        let said = lines.find_map(|line| line.strip_prefix("role = "));
        assert_eq!(said, Some(expected), "{text}");
    }
}

#[test]
fn an_import_that_forces_a_replacement_is_shown_and_carried_out_as_one() {
    let project = Project::of(VPC);
    project.run("--sandbox apply -auto-approve").exits(0);
    let shown = project.run("--sandbox state show -json aws_subnet.one");
    let id = shown.exits(0).json()["values"]["root_module"]["resources"][0]["values"]["id"].clone();
    project.run("--sandbox state rm aws_subnet.one").exits(0);
    let moved = VPC.replace("10.0.1.0/24", "10.0.2.0/24");
    let import = format!("import {{\n  to = aws_subnet.one\n  id = {id}\n}}\n");
    project.write("main.strata.hcl", &format!("{moved}{import}"));
    project
        .run("--sandbox plan")
        .exits(0)
        .says("# aws_subnet.one imported, must be replaced")
        .says("-/+ resource \"aws_subnet\" \"one\"")
        .says("\"10.0.1.0/24\" -> \"10.0.2.0/24\" # forces replacement")
        .says("Plan: 1 to import, 1 to add, 0 to change, 1 to destroy.");
    project.run("--sandbox plan -out=p").exits(0);
    let plan = project.run("--sandbox show -json p").exits(0).json();
    let changes = plan["resource_changes"].as_array().unwrap();
    let change = changes
        .iter()
        .find(|change| change["address"] == "aws_subnet.one")
        .unwrap();
    assert_eq!(
        change["change"]["actions"],
        serde_json::json!(["delete", "create"])
    );
    assert_eq!(change["change"]["importing"]["id"], id);
    project
        .run("--sandbox apply p")
        .exits(0)
        .says("1 imported, 1 added, 0 changed, 1 destroyed.");
    project
        .run("--sandbox plan -detailed-exitcode")
        .exits(0)
        .says("No changes.");
}

#[test]
fn an_id_of_the_wrong_form_is_told_with_the_right_one() {
    const GROUP: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
resource "aws_eks_node_group" "one" {
  cluster_name    = "main"
  node_group_name = "one"
  node_role_arn   = "arn:aws:iam::111122223333:role/nodes"
  subnet_ids      = ["subnet-0123456789abcdef0"]
  scaling_config  = { min_size = 1, max_size = 1, desired_size = 1 }
}
"#;
    let project = Project::of(GROUP);
    let told = |run: crate::support::Output, line: &str| {
        run.exits(65)
            .complains("[E0249]")
            .complains("'main/one' is not the id of a node group, which is CLUSTER:NAME.")
            .complains("The id of aws_eks_node_group: Cluster and name, as `cluster:name`.")
            .complains(line);
    };
    told(
        project.run("--sandbox import aws_eks_node_group.one main/one"),
        "on main.strata.hcl line 5,",
    );
    let block = "import {\n  to = aws_eks_node_group.one\n  id = \"main/one\"\n}\n";
    project.write("main.strata.hcl", &format!("{GROUP}{block}"));
    told(project.run("--sandbox plan"), "on main.strata.hcl line 12,");
    let provider = "provider \"aws\" {\n  region = \"eu-west-1\"\n}\n";
    project.write("main.strata.hcl", &format!("{provider}{block}"));
    told(
        project.run("--sandbox plan -generate-config-out=new.strata.hcl"),
        "on main.strata.hcl line 4,",
    );
    project.write(
        "main.strata.hcl",
        &format!("{GROUP}{}", block.replace('/', ":")),
    );
    project
        .run("--sandbox plan")
        .complains("There is no aws_eks_node_group with the id main:one to import.")
        .complains("as `cluster:name`.");
}
