//! Functions that write and read encodings.

mod charset;
mod csv;

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use strata_model::Value;

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};
use charset::Charset;

const STR: Parameter = Parameter::new("str", ParameterKind::String);
const ENCODING: Parameter = Parameter::new("encoding", ParameterKind::String);

functions! {
    "base64decode", "The text that Base64 encodes.", [STR] => returns::string, Body::Deep(base64decode);
    "base64encode", "The text in Base64.", [STR] => returns::string, Body::Deep(base64encode);
    "base64gunzip", "The text that was compressed with gzip and encoded in Base64.", [STR]
        => returns::string, Body::Deep(base64gunzip);
    "base64gzip", "The text compressed with gzip, in Base64.", [STR] => returns::string, Body::Deep(base64gzip);
    "csvdecode", "The rows of a CSV text as a list of objects.", [STR] => returns::any, Body::Deep(csvdecode);
    "textdecodebase64", "The text that Base64 encodes in a character encoding.",
        [Parameter::new("source", ParameterKind::String), ENCODING] => returns::string, Body::Deep(textdecodebase64);
    "textencodebase64", "The text in a character encoding, in Base64.",
        [Parameter::new("string", ParameterKind::String), ENCODING] => returns::string, Body::Deep(textencodebase64);
    "urldecode", "The text that an URL encodes.", [STR] => returns::string, Body::Deep(urldecode);
    "urlencode", "The text as it stands in the query of an URL.", [STR] => returns::string, Body::Deep(urlencode);
}

/// Base64 of bytes as the result.
pub(super) fn encoded(call: &Call<'_, '_>, bytes: &[u8]) -> Result<Value, Fault> {
    call.bytes(bytes.len() / 3 * 4)?;
    call.string(STANDARD.encode(bytes))
}

fn base64encode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    encoded(call, call.text(0).as_bytes())
}

/// The bytes of Base64; newlines in it are skipped.
fn decoded(call: &Call<'_, '_>) -> Result<Vec<u8>, Fault> {
    let text = call.text(0);
    call.bytes(text.len())?;
    let plain: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    STANDARD.decode(&plain).map_err(|_| {
        let reason = format!("failed to decode base64 data {}", call.quote(text));
        Fault::Argument(0, reason)
    })
}

fn utf8(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|_| {
        let reason = "the result of decoding the provided string is not valid UTF-8";
        Fault::Argument(0, reason.to_owned())
    })
}

fn base64decode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    call.string(utf8(decoded(call)?)?)
}

fn base64gzip(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    call.steps(text.len() / 8)?;
    call.bytes(text.len())?;
    let failed = |_| Fault::Call("failed to compress".to_owned());
    // No time and no system name: equal texts give equal results everywhere.
    let mut writer = GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), Compression::default());
    writer.write_all(text.as_bytes()).map_err(failed)?;
    encoded(call, &writer.finish().map_err(failed)?)
}

fn base64gunzip(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let bytes = decoded(call)?;
    let mut reader = MultiGzDecoder::new(bytes.as_slice());
    let mut out = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = reader
            .read(&mut chunk)
            .map_err(|_| Fault::Argument(0, "the decoded data is not in gzip format".to_owned()))?;
        if count == 0 {
            return call.string(utf8(out)?);
        }
        call.steps(count / 64)?;
        // A buffer that grows holds up to twice what is in it.
        call.bytes(2 * count)?;
        out.extend_from_slice(&chunk[..count]);
    }
}

fn csvdecode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    csv::decode(call)
}

fn charset(call: &Call<'_, '_>) -> Result<Charset, Fault> {
    let name = call.text(1);
    match Charset::named(name) {
        Some(charset) => Ok(charset),
        None => {
            let reason = format!(
                "{} is not a supported IANA encoding name or alias",
                call.quote(name)
            );
            argument(1, reason)
        }
    }
}

fn textencodebase64(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let charset = charset(call)?;
    let text = call.text(0);
    call.bytes(text.len().saturating_mul(4))?;
    match charset.encode(text) {
        Some(bytes) => encoded(call, &bytes),
        None => {
            let reason =
                "the given string contains characters that cannot be represented in the encoding";
            argument(0, reason)
        }
    }
}

fn textdecodebase64(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let charset = charset(call)?;
    let bytes = decoded(call)?;
    call.bytes(bytes.len().saturating_mul(3))?;
    match charset.decode(&bytes) {
        Some(text) => call.string(text),
        None => {
            let reason = "the given string contains symbols that are not defined for the encoding";
            argument(0, reason)
        }
    }
}

fn urlencode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    call.bytes(text.len().saturating_mul(3))?;
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    call.string(out)
}

fn urldecode(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.text(0);
    call.bytes(text.len())?;
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let value = high
                    .zip(low)
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                match value {
                    Some(value) => out.push(value),
                    None => return argument(0, "a % must be followed by two hexadecimal digits"),
                }
            }
            other => out.push(other),
        }
    }
    call.string(utf8(out)?)
}
