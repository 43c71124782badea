//! Tags of IAM's objects.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use strata_model::OpId;
use strata_model::provider::{ProviderError, ProviderErrorKind};

use crate::cloud::Cloud;
use crate::error::Failure;
use crate::resource::Wanted;
use crate::step::Step;
use crate::tags::{self, Difference, Seen, Tags};

/// How many objects a page of a list has: IAM's own limit.
pub(crate) const PAGE: i32 = 1000;

/// What a list of all objects of a type tells, where it costs less than asking for those that are wanted: of several, and
/// where the tags, which it leaves out, can be looked up. Nothing without the permission to list.
pub(crate) async fn listed<T, L>(
    wanted: &[Wanted<T>],
    list: impl Future<Output = Result<BTreeMap<String, L>, Failure>>,
) -> Result<BTreeMap<String, L>, Failure> {
    let indexed = wanted.iter().filter(|wanted| wanted.index.is_some());
    if indexed.count() < 2 {
        return Ok(BTreeMap::new());
    }
    match list.await {
        Err(failure) if failure.kind() == ProviderErrorKind::AccessDenied => Ok(BTreeMap::new()),
        listed => listed,
    }
}

/// The SDK's tags by key.
pub(crate) fn tag_map(tags: &[Tag]) -> Tags {
    tags.iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect()
}

/// What users see of an object's tags; `recorded` are those of the definition, of an object that is recorded.
pub(crate) fn seen(cloud: &Cloud, live: &[Tag], recorded: Option<Option<&Tags>>) -> Seen {
    tags::seen_of(tag_map(live), cloud.default_tags(), recorded)
}

/// The op that made an object.
pub(crate) fn op_of(live: &[Tag]) -> Option<OpId> {
    tags::op_of(&tag_map(live))
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

/// Brings an object's tags to those that are planned, by the calls of its type. Says whether one was made.
pub(crate) async fn converge<S, R>(
    difference: Difference,
    set: impl FnOnce(Vec<Tag>) -> S,
    remove: impl FnOnce(Vec<String>) -> R,
) -> Result<bool, Failure>
where
    S: Future<Output = Result<(), Failure>>,
    R: Future<Output = Result<(), Failure>>,
{
    let set = |tags| async { set(sdk_tags(tags)?).await };
    tags::converge(difference, set, remove).await
}
