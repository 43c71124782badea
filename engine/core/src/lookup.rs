//! Finding things by a key, without an order.

#[expect(
    clippy::disallowed_types,
    reason = "nothing goes through it: what is looked up does not depend on the order in it"
)]
type Table<K, V> = std::collections::HashMap<K, V>;

/// Values by key: for looking up one, never for going through all, whose order would be another in every run.
#[derive(Debug)]
pub(crate) struct Lookup<K, V>(Table<K, V>);

impl<K: std::hash::Hash + Eq, V> Lookup<K, V> {
    /// With room for so many.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Lookup(Table::with_capacity(count))
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// Whether the key has a value.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, value);
    }

    /// Takes the value of a key out.
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// The value of a key, made first where there is none.
    pub(crate) fn get_or_insert(&mut self, key: K, value: V) -> &mut V {
        self.0.entry(key).or_insert(value)
    }
}
