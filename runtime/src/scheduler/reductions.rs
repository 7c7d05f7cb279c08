//! Reductions: the measure of a turn.
//!
//! A send, a receive, a spawn each cost some. Only a switch point makes a process yield, so what
//! is spent elsewhere is a debt, paid at the next one. Called by all of these, by users ([`tick`]), and by
//! futures, which look whether the turn is over instead of switching ([`is_spent`]).
//!
//! Invariant: while a process runs, what is left of its turn lies in its thread's record, and is added to its
//! total whenever it goes on elsewhere or is asked ([`account`]). The watchdog takes it away from a turn that lasts, which
//! then counts as one that has spent it all, about.

use std::sync::atomic::{AtomicI32, Ordering};
use std::task::Context;

use super::calls::suspend;
use crate::context::Suspend;
use crate::mailbox::queue;
use crate::process::slot::{Slot, bit};
use crate::process::{exit, try_current};
use crate::thread::{self, Thread};

/// What a process may spend before others have their turn: some tens of microseconds of
/// messages.
pub(crate) const TURN: i32 = 2000;
/// What a send costs. Short turns of those that send keep what they send in the caches, and let it be spread.
pub(crate) const SEND: i32 = 8;
/// What a spawn costs.
pub(crate) const SPAWN: i32 = 8;

/// What is left of a turn; negative: a debt. Its thread's, but for [`end`](Reductions::end).
pub(crate) struct Reductions(AtomicI32);

impl Reductions {
    pub(crate) const fn new(left: i32) -> Reductions {
        Reductions(AtomicI32::new(left))
    }

    #[inline]
    pub(crate) fn get(&self) -> i32 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, left: i32) {
        self.0.store(left, Ordering::Relaxed);
    }

    /// Ends the turn from another thread; in vain if the owner spends at this moment, or has just begun another
    /// turn, which then is short.
    pub(crate) fn end(&self) {
        if self.get() > 0 {
            self.set(0);
        }
    }
}

/// Spends reductions.
#[inline]
pub(crate) fn spend(reductions: i32) {
    thread::this().spend(reductions);
}

/// Whether the turn is over.
#[inline]
pub(crate) fn spent() -> bool {
    thread::this().reductions.get() <= 0
}

/// Whether the turn of the process that polls is over. Then it is woken, to poll again in its next
/// one, and the poll has to say that it is pending.
#[inline]
pub(crate) fn is_spent(cx: &Context<'_>) -> bool {
    let spent = thread::this().process().is_some() && spent();
    if spent {
        cx.waker().wake_by_ref();
    }
    spent
}

/// Adds what the running process has spent to its total.
#[inline]
pub(crate) fn account(thread: &Thread, slot: &Slot) {
    let left = thread.reductions.get();
    let spent = thread.turn.get().wrapping_sub(left) as u32;
    thread.turn.set(left);
    let total = slot.reductions.load(Ordering::Relaxed);
    slot.reductions
        .store(total.wrapping_add(spent), Ordering::Relaxed);
}

/// Lets others run. A switch point: a pending exit is raised here.
///
/// Mirrors `erlang:yield/0`. On a thread that is no process it is [`std::thread::yield_now`].
#[cfg_attr(debug_assertions, track_caller)]
pub fn yield_now() {
    let Some(slot) = try_current() else {
        return std::thread::yield_now();
    };
    if slot.has(bit::GUARD) {
        return;
    }
    queue::drain(slot);
    exit::check(slot);
    suspend(Suspend::Yield);
    queue::drain(slot);
    exit::check(slot);
    exit::drop_stale(slot);
}

/// One step of a long computation: counts a reduction, and yields if the process's turn is over
/// or a signal has come. Costs a few nanoseconds otherwise. A turn has 2000 reductions, and is over as well
/// when it has lasted for two milliseconds or so.
///
/// ```
/// # runtime::run(|| {
/// let mut sum = 0u64;
/// for n in 0..100_000u64 {
///     sum += n;
///     runtime::tick();
/// }
/// # assert_eq!(sum, 4_999_950_000);
/// # });
/// ```
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn tick() {
    let thread = thread::this();
    let Some(slot) = thread.process() else { return };
    let now = thread.spend(1);
    if now <= 0 || !slot.inbox.is_empty() {
        tick_slow(slot);
    }
}

#[cold]
#[cfg_attr(debug_assertions, track_caller)]
fn tick_slow(slot: &'static Slot) {
    if slot.has(bit::GUARD) {
        return;
    }
    queue::drain(slot);
    exit::check(slot);
    if spent() && !std::thread::panicking() {
        yield_now();
    }
}
