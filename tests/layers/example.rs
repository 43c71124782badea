//! `examples/layers`, as its README says.

use std::path::Path;

use crate::plane::{PLANE, get, project};
use crate::support::Project;

fn copied(project: &Project) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/layers");
    for name in [
        "project.strata.yaml",
        "platform/namespace.yaml",
        "platform/banner.yaml",
        "app/web.yaml",
    ] {
        project.write(name, &std::fs::read_to_string(root.join(name)).unwrap());
    }
}

#[test]
fn the_example_does_what_its_readme_says() {
    let project = project(&[]);
    copied(&project);
    project
        .run("render")
        .exits(0)
        .says("kind: Banner")
        .says("colour: blue");
    project
        .run("plan")
        .exits(0)
        .says("Plan: 10 to add, 0 to change, 0 to destroy.");
    project.run("apply -auto-approve").exits(0).says("10 added");
    project.run("plan").exits(0).says("No changes.");
    let deployment = "/apis/apps/v1/namespaces/shop/deployments/web";
    assert_eq!(get(deployment)["status"]["availableReplicas"], 1);
    // What the autoscaler does when there are metrics.
    let scale = serde_json::json!({"spec": {"replicas": 4}});
    crate::plane::somebody(
        "application/merge-patch+json",
        &format!("{deployment}/scale"),
        &scale,
    );
    project.run("plan -detailed-exitcode").exits(0);
    project
        .run("apply -auto-approve -var colour=green")
        .exits(0)
        .says("0 added, 1 changed, 0 destroyed");
    assert_eq!(get(deployment)["spec"]["replicas"], 4);
    assert_eq!(
        get("/api/v1/namespaces/shop/configmaps/web")["data"]["colour"],
        "green"
    );
    project
        .run("destroy -auto-approve")
        .exits(0)
        .says("10 destroyed");
    let left = PLANE
        .client()
        .unwrap()
        .get("/api/v1/namespaces/shop")
        .unwrap();
    assert_eq!(left.status, 404);
}

#[test]
fn the_example_is_rendered_without_a_cluster() {
    let project = Project::new(&[]);
    copied(&project);
    let rendered = project.run("render").exits(0);
    for part in [
        "kind: CustomResourceDefinition",
        "namespace: shop",
        "kind: HorizontalPodAutoscaler",
    ] {
        assert!(rendered.out.contains(part), "{}", rendered.out);
    }
}
