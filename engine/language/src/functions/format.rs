//! `format` and `formatlist`.

mod decimal;

use std::ops::Range;

use strata_model::{Number, Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use super::text::clusters;
use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, json, returns};
use crate::convert::{convert, normalized};
use decimal::Decimal;

const ARGUMENTS: Parameter = Parameter::new("args", ParameterKind::Any)
    .nullable()
    .unknowns();

functions! {
    "format", "A text made by a pattern such as \"%s-%03d\".", [Parameter::new("format", ParameterKind::String)], ..ARGUMENTS
        => returns::string, Body::Shallow(format);
    "formatlist", "Texts made by a pattern, one for each element of the lists given.",
        [Parameter::new("format", ParameterKind::String)], ..ARGUMENTS
        => returns::strings, Body::Shallow(formatlist);
}

fn format(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let values: Vec<&Value> = call.arguments[1..].iter().collect();
    formatted(call, &values)
}

fn formatted(call: &Call<'_, '_>, values: &[&Value]) -> Result<Value, Fault> {
    if values.iter().any(|value| value.has_unknown()) {
        return Ok(Value::unknown(Type::String));
    }
    let mut writer = Writer {
        call,
        format: call.text(0),
        values,
        out: String::new(),
    };
    writer.all()?;
    Ok(Value::string(normalized(writer.out)))
}

fn formatlist(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let mut count: Option<(usize, usize)> = None;
    let mut unknown = false;
    for (index, value) in call.arguments.iter().enumerate().skip(1) {
        let length = match (value.elements(), value.ty()) {
            (Some(elements), _) => elements.len(),
            (None, Type::Tuple(types)) if value.is_unknown() => types.len(),
            (None, Type::Any | Type::List(_) | Type::Set(_)) if value.is_unknown() => {
                unknown = true;
                continue;
            }
            _ => continue,
        };
        unknown |= value.is_unknown();
        match count {
            None => count = Some((length, index)),
            Some((first, _)) if first == length => {}
            Some((first, chooser)) => {
                let reason = format!(
                    "has length {length}, which is inconsistent with argument {chooser} of length {first}"
                );
                return argument(index, reason);
            }
        }
    }
    if unknown {
        return Ok(Value::unknown(Type::list(Type::String)));
    }
    let count = count.map_or(1, |(count, _)| count);
    let mut texts = Vec::new();
    for turn in 0..count {
        call.room(1)?;
        let values: Vec<&Value> = call.arguments[1..]
            .iter()
            .map(|value| value.elements().map_or(value, |elements| &elements[turn]))
            .collect();
        let text = formatted(call, &values).map_err(|fault| match fault {
            Fault::Call(reason) => {
                Fault::Call(format!("error on format iteration {turn}: {reason}"))
            }
            Fault::Argument(..) | Fault::File(..) | Fault::Leaves(..) | Fault::Budget(_) => fault,
        })?;
        texts.push(text);
    }
    Ok(Value::list(Type::String, texts))
}

/// A `%` with what follows it.
#[derive(Default)]
struct Verb {
    place: Range<usize>,
    argument: usize,
    mode: char,
    zero: bool,
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    precision: Option<usize>,
    width: Option<usize>,
}

struct Writer<'w, 'c, 'r> {
    call: &'w Call<'c, 'r>,
    format: &'w str,
    values: &'w [&'w Value],
    out: String,
}

impl Writer<'_, '_, '_> {
    fn all(&mut self) -> Result<(), Fault> {
        let mut rest = 0;
        let mut next = 1;
        let mut highest = 0;
        while let Some(at) = self.format[rest..].find('%').map(|at| rest + at) {
            self.push(&self.format[rest..at])?;
            if self.format[at + 1..].starts_with('%') {
                self.push("%")?;
                rest = at + 2;
                continue;
            }
            let verb = self.verb(at, next)?;
            rest = verb.place.end;
            next = verb.argument.saturating_add(1);
            highest = highest.max(verb.argument);
            self.append(&verb)?;
        }
        self.push(&self.format[rest..])?;
        if highest >= self.values.len() {
            return Ok(());
        }
        let reason = if highest == 0 {
            "too many arguments; no verbs in format string".to_owned()
        } else {
            format!("too many arguments; only {highest} used by format string")
        };
        argument(highest + 1, reason)
    }

    fn push(&mut self, text: &str) -> Result<(), Fault> {
        self.call.bytes(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    /// Reads flags, width, precision, argument number and mode.
    fn verb(&self, start: usize, next: usize) -> Result<Verb, Fault> {
        let bytes = self.format.as_bytes();
        let mut at = start + 1;
        let mut verb = Verb {
            argument: next,
            ..Verb::default()
        };
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'0' => verb.zero = true,
                b'#' => verb.sharp = true,
                b'-' => verb.minus = true,
                b'+' => verb.plus = true,
                b' ' => verb.space = true,
                _ => break,
            }
            at += 1;
        }
        verb.width = number(bytes, &mut at);
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            verb.precision = Some(number(bytes, &mut at).unwrap_or(0));
        }
        if bytes.get(at) == Some(&b'[') {
            at += 1;
            match number(bytes, &mut at) {
                Some(index @ 1..) if bytes.get(at) == Some(&b']') => verb.argument = index,
                _ => return self.unreadable(at),
            }
            at += 1;
        }
        match bytes.get(at) {
            Some(mode) if mode.is_ascii_alphabetic() => {
                verb.mode = char::from(*mode);
                verb.place = start..at + 1;
                Ok(verb)
            }
            _ => self.unreadable(at),
        }
    }

    fn unreadable<T>(&self, at: usize) -> Result<T, Fault> {
        let reason = match self.format[self.format.floor_char_boundary(at)..]
            .chars()
            .next()
        {
            Some(character) => {
                format!("unrecognized format character {character:?} at offset {at}")
            }
            None => format!("invalid format string starting at offset {at}"),
        };
        Err(Fault::Call(reason))
    }

    fn append(&mut self, verb: &Verb) -> Result<(), Fault> {
        let raw = &self.format[verb.place.clone()];
        let offset = verb.place.start;
        let Some(value) = verb
            .argument
            .checked_sub(1)
            .and_then(|index| self.values.get(index))
        else {
            let reason = format!(
                "not enough arguments for {raw:?} at {offset}: need index {} but have {} total",
                verb.argument,
                self.values.len()
            );
            return Err(Fault::Call(reason));
        };
        if verb.mode != 'v' && value.is_null() {
            let reason = format!(
                "unsupported value for {raw:?} at {offset}: null value cannot be formatted"
            );
            return Err(Fault::Call(reason));
        }
        let unsupported = |reason: String| {
            Fault::Call(format!(
                "unsupported value for {raw:?} at {offset}: {reason}"
            ))
        };
        let wanted = |ty: Type| convert(value, &ty).map_err(|error| unsupported(error.to_string()));
        match verb.mode {
            'v' => self.as_is(verb, value),
            't' => {
                let truth = wanted(Type::Bool)?.as_bool() == Some(true);
                self.push(if truth { "true" } else { "false" })
            }
            'b' | 'd' | 'o' | 'x' | 'X' => {
                let number = wanted(Type::Number)?.as_number();
                match number.and_then(whole) {
                    Some(integer) => self.integer(verb, integer),
                    None => Err(unsupported("an integer is required".to_owned())),
                }
            }
            'e' | 'E' | 'f' | 'g' | 'G' => {
                let number = wanted(Type::Number)?.as_number().unwrap_or(Number::Int(0));
                self.float(verb, number)
            }
            's' | 'q' => {
                let text = wanted(Type::String)?;
                self.text(verb, text.as_str().unwrap_or_default())
            }
            other => Err(Fault::Call(format!(
                "unsupported format verb {other:?} in {raw:?} at offset {offset}"
            ))),
        }
    }

    fn as_is(&mut self, verb: &Verb, value: &Value) -> Result<(), Fault> {
        if !verb.sharp
            && let Some(text) = value.as_str()
        {
            return self.padded(verb, text);
        }
        if !verb.sharp
            && let Some(number) = value.as_number()
        {
            return self.padded(verb, &Decimal::of(number).general('g', None));
        }
        let mut text = String::new();
        json::write(self.call, value, &mut text)?;
        self.padded(verb, &text)
    }

    fn text(&mut self, verb: &Verb, text: &str) -> Result<(), Fault> {
        let text = match verb.precision {
            Some(length @ 1..) => {
                let end = text.grapheme_indices(true).nth(length).map(|(at, _)| at);
                end.map_or(text, |at| &text[..at])
            }
            _ => text,
        };
        if verb.mode == 's' {
            return self.padded(verb, text);
        }
        let mut quoted = String::new();
        json::write_text(text, &mut quoted);
        self.padded(verb, &quoted)
    }

    /// Pads to the width in characters as people count them.
    fn padded(&mut self, verb: &Verb, text: &str) -> Result<(), Fault> {
        let missing = verb.width.unwrap_or(0).saturating_sub(clusters(text));
        let fill = if verb.zero { '0' } else { ' ' };
        if verb.minus {
            self.push(text)?;
            return self.fill(missing, fill);
        }
        self.fill(missing, fill)?;
        self.push(text)
    }

    fn fill(&mut self, count: usize, fill: char) -> Result<(), Fault> {
        self.call.bytes(count)?;
        let piece = fill.to_string().repeat(count.min(4096));
        let mut missing = count;
        while missing > 0 {
            let part = &piece[..missing.min(piece.len())];
            self.out.push_str(part);
            missing -= part.len();
        }
        Ok(())
    }

    fn integer(&mut self, verb: &Verb, integer: i128) -> Result<(), Fault> {
        let magnitude = integer.unsigned_abs();
        let (digits, prefix) = match verb.mode {
            'b' => (format!("{magnitude:b}"), "0b"),
            'o' => (format!("{magnitude:o}"), "0"),
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            _ => (magnitude.to_string(), ""),
        };
        if verb.precision == Some(0) && magnitude == 0 {
            return Ok(());
        }
        let prefix = if verb.sharp { prefix } else { "" };
        let sign = self.sign(verb, integer < 0);
        let mut zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
        let length = (sign.len() + prefix.len() + digits.len()).saturating_add(zeros);
        let missing = verb.width.unwrap_or(0).saturating_sub(length);
        let (mut left, mut right) = (0, 0);
        if verb.minus {
            right = missing;
        } else if verb.zero && verb.precision.is_none() {
            zeros = missing;
        } else {
            left = missing;
        }
        self.fill(left, ' ')?;
        self.push(sign)?;
        self.push(prefix)?;
        self.fill(zeros, '0')?;
        self.push(&digits)?;
        self.fill(right, ' ')
    }

    fn sign(&self, verb: &Verb, negative: bool) -> &'static str {
        match (negative, verb.plus, verb.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn float(&mut self, verb: &Verb, number: Number) -> Result<(), Fault> {
        let decimal = Decimal::of(number);
        let precision = verb.precision.unwrap_or(6);
        // Digits behind the point are made before they are padded.
        self.call.bytes(precision)?;
        let digits = match verb.mode {
            'f' => decimal.fixed(precision),
            'e' | 'E' => decimal.scientific(verb.mode, precision),
            _ => decimal.general(verb.mode, verb.precision),
        };
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, digits.as_str()),
        };
        let sign = self.sign(verb, negative);
        let missing = verb
            .width
            .unwrap_or(0)
            .saturating_sub(sign.len() + digits.len());
        if verb.zero && !verb.minus {
            self.push(sign)?;
            self.fill(missing, '0')?;
            return self.push(digits);
        }
        if !verb.minus {
            self.fill(missing, ' ')?;
        }
        self.push(sign)?;
        self.push(digits)?;
        self.fill(if verb.minus { missing } else { 0 }, ' ')
    }
}

/// The whole number that a number is, one held as a double included.
fn whole(number: Number) -> Option<i128> {
    number.as_i128().or_else(|| {
        let float = number.as_f64();
        (float.fract() == 0.0 && float.abs() < 1e38).then_some(float as i128)
    })
}

/// A decimal number at a position; one too large is as large as can be.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let start = *at;
    let mut value = 0_usize;
    while let Some(digit @ b'0'..=b'9') = bytes.get(*at) {
        value = value
            .saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'));
        *at += 1;
    }
    (*at > start).then_some(value)
}
