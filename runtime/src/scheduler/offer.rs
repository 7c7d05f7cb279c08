//! What a worker offers to the others: one block, taken whole.
//!
//! ```text
//!           put: the owner, where it sees nothing
//!   nothing -------------------------------------> a block
//!           <-------------------------------------
//!           take: anybody, one exchange
//! ```
//!
//! Called by the worker that owns it, which puts; and by whoever takes: another worker, the
//! watchdog, or the owner that wants its block back.
//!
//! Only the owner puts, and only where it has seen nothing, so nobody else can have changed the
//! word meanwhile and a store will do. Each change of hands is a release-acquire pair.

use std::ptr;

use crate::loom::sync::atomic::{AtomicPtr, Ordering};

/// The place where a worker's offer lies.
pub(crate) struct Offer<T>(AtomicPtr<T>);

impl<T> Offer<T> {
    pub(crate) fn new() -> Offer<T> {
        Offer(AtomicPtr::new(ptr::null_mut()))
    }

    /// Whether nothing is offered: a hint, that a worker's last look before its sleep may trust
    /// (the sleep protocol orders it).
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Owner: offers a block, where nothing is offered.
    pub(crate) fn put(&self, block: Box<T>) {
        debug_assert!(self.is_empty(), "an offer is taken before the next is made");
        // Release: the block, and what was done with the processes in it.
        self.0.store(Box::into_raw(block), Ordering::Release);
    }

    /// Takes what is offered.
    pub(crate) fn take(&self) -> Option<Box<T>> {
        if self.is_empty() {
            return None;
        }
        // Acquire: with `put`.
        let block = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        if block.is_null() {
            return None;
        }
        // SAFETY: made by `put` out of a box; whoever exchanges it for null, and nobody else, has it.
        Some(unsafe { Box::from_raw(block) })
    }
}

// SAFETY: an offer passes blocks from thread to thread, and lends none.
unsafe impl<T: Send> Sync for Offer<T> {}

impl<T> Drop for Offer<T> {
    fn drop(&mut self) {
        self.take();
    }
}
