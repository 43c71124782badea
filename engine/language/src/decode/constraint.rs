//! Type constraints: `type = list(object({ name = string, size = optional(number, 1) }))`.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::{Number, Span, Value};

use crate::codes;
use crate::definition::{ObjectAttribute, TypeConstraint};
use crate::expression::{Expr, ExprKind, ObjectItem, UnaryOperator};
use crate::suggest;

use super::fields::{Out, check_name, plain_text};

const NAMES: [&str; 10] = [
    "any", "bool", "list", "map", "number", "object", "optional", "set", "string", "tuple",
];

/// Reads a type expression; what is no type is reported and counts as `any`.
pub(super) fn constraint(expr: &Expr, out: &mut Out) -> TypeConstraint {
    if let ExprKind::Variable(name) = &expr.kind {
        return keyword(name, expr.span, out);
    }
    if let ExprKind::Call {
        name, arguments, ..
    } = &expr.kind
    {
        return constructor(&name.value, arguments, expr.span, out);
    }
    let detail = "A type stands here, such as string or list(number).";
    let diagnostic = codes::INVALID_TYPE.error(detail).at(expr.span);
    out.push(match plain_text(expr) {
        Some(text) => diagnostic.hint(format!("Write {} without quotes.", text.escape_debug())),
        None => diagnostic,
    });
    TypeConstraint::Any
}

fn keyword(name: &str, span: Span, out: &mut Out) -> TypeConstraint {
    match name {
        "any" => TypeConstraint::Any,
        "bool" => TypeConstraint::Bool,
        "number" => TypeConstraint::Number,
        "string" => TypeConstraint::String,
        // Without an element type, as old configurations have them.
        "list" => TypeConstraint::List(Box::new(TypeConstraint::Any)),
        "map" => TypeConstraint::Map(Box::new(TypeConstraint::Any)),
        "set" | "object" | "tuple" | "optional" => {
            let detail = format!("'{name}' says in parentheses what it holds.");
            out.push(codes::INVALID_TYPE.error(detail).at(span));
            TypeConstraint::Any
        }
        _ => {
            let mut diagnostic = codes::INVALID_TYPE
                .error(format!("'{name}' is no type."))
                .at(span);
            diagnostic.hints.extend(suggest::hint(name, NAMES));
            out.push(diagnostic);
            TypeConstraint::Any
        }
    }
}

fn constructor(name: &str, arguments: &[Expr], span: Span, out: &mut Out) -> TypeConstraint {
    match (name, arguments) {
        ("list", [element]) => TypeConstraint::List(Box::new(constraint(element, out))),
        ("set", [element]) => TypeConstraint::Set(Box::new(constraint(element, out))),
        ("map", [element]) => TypeConstraint::Map(Box::new(constraint(element, out))),
        (
            "tuple",
            [
                Expr {
                    kind: ExprKind::Tuple(elements),
                    ..
                },
            ],
        ) => TypeConstraint::Tuple(
            elements
                .iter()
                .map(|element| constraint(element, out))
                .collect(),
        ),
        (
            "object",
            [
                Expr {
                    kind: ExprKind::Object(items),
                    ..
                },
            ],
        ) => TypeConstraint::Object(attributes(items, out)),
        ("optional", _) => {
            let detail = "optional(…) stands only around the type of an object's attribute.";
            out.push(codes::INVALID_TYPE.error(detail).at(span));
            TypeConstraint::Any
        }
        ("list" | "set" | "map" | "tuple" | "object", _) => {
            let form = match name {
                "tuple" => "tuple([string, number])",
                "object" => "object({ name = string })",
                _ => "list(string), set(string) or map(string)",
            };
            let detail = format!("'{name}' takes one argument: {form}.");
            out.push(codes::INVALID_TYPE.error(detail).at(span));
            TypeConstraint::Any
        }
        _ => {
            let mut diagnostic = codes::INVALID_TYPE
                .error(format!("'{name}' is no type."))
                .at(span);
            diagnostic.hints.extend(suggest::hint(name, NAMES));
            out.push(diagnostic);
            TypeConstraint::Any
        }
    }
}

fn attributes(items: &[ObjectItem], out: &mut Out) -> BTreeMap<Arc<str>, ObjectAttribute> {
    let mut found = BTreeMap::new();
    for item in items {
        let Some(name) = plain_text(&item.key) else {
            let detail = "The attributes of an object have plain names.";
            out.push(codes::INVALID_TYPE.error(detail).at(item.key.span));
            continue;
        };
        if check_name(&name, item.key.span, out) {
            found.insert(name, attribute(&item.value, out));
        }
    }
    found
}

fn attribute(expr: &Expr, out: &mut Out) -> ObjectAttribute {
    let mut optional = None;
    if let ExprKind::Call {
        name, arguments, ..
    } = &expr.kind
        && name.value.as_ref() == "optional"
    {
        optional = Some(arguments.as_slice());
    }
    let required = |ty| ObjectAttribute {
        ty,
        optional: false,
        default: None,
    };
    let (ty, default) = match optional {
        None => return required(constraint(expr, out)),
        Some([ty]) => (ty, None),
        Some([ty, default]) => (ty, Some(default)),
        Some(_) => {
            let detail = "optional(…) takes a type and, where there is one, a default.";
            out.push(codes::INVALID_TYPE.error(detail).at(expr.span));
            return required(TypeConstraint::Any);
        }
    };
    let ty = constraint(ty, out);
    let default = default.and_then(|default| {
        let value = constant(default, &ty);
        if value.is_none() {
            let detail = "The default of an attribute is a plain value.";
            out.push(codes::NOT_LITERAL.error(detail).at(default.span));
        }
        value
    });
    ObjectAttribute {
        ty,
        optional: true,
        default,
    }
}

/// The value of an expression that says it plainly. The type decides what a number that is not written canonically
/// is.
fn constant(expr: &Expr, ty: &TypeConstraint) -> Option<Value> {
    if let ExprKind::Tuple(elements) = &expr.kind {
        let values = elements.iter().enumerate();
        let values = values.map(|(index, element)| constant(element, element_type(ty, index)));
        return values.collect::<Option<Vec<_>>>().map(Value::tuple);
    }
    if let ExprKind::Object(items) = &expr.kind {
        let members = items.iter().map(|item| {
            let key = plain_text(&item.key)?;
            let value = constant(&item.value, member_type(ty, &key))?;
            Some((key, value))
        });
        return members.collect::<Option<Vec<_>>>().map(Value::object);
    }
    if let ExprKind::Unary(UnaryOperator::Negate, inner) = &expr.kind {
        let number = constant(inner, ty)?.as_number()?;
        return Number::parse(&format!("-{number}")).map(Value::number);
    }
    match (&expr.kind, ty) {
        (ExprKind::WrittenNumber(text), TypeConstraint::Number) => {
            Number::parse(text).map(Value::number)
        }
        (ExprKind::WrittenNumber(text), _) => Some(Value::string(text.clone())),
        _ => expr.literal().cloned(),
    }
}

fn element_type(ty: &TypeConstraint, index: usize) -> &TypeConstraint {
    match ty {
        TypeConstraint::List(element) | TypeConstraint::Set(element) => element,
        TypeConstraint::Tuple(elements) => elements.get(index).unwrap_or(&TypeConstraint::Any),
        TypeConstraint::Any
        | TypeConstraint::Bool
        | TypeConstraint::Number
        | TypeConstraint::String
        | TypeConstraint::Map(_)
        | TypeConstraint::Object(_) => &TypeConstraint::Any,
    }
}

fn member_type<'a>(ty: &'a TypeConstraint, key: &str) -> &'a TypeConstraint {
    match ty {
        TypeConstraint::Map(element) => element,
        TypeConstraint::Object(attributes) => attributes
            .get(key)
            .map_or(&TypeConstraint::Any, |attribute| &attribute.ty),
        TypeConstraint::Any
        | TypeConstraint::Bool
        | TypeConstraint::Number
        | TypeConstraint::String
        | TypeConstraint::List(_)
        | TypeConstraint::Set(_)
        | TypeConstraint::Tuple(_) => &TypeConstraint::Any,
    }
}
