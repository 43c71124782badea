//! Any text as an expression and as a template, evaluated with a few names in scope.

#![no_main]

use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::codes;
use strata_language::evaluate::Evaluator;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_model::{Diagnostic, Diagnostics, FileId, Timestamp, Type, Value};

/// Names of each kind: plain, secret, unknown and null.
struct Names;

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(codes::UNKNOWN_NAME.error(detail).at(request.span)))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        Some(match name {
            "a" => Value::list(Type::String, vec!["x".into(), "y".into()]),
            "b" => Value::object([("k", Value::from(1)), ("s", Value::from("canary").into_secret())]),
            "u" => Value::unknown(Type::Any),
            "n" => Value::null(),
            "s" => Value::from("canary").into_secret(),
            "t" => Value::from("text"),
            _ => return None,
        })
    }
}

#[derive(Debug)]
struct Files;

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        match path {
            "t" => Ok(Arc::from(b"<${x}>".as_slice())),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(path == "t")
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(vec!["t".to_owned()])
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let budget = Budget::with_limits(200_000, 16 * 1024 * 1024);
    let evaluator = Evaluator {
        scope: &Names,
        files: Some(&Files),
        budget: &budget,
        plan_timestamp: Some(Timestamp::UNIX_EPOCH),
    };
    let parsed = [
        parse::expression(text, FileId(0), 0),
        parse::template(text, FileId(0), 0),
    ];
    for expression in parsed.into_iter().flatten() {
        let mut diagnostics = Diagnostics::new();
        let value = evaluator.evaluate(&expression, &mut diagnostics);
        drop(value.to_json());
        for diagnostic in diagnostics.iter() {
            assert!(!diagnostic.detail.contains("canary"), "a message shows a secret");
        }
    }
});
