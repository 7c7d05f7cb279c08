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

fn wake(data: *const ()) {
    let data = data.addr() as u64;
    let (index, generation) = ((data >> 32) as u32, data as u32);
    let slot = table::slot_at(index);
    if slot.inbox.wake_with(flag::WOKEN, generation) == Woke::Claimed {
        scheduler::ready(slot);
    }
}
