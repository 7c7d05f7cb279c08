//! The scan: the first message in queue order that an arm takes; the rest stay in place.
//!
//! Called by receives, by behaviours and by what takes single messages out, as the holder of the process.
//!
//! No queue is borrowed while an arm looks at a message, so a guard may panic, send, or ask for
//! anything. What it must not do is receive, or wait otherwise: that panics.

use std::mem;
use std::ptr;

use super::arm::{Cursor, Picked};
use super::{queue, urgent};
use crate::message::{AnyMessage, Header};
use crate::process::slot::{Slot, bit};
use crate::process::{exit, guarded_on};

/// How far the mailbox was looked at: its priority messages, and the others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    pub(crate) urgent: u64,
    pub(crate) ordinary: u64,
}

/// Whether of what lies behind the position nothing was looked at, and nothing has priority.
#[inline]
pub(super) fn only_unseen_follow(slot: &Slot, position: Position) -> bool {
    let extra = slot.extra.get();
    if extra.is_null() {
        return position.ordinary == 0;
    }
    // SAFETY: as in `scan_ring`.
    let extra = unsafe { &*extra };
    let ring = &extra.ring;
    !extra.is_urgent() && (ring.is_empty() || position.ordinary == ring.end())
}

/// Shows the oldest of the unseen to `arms`.
#[inline(always)]
pub(super) fn take_oldest(
    slot: &Slot,
    keys: Option<&[u64]>,
    arms: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Option<Picked> {
    let message = queue::pop_unseen(slot)?;
    Unseen(slot, Cursor::new(message)).ask(keys, arms)
}

/// Shows the messages from `position` on to `arms`, and moves `position` behind those that none
/// took.
#[inline]
pub(crate) fn scan(
    slot: &Slot,
    position: &mut Position,
    keys: Option<&[u64]>,
    arms: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Option<Picked> {
    if !slot.extra.get().is_null() {
        if urgent::is_enabled(slot) {
            if !urgent::take_in(slot) {
                return None;
            }
            let picked = scan_ring::<URGENT>(slot, &mut position.urgent, keys, arms);
            if picked.is_some() {
                return picked;
            }
        }
        if !is_beyond(slot, position.ordinary) {
            let picked = scan_ring::<ORDINARY>(slot, &mut position.ordinary, keys, arms);
            if picked.is_some() {
                return picked;
            }
        }
    }
    loop {
        let Some(message) = queue::pop_unseen(slot) else {
            // A fatal signal that has just been taken goes before the messages taken with it.
            if slot.inbox.is_empty() || !queue::drain(slot) || exit::is_due(slot) {
                return None;
            }
            if urgent::any_from(slot, position.urgent) {
                let picked = scan_ring::<URGENT>(slot, &mut position.urgent, keys, arms);
                if picked.is_some() {
                    return picked;
                }
            }
            continue;
        };
        let unseen = Unseen(slot, Cursor::new(message));
        match unseen.ask(keys, arms) {
            Some(picked) => return Some(picked),
            None => position.ordinary = end(slot),
        }
    }
}

/// A message taken from the unseen; left in the ring unless an arm takes it.
struct Unseen<'s>(&'s Slot, Cursor);

impl Unseen<'_> {
    #[inline]
    fn ask(
        mut self,
        keys: Option<&[u64]>,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Option<Picked> {
        let key = self.1.message.as_ref().map(AnyMessage::key)?;
        if keys.is_some_and(|keys| !has(keys, key)) {
            return None;
        }
        match arms(&mut self.1) {
            0 => None,
            arm => {
                queue::received(self.0);
                let message = self.1.message.take();
                // Nothing is left in it.
                mem::forget(self);
                Some(Picked { message, arm })
            }
        }
    }
}

impl Drop for Unseen<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.1.message.take() {
            Some(message) => queue::leave(self.0, message),
            None => queue::received(self.0),
        }
    }
}

/// Receives have few keys: a plain loop beats an unrolled search.
#[inline]
#[expect(
    clippy::manual_contains,
    reason = "`contains` is unrolled for long slices"
)]
fn has(keys: &[u64], key: u64) -> bool {
    keys.iter().any(|&other| other == key)
}

/// Which ring is meant.
const ORDINARY: bool = false;
const URGENT: bool = true;

#[inline(never)]
fn scan_ring<const WHICH: bool>(
    slot: &Slot,
    position: &mut u64,
    keys: Option<&[u64]>,
    arms: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Option<Picked> {
    // The arms look at messages that stay in the ring: nobody takes one from there meanwhile, for
    // whatever takes (receives, `Cx`, `queue::take_from`, mail futures) refuses in a guard.
    guarded_on(slot, || {
        loop {
            // SAFETY: the running process is its own holder; the reference ends before `arms` runs.
            let lent = unsafe {
                let extra = &mut *slot.extra();
                let ring = match WHICH {
                    ORDINARY => &extra.ring,
                    URGENT => &extra.urgent().ring,
                };
                match ring.find(*position, keys) {
                    Some(at) => {
                        ring.fetch_ahead(at);
                        // SAFETY: nobody takes it from the ring meanwhile, and `Lent` sees to it
                        // that it is owned once.
                        Lent::<WHICH>::new(slot, at, ring.lend(at))
                    }
                    None => {
                        *position = ring.end();
                        return None;
                    }
                }
            };
            *position = lent.at + 1;
            if let Some(picked) = lent.ask(position, arms) {
                return Some(picked);
            }
        }
    })
}

/// A message of the ring that the arms look at, without its leaving the ring.
///
/// They leave the same envelope in the cursor, if they are what the macros make. What they take
/// out for good instead is theirs, and the ring gives it up.
struct Lent<'s, const WHICH: bool> {
    slot: &'s Slot,
    at: u64,
    envelope: *const Header,
    cursor: Cursor,
}

impl<'s, const WHICH: bool> Lent<'s, WHICH> {
    #[inline]
    fn new(slot: &'s Slot, at: u64, message: AnyMessage) -> Self {
        Lent {
            slot,
            at,
            envelope: message.header(),
            cursor: Cursor::new(message),
        }
    }

    #[inline]
    fn ask(
        mut self,
        position: &mut u64,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Option<Picked> {
        let arm = arms(&mut self.cursor);
        if arm == 0 {
            return None;
        }
        let message = self.cursor.message.take();
        self.give_up(Some(position));
        // Nothing is left in it.
        mem::forget(self);
        Some(Picked { message, arm })
    }

    /// The ring owns the message no more.
    #[inline]
    fn give_up(&self, position: Option<&mut u64>) {
        // SAFETY: as in `scan_ring`.
        unsafe {
            let extra = &mut *self.slot.extra();
            // The scan's position becomes the behaviour's save position.
            match (WHICH, position) {
                (ORDINARY, None) => extra.ring.forget(self.at),
                (URGENT, None) => extra.urgent().ring.forget(self.at),
                (ORDINARY, Some(position)) => {
                    extra.ring.forget(self.at);
                    extra.ring.tidy(&mut [&mut extra.save.ordinary, position]);
                }
                (URGENT, Some(position)) => {
                    extra.urgent().ring.forget(self.at);
                    let save = &mut extra.save.urgent;
                    let rare = extra.rare.as_mut();
                    if let Some(urgent) = rare.and_then(|rare| rare.urgent.as_mut()) {
                        urgent.tidy(&mut [save, position]);
                    }
                }
            }
        }
        queue::received(self.slot);
    }
}

impl<const WHICH: bool> Drop for Lent<'_, WHICH> {
    #[inline]
    fn drop(&mut self) {
        match self.cursor.message.take() {
            // The ring has it still.
            Some(message) if ptr::eq(message.header(), self.envelope) => mem::forget(message),
            other => {
                self.give_up(None);
                drop(other);
            }
        }
    }
}

/// Whether the position is that behind all messages that were looked at, of a process that has an `Extra`.
#[inline]
fn is_beyond(slot: &Slot, position: u64) -> bool {
    // SAFETY: as in `scan_ring`.
    position == unsafe { (*slot.extra()).ring.end() }
}

/// The position behind all messages that were looked at.
#[inline]
pub(super) fn end(slot: &Slot) -> u64 {
    let extra = slot.extra.get();
    if extra.is_null() {
        0
    } else {
        // SAFETY: as in `scan_ring`.
        unsafe { (*extra).ring.end() }
    }
}

/// The position behind all that is in the mailbox now, for a [`Ref`](super::reference::Ref)'s marker: what is unseen
/// joins the ring, which each message does at most once.
pub(crate) fn mark(slot: &Slot) -> (u64, u32) {
    if slot.has(bit::GUARD) {
        return (0, 0);
    }
    queue::drain(slot);
    while let Some(message) = queue::pop_unseen(slot) {
        queue::leave(slot, message);
    }
    mark_of(slot)
}

/// The position behind what was looked at, as a marker.
pub(crate) fn mark_of(slot: &Slot) -> (u64, u32) {
    let extra = slot.extra.get();
    if extra.is_null() {
        return (0, 0);
    }
    // SAFETY: as in `scan_ring`.
    let ring = unsafe { &(*extra).ring };
    (ring.end(), ring.epoch())
}

/// Where to start for a marker made by [`mark`] or [`mark_of`].
pub(crate) fn position_of(slot: &Slot, marker: (u64, u32)) -> u64 {
    let extra = slot.extra.get();
    if extra.is_null() {
        return 0;
    }
    // SAFETY: as in `scan_ring`.
    let ring = unsafe { &(*extra).ring };
    if ring.epoch() == marker.1 {
        marker.0
    } else {
        0
    }
}
