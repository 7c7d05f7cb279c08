//! The inbox of a worker: processes that stand on its stacks and were woken elsewhere.
//!
//! ```text
//!   push: CAS, newest first                     take: swap, then reverse
//!   other threads ------------------> newest ------------------------------> owner's run queue
//! ```
//!
//! Called by whoever has claimed such a process, to hand it over, and by the worker that owns the
//! inbox. The list is taken whole, so an entry that is gone and comes again does not matter.
//!
//! Every change is a read-modify-write, so all stand in one order: of those who push between two
//! takes, exactly the first finds the inbox empty, and pokes the owner. Handing over is a
//! release-acquire pair: a push's release is carried on by the pushes after it to the take.

use std::ptr;

use crate::loom::sync::atomic::{AtomicPtr, Ordering};

/// What can stand in the list: it has a link, which is touched by whoever holds it alone.
pub(crate) trait Linked: 'static {
    /// What stands behind it.
    fn link(&self) -> *const Self;
    /// Puts it before `next`.
    fn set_link(&self, next: *const Self);
}

/// Processes on their way to the worker that must run them.
pub(crate) struct Arrivals<T> {
    newest: AtomicPtr<T>,
}

impl<T: Linked> Arrivals<T> {
    pub(crate) fn new() -> Arrivals<T> {
        Arrivals {
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Whether nothing has come: a hint, that the owner's last look before its sleep may trust
    /// (the sleep protocol orders it).
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.load(Ordering::Relaxed).is_null()
    }

    /// Hands over what the caller holds. True: it is the first since the owner looked, so the
    /// owner must be told.
    #[must_use]
    pub(crate) fn push(&self, item: &'static T) -> bool {
        let mut newest = self.newest.load(Ordering::Relaxed);
        loop {
            item.set_link(newest);
            match self.newest.compare_exchange_weak(
                newest,
                ptr::from_ref(item).cast_mut(),
                // Release: the link, and what the caller did with the process.
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return newest.is_null(),
                Err(now) => newest = now,
            }
        }
    }

    /// Takes all that came, oldest first; only the owner may.
    pub(crate) fn take(&self, mut give: impl FnMut(&'static T)) {
        // Acquire: what those who handed over did with the processes.
        let mut newest = self
            .newest
            .swap(ptr::null_mut(), Ordering::Acquire)
            .cast_const();
        let mut oldest: *const T = ptr::null();
        // SAFETY: items live for ever, and those in the list are the owner's now.
        while let Some(item) = unsafe { newest.as_ref() } {
            newest = item.link();
            item.set_link(oldest);
            oldest = item;
        }
        // SAFETY: as above; the link is read before the item is given away.
        while let Some(item) = unsafe { oldest.as_ref() } {
            oldest = item.link();
            give(item);
        }
    }
}

#[cfg(all(loom, test))]
mod models;
