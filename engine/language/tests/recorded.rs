//! Expressions compared with what `terraform console` made of them: `expressions/record.py` records, this compares
//! values and types. Differences that are meant are listed with their reason.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::functions;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_model::{Diagnostic, Diagnostics, FileId};

/// The files that the expressions read.
#[derive(Debug)]
struct Files;

const FILES: [(&str, &[u8]); 8] = [
    ("binary.bin", include_bytes!("expressions/files/binary.bin")),
    (
        "greeting.tftpl",
        include_bytes!("expressions/files/greeting.tftpl"),
    ),
    ("hello.txt", include_bytes!("expressions/files/hello.txt")),
    (
        "missing.tftpl",
        include_bytes!("expressions/files/missing.tftpl"),
    ),
    (
        "recursive.tftpl",
        include_bytes!("expressions/files/recursive.tftpl"),
    ),
    ("sub/a.txt", include_bytes!("expressions/files/sub/a.txt")),
    ("sub/b.md", include_bytes!("expressions/files/sub/b.md")),
    (
        "value.tftpl",
        include_bytes!("expressions/files/value.tftpl"),
    ),
];

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let found = FILES.iter().find(|(name, _)| *name == path);
        found
            .map(|(_, bytes)| Arc::from(*bytes))
            .ok_or_else(|| "there is no such file".to_owned())
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.read(path).is_ok())
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, String> {
        let prefix = if directory == "." {
            String::new()
        } else {
            format!("{directory}/")
        };
        let names = FILES.iter().map(|(name, _)| (*name).to_owned());
        Ok(names.filter(|name| name.starts_with(&prefix)).collect())
    }
}

struct NoNames;

impl Scope for NoNames {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<strata_model::Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(
            strata_language::codes::UNKNOWN_NAME
                .error(detail)
                .at(request.span),
        ))
    }
}

/// The value as JSON and the type as text, or the error.
fn evaluate(text: &str) -> Result<(serde_json::Value, String), String> {
    let budget = Budget::default();
    let evaluator = Evaluator {
        scope: &NoNames,
        files: Some(&Files),
        budget: &budget,
        plan_timestamp: None,
    };
    let expr = parse::expression(text, FileId(0), 0).map_err(|fault| fault.detail)?;
    let mut diagnostics = Diagnostics::new();
    let value = evaluator.evaluate(&expr, &mut diagnostics);
    match diagnostics.iter().next() {
        Some(fault) => Err(fault.detail.clone()),
        None => Ok((value.to_json(), value.ty().to_string())),
    }
}

/// Whether two JSON values are equal, numbers by value.
fn same(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            let whole = |number: &serde_json::Number| {
                let unsigned = number.as_u64().map(i128::from);
                unsigned.or_else(|| number.as_i64().map(i128::from))
            };
            match (whole(left), whole(right)) {
                (Some(left), Some(right)) => left == right,
                _ => left.as_f64() == right.as_f64(),
            }
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (left, right) => left == right,
    }
}

/// What is different; `None` where nothing is.
fn difference(entry: &serde_json::Value) -> Option<String> {
    let found = evaluate(entry["expression"].as_str().unwrap());
    if entry["unknown"].as_bool() == Some(true) {
        return Some(format!("recorded as unknown, found {found:?}"));
    }
    let Some(value) = entry["value"].as_str() else {
        return found.ok().map(|(value, ty)| {
            format!(
                "an error was recorded ({}), found {value} of {ty}",
                entry["error"]
            )
        });
    };
    let recorded: serde_json::Value = serde_json::from_str(value).unwrap();
    let ty = entry["type"].as_str().unwrap();
    match found {
        Err(error) => Some(format!(
            "recorded {recorded} of {ty}, found the error {error}"
        )),
        Ok((value, found)) if !same(&value, &recorded) || found != ty => Some(format!(
            "recorded {recorded} of {ty}, found {value} of {found}"
        )),
        Ok(_) => None,
    }
}

#[test]
fn recorded_results_are_ours() {
    let recorded: serde_json::Value =
        serde_json::from_str(include_str!("expressions/recorded.json")).unwrap();
    let meant: BTreeMap<&str, &str> = include_str!("expressions/differences.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| line.split_once(" ## ").unwrap())
        .collect();
    let results = recorded["results"].as_array().unwrap();
    let mut unmeant = Vec::new();
    let mut stale: BTreeMap<&str, &str> = meant.clone();
    for entry in results {
        let expression = entry["expression"].as_str().unwrap();
        match (difference(entry), meant.get(expression)) {
            (Some(_), Some(_)) => {
                stale.remove(expression);
            }
            (Some(text), None) => unmeant.push(format!("{expression}\n    {text}")),
            (None, _) => {}
        }
    }
    assert!(
        unmeant.is_empty(),
        "{} differences:\n{}",
        unmeant.len(),
        unmeant.join("\n")
    );
    assert!(
        stale.is_empty(),
        "listed as different, and are not: {stale:?}"
    );
    assert!(results.len() >= 600);
    let share = meant.len() as f64 / results.len() as f64;
    assert!(share <= 0.01, "{} of {} differ", meant.len(), results.len());
}

#[test]
fn every_function_is_recorded() {
    let expressions = include_str!("expressions/expressions.txt");
    let own = [
        "base64gunzip",
        "cidrcontains",
        "plantimestamp",
        "type",
        "urldecode",
    ];
    let missing: Vec<&str> = functions::table()
        .iter()
        .map(|function| function.name)
        .filter(|name| !own.contains(name) && !expressions.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
