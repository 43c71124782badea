//! Expressions and templates: what they mean, written as a tree, and what is refused, with its place.

use strata_model::{Diagnostic, FileId, SourceMap, source::SourceFile};

use crate::expression::{Expr, ExprKind, TemplatePart, UnaryOperator};
use crate::parse;

/// Writes a tree in one line; text in quotes, all else by its kind.
pub(crate) fn tree(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(tree).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Literal(value) => value.to_json().to_string(),
        ExprKind::WrittenNumber(text) => format!("written:{text}"),
        ExprKind::Template(parts) => format!("(template {})", template(parts)),
        ExprKind::Tuple(elements) => format!("[{}]", list(elements)),
        ExprKind::Object(items) => {
            let items = items
                .iter()
                .map(|item| format!("{}={}", tree(&item.key), tree(&item.value)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(" "))
        }
        ExprKind::Variable(name) => name.to_string(),
        ExprKind::Attribute(base, name) => format!("{}.{}", tree(base), name.value),
        ExprKind::Index(base, index) => format!("{}[{}]", tree(base), tree(index)),
        ExprKind::Splat { base, each } => format!("(splat {} {})", tree(base), tree(each)),
        ExprKind::SplatElement => "@".to_owned(),
        ExprKind::Unary(UnaryOperator::Negate, inner) => format!("(neg {})", tree(inner)),
        ExprKind::Unary(UnaryOperator::Not, inner) => format!("(not {})", tree(inner)),
        ExprKind::Binary(operator, left, right) => {
            format!("({} {} {})", operator.sign(), tree(left), tree(right))
        }
        ExprKind::Conditional {
            condition,
            then,
            otherwise,
        } => format!(
            "(if {} {} {})",
            tree(condition),
            tree(then),
            tree(otherwise)
        ),
        ExprKind::Call {
            name,
            arguments,
            expand,
        } => format!(
            "{}({}{})",
            name.value,
            list(arguments),
            if *expand { "..." } else { "" }
        ),
        ExprKind::For(body) => {
            let mut text = "(for".to_owned();
            text.extend(body.key.iter().map(|key| format!(" {key}")));
            text.push_str(&format!(" {} {}", body.value, tree(&body.collection)));
            text.extend(
                body.result_key
                    .iter()
                    .map(|key| format!(" {} =>", tree(key))),
            );
            text.push_str(&format!(" {}", tree(&body.result)));
            text.push_str(if body.group { "..." } else { "" });
            text.extend(
                body.condition
                    .iter()
                    .map(|condition| format!(" if {}", tree(condition))),
            );
            text + ")"
        }
    }
}

fn template(parts: &[TemplatePart]) -> String {
    let parts = parts.iter().map(|part| match part {
        TemplatePart::Text(text) => format!("{text:?}"),
        TemplatePart::Interpolation(expr) => tree(expr),
        TemplatePart::If {
            condition,
            then,
            otherwise,
        } => format!(
            "(if {} [{}] [{}])",
            tree(condition),
            template(then),
            template(otherwise)
        ),
        TemplatePart::For {
            key,
            value,
            collection,
            body,
        } => {
            let key = key
                .as_ref()
                .map(|key| format!("{key} "))
                .unwrap_or_default();
            format!(
                "(for {key}{value} {} [{}])",
                tree(collection),
                template(body)
            )
        }
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn outcome(text: &str, result: Result<Expr, Box<Diagnostic>>) -> String {
    let mut sources = SourceMap::default();
    sources.add(SourceFile::new("t", text));
    match result {
        Ok(expr) => tree(&expr),
        Err(diagnostic) => {
            let place = diagnostic
                .span
                .and_then(|span| sources.position(span))
                .unwrap();
            format!("{} {}:{}", diagnostic.code, place.line, place.column)
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(
        outcome(text, parse::expression(text, FileId(0), 0)),
        expected,
        "{text}"
    );
}

#[track_caller]
fn check_template(text: &str, expected: &str) {
    assert_eq!(
        outcome(text, parse::template(text, FileId(0), 0)),
        expected,
        "{text}"
    );
}

#[test]
fn literals() {
    check("null", "null");
    check("true", "true");
    check("12", "12");
    check("-12", "-12");
    check("- 12", "-12");
    check("2.5", "2.5");
    check("18446744073709551615", "18446744073709551615");
    check("1.10", "written:1.10");
    check("012", "written:012");
    check("1e3", "written:1e3");
    check("-1.0", "written:-1.0");
    check(
        "123456789012345678901234567890",
        "written:123456789012345678901234567890",
    );
    check(r#""a\n\"\\\tb""#, r#""a\n\"\\\tb""#);
    check(r#""\u00e9\U0001F600""#, "\"é😀\"");
    check(r#""$${a} %%{b} $ % $$ %%""#, r#""${a} %{b} $ % $$ %%""#);
    check(r#""a\q""#, "E0109 1:3");
    check("\"a\nb\"", "E0109 1:3");
}

#[test]
fn operators() {
    check("1 + 2 * 3", "(+ 1 (* 2 3))");
    check("1 - 2 - 3", "(- (- 1 2) 3)");
    check("(1 + 2) * 3", "(* (+ 1 2) 3)");
    check("a || b && !c == d", "(|| a (&& b (== (not c) d)))");
    check("-a.b * 2", "(* (neg a.b) 2)");
    check("a < 1 == b >= 2", "(== (< a 1) (>= b 2))");
    check("a ? 1 : b ? 2 : 3", "(if a 1 (if b 2 3))");
    check("a % b / c", "(/ (% a b) c)");
    check("a /* x */ + # y\n b", "(+ a b)");
    check("a +", "E0109 1:4");
    check("", "E0109 1:1");
}

#[test]
fn traversals() {
    check("var.a", "var.a");
    check("aws_vpc.main[0].id", "aws_vpc.main[0].id");
    check(r#"a.b["x"].c"#, r#"a.b["x"].c"#);
    check("a.0.b", "a[0].b");
    check("a.b-c", "a.b-c");
    check("a[*].b[0].c", "(splat a @.b[0].c)");
    check("a.*.b[0].c", "(splat a @.b)[0].c");
    check("a[*].b[*].c", "(splat a (splat @.b @.c))");
    check("f(a)[b.c]", "f(a)[b.c]");
    check("{a = 1}.a", "{\"a\"=1}.a");
    check("a.", "E0109 1:3");
}

#[test]
fn collections_and_calls() {
    check("[1, \"a\", [], ]", "[1 \"a\" []]");
    check(
        "{ a = 1, \"b\" : 2, (c) = 3, \"${d}\" = 4, 1 = 5, true = 6 }",
        "{\"a\"=1 \"b\"=2 c=3 (template d)=4 \"1\"=5 \"true\"=6}",
    );
    check("{\n a = 1 # one\n b = 2\n}", "{\"a\"=1 \"b\"=2}");
    check("f()", "f()");
    check("f(1, a...)", "f(1 a...)");
    check("a::b(1)", "a::b(1)");
    check(
        "[for v in l : v if v != null]",
        "(for v l v if (!= v null))",
    );
    check("{ for k, v in l : k => v... }", "(for k v l k => v...)");
    check("{ a = 1, b = 2, a = 3 }", "E0102 1:17");
    check("{ a = 1, \"a\" = 3 }", "E0102 1:10");
}

#[test]
fn quoted_templates() {
    check(r#""${a}""#, "(template a)");
    check(r#""a${b}c""#, r#"(template "a" b "c")"#);
    check(r#""a ${~ b ~} c""#, r#"(template "a" b "c")"#);
    check(r#""${f("x${y}")}""#, r#"(template f((template "x" y)))"#);
    check(
        r#""%{ if a }b\n%{ else }\"%{ endif }""#,
        r#"(template (if a ["b\n"] ["\""]))"#,
    );
    check(
        r#""%{ for k, v in l ~} ${k}=${v} %{ endfor }""#,
        r#"(template (for k v l [k "=" v " "]))"#,
    );
    check(r#""%{ if a }b""#, "E0115 1:2");
}

#[test]
fn heredocs() {
    check(
        "<<EOT\n  a\n b ${c}\nEOT",
        r#"(template "  a\n b " c "\n")"#,
    );
    check("<<-EOT\n    a\n\n      b\n  EOT", r#""a\n\n  b\n""#);
    check(
        "<<-EOT\n    a\n  ${b}\n  EOT",
        r#"(template "  a\n" b "\n")"#,
    );
    check("<<EOT\na \\n \"b\" $${c}\nEOT", r#""a \\n \"b\" ${c}\n""#);
    check(
        "<<EOT\n%{ for v in l ~}\n  ${v}\n%{ endfor ~}\nEOT",
        r#"(template (for v l ["  " v "\n"]))"#,
    );
    check("<<EOT\nEOT", "\"\"");
    check("<<EOT\r\na\r\nEOT", "\"a\\n\"");
}

#[test]
fn templates() {
    check_template("a", "\"a\"");
    check_template("", "\"\"");
    check_template("${a}", "(template a)");
    check_template(
        "a\n  ${ b +\n c } \\n\"",
        r#"(template "a\n  " (+ b c) " \\n\"")"#,
    );
    check_template("$$${a}", r#""$${a}""#);
    check_template(
        "%{ if a }b%{ else }c%{ endif }",
        r#"(template (if a ["b"] ["c"]))"#,
    );
    check_template("x ${~ a ~} y", r#"(template "x" a "y")"#);
    check_template(
        "x\n  %{~ if a ~}\n  y\n  %{~ endif ~}\nz",
        "(template \"x\\n\" (if a [\"  y\\n\"] []) \"z\")",
    );
    check_template("${ {a = \"}\"}.a }", r#"(template {"a"="}"}.a)"#);
    check_template("ab${c", "E0109 1:6");
    check_template("ab\n ${c d}", "E0109 2:6");
    check_template("${}", "E0115 1:3");
    check_template("%{ if a }", "E0115 1:1");
    check_template("%{ endif }", "E0115 1:1");
    check_template("%{ if a }%{ endfor }", "E0115 1:10");
    check_template("%{ fro a in b }", "E0115 1:1");
    check_template("%{ for in b }%{ endfor }", "E0109 1:11");
}

#[test]
fn nesting_has_limits() {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}a{}", open.repeat(count), close.repeat(count))
    };
    let refused = |text: &str| {
        let diagnostic = parse::expression(text, FileId(0), 0).unwrap_err();
        assert_eq!(diagnostic.code.0, "E0105", "{}", diagnostic.detail);
    };
    refused(&nested("(", ")", 1_000_000));
    refused(&nested("[", "]", 20_000));
    refused(&nested("\"${", "}\"", 10_000));
    refused(&nested("!", "", 10_000));
    refused(&format!("a{}", " + a".repeat(10_000)));
    refused(&format!("a{}", ".b".repeat(10_000)));
    refused(&format!("a{}", "[0]".repeat(10_000)));
    refused(&format!(
        "{}a{}",
        "a ? ".repeat(10_000),
        " : b".repeat(10_000)
    ));
    let directives = nested("%{ if a }", "%{ endif }", 10_000);
    let diagnostic = parse::template(&directives, FileId(0), 0).unwrap_err();
    assert_eq!(diagnostic.code.0, "E0105");
    assert!(parse::expression(&nested("(", ")", 60), FileId(0), 0).is_ok());
}
