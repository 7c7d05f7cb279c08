//! The chain of envelopes that an inbox holds: each leads to the one sent before it.
//!
//! Senders make it grow, the owner takes it whole (`inbox`), turns it round, and puts it behind his queue (`queue`).
//!
//! Invariant: a [`Chain`] owns its envelopes and their links: whoever makes one has taken it out of an inbox's word.

use std::ptr::{self, NonNull};

use super::trail::Trail;
use crate::message::Header;

/// Envelopes taken from an inbox, newest first.
pub(crate) struct Chain(*mut Header);

impl Chain {
    pub(super) const EMPTY: Chain = Chain(ptr::null_mut());

    /// The chain that begins with this envelope and ends in null.
    ///
    /// # Safety
    ///
    /// Its envelopes are the caller's, and pass to the chain.
    #[inline]
    pub(super) unsafe fn new(newest: *mut Header) -> Chain {
        Chain(newest)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The envelopes, oldest first; each is the caller's.
    #[cfg(all(loom, test))]
    pub(crate) fn into_oldest_first(self) -> OldestFirst {
        self.reverse(|_| true).oldest
    }

    /// Turns the links round, and says whether all envelopes are `usual`: they are looked at while
    /// they are at hand, for each comes from its sender's cache.
    #[inline]
    pub(crate) fn reverse(self, usual: impl Fn(&Header) -> bool) -> Reversed {
        let newest = self.0;
        let mut reversed = Reversed {
            oldest: OldestFirst(ptr::null_mut()),
            newest,
            count: 0,
            usual: true,
        };
        let way_back = Trail::new();
        let mut rest = newest;
        while let Some(mut envelope) = NonNull::new(rest) {
            // SAFETY: the chain was taken whole: its envelopes and links are ours.
            unsafe {
                envelope.as_ref().hint.follow(envelope.as_ptr());
                envelope.as_mut().hint = way_back.leave(envelope.as_ptr());
                rest = next(envelope);
                set_next(envelope, reversed.oldest.0);
                reversed.usual &= usual(envelope.as_ref());
            }
            reversed.oldest.0 = envelope.as_ptr();
            reversed.count += 1;
        }
        reversed
    }
}

/// A chain whose links lead from the oldest to the newest.
pub(crate) struct Reversed {
    pub(crate) oldest: OldestFirst,
    pub(crate) newest: *mut Header,
    pub(crate) count: u32,
    /// All envelopes are.
    pub(crate) usual: bool,
}

/// Envelopes in the order they were sent.
pub(crate) struct OldestFirst(pub(super) *mut Header);

impl Iterator for OldestFirst {
    type Item = NonNull<Header>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<Header>> {
        let envelope = NonNull::new(self.0)?;
        // SAFETY: the rest of the chain is ours; this envelope's link is read before it is
        // handed out.
        unsafe {
            self.0 = next(envelope);
            set_next(envelope, ptr::null_mut());
        }
        Some(envelope)
    }
}

/// # Safety
///
/// The envelope is the caller's.
#[inline]
pub(crate) unsafe fn next(envelope: NonNull<Header>) -> *mut Header {
    // SAFETY: the caller's promise.
    unsafe { (*envelope.as_ptr()).next.with(|next| *next) }
}

/// # Safety
///
/// The envelope is the caller's.
#[inline]
pub(crate) unsafe fn set_next(envelope: NonNull<Header>, next: *mut Header) {
    // SAFETY: the caller's promise.
    unsafe { (*envelope.as_ptr()).next.with_mut(|link| *link = next) }
}
