//! Operators and conditionals.

use strata_model::{Diagnostic, Diagnostics, Number, Span, Type, Value};

use super::{Env, Run, arithmetic, equal, failed};
use crate::budget::Exceeded;
use crate::codes::{self, CodeEntry};
use crate::convert::{convert, unify};
use crate::expression::{BinaryOperator, Expr, ExprKind, UnaryOperator};

/// What is wrong with an operand.
pub(super) struct OperandFault {
    code: CodeEntry,
    detail: String,
    operand: usize,
}

impl OperandFault {
    /// Reports the fault at the operand's place.
    pub(super) fn report(self, spans: [Span; 2], diagnostics: &mut Diagnostics) -> Value {
        let span = spans.get(self.operand).copied().unwrap_or(spans[0]);
        diagnostics.push(self.code.error(self.detail).at(span));
        failed()
    }
}

/// Converts an operand; nulls are refused.
fn operand(value: &Value, ty: &Type, position: usize, symbol: &str) -> Result<Value, OperandFault> {
    if value.is_null() {
        return Err(OperandFault {
            code: codes::NULL_VALUE,
            detail: format!("An operand of {symbol} is null."),
            operand: position,
        });
    }
    convert(value, ty).map_err(|error| OperandFault {
        code: codes::INVALID_OPERAND,
        detail: format!("An operand of {symbol} has the wrong type: {error}."),
        operand: position,
    })
}

pub(super) fn unary(operator: UnaryOperator, value: &Value) -> Result<Value, OperandFault> {
    let (ty, symbol) = match operator {
        UnaryOperator::Negate => (Type::Number, "-"),
        UnaryOperator::Not => (Type::Bool, "!"),
    };
    let converted = operand(value, &ty, 0, symbol)?;
    let result = match operator {
        UnaryOperator::Negate => match converted.as_number() {
            Some(number) => arithmetic::subtract(Number::Int(0), number)
                .map(Value::number)
                .ok_or_else(|| out_of_range(symbol))?,
            None => Value::unknown(Type::Number),
        },
        UnaryOperator::Not => match converted.as_bool() {
            Some(truth) => Value::from(!truth),
            None => Value::unknown(Type::Bool),
        },
    };
    Ok(result.marked_like(value))
}

fn out_of_range(symbol: &str) -> OperandFault {
    OperandFault {
        code: codes::INVALID_VALUE,
        detail: format!(
            "The result of {symbol} is out of range: integers go from -9223372036854775808 to \
             18446744073709551615, and other numbers are IEEE doubles."
        ),
        operand: 0,
    }
}

impl Run<'_> {
    pub(super) fn binary(
        &self,
        operator: BinaryOperator,
        (left, right): (&Expr, &Expr),
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let spans = [left.span, right.span];
        let value = self.eval(left, env, diagnostics);
        if let BinaryOperator::And | BinaryOperator::Or = operator {
            return self
                .logic(operator, (value, right), env, diagnostics)
                .unwrap_or_else(|fault| fault.report(spans, diagnostics));
        }
        let other = self.eval(right, env, diagnostics);
        if let BinaryOperator::Equal | BinaryOperator::NotEqual = operator {
            let weighed = self
                .meter
                .weigh(&value)
                .and_then(|()| self.meter.weigh(&other));
            if let Err(exceeded) = weighed {
                diagnostics.push(exceeded.diagnostic().at(left.span.to(right.span)));
                return failed();
            }
        }
        strict(operator, &value, &other).unwrap_or_else(|fault| fault.report(spans, diagnostics))
    }

    /// `&&` and `||`: the right side is evaluated only where the left one leaves the result open.
    fn logic(
        &self,
        operator: BinaryOperator,
        (left, right): (Value, &Expr),
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Value, OperandFault> {
        let symbol = operator.sign();
        let decisive = operator == BinaryOperator::Or;
        let first = operand(&left, &Type::Bool, 0, symbol)?;
        if first.as_bool() == Some(decisive) {
            return Ok(first);
        }
        let second = self.eval(right, env, diagnostics);
        let second = operand(&second, &Type::Bool, 1, symbol)?;
        let secret = first.is_secret() || second.is_secret();
        let result = match (first.as_bool(), second.as_bool()) {
            (_, Some(second)) if second == decisive => Value::from(decisive),
            (Some(_), Some(second)) => Value::from(second),
            _ => Value::unknown(Type::Bool),
        };
        Ok(result.with_secret(secret))
    }

    /// A conditional. Both sides are looked at, since the result has the type they have in common, but only the errors
    /// of the side taken count.
    pub(super) fn conditional(
        &self,
        expr: &Expr,
        want: Option<&Type>,
        env: Env<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Value {
        let ExprKind::Conditional {
            condition,
            then,
            otherwise,
        } = &expr.kind
        else {
            return failed();
        };
        let test = self.eval(condition, env, diagnostics);
        let test = match operand(&test, &Type::Bool, 0, "?") {
            Ok(test) => test,
            Err(fault) => return fault.report([condition.span; 2], diagnostics),
        };
        let side = |side: &Expr, found: &mut Diagnostics| match want {
            Some(want) => self.eval_for(side, want, env, found),
            None => self.eval(side, env, found),
        };
        let mut found = [Diagnostics::new(), Diagnostics::new()];
        let sides = [side(then, &mut found[0]), side(otherwise, &mut found[1])];
        // Their types are taken apart below.
        let sides = sides.map(|side| self.weighed(side, expr.span, diagnostics));
        // That a limit was met counts on both sides.
        let limit = self.meter.exceeded().map(Exceeded::code);
        let (chosen, span) = match test.as_bool() {
            Some(true) => (Some(0), then.span),
            Some(false) => (Some(1), otherwise.span),
            None => (None, expr.span),
        };
        for (at, found) in found.into_iter().enumerate() {
            let is_taken = chosen.is_none_or(|chosen| chosen == at);
            let counts = |one: &Diagnostic| is_taken || Some(one.code) == limit;
            diagnostics.extend(found.into_iter().filter(counts));
        }
        let secret = test.is_secret() || sides.iter().any(Value::is_secret);
        let Some(ty) = common_type(&sides) else {
            let detail = format!(
                "Both results of a conditional must have one type: the first is {}, the second {}.",
                crate::convert::friendly(&sides[0].ty()),
                crate::convert::friendly(&sides[1].ty())
            );
            diagnostics.push(
                codes::WRONG_TYPE
                    .error(detail)
                    .at(then.span.to(otherwise.span)),
            );
            return failed();
        };
        let Some(chosen) = chosen else {
            let null = sides.iter().all(Value::is_null);
            let value = if null {
                Value::null_of(ty)
            } else {
                Value::unknown(ty)
            };
            return value.with_secret(secret);
        };
        match convert(&sides[chosen], &ty) {
            Ok(value) => value.with_secret(secret),
            Err(error) => {
                let detail = format!(
                    "The result does not convert to the type of the conditional's other one: {error}."
                );
                diagnostics.push(codes::WRONG_TYPE.error(detail).at(span));
                failed().with_secret(secret)
            }
        }
    }
}

/// The type of a conditional's result; `None` where the sides have none in common.
fn common_type([then, otherwise]: &[Value; 2]) -> Option<Type> {
    let (left, right) = (then.ty(), otherwise.ty());
    if left == right {
        return Some(left);
    }
    match (&left, &right) {
        (Type::Any, _) if then.is_null() => Some(right),
        (_, Type::Any) if otherwise.is_null() => Some(left),
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        _ => unify(&[left, right]),
    }
}

/// Operators that need both operands.
fn strict(operator: BinaryOperator, left: &Value, right: &Value) -> Result<Value, OperandFault> {
    let symbol = operator.sign();
    if let BinaryOperator::Equal | BinaryOperator::NotEqual = operator {
        let secret = left.has_secret() || right.has_secret();
        let result = match equal::equal(left, right) {
            Some(equal) => Value::from(equal == (operator == BinaryOperator::Equal)),
            None => Value::unknown(Type::Bool),
        };
        return Ok(result.with_secret(secret));
    }
    let secret = left.is_secret() || right.is_secret();
    let left = operand(left, &Type::Number, 0, symbol)?;
    let right = operand(right, &Type::Number, 1, symbol)?;
    let result = match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) => numbers(operator, left, right)?,
        _ => Value::unknown(result_type(operator)),
    };
    Ok(result.with_secret(secret))
}

fn result_type(operator: BinaryOperator) -> Type {
    match operator {
        BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo => Type::Number,
        BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual
        | BinaryOperator::And
        | BinaryOperator::Or => Type::Bool,
    }
}

fn numbers(operator: BinaryOperator, left: Number, right: Number) -> Result<Value, OperandFault> {
    let divides = matches!(operator, BinaryOperator::Divide | BinaryOperator::Modulo);
    if divides && right == Number::Int(0) {
        return Err(OperandFault {
            code: codes::INVALID_VALUE,
            detail: "Division by zero has no result.".to_owned(),
            operand: 1,
        });
    }
    let number = match operator {
        BinaryOperator::Add => arithmetic::add(left, right),
        BinaryOperator::Subtract => arithmetic::subtract(left, right),
        BinaryOperator::Multiply => arithmetic::multiply(left, right),
        BinaryOperator::Divide => arithmetic::divide(left, right),
        BinaryOperator::Modulo => arithmetic::modulo(left, right),
        BinaryOperator::Less => return Ok((left < right).into()),
        BinaryOperator::LessOrEqual => return Ok((left <= right).into()),
        BinaryOperator::Greater => return Ok((left > right).into()),
        BinaryOperator::GreaterOrEqual => return Ok((left >= right).into()),
        BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::And
        | BinaryOperator::Or => None,
    };
    number
        .map(Value::number)
        .ok_or_else(|| out_of_range(operator.sign()))
}
