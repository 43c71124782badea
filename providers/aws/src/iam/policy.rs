//! Policy documents, compared by meaning.

use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use crate::change::Change;

/// A document as IAM returns it: URL-encoded.
pub(crate) fn decode(encoded: &str) -> String {
    percent_decode_str(encoded)
        .decode_utf8()
        .map_or_else(|_| encoded.to_owned(), |text| text.into_owned())
}

/// The recorded spelling of a document where it means the same as the one that IAM returned.
pub(crate) fn keep(recorded: &str, live: String) -> String {
    if same(recorded, &live) {
        recorded.to_owned()
    } else {
        live
    }
}

/// Plans a document in the spelling that it had, where both mean the same.
pub(crate) fn keep_planned(change: &mut Change<'_>, path: &str) {
    let before = change.prior.and_then(|prior| prior.get(path));
    let kept = before.filter(|before| {
        let planned = change.planned_text(path);
        before
            .as_str()
            .zip(planned)
            .is_some_and(|(before, planned)| same(before, planned))
    });
    if let Some(kept) = kept.cloned() {
        let planned = change.planned().get(path);
        let kept = kept.with_secret(planned.is_some_and(strata_model::Value::is_secret));
        change.set(path, kept);
    }
}

/// Whether two documents mean the same: IAM reorders members and lists, and writes a list of one as its element.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let parse = |text| serde_json::from_str::<Json>(text).ok().map(normal);
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left == right,
        (_, _) => left == right,
    }
}

/// Every list sorted, every element that stands alone in a list of one, members by name.
fn normal(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> = members
                .into_iter()
                .map(|(name, member)| (name, listed(normal(member))))
                .collect();
            members.sort_by(|left, right| left.0.cmp(&right.0));
            members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        Json::Array(elements) => {
            let mut elements: Vec<Json> = elements.into_iter().map(normal).collect();
            elements.sort_by_cached_key(Json::to_string);
            elements.dedup();
            elements.into()
        }
        Json::Bool(value) => value.to_string().into(),
        Json::Number(number) => number.to_string().into(),
        Json::Null | Json::String(_) => json,
    }
}

fn listed(json: Json) -> Json {
    match json {
        Json::Array(_) => json,
        Json::Object(_) | Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {
            vec![json].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_policy_are_the_same() {
        let left = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:TagSession","sts:AssumeRole"],"Principal":{"Service":"eks.amazonaws.com"},"Condition":{"Bool":{"aws:X":true}}}]}"#;
        let right = r#"{"Statement": {"Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"Service": ["eks.amazonaws.com"]}, "Effect": "Allow", "Condition": {"Bool": {"aws:X": ["true"]}}}, "Version": "2012-10-17"}"#;
        assert!(same(left, right));
        assert_eq!(keep(left, right.to_owned()), left);
        let other = left.replace("sts:TagSession", "sts:GetCallerIdentity");
        assert!(!same(left, &other));
        assert_eq!(keep(left, other.clone()), other);
    }

    #[test]
    fn documents_are_decoded() {
        assert_eq!(decode("%7B%22a%22%3A%20%22b%2Bc%22%7D"), r#"{"a": "b+c"}"#);
    }
}
