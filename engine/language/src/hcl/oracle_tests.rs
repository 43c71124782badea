//! The parser against one that we did not write, on expressions made at random, and against our own printer.

use hcl_edit::expr::{
    BinaryOperator as Binary, Expression, ObjectKey, TraversalOperator, UnaryOperator as Unary,
};
use hcl_edit::template::{Element, StringTemplate};
use strata_model::FileId;

use crate::hcl::print;
use crate::parse;
use crate::parse::tests::tree;

/// Writes what the other parser read as [`tree`] writes what ours did.
fn theirs(expression: &Expression) -> String {
    let list = |items: Vec<String>| items.join(" ");
    match expression {
        Expression::Null(_) => "null".to_owned(),
        Expression::Bool(value) => value.to_string(),
        Expression::Number(number) => number.to_string(),
        Expression::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Expression::Array(array) => format!("[{}]", list(array.iter().map(theirs).collect())),
        Expression::Object(object) => {
            let items = object.iter().map(|(key, value)| {
                let key = match key {
                    ObjectKey::Ident(name) => serde_json::Value::from(name.as_str()).to_string(),
                    ObjectKey::Expression(key) => theirs(key),
                };
                format!("{key}={}", theirs(value.expr()))
            });
            format!("{{{}}}", list(items.collect()))
        }
        Expression::StringTemplate(template) => format!("(template {})", their_parts(template)),
        Expression::HeredocTemplate(_) => unreachable!("heredocs are not made"),
        Expression::Parenthesis(inner) => theirs(inner.inner()),
        Expression::Variable(name) => name.to_string(),
        Expression::Conditional(body) => format!(
            "(if {} {} {})",
            theirs(&body.cond_expr),
            theirs(&body.true_expr),
            theirs(&body.false_expr)
        ),
        Expression::FuncCall(call) => {
            let arguments = list(call.args.iter().map(theirs).collect());
            let dots = if call.args.expand_final() { "..." } else { "" };
            format!("{}({arguments}{dots})", call.name.name.as_str())
        }
        Expression::Traversal(traversal) => {
            let operators: Vec<_> = traversal
                .operators
                .iter()
                .map(|operator| operator.value())
                .collect();
            steps(theirs(&traversal.expr), &operators)
        }
        Expression::UnaryOp(unary) => {
            let sign = match unary.operator.value() {
                Unary::Neg => "neg",
                Unary::Not => "not",
            };
            format!("({sign} {})", theirs(&unary.expr))
        }
        Expression::BinaryOp(binary) => format!(
            "({} {} {})",
            sign(*binary.operator.value()),
            theirs(&binary.lhs_expr),
            theirs(&binary.rhs_expr)
        ),
        Expression::ForExpr(body) => {
            let mut text = "(for".to_owned();
            text.extend(
                body.intro
                    .key_var
                    .iter()
                    .map(|key| format!(" {}", key.as_str())),
            );
            text += &format!(
                " {} {}",
                body.intro.value_var.as_str(),
                theirs(&body.intro.collection_expr)
            );
            text.extend(
                body.key_expr
                    .iter()
                    .map(|key| format!(" {} =>", theirs(key))),
            );
            text += &format!(" {}", theirs(&body.value_expr));
            text += if body.grouping { "..." } else { "" };
            text.extend(
                body.cond
                    .iter()
                    .map(|cond| format!(" if {}", theirs(&cond.expr))),
            );
            text + ")"
        }
    }
}

fn sign(operator: Binary) -> &'static str {
    match operator {
        Binary::Eq => "==",
        Binary::NotEq => "!=",
        Binary::LessEq => "<=",
        Binary::GreaterEq => ">=",
        Binary::Less => "<",
        Binary::Greater => ">",
        Binary::Plus => "+",
        Binary::Minus => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::Mod => "%",
        Binary::And => "&&",
        Binary::Or => "||",
    }
}

fn their_parts(template: &StringTemplate) -> String {
    let parts = template.iter().map(|element| match element {
        Element::Literal(text) => format!("{:?}", text.as_str()),
        Element::Interpolation(body) => theirs(&body.expr),
        Element::Directive(_) => unreachable!("directives are not made"),
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn steps(mut base: String, operators: &[&TraversalOperator]) -> String {
    let mut rest = operators;
    while let Some((operator, after)) = rest.split_first() {
        rest = after;
        base = match operator {
            TraversalOperator::GetAttr(name) => format!("{base}.{}", name.as_str()),
            TraversalOperator::Index(index) => format!("{base}[{}]", theirs(index)),
            TraversalOperator::LegacyIndex(index) => format!("{base}[{}]", index.value()),
            TraversalOperator::FullSplat(_) => {
                let each = steps("@".to_owned(), rest);
                rest = &[];
                format!("(splat {base} {each})")
            }
            TraversalOperator::AttrSplat(_) => {
                let is_attribute = |operator: &&&TraversalOperator| {
                    matches!(
                        operator,
                        TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
                    )
                };
                let count = rest.iter().take_while(is_attribute).count();
                let each = steps("@".to_owned(), &rest[..count]);
                rest = &rest[count..];
                format!("(splat {base} {each})")
            }
        };
    }
    base
}

/// Makes expressions; the same seed makes the same.
struct Maker(u64);

impl Maker {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap();
        choices[index]
    }

    fn leaf(&mut self) -> String {
        let leaves = [
            "a",
            "var.b",
            "12",
            "0",
            "2.5",
            "true",
            "null",
            "\"x\"",
            "\"\"",
            "local.c-d",
            "f()",
            "[]",
            "{}",
        ];
        self.pick(&leaves).to_owned()
    }

    fn name(&mut self) -> &'static str {
        self.pick(&["a", "b", "each", "key_1"])
    }

    fn expression(&mut self, depth: u64) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let inner = depth - 1;
        match self.below(16) {
            0 | 1 => {
                let operators = [
                    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||",
                ];
                let (left, right) = (self.expression(inner), self.expression(inner));
                format!("{left} {} {right}", self.pick(&operators))
            }
            2 => format!("({})", self.expression(inner)),
            3 => format!("!{}", self.leaf()),
            4 => format!("-{}", self.name()),
            5 => {
                let (a, b, c) = (
                    self.expression(inner),
                    self.expression(inner),
                    self.expression(inner),
                );
                format!("({a} ? {b} : {c})")
            }
            6 => format!("f({}, {})", self.expression(inner), self.expression(inner)),
            7 => format!("f({}...)", self.expression(inner)),
            8 => format!("[{},\n {}]", self.expression(inner), self.expression(inner)),
            9 => format!(
                "{{ a = {}, \"b\" = {}, (c) = 1 }}",
                self.expression(inner),
                self.expression(inner)
            ),
            10 => format!("({})[{}]", self.expression(inner), self.expression(inner)),
            11 => format!(
                "({}).{}[*].{}",
                self.expression(inner),
                self.name(),
                self.name()
            ),
            12 => format!("{}.*.{}[0]", self.name(), self.name()),
            13 => format!(
                "\"x ${{{}}}$${{y}}-${{ {} }}\"",
                self.expression(inner),
                self.expression(inner)
            ),
            14 => format!(
                "[for {} in {} : {}]",
                self.name(),
                self.expression(inner),
                self.expression(inner)
            ),
            _ => format!(
                "{{for k, v in {} : {} => {}... if {}}}",
                self.expression(inner),
                self.expression(inner),
                self.expression(inner),
                self.expression(inner)
            ),
        }
    }
}

#[test]
fn both_parsers_read_the_same() {
    let mut maker = Maker(7);
    for round in 0..3_000 {
        let text = maker.expression(1 + round % 4);
        let ours = parse::expression(&text, FileId(0), 0)
            .unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let other = hcl_edit::parser::parse_expr(&format!("({text})"))
            .unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(tree(&ours), theirs(&other), "{text}");
    }
}

#[test]
fn what_is_printed_reads_the_same() {
    let mut maker = Maker(11);
    for round in 0..3_000 {
        let text = maker.expression(1 + round % 4);
        let first = parse::expression(&text, FileId(0), 0).unwrap();
        let printed = print::expression(&first);
        let second = parse::expression(&printed, FileId(0), 0)
            .unwrap_or_else(|fault| panic!("{printed}: {fault:?}"));
        assert_eq!(tree(&first), tree(&second), "{text}\n{printed}");
    }
}

#[test]
fn printing_is_plain() {
    let check = |text: &str, expected: &str| {
        let expr = parse::expression(text, FileId(0), 0).unwrap();
        assert_eq!(print::expression(&expr), expected);
    };
    check("(1+2)*3", "(1 + 2) * 3");
    check("a - (b - c) - d", "a - (b - c) - d");
    check("(a ? b : c) ? d : e", "(a ? b : c) ? d : e");
    check("a.*.b[0]", "(a[*].b)[0]");
    check(
        "{ (a) = 1, \"b c\" = 2, d : 3 }",
        "{ (a) = 1, \"b c\" = 2, d = 3 }",
    );
    check(
        r#""a\n$${b} %%{c} $ ${"$"}${d}""#,
        r#""a\n$${b} %%{c} $ ${"$"}${d}""#,
    );
    check(r#""$$${x}""#, r#""$$${x}""#);
    check(
        "\"${a}%{ if b }c%{ else }d%{ endif }%{ for k, v in e }f%{ endfor }\"",
        "\"${a}%{ if b }c%{ else }d%{ endif }%{ for k, v in e }f%{ endfor }\"",
    );
    check("1.10", "1.10");
    check("-(-1)", "--1");
    check("<<EOT\na\n${b}\nEOT", "\"a\\n${b}\\n\"");
}
