//! Layers in the graph: one node for what a layer says, and one for each of its stages.

use std::sync::Arc;

use strata_language::definition::{InstanceBlock, InstanceKind, LayerBlock, ProviderBlock};
use strata_language::expression::Reference;
use strata_language::parse;
use strata_language::references::{FoundReference, references};
use strata_language::scope::SourceTree;
use strata_model::layer::{LAYER_PROVIDER, LayerFile, MembersRequest, STAGES};
use strata_model::provider::{ProviderName, Providers};
use strata_model::{
    Address, Diagnostic, Diagnostics, FileId, InstanceKey, Kind, ScopeKind, Span, Value,
};

use super::{Graph, NodeId, NodeKind, PathId};
use crate::code;
use crate::plan::Trees;

/// A layer's position in [`Graph::layers`].
pub(crate) type LayerIx = usize;

/// The output by which a stack says that it carries a cluster.
pub(crate) const HOST_OUTPUT: &str = "kubernetes";

/// The file of templates in manifests: no place in it is a place of the definitions.
pub(crate) const TEMPLATE: FileId = FileId(u32::MAX);

/// Where manifests are, and who reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manifests<'a> {
    pub(crate) trees: &'a Trees,
    pub(crate) providers: &'a Providers,
}

/// A layer.
#[derive(Debug)]
pub(crate) struct LayerNode<'d> {
    pub(crate) block: &'d LayerBlock,
    /// The path that the addresses of its objects begin with.
    pub(crate) path: PathId,
    /// The path of the package that wrote it: what its names mean, and what its files are relative to.
    pub(crate) writer: PathId,
    /// The path of the cluster that it is applied to.
    pub(crate) cluster: Option<PathId>,
    /// Which instance of that cluster, where the layer stands alone and names one.
    pub(crate) cluster_key: Option<InstanceKey>,
    /// The node of what it says; those of its stages follow.
    pub(crate) render: NodeId,
    /// What its manifests refer to.
    pub(crate) templates: Vec<FoundReference>,
}

impl LayerNode<'_> {
    /// The node of a stage.
    pub(crate) fn stage(&self, stage: u8) -> NodeId {
        self.render + 1 + usize::from(stage)
    }

    /// The nodes of all stages.
    pub(crate) fn stages(&self) -> impl Iterator<Item = NodeId> + use<> {
        let first = self.render + 1;
        first..first + usize::from(STAGES)
    }

    /// Whether it is applied to a cluster of the project, and not by a provider configuration.
    pub(crate) fn is_of_cluster(&self) -> bool {
        self.path != self.writer || self.block.cluster.is_some()
    }

    /// Where an entry of its `depends_on` is looked up: the cluster's own layers come before those of the package.
    pub(crate) fn path_of(&self, graph: &Graph<'_>, reference: &Reference) -> PathId {
        match reference {
            Reference::Layer(name) if graph.paths[self.path].layers.contains_key(name) => self.path,
            _ => self.writer,
        }
    }
}

impl<'d> Graph<'d> {
    /// The layers that one names in its `depends_on`.
    pub(crate) fn layers_before(&self, layer: &LayerNode<'_>) -> impl Iterator<Item = LayerIx> {
        layer.block.depends_on.iter().filter_map(|entry| {
            let Reference::Layer(name) = &entry.reference else {
                return None;
            };
            let path = layer.path_of(self, &entry.reference);
            self.paths[path].layers.get(name).copied()
        })
    }

    /// Whether two layers are applied by the same connection.
    pub(crate) fn is_same_host(&self, one: &LayerNode<'_>, other: &LayerNode<'_>) -> bool {
        let provider = |layer: &LayerNode<'_>| self.provider_of.get(&layer.stage(0)).copied();
        (one.cluster, &one.cluster_key) == (other.cluster, &other.cluster_key)
            && provider(one) == provider(other)
    }

    /// Adds the layers of a path: those of its cluster's block, then those of its package.
    pub(super) fn add_layers(&mut self, path: PathId, caller: Option<(PathId, &'d InstanceBlock)>) {
        if let Some((parent, block)) = caller {
            for layer in &block.layers {
                self.add_layer(path, parent, layer);
            }
        }
        let package = self.paths[path].package;
        for layer in package.layers.values() {
            self.add_layer(path, path, layer);
        }
    }

    fn add_layer(&mut self, path: PathId, writer: PathId, block: &'d LayerBlock) {
        let layer = self.layers.len();
        let render = self.add_node(path, NodeKind::Layer(layer));
        for stage in 0..STAGES {
            self.add_node(path, NodeKind::Stage(layer, stage));
        }
        self.layers.push(LayerNode {
            block,
            path,
            writer,
            cluster: (path != writer).then_some(path),
            cluster_key: None,
            render,
            templates: Vec::new(),
        });
        self.paths[path]
            .layers
            .entry(block.name.clone())
            .or_insert(layer);
    }

    /// Finds the clusters of layers that stand alone, and what manifests refer to.
    pub(super) fn resolve_layers(
        &mut self,
        manifests: Manifests<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        for at in 0..self.layers.len() {
            let layer = &self.layers[at];
            let first = self.paths[layer.path].layers.get(&layer.block.name);
            if first.is_some_and(|first| *first != at) {
                diagnostics.push(twice(layer.block));
            }
            let cluster = self.named_cluster(layer, diagnostics);
            let templates = self.manifest_references(layer, manifests);
            let layer = &mut self.layers[at];
            layer.templates = templates;
            if let Some((path, key)) = cluster {
                layer.cluster = Some(path);
                layer.cluster_key = key;
            }
        }
    }

    /// The cluster into which a provider block leads, where it names one of the project by its address.
    pub(crate) fn host_of_provider(&self, block: &ProviderBlock) -> Option<NodeId> {
        self.node_of(&host_address(block)?)
    }

    /// The node of a resource block, by the address of it or of an instance, whatever keys it has.
    pub(crate) fn node_of(&self, address: &Address) -> Option<NodeId> {
        let mut path = 0;
        for step in address.scope.steps() {
            let kind = match step.kind {
                ScopeKind::Cluster => InstanceKind::Cluster,
                ScopeKind::Stack => InstanceKind::Stack,
            };
            path = *self.paths[path].children.get(&(kind, step.name.clone()))?;
        }
        let reference = Reference::Resource {
            mode: address.mode,
            resource_type: address.resource_type.clone(),
            name: address.name.clone(),
        };
        self.paths[path].index.get(&reference).copied()
    }

    fn named_cluster(
        &self,
        layer: &LayerNode<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(PathId, Option<InstanceKey>)> {
        let entry = layer
            .block
            .cluster
            .as_ref()
            .filter(|_| layer.path == layer.writer)?;
        let Reference::Cluster(name) = &entry.reference else {
            let detail = format!("{} is no cluster.", entry.reference);
            let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail);
            diagnostics.push(diagnostic.at(entry.span).hint("Write cluster.NAME."));
            return None;
        };
        let node = &self.paths[layer.writer];
        let kind = (InstanceKind::Cluster, name.clone());
        let Some(child) = node.children.get(&kind) else {
            if !node.package.incomplete && !node.package.instances.contains_key(&kind) {
                let detail = format!("Nothing named cluster.{name} is declared in this project.");
                let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail);
                diagnostics.push(diagnostic.at(entry.span));
            }
            return None;
        };
        let key = references(&entry.rest)
            .into_iter()
            .find_map(|found| found.instance);
        Some((*child, key))
    }

    /// What the templates in a layer's manifests refer to. What is wrong with the manifests is told when the layer is
    /// evaluated.
    fn manifest_references(
        &self,
        layer: &LayerNode<'_>,
        manifests: Manifests<'_>,
    ) -> Vec<FoundReference> {
        let literal = |name: &str| layer.block.arguments.get(name)?.value.literal();
        let is_template = literal("template").and_then(Value::as_bool) == Some(true);
        let path = literal("path").and_then(Value::as_str);
        let (true, Some(path)) = (is_template, path) else {
            return Vec::new();
        };
        let provider = manifests
            .providers
            .get(&ProviderName(LAYER_PROVIDER.into()));
        let tree = manifests.trees.get(&self.paths[layer.writer].package.key);
        let (Some(provider), Some(tree)) = (provider, tree) else {
            return Vec::new();
        };
        let Ok(files) = files(tree.as_ref(), path) else {
            return Vec::new();
        };
        let request = MembersRequest {
            files: &files,
            namespace: None,
            definitions: &[],
            template: true,
        };
        let mut found = Vec::new();
        for member in provider.members(request).unwrap_or_default() {
            in_text(&member.key, &mut found);
            in_value(&member.manifest, &mut found);
        }
        // They stand in manifests, which no span leads to: the layer is shown in their place.
        for reference in &mut found {
            reference.span = layer.block.place_of("path");
        }
        found
    }
}

/// The address of a cluster that a provider block says in so many words.
pub(crate) fn host_address(block: &ProviderBlock) -> Option<Address> {
    if *block.name != *LAYER_PROVIDER {
        return None;
    }
    let text = block.arguments.get("cluster")?.value.literal()?.as_str()?;
    Address::parse(text).ok()
}

fn in_value(value: &Value, found: &mut Vec<FoundReference>) {
    match value.kind() {
        Kind::String(text) => in_text(text, found),
        Kind::Object(members) | Kind::Map(_, members) => {
            members.iter().for_each(|(_, value)| in_value(value, found));
        }
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.iter().for_each(|value| in_value(value, found));
        }
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

fn in_text(text: &str, found: &mut Vec<FoundReference>) {
    if is_template(text)
        && let Ok(expr) = parse::template(text, TEMPLATE, 0)
    {
        let new = references(&expr);
        let new: Vec<FoundReference> = new
            .into_iter()
            .filter(|new| {
                !found
                    .iter()
                    .any(|old| (&old.reference, &old.attribute) == (&new.reference, &new.attribute))
            })
            .collect();
        found.extend(new);
    }
}

/// Whether something is to be filled into a text.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("${") || text.contains("%{")
}

/// The manifests of a directory, by path; or one file.
///
/// # Errors
///
/// A sentence that says why there are none, and advice where there is some.
pub(crate) fn files(
    tree: &dyn SourceTree,
    path: &str,
) -> Result<Vec<LayerFile>, (String, Option<String>)> {
    let plain = |error: String| (sentence(&error), None);
    let named = |path: &str, error: String| match error.contains(path) {
        true => plain(error),
        false => plain(format!("{path}: {error}")),
    };
    let listed = if is_manifest(path) && tree.exists(path).is_ok_and(|exists| exists) {
        vec![path.to_owned()]
    } else {
        tree.list(path).map_err(|error| named(path, error))?
    };
    if let Some(found) = listed.iter().find(|file| is_kustomization(file)) {
        let detail = format!(
            "{found} makes this a directory for kustomize, and not one of plain manifests."
        );
        return Err((
            detail,
            Some("Write `kustomize` in place of `path`.".to_owned()),
        ));
    }
    let mut files = Vec::new();
    for path in listed.iter().filter(|path| is_manifest(path)) {
        let bytes = tree.read(path).map_err(|error| named(path, error))?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| plain(format!("{path} is not valid UTF-8")))?;
        files.push((Arc::from(path.as_str()), Arc::from(text)));
    }
    files.sort();
    if files.is_empty() {
        let place = tree.place_of(path);
        let why = match listed.is_empty() {
            true => "it is empty",
            false => "no file ends in .yaml, .yml or .json",
        };
        let detail = format!("There are no manifests in {place}: {why}.");
        return Err((detail, None));
    }
    Ok(files)
}

fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("yaml" | "yml" | "json"))
}

fn is_kustomization(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(
        name,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

fn twice(block: &LayerBlock) -> Diagnostic {
    let detail = format!(
        "The cluster's stack has a layer {} of its own, and their objects would have the same addresses.",
        block.name
    );
    Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail)
        .at(block.span)
        .hint("Give the layer another name.")
}

/// What is wrong with a layer on a cluster whose stack does not say how it is reached.
pub(super) fn no_host_output(span: Span) -> Diagnostic {
    let detail = format!(
        "The stack of the cluster has no output {HOST_OUTPUT}, which says what the cluster is and what a layer waits for."
    );
    Diagnostic::error(code::NO_HOST, "No cluster to apply to", detail).at(span)
}
