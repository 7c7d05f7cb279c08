//! The nodes of the program, by number: how a thread reaches the node of a process.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Instance;
use crate::error::StartError;
use crate::process::slot::{ANYONE, Slot};

/// The most nodes at a time.
const MAX_NODES: usize = 4096;
static NODES: [AtomicPtr<Instance>; MAX_NODES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_NODES];

/// In [`NODES`]: taken, by a node that is not complete yet.
const RESERVED: *mut Instance = ptr::without_provenance_mut(1);

/// Takes a free number for a node.
pub(super) fn reserve() -> Result<u16, StartError> {
    let free = NODES.iter().position(|place| {
        place.load(Ordering::Relaxed).is_null()
            && place
                .compare_exchange(
                    ptr::null_mut(),
                    RESERVED,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    });
    free.map(|id| id as u16)
        .ok_or(StartError::TooManyNodes { limit: MAX_NODES })
}

/// From here on the node can be reached.
pub(super) fn publish(instance: &Arc<Instance>) {
    NODES[usize::from(instance.id())].store(Arc::as_ptr(instance).cast_mut(), Ordering::Release);
}

/// The node has ended: its number is free.
pub(super) fn vacate(id: u16) {
    NODES[usize::from(id)].store(ptr::null_mut(), Ordering::Release);
}

/// A thread that is not the node's is inside its methods.
pub(super) struct Visit<'n>(&'n Instance);

impl<'n> Visit<'n> {
    pub(super) fn to(instance: &'n Instance) -> Visit<'n> {
        instance.visitors.fetch_add(1, Ordering::AcqRel);
        Visit(instance)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.visitors.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A process that a thread outside its node has claimed may run.
#[cold]
pub(crate) fn inject(slot: &'static Slot) {
    let node = NODES[usize::from(slot.node.load(Ordering::Relaxed))].load(Ordering::Acquire);
    // SAFETY: the process is held by the caller, so it has not ended, so its node has not.
    let node = unsafe { &*node };
    let _visit = Visit::to(node);
    match slot.holder() {
        ANYONE => {
            node.injector.push(slot);
            node.idle.notify_one();
        }
        holder => node.hand_over(holder, slot),
    }
}
