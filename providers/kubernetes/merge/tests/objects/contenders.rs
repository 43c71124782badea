//! Who writes what, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use strata_kubernetes_merge::object::{self, Author, ObjectError, Rules};
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models};
use strata_kubernetes_merge::typed::Duplicates;
use strata_kubernetes_merge::updater::{UpdateError, VersionError, Versions};
use strata_kubernetes_merge::{FieldSet, Path, Schema, TypeRef, TypedValue, fields_v1, value};

use crate::custom;
use crate::generate::{Generator, anything};
use crate::random::Random;
use crate::server::Refusal;
use crate::valid::{self, Valid};

const MANAGERS: &[&str] = &["ant", "bee", "cat"];

/// A kind of objects that are fought over.
pub(crate) struct Kind {
    pub(crate) kind: &'static str,
    forms: Vec<Form>,
    source: Source,
    /// Whether a whole server judges, which takes only what is valid.
    whole: bool,
}

/// What objects are made from.
enum Source {
    /// The models of a document: any value of the kind's type.
    Models(Arc<Value>),
    /// Nothing: any value at all.
    Anything,
    /// What the server insists on for a kind of its own.
    Valid(&'static Valid),
}

/// A kind in one version.
struct Form {
    api_version: &'static str,
    model: String,
    rules: Rules,
}

/// Versions that become each other by their names alone, each with a schema of its own.
struct ByName {
    served: BTreeMap<&'static str, (Arc<Schema>, TypeRef)>,
    /// Whether another version is an error, as it is for the custom kinds of a whole server.
    strict: bool,
}

impl Versions for ByName {
    fn convert(
        &self,
        object: &TypedValue,
        version: &str,
    ) -> Result<Option<TypedValue>, VersionError> {
        if object.value()["apiVersion"] == version {
            return Ok(Some(object.clone()));
        }
        let Some((schema, type_ref)) = self.served.get(version) else {
            let version = version.to_owned();
            return if self.strict {
                Err(VersionError::NotServed { version })
            } else {
                Ok(None)
            };
        };
        let mut value = object.value().clone();
        value["apiVersion"] = Value::from(version);
        TypedValue::new(
            value,
            Arc::clone(schema),
            type_ref.clone(),
            Duplicates::Refused,
        )
        .map(Some)
        .map_err(VersionError::Type)
    }
}

/// Nobody gets hold of the status by writing the object.
fn status(versions: &[&'static str]) -> BTreeMap<String, FieldSet> {
    let status: FieldSet = [Path::of_fields(&["status"])].into_iter().collect();
    versions
        .iter()
        .map(|version| ((*version).to_owned(), status.clone()))
        .collect()
}

/// The kinds for the field manager alone: any value of their types, and one kind without a schema.
pub(crate) fn kinds(models: &Models) -> Vec<Kind> {
    let maker = Maker::new(models);
    let custom = (custom::VERSIONS.as_slice(), custom::KIND);
    let kinds: [(&[&'static str], &'static str); 8] = [
        (&["v1"], "ConfigMap"),
        (&["v1"], "Service"),
        (&["v1"], "PodTemplate"),
        (&["apps/v1"], "Deployment"),
        (&["rbac.authorization.k8s.io/v1"], "Role"),
        custom,
        custom,
        (&custom::VERSIONS[..1], custom::KIND),
    ];
    let of_models = |kind: &(&[&'static str], &'static str)| {
        maker.kind(*kind, Source::Models(Arc::clone(&maker.document)), false)
    };
    let mut made: Vec<Kind> = kinds.iter().map(of_models).collect();
    let version = custom::VERSIONS[0];
    let rules = Rules::deduced((version, "Deduced")).with_reset(status(&[version]));
    let forms = vec![Form {
        api_version: version,
        model: String::new(),
        rules,
    }];
    made.push(Kind {
        kind: "Deduced",
        forms,
        source: Source::Anything,
        whole: false,
    });
    made
}

/// The kinds for a whole server: valid objects of its own kinds, and custom kinds, one of which takes anything.
pub(crate) fn served_kinds(models: &Models) -> Vec<Kind> {
    let maker = Maker::new(models);
    let own = valid::KINDS.iter().map(|valid| {
        let mut kind = maker.kind((&valid.versions, valid.kind), Source::Valid(valid), true);
        let begin = |form: &mut Form| {
            let mut empty = (valid.empty)();
            empty["apiVersion"] = Value::from(form.api_version);
            empty["kind"] = Value::from(valid.kind);
            form.rules = form.rules.clone().with_empty(empty);
        };
        kind.forms.iter_mut().for_each(begin);
        kind
    });
    let mut kinds: Vec<Kind> = own.collect();
    for versions in [
        &custom::VERSIONS[..],
        &custom::VERSIONS[..],
        &custom::VERSIONS[..1],
    ] {
        let source = Source::Models(Arc::clone(&maker.document));
        kinds.push(maker.kind((versions, custom::KIND), source, true));
    }
    let open = (&custom::VERSIONS[..1], custom::OPEN_KIND);
    kinds.push(maker.kind(open, Source::Anything, true));
    kinds
}

/// Makes kinds of a document's models.
struct Maker {
    schema: Arc<Schema>,
    document: Arc<Value>,
    names: BTreeMap<GroupVersionKind, String>,
}

impl Maker {
    fn new(models: &Models) -> Self {
        Self {
            schema: Arc::new(models.schema(false).unwrap()),
            document: Arc::new(models.document()),
            names: models.kinds(),
        }
    }

    fn kind(
        &self,
        (versions, kind): (&[&'static str], &'static str),
        source: Source,
        whole: bool,
    ) -> Kind {
        let model = |version: &str| self.names[&GroupVersionKind::of(version, kind)].clone();
        // The other version of the custom kind is served whether a sequence writes in it or not.
        let served = if kind == custom::KIND {
            custom::VERSIONS.as_slice()
        } else {
            versions
        };
        let by_name = served.iter().map(|version| {
            let type_ref = TypeRef::named(model(version));
            (*version, (Arc::clone(&self.schema), type_ref))
        });
        let strict = whole && !matches!(source, Source::Valid(_));
        let by_name = Arc::new(ByName {
            served: by_name.collect(),
            strict,
        });
        let forms = versions.iter().map(|version| {
            let type_ref = TypeRef::named(model(version));
            // For a custom kind a server knows it of the version only that is written.
            let reset = if strict { &[*version][..] } else { served };
            let rules = Rules::new(Arc::clone(&self.schema), type_ref, (version, kind))
                .with_versions(Arc::<ByName>::clone(&by_name))
                .with_reset(status(reset));
            Form {
                api_version: version,
                model: model(version),
                rules,
            }
        });
        Kind {
            kind,
            forms: forms.collect(),
            source,
            whole,
        }
    }
}

impl Kind {
    /// The first of its versions, in which its objects begin.
    pub(crate) fn first_version(&self) -> &'static str {
        self.forms[0].api_version
    }

    /// The versions in which its objects are written.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &'static str> {
        self.forms.iter().map(|form| form.api_version)
    }

    /// Gives an object what a whole server insists on.
    fn complete(&self, object: &mut Value) {
        if let Source::Valid(valid) = &self.source {
            (valid.complete)(object);
        }
    }

    fn form(&self, version: &Value) -> &Form {
        self.forms
            .iter()
            .find(|form| form.api_version == version)
            .unwrap()
    }

    /// A random object of the kind in one of its versions.
    fn object(&self, random: &mut Random) -> Value {
        let form = random.pick(&self.forms);
        let mut object = match &self.source {
            Source::Models(document) => Generator::new(document).model(&form.model, random),
            Source::Anything => {
                json!({"metadata": {"labels": {"x": random.below(2).to_string()}}, "spec": anything(0, random)})
            }
            Source::Valid(valid) => (valid.make)(random),
        };
        if self.whole {
            object["metadata"] = valid::metadata(random);
        }
        self.identify(&mut object, form.api_version);
        object
    }

    fn identify(&self, object: &mut Value, version: &str) {
        object["apiVersion"] = Value::from(version);
        object["kind"] = Value::from(self.kind);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = Value::from("one");
    }

    /// An entry of managed fields that no write made: of any version, served or not, and as if all maps were shared.
    fn entry(&self, random: &mut Random) -> Value {
        let mut versions: Vec<&str> = self.forms.iter().map(|form| form.api_version).collect();
        versions.push("strata.example/v0");
        let fields = TypedValue::deduced(self.object(random))
            .unwrap()
            .field_set()
            .unwrap();
        // No server lets anybody hold what an object is known by.
        let nobodys = [
            &["apiVersion"][..],
            &["kind"],
            &["metadata"],
            &["metadata", "name"],
        ];
        let nobodys: FieldSet = nobodys.into_iter().map(Path::of_fields).collect();
        let fields = fields.difference(&nobodys);
        json!({
            "manager": if random.percent(30) {
                (*random.pick(MANAGERS)).to_owned()
            } else {
                format!("old-{}", random.below(20))
            },
            "operation": random.pick(&["Apply", "Update", "Update"]),
            "apiVersion": random.pick(&versions),
            "time": format!("2025-01-01T00:00:{:02}Z", random.below(60)),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields_v1::encode(&fields),
        })
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

    /// What is sent.
    pub(crate) fn object(&self) -> &Value {
        let (Self::Apply { object, .. } | Self::Update { object, .. }) = self;
        object
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

impl Conflict {
    /// Reads the cause of a server.
    pub(crate) fn read(cause: &Value) -> Self {
        let text = |key: &str| cause[key].as_str().unwrap();
        Self {
            // Which of several writes is meant is the server's word: the time is not compared.
            message: text("message").split(" at ").next().unwrap().to_owned(),
            field: text("field").to_owned(),
        }
    }
}

/// How a write ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) object: Value,
    pub(crate) conflicts: BTreeSet<Conflict>,
    pub(crate) error: Option<String>,
}

impl Outcome {
    /// The object is so now.
    pub(crate) fn of(object: Value) -> Self {
        Self {
            object,
            conflicts: BTreeSet::new(),
            error: None,
        }
    }

    /// The object stays as it is.
    pub(crate) fn refused(live: &Value, refusal: &Refusal) -> Self {
        Self {
            error: Some(format!("{refusal:?}")),
            ..Self::of(live.clone())
        }
    }

    /// Takes another spelling of the object over; who holds what stays.
    pub(crate) fn become_as(&mut self, mut object: Value) {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.shift_remove("managedFields");
        if let Some(managed) = self.object.pointer("/metadata/managedFields") {
            metadata.insert("managedFields".to_owned(), managed.clone());
        }
        self.object = object;
    }

    pub(crate) fn is_success(&self) -> bool {
        self.conflicts.is_empty() && self.error.is_none()
    }

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
        for (who, outcome) in [("ours", self), ("theirs", other)] {
            let Self {
                conflicts, error, ..
            } = outcome;
            text.push_str(&format!("{who}: {conflicts:?} {error:?}\n"));
        }
        text
    }
}

/// The object alone. The version in which it is written down is the writer's choice, and its resource version the
/// server's.
fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = Value::Null;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
        metadata.shift_remove("resourceVersion");
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

/// Whether updaters are no longer told apart.
pub(crate) fn is_capped(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .any(|entry| entry["manager"] == "ancient-changes")
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
        let empty = json!({"apiVersion": kind.first_version(), "kind": kind.kind});
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

    /// The object, where there is one.
    pub(crate) fn stored(&self) -> Option<&Value> {
        self.live.as_ref()
    }

    pub(crate) fn next_write(&mut self, random: &mut Random) -> Write {
        let manager = *random.pick(MANAGERS);
        if self.live.is_some() && random.percent(30) {
            return Write::Update {
                manager,
                object: self.updated(random),
            };
        }
        let mut object = match self.applied.get(manager) {
            Some(last) if random.percent(60) => {
                let mut object = last.clone();
                let other = self.kind.object(random);
                change(&mut object, &other, random);
                self.identify_as(&mut object, &other);
                object
            }
            Some(_) | None => self.kind.object(random),
        };
        // Who comes later may say less than a whole object.
        if self.kind.whole && (self.live.is_none() || random.percent(50)) {
            self.kind.complete(&mut object);
        }
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
        self.identify_as(&mut object, &other);
        if self.kind.whole {
            valid::keep_allocated(self.live(), &mut object);
        }
        let managed = self.live()["metadata"]["managedFields"].clone();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.shift_remove("managedFields");
        if self.kind.whole {
            // Without them, or with others, the write is one on another object.
            for name in ["uid", "resourceVersion", "namespace", "creationTimestamp"] {
                metadata.insert(name.to_owned(), self.live()["metadata"][name].clone());
            }
        } else if random.percent(10) {
            metadata.insert("uid".to_owned(), json!("u"));
        }
        match random.below(10) {
            // A whole server drops an empty list of a custom object before its field manager sees it.
            0 => {
                let nobody = if self.kind.whole {
                    json!([{}])
                } else {
                    json!([])
                };
                metadata.insert("managedFields".to_owned(), nobody);
            }
            1..=4 if !managed.is_null() => {
                drop(metadata.insert("managedFields".to_owned(), managed))
            }
            5 => {
                let mut entries = managed.as_array().cloned().unwrap_or_default();
                // Sometimes more than a server tells apart.
                let more = if random.percent(30) { 40 } else { 1 };
                entries.extend((0..more).map(|_| self.kind.entry(random)));
                metadata.insert("managedFields".to_owned(), Value::Array(entries));
            }
            _ => {}
        }
        self.kind.complete(&mut object);
        object
    }

    /// Makes an object one of the other's version.
    fn identify_as(&self, object: &mut Value, other: &Value) {
        let version = other["apiVersion"].as_str().unwrap();
        self.kind.identify(object, version);
    }

    pub(crate) fn carry_out(&mut self, write: &Write) -> Outcome {
        self.clock += 1;
        let outcome = self.foresee(write, &format!("2026-01-01T00:00:{:02}Z", self.clock));
        if outcome.is_success() {
            self.live = Some(outcome.object.clone());
        }
        outcome
    }

    /// Goes on from what a server has stored.
    pub(crate) fn go_on_from(&mut self, stored: Value) {
        self.live = Some(stored);
    }

    /// How a write at that time would end.
    pub(crate) fn foresee(&self, write: &Write, time: &str) -> Outcome {
        let author = |manager| Author {
            manager,
            subresource: "",
            time,
        };
        let object = write.object();
        let rules = &self.kind.form(&object["apiVersion"]).rules;
        // The server reads the object in the version in which it is written.
        let live = self.live.clone().map(|mut live| {
            live["apiVersion"] = object["apiVersion"].clone();
            live
        });
        let result = match write {
            Write::Apply {
                manager,
                force,
                object,
            } => object::apply(rules, live.as_ref(), object, (author(manager), *force)),
            Write::Update { manager, object } => object::update(
                rules,
                live.as_ref().unwrap_or(&self.empty),
                object,
                author(manager),
            ),
        };
        let mut outcome = Outcome::of(self.live().clone());
        match result {
            Ok(written) => outcome.object = written.object,
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
