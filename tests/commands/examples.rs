//! The examples, as their READMEs say.

use std::path::Path;

use crate::support::Project;

/// A copy of an example.
fn example(name: &str) -> Project {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    Project::copy_of(&from).0
}

/// The commands of a README, in order.
fn commands(readme: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            found.push(command);
        }
    }
    found
}

#[test]
fn the_readme_of_the_fleet_is_followed() {
    let project = example("eks-fleet");
    let readme = std::fs::read_to_string(project.path("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        match command.strip_prefix("strata ") {
            Some(words) => {
                let faster = if words.contains(" apply ") || words.contains(" destroy ") {
                    " --speed=600"
                } else {
                    ""
                };
                project.run(&format!("{words}{faster}")).exits(0);
            }
            None => {
                let done = std::process::Command::new("bash")
                    .args(["-c", command])
                    .current_dir(project.path("."))
                    .status()
                    .unwrap();
                assert!(done.success(), "{command}");
            }
        }
    }
    assert_eq!(project.run("--sandbox state list").exits(0).out, "");
}

#[test]
fn the_graph_of_the_fleet_is_current() {
    let project = example("eks-fleet");
    let drawn = project.run("--sandbox graph -format=mermaid").exits(0).out;
    let page = format!(
        "# The graph of this project\n\nDrawn by `strata --sandbox graph -format=mermaid`; a test checks that it is \
         current.\n\n```mermaid\n{drawn}```\n"
    );
    let committed = std::fs::read_to_string(project.path("graph.md")).unwrap_or_default();
    assert!(
        committed == page,
        "examples/eks-fleet/graph.md is not current; it should be:\n{page}"
    );
}

#[test]
fn examples_are_laid_out_as_fmt_does() {
    for name in ["eks-fleet", "eks-mini"] {
        example(name).run("fmt -check -recursive").exits(0);
    }
}
