//! Rules of a layer for the health of its objects.

use strata_language::definition::LayerBlock;
use strata_language::expression::{Expr, ExprKind};
use strata_model::layer::Member;
use strata_model::{Diagnostic, Diagnostics, Span, Value};

use crate::code;
use crate::conditions;

/// The argument that holds the rules.
pub(crate) const HEALTH: &str = "health";

/// Checks the conditions of the rules.
pub(super) fn check(block: &LayerBlock, arguments: &Value, found: &mut Diagnostics) {
    for (at, rule) in rules(arguments).iter().enumerate() {
        for name in ["ready", "failed"] {
            if let Some(condition) = rule.get(name).and_then(Value::as_str) {
                found.extend(conditions::check(condition, place(block, at, name)));
            }
        }
    }
}

/// Says which rules are about no object of the layer.
pub(super) fn check_use(
    block: &LayerBlock,
    arguments: &Value,
    members: &[Member],
    found: &mut Diagnostics,
) {
    if members.is_empty() {
        return;
    }
    for (at, rule) in rules(arguments).iter().enumerate() {
        if members
            .iter()
            .any(|member| is_about_kind(rule, &member.manifest))
        {
            continue;
        }
        let kind = rule.get("kind").and_then(Value::as_str).unwrap_or_default();
        let detail = format!(
            "No object of the layer {} is of the kind {kind}.",
            block.name
        );
        let diagnostic = Diagnostic::error(code::INVALID_VALUE, "Invalid value", detail)
            .at(place(block, at, "kind"))
            .hint("A kind is named with its version, such as apps/v1/Deployment, or alone.");
        found.push(diagnostic);
    }
}

/// The first rule that is about an object, as a list; null where there is none: the object is judged by its kind then.
pub(super) fn of_object(rules: &Value, manifest: &Value) -> Option<Value> {
    let elements = rules.elements()?;
    let rule = elements.iter().find(|rule| is_about(rule, manifest))?;
    Some(Value::tuple(vec![rule.clone()]))
}

fn rules(arguments: &Value) -> &[Value] {
    let rules = arguments.get(HEALTH).and_then(Value::elements);
    rules.unwrap_or_default()
}

fn is_about(rule: &Value, manifest: &Value) -> bool {
    let name = rule.get("name").filter(|name| !name.is_null());
    let metadata = manifest.get("metadata");
    let own = metadata.and_then(|metadata| metadata.get("name"));
    is_about_kind(rule, manifest)
        && name.is_none_or(|name| own.and_then(Value::as_str) == name.as_str())
}

fn is_about_kind(rule: &Value, manifest: &Value) -> bool {
    let text = |name: &str| manifest.get(name).and_then(Value::as_str);
    let own = text("kind").unwrap_or_default();
    match rule.get("kind").and_then(Value::as_str) {
        None => true,
        Some(kind) => match kind.rsplit_once('/') {
            None => kind == own,
            Some((version, kind)) => kind == own && text("apiVersion") == Some(version),
        },
    }
}

/// Where a rule says something; where the rules stand if they are not written out.
fn place(block: &LayerBlock, at: usize, name: &str) -> Span {
    let written = || {
        let ExprKind::Tuple(rules) = &block.arguments.get(HEALTH)?.value.kind else {
            return None;
        };
        let rule: &Expr = rules.get(at)?;
        let ExprKind::Object(items) = &rule.kind else {
            return Some(rule.span);
        };
        let mut items = items.iter();
        let item = items.find(|item| item.key.literal().and_then(Value::as_str) == Some(name));
        Some(item.map_or(rule.span, |item| item.value.span))
    };
    written().unwrap_or_else(|| block.place_of(HEALTH))
}
