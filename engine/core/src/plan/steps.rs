//! The steps of one declared change.

use std::collections::BTreeSet;

use strata_model::plan::{Action, Confidence, Reason, Step};
use strata_model::state::RowKey;
use strata_model::{Address, DeposedId, Diagnostic, Digest, Value};

use super::assemble::{Assembly, blank, confidence, is_managed};
use super::change::{ChangeKind, InstanceChange};
use super::edges::{Deletion, Ref};
use super::encode::encode;
use super::select::any_matches;
use super::walk::Planner;
use crate::code;
use crate::world::layer::name_whole_layers;

impl<'a> Assembly<'a> {
    /// The steps of one change; returns the last one that makes the object as declared.
    pub(super) fn steps(
        &mut self,
        planner: &Planner<'a>,
        change: &InstanceChange<'a>,
        mut after: BTreeSet<Ref>,
    ) -> Option<u32> {
        let moved = change.moved();
        let same = change
            .row
            .is_some_and(|(_, row)| row.protected == change.protect);
        if matches!(change.kind, ChangeKind::Deferred) {
            return None;
        }
        if matches!(change.kind, ChangeKind::NoOp) && moved.is_none() && same {
            // Most objects of most plans: no step, and so no digest of their rows.
            return None;
        }
        let mut template = self.template(planner, change);
        let mut last = None;
        if let Some((key, row)) = moved {
            let step = Step {
                action: Action::Move,
                row_digest: Some(row.digest()),
                ..template.clone()
            };
            let number = match change.gives_way {
                Some(failed) => self.take_back(change, (key, failed), step),
                None => {
                    let step = Step {
                        reason: Reason::Moved,
                        moved_from: Some(key.address.clone()),
                        ..step
                    };
                    self.draft.push(step, BTreeSet::new())
                }
            };
            after.insert(Ref::Step(number));
            // The row's digest changes with its key: what follows is bound by this step.
            template.row_digest = None;
            last = Some(number);
        }
        self.steps_of(change, &change.kind, template, after)
            .or(last)
    }

    fn steps_of(
        &mut self,
        change: &InstanceChange<'a>,
        kind: &ChangeKind,
        template: Step,
        after: BTreeSet<Ref>,
    ) -> Option<u32> {
        let ty = change.schema.schema.object_type();
        let key = self.input.key;
        match kind {
            ChangeKind::NoOp => self.protection(change, template, after),
            ChangeKind::Deferred => None,
            ChangeKind::Create {
                planned,
                reason,
                exclusive,
            } => Some(self.draft.push(
                Step {
                    action: Action::Create,
                    reason: *reason,
                    confidence: confidence(planned, change.schema, &template),
                    planned: Some(encode(planned, ty, key)),
                    exclusive: exclusive.clone(),
                    ..template
                },
                after,
            )),
            ChangeKind::Update {
                before,
                stages,
                reason,
                exclusive,
            } => self.update(
                change,
                (before, stages),
                Step {
                    reason: *reason,
                    exclusive: exclusive.clone(),
                    ..template
                },
                after,
            ),
            ChangeKind::Replace { .. } => self.replace(change, kind, template, after),
            ChangeKind::Import { id, object, then } => {
                let step = Step {
                    action: Action::Import,
                    reason: Reason::Imported,
                    import_id: Some(id.clone()),
                    planned: Some(encode(object, ty, key)),
                    ..template.clone()
                };
                let number = self.draft.push(step, after.clone());
                if self.input.imports.contains_key(&change.address) {
                    // The command imports and does nothing else.
                    return Some(number);
                }
                let after = after.into_iter().chain([Ref::Step(number)]).collect();
                self.steps_of(change, then, template, after)
                    .or(Some(number))
            }
            ChangeKind::Read { planned, reason } => Some(self.draft.push(
                Step {
                    action: Action::Read,
                    reason: *reason,
                    confidence: Confidence::Deferred,
                    planned: Some(encode(planned, ty, key)),
                    ..template
                },
                after,
            )),
        }
    }

    /// A change of protection is a shown step of its own.
    fn protection(
        &mut self,
        change: &InstanceChange<'a>,
        template: Step,
        after: BTreeSet<Ref>,
    ) -> Option<u32> {
        let (_, row) = change.row?;
        (row.protected != change.protect).then(|| {
            self.draft.push(
                Step {
                    action: Action::Record,
                    reason: Reason::Protection,
                    ..template
                },
                after,
            )
        })
    }

    fn update(
        &mut self,
        change: &InstanceChange<'a>,
        (before, stages): (&Value, &[(Option<String>, Value)]),
        template: Step,
        mut after: BTreeSet<Ref>,
    ) -> Option<u32> {
        let ty = change.schema.schema.object_type();
        let mut before = before;
        let mut last = None;
        for (at, (label, planned)) in stages.iter().enumerate() {
            let step = Step {
                action: Action::Update,
                confidence: confidence(planned, change.schema, &template),
                stage: label.clone(),
                more_stages: at + 1 < stages.len(),
                before: Some(encode(before, ty, self.input.key)),
                planned: Some(encode(planned, ty, self.input.key)),
                row_digest: if at == 0 { template.row_digest } else { None },
                ..template.clone()
            };
            let number = self.draft.push(step, after.clone());
            after = BTreeSet::from([Ref::Step(number)]);
            before = planned;
            last = Some(number);
        }
        last
    }

    /// Whether an object may be replaced whose replacement has consequences of its own; reports it if not.
    fn may_replace(&mut self, change: &InstanceChange<'_>, (before, planned): (&Value, &Value)) {
        let (schema, address) = (change.schema, &change.address);
        let known = self.input.providers.schema(schema.mode, schema.name);
        let risk =
            known.and_then(|(provider, _)| provider.replacement_risk(schema.name, before, planned));
        let Some(risk) = risk.filter(|_| !any_matches(&self.allow_delete, address)) else {
            return;
        };
        let detail =
            format!("{address} cannot be changed so, and would be deleted and made anew: {risk}.");
        self.diagnostics.push(
            Diagnostic::error(code::HOLDS_DATA, "Replacement needs permission", detail)
                .at(change.block.span)
                .about(address)
                .hint(format!("If that is wanted, add -allow-delete='{address}'.")),
        );
    }

    fn replace(
        &mut self,
        change: &InstanceChange<'a>,
        kind: &ChangeKind,
        mut template: Step,
        mut after: BTreeSet<Ref>,
    ) -> Option<u32> {
        let ChangeKind::Replace {
            before,
            planned,
            paths,
            reason,
            exclusive,
        } = kind
        else {
            return None;
        };
        let ty = change.schema.schema.object_type();
        // What an import takes over has its row when it is replaced, at its address.
        let row = change.row.map(|(_, row)| row);
        let imported = RowKey::current(change.address.clone());
        let state_key = change.row.map_or(&imported, |(key, _)| key);
        let group = self.groups;
        self.groups += 1;
        self.may_delete(row, (change.schema, before), Some(change));
        self.may_replace(change, (before, planned));
        if row.is_some_and(|row| row.protected) && !change.protect {
            let lifted = self.protection(change, template.clone(), after.clone());
            after.extend(lifted.map(Ref::Step));
            // The row changes with it: what follows is bound by this step.
            template.row_digest = None;
        }
        let create_first = self.create_first(change, (before, planned), *reason);
        let provider = match row {
            Some(row) => Some(row.provider.clone()),
            None => template.provider.clone(),
        };
        let create = Step {
            action: Action::Create,
            reason: *reason,
            confidence: confidence(planned, change.schema, &template),
            group: Some(group),
            before: Some(encode(before, ty, self.input.key)),
            planned: Some(encode(planned, ty, self.input.key)),
            replace_paths: paths.clone(),
            exclusive: exclusive.clone(),
            ..template.clone()
        };
        let delete = Step {
            action: Action::Delete,
            reason: *reason,
            group: Some(group),
            before: Some(encode(before, ty, self.input.key)),
            provider,
            exclusive: exclusive.clone(),
            ..template
        };
        if create_first {
            let number = self.draft.push(create, after);
            let deposed = self.deposed_id(number);
            let key = RowKey {
                address: change.address.clone(),
                deposed: Some(deposed),
            };
            let delete = Step {
                key,
                row_digest: None,
                ..delete
            };
            let step = self.draft.push(delete, BTreeSet::from([Ref::Step(number)]));
            self.deletions.push(Deletion {
                row: state_key.clone(),
                step,
                destroys_first: false,
            });
            Some(number)
        } else {
            let own: BTreeSet<Ref> = after
                .iter()
                .copied()
                .filter(|waited| self.is_own(*waited, change))
                .collect();
            let step = self.draft.push(delete, own);
            self.deletions.push(Deletion {
                row: state_key.clone(),
                step,
                destroys_first: true,
            });
            let after = after.into_iter().chain([Ref::Step(step)]).collect();
            Some(self.draft.push(
                Step {
                    row_digest: None,
                    ..create
                },
                after,
            ))
        }
    }

    /// Whether a step is one of the same object: its move, its import, or the lifting of its protection.
    fn is_own(&self, waited: Ref, change: &InstanceChange<'_>) -> bool {
        let Ref::Step(step) = waited else {
            return false;
        };
        self.draft.steps[step as usize].key.address == change.address
    }

    fn create_first(
        &mut self,
        change: &InstanceChange<'_>,
        (before, planned): (&Value, &Value),
        reason: Reason,
    ) -> bool {
        if !change.create_first {
            return false;
        }
        let stuck = change.schema.unique_name.filter(|name| {
            let new = planned.get(name);
            new.is_some_and(|new| !new.is_unknown()) && before.get(name) == new
        });
        let Some(name) = stuck else { return true };
        // What failed serves nobody: it may go first.
        let is_asked = change.block.meta.lifecycle.create_before_destroy == Some(true);
        if is_asked && reason != Reason::Failed {
            let detail = format!(
                "{} is to be created before its predecessor is destroyed, but its {name} must be unique and stays the same.",
                change.address
            );
            self.diagnostics.push(
                Diagnostic::error(code::IMPOSSIBLE_ORDER, "Impossible order", detail)
                    .at(change.block.span)
                    .about(&change.address)
                    .hint(format!(
                        "Change {name} as well, or remove create_before_destroy."
                    )),
            );
        }
        false
    }

    pub(super) fn deposed_id(&self, step: u32) -> DeposedId {
        let id = self.input.header.id.to_string();
        let digest = Digest::of_parts([id.as_bytes(), &step.to_le_bytes()]).to_string();
        DeposedId::parse(&digest[..32]).unwrap_or(DeposedId::from_bits([0; 16]))
    }

    pub(super) fn template(&self, planner: &Planner<'_>, change: &InstanceChange<'a>) -> Step {
        let mut dependencies: Vec<Address> = change
            .deps
            .iter()
            .filter_map(|dep| planner.world.dep_address(dep))
            .filter(is_managed)
            .collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        let dependencies = name_whole_layers(dependencies);
        let confidence = match change.doubt {
            Some(_) => Confidence::Schema,
            None => Confidence::Exact,
        };
        Step {
            confidence,
            doubt: change.doubt.clone(),
            provider: change.provider.clone(),
            timeouts: change.timeouts,
            protect: change.protect,
            create_before_destroy: change.create_first,
            dependencies,
            source: change
                .source
                .clone()
                .or_else(|| self.input.sources.position(change.block.span)),
            row_digest: change.row.map(|(_, row)| row.digest()),
            ..blank(RowKey::current(change.address.clone()))
        }
    }
}
