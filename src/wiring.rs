//! The only room that names concrete providers, stores and emulators, and puts them together.

pub mod access;
pub mod ahead;
pub mod applying;
pub mod bench;
pub mod builtin_stacks;
pub mod clock;
pub mod clouds;
mod examining;
pub mod files;
pub mod generating;
pub mod git;
pub mod location;
pub mod names;
pub mod packages;
pub mod planning;
pub mod project;
pub mod refresh;
pub mod saved;
pub mod schemas;
pub mod trees;
pub mod variables;
mod versions;
pub mod withheld;

use std::sync::Arc;

use strata_model::provider::{Provider, ProviderError, ProviderErrorKind, Providers};
use strata_model::store::StoreError;
use strata_provider_aws::Aws;
use strata_provider_builtin::Builtin;
use strata_provider_kubernetes::Kubernetes;

use self::schemas::Schemas;
use crate::error::{CommandError, ErrorKind};

/// All providers: the registry.
pub fn providers() -> Providers {
    providers_with(None)
}

/// All providers, with schemas by which Kubernetes objects are judged while their cluster cannot be asked.
pub fn providers_with(schemas: Option<Schemas>) -> Providers {
    let all: [Arc<dyn Provider>; 3] = [
        Arc::new(Aws::new()),
        Arc::new(Builtin::new()),
        Arc::new(Kubernetes::new().with_schemas(schemas)),
    ];
    Providers::new(all)
}

/// Makes libraries ready that must be before threads are started.
pub fn prepare() {
    strata_provider_git::prepare();
}

/// An error of a provider as one of the command, which says what could not be done.
pub fn provider_error(message: impl Into<String>, error: ProviderError) -> CommandError {
    let kind = if error.kind == ProviderErrorKind::Credentials {
        ErrorKind::Credentials
    } else {
        ErrorKind::Failed
    };
    let hint = error.hint.clone();
    let command = CommandError::new(kind, message).because(error);
    match hint {
        Some(hint) => command.hint(hint),
        None => command,
    }
}

/// What to do where nothing may be written.
fn unwritable_hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    let is_unwritable = causes.any(|cause| {
        let denied = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        let text = cause.to_string();
        denied
            || text.contains("readonly database")
            || text.contains("unable to open database file")
    });
    is_unwritable.then(|| {
        "Make the state's directory (.strata) and the files in it writable for this user."
            .to_owned()
    })
}

/// An error of the state as one of the command.
pub fn state_error(error: StoreError) -> CommandError {
    let (kind, hint) = match &error {
        StoreError::Locked { id, .. } => (
            ErrorKind::Locked,
            Some(format!("Wait with -lock-timeout=5m. If that run will not come back: strata force-unlock {id}")),
        ),
        StoreError::Fenced => (ErrorKind::Locked, Some("Run the command again when the other run is done.".to_owned())),
        StoreError::OtherLineage { .. } => (ErrorKind::Refused, Some("Name the project's own state, with -state or STRATA_STATE.".to_owned())),
        StoreError::Missing(_) => (ErrorKind::State, Some("`strata init` makes one.".to_owned())),
        StoreError::Corrupt { .. } | StoreError::Inconsistent { .. } => {
            (ErrorKind::State, Some("Restore it from a backup; nothing was changed.".to_owned()))
        }
        StoreError::TooNew { .. } => (ErrorKind::State, Some("Use a newer version of Strata.".to_owned())),
        StoreError::WrongKey(_) => (ErrorKind::State, Some("Give the key that the state was made with, in STRATA_STATE_KEY or the file key beside it.".to_owned())),
        StoreError::NotLocked(_) => (ErrorKind::Failed, None),
        StoreError::Io { source, .. } => (ErrorKind::State, unwritable_hint(source.as_ref())),
    };
    let error = match &error {
        // These say what is the matter by themselves.
        StoreError::Locked { .. } | StoreError::Fenced | StoreError::NotLocked(_) => {
            CommandError::new(kind, error.to_string())
        }
        StoreError::OtherLineage { .. }
        | StoreError::Missing(_)
        | StoreError::Corrupt { .. }
        | StoreError::Inconsistent { .. }
        | StoreError::TooNew { .. }
        | StoreError::WrongKey(_)
        | StoreError::Io { .. } => {
            CommandError::new(kind, "the state cannot be used").because(error)
        }
    };
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
