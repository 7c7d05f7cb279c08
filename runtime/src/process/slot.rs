//! A slot: one process's place in the table, two cache lines.
//!
//! ```text
//!   shared line    inbox: head | generation | flags     armed | entry | place
//!                  body: what runs at rest (24 bytes inline)
//!   private line   queue tail | extra | context | link | deadline | length: generation, count
//!                  since | reductions | holder | node | wheel | lock | bits
//! ```
//!
//! Slots are type-stable: their memory stays what it is for the life of the program, so a stale
//! pid reads a slot of some generation, never something else.
//!
//! Invariants:
//! * The private line, `armed`, `entry` and the body belong to the holder of the process (see
//!   `mailbox::inbox`). Its atomics are the exception: others read them as hints.
//! * `context` is null while the process is at rest; else it stands on that stack.
//! * `holder` alone decides who may run the process: a worker's number, or [`ANYONE`].

use std::cell::{Cell, UnsafeCell};
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::body::Body;
use super::extra::{self, Extra};
use super::latch::Latch;
use super::pid::Pid;
use super::table;
use crate::context::Context;
use crate::mailbox::inbox::Inbox;
use crate::message::Header;
use crate::prefetch;

/// Any worker of the node may run the process: it is at rest, or assumed safe to migrate.
pub(crate) const ANYONE: u16 = u16::MAX;
/// No timer entry.
pub(crate) const NO_ENTRY: u32 = u32::MAX;

/// Flags that others set (`Inbox::flags`).
pub(crate) mod flag {
    use crate::mailbox::inbox::GONE;

    /// A future's waker was called since the process last looked.
    pub(crate) const WOKEN: u32 = 1;
    /// A kill is on its way: the process counts as dead.
    pub(crate) const KILLED: u32 = 1 << 1;
    /// The mailbox has a limit: `length` counts all its messages, changed by senders too.
    pub(crate) const LIMITED: u32 = 1 << 2;
    /// At the limit, the process shall end.
    pub(crate) const LIMIT_EXITS: u32 = 1 << 3;
    /// At the limit, the message is taken nevertheless, and a report is made.
    pub(crate) const LIMIT_REPORTS: u32 = 1 << 4;
    /// The mailbox has been reported as long, or over its limit.
    pub(crate) const REPORTED: u32 = 1 << 5;
    /// The process's timer entry is no longer in the wheel.
    pub(crate) const TIMER: u32 = 1 << 6;
    /// The node, which shuts down, has told the process to end.
    pub(crate) const TOLD: u32 = 1 << 7;
    /// The process may have a registered name.
    pub(crate) const NAMED: u32 = 1 << 8;
    /// There may be, or have been, a timer that is to send to the process.
    pub(crate) const TIMED: u32 = 1 << 9;
    /// The process has been ended in its absence: see `process::zombie`. Set under the slot's lock.
    pub(crate) const ZOMBIE: u32 = GONE;
    /// The process traps exits. Its own, and set and cleared under the slot's lock.
    pub(crate) const TRAPS: u32 = 1 << 11;
    /// From this bit on: the greatest number of messages that a mailbox with a limit takes.
    pub(crate) const LIMIT_SHIFT: u32 = 12;
    pub(crate) const MOST_LIMIT: u32 = u32::MAX >> LIMIT_SHIFT;
}

/// Bits of the holder's own (`Slot::bits`).
pub(crate) mod bit {
    /// The low two bits: the priority.
    pub(crate) const PRIORITY: u16 = 0b11;
    /// The body has been started.
    pub(crate) const STARTED: u16 = 1 << 2;
    /// The deadline has passed, or the wheel says so.
    pub(crate) const TIMEOUT: u16 = 1 << 3;
    /// `deadline` is set.
    pub(crate) const DEADLINE: u16 = 1 << 4;
    /// `deadline` was computed from the coarse clock at `since`.
    pub(crate) const COARSE: u16 = 1 << 5;
    /// The process is hibernated.
    pub(crate) const HIBERNATED: u16 = 1 << 6;
    /// A suspended stack of the process may move to another worker.
    pub(crate) const MIGRATES: u16 = 1 << 7;
    /// User code is being called that must not receive (a guard).
    pub(crate) const GUARD: u16 = 1 << 8;
    /// A fatal exit is pending or raised; the reason is in `Extra`.
    pub(crate) const FATAL: u16 = 1 << 9;
    /// The body must run on a stack of its own size.
    pub(crate) const OWN_STACK: u16 = 1 << 10;
    /// What the process held at rest is being dropped: no exit is raised any more.
    pub(crate) const ENDING: u16 = 1 << 11;
    /// The process traps exits.
    pub(crate) const TRAP_EXIT: u16 = 1 << 12;
    /// A wake-up of a future was used up by a `block_on` in whose midst it may not have been meant.
    pub(crate) const OWED: u16 = 1 << 13;
    /// The process has a thread of its own, and stays there at rest too.
    pub(crate) const OWN_THREAD: u16 = 1 << 14;
}

/// One process, or the place of one.
#[repr(C, align(128))]
pub(crate) struct Slot {
    // Shared line.
    pub(crate) inbox: Inbox,
    /// When the process's entry in a timer wheel is due, in units of 2^20 nanoseconds; valid
    /// while `entry` is.
    pub(crate) armed: Cell<u32>,
    /// The index of the process's entry in the wheel of the worker `wheel`. Both are the holder's,
    /// and here so that what it writes at every turn is not: senders would wait for the line.
    pub(crate) entry: Cell<u32>,
    /// Where it was spawned.
    pub(crate) place: AtomicPtr<Location<'static>>,
    pub(crate) body: UnsafeCell<Body>,

    // Private line.
    /// The newest envelope taken but not looked at; its link leads to the oldest of them.
    pub(crate) tail: Cell<*mut Header>,
    pub(crate) extra: extra::Place,
    pub(crate) context: Cell<*mut Context>,
    /// The next in a list of slots: run queue, worker's inbox, free list.
    pub(crate) link: Cell<*const Slot>,
    /// When the wait ends, in nanoseconds of the node's clock.
    pub(crate) deadline: Cell<u64>,
    /// Messages taken and not received, with a limit all that were sent and not received; above
    /// them the generation, so that a message counted for a process that has ended is never
    /// counted for its successor.
    length: AtomicU64,
    /// The coarse clock when the wait began, in grains of the clock, modulo 2^32.
    pub(crate) since: Cell<u32>,
    /// Reductions spent, modulo 2^32.
    pub(crate) reductions: AtomicU32,
    pub(crate) holder: AtomicU16,
    /// The node that the process belongs to.
    pub(crate) node: AtomicU16,
    pub(crate) wheel: Cell<u8>,
    /// Over `Extra::relations`, and over whether the process is a zombie.
    pub(crate) lock: Latch,
    pub(crate) bits: Cell<u16>,
}

const _: () = assert!(size_of::<Slot>() == 128);

// SAFETY: the fields that are no atomics are touched by the holder alone (module invariant), and
// holding changes hands by release-acquire pairs on `inbox`, or through a run queue.
unsafe impl Sync for Slot {}

impl Slot {
    /// Fetches the shared line, to be written: who sends reads it first, and would else wait for it
    /// twice.
    #[inline]
    pub(crate) fn fetch(&self) {
        prefetch::line(&raw const self.inbox);
    }

    #[inline]
    pub(crate) fn index(&self) -> u32 {
        table::index_of(self)
    }

    /// The pid of the slot's present process.
    #[inline]
    pub(crate) fn pid(&self) -> Pid {
        table::pid_of(self, self.inbox.generation())
    }

    #[inline]
    pub(crate) fn has(&self, bits: u16) -> bool {
        self.bits.get() & bits != 0
    }

    #[inline]
    pub(crate) fn set(&self, bits: u16) {
        self.bits.set(self.bits.get() | bits);
    }

    #[inline]
    pub(crate) fn clear(&self, bits: u16) {
        self.bits.set(self.bits.get() & !bits);
    }

    #[inline]
    pub(crate) fn holder(&self) -> u16 {
        self.holder.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_holder(&self, worker: u16) {
        self.holder.store(worker, Ordering::Relaxed);
    }

    /// Where the process was spawned.
    pub(crate) fn place(&self) -> Option<&'static Location<'static>> {
        let place = self.place.load(Ordering::Relaxed);
        // SAFETY: null, or stored from a `&'static Location`.
        unsafe { place.as_ref() }
    }

    /// How many messages are counted; see `length`.
    #[inline]
    pub(crate) fn length(&self) -> u32 {
        self.length.load(Ordering::Relaxed) as u32
    }

    /// Nothing is counted for the present generation.
    #[inline]
    pub(crate) fn reset_length(&self) {
        let generation = u64::from(self.inbox.generation());
        self.length.store(generation << 32, Ordering::Relaxed);
    }

    /// Counts messages of a mailbox without a limit, which only the holder does. Returns how many
    /// were counted before.
    #[inline]
    pub(crate) fn count_taken(&self, count: u32) -> u32 {
        let word = self.length.load(Ordering::Relaxed);
        self.length
            .store(word + u64::from(count), Ordering::Relaxed);
        word as u32
    }

    /// A message of a mailbox without a limit was received.
    #[inline]
    pub(crate) fn uncount_taken(&self) {
        let word = self.length.load(Ordering::Relaxed);
        debug_assert_ne!(
            word as u32, 0,
            "a message was received that was not counted"
        );
        self.length.store(word - 1, Ordering::Relaxed);
    }

    /// Counts a message for the process of the generation `of` if fewer than `limit` are counted.
    /// If that process is gone, or being made, nothing is counted, and its place takes all.
    #[must_use]
    pub(crate) fn count_sent(&self, of: u32, limit: u32) -> bool {
        self.length
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                (word >> 32 == u64::from(of) && (word as u32) < limit).then_some(word + 1)
            })
            .map_or_else(|word| word >> 32 != u64::from(of), |_| true)
    }

    /// Counts a message of a mailbox with a limit, which holds it whatever the limit is.
    pub(crate) fn count_one_more(&self) {
        self.length.fetch_add(1, Ordering::Relaxed);
    }

    /// A message of a mailbox with a limit was received.
    pub(crate) fn count_received(&self) {
        self.length.fetch_sub(1, Ordering::Relaxed);
    }

    /// The cold half of the process's data, made on first use. Only for the holder, who must
    /// not hold two of them at a time.
    #[inline]
    pub(crate) fn extra(&self) -> *mut Extra {
        let extra = self.extra.get();
        if extra.is_null() {
            self.make_extra()
        } else {
            extra
        }
    }

    #[cold]
    fn make_extra(&self) -> *mut Extra {
        let extra = Extra::make();
        self.extra.set(extra);
        extra
    }

    /// Sets the private line for a new process.
    #[inline]
    pub(crate) fn prepare(&self, node: u16, bits: u16, place: &'static Location<'static>) {
        self.node.store(node, Ordering::Relaxed);
        self.reductions.store(0, Ordering::Relaxed);
        self.place
            .store(ptr::from_ref(place).cast_mut(), Ordering::Relaxed);
        self.tail.set(ptr::null_mut());
        self.extra.set(ptr::null_mut());
        self.context.set(ptr::null_mut());
        self.entry.set(NO_ENTRY);
        self.reset_length();
        self.set_holder(ANYONE);
        self.bits.set(bits);
    }
}
