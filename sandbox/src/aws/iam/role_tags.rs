//! The tags of roles.

use serde_json::{Value, json};

use crate::aws::error::Answer;
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};

use super::role::Role;
use super::{GLOBAL, check_tags, find_role, page_answer, take_page, take_tags};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("TagRole", tag),
    QueryOperation::write("UntagRole", untag),
    QueryOperation::read("ListRoleTags", list),
];

fn tag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let added = take_tags(p, "Tags")?;
    p.finish()?;
    let role = find_role(cx, &name)?;
    let (id, mut tags) = (role.id.clone(), role.tags.clone());
    // Keys differ by more than case; the new spelling wins.
    tags.retain(|known, _| !added.keys().any(|key| key.eq_ignore_ascii_case(known)));
    tags.extend(added);
    check_tags(&tags)?;
    cx.world
        .update::<Role>(GLOBAL, &id, |role| role.tags = tags);
    Ok(Value::Null)
}

fn untag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let keys = p.list("TagKeys");
    p.finish()?;
    let id = find_role(cx, &name)?.id.clone();
    cx.world.update::<Role>(GLOBAL, &id, |role| {
        role.tags
            .retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
    });
    Ok(Value::Null)
}

fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    let page = take_page(cx, p)?;
    p.finish()?;
    let tags = find_role(cx, &name)?.tags.iter().collect();
    let (tags, marker) = page.cut(tags, |(key, _)| (*key).clone());
    let tags = tags
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(page_answer("Tags", tags.collect(), marker))
}
