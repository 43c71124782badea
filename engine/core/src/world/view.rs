//! What one expression sees.

use std::cell::RefCell;

use strata_language::definition::{Arguments, Condition, InstanceKind};
use strata_language::evaluate::{Evaluator, Outcome};
use strata_language::expression::Reference;
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::provider::ArgumentFault;
use strata_model::{Diagnostic, Diagnostics, InstanceKey, Name, Span, Type, Value};

use super::expand::Expansion;
use super::graph::{NodeId, PathId};
use super::{Dep, ScopeIx, Slot, World, collect};
use crate::code;

/// Key and value of an instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Each {
    pub(crate) key: InstanceKey,
    /// `each.value`; null for `count`.
    pub(crate) value: Value,
    /// Whether the key is only a stand-in, when definitions are checked without values.
    pub(crate) stand_in: bool,
}

/// More dependencies than this on instances of one block count as one on the block, so that edges stay linear.
const INSTANCE_DEPS_LIMIT: usize = 32;

/// What one expression sees; it notes which resources were looked at.
pub(crate) struct View<'w> {
    world: &'w World<'w>,
    pub(crate) scope: ScopeIx,
    each: Option<Each>,
    this: Option<Value>,
    variable: Option<(Name, Value)>,
    touched: RefCell<Touched>,
}

/// What was looked at, with repetitions: a handful mostly, so they are put in order once, at the end.
#[derive(Debug, Default)]
struct Touched {
    deps: Vec<Dep>,
    /// How many there were when the repetitions were dropped last.
    distinct: usize,
}

/// So many are kept before repetitions are dropped.
const REPETITIONS: usize = 256;

impl Touched {
    fn insert(&mut self, dep: Dep) {
        if self.deps.last() == Some(&dep) {
            return;
        }
        self.deps.push(dep);
        if self.deps.len() >= REPETITIONS + 2 * self.distinct {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.deps.sort_unstable();
        self.deps.dedup();
        self.distinct = self.deps.len();
    }
}

impl<'w> View<'w> {
    pub(crate) fn new(world: &'w World<'_>, scope: ScopeIx) -> View<'w> {
        Self::with_each(world, scope, None)
    }

    pub(crate) fn with_each(world: &'w World<'_>, scope: ScopeIx, each: Option<Each>) -> View<'w> {
        View {
            world,
            scope,
            each,
            this: None,
            variable: None,
            touched: RefCell::default(),
        }
    }

    /// Lets `self` be a value.
    pub(crate) fn set_self(&mut self, value: Value) {
        self.this = Some(value);
    }

    /// Lets a variable be a value, while it is being validated.
    pub(crate) fn override_variable(&mut self, name: Name, value: Value) {
        self.variable = Some((name, value));
    }

    /// Notes more dependencies.
    pub(crate) fn touch_all(&self, deps: &[Dep]) {
        let mut touched = self.touched.borrow_mut();
        deps.iter().for_each(|dep| touched.insert(*dep));
    }

    /// The dependencies that were noted, many on one block gathered into one.
    pub(crate) fn into_deps(self) -> Vec<Dep> {
        gather(self.touched.into_inner())
    }

    fn path(&self) -> PathId {
        self.world.scopes[self.scope].path
    }

    fn node_value(&self, node: NodeId, scope: ScopeIx) -> Value {
        match self.world.slot(node, scope) {
            Slot::Value(known) => {
                self.touch_all(&known.deps);
                known.value.clone()
            }
            Slot::Empty | Slot::Block(_) | Slot::Provider(..) | Slot::Layer(_) => {
                Value::unknown(Type::Any)
            }
        }
    }

    fn resource(
        &self,
        node: NodeId,
        request: &ResolveRequest<'_>,
    ) -> Result<Value, Box<Diagnostic>> {
        let Some(block) = self.world.block(node, self.scope) else {
            return Ok(Value::unknown(Type::Any));
        };
        let dep = |instance: Option<usize>| Dep {
            node,
            scope: self.scope,
            instance: instance.and_then(|at| u32::try_from(at).ok()),
        };
        match (block.expansion, request.instance) {
            (Expansion::Unknown, _) => {
                self.touched.borrow_mut().insert(dep(None));
                Ok(Value::unknown(Type::Any))
            }
            (Expansion::Single, None) => {
                self.touched.borrow_mut().insert(dep(Some(0)));
                Ok(block
                    .instances
                    .first()
                    .map_or_else(Value::null, |instance| instance.value.clone()))
            }
            (Expansion::Single, Some(key)) => {
                // Without count or for_each a key in brackets is an attribute's name.
                self.touched.borrow_mut().insert(dep(Some(0)));
                let whole = block.instances.first().map(|instance| &instance.value);
                match (key, whole) {
                    (InstanceKey::Text(name), Some(whole)) if whole.get(name).is_some() => {
                        Ok(whole.get(name).cloned().unwrap_or_else(Value::null))
                    }
                    (InstanceKey::Text(_), Some(whole)) if whole.is_unknown() => {
                        Ok(Value::unknown(Type::Any))
                    }
                    _ => Err(no_instance(request, "has neither count nor for_each", key)),
                }
            }
            (Expansion::Count | Expansion::ForEach, Some(key)) => {
                let at = block.position(Some(key)).ok_or_else(|| {
                    let keys = block
                        .instances
                        .iter()
                        .filter_map(|instance| instance.each.as_ref());
                    no_instance(request, &existing_keys(keys), key)
                })?;
                self.touched.borrow_mut().insert(dep(Some(at)));
                Ok(block.instances[at].value.clone())
            }
            (Expansion::Count | Expansion::ForEach, None) => {
                self.touched.borrow_mut().insert(dep(None));
                let values = block
                    .instances
                    .iter()
                    .map(|instance| (instance.each.clone(), instance.value.clone()));
                Ok(collect(block.expansion, values))
            }
        }
    }

    fn package(
        &self,
        kind: InstanceKind,
        name: &Name,
        request: &ResolveRequest<'_>,
    ) -> Result<Value, Box<Diagnostic>> {
        let graph = self.world.graph;
        let Some(child) = graph.paths[self.path()]
            .children
            .get(&(kind, name.clone()))
            .copied()
        else {
            return Ok(Value::unknown(Type::Any));
        };
        if graph.paths[child].package.incomplete || !self.world.is_opened(child, self.scope) {
            return Ok(Value::unknown(Type::Any));
        }
        let scopes: Vec<ScopeIx> = self.world.by_path[child]
            .iter()
            .copied()
            .filter(|scope| self.world.scopes[*scope].parent == Some(self.scope))
            .collect();
        let block = graph.paths[child].block;
        let meta = block.map(|block| &block.meta);
        let expansion = match meta {
            Some(meta) if meta.count.is_some() => Expansion::Count,
            Some(meta) if meta.for_each.is_some() => Expansion::ForEach,
            Some(_) | None => Expansion::Single,
        };
        if let Some(key) = request.instance.filter(|_| expansion != Expansion::Single) {
            let each = |scope: &ScopeIx| self.world.scopes[*scope].each.as_ref();
            let found = scopes
                .iter()
                .find(|scope| each(scope).map(|each| &each.key) == Some(key));
            return match found {
                Some(scope) => Ok(self.outputs(kind, child, *scope, request.attribute)),
                None => Err(no_instance(
                    request,
                    &existing_keys(scopes.iter().filter_map(each)),
                    key,
                )),
            };
        }
        let attribute = request.attribute.filter(|_| expansion == Expansion::Single);
        let values = scopes.iter().map(|scope| {
            (
                self.world.scopes[*scope].each.clone(),
                self.outputs(kind, child, *scope, attribute),
            )
        });
        Ok(collect(expansion, values))
    }

    fn outputs(
        &self,
        kind: InstanceKind,
        path: PathId,
        scope: ScopeIx,
        attribute: Option<&Name>,
    ) -> Value {
        let node = &self.world.graph.paths[path];
        let wanted = |name: &Name| attribute.is_none_or(|attribute| attribute == name);
        let mut members: Vec<(Name, Value)> = node
            .outputs
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, output)| (name.clone(), self.node_value(*output, scope)))
            .collect();
        let inputs: Name = "inputs".into();
        if kind == InstanceKind::Cluster && !node.outputs.contains_key(&inputs) && wanted(&inputs) {
            let variables = node.package.variables.keys().filter_map(|name| {
                let variable = node.index.get(&Reference::Variable(name.clone()))?;
                Some((name.clone(), self.node_value(*variable, scope)))
            });
            members.push((inputs, Value::object(variables)));
        }
        // One that there is not was reported when the graph was built.
        let asked = attribute.filter(|_| members.is_empty());
        members.extend(asked.map(|name| (name.clone(), Value::unknown(Type::Any))));
        Value::object(members)
    }
}

impl Scope for View<'_> {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let path = &self.world.graph.paths[self.path()];
        match request.reference {
            Reference::Variable(name) => {
                if let Some((overridden, value)) = &self.variable
                    && overridden == name
                {
                    return Ok(value.clone());
                }
                Ok(path.index.get(request.reference).map_or_else(
                    || Value::unknown(Type::Any),
                    |node| self.node_value(*node, self.scope),
                ))
            }
            Reference::Local(_) => Ok(path.index.get(request.reference).map_or_else(
                || Value::unknown(Type::Any),
                |node| self.node_value(*node, self.scope),
            )),
            Reference::Resource { .. } => match path.index.get(request.reference) {
                Some(node) => self.resource(*node, &request),
                // Reported once, when the graph was built.
                None => Ok(Value::unknown(Type::Any)),
            },
            Reference::Stack(name) => self.package(InstanceKind::Stack, name, &request),
            Reference::Cluster(name) => self.package(InstanceKind::Cluster, name, &request),
            Reference::Layer(_) => Err(out_of_place(&request, "depends_on")),
            Reference::EachKey | Reference::CountIndex
                if self.each.as_ref().is_some_and(|each| each.stand_in) =>
            {
                Ok(Value::unknown(Type::Any))
            }
            Reference::EachKey => match self.each.as_ref().map(|each| &each.key) {
                Some(InstanceKey::Text(key)) => Ok(Value::string(key.clone())),
                Some(InstanceKey::Index(_)) | None => {
                    Err(out_of_place(&request, "a block with for_each"))
                }
            },
            Reference::EachValue => match &self.each {
                Some(Each {
                    key: InstanceKey::Text(_),
                    value,
                    ..
                }) => Ok(value.clone()),
                Some(_) | None => Err(out_of_place(&request, "a block with for_each")),
            },
            Reference::CountIndex => match self.each.as_ref().map(|each| &each.key) {
                Some(InstanceKey::Index(index)) => {
                    Ok(Value::number(usize::try_from(*index).unwrap_or(usize::MAX)))
                }
                Some(InstanceKey::Text(_)) | None => {
                    Err(out_of_place(&request, "a block with count"))
                }
            },
            Reference::SelfObject => match &self.this {
                Some(value) => Ok(value.clone()),
                None => Err(out_of_place(&request, "a postcondition")),
            },
            Reference::Path(which) if which.as_ref() == "root" => Ok(".".into()),
            Reference::Path(_) => Ok(module_path(&path.package.key).into()),
            Reference::ProjectName => Ok(self.world.outside.project_name.into()),
        }
    }
}

/// The path of a package as expressions see it: functions that read files take paths relative to it, so it is `.`
/// for every package.
fn module_path(_key: &str) -> &'static str {
    "."
}

fn gather(mut touched: Touched) -> Vec<Dep> {
    touched.settle();
    let mut all = touched.deps;
    if all.len() <= INSTANCE_DEPS_LIMIT {
        all.shrink_to_fit();
        return all;
    }
    let mut gathered: Vec<Dep> = Vec::new();
    for group in all.chunk_by(|left, right| (left.node, left.scope) == (right.node, right.scope)) {
        if group.len() > INSTANCE_DEPS_LIMIT {
            gathered.push(Dep {
                instance: None,
                ..group[0]
            });
        } else {
            gathered.extend_from_slice(group);
        }
    }
    gathered
}

fn existing_keys<'e>(eaches: impl Iterator<Item = &'e Each>) -> String {
    let keys: Vec<String> = eaches.map(|each| each.key.to_string()).take(12).collect();
    if keys.is_empty() {
        "has no instances".to_owned()
    } else {
        format!("has the instances {}", keys.join(", "))
    }
}

fn no_instance(request: &ResolveRequest<'_>, what: &str, key: &InstanceKey) -> Box<Diagnostic> {
    let detail = format!(
        "{}{key} does not exist: {} {what}.",
        request.reference, request.reference
    );
    Box::new(Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail).at(request.span))
}

fn out_of_place(request: &ResolveRequest<'_>, place: &str) -> Box<Diagnostic> {
    let detail = format!("{} has a value only in {place}.", request.reference);
    Box::new(Diagnostic::error(code::OUT_OF_PLACE, "Name out of place", detail).at(request.span))
}

/// Checks one condition; what is not known yet counts as met. `given` is where the value at fault was given.
pub(crate) fn check_condition(
    evaluator: &Evaluator<'_>,
    condition: &Condition,
    given: Option<Span>,
    diagnostics: &mut Diagnostics,
) {
    match evaluator.evaluate_condition(condition, diagnostics) {
        Outcome::Passed | Outcome::Unknown => {}
        Outcome::Failed { message } => {
            let diagnostic =
                Diagnostic::error(code::CONDITION_FAILED, "Condition not met", message);
            diagnostics.push(match given {
                Some(given) => diagnostic.at(given).label(condition.span, "this condition"),
                None => diagnostic.at(condition.span),
            });
        }
    }
}

/// An argument that a provider refuses, at the argument's place.
pub(crate) fn argument_fault(
    fault: &ArgumentFault,
    arguments: &Arguments,
    block: Span,
) -> Diagnostic {
    let span = fault
        .path
        .top()
        .and_then(|top| arguments.get(top))
        .map_or(block, |argument| argument.value.span);
    let detail = format!("{}: {}", fault.path, fault.message);
    Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail).at(span)
}
