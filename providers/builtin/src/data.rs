//! `strata_data`: keeps a value.

use strata_model::provider::ProviderError;
use strata_model::schema::{Adoption, Attribute, AttributeType, Proposal, ResourceSchema, Schema};
use strata_model::{AttributePath, IdSource, Value};

use crate::resource::{BuiltinType, uuid};

/// Keeps a value, and is replaced when another one changes.
#[derive(Debug)]
pub(crate) struct Data;

impl BuiltinType for Data {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            (
                "id",
                Attribute::computed(AttributeType::String, "A random UUID."),
            ),
            (
                "input",
                Attribute::optional(
                    AttributeType::Any,
                    "A value to keep; it comes back as `output`.",
                ),
            ),
            (
                "output",
                Attribute::computed(AttributeType::Any, "The value of `input`."),
            ),
            (
                "triggers_replace",
                Attribute::optional(
                    AttributeType::Any,
                    "A value whose change replaces the object.",
                )
                .replaces(),
            ),
        ]);
        ResourceSchema::managed(
            "strata_data",
            Adoption::Natural,
            schema,
            "Keeps a value in the state, and is replaced when `triggers_replace` changes.",
        )
    }

    fn plan(&self, mut proposal: Proposal) -> Proposal {
        // The output is known as soon as the input is, so that what refers to it is planned in full.
        if let Some(input) = proposal.planned.get("input").cloned() {
            proposal.planned = proposal
                .planned
                .with_at(&AttributePath::attribute("output"), input);
        }
        proposal
    }

    fn generate(
        &self,
        planned: &Value,
        ids: &dyn IdSource,
    ) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        Ok(vec![("id", uuid(ids).into()), output(planned)])
    }

    fn update(&self, planned: &Value) -> Vec<(&'static str, Value)> {
        vec![output(planned)]
    }

    fn import(&self, id: &str) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        Ok(vec![("id", id.into())])
    }
}

fn output(planned: &Value) -> (&'static str, Value) {
    let input = planned.get("input").cloned();
    ("output", input.unwrap_or_else(Value::null))
}
