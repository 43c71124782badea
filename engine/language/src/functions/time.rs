//! Functions of points in time, as RFC 3339 writes them.

mod timestamp;

use strata_model::{Number, Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};
use timestamp::Moment;

pub(super) use timestamp::loose;

const fn string(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::String)
}

functions! {
    "formatdate", "A point in time written by a pattern such as \"YYYY-MM-DD\".", [string("format"), string("time")]
        => returns::string, Body::Deep(formatdate);
    "plantimestamp", "The moment at which the plan was begun.", [] => returns::string, Body::Deep(plantimestamp);
    "timeadd", "A point in time, a duration such as \"1h30m\" later.", [string("timestamp"), string("duration")]
        => returns::string, Body::Deep(timeadd);
    "timecmp", "-1, 0 or 1, as the first point in time is earlier, the same or later.",
        [string("timestamp_a"), string("timestamp_b")] => returns::number, Body::Deep(timecmp);
}

fn moment(call: &Call<'_, '_>, index: usize) -> Result<Moment, Fault> {
    let text = call.text(index);
    Moment::parse(text).map_err(|reason| {
        let reason = match call.secret {
            true => "not a valid RFC3339 timestamp".to_owned(),
            false => format!("not a valid RFC3339 timestamp: {reason}"),
        };
        Fault::Argument(index, reason)
    })
}

fn plantimestamp(call: &Call<'_, '_>) -> Result<Value, Fault> {
    match call.run.host.plan_timestamp {
        Some(timestamp) => call.string(Moment::of(timestamp).to_string()),
        None => Ok(Value::unknown(Type::String)),
    }
}

fn timeadd(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let moment = moment(call, 0)?;
    let text = call.text(1);
    let Some(nanoseconds) = duration(text) else {
        return argument(
            1,
            format!("{} is no duration such as 1h30m", call.quote(text)),
        );
    };
    match moment.plus(nanoseconds) {
        Some(later) => call.string(later.to_string()),
        None => Err(Fault::Call("the result is out of range".to_owned())),
    }
}

fn timecmp(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let order = moment(call, 0)?.instant().cmp(&moment(call, 1)?.instant());
    Ok(Value::number(Number::Int(order as i64)))
}

/// Nanoseconds of a duration: decimal numbers with units, one after the other.
fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let unit_end = behind
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at(unit_end);
        total = total.checked_add(amount(number, unit)?)?;
        rest = next;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn amount(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction = &fraction[..fraction.len().min(18)];
    let part: i128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let part = part.checked_mul(scale)? / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(part)
}

fn formatdate(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let moment = moment(call, 1)?;
    let mut rest = call.text(0);
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let end = if first == '\'' {
            match quoted(rest, &mut out) {
                Some(end) => end,
                None => return argument(0, "unterminated literal '"),
            }
        } else if first.is_ascii_alphabetic() {
            let end = rest.find(|c| c != first).unwrap_or(rest.len());
            match moment.verb(first, end) {
                Ok(text) => out.push_str(&text),
                Err(reason) => {
                    let verb = call.quote(&rest[..end]);
                    return argument(0, format!("invalid date format verb {verb}: {reason}"));
                }
            }
            end
        } else {
            let end = rest
                .find(|c: char| c.is_ascii_alphabetic() || c == '\'')
                .unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            end
        };
        call.steps(1)?;
        call.bytes(end.saturating_add(16))?;
        rest = &rest[end..];
    }
    call.string(out)
}

/// Takes a literal between quotes, in which two quotes mean one; two quotes alone mean one as well.
fn quoted(text: &str, out: &mut String) -> Option<usize> {
    if text.starts_with("''") {
        out.push('\'');
        return Some(2);
    }
    let mut at = 1;
    loop {
        let end = at + text[at..].find('\'')?;
        out.push_str(&text[at..end]);
        if !text[end + 1..].starts_with('\'') {
            return Some(end + 1);
        }
        out.push('\'');
        at = end + 2;
    }
}
