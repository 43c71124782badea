//! The blocks of all files of a directory, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::{Diagnostic, Diagnostics, Mode, Name, SourceMap, Span};

use crate::codes;
use crate::definition::{
    InstanceBlock, InstanceKind, LayerBlock, Package, PackageKey, ProviderBlock, ResourceBlock,
};
use crate::place::Place;

use super::fields::Out;
use super::file::{Decoded, Defaults, FileBlocks};

/// Makes a package of decoded files, which are in the order of their paths.
pub(super) fn merge(
    key: &PackageKey,
    decoded: Vec<Decoded>,
    sources: &mut SourceMap,
) -> (Package, Diagnostics) {
    let mut out: Out = Vec::new();
    let mut package = Package {
        key: key.clone(),
        ..Package::default()
    };
    let mut defaults: BTreeMap<Arc<str>, (Span, Defaults)> = BTreeMap::new();
    let mut files: Vec<(Arc<str>, FileBlocks)> = Vec::with_capacity(decoded.len());
    for file in decoded {
        out.extend(file.diagnostics);
        package.incomplete |= file.incomplete;
        let path = file.source.path().clone();
        sources.add(file.source);
        if let Some(found) = file.defaults {
            let place = Place::At {
                file: file.id,
                offset: 0,
            };
            add_defaults(
                &mut defaults,
                directory(&path),
                (place.span(0..0), found),
                &mut out,
            );
        } else {
            files.push((path, file.blocks));
        }
    }
    let mut merger = Merger {
        package: &mut package,
        out: &mut out,
        local_spans: BTreeMap::new(),
        provider_spans: BTreeMap::new(),
    };
    let mut resources = Vec::new();
    for (path, mut blocks) in files {
        resources.append(&mut blocks.resources);
        for instance in &mut blocks.instances {
            if instance.kind == InstanceKind::Cluster {
                apply_defaults(instance, &path, &defaults);
            }
        }
        merger.file(blocks);
    }
    merger.resources(resources);
    out.sort_by_key(|diagnostic| diagnostic.span);
    (package, out.into_iter().collect())
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn add_defaults(
    all: &mut BTreeMap<Arc<str>, (Span, Defaults)>,
    directory: &str,
    found: (Span, Defaults),
    out: &mut Out,
) {
    match all.get(directory) {
        Some((first, _)) => out.push(
            codes::CONFLICT
                .error("A directory has one defaults file, in one spelling.")
                .at(found.0)
                .label(*first, "the other is here"),
        ),
        None => {
            all.insert(directory.into(), found);
        }
    }
}

/// Puts what the defaults files above a cluster's file say before what the cluster itself says.
fn apply_defaults(
    cluster: &mut InstanceBlock,
    path: &str,
    defaults: &BTreeMap<Arc<str>, (Span, Defaults)>,
) {
    let here = directory(path);
    let ends = here.match_indices('/').map(|(at, _)| at);
    let above = std::iter::once("")
        .chain(ends.map(|end| &here[..end]))
        .chain((!here.is_empty()).then_some(here));
    let mut inputs = Vec::new();
    let mut gitops = Vec::new();
    let mut layers: Vec<LayerBlock> = Vec::new();
    for (_, found) in above.filter_map(|directory| defaults.get(directory)) {
        inputs.extend(found.inputs.clone());
        gitops.extend(found.gitops.clone());
        found
            .layers
            .iter()
            .cloned()
            .for_each(|layer| put_layer(&mut layers, layer));
    }
    inputs.append(&mut cluster.inputs);
    gitops.append(&mut cluster.gitops);
    let own = std::mem::take(&mut cluster.layers);
    own.into_iter()
        .for_each(|layer| put_layer(&mut layers, layer));
    cluster.inputs = inputs;
    cluster.gitops = gitops;
    cluster.layers = layers;
}

/// Adds a layer; it takes the place of one of the same name.
fn put_layer(layers: &mut Vec<LayerBlock>, layer: LayerBlock) {
    match layers.iter_mut().find(|other| other.name == layer.name) {
        Some(other) => *other = layer,
        None => layers.push(layer),
    }
}

struct Merger<'a> {
    package: &'a mut Package,
    out: &'a mut Out,
    local_spans: BTreeMap<Name, Span>,
    provider_spans: BTreeMap<(Name, Option<Name>), Span>,
}

impl Merger<'_> {
    fn file(&mut self, blocks: FileBlocks) {
        for project in blocks.projects {
            match &self.package.project {
                Some(first) => {
                    self.out
                        .push(duplicate("The project block", first.span, project.span))
                }
                None => self.package.project = Some(project),
            }
        }
        for package in blocks.packages {
            match &self.package.package {
                Some(first) => {
                    self.out
                        .push(duplicate("The package block", first.span, package.span))
                }
                None => self.package.package = Some(package),
            }
        }
        for (name, expression) in blocks.locals {
            let first = self.local_spans.insert(name.value.clone(), name.span);
            match first {
                Some(first) => {
                    let what = format!("The local value '{}'", name.value);
                    self.out.push(duplicate(&what, first, name.span));
                }
                None => {
                    self.package.locals.insert(name.value, expression);
                }
            }
        }
        let package = &mut *self.package;
        let out = &mut *self.out;
        put_all(
            &mut package.variables,
            blocks.variables,
            ("variable", |block| block.span),
            out,
        );
        put_all(
            &mut package.outputs,
            blocks.outputs,
            ("output", |block| block.span),
            out,
        );
        put_all(
            &mut package.checks,
            blocks.checks,
            ("check", |block| block.span),
            out,
        );
        let layers = blocks
            .layers
            .into_iter()
            .map(|layer| (layer.name.clone(), layer));
        put_all(
            &mut package.layers,
            layers,
            ("layer", |block| block.span),
            out,
        );
        self.instances(blocks.instances);
        self.providers(blocks.providers);
        self.package.moved.extend(blocks.moved);
        self.package.imports.extend(blocks.imports);
        self.package.removed.extend(blocks.removed);
    }

    fn instances(&mut self, instances: Vec<InstanceBlock>) {
        for instance in instances {
            let key = (instance.kind, instance.name.clone());
            match self.package.instances.get(&key) {
                Some(first) => {
                    let kind = match instance.kind {
                        InstanceKind::Cluster => "cluster",
                        InstanceKind::Stack => "stack",
                    };
                    let what = format!("{kind}.{}", instance.name);
                    self.out.push(duplicate(&what, first.span, instance.span));
                }
                None => {
                    self.package.instances.insert(key, instance);
                }
            }
        }
    }

    fn providers(&mut self, providers: Vec<ProviderBlock>) {
        for provider in providers {
            let key = (provider.name.clone(), provider.alias.clone());
            match self.provider_spans.get(&key) {
                Some(first) => {
                    let what = match &provider.alias {
                        Some(alias) => format!("The provider {}.{alias}", provider.name),
                        None => format!("The provider {} without an alias", provider.name),
                    };
                    let diagnostic = duplicate(&what, *first, provider.span);
                    self.out.push(
                        diagnostic.hint("Give each further configuration an alias of its own."),
                    );
                }
                None => {
                    self.provider_spans.insert(key, provider.span);
                    self.package.providers.push(provider);
                }
            }
        }
    }

    fn resources(&mut self, mut resources: Vec<ResourceBlock>) {
        share_types(&mut resources);
        // One sort is quicker than as many insertions, and of places quicker than of large blocks; equals keep the order
        // of files.
        let mut order: Vec<usize> = (0..resources.len()).collect();
        order.sort_by(|left, right| resources[*left].id.cmp(&resources[*right].id));
        order.dedup_by(|later, earlier| {
            let (later, earlier) = (&resources[*later], &resources[*earlier]);
            if later.id != earlier.id {
                return false;
            }
            let mode = match later.id.mode {
                Mode::Managed => "",
                Mode::Data => "data.",
            };
            let what = format!("{mode}{}.{}", later.id.resource_type, later.id.name);
            self.out.push(duplicate(&what, earlier.span, later.span));
            true
        });
        let mut resources: Vec<Option<ResourceBlock>> = resources.into_iter().map(Some).collect();
        let blocks = order.into_iter().filter_map(|at| resources[at].take());
        self.package.resources = blocks.map(|block| (block.id.clone(), block)).collect();
    }
}

/// Lets blocks of all files have one copy of the names of their types.
fn share_types(resources: &mut [ResourceBlock]) {
    let mut types: BTreeSet<Name> = BTreeSet::new();
    let mut last: Option<Name> = None;
    for block in resources {
        let own = &mut block.id.resource_type;
        let known = last.filter(|last| *last == *own);
        let shared = known.unwrap_or_else(|| match types.get(own) {
            Some(known) => known.clone(),
            None => {
                types.insert(own.clone());
                own.clone()
            }
        });
        *own = shared.clone();
        last = Some(shared);
    }
}

fn put_all<V>(
    map: &mut BTreeMap<Name, V>,
    blocks: impl IntoIterator<Item = (Name, V)>,
    (what, span): (&str, fn(&V) -> Span),
    out: &mut Out,
) {
    for (name, block) in blocks {
        match map.get(&name) {
            Some(first) => out.push(duplicate(
                &format!("The {what} '{name}'"),
                span(first),
                span(&block),
            )),
            None => {
                map.insert(name, block);
            }
        }
    }
}

/// Says that something is defined twice: in one file that is a duplicate key, in two a duplicate definition.
fn duplicate(what: &str, first: Span, second: Span) -> Diagnostic {
    let code = if first.file == second.file {
        codes::DUPLICATE_KEY
    } else {
        codes::DUPLICATE_DEFINITION
    };
    code.error(format!("{what} is defined twice."))
        .at(second)
        .label(first, "first defined here")
}
