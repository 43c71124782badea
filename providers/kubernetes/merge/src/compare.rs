//! What differs between two values of one type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::path::PathElement;
use crate::schema::{Atom, Chosen, ListType, MapType, Relationship, Schema, TypeRef};
use crate::set::FieldSet;
use crate::typed::TypeProblemKind;
use crate::value;
use crate::walk::{self, Problems};

/// The fields in which a right value differs from a left one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Only the left has them.
    pub removed: FieldSet,
    /// Both have them, with different values.
    pub modified: FieldSet,
    /// Only the right has them.
    pub added: FieldSet,
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// The comparison without these fields and what is below them.
    #[must_use]
    pub fn excluding(&self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// The two sides; `None` is absence, which is not null.
type Sides<'a> = (Option<&'a Value>, Option<&'a Value>);

pub(crate) fn compare(
    schema: &Schema,
    type_ref: &TypeRef,
    (left, right): (&Value, &Value),
    problems: &mut Problems,
) -> Comparison {
    let mut walk = Walk {
        schema,
        path: Vec::new(),
        found: Comparison::default(),
    };
    walk.value(type_ref, (Some(left), Some(right)), problems);
    walk.found
}

/// Whether the walk went into a value, or took it as one piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Whole,
    Apart,
}

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<PathElement>,
    found: Comparison,
}

impl Walk<'_> {
    fn value(&mut self, type_ref: &TypeRef, sides: Sides<'_>, problems: &mut Problems) {
        let (left, right) = sides;
        let Some(atom) = walk::resolve(self.schema, type_ref, problems) else {
            return;
        };
        let (left_atom, right_atom) = (atom.of(left), atom.of(right));
        let taken = if right.is_none() {
            self.alternative(&left_atom, sides, problems)
        } else {
            if left.is_some() && !left_atom.same_alternatives(&right_atom) {
                // The kinds differ: the left is gone as what it was.
                self.alternative(&left_atom, sides, problems);
            }
            self.alternative(&right_atom, sides, problems)
        };
        if taken == Taken::Apart {
            if left.is_none() {
                self.found.added.insert(&self.path);
            } else if right.is_none() {
                self.found.removed.insert(&self.path);
            }
        }
    }

    fn alternative(&mut self, atom: &Atom, sides: Sides<'_>, problems: &mut Problems) -> Taken {
        match atom.chosen() {
            None => {
                problems.push(TypeProblemKind::UnknownField);
                Taken::Apart
            }
            Some(Chosen::Map(map)) => self.map(map, sides, problems),
            Some(Chosen::List(list)) => self.list(list, sides, problems),
            Some(Chosen::Scalar(scalar)) => {
                let (left, right) = (
                    walk::check_scalar(scalar, sides.0),
                    walk::check_scalar(scalar, sides.1),
                );
                if let (Err(_), Err(kind)) = (left, right) {
                    problems.push(kind);
                    return Taken::Apart;
                }
                self.leaf(sides)
            }
        }
    }

    fn leaf(&mut self, sides: Sides<'_>) -> Taken {
        match sides {
            (None, _) => self.found.added.insert(&self.path),
            (Some(_), None) => self.found.removed.insert(&self.path),
            (Some(left), Some(right)) if !value::equal(left, right) => {
                self.found.modified.insert(&self.path)
            }
            (Some(_), Some(_)) => {}
        }
        Taken::Whole
    }

    fn map(&mut self, map: &MapType, sides: Sides<'_>, problems: &mut Problems) -> Taken {
        let (left, right) = (walk::as_map(sides.0), walk::as_map(sides.1));
        let empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
        if map.relationship == Relationship::Atomic || empty {
            return self.leaf(sides);
        }
        let nothing = Map::new();
        let (left, right) = (left.unwrap_or(&nothing), right.unwrap_or(&nothing));
        for key in left
            .keys()
            .chain(right.keys().filter(|key| !left.contains_key(*key)))
        {
            let sides = (left.get(key), right.get(key));
            self.below(PathElement::field(key), &map.type_of(key), sides, problems);
        }
        Taken::Apart
    }

    fn below(
        &mut self,
        element: PathElement,
        type_ref: &TypeRef,
        sides: Sides<'_>,
        problems: &mut Problems,
    ) {
        let mut below = Problems::default();
        self.path.push(element);
        self.value(type_ref, sides, &mut below);
        if let Some(element) = self.path.pop() {
            problems.within(&element, below);
        }
    }

    fn list(&mut self, list: &ListType, sides: Sides<'_>, problems: &mut Problems) -> Taken {
        let (left, right) = (walk::as_list(sides.0), walk::as_list(sides.1));
        let empty = left.is_none_or(<[Value]>::is_empty) && right.is_none_or(<[Value]>::is_empty);
        if list.relationship == Relationship::Atomic || empty {
            return self.leaf(sides);
        }
        let mut items: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (element, item) in named(self.schema, list, left, problems) {
            items.entry(element).or_default().0.push(item);
        }
        for (element, item) in named(self.schema, list, right, problems) {
            items.entry(element).or_default().1.push(item);
        }
        for (element, (left, right)) in items {
            self.items(list, element, (&left, &right), problems);
        }
        Taken::Apart
    }

    /// All items of one key. Several of them are one piece that cannot be looked into.
    fn items(
        &mut self,
        list: &ListType,
        element: PathElement,
        sides: (&[&Value], &[&Value]),
        problems: &mut Problems,
    ) {
        let mut own = self.path.clone();
        own.push(element.clone());
        match sides {
            ([] | [_], [] | [_]) => {
                let sides = (sides.0.first().copied(), sides.1.first().copied());
                self.below(element, &list.element, sides, problems);
            }
            ([_, _, ..], [_, _, ..]) => {
                let same = sides.0.len() == sides.1.len()
                    && sides
                        .0
                        .iter()
                        .zip(sides.1)
                        .all(|(left, right)| value::equal(left, right));
                if !same {
                    self.found.modified.insert(&own);
                }
            }
            ([_, _, ..], right) => {
                if let Some(right) = right.first() {
                    self.below(element, &list.element, (None, Some(right)), problems);
                }
                self.found.removed.insert(&own);
            }
            (left, [_, _, ..]) => {
                if let Some(left) = left.first() {
                    self.below(element, &list.element, (Some(left), None), problems);
                }
                self.found.added.insert(&own);
            }
        }
    }
}

fn named<'a>(
    schema: &Schema,
    list: &ListType,
    items: Option<&'a [Value]>,
    problems: &mut Problems,
) -> Vec<(PathElement, &'a Value)> {
    let mut named = Vec::new();
    for item in items.unwrap_or_default() {
        match walk::item_element(schema, list, item) {
            Ok(element) => named.push((element, item)),
            Err(kind) => problems.push(kind),
        }
    }
    named
}
