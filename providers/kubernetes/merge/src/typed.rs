//! A value with its type.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use crate::compare::{self, Comparison};
use crate::path::{Path, PathElement};
use crate::schema::{Atom, Chosen, ListType, MapType, Relationship, Schema, TypeRef};
use crate::set::FieldSet;
use crate::walk::{self, Problems};
use crate::{field_set, merge, project, remove, required};

/// A value that is not of its type.
#[derive(Debug, Clone, PartialEq, Error)]
pub struct TypeError {
    /// Everything that is wrong, in the order of the value; never empty.
    pub problems: Vec<TypeProblem>,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeProblem {
    pub(crate) steps: Vec<PathElement>,
    /// What is wrong.
    pub kind: TypeProblemKind,
}

impl TypeProblem {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> Path {
        Path::from(self.steps.clone())
    }
}

impl fmt::Display for TypeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            write!(f, "{}", self.kind)
        } else {
            write!(f, "{}: {}", self.path(), self.kind)
        }
    }
}

/// What can be wrong with a value of a type.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TypeProblemKind {
    /// The schema has a hole.
    #[error("the schema has no type {name:?}")]
    UnknownType {
        /// The name of the type that is missing.
        name: String,
    },
    /// The field is not in the schema.
    #[error("there is no such field")]
    UnknownField,
    /// The value is of another kind.
    #[error("this must be {expected}")]
    Mismatch {
        /// What it must be, with its article.
        expected: &'static str,
    },
    /// Two items of a list have one key.
    #[error("the list has two items {element}")]
    Duplicate {
        /// The key.
        element: PathElement,
    },
    /// An item leaves out all fields by which it would be known.
    #[error("the item has none of its list's keys ({})", keys.join(", "))]
    NoKeys {
        /// The keys.
        keys: Vec<String>,
    },
    /// An item cannot be told from others: null, a list or map in a set, something else than a map in a keyed list.
    #[error("an item of this kind cannot be in such a list")]
    NotAKey,
}

/// Whether lists may have several items with one key. What is applied may not; what the server has, may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// They may.
    Allowed,
    /// They may not.
    Refused,
}

/// A value and its type. The value was found to be of it once; every operation relies on that.
#[derive(Debug, Clone)]
pub struct TypedValue {
    value: Value,
    type_ref: TypeRef,
    schema: Arc<Schema>,
}

impl TypedValue {
    /// Gives a value its type.
    ///
    /// # Errors
    ///
    /// Everything that is not of the type.
    pub fn new(
        value: Value,
        schema: Arc<Schema>,
        type_ref: TypeRef,
        duplicates: Duplicates,
    ) -> Result<Self, TypeError> {
        let mut problems = Problems::default();
        Validation {
            schema: &schema,
            duplicates,
        }
        .value(&type_ref, &value, &mut problems);
        settled(problems)?;
        Ok(Self {
            value,
            type_ref,
            schema,
        })
    }

    /// Gives a value without a schema the type that is read off it: maps are shared, the rest is one piece.
    ///
    /// # Errors
    ///
    /// None is known; the type takes every value.
    pub fn deduced(value: Value) -> Result<Self, TypeError> {
        Self::new(
            value,
            Arc::new(Schema::default()),
            TypeRef::deduced(),
            Duplicates::Allowed,
        )
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, without its type.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Its type.
    #[must_use]
    pub fn type_ref(&self) -> &TypeRef {
        &self.type_ref
    }

    /// Where its type is from.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The required fields that the value does not have and that no default of the schema fills in, in the maps that it
    /// does have. Null counts as not there.
    ///
    /// A server asks for them after it has filled in defaults, some of which it knows in code alone.
    #[must_use]
    pub fn missing(&self) -> Vec<Path> {
        let mut missing = Vec::new();
        required::find(&self.schema, &self.type_ref, &self.value, &mut |path| {
            missing.push(path)
        });
        missing
    }

    /// Every field that the value has an opinion on: leaves, items, entries of free maps, and empty maps.
    ///
    /// # Errors
    ///
    /// When the schema has a hole.
    pub fn field_set(&self) -> Result<FieldSet, TypeError> {
        let mut problems = Problems::default();
        let set = field_set::of(&self.schema, &self.type_ref, &self.value, &mut problems);
        settled(problems)?;
        Ok(set)
    }

    /// This value with everything of the other laid over it. Items that both have stay in the other's order.
    ///
    /// # Errors
    ///
    /// When the two cannot be of one type.
    pub fn merge(&self, other: &Self) -> Result<Self, TypeError> {
        let mut problems = Problems::default();
        let merged = merge::merge(
            &self.schema,
            &self.type_ref,
            (&self.value, &other.value),
            &mut problems,
        );
        settled(problems)?;
        Ok(Self {
            value: merged.unwrap_or(Value::Null),
            ..self.clone()
        })
    }

    /// What the other has more, less and differently.
    ///
    /// # Errors
    ///
    /// When the two cannot be of one type.
    pub fn compare(&self, other: &Self) -> Result<Comparison, TypeError> {
        let mut problems = Problems::default();
        let comparison = compare::compare(
            &self.schema,
            &self.type_ref,
            (&self.value, &other.value),
            &mut problems,
        );
        settled(problems)?;
        Ok(comparison)
    }

    /// What a live object has of the fields that this value has, in this value's spelling where both mean the same. The
    /// fields in `held` are as they are here, whatever the live object looks like: who holds a field knows that nobody
    /// else changed it, and a server may store another spelling of it. Fields that the live object lacks are left out.
    #[must_use]
    pub fn seen_in(&self, live: &Value, held: &FieldSet) -> Value {
        let seen = project::project(&self.schema, &self.type_ref, (&self.value, live), held);
        seen.unwrap_or(Value::Null)
    }

    /// This value without these fields. A map or list that loses everything becomes null.
    #[must_use]
    pub fn without(&self, fields: &FieldSet) -> Self {
        Self {
            value: remove::remove(&self.schema, &self.type_ref, &self.value, fields),
            ..self.clone()
        }
    }
}

fn settled(problems: Problems) -> Result<(), TypeError> {
    if problems.0.is_empty() {
        Ok(())
    } else {
        Err(TypeError {
            problems: problems.0,
        })
    }
}

struct Validation<'a> {
    schema: &'a Schema,
    duplicates: Duplicates,
}

impl Validation<'_> {
    fn value(&self, type_ref: &TypeRef, value: &Value, problems: &mut Problems) {
        let Some(atom) = walk::resolve(self.schema, type_ref, problems) else {
            return;
        };
        let atom: Atom = atom.of(Some(value));
        match atom.chosen() {
            None => problems.push(TypeProblemKind::UnknownField),
            Some(Chosen::Scalar(scalar)) => {
                if let Err(kind) = walk::check_scalar(scalar, Some(value)) {
                    problems.push(kind);
                }
            }
            Some(Chosen::Map(map)) => self.map(map, value, problems),
            Some(Chosen::List(list)) => self.list(list, value, problems),
        }
    }

    fn map(&self, map: &MapType, value: &Value, problems: &mut Problems) {
        let entries = match value {
            Value::Null => return,
            Value::Object(entries) => entries,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return problems.push(TypeProblemKind::Mismatch { expected: "a map" });
            }
        };
        for (key, value) in entries {
            let mut below = Problems::default();
            self.value(&map.type_of(key), value, &mut below);
            problems.within(&PathElement::field(key), below);
        }
    }

    fn list(&self, list: &ListType, value: &Value, problems: &mut Problems) {
        let items = match value {
            Value::Null => return,
            Value::Array(items) => items,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return problems.push(TypeProblemKind::Mismatch { expected: "a list" });
            }
        };
        let mut seen = FieldSet::new();
        for (index, item) in (0..).zip(items) {
            let mut element = PathElement::Index(index);
            let mut below = Problems::default();
            if list.relationship == Relationship::Associative {
                match walk::item_element(self.schema, list, item) {
                    Ok(key) => element = key,
                    Err(kind) => {
                        below.push(kind);
                        problems.within(&element, below);
                        continue;
                    }
                }
                let key = [element];
                if seen.contains(&key) && self.duplicates == Duplicates::Refused {
                    let [element] = key.clone();
                    problems.push(TypeProblemKind::Duplicate { element });
                }
                seen.insert(&key);
                [element] = key;
            }
            self.value(&list.element, item, &mut below);
            problems.within(&element, below);
        }
    }
}
