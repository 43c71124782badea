//! What blocks that are written for imports refer to: other objects, in the place of their ids, ARNs and names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::provider::Observation;
use strata_model::schema::{Naming, ResourceSchema, Schema};
use strata_model::{Address, AttributePath, Mode, Value};

use super::change::{ChangeKind, InstanceChange};
use super::walk::Planner;
use super::{Generated, Reference};

/// The attributes by which others know an object. Where both are the same, the first one says what it is.
const NAMING: [&str; 2] = ["arn", "id"];

/// What texts name; `None` where that is more than one object.
#[derive(Debug, Default)]
struct Named {
    /// By ids and ARNs, whatever argument has them.
    of_any: BTreeMap<String, Option<Reference>>,
    /// By what arguments name objects of a type by.
    of_type: BTreeMap<TypedName, Option<Reference>>,
}

/// A name of an object among those of its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TypedName {
    naming: Naming,
    /// What tells the object together with the name; empty where the name alone does.
    within: String,
    text: String,
}

impl TypedName {
    /// A text as a name; `others` gives the other texts of the object, or of what names it.
    fn new(naming: Naming, text: String, others: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let within = match naming.within {
            Some(argument) => others(argument)?,
            None => String::new(),
        };
        Some(TypedName {
            naming,
            within,
            text,
        })
    }
}

/// An object that blocks can refer to.
struct Target<'t> {
    address: &'t Address,
    schema: &'t ResourceSchema,
    /// The text of an attribute.
    text: &'t dyn Fn(&str) -> Option<String>,
    /// Whether it is where a block without `provider` looks for what it names.
    is_near: bool,
}

/// A text in the arguments of a block, where it is, and as what it names an object of a type, if it does.
struct Said {
    path: AttributePath,
    text: String,
    name: Option<TypedName>,
}

impl Planner<'_> {
    /// Finds what the generated blocks can refer to: each other, and what is there already and stays.
    pub(super) fn refer(&mut self) {
        let said: Vec<Vec<Said>> = self
            .generated
            .iter()
            .map(|block| self.texts_of(block))
            .collect();
        let namings: BTreeSet<Naming> = said
            .iter()
            .flatten()
            .filter_map(|said| Some(said.name.as_ref()?.naming))
            .collect();
        let named = self.named(&namings);
        let mut needs: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
        for (block, said) in self.generated.iter_mut().zip(said) {
            for said in said {
                let own = &block.address;
                // Of two that name each other, as security groups may, only one can refer to the other.
                let known = named.all(&said).into_iter().find(|reference| {
                    reference.address != *own && !reaches(&needs, &reference.address, own)
                });
                if let Some(reference) = known.cloned() {
                    let own = needs.entry(own.clone()).or_default();
                    own.insert(reference.address.clone());
                    block.references.insert(said.path, reference);
                }
            }
        }
        for (own, other) in self.leaning() {
            let known = needs.entry(own.clone()).or_default().contains(&other);
            if known || reaches(&needs, &other, &own) {
                continue;
            }
            let block = self.generated.iter_mut().find(|one| one.address == own);
            if let Some(block) = block {
                needs.entry(own).or_default().insert(other.clone());
                block.depends_on.insert(other);
            }
        }
    }

    /// The pairs of a generated block and of what it has to depend on, as their providers know.
    fn leaning(&self) -> Vec<(Address, Address)> {
        let generated = self.generated.iter().filter_map(|block| {
            match self.input.read.get(&block.address)? {
                Observation::Present(object) => Some((&block.address, object.attributes.clone())),
                Observation::Absent | Observation::Unreadable(_) => None,
            }
        });
        let declared = self.changes.iter().filter(|change| {
            change.address.scope.is_root() && stays(&change.kind) && self.is_near(change)
        });
        let declared = declared.filter_map(|change| {
            let object = match &change.kind {
                ChangeKind::Import { object, .. } => object.clone(),
                _ => {
                    let ty = change.schema.schema.object_type();
                    change.row?.1.attributes.decode(ty).ok()?
                }
            };
            Some((&change.address, object))
        });
        let mut of_providers: BTreeMap<_, (_, Vec<(&Address, Value)>)> = BTreeMap::new();
        for (address, object) in generated.chain(declared) {
            let providers = self.input.providers;
            let known = providers.schema(address.mode, &address.resource_type);
            if let Some((provider, _)) = known {
                let (_, objects) = of_providers
                    .entry(provider.name())
                    .or_insert_with(|| (provider, Vec::new()));
                objects.push((address, object));
            }
        }
        let mut pairs = Vec::new();
        for (provider, objects) in of_providers.values() {
            let told: Vec<(&str, &Value)> = objects
                .iter()
                .map(|(address, object)| (&*address.resource_type, object))
                .collect();
            let found = provider.leans_on(&told).into_iter();
            let named =
                found.map(|(one, other)| (objects[one].0.clone(), objects[other].0.block()));
            pairs.extend(named);
        }
        pairs
    }

    /// All texts in the arguments of a block.
    fn texts_of(&self, block: &Generated) -> Vec<Said> {
        let address = &block.address;
        let providers = self.input.providers;
        match providers.schema(address.mode, &address.resource_type) {
            Some((_, schema)) => texts(&schema.schema, &block.arguments),
            None => Vec::new(),
        }
    }

    fn named(&self, namings: &BTreeSet<Naming>) -> Named {
        let mut named = Named::default();
        for block in &self.generated {
            let address = &block.address;
            let known = self
                .input
                .providers
                .schema(address.mode, &address.resource_type);
            let read = self.input.read.get(address);
            if let (Some((_, schema)), Some(Observation::Present(object))) = (known, read) {
                let target = Target {
                    address,
                    schema,
                    text: &|name: &str| text_of(&object.attributes, name),
                    is_near: true,
                };
                named.add(&target, namings);
            }
        }
        for change in &self.changes {
            if !change.address.scope.is_root() || !stays(&change.kind) {
                continue;
            }
            let json = change.row.map(|(_, row)| row.attributes.json.value());
            let text = |name: &str| {
                if let ChangeKind::Import { object, .. } = &change.kind {
                    return text_of(object, name);
                }
                json.as_ref()?.get(name)?.as_str().map(str::to_owned)
            };
            let target = Target {
                address: &change.address,
                schema: change.schema,
                text: &text,
                is_near: self.is_near(change),
            };
            named.add(&target, namings);
        }
        named
    }

    /// Whether an object has the connection of the generated blocks: elsewhere others may have its name.
    fn is_near(&self, change: &InstanceChange<'_>) -> bool {
        let address = &change.address;
        let known = self
            .input
            .providers
            .schema(address.mode, &address.resource_type);
        let provider = known.and_then(|(provider, _)| self.default_provider(provider.name()));
        provider.is_some() && provider == change.provider
    }
}

/// Whether an object is there, and is the same one afterwards.
fn stays(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::NoOp | ChangeKind::Update { .. } => true,
        ChangeKind::Import { then, .. } => stays(then),
        ChangeKind::Create { .. }
        | ChangeKind::Replace { .. }
        | ChangeKind::Read { .. }
        | ChangeKind::Deferred => false,
    }
}

impl Named {
    fn add(&mut self, target: &Target<'_>, namings: &BTreeSet<Naming>) {
        for (attribute, name) in names(target.schema, target.text) {
            add(&mut self.of_any, name, target.address, attribute);
        }
        let is_managed = target.address.mode == Mode::Managed;
        let own = namings.iter().filter(|naming| {
            is_managed && target.is_near && naming.resource_type == target.schema.name
        });
        for naming in own {
            let name = (target.text)(naming.attribute);
            let name = name.and_then(|name| TypedName::new(*naming, name, target.text));
            if let Some(name) = name {
                add(&mut self.of_type, name, target.address, naming.attribute);
            }
        }
    }

    /// What a text may refer to: before others, an object of the type that its argument names.
    fn all(&self, said: &Said) -> Vec<&Reference> {
        let name = said.name.as_ref();
        let by_type = name.and_then(|name| self.of_type.get(name));
        let by_any = self.of_any.get(&said.text);
        by_type.into_iter().chain(by_any).flatten().collect()
    }
}

/// What an object is known by that nobody but its provider chose: a name that its definition gives may be a word in
/// any other text.
fn names(
    schema: &ResourceSchema,
    text: &dyn Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String)> {
    let is_said = |name: &str| {
        let attributes = schema.schema.attributes().iter();
        let mut arguments = attributes.filter(|(_, attribute)| attribute.is_argument());
        arguments.any(|(argument, _)| text(argument).as_deref() == Some(name))
    };
    let known = NAMING
        .iter()
        .filter_map(|attribute| Some((*attribute, text(attribute)?)));
    known
        .filter(|(_, name)| !name.is_empty() && !is_said(name))
        .collect()
}

fn add<K: Ord>(
    named: &mut BTreeMap<K, Option<Reference>>,
    key: K,
    address: &Address,
    attribute: &'static str,
) {
    let reference = Reference {
        address: address.clone(),
        attribute,
    };
    named
        .entry(key)
        .and_modify(|known| {
            // An id that is the ARN is no other object's.
            if known
                .as_ref()
                .is_some_and(|known| known.address != *address)
            {
                *known = None;
            }
        })
        .or_insert(Some(reference));
}

fn text_of(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// All texts in arguments.
fn texts(schema: &Schema, arguments: &BTreeMap<Arc<str>, Value>) -> Vec<Said> {
    let members = arguments.iter();
    let all = Value::object(members.map(|(name, value)| (Arc::clone(name), value.clone())));
    let others = |argument: &str| text_of(&all, argument);
    let mut texts = Vec::new();
    all.walk(&mut |path, value| {
        let naming = schema.at(path).and_then(|attribute| attribute.names);
        texts.extend(value.as_str().map(|text| Said {
            path: path.clone(),
            text: text.to_owned(),
            name: naming.and_then(|naming| TypedName::new(naming, text.to_owned(), &others)),
        }));
    });
    texts
}

/// Whether a block needs another one, by whatever lies between.
fn reaches(needs: &BTreeMap<Address, BTreeSet<Address>>, from: &Address, to: &Address) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use strata_model::schema::{Adoption, Attribute, AttributeType};

    use super::*;

    #[test]
    fn a_name_that_a_definition_gives_is_no_reference() {
        let schema = schema_of("a");
        let check = |id: &str, arn: &str, expected: &[&str]| {
            let text = |name: &str| match name {
                "name" => Some("main".to_owned()),
                "id" => Some(id.to_owned()),
                _ => Some(arn.to_owned()),
            };
            let names = names(&schema, &text);
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected, "{id} {arn}");
        };
        check("main", "arn:1", &["arn"]);
        check("a-1", "arn:1", &["arn", "id"]);
        check("a-1", "", &["id"]);
    }

    /// A type with a name, an id and an ARN, which is the id, too.
    fn schema_of(name: &'static str) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            ("name", Attribute::required(text(), "N.").replaces()),
            ("id", Attribute::computed(text(), "I.")),
            ("arn", Attribute::computed(text(), "A.")),
        ]);
        ResourceSchema::managed(name, Adoption::Name, schema, "A.")
    }

    /// Adds `TYPE.ADDRESS` with a name.
    fn put(named: &mut Named, (of, address): (&'static str, &str), name: &str, is_near: bool) {
        let target = Target {
            address: &Address::resource(of, address),
            schema: &schema_of(of),
            text: &|attribute: &str| match attribute {
                "name" => Some(name.to_owned()),
                _ => Some(format!("arn:{of}:{name}")),
            },
            is_near,
        };
        named.add(&target, &BTreeSet::from([BY_NAME]));
    }

    const BY_NAME: Naming = Naming {
        resource_type: "a",
        attribute: "name",
        within: None,
    };

    #[track_caller]
    fn expect(named: &Named, text: &str, naming: Option<Naming>, expected: &[&str]) {
        let said = Said {
            path: AttributePath::root(),
            text: text.to_owned(),
            name: naming.and_then(|naming| TypedName::new(naming, text.to_owned(), &|_| None)),
        };
        let known: Vec<String> = named
            .all(&said)
            .into_iter()
            .map(|reference| format!("{}.{}", reference.address, reference.attribute))
            .collect();
        assert_eq!(known, expected, "{text}");
    }

    #[test]
    fn what_two_objects_are_known_by_names_none() {
        let mut named = Named::default();
        put(&mut named, ("a", "x"), "main", true);
        expect(&named, "arn:a:main", None, &["a.x.arn"]);
        expect(&named, "main", Some(BY_NAME), &["a.x.name"]);
        put(&mut named, ("a", "y"), "main", true);
        expect(&named, "arn:a:main", None, &[]);
        expect(&named, "main", Some(BY_NAME), &[]);
    }

    #[test]
    fn a_name_is_that_of_the_type_that_its_argument_names() {
        let mut named = Named::default();
        put(&mut named, ("b", "x"), "main", true);
        put(&mut named, ("a", "far"), "main", false);
        expect(&named, "main", Some(BY_NAME), &[]);
        put(&mut named, ("a", "x"), "main", true);
        expect(&named, "main", Some(BY_NAME), &["a.x.name"]);
        expect(&named, "main", None, &[]);
        expect(&named, "other", Some(BY_NAME), &[]);
    }

    #[test]
    fn texts_are_found_with_what_they_name() {
        let text = || AttributeType::String;
        let inner =
            AttributeType::object([("who", Attribute::optional(text(), "W.").names("a", "name"))]);
        let schema = Schema::new([
            ("note", Attribute::optional(text(), "N.")),
            (
                "inner",
                Attribute::optional(AttributeType::List(Box::new(inner)), "I."),
            ),
        ]);
        let inner = Value::object([("who", Value::from("main"))]);
        let arguments = BTreeMap::from([
            ("note".into(), Value::from("main")),
            ("inner".into(), Value::tuple(vec![inner])),
        ]);
        let found = texts(&schema, &arguments);
        let found: Vec<(String, Option<Naming>)> = found
            .iter()
            .map(|said| {
                let naming = said.name.as_ref().map(|name| name.naming);
                (said.path.to_string(), naming)
            })
            .collect();
        let expected = [("inner[0].who", Some(BY_NAME)), ("note", None)];
        assert_eq!(
            found,
            expected.map(|(path, naming)| (path.to_owned(), naming))
        );
    }

    #[test]
    fn a_name_may_be_that_of_one_object_only_within_another() {
        let naming = Naming {
            within: Some("cluster"),
            ..BY_NAME
        };
        let of = |cluster: Option<&str>| {
            let others = |_: &str| cluster.map(str::to_owned);
            TypedName::new(naming, "main".to_owned(), &others)
        };
        assert_eq!(of(None), None);
        assert_eq!(of(Some("one")), of(Some("one")));
        assert_ne!(of(Some("one")), of(Some("two")));
    }

    #[test]
    fn needs_are_followed() {
        let address = |name: &str| Address::resource("a", name);
        let need = |from: &str, to: &str| (address(from), BTreeSet::from([address(to)]));
        let needs = BTreeMap::from([need("x", "y"), need("y", "z"), need("z", "y")]);
        assert!(reaches(&needs, &address("x"), &address("z")));
        assert!(!reaches(&needs, &address("z"), &address("x")));
    }
}
