//! Re-evaluation during apply: the [`Resolver`] of a plan.
//!
//! It builds the same world that planning saw, from the plan and the rows, and evaluates with the same code. It makes
//! no decisions: what was known in the plan must come back equal, and a change may only become smaller.

mod compare;
mod inputs;
mod layer;
mod renewal;
mod secrets;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_language::definition::{Definitions, ResourceBlock};
use strata_model::plan::{Action, Plan, Reason, Step};
use strata_model::provider::{Observation, PlanRequest, Provider, ProviderConfig, Providers};
use strata_model::schema::ResourceSchema;
use strata_model::state::{RowKey, StateRow, StateSnapshot, StoredOutput};
use strata_model::wire::Encoded;
use strata_model::{Address, Diagnostic, Diagnostics, Mode, Name, SecretKey, Type, Value};

use self::compare::{differs, first_unknown, needs_evaluation, restore};
pub use self::secrets::secrets_to_read;
pub use self::variables::check_variables;
use crate::code;
use crate::plan::Trees;
use crate::resolve::{ResolveError, Resolved, Resolver};
use crate::world::graph::layers::Manifests;
use crate::world::graph::{Graph, NodeId, NodeKind};
use crate::world::view::{Each, View, check_condition};
use crate::world::{Block, Outside, ResourceInstance, ScopeIx, Slot, World};

/// The graph of a plan's definitions; it outlives the [`Replay`] that works on it.
#[derive(Debug)]
pub struct DefinitionGraph<'d>(Graph<'d>);

impl<'d> DefinitionGraph<'d> {
    /// Builds the graph of definitions that made a plan once. The trees hold the manifests of layers, which the
    /// providers read.
    ///
    /// # Errors
    ///
    /// What is wrong with them; definitions that made a plan have nothing wrong.
    pub fn build(
        definitions: &'d Definitions,
        trees: &Trees,
        providers: &Providers,
    ) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let manifests = Manifests { trees, providers };
        match Graph::build(definitions, manifests, &mut diagnostics) {
            Some(graph) if !diagnostics.has_errors() => Ok(DefinitionGraph(graph)),
            Some(_) | None => Err(diagnostics),
        }
    }
}

/// What a replay works from.
#[derive(Debug, Clone, Copy)]
pub struct ReplayInput<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The rows when the run begins, secrets included.
    pub snapshot: &'a StateSnapshot,
    /// The steps that an earlier run of this plan has done.
    pub done: &'a [u32],
    /// Values of the project's variables, secret ones supplied again.
    pub variables: &'a BTreeMap<Name, Value>,
    /// The project's name.
    pub project_name: &'a str,
    /// The packages' files.
    pub trees: &'a Trees,
    /// The providers.
    pub providers: &'a Providers,
    /// The key of fingerprints.
    pub key: &'a SecretKey,
    /// What was read again of the data sources that [`secrets_to_read`] named.
    pub told: &'a BTreeMap<Address, Observation>,
}

/// Where an address stands in the graph.
#[derive(Debug, Clone, Copy)]
struct Place {
    node: NodeId,
    scope: ScopeIx,
    at: usize,
}

/// The resolver of a plan.
pub struct Replay<'a> {
    input: ReplayInput<'a>,
    world: World<'a>,
    places: BTreeMap<Address, Place>,
    /// The address before, of each that the plan moves.
    moved: BTreeMap<&'a Address, &'a Address>,
    /// The keys of deposed objects that the plan takes back.
    taken_back: BTreeMap<&'a Address, RowKey>,
    /// Objects as they are now, by key.
    objects: BTreeMap<RowKey, Value>,
    users: Vec<Vec<NodeId>>,
    rank: Vec<usize>,
    pure_users: BTreeMap<NodeId, Arc<[NodeId]>>,
    pure_needs: BTreeMap<NodeId, Arc<[NodeId]>>,
    /// Nodes to evaluate again before they are looked at.
    dirty: BTreeSet<(NodeId, ScopeIx)>,
    /// Postconditions that turned out not to hold.
    failed: Diagnostics,
    /// Why the secrets of some data sources are missing.
    missing: BTreeMap<Address, String>,
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

fn moves_of(plan: &Plan) -> BTreeMap<&Address, &Address> {
    let steps = plan.steps.iter();
    steps
        .filter_map(|step| Some((&step.key.address, step.moved_from.as_ref()?)))
        .collect()
}

/// Once that is done nothing has these keys any more.
fn taken_back_by(plan: &Plan) -> BTreeMap<&Address, RowKey> {
    let steps = plan.steps.iter();
    let keys = steps.filter_map(|step| {
        let address = &step.key.address;
        let key = RowKey {
            address: address.clone(),
            deposed: Some(step.taken_back?.deposed),
        };
        Some((address, key))
    });
    keys.collect()
}

impl<'a> Replay<'a> {
    /// Builds the world of a plan.
    ///
    /// # Errors
    ///
    /// When definitions that could be evaluated for the plan no longer can.
    pub fn new(
        graph: &'a DefinitionGraph<'a>,
        input: ReplayInput<'a>,
    ) -> Result<Self, Diagnostics> {
        let (replay, diagnostics) = Self::build(graph, input);
        match (diagnostics.has_errors(), replay.missing.is_empty()) {
            (false, _) => Ok(replay),
            (true, true) => Err(diagnostics),
            // Which instances there are may go by what is missing.
            (true, false) => Err(replay.why_not()),
        }
    }

    /// The world as far as it can be built, and what is wrong with it.
    fn build(graph: &'a DefinitionGraph<'a>, input: ReplayInput<'a>) -> (Self, Diagnostics) {
        let graph = &graph.0;
        let outside = Outside {
            variables: input.variables,
            providers: input.providers,
            trees: input.trees,
            project_name: input.project_name,
            plan_timestamp: Some(input.plan.created_at),
            variables_may_miss: false,
            lenient: false,
        };
        let mut users = vec![Vec::new(); graph.nodes.len()];
        for (node, needs) in graph.needs.iter().enumerate() {
            needs.iter().for_each(|need| users[*need].push(node));
        }
        let mut rank = vec![0; graph.nodes.len()];
        graph
            .order
            .iter()
            .enumerate()
            .for_each(|(at, node)| rank[*node] = at);
        let mut replay = Replay {
            input,
            world: World::new(graph, outside),
            places: BTreeMap::new(),
            moved: moves_of(input.plan),
            taken_back: taken_back_by(input.plan),
            objects: BTreeMap::new(),
            users,
            rank,
            pure_users: BTreeMap::new(),
            pure_needs: BTreeMap::new(),
            dirty: BTreeSet::new(),
            failed: Diagnostics::new(),
            missing: BTreeMap::new(),
        };
        let mut diagnostics = Diagnostics::new();
        replay.fill(&mut diagnostics);
        (replay, diagnostics)
    }

    fn fill(&mut self, diagnostics: &mut Diagnostics) {
        let graph = self.world.graph;
        let steps = self.last_steps();
        for node in &graph.order {
            match &graph.nodes[*node].kind {
                NodeKind::Resource(block) => self.fill_block(*node, block, &steps, diagnostics),
                NodeKind::Stage(layer, stage) => self.fill_stage(*node, (*layer, *stage), &steps),
                NodeKind::Open
                | NodeKind::Close
                | NodeKind::Variable(_)
                | NodeKind::Local(_)
                | NodeKind::Provider(_)
                | NodeKind::Layer(_)
                | NodeKind::Output(_) => self.world.evaluate_pure(*node, diagnostics),
            }
        }
    }

    /// For each address the last step that says what its object will be, unless it is done already.
    fn last_steps(&self) -> BTreeMap<&'a Address, &'a Step> {
        let makes = |step: &&Step| {
            step.key.deposed.is_none()
                && step.planned.is_some()
                && !self.input.done.contains(&step.number)
                && matches!(
                    step.action,
                    Action::Create
                        | Action::Update
                        | Action::Read
                        | Action::Import
                        | Action::Record
                )
        };
        self.input
            .plan
            .steps
            .iter()
            .filter(makes)
            .map(|step| (&step.key.address, step))
            .collect()
    }

    fn fill_block(
        &mut self,
        node: NodeId,
        block: &'a ResourceBlock,
        steps: &BTreeMap<&'a Address, &'a Step>,
        diagnostics: &mut Diagnostics,
    ) {
        for scope in self.world.by_path[self.world.graph.nodes[node].path].clone() {
            let (expansion, eaches, _) = self.world.expand(node, scope, &block.meta, diagnostics);
            let mut filled = Block {
                expansion,
                instances: Vec::with_capacity(eaches.len()),
            };
            for (at, each) in eaches.into_iter().enumerate() {
                let address =
                    self.world
                        .address(&block.id, scope, each.as_ref().map(|each| &each.key));
                let value = self.initial(&address, steps);
                self.places.insert(address, Place { node, scope, at });
                filled.instances.push(ResourceInstance { each, value });
            }
            self.world.set(node, scope, Slot::Block(filled));
        }
    }

    fn initial(&mut self, address: &Address, steps: &BTreeMap<&'a Address, &'a Step>) -> Value {
        let Some((provider, schema)) = self
            .input
            .providers
            .schema(address.mode, &address.resource_type)
        else {
            return Value::unknown(Type::Any);
        };
        let ty = schema.schema.object_type();
        let key = RowKey::current(address.clone());
        let row = self
            .row_taken_back(address)
            .or_else(|| self.input.snapshot.rows.get(&key))
            .or_else(|| self.row_before_move(address));
        let recorded =
            row.and_then(|row| crate::plan::decode_row(row, schema, provider.as_ref()).ok());
        if let Some(value) = &recorded {
            self.objects.insert(key, value.clone());
        }
        if let Some(step) = steps.get(address)
            && let Some(planned) = step
                .planned
                .as_ref()
                .and_then(|planned| planned.decode(ty).ok())
        {
            let encoded = step.planned.as_ref();
            return match (recorded, encoded) {
                (Some(recorded), Some(encoded)) => {
                    restore(&planned, encoded, &recorded, self.input.key)
                }
                _ => planned,
            };
        }
        if address.mode == Mode::Data {
            let planned = self.planned_data(address, ty);
            return planned.unwrap_or_else(|| Value::unknown(ty.clone()));
        }
        recorded.unwrap_or_else(|| Value::unknown(ty.clone()))
    }

    /// The row of a deposed object that the plan takes back and has not yet.
    fn row_taken_back(&self, address: &Address) -> Option<&'a StateRow> {
        self.input.snapshot.rows.get(self.taken_back.get(address)?)
    }

    fn row_before_move(&self, address: &Address) -> Option<&'a StateRow> {
        let from = (*self.moved.get(address)?).clone();
        self.input.snapshot.rows.get(&RowKey::current(from))
    }

    fn schema(&self, address: &Address) -> Option<(&'a Arc<dyn Provider>, &'a ResourceSchema)> {
        self.input
            .providers
            .schema(address.mode, &address.resource_type)
    }

    /// The object of a step as the plan saw it before, its secrets put back.
    fn before(&self, step: &Step, schema: &ResourceSchema) -> Option<Value> {
        let object = self.objects.get(&RowKey::current(step.key.address.clone()));
        let object = self.objects.get(&step.key).or(object);
        let decoded = step.before.as_ref().and_then(|before| {
            let value = before.decode(schema.schema.object_type()).ok()?;
            Some(match object {
                Some(object) => restore(&value, before, object, self.input.key),
                None => value,
            })
        });
        decoded.or_else(|| object.cloned())
    }

    fn provider_of(&self, step: &Step, place: Option<Place>) -> Option<ProviderConfig> {
        let recorded = step.provider.clone();
        recorded.or_else(|| self.connection_of(place?))
    }

    /// The connection of what a node declares, as far as it is known.
    fn connection_of(&self, place: Place) -> Option<ProviderConfig> {
        if let NodeKind::Stage(layer, _) = self.world.graph.nodes[place.node].kind
            && let Some(rendered) = self.world.rendered(layer, place.scope)
            && let Some(cluster) = &rendered.cluster
        {
            return Some(cluster.clone());
        }
        let node = *self.world.graph.provider_of.get(&place.node)?;
        let path = self.world.graph.nodes[node].path;
        let scope = self.ancestor(place.scope, path)?;
        match self.world.slot(node, scope) {
            Slot::Provider(config, _) => config.clone(),
            Slot::Empty | Slot::Value(_) | Slot::Block(_) | Slot::Layer(_) => None,
        }
    }

    fn ancestor(&self, scope: ScopeIx, path: usize) -> Option<ScopeIx> {
        std::iter::successors(Some(scope), |scope| self.world.scopes[*scope].parent)
            .find(|scope| self.world.scopes[*scope].path == path)
    }

    /// Evaluates again what a node looks at and what has changed since.
    fn refresh_needs(&mut self, node: NodeId, diagnostics: &mut Diagnostics) {
        if self.dirty.is_empty() {
            return;
        }
        for need in self.pure_needs_of(node).iter() {
            let stale: Vec<ScopeIx> = self
                .dirty
                .range((*need, 0)..=(*need, ScopeIx::MAX))
                .map(|(_, scope)| *scope)
                .collect();
            for scope in stale {
                self.dirty.remove(&(*need, scope));
                self.refresh_scope_each(*need, scope, diagnostics);
                self.world.evaluate_pure_in(*need, scope, diagnostics);
            }
        }
    }

    fn is_pure(&self, node: NodeId) -> bool {
        match self.world.graph.nodes[node].kind {
            NodeKind::Variable(_)
            | NodeKind::Local(_)
            | NodeKind::Provider(_)
            | NodeKind::Output(_) => true,
            NodeKind::Open
            | NodeKind::Close
            | NodeKind::Resource(_)
            | NodeKind::Layer(_)
            | NodeKind::Stage(..) => false,
        }
    }

    fn pure_needs_of(&mut self, node: NodeId) -> Arc<[NodeId]> {
        if let Some(known) = self.pure_needs.get(&node) {
            return known.clone();
        }
        let found = self.reach(node, |at| &self.world.graph.needs[at]);
        self.pure_needs.insert(node, found.clone());
        found
    }

    fn pure_users_of(&mut self, node: NodeId) -> Arc<[NodeId]> {
        if let Some(known) = self.pure_users.get(&node) {
            return known.clone();
        }
        let found = self.reach(node, |at| &self.users[at]);
        self.pure_users.insert(node, found.clone());
        found
    }

    /// The pure nodes that a node reaches without passing a resource, in the order of evaluation. It passes where
    /// packages are opened: an input is made from what `for_each` of its package's block is made from.
    fn reach<'s>(
        &'s self,
        node: NodeId,
        next: impl Fn(NodeId) -> &'s Vec<NodeId>,
    ) -> Arc<[NodeId]> {
        let mut found: BTreeSet<NodeId> = BTreeSet::new();
        let mut queue = vec![node];
        while let Some(at) = queue.pop() {
            for other in next(at) {
                let opens = matches!(self.world.graph.nodes[*other].kind, NodeKind::Open);
                if (opens || self.is_pure(*other)) && found.insert(*other) {
                    queue.push(*other);
                }
            }
        }
        let mut found: Vec<NodeId> = found
            .into_iter()
            .filter(|node| self.is_pure(*node))
            .collect();
        found.sort_by_key(|node| self.rank[*node]);
        found.into()
    }

    fn mark_users(&mut self, place: Place) {
        let own = self.world.graph.nodes[place.node].path;
        for user in self.pure_users_of(place.node).iter() {
            let path = self.world.graph.nodes[*user].path;
            match if path == own {
                Some(place.scope)
            } else {
                self.ancestor(place.scope, path)
            } {
                Some(scope) => {
                    self.dirty.insert((*user, scope));
                }
                None => self
                    .dirty
                    .extend(self.world.by_path[path].iter().map(|scope| (*user, *scope))),
            }
        }
    }

    fn evaluate(&mut self, step: &Step, place: Place) -> Result<Value, ResolveError> {
        let mut diagnostics = Diagnostics::new();
        self.refresh_needs(place.node, &mut diagnostics);
        if let NodeKind::Stage(layer, _) = self.world.graph.nodes[place.node].kind {
            return self.evaluate_member(step, (place, layer), diagnostics);
        }
        let config = self.arguments(&step.key.address, place, &mut diagnostics);
        match config {
            Some(config) if !diagnostics.has_errors() => Ok(config),
            Some(_) | None => Err(ResolveError::Invalid(diagnostics)),
        }
    }

    /// The arguments of an instance, and what is wrong with them or with the conditions that come before it; `None` for
    /// what is no resource.
    fn arguments(
        &mut self,
        address: &Address,
        place: Place,
        diagnostics: &mut Diagnostics,
    ) -> Option<Value> {
        self.refresh_each(place, diagnostics);
        let NodeKind::Resource(block) = &self.world.graph.nodes[place.node].kind else {
            return None;
        };
        let (_, schema) = self.schema(address)?;
        let view = View::with_each(&self.world, place.scope, self.each(place));
        let evaluator = self.world.evaluator(&view);
        for condition in &block.meta.lifecycle.preconditions {
            check_condition(&evaluator, condition, None, diagnostics);
        }
        let span = block.span;
        Some(evaluator.evaluate_arguments(&block.arguments, &schema.schema, span, diagnostics))
    }

    fn each(&self, place: Place) -> Option<Each> {
        self.world
            .block(place.node, place.scope)?
            .instances
            .get(place.at)?
            .each
            .clone()
    }

    fn change(&mut self, step: &Step) -> Result<Resolved, ResolveError> {
        let place = self.places.get(&step.key.address).copied();
        let Some((provider, schema)) = self.schema(&step.key.address) else {
            return Err(exceeds(step, "no provider has its type"));
        };
        let ty = schema.schema.object_type();
        let prior = if step.action == Action::Create {
            None
        } else {
            self.before(step, schema)
        };
        let Some(encoded) = &step.planned else {
            return Err(exceeds(step, "the plan does not say what it makes"));
        };
        let planned = encoded
            .decode(ty)
            .map_err(|error| exceeds(step, &error.to_string()))?;
        if let (false, Some(config)) = (needs_evaluation(encoded, schema), step.provider.clone()) {
            return Ok(Resolved::Change {
                prior,
                planned,
                provider: config,
            });
        }
        let Some(place) = place else {
            return Err(exceeds(step, "it is not declared"));
        };
        let config = self.evaluate(step, place)?;
        // All that it needs is done. Nothing is sent that is only half known.
        if let Some(path) = first_unknown(&config) {
            let why = self.missing_secret(place.node);
            return Err(exceeds(
                step,
                &why.unwrap_or_else(|| format!("{path} is still not known")),
            ));
        }
        let Some(connection) = self.provider_of(step, Some(place)) else {
            return Err(exceeds(
                step,
                "the provider's configuration is still not known",
            ));
        };
        let Some(block) = self.world.graph.declaring_block(place.node) else {
            return Err(exceeds(step, "it is not declared"));
        };
        let config = match &prior {
            Some(prior) => crate::plan::ignore_changes(
                &block.meta.lifecycle.ignore_changes,
                schema,
                prior,
                &config,
            ),
            None => config,
        };
        let request = PlanRequest {
            resource_type: schema.name,
            prior: prior.as_ref(),
            config: &config,
            provider: Some(&connection),
        };
        let change = provider
            .plan_change(request)
            .map_err(|error| exceeds(step, &error.message))?;
        if prior.is_some() && !change.replace.is_empty() {
            let paths: Vec<String> = change.replace.iter().map(ToString::to_string).collect();
            return Err(exceeds(
                step,
                &format!(
                    "it would have to be replaced because of {}",
                    paths.join(", ")
                ),
            ));
        }
        let stage = step.stage.as_ref().and_then(|label| {
            change
                .stages
                .into_iter()
                .find(|stage| stage.label == *label)
        });
        let actual = stage.map_or(change.planned, |stage| stage.planned);
        if let Some(path) = differs(&planned, &actual, encoded, self.input.key) {
            return Err(exceeds(
                step,
                &format!("{path} is no longer what was planned"),
            ));
        }
        if prior.as_ref() == Some(&actual) && step.reason == Reason::Changed {
            return Ok(Resolved::Nothing);
        }
        Ok(Resolved::Change {
            prior,
            planned: actual,
            provider: connection,
        })
    }

    fn record_step(&self, step: &Step) -> Result<Resolved, ResolveError> {
        let Some((_, schema)) = self.schema(&step.key.address) else {
            return Err(exceeds(step, "no provider has its type"));
        };
        let object = self.objects.get(&step.key).cloned();
        let planned = match (&step.planned, &object) {
            (Some(encoded), object) => {
                let value = encoded
                    .decode(schema.schema.object_type())
                    .map_err(|error| exceeds(step, &error.to_string()))?;
                match object {
                    Some(object) => restore(&value, encoded, object, self.input.key),
                    None => value,
                }
            }
            (None, Some(object)) => object.clone(),
            (None, None) => return Err(exceeds(step, "its row is gone")),
        };
        let place = self.places.get(&step.key.address).copied();
        let provider = self
            .provider_of(step, place)
            .ok_or_else(|| exceeds(step, "its provider is not known"))?;
        Ok(Resolved::Change {
            prior: object,
            planned,
            provider,
        })
    }

    fn delete(&self, step: &Step) -> Result<Resolved, ResolveError> {
        let Some((_, schema)) = self.schema(&step.key.address) else {
            return Err(exceeds(step, "no provider has its type"));
        };
        let row = self.input.snapshot.rows.get(&step.key);
        let provider = step
            .provider
            .clone()
            .or_else(|| row.map(|row| row.provider.clone()));
        if let (Some(_), Some(provider)) = (&step.import_id, &provider) {
            // A late create has no row: its id is all that is known of it.
            let attributes = schema.schema.attributes().iter();
            let planned = Value::object(
                attributes
                    .map(|(name, attribute)| (name.clone(), Value::null_of(attribute.ty.ty()))),
            );
            return Ok(Resolved::Change {
                prior: None,
                planned,
                provider: provider.clone(),
            });
        }
        match (self.before(step, schema), provider) {
            (Some(prior), Some(provider)) => Ok(Resolved::Change {
                planned: prior.clone(),
                prior: Some(prior),
                provider,
            }),
            (None, _) | (_, None) => Err(exceeds(step, "its row is gone")),
        }
    }
}

impl Resolver for Replay<'_> {
    fn resolve(&mut self, step: &Step) -> Result<Resolved, ResolveError> {
        match step.action {
            Action::Create | Action::Update => self.change(step),
            Action::Delete | Action::Forget => self.delete(step),
            Action::Record | Action::Import | Action::Move => self.record_step(step),
            Action::Read => {
                let place = self.places.get(&step.key.address).copied();
                let Some(place) = place else {
                    return Err(exceeds(step, "it is not declared"));
                };
                let config = self.evaluate(step, place)?;
                if config.has_unknown() {
                    return Err(exceeds(step, "its arguments are still not known"));
                }
                let provider = self.provider_of(step, Some(place));
                let provider = provider.ok_or_else(|| {
                    exceeds(step, "the provider's configuration is still not known")
                })?;
                Ok(Resolved::Read { config, provider })
            }
        }
    }

    fn record(&mut self, key: &RowKey, object: Option<&Value>) {
        match object {
            Some(value) => self.objects.insert(key.clone(), value.clone()),
            None => self.objects.remove(key),
        };
        if key.deposed.is_some() {
            return;
        }
        let (Some(place), Some(value)) = (self.places.get(&key.address).copied(), object) else {
            return;
        };
        self.world
            .set_instance(place.node, place.scope, place.at, value.clone());
        self.mark_users(place);
        self.postconditions(place, value);
    }

    fn record_stage(&mut self, key: &RowKey, object: &Value) {
        self.objects.insert(key.clone(), object.clone());
    }

    fn outputs(&mut self) -> (BTreeMap<String, StoredOutput>, Diagnostics) {
        self.forget_plans();
        let mut diagnostics = std::mem::take(&mut self.failed);
        let outputs = self.world.graph.paths[0].outputs.clone();
        let mut stored = BTreeMap::new();
        for (name, node) in outputs {
            self.refresh_needs(node, &mut diagnostics);
            if self.dirty.remove(&(node, 0)) {
                self.world.evaluate_pure_in(node, 0, &mut diagnostics);
            }
            let Slot::Value(known) = self.world.slot(node, 0) else {
                continue;
            };
            if known.value.has_unknown() {
                diagnostics.extend(self.missing_in_output(&name, node));
                continue;
            }
            let output = StoredOutput {
                value: Encoded::of(&known.value, &Type::Any),
                sensitive: known.value.has_secret(),
            };
            stored.insert(name.to_string(), output);
        }
        (stored, diagnostics)
    }
}

impl Replay<'_> {
    fn postconditions(&mut self, place: Place, value: &Value) {
        let NodeKind::Resource(block) = &self.world.graph.nodes[place.node].kind else {
            return;
        };
        if block.meta.lifecycle.postconditions.is_empty() {
            return;
        }
        let mut diagnostics = Diagnostics::new();
        self.refresh_needs(place.node, &mut diagnostics);
        self.refresh_each(place, &mut diagnostics);
        let mut view = View::with_each(&self.world, place.scope, self.each(place));
        view.set_self(value.clone());
        let evaluator = self.world.evaluator(&view);
        for condition in &block.meta.lifecycle.postconditions {
            check_condition(&evaluator, condition, None, &mut diagnostics);
        }
        self.failed.extend(diagnostics);
    }
}

fn exceeds(step: &Step, why: &str) -> ResolveError {
    let detail = format!("{} cannot be carried out as planned: {why}.", step.key);
    ResolveError::Exceeds(
        Diagnostic::error(code::EXCEEDS_PLAN, "More than was approved", detail)
            .about(&step.key)
            .hint("Nothing was changed by this step. Make a new plan and look at what it says now.")
            .into(),
    )
}
