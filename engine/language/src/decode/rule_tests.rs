//! The rules of the YAML spelling, one by one: a file that is accepted with the same in HCL, and one that is refused
//! with what HCL makes of the same mistake.

use super::tests::{decode_as, faults, said};
use super::*;
use crate::budget::Budget;
use crate::evaluate::Evaluator;
use crate::scope::{ResolveRequest, Scope};
use strata_model::{Diagnostic, Value};

/// A rule.
struct Rule {
    /// What it says.
    says: &'static str,
    /// A file in YAML that keeps to it.
    yaml: &'static str,
    /// The same in HCL.
    hcl: &'static str,
    /// A file in YAML that breaks it.
    broken: &'static str,
    /// What is said of that: `CODE line:column (other line:column)`.
    fault: &'static str,
    /// The mistake in HCL, where it can be made there, and what is said of it.
    twin: Option<(&'static str, &'static str)>,
}

const RULES: &[Rule] = &include!("rules.rs");

struct NoNames;

impl Scope for NoNames {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(
            crate::codes::UNKNOWN_NAME.error(detail).at(request.span),
        ))
    }
}

/// What is wrong with a file: with how it is written, or else with the values of its locals.
fn look(path: &str, text: &str) -> String {
    let mut outcome = decode_as(PackageKind::Project, &[(path, text)]);
    if outcome.diagnostics.is_empty() {
        let budget = Budget::default();
        let evaluator = Evaluator {
            scope: &NoNames,
            files: None,
            budget: &budget,
            plan_timestamp: None,
        };
        for expression in outcome.package.locals.values() {
            evaluator.evaluate(expression, &mut outcome.diagnostics);
        }
    }
    faults(&outcome)
        .replace(&format!("{path}:"), "")
        .trim_end()
        .replace('\n', "; ")
}

fn meaning(path: &str, text: &str) -> String {
    said(&decode_as(PackageKind::Project, &[(path, text)]).package)
}

#[test]
fn rules_are_kept_in_both_spellings() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let mut expect = |what: &str, found: String, expected: &str| {
            if found != expected {
                wrong.push(format!(
                    "{} ({what})\n   found {found}\nexpected {expected}",
                    rule.says
                ));
            }
        };
        expect("accepted in YAML", look("a.strata.yaml", rule.yaml), "");
        expect("accepted in HCL", look("a.strata.hcl", rule.hcl), "");
        expect(
            "both say the same",
            meaning("a.strata.yaml", rule.yaml),
            &meaning("a.strata.hcl", rule.hcl),
        );
        expect(
            "refused in YAML",
            look("a.strata.yaml", rule.broken),
            rule.fault,
        );
        if let Some((text, fault)) = rule.twin {
            expect("refused in HCL", look("a.strata.hcl", text), fault);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
