//! The walk over the graph: every block is evaluated once, behind what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use strata_language::definition::ResourceBlock;
use strata_model::layer::LAYER_TYPE;
use strata_model::plan::PlanMode;
use strata_model::provider::ProviderConfig;
use strata_model::schema::ResourceSchema;
use strata_model::state::{RowKey, StateRow};
use strata_model::wire::Encoded;
use strata_model::{Address, Diagnostic, Diagnostics, InstanceKey, Mode, Span, Type, Value};

use super::change::{ChangeKind, InstanceChange};
use super::contradiction::{moved_and_declared, removed_and_declared, unknown_ignored};
use super::hosted::UnreachedHosts;
use super::judged::Judges;
use super::layer::{LayerObjects, former_objects};
use super::moved::Moves;
use super::recorded::{Recorded, decode_beside};
use super::select::Pattern;
use super::{Generated, PlanInput, PlanOutcome, ReadNeed};
use crate::code;
use crate::lookup::Lookup;
use crate::world::expand::Expansion;
use crate::world::graph::{Graph, NodeId, NodeKind};
use crate::world::view::Each;
use crate::world::{Block, Dep, Outside, ResourceInstance, ScopeIx, Slot, World};

/// The state of a planning walk.
pub(super) struct Planner<'a> {
    pub(super) input: PlanInput<'a>,
    pub(super) world: World<'a>,
    pub(super) diagnostics: Diagnostics,
    pub(super) needs: Vec<ReadNeed>,
    pub(super) generated: Vec<Generated>,
    /// Every declared managed instance, in the order of the walk.
    pub(super) changes: Vec<InstanceChange<'a>>,
    /// Where in `changes` those of a block in a package instance are.
    pub(super) change_of: Lookup<(NodeId, ScopeIx), Range<usize>>,
    pub(super) moves: Moves<'a>,
    /// The values of the rows that could be decoded; each is taken once.
    pub(super) recorded: Recorded,
    /// The rows that a declaration claims, by the place of the key that they have in the state.
    pub(super) claimed: Lookup<usize, ()>,
    /// Data sources that were read.
    pub(super) data: BTreeMap<String, Encoded>,
    /// Which nodes are replaced by creating first, their own wish or a dependent's.
    pub(super) create_first: Vec<bool>,
    pub(super) replace: Vec<Pattern>,
    /// The objects that this plan imports, by type and id, and what imports them.
    pub(super) imported: BTreeMap<(String, String), Vec<Imported>>,
    pub(super) layer_objects: LayerObjects,
    /// The recorded objects of layers by key.
    pub(super) former: BTreeMap<InstanceKey, Vec<(&'a RowKey, &'a StateRow)>>,
    pub(super) unreached: UnreachedHosts,
    pub(super) judges: Judges,
    /// The blocks of which an instance is put off, by node and package instance.
    pub(super) put_off: BTreeSet<(NodeId, ScopeIx)>,
    /// Whether the hosts of connections are new, where somebody has asked.
    pub(super) new_hosts: BTreeMap<String, bool>,
    /// The objects that are known by name and declared, by connection and id.
    pub(super) declared: BTreeMap<(String, String), Address>,
    /// Changes that providers refuse, of objects that stay as they are.
    pub(super) refused: Vec<(Address, Diagnostic)>,
    /// Why what is to be made could not be looked for: by the reason, one of the addresses, and how many there are.
    pub(super) not_looked_at: BTreeMap<String, (Address, usize)>,
    /// The addresses of all that is recorded, by connection and id, where somebody has asked.
    pub(super) recorded_ids: Option<BTreeMap<(String, &'a str), &'a Address>>,
}

/// Which declaration imports an object, by which access where that is known.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) provider: Option<ProviderConfig>,
    pub(super) address: Address,
    pub(super) declared: Span,
}

/// What the planning of one instance needs to know of its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) node: NodeId,
    pub(super) scope: ScopeIx,
    pub(super) block: &'a ResourceBlock,
    pub(super) provider: &'a std::sync::Arc<dyn strata_model::provider::Provider>,
    pub(super) schema: &'a ResourceSchema,
}

pub(super) fn plan(mut input: PlanInput<'_>) -> PlanOutcome {
    let mut diagnostics = Diagnostics::new();
    if input.options.mode == PlanMode::Destroy {
        return super::destroy::plan(input);
    }
    let (recorded, graph) = decode_beside(input.snapshot, input.providers, || {
        Graph::build(input.definitions, input.manifests(), &mut diagnostics)
    });
    let Some(graph) = graph else {
        return failed(diagnostics);
    };
    let variables_may_miss = input.validate_only;
    // With references that lead nowhere there will be no plan: nothing is read for one, and all else that is wrong with
    // the definitions is told with them.
    input.validate_only |= diagnostics.has_errors();
    let moves = Moves::collect(&graph, input.snapshot, &mut diagnostics);
    let replace = Pattern::parse_all(&input.options.replace, &mut diagnostics);
    let outside = Outside {
        variables: input.variables,
        providers: input.providers,
        trees: input.trees,
        project_name: input.project_name,
        plan_timestamp: Some(input.header.created_at),
        variables_may_miss,
        lenient: input.validate_only,
    };
    // The graph outlives the planner, which is dropped before it: the borrow is local to this call.
    let planner = Planner {
        input,
        world: World::new(&graph, outside),
        diagnostics,
        needs: Vec::new(),
        generated: Vec::new(),
        changes: Vec::with_capacity(input.snapshot.rows.len()),
        change_of: Lookup::with_capacity(graph.nodes.len()),
        moves,
        recorded,
        claimed: Lookup::with_capacity(input.snapshot.rows.len()),
        data: BTreeMap::new(),
        create_first: create_first(&graph),
        replace,
        imported: BTreeMap::new(),
        layer_objects: BTreeMap::new(),
        former: former_objects(input.snapshot.rows.iter()),
        unreached: BTreeMap::new(),
        judges: Judges::default(),
        put_off: BTreeSet::new(),
        new_hosts: BTreeMap::new(),
        declared: BTreeMap::new(),
        refused: Vec::new(),
        not_looked_at: BTreeMap::new(),
        recorded_ids: None,
    };
    planner.run()
}

fn failed(mut diagnostics: Diagnostics) -> PlanOutcome {
    diagnostics.sort();
    PlanOutcome {
        needs: Vec::new(),
        generated: Vec::new(),
        plan: None,
        refused: None,
        objects: Vec::new(),
        secret_files: BTreeSet::new(),
        diagnostics,
    }
}

/// `create_before_destroy` reaches what a block needs: a replacement that is created first needs replacements of its
/// own dependencies to be there first.
fn create_first(graph: &Graph<'_>) -> Vec<bool> {
    let mut first: Vec<bool> = graph
        .nodes
        .iter()
        .map(|node| match &node.kind {
            NodeKind::Resource(block) => block.meta.lifecycle.create_before_destroy == Some(true),
            NodeKind::Open
            | NodeKind::Close
            | NodeKind::Variable(_)
            | NodeKind::Local(_)
            | NodeKind::Provider(_)
            | NodeKind::Layer(_)
            | NodeKind::Stage(..)
            | NodeKind::Output(_) => false,
        })
        .collect();
    for node in graph.order.iter().rev() {
        if first[*node] {
            graph.needs[*node]
                .iter()
                .for_each(|need| first[*need] = true);
        }
    }
    first
}

fn unknown_type(input: &PlanInput<'_>, block: &ResourceBlock) -> Option<Diagnostic> {
    if *block.id.resource_type == *LAYER_TYPE {
        let detail = "A layer is no resource.";
        let diagnostic = Diagnostic::error(code::UNKNOWN_TYPE, "Unknown resource type", detail);
        return Some(diagnostic.at(block.span).hint(format!(
            "Write a block of its own: layer \"{}\" {{ path = \"…\" }}.",
            block.id.name
        )));
    }
    if input
        .providers
        .schema(block.id.mode, &block.id.resource_type)
        .is_some()
    {
        return None;
    }
    let names = input.providers.type_names(block.id.mode);
    let word = match block.id.mode {
        Mode::Managed => "resource type",
        Mode::Data => "data source",
    };
    let detail = format!("No provider has the {word} {}.", block.id.resource_type);
    let diagnostic =
        Diagnostic::error(code::UNKNOWN_TYPE, "Unknown resource type", detail).at(block.span);
    Some(
        match strata_language::suggest::nearest(&block.id.resource_type, names.iter().copied()) {
            Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
            None => diagnostic,
        },
    )
}

impl<'a> Planner<'a> {
    fn run(mut self) -> PlanOutcome {
        self.world.undeclared_inputs(&mut self.diagnostics);
        self.world.unused_attributes(&mut self.diagnostics);
        self.not_yet();
        let graph = self.world.graph;
        let mut of_providers = Diagnostics::new();
        for node in &graph.order {
            let errors = self.diagnostics.error_count();
            match &graph.nodes[*node].kind {
                NodeKind::Provider(_) => {
                    let mut found = Diagnostics::new();
                    self.world.evaluate_pure(*node, &mut found);
                    of_providers.extend(found.iter().cloned());
                    self.diagnostics.extend(found);
                }
                NodeKind::Resource(block) => self.resource(*node, block),
                NodeKind::Stage(layer, stage) => self.stage(*node, *layer, *stage),
                NodeKind::Open
                | NodeKind::Close
                | NodeKind::Variable(_)
                | NodeKind::Local(_)
                | NodeKind::Layer(_)
                | NodeKind::Output(_) => self.world.evaluate_pure(*node, &mut self.diagnostics),
            }
            let has_errors = self.diagnostics.error_count() > errors;
            self.world.settle(*node, has_errors);
        }
        self.layer_moves();
        self.checks();
        removed_and_declared(graph, &self.changes, &mut self.diagnostics);
        moved_and_declared(graph, &self.changes, &mut self.diagnostics);
        self.undeclared_imports();
        if !self.needs.is_empty() && of_providers.has_errors() {
            // Nothing is asked by settings that are wrong.
            return failed(of_providers);
        }
        if !self.needs.is_empty() {
            // What looks wrong now may only be unknown: it is judged when everything was read.
            return PlanOutcome {
                needs: self.needs,
                generated: Vec::new(),
                plan: None,
                refused: None,
                objects: Vec::new(),
                secret_files: BTreeSet::new(),
                diagnostics: Diagnostics::new(),
            };
        }
        if !self.generated.is_empty() && !self.diagnostics.has_errors() {
            self.refer();
            return PlanOutcome {
                generated: self.generated,
                ..failed(self.diagnostics)
            };
        }
        if self.input.validate_only {
            let mut found = std::mem::take(&mut self.diagnostics);
            self.output_values(&mut found);
            return failed(found);
        }
        self.warn_of_open_looks();
        if self.diagnostics.has_errors() {
            return failed(self.diagnostics);
        }
        super::assemble::assemble(self)
    }

    /// Says what this version cannot plan yet; nothing is left out silently.
    fn not_yet(&mut self) {
        for path in &self.world.graph.paths {
            let clusters = path
                .package
                .instances
                .values()
                .filter(|block| !block.gitops.is_empty());
            for block in clusters {
                self.diagnostics.push(gitops_not_yet(block.span));
            }
        }
    }

    fn checks(&mut self) {
        let graph = self.world.graph;
        for (path, node) in graph.paths.iter().enumerate() {
            for check in node.package.checks.values() {
                for scope in self.world.by_path[path].clone() {
                    let mut found = Diagnostics::new();
                    let view = crate::world::view::View::new(&self.world, scope);
                    let evaluator = self.world.evaluator(&view);
                    for assertion in &check.assertions {
                        crate::world::view::check_condition(
                            &evaluator, assertion, None, &mut found,
                        );
                    }
                    self.diagnostics.extend(found.into_iter().map(as_check));
                }
            }
        }
    }

    fn resource(&mut self, node: NodeId, block: &'a ResourceBlock) {
        let path = self.world.graph.nodes[node].path;
        let providers = self.input.providers;
        let known = providers.schema(block.id.mode, &block.id.resource_type);
        let Some((provider, schema)) = known.filter(|_| *block.id.resource_type != *LAYER_TYPE)
        else {
            self.diagnostics.extend(unknown_type(&self.input, block));
            for scope in self.world.by_path[path].clone() {
                self.world.set(
                    node,
                    scope,
                    Slot::Block(Block {
                        expansion: Expansion::Unknown,
                        instances: Vec::new(),
                    }),
                );
            }
            return;
        };
        unknown_ignored(block, schema, &mut self.diagnostics);
        for scope in self.world.by_path[path].clone() {
            let site = Site {
                node,
                scope,
                block,
                provider,
                schema,
            };
            self.block(site);
        }
    }

    fn block(&mut self, site: Site<'a>) {
        let (expansion, mut eaches, deps) = self.world.expand(
            site.node,
            site.scope,
            &site.block.meta,
            &mut self.diagnostics,
        );
        if expansion == Expansion::Unknown && self.input.validate_only {
            // The arguments are checked all the same, with an instance of which nothing is known.
            eaches = vec![Some(self.unknown_each(site.block))];
        }
        let mut block = Block {
            expansion,
            instances: Vec::with_capacity(eaches.len()),
        };
        self.moves.implicit(&self.world, site, &eaches);
        let base = self.base_deps(site, deps);
        self.renew_judge(site);
        for (at, each) in eaches.into_iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let value = match site.block.id.mode {
                Mode::Managed => self.managed(site, at, each.as_ref(), &base),
                Mode::Data => self.data_source(site, at, each.as_ref(), &base),
            };
            block.instances.push(ResourceInstance { each, value });
        }
        self.world.set(site.node, site.scope, Slot::Block(block));
    }

    fn unknown_each(&self, block: &ResourceBlock) -> Each {
        let key = if block.meta.count.is_some() {
            InstanceKey::Index(0)
        } else {
            InstanceKey::Text("".into())
        };
        Each {
            key,
            value: Value::unknown(Type::Any),
            stand_in: true,
        }
    }

    /// What every instance of a block depends on, whatever its arguments say.
    fn base_deps(&self, site: Site<'_>, expansion: Vec<Dep>) -> Vec<Dep> {
        let mut deps = expansion;
        deps.extend(self.world.scopes[site.scope].depends_on.iter().copied());
        deps.extend(
            self.world
                .resolve_depends_on(site.scope, &site.block.meta.depends_on),
        );
        if let Some((_, provider_deps)) = self.provider_slot(site) {
            deps.extend_from_slice(provider_deps);
        }
        deps
    }

    pub(super) fn provider_slot(
        &self,
        site: Site<'_>,
    ) -> Option<(&Option<ProviderConfig>, &[Dep])> {
        let node = *self.world.graph.provider_of.get(&site.node)?;
        let scope = self.scope_of_path(site.scope, self.world.graph.nodes[node].path)?;
        match self.world.slot(node, scope) {
            Slot::Provider(config, deps) => Some((config, deps)),
            Slot::Empty | Slot::Value(_) | Slot::Block(_) | Slot::Layer(_) => None,
        }
    }

    /// The configuration that a block's instances use; `None` while it is not wholly known.
    pub(super) fn provider_config(&self, site: Site<'_>) -> Option<ProviderConfig> {
        if self.world.graph.provider_of.contains_key(&site.node) {
            return self.provider_slot(site)?.0.clone();
        }
        if let Some(cluster) = self.cluster_config(site) {
            return Some(cluster);
        }
        let name = site.provider.name().clone();
        Some(ProviderConfig::without_arguments(name))
    }

    fn scope_of_path(&self, scope: ScopeIx, path: usize) -> Option<ScopeIx> {
        std::iter::successors(Some(scope), |scope| self.world.scopes[*scope].parent)
            .find(|scope| self.world.scopes[*scope].path == path)
    }

    /// Adds a change; those of a block's instances come one after the other.
    pub(super) fn add_change(&mut self, mut change: InstanceChange<'a>) {
        let at = self.changes.len();
        let place = (change.dep.node, change.dep.scope);
        change.put_off = matches!(change.kind, ChangeKind::Deferred)
            || change.deps.iter().any(|dep| self.is_put_off(dep));
        if change.put_off {
            self.put_off.insert(place);
        }
        self.change_of.get_or_insert(place, at..at).end = at + 1;
        self.changes.push(change);
    }

    /// Where in `changes` a dependency's is, or those of all instances of the block that it names.
    pub(super) fn changes_of(&self, dep: &Dep) -> Range<usize> {
        let Some(all) = self.change_of.get(&(dep.node, dep.scope)) else {
            return 0..0;
        };
        if dep.instance.is_none() {
            return all.clone();
        }
        let instances = &self.changes[all.clone()];
        let found = instances.binary_search_by_key(&dep.instance, |change| change.dep.instance);
        found.map_or(0..0, |at| all.start + at..all.start + at + 1)
    }

    /// The row of a key, with `moved` applied; the key is the one that the row has in the state.
    pub(super) fn row(&self, key: &RowKey) -> Option<(&'a RowKey, &'a StateRow)> {
        self.moves.row(key)
    }
}

fn gitops_not_yet(span: strata_model::Span) -> Diagnostic {
    Diagnostic::error(
        code::NOT_YET,
        "Not supported yet",
        "The GitOps controllers, which gitops blocks need, are not part of this version yet.",
    )
    .at(span)
    .hint("Remove the gitops block for now; everything else of the cluster can be planned.")
}

fn as_check(diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: strata_model::Severity::Warning,
        code: code::CHECK_FAILED,
        summary: "Check not met".to_owned(),
        ..diagnostic
    }
}
