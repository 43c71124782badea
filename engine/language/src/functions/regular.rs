//! Regular expressions, in time linear in the text.

mod ahead;
mod translate;

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::{Captures, Regex, RegexBuilder};
use strata_model::{Kind, Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, functions, returns};

const fn string(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::String)
}

functions! {
    "regex", "The first match of a pattern: its text, or its groups.", [string("pattern"), string("string")]
        => match_type, Body::Deep(first);
    "regexall", "All matches of a pattern.", [string("pattern"), string("string")]
        => matches_type, Body::Deep(all);
    "replace", "The text with every occurrence of another, or of a pattern between slashes, replaced.",
        [string("str"), string("substr"), string("replace")] => returns::string, Body::Deep(replace);
}

/// Bytes that a compiled pattern may take; it bounds the time for each byte of text, too.
const SIZE_LIMIT: usize = 256 * 1024;
/// Compiled patterns that are kept for each thread.
const KEPT: usize = 64;
/// Longer texts are searched with patterns of this many bytes at most.
const LONG_TEXT: usize = 1024 * 1024;

thread_local! {
    static COMPILED: RefCell<BTreeMap<String, Pattern>> = const { RefCell::new(BTreeMap::new()) };
}

/// A compiled pattern.
#[derive(Clone)]
struct Pattern {
    regex: Regex,
    /// How far behind a match a search may look before it knows that it is the one; see [`ahead`].
    ahead: usize,
}

fn compiled(call: &Call<'_, '_>, index: usize, pattern: &str) -> Result<Pattern, Fault> {
    let known = COMPILED.with_borrow(|kept| kept.get(pattern).cloned());
    if let Some(regex) = known {
        return Ok(regex);
    }
    call.bytes(SIZE_LIMIT)?;
    call.steps(pattern.len().saturating_mul(16))?;
    let translated = translate::pattern(pattern).map_err(|reason| {
        let reason = if call.secret { "" } else { reason };
        Fault::Argument(index, not_regular(reason))
    })?;
    let built = RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(4 * SIZE_LIMIT)
        .nest_limit(100)
        .build();
    let regex = built.map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
            _ if call.secret => not_regular(""),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                not_regular(last.trim_start_matches("error: "))
            }
        };
        Fault::Argument(index, reason)
    })?;
    let built = Pattern {
        regex,
        ahead: ahead::of(&translated),
    };
    COMPILED.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), built.clone());
    });
    Ok(built)
}

/// Says that a pattern is none, and why where that may be said.
fn not_regular(reason: &str) -> String {
    match reason {
        "" => "the pattern is no regular expression".to_owned(),
        reason => format!("the pattern is no regular expression: {reason}"),
    }
}

/// Bytes that a search goes through in one step.
const BYTES_PER_STEP: usize = 16;

/// Takes the steps of a match and of what the search for it looked at behind it.
fn matched(call: &Call<'_, '_>, ahead: usize, rest: usize) -> Result<(), Fault> {
    call.steps(4 + ahead.min(rest) / BYTES_PER_STEP)
}

/// Takes the steps of a search.
fn search(call: &Call<'_, '_>, pattern: &str, text: &str) -> Result<(), Fault> {
    if text.len() > LONG_TEXT && pattern.contains(['{', '|']) {
        call.steps(text.len())?;
    }
    call.steps(text.len() / BYTES_PER_STEP)
}

/// What a match of the pattern is: its text, or the groups by position or by name.
fn shape(regex: &Regex) -> Result<Type, Fault> {
    let names: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    let named = names.iter().flatten().count();
    if names.is_empty() {
        return Ok(Type::String);
    }
    if named == 0 {
        return Ok(Type::tuple(vec![Type::String; names.len()]));
    }
    if named < names.len() {
        let reason = "invalid regexp pattern: cannot mix both named and unnamed capture groups";
        return Err(Fault::Argument(0, reason.to_owned()));
    }
    let attributes = names.iter().flatten().map(|name| (*name, Type::String));
    Ok(Type::object(attributes))
}

fn match_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    match call.value(0).as_str() {
        Some(pattern) => shape(&compiled(call, 0, pattern)?.regex),
        None => Ok(Type::Any),
    }
}

fn matches_type(call: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(Type::list(match_type(call)?))
}

fn captured(call: &Call<'_, '_>, regex: &Regex, captures: &Captures<'_>) -> Result<Value, Fault> {
    let group = |index: usize| -> Result<Value, Fault> {
        match captures.get(index) {
            Some(found) => call.string(found.as_str().to_owned()),
            None => Ok(Value::null_of(Type::String)),
        }
    };
    let count = captures.len();
    call.room(count)?;
    if count == 1 {
        return group(0);
    }
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    if names.is_empty() {
        let groups = (1..count).map(group).collect::<Result<Vec<_>, _>>()?;
        return Ok(Value::tuple(groups));
    }
    let members = names
        .iter()
        .enumerate()
        .map(|(index, name)| Ok(((*name).into(), group(index + 1)?)))
        .collect::<Result<_, Fault>>()?;
    Ok(Kind::Object(std::sync::Arc::new(members)).into())
}

fn first(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (pattern, text) = (call.text(0), call.text(1));
    let Pattern { regex, .. } = compiled(call, 0, pattern)?;
    shape(&regex)?;
    search(call, pattern, text)?;
    match regex.captures(text) {
        Some(captures) => captured(call, &regex, &captures),
        None => Err(Fault::Call(
            "pattern did not match any part of the given string".to_owned(),
        )),
    }
}

fn all(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (pattern, text) = (call.text(0), call.text(1));
    let Pattern { regex, ahead } = compiled(call, 0, pattern)?;
    let ty = shape(&regex)?;
    search(call, pattern, text)?;
    let mut found = Vec::new();
    for captures in regex.captures_iter(text) {
        let end = captures.get(0).map_or(0, |found| found.end());
        matched(call, ahead, text.len() - end)?;
        found.push(captured(call, &regex, &captures)?);
    }
    Ok(Value::list(ty, found))
}

fn replace(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let (text, wanted, new) = (call.text(0), call.text(1), call.text(2));
    let pattern = wanted
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    let Some(pattern) = pattern else {
        let count = text.matches(wanted).count();
        call.bytes(text.len().saturating_add(count.saturating_mul(new.len())))?;
        return call.string(text.replace(wanted, new));
    };
    let Pattern { regex, ahead } = compiled(call, 1, pattern)?;
    search(call, pattern, text)?;
    let mut out = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        matched(call, ahead, text.len() - found.end())?;
        call.steps(new.len() / 4)?;
        let before = out.len();
        out.push_str(&text[end..found.start()]);
        captures.expand(new, &mut out);
        call.bytes(out.len() - before)?;
        end = found.end();
    }
    out.push_str(&text[end..]);
    call.string(out)
}
