//! The inputs of package instances in the world of a plan.

use std::collections::BTreeMap;

use strata_language::expression::Reference;
use strata_model::{Name, Scope, Value};

use super::Replay;
use crate::world::Slot;

impl Replay<'_> {
    /// The values of the inputs of a package instance, as its blocks see them; `None` where there is no such instance.
    pub fn inputs(&self, instance: &Scope) -> Option<BTreeMap<Name, Value>> {
        let mut scopes = self.world.scopes.iter();
        let scope = scopes.position(|scope| scope.address == *instance)?;
        let node = &self.world.graph.paths[self.world.scopes[scope].path];
        let value = |name: &Name| {
            let node = node.index.get(&Reference::Variable(name.clone()))?;
            match self.world.slot(*node, scope) {
                Slot::Value(known) => Some(known.value.clone()),
                Slot::Empty | Slot::Block(_) | Slot::Provider(..) | Slot::Layer(_) => None,
            }
        };
        let names = node.package.variables.keys();
        Some(
            names
                .filter_map(|name| Some((name.clone(), value(name)?)))
                .collect(),
        )
    }
}
