//! Functions of text.

use strata_model::{Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};

const fn string(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::String)
}

const fn number(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Number)
}

functions! {
    "chomp", "The text without newlines at its end.", [string("str")] => returns::string, Body::Deep(chomp);
    "endswith", "Whether a text ends with another.", [string("str"), string("suffix")]
        => returns::boolean, Body::Deep(endswith);
    "indent", "The text with spaces at the beginning of every line but the first.", [number("spaces"), string("str")]
        => returns::string, Body::Deep(indent);
    "join", "The elements of lists as one text with a separator.",
        [string("separator")], ..Parameter::new("lists", ParameterKind::Strings) => returns::string, Body::Deep(join);
    "lower", "The text in lower case.", [string("str")] => returns::string, Body::Deep(lower);
    "split", "The parts of a text between separators.", [string("separator"), string("str")]
        => returns::strings, Body::Deep(split);
    "startswith", "Whether a text begins with another.", [string("str"), string("prefix")]
        => returns::boolean, Body::Deep(startswith);
    "strcontains", "Whether a text holds another.", [string("str"), string("substr")]
        => returns::boolean, Body::Deep(strcontains);
    "strrev", "The text from its end to its beginning.", [string("str")] => returns::string, Body::Deep(strrev);
    "substr", "A part of a text by position and length in characters.",
        [string("str"), number("offset"), number("length")] => returns::string, Body::Deep(substr);
    "title", "The text with a capital at the beginning of every word.", [string("str")]
        => returns::string, Body::Deep(title);
    "trim", "The text without certain characters at both ends.", [string("str"), string("cutset")]
        => returns::string, Body::Deep(trim);
    "trimprefix", "The text without a prefix.", [string("str"), string("prefix")]
        => returns::string, Body::Deep(trimprefix);
    "trimspace", "The text without white space at both ends.", [string("str")]
        => returns::string, Body::Deep(trimspace);
    "trimsuffix", "The text without a suffix.", [string("str"), string("suffix")]
        => returns::string, Body::Deep(trimsuffix);
    "upper", "The text in capitals.", [string("str")] => returns::string, Body::Deep(upper);
}

/// The number of characters as people count them.
pub(super) fn clusters(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') {
        text.len()
    } else {
        text.graphemes(true).count()
    }
}

fn part(call: &Call<'_, '_>, text: &str) -> Result<Value, Fault> {
    call.bytes(text.len())?;
    Ok(Value::string(text))
}

fn chomp(call: &Call<'_, '_>) -> Result<Value, Fault> {
    part(call, call.text(0).trim_end_matches(['\r', '\n']))
}

fn endswith(call: &Call<'_, '_>) -> Result<Value, Fault> {
    Ok(call.text(0).ends_with(call.text(1)).into())
}

fn startswith(call: &Call<'_, '_>) -> Result<Value, Fault> {
    Ok(call.text(0).starts_with(call.text(1)).into())
}

fn strcontains(call: &Call<'_, '_>) -> Result<Value, Fault> {
    Ok(call.text(0).contains(call.text(1)).into())
}

fn indent(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Ok(spaces) = usize::try_from(call.integer(0)?) else {
        return argument(0, "must not be negative");
    };
    let text = call.text(1);
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    call.bytes(lines.saturating_mul(spaces.saturating_add(1)))?;
    if lines == 0 {
        return part(call, text);
    }
    call.string(text.replace('\n', &format!("\n{}", " ".repeat(spaces))))
}

fn join(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let separator = call.text(0);
    let lists = &call.arguments[1..];
    if lists.is_empty() {
        return Err(Fault::Call("at least one list is required".to_owned()));
    }
    let mut items: Vec<&str> = Vec::new();
    let mut bytes = 0_usize;
    for (index, list) in lists.iter().enumerate() {
        for (position, element) in list.elements().unwrap_or_default().iter().enumerate() {
            let Some(text) = element.as_str() else {
                let of = if lists.len() > 1 {
                    format!(" of list {}", index + 1)
                } else {
                    String::new()
                };
                let reason =
                    format!("element {position}{of} is null; cannot concatenate null values");
                return argument(index + 1, reason);
            };
            bytes = bytes
                .saturating_add(text.len())
                .saturating_add(separator.len());
            items.push(text);
        }
    }
    call.steps(items.len())?;
    call.bytes(bytes)?;
    call.string(items.join(separator))
}

fn split(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (separator, text) = (call.text(0), call.text(1));
    let parts: Box<dyn Iterator<Item = &str>> = if separator.is_empty() {
        Box::new(text.split("").filter(|part| !part.is_empty()))
    } else {
        Box::new(text.split(separator))
    };
    let mut elements = Vec::new();
    for text in parts {
        call.room(1)?;
        elements.push(part(call, text)?);
    }
    Ok(Value::list(Type::String, elements))
}

fn strrev(call: &Call<'_, '_>) -> Result<Value, Fault> {
    call.string(call.text(0).graphemes(true).rev().collect())
}

fn substr(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (text, mut offset, length) = (call.text(0), call.integer(1)?, call.integer(2)?);
    if offset < 0 {
        offset = offset.saturating_add(i64::try_from(clusters(text)).unwrap_or(i64::MAX));
    } else if length == 0 {
        return part(call, "");
    }
    let rest = match usize::try_from(offset) {
        Ok(offset @ 1..) => {
            let start = text.grapheme_indices(true).nth(offset).map(|(at, _)| at);
            start.map_or("", |at| &text[at..])
        }
        _ => text,
    };
    // A length of zero behind a negative offset means the rest, as a negative length does.
    let end = match usize::try_from(length) {
        Ok(length @ 1..) => rest.grapheme_indices(true).nth(length).map(|(at, _)| at),
        _ => None,
    };
    part(call, end.map_or(rest, |at| &rest[..at]))
}

/// The text with each character in its simple upper case; one that would become several stays.
fn upper(call: &Call<'_, '_>) -> Result<Value, Fault> {
    call.string(call.text(0).chars().map(capital).collect())
}

fn capital(character: char) -> char {
    single(character.to_uppercase(), character)
}

fn lower(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let small = |character: char| match character {
        'İ' => 'i',
        other => single(other.to_lowercase(), other),
    };
    call.string(call.text(0).chars().map(small).collect())
}

fn single(mut mapped: impl Iterator<Item = char>, original: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => original,
    }
}

fn title(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut previous = ' ';
    let text = call
        .text(0)
        .chars()
        .map(|character| {
            let begins = separates(previous);
            previous = character;
            if begins {
                title_case(character)
            } else {
                character
            }
        })
        .collect();
    call.string(text)
}

/// The character as a word begins with it. Two letters in one character have a form of their own for that.
fn title_case(character: char) -> char {
    match character {
        'Ǆ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǳ' => 'ǲ',
        other => capital(other),
    }
}

/// Whether a word may begin behind the character.
fn separates(character: char) -> bool {
    if character.is_ascii() {
        !character.is_ascii_alphanumeric() && character != '_'
    } else {
        !character.is_alphanumeric() && character.is_whitespace()
    }
}

fn trim(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let cut: Vec<char> = call.text(1).chars().collect();
    call.steps(cut.len())?;
    part(call, call.text(0).trim_matches(cut.as_slice()))
}

fn trimprefix(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    part(call, text.strip_prefix(call.text(1)).unwrap_or(text))
}

fn trimsuffix(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    part(call, text.strip_suffix(call.text(1)).unwrap_or(text))
}

fn trimspace(call: &Call<'_, '_>) -> Result<Value, Fault> {
    part(call, call.text(0).trim())
}
