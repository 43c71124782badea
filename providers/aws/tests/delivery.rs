//! The log group of a cluster, which EKS makes by itself, and makes again.

use serde_json::json;

use crate::world::{Outcome, World};

/// The group that EKS made first is taken over, and the one that it makes after the deletion goes too.
pub(crate) async fn goes_on(world: &World) -> Outcome {
    // Its control plane has had something to write since it runs.
    let needs = crate::cases::with_cluster(world).await?;
    let name = format!("/aws/eks/{}/cluster", needs["cluster"]);
    let config = json!({"name": name, "retention_in_days": 7, "tags": {"Name": "of a cluster"}});
    let mark = world.proxy.mark();
    let group = world.create("aws_cloudwatch_log_group", &config).await?;
    let calls = world.proxy.changes_since(mark);
    if calls != ["CreateLogGroup", "TagResource", "PutRetentionPolicy"] {
        return Err(format!("the group was not taken over: {calls:?}"));
    }
    world.expect_settled(&group).await?;
    // What was taken over is known as ours by a later search for the same op.
    let found = world.find(group.ty, group.op, &group.value).await;
    let found = found.map_err(|error| format!("find failed: {error}"))?;
    let ours: Vec<_> = found.iter().map(|found| found.ours).collect();
    if ours != [Some(true)] {
        return Err(format!("find says {ours:?}"));
    }
    // And is another's for every other op.
    let found = world.find(group.ty, world.op(), &group.value).await;
    let found = found.map_err(|error| format!("find failed: {error}"))?;
    let ours: Vec<_> = found.iter().map(|found| found.ours).collect();
    if ours != [Some(false)] {
        return Err(format!("find for another op says {ours:?}"));
    }
    let mark = world.proxy.mark();
    let deleted = world.delete(&group).await;
    deleted.map_err(|error| format!("the group stays: {error:?}"))?;
    let calls = world.proxy.changes_since(mark);
    if calls != ["DeleteLogGroup", "DeleteLogGroup"] {
        return Err(format!("what EKS made again was not seen: {calls:?}"));
    }
    world.sweep(0).await
}
