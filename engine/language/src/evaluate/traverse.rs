//! Traversals: references, and attributes and indexes of anything.

use strata_model::{Diagnostic, Diagnostics, InstanceKey, Name, Span, Value};

use super::{Bound, Env, Run, bound, failed, frames, index, renderer};
use crate::codes;
use crate::expression::{Expr, ExprKind, Reference};
use crate::references::{Head, ROOTS, Step, has_instances, head, instance_key, steps};
use crate::scope::ResolveRequest;
use crate::suggest;

type Steps<'e> = [(Step<'e>, Span)];

impl Run<'_> {
    pub(super) fn traverse(
        &self,
        expr: &Expr,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let (base, steps) = steps(expr);
        let ExprKind::Variable(root) = &base.kind else {
            let value = self.eval(base, env, diagnostics);
            return self.follow(value, &steps, env, diagnostics);
        };
        if let Some(value) = bound(env, root) {
            return self.follow(value.clone(), &steps, env, diagnostics);
        }
        if renderer(env).is_some() {
            diagnostics.push(unknown_name(root, env, base.span));
            return failed();
        }
        if let Some(value) = self.host.scope.bare(root) {
            return self.follow(value, &steps, env, diagnostics);
        }
        match head(root, &steps) {
            Head::Reference(reference, taken) => {
                let span = taken.checked_sub(1).map_or(base.span, |last| steps[last].1);
                self.resolve(&reference, (span, &steps[taken..]), env, diagnostics)
            }
            Head::Incomplete(need) => {
                let fixed = matches!(root.as_ref(), "each" | "count" | "path" | "project");
                let detail = match next_attribute(&steps).filter(|_| fixed) {
                    Some(name) => format!("There is no {root}.{name}: write {need}."),
                    None => format!("\"{root}\" alone has no value: write {need}."),
                };
                diagnostics.push(codes::INVALID_REFERENCE.error(detail).at(expr.span));
                failed()
            }
            Head::Bare => {
                diagnostics.push(unknown_name(root, env, base.span));
                failed()
            }
        }
    }

    /// Resolves a reference, with the key and the attribute that follow it, and follows the rest.
    fn resolve(
        &self,
        reference: &Reference,
        (span, steps): (Span, &Steps<'_>),
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let index = match steps.first() {
            Some((Step::Index(index), span)) if has_instances(reference) => Some((*index, *span)),
            _ => None,
        };
        let Some((index, index_span)) = index else {
            let request = Request {
                reference,
                instance: None,
                attribute: next_attribute(steps),
                span,
            };
            let value = self.ask(request, diagnostics);
            return self.follow(value, steps, env, diagnostics);
        };
        let key = self.eval(index, env, diagnostics);
        let instance = instance_key(key.kind());
        let rest = &steps[1..];
        let request = Request {
            reference,
            instance: instance.as_ref(),
            attribute: next_attribute(rest),
            span: index_span,
        };
        let value = self.ask(request, diagnostics);
        let value = if instance.is_some() {
            value.marked_like(&key)
        } else {
            reported(index::index(&value, &key, index_span), diagnostics)
        };
        self.follow(value, rest, env, diagnostics)
    }

    fn ask(&self, request: Request<'_>, diagnostics: &mut Diagnostics) -> Value {
        let request = ResolveRequest {
            reference: request.reference,
            instance: request.instance,
            attribute: request.attribute,
            span: request.span,
        };
        reported(self.host.scope.resolve(request), diagnostics)
    }

    /// Takes attributes and elements of a value, one after the other.
    fn follow(
        &self,
        mut value: Value,
        steps: &Steps<'_>,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        for (step, span) in steps {
            if let Err(exceeded) = self.step(1, *span, diagnostics) {
                return exceeded;
            }
            value = match step {
                Step::Attribute(name) => reported(
                    index::attribute(&value, &name.value, name.span),
                    diagnostics,
                ),
                Step::Index(key) => {
                    let key_value = self.eval(key, env, diagnostics);
                    reported(index::index(&value, &key_value, key.span), diagnostics)
                }
            };
        }
        value
    }
}

#[derive(Clone, Copy)]
struct Request<'a> {
    reference: &'a Reference,
    instance: Option<&'a InstanceKey>,
    attribute: Option<&'a Name>,
    span: Span,
}

fn next_attribute<'e>(steps: &Steps<'e>) -> Option<&'e Name> {
    match steps.first() {
        Some((Step::Attribute(name), _)) => Some(&name.value),
        Some((Step::Index(_), _)) | None => None,
    }
}

fn reported(result: Result<Value, Box<Diagnostic>>, diagnostics: &mut Diagnostics) -> Value {
    result.unwrap_or_else(|diagnostic| {
        diagnostics.push(*diagnostic);
        failed()
    })
}

fn unknown_name(name: &str, env: Env<'_>, span: Span) -> Diagnostic {
    let mut known: Vec<&str> = match renderer(env) {
        Some(_) => Vec::new(),
        None => ROOTS.to_vec(),
    };
    for bound in frames(env) {
        match bound {
            Bound::Name(name, _) => known.push(name),
            Bound::Template(variables, _) => known.extend(variables.keys().map(AsRef::as_ref)),
            Bound::Element(_) => {}
        }
    }
    let detail = format!("There is nothing with the name \"{name}\" here.");
    let diagnostic = codes::UNKNOWN_NAME.error(detail).at(span);
    match suggest::nearest(name, known) {
        Some(nearest) => diagnostic.hint(format!("Did you mean \"{nearest}\"?")),
        None => diagnostic.hint(format!("For text, write \"{name}\" in quotes.")),
    }
}
