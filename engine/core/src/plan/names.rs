//! Names that only one object may have: what frees one comes before what takes it.

use strata_model::Value;
use strata_model::plan::{Action, Step};
use strata_model::provider::ProviderConfig;
use strata_model::wire::Encoded;

use super::assemble::Assembly;
use super::edges::Ref;

/// A name, where it counts.
#[derive(PartialEq)]
struct Taken {
    resource_type: std::sync::Arc<str>,
    provider: ProviderConfig,
    name: String,
}

impl Assembly<'_> {
    /// Makes a create wait for the deletion of an object that has its unique name, as when a block was renamed without
    /// `moved`. Where the old object cannot go before the new one is there, the order stays, and the service decides.
    pub(super) fn free_names(&mut self) {
        let of = |action: Action| {
            self.draft
                .steps
                .iter()
                .filter(move |step| step.action == action && step.group.is_none())
        };
        let freed: Vec<(Taken, u32)> = of(Action::Delete)
            .filter_map(|step| Some((self.name_of(step, step.before.as_ref())?, step.number)))
            .collect();
        if freed.is_empty() {
            return;
        }
        let waits: Vec<(u32, u32)> = of(Action::Create)
            .filter_map(|step| {
                let wanted = self.name_of(step, step.planned.as_ref())?;
                let (_, delete) = freed.iter().find(|(taken, _)| *taken == wanted)?;
                Some((step.number, *delete))
            })
            .collect();
        for (create, delete) in waits {
            if !self.draft.reaches(delete, &[create]) {
                self.draft.wait(create, [Ref::Step(delete)]);
            }
        }
    }

    fn name_of(&self, step: &Step, object: Option<&Encoded>) -> Option<Taken> {
        let address = &step.key.address;
        let providers = self.input.providers;
        let (_, schema) = providers.schema(address.mode, &address.resource_type)?;
        let attribute = schema.unique_name?;
        let object = object?.decode(schema.schema.object_type()).ok()?;
        let name = object.get(attribute).and_then(Value::as_str)?.to_owned();
        Some(Taken {
            resource_type: address.resource_type.clone(),
            provider: step.provider.clone()?,
            name,
        })
    }
}
