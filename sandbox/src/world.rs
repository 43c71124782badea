//! The world in memory: typed tables of objects, timers for what takes time, and the rows that have yet to be written.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SandboxError;
use crate::ids::Seeded;
use crate::store::{Loaded, StoredObject};

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// A type of object.
pub(crate) trait Kind: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// The service that owns it, in the ledger's words.
    const SERVICE: &'static str;
    /// The type, in the ledger's words.
    const TYPE: &'static str;
    /// Whether the ledger shows it. Book-keeping (updates, tokens) is not an object of the user.
    const LISTED: bool = true;

    /// Returns when [`Kind::settle`] must be called next, in milliseconds since the epoch.
    fn due_ms(&self) -> Option<u64> {
        None
    }

    /// Brings the object at `key` to the state that its due time calls for.
    fn settle(world: &mut World, key: &Key) {
        // Types without a due time are never settled.
        let _unused = (world, key);
    }
}

/// Where an object is found: ids are unique per region and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) region: String,
    pub(crate) id: String,
}

impl Key {
    pub(crate) fn new(region: &str, id: &str) -> Self {
        Self {
            region: region.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// An object: what all types have in common, and the body that is the type's own.
#[derive(Debug, Clone)]
pub(crate) struct Object<T> {
    pub(crate) number: u64,
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) client_token: Option<String>,
    pub(crate) created_seq: u64,
    pub(crate) created_ms: u64,
    /// Before this moment calls do not see it yet.
    pub(crate) visible_ms: u64,
    /// Set once it is gone for the ledger, though calls still see what is left of it.
    pub(crate) deleted_seq: Option<u64>,
    /// Set once it is gone, though calls that look at stale data see it until this moment.
    gone_ms: Option<u64>,
    pub(crate) body: T,
}

impl<T: Kind> Object<T> {
    /// Tells whether a call at `now_ms` sees it.
    fn is_seen(&self, now_ms: u64) -> bool {
        self.visible_ms <= now_ms && self.gone_ms.is_none_or(|gone| now_ms < gone)
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(&self.region, &self.id)
    }

    fn stored(&self) -> StoredObject {
        StoredObject {
            number: self.number,
            service: T::SERVICE,
            kind: T::TYPE,
            region: self.region.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
            tags: json(&self.tags),
            client_token: self.client_token.clone(),
            created_seq: self.created_seq,
            deleted_seq: self.deleted_seq,
            created_ms: self.created_ms,
            visible_ms: self.visible_ms,
            listed: T::LISTED,
            body: json(&self.body),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    // Bodies are plain structs with string keys: encoding cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// What a new object starts with.
#[derive(Debug)]
pub(crate) struct New<T> {
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) client_token: Option<String>,
    pub(crate) body: T,
}

impl<T> New<T> {
    /// Starts an object without name, tags and token.
    pub(crate) fn plain(region: &str, id: impl Into<String>, body: T) -> Self {
        Self {
            region: region.to_owned(),
            id: id.into(),
            name: None,
            tags: Tags::new(),
            client_token: None,
            body,
        }
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub(crate) fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    pub(crate) fn token(mut self, token: Option<String>) -> Self {
        self.client_token = token;
        self
    }
}

/// A table, seen without its type.
trait AnyTable: Any + Send {
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

#[derive(Debug)]
struct Table<T>(BTreeMap<Key, Object<T>>);

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

fn in_region<'a, T>(
    rows: &'a BTreeMap<Key, Object<T>>,
    region: &'a str,
) -> impl Iterator<Item = &'a Object<T>> {
    rows.range(Key::new(region, "")..)
        .take_while(move |(key, _)| key.region == region)
        .map(|(_, object)| object)
}

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
        Self {
            tables: BTreeMap::new(),
            timers: BTreeSet::new(),
            unwritten: Vec::new(),
            seed,
            speed,
            last_number: 0,
            now_ms: 0,
            seq: 0,
            lag_ms: 0,
            role_refusals: BTreeMap::new(),
        }
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
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "delays are positive and far below 2^52 ms"
    )]
    pub(crate) fn after_seconds(&self, seconds: u64) -> u64 {
        self.now_ms + (seconds as f64 * 1000.0 / self.speed) as u64
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
        change(object);
        let object = object.clone();
        self.touched(&object);
        Some(object)
    }

    /// Removes an object, and returns what it was. During a lag, calls go on seeing it.
    pub(crate) fn remove<T: Kind>(&mut self, region: &str, id: &str) -> Option<Object<T>> {
        let key = Key::new(region, id);
        let mut object = self.table_mut::<T>()?.remove(&key)?;
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
