//! Manifests that hold secrets: a plan has no text of them, only fingerprints. They are supplied again when it is applied.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use strata_model::plan::{DefinitionSnapshot, SnapshotFile};
use strata_model::{Fingerprint, SecretKey};

use crate::error::{CommandError, ErrorKind};

/// Files by package and path.
pub type SecretFiles = BTreeSet<(Arc<str>, Arc<str>)>;

/// Takes the texts of files out that hold secrets.
pub fn withhold(files: &mut DefinitionSnapshot, secret: &SecretFiles, key: &SecretKey) {
    for (package, path) in secret {
        let own = files.get_mut(package).into_iter().flatten();
        for file in own.filter(|file| file.path == *path) {
            file.withheld = Some(fingerprint(&file.text, key));
            file.text = "".into();
        }
    }
}

/// The files of a plan, with those that it does not hold as they are now in the project's directory. What is not there
/// stays out.
pub fn supplied(files: &DefinitionSnapshot, directory: Option<&Path>) -> DefinitionSnapshot {
    let mut files = files.clone();
    for (package, own) in &mut files {
        for file in own.iter_mut().filter(|file| file.withheld.is_some()) {
            let text = directory.and_then(|directory| read(directory, package, file));
            file.text = text.unwrap_or_default().into();
        }
    }
    files
}

/// Refuses a plan if a file that it does not hold is no longer as it was.
///
/// # Errors
///
/// Names the file.
pub fn check(
    files: &DefinitionSnapshot,
    directory: Option<&Path>,
    key: &SecretKey,
) -> Result<(), CommandError> {
    for (package, own) in files {
        for file in own {
            let Some(kept) = &file.withheld else { continue };
            let text = directory.and_then(|directory| read(directory, package, file));
            if text.is_none_or(|text| fingerprint(&text, key) != *kept) {
                let message = format!(
                    "{} holds secrets, so that the plan has no copy of it, and it is not as it was when the plan was made",
                    file.path
                );
                return Err(CommandError::new(ErrorKind::Refused, message)
                    .hint("Apply where the file is as it was, or make a new plan."));
            }
        }
    }
    Ok(())
}

fn fingerprint(text: &str, key: &SecretKey) -> Fingerprint {
    key.fingerprint(text.as_bytes())
}

/// A file of the project or of a stack that is a part of it.
fn read(directory: &Path, package: &str, file: &SnapshotFile) -> Option<String> {
    let inside = match package {
        "" => directory.to_owned(),
        package => directory.join(package.strip_prefix("./")?),
    };
    std::fs::read_to_string(inside.join(file.path.as_ref())).ok()
}
