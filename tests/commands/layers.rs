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
