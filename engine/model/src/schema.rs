//! Schemas: what a resource type or a provider's configuration accepts and has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Mode;
use crate::path::{AttributePath, PathStep};
use crate::types::Type;
use crate::value::{Kind, Value};

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The definition must.
    Required,
    /// The definition may; left out means absent.
    Optional,
    /// The definition may; left out means that the provider chooses, and what it chose is never fought over.
    OptionalComputed,
    /// Only the provider.
    Computed,
}

/// The type of an attribute.
#[derive(Debug, Clone)]
pub enum AttributeType {
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// Text.
    String,
    /// Text that holds JSON; compared by meaning, not by spelling.
    Json,
    /// Any value, whose type is stored with it.
    Any,
    /// An ordered collection.
    List(Box<AttributeType>),
    /// A collection without order.
    Set(Box<AttributeType>),
    /// Text keys to elements.
    Map(Box<AttributeType>),
    /// An object with attributes of its own.
    Object(BTreeMap<Arc<str>, Attribute>),
}

impl AttributeType {
    /// A list of texts.
    pub fn strings() -> Self {
        AttributeType::List(Box::new(AttributeType::String))
    }

    /// A set of texts.
    pub fn string_set() -> Self {
        AttributeType::Set(Box::new(AttributeType::String))
    }

    /// A map of texts.
    pub fn string_map() -> Self {
        AttributeType::Map(Box::new(AttributeType::String))
    }

    /// An object.
    pub fn object<const N: usize>(attributes: [(&str, Attribute); N]) -> Self {
        AttributeType::Object(
            attributes
                .into_iter()
                .map(|(name, attribute)| (name.into(), attribute))
                .collect(),
        )
    }

    /// The type of the values.
    pub fn ty(&self) -> Type {
        match self {
            AttributeType::Bool => Type::Bool,
            AttributeType::Number => Type::Number,
            AttributeType::String | AttributeType::Json => Type::String,
            AttributeType::Any => Type::Any,
            AttributeType::List(element) => Type::list(element.ty()),
            AttributeType::Set(element) => Type::set(element.ty()),
            AttributeType::Map(element) => Type::map(element.ty()),
            AttributeType::Object(attributes) => Type::object(
                attributes
                    .iter()
                    .map(|(name, attribute)| (name.clone(), attribute.ty.ty())),
            ),
        }
    }
}

/// What a text names: objects of a type, by one of their attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Naming {
    /// The type of the objects, such as `aws_eks_cluster`.
    pub resource_type: &'static str,
    /// The attribute of theirs that has the text. It stays as long as the object does.
    pub attribute: &'static str,
    /// An argument that both have with the same text, where it takes that to tell one object: the cluster of an access
    /// entry. `None` where no other object of a connection has the text.
    pub within: Option<&'static str>,
}

/// One attribute of a schema.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its type.
    pub ty: AttributeType,
    /// Who gives it its value.
    pub presence: Presence,
    /// Whether its value is secret, wherever it comes from.
    pub sensitive: bool,
    /// Whether a change of it replaces the object.
    pub replace: bool,
    /// Whether people are shown it only where it changes, or where the definition says something else than the default.
    pub quiet: bool,
    /// Whether a read may say it where nothing is recorded: what Strata only keeps in mind of an object, and did not of one
    /// that it recorded before. That is no drift.
    pub learned: bool,
    /// What its text names, or each of its texts, where that is not by an id or ARN: a name may be a word in any other text.
    pub names: Option<Naming>,
    /// What takes its place where the definition leaves it out; only for `Optional`.
    pub default: Option<Value>,
    /// One or two sentences for users.
    pub description: &'static str,
}

impl Attribute {
    /// An attribute of a type and presence.
    pub fn new(ty: AttributeType, presence: Presence, description: &'static str) -> Self {
        Attribute {
            ty,
            presence,
            sensitive: false,
            replace: false,
            quiet: false,
            learned: false,
            names: None,
            default: None,
            description,
        }
    }

    /// An argument that the definition must give.
    pub fn required(ty: AttributeType, description: &'static str) -> Self {
        Self::new(ty, Presence::Required, description)
    }

    /// An argument that the definition may give.
    pub fn optional(ty: AttributeType, description: &'static str) -> Self {
        Self::new(ty, Presence::Optional, description)
    }

    /// An argument that the provider chooses where the definition leaves it out.
    pub fn optional_computed(ty: AttributeType, description: &'static str) -> Self {
        Self::new(ty, Presence::OptionalComputed, description)
    }

    /// An attribute that only the provider sets.
    pub fn computed(ty: AttributeType, description: &'static str) -> Self {
        Self::new(ty, Presence::Computed, description)
    }

    /// A change of it replaces the object.
    pub fn replaces(mut self) -> Self {
        self.replace = true;
        self
    }

    /// People are shown it only where it says something.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// A read may say it where nothing is recorded.
    pub fn learned(mut self) -> Self {
        self.learned = true;
        self
    }

    /// Its text names an object of a type by that object's attribute, which only a replacement changes.
    pub fn names(mut self, resource_type: &'static str, attribute: &'static str) -> Self {
        self.names = Some(Naming {
            resource_type,
            attribute,
            within: None,
        });
        self
    }

    /// The same, of an object that has the same text in an argument as what names it.
    pub fn names_within(
        mut self,
        resource_type: &'static str,
        attribute: &'static str,
        argument: &'static str,
    ) -> Self {
        self.names = Some(Naming {
            resource_type,
            attribute,
            within: Some(argument),
        });
        self
    }

    /// Its value is secret.
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// What takes its place where the definition leaves it out.
    pub fn default_value(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Whether the definition may set it.
    pub fn is_argument(&self) -> bool {
        self.presence != Presence::Computed
    }
}

/// The attributes of a resource type or of a provider's configuration.
#[derive(Debug, Clone)]
pub struct Schema {
    attributes: BTreeMap<Arc<str>, Attribute>,
    object_type: Type,
}

impl Schema {
    /// A schema of attributes.
    pub fn new<const N: usize>(attributes: [(&str, Attribute); N]) -> Self {
        let attributes = attributes.into_iter();
        Self::of(
            attributes
                .map(|(name, attribute)| (name.into(), attribute))
                .collect(),
        )
    }

    /// A schema of attributes by name.
    pub fn of(attributes: BTreeMap<Arc<str>, Attribute>) -> Self {
        let types = attributes
            .iter()
            .map(|(name, attribute)| (name.clone(), attribute.ty.ty()));
        let object_type = Type::object(types);
        Schema {
            attributes,
            object_type,
        }
    }

    /// A schema without attributes.
    pub fn empty() -> Self {
        Schema {
            attributes: BTreeMap::new(),
            object_type: Type::object::<&str>([]),
        }
    }

    /// The attributes by name.
    pub fn attributes(&self) -> &BTreeMap<Arc<str>, Attribute> {
        &self.attributes
    }

    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name)
    }

    /// The type of an object with all attributes.
    pub fn object_type(&self) -> &Type {
        &self.object_type
    }

    /// The attribute that a path ends at or passes last, elements of collections looked through.
    pub fn at(&self, path: &AttributePath) -> Option<&Attribute> {
        let mut attributes = &self.attributes;
        let mut found = None;
        for step in path.steps() {
            let PathStep::Attribute(name) = step else {
                continue;
            };
            let attribute = attributes.get(name)?;
            found = Some(attribute);
            match element_object(&attribute.ty) {
                Some(inner) => attributes = inner,
                None => break,
            }
        }
        found
    }

    /// The value planned for an object, and the paths whose change replaces it.
    ///
    /// What the definition gives is taken; what it leaves out is the default, `null`, or, where the provider chooses,
    /// the prior value, and unknown without a prior. A provider's `plan_change` starts from this and adds what only it
    /// knows. `config` has every attribute of the schema, `null` where the definition says nothing.
    pub fn propose(&self, prior: Option<&Value>, config: &Value) -> Proposal {
        let mut proposal = Proposal {
            planned: Value::null(),
            replace: Vec::new(),
        };
        let root = AttributePath::root();
        proposal.planned = propose_object(
            &self.attributes,
            prior,
            config,
            (&root, &mut proposal.replace),
        );
        if prior.is_none() {
            proposal.replace.clear();
        }
        proposal
    }

    /// A recorded object with what was learned by a read where nothing was recorded.
    pub fn with_learned(&self, recorded: Value, observed: &Value) -> Value {
        let learned = self.attributes.iter().filter(|(_, one)| one.learned);
        learned.fold(recorded, |recorded, (name, _)| {
            let is_recorded = recorded.get(name).is_some_and(|value| !value.is_null());
            match observed.get(name) {
                Some(seen) if !is_recorded => {
                    recorded.with_at(&AttributePath::attribute(name.clone()), seen.clone())
                }
                Some(_) | None => recorded,
            }
        })
    }

    /// The value with the secret mark on every attribute that the schema calls sensitive.
    pub fn mark_sensitive(&self, value: &Value) -> Value {
        let mut marked = value.clone();
        for (name, attribute) in &self.attributes {
            let Some(member) = value.get(name) else {
                continue;
            };
            if attribute.sensitive && !member.is_null() && !member.is_secret() {
                marked = marked.with_at(
                    &AttributePath::attribute(name.clone()),
                    member.clone().into_secret(),
                );
            }
        }
        marked
    }
}

fn element_object(ty: &AttributeType) -> Option<&BTreeMap<Arc<str>, Attribute>> {
    match ty {
        AttributeType::Object(attributes) => Some(attributes),
        AttributeType::List(element)
        | AttributeType::Set(element)
        | AttributeType::Map(element) => element_object(element),
        AttributeType::Bool
        | AttributeType::Number
        | AttributeType::String
        | AttributeType::Json
        | AttributeType::Any => None,
    }
}

/// What a schema alone says of a change.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The object as it will be, unknown where the provider chooses.
    pub planned: Value,
    /// The changed paths that replace the object; empty for a create.
    pub replace: Vec<AttributePath>,
}

fn propose_object(
    attributes: &BTreeMap<Arc<str>, Attribute>,
    prior: Option<&Value>,
    config: &Value,
    (path, replace): (&AttributePath, &mut Vec<AttributePath>),
) -> Value {
    let members = attributes.iter().map(|(name, attribute)| {
        let path = path.join(PathStep::Attribute(name.clone()));
        let before = prior.and_then(|prior| prior.get(name));
        let given = config.get(name).filter(|value| !value.is_null());
        let planned = propose_attribute(attribute, before, given, (&path, replace));
        if attribute.replace && before.is_some_and(|before| *before != planned) {
            replace.push(path);
        }
        (name.clone(), planned)
    });
    Kind::Object(Arc::new(members.collect())).into()
}

fn propose_attribute(
    attribute: &Attribute,
    before: Option<&Value>,
    given: Option<&Value>,
    (path, replace): (&AttributePath, &mut Vec<AttributePath>),
) -> Value {
    let value = match (given, attribute.presence) {
        (Some(given), _) => propose_given(&attribute.ty, before, given, (path, replace)),
        (None, Presence::Computed | Presence::OptionalComputed) => before
            .cloned()
            .unwrap_or_else(|| Value::unknown(attribute.ty.ty())),
        (None, Presence::Required | Presence::Optional) => attribute
            .default
            .clone()
            .unwrap_or_else(|| Value::null_of(attribute.ty.ty())),
    };
    if attribute.sensitive && !value.is_null() {
        value.into_secret()
    } else {
        value
    }
}

fn propose_given(
    ty: &AttributeType,
    before: Option<&Value>,
    given: &Value,
    (path, replace): (&AttributePath, &mut Vec<AttributePath>),
) -> Value {
    if given.is_unknown() {
        return given.clone();
    }
    match (ty, given.kind()) {
        (AttributeType::Object(attributes), Kind::Object(_)) => {
            let before = before.filter(|before| before.members().is_some());
            propose_object(attributes, before, given, (path, replace)).marked_like(given)
        }
        (AttributeType::List(element), Kind::List(ty, elements)) => {
            let planned = elements.iter().enumerate().map(|(index, given)| {
                let before = before.and_then(|before| before.elements()?.get(index));
                propose_given(
                    element,
                    before,
                    given,
                    (&path.join(PathStep::Index(index)), replace),
                )
            });
            Value::list(ty.clone(), planned.collect()).marked_like(given)
        }
        (AttributeType::Set(element), Kind::Set(ty, elements)) => {
            // Elements of a set have no identity to find their prior by, so nothing of a prior is taken over.
            let planned = elements
                .iter()
                .map(|given| propose_given(element, None, given, (path, &mut Vec::new())));
            Value::set(ty.clone(), planned.collect()).marked_like(given)
        }
        (AttributeType::Map(element), Kind::Map(ty, members)) => {
            let planned = members.iter().map(|(key, given)| {
                let before = before.and_then(|before| before.get(key));
                let path = path.join(PathStep::Key(key.clone()));
                (
                    key.clone(),
                    propose_given(element, before, given, (&path, replace)),
                )
            });
            Value::map(ty.clone(), planned.collect()).marked_like(given)
        }
        (AttributeType::Json, Kind::String(text)) => {
            match before.filter(|before| same_json(before, text)) {
                Some(before) => before.clone().marked_like(given),
                None => given.clone(),
            }
        }
        _ => given.clone(),
    }
}

fn same_json(before: &Value, text: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    before.as_str().is_some_and(|before| {
        before == text || parse(before).is_some_and(|json| parse(text) == Some(json))
    })
}

/// How a lost create is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adoption {
    /// The create call carries the tags `strata:lineage` and `strata:op`; `find` lists by them.
    Tag,
    /// The name is unique; an object of that name is ours if it carries our op id, and refused otherwise.
    Name,
    /// The object is set-like (an attachment, a rule): the intent records that it was absent before.
    Natural,
}

/// A resource type, managed or data.
#[derive(Debug, Clone)]
pub struct ResourceSchema {
    /// The type's name, such as `aws_vpc`.
    pub name: &'static str,
    /// Managed, or a data source.
    pub mode: Mode,
    /// Version of the stored attributes; it rises when their shape changes.
    pub version: u32,
    /// The attributes.
    pub schema: Schema,
    /// How a lost create is found again.
    pub adoption: Adoption,
    /// How long after a create a read or a listing may still miss the object, in the cloud's time.
    pub consistency_window: Duration,
    /// Whether the object holds data: its deletion needs permission by address.
    pub holds_data: bool,
    /// Whether other objects live in it, by a connection that is made from its attributes: a cluster. What lives in it
    /// goes with it.
    pub hosts: bool,
    /// Whether it decides who gets into an object that others live in. For a while after a change of it, that one may
    /// refuse what is permitted by now.
    pub admits: bool,
    /// Of what other objects live in, the argument that says its version: what it takes goes by that.
    pub host_version: Option<&'static str>,
    /// The argument whose value must be unique, if it stays the same in a replacement. A replacement cannot be
    /// created before the old one is destroyed unless this argument changes.
    pub unique_name: Option<&'static str>,
    /// Default time limits, in the cloud's time.
    pub timeouts: Timeouts,
    /// One or two sentences for users.
    pub description: &'static str,
}

impl ResourceSchema {
    /// A managed resource type with no consistency window and default time limits.
    pub fn managed(
        name: &'static str,
        adoption: Adoption,
        schema: Schema,
        description: &'static str,
    ) -> Self {
        ResourceSchema {
            name,
            mode: Mode::Managed,
            version: 1,
            schema,
            adoption,
            consistency_window: Duration::ZERO,
            holds_data: false,
            hosts: false,
            admits: false,
            host_version: None,
            unique_name: None,
            timeouts: Timeouts::default(),
            description,
        }
    }

    /// A data source.
    pub fn data(name: &'static str, schema: Schema, description: &'static str) -> Self {
        ResourceSchema {
            mode: Mode::Data,
            ..Self::managed(name, Adoption::Natural, schema, description)
        }
    }
}

/// Time limits of one resource, in the cloud's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Timeouts {
    /// For a create.
    pub create: Duration,
    /// For an update.
    pub update: Duration,
    /// For a delete.
    pub delete: Duration,
}

impl Default for Timeouts {
    /// Twenty minutes each.
    fn default() -> Self {
        let limit = Duration::from_secs(20 * 60);
        Timeouts {
            create: limit,
            update: limit,
            delete: limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::new([
            (
                "cidr",
                Attribute::required(AttributeType::String, "").replaces(),
            ),
            (
                "dns",
                Attribute::optional(AttributeType::Bool, "").default_value(false),
            ),
            ("id", Attribute::computed(AttributeType::String, "")),
            ("policy", Attribute::optional(AttributeType::Json, "")),
            (
                "zone",
                Attribute::optional_computed(AttributeType::String, ""),
            ),
        ])
    }

    fn config(cidr: &str, policy: &str) -> Value {
        Value::object([
            ("cidr", cidr.into()),
            ("dns", Value::null()),
            ("id", Value::null()),
            ("policy", policy.into()),
            ("zone", Value::null()),
        ])
    }

    #[test]
    fn a_create_leaves_the_providers_part_unknown() {
        let proposal = schema().propose(None, &config("10.0.0.0/16", "{}"));
        let unknown: Vec<String> = proposal
            .planned
            .unknown_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(unknown, ["id", "zone"]);
        assert_eq!(
            proposal.planned.get("dns").and_then(Value::as_bool),
            Some(false)
        );
        assert!(proposal.replace.is_empty());
    }

    #[test]
    fn an_update_keeps_what_the_definition_does_not_say() {
        let prior = Value::object([
            ("cidr", Value::from("10.0.0.0/16")),
            ("dns", false.into()),
            ("id", "vpc-1".into()),
            ("policy", r#"{"a": 1}"#.into()),
            ("zone", "a".into()),
        ]);
        let same = schema().propose(Some(&prior), &config("10.0.0.0/16", r#"{"a":1}"#));
        assert_eq!(same.planned, prior);
        let other = schema().propose(Some(&prior), &config("10.1.0.0/16", "{}"));
        let replace: Vec<String> = other.replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, ["cidr"]);
    }
}
