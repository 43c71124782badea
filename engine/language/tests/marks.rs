//! What every function and operator makes of unknown, secret, null and ill-typed arguments, one argument at a time.
//!
//! `marks/table.txt` holds the results. The invariants below hold for all of it: a secret makes the result secret, an
//! unknown never becomes a known value that could turn out wrong, and no message shows a secret.

use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::functions;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_model::{Diagnostic, Diagnostics, FileId, Kind, Members, Timestamp, Type, Value};

/// The arguments by name.
struct Arguments(Vec<Value>);

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Scope for Arguments {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(
            strata_language::codes::UNKNOWN_NAME
                .error(detail)
                .at(request.span),
        ))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        let at = NAMES.iter().position(|known| *known == name)?;
        self.0.get(at).cloned()
    }
}

/// A tree of two files.
#[derive(Debug)]
struct Files;

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        match path {
            "text" => Ok(Arc::from(b"canary".as_slice())),
            "template" => Ok(Arc::from(b"<${x}>".as_slice())),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.read(path).is_ok())
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(vec!["template".to_owned(), "text".to_owned()])
    }
}

fn shown(value: &Value) -> String {
    let all = |elements: &[Value]| elements.iter().map(shown).collect::<Vec<_>>().join(", ");
    let members = |members: &Members| {
        let members = members
            .iter()
            .map(|(key, value)| format!("{key} = {}", shown(value)));
        members.collect::<Vec<_>>().join(", ")
    };
    let text = match value.kind() {
        Kind::Null(ty) => format!("null({ty})"),
        Kind::Unknown(ty) => format!("unknown({ty})"),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(value) => value.to_string(),
        Kind::String(value) => format!("{value:?}"),
        Kind::List(_, elements) => format!("list[{}]", all(elements)),
        Kind::Set(_, elements) => format!("set[{}]", all(elements)),
        Kind::Tuple(elements) => format!("[{}]", all(elements)),
        Kind::Map(_, map) => format!("map{{{}}}", members(map)),
        Kind::Object(map) => format!("{{{}}}", members(map)),
    };
    if value.is_secret() {
        format!("secret({text})")
    } else {
        text
    }
}

/// Evaluates with the arguments bound; the error is the code of the first diagnostic.
fn evaluate(text: &str, arguments: Vec<Value>) -> Result<Value, (String, Diagnostics)> {
    let budget = Budget::default();
    let scope = Arguments(arguments);
    let evaluator = Evaluator {
        scope: &scope,
        files: Some(&Files),
        budget: &budget,
        plan_timestamp: Some(Timestamp::UNIX_EPOCH),
    };
    let expr =
        parse::expression(text, FileId(0), 0).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    let mut diagnostics = Diagnostics::new();
    let value = evaluator.evaluate(&expr, &mut diagnostics);
    match diagnostics.iter().next() {
        Some(fault) => Err((fault.code.to_string(), diagnostics)),
        None => Ok(value),
    }
}

/// The four ways in which an argument is replaced.
fn variants(value: &Value) -> [(&'static str, Value); 4] {
    let ty = value.ty();
    let wrong = match ty {
        Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => {
            Value::from(true)
        }
        Type::Any | Type::Bool | Type::Number | Type::String => {
            Value::object([("wrong", Value::from("type"))])
        }
    };
    [
        ("unknown", Value::unknown(ty.clone())),
        ("secret", value.clone().into_secret()),
        ("null", Value::null_of(ty)),
        ("wrong", wrong),
    ]
}

/// Expressions and arguments, by the name of the function or the operator.
const SAMPLES: &[(&str, &str, &[&str])] = &include!("marks/samples.rs");

/// Of these the mark goes away, or stays with an element, because that is what they are for.
const WITHOUT_SECRET: [&str; 3] = ["issensitive", "nonsensitive", "type"];

/// One line for each sample, argument and variant.
fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for (name, text, arguments) in SAMPLES {
        let values: Vec<Value> = arguments
            .iter()
            .map(|argument| {
                evaluate(argument, Vec::new())
                    .unwrap_or_else(|fault| panic!("{argument}: {fault:?}"))
            })
            .collect();
        let plain = evaluate(text, values.clone()).map_err(|(code, _)| code);
        let plain = plain.unwrap_or_else(|code| panic!("{name}: the sample fails with {code}"));
        for (index, value) in values.iter().enumerate() {
            let result_with = |replaced: Value| {
                let mut given = values.clone();
                given[index] = replaced;
                evaluate(text, given)
            };
            // What plays no part in the result need not mark it.
            let used = variants(value)
                .into_iter()
                .filter(|(variant, _)| matches!(*variant, "null" | "wrong"))
                .any(|(_, replaced)| result_with(replaced).ok().as_ref() != Some(&plain));
            for (variant, replaced) in variants(value) {
                let result = result_with(replaced);
                if used {
                    check(name, variant, &plain, &result);
                }
                let result = result.map_or_else(|(code, _)| code, |value| shown(&value));
                rows.push(format!(
                    "{name} | {text} | {} {variant} | {result}",
                    NAMES[index]
                ));
            }
        }
    }
    rows
}

/// What must hold whatever the table says.
fn check(name: &str, variant: &str, plain: &Value, result: &Result<Value, (String, Diagnostics)>) {
    match (variant, result) {
        ("secret", Ok(value)) if !WITHOUT_SECRET.contains(&name) => {
            assert!(value.has_secret(), "{name}: the mark is lost");
            let (unmarked, _) = strata_language::convert::unmarked(value);
            let (plain, _) = strata_language::convert::unmarked(plain);
            assert_eq!(unmarked, plain, "{name}: the mark changes the value");
        }
        ("secret", Err((_, diagnostics))) => {
            assert!(
                !format!("{diagnostics:?}").contains("canary"),
                "{name} shows a secret"
            );
        }
        ("unknown", Ok(value)) if !value.has_unknown() => {
            // Known all the same: then it must be what it is with the argument known.
            let (unmarked, _) = strata_language::convert::unmarked(value);
            let (plain, _) = strata_language::convert::unmarked(plain);
            assert_eq!(
                unmarked, plain,
                "{name}: an unknown argument gives a known result"
            );
        }
        _ => {}
    }
}

#[test]
fn every_function_and_operator_has_a_row() {
    let operators = [
        "-x",
        "!",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "?:",
        "template",
        "template if",
        "template for",
        "for tuple",
        "for object",
        "for if",
        "splat",
        "index",
        "attribute",
        "tuple",
        "object",
        "object key",
        "...",
    ];
    let functions = functions::table().iter().map(|function| function.name);
    for name in functions.chain(operators) {
        let row = SAMPLES.iter().any(|(sample, _, _)| *sample == name);
        assert!(row, "{name} has no row");
    }
    for function in functions::table() {
        let arguments = SAMPLES.iter().filter(|(name, _, _)| *name == function.name);
        let most = arguments
            .map(|(_, _, arguments)| arguments.len())
            .max()
            .unwrap_or(0);
        assert!(
            most >= function.parameters.len(),
            "{}: an argument has no row",
            function.name
        );
    }
}

#[test]
fn the_table_is_true() {
    let found = rows();
    let expected: Vec<&str> = include_str!("marks/table.txt").lines().collect();
    let wrong: Vec<String> = found
        .iter()
        .enumerate()
        .filter(|(at, row)| expected.get(*at) != Some(&row.as_str()))
        .map(|(_, row)| row.clone())
        .collect();
    assert!(
        wrong.is_empty() && found.len() == expected.len(),
        "{} rows:\n{}",
        found.len(),
        wrong.join("\n")
    );
}
