//! One object under two addresses: the one that is declared keeps it, the other is forgotten.

use std::collections::BTreeMap;

use strata_model::Address;
use strata_model::plan::Reason;
use strata_model::state::StateRow;

use super::assemble::Assembly;
use super::change::ChangeKind;
use super::edges::Ref;
use super::walk::Planner;

/// Who has an object, by another address than one that is recorded.
pub(super) struct Keeper<'p> {
    address: &'p Address,
    /// Where it stands in the changes.
    pub(super) at: usize,
    /// Whether this plan changes the object, or takes it over.
    pub(super) is_change: bool,
}

/// Who keeps or takes over which object, by what tells it from all others. Of a cluster that was restored from another's
/// backup the objects are the same here: to forget one of these is what can be put right.
pub(super) fn keepers<'p>(planner: &'p Planner<'_>) -> BTreeMap<String, Keeper<'p>> {
    let known = planner
        .changes
        .iter()
        .enumerate()
        .filter_map(|(at, change)| {
            let address = &change.address;
            let providers = planner.input.providers;
            let (provider, schema) = providers.schema(address.mode, &address.resource_type)?;
            let identity = provider.identity(schema.name)?;
            let text = match &change.kind {
                ChangeKind::Import { object, .. } => object.get(identity)?.as_str()?.to_owned(),
                ChangeKind::NoOp | ChangeKind::Update { .. } => {
                    recorded_text(change.row?.1, identity)?
                }
                _ => return None,
            };
            let is_change = !matches!(change.kind, ChangeKind::NoOp);
            let keeper = Keeper {
                address,
                at,
                is_change,
            };
            Some((text, keeper))
        });
    known.filter(|(text, _)| !text.is_empty()).collect()
}

/// A text attribute of a recorded object.
fn recorded_text(row: &StateRow, attribute: &str) -> Option<String> {
    let json = row.attributes.json.value();
    Some(json.get(attribute)?.as_str()?.to_owned())
}

impl Assembly<'_> {
    /// What tells a recorded object from all others, where its type has that.
    pub(super) fn identity_of(&self, row: &StateRow) -> Option<String> {
        let address = row.address();
        let providers = self.input.providers;
        let (provider, schema) = providers.schema(address.mode, &address.resource_type)?;
        let identity = provider.identity(schema.name)?;
        recorded_text(row, identity)
    }

    /// Forgets an address whose object another one has, once that is as it is declared: until then the object says by its
    /// label that it belongs to the old one, and what goes with that stays, too.
    pub(super) fn leave_to(&mut self, keeper: &Keeper<'_>, row: &StateRow) {
        let step = self.forget(row, Reason::NotDeclared);
        let why = format!("it is {} by now", keeper.address);
        self.draft.steps[step as usize].left_alone = Some(why);
        let done = self.reach.get(keeper.at).copied().flatten();
        self.draft.wait(step, done.filter(|_| keeper.is_change));
        self.kept.insert(row.key.clone(), Ref::Step(step));
    }
}
