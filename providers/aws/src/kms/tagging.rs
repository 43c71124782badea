//! Tags of keys.

use aws_sdk_kms::types::Tag;
use strata_model::provider::ProviderError;

use crate::cloud::Cloud;
use crate::error::{Failure, send};
use crate::step::Step;
use crate::tags::{self, Difference, Tags};

/// Tags in the SDK's form.
pub(crate) fn sdk_tags(tags: Tags) -> Result<Vec<Tag>, Failure> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().tag_key(key).tag_value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| ProviderError::bug(format!("a tag cannot be built: {error}")).into())
}

/// The tags of a key, over all pages.
pub(crate) async fn of(cloud: &Cloud, key: &str) -> Result<Tags, Failure> {
    let kms = &cloud.clients().await?.kms;
    let pages = kms
        .list_resource_tags()
        .key_id(key)
        .into_paginator()
        .items()
        .send();
    let tags = send("ListResourceTags", pages.collect::<Result<Vec<_>, _>>()).await?;
    let pairs = tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value));
    Ok(pairs.collect())
}

/// Brings a key's tags to what is wanted. Says whether a call was made.
pub(crate) async fn converge(
    step: &Step<'_>,
    key: &str,
    difference: Difference,
) -> Result<bool, Failure> {
    let kms = &step.clients().await?.kms;
    let set = |tags| async {
        let call = kms.tag_resource().key_id(key);
        let call = call.set_tags(Some(sdk_tags(tags)?)).send();
        step.change("TagResource", call).await.map(drop)
    };
    let remove = |keys| async {
        let call = kms.untag_resource().key_id(key).set_tag_keys(Some(keys));
        step.change("UntagResource", call.send()).await.map(drop)
    };
    tags::converge(difference, set, remove).await
}
