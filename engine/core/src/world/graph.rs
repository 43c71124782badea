//! The static graph: every block of every package path, and what it refers to.
//!
//! A *path* is a package instance without keys: all instances of `stack.web` share one. So the graph is known before
//! anything is evaluated, and its size is that of the definitions, not of what they expand to.

pub(crate) mod layers;
mod links;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use strata_language::definition::{
    Definitions, InstanceBlock, InstanceKind, Package, PackageKey, ProviderBlock, ResourceBlock,
    ResourceId,
};
use strata_language::expression::{Expr, Reference};
use strata_language::references::references;
use strata_model::layer::LAYER_PROVIDER;
use strata_model::{Diagnostic, Diagnostics, Name, Span};

use self::layers::{LayerIx, LayerNode, Manifests};
use self::links::Linker;
use crate::code;
use crate::lookup::Lookup;

/// A package path's position in [`Graph::paths`].
pub(crate) type PathId = usize;
/// A node's position in [`Graph::nodes`].
pub(crate) type NodeId = usize;

/// How deep packages may instantiate packages.
const DEPTH_LIMIT: usize = 32;

/// How many circles are told at once.
const MOST_CIRCLES: usize = 20;

/// From how many nodes of a circle a shorter one is looked for.
const MOST_STARTS: usize = 200;

/// A package path.
#[derive(Debug)]
pub(crate) struct PathNode<'d> {
    pub(crate) parent: Option<PathId>,
    pub(crate) block: Option<&'d InstanceBlock>,
    pub(crate) package: &'d Package,
    pub(crate) children: BTreeMap<(InstanceKind, Name), PathId>,
    /// Where count and for_each of the path's block are evaluated.
    pub(crate) open: NodeId,
    /// What stands for everything in the path.
    pub(crate) close: NodeId,
    pub(crate) index: Lookup<Reference, NodeId>,
    pub(crate) providers: BTreeMap<(Name, Option<Name>), NodeId>,
    pub(crate) outputs: BTreeMap<Name, NodeId>,
    /// The layers whose objects have addresses in the path: those of its cluster's block, and those of its package.
    pub(crate) layers: BTreeMap<Name, LayerIx>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node<'d> {
    pub(crate) path: PathId,
    pub(crate) kind: NodeKind<'d>,
}

/// The kinds of nodes.
#[derive(Debug, Clone)]
pub(crate) enum NodeKind<'d> {
    Open,
    Close,
    Variable(Name),
    Local(&'d Expr),
    Provider(&'d ProviderBlock),
    Resource(&'d ResourceBlock),
    /// What a layer says, and the objects that its manifests describe.
    Layer(LayerIx),
    /// The objects of one stage of a layer.
    Stage(LayerIx, u8),
    Output(Name),
}

/// The graph.
#[derive(Debug)]
pub(crate) struct Graph<'d> {
    pub(crate) definitions: &'d Definitions,
    pub(crate) paths: Vec<PathNode<'d>>,
    pub(crate) nodes: Vec<Node<'d>>,
    pub(crate) layers: Vec<LayerNode<'d>>,
    /// What each node needs, ascending and distinct.
    pub(crate) needs: Vec<Vec<NodeId>>,
    /// All nodes, each behind what it needs.
    pub(crate) order: Vec<NodeId>,
    /// The provider configuration that a resource node uses; `None` for the empty one.
    pub(crate) provider_of: BTreeMap<NodeId, NodeId>,
    /// The nodes that have a reference which leads nowhere, or that are part of a circle: their values are not known.
    pub(crate) faulty: BTreeSet<NodeId>,
}

impl<'d> Graph<'d> {
    /// Builds the graph and says everything that is wrong with its references. It has an order for all nodes, also
    /// where they need each other in circles: one of each circle stands before what it needs then.
    pub(crate) fn build(
        definitions: &'d Definitions,
        manifests: Manifests<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Graph<'d>> {
        let root = definitions.project()?;
        let mut graph = Graph {
            definitions,
            paths: Vec::new(),
            nodes: Vec::new(),
            layers: Vec::new(),
            needs: Vec::new(),
            order: Vec::new(),
            provider_of: BTreeMap::new(),
            faulty: BTreeSet::new(),
        };
        graph.add_path(root, None);
        let mut next = 0;
        while next < graph.paths.len() {
            graph.add_children(next, diagnostics);
            next += 1;
        }
        graph.resolve_layers(manifests, diagnostics);
        graph.connect(diagnostics);
        graph.sort(diagnostics);
        Some(graph)
    }

    fn add_node(&mut self, path: PathId, kind: NodeKind<'d>) -> NodeId {
        self.nodes.push(Node { path, kind });
        self.nodes.len() - 1
    }

    fn add_path(
        &mut self,
        package: &'d Package,
        caller: Option<(PathId, &'d InstanceBlock)>,
    ) -> PathId {
        let path = self.paths.len();
        self.paths.push(PathNode {
            parent: caller.map(|(parent, _)| parent),
            block: caller.map(|(_, block)| block),
            package,
            children: BTreeMap::new(),
            open: 0,
            close: 0,
            index: Lookup::with_capacity(package.resources.len()),
            providers: BTreeMap::new(),
            outputs: BTreeMap::new(),
            layers: BTreeMap::new(),
        });
        let open = self.add_node(path, NodeKind::Open);
        self.paths[path].open = open;
        for name in package.variables.keys() {
            let node = self.add_node(path, NodeKind::Variable(name.clone()));
            self.paths[path]
                .index
                .insert(Reference::Variable(name.clone()), node);
        }
        for (name, expr) in &package.locals {
            let node = self.add_node(path, NodeKind::Local(expr));
            self.paths[path]
                .index
                .insert(Reference::Local(name.clone()), node);
        }
        for block in &package.providers {
            let node = self.add_node(path, NodeKind::Provider(block));
            let key = (block.name.clone(), block.alias.clone());
            self.paths[path].providers.insert(key, node);
        }
        for (id, block) in &package.resources {
            let node = self.add_node(path, NodeKind::Resource(block));
            self.paths[path].index.insert(resource_reference(id), node);
        }
        self.add_layers(path, caller);
        for name in package.outputs.keys() {
            let node = self.add_node(path, NodeKind::Output(name.clone()));
            self.paths[path].outputs.insert(name.clone(), node);
        }
        self.paths[path].close = self.add_node(path, NodeKind::Close);
        path
    }

    fn add_children(&mut self, path: PathId, diagnostics: &mut Diagnostics) {
        let package = self.paths[path].package;
        for ((kind, name), block) in &package.instances {
            let Some(child) = self.definitions.packages.get(&block.package) else {
                continue;
            };
            if self.depth(path) >= DEPTH_LIMIT {
                diagnostics.push(self.recursion(path, block));
                continue;
            }
            let child = self.add_path(child, Some((path, block)));
            self.paths[path]
                .children
                .insert((*kind, name.clone()), child);
        }
    }

    fn depth(&self, path: PathId) -> usize {
        std::iter::successors(Some(path), |path| self.paths[*path].parent).count()
    }

    fn recursion(&self, path: PathId, block: &InstanceBlock) -> Diagnostic {
        let chain: Vec<&PackageKey> =
            std::iter::successors(Some(path), |path| self.paths[*path].parent)
                .map(|p| &self.paths[p].package.key)
                .take(3)
                .collect();
        let detail = format!(
            "Packages instantiate each other more than {DEPTH_LIMIT} levels deep: {} is reached from {chain:?} again and again.",
            block.package
        );
        Diagnostic::error(code::CYCLE, "Cycle", detail).at(block.span)
    }

    fn connect(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.nodes.len() {
            let mut needs = Vec::new();
            let mut linker = Linker {
                graph: self,
                needs: &mut needs,
                diagnostics,
                leads_nowhere: false,
            };
            linker.link(id);
            let mut is_faulty = linker.leads_nowhere;
            // Conditions may look at what they are about; a value is not made from itself.
            let has_conditions = matches!(
                self.nodes[id].kind,
                NodeKind::Variable(_) | NodeKind::Resource(_)
            );
            if needs.contains(&id) && (!has_conditions || self.is_made_from_itself(id)) {
                is_faulty = true;
                diagnostics.push(self.circle(&[id]));
            }
            if let Some(used) = self.used_provider(id) {
                match self.provider_node(self.nodes[id].path, used) {
                    Ok(provider) => {
                        self.provider_of
                            .extend(provider.map(|provider| (id, provider)));
                        needs.extend(provider);
                    }
                    Err(diagnostic) => {
                        is_faulty = true;
                        diagnostics.extend(diagnostic.map(|diagnostic| *diagnostic));
                    }
                }
            }
            if is_faulty {
                self.faulty.insert(id);
            }
            needs.retain(|need| *need != id);
            needs.sort_unstable();
            needs.dedup();
            needs.shrink_to_fit();
            self.needs.push(needs);
        }
    }

    /// Whether the arguments of a resource refer to the whole block that they stand in.
    fn is_made_from_itself(&self, id: NodeId) -> bool {
        let NodeKind::Resource(block) = &self.nodes[id].kind else {
            return false;
        };
        let index = &self.paths[self.nodes[id].path].index;
        let meta = &block.meta;
        let arguments = block.arguments.0.iter().map(|argument| &argument.value);
        arguments
            .chain(&meta.count)
            .chain(&meta.for_each)
            .flat_map(references)
            .any(|found| index.get(&found.reference) == Some(&id))
    }

    /// Which provider configuration a node asks for; `None` for a node that uses none, or that of a cluster.
    fn used_provider(&self, id: NodeId) -> Option<UsedProvider> {
        let (reference, name, span) = match &self.nodes[id].kind {
            NodeKind::Resource(block) => {
                let prefix = block.id.resource_type.split('_').next();
                (&block.provider, prefix.unwrap_or_default(), block.span)
            }
            NodeKind::Stage(layer, _) => {
                let layer = &self.layers[*layer];
                if layer.is_of_cluster() {
                    return None;
                }
                (&layer.block.provider, LAYER_PROVIDER, layer.block.span)
            }
            NodeKind::Open
            | NodeKind::Close
            | NodeKind::Variable(_)
            | NodeKind::Local(_)
            | NodeKind::Provider(_)
            | NodeKind::Layer(_)
            | NodeKind::Output(_) => return None,
        };
        Some(match reference {
            Some(reference) => UsedProvider {
                name: reference.name.clone(),
                alias: reference.alias.clone(),
                span: reference.span,
            },
            None => UsedProvider {
                name: name.into(),
                alias: None,
                span,
            },
        })
    }

    /// Finds a resource's provider configuration: in its own package, by the `providers` of the blocks around, or
    /// inherited as the default one.
    ///
    /// # Errors
    ///
    /// When there is none of that alias; without a diagnostic where it may stand in a file that could not be read.
    fn provider_node(
        &self,
        path: PathId,
        used: UsedProvider,
    ) -> Result<Option<NodeId>, Option<Box<Diagnostic>>> {
        let UsedProvider {
            mut name,
            mut alias,
            span,
        } = used;
        let mut at = path;
        let mut incomplete = false;
        loop {
            if let Some(node) = self.paths[at].providers.get(&(name.clone(), alias.clone())) {
                return Ok(Some(*node));
            }
            incomplete |= self.paths[at].package.incomplete;
            let (Some(parent), Some(caller)) = (self.paths[at].parent, self.paths[at].block) else {
                break;
            };
            let spelled = match &alias {
                Some(alias) => format!("{name}.{alias}"),
                None => name.to_string(),
            };
            let passed = caller
                .providers
                .iter()
                .find(|(inner, _)| inner.value.as_ref() == spelled);
            match passed {
                Some((_, outer)) => (name, alias) = (outer.name.clone(), outer.alias.clone()),
                None if alias.is_some() => break,
                None => {}
            }
            at = parent;
        }
        let Some(alias) = alias else { return Ok(None) };
        if incomplete {
            return Err(None);
        }
        let detail = format!("There is no provider configuration {name}.{alias}.");
        let hint = format!(
            "Declare a provider block for {name} with alias = \"{alias}\", or pass one with `providers`."
        );
        let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail);
        Err(Some(Box::new(diagnostic.at(span).hint(hint))))
    }

    fn sort(&mut self, diagnostics: &mut Diagnostics) {
        let mut missing: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut users: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for (node, needs) in self.needs.iter().enumerate() {
            needs.iter().for_each(|need| users[*need].push(node));
        }
        let mut ready: BTreeSet<NodeId> = (0..self.nodes.len())
            .filter(|node| missing[*node] == 0)
            .collect();
        let (mut circles, mut stuck) = (0, 0);
        loop {
            while let Some(node) = ready.pop_first() {
                self.order.push(node);
                for user in &users[node] {
                    // What was taken out of a circle before its turn has none missing any more.
                    if missing[*user] > 0 {
                        missing[*user] -= 1;
                        if missing[*user] == 0 {
                            ready.insert(*user);
                        }
                    }
                }
            }
            while missing.get(stuck) == Some(&0) {
                stuck += 1;
            }
            if stuck == missing.len() {
                return;
            }
            // It is told, and goes on without what one of its nodes needs, so that the rest is looked at all the same.
            let first = if circles < MOST_CIRCLES {
                circles += 1;
                let cycle = self.cycle(stuck, &missing);
                diagnostics.push(self.circle(&cycle));
                let first = cycle.iter().copied().min().unwrap_or(stuck);
                self.faulty.extend(cycle);
                first
            } else {
                self.faulty.insert(stuck);
                stuck
            };
            missing[first] = 0;
            ready.insert(first);
        }
    }

    /// The shortest cycle near a node that could not be ordered.
    fn cycle(&self, stuck: NodeId, missing: &[usize]) -> Vec<NodeId> {
        let is_stuck = |node: &&NodeId| missing[**node] > 0;
        // A node that could not be ordered needs another such node: following them leads into a circle.
        let mut seen = BTreeSet::new();
        let mut at = stuck;
        while seen.insert(at) {
            match self.needs[at].iter().find(is_stuck) {
                Some(need) => at = *need,
                None => return Vec::new(),
            }
        }
        let around = self.shortest_cycle(at, missing).unwrap_or_default();
        let starts = around.iter().take(MOST_STARTS);
        starts
            .filter_map(|start| self.shortest_cycle(*start, missing))
            .min_by_key(|cycle| (cycle.len(), cycle.first().copied()))
            .unwrap_or_default()
    }

    fn circle(&self, cycle: &[NodeId]) -> Diagnostic {
        let mut chain = String::new();
        for node in cycle.iter().chain(cycle.first()) {
            let separator = if chain.is_empty() { "" } else { " → " };
            // Writing to a String cannot fail.
            let _infallible = write!(chain, "{separator}{}", self.label(*node));
        }
        let span = cycle.iter().find_map(|node| self.span(*node));
        Diagnostic::error(
            code::CYCLE,
            "Cycle",
            format!("These need each other: {chain}."),
        )
        .at_opt(span)
        .hint("Break the circle: let one of them take its value from somewhere else.")
    }

    fn shortest_cycle(&self, start: NodeId, missing: &[usize]) -> Option<Vec<NodeId>> {
        let mut from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for need in self.needs[node].iter().filter(|need| missing[**need] > 0) {
                if *need == start {
                    let back = std::iter::successors(Some(node), |at| from.get(at).copied());
                    let mut cycle: Vec<NodeId> = back.collect();
                    cycle.reverse();
                    return Some(cycle);
                }
                if !from.contains_key(need) && *need != start {
                    from.insert(*need, node);
                    queue.push_back(*need);
                }
            }
        }
        None
    }

    /// The block that declares the instances of a node.
    pub(crate) fn declaring_block(&self, node: NodeId) -> Option<&'d ResourceBlock> {
        match self.nodes[node].kind {
            NodeKind::Resource(block) => Some(block),
            NodeKind::Stage(layer, _) => Some(&self.layers[layer].block.objects),
            NodeKind::Open
            | NodeKind::Close
            | NodeKind::Variable(_)
            | NodeKind::Local(_)
            | NodeKind::Provider(_)
            | NodeKind::Layer(_)
            | NodeKind::Output(_) => None,
        }
    }

    /// What people call a node.
    pub(crate) fn label(&self, node: NodeId) -> String {
        let path = self.nodes[node].path;
        let prefix = self.path_label(path);
        let dot = if prefix.is_empty() { "" } else { "." };
        match &self.nodes[node].kind {
            NodeKind::Open => {
                if prefix.is_empty() {
                    "the project".to_owned()
                } else {
                    prefix
                }
            }
            NodeKind::Close => format!("{prefix} (all of it)"),
            NodeKind::Variable(name) => format!("{prefix}{dot}var.{name}"),
            NodeKind::Local(_) => format!("{prefix}{dot}{}", self.local_name(node)),
            NodeKind::Provider(block) => format!("{prefix}{dot}provider.{}", block.name),
            NodeKind::Resource(block) => format!("{prefix}{dot}{}", resource_reference(&block.id)),
            NodeKind::Layer(layer) | NodeKind::Stage(layer, _) => {
                format!("{prefix}{dot}layer.{}", self.layers[*layer].block.name)
            }
            NodeKind::Output(name) => format!("{prefix}{dot}output.{name}"),
        }
    }

    fn local_name(&self, node: NodeId) -> String {
        let path = &self.paths[self.nodes[node].path];
        let mut names = path.package.locals.keys();
        let own = |name: &&Name| path.index.get(&Reference::Local((*name).clone())) == Some(&node);
        names.find(own).map_or_else(String::new, |name| {
            Reference::Local(name.clone()).to_string()
        })
    }

    fn path_label(&self, path: PathId) -> String {
        let mut parts: Vec<String> =
            std::iter::successors(Some(path), |path| self.paths[*path].parent)
                .filter_map(|path| self.paths[path].block)
                .map(|block| format!("{}.{}", kind_word(block.kind), block.name))
                .collect();
        parts.reverse();
        parts.join(".")
    }

    /// Where a node is declared.
    pub(crate) fn span(&self, node: NodeId) -> Option<Span> {
        let path = &self.paths[self.nodes[node].path];
        match &self.nodes[node].kind {
            NodeKind::Open | NodeKind::Close => path.block.map(|block| block.span),
            NodeKind::Variable(name) => path.package.variables.get(name).map(|block| block.span),
            NodeKind::Local(expr) => Some(expr.span),
            NodeKind::Provider(block) => Some(block.span),
            NodeKind::Resource(block) => Some(block.span),
            NodeKind::Layer(layer) | NodeKind::Stage(layer, _) => {
                Some(self.layers[*layer].block.span)
            }
            NodeKind::Output(name) => path.package.outputs.get(name).map(|block| block.span),
        }
    }
}

/// A provider configuration as a block asks for it.
struct UsedProvider {
    name: Name,
    alias: Option<Name>,
    span: Span,
}

/// The word of a block kind in addresses.
pub(crate) fn kind_word(kind: InstanceKind) -> &'static str {
    match kind {
        InstanceKind::Cluster => "cluster",
        InstanceKind::Stack => "stack",
    }
}

/// The reference by which a resource block is named in its package.
pub(crate) fn resource_reference(id: &ResourceId) -> Reference {
    Reference::Resource {
        mode: id.mode,
        resource_type: id.resource_type.clone(),
        name: id.name.clone(),
    }
}

/// What an `inputs` expression says of one input.
pub(crate) enum InputExpr<'e> {
    /// This expression.
    Given(&'e Expr),
    /// Nothing.
    Absent,
    /// That can only be told by evaluating all of it.
    Whole,
}

/// Looks an input up in an `inputs` expression, so that one input's references are not another's.
pub(crate) fn input_expr<'e>(layer: &'e Expr, name: &str) -> InputExpr<'e> {
    use strata_language::expression::ExprKind;
    let ExprKind::Object(items) = &layer.kind else {
        return InputExpr::Whole;
    };
    let mut given = InputExpr::Absent;
    for item in items {
        let ExprKind::Literal(key) = &item.key.kind else {
            return InputExpr::Whole;
        };
        if key.as_str() == Some(name) {
            given = InputExpr::Given(&item.value);
        }
    }
    given
}
