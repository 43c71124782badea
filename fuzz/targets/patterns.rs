//! A pattern and a text to search, repeated until it is long: whatever the pattern, the steps that a search takes bound
//! its time, and no pattern is read as the program cannot.

#![no_main]

use std::time::{Duration, Instant};

use strata_language::budget::Budget;
use strata_language::codes;
use strata_language::evaluate::Evaluator;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::{Diagnostic, Diagnostics, FileId, Value};

/// The text is repeated to about this many bytes: where steps do not bound the time, it goes with the square.
const LENGTH: usize = 64 * 1024;

/// A tenth of the steps that an evaluation may take.
const STEPS: u64 = 1_000_000;

/// All steps take less than one second, so these a tenth of it; instrumented code on a busy machine is 30 times slower.
const LONGEST: Duration = Duration::from_secs(3);

/// The names `p`, a pattern, and `t`, a text.
struct Names<'a>(&'a str, &'a str);

impl Scope for Names<'_> {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(codes::UNKNOWN_NAME.error(detail).at(request.span)))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        match name {
            "p" => Some(self.0.into()),
            "t" => Some(self.1.into()),
            _ => None,
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &str| {
    let (pattern, unit) = input.split_once('\n').unwrap_or((input, "aab"));
    let text = unit.repeat(LENGTH.checked_div(unit.len()).unwrap_or_default());
    let scope = Names(pattern, &text);
    for call in [
        "regex(p, t)",
        "length(regexall(p, t))",
        "length(replace(t, \"/${p}/\", \"<$0$1>\"))",
    ] {
        let budget = Budget::with_limits(STEPS, 64 * 1024 * 1024);
        let evaluator = Evaluator {
            scope: &scope,
            files: None,
            budget: &budget,
            plan_timestamp: None,
        };
        let Ok(expression) = parse::expression(call, FileId(0), 0) else {
            panic!("{call} is an expression");
        };
        let mut diagnostics = Diagnostics::new();
        let began = Instant::now();
        let value = evaluator.evaluate(&expression, &mut diagnostics);
        let taken = began.elapsed();
        assert!(
            taken < LONGEST,
            "{call} took {taken:?} and {} steps",
            budget.steps()
        );
        drop(value.to_json());
    }
});
