//! Conversions between text, numbers and truth values.

use std::borrow::Cow;
use std::sync::Arc;

use strata_model::{Kind, Number, Type, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{ConvertError, compatible};

pub(super) fn convert(value: &Value, want: &Type) -> Result<Kind, ConvertError> {
    match (value.kind(), want) {
        (Kind::Bool(value), Type::String) => {
            Ok(Kind::String(if *value { "true" } else { "false" }.into()))
        }
        (Kind::Number(number), Type::String) => Ok(Kind::String(number_text(*number).into())),
        (Kind::String(text), Type::Number) => parse_number(text)
            .map(Kind::Number)
            .map_err(|fault| ConvertError::new(fault.reason())),
        (Kind::String(text), Type::Bool) => truth(text).map(Kind::Bool),
        _ => Err(compatible::mismatch(&value.ty(), want)),
    }
}

fn truth(text: &str) -> Result<bool, ConvertError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(ConvertError::new(
            match other.to_ascii_lowercase().as_str() {
                "true" => "a bool is required; to convert from string, use lowercase \"true\"",
                "false" => "a bool is required; to convert from string, use lowercase \"false\"",
                _ => "a bool is required",
            },
        )),
    }
}

/// The canonical text of a number: no exponent, no superfluous digits.
pub fn number_text(number: Number) -> String {
    number.to_string()
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// It is not written as one.
    Spelling,
    /// It is one that cannot be held without changing it.
    Range,
}

impl NumberFault {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            NumberFault::Spelling => "a number is required",
            NumberFault::Range => {
                "the number is out of range: integers go from -9223372036854775808 to \
                 18446744073709551615, other numbers are IEEE doubles"
            }
        }
    }
}

/// Reads a decimal number as text gives it: a sign, digits, a point, an exponent.
///
/// # Errors
///
/// Tells text that is no number from a number that is out of range.
pub fn parse_number(text: &str) -> Result<Number, NumberFault> {
    if let Some(number) = Number::parse(text) {
        return Ok(number);
    }
    let (sign, body) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let spelled = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        });
    if !spelled {
        return Err(NumberFault::Spelling);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let exponent = exponent.map_or_else(String::new, |exponent| format!("e{exponent}"));
    let point = if fraction.is_empty() { "" } else { "." };
    Number::parse(&format!("{sign}{whole}{point}{fraction}{exponent}")).ok_or(NumberFault::Range)
}

/// The text in Unicode's composed form: texts that read alike are equal.
pub(crate) fn normalized(text: String) -> Arc<str> {
    match composed(&text) {
        Cow::Borrowed(_) => text.into(),
        Cow::Owned(composed) => composed.into(),
    }
}

/// As [`normalized`], without a copy where there is nothing to do.
pub(crate) fn normalized_arc(text: &Arc<str>) -> Arc<str> {
    match composed(text) {
        Cow::Borrowed(_) => text.clone(),
        Cow::Owned(composed) => composed.into(),
    }
}

fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}
