//! Brings what was observed into the form in which it is recorded, so that a spelling is never drift.

use strata_model::schema::AttributeType;
use strata_model::{Kind, Value};

/// The observed value, or the recorded one wherever both mean the same: `null` and the empty collection or text, JSON
/// in another spelling, a secret and the same value without its mark.
pub(crate) fn settle(ty: &AttributeType, recorded: &Value, observed: &Value) -> Value {
    if recorded.is_unknown() {
        return observed.clone().marked_like(recorded);
    }
    if is_empty(recorded) && is_empty(observed) || plain(ty, recorded) == plain(ty, observed) {
        return recorded.clone();
    }
    let settled = match (ty, observed.kind()) {
        (AttributeType::Object(attributes), Kind::Object(members)) => {
            Value::object(members.iter().map(|(name, member)| {
                let settled = match (attributes.get(name), recorded.get(name)) {
                    (Some(attribute), Some(before)) => settle(&attribute.ty, before, member),
                    (_, _) => member.clone(),
                };
                (name.clone(), settled)
            }))
        }
        (AttributeType::Map(element), Kind::Map(own, members)) => {
            let settled = members.iter().map(|(key, member)| {
                let settled = recorded
                    .get(key)
                    .map_or_else(|| member.clone(), |before| settle(element, before, member));
                (key.clone(), settled)
            });
            Value::map(own.clone(), settled.collect())
        }
        (AttributeType::List(element), Kind::List(own, elements)) => {
            let before = recorded.elements().unwrap_or_default();
            let settled = elements.iter().enumerate().map(|(index, member)| {
                before
                    .get(index)
                    .map_or_else(|| member.clone(), |before| settle(element, before, member))
            });
            Value::list(own.clone(), settled.collect())
        }
        (AttributeType::Set(element), Kind::Set(own, elements)) => {
            let before = recorded.elements().unwrap_or_default();
            let settled = elements.iter().map(|member| {
                let form = plain(element, member);
                before
                    .iter()
                    .find(|before| plain(element, before) == form)
                    .unwrap_or(member)
                    .clone()
            });
            Value::set(own.clone(), settled.collect())
        }
        (_, _) => observed.clone(),
    };
    settled.marked_like(recorded)
}

/// The planned value, but as it was wherever both are empty: a definition that leaves an argument out does not change
/// an empty collection that was read.
pub(crate) fn keep_empty(prior: &Value, planned: &Value) -> Value {
    if prior.is_secret() == planned.is_secret() && is_empty(prior) && is_empty(planned) {
        return prior.clone();
    }
    match (prior.kind(), planned.kind()) {
        (Kind::Object(before), Kind::Object(after)) => {
            let members = after.iter().map(|(name, member)| {
                let kept = match before.get(name) {
                    Some(before) => keep_empty(before, member),
                    None => member.clone(),
                };
                (name.clone(), kept)
            });
            Value::object(members).marked_like(planned)
        }
        (_, _) => planned.clone(),
    }
}

pub(crate) fn is_empty(value: &Value) -> bool {
    match value.kind() {
        Kind::Null(_) => true,
        Kind::String(text) => text.is_empty(),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.is_empty()
        }
        Kind::Map(_, members) => members.is_empty(),
        Kind::Unknown(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Object(_) => false,
    }
}

/// A value without marks, without empty parts, with JSON parsed: two values of one meaning are equal in this form.
fn plain(ty: &AttributeType, value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    if value.is_unknown() {
        return Json::from("unknown");
    }
    if is_empty(value) {
        return Json::Null;
    }
    match (ty, value.kind()) {
        (AttributeType::Json, Kind::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_ref().into())
        }
        (AttributeType::Object(attributes), Kind::Object(members)) => members
            .iter()
            .filter_map(|(name, member)| Some((name, plain(&attributes.get(name)?.ty, member))))
            .filter(|(_, plain)| !plain.is_null())
            .map(|(name, plain)| (name.to_string(), plain))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (AttributeType::Map(element), Kind::Map(_, members)) => members
            .iter()
            .map(|(key, member)| (key.to_string(), plain(element, member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (AttributeType::List(element), Kind::List(_, elements)) => elements
            .iter()
            .map(|member| plain(element, member))
            .collect(),
        (AttributeType::Set(element), Kind::Set(_, elements)) => {
            let mut members: Vec<Json> = elements
                .iter()
                .map(|member| plain(element, member))
                .collect();
            members.sort_by_cached_key(Json::to_string);
            members.into()
        }
        (_, _) => value.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strata_model::Type;
    use strata_model::schema::Attribute;

    fn check(ty: AttributeType, recorded: Value, observed: Value, expected: Value) {
        assert_eq!(settle(&ty, &recorded, &observed), expected, "{ty:?}");
    }

    #[test]
    fn what_means_the_same_stays_as_recorded() {
        let null = || Value::null_of(Type::map(Type::String));
        let empty = || Value::map(Type::String, Default::default());
        check(AttributeType::string_map(), null(), empty(), null());
        check(AttributeType::string_map(), empty(), null(), empty());
        check(
            AttributeType::String,
            "".into(),
            Value::null_of(Type::String),
            "".into(),
        );
        check(
            AttributeType::Json,
            r#"{"a": 1}"#.into(),
            r#"{"a":1}"#.into(),
            r#"{"a": 1}"#.into(),
        );
        check(
            AttributeType::String,
            Value::from("x").into_secret(),
            "x".into(),
            Value::from("x").into_secret(),
        );
        check(AttributeType::String, "x".into(), "y".into(), "y".into());
        let unknown = Value::unknown(Type::String).into_secret();
        check(
            AttributeType::String,
            unknown,
            "y".into(),
            Value::from("y").into_secret(),
        );
    }

    #[test]
    fn what_is_empty_stays_as_it_was() {
        let none = || Value::null_of(Type::set(Type::String));
        let empty = || Value::set(Type::String, vec![]);
        let object = |value: Value, name: &str| {
            Value::object([
                ("inner", Value::object([("set", value)])),
                ("name", name.into()),
            ])
        };
        let kept = keep_empty(&object(empty(), "a"), &object(none(), "b"));
        assert_eq!(kept, object(empty(), "b"));
        let some = Value::set(Type::String, vec!["x".into()]);
        let changed = keep_empty(&object(some, "a"), &object(none(), "a"));
        assert_eq!(changed, object(none(), "a"));
    }

    #[test]
    fn elements_of_a_set_are_found_by_meaning() {
        let element = AttributeType::object([
            (
                "cidrs",
                Attribute::optional(AttributeType::string_set(), ""),
            ),
            ("port", Attribute::required(AttributeType::Number, "")),
        ]);
        let rule =
            |cidrs: Value, port: i64| Value::object([("cidrs", cidrs), ("port", port.into())]);
        let none = || Value::null_of(Type::set(Type::String));
        let empty = || Value::set(Type::String, vec![]);
        let set = |elements| Value::set(element.ty(), elements);
        check(
            AttributeType::Set(Box::new(element.clone())),
            set(vec![rule(empty(), 1)]),
            set(vec![rule(none(), 2), rule(none(), 1)]),
            set(vec![rule(empty(), 1), rule(none(), 2)]),
        );
    }
}
