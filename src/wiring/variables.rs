//! Values for a project's variables, by their precedence: `STRATA_VAR_name`, `*.auto.vars.*` in the order of their
//! names, `-var-file`, `-var`; later ones win. Defaults are the planner's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use strata_language::budget::Budget;
use strata_language::codes;
use strata_language::convert;
use strata_language::decode::{InputFile, variables_file};
use strata_language::definition::{TypeConstraint, VariableBlock};
use strata_language::evaluate::Evaluator;
use strata_language::expression::Expr;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope};
use strata_language::suggest::nearest;
use strata_model::source::SourceFile;
use strata_model::{Diagnostic, Diagnostics, Name, SourceMap, Value};

use super::files::LARGEST_FILE;
use super::packages::{Loaded, auto_variable_files};
use crate::arguments::VariableArguments;
use crate::environment::VARIABLE_PREFIX;
use crate::error::CommandError;
use crate::session::Session;

/// Values of variables come from outside: nothing can be referred to in them.
#[derive(Debug)]
struct NoNames;

impl Scope for NoNames {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!(
            "The value of a variable cannot refer to '{}'.",
            request.reference
        );
        Err(Box::new(codes::NOT_LITERAL.error(detail).at(request.span)))
    }
}

/// Gathers the values for the project's variables; files are relative to the session's directory. What is wrong with
/// them is added to the project's diagnostics.
///
/// # Errors
///
/// When `-var` has no `=`, or a `-var-file` cannot be read.
pub fn gather(
    loaded: &mut Loaded,
    arguments: &VariableArguments,
    session: &Session,
) -> Result<BTreeMap<Name, Value>, CommandError> {
    let root = loaded.definitions.project();
    let incomplete = root.is_some_and(|package| package.incomplete);
    let declared = loaded
        .definitions
        .project()
        .map(|project| project.variables.clone())
        .unwrap_or_default();
    let mut gathering = Gathering {
        declared: &declared,
        incomplete,
        values: BTreeMap::new(),
        sources: &mut loaded.sources,
        diagnostics: Diagnostics::new(),
        budget: Budget::default(),
    };
    for (name, text) in session.environment.definition_variables() {
        // The environment is shared by many projects: a name that this one does not declare is not meant for it.
        if declared.contains_key(name) {
            gathering.text((name, text), &format!("{VARIABLE_PREFIX}{name}"));
        }
    }
    if let Some(tree) = loaded.trees.get("") {
        for path in auto_variable_files(tree) {
            match tree.peek(&path) {
                Ok(bytes) => gathering.file(&path, bytes),
                Err(reason) => gathering
                    .diagnostics
                    .push(codes::FILE.error(format!("The file {path}: {reason}."))),
            }
        }
    }
    for path in &arguments.variable_files {
        let bytes = read_file(&session.directory, path)?;
        gathering.file(&path.display().to_string(), bytes);
    }
    for text in &arguments.variables {
        let Some((name, value)) = text.split_once('=') else {
            return Err(CommandError::usage(format!(
                "-var takes NAME=VALUE, and '{}' has no '='",
                text.escape_debug()
            )));
        };
        if name.is_empty() {
            return Err(CommandError::usage(format!(
                "-var takes NAME=VALUE, and '{}' names no variable",
                text.escape_debug()
            )));
        }
        let place = format!("-var {name}");
        if gathering.is_declared(name, &place) {
            gathering.text((name, value), &place);
        }
    }
    let Gathering {
        values,
        diagnostics,
        ..
    } = gathering;
    loaded.diagnostics.extend(diagnostics);
    Ok(values)
}

/// The variables that need a value and have none.
pub fn missing(loaded: &Loaded, values: &BTreeMap<Name, Value>) -> Vec<(Name, VariableBlock)> {
    let project = loaded.definitions.project();
    let declared = project.into_iter().flat_map(|project| &project.variables);
    declared
        .filter(|(name, block)| block.default.is_none() && !values.contains_key(*name))
        .map(|(name, block)| (name.clone(), block.clone()))
        .collect()
}

/// Adds a value that was typed, or says what is wrong with it.
pub fn answer(
    loaded: &mut Loaded,
    values: &mut BTreeMap<Name, Value>,
    (name, block): (&Name, &VariableBlock),
    text: &str,
) -> Diagnostics {
    let declared = BTreeMap::from([(name.clone(), block.clone())]);
    let mut gathering = Gathering {
        declared: &declared,
        incomplete: false,
        values: std::mem::take(values),
        sources: &mut loaded.sources,
        diagnostics: Diagnostics::new(),
        budget: Budget::default(),
    };
    gathering.text((name, text), &format!("var.{name}"));
    *values = gathering.values;
    gathering.diagnostics
}

/// The defaults of variables that are declared sensitive: they are in the definitions, and still not to be shown.
pub fn secret_defaults(loaded: &Loaded) -> Vec<Value> {
    let project = loaded.definitions.project();
    let declared = project
        .into_iter()
        .flat_map(|project| project.variables.values());
    let budget = Budget::default();
    let evaluator = evaluator(&budget);
    declared
        .filter(|block| block.sensitive)
        .filter_map(|block| block.default.as_ref())
        .map(|default| {
            evaluator
                .evaluate(default, &mut Diagnostics::new())
                .into_secret()
        })
        .collect()
}

/// The defaults of the variables that were given no value, secret ones marked.
pub fn defaults(loaded: &Loaded) -> BTreeMap<String, Value> {
    let project = loaded.definitions.project();
    let declared = project.into_iter().flat_map(|project| &project.variables);
    let budget = Budget::default();
    let evaluator = evaluator(&budget);
    let value = |block: &VariableBlock| {
        let default = block.default.as_ref()?;
        let value = evaluator.evaluate_as(default, &block.ty, &mut Diagnostics::new());
        Some(value.with_secret(block.sensitive))
    };
    declared
        .filter_map(|(name, block)| Some((name.to_string(), value(block)?)))
        .collect()
}

/// What evaluates the values of variables: they name nothing, and read no files.
fn evaluator(budget: &Budget) -> Evaluator<'_> {
    Evaluator {
        scope: &NoNames,
        files: None,
        budget,
        plan_timestamp: None,
    }
}

fn read_file(directory: &Path, path: &Path) -> Result<Arc<[u8]>, CommandError> {
    let place = directory.join(path);
    let fail = |error: std::io::Error| {
        let message = format!("-var-file: cannot read the file {}", path.display());
        CommandError::usage(message).because(error)
    };
    let length = std::fs::metadata(&place).map_err(fail)?.len();
    if length > LARGEST_FILE {
        return Err(CommandError::usage(format!(
            "the file {} is larger than 16 MiB",
            path.display()
        )));
    }
    Ok(std::fs::read(&place).map_err(fail)?.into())
}

struct Gathering<'a> {
    declared: &'a BTreeMap<Name, VariableBlock>,
    /// Whether more may be declared, in a file that could not be read.
    incomplete: bool,
    values: BTreeMap<Name, Value>,
    sources: &'a mut SourceMap,
    diagnostics: Diagnostics,
    budget: Budget,
}

impl Gathering<'_> {
    fn is_declared(&mut self, name: &str, place: &str) -> bool {
        if self.declared.contains_key(name) {
            return true;
        }
        if self.incomplete {
            return false;
        }
        let detail = format!(
            "{place} gives a value to '{name}', and the project declares no such variable."
        );
        let diagnostic = codes::UNKNOWN_NAME.error(detail);
        let near = nearest(name, self.declared.keys().map(AsRef::as_ref));
        self.diagnostics.push(match near {
            Some(near) => diagnostic.hint(format!("Did you mean '{near}'?")),
            None => diagnostic.hint(format!("Declare it: variable \"{name}\" {{}}")),
        });
        false
    }

    /// A value given as text: as it is where the variable is a plain one, an expression otherwise.
    fn text(&mut self, (name, text): (&str, &str), place: &str) {
        let Some(block) = self.declared.get(name) else {
            return;
        };
        let value = match block.ty {
            TypeConstraint::Any
            | TypeConstraint::Bool
            | TypeConstraint::Number
            | TypeConstraint::String => self.plain(text, place, block),
            TypeConstraint::List(_)
            | TypeConstraint::Set(_)
            | TypeConstraint::Map(_)
            | TypeConstraint::Tuple(_)
            | TypeConstraint::Object(_) => {
                // A secret must not stand in a source map, from which snippets are shown.
                let shown = if block.sensitive { "" } else { text };
                let file = self
                    .sources
                    .add(SourceFile::new(format!("<{place}>"), shown));
                match parse::expression(text, file, 0) {
                    Ok(expression) => Some(self.evaluate((name, &expression), block)),
                    Err(diagnostic) => {
                        self.diagnostics.push(*diagnostic);
                        None
                    }
                }
            }
        };
        self.put(name, value);
    }

    /// A value that is the text itself. Where it does not fit, its origin is told: no file and line can be shown.
    fn plain(&mut self, text: &str, place: &str, block: &VariableBlock) -> Option<Value> {
        let value = Value::from(text);
        let Err(error) = convert::conform(&value, &block.ty) else {
            return Some(value);
        };
        let shown = if block.sensitive {
            "The sensitive value".to_owned()
        } else {
            format!("The value '{}'", text.escape_debug())
        };
        let detail = format!("{shown} of {place} does not fit the variable's type: {error}.");
        let diagnostic = codes::INVALID_VALUE.error(detail).at(block.span);
        self.diagnostics.push(diagnostic);
        None
    }

    fn file(&mut self, path: &str, bytes: Arc<[u8]>) {
        let file = InputFile {
            path: path.into(),
            bytes,
        };
        let (values, diagnostics) = variables_file(&file, self.sources);
        self.diagnostics.extend(diagnostics);
        for (name, expression) in values {
            let Some(block) = self.declared.get(&name) else {
                let detail =
                    format!("The project declares no variable '{name}'; the value is not used.");
                self.diagnostics
                    .push(codes::UNKNOWN_NAME.warning(detail).at(expression.span));
                continue;
            };
            let value = self.evaluate((&name, &expression), block);
            self.put(&name, Some(value));
        }
    }

    fn evaluate(&mut self, (name, expression): (&str, &Expr), block: &VariableBlock) -> Value {
        let unused = convert::unused_attributes(name, expression, &block.ty);
        self.diagnostics.extend(unused);
        evaluator(&self.budget).evaluate_as(expression, &block.ty, &mut self.diagnostics)
    }

    fn put(&mut self, name: &str, value: Option<Value>) {
        let secret = self.declared.get(name).is_some_and(|block| block.sensitive);
        if let Some(value) = value {
            self.values.insert(
                name.into(),
                if secret { value.into_secret() } else { value },
            );
        }
    }
}
