//! Numbers of the definition language.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A number: a 64-bit integer, signed or unsigned, or a finite IEEE double.
///
/// Construction is canonical: a whole number that fits an integer is held as one, so `1.0` equals `1`, and a value
/// above `i64::MAX` is the only kind held unsigned. NaN and the infinities cannot be constructed.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A number with a fraction, or an integer outside both integer ranges.
    Float(f64),
}

/// The largest magnitude below which every integer is exact in a double.
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// Makes a number of a double; `None` for NaN and the infinities.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        if value.fract() == 0.0 && value.abs() <= EXACT_LIMIT {
            return Some(Number::Int(value as i64));
        }
        Some(Number::Float(value))
    }

    /// Makes a number of a wide integer; `None` where it fits neither `i64` nor `u64`.
    pub fn from_i128(value: i128) -> Option<Self> {
        if let Ok(int) = i64::try_from(value) {
            return Some(Number::Int(int));
        }
        u64::try_from(value).ok().map(Number::Uint)
    }

    /// The number as a wide integer, when it is a whole one.
    pub fn as_i128(self) -> Option<i128> {
        match self {
            Number::Int(value) => Some(i128::from(value)),
            Number::Uint(value) => Some(i128::from(value)),
            Number::Float(_) => None,
        }
    }

    /// The number as `i64`, when it is a whole one in range.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Number::Int(value) => Some(value),
            Number::Uint(_) | Number::Float(_) => None,
        }
    }

    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Uint(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// Whether the number is an integer.
    pub fn is_integer(self) -> bool {
        matches!(self, Number::Int(_) | Number::Uint(_))
    }

    /// Parses a decimal spelling (`12`, `-3.5`, `1e3`); `None` where it is no number, overflows, or is an integer
    /// that no representation holds exactly.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix('-').unwrap_or(text);
        if !body.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if body.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse::<i128>().ok().and_then(Number::from_i128);
        }
        let valid = body
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        if !valid {
            return None;
        }
        text.parse::<f64>().ok().and_then(Number::from_f64)
    }

    /// The JSON number.
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Number::Int(value) => value.into(),
            Number::Uint(value) => value.into(),
            Number::Float(value) => value.into(),
        }
    }

    /// Reads a JSON number; `None` where it is outside what this type holds.
    pub fn from_json(number: &serde_json::Number) -> Option<Self> {
        if let Some(value) = number.as_i64() {
            return Some(Number::Int(value));
        }
        if let Some(value) = number.as_u64() {
            return Some(Number::Uint(value));
        }
        number.as_f64().and_then(Number::from_f64)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number::Int(value)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        i64::try_from(value).map_or(Number::Uint(value as u64), Number::Int)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.as_i128(), other.as_i128()) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                self.as_f64().total_cmp(&other.as_f64())
            }
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_f64().to_bits().hash(state);
    }
}

impl fmt::Display for Number {
    /// Writes the decimal spelling that `parse` reads back, never with an exponent. Whole numbers are written in full.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(value) => write!(f, "{value}"),
            Number::Uint(value) => write!(f, "{value}"),
            // Shortest digits would end in zeros that the number does not have.
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 1e38 => {
                write!(f, "{value:.0}")
            }
            Number::Float(value) => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_round_trips() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                Number::parse(text).map(|n| n.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("0", Some("0"));
        check("-12", Some("-12"));
        check("1.0", Some("1"));
        check("2.50", Some("2.5"));
        check("1e3", Some("1000"));
        check("18446744073709551615", Some("18446744073709551615"));
        check("18446744073709551616", None);
        check("18446744073709551616e0", Some("18446744073709551616"));
        check("1e20", Some("100000000000000000000"));
        check("1e400", None);
        check("inf", None);
        check("NaN", None);
        check("+1", None);
        check("", None);
    }

    #[test]
    fn integers_compare_exactly() {
        assert!(Number::Uint(u64::MAX) > Number::Int(i64::MAX));
        assert_eq!(Number::from_f64(3.0), Some(Number::Int(3)));
        assert!(Number::Float(0.5) < Number::Int(1));
    }
}
