//! A change as its resource type plans it.

use strata_model::provider::{PlannedChange, Stage};
use strata_model::schema::{Proposal, ResourceSchema};
use strata_model::{AttributePath, Value};

use crate::checks::{attribute_path, known_at};
use crate::settle::keep_empty;

/// A change under planning.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    schema: &'a ResourceSchema,
    /// The object before; `None` in a create and in a replacement.
    pub(crate) prior: Option<&'a Value>,
    /// The arguments.
    pub(crate) config: &'a Value,
    /// The region, where the connection's configuration names it.
    pub(crate) region: Option<&'a str>,
    planned: Value,
    replace: Vec<AttributePath>,
    stages: Vec<Stage>,
    exclusive: Option<String>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(
        schema: &'a ResourceSchema,
        prior: Option<&'a Value>,
        config: &'a Value,
        region: Option<&'a str>,
    ) -> Self {
        let Proposal { planned, replace } = schema.schema.propose(prior, config);
        let planned = match prior {
            Some(prior) => keep_empty(prior, &planned),
            None => planned,
        };
        Change {
            schema,
            prior,
            config,
            region,
            planned,
            replace,
            stages: Vec::new(),
            exclusive: None,
        }
    }

    pub(crate) fn finish(self) -> PlannedChange {
        PlannedChange {
            planned: self.planned,
            replace: self.replace,
            stages: self.stages,
            exclusive: self.exclusive,
        }
    }

    /// The object as it will be.
    pub(crate) fn planned(&self) -> &Value {
        &self.planned
    }

    /// The paths that replace the object, as far as they are known.
    pub(crate) fn replaces(&self) -> bool {
        !self.replace.is_empty()
    }

    /// Whether an update is planned: the object exists and will not be as it is.
    pub(crate) fn is_update(&self) -> bool {
        self.prior.is_some_and(|prior| *prior != self.planned) && !self.replaces()
    }

    /// Whether the object exists and a value of it will change, or may.
    pub(crate) fn changes(&self, path: &str) -> bool {
        let at = attribute_path(path);
        self.prior
            .is_some_and(|prior| prior.at(&at) != self.planned.at(&at))
    }

    /// A known text of the object before.
    pub(crate) fn prior_text(&self, path: &str) -> Option<&str> {
        known_at(self.prior?, path)?.as_str()
    }

    /// A known text of the object as it will be.
    pub(crate) fn planned_text(&self, path: &str) -> Option<&str> {
        known_at(&self.planned, path)?.as_str()
    }

    /// Sets a planned value.
    pub(crate) fn set(&mut self, path: &str, value: Value) {
        self.planned = self.planned.with_at(&attribute_path(path), value);
    }

    /// Plans a value as known after apply, unless the definition gives it.
    pub(crate) fn forget(&mut self, path: &str) {
        let at = attribute_path(path);
        let given = self.config.at(&at).is_some_and(|value| !value.is_null());
        if let (false, Some(attribute)) = (given, self.schema.schema.at(&at)) {
            self.planned = self.planned.with_at(&at, Value::unknown(attribute.ty.ty()));
        }
    }

    /// Plans as known after apply what an object that was read in the middle of its creation did not have yet.
    pub(crate) fn forget_missing(&mut self, paths: &[&str]) {
        let Some(prior) = self.prior else {
            return;
        };
        for path in paths {
            if known_at(prior, path).is_none() {
                self.forget(path);
            }
        }
    }

    /// Takes the change apart into stages; the last one's object is the planned one.
    pub(crate) fn stages(&mut self, stages: Vec<Stage>) {
        self.stages = stages;
    }

    /// Names what the change must be alone on.
    pub(crate) fn exclusive(&mut self, name: String) {
        self.exclusive = Some(name);
    }
}
