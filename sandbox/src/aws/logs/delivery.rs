//! What EKS does with log groups: it makes the one of a cluster that is not there, without retention, whenever it has
//! something to write, also after somebody deleted it.

use serde::{Deserialize, Serialize};

use crate::aws::eks;
use crate::world::{Key, Kind, New, World};

use super::group::LogGroup;

/// After how many of the cloud's seconds a control plane has something to write again.
const NEXT_SECONDS: u64 = 10;

/// The next events of a cluster, which is the id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    due_ms: u64,
}

impl Kind for Delivery {
    const SERVICE: &'static str = "logs";
    const TYPE: &'static str = "delivery";
    const LISTED: bool = false;

    fn due_ms(&self) -> Option<u64> {
        Some(self.due_ms)
    }

    fn settle(world: &mut World, key: &Key) {
        world.remove::<Self>(&key.region, &key.id);
        if eks::writes_logs(world, &key.region, &key.id) {
            deliver(world, &key.region, &key.id);
        }
    }
}

/// Writes the first events of a cluster, for which EKS makes the log group where there is none.
pub(crate) fn deliver(world: &mut World, region: &str, cluster: &str) {
    let name = format!("/aws/eks/{cluster}/cluster");
    if world.raw::<LogGroup>(region, &name).is_some() {
        return;
    }
    let group = LogGroup {
        class: "STANDARD".to_owned(),
        retention: None,
        key: None,
        is_eks_own: true,
    };
    world.insert(New::plain(region, name.clone(), group).name(&name));
}

/// After a group was deleted, its cluster goes on writing.
pub(super) fn expect_more(world: &mut World, region: &str, group: &str) {
    let cluster = group
        .strip_prefix("/aws/eks/")
        .and_then(|rest| rest.strip_suffix("/cluster"));
    if let Some(cluster) = cluster
        && eks::writes_logs(world, region, cluster)
    {
        let due_ms = world.after_seconds(NEXT_SECONDS);
        world.insert(New::plain(region, cluster, Delivery { due_ms }));
    }
}
