//! A map for look-ups in constant time that cannot be iterated, so that its order cannot leak into
//! output.

use indexmap::IndexMap;
use std::borrow::Borrow;
use std::hash::Hash;

/// A map without iteration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lookup<K: Hash + Eq, V>(IndexMap<K, V>);

impl<K: Hash + Eq, V> Lookup<K, V> {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self(IndexMap::with_capacity(entries))
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// Inserts a value and returns the one that it replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Lookup<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
