//! The ring: messages that a receive has looked at and left, in order.
//!
//! Called by `mailbox::queue` for the holder of the process.
//!
//! An entry is the message's type key and the envelope, so that a scan passes a message of
//! another type without touching its envelope. Each entry has a position, a number that only
//! grows: the front's is `base`. A message that is taken out leaves its place empty; empty places
//! vanish from the front at once, and from the middle when they outnumber the rest. Positions
//! move then, so a marker made before counts no more: `epoch` tells.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::slice;

use crate::message::{AnyMessage, Header};
use crate::prefetch;

/// The key of an empty place; no type has it.
const EMPTY: u64 = 0;

#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    /// Dangling if the place is empty.
    message: NonNull<Header>,
}

/// How many places ahead of one that is looked into envelopes are fetched.
const AHEAD: usize = 8;

/// Messages looked at and left; owns them.
#[derive(Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    base: u64,
    empty: u32,
    epoch: u32,
}

// SAFETY: the ring owns its messages, which are `Send`.
unsafe impl Send for Ring {}

impl Ring {
    /// The position behind the last entry.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// Changes whenever positions move.
    #[inline]
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, message: AnyMessage) {
        let key = message.key();
        self.entries.push_back(Entry {
            key,
            message: message.into_raw(),
        });
    }

    /// The number of messages.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.empty as usize
    }

    /// The first position from `from` on whose message has one of the keys (any, if `None`).
    #[inline]
    pub(crate) fn find(&self, from: u64, keys: Option<&[u64]>) -> Option<u64> {
        let skip = from.saturating_sub(self.base) as usize;
        // One that is looked into is often followed by another of its type.
        let found = match find(slice::from_ref(self.entries.get(skip)?), keys) {
            Some(_) => skip,
            None => self.find_behind(skip + 1, keys)?,
        };
        Some(self.base + found as u64)
    }

    #[inline(never)]
    fn find_behind(&self, skip: usize, keys: Option<&[u64]>) -> Option<usize> {
        let (front, back) = self.entries.as_slices();
        match front.get(skip..) {
            Some(rest) => find(rest, keys)
                .map(|at| skip + at)
                .or_else(|| find(back, keys).map(|at| front.len() + at)),
            None => find(back.get(skip - front.len()..)?, keys).map(|at| skip + at),
        }
    }

    /// Fetches the envelope of a message that comes soon after a position, if there is one.
    #[inline]
    pub(crate) fn fetch_ahead(&self, position: u64) {
        if let Some(entry) = self.entries.get((position - self.base) as usize + AHEAD) {
            prefetch::line(entry.message.as_ptr());
        }
    }

    /// Takes the message at a position that [`find`](Ring::find) returned; its place stays.
    #[inline]
    pub(crate) fn lift(&mut self, position: u64) -> AnyMessage {
        let entry = &mut self.entries[(position - self.base) as usize];
        assert_ne!(entry.key, EMPTY, "a message is lifted once");
        entry.key = EMPTY;
        self.empty += 1;
        // SAFETY: the ring owns the messages of places that are not empty.
        unsafe { AnyMessage::from_raw(entry.message) }
    }

    /// The message at a position that [`find`](Ring::find) returned, which stays the ring's.
    ///
    /// # Safety
    ///
    /// The result is not dropped, unless the place is emptied by [`forget`](Ring::forget).
    #[inline]
    pub(crate) unsafe fn lend(&self, position: u64) -> AnyMessage {
        let entry = self.entries[(position - self.base) as usize];
        assert_ne!(entry.key, EMPTY, "an empty place has no message");
        // SAFETY: the ring owns the messages of places that are not empty, and the caller's
        // promise.
        unsafe { AnyMessage::from_raw(entry.message) }
    }

    /// Empties the place of a message that was lent: it is the caller's now.
    #[inline]
    pub(crate) fn forget(&mut self, position: u64) {
        self.entries[(position - self.base) as usize].key = EMPTY;
        self.empty += 1;
    }

    /// Lets empty places vanish, where that is cheap. `marks`, the positions that the owner goes
    /// on using, stay where they were between their messages.
    #[inline]
    pub(crate) fn tidy(&mut self, marks: &mut [&mut u64]) {
        while self.entries.front().is_some_and(|e| e.key == EMPTY) {
            self.entries.pop_front();
            self.base += 1;
            self.empty -= 1;
        }
        if self.empty > 32 && self.empty as usize > self.entries.len() / 2 {
            self.compact(marks);
        }
    }

    #[cold]
    fn compact(&mut self, marks: &mut [&mut u64]) {
        for mark in marks {
            let before = (mark.saturating_sub(self.base) as usize).min(self.entries.len());
            let gone = self.entries.iter().take(before);
            **mark = mark.saturating_sub(gone.filter(|e| e.key == EMPTY).count() as u64);
        }
        self.entries.retain(|e| e.key != EMPTY);
        self.empty = 0;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Gives memory back that is not needed now.
    pub(crate) fn shrink(&mut self, save: &mut u64) {
        self.tidy(&mut [save]);
        self.entries.shrink_to_fit();
    }

    /// The messages, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Header> {
        self.entries
            .iter()
            .filter(|e| e.key != EMPTY)
            // SAFETY: the ring owns the messages of places that are not empty.
            .map(|e| unsafe { e.message.as_ref() })
    }

    /// Shows the messages, oldest first, until `show` has seen enough.
    pub(crate) fn all(&self, show: &mut impl FnMut(&AnyMessage) -> bool) {
        for entry in self.entries.iter().filter(|entry| entry.key != EMPTY) {
            // SAFETY: the ring owns the messages of places that are not empty, and goes on to.
            let message = unsafe { ManuallyDrop::new(AnyMessage::from_raw(entry.message)) };
            if !show(&message) {
                return;
            }
        }
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&mut self, save: &mut u64) -> Option<AnyMessage> {
        let position = self.find(self.base, None)?;
        let message = self.lift(position);
        self.tidy(&mut [save]);
        Some(message)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        while let Some(message) = self.pop(&mut 0) {
            drop(message);
        }
    }
}

#[inline]
fn find(entries: &[Entry], keys: Option<&[u64]>) -> Option<usize> {
    match keys {
        None => entries.iter().position(|e| e.key != EMPTY),
        Some([key]) => entries.iter().position(|e| e.key == *key),
        Some([a, b]) => entries.iter().position(|e| e.key == *a || e.key == *b),
        Some(keys) => entries.iter().position(|e| keys.contains(&e.key)),
    }
}
