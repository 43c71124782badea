//! Every function with arguments that would cost too much elsewhere: an error or a result, in bounded time and memory.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::functions;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_model::{Diagnostic, Diagnostics, FileId, Type, Value};

/// The processor time that an expression may take.
const TIME: Duration = Duration::from_secs(1);
/// What the process may hold at any time.
const KIBIBYTES: u64 = 256 * 1024;

/// Values that are large or hostile, by name.
struct Names(BTreeMap<&'static str, Value>);

const LOOP: &str = "%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}x%{endfor}%{endfor}%{endfor}";

impl Names {
    fn new() -> Self {
        let many = (0..100_000)
            .map(|index| Value::from(format!("e{index}")))
            .collect();
        Names(BTreeMap::from([
            ("long", Value::from("a".repeat(1_000_000))),
            ("many", Value::list(Type::String, many)),
            ("brackets", Value::from("[".repeat(1_000_000))),
            ("loop", Value::from(LOOP)),
            ("aliases", Value::from(aliases())),
            ("zeros", Value::from(zeros())),
        ]))
    }
}

/// YAML in which every level stands for nine of the level before.
fn aliases() -> String {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        let aliases = vec![alias; 9].join(",");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    text
}

/// 400 MB of zeros, compressed.
fn zeros() -> String {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(&vec![0; 4_000_000]).unwrap();
    STANDARD.encode(writer.finish().unwrap().repeat(100))
}

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(
            strata_language::codes::UNKNOWN_NAME
                .error(detail)
                .at(request.span),
        ))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

#[derive(Debug)]
struct Files;

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<std::sync::Arc<[u8]>, String> {
        match path {
            "big" => Ok(std::sync::Arc::from(vec![b'a'; 20_000_000])),
            "loop" => Ok(std::sync::Arc::from(LOOP.as_bytes())),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Ok((0..100_000)
            .map(|index| format!("{}/{index}", "a".repeat(100)))
            .collect())
    }
}

const ROWS: &[(&str, &str)] = &include!("hostile/rows.rs");

/// The processor time that this thread has used.
#[expect(clippy::disallowed_methods, reason = "the test measures itself")]
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The most that the process has held.
#[expect(clippy::disallowed_methods, reason = "the test measures itself")]
fn held() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn every_function_has_a_row() {
    for function in functions::table() {
        let row = ROWS.iter().any(|(name, _)| *name == function.name);
        assert!(row, "{} has no row", function.name);
    }
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes without optimisation: `cargo test --release -p strata-language --test hostile`"
)]
fn hostile_arguments_end_soon() {
    let names = Names::new();
    let mut wrong = Vec::new();
    let mut most = Duration::ZERO;
    let mut peak = held();
    for (name, text) in ROWS {
        let budget = Budget::default();
        let evaluator = Evaluator {
            scope: &names,
            files: Some(&Files),
            budget: &budget,
            plan_timestamp: None,
        };
        let expr = parse::expression(text, FileId(0), 0)
            .unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let before = used();
        let mut diagnostics = Diagnostics::new();
        drop(evaluator.evaluate(&expr, &mut diagnostics));
        let time = used() - before;
        most = most.max(time);
        let text: String = text.chars().take(100).collect();
        if time > TIME {
            wrong.push(format!("{name}: {text} took {time:?}"));
        }
        let size = diagnostics
            .iter()
            .map(|fault| fault.detail.len())
            .sum::<usize>();
        if size > 10_000 {
            wrong.push(format!("{name}: {text} says {size} bytes"));
        }
        // The peak never falls again: only the row that raises it is named.
        if held() > peak {
            peak = held();
            if peak > KIBIBYTES {
                wrong.push(format!("{name}: {text}: the process has held {peak} KiB"));
            }
        }
    }
    let figures = format!(
        "{} rows, the slowest {most:?}, {peak} KiB held\n",
        ROWS.len()
    );
    std::io::stderr().write_all(figures.as_bytes()).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(most > Duration::ZERO && held() > 0);
}
