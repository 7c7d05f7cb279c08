//! Time: the clock of an instance, and the wheel in which a worker keeps its timers.
//!
//! Called by the scheduler, for `receive .. after`, `sleep`, `Until` and `send_after`. In here a
//! time is a `u64`: nanoseconds since the clock was made. The file of [`Clock`] is the only place in the
//! crate that reads the system's clock, so that an instance may run on virtual time. A [`Wheel`] knows
//! no clock: it is told the time.
//!
//! Invariant: nothing fires early, whatever mixture of coarse and precise times is used:
//!
//! ```text
//! enter:  since = clock.coarse()           at most the true time; one load
//!         wheel.insert(deadline(since, d), ..)
//! fire:   start = clock.start_bound(since)  at least the true time of `enter`
//!         deadline(start, d) <= now ? time-out : wheel.insert(deadline(start, d), ..)
//! ```

#[cfg(not(loom))]
mod alarm;
mod clock;
mod coarse;
mod wheel;

#[cfg(not(loom))]
pub(crate) use alarm::Alarm;
#[cfg(not(loom))]
pub(crate) use clock::real_time;
pub(crate) use clock::{Clock, GRAIN_SHIFT};
pub(crate) use wheel::{Expired, TimerId, Wheel};

use std::time::Duration;

/// The time `after` past `since`; at the end of time, which never comes, if that is too far.
pub(crate) fn deadline(since: u64, after: Duration) -> u64 {
    since.saturating_add(nanos(after))
}

/// A duration in nanoseconds; `u64::MAX` (584 years) if it is longer.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn deadlines_saturate() {
        // A time-out that is too long to be counted must not wrap into the past.
        assert_eq!(deadline(5, Duration::from_nanos(7)), 12);
        assert_eq!(deadline(5, Duration::MAX), u64::MAX);
        assert_eq!(deadline(u64::MAX, Duration::from_nanos(1)), u64::MAX);
        assert_eq!(deadline(u64::MAX, Duration::ZERO), u64::MAX);
    }
}
