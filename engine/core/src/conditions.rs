//! Conditions over objects of clusters, which users write as text and only apply can judge.

use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::expression::Expr;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::{Conditions, Diagnostic, Diagnostics, FileId, Span, Type, Value};

use crate::code;

/// The name that the object has in a condition.
const OBJECT: &str = "object";

/// The file of a condition that is judged away from where it is written.
const NOWHERE: FileId = FileId(u32::MAX);

/// Strata's own expressions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expressions;

impl Conditions for Expressions {
    fn holds(&self, condition: &str, object: &Value) -> Result<bool, String> {
        let expr = parse::expression(condition, NOWHERE, 0).map_err(|error| error.detail)?;
        let (value, found) = evaluate(&expr, object);
        if let Some(error) = found.iter().next() {
            return Err(error.detail.clone());
        }
        value.as_bool().ok_or_else(|| NOT_BOOL.to_owned())
    }
}

const NOT_BOOL: &str = "The condition is neither true nor false.";

/// What is wrong with a condition whatever the object is, with places in the file that it is written in: at this span,
/// as plain text or in quotes.
pub(crate) fn check(condition: &str, at: Span) -> Diagnostics {
    let (width, length) = (at.end.saturating_sub(at.start), condition.len());
    // Text with escapes has no places of its own.
    let inset = match usize::try_from(width).map(|width| width.checked_sub(length)) {
        Ok(Some(0)) => Some(0),
        Ok(Some(2)) => Some(1),
        Ok(_) | Err(_) => None,
    };
    let start = usize::try_from(at.start).unwrap_or(usize::MAX);
    let expr = parse::expression(condition, at.file, start.saturating_add(inset.unwrap_or(0)));
    let mut found = Diagnostics::new();
    match expr {
        Err(error) => found.push(*error),
        Ok(expr) => {
            let (value, faults) = evaluate(&expr, &Value::unknown(Type::Any));
            let is_open = value.is_unknown() || value.as_bool().is_some();
            if faults.iter().next().is_none() && !is_open {
                found.push(
                    Diagnostic::error(code::INVALID_VALUE, "Invalid value", NOT_BOOL).at(expr.span),
                );
            }
            found.extend(faults);
        }
    }
    let placed = found.iter().map(|fault| match inset {
        Some(_) => fault.clone(),
        None => Diagnostic {
            span: Some(at),
            labels: Vec::new(),
            ..fault.clone()
        },
    });
    placed.collect()
}

fn evaluate(expr: &Expr, object: &Value) -> (Value, Diagnostics) {
    let scope = Over(object);
    let evaluator = Evaluator {
        scope: &scope,
        files: None,
        budget: &Budget::default(),
        plan_timestamp: None,
    };
    let mut found = Diagnostics::new();
    let value = evaluator.evaluate(expr, &mut found);
    (value, found)
}

/// A scope in which only the object has a name.
struct Over<'o>(&'o Value);

impl Scope for Over<'_> {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!(
            "{} has no value in a condition of health: it is judged by the `object` alone.",
            request.reference
        );
        let diagnostic = Diagnostic::error(code::OUT_OF_PLACE, "Name out of place", detail);
        Err(Box::new(diagnostic.at(request.span)))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        (name == OBJECT).then(|| self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        let json = serde_json::json!({
            "metadata": {"generation": 2},
            "status": {"phase": "Ready", "counts": [1, 2]},
        });
        Value::from_json(&json).unwrap()
    }

    #[test]
    fn conditions_are_judged_by_the_object_alone() {
        let holds = |text: &str| Expressions.holds(text, &object());
        assert_eq!(holds("object.status.phase == \"Ready\""), Ok(true));
        assert_eq!(
            holds("object.metadata.generation > 2 || sum(object.status.counts) == 4"),
            Ok(false)
        );
        assert_eq!(holds("try(object.status.address, null) != null"), Ok(false));
        for (text, said) in [
            ("object.status.address == \"x\"", "address"),
            ("var.name", "var.name"),
            ("object.status.phase", "neither true nor false"),
            ("object.", ""),
        ] {
            let error = holds(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_with_any_object_is_found_before() {
        let at = |start: u32, width: usize| {
            let end = start + u32::try_from(width).unwrap();
            Span {
                file: FileId(0),
                start,
                end,
            }
        };
        let check = |text: &str, inset: usize| {
            let found = check(text, at(10, text.len() + inset));
            let found = found.iter();
            found
                .map(|fault| (fault.code.0, fault.span.map(|span| span.start)))
                .collect::<Vec<_>>()
        };
        assert_eq!(check("object.status.phase == \"Ready\"", 2), []);
        assert_eq!(check("\"text\"", 2), [("E0203", Some(11))]);
        assert_eq!(check("true && var.name", 0), [("E0247", Some(18))]);
        // The text is not as it stands in the file: it has one place.
        assert_eq!(check("true && var.name", 5), [("E0247", Some(10))]);
        assert_eq!(check("nonsense(object)", 2).len(), 1);
        assert_eq!(check("1 +", 2).len(), 1);
    }
}
