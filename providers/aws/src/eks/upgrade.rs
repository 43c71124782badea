//! Versions of Kubernetes, which rise one minor at a time.
//!
//! A control plane cannot skip a minor, and nodes must reach its minor before it goes on. So each minor is a stage, and
//! its label is the same for the control plane, its add-ons and its node groups: the plan lets them take turns.

use strata_model::provider::{ProviderError, ProviderErrorKind, Stage};
use strata_model::{AttributePath, Type, Value};

use crate::change::Change;
use crate::checks::minor;

/// What differs between the objects that have a version.
pub(super) struct Versioned {
    /// The attribute with the version of Kubernetes.
    pub(super) version: &'static str,
    /// The attribute that follows from the version, such as the release of the machine image.
    pub(super) build: &'static str,
    /// Whether a build that the definition names stays until the last minor; otherwise each minor takes its own.
    pub(super) keeps_build: bool,
    /// What to do in place of a downgrade.
    pub(super) downgrade: &'static str,
}

/// Plans a change of the version: the build is known afterwards, and each minor is a stage.
///
/// # Errors
///
/// When the version would fall.
pub(super) fn plan(change: &mut Change<'_>, versioned: &Versioned) -> Result<(), ProviderError> {
    let Some(prior) = change.prior.filter(|_| change.changes(versioned.version)) else {
        return Ok(());
    };
    change.forget(versioned.build);
    let before = change.prior_text(versioned.version).and_then(minor);
    let after = change.planned_text(versioned.version).and_then(minor);
    let Some((before, after)) = before.zip(after) else {
        return Ok(());
    };
    if after < before {
        let name = versioned.version;
        let message = format!("{name} cannot go from 1.{before} back to 1.{after}");
        return Err(
            ProviderError::new(ProviderErrorKind::Invalid, message).hint(versioned.downgrade)
        );
    }
    let last = change.planned().clone();
    let build = AttributePath::attribute(versioned.build);
    let is_given = change
        .config
        .at(&build)
        .is_some_and(|value| !value.is_null());
    let keeps = versioned.keeps_build && is_given;
    let stages = (before + 1..=after).map(|minor| {
        let version = format!("1.{minor}");
        let label = format!("version {version}");
        let planned = if minor == after {
            last.clone()
        } else {
            let raised =
                prior.with_at(&AttributePath::attribute(versioned.version), version.into());
            if keeps {
                raised
            } else {
                raised.with_at(&build, Value::unknown(Type::String))
            }
        };
        Stage { label, planned }
    });
    let stages = stages.collect();
    change.stages(stages);
    Ok(())
}

#[cfg(test)]
mod tests {
    use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

    use super::*;

    const VERSIONED: Versioned = Versioned {
        version: "version",
        build: "release",
        keeps_build: true,
        downgrade: "There is none.",
    };

    fn schema() -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            ("version", Attribute::optional(text(), "V.")),
            ("release", Attribute::optional_computed(text(), "R.")),
        ]);
        ResourceSchema::managed("a", Adoption::Name, schema, "A.")
    }

    fn object(version: &str) -> Value {
        let fields = [("version", version), ("release", "r")];
        Value::object(fields.map(|(name, text)| (name, text.into())))
    }

    #[test]
    fn each_minor_is_a_stage_and_the_last_is_as_declared() {
        let schema = schema();
        let prior = object("1.33");
        let config = object("1.35");
        let mut change = Change::new(&schema, Some(&prior), &config, None);
        plan(&mut change, &VERSIONED).unwrap();
        let planned = change.finish();
        let labels: Vec<&str> = planned.stages.iter().map(|stage| &*stage.label).collect();
        assert_eq!(labels, ["version 1.34", "version 1.35"]);
        let release = |value: &Value| value.get("release").cloned().unwrap();
        assert_eq!(
            release(&planned.stages[0].planned),
            "r".into(),
            "it is declared"
        );
        assert_eq!(planned.stages[1].planned, planned.planned);
        let left_out = config.with_at(
            &AttributePath::attribute("release"),
            Value::null_of(Type::String),
        );
        let mut change = Change::new(&schema, Some(&prior), &left_out, None);
        plan(&mut change, &VERSIONED).unwrap();
        let planned = change.finish();
        assert!(release(&planned.stages[0].planned).is_unknown());
    }
}
