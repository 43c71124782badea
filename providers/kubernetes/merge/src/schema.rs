//! Types of Kubernetes values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

/// The name of the type of a value that is one piece, whatever it holds.
const UNTYPED_ATOMIC: &str = "__untyped_atomic_";

/// The name of the type that is read off a value: maps are shared, everything else is one piece.
const UNTYPED_DEDUCED: &str = "__untyped_deduced_";

/// A schema refers to a type that it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the schema has no type {name:?}")]
pub struct UnknownType {
    /// The name.
    pub name: String,
}

/// Named types that refer to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    types: BTreeMap<String, Atom>,
}

impl Default for Schema {
    /// The schema without types of its own.
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl Schema {
    /// The schema of these types; the two types for what has none are always there.
    #[must_use]
    pub fn new(mut types: BTreeMap<String, Atom>) -> Self {
        types.insert(
            UNTYPED_ATOMIC.to_owned(),
            untyped(TypeRef::untyped_atomic(), Relationship::Atomic),
        );
        types.insert(
            UNTYPED_DEDUCED.to_owned(),
            untyped(TypeRef::deduced(), Relationship::Separable),
        );
        Self { types }
    }

    /// Whether a type of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// The names of the types, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// The alternatives of a type. A reference to nothing gives none.
    ///
    /// # Errors
    ///
    /// When the schema has no type of that name.
    pub fn resolve(&self, type_ref: &TypeRef) -> Result<Atom, UnknownType> {
        let atom = match &type_ref.target {
            Target::Nothing => Atom::default(),
            Target::Inlined(atom) => Atom::clone(atom),
            Target::Named(name) => self
                .types
                .get(name)
                .cloned()
                .ok_or_else(|| UnknownType { name: name.clone() })?,
        };
        Ok(match type_ref.relationship {
            None => atom,
            Some(relationship) => atom.with_relationship(relationship),
        })
    }
}

/// A reference to a type, or the type itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TypeRef {
    target: Target,
    relationship: Option<Relationship>,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Target {
    #[default]
    Nothing,
    Named(String),
    Inlined(Arc<Atom>),
}

impl TypeRef {
    /// Refers to a type of the schema.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            target: Target::Named(name.into()),
            relationship: None,
        }
    }

    /// A type without a name.
    #[must_use]
    pub fn inlined(atom: Atom) -> Self {
        Self {
            target: Target::Inlined(Arc::new(atom)),
            relationship: None,
        }
    }

    /// The type of any value that is one piece.
    #[must_use]
    pub fn untyped_atomic() -> Self {
        Self::named(UNTYPED_ATOMIC)
    }

    /// The type that is read off the value: for kinds without a schema, and below `preserve-unknown-fields`.
    #[must_use]
    pub fn deduced() -> Self {
        Self::named(UNTYPED_DEDUCED)
    }

    /// The same type, but with this relationship between its items: the field's own wish.
    #[must_use]
    pub fn related(self, relationship: Relationship) -> Self {
        Self {
            relationship: Some(relationship),
            ..self
        }
    }

    /// Whether values of the type have no schema, so that nothing can be said of them.
    pub(crate) fn is_deduced(&self) -> bool {
        match &self.target {
            Target::Named(name) => name == UNTYPED_DEDUCED,
            Target::Inlined(atom) => atom.scalar == Some(Scalar::Any),
            Target::Nothing => false,
        }
    }
}

/// The alternatives of a type. Most types have one; a type that is read off the value has all three.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Atom {
    /// As a scalar.
    pub scalar: Option<Scalar>,
    /// As a list.
    pub list: Option<Arc<ListType>>,
    /// As a map.
    pub map: Option<Arc<MapType>>,
}

impl From<Scalar> for Atom {
    fn from(scalar: Scalar) -> Self {
        Self {
            scalar: Some(scalar),
            ..Self::default()
        }
    }
}

impl From<ListType> for Atom {
    fn from(list: ListType) -> Self {
        Self {
            list: Some(Arc::new(list)),
            ..Self::default()
        }
    }
}

impl From<MapType> for Atom {
    fn from(map: MapType) -> Self {
        Self {
            map: Some(Arc::new(map)),
            ..Self::default()
        }
    }
}

impl Atom {
    fn with_relationship(mut self, relationship: Relationship) -> Self {
        if let Some(map) = &mut self.map {
            Arc::make_mut(map).relationship = relationship;
        } else if let Some(list) = &mut self.list {
            Arc::make_mut(list).relationship = relationship;
        }
        self
    }

    /// The alternative that a value is of, where it is clear from the value; else all of them.
    pub(crate) fn of(&self, value: Option<&Value>) -> Self {
        match value {
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if self.scalar.is_some() => {
                Self {
                    scalar: self.scalar,
                    ..Self::default()
                }
            }
            Some(Value::Array(_)) if self.list.is_some() => Self {
                list: self.list.clone(),
                ..Self::default()
            },
            Some(Value::Object(_)) if self.map.is_some() => Self {
                map: self.map.clone(),
                ..Self::default()
            },
            None | Some(_) => self.clone(),
        }
    }

    /// Whether two alternatives of one type are the same.
    pub(crate) fn same_alternatives(&self, other: &Self) -> bool {
        self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
            && self.map.is_some() == other.map.is_some()
    }

    /// The alternative to go on with: a map before a scalar before a list.
    pub(crate) fn chosen(&self) -> Option<Chosen<'_>> {
        match self {
            Self { map: Some(map), .. } => Some(Chosen::Map(map)),
            Self {
                scalar: Some(scalar),
                ..
            } => Some(Chosen::Scalar(*scalar)),
            Self {
                list: Some(list), ..
            } => Some(Chosen::List(list)),
            Self {
                map: None,
                scalar: None,
                list: None,
            } => None,
        }
    }
}

/// One alternative of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chosen<'a> {
    Map(&'a MapType),
    Scalar(Scalar),
    List(&'a ListType),
}

/// What a scalar may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A number, whole or not.
    Numeric,
    /// A text.
    Text,
    /// True or false.
    Boolean,
    /// Any of them: dates, quantities, `int-or-string`.
    Any,
}

/// How the items of a list or map belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relationship {
    /// The list or map is one value: one manager holds all of it.
    Atomic,
    /// The items of a list are known by key or value, whatever their place. Lists only.
    Associative,
    /// Each entry stands for itself. Maps only.
    Separable,
}

/// A list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListType {
    /// The type of its items.
    pub element: TypeRef,
    /// [`Relationship::Atomic`] or [`Relationship::Associative`].
    pub relationship: Relationship,
    /// The fields by which items of an associative list are known; without them it is a set of scalars.
    pub keys: Vec<String>,
}

/// A map with named fields, or free keys, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct MapType {
    /// The fields that have a name.
    pub fields: BTreeMap<String, Field>,
    /// The fields that a valid object has. Merging does not look at them.
    pub required: BTreeSet<String>,
    /// The type under any other key; without it, other keys are an error.
    pub element: Option<TypeRef>,
    /// [`Relationship::Atomic`] or [`Relationship::Separable`].
    pub relationship: Relationship,
}

impl MapType {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// The type under a key; refers to nothing for a key that may not be there.
    pub(crate) fn type_of(&self, key: &str) -> TypeRef {
        match self.fields.get(key) {
            Some(field) => field.type_ref.clone(),
            None => self.element.clone().unwrap_or_default(),
        }
    }

    /// Whether nothing is known of the map but that it is one.
    pub(crate) fn is_deduced(&self) -> bool {
        self.fields.is_empty() && self.element.as_ref().is_some_and(TypeRef::is_deduced)
    }
}

/// A named field of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its type.
    pub type_ref: TypeRef,
    /// What the API server fills in when it is left out, as far as the schema says.
    pub default: Option<Value>,
}

fn untyped(map_element: TypeRef, map_relationship: Relationship) -> Atom {
    Atom {
        scalar: Some(Scalar::Any),
        list: Some(Arc::new(ListType {
            element: TypeRef::untyped_atomic(),
            relationship: Relationship::Atomic,
            keys: Vec::new(),
        })),
        map: Some(Arc::new(MapType {
            fields: BTreeMap::new(),
            required: BTreeSet::new(),
            element: Some(map_element),
            relationship: map_relationship,
        })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_decides_over_its_type() {
        let map = MapType {
            fields: BTreeMap::new(),
            required: BTreeSet::new(),
            element: None,
            relationship: Relationship::Separable,
        };
        let schema = Schema::new(BTreeMap::from([("m".to_owned(), Atom::from(map))]));
        let atomic = schema
            .resolve(&TypeRef::named("m").related(Relationship::Atomic))
            .unwrap();
        assert_eq!(atomic.map.unwrap().relationship, Relationship::Atomic);
        let plain = schema.resolve(&TypeRef::named("m")).unwrap();
        assert_eq!(plain.map.unwrap().relationship, Relationship::Separable);
    }

    #[test]
    fn a_type_that_is_not_there_is_named() {
        let error = Schema::default().resolve(&TypeRef::named("x")).unwrap_err();
        assert_eq!(error.to_string(), "the schema has no type \"x\"");
        assert_eq!(
            Schema::default().resolve(&TypeRef::default()).unwrap(),
            Atom::default()
        );
    }

    #[test]
    fn the_value_chooses_between_alternatives() {
        let atom = Schema::default().resolve(&TypeRef::deduced()).unwrap();
        assert!(matches!(
            atom.of(Some(&json!(1))).chosen(),
            Some(Chosen::Scalar(Scalar::Any))
        ));
        assert!(matches!(
            atom.of(Some(&json!([]))).chosen(),
            Some(Chosen::List(_))
        ));
        assert!(matches!(
            atom.of(Some(&json!({}))).chosen(),
            Some(Chosen::Map(_))
        ));
        assert!(matches!(atom.of(None).chosen(), Some(Chosen::Map(_))));
        assert!(Atom::default().chosen().is_none());
    }
}
