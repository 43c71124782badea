//! Arguments of a block by its schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::schema::{Attribute, AttributeType, Presence, Schema};
use strata_model::{AttributePath, Diagnostics, Kind, Members, PathStep, Span, Type, Value};

use super::{Run, name_span_at, span_at};
use crate::codes;
use crate::convert::{convert, one_of, set_of};
use crate::definition::Arguments;
use crate::expression::Expr;
use crate::scope::{SecretRequest, SecretSource};
use crate::suggest;

type Attributes = BTreeMap<Arc<str>, Attribute>;

/// Where a value stands that is being checked.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The argument's expression.
    expr: &'a Expr,
    /// The path from the block to the value.
    path: &'a AttributePath,
}

impl At<'_> {
    /// The place of the value, as deep as the expression is written out.
    fn span(&self) -> Span {
        let inner = self.path.steps().get(1..).unwrap_or_default().to_vec();
        span_at(self.expr, &AttributePath::from(inner))
    }

    /// The place of the name under which the value stands.
    fn name_span(&self) -> Span {
        let inner = self.path.steps().get(1..).unwrap_or_default().to_vec();
        name_span_at(self.expr, &AttributePath::from(inner))
    }
}

impl Run<'_> {
    pub(super) fn arguments(
        &self,
        arguments: &Arguments,
        schema: &Schema,
        block: Span,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let mut given: Vec<(&str, Value)> = Vec::with_capacity(arguments.0.len());
        for argument in &arguments.0 {
            let name = &argument.name;
            let Some(attribute) = schema.attribute(&name.value) else {
                unknown(&name.value, schema.attributes(), name.span, diagnostics);
                continue;
            };
            if attribute.presence == Presence::Computed {
                read_only(&name.value, name.span, diagnostics);
                continue;
            }
            let want = match schema.object_type() {
                Type::Object(types) => types.get(&name.value),
                _ => None,
            };
            let want = want.unwrap_or(&Type::Any);
            let value = self.eval_for(&argument.value, want, None, diagnostics);
            let path = AttributePath::attribute(name.value.clone());
            let at = At {
                expr: &argument.value,
                path: &path,
            };
            let value = self.attribute(value, attribute, (want, at), diagnostics);
            given.push((&name.value, value));
        }
        let mut members = Members::with_capacity(schema.attributes().len());
        for (name, attribute) in schema.attributes() {
            let at = given.iter().rposition(|(other, _)| **name == **other);
            let value = at.map(|at| given.swap_remove(at).1);
            if attribute.presence == Presence::Required {
                missing(name, value.as_ref(), block, diagnostics);
            }
            let value = value.unwrap_or_else(|| absent(schema.object_type(), name));
            members.insert(name.clone(), value);
        }
        Kind::Object(Arc::new(members)).into()
    }

    /// Converts the value of an attribute and checks what is in it.
    fn attribute(
        &self,
        value: Value,
        attribute: &Attribute,
        (want, at): (&Type, At<'_>),
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let text = matches!(
            attribute.ty,
            AttributeType::String | AttributeType::Json | AttributeType::Any
        );
        if attribute.sensitive
            && text
            && let Some(secret) = self.secret(&value, at, diagnostics)
        {
            return secret.into_secret();
        }
        let value = if is_plain(&attribute.ty) {
            self.plain(value, want, at, diagnostics)
        } else {
            self.nested(value, &attribute.ty, at, diagnostics)
        };
        let secret = attribute.sensitive && !value.is_null();
        let secret = secret || value.is_secret();
        value.with_secret(secret)
    }

    fn plain(&self, value: Value, want: &Type, at: At<'_>, diagnostics: &mut Diagnostics) -> Value {
        match convert(&value, want) {
            Ok(value) => value,
            Err(error) => {
                let mut steps = at.path.steps().to_vec();
                steps.extend(error.path.steps().iter().cloned());
                let path = AttributePath::from(steps);
                let detail = if error.path.steps().is_empty() {
                    format!(
                        "\"{path}\" takes {}, and is given {}: {}.",
                        one_of(want),
                        one_of(&value.ty()),
                        error.reason
                    )
                } else {
                    format!("\"{path}\" has the wrong type: {}.", error.reason)
                };
                let span = At {
                    expr: at.expr,
                    path: &path,
                }
                .span();
                let diagnostic = codes::WRONG_TYPE.error(detail).at(span);
                diagnostics.push(match level_too_much(want, &value) {
                    Some(level) => diagnostic.hint(format!(
                        "Write what stands in {level} itself, without {level} around it."
                    )),
                    None => diagnostic,
                });
                Value::unknown(want.clone()).marked_like(&value)
            }
        }
    }

    /// Converts a value in which objects with attributes of their own stand.
    fn nested(
        &self,
        value: Value,
        ty: &AttributeType,
        at: At<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        if value.is_null() || value.is_unknown() {
            return self.plain(value, &ty.ty(), at, diagnostics);
        }
        let result = match ty {
            AttributeType::Object(attributes) => match value.members() {
                Some(members) => self.object_members(members, attributes, at, diagnostics),
                None => return self.plain(value, &ty.ty(), at, diagnostics),
            },
            AttributeType::List(element) | AttributeType::Set(element) => {
                let Some(elements) = value.elements() else {
                    return self.plain(value, &ty.ty(), at, diagnostics);
                };
                let converted = elements.iter().enumerate().map(|(index, item)| {
                    let path = at.path.join(PathStep::Index(index));
                    let at = At { path: &path, ..at };
                    self.nested_or_plain(item.clone(), element, at, diagnostics)
                });
                let converted: Vec<Value> = converted.collect();
                match ty {
                    AttributeType::Set(_) => set_of(element.ty(), converted),
                    _ => Value::list(element.ty(), converted),
                }
            }
            AttributeType::Map(element) => {
                let Some(members) = value.members() else {
                    return self.plain(value, &ty.ty(), at, diagnostics);
                };
                let converted = members.iter().map(|(key, member)| {
                    let path = at.path.join(PathStep::Key(key.clone()));
                    let at = At { path: &path, ..at };
                    let member = self.nested_or_plain(member.clone(), element, at, diagnostics);
                    (key.clone(), member)
                });
                let converted = converted.collect();
                Value::map(element.ty(), converted)
            }
            AttributeType::Bool
            | AttributeType::Number
            | AttributeType::String
            | AttributeType::Json
            | AttributeType::Any => return self.plain(value, &ty.ty(), at, diagnostics),
        };
        result.marked_like(&value)
    }

    fn nested_or_plain(
        &self,
        value: Value,
        ty: &AttributeType,
        at: At<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        if is_plain(ty) {
            self.plain(value, &ty.ty(), at, diagnostics)
        } else {
            self.nested(value, ty, at, diagnostics)
        }
    }

    fn object_members(
        &self,
        members: &Members,
        attributes: &Attributes,
        at: At<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let mut converted: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for (name, member) in members {
            let path = at.path.join(PathStep::Attribute(name.clone()));
            let inner = At { path: &path, ..at };
            match attributes.get(name) {
                None if member.is_null() => {}
                None => unknown(name, attributes, inner.name_span(), diagnostics),
                Some(attribute) if attribute.presence == Presence::Computed => {
                    if !member.is_null() {
                        read_only(name, inner.name_span(), diagnostics);
                    }
                }
                Some(attribute) => {
                    let want = attribute.ty.ty();
                    let value =
                        self.attribute(member.clone(), attribute, (&want, inner), diagnostics);
                    converted.insert(name.clone(), value);
                }
            }
        }
        for (name, attribute) in attributes {
            if attribute.presence == Presence::Required {
                missing(name, converted.get(name), at.span(), diagnostics);
            }
            converted
                .entry(name.clone())
                .or_insert_with(|| Value::null_of(attribute.ty.ty()));
        }
        Kind::Object(Arc::new(converted.into())).into()
    }

    /// The value of a secret reference; `None` where the value is none.
    fn secret(&self, value: &Value, at: At<'_>, diagnostics: &mut Diagnostics) -> Option<Value> {
        let members = value.members()?;
        let (from, key) = (members.get("from")?, members.get("key")?);
        if members.len() != 2 {
            return None;
        }
        let span = at.span();
        let (Some(from), Some(key)) = (from.as_str(), key.as_str()) else {
            let detail = "\"from\" and \"key\" of a secret reference must be text that is known.";
            diagnostics.push(codes::SECRET_REFERENCE.error(detail).at(span));
            return Some(Value::unknown(Type::String));
        };
        let Some(source) = SecretSource::parse(from) else {
            let detail = format!("Secrets do not come from \"{from}\".");
            let hint = "Write \"env\" for an environment variable or \"file\" for a file.";
            diagnostics.push(codes::SECRET_REFERENCE.error(detail).at(span).hint(hint));
            return Some(Value::unknown(Type::String));
        };
        let request = SecretRequest {
            source,
            key,
            path: at.path,
            span,
        };
        Some(self.host.scope.secret(request).unwrap_or_else(|fault| {
            diagnostics.push(*fault);
            Value::unknown(Type::String)
        }))
    }
}

/// The name of the one member of a value that would be a map of texts if it were not there: in Terraform
/// `default_tags` has such a level, and here it has not.
fn level_too_much<'v>(want: &Type, value: &'v Value) -> Option<&'v str> {
    let Type::Map(element) = want else {
        return None;
    };
    let mut members = value.members().filter(|_| !value.is_secret())?.iter();
    let (name, member) = members.next()?;
    let is_one = **element == Type::String && members.next().is_none();
    (is_one && member.members().is_some()).then_some(name.as_ref())
}

/// Whether no object with attributes of its own stands in the type: conversion says all there is to say.
fn is_plain(ty: &AttributeType) -> bool {
    match ty {
        AttributeType::Bool
        | AttributeType::Number
        | AttributeType::String
        | AttributeType::Json
        | AttributeType::Any => true,
        AttributeType::List(element)
        | AttributeType::Set(element)
        | AttributeType::Map(element) => is_plain(element),
        AttributeType::Object(_) => false,
    }
}

fn absent(object: &Type, name: &str) -> Value {
    match object {
        Type::Object(types) => Value::null_of(types.get(name).cloned().unwrap_or(Type::Any)),
        _ => Value::null(),
    }
}

fn missing(name: &str, given: Option<&Value>, span: Span, diagnostics: &mut Diagnostics) {
    let detail = match given {
        Some(value) if !value.is_null() => return,
        Some(_) => format!("The argument \"{name}\" is required, and is null."),
        None => format!("The argument \"{name}\" is required, and is not there."),
    };
    diagnostics.push(codes::MISSING_ARGUMENT.error(detail).at(span));
}

fn read_only(name: &str, span: Span, diagnostics: &mut Diagnostics) {
    let detail = format!("\"{name}\" is set by the provider alone; it can be read, not given.");
    diagnostics.push(codes::READ_ONLY.error(detail).at(span));
}

fn unknown(name: &str, attributes: &Attributes, span: Span, diagnostics: &mut Diagnostics) {
    let detail = format!("There is no argument \"{name}\" here.");
    let diagnostic = codes::UNKNOWN_NAME.error(detail).at(span);
    let names = attributes
        .iter()
        .filter(|(_, attribute)| attribute.is_argument())
        .map(|(name, _)| name.as_ref());
    diagnostics.push(match suggest::nearest(name, names) {
        Some(nearest) => diagnostic.hint(format!("Did you mean \"{nearest}\"?")),
        None => diagnostic,
    });
}
