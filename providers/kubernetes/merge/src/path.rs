//! Fields: one step of a path, and a whole path.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::value;

/// A value that names an item of a list, with the order and equality of [`value::compare`].
#[derive(Debug, Clone)]
pub struct Literal(pub Value);

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        value::equal(&self.0, &other.0)
    }
}

impl Eq for Literal {}

impl PartialOrd for Literal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Literal {
    fn cmp(&self, other: &Self) -> Ordering {
        value::compare(&self.0, &other.0)
    }
}

/// One step from a value to a part of it. The order of the variants is the order in `managedFields`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A field of a map.
    Field(String),
    /// The item of a keyed list that has these key fields; sorted by name. A key that the item leaves out and that has
    /// no default is not there.
    Key(Vec<(String, Literal)>),
    /// The item of a set.
    Value(Literal),
    /// The item of a list by its place. Such fields are read but never made: lists without keys are owned as a whole.
    Index(i64),
}

impl PathElement {
    /// The field of a map.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }
}

impl fmt::Display for PathElement {
    /// As the API server writes it in the `field` of a conflict's cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<String> = keys
                    .iter()
                    .map(|(name, literal)| format!("{name}={}", value::shown(&literal.0)))
                    .collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(literal) => write!(f, "[={}]", value::shown(&literal.0)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The way from an object to a part of it. The empty path is the object itself, which nobody owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<PathElement>);

impl Path {
    /// The path of fields with these names.
    #[must_use]
    pub fn of_fields(names: &[&str]) -> Self {
        Self(names.iter().map(|name| PathElement::field(*name)).collect())
    }

    /// Its steps, from the object down.
    #[must_use]
    pub fn elements(&self) -> &[PathElement] {
        &self.0
    }

    /// The path with one more step.
    #[must_use]
    pub fn child(&self, element: PathElement) -> Self {
        let mut elements = self.0.clone();
        elements.push(element);
        Self(elements)
    }
}

impl From<Vec<PathElement>> for Path {
    fn from(elements: Vec<PathElement>) -> Self {
        Self(elements)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
