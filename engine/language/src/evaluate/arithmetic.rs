//! Arithmetic on numbers.
//!
//! Integers are exact. Other numbers are calculated with in decimal, as they are written, and rounded once at the end:
//! `0.1 + 0.2` is `0.3`. A number with as many digits as a double has was rounded before, so that its last digits say
//! little: `1 / 3 * 3` is `1`, as doubles have it. `None` is a result out of range, or an integer that could not be held exactly.

use strata_model::Number;

/// Every decimal of so many digits has a double of its own.
const DOUBLE_DIGITS: u32 = 15;

/// `mantissa × 10^exponent`.
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    fn of(number: Number) -> Option<Decimal> {
        if let Some(mantissa) = number.as_i128() {
            return Some(Decimal {
                mantissa,
                exponent: 0,
            });
        }
        // The shortest digits that mean this double.
        let text = format!("{:e}", number.as_f64());
        let (digits, exponent) = text.split_once('e')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent: i32 = exponent.parse().ok()?;
        Some(Decimal {
            mantissa: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent - i32::try_from(fraction.len()).ok()?,
        })
    }

    /// Both with the smaller of the two exponents.
    fn aligned(left: Decimal, right: Decimal) -> Option<(i128, i128, i32)> {
        let exponent = left.exponent.min(right.exponent);
        let scale = |decimal: Decimal| {
            let power = u32::try_from(decimal.exponent - exponent).ok()?;
            decimal.mantissa.checked_mul(10_i128.checked_pow(power)?)
        };
        Some((scale(left)?, scale(right)?, exponent))
    }

    /// Whether the number has all the digits that a double can have.
    fn was_rounded(self) -> bool {
        self.exponent < 0 && self.mantissa.unsigned_abs() >= 10_u128.pow(DOUBLE_DIGITS)
    }

    fn number(self) -> Option<Number> {
        let power = 10_i128.checked_pow(self.exponent.unsigned_abs());
        let integer = match (self.exponent < 0, power) {
            (false, Some(power)) => self.mantissa.checked_mul(power),
            (true, Some(power)) if self.mantissa % power == 0 => Some(self.mantissa / power),
            _ => None,
        };
        if let Some(integer) = integer {
            return whole(integer);
        }
        let value: f64 = format!("{}e{}", self.mantissa, self.exponent)
            .parse()
            .ok()?;
        Number::from_f64(value)
    }
}

/// The result in decimal, or that of doubles where an operand was rounded before and that one is shorter.
fn likelier(decimal: Option<Number>, operands: [Decimal; 2], double: f64) -> Option<Number> {
    if !operands.into_iter().any(Decimal::was_rounded) {
        return decimal;
    }
    let (decimal, double) = (decimal?, Number::from_f64(double));
    let length = |number: Number| number.to_string().len();
    let shorter = double.filter(|double| length(*double) < length(decimal));
    Some(shorter.unwrap_or(decimal))
}

/// An integer, as a double too where that is exact.
pub(crate) fn whole(integer: i128) -> Option<Number> {
    Number::from_i128(integer).or_else(|| {
        let float = integer as f64;
        (float as i128 == integer)
            .then(|| Number::from_f64(float))
            .flatten()
    })
}

fn both_whole(left: Number, right: Number) -> Option<(i128, i128)> {
    Some((left.as_i128()?, right.as_i128()?))
}

fn by_decimal(
    left: Number,
    right: Number,
    exact: impl Fn(i128, i128) -> Option<i128>,
    rounded: impl Fn(f64, f64) -> f64,
) -> Option<Number> {
    let (first, second) = (Decimal::of(left)?, Decimal::of(right)?);
    let result = Decimal::aligned(first, second)
        .and_then(|(first, second, exponent)| Some((exact(first, second)?, exponent)));
    let double = rounded(left.as_f64(), right.as_f64());
    match result {
        Some((mantissa, exponent)) => {
            let decimal = Decimal { mantissa, exponent }.number();
            likelier(decimal, [first, second], double)
        }
        None => Number::from_f64(double),
    }
}

pub(crate) fn add(left: Number, right: Number) -> Option<Number> {
    match both_whole(left, right) {
        Some((left, right)) => whole(left + right),
        None => by_decimal(left, right, i128::checked_add, |left, right| left + right),
    }
}

pub(crate) fn subtract(left: Number, right: Number) -> Option<Number> {
    match both_whole(left, right) {
        Some((left, right)) => whole(left - right),
        None => by_decimal(left, right, i128::checked_sub, |left, right| left - right),
    }
}

pub(crate) fn multiply(left: Number, right: Number) -> Option<Number> {
    if let Some((left, right)) = both_whole(left, right) {
        return whole(left.checked_mul(right)?);
    }
    let (first, second) = (Decimal::of(left)?, Decimal::of(right)?);
    let double = left.as_f64() * right.as_f64();
    match first.mantissa.checked_mul(second.mantissa) {
        Some(mantissa) => {
            let exponent = first.exponent + second.exponent;
            let decimal = Decimal { mantissa, exponent }.number();
            likelier(decimal, [first, second], double)
        }
        None => Number::from_f64(double),
    }
}

/// The quotient; the divisor is not zero.
pub(crate) fn divide(left: Number, right: Number) -> Option<Number> {
    let (first, second) = (Decimal::of(left)?, Decimal::of(right)?);
    if second.mantissa == 0 {
        return None;
    }
    if first.mantissa % second.mantissa == 0 {
        return Decimal {
            mantissa: first.mantissa / second.mantissa,
            exponent: first.exponent - second.exponent,
        }
        .number();
    }
    // Enough digits that the last place of a double is right, and one more that says whether there was a rest.
    let digits = 37 - first.mantissa.unsigned_abs().max(1).ilog10();
    let scaled = first.mantissa.checked_mul(10_i128.checked_pow(digits)?)?;
    let (quotient, rest) = (scaled / second.mantissa, scaled % second.mantissa);
    let exponent = first.exponent - second.exponent - i32::try_from(digits).ok()?;
    if rest == 0 {
        return Decimal {
            mantissa: quotient,
            exponent,
        }
        .number();
    }
    let value: f64 = format!("{quotient}1e{}", exponent - 1).parse().ok()?;
    Number::from_f64(value)
}

/// The rest of a division that rounds towards zero; it has the sign of `left`.
pub(crate) fn modulo(left: Number, right: Number) -> Option<Number> {
    match both_whole(left, right) {
        Some((left, right)) => whole(left.checked_rem(right)?),
        None => by_decimal(left, right, i128::checked_rem, |left, right| left % right),
    }
}

/// `base` to a whole power, exact as long as it can be held.
pub(crate) fn power(base: Number, exponent: Number) -> Option<Number> {
    if let Some((base, exponent)) = both_whole(base, exponent)
        && let Ok(exponent) = u32::try_from(exponent)
        && let Some(result) = base.checked_pow(exponent)
    {
        return whole(result);
    }
    Number::from_f64(base.as_f64().powf(exponent.as_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_results_are_exact() {
        let check = |operation: fn(Number, Number) -> Option<Number>,
                     left: &str,
                     right: &str,
                     expected: &str| {
            let number = |text| Number::parse(text).unwrap();
            let result = operation(number(left), number(right));
            let text = result.map_or_else(|| "none".to_owned(), |number| number.to_string());
            assert_eq!(text, expected, "{left} {right}");
        };
        check(add, "0.1", "0.2", "0.3");
        check(subtract, "0.3", "0.1", "0.2");
        check(multiply, "1.1", "1.1", "1.21");
        check(multiply, "0.1", "10", "1");
        check(divide, "0.3", "0.1", "3");
        check(divide, "10", "4", "2.5");
        check(divide, "1", "3", "0.3333333333333333");
        check(divide, "2", "3", "0.6666666666666666");
        check(divide, "-7", "2", "-3.5");
        check(modulo, "5.5", "2", "1.5");
        check(modulo, "-7", "3", "-1");
        check(modulo, "7", "-3", "1");
        check(multiply, "0.3333333333333333", "3", "1");
        check(add, "0.6666666666666666", "0.3333333333333333", "1");
        check(
            subtract,
            "0.30000000000000004",
            "0.3",
            "0.00000000000000004",
        );
        check(multiply, "123456789.123456", "10", "1234567891.23456");
        check(add, "9223372036854775807", "1", "9223372036854775808");
        check(add, "18446744073709551615", "1", "18446744073709551616");
        check(add, "18446744073709551615", "2", "none");
        check(power, "2", "64", "18446744073709551616");
        check(power, "2", "0.5", "1.4142135623730951");
        check(power, "2", "-1", "0.5");
    }
}
