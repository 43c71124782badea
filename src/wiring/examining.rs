//! Looks at what a plan would do that neither definitions nor state tell, once it is made.

use std::collections::BTreeMap;

use futures::future::join_all;
use strata_core::apply::{Known, considered};
use strata_core::code;
use strata_core::plan::PlanOutcome;
use strata_model::plan::{Action, Plan, Step};
use strata_model::preflight::{Examined, Finding};
use strata_model::provider::{Operation, ProviderConfig};
use strata_model::state::StateSnapshot;
use strata_model::{Diagnostic, Severity, Value};

use super::bench::Bench;

/// A change that is looked at.
struct Change<'p> {
    step: &'p Step,
    id: String,
    operation: Operation,
    planned: Option<Value>,
}

impl Bench<'_> {
    /// Asks the providers about the plan as a whole and about the changes that they want to look at, and takes what they
    /// find into the outcome: with an error the plan is refused.
    pub(super) async fn examine(&self, outcome: &mut PlanOutcome, known: Known<'_>) {
        let Some(plan) = outcome.plan.as_ref().or(outcome.refused.as_ref()) else {
            return;
        };
        let asked = self
            .examined(plan, known.snapshot)
            .into_values()
            .map(|(config, changes)| self.ask(config, changes));
        let mut found: Vec<Diagnostic> = join_all(asked).await.into_iter().flatten().collect();
        // The others make no such plan to carry it out, or only a part of it.
        if matches!(self.session.word, "plan" | "apply" | "destroy") {
            let together = considered(plan, &self.connections, known).into_iter();
            found.extend(together.map(|(finding, step)| self.told(step, finding)));
        }
        outcome.diagnostics.extend(found);
        let notices = self.connections.notices().into_iter();
        outcome.diagnostics.extend(
            notices.map(|notice| {
                Diagnostic::warning(code::NOT_DESCRIBED, "Kinds not described", notice)
            }),
        );
        if outcome.diagnostics.has_errors() {
            outcome.refused = outcome.plan.take().or(outcome.refused.take());
        }
    }

    /// The changes that providers want to look at, by connection.
    fn examined<'p>(
        &self,
        plan: &'p Plan,
        snapshot: &StateSnapshot,
    ) -> BTreeMap<String, (&'p ProviderConfig, Vec<Change<'p>>)> {
        let mut asked: BTreeMap<String, (&ProviderConfig, Vec<Change<'_>>)> = BTreeMap::new();
        for step in &plan.steps {
            let change = self.change(step, snapshot);
            // What a connection is not known for yet cannot be looked at.
            if let Some((change, config)) = change.zip(step.provider.as_ref()) {
                let (_, changes) = asked
                    .entry(config.key())
                    .or_insert_with(|| (config, Vec::new()));
                changes.push(change);
            }
        }
        asked
    }

    fn change<'p>(&self, step: &'p Step, snapshot: &StateSnapshot) -> Option<Change<'p>> {
        let operation = match step.action {
            Action::Create => Operation::Create,
            Action::Update => Operation::Update,
            Action::Delete => Operation::Delete,
            Action::Read | Action::Move | Action::Import | Action::Forget | Action::Record => {
                return None;
            }
        };
        let (provider, schema) = self.connections.schema(&step.key.address).ok()?;
        if !provider.is_examined(schema.name, operation) {
            return None;
        }
        let planned = step.planned.as_ref();
        let planned = planned.and_then(|planned| planned.decode(schema.schema.object_type()).ok());
        let recorded = snapshot.rows.get(&step.key).and_then(|row| row.id.clone());
        let id = recorded.or_else(|| provider.id_of(schema.name, planned.as_ref()?))?;
        Some(Change {
            step,
            id,
            operation,
            planned,
        })
    }

    async fn ask(&self, config: &ProviderConfig, changes: Vec<Change<'_>>) -> Vec<Diagnostic> {
        // A connection that cannot be made has been told of.
        let Ok(connection) = self.connections.get(config) else {
            return Vec::new();
        };
        let ids = |operation| {
            let of = changes
                .iter()
                .filter(move |change| change.operation == operation);
            of.map(|change| change.id.as_str()).collect::<Vec<&str>>()
        };
        let (going, coming) = (ids(Operation::Delete), ids(Operation::Create));
        let looks = changes.iter().map(|change| {
            let (connection, going, coming) = (&connection, &going, &coming);
            async move {
                let examined = Examined {
                    resource_type: &change.step.key.address.resource_type,
                    id: &change.id,
                    operation: change.operation,
                    planned: change.planned.as_ref(),
                    going,
                    coming,
                };
                let found = connection.examine(&examined).await.into_iter();
                let told = found.map(|finding| self.told(Some(change.step), finding));
                told.collect::<Vec<Diagnostic>>()
            }
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    fn told(&self, step: Option<&Step>, finding: Finding) -> Diagnostic {
        let code = code::of_finding(finding.kind);
        let summary = finding.kind.summary();
        let diagnostic = match finding.severity {
            Severity::Warning => Diagnostic::warning(code, summary, finding.message),
            Severity::Error => Diagnostic::error(code, summary, finding.message),
        };
        let diagnostic = diagnostic.hint(finding.hint);
        let Some(step) = step else {
            return diagnostic;
        };
        let sources = &self.project.loaded.sources;
        // What goes for good is declared nowhere any more.
        let goes = step.action == Action::Delete && step.group.is_none();
        let source = step.source.as_ref().filter(|_| !goes);
        diagnostic
            .at_opt(super::applying::declared(source, sources))
            .about(&step.key.address)
    }
}
