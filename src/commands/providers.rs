//! `strata providers`: what this Strata can manage.

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};
use strata_model::Mode;
use strata_model::provider::Provider;
use strata_model::schema::{Attribute, AttributeType, Presence, ResourceSchema, Schema};

use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::wiring::providers;

/// `strata providers`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata providers               the providers and their resource types
  strata providers schema -json  all arguments and attributes, in Terraform's shape")]
pub struct Arguments {
    /// What to show of them.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to show of the providers.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show all schemas
    Schema {
        /// Write one JSON document; the only form there is
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
///
/// When schemas are asked for in a form that there is not.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let providers = providers();
    match arguments.command {
        Some(Command::Schema { json: false }) => {
            return Err(CommandError::usage("schemas are shown as JSON only").hint("Add -json."));
        }
        Some(Command::Schema { json: true }) => {
            let schemas: Map<String, Json> = providers
                .iter()
                .map(|provider| (provider.name().to_string(), provider_schema(&**provider)))
                .collect();
            session
                .ui
                .json(&json!({ "format_version": "1.0", "provider_schemas": schemas }));
        }
        None => {
            for provider in providers.iter() {
                session.ui.line(&format!("provider {}", provider.name()));
                for schema in provider.schemas() {
                    let word = match schema.mode {
                        Mode::Managed => "resource",
                        Mode::Data => "data",
                    };
                    session.ui.line(&format!(
                        "  {word:8} {:32} {}",
                        schema.name, schema.description
                    ));
                }
            }
        }
    }
    Ok(Outcome::Done)
}

fn provider_schema(provider: &dyn Provider) -> Json {
    let of = |mode: Mode| -> Map<String, Json> {
        let schemas = provider
            .schemas()
            .iter()
            .filter(|schema| schema.mode == mode);
        schemas
            .map(|schema| (schema.name.to_owned(), resource_schema(schema)))
            .collect()
    };
    json!({
        "provider": { "version": 0, "block": block(provider.config_schema(), "") },
        "resource_schemas": of(Mode::Managed),
        "data_source_schemas": of(Mode::Data),
    })
}

fn resource_schema(schema: &ResourceSchema) -> Json {
    json!({ "version": schema.version, "block": block(&schema.schema, schema.description) })
}

fn block(schema: &Schema, description: &str) -> Json {
    let mut block = json!({ "attributes": attributes(schema.attributes()) });
    if !description.is_empty() {
        block["description"] = description.into();
        block["description_kind"] = "plain".into();
    }
    block
}

fn attributes(attributes: &std::collections::BTreeMap<std::sync::Arc<str>, Attribute>) -> Json {
    Json::Object(
        attributes
            .iter()
            .map(|(name, found)| (name.to_string(), attribute(found)))
            .collect(),
    )
}

fn attribute(attribute: &Attribute) -> Json {
    let mut json = json!({ "description": attribute.description, "description_kind": "plain" });
    match nested(&attribute.ty) {
        Some((nesting, inner)) => {
            json["nested_type"] =
                json!({ "attributes": attributes(inner), "nesting_mode": nesting });
        }
        None => json["type"] = attribute.ty.ty().to_json(),
    }
    let (required, optional, computed) = match attribute.presence {
        Presence::Required => (true, false, false),
        Presence::Optional => (false, true, false),
        Presence::OptionalComputed => (false, true, true),
        Presence::Computed => (false, false, true),
    };
    let flags = [
        ("required", required),
        ("optional", optional),
        ("computed", computed),
        ("sensitive", attribute.sensitive),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        json[name] = true.into();
    }
    json
}

type Attributes = std::collections::BTreeMap<std::sync::Arc<str>, Attribute>;

/// The attributes of an object, or of the elements of a collection of objects, with Terraform's word for the nesting.
fn nested(ty: &AttributeType) -> Option<(&'static str, &Attributes)> {
    let (word, element) = match ty {
        AttributeType::Object(attributes) => return Some(("single", attributes)),
        AttributeType::List(element) => ("list", element),
        AttributeType::Set(element) => ("set", element),
        AttributeType::Map(element) => ("map", element),
        AttributeType::Bool
        | AttributeType::Number
        | AttributeType::String
        | AttributeType::Json
        | AttributeType::Any => {
            return None;
        }
    };
    match &**element {
        AttributeType::Object(attributes) => Some((word, attributes)),
        AttributeType::Bool
        | AttributeType::Number
        | AttributeType::String
        | AttributeType::Json
        | AttributeType::Any
        | AttributeType::List(_)
        | AttributeType::Set(_)
        | AttributeType::Map(_) => None,
    }
}
