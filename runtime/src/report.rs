//! Reports: `tracing` events, which are the program's own code.
//!
//! A subscriber may do whatever it likes in the middle of the runtime's work, so every event of
//! the runtime goes out through [`report`] or [`report_aside`], from wherever it has something to say.
//!
//! Invariants:
//! * Nothing comes back from a subscriber but its return: a panic ends here.
//! * It is no switch point: the caller's thread, and what it holds of it, are the same afterwards.
//! * No queue or table is borrowed by the caller.

use crate::blocking;
use crate::process::exit::quietly;
use crate::process::guarded;

/// Calls `event`, which makes a `tracing` event.
#[cold]
pub(crate) fn report(event: impl FnOnce()) {
    // That it panicked can be reported to nobody.
    let _ = guarded(|| quietly(event));
}

/// As [`report`], on a thread for reports: for the watchdog, which a subscriber that blocks must not hold up.
#[cold]
pub(crate) fn report_aside(event: impl FnOnce() + Send + 'static) {
    blocking::run_report(|| report(event));
}
