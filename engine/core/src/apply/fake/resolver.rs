//! A resolver that fills in the ids of parents.

use std::collections::BTreeMap;

use strata_model::plan::{Action, Step};
use strata_model::provider::{ProviderConfig, ProviderName};
use strata_model::state::{RowKey, StateSnapshot, StoredOutput};
use strata_model::{AttributePath, Diagnostics, Value};

use crate::apply::Connections;
use crate::resolve::{ResolveError, Resolved, Resolver};

/// Fills in `parent` where it is unknown, and `secret` where only a fingerprint is kept.
#[derive(Debug)]
pub(in super::super) struct FakeResolver<'a> {
    pub(in super::super) connections: &'a Connections,
    /// For each step whose parent becomes known the parent.
    pub(in super::super) parents: BTreeMap<u32, RowKey>,
    /// Steps that turn out to do nothing.
    pub(in super::super) nothing: Vec<u32>,
    /// Steps that would do more than was approved.
    pub(in super::super) exceeds: Vec<u32>,
    pub(in super::super) objects: BTreeMap<RowKey, Value>,
}

impl<'a> FakeResolver<'a> {
    pub(in super::super) fn new(connections: &'a Connections, state: &StateSnapshot) -> Self {
        let rows = state.rows.values();
        let objects = rows
            .filter_map(|row| Some((row.key.clone(), connections.attributes(row).ok()?)))
            .collect();
        FakeResolver {
            connections,
            parents: BTreeMap::new(),
            nothing: Vec::new(),
            exceeds: Vec::new(),
            objects,
        }
    }

    fn planned(&self, step: &Step) -> Value {
        let (_, schema) = self.connections.schema(&step.key.address).unwrap();
        let encoded = step.planned.as_ref().or(step.before.as_ref());
        let Some(encoded) = encoded else {
            return self
                .objects
                .get(&step.key)
                .cloned()
                .unwrap_or_else(Value::null);
        };
        let mut value = encoded.decode(schema.schema.object_type()).unwrap();
        let secret = AttributePath::attribute("secret");
        if encoded.fingerprints.contains_key(&secret) {
            value = value.with_at(&secret, Value::from("secret-canary").into_secret());
        }
        if let Some(parent) = self.parents.get(&step.number) {
            let object = self.objects.get(parent).expect("a parent that is done");
            let id = object.get("id").cloned().expect("an id");
            value = value.with_at(&AttributePath::attribute("parent"), id);
        }
        value
    }
}

impl Resolver for FakeResolver<'_> {
    fn resolve(&mut self, step: &Step) -> Result<Resolved, ResolveError> {
        if self.exceeds.contains(&step.number) {
            return Err(ResolveError::Exceeds(Diagnostics::new()));
        }
        if self.nothing.contains(&step.number) {
            return Ok(Resolved::Nothing);
        }
        let (prefix, _) = step.key.address.resource_type.split_once('_').unwrap();
        let provider = ProviderConfig::without_arguments(ProviderName(prefix.into()));
        if step.action == Action::Read {
            return Ok(Resolved::Read {
                config: self.planned(step),
                provider,
            });
        }
        let prior = match step.action {
            Action::Create => None,
            Action::Update
            | Action::Delete
            | Action::Read
            | Action::Move
            | Action::Import
            | Action::Forget
            | Action::Record => self.objects.get(&step.key).cloned(),
        };
        Ok(Resolved::Change {
            prior,
            planned: self.planned(step),
            provider,
        })
    }

    fn record(&mut self, key: &RowKey, object: Option<&Value>) {
        match object {
            Some(object) => self.objects.insert(key.clone(), object.clone()),
            None => self.objects.remove(key),
        };
    }

    fn record_stage(&mut self, key: &RowKey, object: &Value) {
        self.record(key, Some(object));
    }

    fn outputs(&mut self) -> (BTreeMap<String, StoredOutput>, Diagnostics) {
        (BTreeMap::new(), Diagnostics::new())
    }
}
