//! Conditions: validations, preconditions, postconditions, assertions.

use strata_model::{Diagnostics, Type};

use super::Run;
use crate::codes;
use crate::convert::convert;
use crate::definition::Condition;

/// What came of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not; the message is the author's.
    Failed {
        /// The text of `error_message`.
        message: String,
    },
    /// It depends on what is not known yet, or could not be evaluated; then a diagnostic says why.
    Unknown,
}

impl Run<'_> {
    pub(super) fn condition(
        &self,
        condition: &Condition,
        diagnostics: &mut Diagnostics,
    ) -> Outcome {
        let test = &condition.condition;
        let value = self.eval(test, None, diagnostics);
        if value.is_null() {
            let detail = "The condition is null: it must be true or false.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(test.span));
            return Outcome::Unknown;
        }
        match convert(&value, &Type::Bool).map(|value| value.as_bool()) {
            Ok(Some(true)) => Outcome::Passed,
            Ok(Some(false)) => Outcome::Failed {
                message: self.message(condition, diagnostics),
            },
            Ok(None) => Outcome::Unknown,
            Err(error) => {
                let detail = format!("The condition must be true or false: {error}.");
                diagnostics.push(codes::WRONG_TYPE.error(detail).at(test.span));
                Outcome::Unknown
            }
        }
    }

    fn message(&self, condition: &Condition, diagnostics: &mut Diagnostics) -> String {
        const NONE: &str = "The condition does not hold.";
        let expr = &condition.error_message;
        let value = self.eval(expr, None, diagnostics);
        if value.has_secret() {
            let detail = "The error message would show a secret.";
            diagnostics.push(codes::SECRET_EXPOSED.error(detail).at(expr.span).hint(
                "Leave the secret out of the message, or use nonsensitive() where it is none.",
            ));
            return NONE.to_owned();
        }
        convert(&value, &Type::String)
            .ok()
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_else(|| NONE.to_owned())
    }
}
