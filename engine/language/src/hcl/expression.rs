//! Expressions.

use strata_model::Value;

use crate::expression::{BinaryOperator, Expr, ExprKind, Spanned, UnaryOperator};

use super::cursor::{Parsed, Parser};
use super::written_number;

impl Parser<'_> {
    /// Reads a text that is one expression.
    pub(super) fn whole_expression(&mut self) -> Parsed<Expr> {
        self.multiline = true;
        self.skip()?;
        let expression = self.expression()?;
        self.skip()?;
        match self.peek() {
            None => Ok(expression),
            Some(_) => Err(self.expected("an operator or the end of the expression")),
        }
    }

    /// Reads an expression; what may follow it is the caller's to say.
    pub(crate) fn expression(&mut self) -> Parsed<Expr> {
        let condition = self.operation()?;
        let end = self.at;
        self.skip()?;
        if self.peek() != Some(b'?') {
            self.at = end;
            return Ok(condition);
        }
        let question = self.at;
        self.at += 1;
        self.nested(question, |parser| {
            parser.skip()?;
            let then = parser.expression()?;
            parser.skip()?;
            parser.expect(":", "':' and the value if the condition is false")?;
            parser.skip()?;
            let otherwise = parser.expression()?;
            let span = condition.span.to(otherwise.span);
            let kind = ExprKind::Conditional {
                condition: Box::new(condition),
                then: Box::new(then),
                otherwise: Box::new(otherwise),
            };
            Ok(Expr { kind, span })
        })
    }

    /// Reads operands with operators between them.
    fn operation(&mut self) -> Parsed<Expr> {
        let first = self.operand()?;
        let Some(operator) = self.operator()? else {
            return Ok(first);
        };
        let mut chain = Chain {
            operands: vec![first],
            operators: Vec::new(),
        };
        let mut next = Some(operator);
        let mut count = 0;
        while let Some(operator) = next {
            count += 1;
            self.skip()?;
            let start = self.at;
            let operand = self.operand()?;
            self.check_operators(count, start..self.at)?;
            chain.push(operator, operand);
            next = self.operator()?;
        }
        self.add_operators(count);
        Ok(chain.finish())
    }

    /// Takes the operator that follows, if one does.
    fn operator(&mut self) -> Parsed<Option<BinaryOperator>> {
        let end = self.at;
        self.skip()?;
        let rest = &self.text.as_bytes()[self.at..];
        let found = match rest {
            [b'=', b'=', ..] => Some((BinaryOperator::Equal, 2)),
            [b'!', b'=', ..] => Some((BinaryOperator::NotEqual, 2)),
            [b'<', b'=', ..] => Some((BinaryOperator::LessOrEqual, 2)),
            [b'>', b'=', ..] => Some((BinaryOperator::GreaterOrEqual, 2)),
            [b'&', b'&', ..] => Some((BinaryOperator::And, 2)),
            [b'|', b'|', ..] => Some((BinaryOperator::Or, 2)),
            [b'<', ..] => Some((BinaryOperator::Less, 1)),
            [b'>', ..] => Some((BinaryOperator::Greater, 1)),
            [b'+', ..] => Some((BinaryOperator::Add, 1)),
            [b'-', ..] => Some((BinaryOperator::Subtract, 1)),
            [b'*', ..] => Some((BinaryOperator::Multiply, 1)),
            // Where it begins a comment that ends the line, it is none.
            [b'/', next, ..] if *next != b'/' => Some((BinaryOperator::Divide, 1)),
            [b'%', ..] => Some((BinaryOperator::Modulo, 1)),
            _ => None,
        };
        match found {
            Some((operator, length)) => {
                self.at += length;
                Ok(Some(operator))
            }
            None => {
                self.at = end;
                Ok(None)
            }
        }
    }

    /// Reads `-x`, `!x`, or a term with what follows it.
    fn operand(&mut self) -> Parsed<Expr> {
        let start = self.at;
        let operator = match self.peek() {
            Some(b'-') => UnaryOperator::Negate,
            Some(b'!') => UnaryOperator::Not,
            _ => return self.traversal(),
        };
        self.at += 1;
        self.skip()?;
        if operator == UnaryOperator::Negate
            && self.peek().is_some_and(|byte| byte.is_ascii_digit())
        {
            let digits = self.digits();
            let kind = written_number(&format!("-{digits}"));
            let span = self.span_from(start);
            return self.steps(Expr { kind, span });
        }
        let inner = self.nested(start, Self::operand)?;
        let kind = ExprKind::Unary(operator, Box::new(inner));
        let span = self.span_from(start);
        Ok(Expr { kind, span })
    }

    fn traversal(&mut self) -> Parsed<Expr> {
        let term = self.term()?;
        self.steps(term)
    }

    /// Reads what has no operator: a literal, a name, a call, something in brackets.
    fn term(&mut self) -> Parsed<Expr> {
        self.count_node()?;
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => self.quoted()?,
            Some(b'[') => self.nested(start, Self::tuple)?,
            Some(b'{') => self.nested(start, Self::object)?,
            Some(b'(') => return self.nested(start, Self::parenthesis),
            Some(b'0'..=b'9') => {
                let digits = self.digits();
                written_number(digits)
            }
            Some(b'<') if self.starts_with("<<") => self.heredoc()?,
            _ => match self.identifier() {
                Some((name, range)) => {
                    let span = self.span(range);
                    self.named(Spanned { value: name, span })?
                }
                None => return Err(self.expected("an expression")),
            },
        };
        Ok(Expr {
            kind,
            span: self.span_from(start),
        })
    }

    /// Takes the digits of a number; the first is there.
    fn digits(&mut self) -> &str {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |from: usize| {
            bytes[from..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let mut end = start + digits(start);
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits((end + 1 + sign).min(bytes.len()));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        self.at = end;
        &self.text[start..end]
    }

    fn parenthesis(&mut self) -> Parsed<Expr> {
        let start = self.at;
        self.at += 1;
        let mut inner = self.with_lines(true, |parser| {
            parser.skip()?;
            let inner = parser.expression()?;
            parser.skip()?;
            parser.expect(")", "an operator or ')'")?;
            Ok(inner)
        })?;
        inner.span = self.span_from(start);
        Ok(inner)
    }

    /// What a name is: a literal, a function that is called, or what begins a reference.
    fn named(&mut self, name: Spanned<&str>) -> Parsed<ExprKind> {
        let end = self.at;
        self.skip()?;
        if self.peek() == Some(b'(') || self.starts_with("::") {
            return self.call(name);
        }
        self.at = end;
        Ok(match name.value {
            "null" => ExprKind::Literal(Value::null()),
            "true" => ExprKind::Literal(Value::from(true)),
            "false" => ExprKind::Literal(Value::from(false)),
            other => ExprKind::Variable(self.name(other)),
        })
    }

    fn call(&mut self, first: Spanned<&str>) -> Parsed<ExprKind> {
        let mut spelled = first.value.to_owned();
        let mut span = first.span;
        while self.eat("::") {
            self.skip()?;
            let Some((part, range)) = self.identifier() else {
                return Err(self.expected("the name of a function"));
            };
            spelled = format!("{spelled}::{part}");
            span = span.to(self.span(range));
            self.skip()?;
        }
        let start = self.at;
        self.expect("(", "'('")?;
        let (arguments, expand) =
            self.nested(start, |parser| parser.with_lines(true, Self::arguments))?;
        Ok(ExprKind::Call {
            name: Spanned {
                value: spelled.into(),
                span,
            },
            arguments,
            expand,
        })
    }

    fn arguments(&mut self) -> Parsed<(Vec<Expr>, bool)> {
        let mut arguments = Vec::new();
        loop {
            self.skip()?;
            if self.eat(")") {
                return Ok((arguments, false));
            }
            arguments.push(self.expression()?);
            self.skip()?;
            if self.eat("...") {
                self.skip()?;
                self.expect(")", "')'")?;
                return Ok((arguments, true));
            }
            if !self.eat(",") {
                self.expect(")", "',' or ')'")?;
                return Ok((arguments, false));
            }
        }
    }

    /// Reads the attributes, indices and splats that follow a term.
    fn steps(&mut self, mut base: Expr) -> Parsed<Expr> {
        let mut count = 0;
        while let Some(step) = self.step_sign()? {
            count += 1;
            let start = self.at;
            self.check_operators(count, start..start + 1)?;
            base = match step {
                Sign::Dot => self.dot(base)?,
                Sign::Bracket => self.nested(start, |parser| parser.bracket(base))?,
                Sign::Element => self.element(base)?,
            };
        }
        self.add_operators(count);
        Ok(base)
    }

    /// Whether a step follows; the parser stands at its sign then.
    fn step_sign(&mut self) -> Parsed<Option<Sign>> {
        let end = self.at;
        self.skip()?;
        let sign = match self.text.as_bytes()[self.at..] {
            // `...` ends the arguments of a call or the value of a `for`.
            [b'.', b'.', ..] => None,
            [b'.', ..] => Some(Sign::Dot),
            [b'[', ..] if self.at_splat() => Some(Sign::Element),
            [b'[', ..] => Some(Sign::Bracket),
            _ => None,
        };
        if sign.is_none() {
            self.at = end;
        }
        Ok(sign)
    }

    fn at_splat(&self) -> bool {
        let inside = self.text[self.at + 1..].trim_start_matches([' ', '\t']);
        let after = inside
            .strip_prefix('*')
            .map(|rest| rest.trim_start_matches([' ', '\t']));
        after.is_some_and(|rest| rest.starts_with(']'))
    }

    fn dot(&mut self, base: Expr) -> Parsed<Expr> {
        let start = self.at;
        self.at += 1;
        self.skip()?;
        if self.eat("*") {
            return self.attributes_of_elements(base, start);
        }
        let whole = base.span;
        let kind = self.dot_step(base)?;
        Ok(Expr {
            kind,
            span: whole.to(self.span_from(start)),
        })
    }

    /// Reads `name` or `0` behind a dot.
    fn dot_step(&mut self, base: Expr) -> Parsed<ExprKind> {
        let at = self.at;
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            let rest = self.rest();
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            self.at += length;
            let index = Expr {
                kind: written_number(&rest[..length]),
                span: self.span_from(at),
            };
            return Ok(ExprKind::Index(Box::new(base), Box::new(index)));
        }
        match self.identifier() {
            Some((name, range)) => {
                let name = Spanned {
                    value: self.name(name),
                    span: self.span(range),
                };
                Ok(ExprKind::Attribute(Box::new(base), name))
            }
            None => Err(self.expected("the name of an attribute")),
        }
    }

    fn bracket(&mut self, base: Expr) -> Parsed<Expr> {
        let start = self.at;
        self.at += 1;
        let index = self.with_lines(true, |parser| {
            parser.skip()?;
            let index = parser.expression()?;
            parser.skip()?;
            parser.expect("]", "']'")?;
            Ok(index)
        })?;
        let span = base.span.to(self.span_from(start));
        Ok(Expr {
            kind: ExprKind::Index(Box::new(base), Box::new(index)),
            span,
        })
    }

    /// Reads what follows `.*`: of it only attributes are taken of each element.
    fn attributes_of_elements(&mut self, base: Expr, start: usize) -> Parsed<Expr> {
        let mut each = Expr {
            kind: ExprKind::SplatElement,
            span: base.span.to(self.span_from(start)),
        };
        let mut count = 0;
        while matches!(self.step_sign()?, Some(Sign::Dot)) {
            count += 1;
            let start = self.at;
            self.check_operators(count, start..start + 1)?;
            self.at += 1;
            self.skip()?;
            let whole = each.span;
            let kind = self.dot_step(each)?;
            each = Expr {
                kind,
                span: whole.to(self.span_from(start)),
            };
        }
        self.add_operators(count);
        Ok(splat(base, each))
    }

    /// Reads what follows `[*]`: all of it is taken of each element.
    fn element(&mut self, base: Expr) -> Parsed<Expr> {
        let start = self.at;
        self.at += self.rest().find(']').map_or(0, |end| end + 1);
        let element = Expr {
            kind: ExprKind::SplatElement,
            span: base.span.to(self.span_from(start)),
        };
        let each = self.nested(start, |parser| parser.steps(element))?;
        Ok(splat(base, each))
    }
}

/// What begins a step.
enum Sign {
    Dot,
    Bracket,
    /// `[*]`
    Element,
}

fn splat(base: Expr, each: Expr) -> Expr {
    Expr {
        span: base.span.to(each.span),
        kind: ExprKind::Splat {
            base: Box::new(base),
            each: Box::new(each),
        },
    }
}

/// Operands and operators whose order is not decided yet.
struct Chain {
    operands: Vec<Expr>,
    operators: Vec<BinaryOperator>,
}

impl Chain {
    /// Adds an operator and its right operand; what binds at least as tightly on the left is joined first.
    fn push(&mut self, operator: BinaryOperator, operand: Expr) {
        while self
            .operators
            .last()
            .is_some_and(|before| precedence(*before) >= precedence(operator))
        {
            self.join();
        }
        self.operators.push(operator);
        self.operands.push(operand);
    }

    fn join(&mut self) {
        let (Some(operator), Some(right), Some(left)) = (
            self.operators.pop(),
            self.operands.pop(),
            self.operands.pop(),
        ) else {
            return;
        };
        self.operands.push(Expr {
            span: left.span.to(right.span),
            kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)),
        });
    }

    fn finish(mut self) -> Expr {
        while !self.operators.is_empty() {
            self.join();
        }
        self.operands.swap_remove(0)
    }
}

pub(super) fn precedence(operator: BinaryOperator) -> u8 {
    match operator {
        BinaryOperator::Or => 1,
        BinaryOperator::And => 2,
        BinaryOperator::Equal | BinaryOperator::NotEqual => 3,
        BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual => 4,
        BinaryOperator::Add | BinaryOperator::Subtract => 5,
        BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => 6,
    }
}
