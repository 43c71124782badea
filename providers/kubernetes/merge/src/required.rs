//! Fields that a valid value has.

use serde_json::Value;

use crate::path::{Path, PathElement};
use crate::schema::{Chosen, Relationship, Schema, TypeRef};
use crate::walk;

/// Reports every required field that is not there and that no default fills in.
pub(crate) fn find(
    schema: &Schema,
    type_ref: &TypeRef,
    value: &Value,
    report: &mut dyn FnMut(Path),
) {
    Walk {
        schema,
        path: Vec::new(),
        report,
    }
    .value(type_ref, value);
}

/// Whether a default is only what a field of its type has before anything is put into it: documents give such a default
/// to every required field.
fn is_nothing(default: &Value) -> bool {
    match default {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<PathElement>,
    report: &'a mut dyn FnMut(Path),
}

impl Walk<'_> {
    fn value(&mut self, type_ref: &TypeRef, value: &Value) {
        let Ok(atom) = self.schema.resolve(type_ref) else {
            return;
        };
        match atom.of(Some(value)).chosen() {
            Some(Chosen::Map(map)) => {
                let Some(entries) = walk::as_map(Some(value)) else {
                    return;
                };
                let has = |name: &String| entries.get(name).is_some_and(|value| !value.is_null());
                for name in map.required.iter().filter(|name| !has(name)) {
                    let default = map.field(name).and_then(|field| field.default.as_ref());
                    if default.is_none_or(is_nothing) {
                        (self.report)(
                            Path::from(self.path.clone()).child(PathElement::field(name)),
                        );
                    }
                }
                for (key, value) in entries {
                    self.below(PathElement::field(key), &map.type_of(key), value);
                }
            }
            Some(Chosen::List(list)) => {
                for (index, item) in (0..).zip(walk::as_list(Some(value)).unwrap_or_default()) {
                    let named = match list.relationship {
                        Relationship::Associative => {
                            walk::item_element(self.schema, list, item).ok()
                        }
                        Relationship::Atomic | Relationship::Separable => None,
                    };
                    self.below(
                        named.unwrap_or(PathElement::Index(index)),
                        &list.element,
                        item,
                    );
                }
            }
            Some(Chosen::Scalar(_)) | None => {}
        }
    }

    fn below(&mut self, element: PathElement, type_ref: &TypeRef, value: &Value) {
        self.path.push(element);
        self.value(type_ref, value);
        self.path.pop();
    }
}
