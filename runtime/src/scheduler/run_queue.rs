//! A worker's runnable processes, apart from the one in `next`.
//!
//! ```text
//!   woken   at rest, first in first out        anybody may steal
//!   fresh   never started, last in first out   anybody may steal, from the old end
//!   held    on this worker's stacks, fifo      nobody else may run them
//!   others  of priority low, high, max         at rest: a queue that anybody may steal from
//! ```
//!
//! Called by the worker that owns it; others only steal.

use std::cell::Cell;
use std::iter;
use std::ptr;

use crossbeam_deque::{Injector, Steal, Stealer, Worker as Deque};

use crate::process::slot::{ANYONE, Slot, bit};
use crate::process::table;

/// A runnable process on its way; whoever has it holds the process.
#[derive(Clone, Copy)]
pub(crate) struct Ready(pub(crate) &'static Slot);

/// How long a process that was never started may be last, in nanoseconds.
const AGE: u64 = 1_000_000;
/// How many processes are stolen at once, at most.
const STOLEN: usize = 16;
/// The priorities other than normal, by their number.
const PRIORITIES: usize = 4;

pub(crate) struct RunQueue {
    woken: Deque<Ready>,
    fresh: Deque<Ready>,
    held: [Held; PRIORITIES],
    /// Whether a process of a priority other than normal may be queued.
    unusual: Cell<bool>,
    /// When one of `fresh` was last taken for its age.
    aged: Cell<u64>,
    stealers: Stealers,
}

/// What others may take from a run queue.
pub(crate) struct Stealers {
    woken: Stealer<Ready>,
    fresh: Stealer<Ready>,
    /// By priority; normal's is not used.
    others: [Injector<Ready>; PRIORITIES],
}

/// A list of processes that stand on this worker's stacks, linked through the slots.
#[derive(Default)]
struct Held {
    first: Cell<*const Slot>,
    last: Cell<*const Slot>,
}

impl Held {
    const fn new() -> Held {
        Held {
            first: Cell::new(ptr::null()),
            last: Cell::new(ptr::null()),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.first.get().is_null()
    }

    #[inline]
    fn push(&self, slot: &'static Slot) {
        slot.link.set(ptr::null());
        // SAFETY: slots live for ever; those in the list are the worker's.
        match unsafe { self.last.get().as_ref() } {
            Some(last) => last.link.set(slot),
            None => self.first.set(slot),
        }
        self.last.set(slot);
    }

    #[inline]
    fn pop(&self) -> Option<&'static Slot> {
        // SAFETY: as in `push`.
        let first: &'static Slot = unsafe { self.first.get().as_ref()? };
        self.first.set(first.link.get());
        if self.first.get().is_null() {
            self.last.set(ptr::null());
        }
        Some(first)
    }
}

/// BEAM's priorities.
///
/// As long as processes of priority [`Max`](Priority::Max) are runnable on a worker, it runs no
/// others; then those of [`High`](Priority::High). Of the rest, one of priority
/// [`Low`](Priority::Low) runs for every eight turns of [`Normal`](Priority::Normal) ones.
///
/// Mirrors `process_flag(priority, Level)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Priority {
    /// When there is little else to do.
    Low = 1,
    /// The default.
    #[default]
    Normal = 0,
    /// Before all normal ones.
    High = 2,
    /// Before all others; meant for the runtime's own needs.
    Max = 3,
}

const NORMAL: usize = Priority::Normal as usize;
const LOW: usize = Priority::Low as usize;
const HIGH: usize = Priority::High as usize;
const MAX: usize = Priority::Max as usize;

#[inline]
fn priority(slot: &Slot) -> usize {
    usize::from(slot.bits.get() & bit::PRIORITY)
}

impl RunQueue {
    pub(crate) fn new() -> RunQueue {
        let woken = Deque::new_fifo();
        let fresh = Deque::new_lifo();
        RunQueue {
            stealers: Stealers {
                woken: woken.stealer(),
                fresh: fresh.stealer(),
                others: std::array::from_fn(|_| Injector::new()),
            },
            woken,
            fresh,
            held: [const { Held::new() }; PRIORITIES],
            unusual: Cell::new(false),
            aged: Cell::new(0),
        }
    }

    pub(crate) fn stealers(&self) -> &Stealers {
        &self.stealers
    }

    /// Queues a process. True: others may steal it.
    #[inline]
    pub(crate) fn push(&self, slot: &'static Slot) -> bool {
        let priority = priority(slot);
        if priority != NORMAL {
            return self.push_unusual(slot, priority);
        }
        if slot.holder() != ANYONE {
            self.held[NORMAL].push(slot);
            false
        } else {
            if slot.has(bit::STARTED) {
                self.woken.push(Ready(slot));
            } else {
                self.fresh.push(Ready(slot));
            }
            true
        }
    }

    #[cold]
    fn push_unusual(&self, slot: &'static Slot, priority: usize) -> bool {
        self.unusual.set(true);
        if slot.holder() != ANYONE {
            self.held[priority].push(slot);
            false
        } else {
            self.stealers.others[priority].push(Ready(slot));
            true
        }
    }

    /// Whether a process of normal priority is queued.
    #[inline]
    pub(crate) fn any_normal(&self) -> bool {
        !self.held[NORMAL].is_empty() || !self.woken.is_empty() || !self.fresh.is_empty()
    }

    /// The next of priority high or max.
    #[inline]
    pub(crate) fn pop_urgent(&self) -> Option<&'static Slot> {
        if !self.unusual.get() {
            return None;
        }
        let urgent = self.pop_of(MAX).or_else(|| self.pop_of(HIGH));
        if urgent.is_none() && !self.any_of(LOW) {
            self.unusual.set(false);
        }
        urgent
    }

    /// The next of priority low.
    #[inline]
    pub(crate) fn pop_low(&self) -> Option<&'static Slot> {
        if !self.unusual.get() {
            return None;
        }
        self.pop_of(LOW)
    }

    #[cold]
    fn pop_of(&self, priority: usize) -> Option<&'static Slot> {
        let shared = || take(&self.stealers.others[priority]);
        self.held[priority].pop().or_else(shared)
    }

    #[cold]
    fn any_of(&self, priority: usize) -> bool {
        !self.held[priority].is_empty() || !self.stealers.others[priority].is_empty()
    }

    /// The next that stands on this worker's stacks, whatever its priority.
    pub(crate) fn pop_held(&self) -> Option<&'static Slot> {
        [MAX, HIGH, NORMAL, LOW]
            .into_iter()
            .find_map(|priority| self.held[priority].pop())
    }

    /// The oldest of those that were never started, if the last time one was asked for by age is
    /// long enough ago: so that it does not stay the last for ever.
    #[inline]
    pub(crate) fn pop_aged(&self, now: u64) -> Option<&'static Slot> {
        if now.wrapping_sub(self.aged.get()) < AGE || self.fresh.is_empty() {
            return None;
        }
        self.aged.set(now);
        retry(|| self.stealers.fresh.steal())
    }

    /// The next of normal priority. The turn's number decides between the queues.
    #[inline]
    pub(crate) fn pop(&self, turn: u32) -> Option<&'static Slot> {
        let held = &self.held[NORMAL];
        if turn & 1 == 0 {
            if let Some(slot) = held.pop() {
                return Some(slot);
            }
            if let Some(Ready(slot)) = self.woken.pop() {
                return Some(slot);
            }
        } else {
            if let Some(Ready(slot)) = self.woken.pop() {
                return Some(slot);
            }
            if let Some(slot) = held.pop() {
                return Some(slot);
            }
        }
        self.fresh.pop().map(|Ready(slot)| slot)
    }

    /// Steals the most urgent that another worker has, or some of its oldest: the first of them is
    /// returned, the rest join this queue.
    pub(crate) fn steal_from(&self, other: &Stealers) -> Option<&'static Slot> {
        let urgent = take(&other.others[MAX]).or_else(|| take(&other.others[HIGH]));
        urgent
            .or_else(|| self.steal_fresh(other))
            .or_else(|| {
                retry(|| {
                    other
                        .woken
                        .steal_batch_with_limit_and_pop(&self.woken, STOLEN)
                })
            })
            .or_else(|| take(&other.others[LOW]))
    }

    /// Half of the newborn, at most [`STOLEN`]: each has to be fetched from its parent's core.
    fn steal_fresh(&self, other: &Stealers) -> Option<&'static Slot> {
        let first = retry(|| other.fresh.steal())?;
        table::prefetch(first);
        let more = (other.fresh.len() / 2).min(STOLEN - 1);
        for _ in 0..more {
            let Some(slot) = retry(|| other.fresh.steal()) else {
                break;
            };
            table::prefetch(slot);
            self.fresh.push(Ready(slot));
        }
        Some(first)
    }
}

impl Stealers {
    /// Takes the oldest out, one after the other, at most `most`.
    pub(crate) fn oldest(&self, most: usize) -> impl Iterator<Item = &'static Slot> {
        let next = || {
            retry(|| self.woken.steal())
                .or_else(|| retry(|| self.fresh.steal()))
                .or_else(|| self.others.iter().rev().find_map(take))
        };
        iter::from_fn(next).take(most)
    }

    /// Whether there is something to steal.
    pub(crate) fn any(&self) -> bool {
        !self.fresh.is_empty()
            || !self.woken.is_empty()
            || self.others.iter().any(|queue| !queue.is_empty())
    }
}

/// Runnable processes at rest that any thread may put in and take out, the oldest first.
pub(crate) struct Shared {
    urgent: Injector<Ready>,
    others: Injector<Ready>,
}

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared {
            urgent: Injector::new(),
            others: Injector::new(),
        }
    }

    pub(crate) fn push(&self, slot: &'static Slot) {
        let queue = match priority(slot) {
            MAX | HIGH => &self.urgent,
            _ => &self.others,
        };
        queue.push(Ready(slot));
    }

    /// Takes the oldest, those of priority high and max first.
    #[inline]
    pub(crate) fn take(&self) -> Option<&'static Slot> {
        take(&self.urgent).or_else(|| take(&self.others))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }
}

/// The oldest of a shared queue.
fn take(queue: &Injector<Ready>) -> Option<&'static Slot> {
    if queue.is_empty() {
        return None;
    }
    retry(|| queue.steal())
}

fn retry(steal: impl Fn() -> Steal<Ready>) -> Option<&'static Slot> {
    loop {
        match steal() {
            Steal::Success(Ready(slot)) => return Some(slot),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
