//! The world in memory: typed tables of objects, timers for what takes time, and the rows that have yet to be written.

mod former_tags;
mod object;
mod table;

pub(crate) use object::{Key, Kind, New, Object, Tags};

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SandboxError;
use crate::ids::Seeded;
use crate::store::{Loaded, StoredObject};
use former_tags::FormerTags;
use table::{AnyTable, Table, in_region};

struct Registered {
    table: Box<dyn AnyTable>,
    settle: fn(&mut World, &Key),
}

type TableId = (&'static str, &'static str);

/// Everything that exists. All changes go through it, so that each is written and timed.
pub(crate) struct World {
    tables: BTreeMap<TableId, Registered>,
    timers: BTreeSet<(u64, TableId, Key)>,
    unwritten: Vec<StoredObject>,
    seed: u64,
    speed: f64,
    last_number: u64,
    now_ms: u64,
    seq: u64,
    /// How long objects that the present call creates stay unseen, and those that it deletes stay seen.
    lag_ms: u64,
    /// How long what the present call starts takes, if that is not left to the type.
    pub(crate) seconds: Option<u64>,
    /// How often each role was refused by an injected fault, by ARN.
    pub(crate) role_refusals: BTreeMap<String, u32>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("last_number", &self.last_number)
            .finish_non_exhaustive()
    }
}

impl World {
    /// Creates an empty world; `speed` divides every delay.
    pub(crate) fn new(seed: u64, speed: f64) -> Self {
        let mut world = Self {
            tables: BTreeMap::new(),
            timers: BTreeSet::new(),
            unwritten: Vec::new(),
            seed,
            speed,
            last_number: 0,
            now_ms: 0,
            seq: 0,
            lag_ms: 0,
            seconds: None,
            role_refusals: BTreeMap::new(),
        };
        world.register::<FormerTags>();
        world
    }

    /// Makes a type known. A type must be registered before anything else touches it.
    pub(crate) fn register<T: Kind>(&mut self) {
        let table: Box<dyn AnyTable> = Box::new(Table::<T>(BTreeMap::new()));
        self.tables.insert(
            (T::SERVICE, T::TYPE),
            Registered {
                table,
                settle: T::settle,
            },
        );
    }

    /// Takes in what the store held.
    pub(crate) fn load(&mut self, loaded: Loaded) -> Result<(), SandboxError> {
        self.last_number = loaded.last_number;
        for row in loaded.objects {
            let id = self
                .tables
                .keys()
                .copied()
                .find(|(s, t)| *s == row.service && *t == row.kind);
            let Some((id, registered)) = id.and_then(|id| Some((id, self.tables.get_mut(&id)?)))
            else {
                // Written by a newer sandbox: kept in the store, unseen here.
                continue;
            };
            let due = registered
                .table
                .load(row.object)
                .map_err(|source| SandboxError::Row {
                    service: row.service,
                    kind: row.kind,
                    source,
                })?;
            if let Some((due_ms, key)) = due {
                self.timers.insert((due_ms, id, key));
            }
        }
        Ok(())
    }

    /// Forgets everything, as if the store were new.
    pub(crate) fn clear(&mut self) {
        for registered in self.tables.values_mut() {
            registered.table.clear();
        }
        self.timers.clear();
        self.unwritten.clear();
        self.role_refusals.clear();
        self.last_number = 0;
    }

    /// Starts a call: moves to `now_ms` and settles what became due.
    pub(crate) fn begin(&mut self, seq: u64, now_ms: u64, lag_ms: u64) {
        self.seq = seq;
        self.now_ms = now_ms;
        self.lag_ms = 0;
        self.seconds = None;
        while let Some((due_ms, id, key)) = self.timers.first().cloned() {
            if due_ms > now_ms {
                break;
            }
            self.timers.pop_first();
            let Some(registered) = self.tables.get_mut(&id) else {
                continue;
            };
            let settle = registered.settle;
            if !registered.table.sweep(&key, now_ms) {
                settle(self, &key);
            }
        }
        self.lag_ms = lag_ms;
    }

    /// Takes the rows that changed since the last time.
    pub(crate) fn take_unwritten(&mut self) -> Vec<StoredObject> {
        std::mem::take(&mut self.unwritten)
    }

    /// The moment of the present call.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The moment at which something ends that takes the cloud `seconds`.
    pub(crate) fn after_seconds(&self, seconds: u64) -> u64 {
        self.now_ms + self.scaled_ms(self.seconds.unwrap_or(seconds))
    }

    /// How long the cloud's `seconds` are, in milliseconds of this machine.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "delays are positive and far below 2^52 ms"
    )]
    fn scaled_ms(&self, seconds: u64) -> u64 {
        (seconds as f64 * 1000.0 / self.speed) as u64
    }

    /// Draws numbers that belong to the next object alone.
    pub(crate) fn draw(&self, salt: u64) -> Seeded {
        Seeded::new(self.seed, &[self.last_number + 1, salt])
    }

    /// Makes an id in EC2's form.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.draw(0).next())
    }

    fn table<T: Kind>(&self) -> Option<&BTreeMap<Key, Object<T>>> {
        let registered = self.tables.get(&(T::SERVICE, T::TYPE));
        debug_assert!(registered.is_some(), "{} is not registered", T::TYPE);
        registered?
            .table
            .as_any()
            .downcast_ref::<Table<T>>()
            .map(|table| &table.0)
    }

    fn table_mut<T: Kind>(&mut self) -> Option<&mut BTreeMap<Key, Object<T>>> {
        let registered = self.tables.get_mut(&(T::SERVICE, T::TYPE))?;
        registered
            .table
            .as_any_mut()
            .downcast_mut::<Table<T>>()
            .map(|table| &mut table.0)
    }

    /// Finds an object, even one that calls do not see yet.
    pub(crate) fn raw<T: Kind>(&self, region: &str, id: &str) -> Option<&Object<T>> {
        self.table::<T>()?
            .get(&Key::new(region, id))
            .filter(|object| object.gone_ms.is_none())
    }

    /// Finds an object as a call sees it.
    pub(crate) fn get<T: Kind>(&self, region: &str, id: &str) -> Option<&Object<T>> {
        let object = self.table::<T>()?.get(&Key::new(region, id));
        object.filter(|object| object.is_seen(self.now_ms))
    }

    /// Iterates over all objects of a type in a region, even those that calls do not see yet, by id.
    pub(crate) fn all<'a, T: Kind>(
        &'a self,
        region: &'a str,
    ) -> impl Iterator<Item = &'a Object<T>> {
        self.rows::<T>(region)
            .filter(|object| object.gone_ms.is_none())
    }

    fn rows<'a, T: Kind>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Object<T>> {
        self.table::<T>()
            .into_iter()
            .flat_map(move |rows| in_region(rows, region))
    }

    /// Iterates over the objects of a type in a region as a call sees them, by id.
    pub(crate) fn seen<'a, T: Kind>(
        &'a self,
        region: &'a str,
    ) -> impl Iterator<Item = &'a Object<T>> {
        self.rows::<T>(region)
            .filter(|object| object.is_seen(self.now_ms))
    }

    /// Iterates over the objects whose ids begin with `prefix`, even those that calls do not see yet.
    pub(crate) fn under<'a, T: Kind>(
        &'a self,
        region: &'a str,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Object<T>> {
        self.rows_under::<T>(region, prefix)
            .filter(|object| object.gone_ms.is_none())
    }

    /// Iterates over the objects whose ids begin with `prefix`, as a call sees them.
    pub(crate) fn seen_under<'a, T: Kind>(
        &'a self,
        region: &'a str,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Object<T>> {
        self.rows_under::<T>(region, prefix)
            .filter(|object| object.is_seen(self.now_ms))
    }

    fn rows_under<'a, T: Kind>(
        &'a self,
        region: &'a str,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Object<T>> {
        let rows = self.table::<T>().into_iter();
        rows.flat_map(move |rows| rows.range(Key::new(region, prefix)..))
            .take_while(move |(key, _)| key.region == region && key.id.starts_with(prefix))
            .map(|(_, object)| object)
    }

    /// Adds an object, and returns it as stored.
    pub(crate) fn insert<T: Kind>(&mut self, new: New<T>) -> Object<T> {
        self.last_number += 1;
        let object = Object {
            number: self.last_number,
            region: new.region,
            id: new.id,
            name: new.name,
            tags: new.tags,
            client_token: new.client_token,
            created_seq: self.seq,
            created_ms: self.now_ms,
            visible_ms: if self.lag_ms == 0 {
                0
            } else {
                self.now_ms + self.lag_ms
            },
            deleted_seq: None,
            gone_ms: None,
            body: new.body,
        };
        if let Some(rows) = self.table_mut::<T>() {
            rows.insert(object.key(), object.clone());
        }
        self.touched(&object);
        object
    }

    /// Changes an object in place, and returns it as stored. Does nothing if it does not exist.
    pub(crate) fn update<T: Kind>(
        &mut self,
        region: &str,
        id: &str,
        change: impl FnOnce(&mut Object<T>),
    ) -> Option<Object<T>> {
        let object = self.table_mut::<T>()?.get_mut(&Key::new(region, id))?;
        let former = object.tags.clone();
        change(object);
        let object = object.clone();
        self.touched(&object);
        if object.tags != former {
            self.remember_tags::<T>(region, id, former);
        }
        Some(object)
    }

    /// Removes an object, and returns what it was. During a lag, calls go on seeing it.
    pub(crate) fn remove<T: Kind>(&mut self, region: &str, id: &str) -> Option<Object<T>> {
        let key = Key::new(region, id);
        let mut object = self.table_mut::<T>()?.remove(&key)?;
        self.forget_tags::<T>(region, id);
        if object.deleted_seq.is_none() {
            object.deleted_seq = Some(self.seq);
            self.unwritten.push(object.stored());
        }
        if self.lag_ms > 0 {
            let gone_ms = self.now_ms + self.lag_ms;
            object.gone_ms = Some(gone_ms);
            self.timers
                .insert((gone_ms, (T::SERVICE, T::TYPE), key.clone()));
            self.table_mut::<T>()?.insert(key, object.clone());
        }
        Some(object)
    }

    /// Tells the ledger that an object is gone, though calls see what is left of it until it is removed or the store is opened again.
    pub(crate) fn bury<T: Kind>(&mut self, region: &str, id: &str) {
        let seq = self.seq;
        self.update::<T>(region, id, |object| {
            object.deleted_seq = object.deleted_seq.or(Some(seq));
        });
    }

    /// Removes the objects of a type that `chosen` picks.
    pub(crate) fn remove_where<T: Kind>(
        &mut self,
        region: &str,
        chosen: impl Fn(&Object<T>) -> bool,
    ) {
        let ids: Vec<String> = self
            .all::<T>(region)
            .filter(|o| chosen(o))
            .map(|o| o.id.clone())
            .collect();
        for id in ids {
            self.remove::<T>(region, &id);
        }
    }

    fn touched<T: Kind>(&mut self, object: &Object<T>) {
        self.unwritten.push(object.stored());
        if let Some(due_ms) = object.body.due_ms() {
            self.timers
                .insert((due_ms, (T::SERVICE, T::TYPE), object.key()));
        }
    }

    /// Returns the tags of an object of any of `service`'s types.
    pub(crate) fn tags_of(&self, service: &str, kind: &str, key: &Key) -> Option<Tags> {
        let id = self
            .tables
            .keys()
            .find(|(s, t)| *s == service && *t == kind)?;
        self.tables.get(id)?.table.tags(key, self.now_ms)
    }

    /// Replaces the tags of an object of any of `service`'s types.
    pub(crate) fn set_tags_of(&mut self, service: &str, kind: &str, key: &Key, tags: Tags) {
        let id = self
            .tables
            .keys()
            .copied()
            .find(|(s, t)| *s == service && *t == kind);
        let stored = id
            .and_then(|id| self.tables.get_mut(&id))
            .and_then(|registered| registered.table.set_tags(key, tags));
        self.unwritten.extend(stored);
    }

    /// Lists (type, id, tags) of every tagged object of a service in a region.
    pub(crate) fn tagged(&self, service: &str, region: &str) -> Vec<(&'static str, String, Tags)> {
        let mut found = Vec::new();
        for ((of, kind), registered) in &self.tables {
            if *of == service {
                let tagged = registered.table.tagged(region, self.now_ms);
                found.extend(tagged.into_iter().map(|(id, tags)| (*kind, id, tags)));
            }
        }
        found
    }
}
