//! What blocks that are written for imports refer to: other objects, in the place of their ids and ARNs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_model::provider::Observation;
use strata_model::schema::ResourceSchema;
use strata_model::{Address, Value};

use super::Reference;
use super::change::ChangeKind;
use super::walk::Planner;

/// The attributes by which others know an object. Where both are the same, the first one says what it is.
const NAMING: [&str; 2] = ["arn", "id"];

/// What texts name; `None` where that is more than one object.
type Named = BTreeMap<String, Option<Reference>>;

impl Planner<'_> {
    /// Finds what the generated blocks can refer to: each other, and what is recorded and stays.
    pub(super) fn refer(&mut self) {
        let named = self.named();
        let mut needs: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
        for block in &mut self.generated {
            for text in texts(&block.arguments) {
                let Some(Some(reference)) = named.get(&text) else {
                    continue;
                };
                let to = &reference.address;
                // Of two that name each other, as security groups may, only one can refer to the other.
                if *to == block.address || reaches(&needs, to, &block.address) {
                    continue;
                }
                let own = needs.entry(block.address.clone()).or_default();
                own.insert(to.clone());
                block.references.insert(text, reference.clone());
            }
        }
    }

    fn named(&self) -> Named {
        let mut named = Named::new();
        for block in &self.generated {
            let address = &block.address;
            let known = self
                .input
                .providers
                .schema(address.mode, &address.resource_type);
            let read = self.input.read.get(address);
            if let (Some((_, schema)), Some(Observation::Present(object))) = (known, read) {
                let text = |name: &str| {
                    let value = object.attributes.get(name).and_then(Value::as_str);
                    value.map(str::to_owned)
                };
                add(&mut named, address, names(schema, &text));
            }
        }
        for change in &self.changes {
            let stays = matches!(change.kind, ChangeKind::NoOp | ChangeKind::Update { .. });
            let Some((_, row)) = change.row else {
                continue;
            };
            if stays && change.address.scope.is_root() {
                let json = row.attributes.json.value();
                let text = |name: &str| json.get(name)?.as_str().map(str::to_owned);
                add(&mut named, &change.address, names(change.schema, &text));
            }
        }
        named
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

fn add(named: &mut Named, address: &Address, names: Vec<(&'static str, String)>) {
    for (attribute, name) in names {
        let reference = Reference {
            address: address.clone(),
            attribute,
        };
        named
            .entry(name)
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
}

/// All texts in the arguments of a block.
fn texts(arguments: &BTreeMap<Arc<str>, Value>) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for value in arguments.values() {
        value.walk(&mut |_, value| texts.extend(value.as_str().map(str::to_owned)));
    }
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
    use strata_model::schema::{Adoption, Attribute, AttributeType, Schema};

    use super::*;

    #[test]
    fn a_name_that_a_definition_gives_is_no_reference() {
        let text = || AttributeType::String;
        let schema = Schema::new([
            ("name", Attribute::required(text(), "N.")),
            ("id", Attribute::computed(text(), "I.")),
            ("arn", Attribute::computed(text(), "A.")),
        ]);
        let schema = ResourceSchema::managed("a", Adoption::Name, schema, "A.");
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

    #[test]
    fn what_two_objects_are_known_by_names_none() {
        let address = |name: &str| Address::resource("a", name);
        let mut named = Named::new();
        let both = || vec![("arn", "arn:1".to_owned()), ("id", "arn:1".to_owned())];
        add(&mut named, &address("x"), both());
        let known = named["arn:1"].as_ref().map(|known| known.attribute);
        assert_eq!(known, Some("arn"));
        add(&mut named, &address("y"), both());
        assert_eq!(named["arn:1"], None);
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
