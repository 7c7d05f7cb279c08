//! Where a newborn process starts.
//!
//! Where it was spawned, or stolen, so that two processes that talk start together and stay so: a
//! process that has blocked stays with the worker it started on. But not if this worker has many
//! more processes on its stacks than another: then the next [`BLOCK`] of them are given to that
//! one. In blocks, because what is spawned one after the other mostly talks to its neighbours: in
//! alternation every message would cross from worker to worker.
//!
//! It is decided when the newborn is about to start, not when it is spawned: by then it is known
//! how many of those before it have blocked. Depth-first growth, where few have, is not disturbed.

use std::cell::Cell;

use super::worker::Worker;

/// How many more processes than another a worker may have on its stacks.
const MORE: u32 = 32;
/// How many newborns are then given to the other: half again as many, so that both are even when
/// as many more have started here.
const BLOCK: u32 = 48;

/// Every so many newborns a crowded worker looks at another: each look takes a cache line from it.
const EACH: usize = 8;

/// What a worker remembers of its last decision.
pub(crate) struct Placement {
    /// How many more newborns go to the worker `to`.
    block: Cell<u32>,
    to: Cell<u16>,
    /// Counts newborns while the worker is crowded.
    turn: Cell<usize>,
}

impl Placement {
    pub(crate) fn new() -> Placement {
        Placement {
            block: Cell::new(0),
            to: Cell::new(0),
            turn: Cell::new(0),
        }
    }
}

/// The worker that a newborn shall start on, if not on the calling one.
#[inline]
pub(crate) fn elsewhere<'w>(placement: &Placement, here: &'w Worker) -> Option<&'w Worker> {
    if here.standing() <= MORE {
        return None;
    }
    let turn = placement.turn.get().wrapping_add(1);
    placement.turn.set(turn);
    if placement.block.get() == 0 && !turn.is_multiple_of(EACH) {
        return None;
    }
    less_crowded(placement, here, turn / EACH)
}

#[cold]
#[inline(never)]
fn less_crowded<'w>(placement: &Placement, here: &'w Worker, turn: usize) -> Option<&'w Worker> {
    let node = here.node();
    let block = placement.block.get();
    if block > 0 {
        placement.block.set(block - 1);
        return node.worker(placement.to.get()).filter(|to| to.is_seated());
    }
    // One other at a time: with many workers the balance comes about as well.
    let other = &node.workers[turn % node.started()];
    if other.id() == here.id() || !other.is_seated() || other.crowd() + MORE >= here.standing() {
        return None;
    }
    placement.to.set(other.id());
    placement.block.set(BLOCK - 1);
    Some(other)
}
