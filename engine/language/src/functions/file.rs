//! Functions that read the files of a project or package.

mod glob;

use std::sync::Arc;

use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use strata_model::{Type, Value};

use super::{
    Body, Call, Fault, Parameter, ParameterKind, argument, encoding, functions, hash, returns,
};
use crate::scope::SourceTree;

const PATH: Parameter = Parameter::new("path", ParameterKind::String);

functions! {
    "basename", "The last part of a path.", [PATH] => returns::string, Body::Deep(basename);
    "dirname", "A path without its last part.", [PATH] => returns::string, Body::Deep(dirname);
    "file", "The text of a file.", [PATH] => returns::string, Body::Deep(file);
    "filebase64", "The bytes of a file, in Base64.", [PATH] => returns::string, Body::Deep(filebase64);
    "filebase64sha256", "The SHA-256 of a file, in Base64.", [PATH] => returns::string, Body::Deep(filebase64sha256);
    "filebase64sha512", "The SHA-512 of a file, in Base64.", [PATH] => returns::string, Body::Deep(filebase64sha512);
    "fileexists", "Whether there is a file.", [PATH] => returns::boolean, Body::Deep(fileexists);
    "filemd5", "The MD5 of a file, in hexadecimal.", [PATH] => returns::string, Body::Deep(filemd5);
    "fileset", "The paths of files that match a pattern.", [PATH, Parameter::new("pattern", ParameterKind::String)]
        => paths, Body::Deep(fileset);
    "filesha1", "The SHA-1 of a file, in hexadecimal.", [PATH] => returns::string, Body::Deep(filesha1);
    "filesha256", "The SHA-256 of a file, in hexadecimal.", [PATH] => returns::string, Body::Deep(filesha256);
    "filesha512", "The SHA-512 of a file, in hexadecimal.", [PATH] => returns::string, Body::Deep(filesha512);
}

fn paths(_: &Call<'_, '_>) -> Result<Type, Fault> {
    Ok(Type::set(Type::String))
}

/// The path without `.`, `..` and repeated slashes, as it stands: it may begin with `/` or `..`.
fn cleaned(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn basename(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.text(0);
    let trimmed = path.trim_end_matches('/');
    let name = match (path.is_empty(), trimmed.rsplit('/').next()) {
        (true, _) => ".",
        (false, Some("") | None) => "/",
        (false, Some(name)) => name,
    };
    call.string(name.to_owned())
}

fn dirname(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.text(0);
    call.bytes(path.len())?;
    let directory = path.rfind('/').map_or("", |at| &path[..=at]);
    call.string(cleaned(directory))
}

/// The path within the tree that an argument names.
fn inside(call: &Call<'_, '_>, path: &str) -> Result<String, Fault> {
    call.bytes(path.len())?;
    let leaves = |why: &str| {
        let reason = format!("{} {why}", call.quote(path));
        Err(Fault::Leaves(0, reason))
    };
    if path.contains(['\0', '\\']) {
        return leaves("is no path: paths are written with /");
    }
    if path.starts_with('/') || path == "~" || path.starts_with("~/") {
        return leaves("is not relative to the project or package");
    }
    let path = cleaned(path);
    if path == ".." || path.starts_with("../") {
        return leaves("leaves the project or package");
    }
    Ok(path)
}

fn tree<'c>(call: &Call<'c, '_>) -> Result<&'c dyn SourceTree, Fault> {
    match call.run.host.files {
        Some(files) => Ok(files),
        None => Err(Fault::Call("files cannot be read here".to_owned())),
    }
}

/// The bytes of the file that the first argument names.
pub(super) fn bytes(call: &Call<'_, '_>) -> Result<Arc<[u8]>, Fault> {
    let path = inside(call, call.text(0))?;
    let bytes = tree(call)?.read(&path).map_err(|error| {
        let reason = match call.secret {
            true => "the file cannot be read".to_owned(),
            false => format!("cannot read {path:?}: {}", error.trim_end_matches('.')),
        };
        Fault::File(0, reason)
    })?;
    call.bytes(bytes.len())?;
    Ok(bytes)
}

/// The text of the file that the first argument names.
pub(super) fn text(call: &Call<'_, '_>) -> Result<String, Fault> {
    let bytes = bytes(call)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => {
            let reason = format!(
                "contents of {} are not valid UTF-8; use filebase64() for its bytes, or filesha256() and the like for a digest",
                call.quote(call.text(0))
            );
            Err(Fault::File(0, reason))
        }
    }
}

fn file(call: &Call<'_, '_>) -> Result<Value, Fault> {
    call.string(text(call)?)
}

fn filebase64(call: &Call<'_, '_>) -> Result<Value, Fault> {
    encoding::encoded(call, &bytes(call)?)
}

fn hashed(call: &Call<'_, '_>, digest: fn(&[u8]) -> String) -> Result<Value, Fault> {
    let bytes = bytes(call)?;
    hash::steps(call, bytes.len())?;
    call.string(digest(&bytes))
}

fn filemd5(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::hex::<Md5>)
}

fn filesha1(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::hex::<Sha1>)
}

fn filesha256(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::hex::<Sha256>)
}

fn filesha512(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::hex::<Sha512>)
}

fn filebase64sha256(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::base64::<Sha256>)
}

fn filebase64sha512(call: &Call<'_, '_>) -> Result<Value, Fault> {
    hashed(call, hash::base64::<Sha512>)
}

fn fileexists(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let path = inside(call, call.text(0))?;
    let tree = tree(call)?;
    match tree.exists(&path) {
        Ok(false) if tree.list(&path).is_ok_and(|files| !files.is_empty()) => Err(Fault::File(
            0,
            "it is a directory, and not a file".to_owned(),
        )),
        Ok(exists) => Ok(exists.into()),
        Err(_) if call.secret => Err(Fault::File(0, "the path cannot be looked at".to_owned())),
        Err(error) => Err(Fault::File(0, error.trim_end_matches('.').to_owned())),
    }
}

fn fileset(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let directory = inside(call, call.text(0))?;
    let pattern = call.text(1);
    if pattern.split('/').any(|part| part == "..") || pattern.starts_with('/') {
        return argument(1, "must stay below the directory");
    }
    let patterns = match glob::Pattern::parse(&cleaned(pattern)) {
        Some(patterns) => patterns,
        None => return argument(1, format!("{} is no pattern", call.quote(pattern))),
    };
    let files = tree(call)?.list(&directory).map_err(|error| {
        let reason = if call.secret {
            "the directory cannot be read".to_owned()
        } else {
            error
        };
        Fault::File(0, reason.trim_end_matches('.').to_owned())
    })?;
    let prefix = if directory == "." {
        String::new()
    } else {
        format!("{directory}/")
    };
    let mut found = Vec::new();
    for file in &files {
        let Some(name) = file.strip_prefix(&prefix) else {
            continue;
        };
        call.steps(patterns.cost(name))?;
        if patterns.matches(name) {
            call.room(1)?;
            found.push(call.string(name.to_owned())?);
        }
    }
    Ok(Value::set(Type::String, found))
}
