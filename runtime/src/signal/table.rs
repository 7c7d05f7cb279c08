//! A small map: a short list while there are few entries, hashed when there are many.
//!
//! Most processes have no more than a handful of links and monitors, some have a hundred thousand.
//! Used by `signal::relations` alone.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

/// The most entries that are searched one after the other.
const FEW: usize = 8;

/// An emptied hash table of at most this capacity is kept for the next entries.
const KEPT: usize = 1 << 10;

/// A map with cheap small forms. The first `INLINE` entries are not allocated.
#[allow(
    clippy::box_collection,
    reason = "the large form must not make the small ones larger"
)]
pub(crate) enum Table<K, V, const INLINE: usize> {
    Few(SmallVec<[(K, V); INLINE]>),
    Many(Box<HashMap<K, V, FxBuildHasher>>),
}

impl<K, V, const INLINE: usize> Default for Table<K, V, INLINE> {
    fn default() -> Table<K, V, INLINE> {
        Table::Few(SmallVec::new())
    }
}

impl<K: Eq + Hash, V, const INLINE: usize> Table<K, V, INLINE> {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        match self {
            Table::Few(list) => list.len(),
            Table::Many(map) => map.len(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Table::Few(list) => list.iter().find(|(k, _)| k == key).map(|(_, value)| value),
            Table::Many(map) => map.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self {
            Table::Few(list) => {
                let entry = list.iter_mut().find(|(k, _)| k == key);
                entry.map(|(_, value)| value)
            }
            Table::Many(map) => map.get_mut(key),
        }
    }

    /// Puts an entry in; returns the value that it replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Table::Few(list) => {
                if let Some((_, old)) = list.iter_mut().find(|(k, _)| *k == key) {
                    return Some(mem::replace(old, value));
                }
                if list.len() < FEW {
                    list.push((key, value));
                    return None;
                }
                let mut map: HashMap<_, _, FxBuildHasher> = list.drain(..).collect();
                map.insert(key, value);
                *self = Table::Many(Box::new(map));
                None
            }
            Table::Many(map) => map.insert(key, value),
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Table::Few(list) => {
                let at = list.iter().position(|(k, _)| k == key)?;
                Some(list.swap_remove(at).1)
            }
            Table::Many(map) => {
                let value = map.remove(key);
                if map.is_empty() && map.capacity() > KEPT {
                    *self = Table::default();
                }
                value
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            Table::Few(list) => (Some(list.iter().map(|(key, value)| (key, value))), None),
            Table::Many(map) => (None, Some(map.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as a plain map, however many entries there are.
    #[test]
    fn a_map() {
        let mut table = Table::<_, _, 1>::default();
        let mut map = HashMap::new();
        let mut seed = 1u64;
        for round in 0..20_000 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            // Grows to both forms, and back.
            let key = (seed >> 33) % if round / 5000 % 2 == 0 { 6 } else { 60 };
            if seed >> 62 < 2 {
                assert_eq!(table.insert(key, round), map.insert(key, round));
            } else {
                assert_eq!(table.remove(&key), map.remove(&key));
            }
            assert_eq!(table.get(&key), map.get(&key));
            assert_eq!(table.len(), map.len());
        }
        let seen: HashMap<_, _> = table.iter().map(|(k, v)| (*k, *v)).collect();
        assert_eq!(seen, map);
    }
}
