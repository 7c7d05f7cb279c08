//! Where a newborn process goes.
//!
//! Into `next`, so that two processes that talk start together and stay so: a process that has
//! blocked stays with the worker it started on. But not if this worker has many more processes on
//! its stacks than another, and somebody has nothing to do: then it goes to the one with fewest.
//! To give it to a busy one would cost more than it brings: that one steals when it is done.

use super::worker::Worker;

/// How many more processes than another a worker may have on its stacks.
const MORE: u32 = 32;

/// The worker that a newborn shall go to, if not the one where it was spawned.
#[inline]
pub(crate) fn elsewhere(worker: &Worker) -> Option<&Worker> {
    let here = worker.standing();
    if here > MORE && worker.node().idle.sleeping() > 0 {
        least(worker, here - MORE)
    } else {
        None
    }
}

#[cold]
fn least(worker: &Worker, below: u32) -> Option<&Worker> {
    let least = worker
        .node()
        .seated_workers()
        .min_by_key(|w| w.standing())?;
    (least.standing() < below).then_some(least)
}
