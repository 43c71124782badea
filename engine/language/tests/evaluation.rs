//! Expressions and what they evaluate to: values, types, marks, and the codes of errors.

use std::collections::BTreeMap;

use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::expression::Reference;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::{Diagnostic, Diagnostics, FileId, Kind, Members, Type, Value};

/// Names for the tables below.
struct Names(BTreeMap<&'static str, Value>);

impl Names {
    fn new() -> Self {
        let number = |value: i64| Value::from(value);
        let vpc = Value::object([
            ("id", Value::unknown(Type::String)),
            ("cidr", "10.0.0.0/16".into()),
        ]);
        Names(BTreeMap::from([
            ("var.name", Value::from("web")),
            ("var.count", number(3)),
            ("var.nothing", Value::null_of(Type::String)),
            ("var.later", Value::unknown(Type::String)),
            ("var.laterlist", Value::unknown(Type::list(Type::String))),
            ("var.anything", Value::unknown(Type::Any)),
            ("var.password", Value::from("canary").into_secret()),
            (
                "var.pair",
                Value::object([
                    ("user", "u".into()),
                    ("key", Value::from("canary").into_secret()),
                ]),
            ),
            (
                "var.zones",
                Value::list(Type::String, vec!["a".into(), "b".into()]),
            ),
            (
                "var.zoneset",
                Value::set(Type::String, vec!["b".into(), "a".into()]),
            ),
            (
                "var.tags",
                Value::map(Type::String, [("env".into(), "prod".into())].into()),
            ),
            ("aws_vpc.main", vpc.clone()),
            (
                "aws_vpc.each",
                Value::object([("a", vpc.clone()), ("b", vpc.clone())]),
            ),
            ("aws_vpc.each[\"a\"]", vpc.clone()),
            ("stack.net.vpc", Value::object([("vpc", vpc)])),
            ("each.key", "k".into()),
            ("count.index", number(1)),
        ]))
    }
}

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let mut name = request.reference.to_string();
        if let Some(instance) = request.instance {
            name.push_str(&instance.to_string());
        }
        if let (Reference::Stack(_), Some(attribute)) = (request.reference, request.attribute) {
            name = format!("{name}.{attribute}");
        }
        self.0.get(name.as_str()).cloned().ok_or_else(|| {
            let fault = strata_language::codes::UNKNOWN_NAME.error(format!("no {name}"));
            Box::new(fault.at(request.span))
        })
    }
}

/// The value as text, with its type where the value does not show it.
fn shown(value: &Value) -> String {
    let inner = |elements: &[Value]| -> String {
        elements.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let members = |members: &Members| -> String {
        let members = members
            .iter()
            .map(|(key, value)| format!("{key} = {}", shown(value)));
        members.collect::<Vec<_>>().join(", ")
    };
    let text = match value.kind() {
        Kind::Null(ty) => format!("null({ty})"),
        Kind::Unknown(ty) => format!("unknown({ty})"),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(value) => value.to_string(),
        Kind::String(value) => format!("{value:?}"),
        Kind::List(ty, elements) if elements.is_empty() => format!("list({ty})[]"),
        Kind::List(_, elements) => format!("list[{}]", inner(elements)),
        Kind::Set(ty, elements) if elements.is_empty() => format!("set({ty})[]"),
        Kind::Set(_, elements) => format!("set[{}]", inner(elements)),
        Kind::Map(ty, map) if map.is_empty() => format!("map({ty}){{}}"),
        Kind::Map(_, map) => format!("map{{{}}}", members(map)),
        Kind::Tuple(elements) => format!("[{}]", inner(elements)),
        Kind::Object(object) => format!("{{{}}}", members(object)),
    };
    if value.is_secret() {
        format!("secret({text})")
    } else {
        text
    }
}

fn evaluate(text: &str) -> (Value, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    // The steps are few, so that the loops below end soon also where nothing is optimised.
    let budget = Budget::with_limits(200_000, 256 * 1024 * 1024);
    let names = Names::new();
    let evaluator = Evaluator {
        scope: &names,
        files: None,
        budget: &budget,
        plan_timestamp: None,
    };
    let value = match parse::expression(text, FileId(0), 0) {
        Ok(expr) => evaluator.evaluate(&expr, &mut diagnostics),
        Err(fault) => {
            diagnostics.push(*fault);
            Value::unknown(Type::Any)
        }
    };
    (value, diagnostics)
}

/// Evaluates an expression and compares the value, or, after `error`, the code and a part of the first message.
fn check(table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, expected) in table {
        let (value, diagnostics) = evaluate(text);
        let found = match diagnostics.iter().next() {
            Some(fault) => {
                let advice = fault.hints.join(" ");
                format!("error {} {} {advice}", fault.code, fault.detail)
            }
            None => shown(&value),
        };
        let same = match expected.strip_prefix("error ") {
            Some(expected) => {
                let (code, part) = expected.split_once(' ').unwrap_or((expected, ""));
                found.starts_with(&format!("error {code} ")) && found.contains(part)
            }
            None => found == *expected,
        };
        if !same {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
        assert!(
            !format!("{diagnostics:?}").contains("canary"),
            "{text} shows a secret"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("\"5\" + 1", "6"),
        ("-7 % 3", "-1"),
        ("10 / 4", "2.5"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 0", "error E0203 Division by zero"),
        ("18446744073709551615 * 2", "error E0203 out of range"),
        ("1 + null", "error E0221 null"),
        ("1 + []", "error E0223 number is required"),
        ("!\"true\"", "false"),
        ("\"1\" == 1", "false"),
        ("[1] == [1]", "true"),
        ("null == var.nothing", "true"),
        ("var.later == \"x\"", "unknown(bool)"),
        ("var.later == 1", "false"),
        ("var.password == \"x\"", "secret(false)"),
        ("false && var.missing", "false"),
        ("true || var.missing", "true"),
        ("var.later == \"\" && false", "false"),
        ("var.later == \"\" || true", "true"),
        ("var.nothing != null && var.nothing.x", "false"),
        ("1 < 2 && 2 >= 2", "true"),
        ("var.later + 1", "unknown(number)"),
        ("var.zones + 1", "error E0223"),
        ("var.password + 1", "error E0223 number is required"),
    ]);
}

#[test]
fn conditionals_have_one_type() {
    check(&[
        ("true ? 1 : \"a\"", "\"1\""),
        ("true ? [] : [\"a\"]", "list(string)[]"),
        ("false ? {} : {a = 1}", "map{a = 1}"),
        ("true ? var.name : var.missing", "\"web\""),
        ("true ? {a = 1} : []", "error E0103 one type"),
        ("null ? 1 : 2", "error E0221"),
        ("var.later == \"x\" ? 1 : 2", "unknown(number)"),
        ("var.later == \"x\" ? 1 : \"a\"", "unknown(string)"),
        ("true ? null : 1", "null(number)"),
        ("var.password == \"x\" ? 1 : 2", "secret(2)"),
        ("true ? 1 : var.password", "secret(\"1\")"),
    ]);
}

#[test]
fn traversals_touch_one_instance() {
    check(&[
        ("aws_vpc.main.cidr", "\"10.0.0.0/16\""),
        ("aws_vpc.main.id", "unknown(string)"),
        ("aws_vpc.each[\"a\"].cidr", "\"10.0.0.0/16\""),
        ("aws_vpc.each[var.later].cidr", "unknown(any)"),
        (
            "aws_vpc.each[\"z\"].cidr",
            "error E0202 no aws_vpc.each[\"z\"]",
        ),
        ("stack.net.vpc.cidr", "\"10.0.0.0/16\""),
        ("stack.net.other", "error E0202 no stack.net.other"),
        ("each.key", "\"k\""),
        ("each.thing", "error E0207 each.key or each.value"),
        ("count.index", "1"),
        ("var", "error E0207 var.name"),
        ("foo", "error E0202 nothing with the name"),
        ("vra", "error E0202 Did you mean \"var\""),
        ("var.zones[1]", "\"b\""),
        ("var.zones[\"1\"]", "\"b\""),
        ("var.zones[2]", "error E0222 those that exist are 0 to 1"),
        ("var.zones[-1]", "error E0222 negative"),
        ("var.zones[0.5]", "error E0222 whole"),
        ("var.tags.env", "\"prod\""),
        ("var.tags.evn", "error E0222 Did you mean \"env\""),
        ("{a = 1}[\"b\"]", "error E0222 Those that exist: \"a\""),
        ("var.zoneset[0]", "error E0222 set"),
        ("var.zones.id", "error E0222 [*].id"),
        ("var.nothing.id", "error E0221"),
        ("var.later.id", "error E0222"),
        ("var.anything.id[3].x", "unknown(any)"),
        ("var.pair.key", "secret(\"canary\")"),
        ("var.tags[var.password]", "error E0222 secret"),
        ("{a = 1}[var.password]", "error E0222 secret"),
    ]);
}

#[test]
fn loops_and_splats() {
    check(&[
        ("[for z in var.zones : upper(z)]", "[\"A\", \"B\"]"),
        ("[for i, z in var.zones : \"${i}${z}\"]", "[\"0a\", \"1b\"]"),
        ("{for k, v in var.tags : v => k}", "{prod = \"env\"}"),
        (
            "{for z in [\"a\", \"b\", \"a\"] : z => 1}",
            "error E0227 \"a\"",
        ),
        (
            "{for z in [\"a\", \"b\", \"a\"] : z => 1...}",
            "{a = [1, 1], b = [1]}",
        ),
        ("[for z in var.zones : z if z != \"a\"]", "[\"b\"]"),
        ("[for z in var.zoneset : z]", "[\"a\", \"b\"]"),
        ("[for z in var.laterlist : z]", "unknown(any)"),
        ("[for z in null : z]", "error E0221"),
        ("[for z in 5 : z]", "error E0223"),
        (
            "[for z in var.zones : var.count if var.later == z]",
            "unknown(any)",
        ),
        ("{for z in [var.later] : z => 1}", "unknown(any)"),
        ("{for z in [var.password] : z => 1}", "secret({canary = 1})"),
        ("[for z in [var.password] : 1]", "[1]"),
        ("[for x in [1, 2] : [for y in [3] : x * y]]", "[[3], [6]]"),
        ("aws_vpc.each[*].a.cidr", "[\"10.0.0.0/16\"]"),
        ("[{a = 1}, {a = 2}][*].a", "[1, 2]"),
        ("var.nothing[*]", "[]"),
        ("var.name[*]", "[\"web\"]"),
        ("var.laterlist[*]", "unknown(list(string))"),
        ("var.later[*]", "unknown(any)"),
        ("[[{a = 1}], [{a = 2}]][*][0].a", "[1, 2]"),
        ("[{a = [{b = 1}]}][*].a[*].b", "[[1]]"),
    ]);
}

#[test]
fn templates() {
    check(&[
        ("\"${var.name}-${var.count}\"", "\"web-3\""),
        ("\"${var.count}\"", "3"),
        ("\"a${var.later}\"", "unknown(string)"),
        ("\"a${var.password}\"", "secret(\"acanary\")"),
        ("\"a${var.nothing}\"", "error E0221"),
        ("\"a${var.zones}\"", "error E0223 list of string"),
        ("\"%{if var.count > 2}many%{else}few%{endif}\"", "\"many\""),
        ("\"%{for z in var.zones}<${z}>%{endfor}\"", "\"<a><b>\""),
        (
            "\"%{for i, z in var.zones}${i}=${z} %{endfor}\"",
            "\"0=a 1=b \"",
        ),
        ("\"%{if var.later == \"\"}a%{endif}b\"", "unknown(string)"),
        ("\"e\u{301}\" == \"\u{e9}\"", "true"),
    ]);
}

#[test]
fn written_numbers_are_text_or_an_error() {
    check(&[
        ("1.10", "error E0103 Write 1.1 for the number"),
        ("[1.10]", "error E0103"),
        ("join(\"-\", [1.10, 012])", "\"1.10-012\""),
        ("\"v${1.10}\"", "\"v1.10\""),
        ("upper(1e3)", "\"1E3\""),
        ("1.5", "1.5"),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("upper(\"a\", \"b\")", "error E0224 takes 1"),
        ("join()", "error E0224 1 or more"),
        ("uper(\"a\")", "error E0202 Did you mean \"upper\""),
        ("timestamp()", "error E0202 plantimestamp"),
        ("max([1, 2, 3]...)", "3"),
        ("max(var.laterlist...)", "unknown(any)"),
        ("max(null...)", "error E0224"),
        ("try(var.missing, 1)", "1"),
        ("try(var.later, 1)", "unknown(any)"),
        ("try(var.missing, var.missing)", "error E0224 none"),
        ("can(var.missing)", "false"),
        ("can(var.name)", "true"),
        ("can(var.later)", "unknown(bool)"),
        ("sensitive(1)", "secret(1)"),
        ("nonsensitive(var.password)", "\"canary\""),
        ("issensitive(var.password)", "true"),
        ("issensitive(var.later)", "unknown(bool)"),
        ("upper(var.password)", "secret(\"CANARY\")"),
        ("keys(var.pair)", "[\"key\", \"user\"]"),
        ("values(var.pair)", "[secret(\"canary\"), \"u\"]"),
        (
            "jsonencode(var.pair)",
            "secret(\"{\\\"key\\\":\\\"canary\\\",\\\"user\\\":\\\"u\\\"}\")",
        ),
        ("length(var.pair)", "2"),
        ("lookup(var.pair, \"user\")", "\"u\""),
        (
            "merge({a = 1}, {b = var.password})",
            "{a = 1, b = secret(\"canary\")}",
        ),
        (
            "tonumber(var.password)",
            "error E0224 cannot convert string to number",
        ),
        ("tostring(var.nothing)", "null(string)"),
        ("tolist([1, \"a\"])", "list[\"1\", \"a\"]"),
        ("toset([\"b\", \"a\", \"b\"])", "set[\"a\", \"b\"]"),
        ("toset([var.password])", "secret(set[\"canary\"])"),
        ("tomap({a = 1, b = \"x\"})", "map{a = \"1\", b = \"x\"}"),
        ("type({a = [1]})", "\"object({ a = tuple([number]) })\""),
        ("format(\"%s-%03d\", var.name, 7)", "\"web-007\""),
        ("format(\"%s\", var.later)", "unknown(string)"),
    ]);
}

#[test]
fn functions_that_terraform_lacks() {
    check(&[
        ("base64gunzip(base64gzip(\"héllo\"))", "\"héllo\""),
        ("base64gunzip(\"aGk=\")", "error E0224 not in gzip format"),
        ("base64gunzip(\"!\")", "error E0224 base64"),
        ("cidrcontains(\"10.0.0.0/8\", \"10.1.2.3\")", "true"),
        ("cidrcontains(\"10.0.0.0/8\", \"11.0.0.0\")", "false"),
        ("cidrcontains(\"10.0.0.0/8\", \"10.0.0.0/7\")", "false"),
        ("cidrcontains(\"fd00::/8\", \"fd00:1::/32\")", "true"),
        (
            "cidrcontains(\"10.0.0.0/8\", \"fd00::1\")",
            "error E0224 family",
        ),
        (
            "cidrcontains(\"10.0.0.0\", \"10.0.0.1\")",
            "error E0224 CIDR",
        ),
        (
            "cidrcontains(\"10.0.0.0/8\", \"x\")",
            "error E0224 invalid IP",
        ),
        ("urldecode(\"a+b%26c%3D%C3%A9\")", "\"a b&c=é\""),
        ("urldecode(\"%zz\")", "error E0224 hexadecimal"),
        ("urldecode(\"%ff\")", "error E0224 UTF-8"),
        ("urldecode(urlencode(\"a b/c?d=é\"))", "\"a b/c?d=é\""),
        ("plantimestamp()", "unknown(string)"),
        ("type(tolist([1]))", "\"list(number)\""),
        ("type(null)", "\"any\""),
    ]);
}

#[test]
fn values_that_repeat_themselves_are_counted_in_full() {
    // [for x in [[for x in [… [1] …] : [x, x, x, x]][0]] : [x, x, x, x]][0]
    let mut bomb = "1".to_owned();
    for _ in 0..25 {
        bomb = format!("[for x in [{bomb}] : [x, x, x, x]][0]");
    }
    check(&[
        (&bomb, "error E0108 steps"),
        (&format!("length({bomb})"), "error E0108 steps"),
        (&format!("{bomb} == 1"), "error E0108 steps"),
        (&format!("true ? {bomb} : 1"), "error E0108 steps"),
    ]);
    let deep = format!("yamldecode(\"{}{}\")", "[".repeat(50), "]".repeat(50));
    check(&[
        (&format!("length({deep})"), "1"),
        (
            &format!("[[[[[[[[[[{deep}]]]]]]]]]]"),
            "error E0105 56 levels",
        ),
    ]);
    let deeper = |decode: &str| format!("{decode}(\"{}{}\")", "[".repeat(60), "]".repeat(60));
    check(&[
        (&deeper("yamldecode"), "error E0105 56 levels"),
        (&deeper("jsondecode"), "error E0105 56 levels"),
    ]);
}

#[test]
fn a_limit_that_was_met_is_the_only_thing_that_is_told() {
    let budget = Budget::with_limits(20_000, 256 * 1024 * 1024);
    let names = Names::new();
    let evaluator = Evaluator {
        scope: &names,
        files: None,
        budget: &budget,
        plan_timestamp: None,
    };
    let mut diagnostics = Diagnostics::new();
    let endless = "[for a in range(1000) : [for b in range(1000) : a + b]]";
    for text in [
        // What is wrong before the limit is met counts, what comes behind it may be wrong only because of it.
        &format!("[parseint(\"x\", 10), {endless}, parseint(\"y\", 10)]"),
        &format!("true ? {endless} : parseint(\"y\", 10)"),
        // The second to meet it is not told: all of the room may have gone to the first.
        endless,
        "jsondecode(join(\"\", [for a in range(1000) : \"x\"]))",
    ] {
        let expr = parse::expression(text, FileId(0), 0).unwrap();
        evaluator.evaluate(&expr, &mut diagnostics);
    }
    let codes: Vec<&str> = diagnostics.iter().map(|found| found.code.0).collect();
    assert_eq!(codes, ["E0224", "E0108"], "{diagnostics:#?}");
}

#[test]
fn budgets_end_what_goes_too_far() {
    let nested = "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]";
    let product = "setproduct(range(1000), range(1000), range(1000))";
    check(&[
        (nested, "error E0108"),
        (product, "error E0108"),
        ("format(\"%1000000000d\", 1)", "error E0108"),
        ("format(\"%.1000000000f\", 1)", "error E0108"),
        ("range(1000000000)", "error E0224 1024"),
        ("indent(1000000000, \"\\n\\n\")", "error E0108"),
        (
            "try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]], 1)",
            "error E0108",
        ),
        (
            "join(\"\", [for a in range(1000) : join(\"\", [for b in range(1000) : format(\"%1000d\", b)])])",
            "error E0108",
        ),
    ]);
}

#[test]
fn edges_that_are_told_apart() {
    check(&[
        (
            "each.vale",
            "error E0207 There is no each.vale: write each.key",
        ),
        ("each", "error E0207 \"each\" alone has no value"),
        ("{ a = 1 }.a.b", "error E0222 This value is a number, which"),
        (
            "[for x in true : x]",
            "error E0223 A for goes through a collection, and this value is a bool.",
        ),
        (
            "\"x${{}}\"",
            "error E0223 A part of this text is an object, which",
        ),
        (
            "timeadd(\"0000-01-01T00:00:00Z\", \"-1s\")",
            "error E0224 timeadd(): the result is out of range",
        ),
        ("range(1, 1, 0)", "list(number)[]"),
        ("title(\"ǆ ǳ\")", "\"ǅ ǲ\""),
        ("1 / 3 * 3", "1"),
        ("regex(\"{[^}]*}\", \"a{b}c\")", "\"{b}\""),
        ("replace(\"a{b}\", \"/{|}/\", \"-\")", "\"a-b-\""),
    ]);
}
