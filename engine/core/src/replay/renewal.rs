//! What `for_each` gives to instances, looked at again once more is known.

use strata_model::Diagnostics;

use super::{Place, Replay};
use crate::world::ScopeIx;
use crate::world::graph::{NodeId, NodeKind};

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
}
