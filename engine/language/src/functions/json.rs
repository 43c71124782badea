//! JSON.

use strata_model::{Kind, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};

functions! {
    "jsondecode", "The value that a JSON text means.", [Parameter::new("str", ParameterKind::String)]
        => returns::any, Body::Deep(jsondecode);
    "jsonencode", "The value as JSON.", [Parameter::new("val", ParameterKind::Any).nullable()]
        => returns::string, Body::Deep(jsonencode);
}

fn jsonencode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut text = String::new();
    write(call, call.value(0), &mut text)?;
    Ok(Value::string(text))
}

/// Writes JSON without white space; what matters in HTML is escaped.
pub(super) fn write(call: &Call<'_, '_>, value: &Value, out: &mut String) -> Result<(), Fault> {
    call.steps(1)?;
    let before = out.len();
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(true) => out.push_str("true"),
        Kind::Bool(false) => out.push_str("false"),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) => write_text(text, out),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(call, element, out)?;
            }
            out.push(']');
            return Ok(());
        }
        Kind::Map(_, members) | Kind::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let start = out.len();
                write_text(name, out);
                out.push(':');
                call.bytes(out.len() - start)?;
                write(call, member, out)?;
            }
            out.push('}');
            return Ok(());
        }
    }
    call.bytes(out.len() - before)
}

/// Writes a JSON string.
pub(super) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn jsondecode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    let nodes = text
        .bytes()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
        .count();
    call.room(nodes + 1)?;
    // An object is held twice: as it is read, and as a value.
    let count = |wanted: u8| text.bytes().filter(|byte| *byte == wanted).count();
    call.run.meter.maps(count(b'{') * 2, count(b':') * 2)?;
    call.bytes(text.len())?;
    let json: serde_json::Value = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => {
            let reason = format!(
                "is not valid JSON at line {}, column {}",
                error.line(),
                error.column()
            );
            return argument(0, reason);
        }
    };
    match Value::from_json(&json) {
        Some(value) => Ok(value),
        None => argument(0, "holds a number that is out of range"),
    }
}
