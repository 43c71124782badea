//! What tags objects had before they were last changed: indexes over all services hear of a change late.

use serde::{Deserialize, Serialize};

use super::World;
use super::object::{Kind, New, Tags};

/// How long an index does not know of a change, in the cloud's seconds. AWS gives no figure.
pub(super) const LATE_BY: u64 = 30;

/// The former tags of an object; the id is made of its service, type and id. It stays as long as the object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FormerTags {
    tags: Tags,
    /// Until then an index tells them.
    until_ms: u64,
}

impl Kind for FormerTags {
    const SERVICE: &'static str = "tagging";
    const TYPE: &'static str = "former-tags";
    const LISTED: bool = false;
}

fn id_of<T: Kind>(id: &str) -> String {
    format!("{}/{}/{id}", T::SERVICE, T::TYPE)
}

impl World {
    /// Remembers the tags that an object had until now.
    pub(super) fn remember_tags<T: Kind>(&mut self, region: &str, id: &str, tags: Tags) {
        let (id, now_ms) = (id_of::<T>(id), self.now_ms);
        let known = self.remove::<FormerTags>(region, &id).map(|row| row.body);
        // Two changes in a row: of the first, an index has not heard either.
        let untold = known.filter(|known| known.until_ms > now_ms);
        let former = FormerTags {
            tags: untold.map_or(tags, |known| known.tags),
            until_ms: now_ms + self.scaled_ms(LATE_BY),
        };
        self.insert(New::plain(region, id, former));
    }

    /// Forgets them with the object.
    pub(super) fn forget_tags<T: Kind>(&mut self, region: &str, id: &str) {
        let id = id_of::<T>(id);
        if self.raw::<FormerTags>(region, &id).is_some() {
            self.remove::<FormerTags>(region, &id);
        }
    }

    /// Lists the ids and tags of the objects of a type as an index tells them: tagged now or at some time before, and
    /// as they were a while ago.
    pub(crate) fn indexed<T: Kind>(&self, region: &str) -> Vec<(String, Tags)> {
        let late_ms = self.scaled_ms(LATE_BY);
        let known = self.seen::<T>(region);
        let known = known.filter(|object| object.created_ms + late_ms <= self.now_ms);
        let told = known.filter_map(|object| {
            let former = self.raw::<FormerTags>(region, &id_of::<T>(&object.id));
            match former.map(|former| &former.body) {
                Some(former) if former.until_ms > self.now_ms => {
                    Some((object.id.clone(), former.tags.clone()))
                }
                None if object.tags.is_empty() => None,
                Some(_) | None => Some((object.id.clone(), object.tags.clone())),
            }
        });
        told.collect()
    }
}
