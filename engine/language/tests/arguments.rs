//! Arguments of blocks by their schema, type constraints, conditions, and references found without evaluating.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::definition::{
    Argument, Arguments, Condition, ObjectAttribute, TypeConstraint,
};
use strata_language::evaluate::{Evaluator, Outcome};
use strata_language::expression::{Expr, Spanned};
use strata_language::parse;
use strata_language::references::references;
use strata_language::scope::{ResolveRequest, Scope, SecretRequest};
use strata_model::schema::{Attribute, AttributeType, Schema};
use strata_model::{
    Diagnostic, Diagnostics, FileId, Members, SourceMap, Span, Type, Value, source::SourceFile,
};

struct Names;

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        match request.reference.to_string().as_str() {
            "var.password" => Ok(Value::from("canary").into_secret()),
            "var.later" => Ok(Value::unknown(Type::String)),
            name => {
                let detail = format!("There is no {name}.");
                let fault = strata_language::codes::UNKNOWN_NAME.error(detail);
                Err(Box::new(fault.at(request.span)))
            }
        }
    }

    fn secret(&self, request: SecretRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        Ok(Value::from(format!(
            "{:?} {} for {}",
            request.source, request.key, request.path
        )))
    }
}

fn schema() -> Schema {
    let rule = AttributeType::object([
        ("port", Attribute::required(AttributeType::Number, "")),
        ("cidr", Attribute::optional(AttributeType::String, "")),
        ("id", Attribute::computed(AttributeType::String, "")),
        (
            "key",
            Attribute::optional(AttributeType::String, "").sensitive(),
        ),
    ]);
    Schema::new([
        ("name", Attribute::required(AttributeType::String, "")),
        ("size", Attribute::optional(AttributeType::Number, "")),
        ("tags", Attribute::optional(AttributeType::string_map(), "")),
        (
            "zones",
            Attribute::optional(AttributeType::string_set(), ""),
        ),
        (
            "password",
            Attribute::optional(AttributeType::String, "").sensitive(),
        ),
        (
            "rules",
            Attribute::optional(AttributeType::List(Box::new(rule)), ""),
        ),
        ("arn", Attribute::computed(AttributeType::String, "")),
    ])
}

/// Reads `name = expression` lines as arguments of a file.
fn arguments(text: &str) -> Arguments {
    let mut offset = 0;
    let mut arguments = Vec::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(" = ") {
            let at = offset + name.len() + 3;
            arguments.push(Argument {
                name: Spanned {
                    value: name.into(),
                    span: Span::new(FileId(0), offset..offset + name.len()),
                },
                value: parse::expression(value, FileId(0), at).unwrap(),
            });
        }
        offset += line.len() + 1;
    }
    Arguments(arguments)
}

fn with_evaluator<T>(use_it: impl FnOnce(&Evaluator<'_>) -> T) -> T {
    let budget = Budget::default();
    use_it(&Evaluator {
        scope: &Names,
        files: None,
        budget: &budget,
        plan_timestamp: None,
    })
}

/// Evaluates arguments: the value, or all errors with their places.
fn check(text: &str, expected: &str) {
    let mut map = SourceMap::default();
    map.add(SourceFile::new("x", text));
    let mut diagnostics = Diagnostics::new();
    let block = Span::new(FileId(0), 0..0);
    let value = with_evaluator(|evaluator| {
        evaluator.evaluate_arguments(&arguments(text), &schema(), block, &mut diagnostics)
    });
    let faults: Vec<String> = diagnostics
        .iter()
        .map(|fault| {
            let place = fault.span.and_then(|span| map.position(span));
            let place = place.map_or_else(String::new, |place| {
                format!("{}:{}", place.line, place.column)
            });
            let hints = fault.hints.join(" ");
            let said = format!("{} {place} {} {hints}", fault.code, fault.detail);
            said.trim_end().to_owned()
        })
        .collect();
    let found = if faults.is_empty() {
        let given: Vec<String> = value
            .members()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name} = {value:?}"))
            .collect();
        given.join(", ")
    } else {
        faults.join("\n")
    };
    assert_eq!(found.trim(), expected, "{text}");
    assert_eq!(value.members().unwrap().len(), schema().attributes().len());
}

#[test]
fn arguments_become_the_types_of_the_schema() {
    check("name = 5\nsize = \"2\"", r#"name = "5", size = 2"#);
    check("name = 1.10", r#"name = "1.10""#);
    check("name = var.later", r#"name = unknown(string)"#);
    check(
        "name = \"x\"\nzones = [\"b\", \"a\"]",
        r#"name = "x", zones = {"a", "b"}"#,
    );
    check(
        "name = \"x\"\ntags = {a = 1.50}",
        r#"name = "x", tags = {"a": "1.50"}"#,
    );
    check(
        "name = \"x\"\npassword = \"canary\"",
        r#"name = "x", password = ***"#,
    );
    check(
        "name = \"x\"\nrules = [{port = \"1\"}]",
        r#"name = "x", rules = [{"cidr": null, "id": null, "key": null, "port": 1}]"#,
    );
    check("name = var.password", "name = ***");
}

#[test]
fn everything_wrong_is_said_where_it_stands() {
    check(
        "size = 1",
        "E0204 1:1 The argument \"name\" is required, and is not there.",
    );
    check(
        "name = null",
        "E0204 1:1 The argument \"name\" is required, and is null.",
    );
    check(
        "name = \"x\"\nsiez = 1\narn = \"y\"",
        "E0202 2:1 There is no argument \"siez\" here. Did you mean \"size\"?\n\
         E0226 3:1 \"arn\" is set by the provider alone; it can be read, not given.",
    );
    check(
        "name = \"x\"\nsize = \"big\"",
        "E0103 2:8 \"size\" takes a number, and is given a string: a number is required.",
    );
    check(
        "name = \"x\"\nrules = [{port = 1}, {prot = 2, cidr = []}]",
        "E0103 2:40 \"rules[1].cidr\" takes a string, and is given a tuple: a string is required.\n\
         E0202 2:23 There is no argument \"prot\" here. Did you mean \"port\"?\n\
         E0204 2:22 The argument \"port\" is required, and is not there.",
    );
    check(
        "name = \"x\"\nsize = 1.10",
        "E0103 2:8 1.10 can be read as the number 1.1 and as the text \"1.10\"; they are not the same. \
         Write 1.1 for the number, or \"1.10\" for the text.",
    );
    check("name = var.missing", "E0202 1:8 There is no var.missing.");
}

#[test]
fn secret_references_stand_where_the_schema_says_secret() {
    let value = |text: &str| {
        let mut diagnostics = Diagnostics::new();
        let block = Span::new(FileId(0), 0..0);
        let value = with_evaluator(|evaluator| {
            evaluator.evaluate_arguments(&arguments(text), &schema(), block, &mut diagnostics)
        });
        (value, diagnostics)
    };
    let (found, diagnostics) = value("name = \"x\"\npassword = {from = \"env\", key = \"TOKEN\"}");
    assert!(diagnostics.is_empty());
    let password = found.get("password").unwrap();
    assert!(password.is_secret());
    assert_eq!(password.as_str(), Some("Environment TOKEN for password"));
    let (found, _) =
        value("name = \"x\"\nrules = [{port = 1, key = {from = \"file\", key = \"/k\"}}]");
    let key = found.get("rules").unwrap().elements().unwrap()[0]
        .get("key")
        .unwrap();
    assert_eq!(key.as_str(), Some("File /k for rules[0].key"));
    assert!(key.is_secret());
    let (_, diagnostics) = value("name = \"x\"\npassword = {from = \"vault\", key = \"k\"}");
    assert_eq!(diagnostics.iter().next().unwrap().code.0, "E0228");
    let (_, diagnostics) = value("name = {from = \"env\", key = \"k\"}");
    assert_eq!(diagnostics.iter().next().unwrap().code.0, "E0103");
}

#[test]
fn optional_attributes_take_their_defaults() {
    let attribute = |ty, optional, default| ObjectAttribute {
        ty,
        optional,
        default,
    };
    let inner = TypeConstraint::Object(BTreeMap::from([
        (
            Arc::from("min"),
            attribute(TypeConstraint::Number, true, Some(Value::from(1))),
        ),
        (
            Arc::from("version"),
            attribute(TypeConstraint::String, true, None),
        ),
    ]));
    let constraint = TypeConstraint::Object(BTreeMap::from([
        (
            Arc::from("name"),
            attribute(TypeConstraint::String, false, None),
        ),
        (
            Arc::from("pools"),
            attribute(
                TypeConstraint::Map(Box::new(inner)),
                true,
                Some(Value::map(Type::Any, Members::new())),
            ),
        ),
    ]));
    let check = |text: &str, expected: &str| {
        let expr = parse::expression(text, FileId(0), 0).unwrap();
        let mut diagnostics = Diagnostics::new();
        let value =
            with_evaluator(|evaluator| evaluator.evaluate_as(&expr, &constraint, &mut diagnostics));
        let found = match diagnostics.iter().next() {
            Some(fault) => fault.detail.clone(),
            None => {
                assert_eq!(value.ty(), constraint.ty(), "{text}");
                format!("{value:?}")
            }
        };
        assert_eq!(found, expected, "{text}");
    };
    check("{name = \"x\"}", r#"{"name": "x", "pools": {}}"#);
    check(
        "{name = \"x\", pools = {a = {}, b = {min = null, version = 1.30}, c = {min = \"4\"}}, extra = 1}",
        r#"{"name": "x", "pools": {"a": {"min": 1, "version": null}, "b": {"min": 1, "version": "1.30"}, "c": {"min": 4, "version": null}}}"#,
    );
    check(
        "{}",
        "The value is not an object: attribute \"name\" is required.",
    );
    check(
        "{name = \"x\", pools = {a = {min = \"y\"}}}",
        "The value is not an object: pools[\"a\"].min: a number is required.",
    );
}

#[test]
fn conditions_hold_fail_or_wait() {
    let check = |condition: &str, message: &str, expected: &str| {
        let expr = |text: &str| -> Expr { parse::expression(text, FileId(0), 0).unwrap() };
        let condition = Condition {
            condition: expr(condition),
            error_message: expr(message),
            span: Span::new(FileId(0), 0..0),
        };
        let mut diagnostics = Diagnostics::new();
        let outcome =
            with_evaluator(|evaluator| evaluator.evaluate_condition(&condition, &mut diagnostics));
        let codes: Vec<String> = diagnostics
            .iter()
            .map(|fault| fault.code.to_string())
            .collect();
        let outcome = match outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Failed { message } => format!("failed: {message}"),
            Outcome::Unknown => "unknown".to_owned(),
        };
        assert_eq!(format!("{outcome} {}", codes.join(" ")).trim(), expected);
    };
    check("1 < 2", "\"no\"", "passed");
    check("1 > 2", "\"no: ${1 + 1}\"", "failed: no: 2");
    check("var.later == \"x\"", "\"no\"", "unknown");
    check("null", "\"no\"", "unknown E0221");
    check("\"x\"", "\"no\"", "unknown E0103");
    check(
        "false",
        "\"is ${var.password}\"",
        "failed: The condition does not hold. E0225",
    );
    check("var.password == \"x\"", "\"no\"", "failed: no");
}

#[test]
fn references_are_found_without_evaluating() {
    let check = |text: &str, expected: &[&str]| {
        let expr = parse::expression(text, FileId(0), 0).unwrap();
        let found: Vec<String> = references(&expr)
            .iter()
            .map(|found| {
                let instance = found
                    .instance
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string);
                let attribute = found
                    .attribute
                    .as_ref()
                    .map_or_else(String::new, |name| format!(".{name}"));
                format!("{}{instance}{attribute}", found.reference)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("var.a + local.b", &["var.a", "local.b"]);
    check("aws_vpc.main.id", &["aws_vpc.main.id"]);
    check("aws_vpc.main[\"x\"].id", &["aws_vpc.main[\"x\"].id"]);
    check("aws_vpc.main[0]", &["aws_vpc.main[0]"]);
    check("aws_vpc.main[var.k].id", &["aws_vpc.main.id", "var.k"]);
    check("aws_vpc.main[*].id", &["aws_vpc.main"]);
    check("data.aws_ami.x.id", &["data.aws_ami.x.id"]);
    check("stack.net.vpc_id", &["stack.net.vpc_id"]);
    check(
        "cluster.prod[\"eu\"].endpoint",
        &["cluster.prod[\"eu\"].endpoint"],
    );
    check("[for x in var.l : x.y]", &["var.l"]);
    check(
        "[for x in var.l : x.y if x.z == each.key]",
        &["var.l", "each.key"],
    );
    check(
        "\"%{for x in var.l}${x.a}${var.b}%{endfor}\"",
        &["var.l", "var.b"],
    );
    check("try(var.a, count.index)", &["var.a", "count.index"]);
    check(
        "{a = self.id, (path.root) = project.name}",
        &["self.id", "path.root", "project.name"],
    );
    check("upper(\"x\")", &[]);
    check("[1, 2][0]", &[]);
}
