//! What data sources of EC2 are asked by: filters and tags.

use aws_sdk_ec2::types::Filter;
use serde_json::Value;
use strata_model::schema::{Attribute, AttributeType};

use crate::ec2::listed::filter;

/// The argument `filter`.
pub(crate) fn argument() -> (&'static str, Attribute) {
    let one = AttributeType::object([
        (
            "name",
            Attribute::required(
                AttributeType::String,
                "Name of the filter as EC2 knows it, such as `vpc-id` or `tag:Name`.",
            ),
        ),
        (
            "values",
            Attribute::required(
                AttributeType::string_set(),
                "Values, any of which fits; `*` stands for any characters.",
            ),
        ),
    ]);
    (
        "filter",
        Attribute::optional(
            AttributeType::Set(Box::new(one)),
            "Filters, all of which have to fit.",
        ),
    )
}

/// The filters of `filter` and of `tags`.
pub(crate) fn filters(arguments: &Value) -> Vec<Filter> {
    let texts = |value: &Value| {
        let values = value.as_array().into_iter().flatten();
        let texts = values.filter_map(Value::as_str).map(str::to_owned);
        texts.collect::<Vec<_>>()
    };
    let given = arguments["filter"].as_array().into_iter().flatten();
    let given = given.map(|one| {
        let name = one["name"].as_str().unwrap_or_default();
        filter(name, texts(&one["values"]))
    });
    let tags = arguments["tags"].as_object().into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| {
        let value = value.as_str()?.to_owned();
        Some(filter(format!("tag:{key}"), vec![value]))
    });
    given.chain(tags).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_filters_are_filters() {
        let arguments = serde_json::json!({
            "filter": [{"name": "vpc-id", "values": ["vpc-1", "vpc-2"]}], "tags": {"Name": "a"},
        });
        let filters = filters(&arguments);
        let told: Vec<_> = filters
            .iter()
            .map(|filter| (filter.name().unwrap_or_default(), filter.values().join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("vpc-id", "vpc-1,vpc-2".to_owned()),
                ("tag:Name", "a".to_owned())
            ]
        );
        assert!(super::filters(&serde_json::json!({"filter": null})).is_empty());
    }
}
