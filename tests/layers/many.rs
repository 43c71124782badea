//! A thousand objects: how many requests looking at them takes, and that a second run writes nothing.

use std::fmt::Write as _;

use crate::plane::{QUIET, project_on, requests, unique};

#[test]
fn a_thousand_unchanged_objects_take_few_requests() {
    const COUNT: usize = 1000;
    let ns = unique("many");
    let mut manifests = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {ns} }}\n");
    for number in 0..COUNT {
        write!(
            manifests,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: c{number}, namespace: {ns} }}\ndata: {{ n: \"{number}\" }}\n"
        )
        .unwrap();
    }
    let files = [
        ("main.strata.yaml", "layer:\n  app: { path: ./app }\n"),
        ("app/all.yaml", manifests.as_str()),
    ];
    let project = project_on(&QUIET, &files);
    let (before, _) = requests(&QUIET);
    project.run("plan -out=plan.bin").exits(0);
    let (planned, _) = requests(&QUIET);
    // One look at what is there already, not one for each object.
    assert!(planned - before <= 10, "{} requests", planned - before);
    project
        .run("apply -parallelism=16 plan.bin")
        .exits(0)
        .says("1002 added");
    let (all, writes) = requests(&QUIET);
    // One for each object; beside that discovery, the namespace of the inventory, and a look at each namespace or two.
    let applied = all - planned;
    assert!(applied <= COUNT + 20, "{applied} requests");
    project.run("plan").exits(0).says("No changes.");
    let (all_after, writes_after) = requests(&QUIET);
    assert_eq!(writes_after, writes);
    // Namespaces and ConfigMaps: at most two for each kind, and six.
    let asked = all_after - all;
    assert!(asked <= 2 * 2 + 6, "{asked} requests");
}
