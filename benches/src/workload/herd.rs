//! What the `mem_..` workloads share: many processes that wait for a number each.
//!
//! At the end each gets its number and adds it to a sum, which shows that all were alive.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::countdown::Countdown;

/// So many are spawned before the spawner waits until they have come to rest: how much the queue
/// of those not yet started occupies is not what is asked.
pub(super) const BATCH: usize = 1000;

/// Processes, or tasks, whose last to end tells a `W`.
pub(super) struct Herd<W: 'static> {
    size: u64,
    sum: AtomicU64,
    ended: &'static Countdown<W>,
}

impl<W> Herd<W> {
    /// Of `size` processes.
    pub(super) fn new(size: u64, root: W) -> &'static Herd<W> {
        Box::leak(Box::new(Herd {
            size,
            sum: AtomicU64::new(0),
            ended: Countdown::new(size, root),
        }))
    }

    /// One got the number `x` and ends; gives whom to tell if it is the last.
    #[must_use]
    pub(super) fn end(&self, x: u64) -> Option<&'static W> {
        self.sum.fetch_add(x, Ordering::Relaxed);
        self.ended.arrive()
    }

    /// All have ended.
    ///
    /// # Panics
    ///
    /// If not each got another of the numbers below their count.
    pub(super) fn check(&self) {
        let expected = self.size * (self.size - 1) / 2;
        assert_eq!(self.sum.load(Ordering::Relaxed), expected);
    }
}
