//! Laying one typed value over another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::path::PathElement;
use crate::schema::{Chosen, ListType, MapType, Relationship, Schema, TypeRef};
use crate::typed::TypeProblemKind;
use crate::walk::{self, Problems};

/// The two sides of a merge; the right is laid over the left. `None` is absence, which is not null.
type Sides<'a> = (Option<&'a Value>, Option<&'a Value>);

/// The left value with everything of the right laid over it; `None` when nothing is left.
pub(crate) fn merge(
    schema: &Schema,
    type_ref: &TypeRef,
    (left, right): (&Value, &Value),
    problems: &mut Problems,
) -> Option<Value> {
    Merge { schema }.value(type_ref, (Some(left), Some(right)), problems)
}

struct Merge<'a> {
    schema: &'a Schema,
}

impl Merge<'_> {
    fn value(
        &self,
        type_ref: &TypeRef,
        sides: Sides<'_>,
        problems: &mut Problems,
    ) -> Option<Value> {
        let (left, right) = sides;
        let atom = walk::resolve(self.schema, type_ref, problems)?;
        let atom = match right {
            None => atom.of(left),
            // A side of another kind counts as absent below.
            Some(_) => atom.of(right),
        };
        let Some(chosen) = atom.chosen() else {
            problems.push(TypeProblemKind::UnknownField);
            return None;
        };
        match chosen {
            Chosen::Map(map) => self.map(map, sides, problems),
            Chosen::List(list) => self.list(list, sides, problems),
            Chosen::Scalar(scalar) => {
                if let (Err(_), Err(kind)) = (
                    walk::check_scalar(scalar, left),
                    walk::check_scalar(scalar, right),
                ) {
                    problems.push(kind);
                    return None;
                }
                leaf(sides)
            }
        }
    }

    fn map(&self, map: &MapType, sides: Sides<'_>, problems: &mut Problems) -> Option<Value> {
        let (left, right) = (walk::as_map(sides.0), walk::as_map(sides.1));
        let empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
        if map.relationship == Relationship::Atomic || empty {
            return leaf(sides);
        }
        let nothing = Map::new();
        let (left, right) = (left.unwrap_or(&nothing), right.unwrap_or(&nothing));
        let mut out = Map::new();
        for key in left
            .keys()
            .chain(right.keys().filter(|key| !left.contains_key(*key)))
        {
            let mut below = Problems::default();
            let merged = self.value(
                &map.type_of(key),
                (left.get(key), right.get(key)),
                &mut below,
            );
            problems.within(&PathElement::field(key), below);
            if let Some(merged) = merged {
                out.insert(key.clone(), merged);
            }
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    fn list(&self, list: &ListType, sides: Sides<'_>, problems: &mut Problems) -> Option<Value> {
        let (left, right) = (walk::as_list(sides.0), walk::as_list(sides.1));
        let empty = left.is_none_or(<[Value]>::is_empty) && right.is_none_or(<[Value]>::is_empty);
        if list.relationship == Relationship::Atomic || empty {
            return leaf(sides);
        }
        let left = Indexed::new(self.schema, list, left.unwrap_or_default(), problems);
        let right = Indexed::new(self.schema, list, right.unwrap_or_default(), problems);
        let mut out = Vec::new();
        for (element, left, right) in woven(&left, &right) {
            let mut below = Problems::default();
            out.extend(self.value(&list.element, (left, right), &mut below));
            problems.within(element, below);
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }
}

fn leaf((left, right): Sides<'_>) -> Option<Value> {
    right.or(left).cloned()
}

/// What stands for all of several items with one key: they are not merged with anything.
const SEVERAL: Value = Value::Null;

/// A list with the names of its items.
struct Indexed<'a> {
    items: Vec<(PathElement, &'a Value)>,
    by_element: BTreeMap<PathElement, &'a Value>,
}

impl<'a> Indexed<'a> {
    fn new(schema: &Schema, list: &ListType, items: &'a [Value], problems: &mut Problems) -> Self {
        let mut indexed = Self {
            items: Vec::with_capacity(items.len()),
            by_element: BTreeMap::new(),
        };
        for item in items {
            match walk::item_element(schema, list, item) {
                Err(kind) => problems.push(kind),
                Ok(element) => {
                    indexed
                        .by_element
                        .entry(element.clone())
                        .and_modify(|first| *first = &SEVERAL)
                        .or_insert(item);
                    indexed.items.push((element, item));
                }
            }
        }
        indexed
    }

    fn get(&self, element: &PathElement) -> Option<&'a Value> {
        self.by_element.get(element).copied()
    }

    fn contains(&self, element: &PathElement) -> bool {
        self.by_element.contains_key(element)
    }
}

/// The items of two lists in the order of the merged one, each with what either side has of it: items that both have
/// are in the right list's order, and what only the left has stays between the neighbours that it had.
fn woven<'a>(
    left: &'a Indexed<'a>,
    right: &'a Indexed<'a>,
) -> Vec<(&'a PathElement, Option<&'a Value>, Option<&'a Value>)> {
    let mut shared = right
        .items
        .iter()
        .map(|(element, _)| element)
        .filter(|element| left.contains(element));
    let mut next_shared = shared.next();
    let mut done: BTreeSet<&PathElement> = BTreeSet::new();
    let mut out = Vec::new();
    let (mut at_left, mut at_right) = (0, 0);
    while at_left < left.items.len() || at_right < right.items.len() {
        if let Some((element, item)) = left.items.get(at_left) {
            if let Some((opposite, _)) = right.items.get(at_right) {
                if element == opposite {
                    done.insert(element);
                    out.push((element, left.get(element), right.get(element)));
                    at_left += 1;
                    at_right += 1;
                    next_shared = shared.next();
                    continue;
                }
                if right.contains(element) && next_shared.is_some_and(|next| next != element) {
                    // Both have it, but another item is next: it comes with its place in the right list.
                    at_left += 1;
                    continue;
                }
            }
            if !right.contains(element) {
                out.push((element, Some(item), None));
                at_left += 1;
                continue;
            }
            if done.contains(element) {
                at_left += 1;
            }
        }
        if let Some((element, _)) = right.items.get(at_right) {
            done.insert(element);
            out.push((element, left.get(element), right.get(element)));
            at_right += 1;
            if next_shared == Some(element) {
                next_shared = shared.next();
            }
        }
    }
    out
}
