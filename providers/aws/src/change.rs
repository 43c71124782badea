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
        let Proposal {
            mut planned,
            mut replace,
        } = schema.schema.propose(prior, config);
        if let Some(prior) = prior {
            planned = keep_empty(prior, &planned);
            // From empty to absent is no change, so that it replaces nothing.
            replace.retain(|path| prior.at(path) != planned.at(path));
        }
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

    /// Whether the change needs another object, as far as that is known.
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

    /// Plans a replacement because of a path.
    pub(crate) fn replace(&mut self, path: &str) {
        self.replace.push(attribute_path(path));
    }

    /// Takes the definition's word for what the system never tells, where nothing is recorded of it: it replaces nothing,
    /// and what is as it would be by default stays unsaid.
    pub(crate) fn accept_untold(&mut self, path: &str, default: &Value) {
        let at = attribute_path(path);
        let before = self.prior.and_then(|prior| prior.at(&at)).cloned();
        if let Some(before) = before.filter(Value::is_null) {
            self.replace.retain(|replaced| *replaced != at);
            if self.planned.at(&at) == Some(default) {
                self.planned = self.planned.with_at(&at, before);
            }
        }
    }

    /// Sets a planned value.
    pub(crate) fn set(&mut self, path: &str, value: Value) {
        self.planned = self.planned.with_at(&attribute_path(path), value);
    }

    /// Plans the id of a type whose id is its name.
    pub(crate) fn id_is_name(&mut self) {
        if let Some(name) = self.planned.get("name").cloned() {
            self.set("id", name);
        }
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

#[cfg(test)]
mod tests {
    use strata_model::Type;
    use strata_model::schema::{Adoption, Attribute, AttributeType, Schema};

    use super::*;

    #[test]
    fn what_is_never_told_replaces_nothing() {
        let flag = Attribute::optional(AttributeType::Bool, "A flag.");
        let schema = Schema::new([("flag", flag.default_value(true).replaces())]);
        let schema = ResourceSchema::managed("a", Adoption::Tag, schema, "A.");
        let object = |flag: Value| Value::object([("flag", flag)]);
        let unknown = object(Value::null_of(Type::Bool));
        for (prior, config, planned, replaces) in [
            (unknown.clone(), true, Value::null_of(Type::Bool), false),
            (unknown, false, false.into(), false),
            (object(true.into()), false, false.into(), true),
        ] {
            let config = object(config.into());
            let mut change = Change::new(&schema, Some(&prior), &config, None);
            change.accept_untold("flag", &true.into());
            assert_eq!(change.replaces(), replaces, "{prior:?}");
            assert_eq!(change.planned(), &object(planned), "{prior:?}");
        }
    }

    #[test]
    fn what_was_empty_and_is_left_out_replaces_nothing() {
        let words = Attribute::optional(AttributeType::strings(), "Words.").replaces();
        let schema = Schema::new([("words", words)]);
        let schema = ResourceSchema::managed("a", Adoption::Tag, schema, "A.");
        let object = |words: Value| Value::object([("words", words)]);
        let none = object(Value::null_of(Type::list(Type::String)));
        let empty = object(Value::list(Type::String, vec![]));
        let one = object(Value::list(Type::String, vec!["x".into()]));
        for (prior, config, replaces) in [
            (&empty, &none, false),
            (&none, &empty, false),
            (&one, &none, true),
            (&none, &one, true),
        ] {
            let change = Change::new(&schema, Some(prior), config, None);
            assert_eq!(change.replaces(), replaces, "{prior:?} {config:?}");
        }
    }
}
