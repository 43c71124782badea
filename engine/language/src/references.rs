//! What an expression refers to, found without evaluating it.

use strata_model::{InstanceKey, Kind, Mode, Name, Span};

use crate::expression::{Expr, ExprKind, ForExpr, Reference, Spanned, TemplatePart};

/// A reference in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundReference {
    /// What is named.
    pub reference: Reference,
    /// The instance key that follows, where it is written literally.
    pub instance: Option<InstanceKey>,
    /// The attribute that follows (behind the key, where there is one).
    pub attribute: Option<Name>,
    /// Where it stands.
    pub span: Span,
}

/// All references of an expression, in the order written. Names bound by `for` are not references, nor is a name that
/// leads to nothing (evaluation reports it).
pub fn references(expr: &Expr) -> Vec<FoundReference> {
    let mut finder = Finder {
        bound: Vec::new(),
        found: Vec::new(),
    };
    finder.expr(expr);
    finder.found
}

/// Whether an expression has no references, so that it has one value for ever.
pub fn is_static(expr: &Expr) -> bool {
    references(expr).is_empty()
}

/// A step of a traversal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'e> {
    Attribute(&'e Spanned<Name>),
    Index(&'e Expr),
}

/// Takes a traversal apart: what it begins with, and the steps with the place up to each.
pub(crate) fn steps(expr: &Expr) -> (&Expr, Vec<(Step<'_>, Span)>) {
    let mut steps = Vec::new();
    let mut base = expr;
    loop {
        match &base.kind {
            ExprKind::Attribute(inner, name) => {
                steps.push((Step::Attribute(name), base.span));
                base = inner;
            }
            ExprKind::Index(inner, index) => {
                steps.push((Step::Index(index), base.span));
                base = inner;
            }
            _ => break,
        }
    }
    steps.reverse();
    (base, steps)
}

/// What the beginning of a traversal means.
pub(crate) enum Head {
    /// A reference, which takes so many steps.
    Reference(Reference, usize),
    /// A root that needs an attribute; the text says which.
    Incomplete(&'static str),
    /// A bare name.
    Bare,
}

/// Names with which a traversal may begin, apart from resource types.
pub(crate) const ROOTS: [&str; 11] = [
    "var", "local", "each", "count", "self", "path", "project", "data", "stack", "cluster", "layer",
];

/// Recognises the head of a traversal.
pub(crate) fn head(root: &Name, steps: &[(Step<'_>, Span)]) -> Head {
    let attribute = |at: usize| match steps.get(at) {
        Some((Step::Attribute(name), _)) => Some(&name.value),
        Some((Step::Index(_), _)) | None => None,
    };
    let one = |make: fn(Name) -> Reference, need: &'static str| match attribute(0) {
        Some(name) => Head::Reference(make(name.clone()), 1),
        None => Head::Incomplete(need),
    };
    match root.as_ref() {
        "var" => one(Reference::Variable, "the variable, as in var.name"),
        "local" => one(Reference::Local, "the local value, as in local.name"),
        "stack" => one(Reference::Stack, "the stack, as in stack.name"),
        "cluster" => one(Reference::Cluster, "the cluster, as in cluster.name"),
        "layer" => one(Reference::Layer, "the layer, as in layer.name"),
        "self" => Head::Reference(Reference::SelfObject, 0),
        "path" => match attribute(0).map(AsRef::as_ref) {
            Some("root" | "module") => one(Reference::Path, ""),
            _ => Head::Incomplete("path.root or path.module"),
        },
        "each" => match attribute(0).map(AsRef::as_ref) {
            Some("key") => Head::Reference(Reference::EachKey, 1),
            Some("value") => Head::Reference(Reference::EachValue, 1),
            _ => Head::Incomplete("each.key or each.value"),
        },
        "count" => match attribute(0).map(AsRef::as_ref) {
            Some("index") => Head::Reference(Reference::CountIndex, 1),
            _ => Head::Incomplete("count.index"),
        },
        "project" => match attribute(0).map(AsRef::as_ref) {
            Some("name") => Head::Reference(Reference::ProjectName, 1),
            _ => Head::Incomplete("project.name"),
        },
        "data" => match (attribute(0), attribute(1)) {
            (Some(resource_type), Some(name)) => {
                Head::Reference(resource(Mode::Data, resource_type, name), 2)
            }
            _ => Head::Incomplete("the type and the name, as in data.aws_vpc.main"),
        },
        _ => match attribute(0) {
            Some(name) => Head::Reference(resource(Mode::Managed, root, name), 1),
            None => Head::Bare,
        },
    }
}

fn resource(mode: Mode, resource_type: &Name, name: &Name) -> Reference {
    Reference::Resource {
        mode,
        resource_type: resource_type.clone(),
        name: name.clone(),
    }
}

/// Whether an index behind the reference selects an instance of a block.
pub(crate) fn has_instances(reference: &Reference) -> bool {
    match reference {
        Reference::Resource { .. }
        | Reference::Stack(_)
        | Reference::Cluster(_)
        | Reference::Layer(_) => true,
        Reference::Variable(_)
        | Reference::Local(_)
        | Reference::EachKey
        | Reference::EachValue
        | Reference::CountIndex
        | Reference::SelfObject
        | Reference::Path(_)
        | Reference::ProjectName => false,
    }
}

/// The instance that a literal index names.
fn literal_key(index: &Expr) -> Option<InstanceKey> {
    match &index.kind {
        ExprKind::Literal(value) => instance_key(value.kind()),
        ExprKind::Template(parts) => match parts.as_slice() {
            [TemplatePart::Text(text)] => Some(InstanceKey::Text(text.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The instance that a known key names.
pub(crate) fn instance_key(kind: &Kind) -> Option<InstanceKey> {
    match kind {
        Kind::String(text) => Some(InstanceKey::Text(text.clone())),
        Kind::Number(number) => {
            let index = number.as_i128()?;
            u64::try_from(index).ok().map(InstanceKey::Index)
        }
        Kind::Null(_)
        | Kind::Unknown(_)
        | Kind::Bool(_)
        | Kind::List(..)
        | Kind::Set(..)
        | Kind::Map(..)
        | Kind::Tuple(_)
        | Kind::Object(_) => None,
    }
}

struct Finder<'e> {
    bound: Vec<&'e str>,
    found: Vec<FoundReference>,
}

impl<'e> Finder<'e> {
    fn expr(&mut self, expr: &'e Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::WrittenNumber(_) | ExprKind::SplatElement => {}
            ExprKind::Template(parts) => self.parts(parts),
            ExprKind::Tuple(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Object(items) => items.iter().for_each(|item| {
                self.expr(&item.key);
                self.expr(&item.value);
            }),
            ExprKind::Variable(_) | ExprKind::Attribute(..) | ExprKind::Index(..) => {
                self.traversal(expr);
            }
            ExprKind::Splat { base, each } => {
                self.expr(base);
                self.expr(each);
            }
            ExprKind::Unary(_, operand) => self.expr(operand),
            ExprKind::Binary(_, left, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => [condition, then, otherwise]
                .into_iter()
                .for_each(|part| self.expr(part)),
            ExprKind::Call { arguments, .. } => {
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            ExprKind::For(expr) => self.for_expr(expr),
        }
    }

    fn for_expr(&mut self, expr: &'e ForExpr) {
        self.expr(&expr.collection);
        let depth = self.bind(expr.key.as_ref(), &expr.value);
        let parts = [
            expr.result_key.as_ref(),
            Some(&expr.result),
            expr.condition.as_ref(),
        ];
        parts.into_iter().flatten().for_each(|part| self.expr(part));
        self.bound.truncate(depth);
    }

    fn bind(&mut self, key: Option<&'e Name>, value: &'e Name) -> usize {
        let depth = self.bound.len();
        self.bound.extend(key.map(AsRef::as_ref));
        self.bound.push(value);
        depth
    }

    fn parts(&mut self, parts: &'e [TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Text(_) => {}
                TemplatePart::Interpolation(expr) => self.expr(expr),
                TemplatePart::If {
                    condition,
                    then,
                    otherwise,
                } => {
                    self.expr(condition);
                    self.parts(then);
                    self.parts(otherwise);
                }
                TemplatePart::For {
                    key,
                    value,
                    collection,
                    body,
                } => {
                    self.expr(collection);
                    let depth = self.bind(key.as_ref(), value);
                    self.parts(body);
                    self.bound.truncate(depth);
                }
            }
        }
    }

    fn traversal(&mut self, expr: &'e Expr) {
        let (base, steps) = steps(expr);
        let ExprKind::Variable(root) = &base.kind else {
            self.expr(base);
            self.indexes(&steps);
            return;
        };
        if !self.bound.contains(&root.as_ref())
            && let Head::Reference(reference, taken) = head(root, &steps)
        {
            let rest = &steps[taken..];
            let index = match rest.first() {
                Some((Step::Index(index), _)) if has_instances(&reference) => Some(*index),
                _ => None,
            };
            let next = &rest[usize::from(index.is_some())..];
            let attribute = match next.first() {
                Some((Step::Attribute(name), _)) => Some(name.value.clone()),
                _ => None,
            };
            let end = taken + usize::from(index.is_some());
            let span = end.checked_sub(1).map_or(base.span, |last| steps[last].1);
            self.found.push(FoundReference {
                reference,
                instance: index.and_then(literal_key),
                attribute,
                span,
            });
        }
        self.indexes(&steps);
    }

    fn indexes(&mut self, steps: &[(Step<'e>, Span)]) {
        for (step, _) in steps {
            if let Step::Index(index) = step {
                self.expr(index);
            }
        }
    }
}
