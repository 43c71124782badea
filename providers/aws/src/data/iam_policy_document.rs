//! `aws_iam_policy_document`: writes a policy, and calls nothing.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::Failure;

/// `aws_iam_policy_document`.
#[derive(Debug)]
pub(crate) struct PolicyDocument;

/// The newest version of the policy language.
const VERSION: &str = "2012-10-17";

#[derive(Debug, Default, Deserialize)]
struct Arguments {
    policy_id: Option<String>,
    version: Option<String>,
    #[serde(default)]
    statement: Option<Vec<Declared>>,
    source_policy_documents: Option<Vec<String>>,
    override_policy_documents: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Declared {
    sid: Option<String>,
    effect: Option<String>,
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    not_resources: Option<Vec<String>>,
    principals: Option<Vec<Principals>>,
    not_principals: Option<Vec<Principals>>,
    condition: Option<Vec<Condition>>,
}

#[derive(Debug, Deserialize)]
struct Principals {
    r#type: String,
    identifiers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Condition {
    test: String,
    variable: String,
    values: Vec<String>,
}

/// A policy, its parts in the order in which AWS writes them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    statement: Vec<Statement>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_principal: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(given: D) -> Result<Vec<Statement>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<Statement>),
        One(Box<Statement>),
    }
    Ok(match OneOrMany::deserialize(given)? {
        OneOrMany::Many(statements) => statements,
        OneOrMany::One(statement) => vec![*statement],
    })
}

#[async_trait]
impl DataSource for PolicyDocument {
    fn schema(&self) -> ResourceSchema {
        let texts = |description| Attribute::optional(AttributeType::string_set(), description);
        let listed = |description| Attribute::optional(AttributeType::strings(), description);
        let schema = Schema::new([
            text("id", "A digest of the document."),
            text("json", "The document, one part a line."),
            text("minified_json", "The document, without spaces."),
            (
                "policy_id",
                Attribute::optional(AttributeType::String, "The document's `Id`."),
            ),
            (
                "version",
                Attribute::optional(
                    AttributeType::String,
                    "Version of the policy language, `2012-10-17` or `2008-10-17`.",
                )
                .default_value(VERSION),
            ),
            (
                "source_policy_documents",
                listed(
                    "Documents whose statements come first. No two of them may have the same `Sid`.",
                ),
            ),
            (
                "override_policy_documents",
                listed("Documents whose statements replace those with the same `Sid`."),
            ),
            (
                "statement",
                Attribute::optional(
                    AttributeType::List(Box::new(statement(texts))),
                    "The document's statements.",
                ),
            ),
        ]);
        ResourceSchema::data(
            "aws_iam_policy_document",
            schema,
            "Writes an IAM policy. It reads nothing: `jsonencode` of the policy does the same.",
        )
    }

    async fn read(&self, _cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let policy = document(super::arguments(arguments)?)?;
        let written = |text: serde_json::Result<String>| {
            text.map_err(|error| wrong(format!("the document cannot be written: {error}")))
        };
        let minified = written(serde_json::to_string(&policy))?;
        Ok(json!({
            "id": strata_model::Digest::of(minified.as_bytes()).short(),
            "json": written(serde_json::to_string_pretty(&policy))?,
            "minified_json": minified,
        }))
    }
}

fn statement(texts: impl Fn(&'static str) -> Attribute) -> AttributeType {
    let text = |description| Attribute::optional(AttributeType::String, description);
    let required = |description| Attribute::required(AttributeType::String, description);
    let principals = AttributeType::object([
        (
            "type",
            required("`AWS`, `Service`, `Federated`, `CanonicalUser` or `*`."),
        ),
        (
            "identifiers",
            Attribute::required(
                AttributeType::string_set(),
                "ARNs, accounts, services, providers, or `*`.",
            ),
        ),
    ]);
    let condition = AttributeType::object([
        ("test", required("The operator, such as `StringEquals`.")),
        ("variable", required("The key, such as `aws:PrincipalArn`.")),
        (
            "values",
            Attribute::required(AttributeType::strings(), "Any of these has to match."),
        ),
    ]);
    let many = |ty: &AttributeType, description| {
        Attribute::optional(AttributeType::Set(Box::new(ty.clone())), description)
    };
    AttributeType::object([
        ("sid", text("Name of the statement.")),
        (
            "effect",
            Attribute::optional(AttributeType::String, "`Allow` or `Deny`.").default_value("Allow"),
        ),
        ("actions", texts("Actions that it is about.")),
        ("not_actions", texts("It is about all actions but these.")),
        ("resources", texts("ARNs that it is about.")),
        (
            "not_resources",
            texts("It is about all resources but these."),
        ),
        ("principals", many(&principals, "Who it is about.")),
        (
            "not_principals",
            many(&principals, "It is about everybody but these."),
        ),
        ("condition", many(&condition, "All of these have to hold.")),
    ])
}

fn document(arguments: Arguments) -> Result<Policy, Failure> {
    let mut policy = Policy {
        version: arguments.version.or_else(|| Some(VERSION.to_owned())),
        id: arguments.policy_id,
        statement: Vec::new(),
    };
    let mut sids = BTreeSet::new();
    for text in arguments.source_policy_documents.unwrap_or_default() {
        for statement in parse(&text)?.statement {
            if let Some(sid) = statement.sid.as_ref().filter(|sid| !sid.is_empty())
                && !sids.insert(sid.clone())
            {
                return Err(wrong(format!(
                    "two source documents have a statement {sid}"
                )));
            }
            policy.statement.push(statement);
        }
    }
    for declared in arguments.statement.unwrap_or_default() {
        put(&mut policy.statement, declared.into_statement()?);
    }
    for text in arguments.override_policy_documents.unwrap_or_default() {
        for statement in parse(&text)?.statement {
            put(&mut policy.statement, statement);
        }
    }
    Ok(policy)
}

/// A statement takes the place of one with its name.
fn put(statements: &mut Vec<Statement>, new: Statement) {
    let named = new.sid.as_ref().filter(|sid| !sid.is_empty());
    let place = named.and_then(|sid| {
        statements
            .iter()
            .position(|old| old.sid.as_ref() == Some(sid))
    });
    match place {
        Some(place) => statements[place] = new,
        None => statements.push(new),
    }
}

fn parse(text: &str) -> Result<Policy, Failure> {
    serde_json::from_str(text)
        .map_err(|error| wrong(format!("a document to merge is no policy: {error}")))
}

fn wrong(message: String) -> Failure {
    Failure::refused(ProviderErrorKind::Invalid, message)
}

impl Declared {
    fn into_statement(self) -> Result<Statement, Failure> {
        let effect = self.effect.unwrap_or_else(|| "Allow".to_owned());
        if !["Allow", "Deny"].contains(&effect.as_str()) {
            return Err(wrong(format!(
                "the effect of a statement is Allow or Deny, not {effect}"
            )));
        }
        Ok(Statement {
            sid: self.sid.filter(|sid| !sid.is_empty()),
            effect: Some(effect),
            action: texts(self.actions),
            not_action: texts(self.not_actions),
            resource: texts(self.resources),
            not_resource: texts(self.not_resources),
            principal: principals(self.principals),
            not_principal: principals(self.not_principals),
            condition: conditions(self.condition),
        })
    }
}

/// One text stands alone; several are in the reverse of their order, as Terraform's provider writes them.
fn texts(given: Option<Vec<String>>) -> Option<Value> {
    let mut given: Vec<String> = given?.iter().map(|text| variables(text)).collect();
    given.sort_by(|left, right| right.cmp(left));
    match given.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        _ => Some(json!(given)),
    }
}

/// `&{…}` is a policy variable, in texts where `${…}` is an expression.
fn variables(text: &str) -> String {
    text.replace("&{", "${")
}

fn principals(given: Option<Vec<Principals>>) -> Option<Value> {
    let given = given.filter(|given| !given.is_empty())?;
    if let [only] = given.as_slice()
        && only.r#type == "*"
        && only.identifiers == ["*"]
    {
        return Some(json!("*"));
    }
    let mut by_type: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for principals in given {
        by_type
            .entry(principals.r#type)
            .or_default()
            .extend(principals.identifiers);
    }
    let written = by_type
        .into_iter()
        .filter_map(|(kind, identifiers)| Some((kind, texts(Some(identifiers))?)));
    Some(Value::Object(written.collect()))
}

fn conditions(given: Option<Vec<Condition>>) -> Option<Value> {
    let given = given.filter(|given| !given.is_empty())?;
    let mut by_test: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for condition in given {
        let variables = by_test.entry(condition.test).or_default();
        let values = variables.entry(condition.variable).or_default();
        values.extend(condition.values.iter().map(|value| self::variables(value)));
    }
    let one_or_many = |values: Vec<String>| match values.as_slice() {
        [one] => json!(one),
        _ => json!(values),
    };
    let written = by_test.into_iter().map(|(test, variables)| {
        let variables = variables
            .into_iter()
            .map(|(variable, values)| (variable, one_or_many(values)));
        (test, Value::Object(variables.collect()))
    });
    Some(Value::Object(written.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(arguments: Value) -> String {
        let arguments = serde_json::from_value(arguments).unwrap();
        serde_json::to_string(&document(arguments).unwrap()).unwrap()
    }

    #[test]
    fn statements_are_written_as_terraform_writes_them() {
        let policy = written(json!({ "statement": [{
            "sid": "AllowPods",
            "actions": ["sts:AssumeRole", "sts:TagSession"],
            "resources": ["arn:aws:s3:::logs/&{aws:username}/*"],
            "principals": [{ "type": "Service", "identifiers": ["pods.eks.amazonaws.com"] }],
            "condition": [
                { "test": "StringEquals", "variable": "aws:SourceAccount", "values": ["123456789012"] },
                { "test": "StringEquals", "variable": "aws:PrincipalTag/a", "values": ["y", "x"] },
            ],
        }, {
            "effect": "Deny",
            "not_actions": ["*"],
            "principals": [{ "type": "*", "identifiers": ["*"] }],
        }] }));
        assert_eq!(
            policy,
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"AllowPods","Effect":"Allow","Action":["sts:TagSession","sts:AssumeRole"],"Resource":"arn:aws:s3:::logs/${aws:username}/*","Principal":{"Service":"pods.eks.amazonaws.com"},"Condition":{"StringEquals":{"aws:PrincipalTag/a":["y","x"],"aws:SourceAccount":"123456789012"}}},{"Effect":"Deny","NotAction":"*","Principal":"*"}]}"#
        );
    }

    #[test]
    fn documents_are_merged_by_the_names_of_their_statements() {
        let source = r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        let over = r#"{"Statement":[{"Sid":"b","Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
        let statement = json!({ "sid": "b", "actions": ["s3:PutObject"], "resources": ["*"] });
        let policy = written(json!({
            "source_policy_documents": [source],
            "statement": [statement],
            "override_policy_documents": [over],
        }));
        assert_eq!(
            policy,
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Sid":"b","Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#
        );
        let twice = json!({ "source_policy_documents": [source, source] });
        let twice = document(serde_json::from_value(twice).unwrap()).unwrap_err();
        assert!(
            twice.error.message.contains("two source documents"),
            "{twice:?}"
        );
    }
}
