//! Tags of IAM's objects.

use aws_sdk_iam::types::Tag;
use strata_model::provider::ProviderError;

use crate::error::Failure;
use crate::step::Step;
use crate::tags::{Difference, Tags};

/// The SDK's tags by key.
pub(crate) fn tag_map(tags: &[Tag]) -> Tags {
    tags.iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect()
}

/// Tags in the SDK's form.
pub(crate) fn sdk_tags(tags: Tags) -> Result<Vec<Tag>, Failure> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| ProviderError::bug(format!("a tag cannot be built: {error}")).into())
}

/// What is missing between an object's tags and those that are planned.
pub(crate) fn difference(step: &Step<'_>, live: &[Tag], planned: Option<&Tags>) -> Difference {
    Difference::between(&tag_map(live), &step.wanted_tags(planned))
}
