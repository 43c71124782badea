//! What the targets share: a file of definitions is decoded, and written in the other spelling.

use std::sync::Arc;

use strata_language::decode::{InputFile, PackageKind, Spelling, decode_package};
use strata_language::respell::respell;
use strata_model::SourceMap;

/// Decodes a file; the codes of what is wrong with it.
pub fn faults(path: &str, bytes: &[u8]) -> Vec<&'static str> {
    let file = InputFile {
        path: path.into(),
        bytes: Arc::from(bytes),
    };
    let mut sources = SourceMap::default();
    let (_, diagnostics) = decode_package(&"".into(), PackageKind::Project, &[file], &mut sources);
    for diagnostic in diagnostics.iter() {
        let span = diagnostic.span.expect("every fault of a file has a place");
        sources.position(span).expect("the place is in the file");
    }
    diagnostics.iter().map(|found| found.code.0).collect()
}

/// Decodes a file, and what it becomes in the other spelling: a valid one stays valid.
pub fn check(bytes: &[u8], (path, other, to): (&str, &str, Spelling)) {
    let found = faults(path, bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if !found.is_empty() {
        return;
    }
    if let Ok(written) = respell(path, text, to) {
        let after = faults(other, written.as_bytes());
        assert!(after.is_empty(), "{after:?} in\n{written}");
    }
}
