//! The objects of layers in the world of a plan.

use std::collections::BTreeMap;

use strata_model::plan::Step;
use strata_model::{Address, Diagnostics, InstanceKey, Value};

use super::{Place, Replay, exceeds};
use crate::plan::layer::each_of;
use crate::resolve::ResolveError;
use crate::world::expand::Expansion;
use crate::world::graph::NodeId;
use crate::world::graph::layers::LayerIx;
use crate::world::{Block, ResourceInstance, Slot};

impl<'a> Replay<'a> {
    /// Fills in the objects of a stage.
    pub(super) fn fill_stage(
        &mut self,
        node: NodeId,
        (layer, stage): (LayerIx, u8),
        steps: &BTreeMap<&'a Address, &'a Step>,
    ) {
        let Some(block) = self.world.graph.declaring_block(node) else {
            return;
        };
        for scope in self.world.by_path[self.world.graph.nodes[node].path].clone() {
            let rendered = self.world.rendered(layer, scope);
            let members = rendered.iter().flat_map(|rendered| rendered.stage(stage));
            let mut filled = Block {
                expansion: Expansion::ForEach,
                instances: Vec::new(),
            };
            for (at, member) in members.enumerate() {
                let each = each_of(member);
                let address = self.world.address(&block.id, scope, Some(&each.key));
                let value = self.initial(&address, steps);
                self.places.insert(address, Place { node, scope, at });
                filled.instances.push(ResourceInstance {
                    each: Some(each),
                    value,
                });
            }
            self.world.set(node, scope, Slot::Block(filled));
        }
    }

    /// Evaluates the manifest of one object once more.
    pub(super) fn evaluate_member(
        &self,
        step: &Step,
        (place, layer): (Place, LayerIx),
        mut diagnostics: Diagnostics,
    ) -> Result<Value, ResolveError> {
        let known = self.schema(&step.key.address);
        let rendered = self.world.rendered(layer, place.scope);
        let (Some((_, schema)), Some(rendered)) = (known, rendered) else {
            return Err(ResolveError::Invalid(diagnostics));
        };
        let key = match &step.key.address.key {
            Some(InstanceKey::Text(key)) => key.as_ref(),
            Some(InstanceKey::Index(_)) | None => "",
        };
        let Some(member) = rendered.member(key) else {
            return Err(exceeds(step, "it is not declared"));
        };
        let place = (layer, place.scope);
        let (config, _) =
            self.world
                .member_config(place, (&rendered, member), schema, &mut diagnostics);
        if diagnostics.has_errors() {
            Err(ResolveError::Invalid(diagnostics))
        } else {
            Ok(config)
        }
    }
}
