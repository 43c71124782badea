//! What stands in the way of a plan though there could be one: objects that are protected or hold data, and changes that
//! providers refuse.

use std::collections::BTreeSet;

use strata_model::plan::PlanMode;
use strata_model::schema::ResourceSchema;
use strata_model::state::{RowStatus, StateRow};
use strata_model::{Address, Diagnostic, Span, Value};

use super::assemble::Assembly;
use super::change::InstanceChange;
use super::select::any_matches;
use super::walk::Planner;
use crate::code;

impl Assembly<'_> {
    /// Reports the changes that providers refuse, as far as they are selected.
    pub(super) fn refuse(&mut self, planner: &mut Planner<'_>, selected: &[bool]) {
        let refused = std::mem::take(&mut planner.refused);
        if refused.is_empty() {
            return;
        }
        let changes = planner.changes.iter().zip(selected);
        let left: BTreeSet<&Address> = changes
            .filter(|(_, selected)| !**selected)
            .map(|(change, _)| &change.address)
            .collect();
        let counting = refused
            .into_iter()
            .filter(|(address, _)| !left.contains(address));
        self.diagnostics
            .extend(counting.map(|(_, diagnostic)| diagnostic));
    }

    /// Whether an object may be deleted; reports it if not. One that is still to be imported has no row.
    pub(super) fn may_delete(
        &mut self,
        row: Option<&StateRow>,
        (schema, object): (&ResourceSchema, &Value),
        declared: Option<&InstanceChange<'_>>,
    ) {
        let recorded_at = row.map(StateRow::address);
        let Some(address) = recorded_at.or(declared.map(|change| &change.address)) else {
            return;
        };
        // What the definitions say now does not lift what the state says, unless a step before has done so.
        let recorded =
            row.is_some_and(|row| row.protected) && !any_matches(&self.unprotect, address);
        let protected = recorded || declared.is_some_and(|change| change.protect);
        let span = declared.map(|change| change.block.span);
        if protected {
            let detail =
                format!("{address} would be destroyed, and it is protected by prevent_destroy.");
            let hint = match declared {
                Some(change) if change.protect && row.is_none() => {
                    "Declare the object as it is, so that it is only imported, or set prevent_destroy = false.".to_owned()
                }
                Some(change) if change.protect => {
                    "Set prevent_destroy = false and apply that first.".to_owned()
                }
                Some(_) => format!(
                    "Apply only the change of prevent_destroy first, or add -unprotect='{address}'."
                ),
                None if self.input.options.mode == PlanMode::Destroy => format!(
                    "Set prevent_destroy = false and apply that first; if its block is gone, add -unprotect='{address}'."
                ),
                None => format!(
                    "Its block is gone; if it really is to be destroyed, add -unprotect='{address}'."
                ),
            };
            self.diagnostics.push(
                Diagnostic::error(code::PROTECTED, "Protected object", detail)
                    .at_opt(span)
                    .about(address)
                    .hint(hint),
            );
        }
        let known = self.input.providers.schema(schema.mode, schema.name);
        let refusal =
            known.and_then(|(provider, _)| provider.refuses_deletion(schema.name, object));
        if let Some((why, hint)) = refusal {
            self.diagnostics.push(
                Diagnostic::error(code::PROTECTED, "Protected object", why)
                    .at_opt(span)
                    .about(address)
                    .hint(hint),
            );
        }
        let implied = self.input.options.mode == PlanMode::Destroy;
        // What failed for good while it was made has never held any.
        let never_ready =
            row.is_some_and(|row| row.status == RowStatus::Failed && row.created_by == row.op);
        let may_lose = implied || never_ready || any_matches(&self.allow_delete, address);
        if !may_lose && (schema.holds_data || self.holds_data(schema, object)) {
            let detail = format!("{address} holds data, and it would be destroyed.");
            self.diagnostics.push(
                Diagnostic::error(code::HOLDS_DATA, "Data would be lost", detail)
                    .at_opt(span)
                    .about(address)
                    .hint(format!("If that is wanted, add -allow-delete='{address}'.")),
            );
        }
    }

    fn holds_data(&self, schema: &ResourceSchema, object: &Value) -> bool {
        let known = self.input.providers.schema(schema.mode, schema.name);
        known.is_some_and(|(provider, _)| provider.holds_data(schema.name, object))
    }

    /// Refuses to delete the objects of a layer that has none any more, unless that is asked for.
    pub(super) fn may_empty(&mut self, row: &StateRow, span: Span) {
        let address = row.address();
        if any_matches(&self.allow_delete, address) {
            return;
        }
        let layer = address.block();
        let text = layer.to_string();
        let is_told = |found: &Diagnostic| {
            found.code == code::EMPTY_LAYER && found.address.as_ref() == Some(&text)
        };
        if self.diagnostics.iter().any(is_told) {
            return;
        }
        let detail = format!(
            "The manifests of {layer} describe no object at all, and all that it had would be deleted."
        );
        self.diagnostics.push(
            Diagnostic::error(code::EMPTY_LAYER, "Layer without objects", detail)
                .at(span)
                .about(&layer)
                .hint(format!(
                    "If that is wanted, add -allow-delete='{layer}', or remove the layer's block."
                )),
        );
    }
}
