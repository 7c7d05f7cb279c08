//! Wakers of futures that wait for mail, left with the process that polls them.
//!
//! Each is left with how far its future has looked. Whoever polls futures in a process calls [`wake`] before
//! it waits: that wakes those behind whose look something has come, whoever took it in. So two mail futures
//! side by side do not hide messages from each other.

use std::task::Waker;

use super::scan::mark_of;
use super::{queue, urgent};
use crate::process::slot::Slot;

/// The mail futures of a process that wait.
#[derive(Default)]
pub(crate) struct Awaited(Vec<Waiting>);

/// One of them.
struct Waiting {
    waker: Waker,
    /// How far it has looked, and among the priority messages.
    marker: (u64, u32),
    urgent: u64,
}

/// Wakes the mail futures behind whose look something has come.
#[inline]
pub(crate) fn wake(slot: &Slot) {
    if !waiting(slot).is_empty() {
        wake_each(slot, |_| true);
    }
}

/// As [`wake`], before a poll for which `own`, the process's waker, need not be called.
#[inline]
pub(crate) fn wake_before(slot: &Slot, own: &Waker) {
    if !waiting(slot).is_empty() {
        wake_each(slot, |waker| !waker.will_wake(own));
    }
}

/// Those that wait. To be let go of before anybody's code runs.
#[inline]
fn waiting(slot: &Slot) -> &[Waiting] {
    let extra = slot.extra.get();
    // SAFETY: the running process is its own holder, and changes nothing before the caller has let go.
    let rare = unsafe { extra.as_ref() }.and_then(|extra| extra.rare.as_ref());
    rare.and_then(|rare| rare.awaited.as_ref())
        .map_or(&[], |all| &all.0)
}

/// Calls the wakers that are needed of those behind whose look something has come; all of these wait no more.
#[inline(never)]
fn wake_each(slot: &Slot, needed: impl Fn(&Waker) -> bool) {
    let unseen = queue::has_unseen(slot);
    let (marker, urgent) = (mark_of(slot), urgent::end(slot));
    let is_behind = |one: &Waiting| unseen || one.marker != marker || one.urgent != urgent;
    // What a waker's code adds comes last, and is not looked at.
    let (mut i, mut end) = (0, waiting(slot).len());
    while i < end {
        if !waiting(slot).get(i).is_some_and(is_behind) {
            i += 1;
            continue;
        }
        // SAFETY: as in `waiting`; it is out before its code runs.
        let one = unsafe {
            (*slot.extra())
                .rare()
                .awaited
                .get_or_insert_default()
                .0
                .remove(i)
        };
        end -= 1;
        if needed(&one.waker) {
            one.waker.wake();
        }
    }
}

/// Leaves a waker with the process.
pub(crate) fn wait(slot: &Slot, waker: &Waker, marker: (u64, u32)) {
    // SAFETY: the running process is its own holder. `will_wake` compares.
    let waiting = unsafe { (*slot.extra()).rare().awaited.get_or_insert_default() };
    let known = waiting.0.iter().any(|one| one.waker.will_wake(waker));
    // A marker that is older wakes once too often at worst.
    if !known {
        let waker = waker.clone();
        let urgent = urgent::end(slot);
        // SAFETY: as above; taken anew, as the clone may be anybody's code.
        let waiting = unsafe { (*slot.extra()).rare().awaited.get_or_insert_default() };
        waiting.0.push(Waiting {
            waker,
            marker,
            urgent,
        });
    }
}
