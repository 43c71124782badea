//! Schemas of Kubernetes objects from a file.

use std::path::Path;

pub use strata_provider_kubernetes::Schemas;

use crate::error::{CommandError, ErrorKind};

/// Reads a file of schemas that is named relative to a directory.
///
/// # Errors
///
/// When it cannot be read, or has no schemas.
pub fn read(directory: &Path, path: &Path) -> Result<Schemas, CommandError> {
    let bytes = std::fs::read(directory.join(path))
        .map_err(|error| CommandError::file("cannot read the schemas in", path, error))?;
    Schemas::read(&bytes).map_err(|error| {
        let message = format!("the schemas in {} cannot be used", path.display());
        CommandError::new(ErrorKind::Usage, message)
            .because(error)
            .hint("Make the file with: kubectl get --raw /openapi/v2 > schemas.json")
    })
}
