//! Room on the disk that is kept for bad times.
//!
//! While the lock is held a file of its own takes up space. The first commit that fails for want of space gives it
//! back: that commit stays failed, so nothing new begins, and what was on its way can still be recorded.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::files::private;

const RESERVE_BYTES: usize = 1024 * 1024;

/// Takes up the space. Fails when the disk is too full to begin anything.
pub(crate) fn set_aside(path: &Path) -> io::Result<()> {
    // File systems store blocks of zeros without taking space; these bytes do not compress.
    let mut bytes = vec![0; RESERVE_BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    let written = private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(&bytes));
    if written.is_err() {
        give_back(path);
    }
    written
}

/// Gives the space back; it may have been given back before.
pub(crate) fn give_back(path: &Path) {
    drop(fs::remove_file(path));
}
