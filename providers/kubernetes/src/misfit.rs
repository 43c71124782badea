//! What does not fit the schema of its kind, in words.

use strata_kubernetes_merge::typed::{TypeProblem, TypeProblemKind};
use strata_kubernetes_merge::{PathElement, Schema, TypeRef};
use strata_model::{Kind, Value};

use crate::kinds;

/// What is wrong with a manifest at one place: the end of a sentence that names the kind.
pub(crate) fn described(
    problem: &TypeProblem,
    manifest: &Value,
    (schema, ty): (&Schema, &TypeRef),
) -> String {
    let path = problem.path();
    let steps = path.elements();
    match (&problem.kind, steps.split_last()) {
        (TypeProblemKind::Mismatch { expected }, Some(_)) => {
            let found = at(manifest, steps).and_then(|value| told(value, expected));
            let found = found.unwrap_or_default();
            let expected = if *expected == "a text" {
                "a string"
            } else {
                expected
            };
            format!("{path} must be {expected}{found}.")
        }
        (TypeProblemKind::UnknownField, Some((PathElement::Field(name), parents))) => {
            let fields = fields(schema, ty, parents);
            let near = kinds::near(name, fields.iter().map(String::as_str));
            let near = near.map(|near| format!(" Did you mean \"{near}\"?"));
            format!("{problem}.{}", near.unwrap_or_default())
        }
        _ => format!("{problem}."),
    }
}

/// What is wrong with a value that must be a text, as the rest of a sentence; `None` where it is one, or nothing.
pub(crate) fn no_text(value: &Value) -> Option<String> {
    let is_text = value.as_str().is_some();
    let told = told(value, "a text").filter(|_| !is_text)?;
    Some(format!("must be a string{told}."))
}

/// What a value is in place of what it must be; `None` where it is secret or not known.
fn told(value: &Value, expected: &str) -> Option<String> {
    if value.has_secret() {
        return None;
    }
    let (is, so) = match value.kind() {
        Kind::Number(number) => (format!("the number {number}"), "write it in quotes"),
        Kind::Bool(flag) => (flag.to_string(), "write it in quotes"),
        Kind::String(text) => {
            let is_plain = expected == "a number" && text.parse::<f64>().is_ok()
                || expected == "true or false" && matches!(&**text, "true" | "false");
            let so = if is_plain {
                "write it without quotes"
            } else {
                ""
            };
            (format!("the string \"{}\"", text.escape_debug()), so)
        }
        Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => ("a list".to_owned(), ""),
        Kind::Map(..) | Kind::Object(_) => ("a map".to_owned(), ""),
        Kind::Null(_) | Kind::Unknown(_) => return None,
    };
    let quotes_help = expected == "a text" || !so.contains("in quotes");
    let so = Some(so).filter(|so| !so.is_empty() && quotes_help);
    let so = so.map(|so| format!(": {so}")).unwrap_or_default();
    Some(format!(", and this is {is}{so}"))
}

/// The value at a place.
fn at<'v>(manifest: &'v Value, steps: &[PathElement]) -> Option<&'v Value> {
    steps.iter().try_fold(manifest, |value, step| match step {
        PathElement::Field(name) => value.get(name),
        PathElement::Index(index) => value.elements()?.get(usize::try_from(*index).ok()?),
        PathElement::Key(keys) => value.elements()?.iter().find(|item| {
            let mut keys = keys.iter();
            keys.all(|(name, key)| item.get(name).is_none_or(|own| own.to_json() == key.0))
        }),
        PathElement::Value(key) => {
            let mut items = value.elements()?.iter();
            items.find(|item| item.to_json() == key.0)
        }
    })
}

/// The names of the fields that there are at a place.
fn fields(schema: &Schema, ty: &TypeRef, steps: &[PathElement]) -> Vec<String> {
    let mut ty = ty.clone();
    for step in steps {
        let atom = schema.resolve(&ty).unwrap_or_default();
        let below = match step {
            PathElement::Field(name) => atom.map.and_then(|map| match map.field(name) {
                Some(field) => Some(field.type_ref.clone()),
                None => map.element.clone(),
            }),
            PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => {
                atom.list.map(|list| list.element.clone())
            }
        };
        match below {
            Some(below) => ty = below,
            None => return Vec::new(),
        }
    }
    let map = schema.resolve(&ty).unwrap_or_default().map;
    map.map(|map| map.fields.keys().cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strata_kubernetes_merge::TypedValue;
    use strata_kubernetes_merge::openapi::GroupVersionKind;
    use strata_kubernetes_merge::typed::Duplicates;

    use super::*;
    use crate::kinds::Kinds;
    use crate::normal::normal;

    fn check(manifest: serde_json::Value, expected: &[&str]) {
        let text = |name: &str| manifest[name].as_str().unwrap();
        let kind = GroupVersionKind::of(text("apiVersion"), text("kind"));
        let (schema, ty) = Kinds::default().type_of(&kind).unwrap();
        let given = normal(&Value::from_json(&manifest).unwrap());
        let json = given.to_json();
        let error = TypedValue::new(json, schema.clone(), ty.clone(), Duplicates::Refused);
        let problems = error.unwrap_err().problems;
        let found = problems.iter();
        let found: Vec<String> = found
            .map(|problem| described(problem, &given, (&schema, &ty)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_does_not_fit_says_what_it_is_and_what_to_write() {
        check(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"b": 644, "c": true, "d": [1]}}),
            &[
                ".data.b must be a string, and this is the number 644: write it in quotes.",
                ".data.c must be a string, and this is true: write it in quotes.",
                ".data.d must be a string, and this is a list.",
            ],
        );
        check(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"b": 644}}),
            &[".data.b must be a string."],
        );
        check(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [
                {"port": 80, "targetPort": 80, "nodePort": "3"}, {"port": 81, "protocl": "TCP"},
            ], "xyz": 1}}),
            &[
                ".spec.ports[port=80,protocol=\"TCP\"].nodePort must be a number, and this is the string \"3\": write it without quotes.",
                ".spec.ports[port=81,protocol=\"TCP\"].protocl: there is no such field. Did you mean \"protocol\"?",
                ".spec.xyz: there is no such field.",
            ],
        );
    }
}
