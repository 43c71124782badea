//! Durations as they are written in definitions.

use std::time::Duration;

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
