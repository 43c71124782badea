//! Layers before there is a cluster: what is rendered and planned, and that no secret of a manifest is shown or kept.

use crate::support::Project;

const CANARY: &str = "canary-in-a-manifest";

const CLUSTER: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

variable "domain" {
  type    = string
  default = "shop.example"
}

cluster "prod" {
  stack = "aws-eks"

  inputs = {
    name                = "prod"
    kubernetes_version  = "1.34"
    cidr_block          = "10.10.0.0/16"
    zone_count          = 2
    public_access_cidrs = ["203.0.113.0/24"]
    node_pools          = { system = { instance_types = ["m7g.large"], min_size = 1, max_size = 2 } }
  }

  layer "platform" {
    path = "./apps/platform"
  }

  layer "shop" {
    path       = "./apps/shop"
    namespace  = "shop"
    template   = true
    depends_on = [platform]
  }
}
"#;

const PLATFORM: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: Secret
metadata:
  name: login
  namespace: shop
stringData:
  password: canary-in-a-manifest
";

const SHOP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  domain: ${var.domain}
  api: ${cluster.prod.endpoint}
";

fn project() -> Project {
    Project::new(&[
        ("main.strata.hcl", CLUSTER),
        ("apps/platform/all.yaml", PLATFORM),
        ("apps/shop/settings.yaml", SHOP),
    ])
}

#[test]
fn what_would_be_sent_is_rendered_before_there_is_a_cluster() {
    let project = project();
    let all = project.run("--sandbox render").exits(0);
    assert!(!all.out.contains(CANARY), "{}", all.out);
    for line in [
        "# cluster.prod.layer.platform[\"/Namespace//shop\"]\n# apps/platform/all.yaml:1\n",
        "kind: Secret\n",
        "  password: (sensitive value)\n",
        "# cluster.prod.layer.shop[\"/ConfigMap/shop/settings\"]\n",
        "  namespace: shop\n",
        "  domain: shop.example\n",
        "  api: (known after apply)\n",
    ] {
        assert!(all.out.contains(line), "{line:?} in\n{}", all.out);
    }
    let at = |text: &str| all.out.find(text).unwrap();
    assert!(at("/Namespace//shop") < at("/Secret/shop/login"));
    let one = project
        .run("--sandbox render -target=cluster.prod.layer.shop")
        .exits(0);
    assert!(one.out.contains("ConfigMap") && !one.out.contains("Namespace"));
    project
        .run("--sandbox render -target=cluster.prod.layer.nope")
        .exits(64);
}

#[test]
fn objects_are_planned_with_the_cluster_that_they_need() {
    let project = project();
    let plan = project.run("--sandbox plan").exits(0);
    for address in [
        "cluster.prod.layer.platform[\"/Namespace//shop\"]",
        "cluster.prod.layer.platform[\"/Secret/shop/login\"]",
        "cluster.prod.layer.shop[\"/ConfigMap/shop/settings\"]",
    ] {
        assert!(plan.out.contains(address), "{address} in\n{}", plan.out);
    }
    project
        .run("--sandbox plan -target=cluster.prod.layer.shop")
        .exits(0)
        .says("aws_eks_cluster.main");
    let wrong = SHOP.replace("apiVersion: v1\n", "");
    project.write("apps/shop/settings.yaml", &wrong);
    project
        .run("validate")
        .exits(65)
        .complains("apps/shop/settings.yaml:1");
}

#[test]
fn a_saved_plan_holds_no_secret_of_a_manifest() {
    let project = Project::new(&[
        (
            "main.strata.hcl",
            "provider \"kubernetes\" {\n  host = \"https://127.0.0.1:9\"\n}\nlayer \"platform\" {\n  path = \"./apps/platform\"\n}\n",
        ),
        ("apps/platform/all.yaml", PLATFORM),
    ])
    .env("STRATA_LOG", "trace");
    project.run("plan -refresh=false -out=a.plan").exits(0);
    for line in [
        "plan -refresh=false",
        "plan -refresh=false -json",
        "show a.plan",
        "show -json a.plan",
    ] {
        let output = project.run(line).exits(0);
        assert!(
            !output.out.contains(CANARY) && !output.err.contains(CANARY),
            "{line}"
        );
    }
    for (path, bytes) in project.files() {
        let is_manifest = path.ends_with("apps/platform/all.yaml");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(is_manifest || !text.contains(CANARY), "{}", path.display());
    }
    // It is taken from where it is, if it is as it was.
    project.write("apps/platform/all.yaml", &PLATFORM.replace(CANARY, "other"));
    project
        .run("apply a.plan")
        .exits(5)
        .complains("apps/platform/all.yaml holds secrets");
}

/// A project whose one layer has an object of an API that Kubernetes 1.32 no longer serves.
fn flows(version: &str) -> Project {
    let cluster = CLUSTER.replace("\"1.34\"", &format!("{version:?}"));
    Project::new(&[
        ("main.strata.hcl", cluster.as_str()),
        ("apps/platform/all.yaml", FLOW),
        ("apps/shop/settings.yaml", SHOP),
    ])
}

const FLOW: &str = "\
# The first object begins in the second line.
apiVersion: flowcontrol.apiserver.k8s.io/v1beta3
kind: FlowSchema
metadata:
  name: shop
spec:
  priorityLevelConfiguration:
    name: global-default
";

#[test]
fn objects_are_judged_by_the_version_that_the_cluster_will_have() {
    for command in ["--sandbox plan", "--sandbox render", "validate"] {
        flows("1.31").run(command).exits(0);
        let refused = flows("1.33").run(command).exits(65);
        for words in [
            "E0254",
            "apps/platform/all.yaml:2: Kubernetes 1.33 serves no FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3.",
            "The last to serve it was 1.31.",
            "will have version 1.33",
            "Write it as flowcontrol.apiserver.k8s.io/v1.",
        ] {
            assert!(refused.err.contains(words), "{words} in {}", refused.err);
        }
    }
}

#[test]
fn a_plan_says_how_sure_it_is() {
    let project = project();
    let plan = project.run("--sandbox plan -out=a.plan").exits(0);
    let why = "judged by the schema of Kubernetes 1.34: cluster.prod.aws_eks_cluster.main does not exist yet";
    assert!(plan.out.contains(&format!("  # ({why})")), "{}", plan.out);
    let shown = project.run("--sandbox show -json a.plan").exits(0);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let strata = &shown["strata"];
    let namespace = r#"cluster.prod.layer.platform["/Namespace//shop"]"#;
    assert_eq!(strata["confidence"][namespace], "schema");
    assert_eq!(strata["confidence_reasons"][namespace], why);
    let leaves = &strata["leaf_confidence"][namespace];
    assert_eq!(leaves["manifest"]["metadata"]["name"], "schema");
    assert_eq!(leaves["uid"], "deferred");
    let settings = r#"cluster.prod.layer.shop["/ConfigMap/shop/settings"]"#;
    assert_eq!(strata["confidence"][settings], "deferred");
    let data = &strata["leaf_confidence"][settings]["manifest"]["data"];
    assert_eq!(data["domain"], "schema");
    assert_eq!(data["api"], "deferred");
    // What needs no cluster is exact, and nothing more is said of it.
    let cluster = "cluster.prod.aws_eks_cluster.main";
    assert!(strata["confidence_reasons"][cluster].is_null());
}

#[test]
fn schemas_of_a_file_judge_in_place_of_those_that_are_known_here() {
    let kind = serde_json::json!({
        "group": "flowcontrol.apiserver.k8s.io", "version": "v1beta3", "kind": "FlowSchema",
    });
    let dump = serde_json::json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.33.1"},
        "definitions": {"FlowSchema": {
            "type": "object", "x-kubernetes-group-version-kind": [kind],
            "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}},
        }},
        "paths": {"/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas/{name}": {
            "get": {"x-kubernetes-group-version-kind": kind},
        }},
    });
    let project = flows("1.33");
    project.write("schemas.json", &dump.to_string());
    // It is served, and its schema knows no spec.
    let found = project.run("validate -schemas=schemas.json").exits(65);
    assert!(!found.err.contains("no FlowSchema"), "{}", found.err);
    assert!(
        found
            .err
            .contains("FlowSchema of the given schemas: .spec: there is no such field"),
        "{}",
        found.err
    );
    // Of another minor the file says nothing of what is Kubernetes' own.
    let project = flows("1.34");
    project.write("schemas.json", &dump.to_string());
    let found = project
        .run("--sandbox plan -schemas=schemas.json")
        .exits(65);
    assert!(found.err.contains("E0254"), "{}", found.err);
}

#[test]
fn a_file_without_schemas_is_refused_in_one_message() {
    let project = project();
    project.write(
        "index.json",
        r#"{"paths": {"api": {"serverRelativeURL": "/openapi/v3/api"}}}"#,
    );
    project.write("text.json", "none");
    for (file, words, code) in [
        ("index.json", "list of a cluster's documents", 64),
        ("text.json", "no JSON", 64),
        ("missing.json", "No such file", 1),
    ] {
        for command in [
            "validate",
            "--sandbox plan",
            "--sandbox render",
            "--sandbox drift",
        ] {
            let refused = project
                .run(&format!("{command} -schemas={file}"))
                .exits(code);
            assert!(refused.err.contains(words), "{}", refused.err);
            assert!(refused.err.contains(file), "{}", refused.err);
            assert_eq!(refused.err.matches("error:").count(), 1, "{}", refused.err);
        }
    }
}

#[test]
fn a_path_without_manifests_is_told_as_it_is_resolved() {
    let project = Project::of("layer \"a\" {\n  path = \"./apps/none\"\n}\n");
    let place = project.path("apps/none");
    let told = |text: &str| {
        let refused = project.run("validate").exits(65);
        let err = refused.err.replace("\n  ", " ");
        assert!(err.contains("E0252") && err.contains(text), "{err}");
    };
    told(&format!("there is no directory {}.", place.display()));
    std::fs::create_dir_all(&place).unwrap();
    let empty = format!(
        "There are no manifests in {}: it is empty.",
        place.display()
    );
    told(&empty);
    project.write("apps/none/readme.md", "");
    told(&empty.replace("it is empty", "no file ends in .yaml, .yml or .json"));
}

#[test]
fn what_is_put_off_is_told_at_the_end() {
    let object = r#"
provider "kubernetes" {
  host = "https://127.0.0.1:9"
}
resource "kubernetes_object" "a" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "a", namespace = "default" }
  }
}
resource "strata_data" "b" {}
resource "strata_data" "after" {
  depends_on = [kubernetes_object.a]
}
"#;
    let project = Project::of(object);
    let begin = "Apply complete, but 2 objects are put off: run it again when all clusters can be reached. Resources:";
    project
        .run("--sandbox apply -auto-approve")
        .exits(0)
        .says(&format!("{begin} 1 added, 0 changed, 0 destroyed."));
    project.run("--sandbox plan -out=saved.plan").exits(0);
    // The same where there is nothing else to do, and of a plan that was saved.
    for line in ["apply -json -auto-approve", "apply -json saved.plan"] {
        let events = project.run(&format!("--sandbox {line}")).exits(0).events();
        let mut summaries = events.iter().rev();
        let last = summaries.find(|event| event["type"] == "change_summary");
        let last = last.unwrap();
        assert_eq!(last["changes"]["put_off"], 2, "{last}");
        let message = last["@message"].as_str().unwrap();
        assert!(message.starts_with(begin), "{message}");
    }
}

#[test]
fn a_kubeconfig_that_is_missing_is_told_once_and_where_it_is_named() {
    let object = |name: &str| {
        format!(
            "resource \"kubernetes_object\" \"{name}\" {{\n  manifest = {{ apiVersion = \"v1\", kind = \"ConfigMap\", metadata = {{ name = \"{name}\", namespace = \"default\" }} }}\n}}\n"
        )
    };
    let provider = "provider \"kubernetes\" {\n  config_path = \"./none\"\n}\n";
    let project = Project::of(&format!("{}{}{provider}", object("a"), object("b")));
    let refused = project.run("plan").exits(1);
    for words in ["there is no kubeconfig ./none", "main.strata.hcl line 7"] {
        assert!(refused.err.contains(words), "{words} in {}", refused.err);
    }
    assert_eq!(refused.err.matches("[E0603]").count(), 1, "{}", refused.err);
}

#[test]
fn a_layer_is_put_off_with_its_inventory() {
    let layer = "provider \"kubernetes\" {\n  host = \"https://127.0.0.1:9\"\n}\nlayer \"a\" {\n  path = \"./a\"\n}\n";
    let project = Project::of(layer);
    let map = |name: &str| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\n");
        project.write(&format!("a/{name}.yaml"), &text);
    };
    map("one");
    map("two");
    let applied = project
        .run("--sandbox apply -auto-approve")
        .exits(0)
        .says("Apply complete, but 3 objects are put off");
    let err = applied.err.replace("\n  ", " ");
    assert!(err.contains("The 3 objects in it are put off"), "{err}");
    assert!(!err.contains("W0604"), "{err}");
}

#[test]
fn a_data_source_names_the_namespace_that_its_kind_lives_in() {
    let project = Project::of(
        "data \"kubernetes_object\" \"a\" {\n  api_version = \"v1\"\n  kind        = \"ConfigMap\"\n  name        = \"a\"\n}\n",
    );
    for line in ["validate", "plan"] {
        let refused = project.run(line).exits(65);
        let told =
            "namespace: is missing: objects of the kind ConfigMap live in namespaces. Write one";
        let err = refused.err.replace("\n  ", " ");
        assert!(err.contains(told), "{err}");
        assert_eq!(refused.err.matches("[E0203]").count(), 1, "{}", refused.err);
        assert!(!refused.err.contains("E0603"), "{}", refused.err);
    }
}

#[test]
fn an_object_is_put_where_its_kind_lives_before_anything_is_sent() {
    let told = |kind: &str, metadata: &str, text: &str| {
        let project = Project::of(&format!(
            "resource \"kubernetes_object\" \"a\" {{\n  manifest = {{ apiVersion = \"v1\", kind = \"{kind}\", metadata = {{ {metadata} }} }}\n}}\n"
        ));
        for line in ["validate", "plan -refresh=false"] {
            let refused = project.run(line).exits(65);
            for words in ["main.strata.hcl line 2", text] {
                assert!(refused.err.contains(words), "{words} in {}", refused.err);
            }
            assert_eq!(refused.err.matches("[E0203]").count(), 1, "{}", refused.err);
        }
    };
    told(
        "ConfigMap",
        "name = \"a\"",
        "manifest.metadata.namespace: is missing: objects of the kind ConfigMap live in namespaces. Write one",
    );
    told(
        "Namespace",
        "name = \"a\", namespace = \"shop\"",
        "manifest.metadata.namespace: must be left out: objects of the kind Namespace live in no namespace.",
    );
    // An object of a layer gets one.
    let layer = "provider \"kubernetes\" {\n  host = \"https://127.0.0.1:9\"\n}\nlayer \"a\" {\n  path = \"./a\"\n}\n";
    let project = Project::of(layer);
    project.write(
        "a/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
    );
    project
        .run("plan -refresh=false")
        .exits(0)
        .says("layer.a[\"/ConfigMap/default/a\"]");
}
