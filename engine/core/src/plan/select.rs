//! `-target`, `-exclude`, `-replace` and their like: naming parts of a project.

use strata_language::expression::Reference;
use strata_model::layer::LAYER_TYPE;
use strata_model::plan::PlanOptions;
use strata_model::{Address, Diagnostic, Diagnostics, Mode, Scope, ScopeStep, Span};

use super::moved::{path_steps, same_block};
use crate::code;
use crate::world::graph::{Graph, NodeId, PathId};

/// What an argument names: a resource block or instance, or everything in a stack or cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pattern {
    Resource(Address),
    Scope(Scope),
}

impl Pattern {
    /// Reads an argument such as `aws_vpc.main`, `stack.web["a"]` or `cluster.eu.aws_vpc.main`.
    pub(crate) fn parse(text: &str) -> Result<Pattern, Box<Diagnostic>> {
        if let Ok(scope) = Scope::parse(text)
            && !scope.is_root()
        {
            return Ok(Pattern::Scope(scope));
        }
        Address::parse(text).map(Pattern::Resource).map_err(|error| {
            Box::new(
                Diagnostic::error(code::UNKNOWN_TARGET, "Invalid address", format!("{error}."))
                    .hint("Name a resource (aws_vpc.main), an instance of it (aws_subnet.a[0]), or a whole stack.NAME or cluster.NAME."),
            )
        })
    }

    /// Reads several, telling what is wrong with each.
    pub(crate) fn parse_all(texts: &[String], diagnostics: &mut Diagnostics) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for text in texts {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        patterns
    }

    /// Whether it says which instance of a block, stack or cluster is meant.
    pub(crate) fn names_an_instance(&self) -> bool {
        let has_key = |scope: &Scope| scope.steps().iter().any(|step| step.key.is_some());
        match self {
            Pattern::Resource(address) => address.key.is_some() || has_key(&address.scope),
            Pattern::Scope(scope) => has_key(scope),
        }
    }

    /// Whether it names a data source.
    pub(crate) fn is_data(&self) -> bool {
        match self {
            Pattern::Resource(address) => address.mode == Mode::Data,
            Pattern::Scope(_) => false,
        }
    }

    /// Whether an address is named. A pattern without a key names all instances.
    pub(crate) fn matches(&self, address: &Address) -> bool {
        match self {
            Pattern::Scope(scope) => begins_with(&address.scope, scope),
            Pattern::Resource(pattern) => {
                pattern.mode == address.mode
                    && pattern.resource_type == address.resource_type
                    && pattern.name == address.name
                    && same_scope(&address.scope, &pattern.scope)
                    && (pattern.key.is_none() || pattern.key == address.key)
            }
        }
    }
}

/// Whether any of several patterns names an address.
pub(crate) fn any_matches(patterns: &[Pattern], address: &Address) -> bool {
    patterns.iter().any(|pattern| pattern.matches(address))
}

/// Reports every address in the options that names nothing: a slip of the finger must not widen what is done.
///
/// Texts that are no addresses are reported where they are used.
pub(super) fn check_named(
    options: &PlanOptions,
    is_named: &dyn Fn(&Pattern) -> bool,
    diagnostics: &mut Diagnostics,
) {
    let lists = [
        &options.targets,
        &options.excludes,
        &options.replace,
        &options.allow_delete,
        &options.unprotect,
    ];
    for text in lists.into_iter().flatten() {
        if Pattern::parse(text).is_ok_and(|pattern| !is_named(&pattern)) {
            let detail = format!("Nothing declared or recorded is named {text}.");
            diagnostics.push(Diagnostic::error(
                code::UNKNOWN_TARGET,
                "Unknown target",
                detail,
            ));
        }
    }
}

/// Whether a block, stack or cluster declares what a pattern names, whatever instances it has.
pub(super) fn declares(graph: &Graph<'_>, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Scope(scope) => path_of(graph, scope).is_some(),
        Pattern::Resource(address) => is_declared(graph, address),
    }
}

/// The place of the block, stack or cluster that declares what a pattern names, whatever instances it has.
pub(super) fn declaration(graph: &Graph<'_>, pattern: &Pattern) -> Option<Span> {
    match pattern {
        Pattern::Scope(scope) => {
            let block = graph.paths[path_of(graph, scope)?].block?;
            Some(block.span)
        }
        Pattern::Resource(address) => graph.span(block_of(graph, address)?),
    }
}

/// Whether a block declares an address, whatever instances it has.
pub(super) fn is_declared(graph: &Graph<'_>, address: &Address) -> bool {
    block_of(graph, address).is_some()
}

fn block_of(graph: &Graph<'_>, address: &Address) -> Option<NodeId> {
    let reference = Reference::Resource {
        mode: address.mode,
        resource_type: address.resource_type.clone(),
        name: address.name.clone(),
    };
    let path = path_of(graph, &address.scope)?;
    let path = &graph.paths[path];
    if *address.resource_type == *LAYER_TYPE {
        let layer = path.layers.get(&address.name)?;
        return Some(graph.layers[*layer].render);
    }
    path.index.get(&reference).copied()
}

fn path_of(graph: &Graph<'_>, scope: &Scope) -> Option<PathId> {
    let steps = scope.steps();
    (0..graph.paths.len()).find(|path| {
        let own = path_steps(graph, *path);
        own.len() == steps.len()
            && own
                .iter()
                .zip(steps)
                .all(|(own, step)| same_block(own, step))
    })
}

fn step_matches(step: &ScopeStep, pattern: &ScopeStep) -> bool {
    step.kind == pattern.kind
        && step.name == pattern.name
        && (pattern.key.is_none() || pattern.key == step.key)
}

/// Whether a scope is the pattern's or inside it.
pub(crate) fn begins_with(scope: &Scope, pattern: &Scope) -> bool {
    scope.steps().len() >= pattern.steps().len()
        && scope
            .steps()
            .iter()
            .zip(pattern.steps())
            .all(|(step, pattern)| step_matches(step, pattern))
}

fn same_scope(scope: &Scope, pattern: &Scope) -> bool {
    scope.steps().len() == pattern.steps().len() && begins_with(scope, pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_blocks_and_scopes() {
        let check = |pattern: &str, address: &str, expected: bool| {
            let address = Address::parse(address).unwrap();
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(&address),
                expected,
                "{pattern} {address}"
            );
        };
        check("aws_vpc.main", "aws_vpc.main", true);
        check("aws_vpc.main", "aws_vpc.main[3]", true);
        check("aws_vpc.main[2]", "aws_vpc.main[3]", false);
        check("aws_vpc.main", "stack.a.aws_vpc.main", false);
        check("stack.a", "stack.a.aws_vpc.main", true);
        check("stack.a", "stack.a[\"x\"].stack.b.aws_vpc.main", true);
        check("stack.a[\"y\"]", "stack.a[\"x\"].aws_vpc.main", false);
        check(
            "cluster.eu.aws_vpc.main",
            "cluster.eu.aws_vpc.main[\"k\"]",
            true,
        );
        check("data.aws_ami.x", "aws_ami.x", false);
        assert!(Pattern::parse("nonsense").is_err());
    }
}
