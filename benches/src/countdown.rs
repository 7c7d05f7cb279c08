//! Tells one waiting process or task that the last of many has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts arrivals; the last to arrive is given whom to tell.
///
/// Lives for ever, so that a process carries it in 8 bytes, and on cache lines of its own.
#[repr(align(128))]
pub struct Countdown<W> {
    left: AtomicU64,
    whom: W,
}

impl<W> Countdown<W> {
    /// Awaits `n` arrivals, of which the last tells `whom`.
    pub fn new(n: u64, whom: W) -> &'static Countdown<W> {
        Box::leak(Box::new(Countdown {
            left: AtomicU64::new(n),
            whom,
        }))
    }

    /// One has arrived; gives whom to tell if it was the last.
    ///
    /// # Panics
    ///
    /// If more arrive than were awaited.
    #[must_use]
    pub fn arrive(&'static self) -> Option<&'static W> {
        // AcqRel: the last sees what all others did before they arrived.
        let left = self.left.fetch_sub(1, Ordering::AcqRel);
        assert!(left > 0, "more arrived than were awaited");
        (left == 1).then_some(&self.whom)
    }

    /// Whom the last to arrive is given.
    pub fn whom(&self) -> &W {
        &self.whom
    }
}

/// What is told by the last to arrive.
#[derive(Debug)]
pub struct AllHere;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_tells() {
        // Of three arrivals the third alone is told whom to tell.
        let countdown = Countdown::new(3, "root");
        assert!(countdown.arrive().is_none());
        assert!(countdown.arrive().is_none());
        assert_eq!(countdown.arrive(), Some(&"root"));
    }
}
