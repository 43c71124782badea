//! `state …`, `init`, `import`: correcting what is remembered.

use crate::support::Project;

const TEXT: &str = r#"
resource "strata_data" "a" {
  count = 2
  input = count.index
}
resource "strata_data" "b" {
  input = "b"
}
"#;

#[test]
fn init_makes_what_is_missing_once() {
    let project = Project::of(TEXT);
    project.run("init").exits(0).says("strata.lock").says("key");
    let lock = std::fs::read_to_string(project.path("strata.lock")).unwrap();
    assert!(lock.contains("lineage = "), "{lock}");
    let ignored = std::fs::read_to_string(project.path(".gitignore")).unwrap();
    assert_eq!(ignored, ".strata/\n*.plan\n");
    project.run("init").exits(0).says("initialised already");
    assert_eq!(
        std::fs::read_to_string(project.path("strata.lock")).unwrap(),
        lock
    );
    assert_eq!(
        std::fs::read_to_string(project.path(".gitignore")).unwrap(),
        ignored
    );
}

#[test]
fn rows_are_listed_moved_and_forgotten() {
    let project = Project::of(TEXT);
    project.run("apply -auto-approve").exits(0);
    assert_eq!(
        project.run("state list").exits(0).out,
        "strata_data.a[0]\nstrata_data.a[1]\nstrata_data.b\n"
    );
    assert_eq!(
        project.run("state list strata_data.a").exits(0).out,
        "strata_data.a[0]\nstrata_data.a[1]\n"
    );
    project
        .run("state show strata_data.b")
        .exits(0)
        .says("input  = \"b\"")
        .says("main.strata.hcl:6");
    project
        .run("state mv strata_data.a strata_data.c")
        .exits(0)
        .says("Moved strata_data.a[0] to strata_data.c[0]");
    project.run("state mv strata_data.b strata_data.c").exits(0);
    project
        .run("state mv strata_data.c[0] strata_data.c[1]")
        .exits(1)
        .complains("already");
    project
        .run("state mv strata_data.zzz strata_data.y")
        .exits(1);
    project.run("state mv strata_data.c[0] aws_vpc.x").exits(64);
    project
        .run("state rm -dry-run strata_data.c")
        .exits(0)
        .says("Would forget");
    project
        .run("state rm strata_data.c[0]")
        .exits(0)
        .says("Forgot strata_data.c[0]");
    let history = project.run("state history").exits(0);
    assert!(
        history.out.contains("apply")
            && history.out.contains("Forgot")
            && history.out.contains("tester@"),
        "{}",
        history.out
    );
    let runs = project.run("state history -json").exits(0).json();
    assert!(runs.as_array().unwrap().len() >= 3);
    project.run("state history strata_data.b").exits(0);
}

#[test]
fn an_object_is_imported_and_nothing_else_happens() {
    let project = Project::of(TEXT);
    project
        .run("import strata_data.b 0d0f2d5e-3f7e-4a6e-9d3c-1f2e3d4c5b6a")
        .exits(0);
    assert_eq!(project.run("state list").exits(0).out, "strata_data.b\n");
    project.run("import strata_data.undeclared x").exits(64);
}

#[test]
fn states_stand_where_they_are_told_to() {
    let project = Project::of(&format!(
        "project {{\n  state = \"elsewhere/project.db\"\n}}\n{TEXT}"
    ));
    project.run("apply -auto-approve").exits(0);
    assert!(project.path("elsewhere/project.db").exists());
    let flagged = Project::of(TEXT);
    flagged.run("apply -auto-approve -state=flag.db").exits(0);
    assert!(flagged.path("flag.db").exists() && !flagged.path(".strata/state.db").exists());
    let environment = Project::of(TEXT)
        .env("STRATA_STATE", "env.db")
        .env("STRATA_DATA_DIR", "data");
    environment.run("apply -auto-approve").exits(0);
    assert!(environment.path("env.db").exists() && environment.path("data/key").exists());
    environment.run("plan -state=s3://bucket/key").exits(64);
}

#[test]
fn a_plan_looks_at_the_state_that_the_project_names() {
    let text = format!("project {{\n  state = \"elsewhere/project.db\"\n}}\n{TEXT}");
    let project = Project::of(&text);
    project.run("apply -auto-approve").exits(0);
    // An older copy of it, where a project that names none has its state.
    std::fs::copy(
        project.path("elsewhere/project.db"),
        project.path(".strata/state.db"),
    )
    .unwrap();
    let more = format!("{text}\nresource \"strata_data\" \"later\" {{}}\n");
    project.write("main.strata.hcl", &more);
    project.run("apply -auto-approve").exits(0);
    project.run("plan").exits(0).says("No changes.");
    project.write(
        "main.strata.hcl",
        &more.replace("elsewhere/project.db", ".strata/state.db"),
    );
    project.run("plan").exits(0).says("1 to add");
}
