//! The children of a supervisor, in the order in which they were started.
//!
//! Invariants:
//! * A key is greater than those of the children before it, and never used twice.
//! * `ids` has each child, `pids` each that runs: only [`Children::set`] changes a child's state.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeFrom;

use runtime::{Pid, Term, mailbox_len};
use rustc_hash::FxHashMap;

use super::answer::{ChildInfo, ChildState, Count};
use super::child::Kind;
use super::spec::ChildSpec;

/// A child's place in the order.
pub(super) type Key = u64;

/// A child, running or not.
pub(super) struct Entry {
    pub(super) spec: ChildSpec,
    pub(super) info: Option<Term>,
    state: ChildState,
}

impl Entry {
    pub(super) fn state(&self) -> ChildState {
        self.state
    }

    pub(super) fn shown(&self) -> ChildInfo {
        ChildInfo {
            id: self.spec.id.clone(),
            state: self.state,
            kind: self.spec.kind,
        }
    }
}

#[derive(Default)]
pub(super) struct Children {
    entries: BTreeMap<Key, Entry>,
    ids: HashMap<String, Key>,
    pids: FxHashMap<Pid, Key>,
    next: Key,
}

impl Children {
    /// Adds the last one.
    pub(super) fn push(&mut self, spec: ChildSpec, state: ChildState, info: Option<Term>) -> Key {
        let key = self.next;
        self.next += 1;
        self.ids.insert(spec.id.clone(), key);
        let entry = Entry {
            spec,
            info,
            state: ChildState::Undefined,
        };
        self.entries.insert(key, entry);
        self.set(key, state);
        key
    }

    pub(super) fn set(&mut self, key: Key, state: ChildState) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if let Some(pid) = entry.state.pid() {
            self.pids.remove(&pid);
        }
        entry.state = state;
        if let Some(pid) = state.pid() {
            self.pids.insert(pid, key);
            entry.spec.forget_start();
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.ids.remove(&entry.spec.id);
        if let Some(pid) = entry.state.pid() {
            self.pids.remove(&pid);
        }
        Some(entry)
    }

    pub(super) fn of_pid(&self, pid: Pid) -> Option<Key> {
        self.pids.get(&pid).copied()
    }

    pub(super) fn of_id(&self, id: &str) -> Option<Key> {
        self.ids.get(id).copied()
    }

    pub(super) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }

    /// Those from this one on, in order.
    pub(super) fn keys(&self, from: RangeFrom<Key>) -> Vec<Key> {
        self.entries.range(from).map(|(key, _)| *key).collect()
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values()
    }

    /// None, for those that are to come instead.
    pub(super) fn successor(&self) -> Children {
        Children {
            next: self.next,
            ..Children::default()
        }
    }

    /// Takes all away.
    pub(super) fn take(&mut self) -> Children {
        let empty = self.successor();
        std::mem::replace(self, empty)
    }

    /// All, in order.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_values()
    }

    pub(super) fn count(&self) -> Count {
        let specs = self.entries.len();
        let supervisors = self
            .iter()
            .filter(|entry| entry.spec.kind == Kind::Supervisor)
            .count();
        // One may have ended whose exit is on its way, or never comes.
        let is_alive = |pid: &&Pid| mailbox_len(**pid).is_some();
        Count {
            specs,
            active: self.pids.keys().filter(is_alive).count(),
            supervisors,
            workers: specs - supervisors,
        }
    }
}
