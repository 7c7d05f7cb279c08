//! What a process is at, for those who wait for it in vain.
//!
//! Noted by behaviours ([`Cx::callback_begins`](super::behaviour::Cx::callback_begins)) and by `sys`; looked at
//! by a client whose call has timed out (`request::snapshot`), and by nobody else.
//!
//! Invariant: only the holder of the process writes the word, so loads and plain stores will do; others
//! read it under the slot's lock, which keeps the `Extra` that it lies in from going away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::alive;
use super::info::{self, Status};
use super::pid::Pid;
use super::slot::Slot;
use super::table;
use crate::node;
use crate::registry::Name;
use crate::scheduler;
use crate::signal::relations;

/// The process takes system messages only.
const SUSPENDED: u64 = 1;
/// A callback runs, or is blocked; when it began stands above, by the coarse clock.
const CALLBACK: u64 = 1 << 1;
const TIME_SHIFT: u32 = 2;

/// The note; part of `Extra`.
#[derive(Default)]
pub(crate) struct Note(AtomicU64);

impl Note {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Changes the word; the holder's.
    fn set(&self, word: u64) {
        self.0.store(word, Ordering::Relaxed);
    }

    fn is_suspended(&self) -> bool {
        self.get() & SUSPENDED != 0
    }

    /// When the callback that runs began.
    fn since(&self) -> Option<u64> {
        let word = self.get();
        (word & CALLBACK != 0).then_some(word >> TIME_SHIFT)
    }
}

/// A callback of the running process begins.
#[inline]
pub(crate) fn begins(slot: &Slot) {
    let time = scheduler::worker().clock().coarse();
    relations::note(slot, |note| {
        note.set(time << TIME_SHIFT | CALLBACK | note.get() & SUSPENDED);
    });
}

/// No callback of the running process runs any more.
#[inline]
pub(crate) fn ended(slot: &Slot) {
    relations::note(slot, |note| note.set(note.get() & SUSPENDED));
}

/// The running process is suspended, or goes on.
pub(crate) fn suspended(slot: &Slot, suspended: bool) {
    relations::note(slot, |note| {
        let rest = note.get() & !SUSPENDED;
        note.set(if suspended { rest | SUSPENDED } else { rest });
    });
}

/// What can be seen of a process at a moment.
pub(crate) struct Sight {
    pub(crate) name: Option<Name>,
    pub(crate) status: Status,
    pub(crate) length: usize,
    pub(crate) suspended: bool,
    /// For how long a callback has been running.
    pub(crate) callback: Option<Duration>,
    /// Whom it has called, and waits for.
    pub(crate) waits_for: Option<Pid>,
}

/// Looks at another process; none if it is not alive. Stops nobody.
pub(crate) fn look(pid: Pid) -> Option<Sight> {
    if !alive::seems_alive(pid) {
        return None;
    }
    let slot = table::slot_of(pid);
    let status = if slot.inbox.claim() {
        let own = slot.inbox.generation() == pid.generation();
        let status = own.then(|| info::status_of(slot));
        scheduler::release(slot);
        status?
    } else {
        info::seen_from_outside(slot)
    };
    // The process may end meanwhile, and its node; then what was seen of it counts no more.
    let (name, now) = node::visit(slot.node.load(Ordering::Relaxed), |node| {
        (node.names().name_of(pid), node.clock().now())
    })?;
    let (suspended, since, waits_for) = relations::noted(pid, |note, relations| {
        let waits_for = relations.call.map(|call| call.target);
        (note.is_suspended(), note.since(), waits_for)
    })?;
    Some(Sight {
        name,
        status,
        length: alive::length(slot),
        suspended,
        callback: since.map(|since| Duration::from_nanos(now.saturating_sub(since))),
        waits_for,
    })
}
