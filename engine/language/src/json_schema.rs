//! JSON Schema (2020-12) of the YAML spelling, made of the table that decoding uses.
//!
//! It is for editors: it knows names, forms and what must be there. What an expression gives is for `validate` to say.

use serde_json::{Map, Value, json};

use crate::decode::table::{
    AttributeSpec, BlockSpec, BodySpec, DEFAULTS, FILE, Form, Rest, YamlForm,
};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What may name a block.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";

/// Text in which something is filled in, so that it can give a value of any type.
const TEMPLATE: &str = "\\$\\{";

/// The schema of `*.strata.yaml` in projects and stack packages.
pub fn definitions() -> Value {
    document(
        &FILE,
        "Strata definitions",
        "The blocks of a project or stack package.",
    )
}

/// The schema of `defaults.strata.yaml`.
pub fn defaults() -> Value {
    document(
        &DEFAULTS,
        "Strata defaults",
        "What applies to every cluster in this directory and below.",
    )
}

fn document(spec: &'static BodySpec, title: &str, description: &str) -> Value {
    let mut schema = body(spec);
    let mut document = Map::new();
    document.insert("$schema".to_owned(), DIALECT.into());
    document.insert("title".to_owned(), title.into());
    document.insert("description".to_owned(), description.into());
    document.append(&mut schema);
    // An empty file is a valid one.
    document.insert("type".to_owned(), json!(["object", "null"]));
    Value::Object(document)
}

fn body(spec: &'static BodySpec) -> Map<String, Value> {
    let mut properties = Map::new();
    for attribute in spec.attributes {
        properties.insert(attribute.name.to_owned(), described(attribute));
    }
    for block in spec.blocks {
        properties.insert(block.keyword.to_owned(), keyword(block));
    }
    let required: Vec<&str> = spec
        .attributes
        .iter()
        .filter(|attribute| attribute.required)
        .map(|attribute| attribute.name)
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    match spec.rest {
        Rest::Refused => {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
        Rest::Arguments(doc) => {
            schema.insert("propertyNames".to_owned(), json!({ "pattern": NAME }));
            schema.insert(
                "additionalProperties".to_owned(),
                json!({ "description": doc }),
            );
        }
    }
    schema
}

fn described(attribute: &AttributeSpec) -> Value {
    let mut schema = form(attribute.form);
    schema.insert("description".to_owned(), attribute.doc.into());
    Value::Object(schema)
}

fn form(form: Form) -> Map<String, Value> {
    let schema = match form {
        Form::Expression => json!({}),
        Form::Map => json!({
            "anyOf": [{ "type": ["object", "null"] }, { "type": "string", "pattern": TEMPLATE }],
        }),
        // A number is text here, as it is written.
        Form::Text => json!({ "type": ["string", "number"] }),
        Form::Texts => json!({ "type": "array", "items": { "type": ["string", "number"] } }),
        Form::Name => json!({ "type": "string", "pattern": NAME }),
        Form::Switch => json!({ "type": "boolean" }),
        Form::Type | Form::Address | Form::Provider => json!({ "type": "string" }),
        Form::Addresses => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Providers => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Form::Paths => json!({
            "anyOf": [{ "const": "all" }, { "type": "array", "items": { "type": "string" } }],
        }),
    };
    members(schema)
}

/// What stands below the keyword of a block: maps for its labels, then its body or bodies.
fn keyword(block: &'static BlockSpec) -> Value {
    let mut schema = bodies(block);
    for label in block.labels.iter().rev() {
        let below = std::mem::take(&mut schema);
        schema.insert("type".to_owned(), json!(["object", "null"]));
        schema.insert(
            "propertyNames".to_owned(),
            json!({ "pattern": NAME, "description": format!("The {label} of the block.") }),
        );
        schema.insert("additionalProperties".to_owned(), Value::Object(below));
    }
    schema.insert("description".to_owned(), block.doc.into());
    Value::Object(schema)
}

fn bodies(block: &'static BlockSpec) -> Map<String, Value> {
    let needs_nothing = block
        .body
        .attributes
        .iter()
        .all(|attribute| !attribute.required);
    let one = || {
        let mut one = body(block.body);
        if needs_nothing {
            one.insert("type".to_owned(), json!(["object", "null"]));
        }
        one
    };
    let list = || json!({ "type": "array", "items": body(block.body) });
    match block.yaml {
        YamlForm::Map => one(),
        YamlForm::List => members(list()),
        YamlForm::MapOrList => members(json!({ "anyOf": [one(), list()] })),
    }
}

/// The members of an object.
fn members(object: Value) -> Map<String, Value> {
    if let Value::Object(members) = object {
        members
    } else {
        Map::new()
    }
}

#[cfg(test)]
pub(crate) mod judge;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::to_json;

    /// The texts with their faults.
    fn judged<'t>(schema: &Value, texts: &[&'t str]) -> Vec<(&'t str, Vec<String>)> {
        let values: Vec<_> = texts.iter().map(|text| to_json(text)).collect();
        let faults = judge::faults(schema, &values);
        texts.iter().copied().zip(faults).collect()
    }

    #[test]
    fn every_block_and_attribute_has_a_description() {
        fn look(spec: &'static BodySpec, path: &str) {
            for attribute in spec.attributes {
                assert!(attribute.doc.ends_with('.'), "{path}.{}", attribute.name);
            }
            for block in spec.blocks {
                assert!(block.doc.ends_with('.'), "{path}.{}", block.keyword);
                look(block.body, &format!("{path}.{}", block.keyword));
            }
        }
        look(&FILE, "");
        look(&DEFAULTS, "defaults");
    }

    #[test]
    fn whole_files_are_valid() {
        let whole = [
            "",
            "project:\n  name: x\n  include: [clusters/**]\n",
            "resource:\n  aws_vpc:\n    main:\n      cidr: 1\n      tags: { a: b }\n      depends_on: [a.b]\n",
            "resource:\n  a:\n    b:\n",
            "variable:\n  a:\n  b: { type: list(string), default: [], nullable: false }\n",
            "provider:\n  aws: { region: x }\n",
            "provider:\n  aws: [{ region: x }, { alias: b }]\n",
            "stack:\n  n: { source: ./x, version: 1.10, inputs: { a: 1 }, providers: { aws: aws.eu } }\n",
            "cluster:\n  n: { stack: x, inputs: '${var.x}', gitops: { url: a }, layer: { p: { path: ./a } } }\n",
            "moved: [{ from: a.b, to: a.c }]\n",
            "locals: { a: 1, b: { c: [true] } }\n",
            "data:\n  a:\n    b:\n      lifecycle: { ignore_changes: all, postcondition: [{ condition: true, error_message: x }] }\n",
        ];
        for (text, faults) in judged(&definitions(), &whole) {
            assert!(faults.is_empty(), "{text}: {faults:?}");
        }
        let whole = ["inputs: { a: 1 }\nlayer:\n  p: { path: x }\n"];
        let faults = judged(&defaults(), &whole);
        assert!(faults[0].1.is_empty(), "{faults:?}");
    }

    #[test]
    fn broken_files_are_not() {
        let broken = [
            "resurce: {}\n",
            "[]\n",
            "project: []\n",
            "project: { naem: x }\n",
            "project: { name: 1a }\n",
            "resource: { aws_vpc: [] }\n",
            "resource: { aws_vpc: { main: x } }\n",
            "resource: { aws_vpc: { 1a: {} } }\n",
            "resource: { a: { b: { depends_on: a.b } } }\n",
            "resource: { a: { b: { lifecycle: { create_before_destroy: 'yes' } } } }\n",
            "resource: { a: { b: { lifecycle: { ignore_changes: tags } } } }\n",
            "variable: { a: { sensitive: 1 } }\n",
            "stack: { n: { version: 1 } }\n",
            "stack: { n: }\n",
            "cluster: { n: { stack: x, inputs: text } }\n",
            "output: { x: { description: y } }\n",
            "moved: { from: a.b, to: a.c }\n",
            "moved: [{ from: a.b }]\n",
            "check: { x: { assert: { condition: true } } }\n",
            "locals: { 1a: 2 }\n",
        ];
        for (text, faults) in judged(&definitions(), &broken) {
            assert!(!faults.is_empty(), "{text}");
        }
        let faults = judged(&defaults(), &["variable: {}\n"]);
        assert!(!faults[0].1.is_empty(), "{faults:?}");
    }
}
