//! The fields that a value has an opinion on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::path::PathElement;
use crate::schema::{Chosen, ListType, MapType, Relationship, Schema, TypeRef};
use crate::set::FieldSet;
use crate::typed::TypeProblemKind;
use crate::walk::{self, Problems};

pub(crate) fn of(
    schema: &Schema,
    type_ref: &TypeRef,
    value: &Value,
    problems: &mut Problems,
) -> FieldSet {
    let mut walk = Walk {
        schema,
        path: Vec::new(),
        set: FieldSet::new(),
    };
    walk.value(type_ref, value, problems);
    walk.set
}

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<PathElement>,
    set: FieldSet,
}

impl Walk<'_> {
    fn value(&mut self, type_ref: &TypeRef, value: &Value, problems: &mut Problems) {
        let Some(atom) = walk::resolve(self.schema, type_ref, problems) else {
            return;
        };
        match atom.of(Some(value)).chosen() {
            None => problems.push(TypeProblemKind::UnknownField),
            Some(Chosen::Scalar(_)) => self.set.insert(&self.path),
            Some(Chosen::Map(map)) => self.map(map, value, problems),
            Some(Chosen::List(list)) => self.list(list, value, problems),
        }
    }

    fn below(
        &mut self,
        element: PathElement,
        type_ref: &TypeRef,
        value: &Value,
        problems: &mut Problems,
    ) {
        let mut below = Problems::default();
        self.path.push(element);
        self.value(type_ref, value, &mut below);
        if let Some(element) = self.path.pop() {
            problems.within(&element, below);
        }
    }

    fn insert_below(&mut self, element: PathElement) {
        self.path.push(element);
        self.set.insert(&self.path);
        self.path.pop();
    }

    fn map(&mut self, map: &MapType, value: &Value, problems: &mut Problems) {
        if map.relationship == Relationship::Atomic {
            return self.set.insert(&self.path);
        }
        for (key, value) in walk::as_map(Some(value)).into_iter().flatten() {
            let element = PathElement::field(key);
            self.below(element.clone(), &map.type_of(key), value, problems);
            // A named field is there because of what is in it; an empty one, and a free key, for their own sake.
            let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            if empty || map.field(key).is_none() {
                self.insert_below(element);
            }
        }
    }

    fn list(&mut self, list: &ListType, value: &Value, problems: &mut Problems) {
        if list.relationship == Relationship::Atomic {
            return self.set.insert(&self.path);
        }
        let mut items: BTreeMap<PathElement, Vec<&Value>> = BTreeMap::new();
        for item in walk::as_list(Some(value)).unwrap_or_default() {
            match walk::item_element(self.schema, list, item) {
                Ok(element) => items.entry(element).or_default().push(item),
                Err(kind) => problems.push(kind),
            }
        }
        for (element, items) in items {
            // Several items of one key are one piece.
            if let [item] = items.as_slice() {
                self.below(element.clone(), &list.element, item, problems);
            }
            self.insert_below(element);
        }
    }
}
