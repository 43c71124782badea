//! The tags of roles.

use crate::aws::error::Answer;
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};

use super::{find_role, tagging};

pub(super) const OPERATIONS: &[QueryOperation] = &[
    QueryOperation::write("TagRole", tag),
    QueryOperation::write("UntagRole", untag),
    QueryOperation::read("ListRoleTags", list),
];

fn tag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    tagging::tag(cx, p, |cx| Ok(find_role(cx, &name)?.clone()))
}

fn untag(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    tagging::untag(cx, p, |cx| Ok(find_role(cx, &name)?.clone()))
}

fn list(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let name = p.req("RoleName")?;
    tagging::list(cx, p, |cx| Ok(find_role(cx, &name)?.clone()))
}
