//! Values of the definition language and of objects' attributes.

use std::fmt;
use std::sync::Arc;

use crate::members::Members;
use crate::number::Number;
use crate::path::{AttributePath, PathStep};
use crate::types::Type;

/// A value with its mark.
///
/// Values are immutable and cheap to clone: collections are shared. A *secret* mark belongs to the value that carries
/// it; a collection may hold secret elements without being secret itself. `Debug` shows `***` in place of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    kind: Kind,
    secret: bool,
}

/// What a value is, apart from its mark.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// Absent; the type says of what.
    Null(Type),
    /// Known after apply; the type says what it will be.
    Unknown(Type),
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(Arc<str>),
    /// Elements of one type, in order.
    List(Type, Arc<Vec<Value>>),
    /// Distinct elements of one type, in canonical order (see [`Value::set`]).
    Set(Type, Arc<Vec<Value>>),
    /// Text keys to elements of one type.
    Map(Type, Arc<Members>),
    /// Elements of types of their own, in order.
    Tuple(Arc<Vec<Value>>),
    /// Named attributes.
    Object(Arc<Members>),
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Value {
            kind,
            secret: false,
        }
    }
}

impl Value {
    /// The untyped `null`.
    pub fn null() -> Value {
        Kind::Null(Type::Any).into()
    }

    /// A `null` of a type.
    pub fn null_of(ty: Type) -> Value {
        Kind::Null(ty).into()
    }

    /// A value known after apply.
    pub fn unknown(ty: Type) -> Value {
        Kind::Unknown(ty).into()
    }

    /// Text.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Kind::String(text.into()).into()
    }

    /// A number.
    pub fn number(number: impl Into<Number>) -> Value {
        Kind::Number(number.into()).into()
    }

    /// A list; the caller vouches that the elements are of the type.
    pub fn list(element: Type, elements: Vec<Value>) -> Value {
        Kind::List(element, Arc::new(elements)).into()
    }

    /// A set: duplicates are dropped and the elements are put in canonical order: numbers and texts in their own
    /// order, everything else by its JSON text, nulls and unknowns last.
    pub fn set(element: Type, elements: Vec<Value>) -> Value {
        let mut keyed: Vec<(SortKey, Value)> = elements
            .into_iter()
            .map(|value| (value.sort_key(), value))
            .collect();
        keyed.sort_by(|left, right| left.0.cmp(&right.0));
        // An unknown may turn out to be anything: two of them are not duplicates of each other.
        keyed.dedup_by(|left, right| left.0 == right.0 && !left.1.has_unknown());
        Kind::Set(
            element,
            Arc::new(keyed.into_iter().map(|(_, value)| value).collect()),
        )
        .into()
    }

    /// A map; the caller vouches that the elements are of the type.
    pub fn map(element: Type, elements: Members) -> Value {
        Kind::Map(element, Arc::new(elements)).into()
    }

    /// A tuple.
    pub fn tuple(elements: Vec<Value>) -> Value {
        Kind::Tuple(Arc::new(elements)).into()
    }

    /// An object.
    pub fn object<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Value)>) -> Value {
        Kind::Object(Arc::new(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        ))
        .into()
    }

    /// What the value is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Takes the value apart.
    pub fn into_kind(self) -> Kind {
        self.kind
    }

    /// Whether this value itself is marked secret (its elements may be, all the same).
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// The value with the secret mark set to `secret`.
    pub fn with_secret(mut self, secret: bool) -> Value {
        self.secret = secret;
        self
    }

    /// The value marked secret.
    pub fn into_secret(self) -> Value {
        self.with_secret(true)
    }

    /// The value marked secret if `other` is.
    pub fn marked_like(self, other: &Value) -> Value {
        let secret = self.secret || other.secret;
        self.with_secret(secret)
    }

    /// Whether this is `null` of any type.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }

    /// Whether this value itself is unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unknown(_))
    }

    /// Whether anything in the value is unknown.
    pub fn has_unknown(&self) -> bool {
        self.any(&|value| value.is_unknown())
    }

    /// Whether anything in the value is secret.
    pub fn has_secret(&self) -> bool {
        self.any(&|value| value.secret)
    }

    fn any(&self, test: &dyn Fn(&Value) -> bool) -> bool {
        test(self)
            || match &self.kind {
                Kind::Null(_)
                | Kind::Unknown(_)
                | Kind::Bool(_)
                | Kind::Number(_)
                | Kind::String(_) => false,
                Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
                    elements.iter().any(|element| element.any(test))
                }
                Kind::Map(_, elements) | Kind::Object(elements) => {
                    elements.values().any(|element| element.any(test))
                }
            }
    }

    /// The text, when this is known text.
    pub fn as_str(&self) -> Option<&str> {
        if let Kind::String(text) = &self.kind {
            Some(text)
        } else {
            None
        }
    }

    /// The truth value, when this is a known one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Kind::Bool(value) = &self.kind {
            Some(*value)
        } else {
            None
        }
    }

    /// The number, when this is a known one.
    pub fn as_number(&self) -> Option<Number> {
        if let Kind::Number(number) = &self.kind {
            Some(*number)
        } else {
            None
        }
    }

    /// The integer, when this is a known one in the range of `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The elements of a known list, set or tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        if let Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) = &self.kind
        {
            Some(elements)
        } else {
            None
        }
    }

    /// The members of a known map or object.
    pub fn members(&self) -> Option<&Members> {
        if let Kind::Map(_, members) | Kind::Object(members) = &self.kind {
            Some(members)
        } else {
            None
        }
    }

    /// A member of a known map or object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members()?.get(name)
    }

    /// The value at a path; `None` where nothing stands there.
    pub fn at(&self, path: &AttributePath) -> Option<&Value> {
        path.steps()
            .iter()
            .try_fold(self, |value, step| match step {
                PathStep::Attribute(name) | PathStep::Key(name) => value.get(name),
                PathStep::Index(index) => value.elements()?.get(*index),
            })
    }

    /// The value with what stands at `path` replaced; unchanged where the path leads nowhere.
    pub fn with_at(&self, path: &AttributePath, new: Value) -> Value {
        self.replace(path.steps(), new, &Value::set)
    }

    /// As [`Value::with_at`], but the elements of sets stay where they are: further paths lead to them.
    /// [`Value::in_order`] brings them into order at the end.
    pub(crate) fn with_placed(&self, path: &AttributePath, new: Value) -> Value {
        self.replace(path.steps(), new, &Value::placed_set)
    }

    /// A set whose elements stand where they were put, be they in order or not.
    pub(crate) fn placed_set(element: Type, elements: Vec<Value>) -> Value {
        Kind::Set(element, Arc::new(elements)).into()
    }

    /// The value with all its sets in order; `None` where there are none in it.
    fn ordered(&self) -> Option<Value> {
        let all = |elements: &[Value]| -> Option<Vec<Value>> {
            let ordered: Vec<_> = elements.iter().map(Value::ordered).collect();
            ordered.iter().any(Option::is_some).then(|| {
                let pairs = ordered.into_iter().zip(elements);
                let either = |(ordered, own): (Option<Value>, &Value)| {
                    ordered.unwrap_or_else(|| own.clone())
                };
                pairs.map(either).collect()
            })
        };
        let named = |members: &Members| -> Option<Arc<Members>> {
            let mut changed = None;
            for (name, member) in members.iter() {
                if let Some(ordered) = member.ordered() {
                    let members = changed.get_or_insert_with(|| members.clone());
                    members.insert(name.clone(), ordered);
                }
            }
            changed.map(Arc::new)
        };
        let kind = match &self.kind {
            Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::String(_) => return None,
            Kind::Set(ty, elements) => {
                let elements = all(elements).unwrap_or_else(|| elements.to_vec());
                return Some(Value::set(ty.clone(), elements).marked_like(self));
            }
            Kind::List(ty, elements) => Kind::List(ty.clone(), Arc::new(all(elements)?)),
            Kind::Tuple(elements) => Kind::Tuple(Arc::new(all(elements)?)),
            Kind::Map(ty, members) => Kind::Map(ty.clone(), named(members)?),
            Kind::Object(members) => Kind::Object(named(members)?),
        };
        Some(Value {
            kind,
            secret: self.secret,
        })
    }

    /// The value with all its sets in order.
    pub(crate) fn in_order(self) -> Value {
        self.ordered().unwrap_or(self)
    }

    fn replace(&self, steps: &[PathStep], new: Value, set: MakeSet<'_>) -> Value {
        let Some((step, rest)) = steps.split_first() else {
            return new;
        };
        let kind = match (&self.kind, step) {
            (Kind::Object(members), PathStep::Attribute(name) | PathStep::Key(name)) => {
                Kind::Object(Arc::new(replaced_member(members, name, (rest, new), set)))
            }
            (Kind::Map(ty, members), PathStep::Attribute(name) | PathStep::Key(name)) => Kind::Map(
                ty.clone(),
                Arc::new(replaced_member(members, name, (rest, new), set)),
            ),
            (Kind::List(ty, elements), PathStep::Index(index)) => Kind::List(
                ty.clone(),
                Arc::new(replaced_element(elements, *index, (rest, new), set)),
            ),
            (Kind::Tuple(elements), PathStep::Index(index)) => Kind::Tuple(Arc::new(
                replaced_element(elements, *index, (rest, new), set),
            )),
            (Kind::Set(ty, elements), PathStep::Index(index)) => {
                let elements = replaced_element(elements, *index, (rest, new), set);
                return set(ty.clone(), elements).marked_like(self);
            }
            (other, _) => other.clone(),
        };
        Value {
            kind,
            secret: self.secret,
        }
    }

    /// Calls `visit` with every value in this one, parents before children.
    pub fn walk(&self, visit: &mut dyn FnMut(&AttributePath, &Value)) {
        self.walk_from(&AttributePath::root(), visit);
    }

    fn walk_from(&self, path: &AttributePath, visit: &mut dyn FnMut(&AttributePath, &Value)) {
        visit(path, self);
        match &self.kind {
            Kind::Null(_)
            | Kind::Unknown(_)
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::String(_) => {}
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    element.walk_from(&path.join(PathStep::Index(index)), visit);
                }
            }
            Kind::Map(_, members) => {
                for (key, member) in members.iter() {
                    member.walk_from(&path.join(PathStep::Key(key.clone())), visit);
                }
            }
            Kind::Object(members) => {
                for (name, member) in members.iter() {
                    member.walk_from(&path.join(PathStep::Attribute(name.clone())), visit);
                }
            }
        }
    }

    /// The paths of all unknown values, in order.
    pub fn unknown_paths(&self) -> Vec<AttributePath> {
        self.paths_where(&Value::is_unknown)
    }

    /// The paths of all values that carry the secret mark themselves, in order.
    pub fn secret_paths(&self) -> Vec<AttributePath> {
        self.paths_where(&Value::is_secret)
    }

    fn paths_where(&self, test: &dyn Fn(&Value) -> bool) -> Vec<AttributePath> {
        if !self.any(test) {
            return Vec::new();
        }
        let mut found = Vec::new();
        self.walk(&mut |path, value| {
            if test(value) {
                found.push(path.clone());
            }
        });
        found
    }

    /// The type of the value; exact, with `Any` only for an untyped null or unknown.
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Null(ty) | Kind::Unknown(ty) => ty.clone(),
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::String(_) => Type::String,
            Kind::List(element, _) => Type::list(element.clone()),
            Kind::Set(element, _) => Type::set(element.clone()),
            Kind::Map(element, _) => Type::map(element.clone()),
            Kind::Tuple(elements) => Type::tuple(elements.iter().map(Value::ty).collect()),
            Kind::Object(members) => Type::object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.ty())),
            ),
        }
    }

    /// Plain JSON of the value, marks dropped; an unknown becomes `null`. For showing a secret is the caller's to
    /// prevent: see [`crate::wire`] for the forms that are stored.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null(_) | Kind::Unknown(_) => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Number(number) => number.to_json(),
            Kind::String(text) => text.as_ref().into(),
            Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
                elements.iter().map(Value::to_json).collect()
            }
            Kind::Map(_, members) | Kind::Object(members) => serde_json::Value::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_json()))
                    .collect(),
            ),
        }
    }

    /// The value that JSON implies: objects and tuples, never maps and lists. `None` for a number out of range.
    pub fn from_json(json: &serde_json::Value) -> Option<Value> {
        Some(match json {
            serde_json::Value::Null => Value::null(),
            serde_json::Value::Bool(value) => Kind::Bool(*value).into(),
            serde_json::Value::Number(number) => Kind::Number(Number::from_json(number)?).into(),
            serde_json::Value::String(text) => Value::string(text.as_str()),
            serde_json::Value::Array(elements) => Value::tuple(
                elements
                    .iter()
                    .map(Value::from_json)
                    .collect::<Option<_>>()?,
            ),
            serde_json::Value::Object(members) => Value::object(
                members
                    .iter()
                    .map(|(name, value)| {
                        Value::from_json(value).map(|value| (name.as_str(), value))
                    })
                    .collect::<Option<Vec<_>>>()?,
            ),
        })
    }

    fn sort_key(&self) -> SortKey {
        match &self.kind {
            Kind::Number(number) => SortKey::Number(*number),
            Kind::String(text) => SortKey::Text(text.clone()),
            Kind::Null(_) => SortKey::Null,
            Kind::Unknown(_) => SortKey::Unknown(String::new()),
            _ if self.has_unknown() => SortKey::Unknown(self.to_json().to_string()),
            _ => SortKey::Json(self.to_json().to_string()),
        }
    }
}

/// The place of an element in a set: numbers and texts in their own order, everything else by its JSON text, then
/// null, then what is not known yet.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Number(Number),
    Text(Arc<str>),
    Json(String),
    Null,
    Unknown(String),
}

/// How a set is made whose elements were replaced.
type MakeSet<'m> = &'m dyn Fn(Type, Vec<Value>) -> Value;

fn replaced_member(
    members: &Members,
    name: &Arc<str>,
    (rest, new): (&[PathStep], Value),
    set: MakeSet<'_>,
) -> Members {
    let mut members = members.clone();
    if rest.is_empty() {
        members.insert(name.clone(), new);
    } else if let Some(member) = members.get_mut(name) {
        *member = member.replace(rest, new, set);
    }
    members
}

fn replaced_element(
    elements: &[Value],
    index: usize,
    (rest, new): (&[PathStep], Value),
    set: MakeSet<'_>,
) -> Vec<Value> {
    let mut elements = elements.to_vec();
    if let Some(element) = elements.get_mut(index) {
        *element = element.replace(rest, new, set);
    }
    elements
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::string(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Kind::Bool(value).into()
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::number(value)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret {
            return f.write_str("***");
        }
        match &self.kind {
            Kind::Null(_) => f.write_str("null"),
            Kind::Unknown(ty) => write!(f, "unknown({ty})"),
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Number(number) => write!(f, "{number}"),
            Kind::String(text) => write!(f, "{text:?}"),
            Kind::List(_, elements) | Kind::Tuple(elements) => {
                f.debug_list().entries(elements.iter()).finish()
            }
            Kind::Set(_, elements) => f.debug_set().entries(elements.iter()).finish(),
            Kind::Map(_, members) | Kind::Object(members) => {
                f.debug_map().entries(members.iter()).finish()
            }
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(self.clone()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_canonical() {
        let set = |elements: &[&str]| {
            Value::set(
                Type::String,
                elements.iter().map(|e| Value::from(*e)).collect(),
            )
        };
        assert_eq!(set(&["b", "a", "b"]), set(&["a", "b"]));
        let half = Value::number(Number::Float(2.5));
        let mixed = vec![3.into(), half.clone(), Value::null(), 1.into()];
        let mixed = Value::set(Type::Number, mixed);
        let ordered = [Value::from(1), half, 3.into(), Value::null()];
        assert_eq!(mixed.elements().unwrap(), ordered);
        let numbers = Value::set(Type::Number, vec![10.into(), 9.into(), (-1).into()]);
        assert_eq!(
            numbers.elements().unwrap(),
            [Value::from(-1), 9.into(), 10.into()]
        );
        let unknowns = Value::set(
            Type::String,
            vec![Value::unknown(Type::String), Value::unknown(Type::String)],
        );
        assert_eq!(unknowns.elements().unwrap().len(), 2);
    }

    #[test]
    fn paths_are_found_and_replaced() {
        let value = Value::object([
            (
                "a",
                Value::list(Type::String, vec!["x".into(), Value::unknown(Type::String)]),
            ),
            ("b", Value::from("y").into_secret()),
        ]);
        let paths: Vec<String> = value
            .unknown_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(paths, ["a[1]"]);
        assert_eq!(value.secret_paths()[0].to_string(), "b");
        let filled = value.with_at(&AttributePath::parse("a[1]").unwrap(), "z".into());
        assert!(!filled.has_unknown());
        assert_eq!(format!("{filled:?}"), r#"{"a": ["x", "z"], "b": ***}"#);
    }
}
