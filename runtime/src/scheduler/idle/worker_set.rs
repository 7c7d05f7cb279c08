//! A set of workers, a bit for each: those who sleep, who want a seat, who stand by.
//!
//! Called by `idle` and `seats`. Whoever removes a worker learns whether it was the one who did.

use super::MAX_WORKERS;
use crate::loom::sync::atomic::{AtomicU64, Ordering};

const WORDS: usize = MAX_WORKERS / 64;

/// A set of workers of one node.
pub(in crate::scheduler) struct WorkerSet([AtomicU64; WORDS]);

impl WorkerSet {
    pub(in crate::scheduler) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Release: whoever removes the worker sees what was done before.
    pub(in crate::scheduler) fn insert(&self, worker: usize) {
        self.0[worker / 64].fetch_or(1 << (worker % 64), Ordering::Release);
    }

    /// True: it was in the set, and this call took it out.
    pub(in crate::scheduler) fn remove(&self, worker: usize) -> bool {
        let bit = 1 << (worker % 64);
        self.0[worker / 64].fetch_and(!bit, Ordering::Acquire) & bit != 0
    }

    /// Relaxed: a hint, unless a barrier stands before it.
    #[inline]
    pub(in crate::scheduler) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Those in the set. Relaxed: who depends on what a member did before acquires it elsewhere.
    pub(in crate::scheduler) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut bits = word.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let lowest = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                (lowest < 64).then_some(index * 64 + lowest)
            })
        })
    }

    /// Takes one out: the first from `start` on, or else the first.
    pub(in crate::scheduler) fn take(&self, start: usize) -> Option<usize> {
        let from_start = self.iter().filter(|&worker| worker >= start);
        from_start
            .chain(self.iter())
            .find(|&worker| self.remove(worker))
    }
}
