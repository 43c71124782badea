//! Tags of EKS objects.

use std::collections::HashMap;

use strata_model::OpId;

use crate::cloud::Cloud;
use crate::error::{Failure, found};
use crate::step::Step;
use crate::tags::{self, Difference, Goal, Seen, Tags};

/// The SDK's tags in order.
pub(crate) fn ordered(tags: Option<&HashMap<String, String>>) -> Tags {
    let tags = tags.into_iter().flatten();
    tags.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What users see of an object's tags; `recorded` are those of the definition, of an object that is recorded.
pub(crate) fn seen(
    cloud: &Cloud,
    live: Option<&HashMap<String, String>>,
    recorded: Option<Option<&Tags>>,
) -> Seen {
    tags::seen_of(ordered(live), cloud.default_tags(), recorded)
}

/// The op that made an object.
pub(crate) fn op_of(live: Option<&HashMap<String, String>>) -> Option<OpId> {
    tags::op_of(&ordered(live))
}

/// Whether an object's tags are those that are wanted.
pub(crate) fn are(live: Option<&HashMap<String, String>>, wanted: &Goal) -> bool {
    Difference::between(&ordered(live), wanted).is_empty()
}

/// Brings an object's tags to what is wanted. Says whether a call was made.
pub(crate) async fn converge(
    step: &Step<'_>,
    arn: &str,
    (live, wanted): (Option<&HashMap<String, String>>, &Goal),
) -> Result<bool, Failure> {
    let difference = Difference::between(&ordered(live), wanted);
    let eks = &step.clients().await?.eks;
    let set = |tags: Tags| async {
        let tags = Some(tags.into_iter().collect());
        let call = eks.tag_resource().resource_arn(arn).set_tags(tags);
        step.change("TagResource", call.send()).await.map(drop)
    };
    let remove = |keys| async {
        let call = eks.untag_resource().resource_arn(arn);
        let call = call.set_tag_keys(Some(keys)).send();
        found(step.change("UntagResource", call).await).map(drop)
    };
    tags::converge(difference, set, remove).await
}
