//! Where the source of a stack leads.

use std::sync::Arc;

use strata_model::address::is_name;
use strata_model::{Diagnostic, Span};

use crate::codes;
use crate::definition::PackageKey;

/// The package that a source leads to, said by a block of `from`: a bare name is built in, a path is resolved against
/// the package that says it, and Git text stays as it is.
pub(super) fn package_key(
    from: &PackageKey,
    source: &str,
    span: Span,
) -> Result<PackageKey, Box<Diagnostic>> {
    if source.contains("://") || source.contains("git@") {
        return Ok(source.into());
    }
    if source == "." || source.starts_with("./") || source.starts_with("../") {
        return resolve(from, source).ok_or_else(|| {
            let detail = format!(
                "'{}' leads out of the directory that holds all packages here.",
                source.escape_debug()
            );
            Box::new(codes::PATH_LEAVES.error(detail).at(span))
        });
    }
    if is_name(source) {
        return Ok(source.into());
    }
    let detail = format!(
        "'{}' is no source: it is the name of a built-in stack, a path that begins with ./ or ../, or a Git URL.",
        source.escape_debug()
    );
    Err(Box::new(codes::SOURCE.error(detail).at(span)))
}

/// Splits a key into what its paths are relative to and the path itself: the project and local packages share the
/// project's root; a built-in or Git package is a root of its own.
fn root_and_path(key: &str) -> (&str, &str) {
    if let Some(path) = key.strip_prefix("./") {
        return ("", path);
    }
    match key.find("/./") {
        Some(at) => (&key[..at], &key[at + 3..]),
        None => (key, ""),
    }
}

fn resolve(from: &PackageKey, source: &str) -> Option<PackageKey> {
    if source.contains(['\\', '\0', '%', ':']) {
        return None;
    }
    let (root, directory) = root_and_path(from);
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let key = match (root.is_empty(), path.is_empty()) {
        (true, true) => "./".to_owned(),
        (true, false) => format!("./{path}"),
        (false, true) => root.to_owned(),
        (false, false) => format!("{root}/./{path}"),
    };
    Some(Arc::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strata_model::FileId;

    #[test]
    fn sources_lead_to_packages() {
        let check = |from: &str, source: &str, expected: Result<&str, &str>| {
            let span = Span::new(FileId(0), 0..0);
            let found = package_key(&from.into(), source, span);
            let found = found.map_err(|diagnostic| diagnostic.code.0);
            assert_eq!(
                found.as_deref().map_err(|code| *code),
                expected,
                "{from}: {source}"
            );
        };
        check("", "aws-eks", Ok("aws-eks"));
        check("", "./stacks/web", Ok("./stacks/web"));
        check("", "./stacks/../stacks//web/", Ok("./stacks/web"));
        check("", "../x", Err("E0301"));
        check("", "./a/../../x", Err("E0301"));
        check("./stacks/web", "../net", Ok("./stacks/net"));
        check("./stacks/web", "./inner", Ok("./stacks/web/inner"));
        check("./stacks/web", "../../../x", Err("E0301"));
        check("aws-eks", "./nodes", Ok("aws-eks/./nodes"));
        check("aws-eks/./nodes", "../net", Ok("aws-eks/./net"));
        check("aws-eks", "../net", Err("E0301"));
        check(
            "",
            "https://example.com/a.git//x?ref=1",
            Ok("https://example.com/a.git//x?ref=1"),
        );
        check("", "git@example.com:a.git", Ok("git@example.com:a.git"));
        check("", "/etc", Err("E0305"));
        check("", "~/x", Err("E0305"));
        check("", "./a\\..\\..\\x", Err("E0301"));
        check("", "./%2e%2e/x", Err("E0301"));
        check("", "", Err("E0305"));
    }
}
