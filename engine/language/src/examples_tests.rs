//! The project's own examples and stacks, through everything that reads and writes files.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests read the examples of the repository"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_model::SourceMap;

use crate::decode::tests::said;
use crate::decode::{InputFile, PackageKind, Spelling, decode_package};
use crate::format::format;
use crate::respell::respell;

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files_below(&path, found);
        } else if name.contains(".strata.") {
            found.push(path);
        }
    }
}

/// All definition files of the repository's examples and stacks.
fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for directory in ["examples", "stacks"] {
        files_below(&root.join(directory), &mut found);
    }
    found.sort();
    assert!(!found.is_empty(), "the examples are gone");
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    found.into_iter().map(read).collect()
}

fn meaning(path: &str, text: &str) -> String {
    let kind = if path.contains("/stacks/") {
        PackageKind::Stack
    } else {
        PackageKind::Project
    };
    let name = path.rsplit('/').next().unwrap();
    let file = InputFile {
        path: name.into(),
        bytes: Arc::from(text.as_bytes()),
    };
    let (package, faults) = decode_package(&"".into(), kind, &[file], &mut SourceMap::default());
    assert!(faults.is_empty(), "{path}\n{text}\n{faults:#?}");
    said(&package)
}

#[test]
fn examples_are_laid_out() {
    for (path, text) in files() {
        let path = path.display().to_string();
        let once = format(&path, &text).unwrap();
        assert_eq!(once, format(&path, &once).unwrap(), "{path}");
        assert_eq!(meaning(&path, &text), meaning(&path, &once), "{path}");
    }
}

#[test]
fn examples_say_the_same_in_the_other_spelling() {
    for (path, text) in files() {
        let path = path.display().to_string();
        let (other, to, back) = match Spelling::of(&path).unwrap() {
            Spelling::Hcl => (path.replace(".hcl", ".yaml"), Spelling::Yaml, Spelling::Hcl),
            Spelling::Yaml => (path.replace(".yaml", ".hcl"), Spelling::Hcl, Spelling::Yaml),
        };
        let there = respell(&path, &text, to).unwrap();
        let again = respell(&other, &there, back).unwrap();
        let twice = respell(&path, &again, to).unwrap();
        assert_eq!(there, twice, "{path}");
        if to == Spelling::Hcl {
            assert_eq!(meaning(&path, &text), meaning(&other, &there), "{there}");
        }
        assert_eq!(
            meaning(&other, &there),
            meaning(&path, &again).as_str(),
            "{there}\n{again}"
        );
        let comments = |text: &str| text.matches("# ").count();
        assert_eq!(comments(&text), comments(&there), "{path}");
    }
}

#[test]
fn examples_conform_to_the_schema() {
    let (mut definitions, mut defaults) = (Vec::new(), Vec::new());
    for (path, text) in files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let path = path.display().to_string();
        let text = match Spelling::of(&path).unwrap() {
            Spelling::Hcl => respell(&path, &text, Spelling::Yaml).unwrap(),
            Spelling::Yaml => text,
        };
        let json = crate::yaml::to_json(&text);
        if name.starts_with("defaults.") {
            defaults.push((path, json));
        } else {
            definitions.push((path, json));
        }
    }
    assert!(definitions.len() > 10 && !defaults.is_empty());
    for (schema, files) in [
        (crate::json_schema::definitions(), definitions),
        (crate::json_schema::defaults(), defaults),
    ] {
        let (paths, values): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        let judged = crate::json_schema::judge::faults(&schema, &values);
        for (path, faults) in paths.iter().zip(judged) {
            assert!(faults.is_empty(), "{path}: {faults:#?}");
        }
    }
}
