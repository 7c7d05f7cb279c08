//! Time-outs: those that are set on a socket, and when one is over that a function was given.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No time-out.
const NONE: u64 = u64::MAX;

/// A time-out that is set on a socket, also while others use it, in nanoseconds.
pub(super) struct Timeout(AtomicU64);

impl Timeout {
    pub(super) fn none() -> Timeout {
        Timeout(AtomicU64::new(NONE))
    }

    pub(super) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            NONE => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// # Errors
    ///
    /// `InvalidInput` if it is zero, as in `std`.
    pub(super) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        let nanos = match timeout {
            None => NONE,
            Some(Duration::ZERO) => {
                return Err(zero("a time-out of zero: for none, set `None`"));
            }
            Some(timeout) => timeout.as_nanos().try_into().unwrap_or(NONE),
        };
        self.0.store(nanos, Ordering::Relaxed);
        Ok(())
    }
}

/// When a time-out is over that begins now; `None`: never, for it cannot be told.
///
/// # Errors
///
/// `InvalidInput` if it is zero.
pub(super) fn until(timeout: Duration) -> io::Result<Option<Instant>> {
    if timeout.is_zero() {
        return Err(zero("a time-out of zero leaves no time"));
    }
    Ok(crate::now().checked_add(timeout))
}

/// How long it is until then; zero if it has come.
pub(super) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(crate::now())
}

fn zero(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
