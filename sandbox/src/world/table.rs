//! The objects of one type, with and without their type.

use std::any::Any;
use std::collections::BTreeMap;

use crate::store::StoredObject;

use super::object::{Key, Kind, Object, Tags};

/// A table, seen without its type.
pub(super) trait AnyTable: Any + Send {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn load(&mut self, stored: StoredObject) -> Result<Option<(u64, Key)>, serde_json::Error>;
    fn clear(&mut self);
    fn tags(&self, key: &Key, now_ms: u64) -> Option<Tags>;
    fn set_tags(&mut self, key: &Key, tags: Tags) -> Option<StoredObject>;
    fn tagged(&self, region: &str, now_ms: u64) -> Vec<(String, Tags)>;
    /// Removes an object that only stale reads still saw, and tells whether it was one.
    fn sweep(&mut self, key: &Key, now_ms: u64) -> bool;
}

/// The objects by their keys.
#[derive(Debug)]
pub(super) struct Table<T>(pub(super) BTreeMap<Key, Object<T>>);

impl<T: Kind> AnyTable for Table<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn load(&mut self, stored: StoredObject) -> Result<Option<(u64, Key)>, serde_json::Error> {
        let object = Object::<T> {
            number: stored.number,
            tags: serde_json::from_str(&stored.tags)?,
            body: serde_json::from_str(&stored.body)?,
            region: stored.region,
            id: stored.id,
            name: stored.name,
            client_token: stored.client_token,
            created_seq: stored.created_seq,
            created_ms: stored.created_ms,
            visible_ms: stored.visible_ms,
            deleted_seq: None,
            gone_ms: None,
        };
        let key = object.key();
        let due = object.body.due_ms().map(|due| (due, key.clone()));
        self.0.insert(key, object);
        Ok(due)
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn tags(&self, key: &Key, now_ms: u64) -> Option<Tags> {
        let object = self.0.get(key).filter(|o| o.is_seen(now_ms))?;
        Some(object.tags.clone())
    }

    fn set_tags(&mut self, key: &Key, tags: Tags) -> Option<StoredObject> {
        let object = self.0.get_mut(key)?;
        object.tags = tags;
        Some(object.stored())
    }

    fn tagged(&self, region: &str, now_ms: u64) -> Vec<(String, Tags)> {
        let seen = in_region(&self.0, region).filter(|o| o.is_seen(now_ms));
        seen.filter(|o| !o.tags.is_empty())
            .map(|o| (o.id.clone(), o.tags.clone()))
            .collect()
    }

    fn sweep(&mut self, key: &Key, now_ms: u64) -> bool {
        let object = self.0.get(key);
        let gone = object
            .and_then(|object| object.gone_ms)
            .is_some_and(|gone| gone <= now_ms);
        if gone {
            self.0.remove(key);
        }
        gone
    }
}

/// Iterates over the objects of a region, by id.
pub(super) fn in_region<'a, T>(
    rows: &'a BTreeMap<Key, Object<T>>,
    region: &'a str,
) -> impl Iterator<Item = &'a Object<T>> {
    rows.range(Key::new(region, "")..)
        .take_while(move |(key, _)| key.region == region)
        .map(|(_, object)| object)
}
