//! References, addresses and paths that stand in the place of values.

use std::sync::Arc;

use strata_model::{Address, AttributePath, Diagnostic, Mode, Name, PathStep, Scope, Span, Value};

use crate::codes;
use crate::definition::{AddressReference, IgnoreChanges, ProviderReference, TargetAddress};
use crate::expression::{Expr, ExprKind, Reference, Spanned};

use super::fields::{Out, plain_text};

/// One step of a traversal.
enum Step<'a> {
    Attribute(&'a Name),
    Index(&'a Expr),
}

/// Takes a traversal apart: its head and the steps that follow. `None` where it is something else.
fn steps(expr: &Expr) -> Option<(&Name, Vec<Step<'_>>)> {
    let mut steps = Vec::new();
    let mut at = expr;
    loop {
        if let ExprKind::Attribute(base, name) = &at.kind {
            steps.push(Step::Attribute(&name.value));
            at = base;
        } else if let ExprKind::Index(base, index) = &at.kind {
            steps.push(Step::Index(index));
            at = base;
        } else if let ExprKind::Variable(name) = &at.kind {
            steps.reverse();
            return Some((name, steps));
        } else {
            return None;
        }
    }
}

/// What a traversal's head names; `None` where it names nothing.
pub(super) fn reference(expr: &Expr) -> Option<Reference> {
    let (head, steps) = steps(expr)?;
    let attribute = |at: usize| match steps.get(at) {
        Some(Step::Attribute(name)) => Some((*name).clone()),
        Some(Step::Index(_)) | None => None,
    };
    let first = attribute(0);
    Some(match head.as_ref() {
        "self" => Reference::SelfObject,
        "var" => Reference::Variable(first?),
        "local" => Reference::Local(first?),
        "path" => Reference::Path(first?),
        "stack" => Reference::Stack(first?),
        "cluster" => Reference::Cluster(first?),
        "layer" => Reference::Layer(first?),
        "each" if first.as_deref() == Some("key") => Reference::EachKey,
        "each" if first.as_deref() == Some("value") => Reference::EachValue,
        "count" if first.as_deref() == Some("index") => Reference::CountIndex,
        "project" if first.as_deref() == Some("name") => Reference::ProjectName,
        "each" | "count" | "project" => return None,
        "data" => Reference::Resource {
            mode: Mode::Data,
            resource_type: first?,
            name: attribute(1)?,
        },
        _ => Reference::Resource {
            mode: Mode::Managed,
            resource_type: head.clone(),
            name: first?,
        },
    })
}

/// Reads a list of addresses: `[aws_vpc.main, stack.net]`.
pub(super) fn addresses(expr: Expr, out: &mut Out) -> Vec<AddressReference> {
    let ExprKind::Tuple(elements) = expr.kind else {
        let detail = "A list of addresses stands here, such as [aws_vpc.main].";
        out.push(codes::INVALID_REFERENCE.error(detail).at(expr.span));
        return Vec::new();
    };
    elements
        .into_iter()
        .filter_map(|element| address_reference(element, out))
        .collect()
}

/// Reads `depends_on` of a layer, in which a name alone is that of a layer.
pub(super) fn layer_addresses(expr: Expr, out: &mut Out) -> Vec<AddressReference> {
    let ExprKind::Tuple(elements) = expr.kind else {
        return addresses(expr, out);
    };
    let named = |element: Expr, out: &mut Out| match &element.kind {
        ExprKind::Variable(name) => Some(AddressReference {
            reference: Reference::Layer(name.clone()),
            span: element.span,
            rest: element,
        }),
        _ => address_reference(element, out),
    };
    elements
        .into_iter()
        .filter_map(|element| named(element, out))
        .collect()
}

/// Reads one address.
pub(super) fn address_reference(expr: Expr, out: &mut Out) -> Option<AddressReference> {
    let span = expr.span;
    let found = reference(&expr).filter(names_something);
    match found {
        Some(reference) => Some(AddressReference {
            reference,
            rest: expr,
            span,
        }),
        None => {
            out.push(not_an_address(&expr));
            None
        }
    }
}

fn names_something(reference: &Reference) -> bool {
    match reference {
        Reference::Resource { .. }
        | Reference::Stack(_)
        | Reference::Cluster(_)
        | Reference::Layer(_)
        | Reference::Variable(_)
        | Reference::Local(_) => true,
        Reference::EachKey
        | Reference::EachValue
        | Reference::CountIndex
        | Reference::SelfObject
        | Reference::Path(_)
        | Reference::ProjectName => false,
    }
}

fn not_an_address(expr: &Expr) -> Diagnostic {
    let detail = "An address stands here, such as aws_vpc.main, data.aws_ami.node or stack.net.";
    let diagnostic = codes::INVALID_REFERENCE.error(detail).at(expr.span);
    match plain_text(expr) {
        Some(text) => diagnostic.hint(format!("Write {} without quotes.", text.escape_debug())),
        None => diagnostic,
    }
}

/// Reads `aws` or `aws.eu`.
pub(super) fn provider(expr: &Expr, out: &mut Out) -> Option<ProviderReference> {
    let found = steps(expr).and_then(|(name, steps)| {
        let alias = match steps.as_slice() {
            [] => None,
            [Step::Attribute(alias)] => Some((*alias).clone()),
            _ => return None,
        };
        Some(ProviderReference {
            name: name.clone(),
            alias,
            span: expr.span,
        })
    });
    if found.is_none() {
        let detail =
            "A provider stands here, such as aws, or aws.eu for the one with the alias eu.";
        let diagnostic = codes::INVALID_REFERENCE.error(detail).at(expr.span);
        out.push(match plain_text(expr) {
            Some(text) => diagnostic.hint(format!("Write {} without quotes.", text.escape_debug())),
            None => diagnostic,
        });
    }
    found
}

/// Reads `{ aws = aws.eu }`.
pub(super) fn providers(expr: Expr, out: &mut Out) -> Vec<(Spanned<Arc<str>>, ProviderReference)> {
    let ExprKind::Object(items) = expr.kind else {
        let detail = "A map of providers stands here, such as { aws = aws.eu }.";
        out.push(codes::INVALID_REFERENCE.error(detail).at(expr.span));
        return Vec::new();
    };
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let key = plain_text(&item.key).or_else(|| dotted(&item.key));
        let Some(key) = key else {
            let detail = "The key is a provider of the package, such as aws.";
            out.push(codes::INVALID_REFERENCE.error(detail).at(item.key.span));
            continue;
        };
        if let Some(reference) = provider(&item.value, out) {
            let span = item.key.span;
            found.push((Spanned { value: key, span }, reference));
        }
    }
    found
}

fn dotted(expr: &Expr) -> Option<Arc<str>> {
    let (head, steps) = steps(expr)?;
    match steps.as_slice() {
        [Step::Attribute(alias)] => Some(format!("{head}.{alias}").into()),
        _ => None,
    }
}

/// An address with the key that only evaluation knows, where it ends in one.
pub(super) struct Target {
    pub(super) address: Spanned<TargetAddress>,
    pub(super) key: Option<Expr>,
}

/// Reads an address in `moved`, `import` and `removed`.
pub(super) fn target(expr: Expr, out: &mut Out) -> Option<Target> {
    let span = expr.span;
    let (expr, key) = split_key(expr);
    let parsed = address_text(&expr).map(|text| parse_target(&text, span));
    match parsed {
        Some(Ok(value)) => Some(Target {
            address: Spanned { value, span },
            key,
        }),
        Some(Err(diagnostic)) => {
            out.push(*diagnostic);
            None
        }
        None => {
            out.push(not_an_address(&expr));
            None
        }
    }
}

fn parse_target(text: &str, span: Span) -> Result<TargetAddress, Box<Diagnostic>> {
    if let Ok(scope) = Scope::parse(text)
        && !scope.is_root()
    {
        return Ok(TargetAddress::Scope(scope));
    }
    Address::parse(text)
        .map(TargetAddress::Resource)
        .map_err(|error| {
            let detail = format!(
                "This is no address: {} after '{}'.",
                error.expected,
                &text[..error.column - 1]
            );
            Box::new(codes::INVALID_REFERENCE.error(detail).at(span))
        })
}

/// Takes the last index off where it is no literal.
fn split_key(expr: Expr) -> (Expr, Option<Expr>) {
    if let ExprKind::Index(base, index) = expr.kind {
        if index.literal().is_none() {
            return (*base, Some(*index));
        }
        let kind = ExprKind::Index(base, index);
        return (Expr { kind, ..expr }, None);
    }
    (expr, None)
}

/// The text of an address; `None` where the expression is none.
fn address_text(expr: &Expr) -> Option<String> {
    let (head, steps) = steps(expr)?;
    let mut text = head.to_string();
    for step in steps {
        match step {
            Step::Attribute(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Index(index) => text.push_str(&key_text(index)?),
        }
    }
    Some(text)
}

fn key_text(index: &Expr) -> Option<String> {
    let value = index.literal()?;
    if let Some(text) = value.as_str() {
        return Some(strata_model::InstanceKey::Text(text.into()).to_string());
    }
    let number = u64::try_from(value.as_number()?.as_i128()?).ok()?;
    Some(strata_model::InstanceKey::Index(number).to_string())
}

/// Reads `ignore_changes`: `all` or a list of attribute paths.
pub(super) fn ignore_changes(expr: Expr, out: &mut Out) -> IgnoreChanges {
    if matches!(&expr.kind, ExprKind::Variable(word) if word.as_ref() == "all") {
        return IgnoreChanges::All;
    }
    let ExprKind::Tuple(elements) = expr.kind else {
        let detail = "A list of arguments stands here, such as [tags, scaling[0].size], or all.";
        out.push(codes::INVALID_REFERENCE.error(detail).at(expr.span));
        return IgnoreChanges::None;
    };
    let mut paths = Vec::with_capacity(elements.len());
    for element in elements {
        let span = element.span;
        match attribute_path(&element) {
            Some(value) => paths.push(Spanned { value, span }),
            None => {
                let detail =
                    "An argument of the resource stands here, such as tags or tags[\"owner\"].";
                out.push(codes::INVALID_REFERENCE.error(detail).at(span));
            }
        }
    }
    if paths.is_empty() {
        IgnoreChanges::None
    } else {
        IgnoreChanges::Paths(paths)
    }
}

fn attribute_path(expr: &Expr) -> Option<AttributePath> {
    let (head, rest) = steps(expr)?;
    let mut path = vec![PathStep::Attribute(head.clone())];
    for step in rest {
        path.push(match step {
            Step::Attribute(name) => PathStep::Attribute(name.clone()),
            Step::Index(index) => index_step(index.literal()?)?,
        });
    }
    Some(AttributePath::from(path))
}

fn index_step(index: &Value) -> Option<PathStep> {
    if let Some(text) = index.as_str() {
        return Some(PathStep::Key(text.into()));
    }
    let index = usize::try_from(index.as_i64()?).ok()?;
    Some(PathStep::Index(index))
}
