//! The objects of layers: one instance for each, stage by stage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::layer::{INVENTORY, LAYER_TYPE, Member};
use strata_model::provider::{ProviderConfig, ValidateRequest};
use strata_model::state::{RowKey, StateRow};
use strata_model::{Address, Diagnostic, InstanceKey, Mode, Position, Value};

use super::LayerObject;
use super::change::{ChangeKind, InstanceChange, Said, place_of};
use super::judged::Declaration;
use super::walk::{Planner, Site};
use crate::code;
use crate::world::expand::Expansion;
use crate::world::graph::layers::LayerIx;
use crate::world::graph::{NodeId, NodeKind};
use crate::world::layer::{Rendered, name_whole_layers};
use crate::world::view::{Each, View};
use crate::world::{Block, Dep, ResourceInstance, Slot};

/// Where one object of a layer is declared.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    address: Address,
    file: Arc<str>,
    line: u32,
}

/// The objects that layers declare, by connection and key.
pub(super) type LayerObjects = BTreeMap<(String, Arc<str>), Declared>;

/// One stage of a layer in one package instance.
struct Stage<'a> {
    site: Site<'a>,
    layer: LayerIx,
    rendered: Arc<Rendered>,
    /// What each of its objects waits for.
    gate: Arc<[Dep]>,
}

impl<'a> Planner<'a> {
    /// Plans a stage of a layer.
    pub(super) fn stage(&mut self, node: NodeId, layer: LayerIx, stage: u8) {
        let graph = self.world.graph;
        let known = self.input.providers.schema(Mode::Managed, LAYER_TYPE);
        for scope in self.world.by_path[graph.nodes[node].path].clone() {
            let rendered = self.world.rendered(layer, scope);
            let (Some(rendered), Some((provider, schema))) = (rendered, known) else {
                let unknown = Block {
                    expansion: Expansion::Unknown,
                    instances: Vec::new(),
                };
                self.world.set(node, scope, Slot::Block(unknown));
                continue;
            };
            let site = Site {
                node,
                scope,
                block: &graph.layers[layer].block.objects,
                provider,
                schema,
            };
            let gate = self.gate(site, layer, (&rendered, stage));
            let stage_of = Stage {
                site,
                layer,
                rendered: rendered.clone(),
                gate,
            };
            self.renew_judge(site);
            let members = rendered.stage(stage);
            let mut instances = Vec::with_capacity(members.len());
            for (at, member) in members.iter().enumerate() {
                let at = u32::try_from(at).unwrap_or(u32::MAX);
                let each = each_of(member);
                let value = self.member(&stage_of, at, member, &each);
                instances.push(ResourceInstance {
                    each: Some(each),
                    value,
                });
            }
            let block = Block {
                expansion: Expansion::ForEach,
                instances,
            };
            self.world.set(node, scope, Slot::Block(block));
        }
    }

    /// What every object of a stage waits for: the stages before it, and all that the layer itself waits for.
    fn gate(
        &self,
        site: Site<'_>,
        layer: LayerIx,
        (rendered, stage): (&Rendered, u8),
    ) -> Arc<[Dep]> {
        let graph = self.world.graph;
        let node = &graph.layers[layer];
        let view = View::new(&self.world, site.scope);
        view.touch_all(&rendered.deps);
        view.touch_all(&self.world.scopes[site.scope].depends_on);
        if let Some((_, provider)) = self.provider_slot(site) {
            view.touch_all(provider);
        }
        for entry in &node.block.depends_on {
            let own = node.path_of(graph, &entry.reference) == node.path;
            let parent = self.world.scopes[site.scope].parent;
            let scope = if own { Some(site.scope) } else { parent };
            if let Some(scope) = scope {
                let entry = std::slice::from_ref(entry);
                view.touch_all(&self.world.resolve_depends_on(scope, entry));
            }
        }
        let before: Vec<Dep> = (0..stage)
            .map(|lower| Dep {
                node: node.stage(lower),
                scope: site.scope,
                instance: None,
            })
            .collect();
        view.touch_all(&before);
        view.into_deps().into()
    }

    fn member(&mut self, stage: &Stage<'a>, at: u32, member: &Member, each: &Each) -> Value {
        let site = stage.site;
        let address = self
            .world
            .address(&site.block.id, site.scope, Some(&each.key));
        let errors = self.diagnostics.error_count();
        let said = self.said(stage, member);
        let basis = self.validate_member(stage, (&address, member), &said.config);
        self.is_declared_once(stage, (&address, member));
        if self.diagnostics.error_count() > errors {
            return Value::unknown(site.schema.schema.object_type().clone());
        }
        let value = self.said_instance(site, (at, address), said, basis.as_deref());
        value.unwrap_or_else(|| Value::unknown(site.schema.schema.object_type().clone()))
    }

    fn said(&mut self, stage: &Stage<'a>, member: &Member) -> Said {
        let (layer, site) = (stage.layer, stage.site);
        let mut found = strata_model::Diagnostics::new();
        let (config, own) = self.world.member_config(
            (layer, site.scope),
            (&stage.rendered, member),
            site.schema,
            &mut found,
        );
        self.diagnostics.extend(found);
        let view = View::new(&self.world, site.scope);
        view.touch_all(&own);
        view.touch_all(&stage.gate);
        let mut timeouts = site.schema.timeouts;
        if let Some(limit) = stage.rendered.timeout {
            (timeouts.create, timeouts.update, timeouts.delete) = (limit, limit, limit);
        }
        Said {
            config,
            protect: false,
            timeouts,
            deps: view.into_deps(),
            gate: Some(stage.gate.clone()),
            source: Some(source_of(member)),
        }
    }

    fn validate_member(
        &mut self,
        stage: &Stage<'a>,
        (address, member): (&Address, &Member),
        config: &Value,
    ) -> Option<Arc<str>> {
        let site = stage.site;
        let request = ValidateRequest {
            resource_type: Some((Mode::Managed, site.schema.name)),
            config,
        };
        let place = self.world.graph.layers[stage.layer].block.place_of("path");
        let mut faults = site.provider.validate(request);
        let mut basis = None;
        if faults.is_empty() {
            let declaration = Declaration {
                address,
                span: place,
                place: Some(format!("{}:{}", member.file, member.line)),
            };
            let verdict = self.judge(site, &declaration, config);
            (faults, basis) = (verdict.faults, verdict.basis);
        }
        for fault in faults {
            let detail = format!(
                "{}:{}: {}: {}",
                member.file, member.line, fault.path, fault.message
            );
            self.diagnostics.push(
                Diagnostic::error(code::INVALID_MANIFEST, "Invalid manifest", detail)
                    .at(place)
                    .about(address),
            );
        }
        basis
    }

    /// Says it if another layer on the same cluster describes the same object.
    fn is_declared_once(&mut self, stage: &Stage<'a>, (address, member): (&Address, &Member)) {
        let Some(provider) = self.provider_config(stage.site) else {
            return;
        };
        if *member.key == *INVENTORY {
            return;
        }
        let declared = Declared {
            address: address.clone(),
            file: member.file.clone(),
            line: member.line,
        };
        let object = (provider.key(), member.key.clone());
        let Some(first) = self.layer_objects.insert(object, declared) else {
            return;
        };
        let detail = format!(
            "{}:{}: {} is described at {}:{} already, as {}. One object has one address.",
            member.file, member.line, member.key, first.file, first.line, first.address
        );
        self.diagnostics.push(
            Diagnostic::error(code::INVALID_MANIFEST, "Invalid manifest", detail)
                .at(self.world.graph.layers[stage.layer].block.place_of("path"))
                .about(address),
        );
    }

    /// The connection of a layer's objects to their cluster; `None` for what is no layer on a cluster.
    pub(super) fn cluster_config(&self, site: Site<'_>) -> Option<ProviderConfig> {
        let NodeKind::Stage(layer, _) = self.world.graph.nodes[site.node].kind else {
            return None;
        };
        self.world.rendered(layer, site.scope)?.cluster.clone()
    }

    /// Whether an object of a layer was in another layer on the same cluster, which no longer has it.
    pub(super) fn comes_from_another_layer(&self, site: Site<'_>, address: &Address) -> bool {
        self.former(site, address).is_some()
    }

    /// The row of an object of a layer that no declaration has claimed, in another layer of the same cluster.
    fn former(&self, site: Site<'_>, address: &Address) -> Option<(&'a RowKey, &'a StateRow)> {
        if text_of(address) == INVENTORY {
            return None;
        }
        let provider = self.provider_config(site)?;
        let rows = self.former.get(address.key.as_ref()?)?;
        rows.iter().copied().find(|(key, row)| {
            key.address.block() != address.block()
                && self.is_one_host(&provider, &row.provider)
                && !self.claimed.contains(&place_of(key))
        })
    }

    /// Gives objects that went from one layer into another their rows. It is done when all layers are known.
    pub(super) fn layer_moves(&mut self) {
        for at in 0..self.changes.len() {
            let change = &self.changes[at];
            let is_new = change.row.is_none() && change.kind.is_change();
            let NodeKind::Stage(layer, stage) = self.world.graph.nodes[change.dep.node].kind else {
                continue;
            };
            if !is_new {
                continue;
            }
            let (scope, address) = (change.dep.scope, change.address.clone());
            let known = self.input.providers.schema(Mode::Managed, LAYER_TYPE);
            let rendered = self.world.rendered(layer, scope);
            let (Some((provider, schema)), Some(rendered)) = (known, rendered) else {
                continue;
            };
            let site = Site {
                node: change.dep.node,
                scope,
                block: change.block,
                provider,
                schema,
            };
            let key = text_of(&address);
            let (Some(row), Some(member)) = (self.former(site, &address), rendered.member(key))
            else {
                continue;
            };
            let gate = self.gate(site, layer, (&rendered, stage));
            let rendered = rendered.clone();
            let member = member.clone();
            let stage = Stage {
                site,
                layer,
                rendered,
                gate,
            };
            let said = self.said(&stage, &member);
            self.claimed.insert(place_of(row.0), ());
            let Some((kind, _, drifted)) = self.change(site, &address, Some(row), &said.config)
            else {
                continue;
            };
            let change = &mut self.changes[at];
            change.kind = kind;
            change.row = Some(row);
            change.drifted = drifted;
            if !change.kind.is_beginning() {
                change.doubt = None;
            }
        }
    }

    /// The objects of all layers as they are declared, in the order in which they are applied.
    pub(super) fn layer_objects_in_order(&self) -> Vec<LayerObject> {
        let mut objects = Vec::new();
        let of_layers = self.changes.iter().filter(|change| change.gate.is_some());
        let of_layers = of_layers.filter(|_| self.input.layer_needs);
        let changes: BTreeMap<&Address, &InstanceChange<'_>> =
            of_layers.map(|change| (&change.address, change)).collect();
        for (at, layer) in self.world.graph.layers.iter().enumerate() {
            for scope in &self.world.by_path[layer.path] {
                let Some(rendered) = self.world.rendered(at, *scope) else {
                    continue;
                };
                for (stage, node) in (0..).zip(layer.stages()) {
                    let block = self.world.block(node, *scope);
                    let instances = block.iter().flat_map(|block| &block.instances);
                    for instance in instances {
                        let key = instance.each.as_ref().map(|each| &each.key);
                        let address = self.world.address(&layer.block.objects.id, *scope, key);
                        let Some(member) = rendered.member(text_of(&address)) else {
                            continue;
                        };
                        let change = changes.get(&address);
                        objects.push(LayerObject {
                            source: source_of(member),
                            attributes: instance.value.clone(),
                            stage,
                            waits_for: change.map_or_else(Vec::new, |change| self.needs_of(change)),
                            address,
                        });
                    }
                }
            }
        }
        objects
    }

    /// What an object of a layer waits for.
    fn needs_of(&self, change: &InstanceChange<'_>) -> Vec<Address> {
        let needs = change.deps.iter();
        let mut needs: Vec<Address> = needs
            .filter_map(|dep| self.world.dep_address(dep))
            .collect();
        needs.sort_unstable();
        needs.dedup();
        name_whole_layers(needs)
    }

    /// The manifests that hold secrets, by package and path.
    pub(super) fn secret_files(&self) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let mut files = BTreeSet::new();
        for (at, layer) in self.world.graph.layers.iter().enumerate() {
            let package = &self.world.graph.paths[layer.writer].package.key;
            let scopes = self.world.by_path[layer.path].iter();
            for rendered in scopes.filter_map(|scope| self.world.rendered(at, *scope)) {
                let secret = rendered
                    .members()
                    .filter(|member| member.manifest.has_secret());
                files.extend(secret.map(|member| (package.clone(), member.file.clone())));
            }
        }
        files
    }

    /// What becomes of a recorded object of a layer that nothing declares any more.
    pub(super) fn layer_orphan(&self, address: &Address) -> LayerOrphan {
        if *address.resource_type != *LAYER_TYPE {
            return LayerOrphan::Deleted;
        }
        let Some((layer, rendered)) = self.declared_layer(address) else {
            return LayerOrphan::Deleted;
        };
        if !rendered.prune {
            LayerOrphan::Forgotten
        } else if rendered.members().next().is_none() {
            LayerOrphan::LayerIsEmpty(layer)
        } else {
            LayerOrphan::Deleted
        }
    }

    /// The layer that an address belongs to, as it is declared now.
    fn declared_layer(&self, address: &Address) -> Option<(LayerIx, Arc<Rendered>)> {
        let layers = self.world.graph.layers.iter().enumerate();
        layers
            .filter(|(_, layer)| layer.block.name == address.name)
            .find_map(|(at, layer)| {
                let scopes = self.world.by_path[layer.path].iter();
                let mut own =
                    scopes.filter(|scope| self.world.scopes[**scope].address == address.scope);
                Some((at, self.world.rendered(at, *own.next()?)?))
            })
    }
}

/// What becomes of an object that its layer no longer has.
pub(super) enum LayerOrphan {
    Deleted,
    Forgotten,
    /// The layer has no objects at all: that may be a slip.
    LayerIsEmpty(LayerIx),
}

/// The recorded objects of layers, by key: those that may have gone into another layer.
pub(super) fn former_objects<'a>(
    rows: impl Iterator<Item = (&'a RowKey, &'a StateRow)>,
) -> BTreeMap<InstanceKey, Vec<(&'a RowKey, &'a StateRow)>> {
    let mut former: BTreeMap<InstanceKey, Vec<_>> = BTreeMap::new();
    for (key, row) in rows {
        let address = &key.address;
        if *address.resource_type == *LAYER_TYPE
            && key.deposed.is_none()
            && let Some(name) = &address.key
        {
            former.entry(name.clone()).or_default().push((key, row));
        }
    }
    former
}

/// The instance that a member is.
pub(crate) fn each_of(member: &Member) -> Each {
    Each {
        key: InstanceKey::Text(member.key.clone()),
        value: Value::null(),
        stand_in: false,
    }
}

fn source_of(member: &Member) -> Position {
    Position {
        file: member.file.clone(),
        line: member.line,
        column: 1,
    }
}

fn text_of(address: &Address) -> &str {
    match &address.key {
        Some(InstanceKey::Text(text)) => text,
        Some(InstanceKey::Index(_)) | None => "",
    }
}

impl ChangeKind {
    /// Whether an object is made from nothing, or taken over.
    pub(super) fn is_beginning(&self) -> bool {
        matches!(self, ChangeKind::Create { .. } | ChangeKind::Replace { .. })
    }
}
