//! `import` blocks and the `import` command: which object an address takes, and what a block for it would say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_language::definition::ImportBlock;
use strata_model::plan::PlanMode;
use strata_model::provider::{
    Observation, ProviderConfig, ProviderError, ProviderErrorKind, ProviderName, ReadPurpose,
};
use strata_model::schema::{Attribute, AttributeType, Presence, ResourceSchema};
use strata_model::state::{RowKey, RowStatus};
use strata_model::{Address, Diagnostic, Diagnostics, InstanceKey, Kind, Members, Span, Value};

use super::change::{ChangeKind, unreadable};
use super::walk::{Imported, Planner, Site};
use super::{Generated, ReadNeed};
use crate::code;
use crate::world::Slot;
use crate::world::view::{Each, View};

impl<'a> Planner<'a> {
    /// The id that an `import` block or the command gives for an address, and where it says so: the block, or what it is
    /// to be.
    pub(super) fn import_id(
        &mut self,
        site: Site<'a>,
        address: &Address,
    ) -> Option<(String, Span)> {
        if let Some(id) = self.input.imports.get(address) {
            return Some((id.clone(), site.block.span));
        }
        let project = self.world.graph.paths.first()?.package;
        let blocks = project.imports.iter().filter(|block| {
            let to = &block.to.value;
            (&to.scope, to.mode, &to.resource_type, &to.name)
                == (
                    &address.scope,
                    address.mode,
                    &address.resource_type,
                    &address.name,
                )
        });
        let mut found: Option<(String, Span)> = None;
        for block in blocks {
            let Some(id) = self.import_block(site, block, address) else {
                continue;
            };
            match &found {
                None => found = Some((id, block.span)),
                Some((_, first)) => self.diagnostics.push(
                    undeclared(block, "Another block imports to the same address.")
                        .label(*first, "imported here")
                        .hint("Keep one of the two."),
                ),
            }
        }
        found
    }

    fn import_block(
        &mut self,
        site: Site<'_>,
        block: &ImportBlock,
        address: &Address,
    ) -> Option<String> {
        let meta = strata_language::definition::Meta {
            for_each: block.for_each.clone(),
            ..Default::default()
        };
        let (_, eaches, _) = self
            .world
            .expand(site.node, 0, &meta, &mut self.diagnostics);
        for each in eaches {
            let view = View::with_each(&self.world, 0, each.clone());
            let key = self.import_key(&view, block, each.as_ref());
            if key != address.key {
                continue;
            }
            let value = self
                .world
                .evaluator(&view)
                .evaluate(&block.id, &mut self.diagnostics);
            match usable_id(&value) {
                Some(id) => return Some(id.to_owned()),
                // Nothing else is known of it while definitions are only checked.
                None if value.is_unknown() && self.input.validate_only => {}
                None => {
                    let diagnostic = Diagnostic::error(
                        code::INVALID_STATE_CHANGE,
                        "Invalid import block",
                        WRONG_ID,
                    );
                    self.diagnostics.push(
                        diagnostic
                            .at(block.id.span)
                            .label(site.block.span, "imported here"),
                    );
                }
            }
        }
        None
    }

    fn import_key(
        &self,
        view: &View<'_>,
        block: &ImportBlock,
        each: Option<&Each>,
    ) -> Option<InstanceKey> {
        match (&block.to_key, each) {
            (Some(expr), _) => {
                let value = self
                    .world
                    .evaluator(view)
                    .evaluate(expr, &mut Diagnostics::new());
                match (value.as_str(), value.as_i64()) {
                    (Some(text), _) => Some(InstanceKey::Text(text.into())),
                    (None, Some(index)) => u64::try_from(index).ok().map(InstanceKey::Index),
                    (None, None) => None,
                }
            }
            (None, Some(each)) => Some(each.key.clone()),
            (None, None) => block.to.value.key.clone(),
        }
    }
}

impl<'a> Planner<'a> {
    /// The recorded address of an object, as far as one is known by type, id and access.
    fn owner(
        &self,
        resource_type: &str,
        id: &str,
        provider: Option<&ProviderConfig>,
    ) -> Option<&'a RowKey> {
        let mut rows = self.input.snapshot.rows.iter();
        let found = rows.find(|(key, row)| {
            *key.address.resource_type == *resource_type
                && row.id.as_deref() == Some(id)
                && provider.is_none_or(|provider| row.provider == *provider)
        });
        found.map(|(key, _)| key)
    }

    /// Takes note of an import. Whether another address of this plan imports the same object, which is said then.
    fn is_imported_elsewhere(
        &mut self,
        site: Site<'a>,
        address: &Address,
        id: &str,
        provider: Option<&ProviderConfig>,
    ) -> bool {
        let object = (site.schema.name.to_owned(), id.to_owned());
        let others = self.imported.entry(object).or_default();
        let same = |other: &&Imported| match (&other.provider, provider) {
            (Some(other), Some(provider)) => other == provider,
            (None, _) | (_, None) => true,
        };
        let Some(first) = others.iter().find(same) else {
            others.push(Imported {
                provider: provider.cloned(),
                address: address.clone(),
                declared: site.block.span,
            });
            return false;
        };
        let detail = format!(
            "{} imports the object {id}, too. One object has one address.",
            first.address
        );
        self.diagnostics.push(
            Diagnostic::error(code::INVALID_STATE_CHANGE, "Import impossible", detail)
                .at(site.block.span)
                .label(first.declared, "declared here")
                .about(address)
                .hint("Remove one of the two imports."),
        );
        true
    }

    /// What the import of an object comes to; nothing while it is still to be read, or when it cannot be.
    pub(super) fn import(
        &mut self,
        site: Site<'a>,
        address: &Address,
        (id, said): (String, Span),
        config: &Value,
    ) -> Option<(ChangeKind, Value)> {
        let provider = self.provider_config(site);
        if self.is_taken(site, address, &id, provider.as_ref()) {
            return None;
        }
        match (self.input.read.get(address), provider) {
            (Some(Observation::Present(object)), _) => {
                let object_value = object.attributes.clone();
                let (then, value) = self.existing(
                    site,
                    address,
                    (None, &object_value, RowStatus::Ready),
                    config,
                )?;
                Some((
                    ChangeKind::Import {
                        id,
                        object: object_value,
                        then: Box::new(then),
                    },
                    value,
                ))
            }
            (Some(Observation::Absent), _) => {
                self.diagnostics
                    .push(nothing_there(site.schema, &id).at(said).about(address));
                None
            }
            (Some(Observation::Unreadable(error)), _) => {
                self.diagnostics
                    .push(not_imported(site.schema, address, error).at(said));
                None
            }
            // Definitions are checked without reading anything.
            (None, _) if self.input.validate_only => None,
            // What is still to be read may tell more of what is asked for.
            (None, Some(_)) if config.has_unknown() && !self.needs.is_empty() => None,
            (None, Some(provider)) => {
                self.needs.push(ReadNeed {
                    address: address.clone(),
                    purpose: ReadPurpose::Import,
                    id: Some(id),
                    config: Some(config.clone()),
                    provider,
                });
                None
            }
            (None, None) => {
                let detail =
                    "An import needs a provider configuration that is known when planning.";
                self.diagnostics.push(
                    Diagnostic::error(code::INVALID_STATE_CHANGE, "Import impossible", detail)
                        .at(site.block.span)
                        .about(address),
                );
                None
            }
        }
    }

    /// Whether another address has an object, or imports it, too: that is said then.
    pub(super) fn is_taken(
        &mut self,
        site: Site<'a>,
        address: &Address,
        id: &str,
        provider: Option<&ProviderConfig>,
    ) -> bool {
        if let Some(owner) = self.owner(site.schema.name, id, provider) {
            let detail =
                format!("{owner} has the object {id} already. One object has one address.");
            self.diagnostics.push(
                Diagnostic::error(code::INVALID_STATE_CHANGE, "Import impossible", detail)
                    .at(site.block.span)
                    .about(address)
                    .hint(format!(
                        "To give it this address, add a moved block from {owner} to {address}."
                    )),
            );
            return true;
        }
        self.is_imported_elsewhere(site, address, id, provider)
    }
}

impl Planner<'_> {
    /// Looks at the imports that no block declares: an error, or the arguments of a block that would. Where definitions
    /// are only checked it is a warning: the block may still be to be written, and what is recorded needs none.
    pub(super) fn undeclared_imports(&mut self) {
        let is_validate = self.world.outside.variables_may_miss;
        if self.input.options.mode != PlanMode::Normal {
            return;
        }
        for address in self.input.imports.keys() {
            self.refuse_undeclared_argument(address);
        }
        let Some(root) = self.world.graph.paths.first() else {
            return;
        };
        if root.package.imports.is_empty() {
            return;
        }
        let changes = self.changes.iter();
        let planned: BTreeSet<Address> = changes.map(|change| change.address.clone()).collect();
        for block in &root.package.imports {
            let to = &block.to.value;
            let is_recorded = self.row(&RowKey::current(to.clone())).is_some();
            if self.declares(to) {
                self.refuse_missing_instance(block, &planned);
                continue;
            }
            if is_recorded {
                continue;
            }
            if root.package.incomplete {
                continue;
            }
            if !self.input.generate {
                let missing = if is_validate {
                    may_be_undeclared(block)
                } else {
                    undeclared(block, "Nothing declares the address of this import.")
                };
                let hint = if to.scope.is_root() {
                    "Declare it, or let plan write its block: -generate-config-out=imported.strata.yaml."
                } else {
                    "Declare it in the stack, or correct the address."
                };
                self.diagnostics.push(missing.hint(hint));
                continue;
            }
            if !self.input.validate_only {
                self.generate(block);
            }
        }
    }

    /// Refuses an import to an instance that its block does not have: the object would be left where it is, and another
    /// one made beside it.
    fn refuse_missing_instance(&mut self, block: &ImportBlock, planned: &BTreeSet<Address>) {
        let is_open = self.world.outside.variables_may_miss || !self.needs.is_empty();
        if block.for_each.is_some() || is_open || self.diagnostics.has_errors() {
            return;
        }
        let view = View::with_each(&self.world, 0, None);
        let key = self.import_key(&view, block, None);
        if key.is_none() && block.to_key.is_some() {
            let detail = "Which instance to_key names is not known when planning, or it is neither a text nor a number.";
            let hint =
                "Give a key that is known: one of a variable or of for_each, such as \"a\" or 0.";
            let refused = undeclared(block, detail).hint(hint);
            self.diagnostics.push(refused);
            return;
        }
        let address = Address {
            key,
            ..block.to.value.clone()
        };
        if planned.contains(&address) || self.row(&RowKey::current(address)).is_some() {
            return;
        }
        let detail = "The block of this address has no such instance.";
        let hint = "Name one that it has, such as TYPE.NAME[\"key\"]; without count and for_each there is no key.";
        self.diagnostics.push(undeclared(block, detail).hint(hint));
    }

    /// Whether a block declares an address, whatever its instances are.
    fn declares(&self, address: &Address) -> bool {
        super::select::is_declared(self.world.graph, address)
    }

    fn refuse_undeclared_argument(&mut self, address: &Address) {
        if self.changes.iter().any(|change| change.address == *address) {
            return;
        }
        if self.declares(address) && self.diagnostics.has_errors() {
            // Its block may be what is wrong.
            return;
        }
        let detail = format!("{address} takes an object only if it is declared.");
        let hint = if self.declares(address) {
            "Its block has other instances: name one of them, such as TYPE.NAME[\"key\"]."
        } else {
            "Declare it first."
        };
        self.diagnostics
            .push(Diagnostic::error(code::UNKNOWN_TARGET, "Unknown target", detail).hint(hint));
    }

    /// Reads the object of an import, and makes the arguments of its block.
    fn generate(&mut self, block: &ImportBlock) {
        let address = &block.to.value;
        let known = self
            .input
            .providers
            .schema(address.mode, &address.resource_type);
        let Some((provider, schema)) = known else {
            let detail = format!(
                "No provider has the resource type {}.",
                address.resource_type
            );
            self.diagnostics.push(undeclared(block, &detail));
            return;
        };
        if !address.scope.is_root() || block.for_each.is_some() || address.key.is_some() {
            let detail =
                "A block can only be written for a single object that belongs to no stack.";
            self.diagnostics.push(undeclared(block, detail));
            return;
        }
        let Some(id) = self.literal_id(block) else {
            return;
        };
        match self.input.read.get(address) {
            None => {
                let provider = self.default_provider(provider.name());
                self.needs.extend(provider.map(|provider| ReadNeed {
                    address: address.clone(),
                    purpose: ReadPurpose::Import,
                    id: Some(id),
                    config: None,
                    provider,
                }));
            }
            Some(Observation::Absent) => self
                .diagnostics
                .push(nothing_there(schema, &id).at(block.span).about(address)),
            Some(Observation::Unreadable(error)) => self
                .diagnostics
                .push(not_imported(schema, address, error).at(block.span)),
            Some(Observation::Present(object)) => self.generated.push(Generated {
                address: address.clone(),
                arguments: arguments_of(
                    schema.schema.attributes(),
                    &provider.written(schema.name, &object.attributes),
                ),
                references: BTreeMap::new(),
                depends_on: BTreeSet::new(),
            }),
        }
    }

    fn literal_id(&mut self, block: &ImportBlock) -> Option<String> {
        let view = View::new(&self.world, 0);
        let mut found = Diagnostics::new();
        let value = self.world.evaluator(&view).evaluate(&block.id, &mut found);
        self.diagnostics.extend(found);
        let id = usable_id(&value);
        if id.is_none() && !self.diagnostics.has_errors() {
            self.diagnostics.push(undeclared(block, WRONG_ID));
        }
        id.map(str::to_owned)
    }

    /// The configuration that a block without `provider` would use; `None` while it is not wholly known.
    pub(super) fn default_provider(&self, name: &ProviderName) -> Option<ProviderConfig> {
        let root = self.world.graph.paths.first()?;
        let Some(node) = root.providers.get(&(name.0.clone(), None)) else {
            return Some(ProviderConfig::without_arguments(name.clone()));
        };
        match self.world.slot(*node, 0) {
            Slot::Provider(config, _) => config.clone(),
            Slot::Empty | Slot::Value(_) | Slot::Block(_) | Slot::Layer(_) => None,
        }
    }
}

/// What is wrong with an id that cannot be used.
const WRONG_ID: &str =
    "The id must be text that is not empty, known when planning, and not secret.";

/// The id that a value gives, where an object can be looked for by it.
fn usable_id(value: &Value) -> Option<&str> {
    value
        .as_str()
        .filter(|id| !id.trim().is_empty() && !value.is_secret())
}

fn nothing_there(schema: &ResourceSchema, id: &str) -> Diagnostic {
    let detail = format!("There is no {} with the id {id} to import.", schema.name);
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Nothing to import", detail)
        .hint(form_of_id(schema))
}

/// What is wrong with an import whose object cannot be read: its id, if that is what the provider refuses.
fn not_imported(schema: &ResourceSchema, address: &Address, error: &ProviderError) -> Diagnostic {
    if error.kind != ProviderErrorKind::Invalid {
        return unreadable(&RowKey::current(address.clone()), error);
    }
    let why = error.message.trim_end_matches('.');
    let detail = format!("{address} cannot be imported: {why}.");
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid import id", detail)
        .about(address)
        .hint(form_of_id(schema))
}

/// What the id of objects of a type is, in the words of its schema.
fn form_of_id(schema: &ResourceSchema) -> String {
    match schema.schema.attribute("id") {
        Some(id) => format!("The id of {}: {}", schema.name, id.description),
        None => "Look whether the id is right.".to_owned(),
    }
}

fn undeclared(block: &ImportBlock, detail: &str) -> Diagnostic {
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid import block", detail)
        .at(block.span)
        .about(&block.to.value)
}

fn may_be_undeclared(block: &ImportBlock) -> Diagnostic {
    let detail = "Nothing declares the address of this import. Plan refuses it, unless its object is recorded.";
    Diagnostic::warning(code::IMPORT_UNDECLARED, "Import without a block", detail)
        .at(block.span)
        .about(&block.to.value)
}

/// What a block has to say so that nothing about an object would change, nor if it were made anew. What is as it is by
/// default is left out, and what the provider sets by itself.
fn arguments_of(
    attributes: &BTreeMap<Arc<str>, Attribute>,
    object: &Value,
) -> BTreeMap<Arc<str>, Value> {
    let said = attributes.iter().filter_map(|(name, attribute)| {
        let value = object.get(name).filter(|value| !value.is_null())?;
        let is_plain = !attribute.sensitive && !value.has_secret() && !value.has_unknown();
        let said = || settable(&attribute.ty, value);
        let said = match attribute.presence {
            Presence::Required => Some(said()),
            Presence::Optional => (attribute.default.as_ref() != Some(value)).then(said),
            // What is empty may be what nobody has chosen anything for.
            Presence::OptionalComputed => Some(said()).filter(|said| !is_empty(said)),
            Presence::Computed => None,
        };
        Some((name.clone(), said.filter(|_| is_plain)?))
    });
    said.collect()
}

fn is_empty(value: &Value) -> bool {
    let has_none = value.members().is_some_and(Members::is_empty);
    has_none || value.elements().is_some_and(<[Value]>::is_empty)
}

/// A value without the members that only the provider sets.
fn settable(ty: &AttributeType, value: &Value) -> Value {
    let each = |element: &AttributeType, values: &[Value]| {
        Value::tuple(
            values
                .iter()
                .map(|value| settable(element, value))
                .collect(),
        )
    };
    match (ty, value.kind()) {
        (AttributeType::Object(attributes), Kind::Object(_) | Kind::Map(..)) => {
            Value::object(arguments_of(attributes, value))
        }
        (AttributeType::List(element), Kind::List(_, values))
        | (AttributeType::Set(element), Kind::Set(_, values)) => each(element, values),
        (AttributeType::Map(element), Kind::Map(_, members)) => Value::object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), settable(element, value))),
        ),
        _ => value.clone(),
    }
}
