//! Versions of Kubernetes, which rise one minor at a time.
//!
//! A control plane cannot skip a minor, and nodes must reach its minor before it goes on. So each minor is a stage, and
//! its label is the same for the control plane and for its node groups: the plan lets them take turns.

use strata_model::provider::{ProviderError, ProviderErrorKind, Stage};
use strata_model::{AttributePath, Type, Value};

use crate::change::Change;
use crate::checks::minor;

/// What differs between the objects that have a version.
pub(super) struct Versioned {
    /// The attribute that follows from the version, such as the release of the machine image.
    pub(super) build: &'static str,
    /// What to do in place of a downgrade.
    pub(super) downgrade: &'static str,
}

/// Plans a change of `version`: the build is known afterwards, and each minor is a stage.
///
/// # Errors
///
/// When the version would fall.
pub(super) fn plan(change: &mut Change<'_>, versioned: &Versioned) -> Result<(), ProviderError> {
    let Some(prior) = change.prior.filter(|_| change.changes("version")) else {
        return Ok(());
    };
    change.forget(versioned.build);
    let before = change.prior_text("version").and_then(minor);
    let after = change.planned_text("version").and_then(minor);
    let Some((before, after)) = before.zip(after) else {
        return Ok(());
    };
    if after < before {
        let message = format!("version cannot go from 1.{before} back to 1.{after}");
        return Err(
            ProviderError::new(ProviderErrorKind::Invalid, message).hint(versioned.downgrade)
        );
    }
    let last = change.planned().clone();
    let stages = (before + 1..=after).map(|minor| {
        let version = format!("1.{minor}");
        let label = format!("version {version}");
        let planned = if minor == after {
            last.clone()
        } else {
            let build = Value::unknown(Type::String);
            prior
                .with_at(&AttributePath::attribute("version"), version.into())
                .with_at(&AttributePath::attribute(versioned.build), build)
        };
        Stage { label, planned }
    });
    let stages = stages.collect();
    change.stages(stages);
    Ok(())
}
