//! `for` expressions and splats.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use strata_model::{Diagnostics, Kind, Members, Span, Type, Value};

use super::{Env, Frame, Run, failed};
use crate::codes;
use crate::convert::{convert, normalized_arc};
use crate::expression::{Expr, ForExpr, TemplatePart};

/// What a loop goes through: keys are made as they are needed.
pub(super) enum Items<'v> {
    Elements(&'v [Value]),
    /// Of a set, whose elements are their own keys.
    Set(&'v [Value]),
    Members(&'v Members),
}

impl Items<'_> {
    /// Calls `visit` with each key and element until it says stop.
    pub(super) fn each(&self, mut visit: impl FnMut(Value, &Value) -> bool) {
        match self {
            Items::Elements(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    if !visit(Value::number(index), element) {
                        return;
                    }
                }
            }
            Items::Set(elements) => {
                for element in elements.iter() {
                    if !visit(element.clone(), element) {
                        return;
                    }
                }
            }
            Items::Members(members) => {
                for (key, member) in members.iter() {
                    if !visit(Value::string(key.clone()), member) {
                        return;
                    }
                }
            }
        }
    }
}

/// What a value holds to go through; `None` in it where that is not known, `Err` after a report.
pub(super) fn items<'v>(
    value: &'v Value,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Items<'v>>, ()> {
    match value.kind() {
        Kind::List(_, elements) | Kind::Tuple(elements) => Ok(Some(Items::Elements(elements))),
        Kind::Set(_, elements) => Ok(Some(Items::Set(elements))),
        Kind::Map(_, members) | Kind::Object(members) => Ok(Some(Items::Members(members))),
        Kind::Unknown(
            Type::Any
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(_)
            | Type::Tuple(_)
            | Type::Object(_),
        ) => Ok(None),
        Kind::Null(_) => {
            let detail = "A for goes through a collection, and this value is null.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(span));
            Err(())
        }
        Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            let detail = format!(
                "A for goes through a collection, and this value is {}.",
                super::one_of(&value.ty())
            );
            diagnostics.push(codes::INVALID_OPERAND.error(detail).at(span));
            Err(())
        }
    }
}

/// What a loop has gathered.
#[derive(Default)]
struct Gathered {
    elements: Vec<Value>,
    members: BTreeMap<Arc<str>, Value>,
    groups: BTreeMap<Arc<str>, Vec<Value>>,
    unknown: bool,
    secret: bool,
}

impl Run<'_> {
    pub(super) fn for_expr(
        &self,
        expr: &ForExpr,
        span: Span,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let collection = self.eval(&expr.collection, env, diagnostics);
        let secret = collection.is_secret();
        let items = match items(&collection, expr.collection.span, diagnostics) {
            Ok(Some(items)) => items,
            Ok(None) | Err(()) => return failed().with_secret(secret),
        };
        let mut gathered = Gathered {
            secret,
            ..Gathered::default()
        };
        items.each(|key, element| {
            let outer = expr.key.as_ref().map(|name| Frame::name(env, name, &key));
            let inner = Frame::name(outer.as_ref().or(env), &expr.value, element);
            self.one(expr, Some(&inner), &mut gathered, diagnostics);
            let members = usize::from(expr.result_key.is_some());
            self.meter.exceeded().is_none()
                && self.room(1, span, diagnostics).is_ok()
                && self.map_room((0, members), span, diagnostics).is_ok()
        });
        let groups = usize::from(!gathered.members.is_empty()) + gathered.groups.len();
        if self.map_room((groups, 0), span, diagnostics).is_err() {
            return failed().with_secret(gathered.secret);
        }
        if gathered.unknown || self.meter.exceeded().is_some() {
            return failed().with_secret(gathered.secret);
        }
        let value = match (&expr.result_key, expr.group) {
            (None, _) => Value::tuple(gathered.elements),
            (Some(_), false) => Kind::Object(Arc::new(gathered.members.into())).into(),
            (Some(_), true) => {
                let groups = gathered.groups.into_iter();
                Value::object(groups.map(|(key, values)| (key, Value::tuple(values))))
            }
        };
        self.weighed(value, span, diagnostics)
            .with_secret(gathered.secret)
    }

    /// One turn of a `for`.
    fn one(
        &self,
        expr: &ForExpr,
        env: Env<'_>,
        gathered: &mut Gathered,
        diagnostics: &mut Diagnostics,
    ) {
        if let Some(condition) = &expr.condition {
            match self.included(condition, env, gathered, diagnostics) {
                Some(true) => {}
                Some(false) => return,
                None => {
                    gathered.unknown = true;
                    return;
                }
            }
        }
        let Some(key_expr) = &expr.result_key else {
            let value = self.eval(&expr.result, env, diagnostics);
            gathered.elements.push(value);
            return;
        };
        let key = self.for_key(key_expr, env, gathered, diagnostics);
        let value = self.eval(&expr.result, env, diagnostics);
        let Some(key) = key else {
            gathered.unknown = true;
            return;
        };
        if expr.group {
            gathered.groups.entry(key).or_default().push(value);
            return;
        }
        let shown = match gathered.members.entry(key) {
            Entry::Vacant(place) => {
                place.insert(value);
                return;
            }
            Entry::Occupied(_) if gathered.secret => String::new(),
            Entry::Occupied(place) => format!(" \"{}\"", place.key()),
        };
        let detail = format!("Two items of this for have the key{shown}.");
        diagnostics.push(
            codes::DUPLICATE_ITEM
                .error(detail)
                .at(key_expr.span)
                .hint("To gather the values of equal keys, write ... behind the value."),
        );
    }

    /// Whether the `if` lets an item through; `None` where that is unknown or cannot be said.
    fn included(
        &self,
        condition: &Expr,
        env: Env<'_>,
        gathered: &mut Gathered,
        diagnostics: &mut Diagnostics,
    ) -> Option<bool> {
        let value = self.eval(condition, env, diagnostics);
        gathered.secret |= value.is_secret();
        if value.is_null() {
            let detail = "The condition of a for is null.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(condition.span));
            return None;
        }
        match convert(&value, &Type::Bool) {
            Ok(value) => value.as_bool(),
            Err(error) => {
                let detail = format!("The condition of a for has the wrong type: {error}.");
                diagnostics.push(codes::INVALID_OPERAND.error(detail).at(condition.span));
                None
            }
        }
    }

    fn for_key(
        &self,
        key: &Expr,
        env: Env<'_>,
        gathered: &mut Gathered,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<str>> {
        let value = self.eval(key, env, diagnostics);
        gathered.secret |= value.is_secret();
        if value.is_null() {
            let detail = "The key of an item is null.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(key.span));
            return None;
        }
        match convert(&value, &Type::String) {
            Ok(text) => match text.kind() {
                Kind::String(text) => Some(normalized_arc(text)),
                _ => None,
            },
            Err(error) => {
                let detail = format!("The key of an item must be text: {error}.");
                diagnostics.push(codes::INVALID_OPERAND.error(detail).at(key.span));
                None
            }
        }
    }

    /// A splat: what is no sequence counts as a sequence of one, and null as none.
    pub(super) fn splat(
        &self,
        (base, each): (&Expr, &Expr),
        span: Span,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let value = self.eval(base, env, diagnostics);
        let secret = value.is_secret();
        let mut apply = |element: &Value, diagnostics: &mut Diagnostics| {
            let frame = Frame::element(env, element);
            self.eval(each, Some(&frame), diagnostics)
        };
        let result = match value.kind() {
            Kind::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                let detail = "A splat goes through a sequence, and this one is null.";
                diagnostics.push(codes::NULL_VALUE.error(detail).at(base.span));
                failed()
            }
            Kind::Null(_) => Value::tuple(Vec::new()),
            Kind::Unknown(Type::List(element) | Type::Set(element)) => {
                let element = Value::unknown(element.as_ref().clone());
                Value::unknown(Type::list(apply(&element, diagnostics).ty()))
            }
            Kind::Unknown(Type::Tuple(types)) => {
                let types = types
                    .iter()
                    .map(|ty| apply(&Value::unknown(ty.clone()), diagnostics).ty())
                    .collect();
                Value::unknown(Type::tuple(types))
            }
            Kind::Unknown(_) => failed(),
            Kind::List(element, elements) | Kind::Set(element, elements) if elements.is_empty() => {
                let element = Value::unknown(element.clone());
                let ty = apply(&element, &mut Diagnostics::new()).ty();
                Value::list(ty, Vec::new())
            }
            Kind::List(_, elements) | Kind::Set(_, elements) => {
                let results = self.all(elements, span, diagnostics, &mut apply);
                match crate::convert::unify_values(&results) {
                    Some(Ok((ty, results))) => Value::list(ty, results),
                    Some(Err(_)) | None => Value::tuple(results),
                }
            }
            Kind::Tuple(elements) => {
                Value::tuple(self.all(elements, span, diagnostics, &mut apply))
            }
            Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Map(..) | Kind::Object(_) => {
                let element = value.clone().with_secret(false);
                Value::tuple(vec![apply(&element, diagnostics)])
            }
        };
        let secret = secret || result.is_secret();
        self.weighed(result, span, diagnostics).with_secret(secret)
    }

    fn all(
        &self,
        elements: &[Value],
        span: Span,
        diagnostics: &mut Diagnostics,
        apply: &mut impl FnMut(&Value, &mut Diagnostics) -> Value,
    ) -> Vec<Value> {
        let mut results = Vec::new();
        for element in elements {
            if self.room(1, span, diagnostics).is_err() {
                break;
            }
            results.push(apply(element, diagnostics));
        }
        results
    }

    /// Goes through a template's `for`: `body` is called for each element, with the names bound.
    pub(super) fn template_for(
        &self,
        part: &TemplatePart,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
        body: &mut dyn FnMut(Env<'_>, &mut Diagnostics),
    ) -> Loop {
        let TemplatePart::For {
            key,
            value,
            collection: expr,
            ..
        } = part
        else {
            return Loop::default();
        };
        let collection = self.eval(expr, env, diagnostics);
        let secret = collection.is_secret();
        let items = match items(&collection, expr.span, diagnostics) {
            Ok(Some(items)) => items,
            Ok(None) | Err(()) => {
                return Loop {
                    unknown: true,
                    secret,
                };
            }
        };
        items.each(|index, element| {
            let outer = key.as_ref().map(|name| Frame::name(env, name, &index));
            let inner = Frame::name(outer.as_ref().or(env), value, element);
            body(Some(&inner), diagnostics);
            self.step(1, expr.span, diagnostics).is_ok()
        });
        Loop {
            unknown: false,
            secret,
        }
    }
}

/// What a loop's collection says about its result.
#[derive(Default)]
pub(super) struct Loop {
    pub(super) unknown: bool,
    pub(super) secret: bool,
}
