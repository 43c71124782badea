//! The variables that a plan was made with, supplied again.

use std::collections::BTreeMap;

use strata_model::plan::{Plan, PlannedVariable};
use strata_model::wire::fingerprint;
use strata_model::{Diagnostic, Diagnostics, Name, SecretKey, Type, Value};

use crate::code;

/// Checks that variables supplied at apply are those that the plan was made with.
///
/// # Errors
///
/// One diagnostic for each that differs, without its value.
pub fn check_variables(
    plan: &Plan,
    variables: &BTreeMap<Name, Value>,
    key: &SecretKey,
) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    for (name, planned) in &plan.variables {
        let supplied = variables.get(name.as_str());
        let same = match planned {
            PlannedVariable::Value(encoded) => {
                supplied.is_none() || encoded.decode(&Type::Any).ok().as_ref() == supplied
            }
            PlannedVariable::Secret(kept) => {
                supplied.is_some_and(|value| fingerprint(value, key) == *kept)
            }
        };
        if !same {
            let (detail, hint) = if supplied.is_none() {
                (
                    format!(
                        "The variable {name} is secret, so the plan does not hold its value, and none is given."
                    ),
                    "Give the value that the plan was made with once more.",
                )
            } else {
                (
                    format!("The variable {name} has another value than when the plan was made."),
                    "Supply the same value again, or make a new plan.",
                )
            };
            diagnostics.push(
                Diagnostic::error(code::VARIABLE_CHANGED, "Variable changed", detail).hint(hint),
            );
        }
    }
    if diagnostics.is_empty() {
        Ok(())
    } else {
        Err(diagnostics)
    }
}
