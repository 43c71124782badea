//! Objects: what all types have in common, and what a type adds.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::StoredObject;

use super::World;

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

    /// Whether the ledger shows this one. What a service makes of its own accord is nobody's until somebody takes it over.
    fn is_listed(&self) -> bool {
        Self::LISTED
    }

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
    pub(super) gone_ms: Option<u64>,
    pub(crate) body: T,
}

impl<T: Kind> Object<T> {
    /// Tells whether a call at `now_ms` sees it.
    pub(super) fn is_seen(&self, now_ms: u64) -> bool {
        self.visible_ms <= now_ms && self.gone_ms.is_none_or(|gone| now_ms < gone)
    }

    /// Returns where it is found.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.region, &self.id)
    }

    /// Gives it the form in which it is stored.
    pub(super) fn stored(&self) -> StoredObject {
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
            listed: self.body.is_listed(),
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
