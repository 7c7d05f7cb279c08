//! A worker's runnable processes, apart from those that go with its seat (`seated`).
//!
//! ```text
//!   held    on this worker's stacks, fifo      nobody else may run them
//!   offer   what the worker offers to others   anybody may take it
//!   others  of priority low, high, max         at rest: a queue that anybody may take from
//! ```
//!
//! Called by the worker that owns it; others only take.

use std::cell::Cell;
use std::ptr;

use crossbeam_deque::{Injector, Steal};

use super::offer::Offer;
use super::seated::{Queues, Ready};
use crate::process::slot::{ANYONE, Slot, bit};

/// The priorities other than normal, by their number.
const PRIORITIES: usize = 4;

pub(crate) struct RunQueue {
    held: [Held; PRIORITIES],
    /// Whether a process of a priority other than normal may be queued.
    unusual: Cell<bool>,
    stealers: Stealers,
}

/// What others may take from a worker.
pub(crate) struct Stealers {
    pub(super) offer: Offer<Queues>,
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

impl Priority {
    /// The priority of a process, for its holder.
    pub(crate) fn of(slot: &Slot) -> Priority {
        match priority(slot) {
            LOW => Priority::Low,
            HIGH => Priority::High,
            MAX => Priority::Max,
            _ => Priority::Normal,
        }
    }
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
        RunQueue {
            stealers: Stealers {
                offer: Offer::new(),
                others: std::array::from_fn(|_| Injector::new()),
            },
            held: [const { Held::new() }; PRIORITIES],
            unusual: Cell::new(false),
        }
    }

    pub(crate) fn stealers(&self) -> &Stealers {
        &self.stealers
    }

    /// Queues a process of normal priority that stands on this worker's stacks.
    #[inline]
    pub(crate) fn push_held(&self, slot: &'static Slot) {
        self.held[NORMAL].push(slot);
    }

    /// Queues a process of another priority. True: others may take it.
    #[cold]
    pub(crate) fn push_unusual(&self, slot: &'static Slot) -> bool {
        self.unusual.set(true);
        let priority = priority(slot);
        if slot.holder() != ANYONE {
            self.held[priority].push(slot);
            false
        } else {
            self.stealers.others[priority].push(Ready(slot));
            true
        }
    }

    /// Whether a process of normal priority stands here and is queued.
    #[inline]
    pub(crate) fn any_held(&self) -> bool {
        !self.held[NORMAL].is_empty()
    }

    /// The next of normal priority that stands here.
    #[inline]
    pub(crate) fn pop_normal(&self) -> Option<&'static Slot> {
        self.held[NORMAL].pop()
    }

    /// Whether one of another priority may be queued.
    #[inline]
    pub(crate) fn is_unusual(&self) -> bool {
        self.unusual.get()
    }

    /// The next of priority high or max.
    #[cold]
    pub(crate) fn pop_urgent(&self) -> Option<&'static Slot> {
        let urgent = self.pop_of(MAX).or_else(|| self.pop_of(HIGH));
        if urgent.is_none() && !self.any_of(LOW) {
            self.unusual.set(false);
        }
        urgent
    }

    /// The next of priority low.
    #[cold]
    pub(crate) fn pop_low(&self) -> Option<&'static Slot> {
        self.pop_of(LOW)
    }

    fn pop_of(&self, priority: usize) -> Option<&'static Slot> {
        let shared = || take(&self.stealers.others[priority]);
        self.held[priority].pop().or_else(shared)
    }

    fn any_of(&self, priority: usize) -> bool {
        !self.held[priority].is_empty() || !self.stealers.others[priority].is_empty()
    }

    /// The next that stands on this worker's stacks, whatever its priority.
    pub(crate) fn pop_held(&self) -> Option<&'static Slot> {
        [MAX, HIGH, NORMAL, LOW]
            .into_iter()
            .find_map(|priority| self.held[priority].pop())
    }
}

impl Stealers {
    /// Takes the most urgent of priority high or max.
    pub(crate) fn take_urgent(&self) -> Option<&'static Slot> {
        take(&self.others[MAX]).or_else(|| take(&self.others[HIGH]))
    }

    /// Takes one of priority low.
    pub(crate) fn take_low(&self) -> Option<&'static Slot> {
        take(&self.others[LOW])
    }

    /// Whether there is something to take.
    pub(crate) fn any(&self) -> bool {
        !self.offer.is_empty() || self.others.iter().any(|queue| !queue.is_empty())
    }
}

/// Whether its priority is not normal.
#[inline]
pub(crate) fn is_unusual(slot: &Slot) -> bool {
    priority(slot) != NORMAL
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
