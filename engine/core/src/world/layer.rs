//! What a layer says in one package instance, and the objects that its manifests describe.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use strata_language::convert::convert;
use strata_language::definition::ProviderBlock;
use strata_language::evaluate::Evaluator;
use strata_language::parse;
use strata_model::layer::{
    LAYER_PROVIDER, LAYER_TYPE, LayerFile, Member, MembersRequest, STAGES, health_rule,
};
use strata_model::provider::{Provider, ProviderConfig, ProviderName};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::{Address, Diagnostic, Diagnostics, InstanceKey, Kind, Mode, Span, Type, Value};

use super::graph::NodeKind;
use super::graph::layers::{
    HOST_OUTPUT, LayerIx, LayerNode, TEMPLATE, files, host_address, is_template,
};
use super::health::{self, HEALTH};
use super::view::{Each, View};
use super::{Dep, ScopeIx, Slot, World};
use crate::code;
use crate::plan::into_host;

/// What is common to all objects of a layer, and the objects.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The arguments, with all that may be said.
    arguments: Value,
    is_template: bool,
    files: Vec<LayerFile>,
    /// The members of each stage, by key.
    stages: Vec<Vec<Member>>,
    /// What the host knows once it is applied: by its own objects, and by those of the layers before it.
    definitions: Vec<Value>,
    /// The connection to the cluster that the layer is applied to.
    pub(crate) cluster: Option<ProviderConfig>,
    /// The object that the cluster is.
    pub(crate) host: Option<Dep>,
    /// What its arguments were made from, and what a pod needs to run.
    pub(crate) deps: Vec<Dep>,
    /// Whether objects that it no longer has are deleted.
    pub(crate) prune: bool,
    /// The time limit of each object.
    pub(crate) timeout: Option<Duration>,
}

impl Rendered {
    /// The members of a stage, by key.
    pub(crate) fn stage(&self, stage: u8) -> &[Member] {
        self.stages
            .get(usize::from(stage))
            .map_or(&[], Vec::as_slice)
    }

    /// All members.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.stages.iter().flatten()
    }

    /// The member of a key.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        self.stages.iter().find_map(|members| {
            let at = members.binary_search_by(|member| (*member.key).cmp(key));
            Some(&members[at.ok()?])
        })
    }
}

/// The key under which rows name a whole stage of a layer. No object has such a key: those have three slashes.
pub(crate) fn stage_key(stage: u8) -> InstanceKey {
    InstanceKey::Text(format!("stage {stage}").into())
}

/// The address of the stage that a row's object belongs to, by what it waits for: all stages before its own.
pub(crate) fn stage_of(address: &Address, dependencies: &[Address]) -> Option<Address> {
    if *address.resource_type != *LAYER_TYPE {
        return None;
    }
    let block = address.block();
    let is_before = |stage: &u8| {
        let before = block.with_key(Some(stage_key(*stage)));
        dependencies.contains(&before)
    };
    let stage = (0..STAGES).find(|stage| !is_before(stage))?;
    Some(block.with_key(Some(stage_key(stage))))
}

/// Addresses in order, with the name of the layer in place of those of all its stages.
pub(crate) fn name_whole_layers(addresses: Vec<Address>) -> Vec<Address> {
    let is_stage = |address: &Address| {
        *address.resource_type == *LAYER_TYPE
            && (0..STAGES).any(|stage| address.key == Some(stage_key(stage)))
    };
    let mut named: Vec<Address> = Vec::with_capacity(addresses.len());
    for group in addresses
        .chunk_by(|left, right| *left.resource_type == *LAYER_TYPE && left.block() == right.block())
    {
        let stages = group.iter().filter(|address| is_stage(address)).count();
        if stages == usize::from(STAGES) {
            named.push(group[0].block());
        } else {
            named.extend_from_slice(group);
        }
    }
    named
}

/// What a layer may say.
static ARGUMENTS: LazyLock<Schema> = LazyLock::new(|| {
    let text = |about| Attribute::optional(AttributeType::String, about);
    let switch = |about| Attribute::optional(AttributeType::Bool, about);
    Schema::new([
        ("path", text("")),
        ("kustomize", text("")),
        ("helm", Attribute::optional(AttributeType::Any, "")),
        ("template", switch("")),
        ("namespace", text("")),
        ("create_namespace", switch("")),
        ("deliver", text("")),
        ("prune", switch("")),
        ("wait", switch("")),
        ("timeout", text("")),
        ("conflicts", text("")),
        (
            "health",
            Attribute::optional(AttributeType::List(Box::new(health_rule())), ""),
        ),
    ])
});

/// What a layer is told of while it is evaluated.
struct Rendering<'w> {
    layer: &'w LayerNode<'w>,
    provider: &'w dyn Provider,
    scope: ScopeIx,
}

impl World<'_> {
    /// The provider of layers, where there is one.
    fn layer_provider(&self) -> Option<&dyn Provider> {
        let name = ProviderName(LAYER_PROVIDER.into());
        self.outside.providers.schema(Mode::Managed, LAYER_TYPE)?;
        self.outside.providers.get(&name).map(AsRef::as_ref)
    }

    /// What a layer's node has in a package instance.
    pub(crate) fn rendered(&self, layer: LayerIx, scope: ScopeIx) -> Option<Arc<Rendered>> {
        match self.slot(self.graph.layers[layer].render, scope) {
            Slot::Layer(rendered) => Some(rendered.clone()),
            Slot::Empty | Slot::Value(_) | Slot::Block(_) | Slot::Provider(..) => None,
        }
    }

    /// Where the names in a layer have their meaning.
    fn writer(&self, layer: &LayerNode<'_>, scope: ScopeIx) -> (ScopeIx, Option<Each>) {
        let instance = &self.scopes[scope];
        match instance.parent {
            Some(parent) if layer.path != layer.writer => (parent, instance.each.clone()),
            Some(_) | None => (scope, None),
        }
    }

    /// Evaluates a layer in a package instance.
    pub(crate) fn render(
        &self,
        layer: LayerIx,
        scope: ScopeIx,
        diagnostics: &mut Diagnostics,
    ) -> Slot {
        let layer = &self.graph.layers[layer];
        let Some(provider) = self.layer_provider() else {
            let detail = "The Kubernetes provider, which layers need, is not part of this version.";
            diagnostics.push(not_yet(detail, layer.block.span));
            return Slot::Empty;
        };
        let mut found = Diagnostics::new();
        let rendering = Rendering {
            layer,
            provider,
            scope,
        };
        let rendered = self.try_render(&rendering, &mut found);
        let has_errors = found.has_errors();
        diagnostics.extend(found);
        match rendered {
            Some(rendered) if !has_errors => Slot::Layer(Arc::new(rendered)),
            Some(_) | None => Slot::Empty,
        }
    }

    fn try_render(&self, of: &Rendering<'_>, found: &mut Diagnostics) -> Option<Rendered> {
        let block = of.layer.block;
        let (scope, each) = self.writer(of.layer, of.scope);
        let view = View::with_each(self, scope, each);
        let evaluator = self.evaluator(&view);
        let arguments =
            evaluator.evaluate_arguments(&block.arguments, &ARGUMENTS, block.span, found);
        if found.has_errors() || !self.is_usable(of, &arguments, found) {
            return None;
        }
        let path = self.path_of(of, &arguments, found)?;
        let is_template = flag(&arguments, "template").unwrap_or(false);
        let tree = self.tree(self.scopes[scope].path)?;
        let files = files(tree, path)
            .map_err(|(detail, hint)| {
                let diagnostic =
                    Diagnostic::error(code::INVALID_MANIFEST, "Invalid manifest", detail)
                        .at(block.place_of("path"));
                found.push(match hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                });
            })
            .ok()?;
        let mut definitions = self.definitions(of);
        let request = MembersRequest {
            files: &files,
            namespace: arguments.get("namespace").and_then(Value::as_str),
            definitions: &definitions,
            template: is_template,
        };
        let members = members(of, request, found)?;
        let own = members.iter().map(|member| &member.manifest);
        definitions.extend(
            own.filter(|manifest| defines(of.provider, manifest))
                .cloned(),
        );
        health::check_use(block, &arguments, &members, found);
        let timeout = timeout(of.layer, &arguments, found);
        let mut rendered = Rendered {
            prune: flag(&arguments, "prune").unwrap_or(true),
            arguments,
            is_template,
            stages: Vec::new(),
            definitions,
            files,
            cluster: None,
            host: None,
            deps: Vec::new(),
            timeout,
        };
        rendered.stages = self.staged(of, (&rendered, members), &evaluator, found);
        let (host, needed) = self.host(of, found)?;
        if let Some((host, address)) = host {
            rendered.host = Some(host);
            rendered.cluster = Some(into_host(&address));
        }
        view.touch_all(&needed);
        rendered.deps = view.into_deps();
        Some(rendered)
    }

    /// What the layers define that come before one in the same host.
    fn definitions(&self, of: &Rendering<'_>) -> Vec<Value> {
        let mut definitions: Vec<Value> = Vec::new();
        for other in self.graph.layers_before(of.layer) {
            let before = &self.graph.layers[other];
            if !self.graph.is_same_host(of.layer, before) {
                continue;
            }
            let scope = if before.path == of.layer.path {
                of.scope
            } else {
                self.writer(of.layer, of.scope).0
            };
            for definition in self
                .rendered(other, scope)
                .iter()
                .flat_map(|other| &other.definitions)
            {
                if !definitions.contains(definition) {
                    definitions.push(definition.clone());
                }
            }
        }
        definitions
    }

    /// Whether everything that a layer says is known, and can be done.
    fn is_usable(&self, of: &Rendering<'_>, arguments: &Value, found: &mut Diagnostics) -> bool {
        let block = of.layer.block;
        let members = arguments.members();
        for (name, value) in members.into_iter().flat_map(|members| members.iter()) {
            let place = block.place_of(name);
            if value.has_unknown() {
                if !self.outside.lenient && !self.is_faulty(of.layer.render) {
                    let detail = format!(
                        "\"{name}\" of a layer must be known when planning, and this is known only after apply."
                    );
                    let diagnostic =
                        Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
                    found.push(diagnostic.at(place));
                }
                return false;
            }
            if value.has_secret() {
                let detail = format!("\"{name}\" of a layer must not be made from a secret.");
                let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
                found.push(diagnostic.at(place));
            }
        }
        for name in ["kustomize", "helm"] {
            if arguments.get(name).is_some_and(|value| !value.is_null()) {
                let detail = format!("Layers by {name} are not part of this version yet.");
                found.push(not_yet(&detail, block.place_of(name)).hint(
                    "A layer of plain manifests names their directory with `path`; everything else of the project can be planned.",
                ));
            }
        }
        health::check(block, arguments, found);
        self.check_words(of, arguments, found);
        !found.has_errors()
    }

    fn check_words(&self, of: &Rendering<'_>, arguments: &Value, found: &mut Diagnostics) {
        let block = of.layer.block;
        let word = |name: &str| arguments.get(name).and_then(Value::as_str);
        let mut check = |name: &str, words: [&str; 2]| {
            if word(name).is_some_and(|word| !words.contains(&word)) {
                let detail = format!("\"{name}\" is \"{}\" or \"{}\".", words[0], words[1]);
                let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
                found.push(diagnostic.at(block.place_of(name)));
            }
        };
        check("deliver", ["push", "pull"]);
        check("conflicts", ["error", "take"]);
        if word("deliver") == Some("pull") {
            let detail = "Delivery by a GitOps controller is not part of this version yet.";
            found.push(not_yet(detail, block.place_of("deliver")));
        }
        let template = block.arguments.get("template");
        let is_open = template.is_some_and(|given| given.value.literal().is_none());
        if is_open {
            let detail = "\"template\" is true or false, written out.";
            let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
            found.push(diagnostic.at(block.place_of("template")));
        }
    }

    fn path_of<'v>(
        &self,
        of: &Rendering<'_>,
        arguments: &'v Value,
        found: &mut Diagnostics,
    ) -> Option<&'v str> {
        let block = of.layer.block;
        let path = arguments.get("path").and_then(Value::as_str);
        if path.is_none() {
            let detail = format!("The layer {} has no manifests.", block.name);
            let diagnostic = Diagnostic::error(code::MISSING_VALUE, "Missing value", detail);
            found.push(
                diagnostic
                    .at(block.span)
                    .hint("Name their directory with `path`."),
            );
        }
        let given = block.arguments.get("path");
        let is_open = given.is_some_and(|given| given.value.literal().is_none());
        if is_open && flag(arguments, "template") == Some(true) {
            let detail = "The path of a layer with templates is plain text: what they refer to is found before anything has a value.";
            let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
            found.push(diagnostic.at(block.place_of("path")));
            return None;
        }
        path
    }

    /// Sorts members into stages, with the keys that they have in the end.
    fn staged(
        &self,
        of: &Rendering<'_>,
        (rendered, members): (&Rendered, Vec<Member>),
        evaluator: &Evaluator<'_>,
        found: &mut Diagnostics,
    ) -> Vec<Vec<Member>> {
        let mut places: BTreeMap<Arc<str>, (Arc<str>, u32)> = BTreeMap::new();
        let mut stages = vec![Vec::new(); usize::from(STAGES)];
        for mut member in members {
            if rendered.is_template && is_template(&member.key) {
                match self.key(of, (rendered, &member), evaluator, found) {
                    Some(key) => member.key = key,
                    None => continue,
                }
            }
            let here = (member.file.clone(), member.line);
            if let Some((file, line)) = places.insert(member.key.clone(), here) {
                let detail = format!(
                    "{}:{}: {} is described at {file}:{line} already.",
                    member.file, member.line, member.key
                );
                found.push(invalid(of.layer, detail));
            }
            let stage = usize::from(member.stage.min(STAGES - 1));
            stages[stage].push(member);
        }
        for members in &mut stages {
            members.sort_by(|left: &Member, right: &Member| left.key.cmp(&right.key));
        }
        stages
    }

    fn key(
        &self,
        of: &Rendering<'_>,
        (rendered, member): (&Rendered, &Member),
        evaluator: &Evaluator<'_>,
        found: &mut Diagnostics,
    ) -> Option<Arc<str>> {
        let filling = Filling {
            layer: of.layer,
            rendered,
            member,
            evaluator,
        };
        let errors = found.error_count();
        let key = filling.text(&member.key, found);
        if found.error_count() > errors {
            return None;
        }
        let usable = key.as_str().filter(|_| !key.is_secret()).map(Arc::from);
        let excused = key.is_unknown() && (self.outside.lenient || self.is_faulty(of.layer.render));
        if usable.is_none() && !excused {
            let detail = format!(
                "{}:{}: kind, namespace and name of an object must be known when planning, and no secret; they are {}.",
                member.file, member.line, member.key
            );
            found.push(invalid(of.layer, detail));
        }
        usable
    }

    /// The object that the layer's cluster is, with its address, and everything that a pod needs to run in it. `None`
    /// when there is not exactly one.
    #[expect(
        clippy::type_complexity,
        reason = "it is taken apart where it is called"
    )]
    fn host(
        &self,
        of: &Rendering<'_>,
        found: &mut Diagnostics,
    ) -> Option<(Option<(Dep, Address)>, Vec<Dep>)> {
        if !of.layer.is_of_cluster() {
            return Some((None, Vec::new()));
        }
        let cluster = of.layer.cluster?;
        let output = *self.graph.paths[cluster].outputs.get(HOST_OUTPUT)?;
        let scope = self.cluster_scope(of, found)?;
        let Slot::Value(known) = self.slot(output, scope) else {
            return None;
        };
        let mut hosts = known.deps.iter().filter(|dep| self.is_host(dep));
        let (first, second) = (hosts.next(), hosts.next());
        match (first, second) {
            (Some(host), None) if host.instance.is_some() => {
                let address = self.dep_address(host)?;
                Some((Some((*host, address)), known.deps.clone()))
            }
            (Some(_), _) | (None, _) => {
                if !self.outside.lenient && !self.is_faulty(of.layer.render) {
                    let detail = format!(
                        "The output {HOST_OUTPUT} of the cluster's stack is made from {} cluster, and it must be from exactly one.",
                        if first.is_none() {
                            "no"
                        } else {
                            "more than one"
                        }
                    );
                    let diagnostic =
                        Diagnostic::error(code::NO_HOST, "No cluster to apply to", detail);
                    found.push(diagnostic.at(of.layer.block.span));
                }
                None
            }
        }
    }

    /// The cluster into which a provider block leads.
    pub(super) fn host_dep(&self, block: &ProviderBlock) -> Option<Dep> {
        let address = host_address(block)?;
        let node = self.graph.node_of(&address)?;
        let mut scopes = self.by_path[self.graph.nodes[node].path].iter().copied();
        let scope = scopes.find(|scope| self.scopes[*scope].address == address.scope)?;
        let at = self.block(node, scope)?.position(address.key.as_ref());
        Some(Dep {
            node,
            scope,
            instance: at.and_then(|at| u32::try_from(at).ok()),
        })
    }

    fn is_host(&self, dep: &Dep) -> bool {
        let NodeKind::Resource(block) = &self.graph.nodes[dep.node].kind else {
            return false;
        };
        let known = self
            .outside
            .providers
            .schema(block.id.mode, &block.id.resource_type);
        known.is_some_and(|(_, schema)| schema.hosts)
    }

    /// The package instance of the layer's cluster.
    fn cluster_scope(&self, of: &Rendering<'_>, found: &mut Diagnostics) -> Option<ScopeIx> {
        let layer = of.layer;
        let cluster = layer.cluster?;
        if layer.path != layer.writer {
            return Some(of.scope);
        }
        let instance = |scope: &&ScopeIx| {
            let instance = &self.scopes[**scope];
            let key = instance.each.as_ref().map(|each| &each.key);
            instance.parent == Some(of.scope) && key == layer.cluster_key.as_ref()
        };
        let scope = self.by_path[cluster].iter().find(instance).copied();
        if scope.is_none() && self.is_opened(cluster, of.scope) && !self.outside.lenient {
            let name = layer.block.cluster.as_ref();
            let detail = match &layer.cluster_key {
                Some(key) => format!("The cluster has no instance {key}."),
                None => "The cluster has count or for_each: name one of its instances, such as cluster.NAME[\"key\"].".to_owned(),
            };
            let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail);
            found.push(diagnostic.at_opt(name.map(|name| name.span)));
        }
        scope
    }

    /// What the block of one object of a layer would say, and what that was made from.
    pub(crate) fn member_config(
        &self,
        (layer, scope): (LayerIx, ScopeIx),
        (rendered, member): (&Rendered, &Member),
        schema: &ResourceSchema,
        diagnostics: &mut Diagnostics,
    ) -> (Value, Vec<Dep>) {
        let layer = &self.graph.layers[layer];
        let address = self.address(&layer.block.objects.id, scope, None);
        let (scope, each) = self.writer(layer, scope);
        let view = View::with_each(self, scope, each);
        let manifest = if rendered.is_template {
            let evaluator = self.evaluator(&view);
            let filling = Filling {
                layer,
                rendered,
                member,
                evaluator: &evaluator,
            };
            filling.value(&member.manifest, diagnostics)
        } else {
            member.manifest.clone()
        };
        let attributes = schema.schema.attributes().iter();
        let config = attributes.map(|(name, attribute)| {
            let ty = attribute.ty.ty();
            let given = rendered.arguments.get(name);
            let value = match (name.as_ref(), given) {
                ("manifest", _) => manifest.clone(),
                ("layer", _) => Value::string(address.to_string()),
                (HEALTH, Some(given)) if !given.is_null() => {
                    let rule = health::of_object(given, &manifest);
                    let rule = rule.and_then(|rule| convert(&rule, &ty).ok());
                    rule.unwrap_or_else(|| Value::null_of(ty))
                }
                (_, Some(given)) if !given.is_null() && attribute.is_argument() => {
                    convert(given, &ty).unwrap_or_else(|_| Value::null_of(ty))
                }
                (_, Some(_) | None) => Value::null_of(ty),
            };
            (name.clone(), value)
        });
        (Value::object(config), view.into_deps())
    }
}

/// The templates of one object.
struct Filling<'f> {
    layer: &'f LayerNode<'f>,
    rendered: &'f Rendered,
    member: &'f Member,
    evaluator: &'f Evaluator<'f>,
}

impl Filling<'_> {
    fn value(&self, value: &Value, found: &mut Diagnostics) -> Value {
        let filled = match value.kind() {
            Kind::String(text) if is_template(text) => self.text(text, found),
            Kind::Object(members) | Kind::Map(_, members) => Value::object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.value(value, found))),
            ),
            Kind::List(_, elements) | Kind::Tuple(elements) => Value::tuple(
                elements
                    .iter()
                    .map(|value| self.value(value, found))
                    .collect(),
            ),
            Kind::String(_)
            | Kind::Set(..)
            | Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_) => return value.clone(),
        };
        let secret = filled.is_secret() || value.is_secret();
        filled.with_secret(secret)
    }

    fn text(&self, text: &str, found: &mut Diagnostics) -> Value {
        let expr = match parse::template(text, TEMPLATE, 0) {
            Ok(expr) => expr,
            Err(diagnostic) => {
                found.push(self.located(text, *diagnostic));
                return Value::unknown(Type::Any);
            }
        };
        let mut faults = Diagnostics::new();
        let value = self.evaluator.evaluate(&expr, &mut faults);
        let located = faults.iter().map(|fault| self.located(text, fault.clone()));
        found.extend(located);
        value
    }

    /// A diagnostic of a template, with its place in the manifest in words: spans lead to definitions only.
    fn located(&self, text: &str, fault: Diagnostic) -> Diagnostic {
        let line = self.line_of(text);
        Diagnostic {
            detail: format!("{}:{line}: {}", self.member.file, fault.detail),
            span: Some(self.layer.block.place_of("path")),
            labels: Vec::new(),
            ..fault
        }
    }

    /// The line of a text in the manifest, from where the object begins.
    fn line_of(&self, text: &str) -> u32 {
        let files = &self.rendered.files;
        let file = files.iter().find(|(path, _)| *path == self.member.file);
        let wanted = text.lines().find(|line| is_template(line));
        let (Some((_, file)), Some(wanted)) = (file, wanted) else {
            return self.member.line;
        };
        let begin = usize::try_from(self.member.line.saturating_sub(1)).unwrap_or(0);
        let lines = file.lines().enumerate().skip(begin);
        let found = lines
            .filter(|(_, line)| line.contains(wanted.trim()))
            .map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))
            .next();
        found.unwrap_or(self.member.line)
    }
}

fn flag(arguments: &Value, name: &str) -> Option<bool> {
    arguments.get(name).and_then(Value::as_bool)
}

/// Whether an object says what its host will know.
fn defines(provider: &dyn Provider, manifest: &Value) -> bool {
    let config = Value::object([("manifest", manifest.clone())]);
    provider.defines(LAYER_TYPE, &config)
}

fn members(
    of: &Rendering<'_>,
    request: MembersRequest<'_>,
    found: &mut Diagnostics,
) -> Option<Vec<Member>> {
    of.provider
        .members(request)
        .map_err(|faults| {
            for fault in faults {
                let detail = format!("{}:{}: {}", fault.file, fault.line, fault.message);
                let diagnostic = invalid(of.layer, detail);
                found.push(match fault.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                });
            }
        })
        .ok()
}

fn timeout(layer: &LayerNode<'_>, arguments: &Value, found: &mut Diagnostics) -> Option<Duration> {
    let text = arguments.get("timeout").and_then(Value::as_str)?;
    let limit = crate::plan::parse_duration(text);
    if limit.is_none() {
        let detail = "\"timeout\" must be a duration such as \"30m\" or \"1h\".";
        let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail);
        found.push(diagnostic.at(layer.block.place_of("timeout")));
    }
    limit
}

fn invalid(layer: &LayerNode<'_>, detail: String) -> Diagnostic {
    Diagnostic::error(code::INVALID_MANIFEST, "Invalid manifest", detail)
        .at(layer.block.place_of("path"))
}

fn not_yet(detail: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::NOT_YET, "Not supported yet", detail).at(span)
}
