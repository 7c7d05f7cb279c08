//! The nodes of the program, by number: how a thread reaches the node of a process.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::Instance;
use crate::error::StartError;
use crate::process::slot::{ANYONE, Slot};

/// The most nodes at a time.
const MAX_NODES: usize = 4096;
static NODES: [AtomicPtr<Instance>; MAX_NODES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_NODES];

/// Threads that look at the node of each number, and keep it from going away.
static GUESTS: [AtomicUsize; MAX_NODES] = [const { AtomicUsize::new(0) }; MAX_NODES];
static SERIALS: AtomicU32 = AtomicU32::new(0);

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
    let id = usize::from(id);
    // SeqCst, against `visit`: a guest finds no node here, or is counted below.
    NODES[id].store(RESERVED, Ordering::SeqCst);
    while GUESTS[id].load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    NODES[id].store(ptr::null_mut(), Ordering::Release);
}

/// Which of the program's nodes the next one is.
pub(super) fn next_serial() -> u32 {
    SERIALS.fetch_add(1, Ordering::Relaxed)
}

/// Calls `f`, which is short and runs no user code, with the node of this number, if there is one.
pub(crate) fn visit<R>(id: u16, f: impl FnOnce(&Instance) -> R) -> Option<R> {
    struct Guest<'a>(&'a AtomicUsize);
    impl Drop for Guest<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Release);
        }
    }
    let guests = GUESTS.get(usize::from(id))?;
    guests.fetch_add(1, Ordering::SeqCst);
    let _guest = Guest(guests);
    let node = NODES[usize::from(id)].load(Ordering::SeqCst);
    if node.is_null() || node == RESERVED {
        return None;
    }
    // SAFETY: a node is freed after `vacate`, which waits for guests that found it (or is
    // forgotten).
    Some(f(unsafe { &*node }))
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

/// Calls `f` with the node of a process that the caller holds.
pub(crate) fn of_held<R>(slot: &Slot, f: impl FnOnce(&Instance) -> R) -> R {
    let node = NODES[usize::from(slot.node.load(Ordering::Relaxed))].load(Ordering::Acquire);
    // SAFETY: the process is held by the caller, so it has not ended, so its node has not.
    f(unsafe { &*node })
}

/// A process that a thread outside its node has claimed may run.
#[cold]
pub(crate) fn inject(slot: &'static Slot) {
    of_held(slot, |node| {
        let _visit = Visit::to(node);
        match slot.holder() {
            ANYONE => {
                node.injector.push(slot);
                node.idle.notify_one();
            }
            holder => node.hand_over(holder, slot),
        }
    });
}
