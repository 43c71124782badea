//! The user's page of the language: every example on it does what the page says.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::{Diagnostic, Diagnostics, FileId, SourceMap, Timestamp, Type, Value};

use crate::budget::Budget;
use crate::decode::tests::said;
use crate::decode::{InputFile, PackageKind, decode_package};
use crate::evaluate::Evaluator;
use crate::expression::Reference;
use crate::format::format;
use crate::functions;
use crate::parse;
use crate::scope::{ResolveRequest, Scope, SourceTree};

const PAGE: &str = include_str!("../../../docs/language.md");

/// A fenced example: what its fence says, where it begins, and its text.
struct Example<'a> {
    kind: &'a str,
    line: usize,
    text: String,
}

fn examples() -> Vec<Example<'static>> {
    let mut found: Vec<Example<'_>> = Vec::new();
    let mut open = false;
    for (index, line) in PAGE.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(kind) if !open => {
                open = true;
                found.push(Example {
                    kind,
                    line: index + 1,
                    text: String::new(),
                });
            }
            Some(_) => open = false,
            None if open => {
                let example = found.last_mut().unwrap();
                example.text.push_str(line);
                example.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open && !found.is_empty());
    found
}

/// The names that the page uses in its expressions.
struct Names;

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let node =
            |name: &str, size: i64| Value::object([("name", name.into()), ("size", size.into())]);
        let tags = BTreeMap::from([(Arc::from("env"), Value::from("prod"))]);
        let value = match request.reference {
            Reference::Variable(name) => match name.as_ref() {
                "name" => "web".into(),
                "greeting" => "Hi, ${name}!".into(),
                "zones" => Value::list(Type::String, vec!["a".into(), "b".into()]),
                "tags" => Value::map(Type::String, tags.into()),
                "nodes" => Value::tuple(vec![node("n1", 1), node("n2", 3)]),
                other => panic!("the page does not introduce var.{other}"),
            },
            other => panic!("the page does not introduce {other}"),
        };
        Ok(value)
    }
}

/// The files that the page speaks of.
#[derive(Debug)]
struct Files;

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let bytes: &[u8] = match path {
            "motd.txt" => b"hello\n",
            "motd.tftpl" => b"Hi, ${name}!",
            "logo.png" => b"\x89PNG",
            "manifests/app.yaml" => b"a: 1\n",
            other => return Err(format!("the page does not introduce {other}")),
        };
        Ok(Arc::from(bytes))
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        self.read(path).map(|_| true)
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(["logo.png", "manifests/app.yaml", "motd.tftpl", "motd.txt"]
            .map(str::to_owned)
            .to_vec())
    }
}

fn evaluated(text: &str, line: usize) -> serde_json::Value {
    let expr = parse::expression(text, FileId(0), 0)
        .unwrap_or_else(|fault| panic!("line {line}: {fault:?}"));
    let budget = Budget::default();
    let evaluator = Evaluator {
        scope: &Names,
        files: Some(&Files),
        budget: &budget,
        plan_timestamp: "2026-03-01T10:00:00Z".parse::<Timestamp>().ok(),
    };
    let mut diagnostics = Diagnostics::new();
    let value = evaluator.evaluate(&expr, &mut diagnostics);
    assert!(
        diagnostics.is_empty(),
        "line {line}: {text}: {diagnostics:#?}"
    );
    value.to_json()
}

#[test]
fn expressions_have_the_values_that_the_page_shows() {
    let mut count = 0;
    for example in examples()
        .iter()
        .filter(|example| example.kind == "console")
    {
        let mut lines = example.text.lines();
        while let (Some(expression), Some(value)) = (lines.next(), lines.next()) {
            let expression = expression.strip_prefix("> ").unwrap();
            let expected: serde_json::Value = serde_json::from_str(value).unwrap();
            assert_eq!(
                evaluated(expression, example.line),
                expected,
                "{expression}"
            );
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

/// The rows of the tables of functions: an expression and its value in back quotes.
fn function_rows() -> Vec<(usize, String, String, String)> {
    let mut found = Vec::new();
    for (index, line) in PAGE.lines().enumerate() {
        let cells: Vec<String> = line
            .replace("\\|", "\u{1}")
            .split('|')
            .map(|cell| cell.trim().replace('\u{1}', "|"))
            .collect();
        let [_, name, _, expression, value, _] = cells.as_slice() else {
            continue;
        };
        let bare = |cell: &str| {
            cell.strip_prefix('`')
                .and_then(|cell| cell.strip_suffix('`'))
                .map(str::to_owned)
        };
        if let (Some(name), Some(expression), Some(value)) =
            (bare(name), bare(expression), bare(value))
        {
            found.push((index + 1, name, expression, value));
        }
    }
    found
}

#[test]
fn every_function_is_described_with_an_example() {
    let rows = function_rows();
    for (line, name, expression, value) in &rows {
        assert!(expression.contains(&format!("{name}(")), "line {line}");
        let expected: serde_json::Value =
            serde_json::from_str(value).unwrap_or_else(|fault| panic!("line {line}: {fault}"));
        assert_eq!(
            evaluated(expression, *line),
            expected,
            "line {line}: {expression}"
        );
    }
    let described: Vec<&str> = rows.iter().map(|(_, name, ..)| name.as_str()).collect();
    for function in functions::table() {
        assert!(
            described.contains(&function.name),
            "{} has no row",
            function.name
        );
    }
    assert_eq!(
        described.len(),
        functions::table().len(),
        "a row for each, and no more"
    );
}

fn decode(example: &Example<'_>) -> (String, Vec<&'static str>) {
    let mut words = example.kind.split(' ');
    let spelling = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    let kind = if rest.contains(&"package") {
        PackageKind::Stack
    } else {
        PackageKind::Project
    };
    let name = if rest.contains(&"defaults") {
        "defaults"
    } else {
        "main"
    };
    let file = InputFile {
        path: format!("{name}.strata.{spelling}").into(),
        bytes: Arc::from(example.text.as_bytes()),
    };
    let mut sources = SourceMap::default();
    let (package, diagnostics) = decode_package(&"".into(), kind, &[file], &mut sources);
    (
        said(&package),
        diagnostics.iter().map(|fault| fault.code.0).collect(),
    )
}

#[test]
fn definitions_are_read_as_the_page_says() {
    let mut count = 0;
    let examples = examples();
    for (index, example) in examples.iter().enumerate() {
        let is_definition = example.kind.starts_with("hcl") || example.kind.starts_with("yaml");
        if !is_definition {
            continue;
        }
        count += 1;
        let (meaning, codes) = decode(example);
        let expected: Vec<&str> = example
            .kind
            .split(' ')
            .filter(|word| word.starts_with('E'))
            .collect();
        assert_eq!(codes, expected, "line {}", example.line);
        if !expected.is_empty() {
            continue;
        }
        let spelling = example.kind.split(' ').next().unwrap();
        let formatted = format(&format!("a.{spelling}"), &example.text).unwrap();
        assert_eq!(
            formatted, example.text,
            "line {} is not laid out",
            example.line
        );
        // An example in YAML that follows one in HCL at once says the same.
        if let Some(before) = index.checked_sub(1).map(|before| &examples[before]) {
            let gap = example.line - before.line - before.text.lines().count();
            if before.kind == "hcl" && example.kind == "yaml" && gap == 3 {
                assert_eq!(decode(before).0, meaning, "line {}", example.line);
            }
        }
    }
    assert!(count > 25, "{count}");
}
