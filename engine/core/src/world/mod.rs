//! The world that expressions see: package instances, and the value of every node in each of them.
//!
//! The planner fills it in the graph's order; at apply the same world is filled from the plan and brought up to date
//! as objects become known. Both evaluate with the same code, so that what was known when planning comes back equal.

pub(crate) mod expand;
pub(crate) mod graph;
mod health;
pub(crate) mod inputs;
pub(crate) mod layer;
pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::scope::SourceTree;
use strata_model::provider::{ArgumentFault, ProviderConfig, Providers};
use strata_model::{
    Address, AttributePath, Diagnostic, Diagnostics, InstanceKey, Name, Scope as ScopeAddress,
    ScopeKind, ScopeStep, Span, Timestamp, Type, Value,
};

use strata_language::definition::{InstanceKind, ResourceId};

use self::expand::Expansion;
use self::graph::{Graph, NodeId, NodeKind, PathId};
use self::layer::Rendered;
use self::view::{Each, View};
use crate::code;

/// A package instance's position in [`World::scopes`].
pub(crate) type ScopeIx = usize;

/// A resource, or a whole block, that a value was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dep {
    pub(crate) node: NodeId,
    pub(crate) scope: ScopeIx,
    /// Position of the instance in its block; `None` for all of them.
    pub(crate) instance: Option<u32>,
}

/// One package instance.
#[derive(Debug)]
pub(crate) struct ScopeInstance {
    pub(crate) path: PathId,
    pub(crate) address: ScopeAddress,
    pub(crate) parent: Option<ScopeIx>,
    /// Key and value of the block's instance.
    pub(crate) each: Option<Each>,
    /// What the block's `depends_on` and those around it name.
    pub(crate) depends_on: Vec<Dep>,
}

/// A value and the resources that it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) value: Value,
    pub(crate) deps: Vec<Dep>,
}

/// One instance of a resource block.
#[derive(Debug, Clone)]
pub(crate) struct ResourceInstance {
    pub(crate) each: Option<Each>,
    pub(crate) value: Value,
}

/// The instances of a resource block in one package instance.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) expansion: Expansion,
    pub(crate) instances: Vec<ResourceInstance>,
}

impl Block {
    /// The position of a key.
    pub(crate) fn position(&self, key: Option<&InstanceKey>) -> Option<usize> {
        self.instances
            .binary_search_by(|instance| instance.each.as_ref().map(|each| &each.key).cmp(&key))
            .ok()
    }
}

/// What a node has in one package instance.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Empty,
    Value(Known),
    Block(Block),
    /// `None` when the configuration is not wholly known.
    Provider(Option<ProviderConfig>, Vec<Dep>),
    /// What a layer says; nothing where that is wrong.
    Layer(Arc<Rendered>),
}

/// What a run was given from outside.
#[derive(Debug, Clone)]
pub(crate) struct Outside<'a> {
    pub(crate) variables: &'a BTreeMap<Name, Value>,
    pub(crate) providers: &'a Providers,
    pub(crate) trees: &'a BTreeMap<std::sync::Arc<str>, std::sync::Arc<dyn SourceTree>>,
    pub(crate) project_name: &'a str,
    pub(crate) plan_timestamp: Option<Timestamp>,
    /// Variables without a value are unknown: for `validate`.
    pub(crate) variables_may_miss: bool,
    /// Counts may be unknown: where nothing is read, or not every variable has a value.
    pub(crate) lenient: bool,
}

/// The world.
pub(crate) struct World<'a> {
    pub(crate) graph: &'a Graph<'a>,
    pub(crate) outside: Outside<'a>,
    pub(crate) budget: Budget,
    pub(crate) scopes: Vec<ScopeInstance>,
    /// The instances of each path, in the order of their keys.
    pub(crate) by_path: Vec<Vec<ScopeIx>>,
    /// For each scope its position in `by_path`.
    ordinal: Vec<usize>,
    /// Per node, per position in its path.
    slots: Vec<Vec<Slot>>,
    /// The nodes whose values are not known because something is wrong, there or with what they need.
    faulty: Vec<bool>,
    /// The paths, with the instance of the parent, whose instances are known.
    opened: BTreeSet<(PathId, ScopeIx)>,
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("nodes", &self.graph.nodes.len())
            .field("scopes", &self.scopes.len())
            .finish()
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(graph: &'a Graph<'a>, outside: Outside<'a>) -> Self {
        World {
            graph,
            outside,
            budget: Budget::new(graph.nodes.len() as u64),
            scopes: Vec::new(),
            by_path: vec![Vec::new(); graph.paths.len()],
            ordinal: Vec::new(),
            slots: vec![Vec::new(); graph.nodes.len()],
            faulty: (0..graph.nodes.len())
                .map(|node| graph.faulty.contains(&node))
                .collect(),
            opened: BTreeSet::new(),
        }
    }

    /// Takes note of a node that was evaluated: it is faulty if it gave errors, or if what it needs is.
    pub(crate) fn settle(&mut self, node: NodeId, has_errors: bool) {
        let needs = &self.graph.needs[node];
        self.faulty[node] |= has_errors || needs.iter().any(|need| self.faulty[*need]);
    }

    /// Whether the value of a node may be unknown only because something is wrong.
    pub(crate) fn is_faulty(&self, node: NodeId) -> bool {
        let needs = &self.graph.needs[node];
        self.budget.is_exceeded()
            || self.faulty[node]
            || needs.iter().any(|need| self.faulty[*need])
    }

    /// Whether the instances of a path are known, in an instance of its parent.
    pub(crate) fn is_opened(&self, path: PathId, parent: ScopeIx) -> bool {
        self.opened.contains(&(path, parent))
    }

    /// What a node has in a package instance of its path.
    pub(crate) fn slot(&self, node: NodeId, scope: ScopeIx) -> &Slot {
        self.slots[node]
            .get(self.ordinal[scope])
            .unwrap_or(&Slot::Empty)
    }

    /// Sets what a node has.
    pub(crate) fn set(&mut self, node: NodeId, scope: ScopeIx, slot: Slot) {
        let at = self.ordinal[scope];
        let count = self.by_path[self.graph.nodes[node].path].len();
        let slots = &mut self.slots[node];
        if slots.len() < count {
            // Most have one: growth in steps would keep room for three more.
            slots.reserve_exact(count - slots.len());
            slots.resize(count, Slot::Empty);
        }
        slots[at] = slot;
    }

    /// The instances of a resource block.
    pub(crate) fn block(&self, node: NodeId, scope: ScopeIx) -> Option<&Block> {
        match self.slot(node, scope) {
            Slot::Block(block) => Some(block),
            Slot::Empty | Slot::Value(_) | Slot::Provider(..) | Slot::Layer(_) => None,
        }
    }

    /// Replaces the value of one resource instance.
    pub(crate) fn set_instance(&mut self, node: NodeId, scope: ScopeIx, at: usize, value: Value) {
        let ordinal = self.ordinal[scope];
        if let Some(Slot::Block(block)) = self.slots[node].get_mut(ordinal)
            && let Some(instance) = block.instances.get_mut(at)
        {
            instance.value = value;
        }
    }

    /// Gives the instances of a block the keys and values that its `for_each` has by now. It makes no instances.
    pub(crate) fn set_eaches(&mut self, node: NodeId, scope: ScopeIx, eaches: &[Option<Each>]) {
        let ordinal = self.ordinal[scope];
        let Some(Slot::Block(block)) = self.slots[node].get_mut(ordinal) else {
            return;
        };
        for instance in &mut block.instances {
            renew(&mut instance.each, eaches);
        }
    }

    /// Gives the instances of a package the keys and values that the `for_each` of their block has by now.
    pub(crate) fn set_scope_eaches(
        &mut self,
        path: PathId,
        parent: ScopeIx,
        eaches: &[Option<Each>],
    ) {
        for scope in &self.by_path[path] {
            let instance = &mut self.scopes[*scope];
            if instance.parent == Some(parent) {
                renew(&mut instance.each, eaches);
            }
        }
    }

    /// The address of a resource instance.
    pub(crate) fn address(
        &self,
        id: &ResourceId,
        scope: ScopeIx,
        key: Option<&InstanceKey>,
    ) -> Address {
        Address {
            scope: self.scopes[scope].address.clone(),
            mode: id.mode,
            resource_type: id.resource_type.clone(),
            name: id.name.clone(),
            key: key.cloned(),
        }
    }

    /// The address of a dependency, for a row.
    pub(crate) fn dep_address(&self, dep: &Dep) -> Option<Address> {
        let block = self.graph.declaring_block(dep.node)?;
        if let (NodeKind::Stage(_, stage), None) = (&self.graph.nodes[dep.node].kind, dep.instance)
        {
            return Some(self.address(&block.id, dep.scope, Some(&layer::stage_key(*stage))));
        }
        let key = dep
            .instance
            .and_then(|at| {
                self.block(dep.node, dep.scope)?
                    .instances
                    .get(at as usize)?
                    .each
                    .as_ref()
            })
            .map(|each| each.key.clone());
        Some(self.address(&block.id, dep.scope, key.as_ref()))
    }

    /// The file tree of a path's package.
    pub(crate) fn tree(&self, path: PathId) -> Option<&dyn SourceTree> {
        self.outside
            .trees
            .get(&self.graph.paths[path].package.key)
            .map(AsRef::as_ref)
    }

    /// An evaluator that sees what `view` sees.
    pub(crate) fn evaluator<'v>(&'v self, view: &'v View<'v>) -> Evaluator<'v> {
        Evaluator {
            scope: view,
            files: self.tree(self.scopes[view.scope].path),
            budget: &self.budget,
            plan_timestamp: self.outside.plan_timestamp,
        }
    }

    /// Adds a package instance; instances of one path come in the order of their keys.
    pub(crate) fn add_scope(
        &mut self,
        path: PathId,
        parent: Option<ScopeIx>,
        each: Option<Each>,
        depends_on: Vec<Dep>,
    ) -> ScopeIx {
        let address = match (parent, self.graph.paths[path].block) {
            (Some(parent), Some(block)) => self.scopes[parent].address.join(ScopeStep {
                kind: scope_kind(block.kind),
                name: block.name.clone(),
                key: each.as_ref().map(|each| each.key.clone()),
            }),
            _ => ScopeAddress::root(),
        };
        let scope = self.scopes.len();
        self.scopes.push(ScopeInstance {
            path,
            address,
            parent,
            each,
            depends_on,
        });
        self.ordinal.push(self.by_path[path].len());
        self.by_path[path].push(scope);
        scope
    }

    /// Evaluates a node that is no resource in all instances of its path.
    pub(crate) fn evaluate_pure(&mut self, node: NodeId, diagnostics: &mut Diagnostics) {
        let path = self.graph.nodes[node].path;
        if matches!(self.graph.nodes[node].kind, NodeKind::Open) {
            self.open(path, diagnostics);
            return;
        }
        for scope in self.by_path[path].clone() {
            self.evaluate_pure_in(node, scope, diagnostics);
        }
    }

    /// Evaluates a node that is no resource in one package instance.
    pub(crate) fn evaluate_pure_in(
        &mut self,
        node: NodeId,
        scope: ScopeIx,
        diagnostics: &mut Diagnostics,
    ) {
        let slot = match &self.graph.nodes[node].kind {
            NodeKind::Open | NodeKind::Close | NodeKind::Resource(_) | NodeKind::Stage(..) => {
                return;
            }
            NodeKind::Layer(layer) => self.render(*layer, scope, diagnostics),
            NodeKind::Variable(name) => Slot::Value(self.variable(scope, name, diagnostics)),
            NodeKind::Local(expr) => {
                let view = View::new(self, scope);
                let value = self.evaluator(&view).evaluate(expr, diagnostics);
                Slot::Value(Known {
                    value,
                    deps: view.into_deps(),
                })
            }
            NodeKind::Provider(block) => self.provider(scope, block, diagnostics),
            NodeKind::Output(name) => Slot::Value(self.output(scope, name, diagnostics)),
        };
        self.set(node, scope, slot);
    }

    fn output(&self, scope: ScopeIx, name: &Name, diagnostics: &mut Diagnostics) -> Known {
        let path = self.scopes[scope].path;
        let Some(block) = self.graph.paths[path].package.outputs.get(name) else {
            return Known {
                value: Value::null(),
                deps: Vec::new(),
            };
        };
        let view = View::new(self, scope);
        let evaluator = self.evaluator(&view);
        for condition in &block.preconditions {
            view::check_condition(&evaluator, condition, None, diagnostics);
        }
        let value = evaluator.evaluate(&block.value, diagnostics);
        view.touch_all(&self.resolve_depends_on(scope, &block.depends_on));
        let value = if block.sensitive {
            value.into_secret()
        } else {
            value
        };
        Known {
            value,
            deps: view.into_deps(),
        }
    }

    fn unknown_provider(
        &self,
        name: &strata_model::provider::ProviderName,
        span: Span,
    ) -> Diagnostic {
        let known: Vec<&str> = self
            .outside
            .providers
            .iter()
            .map(|provider| provider.name().0.as_ref())
            .collect();
        let detail = format!("There is no provider {name}.");
        let diagnostic = Diagnostic::error(code::UNKNOWN_TYPE, "Unknown provider", detail).at(span);
        match strata_language::suggest::nearest(&name.0, known.iter().copied()) {
            Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
            None => diagnostic.hint(format!("There are {}.", known.join(", "))),
        }
    }

    fn provider(
        &self,
        scope: ScopeIx,
        block: &strata_language::definition::ProviderBlock,
        diagnostics: &mut Diagnostics,
    ) -> Slot {
        let name = strata_model::provider::ProviderName(block.name.clone());
        let Some(provider) = self.outside.providers.get(&name) else {
            diagnostics.push(self.unknown_provider(&name, block.span));
            return Slot::Provider(None, Vec::new());
        };
        let view = View::new(self, scope);
        let config = self.evaluator(&view).evaluate_arguments(
            &block.arguments,
            provider.config_schema(),
            block.span,
            diagnostics,
        );
        let request = strata_model::provider::ValidateRequest {
            resource_type: None,
            config: &config,
        };
        for fault in provider
            .validate(request)
            .into_iter()
            .chain(secret_faults(&config))
        {
            diagnostics.push(view::argument_fault(&fault, &block.arguments, block.span));
        }
        if let Some(host) = self.host_dep(block) {
            view.touch_all(&[host]);
        }
        Slot::Provider(provider_config(name, &config), view.into_deps())
    }
}

/// What is wrong with secrets among the arguments of a provider: its configuration is recorded as it is.
fn secret_faults(config: &Value) -> Vec<ArgumentFault> {
    const MESSAGE: &str = "must hold no secret: how a connection is configured is recorded with each of its objects. \
                           If it may be read there, say nonsensitive(...).";
    let members = config.members().into_iter().flatten();
    let secret = members.filter(|(_, value)| value.has_secret());
    let fault = |(name, _): (&Arc<str>, &Value)| ArgumentFault {
        path: AttributePath::attribute(name.clone()),
        message: MESSAGE.to_owned(),
    };
    secret.map(fault).collect()
}

/// The configuration of a provider; `None` while anything in it is unknown.
pub(crate) fn provider_config(
    provider: strata_model::provider::ProviderName,
    config: &Value,
) -> Option<ProviderConfig> {
    if config.has_unknown() {
        return None;
    }
    let members = config
        .members()?
        .iter()
        .filter(|(_, value)| !value.is_null() && !value.has_secret());
    Some(ProviderConfig {
        provider,
        values: members
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect(),
    })
}

/// The scope kind of a block kind.
pub(crate) fn scope_kind(kind: InstanceKind) -> ScopeKind {
    match kind {
        InstanceKind::Cluster => ScopeKind::Cluster,
        InstanceKind::Stack => ScopeKind::Stack,
    }
}

/// The value of a block whose instances are `values`, as an expression sees it.
pub(crate) fn collect(
    expansion: Expansion,
    values: impl Iterator<Item = (Option<Each>, Value)>,
) -> Value {
    let mut values = values;
    match expansion {
        Expansion::Single => values.next().map_or_else(Value::null, |(_, value)| value),
        Expansion::Count => Value::tuple(values.map(|(_, value)| value).collect()),
        Expansion::ForEach => Value::object(values.filter_map(|(each, value)| match each?.key {
            InstanceKey::Text(key) => Some((key, value)),
            InstanceKey::Index(_) => None,
        })),
        Expansion::Unknown => Value::unknown(Type::Any),
    }
}

/// The value that goes with a key by now.
fn renew(each: &mut Option<Each>, eaches: &[Option<Each>]) {
    let Some(each) = each else { return };
    let now = eaches.binary_search_by(|now| now.as_ref().map(|now| &now.key).cmp(&Some(&each.key)));
    if let Some(Some(now)) = now.ok().map(|at| &eaches[at]) {
        each.value = now.value.clone();
    }
}
