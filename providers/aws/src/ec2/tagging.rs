//! Tags of EC2 objects: in the create call, and brought to what is wanted later.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{ResourceType as TaggedType, Tag, TagSpecification};
use strata_model::provider::TAG_LINEAGE;

use crate::cloud::Cloud;
use crate::ec2::listed::{filter, tag_map};
use crate::error::{Failure, send};
use crate::step::Step;
use crate::tags::{self, Difference, Tags};

/// The tags of a create call.
pub(crate) fn specification(
    step: &Step<'_>,
    tagged: TaggedType,
    tags: Option<&Tags>,
) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(tagged)
        .set_tags(Some(sdk_tags(step.create_tags(tags))))
        .build()
}

fn sdk_tags(tags: Tags) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// What has to change in an object's tags.
pub(crate) fn difference(step: &Step<'_>, live: &[Tag], tags: Option<&Tags>) -> Difference {
    Difference::between(&tag_map(live), &step.wanted_tags(tags))
}

/// Brings an object's tags to what is wanted. Says whether a call was made.
pub(crate) async fn converge(
    step: &Step<'_>,
    id: &str,
    difference: Difference,
) -> Result<bool, Failure> {
    let ec2 = &step.clients().await?.ec2;
    let set = |tags| async {
        let call = ec2
            .create_tags()
            .resources(id)
            .set_tags(Some(sdk_tags(tags)));
        step.change("CreateTags", call.send()).await.map(drop)
    };
    let remove = |keys: Vec<String>| async {
        let keys = keys.into_iter().map(|key| Tag::builder().key(key).build());
        let call = ec2.delete_tags().resources(id);
        let call = call.set_tags(Some(keys.collect())).send();
        step.change("DeleteTags", call).await.map(drop)
    };
    tags::converge(difference, set, remove).await
}

/// The types of EC2 of which there are objects with the connection's lineage, or have been a while ago: the list of tags
/// forgets slowly. One list for all types, where asking each would be one for every type.
pub(crate) async fn types_of_lineage(cloud: &Cloud) -> Result<BTreeSet<String>, Failure> {
    let lineage = cloud.lineage().to_string();
    let ec2 = &cloud.clients().await?.ec2;
    let pages = ec2
        .describe_tags()
        .filters(filter("key", vec![TAG_LINEAGE.to_owned()]))
        .filters(filter("value", vec![lineage]))
        .into_paginator()
        .items()
        .send();
    let tags = send("DescribeTags", pages.collect::<Result<Vec<_>, _>>()).await?;
    let types = tags.iter().filter_map(|tag| tag.resource_type());
    Ok(types.map(|kind| kind.as_str().to_owned()).collect())
}
