//! A wake-up on another worker: round trips between two processes that stay on two of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::prelude::*;

use super::message;

/// More than one, since what was spawned last may be kept for this worker.
const CANDIDATES: usize = 4;

const NOBODY: usize = usize::MAX;

pub(super) fn round_trips(n: u64) {
    let first = Arc::new(AtomicUsize::new(NOBODY));
    let candidates: [Pid; CANDIDATES] = std::array::from_fn(|number| {
        let first = Arc::clone(&first);
        spawn!(move || {
            // A later one finds the place taken.
            let _ = first.compare_exchange(NOBODY, number, Ordering::AcqRel, Ordering::Relaxed);
            message::ponger();
        })
    });
    // No switch point: who starts meanwhile does so on another worker, and stays there.
    let partner = loop {
        match first.load(Ordering::Acquire) {
            NOBODY => std::hint::spin_loop(),
            number => break candidates[number],
        }
    };
    message::ping(partner, n);
    candidates.into_iter().for_each(message::stop);
}
