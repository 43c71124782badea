//! What one node of the graph refers to.

use strata_language::definition::{AddressReference, Arguments, Condition, InstanceKind, Meta};
use strata_language::expression::{Expr, Reference};
use strata_language::references::{FoundReference, references};
use strata_model::{Diagnostic, Diagnostics, Name, Span};

use super::layers::{HOST_OUTPUT, LayerIx, no_host_output};
use super::{
    Graph, InputExpr, NodeId, NodeKind, PathId, PathNode, input_expr, kind_word, resource_reference,
};
use crate::code;

/// Collects what one node needs.
pub(super) struct Linker<'g, 'd> {
    pub(super) graph: &'g Graph<'d>,
    /// May hold a node several times.
    pub(super) needs: &'g mut Vec<NodeId>,
    pub(super) diagnostics: &'g mut Diagnostics,
    /// Whether a reference leads nowhere.
    pub(super) leads_nowhere: bool,
}

impl Linker<'_, '_> {
    pub(super) fn link(&mut self, id: NodeId) {
        let graph = self.graph;
        let path = graph.nodes[id].path;
        let node = &graph.paths[path];
        if !matches!(graph.nodes[id].kind, NodeKind::Open) {
            self.needs.push(node.open);
        }
        match &graph.nodes[id].kind {
            NodeKind::Open => self.link_open(path),
            NodeKind::Close => self.link_close(path),
            NodeKind::Variable(name) => self.link_variable(path, name),
            NodeKind::Local(expr) => self.expr(path, expr),
            NodeKind::Provider(block) => {
                self.arguments(path, &block.arguments);
                self.needs.extend(graph.host_of_provider(block));
            }
            NodeKind::Resource(block) => {
                self.arguments(path, &block.arguments);
                self.meta(path, &block.meta);
            }
            NodeKind::Layer(layer) => self.link_layer(*layer),
            NodeKind::Stage(layer, stage) => self.link_stage(*layer, *stage),
            NodeKind::Output(name) => {
                if let Some(block) = node.package.outputs.get(name) {
                    self.expr(path, &block.value);
                    self.conditions(path, &block.preconditions);
                    self.addresses(path, &block.depends_on);
                }
            }
        }
    }

    fn link_open(&mut self, path: PathId) {
        let node = &self.graph.paths[path];
        if let (Some(parent), Some(block)) = (node.parent, node.block) {
            self.needs.push(self.graph.paths[parent].open);
            self.meta(parent, &block.meta);
        }
    }

    fn link_close(&mut self, path: PathId) {
        let node = &self.graph.paths[path];
        let own = (node.open..node.close).filter(|id| match self.graph.nodes[*id].kind {
            NodeKind::Variable(_)
            | NodeKind::Local(_)
            | NodeKind::Resource(_)
            | NodeKind::Layer(_)
            | NodeKind::Stage(..)
            | NodeKind::Output(_) => true,
            NodeKind::Open | NodeKind::Close | NodeKind::Provider(_) => false,
        });
        self.needs.extend(own);
        self.needs.extend(
            node.children
                .values()
                .map(|child| self.graph.paths[*child].close),
        );
    }

    fn link_variable(&mut self, path: PathId, name: &Name) {
        let node = &self.graph.paths[path];
        if let Some(variable) = node.package.variables.get(name) {
            // A validation may look at other variables; a reference to the variable itself is no cycle.
            self.conditions(path, &variable.validations);
        }
        if let (Some(parent), Some(block)) = (node.parent, node.block) {
            for layer in &block.inputs {
                self.input(parent, layer, name);
            }
        }
    }

    fn input(&mut self, parent: PathId, layer: &Expr, name: &Name) {
        match input_expr(layer, name) {
            InputExpr::Given(expr) => self.expr(parent, expr),
            InputExpr::Absent => {}
            InputExpr::Whole => self.expr(parent, layer),
        }
    }

    fn link_layer(&mut self, layer: LayerIx) {
        let graph = self.graph;
        let layer = &graph.layers[layer];
        self.arguments(layer.writer, &layer.block.arguments);
        self.found(layer.writer, &layer.templates);
        // What they define is known to its objects.
        let before = graph.layers_before(layer);
        self.needs
            .extend(before.map(|other| graph.layers[other].render));
        let Some(cluster) = layer.cluster else {
            self.leads_nowhere |= layer.is_of_cluster();
            return;
        };
        let cluster = &graph.paths[cluster];
        self.needs.push(cluster.open);
        match cluster.outputs.get(HOST_OUTPUT) {
            Some(output) => self.needs.push(*output),
            None => {
                self.leads_nowhere = true;
                if !cluster.package.incomplete {
                    self.diagnostics.push(no_host_output(layer.block.span));
                }
            }
        }
    }

    fn link_stage(&mut self, layer: LayerIx, stage: u8) {
        let graph = self.graph;
        let layer = &graph.layers[layer];
        self.needs.push(layer.render);
        self.needs
            .extend((0..stage).map(|lower| layer.stage(lower)));
        // Values that become known at apply are looked at again by whoever uses them.
        self.found(layer.writer, &layer.templates);
        for entry in &layer.block.depends_on {
            let path = layer.path_of(graph, &entry.reference);
            self.reference(path, &entry.reference, None, entry.span);
        }
    }

    fn found(&mut self, path: PathId, references: &[FoundReference]) {
        for found in references {
            self.reference(path, &found.reference, found.attribute.as_ref(), found.span);
        }
    }

    fn meta(&mut self, path: PathId, meta: &Meta) {
        meta.count
            .iter()
            .chain(&meta.for_each)
            .for_each(|expr| self.expr(path, expr));
        meta.lifecycle
            .prevent_destroy
            .iter()
            .for_each(|expr| self.expr(path, expr));
        self.addresses(path, &meta.depends_on);
        self.addresses(path, &meta.lifecycle.replace_triggered_by);
        self.conditions(path, &meta.lifecycle.preconditions);
        self.arguments(path, &meta.timeouts);
        for condition in &meta.lifecycle.postconditions {
            self.expr(path, &condition.condition);
            self.expr(path, &condition.error_message);
        }
    }

    fn conditions(&mut self, path: PathId, conditions: &[Condition]) {
        for condition in conditions {
            self.expr(path, &condition.condition);
            self.expr(path, &condition.error_message);
        }
    }

    fn arguments(&mut self, path: PathId, arguments: &Arguments) {
        arguments
            .0
            .iter()
            .for_each(|argument| self.expr(path, &argument.value));
    }

    fn addresses(&mut self, path: PathId, addresses: &[AddressReference]) {
        for address in addresses {
            self.reference(path, &address.reference, None, address.span);
        }
    }

    fn expr(&mut self, path: PathId, expr: &Expr) {
        self.found(path, &references(expr));
    }

    fn reference(
        &mut self,
        path: PathId,
        reference: &Reference,
        attribute: Option<&Name>,
        span: Span,
    ) {
        let node = &self.graph.paths[path];
        match reference {
            Reference::Variable(_) | Reference::Local(_) | Reference::Resource { .. } => {
                match node.index.get(reference) {
                    Some(target) => {
                        self.needs.push(*target);
                    }
                    None => self.undeclared(node, reference, span),
                }
            }
            Reference::Stack(name) => {
                self.instance(path, (InstanceKind::Stack, name), attribute, span)
            }
            Reference::Cluster(name) => {
                self.instance(path, (InstanceKind::Cluster, name), attribute, span)
            }
            Reference::Layer(name) => match node.layers.get(name) {
                Some(layer) => self.needs.extend(self.graph.layers[*layer].stages()),
                None => self.undeclared(node, reference, span),
            },
            Reference::EachKey
            | Reference::EachValue
            | Reference::CountIndex
            | Reference::SelfObject
            | Reference::Path(_)
            | Reference::ProjectName => {}
        }
    }

    /// Says that a name leads nowhere, unless it may stand in a file that could not be read.
    fn undeclared(&mut self, path: &PathNode<'_>, reference: &Reference, span: Span) {
        self.leads_nowhere = true;
        if !path.package.incomplete {
            self.diagnostics.push(undeclared(path, reference, span));
        }
    }

    fn instance(
        &mut self,
        path: PathId,
        (kind, name): (InstanceKind, &Name),
        attribute: Option<&Name>,
        span: Span,
    ) {
        let node = &self.graph.paths[path];
        let Some(child) = node.children.get(&(kind, name.clone())) else {
            if !node.package.instances.contains_key(&(kind, name.clone())) {
                let reference = match kind {
                    InstanceKind::Stack => Reference::Stack(name.clone()),
                    InstanceKind::Cluster => Reference::Cluster(name.clone()),
                };
                self.undeclared(node, &reference, span);
            }
            self.leads_nowhere = true;
            return;
        };
        let child = &self.graph.paths[*child];
        self.needs.push(child.open);
        let output = attribute.and_then(|attribute| child.outputs.get(attribute));
        match (output, attribute.map(AsRef::as_ref)) {
            (Some(output), _) => {
                self.needs.push(*output);
            }
            (None, Some("inputs")) if kind == InstanceKind::Cluster => {
                self.needs.extend(variables(child));
            }
            (None, Some(attribute)) => {
                self.leads_nowhere = true;
                if !child.package.incomplete {
                    self.diagnostics
                        .push(unknown_output(child, (kind, name, attribute), span));
                }
            }
            (None, None) => {
                // Whoever uses it whole uses each of its values, and looks again when one of them becomes known.
                self.needs.push(child.close);
                self.needs.extend(child.outputs.values());
                if kind == InstanceKind::Cluster {
                    self.needs.extend(variables(child));
                }
            }
        }
    }
}

/// The nodes of a package's variables.
fn variables<'n>(node: &'n PathNode<'_>) -> impl Iterator<Item = NodeId> + 'n {
    let names = node.package.variables.keys();
    names.filter_map(|name| node.index.get(&Reference::Variable(name.clone())).copied())
}

fn undeclared(path: &PathNode<'_>, reference: &Reference, span: Span) -> Diagnostic {
    let names: Vec<String> = match reference {
        Reference::Stack(_) | Reference::Cluster(_) => path
            .package
            .instances
            .keys()
            .map(|(kind, name)| format!("{}.{name}", kind_word(*kind)))
            .collect(),
        Reference::Layer(_) => path
            .layers
            .keys()
            .map(|name| format!("layer.{name}"))
            .collect(),
        Reference::Variable(_)
        | Reference::Local(_)
        | Reference::Resource { .. }
        | Reference::EachKey
        | Reference::EachValue
        | Reference::CountIndex
        | Reference::SelfObject
        | Reference::Path(_)
        | Reference::ProjectName => {
            let package = path.package;
            let variables = package.variables.keys().cloned().map(Reference::Variable);
            let locals = package.locals.keys().cloned().map(Reference::Local);
            let resources = package.resources.keys().map(resource_reference);
            let known = variables.chain(locals).chain(resources);
            known.map(|reference| reference.to_string()).collect()
        }
    };
    let text = reference.to_string();
    let diagnostic = Diagnostic::error(
        code::UNKNOWN_REFERENCE,
        "Unknown name",
        format!(
            "Nothing named {text} is declared in this {}.",
            if path.parent.is_some() {
                "package"
            } else {
                "project"
            }
        ),
    )
    .at(span);
    match strata_language::suggest::nearest(&text, names.iter().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
        None => diagnostic,
    }
}

fn unknown_output(
    child: &PathNode<'_>,
    (kind, name, attribute): (InstanceKind, &Name, &str),
    span: Span,
) -> Diagnostic {
    let known: Vec<&str> = child.outputs.keys().map(AsRef::as_ref).collect();
    let list = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let diagnostic = Diagnostic::error(
        code::UNKNOWN_REFERENCE,
        "Unknown name",
        format!(
            "{}.{name} has no output {attribute}; its outputs are: {list}.",
            kind_word(kind)
        ),
    )
    .at(span);
    match strata_language::suggest::nearest(attribute, known.iter().copied()) {
        Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
        None => diagnostic,
    }
}
