//! `strata explain`: where the values of a resource, stack or cluster come from, and what an object of a layer is.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value as Json, json};
use strata_core::replay::{DefinitionGraph, Replay, ReplayInput};
use strata_language::definition::{InstanceKind, Package, ResourceId};
use strata_language::expression::{Expr, ExprKind};
use strata_language::references::references;
use strata_model::layer::LAYER_TYPE;
use strata_model::{Address, Diagnostics, Name, Scope, ScopeKind, Span, Value};

mod layer;

use super::plan::open;
use crate::arguments::PlanningArguments;
use crate::error::{CommandError, ErrorKind, Outcome};
use crate::session::Session;
use crate::view::changes::decode;
use crate::view::difference::one_line;
use crate::view::shape;
use crate::view::style::{Style, escape_line};
use crate::wiring::bench::{Access, Bench};
use crate::wiring::planning::{Planned, Request};
use crate::wiring::project::Project;

/// `strata explain`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata explain cluster.prod-eu                   every input: where it is set, and what it overrides
  strata explain 'cluster.prod-eu.aws_vpc.main'    every argument: value, file and line, what it refers to
  strata explain 'layer.app[\"/ConfigMap/shop/a\"]'  an object of a layer: file and line, stage, what it waits for
  strata explain -json aws_vpc.main")]
pub struct Arguments {
    /// The address of a resource, stack, cluster, layer or object of a layer
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// What all planning commands take.
    #[command(flatten)]
    pub planning: PlanningArguments,
}

/// What is shown in place of how a secret is written.
const HIDDEN: &str = "(sensitive value)";

/// Where one argument or input comes from.
#[derive(Debug)]
struct Origin {
    name: String,
    /// For an input its name, and the keys in it that lead to what is explained.
    path: Vec<String>,
    value: Option<Value>,
    /// How it is written, on one line.
    written: String,
    at: Option<Span>,
    /// What it overrides, the nearest first.
    overrides: Vec<(String, Option<Span>)>,
    references: Vec<String>,
}

/// Runs the command.
///
/// # Errors
///
/// When there is no such address, or no plan can be made.
pub async fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let bench = open(session, None, &arguments.planning, Access::Look).await?;
    let of_layer = Address::parse(&arguments.address)
        .ok()
        .filter(|address| *address.resource_type == *LAYER_TYPE);
    if let Some(address) = of_layer {
        layer::explain(&bench, &arguments.planning, &address).await?;
        bench.close().await;
        return Ok(Outcome::Done);
    }
    let origins = if let Ok(address) = Address::parse(&arguments.address) {
        let planned = planned(&bench, &arguments.planning).await?;
        let value = planned.and_then(|planned| value_of(&bench, &planned, &address));
        explain_resource(&bench.project, &address, value.as_ref())?
    } else {
        let scope = Scope::parse(&arguments.address)
            .ok()
            .filter(|scope| !scope.is_root())
            .ok_or_else(|| {
                CommandError::usage(format!(
                    "'{}' is no address",
                    arguments.address.escape_debug()
                ))
            })?;
        let origins = explain_instance(&bench.project, &scope)?;
        let planned = planned(&bench, &arguments.planning).await?;
        let values = match planned {
            Some(planned) => {
                inputs_of((&bench, arguments.planning.parallelism), &planned, &scope).await?
            }
            None => None,
        };
        let origins = origins.into_iter();
        origins
            .map(|origin| with_value(origin, values.as_ref()))
            .collect()
    };
    if arguments.planning.json {
        let all: Vec<Json> = origins
            .iter()
            .map(|origin| origin_json(origin, &bench.project))
            .collect();
        session
            .ui
            .json(&json!({ "address": arguments.address, "arguments": all }));
    } else {
        session.ui.print(&text(
            &arguments.address,
            &origins,
            (&bench.project, session.ui.style()),
        ));
    }
    bench.close().await;
    Ok(Outcome::Done)
}

/// A plan as it would be made now, without a look at what is recorded. Without credentials there is none, and what is
/// written in the definitions can be shown all the same.
async fn planned(
    bench: &Bench<'_>,
    planning: &PlanningArguments,
) -> Result<Option<Planned>, CommandError> {
    let mut options = planning.options();
    options.refresh = false;
    match bench
        .plan(Request::look_at_declared(options, planning.parallelism))
        .await
    {
        Ok(planned) => Ok(Some(planned)),
        Err(error) if error.kind == ErrorKind::Credentials => {
            if !planning.json {
                bench.session.ui.note(&format!(
                    "note: {error}; arguments are shown as they are written, without their values"
                ));
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The object as planned, or as recorded where the plan leaves it as it is.
fn value_of(bench: &Bench<'_>, planned: &Planned, address: &Address) -> Option<Value> {
    let schema = bench
        .providers()
        .schema(address.mode, &address.resource_type)
        .map(|(_, schema)| schema);
    let step = planned
        .plan
        .steps
        .iter()
        .rev()
        .find(|step| step.key.address == *address && step.planned.is_some());
    let row = planned
        .snapshot
        .rows
        .values()
        .find(|row| row.key.address == *address);
    let encoded = step
        .and_then(|step| step.planned.as_ref())
        .or_else(|| row.map(|row| &row.attributes));
    encoded.map(|encoded| decode(encoded, schema))
}

/// The inputs of a stack or cluster as its blocks see them; `None` where the address names a block of several.
async fn inputs_of(
    (bench, parallelism): (&Bench<'_>, u16),
    planned: &Planned,
    scope: &Scope,
) -> Result<Option<BTreeMap<Name, Value>>, CommandError> {
    let unusable = |found: Diagnostics| {
        let sources = &bench.project.loaded.sources;
        bench.session.ui.diagnostics(&found, sources);
        CommandError::shown(ErrorKind::Definitions)
    };
    let definitions = &bench.project.loaded.definitions;
    let graph =
        DefinitionGraph::build(definitions, &bench.trees, bench.providers()).map_err(unusable)?;
    let input = ReplayInput {
        plan: &planned.plan,
        snapshot: &planned.snapshot,
        done: &[],
        variables: &bench.variables,
        project_name: &bench.project.name,
        trees: &bench.trees,
        providers: bench.providers(),
        key: &bench.key,
        told: &BTreeMap::new(),
    };
    let told = bench.read_again(&graph, input, parallelism).await;
    let replay = Replay::new(
        &graph,
        ReplayInput {
            told: &told,
            ..input
        },
    );
    Ok(replay.map_err(unusable)?.inputs(scope))
}

/// The origin with the value of what it stands for. How a secret is written is not shown.
fn with_value(origin: Origin, inputs: Option<&BTreeMap<Name, Value>>) -> Origin {
    let Some((first, rest)) = origin.path.split_first() else {
        return origin;
    };
    let input = inputs.and_then(|inputs| inputs.get(first.as_str()));
    let secret = input.is_some_and(Value::is_secret);
    let found = rest
        .iter()
        .try_fold(input, |value, key| Some(value?.get(key)));
    let value = found.flatten().cloned();
    let value = value.map(|value| {
        let secret = secret || value.is_secret();
        value.with_secret(secret)
    });
    let hidden = value.as_ref().is_some_and(Value::has_secret);
    let written = |text: String| if hidden { HIDDEN.to_owned() } else { text };
    let overrides = origin.overrides.into_iter();
    Origin {
        value,
        written: written(origin.written),
        overrides: overrides.map(|(text, at)| (written(text), at)).collect(),
        ..origin
    }
}

/// The package that a scope instantiates.
fn package<'p>(project: &'p Project, scope: &Scope) -> Result<&'p Package, CommandError> {
    let definitions = &project.loaded.definitions;
    let missing = || CommandError::failed(format!("nothing is declared at '{scope}'"));
    let mut package = definitions.project().ok_or_else(missing)?;
    for step in scope.steps() {
        let block = package
            .instances
            .get(&(kind(step.kind), step.name.clone()))
            .ok_or_else(missing)?;
        package = definitions
            .packages
            .get(&block.package)
            .ok_or_else(missing)?;
    }
    Ok(package)
}

fn kind(kind: ScopeKind) -> InstanceKind {
    match kind {
        ScopeKind::Cluster => InstanceKind::Cluster,
        ScopeKind::Stack => InstanceKind::Stack,
    }
}

fn explain_resource(
    project: &Project,
    address: &Address,
    value: Option<&Value>,
) -> Result<Vec<Origin>, CommandError> {
    let package = package(project, &address.scope)?;
    let id = ResourceId {
        mode: address.mode,
        resource_type: address.resource_type.clone(),
        name: address.name.clone(),
    };
    let block = package
        .resources
        .get(&id)
        .ok_or_else(|| CommandError::failed(format!("nothing is declared at '{address}'")))?;
    let origins = block.arguments.0.iter().map(|argument| {
        let found = value.and_then(|value| value.get(&argument.name.value));
        let origin = Origin {
            name: argument.name.value.to_string(),
            value: found.cloned(),
            ..origin(project, &[], &argument.value)
        };
        // What refers to nothing is the secret itself.
        if origin.references.is_empty() && found.is_some_and(Value::has_secret) {
            hidden(origin)
        } else {
            origin
        }
    });
    Ok(origins.collect())
}

fn origin(project: &Project, path: &[String], expression: &Expr) -> Origin {
    let written = project
        .loaded
        .sources
        .text(expression.span)
        .unwrap_or_default();
    let mut lines = written.lines();
    let first = lines.next().unwrap_or_default().trim_end().to_owned();
    let mut named: Vec<String> = references(expression)
        .iter()
        .map(|found| found.reference.to_string())
        .collect();
    named.sort();
    named.dedup();
    Origin {
        name: path.join("."),
        path: path.to_vec(),
        value: None,
        written: if lines.next().is_some() {
            format!("{first} …")
        } else {
            first
        },
        at: Some(expression.span),
        overrides: Vec::new(),
        references: named,
    }
}

fn explain_instance(project: &Project, scope: &Scope) -> Result<Vec<Origin>, CommandError> {
    let missing = || CommandError::failed(format!("nothing is declared at '{scope}'"));
    let (last, outer) = scope.steps().split_last().ok_or_else(missing)?;
    let around = package(project, &outer.to_vec().into())?;
    let block = around
        .instances
        .get(&(kind(last.kind), last.name.clone()))
        .ok_or_else(missing)?;
    let mut found = Written::new();
    for layer in &block.inputs {
        flatten(layer, &[], &mut found);
    }
    let defaults = project.loaded.definitions.packages.get(&block.package);
    Ok(with_defaults(project, &found, defaults))
}

/// The origin without what is written there.
fn hidden(origin: Origin) -> Origin {
    Origin {
        written: HIDDEN.to_owned(),
        ..origin
    }
}

/// The expressions that are written for each path of an input, lowest precedence first.
type Written<'e> = BTreeMap<Vec<String>, Vec<&'e Expr>>;

/// Every input with the places that set it; what only the package sets comes with its default.
fn with_defaults(project: &Project, found: &Written<'_>, package: Option<&Package>) -> Vec<Origin> {
    let variables = || {
        let variables = package.map(|package| &package.variables);
        variables.into_iter().flatten()
    };
    let mut origins: Vec<Origin> = Vec::new();
    for (path, layers) in found {
        let Some((last, earlier)) = layers.split_last() else {
            continue;
        };
        let default = variables()
            .find(|(name, _)| path.as_slice() == [name.to_string()])
            .and_then(|(_, variable)| variable.default.as_ref());
        let below = default.into_iter().chain(earlier.iter().copied());
        let below: Vec<Origin> = below.map(|expr| origin(project, path, expr)).collect();
        let mut names = variables();
        let sensitive = names.any(|(name, variable)| {
            variable.sensitive && path.first().is_some_and(|first| *first == **name)
        });
        let shown = |origin| if sensitive { hidden(origin) } else { origin };
        let below = below.into_iter().map(shown);
        origins.push(Origin {
            overrides: below
                .rev()
                .map(|overridden| (overridden.written, overridden.at))
                .collect(),
            ..shown(origin(project, path, last))
        });
    }
    for (name, variable) in variables() {
        let given = found
            .keys()
            .any(|path| path.first().is_some_and(|first| *first == **name));
        if let Some(expression) = variable.default.as_ref().filter(|_| !given) {
            let found = origin(project, &[name.to_string()], expression);
            origins.push(if variable.sensitive {
                hidden(found)
            } else {
                found
            });
        }
    }
    origins.sort_by(|left, right| left.path.cmp(&right.path));
    origins
}

/// The leaves of written objects by their path: maps are merged deeply, everything else replaces.
fn flatten<'e>(expression: &'e Expr, path: &[String], found: &mut Written<'e>) {
    if let ExprKind::Object(items) = &expression.kind {
        for item in items {
            if let ExprKind::Literal(value) = &item.key.kind
                && let Some(key) = value.as_str()
            {
                flatten(&item.value, &[path, &[key.to_owned()]].concat(), found);
            }
        }
        if !items.is_empty() {
            return;
        }
    }
    found.entry(path.to_vec()).or_default().push(expression);
}

fn place(span: Option<Span>, project: &Project) -> String {
    let position = span.and_then(|span| project.loaded.sources.position(span));
    position
        .map(|position| format!("{}:{}", escape_line(&position.file), position.line))
        .unwrap_or_default()
}

fn text(address: &str, origins: &[Origin], (project, style): (&Project, Style)) -> String {
    let mut text = format!("{}\n", style.bold(&escape_line(address)));
    for origin in origins {
        let shown = match &origin.value {
            Some(value) => one_line(value),
            None => escape_line(&origin.written),
        };
        text.push_str(&format!(
            "  {} = {shown}  {}\n",
            origin.name,
            style.dim(&format!("({})", place(origin.at, project)))
        ));
        let differs = shown != origin.written && origin.written != HIDDEN;
        if origin.value.is_some() && differs {
            text.push_str(&format!(
                "      written as {}\n",
                escape_line(&origin.written)
            ));
        }
        for (written, at) in &origin.overrides {
            text.push_str(&format!(
                "      overrides {} ({})\n",
                escape_line(written),
                place(*at, project)
            ));
        }
        if !origin.references.is_empty() {
            text.push_str(&format!("      from {}\n", origin.references.join(", ")));
        }
    }
    text
}

fn origin_json(origin: &Origin, project: &Project) -> Json {
    let overrides = origin.overrides.iter();
    json!({
        "name": origin.name,
        "value": origin.value.as_ref().map(shape::shown),
        "unknown": origin.value.as_ref().map(shape::unknown),
        "sensitive": origin.value.as_ref().map(shape::sensitive),
        "written": origin.written,
        "declared_at": place(origin.at, project),
        "overrides": overrides.map(|(written, at)| json!({ "written": written, "declared_at": place(*at, project) })).collect::<Vec<_>>(),
        "references": origin.references,
    })
}
