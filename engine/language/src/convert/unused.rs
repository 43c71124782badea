//! What a written-out value says in vain: attributes that its type does not have.

use strata_model::{AttributePath, Diagnostic, PathStep};

use crate::codes;
use crate::definition::TypeConstraint;
use crate::expression::{Expr, ExprKind, ObjectItem};
use crate::suggest::nearest;

/// Warns of each attribute that an expression gives to an object whose type does not have it: conversion leaves it out.
/// `name` is the variable that the value is for.
///
/// Only what is written out as it stands is looked at, in maps and lists too. What is `null` says nothing.
pub fn unused_attributes(name: &str, expr: &Expr, ty: &TypeConstraint) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let path = AttributePath::attribute(name);
    look(expr, ty, &path, &mut found);
    found
}

fn look(expr: &Expr, ty: &TypeConstraint, path: &AttributePath, found: &mut Vec<Diagnostic>) {
    match (ty, &expr.kind) {
        (TypeConstraint::Object(attributes), ExprKind::Object(items)) => {
            for (item, key) in written(items) {
                match attributes.get(key) {
                    Some(attribute) => {
                        let path = path.join(PathStep::Attribute(key.into()));
                        look(&item.value, &attribute.ty, &path, found);
                    }
                    None if is_null(&item.value) => {}
                    None => {
                        let known = attributes.keys().map(AsRef::as_ref);
                        found.push(unused(path, (key, item), known));
                    }
                }
            }
        }
        (TypeConstraint::Map(element), ExprKind::Object(items)) => {
            for (item, key) in written(items) {
                look(
                    &item.value,
                    element,
                    &path.join(PathStep::Key(key.into())),
                    found,
                );
            }
        }
        (
            TypeConstraint::List(element) | TypeConstraint::Set(element),
            ExprKind::Tuple(elements),
        ) => {
            for (index, value) in elements.iter().enumerate() {
                look(value, element, &path.join(PathStep::Index(index)), found);
            }
        }
        (TypeConstraint::Tuple(types), ExprKind::Tuple(elements)) => {
            for (index, (value, element)) in elements.iter().zip(types).enumerate() {
                look(value, element, &path.join(PathStep::Index(index)), found);
            }
        }
        _ => {}
    }
}

/// The items whose keys are written out.
fn written(items: &[ObjectItem]) -> impl Iterator<Item = (&ObjectItem, &str)> {
    items.iter().filter_map(|item| match &item.key.kind {
        ExprKind::Literal(key) => Some((item, key.as_str()?)),
        _ => None,
    })
}

fn is_null(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(value) if value.is_null())
}

fn unused<'n>(
    path: &AttributePath,
    (key, item): (&str, &ObjectItem),
    known: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    let detail = format!("The type of {path} has no attribute {key}: what it says is not used.");
    let diagnostic = codes::UNUSED_ATTRIBUTE.warning(detail).at(item.key.span);
    match nearest(key, known.clone()) {
        Some(near) => diagnostic.hint(format!("Did you mean {near}?")),
        None => {
            let known: Vec<&str> = known.collect();
            diagnostic.hint(format!("It has {}.", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use strata_model::{SourceMap, source::SourceFile};

    use super::*;
    use crate::definition::ObjectAttribute;
    use crate::parse;

    fn pool() -> TypeConstraint {
        let attribute = |ty| ObjectAttribute {
            ty,
            optional: true,
            default: None,
        };
        let types = TypeConstraint::List(Box::new(TypeConstraint::String));
        let taint =
            TypeConstraint::Object([("key".into(), attribute(TypeConstraint::String))].into());
        TypeConstraint::Object(
            [
                ("instance_types".into(), attribute(types)),
                (
                    "labels".into(),
                    attribute(TypeConstraint::Map(Box::new(TypeConstraint::String))),
                ),
                (
                    "taints".into(),
                    attribute(TypeConstraint::List(Box::new(taint))),
                ),
            ]
            .into(),
        )
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut sources = SourceMap::default();
        let file = sources.add(SourceFile::new("main.strata.hcl".to_owned(), text));
        let expr = parse::expression(text, file, 0).unwrap();
        let pools = TypeConstraint::Map(Box::new(pool()));
        let found: Vec<String> = unused_attributes("pools", &expr, &pools)
            .iter()
            .map(|found| format!("{} {}", found.detail, found.hints.join(" ")))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_the_type_does_not_have_is_told() {
        check(
            r#"{ x = { instance_type = ["a"] } }"#,
            &[
                "The type of pools[\"x\"] has no attribute instance_type: what it says is not used. Did you mean instance_types?",
            ],
        );
        check(
            r#"{ x = { taints = [{ key = "a" }, { key = "b", when = "c" }] } }"#,
            &[
                "The type of pools[\"x\"].taints[1] has no attribute when: what it says is not used. It has key.",
            ],
        );
    }

    #[test]
    fn what_is_not_written_out_is_not_judged() {
        check(
            r#"{ x = { labels = { anything = "a" }, instance_types = [] } }"#,
            &[],
        );
        check(r#"{ x = { size = null } }"#, &[]);
        check(r#"merge({ x = { size = 1 } }, {})"#, &[]);
        check(r#"{ x = var.pool, (var.name) = { size = 1 } }"#, &[]);
    }
}
