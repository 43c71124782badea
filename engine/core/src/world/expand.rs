//! `count` and `for_each`: how many instances a block has, and which.

use strata_language::convert::convert;
use strata_language::definition::{AddressReference, Meta};
use strata_language::expression::{Expr, Reference};
use strata_language::references::references;
use strata_model::{Diagnostic, Diagnostics, InstanceKey, Kind, Span, Type, Value};

use super::graph::{NodeId, PathId};
use super::view::{Each, View};
use super::{Dep, ScopeIx, World};
use crate::code;

/// How a block has instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expansion {
    /// One, without a key.
    Single,
    /// By `count`.
    Count,
    /// By `for_each`.
    ForEach,
    /// Not known, or wrong: the value of the block is unknown.
    Unknown,
}

/// The most instances that one block may have.
const INSTANCE_LIMIT: i64 = 1_000_000;

impl World<'_> {
    /// Expands a block in a package instance: its keys in order, `None` for the single instance.
    ///
    /// `node` is the block's: where something that it needs is wrong, it is no fault of its own that they are unknown.
    pub(crate) fn expand(
        &self,
        node: NodeId,
        scope: ScopeIx,
        meta: &Meta,
        diagnostics: &mut Diagnostics,
    ) -> (Expansion, Vec<Option<Each>>, Vec<Dep>) {
        let view = View::new(self, scope);
        let evaluator = self.evaluator(&view);
        let expanded = match (&meta.count, &meta.for_each) {
            (Some(expr), _) => {
                let value = evaluator.evaluate(expr, diagnostics);
                self.count(expr, &value)
                    .map(|eaches| (Expansion::Count, eaches))
            }
            (None, Some(expr)) => {
                let value = evaluator.evaluate(expr, diagnostics);
                self.for_each(expr, &value)
                    .map(|eaches| (Expansion::ForEach, eaches))
            }
            (None, None) => Ok((Expansion::Single, vec![None])),
        };
        let deps = view.into_deps();
        match expanded {
            Ok((expansion, eaches)) => (expansion, eaches, deps),
            Err(refusal) => {
                let counts = refusal.certain || !self.outside.lenient;
                // An evaluation error has been reported already, and so has what could not be read; the unknown that
                // comes of it is not reported once more.
                let is_consequence = reported(diagnostics, refusal.diagnostic.span)
                    || refusal.unknown
                        && (self.is_faulty(node)
                            || diagnostics.iter().any(|one| one.code == code::UNREADABLE));
                if counts && !is_consequence {
                    diagnostics.push(*refusal.diagnostic);
                }
                (Expansion::Unknown, Vec::new(), deps)
            }
        }
    }

    fn count(&self, expr: &Expr, value: &Value) -> Result<Vec<Option<Each>>, Refusal> {
        let wrong = || {
            let detail = format!("count must be a whole number from 0 to {INSTANCE_LIMIT}.");
            Refusal::certain(expr, detail)
        };
        let value = convert(value, &Type::Number).map_err(|_| wrong())?;
        known(expr, &value, "count")?;
        let count = value
            .as_i64()
            .filter(|count| (0..=INSTANCE_LIMIT).contains(count))
            .ok_or_else(wrong)?;
        let indices = 0..count.unsigned_abs();
        Ok(indices
            .map(|at| {
                Some(Each {
                    key: InstanceKey::Index(at),
                    value: Value::null(),
                    stand_in: false,
                })
            })
            .collect())
    }

    fn for_each(&self, expr: &Expr, value: &Value) -> Result<Vec<Option<Each>>, Refusal> {
        let wrong = |ty: Type| {
            let detail = format!(
                "for_each takes a map, an object, or a set of strings, and this is {ty}. Use toset() for a list of strings."
            );
            Refusal::certain(expr, detail)
        };
        if !is_keyed(&value.ty()) {
            return Err(wrong(value.ty()));
        }
        known(expr, value, "for_each")?;
        let each = |key: &str, value: &Value| {
            Some(Each {
                key: InstanceKey::Text(key.into()),
                value: value.clone(),
                stand_in: false,
            })
        };
        match value.kind() {
            Kind::Map(_, members) | Kind::Object(members) => Ok(members
                .iter()
                .map(|(key, value)| each(key, value))
                .collect()),
            Kind::Set(_, elements)
                if elements
                    .iter()
                    .all(|element| element.is_unknown() || element.as_str().is_some()) =>
            {
                if elements.iter().any(Value::is_unknown) {
                    return Err(unknown(expr, "for_each"));
                }
                if elements.iter().any(Value::is_secret) {
                    return Err(secret(expr, "for_each"));
                }
                Ok(elements
                    .iter()
                    .filter_map(|element| Some(each(element.as_str()?, element)))
                    .collect())
            }
            Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::String(_)
            | Kind::List(..)
            | Kind::Set(..)
            | Kind::Tuple(_) => Err(wrong(value.ty())),
        }
    }

    /// Makes the instances of a path in every instance of its parent.
    pub(crate) fn open(&mut self, path: PathId, diagnostics: &mut Diagnostics) {
        let graph = self.graph;
        let (Some(parent), Some(block)) = (graph.paths[path].parent, graph.paths[path].block)
        else {
            self.add_scope(path, None, None, Vec::new());
            return;
        };
        for scope in self.by_path[parent].clone() {
            let open = graph.paths[path].open;
            let (expansion, eaches, deps) = self.expand(open, scope, &block.meta, diagnostics);
            if expansion != Expansion::Unknown {
                self.opened.insert((path, scope));
            }
            let mut depends_on = self.scopes[scope].depends_on.clone();
            depends_on.extend(self.resolve_depends_on(scope, &block.meta.depends_on));
            depends_on.extend(deps);
            depends_on.sort_unstable();
            depends_on.dedup();
            for each in eaches {
                self.add_scope(path, Some(scope), each, depends_on.clone());
            }
        }
    }

    /// What `depends_on` entries name, as dependencies.
    pub(crate) fn resolve_depends_on(
        &self,
        scope: ScopeIx,
        entries: &[AddressReference],
    ) -> Vec<Dep> {
        let mut deps = Vec::new();
        for entry in entries {
            self.resolve_entry(scope, entry, &mut deps);
        }
        deps
    }

    fn resolve_entry(&self, scope: ScopeIx, entry: &AddressReference, deps: &mut Vec<Dep>) {
        use strata_language::definition::InstanceKind;
        let node = &self.graph.paths[self.scopes[scope].path];
        let child = if let Reference::Stack(name) = &entry.reference {
            node.children.get(&(InstanceKind::Stack, name.clone()))
        } else if let Reference::Cluster(name) = &entry.reference {
            node.children.get(&(InstanceKind::Cluster, name.clone()))
        } else {
            if let Reference::Layer(name) = &entry.reference {
                self.layer_entry(scope, (name, entry), deps);
            } else if let Some(target) = node.index.get(&entry.reference) {
                let key = references(&entry.rest)
                    .into_iter()
                    .find_map(|found| found.instance);
                let at = key.and_then(|key| self.block(*target, scope)?.position(Some(&key)));
                let instance = at.and_then(|at| u32::try_from(at).ok());
                deps.push(Dep {
                    node: *target,
                    scope,
                    instance,
                });
            }
            return;
        };
        if let Some(child) = child {
            self.everything_in(*child, scope, deps);
        }
    }

    /// A whole layer, or the one object of it that the key names.
    fn layer_entry(
        &self,
        scope: ScopeIx,
        (name, entry): (&strata_model::Name, &AddressReference),
        deps: &mut Vec<Dep>,
    ) {
        let path = self.scopes[scope].path;
        let Some(layer) = self.graph.paths[path].layers.get(name) else {
            return;
        };
        let key = references(&entry.rest)
            .into_iter()
            .find_map(|found| found.instance);
        let all = || {
            let stages = self.graph.layers[*layer].stages();
            stages.map(|node| Dep {
                node,
                scope,
                instance: None,
            })
        };
        let one = key.and_then(|key| {
            all().find_map(|dep| {
                let at = self.block(dep.node, scope)?.position(Some(&key))?;
                Some(Dep {
                    instance: u32::try_from(at).ok(),
                    ..dep
                })
            })
        });
        match one {
            Some(dep) => deps.push(dep),
            None => deps.extend(all()),
        }
    }

    fn everything_in(&self, path: PathId, parent: ScopeIx, deps: &mut Vec<Dep>) {
        let node = &self.graph.paths[path];
        for scope in self.by_path[path]
            .iter()
            .filter(|scope| self.scopes[**scope].parent == Some(parent))
        {
            let resources =
                (node.open..node.close).filter(|id| self.graph.declaring_block(*id).is_some());
            deps.extend(resources.map(|node| Dep {
                node,
                scope: *scope,
                instance: None,
            }));
            node.children
                .values()
                .for_each(|child| self.everything_in(*child, *scope, deps));
        }
    }
}

fn reported(diagnostics: &Diagnostics, span: Option<Span>) -> bool {
    let Some(span) = span else { return false };
    diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.span)
        .any(|other| other.file == span.file && other.start >= span.start && other.end <= span.end)
}

/// Whether values of the type may have keys that are text; what has no type yet may.
fn is_keyed(ty: &Type) -> bool {
    match ty {
        Type::Any | Type::Map(_) | Type::Object(_) => true,
        Type::Set(element) => matches!(element.as_ref(), Type::Any | Type::String),
        Type::Bool | Type::Number | Type::String | Type::List(_) | Type::Tuple(_) => false,
    }
}

/// Why a block has no instances.
struct Refusal {
    diagnostic: Box<Diagnostic>,
    /// Whether no other value of a variable, and nothing that is read, can make it right.
    certain: bool,
    /// Whether it is only that the value is not known.
    unknown: bool,
}

impl Refusal {
    fn certain(expr: &Expr, detail: impl Into<String>) -> Self {
        let diagnostic =
            Diagnostic::error(code::INVALID_EXPANSION, "Invalid count or for_each", detail);
        Refusal {
            diagnostic: Box::new(diagnostic.at(expr.span)),
            certain: true,
            unknown: false,
        }
    }

    fn uncertain(expr: &Expr, detail: impl Into<String>) -> Self {
        Refusal {
            certain: false,
            ..Self::certain(expr, detail)
        }
    }
}

fn known(expr: &Expr, value: &Value, argument: &str) -> Result<(), Refusal> {
    if value.is_secret() {
        return Err(secret(expr, argument));
    }
    if value.is_unknown() {
        return Err(unknown(expr, argument));
    }
    if value.is_null() {
        let detail = format!("{argument} must not be null. Leave it out for a single instance.");
        return Err(Refusal::uncertain(expr, detail));
    }
    Ok(())
}

fn unknown(expr: &Expr, argument: &str) -> Refusal {
    let names: Vec<String> = references(expr)
        .iter()
        .map(|found| found.reference.to_string())
        .collect();
    let from = if names.is_empty() {
        String::new()
    } else {
        format!(" It comes from {}.", names.join(", "))
    };
    let detail = format!(
        "{argument} must be known when planning, and this is known only after apply.{from}"
    );
    let mut refusal = Refusal {
        unknown: true,
        ..Refusal::uncertain(expr, detail)
    };
    refusal.diagnostic.hints.push(
        "Take the keys from variables or locals; the values of the map may be unknown.".to_owned(),
    );
    refusal
}

fn secret(expr: &Expr, argument: &str) -> Refusal {
    let detail = format!(
        "{argument} must not be made from a secret, because keys are part of addresses and are shown."
    );
    Refusal::certain(expr, detail)
}
