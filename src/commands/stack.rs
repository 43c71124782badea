//! `strata stack`: looks at stack packages.

use clap::{Args, Subcommand};
use strata_language::budget::Budget;
use strata_language::definition::{Package, VariableBlock};
use strata_language::evaluate::Evaluator;
use strata_language::expression::{Expr, ExprKind};
use strata_language::scope::{ResolveRequest, Scope};
use strata_model::{Diagnostic, Diagnostics, SourceMap, Value};

use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::difference::one_line;
use crate::wiring::packages::Loaded;
use crate::wiring::project;

/// `strata stack`
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Describe the inputs and outputs of a stack package in Markdown
    Docs(DocsArguments),
}

/// `strata stack docs`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata stack docs                         the package in this directory
  strata stack docs ./stacks/web > stacks/web/README.md
  strata stack docs aws-eks                 a built-in stack
  strata stack docs https://git.example.com/acme/stacks.git//network?ref=v1.2.0")]
pub struct DocsArguments {
    /// A directory, the name of a built-in stack, or a Git URL
    #[arg(value_name = "SOURCE", default_value = ".")]
    pub source: String,
}

/// Runs the command.
///
/// # Errors
///
/// When there is no such package, or its definitions are invalid.
pub fn run(session: &Session, command: &Command) -> Result<Outcome, CommandError> {
    let Command::Docs(arguments) = command;
    let loaded = project::load_stack(session, &arguments.source)?;
    if loaded.diagnostics.has_errors() {
        session.ui.diagnostics(&loaded.diagnostics, &loaded.sources);
        return Err(CommandError::shown(ErrorKind::Definitions));
    }
    for package in loaded.definitions.packages.values() {
        session.ui.print(&page(package, &arguments.source, &loaded));
    }
    Ok(Outcome::Done)
}

/// The page of a package; `source` gives it a name where it does not say its own.
fn page(package: &Package, source: &str, loaded: &Loaded) -> String {
    let head = package.package.as_ref();
    let name = head
        .and_then(|head| head.name.as_ref())
        .map_or(source, |name| name.value.as_ref());
    let mut text = format!("# {}\n", inline(name));
    if let Some(description) = head.and_then(|head| head.description.as_deref()) {
        text.push_str(&format!("\n{}\n", description.trim()));
    }
    if let Some(version) = head.and_then(|head| head.version.as_deref()) {
        text.push_str(&format!("\nVersion {}.\n", inline(version)));
    }
    text.push_str("\n## Inputs\n\n");
    if package.variables.is_empty() {
        text.push_str("None.\n");
    } else {
        text.push_str("| name | type | default | description | must hold |\n| --- | --- | --- | --- | --- |\n");
    }
    for (name, variable) in &package.variables {
        text.push_str(&row(&[
            code(name),
            code(&variable.ty.to_string()),
            default(variable),
            description(variable),
            conditions(variable, &loaded.sources),
        ]));
    }
    text.push_str("\n## Outputs\n\n");
    if package.outputs.is_empty() {
        text.push_str("None.\n");
    } else {
        text.push_str("| name | description |\n| --- | --- |\n");
    }
    for (name, output) in &package.outputs {
        let secret = if output.sensitive { "Secret." } else { "" };
        let said = inline(output.description.as_deref().unwrap_or_default());
        text.push_str(&row(&[code(name), joined(&said, secret)]));
    }
    text
}

fn description(variable: &VariableBlock) -> String {
    let mut marks = Vec::new();
    if variable.sensitive {
        marks.push("Secret.");
    }
    if !variable.nullable {
        marks.push("Not null.");
    }
    let said = inline(variable.description.as_deref().unwrap_or_default());
    joined(&said, &marks.join(" "))
}

fn joined(first: &str, second: &str) -> String {
    format!("{first} {second}").trim().to_owned()
}

fn default(variable: &VariableBlock) -> String {
    let Some(expression) = &variable.default else {
        return "required".to_owned();
    };
    let budget = Budget::default();
    let evaluator = Evaluator {
        scope: &NoNames,
        files: None,
        budget: &budget,
        plan_timestamp: None,
    };
    let value = evaluator.evaluate(expression, &mut Diagnostics::new());
    let shown = value.is_unknown().then(|| "…".to_owned());
    code(&shown.unwrap_or_else(|| one_line(&value)))
}

/// A default refers to nothing.
struct NoNames;

impl Scope for NoNames {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("A default cannot refer to {}.", request.reference);
        let fault = strata_language::codes::UNKNOWN_NAME.error(detail);
        Err(Box::new(fault.at(request.span)))
    }
}

/// The conditions as they are written, each with what is said when it does not hold.
fn conditions(variable: &VariableBlock, sources: &SourceMap) -> String {
    let written = |expression: &Expr| sources.text(expression.span).unwrap_or_default();
    let all = variable.validations.iter().map(|validation| {
        let message = if let ExprKind::Literal(text) = &validation.error_message.kind {
            text.as_str()
        } else {
            None
        };
        let message = message.unwrap_or(written(&validation.error_message).trim_matches('"'));
        format!(
            "{}: {}",
            code(written(&validation.condition)),
            inline(message)
        )
    });
    all.collect::<Vec<_>>().join("<br>")
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Text on one line that a cell of a table can hold.
fn inline(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

/// Text as code on one line, fenced by more back quotes than it holds in a row.
fn code(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").replace('|', "\\|");
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_any_text() {
        assert_eq!(code("a || b"), "`a \\|\\| b`");
        assert_eq!(code("a\n  + `b`"), "`` a + `b` ``");
        assert_eq!(inline("one\n two | <three>"), "one two \\| &lt;three>");
    }
}
