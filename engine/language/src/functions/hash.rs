//! Digests and names derived from them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use strata_model::Value;
use uuid::Uuid;

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};

const STR: Parameter = Parameter::new("str", ParameterKind::String);

functions! {
    "base64sha256", "The SHA-256 of a text, in Base64.", [STR] => returns::string, Body::Deep(base64sha256);
    "base64sha512", "The SHA-512 of a text, in Base64.", [STR] => returns::string, Body::Deep(base64sha512);
    "md5", "The MD5 of a text, in hexadecimal.", [STR] => returns::string, Body::Deep(md5);
    "sha1", "The SHA-1 of a text, in hexadecimal.", [STR] => returns::string, Body::Deep(sha1);
    "sha256", "The SHA-256 of a text, in hexadecimal.", [STR] => returns::string, Body::Deep(sha256);
    "sha512", "The SHA-512 of a text, in hexadecimal.", [STR] => returns::string, Body::Deep(sha512);
    "uuidv5", "The UUID that follows from a namespace and a name.",
        [Parameter::new("namespace", ParameterKind::String), Parameter::new("name", ParameterKind::String)]
        => returns::string, Body::Deep(uuidv5);
}

/// The digest in hexadecimal.
pub(super) fn hex<D: Digest>(bytes: &[u8]) -> String {
    D::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The digest in Base64.
pub(super) fn base64<D: Digest>(bytes: &[u8]) -> String {
    STANDARD.encode(D::digest(bytes))
}

/// Takes the steps of a digest.
pub(super) fn steps(call: &Call<'_, '_>, length: usize) -> Result<(), Fault> {
    call.steps(length / 32)
}

fn hashed(call: &Call<'_, '_>, hash: fn(&[u8]) -> String) -> Result<Value, Fault> {
    let text = call.text(0);
    steps(call, text.len())?;
    call.string(hash(text.as_bytes()))
}

fn base64sha256(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, base64::<Sha256>)
}

fn base64sha512(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, base64::<Sha512>)
}

fn md5(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hex::<Md5>)
}

fn sha1(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hex::<Sha1>)
}

fn sha256(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hex::<Sha256>)
}

fn sha512(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hex::<Sha512>)
}

fn uuidv5(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let given = call.text(0);
    let namespace = match given {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => match Uuid::parse_str(other) {
            Ok(namespace) => namespace,
            Err(_) => {
                let reason = format!(
                    "doesn't support namespace {}: it is dns, url, oid, x500 or a UUID",
                    call.quote(other)
                );
                return argument(0, reason);
            }
        },
    };
    let name = call.text(1);
    steps(call, name.len())?;
    call.string(Uuid::new_v5(&namespace, name.as_bytes()).to_string())
}
