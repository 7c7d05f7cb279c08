//! What goes with a worker's seat: `next`, and the queues of runnable processes at rest.
//!
//! ```text
//!   next    made runnable last
//!   woken   at rest, first in first out
//!   fresh   never started, last in first out; the oldest are given away, or go first when old
//! ```
//!
//! Plain memory: the worker that has the seat is alone with it, and the watchdog that takes the
//! seat takes all of it over (`seat`). Others get something only when they are hungry and the
//! owner [offers](Seated::split) it, after Acar, Charguéraud and Rainey, "Scheduling Parallel
//! Programs by Work Stealing with Private Deques" (2013).

use std::collections::VecDeque;
use std::mem;
use std::ptr;

use crate::process::slot::{Slot, bit};
use crate::process::table;

/// A runnable process on its way; whoever has it holds the process.
#[derive(Clone, Copy)]
pub(crate) struct Ready(pub(crate) &'static Slot);

/// How long a process that was never started may be last, in nanoseconds.
const AGE: u64 = 1_000_000;
/// How far ahead slots are fetched.
const AHEAD: usize = 3;
/// Queues that were longer give their memory back when they are empty.
const KEPT: usize = 1024;

/// The content of a seat.
pub(crate) struct Seated {
    /// The process that was made runnable last. It may stand on the stacks of the worker whose
    /// seat this is, so it does not go to another with the seat.
    next: *const Slot,
    pub(super) queues: Queues,
    /// When one of the newborn was last taken for its age.
    aged: u64,
    /// How many were offered last.
    offered: usize,
    /// For the next offer.
    spare: Option<Box<Queues>>,
}

// SAFETY: a process in `next` is held by whoever has the seat; it is only moved on.
unsafe impl Send for Seated {}

/// Runnable processes at rest, of normal priority.
#[derive(Default)]
pub(crate) struct Queues {
    woken: VecDeque<Ready>,
    fresh: VecDeque<Ready>,
}

impl Default for Seated {
    fn default() -> Seated {
        Seated {
            next: ptr::null(),
            queues: Queues::default(),
            aged: 0,
            offered: 0,
            spare: None,
        }
    }
}

impl Seated {
    /// Takes the process out of `next`.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<&'static Slot> {
        let next = mem::replace(&mut self.next, ptr::null());
        // SAFETY: slots live for ever.
        unsafe { next.as_ref() }
    }

    /// Puts a process into `next`; what lay there has to queue up.
    #[inline]
    pub(super) fn put_next(&mut self, slot: &'static Slot) -> Option<&'static Slot> {
        let displaced = self.take();
        self.next = slot;
        displaced
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next.is_null() && self.queues.is_empty()
    }

    /// The oldest of those that were never started, if the last time one was asked for by age is
    /// long enough ago: so that it does not stay the last for ever.
    #[inline]
    pub(super) fn pop_aged(&mut self, now: u64) -> Option<&'static Slot> {
        if now.wrapping_sub(self.aged) < AGE {
            return None;
        }
        let Ready(slot) = self.queues.fresh.pop_front()?;
        self.aged = now;
        Some(slot)
    }

    /// Takes out the older half of what is queued, `most` of it at most, to be offered.
    pub(super) fn split(&mut self, most: usize) -> Box<Queues> {
        let mut block = self.spare.take().unwrap_or_default();
        self.queues.split(&mut block, most);
        self.offered = block.len();
        block
    }

    /// Whether what was offered last is no less than half of what has been left or come since.
    pub(super) fn has_offered_enough(&self, most: usize) -> bool {
        self.queues.len() <= 2 * self.offered || self.offered >= most
    }

    /// Takes in the processes of a block, as the oldest, and keeps the block.
    pub(super) fn adopt(&mut self, mut block: Box<Queues>) {
        for (queue, older) in [
            (&mut self.queues.woken, &mut block.woken),
            (&mut self.queues.fresh, &mut block.fresh),
        ] {
            put_first(queue, older);
        }
        self.spare = Some(block);
    }

    /// Before the owner sleeps: gives memory back.
    pub(super) fn shrink(&mut self) {
        for queue in [&mut self.queues.woken, &mut self.queues.fresh] {
            if queue.is_empty() && queue.capacity() > KEPT {
                *queue = VecDeque::new();
            }
        }
    }
}

impl Queues {
    /// Queues a process.
    #[inline]
    pub(super) fn push(&mut self, slot: &'static Slot) {
        if slot.has(bit::STARTED) {
            self.woken.push_back(Ready(slot));
        } else {
            self.fresh.push_back(Ready(slot));
        }
    }

    #[inline]
    pub(super) fn pop_woken(&mut self) -> Option<&'static Slot> {
        let Ready(slot) = self.woken.pop_front()?;
        Some(slot)
    }

    #[inline]
    pub(super) fn pop_fresh(&mut self) -> Option<&'static Slot> {
        let Ready(slot) = self.fresh.pop_back()?;
        let ahead = self.fresh.len().wrapping_sub(AHEAD);
        if let Some(Ready(ahead)) = self.fresh.get(ahead) {
            table::prefetch(*ahead);
        }
        Some(slot)
    }

    /// Takes the oldest of either kind.
    pub(crate) fn pop_oldest(&mut self) -> Option<&'static Slot> {
        let oldest = self.woken.pop_front().or_else(|| self.fresh.pop_front());
        oldest.map(|Ready(slot)| slot)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.woken.is_empty() && self.fresh.is_empty()
    }

    fn len(&self) -> usize {
        self.woken.len() + self.fresh.len()
    }

    /// Moves the older half of each kind, `most` in all at most, behind those of `to`.
    fn split(&mut self, to: &mut Queues, most: usize) {
        let fresh = self.fresh.len().div_ceil(2).min(most);
        let woken = self.woken.len().div_ceil(2).min(most - fresh);
        move_first(&mut self.fresh, fresh, &mut to.fresh);
        move_first(&mut self.woken, woken, &mut to.woken);
    }
}

/// Moves the first `count` of a queue behind another's last.
fn move_first(from: &mut VecDeque<Ready>, count: usize, to: &mut VecDeque<Ready>) {
    // As slices: they are copied in one piece.
    let (front, back) = from.as_slices();
    let within = count.min(front.len());
    to.extend(&front[..within]);
    to.extend(&back[..count - within]);
    from.drain(..count);
}

/// Moves all of `older` before the first of a queue.
fn put_first(queue: &mut VecDeque<Ready>, older: &mut VecDeque<Ready>) {
    if queue.len() > older.len() {
        for slot in older.drain(..).rev() {
            queue.push_front(slot);
        }
    } else {
        let younger = queue.len();
        mem::swap(queue, older);
        move_first(older, younger, queue);
    }
}
