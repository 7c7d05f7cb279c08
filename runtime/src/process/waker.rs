//! Wakers of processes: what a future calls when it can go on.
//!
//! A waker is the process's pid in its data pointer: it owns nothing, so cloning and dropping are
//! free, and one that outlives its process is harmless. Calls that come before the process has
//! looked are one call (`flag::WOKEN`).

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::slot::{Slot, flag};
use super::table;
use crate::mailbox::inbox::Woke;
use crate::scheduler;

const _: () = assert!(usize::BITS == 64);

static VTABLE: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &VTABLE), wake, wake, |_| {});

/// The waker of the slot's process.
#[inline]
pub(crate) fn of(slot: &Slot) -> Waker {
    let data = u64::from(slot.index()) << 32 | u64::from(slot.inbox.generation());
    // SAFETY: the functions of the vtable take any number that was made here, own nothing, and
    // may be called from every thread.
    unsafe {
        Waker::from_raw(RawWaker::new(
            ptr::without_provenance(data as usize),
            &VTABLE,
        ))
    }
}

static CALL: RawWakerVTable = RawWakerVTable::new(
    |data| RawWaker::new(data, &CALL),
    wake_call,
    wake_call,
    |_| {},
);

/// The waker of a call that blocks the slot's process, and looks itself what it was woken for: it
/// says nothing to the futures that the process polls.
pub(crate) fn of_call(slot: &Slot) -> Waker {
    let data = u64::from(slot.index()) << 32 | u64::from(slot.inbox.generation());
    // SAFETY: as in `of`.
    unsafe { Waker::from_raw(RawWaker::new(ptr::without_provenance(data as usize), &CALL)) }
}

fn wake_call(data: *const ()) {
    let (slot, generation) = process_of(data);
    if slot.inbox.generation() == generation {
        go_on(slot, generation, slot.inbox.wake());
    }
}

fn wake(data: *const ()) {
    let (slot, generation) = process_of(data);
    go_on(
        slot,
        generation,
        slot.inbox.wake_with(flag::WOKEN, generation),
    );
}

/// What follows a wake-up: the slot may be the next process's by now, which waits on.
fn go_on(slot: &'static Slot, generation: u32, woke: Woke) {
    if woke != Woke::Claimed {
        return;
    }
    if slot.inbox.generation() == generation {
        scheduler::ready(slot);
    } else {
        scheduler::release(slot);
    }
}

fn process_of(data: *const ()) -> (&'static Slot, u32) {
    let data = data.addr() as u64;
    (table::slot_at((data >> 32) as u32), data as u32)
}

/// Whether it is one of these, which do no more than wake a process.
pub(crate) fn is_own(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &VTABLE) || ptr::eq(waker.vtable(), &CALL)
}
