//! Secrets of data sources, which a plan keeps as fingerprints only: read once more before the run begins.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::plan::{Action, PlanMode, Step};
use strata_model::provider::{Observation, ProviderConfig, ReadPurpose};
use strata_model::{Address, Diagnostic, Diagnostics, Mode, Name, Value};

use super::compare::{first_unknown, restore};
use super::{Place, Replay};
use crate::code;
use crate::plan::ReadNeed;
use crate::world::graph::{NodeId, NodeKind};
use crate::world::view::View;

impl Replay<'_> {
    /// The data sources that have to be read before the first step, as it stands: those with secrets of which a step or
    /// an output is made, and whose own arguments are known. What [`Replay::supply`] takes may make more of them known.
    pub fn secrets_to_read(&mut self) -> Vec<ReadNeed> {
        let asked = self.data_in_use();
        let mut needs = Vec::new();
        for address in asked {
            let is_open = !self.supplied.contains(&address) && self.holds_fingerprints(&address);
            let place = self.places.get(&address).copied();
            if let Some(place) = place.filter(|_| is_open) {
                needs.extend(self.read_of(address, place));
            }
        }
        needs
    }

    /// Takes what was read for [`Replay::secrets_to_read`]. A secret that is no longer the one that was planned with stays
    /// unknown: a step that is made of it says so, and is not carried out.
    pub fn supply(&mut self, read: &BTreeMap<Address, Observation>) {
        for (address, observation) in read {
            self.supplied.insert(address.clone());
            if let Err(why) = self.supply_one(address, observation) {
                self.missing.insert(address.clone(), why);
            }
        }
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

    fn supply_one(&mut self, address: &Address, observation: &Observation) -> Result<(), String> {
        let object = match observation {
            Observation::Present(object) => object,
            Observation::Absent => return Err(format!("{address} finds nothing any more")),
            Observation::Unreadable(error) => {
                let why = &error.message;
                return Err(format!(
                    "{address}, whose secrets a plan does not hold, could not be read again: {why}"
                ));
            }
        };
        let kept = self.input.plan.data.get(&address.to_string());
        let schema = self.schema(address);
        let (Some(kept), Some((_, schema)), Some(place)) =
            (kept, schema, self.places.get(address).copied())
        else {
            return Ok(());
        };
        let decoded = kept.decode(schema.schema.object_type());
        let decoded = decoded.map_err(|error| error.to_string())?;
        let value = restore(&decoded, kept, &object.attributes, self.input.key);
        let mut paths = kept.fingerprints.keys();
        let is_other = paths.any(|path| value.at(path).is_none_or(Value::has_unknown));
        self.world
            .set_instance(place.node, place.scope, place.at, value);
        self.mark_users(place);
        if is_other {
            return Err(format!(
                "{address} tells another secret than when the plan was made"
            ));
        }
        Ok(())
    }

    fn holds_fingerprints(&self, address: &Address) -> bool {
        let kept = self.input.plan.data.get(&address.to_string());
        kept.is_some_and(|kept| !kept.fingerprints.is_empty())
    }

    /// How a data source is read; `None` while its arguments are not known.
    fn read_of(&mut self, address: Address, place: Place) -> Option<ReadNeed> {
        let mut diagnostics = Diagnostics::new();
        self.refresh_needs(place.node, &mut diagnostics);
        self.refresh_each(place, &mut diagnostics);
        let NodeKind::Resource(block) = &self.world.graph.nodes[place.node].kind else {
            return None;
        };
        let (provider, schema) = self.schema(&address)?;
        let view = View::with_each(&self.world, place.scope, self.each(place));
        let config = self.world.evaluator(&view).evaluate_arguments(
            &block.arguments,
            &schema.schema,
            block.span,
            &mut diagnostics,
        );
        // A type that needs no provider block has a connection without arguments.
        let provider = if self.world.graph.provider_of.contains_key(&place.node) {
            self.connection_of(place)?
        } else {
            ProviderConfig {
                provider: provider.name().clone(),
                values: BTreeMap::new(),
            }
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

    /// The data sources of which the steps that are to be done, and the outputs, are made.
    fn data_in_use(&self) -> BTreeSet<Address> {
        let plan = self.input.plan;
        if plan.data.is_empty() || plan.options.mode == PlanMode::Destroy {
            return BTreeSet::new();
        }
        let is_made = |step: &&Step| {
            matches!(step.action, Action::Create | Action::Update | Action::Read)
                && !self.input.done.contains(&step.number)
        };
        let steps = plan.steps.iter().filter(is_made);
        let places = steps.filter_map(|step| self.places.get(&step.key.address));
        let mut users: BTreeSet<NodeId> = places.map(|place| place.node).collect();
        users.extend(self.world.graph.paths[0].outputs.values());
        let reached = self.data_behind(&users);
        let data = self
            .places
            .iter()
            .filter(|(address, place)| address.mode == Mode::Data && reached.contains(&place.node));
        data.map(|(address, _)| address.clone()).collect()
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
