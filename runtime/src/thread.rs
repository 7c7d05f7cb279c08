//! What the runtime keeps for each operating-system thread, and the one way to it.
//!
//! A process may find itself on another thread after a switch point, and LLVM takes the address
//! of a thread-local for constant within a function. So nothing in the runtime names a
//! thread-local but [`this`], which is never inlined and returns the record's address as a value:
//! call it again after every switch.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::context::Context;
use crate::mailbox::trail::Trail;
use crate::pool;
use crate::process::slot::Slot;
use crate::scheduler::reductions::Reductions;
use crate::scheduler::worker::Worker;

/// One thread's record. Its fields are touched by that thread alone, but for `reductions`.
pub(crate) struct Thread {
    /// The worker that the thread is; null on foreign threads.
    pub(crate) worker: Cell<*const Worker>,
    /// The process that runs here now; null between two.
    pub(crate) process: Cell<*const Slot>,
    /// The stack it runs on.
    pub(crate) context: Cell<*mut Context>,
    pub(crate) reductions: Reductions,
    /// `reductions` when what was spent was last added to the process's total.
    pub(crate) turn: Cell<i32>,
    /// The thread's magazines of blocks.
    pub(crate) pool: pool::Cache,
    /// Where the envelopes lie that it has sent last.
    pub(crate) trail: Trail,
}

thread_local! {
    static THIS: Cell<*mut Thread> = const { Cell::new(ptr::null_mut()) };
    static OWNER: Owner = const { Owner };
}

/// Frees the record when the thread ends.
struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let thread = THIS.replace(ptr::null_mut());
        if !thread.is_null() {
            // SAFETY: made by `create` on this thread, and no longer reachable.
            drop(unsafe { Box::from_raw(thread) });
        }
    }
}

/// The record of the calling thread. Good until the next switch point.
#[inline(never)]
pub(crate) fn this() -> &'static Thread {
    here()
}

/// As [`this`], inlined: only for functions that are never inlined themselves and in which
/// nothing switches.
#[inline(always)]
pub(crate) fn here() -> &'static Thread {
    let thread = THIS.get();
    // SAFETY: null, or made by `create`, and freed only when the thread has ended: nothing of the
    // runtime runs on it then, except a destructor of another thread-local, which finds null.
    match unsafe { thread.as_ref() } {
        Some(thread) => thread,
        None => create(),
    }
}

/// The record of the calling thread, and the process that runs on it, if one does. As [`here`].
#[inline(always)]
pub(crate) fn running() -> Option<(&'static Thread, &'static Slot)> {
    // SAFETY: as in `here`.
    let thread = unsafe { THIS.get().as_ref() }?;
    Some((thread, thread.process()?))
}

impl Thread {
    /// The worker that the thread is, if it is one.
    #[inline]
    pub(crate) fn worker(&self) -> Option<&'static Worker> {
        // SAFETY: a worker lives as long as its thread runs, and this is asked on that thread.
        unsafe { self.worker.get().as_ref() }
    }

    /// The process that runs on the thread, if any.
    #[inline]
    pub(crate) fn process(&self) -> Option<&'static Slot> {
        // SAFETY: slots live for ever.
        unsafe { self.process.get().as_ref() }
    }

    /// Spends reductions of the process that runs.
    #[inline]
    pub(crate) fn spend(&self, reductions: i32) -> i32 {
        let left = self.reductions.get().wrapping_sub(reductions);
        self.reductions.set(left);
        left
    }
}

#[cold]
fn create() -> &'static Thread {
    let thread = NonNull::from(Box::leak(Box::new(Thread {
        worker: Cell::new(ptr::null()),
        process: Cell::new(ptr::null()),
        context: Cell::new(ptr::null_mut()),
        reductions: Reductions::new(0),
        turn: Cell::new(0),
        pool: pool::Cache::new(),
        trail: Trail::new(),
    })));
    THIS.set(thread.as_ptr());
    // While the thread's other destructors run, a record may be made anew; nobody frees that one.
    let _ = OWNER.try_with(|_| ());
    // SAFETY: leaked just now; see `this`.
    unsafe { thread.as_ref() }
}
