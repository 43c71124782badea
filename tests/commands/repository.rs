//! The repository itself: which room may depend on which, how large files are, that none is forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms of the workspace and what each may depend on, of the workspace's own.
const ROOMS: &[(&str, &[&str])] = &[
    ("engine/model", &[]),
    ("engine/language", &["strata-model"]),
    ("engine/core", &["strata-model", "strata-language"]),
    ("state", &["strata-model"]),
    ("providers/builtin", &["strata-model"]),
    ("providers/aws", &["strata-model"]),
    ("providers/git", &["strata-model"]),
    (
        "providers/kubernetes",
        &["strata-model", "strata-kubernetes-merge"],
    ),
    ("providers/kubernetes/merge", &[]),
    ("sandbox", &[]),
    ("tests/control_plane", &[]),
];

/// What the engine must not even know.
const NOT_IN_ENGINE: &[&str] = &[
    "sqlx", "kube", "aws-", "tokio", "reqwest", "hyper", "clap", "axum", "git2",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in a section of a manifest.
fn section(manifest: &str, name: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_end_matches(']') == name;
        } else if inside && let Some((key, _)) = line.split_once(['=', '.']) {
            names.push(key.trim().to_owned());
        }
    }
    names
}

#[test]
fn no_arrow_points_the_wrong_way() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members: Vec<&str> = workspace
        .split("members = [")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap()
        .split(',')
        .map(|text| text.trim().trim_matches('"'))
        .filter(|text| !text.is_empty())
        .collect();
    let known: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    for member in members {
        let Some(allowed) = known.get(member) else {
            assert!(member == "benches", "the room {member} has no rule here");
            continue;
        };
        let manifest = std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        for dependency in section(&manifest, "dependencies") {
            if dependency.starts_with("strata-") {
                assert!(
                    allowed.contains(&dependency.as_str()),
                    "{member} depends on {dependency}"
                );
            }
            let engine = member.starts_with("engine/");
            let banned = NOT_IN_ENGINE.iter().any(|banned| {
                dependency == *banned || (banned.ends_with('-') && dependency.starts_with(banned))
            });
            assert!(!(engine && banned), "{member} depends on {dependency}");
        }
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{member} does not inherit the lints"
        );
        for section in ["dependencies", "dev-dependencies"] {
            for line in manifest
                .split(&format!("[{section}]"))
                .skip(1)
                .flat_map(|text| text.split("\n[").next())
            {
                assert!(
                    !line.contains("= \""),
                    "{member} pins a version outside of the workspace's table"
                );
            }
        }
    }
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

#[test]
fn files_are_small_and_well_named() {
    let mut files = Vec::new();
    for room in ["src", "engine", "state", "providers", "sandbox"] {
        sources(&root().join(room), &mut files);
    }
    assert!(files.len() > 50);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap()
            .lines()
            .count();
        let is_test = file.components().any(|part| part.as_os_str() == "tests")
            || file
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .contains("tests");
        assert!(
            is_test || code <= 800,
            "{} has {code} lines",
            file.display()
        );
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(
            !["util", "utils", "helpers", "common", "misc", "imp"].contains(&stem),
            "{}",
            file.display()
        );
    }
}

#[test]
fn only_views_print_and_only_main_is_tiny() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for banned in ["println!", "eprintln!", "print!("] {
            assert!(!text.contains(banned), "{} prints", file.display());
        }
    }
    let main = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 40);
}

#[test]
fn no_test_is_forgotten() {
    let list = std::fs::read_to_string(root().join("tests/main.rs")).unwrap();
    for entry in std::fs::read_dir(root().join("tests/commands")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            list.contains(&format!("commands/{name}")),
            "tests/main.rs does not name {name}"
        );
    }
}

#[test]
fn every_variable_is_in_the_one_table() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files
        .iter()
        .filter(|file| !file.ends_with("environment.rs"))
    {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(
            !text.contains("std::env::var"),
            "{} reads the environment",
            file.display()
        );
    }
}
