//! `replace_triggered_by`: what is replaced because something else changes.

use strata_language::references::references;

use super::change::ChangeKind;
use super::walk::{Planner, Site};

impl Planner<'_> {
    /// Whether something that `replace_triggered_by` names changes: of an attribute only its own change counts.
    pub(super) fn triggered(&self, site: Site<'_>) -> bool {
        let triggers = &site.block.meta.lifecycle.replace_triggered_by;
        triggers.iter().any(|trigger| {
            let named = references(&trigger.rest).into_iter();
            let attribute = named.filter_map(|found| found.attribute).next();
            let deps = self
                .world
                .resolve_depends_on(site.scope, std::slice::from_ref(trigger));
            let mut changes = deps
                .iter()
                .flat_map(|dep| &self.changes[self.changes_of(dep)]);
            changes.any(|change| change.kind.triggers(attribute.as_deref()))
        })
    }
}

impl ChangeKind {
    /// Whether it replaces what is to be replaced with the object, or with one attribute of it.
    fn triggers(&self, attribute: Option<&str>) -> bool {
        match self {
            ChangeKind::NoOp | ChangeKind::Deferred => false,
            ChangeKind::Create { .. } | ChangeKind::Replace { .. } | ChangeKind::Read { .. } => {
                true
            }
            ChangeKind::Update { before, stages, .. } => attribute.is_none_or(|name| {
                let after = stages.last().and_then(|(_, planned)| planned.get(name));
                before.get(name) != after
            }),
            ChangeKind::Import { then, .. } => then.triggers(attribute),
        }
    }
}
