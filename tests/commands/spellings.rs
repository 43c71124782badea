//! Every example project, converted to the other spelling and back: its plan stays the same.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::support::Project;

/// The plan against emulated clouds as `show -json` shows it, without what differs in every run (ids, times and
/// digests) and in every spelling (places), and what layers send, of which such a plan says nothing.
fn plan(project: &Project) -> Json {
    let sent = project.run("--sandbox render").exits(0).out;
    project.run("--sandbox plan -out=a.plan").exits(0);
    let mut json = project.run("show -json a.plan").exits(0).json();
    std::fs::remove_dir_all(project.path(".strata")).unwrap();
    std::fs::remove_file(project.path("a.plan")).unwrap();
    json.as_object_mut().unwrap().remove("timestamp").unwrap();
    let own = json["strata"].as_object_mut().unwrap();
    // Where a resource is declared is told by file and line.
    for name in ["lineage", "plan", "source", "declared_at"] {
        own.remove(name).unwrap();
    }
    let changes = json["resource_changes"].as_array().unwrap();
    assert!(!changes.is_empty() || !sent.is_empty());
    json["sent"] = sent.into();
    json
}

/// Writes every definition of a project in its other spelling.
fn convert_all(project: &Project, files: &mut [PathBuf]) {
    for file in files {
        let path = file.to_str().unwrap().to_owned();
        let (to, other) = match path.strip_suffix(".hcl") {
            Some(stem) => ("yaml", format!("{stem}.yaml")),
            None => ("hcl", path.replace(".strata.yaml", ".strata.hcl")),
        };
        project
            .run_words(&["convert", &format!("-to={to}"), "-write", &path])
            .exits(0);
        *file = PathBuf::from(other);
        assert!(project.path(file.to_str().unwrap()).exists());
    }
}

#[test]
fn examples_plan_the_same_in_the_other_spelling_and_back() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let directory = entry.unwrap().path();
        let (project, mut files) = Project::copy_of(&directory);
        files.retain(|file| file.to_str().unwrap().contains(".strata."));
        if files.is_empty() {
            continue;
        }
        let before = plan(&project);
        convert_all(&project, &mut files);
        assert_eq!(plan(&project), before, "{}", directory.display());
        convert_all(&project, &mut files);
        assert_eq!(plan(&project), before, "{} and back", directory.display());
        count += 1;
    }
    assert!(count > 0, "there are no examples");
}
