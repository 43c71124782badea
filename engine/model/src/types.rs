//! Types of values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a value.
///
/// `Any` is the type of what is not known yet (`any` in a constraint, the type of an untyped `null`). Optional
/// attributes with defaults belong to type *constraints*, which are the language's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// No particular type, or one that is not known yet.
    Any,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// Unicode text.
    String,
    /// An ordered collection of one element type.
    List(Arc<Type>),
    /// A collection of distinct elements of one type; order has no meaning and is canonical.
    Set(Arc<Type>),
    /// Text keys to values of one type.
    Map(Arc<Type>),
    /// An ordered sequence with a type for each element.
    Tuple(Arc<Vec<Type>>),
    /// Named attributes with a type each.
    Object(Arc<BTreeMap<Arc<str>, Type>>),
}

impl Type {
    /// `list(element)`.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `set(element)`.
    pub fn set(element: Type) -> Type {
        Type::Set(Arc::new(element))
    }

    /// `map(element)`.
    pub fn map(element: Type) -> Type {
        Type::Map(Arc::new(element))
    }

    /// `tuple([…])`.
    pub fn tuple(elements: Vec<Type>) -> Type {
        Type::Tuple(Arc::new(elements))
    }

    /// `object({…})`.
    pub fn object<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Type {
        Type::Object(Arc::new(
            attributes
                .into_iter()
                .map(|(name, ty)| (name.into(), ty))
                .collect(),
        ))
    }

    /// Whether `Any` stands anywhere in the type.
    pub fn has_any(&self) -> bool {
        match self {
            Type::Any => true,
            Type::Bool | Type::Number | Type::String => false,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.has_any(),
            Type::Tuple(elements) => elements.iter().any(Type::has_any),
            Type::Object(attributes) => attributes.values().any(Type::has_any),
        }
    }

    /// The JSON form that Terraform uses: `"string"`, `["list","string"]`, `["object",{…}]`; `Any` is `"dynamic"`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Type::Any => json!("dynamic"),
            Type::Bool => json!("bool"),
            Type::Number => json!("number"),
            Type::String => json!("string"),
            Type::List(element) => json!(["list", element.to_json()]),
            Type::Set(element) => json!(["set", element.to_json()]),
            Type::Map(element) => json!(["map", element.to_json()]),
            Type::Tuple(elements) => json!([
                "tuple",
                elements.iter().map(Type::to_json).collect::<Vec<_>>()
            ]),
            Type::Object(attributes) => {
                let members: serde_json::Map<String, serde_json::Value> = attributes
                    .iter()
                    .map(|(name, ty)| (name.to_string(), ty.to_json()))
                    .collect();
                json!(["object", members])
            }
        }
    }

    /// Reads what [`Type::to_json`] wrote; `None` where it is not that form.
    pub fn from_json(json: &serde_json::Value) -> Option<Type> {
        if let Some(name) = json.as_str() {
            return match name {
                "dynamic" => Some(Type::Any),
                "bool" => Some(Type::Bool),
                "number" => Some(Type::Number),
                "string" => Some(Type::String),
                _ => None,
            };
        }
        let [kind, inner] = json.as_array()?.as_slice() else {
            return None;
        };
        match kind.as_str()? {
            "list" => Type::from_json(inner).map(Type::list),
            "set" => Type::from_json(inner).map(Type::set),
            "map" => Type::from_json(inner).map(Type::map),
            "tuple" => inner
                .as_array()?
                .iter()
                .map(Type::from_json)
                .collect::<Option<_>>()
                .map(Type::tuple),
            "object" => inner
                .as_object()?
                .iter()
                .map(|(name, ty)| Type::from_json(ty).map(|ty| (name.as_str(), ty)))
                .collect::<Option<Vec<_>>>()
                .map(Type::object),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    /// Writes the type as the language spells it, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Bool => f.write_str("bool"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Set(element) => write!(f, "set({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("])")
            }
            Type::Object(attributes) => {
                f.write_str("object({")?;
                for (index, (name, ty)) in attributes.iter().enumerate() {
                    write!(f, "{}{name} = {ty}", if index == 0 { " " } else { ", " })?;
                }
                f.write_str(if attributes.is_empty() { "})" } else { " })" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trips() {
        let ty = Type::object([
            ("a", Type::list(Type::Any)),
            ("b", Type::tuple(vec![Type::Bool, Type::set(Type::Number)])),
        ]);
        assert_eq!(Type::from_json(&ty.to_json()), Some(ty.clone()));
        assert_eq!(
            ty.to_string(),
            "object({ a = list(any), b = tuple([bool, set(number)]) })"
        );
        assert_eq!(Type::from_json(&serde_json::json!(["list"])), None);
    }
}
