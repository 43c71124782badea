//! `strata output`: the project's outputs.

use clap::Args;
use serde_json::{Map, Value as Json};
use strata_language::convert::convert;
use strata_language::suggest::nearest;
use strata_model::state::StoredOutput;
use strata_model::{Type, Value};

use super::show::recorded;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::view::changes::decode_as;
use crate::view::value::value_text;
use crate::view::{plan_json, plan_text, shape};

/// `strata output`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata output                    all outputs, the sensitive ones hidden
  strata output -json              the same as JSON; sensitive values are null
  strata output -raw cluster_name  one text, number or truth value and nothing else, for scripts

-raw is the one way to read a sensitive output.")]
pub struct Arguments {
    /// Only this output
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write one JSON document
    #[arg(long, conflicts_with = "raw")]
    pub json: bool,
    /// Write the value itself, without quotes and end of line
    #[arg(long, requires = "name")]
    pub raw: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the state cannot be read, or has no such output.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let outputs = recorded(session).await?.outputs;
    let Some(name) = &arguments.name else {
        if arguments.json {
            let all: Map<String, Json> = outputs
                .iter()
                .map(|(name, output)| (name.clone(), plan_json::stored_output(output)))
                .collect();
            session.ui.json(&Json::Object(all));
        } else if outputs.is_empty() {
            session
                .ui
                .note("The state has no outputs. They are recorded by apply.");
        } else {
            session.ui.print(&plan_text::stored_outputs(&outputs));
        }
        return Ok(Outcome::Done);
    };
    let Some(output) = outputs.get(name) else {
        let error =
            CommandError::failed(format!("the state has no output '{}'", name.escape_debug()));
        let near = nearest(name, outputs.keys().map(String::as_str)).map(str::to_owned);
        return Err(match near {
            Some(near) => error.hint(format!("Did you mean '{near}'?")),
            None => error.hint("Outputs are recorded by apply."),
        });
    };
    one(session, arguments, (name, output))
}

fn one(
    session: &Session,
    arguments: &Arguments,
    (name, output): (&str, &StoredOutput),
) -> Result<Outcome, CommandError> {
    let value = decode_as(&output.value, &Type::Any);
    if arguments.raw {
        session.ui.print_unredacted(&raw(&value, name)?);
        return Ok(Outcome::Done);
    }
    let shown = if output.sensitive {
        value.into_secret()
    } else {
        value
    };
    if arguments.json {
        session.ui.json(&shape::shown(&shown));
    } else {
        session.ui.line(&value_text(&shown));
    }
    Ok(Outcome::Done)
}

/// The text of a value that has one.
fn raw(value: &Value, name: &str) -> Result<String, CommandError> {
    let text = convert(&value.clone().with_secret(false), &Type::String).ok();
    let text = text.as_ref().and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| {
        CommandError::failed(format!(
            "-raw writes texts, numbers and truth values, and '{name}' is {}",
            value.ty()
        ))
        .hint("Use -json.")
    })
}
