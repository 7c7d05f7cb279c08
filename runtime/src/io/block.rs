//! Blocking the calling process, or a thread that is none, until a descriptor is ready. Called by `source`.
//!
//! Invariant: however a call ends, by an exit too, nothing of it stays stored with the registration.

use std::io;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::registration::{Registration, Stored, Waiter};
use super::{AlreadyAwaited, Direction};
use crate::process::slot::bit;
use crate::process::{try_current, wait, waker};
use crate::timer::real_time;

/// Waits until an operation of this direction may have something to do.
///
/// # Errors
///
/// `TimedOut` at `until`; [`AlreadyAwaited`].
///
/// # Panics
///
/// Inside a guard.
#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn until_ready(
    registration: &Registration,
    direction: Direction,
    until: Option<Instant>,
) -> io::Result<()> {
    let slot = try_current();
    let waker = match slot {
        Some(slot) => {
            assert!(!slot.has(bit::GUARD), "input or output inside a guard");
            waker::of_call(slot)
        }
        None => Waker::from(Arc::new(Unpark(thread::current()))),
    };
    match registration.store(direction, Waiter::Call(waker.clone())) {
        Stored::Waits => {}
        Stored::Ready => return Ok(()),
        Stored::Occupied => return Err(AlreadyAwaited.into()),
    }
    let _place = Place {
        registration,
        direction,
        waker,
    };
    let is_ready = || registration.look().is_ready(direction);
    let in_time = match slot {
        Some(slot) => wait::until_it(slot, until, |_| is_ready()),
        None => park(until, is_ready),
    };
    if in_time {
        Ok(())
    } else {
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// A call's place among those who wait; given up however the call ends.
struct Place<'r> {
    registration: &'r Registration,
    direction: Direction,
    waker: Waker,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.registration.remove(self.direction, &self.waker);
    }
}

/// Wakes a thread that is no process.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn park(until: Option<Instant>, is_ready: impl Fn() -> bool) -> bool {
    while !is_ready() {
        match until {
            None => thread::park(),
            Some(until) => match until.checked_duration_since(real_time()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return is_ready(),
            },
        }
    }
    true
}
