//! What instances are given and have, looked at again once more is known of it.

use strata_model::state::RowKey;
use strata_model::{Diagnostics, Mode, Type, Value};

use super::{Place, Replay};
use crate::world::graph::{NodeId, NodeKind};
use crate::world::{ScopeIx, Slot};

impl Replay<'_> {
    /// Brings the value that `for_each` gives an instance up to date: it may have become known since.
    pub(super) fn refresh_each(&mut self, place: Place, diagnostics: &mut Diagnostics) {
        let each = self.each(place);
        let NodeKind::Resource(block) = self.world.graph.nodes[place.node].kind else {
            return;
        };
        if each.is_some_and(|each| each.value.has_unknown()) {
            let expanded = self
                .world
                .expand(place.node, place.scope, &block.meta, diagnostics);
            self.world.set_eaches(place.node, place.scope, &expanded.1);
        }
    }

    /// The same for the instance of a package, before one of its inputs is evaluated.
    pub(super) fn refresh_scope_each(
        &mut self,
        node: NodeId,
        scope: ScopeIx,
        diagnostics: &mut Diagnostics,
    ) {
        let instance = &self.world.scopes[scope];
        let is_open = instance
            .each
            .as_ref()
            .is_some_and(|each| each.value.has_unknown());
        let (path, Some(parent)) = (instance.path, instance.parent) else {
            return;
        };
        let graph = self.world.graph;
        if let (true, NodeKind::Variable(_), Some(block)) =
            (is_open, &graph.nodes[node].kind, graph.paths[path].block)
        {
            let open = graph.paths[path].open;
            let expanded = self.world.expand(open, parent, &block.meta, diagnostics);
            self.world.set_scope_eaches(path, parent, &expanded.1);
        }
    }

    /// Puts what is there in the place of what was only planned: a run may end before all of its steps.
    pub(super) fn forget_plans(&mut self) {
        let mut actual = Vec::new();
        for (address, place) in &self.places {
            if address.mode != Mode::Managed {
                continue;
            }
            let Slot::Block(block) = self.world.slot(place.node, place.scope) else {
                continue;
            };
            let Some(shown) = block
                .instances
                .get(place.at)
                .map(|instance| &instance.value)
            else {
                continue;
            };
            let value = self.objects.get(&RowKey::current(address.clone()));
            if value != Some(shown) && !(value.is_none() && shown.is_unknown()) {
                let value = value.cloned();
                actual.push((*place, value.unwrap_or_else(|| Value::unknown(Type::Any))));
            }
        }
        for (place, value) in actual {
            self.world
                .set_instance(place.node, place.scope, place.at, value);
            self.mark_users(place);
        }
    }
}
