//! Who writes what, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use strata_kubernetes_merge::object::{self, Author, ObjectError, Rules};
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models};
use strata_kubernetes_merge::updater::UpdateError;
use strata_kubernetes_merge::{TypeRef, value};

use crate::custom;
use crate::generate::{Generator, anything};
use crate::random::Random;

const MANAGERS: &[&str] = &["ant", "bee", "cat"];

/// A kind of objects that are fought over.
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    rules: Rules,
    /// The model's name and the document; nothing for the kind without a schema.
    model: Option<(String, Arc<Value>)>,
}

pub(crate) fn kinds(models: &Models) -> Vec<Kind> {
    let (schema, document) = (
        Arc::new(models.schema(false).unwrap()),
        Arc::new(models.document()),
    );
    let names = models.kinds();
    let mut kinds: Vec<Kind> = [
        ("v1", "ConfigMap"),
        ("v1", "Service"),
        ("v1", "PodTemplate"),
        ("apps/v1", "Deployment"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        (custom::API_VERSION, custom::KIND),
        (custom::API_VERSION, custom::KIND),
        (custom::API_VERSION, custom::KIND),
    ]
    .iter()
    .map(|(api_version, kind)| {
        let model = names[&GroupVersionKind::of(api_version, kind)].clone();
        let rules = Rules::new(
            Arc::clone(&schema),
            TypeRef::named(&model),
            (api_version, kind),
        );
        Kind {
            name: format!("{api_version} {kind}"),
            api_version: (*api_version).to_owned(),
            kind: (*kind).to_owned(),
            rules,
            model: Some((model, Arc::clone(&document))),
        }
    })
    .collect();
    kinds.push(Kind {
        name: "a kind without a schema".to_owned(),
        api_version: "strata.example/v1".to_owned(),
        kind: "Deduced".to_owned(),
        rules: Rules::deduced(("strata.example/v1", "Deduced")),
        model: None,
    });
    kinds
}

impl Kind {
    /// A random object of the kind, without status.
    fn object(&self, random: &mut Random) -> Value {
        let mut object = match &self.model {
            Some((model, document)) => Generator::new(document).model(model, random),
            None => {
                json!({"metadata": {"labels": {"x": random.below(2).to_string()}}, "spec": anything(0, random)})
            }
        };
        self.identify(&mut object);
        object
    }

    fn identify(&self, object: &mut Value) {
        object["apiVersion"] = Value::from(self.api_version.as_str());
        object["kind"] = Value::from(self.kind.as_str());
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = Value::from("one");
    }
}

/// One write.
pub(crate) enum Write {
    Apply {
        manager: &'static str,
        force: bool,
        object: Value,
    },
    Update {
        manager: &'static str,
        object: Value,
    },
}

impl Write {
    pub(crate) fn applies(&self) -> bool {
        matches!(self, Self::Apply { .. })
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply {
                manager,
                force: true,
                object,
            } => write!(f, "{manager} applies by force {object}"),
            Self::Apply {
                manager,
                force: false,
                object,
            } => write!(f, "{manager} applies {object}"),
            Self::Update { manager, object } => write!(f, "{manager} updates {object}"),
        }
    }
}

/// The cause of a refusal, as the API server gives it, but for times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conflict {
    pub(crate) message: String,
    pub(crate) field: String,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) object: Value,
    pub(crate) conflicts: BTreeSet<Conflict>,
    pub(crate) error: Option<String>,
}

impl Outcome {
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.conflicts == other.conflicts
            && self.error.is_some() == other.error.is_some()
            && value::equal(
                &without_managers(&self.object),
                &without_managers(&other.object),
            )
            && managers(&self.object) == managers(&other.object)
    }

    /// What the two do not agree on.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let (ours, theirs) = (managers(&self.object), managers(&other.object));
        let mut text = String::new();
        for key in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            if ours.get(key) != theirs.get(key) {
                text.push_str(&format!(
                    "{key}\n  ours   {:?}\n  theirs {:?}\n",
                    ours.get(key),
                    theirs.get(key)
                ));
            }
        }
        let (ours, theirs) = (
            without_managers(&self.object),
            without_managers(&other.object),
        );
        if !value::equal(&ours, &theirs) {
            text.push_str(&format!("ours   {ours}\ntheirs {theirs}\n"));
        }
        text
    }
}

fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    object
}

/// The managed fields by who holds them, as the text that is stored; the time is left out.
fn managers(object: &Value) -> BTreeMap<String, String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    entries
        .map(|entry| {
            let mut entry = entry.as_object().unwrap().clone();
            entry.shift_remove("time");
            let fields = entry
                .shift_remove("fieldsV1")
                .unwrap_or_default()
                .to_string();
            let who: BTreeMap<_, _> = entry.into_iter().collect();
            (format!("{who:?}"), fields)
        })
        .collect()
}

/// Whether a map or list of the first has more than that of the second.
pub(crate) fn has_lost(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().any(|(key, value)| {
            key != "managedFields" && after.get(key).is_none_or(|after| has_lost(value, after))
        }),
        (Value::Array(before), Value::Array(after)) => before.len() > after.len(),
        _ => false,
    }
}

/// The object that is fought over, and what each manager applied last.
pub(crate) struct Contest<'a> {
    kind: &'a Kind,
    live: Option<Value>,
    empty: Value,
    applied: BTreeMap<&'static str, Value>,
    clock: u32,
}

impl<'a> Contest<'a> {
    pub(crate) fn new(kind: &'a Kind) -> Self {
        let empty = json!({"apiVersion": kind.api_version, "kind": kind.kind});
        Self {
            kind,
            live: None,
            empty,
            applied: BTreeMap::new(),
            clock: 0,
        }
    }

    pub(crate) fn live(&self) -> &Value {
        self.live.as_ref().unwrap_or(&self.empty)
    }

    pub(crate) fn next_write(&mut self, random: &mut Random) -> Write {
        let manager = *random.pick(MANAGERS);
        if self.live.is_some() && random.percent(30) {
            return Write::Update {
                manager,
                object: self.updated(random),
            };
        }
        let object = match self.applied.get(manager) {
            Some(last) if random.percent(60) => {
                let mut object = last.clone();
                let other = self.kind.object(random);
                change(&mut object, &other, random);
                self.kind.identify(&mut object);
                object
            }
            Some(_) | None => self.kind.object(random),
        };
        self.applied.insert(manager, object.clone());
        Write::Apply {
            manager,
            force: random.percent(40),
            object,
        }
    }

    /// The live object, changed somehow.
    fn updated(&self, random: &mut Random) -> Value {
        let mut object = self.live().clone();
        let other = self.kind.object(random);
        change(&mut object, &other, random);
        self.kind.identify(&mut object);
        let managed = self.live()["metadata"]["managedFields"].clone();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.shift_remove("managedFields");
        if random.percent(10) {
            metadata.insert("uid".to_owned(), json!("u"));
        }
        match random.below(10) {
            0 => drop(metadata.insert("managedFields".to_owned(), json!([]))),
            1..=5 if !managed.is_null() => {
                drop(metadata.insert("managedFields".to_owned(), managed))
            }
            _ => {}
        }
        object
    }

    pub(crate) fn carry_out(&mut self, write: &Write) -> Outcome {
        self.clock += 1;
        let time = format!("2026-01-01T00:00:{:02}Z", self.clock);
        let author = |manager| Author {
            manager,
            subresource: "",
            time: &time,
        };
        let result = match write {
            Write::Apply {
                manager,
                force,
                object,
            } => object::apply(
                &self.kind.rules,
                self.live.as_ref(),
                object,
                (author(manager), *force),
            ),
            Write::Update { manager, object } => {
                object::update(&self.kind.rules, self.live(), object, author(manager))
            }
        };
        let mut outcome = Outcome {
            object: Value::Null,
            conflicts: BTreeSet::new(),
            error: None,
        };
        match result {
            Ok(written) => self.live = Some(written.object),
            Err(ObjectError::Update(UpdateError::Conflicts { conflicts })) => {
                outcome
                    .conflicts
                    .extend(conflicts.into_iter().map(|conflict| Conflict {
                        message: format!("conflict with {}", conflict.manager.described()),
                        field: conflict.path.to_string(),
                    }));
            }
            Err(error) => outcome.error = Some(format!("{error:?}")),
        }
        outcome.object = self.live().clone();
        outcome
    }
}

/// Takes some of the other over, and lets some go.
fn change(object: &mut Value, other: &Value, random: &mut Random) {
    match (object, other) {
        (Value::Object(object), Value::Object(other)) => change_map(object, other, random),
        (Value::Array(object), Value::Array(other)) => change_list(object, other, random),
        (object, other) => {
            if random.percent(50) {
                *object = other.clone();
            }
        }
    }
}

fn change_map(object: &mut Map<String, Value>, other: &Map<String, Value>, random: &mut Random) {
    object.retain(|key, _| key == "name" || !random.percent(12));
    for (key, theirs) in other {
        match object.get_mut(key) {
            Some(ours) if random.percent(40) => change(ours, theirs, random),
            None if random.percent(30) => drop(object.insert(key.clone(), theirs.clone())),
            Some(_) | None => {}
        }
    }
}

/// Items are taken whole: half an item could lose its key.
fn change_list(object: &mut Vec<Value>, other: &[Value], random: &mut Random) {
    object.retain(|_| !random.percent(25));
    for theirs in other {
        if random.percent(40) {
            let at = random.below(object.len() + 1);
            object.insert(at, theirs.clone());
        }
    }
    if object.len() > 1 && random.percent(30) {
        object.reverse();
    }
}
