//! The names of the console: a project's variables, locals and recorded objects, and names from a file.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use strata_language::budget::Budget;
use strata_language::codes;
use strata_language::evaluate::Evaluator;
use strata_language::expression::{Expr, ExprKind, Reference};
use strata_language::functions;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_language::suggest;
use strata_model::state::StateSnapshot;
use strata_model::{
    Address, Diagnostic, Diagnostics, FileId, InstanceKey, Name, Timestamp, Type, Value,
};

use super::project::Project;
use super::{bench, providers, variables};
use crate::arguments::VariableArguments;
use crate::error::CommandError;
use crate::session::Session;
use crate::view::changes::decode;

/// What the project's own secrets are in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Their values.
    Known,
    /// Secret unknowns.
    Unknown,
}

/// All names that an expression of the console may use.
#[derive(Debug)]
pub struct Names {
    project: Project,
    variables: BTreeMap<Name, Value>,
    snapshot: StateSnapshot,
    bare: BTreeMap<String, Value>,
    files: Option<Arc<dyn SourceTree>>,
    opened: Timestamp,
}

impl Names {
    /// Reads the project and its state; a directory without definitions has no names. What is wrong with the
    /// definitions does not keep the rest from being used.
    ///
    /// # Errors
    ///
    /// When the state or the file of names cannot be read.
    pub async fn open(
        session: &Session,
        arguments: &VariableArguments,
        scope: Option<&Path>,
    ) -> Result<Self, CommandError> {
        let mut project = Project::load_shallow(session)?;
        let known = project.loaded.diagnostics.iter().count();
        let variables = variables::gather(&mut project.loaded, arguments, session)?;
        // A value that is given and cannot be used is said: the default takes its place.
        let found = project.loaded.diagnostics.iter().skip(known).cloned();
        let unusable: Diagnostics = found.collect();
        if unusable.has_errors() {
            session.ui.diagnostics(&unusable, &project.loaded.sources);
        }
        variables
            .values()
            .for_each(|value| session.ui.redactor().add_secrets_of(value));
        let location = project.location(session)?;
        let snapshot = match location.open_read(session).await? {
            Some(opened) => bench::snapshot(session, &opened.store).await?,
            None => StateSnapshot::default(),
        };
        let bare = match scope {
            Some(path) => read_names(&session.directory.join(path))?,
            None => BTreeMap::new(),
        };
        let files = project.loaded.trees.get("").map(|tree| tree.source());
        Ok(Names {
            project,
            variables,
            snapshot,
            bare,
            files,
            opened: session.clock.now(),
        })
    }

    /// The moment at which the names were read, which stands for that at which a plan is begun.
    pub fn opened(&self) -> Timestamp {
        self.opened
    }

    /// The files of the project, for functions that read files.
    pub fn files(&self) -> Option<&dyn SourceTree> {
        self.files.as_deref()
    }

    /// Everything that a name of an expression may be, spelled out to the attributes of objects.
    pub fn words(&self) -> Vec<String> {
        let functions = functions::table()
            .iter()
            .map(|function| format!("{}(", function.name));
        let fixed = [
            "false",
            "null",
            "path.module",
            "path.root",
            "project.name",
            "true",
        ];
        let mut words: BTreeSet<String> = functions.collect();
        words.extend(fixed.map(str::to_owned));
        words.extend(self.bare.keys().cloned());
        if let Some(package) = self.project.loaded.definitions.project() {
            words.extend(package.variables.keys().map(|name| format!("var.{name}")));
            words.extend(package.locals.keys().map(|name| format!("local.{name}")));
            for id in package.resources.keys() {
                let block = Address {
                    mode: id.mode,
                    ..Address::resource(id.resource_type.clone(), id.name.clone())
                };
                words.extend(self.attributes(&block));
            }
        }
        for row in self.snapshot.rows.values() {
            if row.key.address.scope.is_root() {
                words.extend(self.attributes(&row.key.address.block()));
            }
        }
        words.into_iter().collect()
    }

    /// A block with each of its attributes.
    fn attributes(&self, block: &Address) -> Vec<String> {
        let providers = providers();
        let schema = providers.schema(block.mode, &block.resource_type);
        let names = schema
            .iter()
            .flat_map(|(_, schema)| schema.schema.attributes().keys());
        let own = std::iter::once(block.to_string());
        own.chain(names.map(|name| format!("{block}.{name}")))
            .collect()
    }

    /// The names as a scope of one evaluation.
    pub fn scope(&self, secrets: Secrets) -> ConsoleScope<'_> {
        ConsoleScope {
            names: self,
            secrets,
            open: RefCell::default(),
            budget: Budget::default(),
        }
    }
}

/// A scope of one evaluation.
#[derive(Debug)]
pub struct ConsoleScope<'a> {
    names: &'a Names,
    secrets: Secrets,
    /// Locals that are being evaluated: one that comes back to itself is a circle.
    open: RefCell<Vec<Name>>,
    budget: Budget,
}

impl Scope for ConsoleScope<'_> {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let unknown = |detail: String| Box::new(codes::UNKNOWN_NAME.error(detail).at(request.span));
        let found = match request.reference {
            Reference::Variable(name) => self.variable(name),
            Reference::Local(name) => self.local(name, &request)?,
            Reference::Path(_) => Some(Value::from(".")),
            Reference::ProjectName => Some(Value::from(self.names.project.name.as_str())),
            Reference::Resource {
                mode,
                resource_type,
                name,
            } => {
                let block = Address {
                    mode: *mode,
                    ..Address::resource(resource_type.clone(), name.clone())
                };
                self.resource(&block, request.instance)
            }
            Reference::EachKey
            | Reference::EachValue
            | Reference::CountIndex
            | Reference::SelfObject
            | Reference::Stack(_)
            | Reference::Cluster(_)
            | Reference::Layer(_) => {
                return Err(unknown(format!(
                    "'{}' has no value in the console.",
                    request.reference
                )));
            }
        };
        let value = found.ok_or_else(|| {
            let missing = request.reference.to_string();
            let words = self.names.words();
            let diagnostic = unknown(format!("There is no '{missing}' here."));
            match suggest::nearest(&missing, words.iter().map(String::as_str)) {
                Some(near) => Box::new(diagnostic.hint(format!("Did you mean {near}?"))),
                None => diagnostic,
            }
        })?;
        Ok(match self.secrets {
            Secrets::Known => value,
            Secrets::Unknown => without_secrets(&value),
        })
    }

    fn bare(&self, name: &str) -> Option<Value> {
        self.names.bare.get(name).cloned()
    }
}

impl ConsoleScope<'_> {
    fn variable(&self, name: &Name) -> Option<Value> {
        let block = self
            .names
            .project
            .loaded
            .definitions
            .project()?
            .variables
            .get(name)?;
        let value = match (self.names.variables.get(name), &block.default) {
            (Some(value), _) => strata_language::convert::conform(value, &block.ty).ok()?,
            (None, Some(default)) => {
                self.evaluator()
                    .evaluate_as(default, &block.ty, &mut Diagnostics::new())
            }
            (None, None) => Value::unknown(block.ty.ty()),
        };
        Some(if block.sensitive {
            value.into_secret()
        } else {
            value
        })
    }

    fn local(
        &self,
        name: &Name,
        request: &ResolveRequest<'_>,
    ) -> Result<Option<Value>, Box<Diagnostic>> {
        let Some(expression) = self
            .names
            .project
            .loaded
            .definitions
            .project()
            .and_then(|project| project.locals.get(name))
        else {
            return Ok(None);
        };
        if self.open.borrow().contains(name) {
            return Err(Box::new(
                codes::CYCLE
                    .error(format!("local.{name} needs itself."))
                    .at(request.span),
            ));
        }
        self.open.borrow_mut().push(name.clone());
        let mut diagnostics = Diagnostics::new();
        let value = self.evaluator().evaluate(expression, &mut diagnostics);
        self.open.borrow_mut().pop();
        match diagnostics
            .into_iter()
            .find(|found| found.severity == strata_model::Severity::Error)
        {
            // The place is in another text than the console's line: the detail says what it is about.
            Some(found) => Err(Box::new(Diagnostic {
                span: Some(request.span),
                labels: Vec::new(),
                ..found
            })),
            None => Ok(Some(value)),
        }
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            scope: self,
            files: self.names.files(),
            budget: &self.budget,
            plan_timestamp: Some(self.names.opened),
        }
    }

    /// What the state records of a block: one object, or a collection of its instances.
    fn resource(&self, block: &Address, instance: Option<&InstanceKey>) -> Option<Value> {
        let providers = providers();
        let schema = providers
            .schema(block.mode, &block.resource_type)
            .map(|(_, schema)| schema);
        let rows = self.names.snapshot.rows.values();
        let own = rows.filter(|row| row.key.deposed.is_none() && row.key.address.block() == *block);
        let mut indexed: Vec<Value> = Vec::new();
        let mut keyed: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for row in own {
            let value = decode(&row.attributes, schema);
            match &row.key.address.key {
                None => return Some(value),
                Some(key) if instance == Some(key) => return Some(value),
                Some(InstanceKey::Index(_)) => indexed.push(value),
                Some(InstanceKey::Text(text)) => {
                    keyed.insert(text.clone(), value);
                }
            }
        }
        match (indexed.is_empty(), keyed.is_empty()) {
            (false, _) => Some(Value::tuple(indexed)),
            (true, false) => Some(Value::object(keyed)),
            // Declared, and not made yet.
            (true, true) => {
                let declared = self
                    .names
                    .project
                    .loaded
                    .definitions
                    .project()?
                    .resources
                    .keys();
                let mut declared = declared
                    .filter(|id| id.mode == block.mode && id.resource_type == block.resource_type);
                declared.any(|id| id.name == block.name).then(|| {
                    Value::unknown(
                        schema.map_or(Type::Any, |schema| schema.schema.object_type().clone()),
                    )
                })
            }
        }
    }
}

/// The value with every secret in it unknown.
fn without_secrets(value: &Value) -> Value {
    value
        .secret_paths()
        .iter()
        .fold(value.clone(), |value, path| match value.at(path) {
            Some(secret) => value.with_at(path, Value::unknown(secret.ty()).into_secret()),
            None => value.clone(),
        })
}

/// Reads `{NAME: {"value", "type", "sensitive"}}`.
fn read_names(path: &Path) -> Result<BTreeMap<String, Value>, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::file("cannot read", path, error))?;
    let wrong = |what: &str| CommandError::usage(format!("{}: {what}", path.display()));
    let json: Json =
        serde_json::from_str(&text).map_err(|error| wrong("it is no JSON").because(error))?;
    let members = json
        .as_object()
        .ok_or_else(|| wrong("it is no object of names"))?;
    members
        .iter()
        .map(|(name, entry)| {
            if entry.get("value").is_none() {
                return Err(wrong(&format!("{name} has no \"value\"")));
            }
            let ty = match entry.get("type").and_then(Json::as_str) {
                Some(text) => parse_type(text)
                    .ok_or_else(|| wrong(&format!("the \"type\" of {name} is no type")))?,
                None => Type::Any,
            };
            let value = value_of(entry.get("value").unwrap_or(&Json::Null), &ty)
                .ok_or_else(|| wrong(&format!("the \"value\" of {name} is not of its \"type\"")))?;
            let secret = entry
                .get("sensitive")
                .and_then(Json::as_bool)
                .unwrap_or(false);
            Ok((
                name.clone(),
                if secret { value.into_secret() } else { value },
            ))
        })
        .collect()
}

/// A value of a type from JSON, in which `{"unknown": true}` is an unknown.
fn value_of(json: &Json, ty: &Type) -> Option<Value> {
    let unknown = json.as_object().is_some_and(|object| {
        object.len() == 1 && object.get("unknown") == Some(&Json::Bool(true))
    });
    if unknown {
        return Some(Value::unknown(ty.clone()));
    }
    if json.is_null() {
        return Some(Value::null_of(ty.clone()));
    }
    let elements = |element: &Type| {
        json.as_array()?
            .iter()
            .map(|json| value_of(json, element))
            .collect::<Option<Vec<_>>>()
    };
    match ty {
        Type::List(element) => Some(Value::list((**element).clone(), elements(element)?)),
        Type::Set(element) => Some(Value::set((**element).clone(), elements(element)?)),
        Type::Map(element) => {
            let members = json
                .as_object()?
                .iter()
                .map(|(key, json)| Some((Arc::from(key.as_str()), value_of(json, element)?)));
            Some(Value::map(
                (**element).clone(),
                members.collect::<Option<_>>()?,
            ))
        }
        Type::Tuple(types) => {
            let array = json.as_array().filter(|array| array.len() == types.len())?;
            let elements = array
                .iter()
                .zip(types.iter())
                .map(|(json, ty)| value_of(json, ty));
            Some(Value::tuple(elements.collect::<Option<_>>()?))
        }
        Type::Object(types) => {
            let object = json.as_object()?;
            let members = types.iter().map(|(name, ty)| {
                let json = object.get(name.as_ref()).unwrap_or(&Json::Null);
                Some((name.clone(), value_of(json, ty)?))
            });
            Some(Value::object(members.collect::<Option<Vec<_>>>()?))
        }
        Type::Any => implied(json),
        Type::Bool => json.as_bool().map(Value::from),
        Type::String => json.as_str().map(Value::from),
        Type::Number => json.is_number().then(|| Value::from_json(json))?,
    }
}

/// The value that JSON implies, unknowns at any depth.
fn implied(json: &Json) -> Option<Value> {
    match json {
        Json::Array(elements) => {
            let elements = elements.iter().map(|json| value_of(json, &Type::Any));
            Some(Value::tuple(elements.collect::<Option<_>>()?))
        }
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, json)| Some((name.as_str(), value_of(json, &Type::Any)?)));
            Some(Value::object(members.collect::<Option<Vec<_>>>()?))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Value::from_json(json),
    }
}

/// Reads a type in the language's spelling: a type is written as an expression.
fn parse_type(text: &str) -> Option<Type> {
    type_of(&parse::expression(text, FileId(0), 0).ok()?)
}

fn type_of(expression: &Expr) -> Option<Type> {
    if let ExprKind::Variable(name) = &expression.kind {
        return match name.as_ref() {
            "any" | "dynamic" => Some(Type::Any),
            "bool" => Some(Type::Bool),
            "number" => Some(Type::Number),
            "string" => Some(Type::String),
            _ => None,
        };
    }
    let ExprKind::Call {
        name, arguments, ..
    } = &expression.kind
    else {
        return None;
    };
    let [argument] = arguments.as_slice() else {
        return None;
    };
    match (name.value.as_ref(), &argument.kind) {
        ("list", _) => type_of(argument).map(Type::list),
        ("set", _) => type_of(argument).map(Type::set),
        ("map", _) => type_of(argument).map(Type::map),
        ("tuple", ExprKind::Tuple(elements)) => elements
            .iter()
            .map(type_of)
            .collect::<Option<_>>()
            .map(Type::tuple),
        ("object", ExprKind::Object(items)) => {
            let members = items.iter().map(|item| {
                let ExprKind::Literal(key) = &item.key.kind else {
                    return None;
                };
                Some((key.as_str()?.to_owned(), type_of(&item.value)?))
            });
            members.collect::<Option<Vec<_>>>().map(Type::object)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in [
            "string",
            "list(number)",
            "map(any)",
            "tuple([bool, set(string)])",
            "object({ a = list(any), b = number })",
        ] {
            assert_eq!(
                parse_type(text).map(|ty| ty.to_string()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(parse_type("list"), None);
        assert_eq!(parse_type("lists(string)"), None);
    }
}
