//! What a scalar is: the core schema of YAML 1.2, with templates for text.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::ScalarStyle;
use strata_model::{Diagnostic, Value};

use crate::codes;
use crate::expression::{Expr, ExprKind, TemplatePart};
use crate::hcl::written_number;
use crate::place::{LineStart, Place};
use crate::{parse, template};

use super::tree::{CoreTag, Scalar};

/// Whether a plain scalar is null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether a plain scalar is an integer: decimal, octal or hexadecimal.
fn is_int(text: &str) -> bool {
    let digits = |text: &str, is_digit: fn(&u8) -> bool| {
        !text.is_empty() && text.as_bytes().iter().all(is_digit)
    };
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, |byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(hexadecimal, u8::is_ascii_hexdigit);
    }
    digits(
        text.strip_prefix(['-', '+']).unwrap_or(text),
        u8::is_ascii_digit,
    )
}

/// Whether a plain scalar is a number with a fraction or exponent, infinite, or not a number.
fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let valid_mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let valid_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    valid_mantissa && valid_exponent
}

/// Whether a plain scalar is a number of some form.
pub(super) fn is_number(text: &str) -> bool {
    is_int(text) || is_float(text)
}

/// The value of a scalar that is no template: null, a truth value or a number; `None` for text.
pub(super) fn plain_value(scalar: &Scalar<'_>) -> Option<ExprKind> {
    let text = scalar.text.as_ref();
    let untagged = scalar.tag.is_none() && scalar.style == ScalarStyle::Plain;
    if scalar.tag == Some(CoreTag::Null) || (untagged && is_null(text)) {
        return Some(ExprKind::Literal(Value::null()));
    }
    if (untagged || scalar.tag == Some(CoreTag::Bool))
        && let Some(value) = boolean(text)
    {
        return Some(ExprKind::Literal(Value::from(value)));
    }
    let tagged_number = matches!(scalar.tag, Some(CoreTag::Int | CoreTag::Float));
    if !(untagged || tagged_number) {
        return None;
    }
    let starts_like_a_number =
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if !starts_like_a_number {
        return None;
    }
    if is_int(text) || (is_float(text) && scalar.tag != Some(CoreTag::Int)) {
        return Some(written_number(text));
    }
    None
}

/// The expression that a scalar is.
pub(super) fn expression(
    scalar: &Scalar<'_>,
    source: &str,
    (place, range): (Place<'_>, Range<usize>),
) -> Result<Expr, Box<Diagnostic>> {
    let span = place.span(range.clone());
    if let Some(kind) = plain_value(scalar) {
        return Ok(Expr { kind, span });
    }
    if matches!(
        scalar.tag,
        Some(CoreTag::Bool | CoreTag::Int | CoreTag::Float)
    ) {
        let detail = format!(
            "'{}' is not of the type that its tag says.",
            scalar.text.escape_debug()
        );
        return Err(Box::new(codes::TAG.error(detail).at(span)));
    }
    if template::is_plain(&scalar.text) {
        let kind = ExprKind::Literal(Value::string(Arc::from(scalar.text.as_ref())));
        return Ok(Expr { kind, span });
    }
    let template = with_place(scalar, source, (place, range), parse::template_at)?;
    let mut kind = template.kind;
    // A template of nothing but one expression is that expression.
    if let ExprKind::Template(parts) = &mut kind
        && matches!(parts.as_slice(), [TemplatePart::Interpolation(_)])
        && let Some(TemplatePart::Interpolation(expression)) = parts.pop()
    {
        return Ok(expression);
    }
    Ok(Expr { kind, span })
}

/// The expression that a scalar holds as text.
pub(super) fn reference(
    scalar: &Scalar<'_>,
    source: &str,
    (place, range): (Place<'_>, Range<usize>),
) -> Result<Expr, Box<Diagnostic>> {
    match plain_value(scalar) {
        Some(kind) => Ok(Expr {
            kind,
            span: place.span(range),
        }),
        None => with_place(scalar, source, (place, range), parse::expression_at),
    }
}

/// Reads a scalar's text, with places that are as exact as its style allows.
fn with_place(
    scalar: &Scalar<'_>,
    source: &str,
    (place, range): (Place<'_>, Range<usize>),
    read: impl Fn(&str, Place<'_>) -> Result<Expr, Box<Diagnostic>>,
) -> Result<Expr, Box<Diagnostic>> {
    let text = scalar.text.as_ref();
    let raw = &source[range.clone()];
    let quote = usize::from(matches!(
        scalar.style,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
    ));
    if raw
        .get(quote..)
        .is_some_and(|inside| inside.starts_with(text))
    {
        return read(text, place.from(range.start + quote));
    }
    let lines = match scalar.style {
        ScalarStyle::Plain | ScalarStyle::SingleQuoted => words(text, raw, quote),
        ScalarStyle::Literal => literal_lines(text, raw),
        ScalarStyle::DoubleQuoted | ScalarStyle::Folded => None,
    };
    match (lines, place) {
        (Some(lines), Place::At { file, offset }) => {
            let lines: Vec<LineStart> = lines
                .into_iter()
                .map(|(inside, at)| LineStart {
                    inside,
                    at: at + range.start + offset,
                })
                .collect();
            read(
                text,
                Place::Lines {
                    file,
                    lines: &lines,
                    skipped: 0,
                },
            )
        }
        _ => read(text, Place::Within(place.span(range))),
    }
}

/// Pairs the lines of a literal block with where they stand in the source.
fn literal_lines(text: &str, raw: &str) -> Option<Vec<(usize, usize)>> {
    let mut found = Vec::new();
    let mut inside = 0;
    let mut at = 0;
    let mut source = raw.split_inclusive('\n');
    for line in text.split_inclusive('\n') {
        let written = source.next()?;
        let body = written.trim_end_matches(['\r', '\n']);
        let wanted = line.trim_end_matches('\n');
        let indentation = body.len().checked_sub(wanted.len())?;
        if !body.ends_with(wanted) {
            return None;
        }
        found.push((inside, at + indentation));
        inside += line.len();
        at += written.len();
    }
    Some(found)
}

/// Pairs the words of a scalar whose lines are folded with where they stand in the source. In single quotes a quote
/// is written twice.
fn words(text: &str, raw: &str, quote: usize) -> Option<Vec<(usize, usize)>> {
    let raw_bytes = raw.as_bytes();
    let bytes = text.as_bytes();
    let mut found = vec![(0, quote)];
    let (mut inside, mut at) = (0, quote);
    while inside < bytes.len() {
        if bytes[inside].is_ascii_whitespace() {
            while bytes.get(inside).is_some_and(u8::is_ascii_whitespace) {
                inside += 1;
            }
            while raw_bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            found.push((inside, at));
            continue;
        }
        if raw_bytes.get(at) != Some(&bytes[inside]) {
            return None;
        }
        at += 1;
        if quote == 1 && bytes[inside] == b'\'' {
            at += 1;
            found.push((inside + 1, at));
        }
        inside += 1;
    }
    Some(found)
}
