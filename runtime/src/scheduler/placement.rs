//! Where a newborn process goes.
//!
//! Into `next`, so that two processes that talk start together and stay so: a process that has
//! blocked stays with the worker it started on. But not if this worker has many more processes on
//! its stacks than another: then where the others find it, who are told.

use super::worker::Worker;

/// How many more processes than another a worker may have on its stacks.
const MORE: u32 = 32;

/// Whether a newborn shall start elsewhere.
#[inline]
pub(crate) fn is_crowded(worker: &Worker) -> bool {
    let here = worker.standing();
    here > MORE && least(worker) < here - MORE
}

#[cold]
fn least(worker: &Worker) -> u32 {
    let seated = worker.node().seated_workers();
    seated.map(Worker::standing).min().unwrap_or(0)
}
