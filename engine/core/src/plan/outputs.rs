//! The project's outputs.

use std::collections::BTreeMap;

use strata_model::plan::OutputChange;
use strata_model::{Diagnostic, Diagnostics, Type, Value};

use super::encode::encode;
use super::walk::Planner;
use crate::code;
use crate::world::{Dep, Slot};

/// An output's value and what it was made from.
pub(super) struct OutputValue {
    pub(super) value: Value,
    pub(super) deps: Vec<Dep>,
}

impl Planner<'_> {
    /// The project's outputs as planned.
    pub(super) fn output_values(
        &self,
        diagnostics: &mut Diagnostics,
    ) -> BTreeMap<String, OutputValue> {
        let path = &self.world.graph.paths[0];
        let mut values = BTreeMap::new();
        for (name, node) in &path.outputs {
            let Slot::Value(known) = self.world.slot(*node, 0) else {
                continue;
            };
            let Some(block) = path.package.outputs.get(name) else {
                continue;
            };
            if known.value.has_secret() && !block.sensitive {
                let detail = format!("The output {name} shows a secret value.");
                diagnostics.push(
                    Diagnostic::error(code::SECRET_OUTPUT, "Secret output", detail)
                        .at(block.value.span)
                        .hint("Add sensitive = true to the output, or use nonsensitive() if the value is no secret."),
                );
            }
            values.insert(
                name.to_string(),
                OutputValue {
                    value: known.value.clone(),
                    deps: known.deps.clone(),
                },
            );
        }
        values
    }

    /// What becomes of each output; those for which `keep` says so stay as they are.
    pub(super) fn output_changes(
        &self,
        values: &BTreeMap<String, OutputValue>,
        keep: &dyn Fn(&OutputValue) -> bool,
    ) -> BTreeMap<String, OutputChange> {
        let mut changes = BTreeMap::new();
        for (name, output) in values {
            let stored = self.input.snapshot.outputs.get(name);
            let before = stored.and_then(|stored| stored.value.decode(&Type::Any).ok());
            if keep(output) {
                continue;
            }
            let sensitive =
                output.value.has_secret() || stored.is_some_and(|stored| stored.sensitive);
            let plain = |value: &Value| without_marks(value);
            let changed = output.value.has_unknown()
                || before.as_ref().map(plain) != Some(plain(&output.value))
                || stored.is_some_and(|stored| stored.sensitive != output.value.has_secret());
            changes.insert(
                name.clone(),
                OutputChange {
                    before: before
                        .map(|value| encode(&hidden(value, sensitive), &Type::Any, self.input.key)),
                    after: Some(encode(&output.value, &Type::Any, self.input.key)),
                    sensitive,
                    changed,
                },
            );
        }
        for (name, stored) in &self.input.snapshot.outputs {
            if !values.contains_key(name) {
                changes.insert(name.clone(), removed_output(stored, self.input.key));
            }
        }
        changes
    }
}

/// The change of an output that is no longer declared.
pub(super) fn removed_output(
    stored: &strata_model::state::StoredOutput,
    key: &strata_model::SecretKey,
) -> OutputChange {
    let before = stored.value.decode(&Type::Any).ok();
    OutputChange {
        before: before.map(|value| encode(&hidden(value, stored.sensitive), &Type::Any, key)),
        after: None,
        sensitive: stored.sensitive,
        changed: true,
    }
}

fn hidden(value: Value, sensitive: bool) -> Value {
    if sensitive {
        value.into_secret()
    } else {
        value
    }
}

/// The value with all secret marks dropped, for comparison only.
fn without_marks(value: &Value) -> Value {
    value
        .secret_paths()
        .iter()
        .fold(value.clone(), |value, path| match value.at(path) {
            Some(marked) => value.with_at(path, marked.clone().with_secret(false)),
            None => value,
        })
}
