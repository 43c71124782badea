//! Functions of numbers.

use strata_model::{Kind, Number, Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};
use crate::convert::convert;
use crate::evaluate::arithmetic;

const fn number(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Number)
}

functions! {
    "abs", "The number without its sign.", [number("num")] => returns::number, Body::Deep(abs);
    "ceil", "The least whole number that is not below the number.", [number("num")] => returns::number, Body::Deep(ceil);
    "floor", "The greatest whole number that is not above the number.", [number("num")] => returns::number, Body::Deep(floor);
    "log", "The logarithm of a number to a base.", [number("num"), number("base")] => returns::number, Body::Deep(log);
    "max", "The greatest of the numbers.", [], ..number("numbers") => returns::number, Body::Deep(max);
    "min", "The least of the numbers.", [], ..number("numbers") => returns::number, Body::Deep(min);
    "parseint", "The whole number that a text spells in a base from 2 to 62.",
        [Parameter::new("number", ParameterKind::Any), number("base")] => returns::number, Body::Deep(parseint);
    "pow", "A number raised to a power.", [number("num"), number("power")] => returns::number, Body::Deep(pow);
    "signum", "-1, 0 or 1, as the number is negative, zero or positive.", [number("num")] => returns::number, Body::Deep(signum);
    "sum", "The sum of the numbers in a list, set or tuple.",
        [Parameter::new("list", ParameterKind::Any)] => returns::number, Body::Deep(sum);
}

fn range(number: Option<Number>) -> Result<Value, Fault> {
    number
        .map(Value::number)
        .ok_or_else(|| Fault::Call("the result is out of range".to_owned()))
}

fn abs(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let number = call.number(0);
    if number < Number::Int(0) {
        return range(arithmetic::subtract(Number::Int(0), number));
    }
    Ok(Value::number(number))
}

fn rounded(number: Number, round: fn(f64) -> f64) -> Result<Value, Fault> {
    match number {
        Number::Int(_) | Number::Uint(_) => Ok(Value::number(number)),
        Number::Float(value) => range(Number::from_f64(round(value))),
    }
}

fn ceil(call: &Call<'_, '_>) -> Result<Value, Fault> {
    rounded(call.number(0), f64::ceil)
}

fn floor(call: &Call<'_, '_>) -> Result<Value, Fault> {
    rounded(call.number(0), f64::floor)
}

fn log(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (number, base) = (call.number(0).as_f64(), call.number(1).as_f64());
    match Number::from_f64(number.ln() / base.ln()) {
        Some(result) => Ok(Value::number(result)),
        None => Err(Fault::Call("the logarithm does not exist".to_owned())),
    }
}

fn extreme(call: &Call<'_, '_>, better: fn(Number, Number) -> bool) -> Result<Value, Fault> {
    let mut numbers = call.arguments.iter().filter_map(Value::as_number);
    let Some(first) = numbers.next() else {
        return Err(Fault::Call("must pass at least one number".to_owned()));
    };
    let best = numbers.fold(
        first,
        |best, number| {
            if better(number, best) { number } else { best }
        },
    );
    Ok(Value::number(best))
}

fn max(call: &Call<'_, '_>) -> Result<Value, Fault> {
    extreme(call, |number, best| number > best)
}

fn min(call: &Call<'_, '_>) -> Result<Value, Fault> {
    extreme(call, |number, best| number < best)
}

fn parseint(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Some(text) = call.value(0).as_str() else {
        return argument(0, "must be a string");
    };
    let base = match call.integer(1) {
        Ok(base @ 2..=62) => i128::from(base),
        _ => return argument(1, "must be a whole number between 2 and 62 inclusive"),
    };
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let no_number = || {
        Fault::Argument(
            0,
            format!("cannot parse {} as a base {base} integer", call.quote(text)),
        )
    };
    if digits.is_empty() {
        return Err(no_number());
    }
    let mut total: i128 = 0;
    for byte in digits.bytes() {
        let digit = digit(byte, base).ok_or_else(no_number)?;
        total = total
            .checked_mul(base)
            .and_then(|total| total.checked_add(digit))
            .ok_or_else(|| Fault::Argument(0, "the number is out of range".to_owned()))?;
    }
    range(arithmetic::whole(if negative { -total } else { total }))
}

/// A digit of a base; up to 36 both cases mean the same, above lower-case letters come before upper-case ones.
fn digit(byte: u8, base: i128) -> Option<i128> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'z' => byte - b'a' + 10,
        b'A'..=b'Z' if base <= 36 => byte - b'A' + 10,
        b'A'..=b'Z' => byte - b'A' + 36,
        _ => return None,
    };
    Some(i128::from(value)).filter(|value| *value < base)
}

fn pow(call: &Call<'_, '_>) -> Result<Value, Fault> {
    range(arithmetic::power(call.number(0), call.number(1)))
}

fn signum(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let number = call.integer(0)?;
    Ok(Value::from(number.signum()))
}

fn sum(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let list = call.value(0);
    let Some(elements) = list.elements() else {
        return match list.kind() {
            Kind::Map(..) | Kind::Object(_) => {
                argument(0, "must be a list, set or tuple of number values")
            }
            _ => argument(0, "cannot sum noniterable"),
        };
    };
    if elements.is_empty() {
        return argument(0, "cannot sum an empty list");
    }
    call.steps(elements.len())?;
    let mut total = Number::Int(0);
    for element in elements {
        let number = convert(element, &Type::Number)
            .ok()
            .and_then(|value| value.as_number());
        let Some(number) = number else {
            return argument(0, "must be a list, set or tuple of number values");
        };
        total = arithmetic::add(total, number)
            .ok_or_else(|| Fault::Call("the result is out of range".to_owned()))?;
    }
    Ok(Value::number(total))
}
