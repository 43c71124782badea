//! Files to definitions: the blocks of a directory, in whichever spelling, become one [`Package`].

mod blocks;
mod constraint;
mod fields;
mod file;
mod merge;
mod reference;
mod source;
pub mod table;
mod variables;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strata_model::{Diagnostics, FileId, SourceMap};

use crate::definition::{Package, PackageKey};

pub use file::Spelling;
pub use variables::variables_file;

use self::file::decode_file;

/// A file to decode.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Its path relative to the root of the project or package, with `/`, as people see it.
    pub path: Arc<str>,
    /// What it holds.
    pub bytes: Arc<[u8]>,
}

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    /// A project.
    Project,
    /// A stack package.
    Stack,
}

/// The stack of a thread that reads files: the parser recurses, 64 levels deep at most.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Decodes the files of a project or stack package: `*.strata.hcl` and `*.strata.yaml` of its directory, and of a
/// project also those of the sub-directories that belong to it, `defaults.strata.*` among them.
///
/// All files are read whatever is wrong with one of them, in parallel; the result does not depend on the order in
/// which they are given. The files are added to `sources` in the order of their paths.
pub fn decode_package(
    key: &PackageKey,
    kind: PackageKind,
    files: &[InputFile],
    sources: &mut SourceMap,
) -> (Package, Diagnostics) {
    let mut ordered: Vec<&InputFile> = files.iter().collect();
    ordered.sort_by(|left, right| left.path.cmp(&right.path));
    let first = sources.files().count();
    let decoded = in_parallel(ordered.len(), |index| {
        let id = FileId(u32::try_from(first + index).unwrap_or(u32::MAX));
        decode_file(ordered[index], id, (key, kind))
    });
    merge::merge(key, decoded, sources)
}

/// Calls `work` for each index on as many threads as there are processors; the results come in the order of indices.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..processors.min(count))
            .filter_map(|_| {
                let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
                builder.spawn_scoped(scope, run).ok()
            })
            .collect();
        let mut results = Vec::with_capacity(count);
        for worker in workers {
            match worker.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    // Where the system gives no thread at all, the work is done here.
    results.extend(run());
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs something that may recurse as deep as the parser does.
pub(crate) fn with_deep_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    let mut results = in_parallel(1, |_| work());
    // One piece of work gives one result.
    results.pop().unwrap_or_else(work)
}

#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
pub(crate) mod tests;
