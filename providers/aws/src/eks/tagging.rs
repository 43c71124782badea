//! Tags of EKS objects.

use std::collections::HashMap;

use crate::error::{Failure, found};
use crate::step::Step;
use crate::tags::{Difference, Tags};

/// The SDK's tags in order.
pub(crate) fn ordered(tags: Option<&HashMap<String, String>>) -> Tags {
    let tags = tags.into_iter().flatten();
    tags.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Brings an object's tags to what is wanted. Says whether a call was made.
pub(crate) async fn converge(
    step: &Step<'_>,
    arn: &str,
    (live, wanted): (&Tags, &Tags),
) -> Result<bool, Failure> {
    let difference = Difference::between(live, wanted);
    if difference.is_empty() {
        return Ok(false);
    }
    let eks = &step.clients().await?.eks;
    if !difference.set.is_empty() {
        let call = eks
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(difference.set.into_iter().collect()));
        step.change("TagResource", call.send()).await?;
    }
    if !difference.remove.is_empty() {
        let call = eks
            .untag_resource()
            .resource_arn(arn)
            .set_tag_keys(Some(difference.remove));
        found(step.change("UntagResource", call.send()).await)?;
    }
    Ok(true)
}
