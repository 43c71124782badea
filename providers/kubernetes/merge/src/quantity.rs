//! Quantities: amounts of processors and memory, which a server stores in a spelling of its own.

use serde_json::Value;

/// A billionth: the smallest amount that there is.
const NANO: i128 = 1_000_000_000;

/// Whether two values are the same quantity, such as `1000m` and `1`. What is no quantity is never the same.
#[must_use]
pub fn same(left: &Value, right: &Value) -> bool {
    match (nanos(left), nanos(right)) {
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

/// The quantity in billionths, rounded away from zero as servers do; `None` for what is none, or none that fits.
fn nanos(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let (factor, divisor) = scale(suffix)?;
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let amount = mantissa.checked_mul(factor)?.checked_mul(NANO)?;
    let divisor = divisor.checked_mul(shift)?;
    let rounded = amount / divisor + i128::from(amount % divisor != 0);
    Some(if negative { -rounded } else { rounded })
}

/// What a suffix multiplies and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let decimal = |exponent: u32| 10_i128.checked_pow(exponent);
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, NANO),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (decimal(6)?, 1),
        "G" => (decimal(9)?, 1),
        "T" => (decimal(12)?, 1),
        "P" => (decimal(15)?, 1),
        "E" => (decimal(18)?, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let exponent: i32 = exponent.parse().ok()?;
            let power = decimal(exponent.unsigned_abs())?;
            if exponent < 0 { (1, power) } else { (power, 1) }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spellings_of_one_amount_are_the_same() {
        for (left, right) in [
            (json!("1000m"), json!("1")),
            (json!("1000m"), json!(1)),
            (json!("0.5"), json!("500m")),
            (json!("1024Mi"), json!("1Gi")),
            (json!("1e3"), json!("1k")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("0"), json!("0Mi")),
            (json!("100E-2"), json!(1)),
            (json!("-1k"), json!(-1000)),
        ] {
            assert!(same(&left, &right), "{left} {right}");
        }
        for (left, right) in [
            (json!("1000m"), json!("2")),
            (json!("1G"), json!("1Gi")),
            (json!("a"), json!("a")),
            (json!("1.2.3"), json!("1.2.3")),
            (json!("."), json!(".")),
            (json!(true), json!(1)),
        ] {
            assert!(!same(&left, &right), "{left} {right}");
        }
    }
}
