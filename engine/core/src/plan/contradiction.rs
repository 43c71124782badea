//! Blocks that contradict others: `ignore_changes` of what the type does not have, `removed` and `moved` of what is
//! declared, and other blocks that declare the same object.

use strata_language::definition::{
    IgnoreChanges, MovedBlock, RemovedBlock, ResourceBlock, TargetAddress,
};
use strata_language::suggest::nearest;
use strata_model::layer::LAYER_TYPE;
use strata_model::schema::ResourceSchema;
use strata_model::{
    Address, AttributePath, Diagnostic, Diagnostics, PathStep, Scope, ScopeStep, Span, Type, Value,
};

use super::change::InstanceChange;
use super::moved::{apply, is_whole, path_steps};
use super::select::{Pattern, declaration};
use super::walk::{Planner, Site};
use crate::code;
use crate::world::graph::Graph;

/// Says which arguments of `ignore_changes` the type does not have.
pub(super) fn unknown_ignored(
    block: &ResourceBlock,
    schema: &ResourceSchema,
    diagnostics: &mut Diagnostics,
) {
    let IgnoreChanges::Paths(paths) = &block.meta.lifecycle.ignore_changes else {
        return;
    };
    for path in paths {
        if let Err(fault) = follow(schema.schema.object_type(), &path.value) {
            let detail = format!(
                "ignore_changes names {}, and {}.",
                path.value,
                fault.reason(schema.name)
            );
            let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "Unknown name", detail);
            diagnostics.push(match fault.near {
                Some(near) => diagnostic
                    .at(path.span)
                    .hint(format!("Did you mean {near}?")),
                None => diagnostic.at(path.span),
            });
        }
    }
}

/// A step of a path that leads nowhere.
struct Astray {
    /// The steps before it.
    before: AttributePath,
    step: String,
    near: Option<String>,
    /// Whether what stands before it has no parts that could be named.
    is_whole: bool,
}

impl Astray {
    fn reason(&self, resource_type: &str) -> String {
        let Astray { before, step, .. } = self;
        if self.is_whole {
            format!("{before} of {resource_type} has no parts that can be named")
        } else if before.steps().is_empty() {
            format!("{resource_type} has no argument {step}")
        } else {
            format!("{before} of {resource_type} has no argument {step}")
        }
    }
}

/// Follows a path through a type.
fn follow(ty: &Type, path: &AttributePath) -> Result<(), Astray> {
    let mut ty = ty;
    for (at, step) in path.steps().iter().enumerate() {
        let astray = |near: Option<&str>, is_whole| Astray {
            before: path.steps()[..at].to_vec().into(),
            step: match step {
                PathStep::Attribute(name) | PathStep::Key(name) => name.to_string(),
                PathStep::Index(index) => index.to_string(),
            },
            near: near.map(str::to_owned),
            is_whole,
        };
        ty = match (ty, step) {
            (Type::Any, _) => return Ok(()),
            (Type::Object(members), PathStep::Attribute(name) | PathStep::Key(name)) => members
                .get(name)
                .ok_or_else(|| astray(nearest(name, members.keys().map(AsRef::as_ref)), false))?,
            (Type::Map(element), PathStep::Attribute(_) | PathStep::Key(_))
            | (Type::List(element), PathStep::Index(_)) => element,
            (Type::Tuple(elements), PathStep::Index(index)) => {
                elements.get(*index).ok_or_else(|| astray(None, false))?
            }
            (Type::Object(_) | Type::Map(_) | Type::List(_) | Type::Tuple(_), _) => {
                return Err(astray(None, false));
            }
            (Type::Bool | Type::Number | Type::String | Type::Set(_), _) => {
                return Err(astray(None, true));
            }
        };
    }
    Ok(())
}

/// Says which `removed` blocks are about something that is declared all the same.
pub(super) fn removed_and_declared(
    graph: &Graph<'_>,
    changes: &[InstanceChange<'_>],
    diagnostics: &mut Diagnostics,
) {
    for (path, node) in graph.paths.iter().enumerate() {
        if node.package.removed.is_empty() {
            continue;
        }
        let outer = path_steps(graph, path);
        for block in &node.package.removed {
            let pattern = within(&outer, &block.from.value);
            // Some instances of a block may go while others stay.
            let found = if pattern.names_an_instance() {
                let mut changes = changes.iter();
                changes
                    .find(|change| pattern.matches(&change.address))
                    .map(|change| change.block.span)
            } else {
                declaration(graph, &pattern)
            };
            diagnostics.extend(found.map(|declared| still_declared(block, declared)));
        }
    }
}

/// What a block of a package names, as the project sees it.
pub(super) fn within(outer: &[ScopeStep], target: &TargetAddress) -> Pattern {
    match target {
        TargetAddress::Resource(address) => Pattern::Resource(strata_model::Address {
            scope: below(outer, &address.scope),
            ..address.clone()
        }),
        TargetAddress::Scope(scope) => Pattern::Scope(below(outer, scope)),
    }
}

/// A scope of a package, as the project sees it.
pub(super) fn below(outer: &[ScopeStep], scope: &Scope) -> Scope {
    let steps: Vec<ScopeStep> = outer.iter().chain(scope.steps()).cloned().collect();
    steps.into()
}

/// Says which instances are declared although a `moved` block of instances takes their objects away. Blocks of whole
/// resources, stacks and clusters are judged without instances, by [`Moves`](super::moved::Moves).
pub(super) fn moved_and_declared(
    graph: &Graph<'_>,
    changes: &[InstanceChange<'_>],
    diagnostics: &mut Diagnostics,
) {
    for (path, node) in graph.paths.iter().enumerate() {
        let outer = path_steps(graph, path);
        for block in node.package.moved.iter().filter(|block| !is_whole(block)) {
            let moves = |change: &&InstanceChange<'_>| {
                apply(&outer, block, &change.address).is_some_and(|to| to != change.address)
            };
            let found = changes.iter().find(moves);
            diagnostics.extend(found.map(|change| moves_declared(block, change.block.span)));
        }
    }
}

/// What is wrong with a `moved` block whose old address is still declared: two objects would be of one address.
pub(super) fn moves_declared(block: &MovedBlock, declared: Span) -> Diagnostic {
    let (from, to) = (text(&block.from.value), text(&block.to.value));
    let detail = format!("{from} is to become {to}, and it is still declared.");
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid moved block", detail)
        .at(block.span)
        .label(declared, "declared here")
        .hint(format!("Declare it as {to}, or remove the moved block."))
}

fn text(target: &TargetAddress) -> String {
    match target {
        TargetAddress::Resource(address) => address.to_string(),
        TargetAddress::Scope(scope) => scope.to_string(),
    }
}

fn still_declared(block: &RemovedBlock, declared: Span) -> Diagnostic {
    let from = text(&block.from.value);
    let detail = format!("{from} is declared, and so it is not removed.");
    Diagnostic::error(code::INVALID_STATE_CHANGE, "Invalid removed block", detail)
        .at(block.span)
        .label(declared, "declared here")
        .hint("Remove one of the two: the block that declares it, or the removed block.")
}

impl<'a> Planner<'a> {
    /// Says it if another block declares the same object. Layers tell it of each other by themselves.
    pub(super) fn declare_once(&mut self, site: Site<'a>, address: &Address, config: &Value) {
        let id = site.provider.id_of(site.schema.name, config);
        let Some((id, provider)) = id.zip(self.provider_config(site)) else {
            return;
        };
        let key = (provider.key(), id);
        let is_member = |address: &Address| *address.resource_type == *LAYER_TYPE;
        match self.declared.get(&key) {
            Some(first) if is_member(first) && is_member(address) => {}
            Some(first) => {
                let detail = format!(
                    "{address} declares the same object as {first}: {}. One object has one address.",
                    key.1
                );
                self.diagnostics.push(
                    Diagnostic::error(code::DECLARED_TWICE, "Object declared twice", detail)
                        .at(site.block.span)
                        .about(address)
                        .hint("Remove one of the two."),
                );
            }
            None => {
                self.declared.insert(key, address.clone());
            }
        }
    }
}
