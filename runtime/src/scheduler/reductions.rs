//! Reductions: the measure of a turn.
//!
//! A send, a receive, a spawn each cost some. Only a switch point makes a process yield, so what
//! is spent elsewhere is a debt, paid at the next one.

use std::sync::atomic::Ordering;

use super::calls::suspend;
use crate::context::Suspend;
use crate::mailbox::queue;
use crate::process::slot::{Slot, bit};
use crate::process::{exit, try_current};
use crate::thread;

/// What a process may spend before others have their turn: some tens of microseconds of
/// messages.
pub(crate) const TURN: i32 = 2000;
/// What a spawn costs.
pub(crate) const SPAWN: i32 = 4;

/// Spends reductions.
#[inline]
pub(crate) fn spend(reductions: i32) {
    // SAFETY: the thread's own record.
    let left = unsafe { &thread::this().as_ref().reductions };
    left.set(left.get().wrapping_sub(reductions));
}

/// Spends reductions at a switch point. True: the turn is over.
#[inline]
pub(crate) fn pay(reductions: i32) -> bool {
    // SAFETY: the thread's own record.
    let left = unsafe { &thread::this().as_ref().reductions };
    let now = left.get().wrapping_sub(reductions);
    left.set(now);
    now <= 0
}

/// Whether the turn is over.
#[inline]
pub(crate) fn spent() -> bool {
    // SAFETY: the thread's own record.
    unsafe { thread::this().as_ref().reductions.get() <= 0 }
}

/// Adds what the running process has spent to its total.
#[inline]
pub(crate) fn account(slot: &Slot) {
    // SAFETY: the thread's own record.
    let thread = unsafe { thread::this().as_ref() };
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
/// or a signal has come. Costs a few nanoseconds otherwise.
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
pub fn tick() {
    let thread = thread::this();
    // SAFETY: the thread's own record; slots live for ever.
    let (process, left) = unsafe { (thread.as_ref().process.get().as_ref(), &thread.as_ref().reductions) };
    let Some(slot) = process else { return };
    let now = left.get().wrapping_sub(1);
    left.set(now);
    if now <= 0 || !slot.inbox.is_empty() {
        tick_slow(slot);
    }
}

#[cold]
fn tick_slow(slot: &'static Slot) {
    if slot.has(bit::GUARD) {
        return;
    }
    queue::drain(slot);
    exit::check(slot);
    if spent() && !exit::unwinding(slot) {
        yield_now();
    }
}
