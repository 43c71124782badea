//! A new cluster that cannot be reached from here: nothing in it is begun, and all that EKS does without us goes on.

use std::fs;

use crate::harness::{World, WorldOptions};

const PROJECT: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

cluster "one" {
  stack  = "aws-eks"
  inputs = { name = "one", public_access_cidrs = [], zone_count = 2 }

  layer "app" {
    path = "./app"
  }
}
"#;

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: default }\ndata: { x: \"1\" }\n";

const NOBODY_ANSWERS: WorldOptions<'_> = WorldOptions {
    speed: 1000,
    faults: Some("rules: [{operation: CreateCluster, fault: unreachable_endpoint}]"),
};

#[test]
fn an_unreachable_cluster_stops_what_lives_in_it_and_nothing_else() {
    let world = World::of_text(PROJECT, NOBODY_ANSWERS);
    let layer = world.project().join("app");
    fs::create_dir(&layer).expect("a directory can be made");
    fs::write(layer.join("a.yaml"), MANIFEST).expect("a manifest can be written");
    let finished = world
        .run(&["apply", "-auto-approve"])
        .expect_code(1)
        .expect_text("Warning: the API server of EKS cluster one does not answer from here");
    let text = finished.text();
    let skipped = |line: &&str| {
        line.starts_with("cluster.one.layer.app[")
            && line.ends_with(
                "Skipped: the API server of cluster.one.aws_eks_cluster.main does not answer from here",
            )
    };
    assert!(text.lines().any(|line| skipped(&line)), "{text}");
    // It is not even tried: no step of the layer begins or fails.
    assert!(
        !text.contains("layer.app[\"/ConfigMap/default/a\"]: Creating"),
        "{text}"
    );
    assert!(
        text.contains("could not begin") && !text.contains("failed"),
        "{text}"
    );
    let made = |kind: &str| {
        let ledger = world.ledger();
        ledger.live().filter(|object| object.kind == kind).count()
    };
    assert_eq!((made("cluster"), made("nodegroup")), (1, 1));
    assert!(made("addon") > 0);
}

#[test]
fn a_cluster_without_layers_only_warns() {
    let text = PROJECT.replace("  layer \"app\" {\n    path = \"./app\"\n  }\n", "");
    let world = World::of_text(&text, NOBODY_ANSWERS);
    world
        .run(&["apply", "-auto-approve"])
        .expect_code(0)
        .expect_text("does not answer from here");
    world.expect_no_changes(&[]);
}
