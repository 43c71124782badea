//! The part of a live object that somebody speaks of.

use serde_json::{Map, Value};

use crate::path::PathElement;
use crate::quantity;
use crate::schema::{Chosen, ListType, MapType, Relationship, Scalar, Schema, TypeRef};
use crate::set::{FieldSet, Node};
use crate::walk;

/// What the walk knows of a place.
#[derive(Clone, Copy)]
struct Place<'a> {
    wanted: &'a Value,
    live: Option<&'a Value>,
    held: Option<&'a Node>,
}

/// The live value of every field that `wanted` has, in the spelling of `wanted` where both mean the same, and without
/// the fields that the live object does not have. The fields in `held` are as wanted, whatever they look like: a server
/// stores a quantity in its own spelling and drops what is empty.
pub(crate) fn project(
    schema: &Schema,
    type_ref: &TypeRef,
    (wanted, live): (&Value, &Value),
    held: &FieldSet,
) -> Option<Value> {
    let root = Node {
        member: false,
        children: held.clone(),
    };
    let place = Place {
        wanted,
        live: Some(live),
        held: Some(&root),
    };
    Projection { schema }.value(type_ref, place)
}

struct Projection<'a> {
    schema: &'a Schema,
}

impl Projection<'_> {
    fn value(&self, type_ref: &TypeRef, place: Place<'_>) -> Option<Value> {
        let atom = self.schema.resolve(type_ref).unwrap_or_default();
        let atom = atom.of(Some(place.wanted));
        match (atom.chosen(), place.wanted) {
            (Some(Chosen::Map(map)), Value::Object(wanted))
                if map.relationship != Relationship::Atomic && !wanted.is_empty() =>
            {
                self.map(map, wanted, place)
            }
            (Some(Chosen::List(list)), Value::Array(wanted))
                if list.relationship == Relationship::Associative && !wanted.is_empty() =>
            {
                self.list(list, wanted, place)
            }
            (Some(Chosen::Scalar(scalar)), _) => leaf(place, scalar == Scalar::Any),
            _ => leaf(place, true),
        }
    }

    fn map(&self, map: &MapType, wanted: &Map<String, Value>, place: Place<'_>) -> Option<Value> {
        let live = walk::as_map(place.live);
        let mut found = Map::new();
        for (key, wanted) in wanted {
            let below = Place {
                wanted,
                live: live.and_then(|live| live.get(key)),
                held: below(place.held, &PathElement::field(key)),
            };
            if let Some(value) = self.value(&map.type_of(key), below) {
                found.insert(key.clone(), value);
            }
        }
        (live.is_some() || !found.is_empty()).then_some(Value::Object(found))
    }

    fn list(&self, list: &ListType, wanted: &[Value], place: Place<'_>) -> Option<Value> {
        let live = walk::as_list(place.live);
        let mut found = Vec::new();
        for wanted in wanted {
            let Ok(element) = walk::item_element(self.schema, list, wanted) else {
                continue;
            };
            let same = |item: &&Value| {
                walk::item_element(self.schema, list, item).is_ok_and(|other| other == element)
            };
            let below = Place {
                wanted,
                live: live.and_then(|live| live.iter().find(same)),
                held: below(place.held, &element),
            };
            found.extend(self.value(&list.element, below));
        }
        (live.is_some() || !found.is_empty()).then_some(Value::Array(found))
    }
}

fn below<'n>(node: Option<&'n Node>, element: &PathElement) -> Option<&'n Node> {
    node?.children.node(element)
}

fn leaf(place: Place<'_>, may_be_quantity: bool) -> Option<Value> {
    let Place { wanted, live, held } = place;
    if held.is_some_and(Node::is_member) {
        return Some(wanted.clone());
    }
    match live.filter(says_something) {
        None => is_nothing(wanted).then(|| wanted.clone()),
        Some(live) if same(wanted, live, may_be_quantity) => Some(wanted.clone()),
        Some(live) => Some(live.clone()),
    }
}

/// Whether a live value is more than a field that is left out: a server writes null for some of those.
fn says_something(live: &&Value) -> bool {
    !live.is_null()
}

/// What a server may leave out without changing its meaning.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a live value is the wanted one. What the server filled into a value that is one piece does not count.
fn same(wanted: &Value, live: &Value, may_be_quantity: bool) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted.iter().all(|(key, wanted)| {
            live.get(key).filter(says_something).map_or_else(
                || is_nothing(wanted),
                |live| same(wanted, live, may_be_quantity),
            )
        }),
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len()
                && wanted
                    .iter()
                    .zip(live)
                    .all(|(wanted, live)| same(wanted, live, may_be_quantity))
        }
        _ => crate::value::equal(wanted, live) || may_be_quantity && quantity::same(wanted, live),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::path::Path;
    use crate::schema::Field;
    use crate::typed::{Duplicates, TypedValue};

    /// A map of a keyed list, an atomic list and a free map.
    fn schema() -> Arc<Schema> {
        let field = |type_ref| Field {
            type_ref,
            default: None,
        };
        let map = |fields: &[(&str, TypeRef)], element| MapType {
            fields: fields
                .iter()
                .map(|(name, type_ref)| ((*name).to_owned(), field(type_ref.clone())))
                .collect(),
            required: Default::default(),
            element,
            relationship: Relationship::Separable,
        };
        let any = || TypeRef::inlined(Scalar::Any.into());
        let item = map(&[("name", any()), ("value", any())], None);
        let keyed = ListType {
            element: TypeRef::inlined(item.into()),
            relationship: Relationship::Associative,
            keys: vec!["name".to_owned()],
        };
        let root = map(
            &[
                ("keyed", TypeRef::inlined(keyed.into())),
                ("whole", TypeRef::untyped_atomic()),
                ("free", TypeRef::inlined(map(&[], Some(any())).into())),
            ],
            None,
        );
        Arc::new(Schema::new([("root".to_owned(), root.into())].into()))
    }

    fn seen(wanted: Value, live: &Value, held: &[&[&str]]) -> Value {
        let typed = TypedValue::new(
            wanted,
            schema(),
            TypeRef::named("root"),
            Duplicates::Refused,
        );
        let held = held.iter().map(|path| Path::of_fields(path)).collect();
        typed.unwrap().seen_in(live, &held)
    }

    #[test]
    fn only_what_is_spoken_of_is_seen() {
        let live = json!({
            "keyed": [{"name": "b", "value": 1}, {"name": "a", "value": 2}],
            "whole": [{"x": 1, "default": true}], "free": {"k": "v", "other": 1},
        });
        assert_eq!(
            seen(
                json!({"keyed": [{"name": "a", "value": 2}], "whole": [{"x": 1}], "free": {"k": "v"}}),
                &live,
                &[]
            ),
            json!({"keyed": [{"name": "a", "value": 2}], "whole": [{"x": 1}], "free": {"k": "v"}})
        );
        assert_eq!(
            seen(
                json!({"keyed": [{"name": "c"}, {"name": "a", "value": 3}], "whole": [], "free": {"k": "w", "gone": 1}}),
                &live,
                &[]
            ),
            json!({"keyed": [{"name": "a", "value": 2}], "whole": [{"x": 1, "default": true}], "free": {"k": "v"}})
        );
    }

    #[test]
    fn what_means_the_same_keeps_its_spelling() {
        let live = json!({"free": {"cpu": "1"}});
        let wanted = json!({"keyed": [], "whole": null, "free": {"cpu": "1000m"}});
        assert_eq!(seen(wanted.clone(), &live, &[]), wanted);
    }

    #[test]
    fn a_live_null_is_a_field_that_is_left_out() {
        let live = json!({"keyed": null, "whole": {"a": null, "b": 1}, "free": {"c": null}});
        let wanted = json!({"keyed": [], "whole": {"a": [], "b": 1}});
        assert_eq!(seen(wanted.clone(), &live, &[]), wanted);
        assert_eq!(
            seen(
                json!({"keyed": [{"name": "a"}], "free": {"c": "x"}}),
                &live,
                &[]
            ),
            json!({"free": {}})
        );
    }

    #[test]
    fn what_is_held_is_as_it_was_applied() {
        let live = json!({"free": {"a": "changed", "b": "changed"}});
        assert_eq!(
            seen(
                json!({"free": {"a": "1", "b": "1", "c": false}}),
                &live,
                &[&["free", "a"], &["free", "c"]]
            ),
            json!({"free": {"a": "1", "b": "changed", "c": false}})
        );
    }
}
