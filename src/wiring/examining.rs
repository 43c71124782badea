//! Looks at what a plan would do that neither definitions nor state tell, once it is made.

use futures::future::join_all;
use strata_core::code;
use strata_core::plan::PlanOutcome;
use strata_model::plan::{Action, Plan, Step};
use strata_model::preflight::{Examined, Finding};
use strata_model::provider::Operation;
use strata_model::state::StateSnapshot;
use strata_model::{Diagnostic, Severity};

use super::bench::Bench;

impl Bench<'_> {
    /// Asks the providers about the changes that they want to look at, and takes what they find into the outcome: with an
    /// error the plan is refused.
    pub(super) async fn examine(&self, outcome: &mut PlanOutcome, snapshot: &StateSnapshot) {
        let Some(plan) = outcome.plan.as_ref().or(outcome.refused.as_ref()) else {
            return;
        };
        let asked = plan
            .steps
            .iter()
            .filter_map(|step| self.examined(step, snapshot))
            .map(|(step, id, operation)| self.ask(plan, snapshot, (step, id, operation)));
        let found: Vec<Diagnostic> = join_all(asked).await.into_iter().flatten().collect();
        outcome.diagnostics.extend(found);
        outcome.diagnostics.extend(
            self.connections.notices().into_iter().map(|notice| {
                Diagnostic::warning(code::NOT_DESCRIBED, "Kinds not described", notice)
            }),
        );
        if outcome.diagnostics.has_errors() {
            outcome.refused = outcome.plan.take().or(outcome.refused.take());
        }
    }

    /// What a step does to which object, where a provider wants to look at it.
    fn examined<'p>(
        &self,
        step: &'p Step,
        snapshot: &'p StateSnapshot,
    ) -> Option<(&'p Step, &'p str, Operation)> {
        let operation = match step.action {
            Action::Update => Operation::Update,
            Action::Delete => Operation::Delete,
            Action::Create
            | Action::Read
            | Action::Move
            | Action::Import
            | Action::Forget
            | Action::Record => return None,
        };
        let id = id_of(step, snapshot)?;
        let (provider, schema) = self.connections.schema(&step.key.address).ok()?;
        let wanted = provider.is_examined(schema.name, id, operation);
        wanted.then_some((step, id, operation))
    }

    async fn ask(
        &self,
        plan: &Plan,
        snapshot: &StateSnapshot,
        (step, id, operation): (&Step, &str, Operation),
    ) -> Vec<Diagnostic> {
        let key = |step: &Step| step.provider.as_ref().map(|provider| provider.key());
        let Some(config) = &step.provider else {
            return Vec::new();
        };
        // A connection that cannot be made has been told of.
        let Ok(connection) = self.connections.get(config) else {
            return Vec::new();
        };
        let deleted = plan
            .steps
            .iter()
            .filter(|other| other.action == Action::Delete && key(other) == key(step));
        let going: Vec<&str> = deleted.filter_map(|other| id_of(other, snapshot)).collect();
        let schema = self.connections.schema(&step.key.address);
        let planned = schema.ok().and_then(|(_, schema)| {
            let planned = step.planned.as_ref()?;
            planned.decode(schema.schema.object_type()).ok()
        });
        let change = Examined {
            resource_type: &step.key.address.resource_type,
            id,
            operation,
            planned: planned.as_ref(),
            going: &going,
        };
        let found = connection.examine(&change).await;
        found
            .into_iter()
            .map(|finding| self.told(step, finding))
            .collect()
    }

    fn told(&self, step: &Step, finding: Finding) -> Diagnostic {
        let code = code::of_finding(finding.kind);
        let summary = finding.kind.summary();
        let diagnostic = match finding.severity {
            Severity::Warning => Diagnostic::warning(code, summary, finding.message),
            Severity::Error => Diagnostic::error(code, summary, finding.message),
        };
        let sources = &self.project.loaded.sources;
        diagnostic
            .at_opt(super::applying::declared(step.source.as_ref(), sources))
            .about(&step.key.address)
            .hint(finding.hint)
    }
}

/// The id of the object that a step is about.
fn id_of<'p>(step: &'p Step, snapshot: &'p StateSnapshot) -> Option<&'p str> {
    snapshot.rows.get(&step.key)?.id.as_deref()
}
