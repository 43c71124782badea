//! Values as Terraform's JSON formats show them: the value, what of it is unknown, what of it is sensitive.

use serde_json::{Map, Value as Json};
use strata_model::Value;
use strata_model::value::Kind;

/// The value without unknown attributes and with `null` for secrets.
pub fn shown(value: &Value) -> Json {
    if value.is_secret() {
        return Json::Null;
    }
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => Json::Null,
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => value.to_json(),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.iter().map(shown).collect()
        }
        Kind::Map(_, members) | Kind::Object(members) => Json::Object(
            members
                .iter()
                .filter(|(_, member)| !member.is_unknown())
                .map(|(name, member)| (name.to_string(), shown(member)))
                .collect(),
        ),
    }
}

/// `true` where a value is unknown, in the value's shape; `{}` or `false` for what is known.
pub fn unknown(value: &Value) -> Json {
    marks(value, &Value::is_unknown)
}

/// `true` where a value is secret, in the value's shape.
pub fn sensitive(value: &Value) -> Json {
    marks(value, &Value::is_secret)
}

/// What is said of each leaf, in the value's shape. What is secret is one leaf.
pub fn leaves(value: &Value, say: &dyn Fn(&Value) -> Json) -> Json {
    if value.is_secret() {
        return say(value);
    }
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            say(value)
        }
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => elements
            .iter()
            .map(|element| leaves(element, say))
            .collect(),
        Kind::Map(_, members) | Kind::Object(members) => {
            let members = members.iter();
            let said = members.map(|(name, member)| (name.to_string(), leaves(member, say)));
            Json::Object(said.collect())
        }
    }
}

fn marks(value: &Value, test: &dyn Fn(&Value) -> bool) -> Json {
    if test(value) {
        return Json::Bool(true);
    }
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {
            Json::Bool(false)
        }
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => elements
            .iter()
            .map(|element| marks(element, test))
            .collect(),
        Kind::Map(_, members) | Kind::Object(members) => {
            let marked: Map<String, Json> = members
                .iter()
                .map(|(name, member)| (name.to_string(), marks(member, test)))
                .filter(|(_, mark)| *mark != Json::Bool(false))
                .collect();
            Json::Object(marked)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strata_model::Type;

    use super::*;

    #[test]
    fn marks_follow_the_shape() {
        let value = Value::object([
            ("id", Value::unknown(Type::String)),
            (
                "list",
                Value::list(Type::String, vec!["a".into(), Value::unknown(Type::String)]),
            ),
            ("name", "n".into()),
            ("pw", Value::from("x").into_secret()),
            (
                "tags",
                Value::map(Type::String, [("k".into(), "v".into())].into()),
            ),
        ]);
        assert_eq!(
            shown(&value),
            json!({"list": ["a", null], "name": "n", "pw": null, "tags": {"k": "v"}})
        );
        assert_eq!(
            unknown(&value),
            json!({"id": true, "list": [false, true], "tags": {}})
        );
        assert_eq!(
            sensitive(&value),
            json!({"list": [false, false], "pw": true, "tags": {}})
        );
        assert_eq!(
            leaves(&value, &|leaf| Json::Bool(leaf.is_unknown())),
            json!({"id": true, "list": [false, true], "name": false, "pw": false, "tags": {"k": false}})
        );
    }
}
