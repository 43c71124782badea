//! The tags of IAM's objects.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::Cx;
use crate::world::{Kind, Object};

use super::{GLOBAL, check_tags, page_answer, take_page, take_tags};

/// Adds tags to the object that `find` finds.
pub(super) fn tag<T: Kind>(
    cx: &mut Cx<'_>,
    p: &mut Params,
    find: impl FnOnce(&Cx<'_>) -> Result<Object<T>, AwsError>,
) -> Answer {
    let added = take_tags(p, "Tags")?;
    p.finish()?;
    let object = find(cx)?;
    let mut tags = object.tags;
    // Keys differ by more than case; the new spelling wins.
    tags.retain(|known, _| !added.keys().any(|key| key.eq_ignore_ascii_case(known)));
    tags.extend(added);
    check_tags(&tags)?;
    cx.world
        .update::<T>(GLOBAL, &object.id, |object| object.tags = tags);
    Ok(Value::Null)
}

/// Removes tags from the object that `find` finds.
pub(super) fn untag<T: Kind>(
    cx: &mut Cx<'_>,
    p: &mut Params,
    find: impl FnOnce(&Cx<'_>) -> Result<Object<T>, AwsError>,
) -> Answer {
    let keys = p.list("TagKeys");
    p.finish()?;
    let object = find(cx)?;
    cx.world.update::<T>(GLOBAL, &object.id, |object| {
        object
            .tags
            .retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
    });
    Ok(Value::Null)
}

/// Lists the tags of the object that `find` finds.
pub(super) fn list<T: Kind>(
    cx: &mut Cx<'_>,
    p: &mut Params,
    find: impl FnOnce(&Cx<'_>) -> Result<Object<T>, AwsError>,
) -> Answer {
    let page = take_page(cx, p)?;
    p.finish()?;
    let tags = find(cx)?.tags;
    let (tags, marker) = page.cut(tags.into_iter().collect(), |(key, _)| key.clone());
    let tags = tags
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(page_answer("Tags", tags.collect(), marker))
}
