//! The time that evaluating many small blocks takes.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::time::Duration;

use strata_language::budget::Budget;
use strata_language::definition::{Argument, Arguments};
use strata_language::evaluate::Evaluator;
use strata_language::expression::Spanned;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::schema::{Attribute, AttributeType, Schema};
use strata_model::{Diagnostic, Diagnostics, FileId, Span, Value};

struct Names {
    name: Value,
    other: Value,
}

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        use strata_language::expression::Reference;
        Ok(match request.reference {
            Reference::Variable(_) => self.name.clone(),
            _ => self.other.clone(),
        })
    }
}

/// The processor time that this thread has used.
#[expect(clippy::disallowed_methods, reason = "the test measures itself")]
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn ten_thousand_small_blocks() {
    let schema = Schema::new([
        ("name", Attribute::required(AttributeType::String, "")),
        ("size", Attribute::optional(AttributeType::Number, "")),
        ("tags", Attribute::optional(AttributeType::string_map(), "")),
        ("input", Attribute::optional(AttributeType::String, "")),
        ("zones", Attribute::optional(AttributeType::strings(), "")),
        ("id", Attribute::computed(AttributeType::String, "")),
    ]);
    let span = Span::new(FileId(0), 0..0);
    let argument = |name: &str, text: &str| Argument {
        name: Spanned {
            value: name.into(),
            span,
        },
        value: parse::expression(text, FileId(0), 0).unwrap(),
    };
    let arguments = Arguments(vec![
        argument("name", "\"${var.name}-${strata_data.first.size}-node\""),
        argument("size", "strata_data.first.size + 1"),
        argument("tags", "{env = var.name, part = \"a\"}"),
        argument("input", "strata_data.first.name"),
        argument("zones", "[upper(var.name), format(\"%s-%d\", var.name, 3)]"),
    ]);
    let names = Names {
        name: "prod".into(),
        other: Value::object([("name", Value::from("first")), ("size", Value::from(3))]),
    };
    let budget = Budget::default();
    let evaluator = Evaluator {
        scope: &names,
        files: None,
        budget: &budget,
        plan_timestamp: None,
    };
    let mut diagnostics = Diagnostics::new();
    let evaluate = |diagnostics: &mut Diagnostics| {
        evaluator.evaluate_arguments(&arguments, &schema, span, diagnostics)
    };
    let value = evaluate(&mut diagnostics);
    let expected = r#"{"id": null, "input": "first", "name": "prod-3-node", "size": 4, "tags": {"env": "prod", "part": "a"}, "zones": ["PROD", "prod-3"]}"#;
    assert_eq!(format!("{value:?}"), expected);
    let before = used();
    for _ in 0..10_000 {
        assert!(evaluate(&mut diagnostics).members().is_some());
    }
    let time = used() - before;
    assert!(diagnostics.is_empty());
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 50 });
    assert!(time < limit, "10,000 blocks took {time:?}");
}
