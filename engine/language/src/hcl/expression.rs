//! HCL expressions: the parser's tree to ours.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::{
    BinaryOp, BinaryOperator as HclBinary, Expression, ForExpr as HclFor, FuncCall, Object,
    ObjectKey, Traversal, TraversalOperator, UnaryOperator as HclUnary,
};
use hcl_edit::{Decorated, Ident, Span as _};
use strata_model::{Diagnostic, Name, Number, Span, Value};

use crate::codes;
use crate::expression::{
    BinaryOperator, Expr, ExprKind, ForExpr, ObjectItem, Spanned, TemplatePart, UnaryOperator,
};
use crate::place::Place;

/// How many steps (`.name`, `[index]`) may follow each other: each makes the tree one level deeper.
const MAX_STEPS: usize = 128;

/// Lowers parsed expressions of one text.
pub(crate) struct Lowering<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place<'a>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(text: &'a str, place: Place<'a>) -> Self {
        Lowering {
            text,
            place,
            diagnostics: Vec::new(),
        }
    }

    /// What was wrong with what has been lowered.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The place of a parsed thing; the parser gives all that it made a span.
    pub(super) fn span(&self, range: Option<Range<usize>>) -> Span {
        self.place.span(range.unwrap_or_default())
    }

    pub(super) fn name(&self, ident: &Decorated<Ident>) -> Spanned<Name> {
        Spanned {
            value: Arc::from(ident.as_str()),
            span: self.span(ident.span()),
        }
    }

    /// Lowers an expression.
    pub(crate) fn expression(&mut self, expression: &Expression) -> Expr {
        let span = self.span(expression.span());
        let kind = match expression {
            Expression::Null(_) => ExprKind::Literal(Value::null()),
            Expression::Bool(value) => ExprKind::Literal(Value::from(*value.value())),
            Expression::Number(number) => {
                let range = number.span().unwrap_or_default();
                written_number(&self.text[range])
            }
            Expression::String(text) => {
                let range = text.span().unwrap_or_default();
                self.refuse_newline(range);
                ExprKind::Literal(Value::string(text.as_str()))
            }
            Expression::StringTemplate(template) => {
                self.quoted_template(template, expression.span().unwrap_or_default())
            }
            Expression::HeredocTemplate(heredoc) => {
                self.heredoc(heredoc, expression.span().unwrap_or_default())
            }
            Expression::Array(array) => ExprKind::Tuple(
                array
                    .iter()
                    .map(|element| self.expression(element))
                    .collect(),
            ),
            Expression::Object(object) => self.object(object),
            Expression::Parenthesis(inner) => return self.expression(inner.inner()),
            Expression::Variable(ident) => ExprKind::Variable(Arc::from(ident.as_str())),
            Expression::Conditional(conditional) => ExprKind::Conditional {
                condition: Box::new(self.expression(&conditional.cond_expr)),
                then: Box::new(self.expression(&conditional.true_expr)),
                otherwise: Box::new(self.expression(&conditional.false_expr)),
            },
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => return self.traversal(traversal),
            Expression::UnaryOp(unary) => {
                let operator = match unary.operator.value() {
                    HclUnary::Neg => UnaryOperator::Negate,
                    HclUnary::Not => UnaryOperator::Not,
                };
                ExprKind::Unary(operator, Box::new(self.expression(&unary.expr)))
            }
            Expression::BinaryOp(binary) => self.binary(binary),
            Expression::ForExpr(for_expr) => ExprKind::For(Box::new(self.for_expr(for_expr))),
        };
        Expr { kind, span }
    }

    fn binary(&mut self, binary: &BinaryOp) -> ExprKind {
        let operator = match binary.operator.value() {
            HclBinary::Eq => BinaryOperator::Equal,
            HclBinary::NotEq => BinaryOperator::NotEqual,
            HclBinary::LessEq => BinaryOperator::LessOrEqual,
            HclBinary::GreaterEq => BinaryOperator::GreaterOrEqual,
            HclBinary::Less => BinaryOperator::Less,
            HclBinary::Greater => BinaryOperator::Greater,
            HclBinary::Plus => BinaryOperator::Add,
            HclBinary::Minus => BinaryOperator::Subtract,
            HclBinary::Mul => BinaryOperator::Multiply,
            HclBinary::Div => BinaryOperator::Divide,
            HclBinary::Mod => BinaryOperator::Modulo,
            HclBinary::And => BinaryOperator::And,
            HclBinary::Or => BinaryOperator::Or,
        };
        let left = self.expression(&binary.lhs_expr);
        let right = self.expression(&binary.rhs_expr);
        ExprKind::Binary(operator, Box::new(left), Box::new(right))
    }

    fn call(&mut self, call: &FuncCall) -> ExprKind {
        let mut name = self.name(&call.name.name);
        if let Some(first) = call.name.namespace.first() {
            let spelled: Vec<&str> = call
                .name
                .namespace
                .iter()
                .chain([&call.name.name])
                .map(|ident| ident.as_str())
                .collect();
            name.value = spelled.join("::").into();
            name.span = self.span(first.span()).to(name.span);
        }
        ExprKind::Call {
            name,
            arguments: call
                .args
                .iter()
                .map(|argument| self.expression(argument))
                .collect(),
            expand: call.args.expand_final(),
        }
    }

    fn for_expr(&mut self, for_expr: &HclFor) -> ForExpr {
        let intro = &for_expr.intro;
        ForExpr {
            key: intro.key_var.as_ref().map(|key| Arc::from(key.as_str())),
            value: Arc::from(intro.value_var.as_str()),
            collection: self.expression(&intro.collection_expr),
            result_key: for_expr.key_expr.as_ref().map(|key| self.expression(key)),
            result: self.expression(&for_expr.value_expr),
            condition: for_expr
                .cond
                .as_ref()
                .map(|cond| self.expression(&cond.expr)),
            group: for_expr.grouping,
        }
    }

    fn object(&mut self, object: &Object) -> ExprKind {
        let items: Vec<ObjectItem> = object
            .iter()
            .map(|(key, value)| ObjectItem {
                key: self.object_key(key),
                value: self.expression(value.expr()),
            })
            .collect();
        let duplicates = duplicate_keys(&items);
        self.diagnostics.extend(duplicates);
        ExprKind::Object(items)
    }

    fn object_key(&mut self, key: &ObjectKey) -> Expr {
        match key {
            ObjectKey::Ident(ident) => {
                let name = self.name(ident);
                Expr {
                    kind: ExprKind::Literal(Value::string(name.value)),
                    span: name.span,
                }
            }
            // `null = 1`, `true = 1` and `1 = 1` have the words as keys.
            ObjectKey::Expression(
                word @ (Expression::Null(_) | Expression::Bool(_) | Expression::Number(_)),
            ) => {
                let range = word.span().unwrap_or_default();
                Expr {
                    kind: ExprKind::Literal(Value::string(&self.text[range.clone()])),
                    span: self.place.span(range),
                }
            }
            ObjectKey::Expression(expression) => self.expression(expression),
        }
    }

    fn traversal(&mut self, traversal: &Traversal) -> Expr {
        let base = self.expression(&traversal.expr);
        if traversal.operators.len() > MAX_STEPS {
            let detail =
                format!("At most {MAX_STEPS} attributes and indices may follow each other.");
            let range = traversal.span();
            self.report(codes::NESTING.error(detail).at(self.span(range)));
            return base;
        }
        self.steps(base, &traversal.operators)
    }

    fn steps(&mut self, mut base: Expr, operators: &[Decorated<TraversalOperator>]) -> Expr {
        let mut rest = operators;
        while let Some((operator, after)) = rest.split_first() {
            let span = base.span.to(self.span(operator.span()));
            rest = after;
            let kind = match operator.value() {
                TraversalOperator::GetAttr(ident) => {
                    ExprKind::Attribute(Box::new(base), self.name(ident))
                }
                TraversalOperator::Index(index) => {
                    ExprKind::Index(Box::new(base), Box::new(self.expression(index)))
                }
                TraversalOperator::LegacyIndex(index) => {
                    let index = Expr {
                        kind: written_number(&index.value().to_string()),
                        span: self.span(index.span().or(operator.span())),
                    };
                    ExprKind::Index(Box::new(base), Box::new(index))
                }
                // Everything that follows `[*]` is taken of each element; of what follows `.*` only the attributes.
                TraversalOperator::FullSplat(_) => {
                    let each = self.steps(splat_element(span), rest);
                    rest = &[];
                    splat(base, each)
                }
                TraversalOperator::AttrSplat(_) => {
                    let count = rest
                        .iter()
                        .take_while(|next| is_attribute(next.value()))
                        .count();
                    let each = self.steps(splat_element(span), &rest[..count]);
                    rest = &rest[count..];
                    splat(base, each)
                }
            };
            let span = match &kind {
                ExprKind::Splat { each, .. } => span.to(each.span),
                _ => span,
            };
            base = Expr { kind, span };
        }
        base
    }

    /// Refuses a string that goes on in the next line.
    pub(super) fn refuse_newline(&mut self, range: Range<usize>) {
        if let Some(at) = self.text[range.clone()].find('\n') {
            let at = range.start + at;
            self.report(
                codes::HCL_SYNTAX
                    .error("Quoted text ends on the line on which it begins.")
                    .at(self.place.span(at..at + 1))
                    .hint("Write \\n for a line break, or use a heredoc (<<EOT)."),
            );
        }
    }
}

fn is_attribute(operator: &TraversalOperator) -> bool {
    matches!(
        operator,
        TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
    )
}

fn splat_element(span: Span) -> Expr {
    Expr {
        kind: ExprKind::SplatElement,
        span,
    }
}

fn splat(base: Expr, each: Expr) -> ExprKind {
    ExprKind::Splat {
        base: Box::new(base),
        each: Box::new(each),
    }
}

/// A number, or its text where that is not how the number is spelled.
pub(crate) fn written_number(text: &str) -> ExprKind {
    // A minus may stand apart from its digits.
    let spelled: String = match text.strip_prefix('-') {
        Some(digits) => format!("-{}", digits.trim_start()),
        None => text.to_owned(),
    };
    match Number::parse(&spelled) {
        Some(number) if number.to_string() == spelled => ExprKind::Literal(Value::number(number)),
        Some(_) | None => ExprKind::WrittenNumber(spelled.into()),
    }
}

/// Reports keys that an object expression has twice.
pub(crate) fn duplicate_keys(items: &[ObjectItem]) -> Vec<Diagnostic> {
    let mut keys: Vec<(&str, Span)> = items
        .iter()
        .filter_map(|item| match &item.key.kind {
            ExprKind::Literal(value) => value.as_str().map(|text| (text, item.key.span)),
            ExprKind::Template(parts) => match parts.as_slice() {
                [TemplatePart::Text(text)] => Some((text.as_ref(), item.key.span)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    keys.sort_unstable();
    keys.windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| duplicate_key(pair[0].0, pair[0].1, pair[1].1))
        .collect()
}

/// Says that a key is written twice.
pub(crate) fn duplicate_key(key: &str, first: Span, second: Span) -> Diagnostic {
    codes::DUPLICATE_KEY
        .error(format!("'{key}' is set twice."))
        .at(second)
        .label(first, "first set here")
}
