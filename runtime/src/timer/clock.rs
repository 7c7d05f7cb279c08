//! The clock of one instance: the one seam through which the runtime reads time. Beside it
//! [`real_time`], for the little that keeps to the system's pace.
//!
//! Called by workers, the watchdog and whatever waits. A time is a `u64`, nanoseconds since the
//! clock was made. There are two of them: the precise time, CLOCK_MONOTONIC, and the
//! [coarse](super::coarse) one, a published reading of it.
//!
//! The watchdog refreshes the coarse time every millisecond while a worker runs; a worker does as
//! it leaves sleep, and now and then while it is busy. Before the watchdog itself goes to sleep, it
//! calls [`stop`](Clock::stop).
//!
//! A paused clock is virtual: it moves by [`advance`](Clock::advance) only (see
//! `node::virtual_time`), and both times are the same.
//!
//! Invariants: coarse time <= precise time; neither ever goes back; `u64::MAX` is never reached.

use std::time::{Duration, Instant};

use super::coarse::Coarse;
use super::nanos;

/// The coarse time is a multiple of 2^18 ns (262 us), so that a process can keep it in 32 bits.
pub(crate) const GRAIN_SHIFT: u32 = 18;

/// Thirty years, which every system's `Instant` can tell.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The system's time: the pace of what a paused clock must not stop. Only for what no process can
/// tell from virtual time: how long a shutdown waits, how often the watchdog looks after stacks,
/// the time on a thread that belongs to no node.
pub(crate) fn real_time() -> Instant {
    Instant::now()
}

/// Precise, coarse and, if paused, virtual time.
pub(crate) struct Clock {
    coarse: Coarse,
    /// Time 0, also of a paused clock.
    start: Instant,
    paused: bool,
}

impl Clock {
    /// A clock that follows the system's.
    pub(crate) fn new() -> Clock {
        Clock {
            coarse: Coarse::new(GRAIN_SHIFT),
            start: real_time(),
            paused: false,
        }
    }

    /// A clock that stands at 0 until it is advanced.
    pub(crate) fn paused() -> Clock {
        Clock {
            paused: true,
            ..Clock::new()
        }
    }

    /// The precise time.
    pub(crate) fn now(&self) -> u64 {
        if self.paused {
            self.coarse()
        } else {
            self.read()
        }
    }

    /// A time not later than the precise one: one load, for what is done at every receive.
    #[inline]
    pub(crate) fn coarse(&self) -> u64 {
        self.coarse.get(|| self.read())
    }

    /// Brings the coarse time up to date and returns it: up to a grain behind, more if another
    /// thread is doing so. Who needs the precise time asks for [`now`](Clock::now).
    pub(crate) fn refresh(&self) -> u64 {
        if self.paused {
            return self.coarse();
        }
        self.coarse.refresh(|| self.read())
    }

    /// Stops the coarse time until it is next asked for or refreshed. Whoever is about to sleep as
    /// the last one that refreshes it calls this, before its last look for work: else a receive
    /// that started before the sleep may, after it, be thought to have started just now, and wait
    /// for its time-out twice.
    pub(crate) fn stop(&self) {
        if !self.paused {
            self.coarse.stop(|| self.read());
        }
    }

    /// The latest time at which the caller of [`coarse`](Clock::coarse) that was told `since` may
    /// have called it; that call happens before this one. As a rule a refresh and a grain past
    /// `since`, never later than now.
    pub(crate) fn start_bound(&self, since: u64) -> u64 {
        if self.paused {
            return since;
        }
        self.coarse.bound(since, || self.read())
    }

    /// Moves a paused clock to the time `to`, unless that has passed. Returns its time.
    ///
    /// # Panics
    ///
    /// If the clock follows the system's.
    pub(crate) fn advance(&self, to: u64) -> u64 {
        assert!(self.paused, "only a paused clock can be advanced");
        self.coarse.raise(to)
    }

    /// Whether the clock runs on virtual time.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The instant of the time `time`, or one far ahead where the system cannot tell it.
    pub(crate) fn instant(&self, time: u64) -> Instant {
        self.start
            .checked_add(Duration::from_nanos(time))
            .unwrap_or_else(|| self.start + FAR)
    }

    /// The time of the instant `at`: 0 if it was before the clock's start.
    pub(crate) fn time_of(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.start))
    }

    fn read(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
