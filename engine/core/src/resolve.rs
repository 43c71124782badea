//! What the executor asks for when something becomes known during apply.

use std::fmt;

use strata_model::plan::Step;
use strata_model::provider::ProviderConfig;
use strata_model::state::RowKey;
use strata_model::{Diagnostics, Value};

/// Fills in what a plan could not know. The executor calls it from one task, never concurrently.
///
/// The implementation re-evaluates definitions with the pure evaluator that made the plan; it never decides anything
/// new. It is fed with every result through [`Resolver::record`] before a step that needs that result is resolved.
pub trait Resolver: fmt::Debug + Send {
    /// Says what a step does now that everything it waited for is done.
    ///
    /// For a step whose planned object has nothing unknown from other objects and no secret, this is the planned
    /// object itself; otherwise the definition is evaluated again. What was known in the plan comes back equal.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Exceeds`] when the step would now do more than was approved (exit 5 for that branch).
    fn resolve(&mut self, step: &Step) -> Result<Resolved, ResolveError>;

    /// Takes the object that a finished step left (`None`: it is gone). Rows that no step touches are known already.
    fn record(&mut self, key: &RowKey, object: Option<&Value>);

    /// Takes the object that a stage left whose change goes on: the next stage begins with it. What others see of the
    /// object stays what was planned for the end of the change.
    fn record_stage(&mut self, key: &RowKey, object: &Value);

    /// The project's outputs, evaluated with all that was recorded, for the end of the run. An output whose value
    /// still is unknown (its branch failed) is left out.
    fn outputs(
        &mut self,
    ) -> (
        std::collections::BTreeMap<String, strata_model::state::StoredOutput>,
        Diagnostics,
    );
}

/// What a step does, fully resolved.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// As planned, or narrowed from replace to update: call the provider.
    Change {
        /// The object before, for updates and deletes.
        prior: Option<Value>,
        /// The object to reach: unknown only where the provider chooses. For a delete, the prior.
        planned: Value,
        /// The connection.
        provider: ProviderConfig,
    },
    /// Narrowed to nothing: the object is as it should be already.
    Nothing,
    /// A data source, read with these arguments.
    Read {
        /// The arguments.
        config: Value,
        /// The connection.
        provider: ProviderConfig,
    },
}

/// Why a step cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    /// It would do more than the plan says.
    #[error("the step would now do more than was approved")]
    Exceeds(Diagnostics),
    /// Evaluation failed, or a condition does not hold.
    #[error("the definition could not be evaluated")]
    Invalid(Diagnostics),
}
