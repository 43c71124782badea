//! Secrets of data sources, which a plan keeps as fingerprints only: read once more before the run begins.

use std::collections::BTreeSet;

use strata_model::plan::{Action, PlanMode, Step};
use strata_model::provider::{Observation, ProviderConfig, ReadPurpose};
use strata_model::{Address, Diagnostic, Diagnostics, Mode, Name, Type, Value};

use super::compare::{first_unknown, restore};
use super::{DefinitionGraph, Place, Replay, ReplayInput};
use crate::code;
use crate::plan::ReadNeed;
use crate::world::graph::{NodeId, NodeKind};

/// The data sources that have to be read before a run, as far as it is known how: those with secrets of which a step or an
/// output is made, and whose own arguments are known. What is read goes into [`ReplayInput::told`], and may make more of
/// them known: nothing is left to read when nothing is named.
///
/// A secret that is no longer the one that was planned with stays unknown: a step that is made of it says so, and is not
/// carried out.
pub fn secrets_to_read<'a>(
    graph: &'a DefinitionGraph<'a>,
    input: ReplayInput<'a>,
) -> Vec<ReadNeed> {
    let kept = &input.plan.data;
    let is_destroyed = input.plan.options.mode == PlanMode::Destroy;
    if is_destroyed || kept.values().all(|data| data.fingerprints.is_empty()) {
        return Vec::new();
    }
    let (mut replay, diagnostics) = Replay::build(graph, input);
    let mut asked = replay.secret_data();
    // Where not even all instances are known, each of the data sources may be why.
    if !diagnostics.has_errors() {
        let reached = replay.data_behind(&replay.users_of_data());
        asked.retain(|(_, place)| reached.contains(&place.node));
    }
    let needs = asked
        .into_iter()
        .filter_map(|(address, place)| replay.read_of(address, place));
    needs.collect()
}

impl<'a> Replay<'a> {
    /// What a data source told when the plan was made, with the secrets that were read again; `None` for one that the
    /// plan does not have.
    pub(super) fn planned_data(&mut self, address: &Address, ty: &Type) -> Option<Value> {
        let kept = self.input.plan.data.get(&address.to_string())?;
        let planned = kept.decode(ty).ok()?;
        let Some(told) = self.input.told.get(address) else {
            return Some(planned);
        };
        let (value, why) = match told {
            Observation::Present(object) => {
                let value = restore(&planned, kept, &object.attributes, self.input.key);
                let mut paths = kept.fingerprints.keys();
                let is_other = paths.any(|path| value.at(path).is_none_or(Value::has_unknown));
                let other =
                    || format!("{address} tells another secret than when the plan was made");
                (value, is_other.then(other))
            }
            Observation::Absent => {
                let why = format!("{address} finds nothing any more");
                (planned, Some(why))
            }
            Observation::Unreadable(error) => {
                let why = format!(
                    "{address}, whose secrets a plan does not hold, could not be read again: {}",
                    error.message
                );
                (planned, Some(why))
            }
        };
        if let Some(why) = why {
            self.missing.insert(address.clone(), why);
        }
        Some(value)
    }

    /// Why there can be no run, where secrets of data sources are missing.
    pub(super) fn why_not(&self) -> Diagnostics {
        let told = self.missing.iter().map(|(address, why)| {
            let detail = format!("The run cannot begin: {why}.");
            Diagnostic::error(code::EXCEEDS_PLAN, "More than was approved", detail)
                .about(address)
                .hint("Nothing was changed. Make a new plan and look at what it says now.")
        });
        told.collect()
    }

    /// Why a value is not known that a node is made of, where a secret of a data source is missing.
    pub(super) fn missing_secret(&self, node: NodeId) -> Option<String> {
        let reached = self.data_behind(&BTreeSet::from([node]));
        let mut missing = self.missing.iter();
        let found = missing.find(|(address, _)| {
            let place = self.places.get(address);
            place.is_some_and(|place| reached.contains(&place.node))
        });
        found.map(|(_, why)| why.clone())
    }

    /// Says that an output has no value, where a secret of a data source is missing for it.
    pub(super) fn missing_in_output(&self, name: &Name, node: NodeId) -> Option<Diagnostic> {
        let why = self.missing_secret(node)?;
        let detail = format!("The output {name} is left out: {why}.");
        let error = Diagnostic::error(code::EXCEEDS_PLAN, "More than was approved", detail);
        Some(error.hint("Everything else of the plan stands. Make a new plan, and apply it."))
    }

    /// The data sources with secrets that were not read again yet.
    fn secret_data(&self) -> Vec<(Address, Place)> {
        let is_open = |address: &Address| {
            let kept = self.input.plan.data.get(&address.to_string());
            !self.input.told.contains_key(address)
                && kept.is_some_and(|kept| !kept.fingerprints.is_empty())
        };
        let data = self.places.iter();
        let data = data.filter(|(address, _)| address.mode == Mode::Data && is_open(address));
        data.map(|(address, place)| (address.clone(), *place))
            .collect()
    }

    /// How a data source is read; `None` while its arguments are not known.
    fn read_of(&mut self, address: Address, place: Place) -> Option<ReadNeed> {
        let mut diagnostics = Diagnostics::new();
        self.refresh_needs(place.node, &mut diagnostics);
        let config = self.arguments(&address, place, &mut diagnostics)?;
        let provider = self.schema(&address)?.0.name().clone();
        // A type that needs no provider block has a connection without arguments.
        let provider = if self.world.graph.provider_of.contains_key(&place.node) {
            self.connection_of(place)?
        } else {
            ProviderConfig::without_arguments(provider)
        };
        let is_known = first_unknown(&config).is_none() && !diagnostics.has_errors();
        is_known.then_some(ReadNeed {
            address,
            purpose: ReadPurpose::Data,
            id: None,
            config: Some(config),
            provider,
        })
    }

    /// The nodes of the steps that are to be done, and of the outputs.
    fn users_of_data(&self) -> BTreeSet<NodeId> {
        let is_made = |step: &&Step| {
            matches!(step.action, Action::Create | Action::Update | Action::Read)
                && !self.input.done.contains(&step.number)
        };
        let steps = self.input.plan.steps.iter().filter(is_made);
        let places = steps.filter_map(|step| self.places.get(&step.key.address));
        let nodes = places.map(|place| place.node);
        nodes
            .chain(self.world.graph.paths[0].outputs.values().copied())
            .collect()
    }

    /// The nodes that these are made of, as far as the next managed objects: what those have is recorded.
    fn data_behind(&self, users: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let graph = self.world.graph;
        let mut seen = BTreeSet::new();
        let mut open: Vec<NodeId> = users.iter().copied().collect();
        while let Some(node) = open.pop() {
            let needs = graph.needs[node].iter().filter(|need| {
                let kind = &graph.nodes[**need].kind;
                !matches!(kind, NodeKind::Resource(block) if block.id.mode == Mode::Managed)
            });
            open.extend(needs.filter(|need| seen.insert(**need)));
        }
        seen
    }
}
