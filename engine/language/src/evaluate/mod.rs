//! Evaluation: expressions to values.
//!
//! Errors are collected, never stop at the first: what cannot be evaluated is a diagnostic and an unknown of type
//! `any`, which goes on through everything that uses it without another word.

mod arguments;
pub(crate) mod arithmetic;
mod call;
mod condition;
pub(crate) mod equal;
mod index;
mod iterate;
mod operator;
mod template;
mod traverse;

use std::sync::Arc;

use strata_model::schema::Schema;
use strata_model::{
    AttributePath, Diagnostic, Diagnostics, Kind, Members, PathStep, Span, Timestamp, Type, Value,
};

use crate::budget::{Budget, Exceeded, Meter};
use crate::codes;
use crate::convert::{conform, convert, normalized_arc};
use crate::definition::{Arguments, Condition, TypeConstraint};
use crate::expression::{Expr, ExprKind, ObjectItem};
use crate::scope::{Scope, SourceTree};

pub use condition::Outcome;

/// Evaluates expressions in a scope.
#[derive(Clone, Copy)]
pub struct Evaluator<'a> {
    /// Gives names their values.
    pub scope: &'a dyn Scope,
    /// What the functions that read files read; without it they are refused.
    pub files: Option<&'a dyn SourceTree>,
    /// What all evaluations of the run may use together.
    pub budget: &'a Budget,
    /// The value of `plantimestamp()`; unknown without it.
    pub plan_timestamp: Option<Timestamp>,
}

impl Evaluator<'_> {
    /// Evaluates an expression. An error is a diagnostic, and the value then an unknown of type `any`.
    pub fn evaluate(&self, expr: &Expr, diagnostics: &mut Diagnostics) -> Value {
        self.run(diagnostics, |run, found| run.eval(expr, None, found))
    }

    /// Evaluates an expression where a value of a type constraint is wanted, and converts it: optional attributes
    /// take their defaults, and numbers that are not written canonically stay text where text is wanted.
    pub fn evaluate_as(
        &self,
        expr: &Expr,
        constraint: &TypeConstraint,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let want = constraint.ty();
        let value = self.run(diagnostics, |run, found| {
            run.eval_for(expr, &want, None, found)
        });
        match conform(&value, constraint) {
            Ok(value) => value,
            Err(error) => {
                let detail = format!("The value is not {}: {error}.", one_of(&want));
                diagnostics.push(
                    codes::WRONG_TYPE
                        .error(detail)
                        .at(span_at(expr, &error.path)),
                );
                Value::unknown(want).marked_like(&value)
            }
        }
    }

    /// Evaluates the arguments of a block by its schema: an object with every attribute of the schema, `null` where
    /// the definition says nothing. Unknown, missing and read-only arguments, also of nested objects, and values of
    /// the wrong type are diagnostics; what the schema calls sensitive is marked secret.
    pub fn evaluate_arguments(
        &self,
        arguments: &Arguments,
        schema: &Schema,
        block: Span,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        self.run(diagnostics, |run, found| {
            run.arguments(arguments, schema, block, found)
        })
    }

    /// Evaluates a condition; the message only where it is needed. A message that shows a secret is refused.
    pub fn evaluate_condition(
        &self,
        condition: &Condition,
        diagnostics: &mut Diagnostics,
    ) -> Outcome {
        let mut outcome = Outcome::Unknown;
        self.run(diagnostics, |run, found| {
            outcome = run.condition(condition, found);
            Value::null()
        });
        outcome
    }

    fn run(
        &self,
        diagnostics: &mut Diagnostics,
        evaluate: impl FnOnce(&Run<'_>, &mut Diagnostics) -> Value,
    ) -> Value {
        let run = Run {
            host: self,
            meter: Meter::new(self.budget),
        };
        let mut found = Diagnostics::new();
        let value = evaluate(&run, &mut found);
        run.meter.settle(&value);
        run.meter.tell(found, diagnostics);
        value
    }
}

/// One evaluation on its way.
pub(crate) struct Run<'r> {
    pub(crate) host: &'r Evaluator<'r>,
    pub(crate) meter: Meter<'r>,
}

/// Names that are bound around an expression.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'f> {
    parent: Option<&'f Frame<'f>>,
    bound: Bound<'f>,
}

/// What a frame binds.
#[derive(Clone, Copy)]
enum Bound<'f> {
    /// A name of a `for`.
    Name(&'f str, &'f Value),
    /// The element of a splat.
    Element(&'f Value),
    /// The variables of a template, which sees no other names; the text names the function that renders it.
    Template(&'f Members, &'static str),
}

/// The names bound around an expression, innermost first.
pub(crate) type Env<'f> = Option<&'f Frame<'f>>;

impl<'f> Frame<'f> {
    fn name(parent: Env<'f>, name: &'f str, value: &'f Value) -> Self {
        Frame {
            parent,
            bound: Bound::Name(name, value),
        }
    }

    fn element(parent: Env<'f>, value: &'f Value) -> Self {
        Frame {
            parent,
            bound: Bound::Element(value),
        }
    }

    /// The variables of a template that a function renders.
    pub(crate) fn template(variables: &'f Members, renderer: &'static str) -> Self {
        Frame {
            parent: None,
            bound: Bound::Template(variables, renderer),
        }
    }
}

fn frames<'f>(env: Env<'f>) -> impl Iterator<Item = Bound<'f>> {
    std::iter::successors(env, |frame| frame.parent).map(|frame| frame.bound)
}

/// The value bound to a name.
fn bound<'f>(env: Env<'f>, wanted: &str) -> Option<&'f Value> {
    frames(env).find_map(|bound| match bound {
        Bound::Name(name, value) => (name == wanted).then_some(value),
        Bound::Element(_) => None,
        Bound::Template(variables, _) => variables.get(wanted),
    })
}

/// The element that the innermost splat has come to.
fn element<'f>(env: Env<'f>) -> Option<&'f Value> {
    frames(env).find_map(|bound| match bound {
        Bound::Element(value) => Some(value),
        Bound::Name(..) | Bound::Template(..) => None,
    })
}

/// The function that renders the template around, where there is one.
fn renderer(env: Env<'_>) -> Option<&'static str> {
    frames(env).find_map(|bound| match bound {
        Bound::Template(_, renderer) => Some(renderer),
        Bound::Name(..) | Bound::Element(_) => None,
    })
}

/// What stands in for a value that could not be made.
fn failed() -> Value {
    Value::unknown(Type::Any)
}

impl Run<'_> {
    /// Evaluates an expression.
    pub(crate) fn eval(&self, expr: &Expr, env: Env<'_>, diagnostics: &mut Diagnostics) -> Value {
        if let Err(exceeded) = self.step(1, expr.span, diagnostics) {
            return exceeded;
        }
        match &expr.kind {
            ExprKind::Literal(value) => literal(value),
            ExprKind::WrittenNumber(text) => {
                diagnostics.push(two_readings(text, expr.span));
                failed()
            }
            ExprKind::Template(parts) => self.template(parts, expr.span, env, diagnostics),
            ExprKind::Tuple(items) => {
                let elements = items
                    .iter()
                    .map(|item| self.eval(item, env, diagnostics))
                    .collect();
                self.tuple(elements, expr.span, diagnostics)
            }
            ExprKind::Object(items) => self.object((items, None), expr.span, env, diagnostics),
            ExprKind::Variable(_) | ExprKind::Attribute(..) | ExprKind::Index(..) => {
                self.traverse(expr, env, diagnostics)
            }
            ExprKind::Splat { base, each } => self.splat((base, each), expr.span, env, diagnostics),
            ExprKind::SplatElement => element(env).cloned().unwrap_or_else(failed),
            ExprKind::Unary(operator, operand) => {
                let value = self.eval(operand, env, diagnostics);
                operator::unary(*operator, &value)
                    .unwrap_or_else(|fault| fault.report([operand.span; 2], diagnostics))
            }
            ExprKind::Binary(operator, left, right) => {
                self.binary(*operator, (left, right), env, diagnostics)
            }
            ExprKind::Conditional { .. } => self.conditional(expr, None, env, diagnostics),
            ExprKind::Call {
                name,
                arguments,
                expand,
            } => self.call((name, arguments, *expand), expr.span, env, diagnostics),
            ExprKind::For(for_expr) => self.for_expr(for_expr, expr.span, env, diagnostics),
        }
    }

    /// Evaluates an expression where a value of a type is wanted. The value is not converted yet; only numbers that
    /// are not written canonically look at the type.
    pub(crate) fn eval_for(
        &self,
        expr: &Expr,
        want: &Type,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        match (&expr.kind, want) {
            (ExprKind::WrittenNumber(text), Type::String) => Value::string(text.clone()),
            (ExprKind::Tuple(items), Type::List(element) | Type::Set(element)) => {
                let elements = items
                    .iter()
                    .map(|item| self.eval_for(item, element, env, diagnostics))
                    .collect();
                self.tuple(elements, expr.span, diagnostics)
            }
            (ExprKind::Tuple(items), Type::Tuple(types)) => {
                let elements = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let want = types.get(index).unwrap_or(&Type::Any);
                        self.eval_for(item, want, env, diagnostics)
                    })
                    .collect();
                self.tuple(elements, expr.span, diagnostics)
            }
            (ExprKind::Object(items), Type::Map(_) | Type::Object(_)) => {
                self.object((items, Some(want)), expr.span, env, diagnostics)
            }
            (ExprKind::Conditional { .. }, _) => {
                self.conditional(expr, Some(want), env, diagnostics)
            }
            _ => self.eval(expr, env, diagnostics),
        }
    }

    fn tuple(&self, elements: Vec<Value>, span: Span, diagnostics: &mut Diagnostics) -> Value {
        match self.room(elements.len(), span, diagnostics) {
            Ok(()) => self.weighed(Value::tuple(elements), span, diagnostics),
            Err(exceeded) => exceeded,
        }
    }

    /// The collection that was made, unless it is too large or too deep.
    fn weighed(&self, value: Value, span: Span, diagnostics: &mut Diagnostics) -> Value {
        let already = self.meter.exceeded().is_some();
        match self.meter.weigh(&value) {
            Ok(()) => value,
            Err(exceeded) => over(exceeded, already, span, diagnostics),
        }
    }

    fn object(
        &self,
        (items, want): (&[ObjectItem], Option<&Type>),
        span: Span,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let mut written: Vec<(Arc<str>, Value)> = Vec::with_capacity(items.len());
        let (mut known, mut secret) = (true, false);
        for item in items {
            let key = self.object_key(&item.key, env, diagnostics);
            let want = match (&key, want) {
                (_, Some(Type::Map(element))) => element.as_ref(),
                (Some((Some(name), _)), Some(Type::Object(attributes))) => {
                    attributes.get(name).unwrap_or(&Type::Any)
                }
                _ => &Type::Any,
            };
            let value = self.eval_for(&item.value, want, env, diagnostics);
            let Some((name, key_secret)) = key else {
                known = false;
                continue;
            };
            secret |= key_secret;
            match name {
                Some(name) => written.push((name, value)),
                None => known = false,
            }
        }
        let members: Members = written.into_iter().collect();
        let maps = usize::from(!members.is_empty());
        if let Err(exceeded) = self.map_room((maps, members.len()), span, diagnostics) {
            return exceeded;
        }
        let value = if known {
            self.weighed(Kind::Object(Arc::new(members)).into(), span, diagnostics)
        } else {
            failed()
        };
        value.with_secret(secret)
    }

    /// The text of a key, `None` in place of it where it is not known, and whether it is secret; `None` altogether
    /// after an error.
    fn object_key(
        &self,
        key: &Expr,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Option<Arc<str>>, bool)> {
        let value = match &key.kind {
            ExprKind::Literal(value) if value.as_str().is_some() => value.clone(),
            ExprKind::WrittenNumber(text) => Value::string(text.clone()),
            _ => self.eval(key, env, diagnostics),
        };
        if value.is_null() {
            let detail = "The key of an object's item is null.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(key.span));
            return None;
        }
        let secret = value.is_secret();
        match convert(&value, &Type::String) {
            Ok(text) => match text.kind() {
                Kind::String(text) => Some((Some(normalized_arc(text)), secret)),
                _ => Some((None, secret)),
            },
            Err(error) => {
                let detail = format!("The key of an object's item must be text: {error}.");
                diagnostics.push(codes::INVALID_OPERAND.error(detail).at(key.span));
                None
            }
        }
    }

    /// Takes steps; the error is the value to go on with.
    fn step(&self, count: u64, span: Span, diagnostics: &mut Diagnostics) -> Result<(), Value> {
        let already = self.meter.exceeded().is_some();
        self.meter
            .steps(count)
            .map_err(|exceeded| over(exceeded, already, span, diagnostics))
    }

    /// Takes room for elements; the error is the value to go on with.
    fn room(&self, count: usize, span: Span, diagnostics: &mut Diagnostics) -> Result<(), Value> {
        let already = self.meter.exceeded().is_some();
        self.meter
            .elements(count)
            .map_err(|exceeded| over(exceeded, already, span, diagnostics))
    }

    /// Takes room for maps and the members of them all; the error is the value to go on with.
    fn map_room(
        &self,
        (maps, members): (usize, usize),
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), Value> {
        let already = self.meter.exceeded().is_some();
        self.meter
            .maps(maps, members)
            .map_err(|exceeded| over(exceeded, already, span, diagnostics))
    }
}

/// Reports a limit, once for each evaluation.
fn over(exceeded: Exceeded, already: bool, span: Span, diagnostics: &mut Diagnostics) -> Value {
    if !already {
        diagnostics.push(exceeded.diagnostic().at(span));
    }
    failed()
}

fn literal(value: &Value) -> Value {
    match value.kind() {
        Kind::String(text) if !text.is_ascii() => Value::string(normalized_arc(text)),
        _ => value.clone(),
    }
}

/// A number that is not written canonically means two things; which one is for the author to say.
fn two_readings(text: &str, span: Span) -> Diagnostic {
    let number = crate::convert::parse_number(text);
    let detail = match number {
        Ok(number) => format!(
            "{text} can be read as the number {number} and as the text \"{text}\"; they are not the same."
        ),
        Err(_) => format!(
            "{text} cannot be held as a number without changing it; it can be kept as the text \"{text}\"."
        ),
    };
    let diagnostic = codes::WRONG_TYPE.error(detail).at(span);
    match number {
        Ok(number) => diagnostic.hint(format!(
            "Write {number} for the number, or \"{text}\" for the text."
        )),
        Err(_) => diagnostic.hint(format!("Write \"{text}\" for the text.")),
    }
}

fn one_of(ty: &Type) -> String {
    crate::convert::one_of(ty)
}

/// The place of what stands at a path of a literal expression, as deep as it is written out.
fn span_at(expr: &Expr, path: &AttributePath) -> Span {
    follow(expr, path).1.span
}

/// The place of the name that a path of a literal expression ends with; without one, that of what stands there.
fn name_span_at(expr: &Expr, path: &AttributePath) -> Span {
    let (name, value) = follow(expr, path);
    name.unwrap_or(value).span
}

/// Follows a path as deep as a literal expression is written out: what stands there, and the name that the path ends
/// with, where it does and was followed to its end.
fn follow<'e>(expr: &'e Expr, path: &AttributePath) -> (Option<&'e Expr>, &'e Expr) {
    let mut at = (None, expr);
    for step in path.steps() {
        let next = match (&at.1.kind, step) {
            (ExprKind::Tuple(items), PathStep::Index(index)) => {
                items.get(*index).map(|item| (None, item))
            }
            (ExprKind::Object(items), PathStep::Attribute(name) | PathStep::Key(name)) => {
                item_named(items, name).map(|item| (Some(&item.key), &item.value))
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return (None, at.1),
        }
    }
    at
}

fn item_named<'e>(items: &'e [ObjectItem], name: &str) -> Option<&'e ObjectItem> {
    items.iter().find(|item| match &item.key.kind {
        ExprKind::Literal(value) => value.as_str() == Some(name),
        _ => false,
    })
}
