//! Templates.

use std::fmt::Write;

use strata_model::{Diagnostics, Kind, Span, Type, Value};

use super::{Env, Run, over};
use crate::codes;
use crate::convert::{convert, normalized};
use crate::expression::{Expr, ExprKind, TemplatePart};

/// The text of a template as far as it is made.
struct Text {
    /// The place of the whole template.
    span: Span,
    buffer: String,
    unknown: bool,
    secret: bool,
}

impl Run<'_> {
    pub(super) fn template(
        &self,
        parts: &[TemplatePart],
        span: Span,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        if let [TemplatePart::Interpolation(expr)] = parts {
            return self.eval(expr, env, diagnostics);
        }
        let mut text = Text {
            span,
            buffer: String::new(),
            unknown: false,
            secret: false,
        };
        self.parts(parts, env, &mut text, diagnostics);
        let value = if text.unknown || self.meter.exceeded().is_some() {
            Value::unknown(Type::String)
        } else {
            Value::string(normalized(text.buffer))
        };
        value.with_secret(text.secret)
    }

    fn parts(
        &self,
        parts: &[TemplatePart],
        env: Env<'_>,
        text: &mut Text,
        diagnostics: &mut Diagnostics,
    ) {
        for part in parts {
            match part {
                TemplatePart::Text(literal) => self.literal(literal, text, diagnostics),
                TemplatePart::Interpolation(expr) => {
                    let value = match &expr.kind {
                        ExprKind::WrittenNumber(number) => Value::string(number.clone()),
                        _ => self.eval(expr, env, diagnostics),
                    };
                    self.interpolate(&value, expr, text, diagnostics);
                }
                TemplatePart::If {
                    condition,
                    then,
                    otherwise,
                } => match self.test(condition, env, text, diagnostics) {
                    Some(true) => self.parts(then, env, text, diagnostics),
                    Some(false) => self.parts(otherwise, env, text, diagnostics),
                    None => text.unknown = true,
                },
                TemplatePart::For { body, .. } => {
                    let outcome = self.template_for(part, env, diagnostics, &mut |env, found| {
                        self.parts(body, env, text, found);
                    });
                    text.unknown |= outcome.unknown;
                    text.secret |= outcome.secret;
                }
            }
        }
    }

    fn literal(&self, literal: &str, text: &mut Text, diagnostics: &mut Diagnostics) {
        if self.take(literal.len(), text.span, diagnostics) {
            text.buffer.push_str(literal);
        }
    }

    fn take(&self, bytes: usize, span: Span, diagnostics: &mut Diagnostics) -> bool {
        let already = self.meter.exceeded().is_some();
        match self.meter.bytes(bytes as u64) {
            Ok(()) => true,
            Err(exceeded) => {
                over(exceeded, already, span, diagnostics);
                false
            }
        }
    }

    fn interpolate(
        &self,
        value: &Value,
        expr: &Expr,
        text: &mut Text,
        diagnostics: &mut Diagnostics,
    ) {
        text.secret |= value.is_secret();
        let added = match value.kind() {
            Kind::String(part) => {
                if self.take(part.len(), expr.span, diagnostics) {
                    text.buffer.push_str(part);
                }
                return;
            }
            Kind::Bool(true) => "true",
            Kind::Bool(false) => "false",
            Kind::Number(number) => {
                // Writing to a string cannot fail.
                let written = write!(text.buffer, "{number}");
                debug_assert!(written.is_ok());
                return;
            }
            Kind::Unknown(Type::Any | Type::Bool | Type::Number | Type::String) => {
                text.unknown = true;
                return;
            }
            Kind::Null(_) => {
                let detail = "A part of this text is null, which has no text.";
                diagnostics.push(codes::NULL_VALUE.error(detail).at(expr.span));
                text.unknown = true;
                return;
            }
            Kind::Unknown(_)
            | Kind::List(..)
            | Kind::Set(..)
            | Kind::Map(..)
            | Kind::Tuple(_)
            | Kind::Object(_) => {
                let detail = format!(
                    "A part of this text is {}, which has no text.",
                    super::one_of(&value.ty())
                );
                diagnostics.push(
                    codes::INVALID_OPERAND
                        .error(detail)
                        .at(expr.span)
                        .hint("join() and jsonencode() make text of collections."),
                );
                text.unknown = true;
                return;
            }
        };
        text.buffer.push_str(added);
    }

    fn test(
        &self,
        condition: &Expr,
        env: Env<'_>,
        text: &mut Text,
        diagnostics: &mut Diagnostics,
    ) -> Option<bool> {
        let value = self.eval(condition, env, diagnostics);
        text.secret |= value.is_secret();
        if value.is_null() {
            let detail = "The condition of an if is null.";
            diagnostics.push(codes::NULL_VALUE.error(detail).at(condition.span));
            return None;
        }
        match convert(&value, &Type::Bool) {
            Ok(value) => value.as_bool(),
            Err(error) => {
                let detail = format!("The condition of an if has the wrong type: {error}.");
                diagnostics.push(codes::INVALID_OPERAND.error(detail).at(condition.span));
                None
            }
        }
    }
}
