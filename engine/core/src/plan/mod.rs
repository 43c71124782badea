//! Planning: from definitions, what is recorded and what was observed to an immutable graph of steps.
//!
//! [`plan`] is synchronous and a pure function of its input. It returns what it still has to know (data sources,
//! objects to import) until nothing is missing; the caller reads that and calls again.

mod assemble;
pub(crate) mod change;
mod contradiction;
mod destroy;
mod duration;
mod edges;
mod encode;
mod hosted;
mod import;
mod judged;
mod keeper;
pub(crate) mod layer;
mod moved;
mod names;
mod outputs;
mod permission;
mod recorded;
mod referring;
mod select;
mod steps;
mod taken_back;
#[cfg(test)]
mod tests;
mod triggers;
mod turns;
mod walk;

pub(crate) use change::{decode_row, ignore_changes};
pub(crate) use duration::parse_duration;
pub use hosted::{host_of, into_host};
pub use moved::moved_address;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_language::definition::Definitions;
use strata_language::scope::SourceTree;
use strata_model::plan::{DefinitionSnapshot, Plan, PlanOptions, PlannedVariable, SourceRevision};
use strata_model::provider::{Observation, ProviderConfig, Providers, ReadPurpose};
use strata_model::state::{RowKey, StateSnapshot};
use strata_model::{
    Address, AttributePath, Diagnostics, Name, OpId, PlanId, Position, SecretKey, SourceMap,
    Timestamp, Value,
};

use crate::world::graph::layers::Manifests;

/// The file trees of packages by key.
pub type Trees = BTreeMap<Arc<str>, Arc<dyn SourceTree>>;

/// Everything that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The definitions.
    pub definitions: &'a Definitions,
    /// Their sources, for positions.
    pub sources: &'a SourceMap,
    /// The packages' files, for functions that read files.
    pub trees: &'a Trees,
    /// The project's name.
    pub project_name: &'a str,
    /// Values given for the project's variables; those not given take their defaults.
    pub variables: &'a BTreeMap<Name, Value>,
    /// The providers.
    pub providers: &'a Providers,
    /// What is recorded, open ops resolved.
    pub snapshot: &'a StateSnapshot,
    /// What a refresh saw. A row that is missing here was not refreshed and counts as recorded.
    pub observed: &'a BTreeMap<RowKey, Observation>,
    /// What was read so far because an earlier call needed it, by address.
    pub read: &'a BTreeMap<Address, Observation>,
    /// Objects that the `import` command names, beside those of `import` blocks.
    pub imports: &'a BTreeMap<Address, String>,
    /// Objects that turned up after their create was given up: they are deleted.
    pub late: &'a [LateObject],
    /// What is asked for.
    pub options: &'a PlanOptions,
    /// The key for fingerprints.
    pub key: &'a SecretKey,
    /// Identity and circumstances that the plan records.
    pub header: &'a PlanHeader,
    /// Only check the definitions: variables without a value are unknown, nothing needs to be read.
    pub validate_only: bool,
    /// Whether a block is made for every import that nothing declares; otherwise such an import is an error.
    pub generate: bool,
    /// Whether the plan names what it leaves as it is; a plan that is neither saved nor applied need not.
    pub record_unchanged: bool,
    /// Whether the objects of layers tell what they wait for; few who plan show that.
    pub layer_needs: bool,
    /// Whether of a data source that cannot be read nothing is known, and that is only told, as a warning: for who looks
    /// at definitions, and applies nothing.
    pub reads_may_fail: bool,
}

impl<'a> PlanInput<'a> {
    /// Where the manifests of layers are, and who reads them.
    pub(crate) fn manifests(&self) -> Manifests<'a> {
        Manifests {
            trees: self.trees,
            providers: self.providers,
        }
    }
}

/// What a plan records of itself.
#[derive(Debug, Clone)]
pub struct PlanHeader {
    /// The plan's identity.
    pub id: PlanId,
    /// Version of Strata.
    pub engine_version: String,
    /// When; `plantimestamp()` gives this.
    pub created_at: Timestamp,
    /// The definitions' revision.
    pub source: SourceRevision,
    /// The definitions' files.
    pub files: DefinitionSnapshot,
}

/// An object that carries the op id of a create which the journal closed as absent.
#[derive(Debug, Clone)]
pub struct LateObject {
    /// The address that the create was for.
    pub address: Address,
    /// The op.
    pub op: OpId,
    /// The object's id.
    pub id: String,
    /// The connection by which it was seen.
    pub provider: ProviderConfig,
}

/// Something that has to be read before the plan can be made.
#[derive(Debug, Clone)]
pub struct ReadNeed {
    /// The data source, or the address that imports.
    pub address: Address,
    /// Data, import, or a look at what is to be made.
    pub purpose: ReadPurpose,
    /// The id, for an import or a look.
    pub id: Option<String>,
    /// The arguments, where there are any: those of a data source, and of what is to have the object.
    pub config: Option<Value>,
    /// The connection.
    pub provider: ProviderConfig,
}

/// The block that an import needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The address that it declares.
    pub address: Address,
    /// Its arguments: with them, nothing about the object would change.
    pub arguments: BTreeMap<Arc<str>, Value>,
    /// What gives texts in them that are ids, ARNs or names of other objects, by the place of the text in them. No circle
    /// comes of them.
    pub references: BTreeMap<AttributePath, Reference>,
    /// What has to be there before it and go after it, beside what it refers to. No circle comes of it either.
    pub depends_on: BTreeSet<Address>,
}

/// An attribute of a declared object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which object.
    pub address: Address,
    /// The attribute's name.
    pub attribute: &'static str,
}

/// What planning came to.
#[derive(Debug)]
pub struct PlanOutcome {
    /// What must be read first; then call again. Empty when the plan is made or impossible.
    pub needs: Vec<ReadNeed>,
    /// Blocks that have to be declared before there can be a plan; only where [`PlanInput::generate`] asks for them.
    pub generated: Vec<Generated>,
    /// The plan; `None` while something is needed or has to be declared, or when a diagnostic is an error.
    pub plan: Option<Plan>,
    /// What there would be done, where the only errors are that objects are protected or hold data: to be shown with
    /// them, never to be carried out.
    pub refused: Option<Plan>,
    /// The objects of layers as they are declared, changed or not, layer by layer in the order in which they are applied;
    /// none where there is no plan.
    pub objects: Vec<LayerObject>,
    /// The manifests that hold secrets, by package and path.
    pub secret_files: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Errors and warnings.
    pub diagnostics: Diagnostics,
}

/// One object of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerObject {
    /// Its address.
    pub address: Address,
    /// Its attributes, as they will be.
    pub attributes: Value,
    /// The manifest that describes it.
    pub source: Position,
    /// Its stage, from 0.
    pub stage: u8,
    /// What it waits for, in order: other objects, stages of layers under keys like `stage 0`, and whole layers.
    /// Empty where [`PlanInput::layer_needs`] does not ask for it.
    pub waits_for: Vec<Address>,
}

/// Makes a plan.
///
/// The same input gives the same bytes. With an error among the diagnostics there is no plan.
pub fn plan(input: PlanInput<'_>) -> PlanOutcome {
    walk::plan(input)
}

/// Variables as a plan keeps them: those that are declared sensitive, or given as secrets, by their fingerprints.
pub(crate) fn planned_variables(input: &PlanInput<'_>) -> BTreeMap<String, PlannedVariable> {
    let declared = input
        .definitions
        .project()
        .map(|project| &project.variables);
    let sensitive = |name: &Name| {
        declared
            .and_then(|declared| declared.get(name))
            .is_none_or(|block| block.sensitive)
    };
    let variables = input.variables.iter();
    variables
        .map(|(name, value)| {
            let planned = if sensitive(name) || value.has_secret() {
                PlannedVariable::Secret(strata_model::wire::fingerprint(value, input.key))
            } else {
                PlannedVariable::Value(strata_model::wire::Encoded::of(
                    value,
                    &strata_model::Type::Any,
                ))
            };
            (name.to_string(), planned)
        })
        .collect()
}
