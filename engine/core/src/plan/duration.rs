//! Durations as they are written in definitions.

use std::time::Duration;

use strata_language::evaluate::Evaluator;
use strata_model::schema::Timeouts;
use strata_model::{Diagnostic, Diagnostics};

use super::walk::Site;
use crate::code;

/// The time limits of a block: those of its type, but for what it says.
pub(super) fn timeouts(
    evaluator: &Evaluator<'_>,
    site: Site<'_>,
    diagnostics: &mut Diagnostics,
) -> Timeouts {
    let mut timeouts = site.schema.timeouts;
    for argument in &site.block.meta.timeouts.0 {
        let value = evaluator.evaluate(&argument.value, diagnostics);
        let invalid = |detail: String, span| {
            Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail).at(span)
        };
        let Some(limit) = value.as_str().and_then(parse_duration) else {
            let detail = format!(
                "{} must be a duration such as \"30m\" or \"1h\".",
                argument.name.value
            );
            diagnostics.push(invalid(detail, argument.value.span));
            continue;
        };
        match argument.name.value.as_ref() {
            "create" => timeouts.create = limit,
            "update" => timeouts.update = limit,
            "delete" => timeouts.delete = limit,
            other => {
                let detail = format!(
                    "There is no time limit {other}; the time limits are create, update and delete."
                );
                diagnostics.push(invalid(detail, argument.name.span));
            }
        }
    }
    timeouts
}

/// Reads `90s`, `30m`, `1h30m`; `None` for anything else, zero included.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|at| *at > 0)?;
        let amount: u64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (total > 0).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(
                parse_duration(text),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        };
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("", None);
        check("5", None);
        check("m", None);
        check("0s", None);
        check("5d", None);
        check("5é", None);
    }
}
