//! The process dictionary: values of the calling process under names.
//!
//! Erlang's, for programs that are used to it; a [`process_local!`](crate::process_local!) is typed,
//! and made on first use. Each process has one of its own; what is in it is dropped when the process
//! ends.
//!
//! ```
//! use runtime::dictionary;
//!
//! # runtime::run(|| {
//! assert!(dictionary::put("depth", 1u32).is_none());
//! let old = dictionary::put("depth", 2u32).unwrap();
//! assert_eq!(old.downcast::<u32>().unwrap(), 1);
//! assert_eq!(dictionary::get("depth"), Some(2u32));
//! dictionary::erase("depth");
//! assert_eq!(dictionary::get::<u32>("depth"), None);
//! # });
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::exit;
use super::info::ShownValue;
use super::slot::Slot;
use crate::message::{AnyMessage, Message};

type Dictionary = RefCell<BTreeMap<String, AnyMessage>>;

crate::process_local! {
    static DICTIONARY: Dictionary = RefCell::new(BTreeMap::new());
}

/// Puts a value under a key, and returns what was there before.
///
/// Mirrors `put/2`.
///
/// # Panics
///
/// Outside a process, and in a destructor when the process has ended and its dictionary is gone.
pub fn put(key: impl Into<String>, value: impl Message) -> Option<AnyMessage> {
    let (key, value) = (key.into(), AnyMessage::new(value));
    DICTIONARY.with(|entries| entries.borrow_mut().insert(key, value))
}

/// A copy of the value under a key; `None` if there is none, or one of another type.
///
/// Mirrors `get/1`.
///
/// # Panics
///
/// As [`put`].
pub fn get<T: Message + Clone>(key: &str) -> Option<T> {
    DICTIONARY.with(|entries| {
        // `clone` is code of the user's: the entry is out meanwhile.
        let lent = Lent(entries, entries.borrow_mut().remove_entry(key));
        let (_, value) = lent.1.as_ref()?;
        value.downcast_ref::<T>().cloned()
    })
}

/// An entry that is put back.
struct Lent<'d>(&'d Dictionary, Option<(String, AnyMessage)>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some((key, value)) = self.1.take() else {
            return;
        };
        // What was put there meanwhile is newer. A value is dropped when nothing is borrowed: its destructor may look.
        let old = match self.0.borrow_mut().entry(key) {
            Entry::Vacant(place) => {
                place.insert(value);
                None
            }
            Entry::Occupied(_) => Some(value),
        };
        exit::drop_quietly(old);
    }
}

/// Takes the value under a key out.
///
/// Mirrors `erase/1`.
///
/// # Panics
///
/// As [`put`].
pub fn erase(key: &str) -> Option<AnyMessage> {
    DICTIONARY.with(|entries| entries.borrow_mut().remove(key))
}

/// The entries of the running process, as reports show them.
pub(crate) fn shown(slot: &Slot) -> Vec<(String, ShownValue)> {
    let Some(entries) = DICTIONARY.present(slot) else {
        return Vec::new();
    };
    // Taken out meanwhile: their `Debug` is code of the user's.
    let taken = entries.take();
    let shown = taken
        .iter()
        .map(|(key, value)| (key.clone(), ShownValue::new(value)))
        .collect();
    for (key, newer) in entries.replace(taken) {
        let old = entries.borrow_mut().insert(key, newer);
        exit::drop_quietly(old);
    }
    shown
}
