//! `strata console`: evaluates expressions, line by line.

use std::io::BufRead;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};
use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::parse;
use strata_model::source::SourceFile;
use strata_model::value::Kind;
use strata_model::{Diagnostic, Diagnostics, Severity, SourceMap, Value};

use crate::arguments::VariableArguments;
use crate::environment;
use crate::error::{CommandError, Outcome};
use crate::session::Session;
use crate::view::editor::{LineEditor, Typed};
use crate::view::value::value_text;
use crate::wiring::names::{Names, Secrets};

/// `strata console`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata console
  echo 'cidrsubnet(\"10.0.0.0/16\", 8, 3)' | strata console
  echo '\"upper(var.region)\"' | strata console -json

Resources have the values that the state records; nothing is read from any cloud. It works without a project, too.")]
pub struct Arguments {
    /// Values of variables.
    #[command(flatten)]
    pub variables: VariableArguments,
    /// Read JSON texts, and write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// More names: a JSON file of {NAME: {"value", "type"}}
    #[arg(long, value_name = "FILE")]
    pub scope: Option<PathBuf>,
    /// Take each line as a template, as YAML spells its values
    #[arg(long)]
    pub template: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the project or the file of names cannot be read. A line that is wrong ends nothing.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let names = Names::open(session, &arguments.variables, arguments.scope.as_deref()).await?;
    let is_capable = session.environment.text(environment::TERM) != Some("dumb");
    if session.ui.settings().input && !arguments.json && is_capable {
        return converse(session, arguments, &names);
    }
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = input
            .read_until(b'\n', &mut line)
            .map_err(|error| CommandError::failed("cannot read standard input").because(error))?;
        if count == 0 {
            return Ok(Outcome::Done);
        }
        // Bytes that are no text become characters that no expression holds: such a line is answered like any other.
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if !arguments.json && is_enough(text) {
            return Ok(Outcome::Done);
        }
        if arguments.json || !text.trim().is_empty() {
            answer(session, arguments, (&names, text));
        }
    }
}

/// Whether a line asks for nothing but an end.
fn is_enough(line: &str) -> bool {
    matches!(line.trim(), "exit" | "quit")
}

/// Answers someone at a terminal until they have enough.
fn converse(
    session: &Session,
    arguments: &Arguments,
    names: &Names,
) -> Result<Outcome, CommandError> {
    let fail = |error| CommandError::failed("cannot read the terminal").because(error);
    let mut editor = LineEditor::new(names.words());
    session
        .ui
        .note("Type an expression; Tab completes names, Ctrl-D ends.");
    loop {
        match editor.read("> ").map_err(fail)? {
            Typed::Line(line) if is_enough(&line) => break,
            Typed::Line(line) => answer(session, arguments, (names, &line)),
            Typed::Abandoned => {}
            Typed::End => break,
        }
    }
    Ok(Outcome::Done)
}

fn answer(session: &Session, arguments: &Arguments, (names, line): (&Names, &str)) {
    let text = if arguments.json {
        match serde_json::from_str::<String>(line) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("the line is no JSON text: {error}");
                session.ui.json(&json!({ "error": { "code": "E0110", "message": message, "line": 1, "column": error.column().max(1) } }));
                return;
            }
        }
    } else {
        line.to_owned()
    };
    let mut sources = SourceMap::default();
    let file = sources.add(SourceFile::new("<console>", text.as_str()));
    let mut diagnostics = Diagnostics::new();
    let parsed = if arguments.template {
        parse::template(&text, file, 0)
    } else {
        parse::expression(&text, file, 0)
    };
    let mut shown = None;
    match parsed {
        Ok(expression) => {
            let evaluate = |secrets: Secrets, diagnostics: &mut Diagnostics| {
                let scope = names.scope(secrets);
                let budget = Budget::default();
                let evaluator = Evaluator {
                    scope: &scope,
                    files: names.files(),
                    budget: &budget,
                    plan_timestamp: Some(names.opened()),
                };
                evaluator.evaluate(&expression, diagnostics)
            };
            let value = evaluate(Secrets::Known, &mut diagnostics);
            // What comes out otherwise when the project's secrets are unknown was made of them.
            let public = value
                .has_secret()
                .then(|| evaluate(Secrets::Unknown, &mut Diagnostics::new()))
                .filter(|public| *public != value);
            shown = Some((value, public));
        }
        Err(diagnostic) => diagnostics.push(*diagnostic),
    }
    let error = diagnostics
        .iter()
        .find(|found| found.severity == Severity::Error);
    match (error, shown) {
        (Some(error), _) if arguments.json => session.ui.json(&error_json(error, &sources)),
        (Some(_), _) | (None, None) => session.ui.diagnostics(&diagnostics, &sources),
        (None, Some((value, public))) if arguments.json => {
            session.ui.json(&value_json(&value, public.as_ref()))
        }
        (None, Some((value, _))) => session.ui.line(&value_text(&value)),
    }
}

fn error_json(error: &Diagnostic, sources: &SourceMap) -> Json {
    let position = error.span.and_then(|span| sources.position(span));
    let (line, column) = position.map_or((1, 1), |position| (position.line, position.column));
    json!({ "error": { "code": error.code.to_string(), "message": error.detail, "line": line, "column": column } })
}

/// The value, or of one that was made of the project's secrets what is known without them: the names of attributes may be
/// secret, too.
fn value_json(value: &Value, public: Option<&Value>) -> Json {
    if let Some(public) = public {
        return json!({ "value": null, "sensitive": true, "type": public.ty().to_string() });
    }
    let mut json = json!({ "value": plain(value), "type": value.ty().to_string() });
    if value.has_secret() {
        json["sensitive"] = true.into();
    }
    json
}

/// The value as JSON, with `{"unknown": true}` for what is unknown.
fn plain(value: &Value) -> Json {
    match value.kind() {
        Kind::Unknown(_) => json!({ "unknown": true }),
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => value.to_json(),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.iter().map(plain).collect()
        }
        Kind::Map(_, members) | Kind::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, member)| (name.to_string(), plain(member)))
                .collect(),
        ),
    }
}
